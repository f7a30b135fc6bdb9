//! revisionHistoryLimit.

use super::replicas;
use engine::manifest::MYAPP;
use serde_json::json;

scenario! {
    /// Old revisions go, those in use stay.
    PRUNED = "revision-history-limit":
    "With a history limit of 1 old revisions are pruned, but never one that a member or the status names.",
    profiles [Update], needs [], features [Revisions, Partition],
    |stage| {
        stage.step("create myapp with 2 replicas, partition 1 and history limit 1");
        let spec = json!({ "spec": {
            "revisionHistoryLimit": 1,
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 1 } },
        } });
        stage.apply(MYAPP.load()?.set(&replicas(2)).set(&spec)).await?;
        stage.until_settled("myapp").await?;
        for version in ["2", "3", "4", "5"] {
            stage.change_template("myapp", version).await?;
            stage.until_settled("myapp").await?;
        }
        stage.keep_still().await?;
        stage.partition("myapp", 0).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.change_template("myapp", "5").await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}
