//! Sets grow.

use super::{myapp, replicas};
use engine::manifest::MYAPP;

scenario! {
    /// Plain growth and shrinkage.
    UP_AND_DOWN = "scale-up-and-down":
    "A set grows from 2 to 5 and shrinks to 2 again, by its spec.",
    profiles [Scaling], needs [], features [],
    |stage| {
        myapp(&stage, 2).await?;
        stage.scale("myapp", 5).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 2).await?;
        stage.until_members("myapp", &[0, 1]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 3).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// As an autoscaler does.
    BY_SUBRESOURCE = "scale-by-subresource":
    "A set grows and shrinks through the scale subresource.",
    profiles [Scaling], needs [], features [ScaleSubresource],
    |stage| {
        stage.step("create myapp with 1 replica");
        stage.apply(MYAPP.load()?.set(&replicas(1))).await?;
        stage.until_settled("myapp").await?;
        stage.scale_by_subresource("myapp", 3).await?;
        stage.until_settled("myapp").await?;
        stage.scale_by_subresource("myapp", 1).await?;
        stage.until_members("myapp", &[0]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// An unready predecessor, not only the direct one, halts growth.
    HALTS = "scale-up-halts":
    "Growth halts while a lower member is unready, whichever it is, and goes on when it recovers.",
    profiles [Ordering], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        stage.step("hold myapp-0");
        stage.hold("myapp-0");
        stage.until_running_unready("myapp-0").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 5).await?;
        stage.keep_still().await?;
        stage.hold("myapp-3");
        stage.step("release myapp-0");
        stage.release("myapp-0");
        stage.until_running_unready("myapp-3").await?;
        stage.step("hold myapp-2 and release myapp-3");
        stage.hold("myapp-2");
        stage.until_running_unready("myapp-2").await?;
        stage.keep_still().await?;
        stage.release("myapp-3");
        stage.until_ready("myapp-3").await?;
        stage.keep_still().await?;
        stage.step("release myapp-2");
        stage.release("myapp-2");
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// Ordinals with two digits.
    TWELVE = "scale-twelve":
    "Twelve members come in numeric order, are updated and go in numeric order: web-10 is above web-9.",
    profiles [Identity], needs [], features [],
    |stage| {
        stage.step("create myapp with 12 replicas and no claims");
        // Twelve volumes, made one after another, take most clusters minutes, and nothing here is about them.
        stage.apply(MYAPP.load()?.without_claims().set(&replicas(12))).await?;
        stage.until_settled("myapp").await?;
        stage.change_template("myapp", "2").await?;
        stage.until_settled("myapp").await?;
        stage.scale("myapp", 1).await?;
        stage.until_members("myapp", &[0]).await?;
        stage.until_settled("myapp").await?;
    }
}

scenario! {
    /// No gap is left behind.
    WHILE_TERMINATING = "scale-up-while-terminating":
    "A set grows again while the member that it lost by shrinking is stuck terminating: that one is waited for, nothing above it is created.",
    profiles [Scaling], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        stage.pin("myapp-2").await?;
        stage.scale("myapp", 2).await?;
        stage.until_terminating("myapp-2").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 5).await?;
        stage.keep_still().await?;
        stage.step("unpin myapp-2");
        stage.unpin("myapp-2").await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// The wish changes faster than it can be fulfilled.
    FLAPPING = "scale-flapping":
    "The number of replicas changes up and down while members still terminate; every step keeps its order, the last wish wins.",
    profiles [Scaling], needs [], features [],
    |stage| {
        stage.step("create myapp with 3 replicas that stop slowly");
        stage.apply(super::slow_myapp(&stage, 3, 1)?).await?;
        stage.until_settled("myapp").await?;
        stage.scale("myapp", 1).await?;
        stage.until_terminating("myapp-2").await?;
        stage.scale("myapp", 4).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        for count in [5, 2, 4, 1, 3] {
            stage.scale("myapp", count).await?;
        }
        stage.until_members("myapp", &[0, 1, 2]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}
