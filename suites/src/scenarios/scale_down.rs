//! Sets shrink.

use super::{myapp, stuck_going_down};

scenario! {
    /// An unready member that stays halts shrinkage.
    HALTS = "scale-down-halts":
    "Nothing is removed while a member that stays is unready, whichever it is.",
    profiles [Scaling], needs [], features [],
    |stage| {
        myapp(&stage, 4).await?;
        stage.step("hold myapp-0");
        stage.hold("myapp-0");
        stage.until_running_unready("myapp-0").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 2).await?;
        stage.keep_still().await?;
        stage.step("release myapp-0");
        stage.release("myapp-0");
        stage.until_members("myapp", &[0, 1]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// One at a time, and the next only when the former is completely gone.
    TERMINATING_TOP = "scale-down-waits-for-terminating":
    "While the topmost member is stuck terminating, the next one is not removed.",
    profiles [Scaling], needs [], features [],
    |stage| {
        stuck_going_down(&stage).await?;
        stage.scale("myapp", 1).await?;
        stage.keep_still().await?;
        stage.step("unpin myapp-3");
        stage.unpin("myapp-3").await?;
        stage.until_members("myapp", &[0]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// A crash-looping top member can be scaled away (k/k #36333).
    UNREADY_TOP = "scale-down-removes-unready-top":
    "A topmost member that is unready does not keep itself from being removed.",
    profiles [Scaling, Status], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        stage.step("hold myapp-2");
        stage.hold("myapp-2");
        stage.until_running_unready("myapp-2").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 2).await?;
        stage.until_members("myapp", &[0, 1]).await?;
        stage.release_all();
        stage.until_settled("myapp").await?;
    }
}

scenario! {
    /// Everything goes, the set stays usable, the claims wait.
    TO_ZERO = "scale-to-zero":
    "A set shrinks to nothing, one member after another, and comes back with the same claims.",
    profiles [Scaling, Persistence], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        stage.scale("myapp", 0).await?;
        stage.until_members("myapp", &[]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 2).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// What is to go does not come back.
    CONDEMNED_IS_NOT_RECREATED = "scale-down-condemned-vanishes":
    "Members that are to go are removed from outside while shrinkage is halted; they do not come back.",
    profiles [Scaling], needs [], features [],
    |stage| {
        myapp(&stage, 4).await?;
        stage.step("hold myapp-0");
        stage.hold("myapp-0");
        stage.until_running_unready("myapp-0").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 2).await?;
        stage.until("generation observed", |world| match world.set("myapp") {
            Some(set) if set.status.observed_generation == Some(set.spec.generation) => Ok(()),
            _ => Err("not observed".into()),
        }).await?;
        stage.keep_still().await?;
        stage.force_delete_pod("myapp-3").await?;
        stage.until_gone("pods", "myapp-3").await?;
        stage.keep_still().await?;
        stage.step("release myapp-0");
        stage.release("myapp-0");
        stage.until_members("myapp", &[0, 1]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}
