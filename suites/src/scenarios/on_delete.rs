//! updateStrategy: OnDelete.

use super::{lose, replicas};
use engine::manifest::MYAPP;
use serde_json::json;

scenario! {
    /// Nothing by itself.
    ON_DELETE = "on-delete":
    "Under OnDelete a template change replaces nobody; a member that is deleted comes back new.",
    profiles [Update], needs [], features [OnDelete],
    |stage| {
        stage.step("create myapp with 3 replicas and OnDelete");
        let strategy = json!({ "spec": { "updateStrategy": { "type": "OnDelete", "rollingUpdate": null } } });
        stage.apply(MYAPP.load()?.set(&replicas(3)).set(&strategy)).await?;
        stage.until_settled("myapp").await?;
        stage.change_template("myapp", "2").await?;
        stage.until("the update revision differs", |world| match world.set("myapp") {
            Some(set) if set.status.update_revision != set.status.current_revision => Ok(()),
            _ => Err("it does not".into()),
        }).await?;
        stage.keep_still().await?;
        for pod in ["myapp-1", "myapp-2", "myapp-0"] {
            lose(&stage, pod).await?;
            stage.until_settled("myapp").await?;
        }
        stage.keep_still().await?;
        stage.scale("myapp", 4).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}
