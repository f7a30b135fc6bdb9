//! Sets are created under OrderedReady.

use super::{replicas, slow_myapp};
use engine::manifest::MYAPP;
use serde_json::json;

scenario! {
    /// Every member is held unready for a while before the next may come.
    ORDERED = "create-ordered":
    "Three members are created one after another, each held Running but not Ready for a while.",
    profiles [Ordering, NetworkIdentity], needs [], features [],
    |stage| {
        stage.step("create myapp with 3 replicas");
        stage.hold_all();
        stage.apply(MYAPP.load()?.set(&replicas(3))).await?;
        for pod in ["myapp-0", "myapp-1", "myapp-2"] {
            stage.until_running_unready(pod).await?;
            stage.keep_still().await?;
            stage.step(format!("release {pod}"));
            stage.release(pod);
            stage.until_ready(pod).await?;
        }
        stage.release_all();
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// A predecessor that has no node yet is no predecessor to build on.
    PENDING_PREDECESSOR = "create-waits-for-pending":
    "A member that no node may take yet keeps the next one from being created.",
    profiles [Ordering], needs [], features [],
    |stage| {
        stage.step("create myapp with 2 replicas that no node may take");
        let gates = json!([{ "name": "ordinal.dev/no-node-yet" }]);
        let gated = json!({ "spec": { "template": { "spec": { "schedulingGates": gates } } } });
        stage.apply(MYAPP.load()?.set(&replicas(2)).set(&gated)).await?;
        for pod in ["myapp-0", "myapp-1"] {
            stage.until_pending(pod).await?;
            stage.keep_still().await?;
            stage.step(format!("let a node take {pod}"));
            stage.let_schedule(pod).await?;
            stage.until_ready(pod).await?;
        }
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// A predecessor that still serves while it terminates is no predecessor to build on.
    TERMINATING_PREDECESSOR = "create-waits-for-terminating":
    "A member that is terminating but still Ready keeps the next one from being created.",
    profiles [Ordering], needs [], features [],
    |stage| {
        stage.step("create myapp with 2 replicas that stop slowly");
        stage.apply(slow_myapp(&stage, 2, 4)?).await?;
        stage.until_settled("myapp").await?;
        let old = stage.pod_uid("myapp-0")?;
        stage.delete_pod("myapp-0").await?;
        stage.until_terminating("myapp-0").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 3).await?;
        stage.keep_still().await?;
        stage.until_replaced("myapp-0", &old).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}
