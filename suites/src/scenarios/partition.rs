//! Partitioned updates.

use super::{lose, replicas};
use engine::{Stage, StepError, manifest::MYAPP};
use serde_json::json;

/// Creates myapp with that many members and that partition, and waits until they are settled.
async fn partitioned(stage: &Stage, count: u32, partition: u32) -> Result<(), StepError> {
    stage.step(format!(
        "create myapp with {count} replicas and partition {partition}"
    ));
    let strategy = json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": partition } });
    let set = MYAPP
        .load()?
        .set(&replicas(count))
        .set(&json!({ "spec": { "updateStrategy": strategy } }));
    stage.apply(set).await?;
    stage.until_settled("myapp").await
}

scenario! {
    /// One canary.
    CANARY = "partition-canary":
    "Only the topmost member is updated while the partition protects the others; then the update is completed.",
    profiles [Update], needs [], features [Partition],
    |stage| {
        partitioned(&stage, 3, 2).await?;
        stage.change_template("myapp", "2").await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.partition("myapp", 0).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// Step by step, and back.
    PHASED = "partition-phased":
    "The partition is lowered by two, raised again, and lowered to zero; each time exactly the right members follow.",
    profiles [Update], needs [], features [Partition],
    |stage| {
        partitioned(&stage, 5, 4).await?;
        stage.change_template("myapp", "2").await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.partition("myapp", 2).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.partition("myapp", 4).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.partition("myapp", 0).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// A partition beyond the members is a pause.
    ABOVE_REPLICAS = "partition-above-replicas":
    "A partition at and beyond the number of replicas keeps every member, yet the new revision is known.",
    profiles [Update, Status], needs [], features [Partition],
    |stage| {
        partitioned(&stage, 3, 5).await?;
        stage.change_template("myapp", "2").await?;
        stage.until("the update revision differs", |world| match world.set("myapp") {
            Some(set) if set.status.update_revision != set.status.current_revision => Ok(()),
            _ => Err("it does not".into()),
        }).await?;
        stage.keep_still().await?;
        stage.partition("myapp", 3).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.partition("myapp", 0).await?;
        stage.until_settled("myapp").await?;
    }
}

scenario! {
    /// Below the partition the old revision returns, above it the new.
    LOST_PODS = "partition-lost-pods":
    "Members lost below the partition come back at the old revision, members above it at the new, also after a second change.",
    profiles [Update], needs [], features [Partition],
    |stage| {
        partitioned(&stage, 4, 2).await?;
        stage.keep_still().await?;
        let (second, third) = (stage.pod_uid("myapp-2")?, stage.pod_uid("myapp-3")?);
        stage.change_template("myapp", "2").await?;
        stage.until_replaced("myapp-3", &third).await?;
        stage.until_replaced("myapp-2", &second).await?;
        stage.keep_still().await?;
        for pod in ["myapp-3", "myapp-2", "myapp-0", "myapp-1"] {
            lose(&stage, pod).await?;
            stage.until_settled("myapp").await?;
        }
        stage.keep_still().await?;
        stage.change_template("myapp", "3").await?;
        stage.until_settled("myapp").await?;
        lose(&stage, "myapp-0").await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.partition("myapp", 0).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// An update that lacks nothing but the protected member is not through, also while that member is missing.
    LOST_LAST = "partition-lost-last-old":
    "All members but the protected one are updated; that one is lost twice, and comes back old both times.",
    profiles [Update], needs [], features [Partition],
    |stage| {
        partitioned(&stage, 3, 1).await?;
        stage.keep_still().await?;
        stage.change_template("myapp", "2").await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        for _ in 0..2 {
            lose(&stage, "myapp-0").await?;
            stage.until_settled("myapp").await?;
            stage.keep_still().await?;
        }
        stage.partition("myapp", 0).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}
