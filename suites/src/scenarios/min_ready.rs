//! minReadySeconds.

use super::{longer_than, myapp, replicas, until_successor_held};
use engine::{Stage, manifest::MYAPP};
use serde_json::{Value, json};

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
        let spec = min_ready(&stage);
        stage.apply(MYAPP.load()?.set(&replicas(2)).set(&spec)).await?;
        stage.until("both available", available(2)).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// A new version has to prove itself.
    UPDATE = "min-ready-seconds-update":
    "An update goes on only when the member before has been Ready for a while.",
    profiles [Update], needs [], features [MinReadySeconds],
    |stage| {
        myapp(&stage, 2).await?;
        let (spec, old) = (min_ready(&stage), stage.pod_uid("myapp-1")?);
        stage.patch_set("myapp", "ask for minReadySeconds", &spec).await?;
        // Held for longer than anybody may believe in the pod that was there before.
        stage.hold_next("myapp-1");
        stage.change_template("myapp", "2").await?;
        until_successor_held(&stage, "myapp-1", &old).await?;
        stage.keep_still().await?;
        stage.step("release myapp-1");
        stage.release_all();
        stage.until_settled("myapp").await?;
    }
}

/// A time longer than the staleness window, and than what whole seconds can hide.
fn min_ready(stage: &Stage) -> Value {
    json!({ "spec": { "minReadySeconds": longer_than(stage, 1).max(3) } })
}
