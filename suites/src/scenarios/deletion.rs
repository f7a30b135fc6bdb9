//! The set itself is deleted.

use super::{myapp, replicas};
use engine::manifest::MYAPP;

scenario! {
    /// As `kubectl delete` does.
    BACKGROUND = "delete-set":
    "The set is deleted: members and revisions go, claims stay and serve a set of the same name again.",
    profiles [Ownership], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        stage.delete_set("myapp", "Background").await?;
        stage.until_gone("statefulsets", "myapp").await?;
        stage.until_members("myapp", &[]).await?;
        stage.until("revisions gone", |world| match world.all("controllerrevisions").next() {
            None => Ok(()),
            Some((name, _)) => Err(format!("{name} is still there")),
        }).await?;
        stage.keep_still().await?;
        stage.step("create myapp again");
        stage.apply(MYAPP.load()?.set(&replicas(2)).only(&["StatefulSet"])).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// The set waits for its members.
    FOREGROUND = "delete-set-foreground":
    "The set is deleted with foreground propagation while a member is stuck: nothing is created or deleted any more.",
    profiles [Ownership], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        stage.pin("myapp-1").await?;
        stage.delete_set("myapp", "Foreground").await?;
        stage.until_members("myapp", &[1]).await?;
        stage.keep_still().await?;
        stage.step("unpin myapp-1");
        stage.unpin("myapp-1").await?;
        stage.until_gone("statefulsets", "myapp").await?;
        stage.until_members("myapp", &[]).await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// A set that is marked and does not go.
    HELD = "delete-set-held":
    "The set is marked for deletion and something else keeps it: the controller neither deletes members nor brings lost ones back.",
    profiles [Ownership], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        stage.pin_set("myapp").await?;
        stage.keep_still().await?;
        stage.delete_set("myapp", "Background").await?;
        stage.keep_still().await?;
        stage.keep_still().await?;
        stage.delete_pod("myapp-1").await?;
        stage.until_gone("pods", "myapp-1").await?;
        stage.keep_still().await?;
        stage.step("unpin myapp");
        stage.unpin_set("myapp").await?;
        stage.until_gone("statefulsets", "myapp").await?;
        stage.until_members("myapp", &[]).await?;
        stage.keep_still().await?;
    }
}
