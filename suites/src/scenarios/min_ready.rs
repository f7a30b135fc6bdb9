//! minReadySeconds.

use super::replicas;
use engine::manifest::MYAPP;
use serde_json::json;

scenario! {
    /// Ready is not yet available.
    MIN_READY = "min-ready-seconds":
    "A member counts as available, and lets the next one come, only after it has been Ready for a while.",
    profiles [Ordering, Status], needs [], features [MinReadySeconds],
    |stage| {
        stage.step("create myapp with 2 replicas and minReadySeconds");
        let available = |count: i64| move |world: &engine::world::World| match world.set("myapp") {
            Some(set) if set.status.available == count && set.status.observed_generation == Some(set.spec.generation) => Ok(()),
            Some(set) => Err(format!("{} available", set.status.available)),
            None => Err("no set".into()),
        };
        // Longer than the staleness window, and than what whole seconds can hide.
        let seconds = super::longer_than(&stage, 1).max(3);
        stage.apply(MYAPP.load()?.set(&replicas(2)).set(&json!({ "spec": { "minReadySeconds": seconds } }))).await?;
        stage.until("both available", available(2)).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}
