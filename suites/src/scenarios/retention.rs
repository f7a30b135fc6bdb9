//! persistentVolumeClaimRetentionPolicy.

use super::{lose, replicas};
use engine::{Stage, StepError, manifest::MYAPP};
use serde_json::{Value, json};

fn policy(when_deleted: &str, when_scaled: &str) -> Value {
    json!({ "spec": { "persistentVolumeClaimRetentionPolicy": {
        "whenDeleted": when_deleted, "whenScaled": when_scaled,
    } } })
}

async fn until_claims(stage: &Stage, names: &[&str]) -> Result<(), StepError> {
    stage
        .until(&format!("claims {names:?}"), |world| {
            let there: Vec<&str> = world
                .all("persistentvolumeclaims")
                .map(|(name, _)| name)
                .collect();
            if there == names {
                Ok(())
            } else {
                Err(format!("{there:?}"))
            }
        })
        .await
}

/// Waits until every claim has an owner, or none has one.
async fn until_owned(stage: &Stage, owned: bool) -> Result<(), StepError> {
    let goal = if owned {
        "every claim owned"
    } else {
        "no claim owned"
    };
    stage
        .until(goal, |world| {
            let owners = |claim: &Value| {
                claim
                    .pointer("/metadata/ownerReferences")
                    .and_then(Value::as_array)
                    .map_or(0, Vec::len)
            };
            match world
                .all("persistentvolumeclaims")
                .find(|(_, claim)| (owners(claim) > 0) != owned)
            {
                Some((name, claim)) => Err(format!("{name} has {} owners", owners(claim))),
                None => Ok(()),
            }
        })
        .await
}

scenario! {
    /// Claims go with the set.
    WHEN_DELETED = "retention-when-deleted":
    "With whenDeleted Delete the claims belong to the set, stay when it shrinks, and go when it goes; the policy can be changed.",
    profiles [Retention], needs [DynamicProvisioning], features [PvcRetention],
    |stage| {
        stage.step("create myapp with 2 replicas, whenDeleted Delete");
        stage.apply(MYAPP.load()?.set(&replicas(2)).set(&policy("Delete", "Retain"))).await?;
        stage.until_settled("myapp").await?;
        until_owned(&stage, true).await?;
        stage.keep_still().await?;
        stage.scale("myapp", 1).await?;
        stage.until_members("myapp", &[0]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 2).await?;
        stage.until_settled("myapp").await?;
        stage.patch_set("myapp", "retain the claims", &policy("Retain", "Retain")).await?;
        until_owned(&stage, false).await?;
        stage.keep_still().await?;
        stage.patch_set("myapp", "delete the claims with the set", &policy("Delete", "Retain")).await?;
        until_owned(&stage, true).await?;
        stage.keep_still().await?;
        stage.delete_set("myapp", "Background").await?;
        stage.until_gone("statefulsets", "myapp").await?;
        until_claims(&stage, &[]).await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// Claims go with the pod that is scaled away, and with no other.
    WHEN_SCALED = "retention-when-scaled":
    "With whenScaled Delete the claims of members that are scaled away go with them; those of lost or updated members stay.",
    profiles [Retention], needs [DynamicProvisioning], features [PvcRetention],
    |stage| {
        stage.step("create myapp with 3 replicas, whenScaled Delete");
        stage.apply(MYAPP.load()?.set(&replicas(3)).set(&policy("Retain", "Delete"))).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        lose(&stage, "myapp-2").await?;
        stage.until_settled("myapp").await?;
        stage.change_template("myapp", "2").await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 1).await?;
        stage.until_members("myapp", &[0]).await?;
        until_claims(&stage, &["myappdata-myapp-0"]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 2).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// Both at once.
    BOTH = "retention-both":
    "With both policies Delete a claim belongs to the set, and to its pod once that is to be scaled away.",
    profiles [Retention], needs [DynamicProvisioning], features [PvcRetention],
    |stage| {
        stage.step("create myapp with 3 replicas, both Delete");
        stage.apply(MYAPP.load()?.set(&replicas(3)).set(&policy("Delete", "Delete"))).await?;
        stage.until_settled("myapp").await?;
        until_owned(&stage, true).await?;
        stage.keep_still().await?;
        stage.scale("myapp", 1).await?;
        stage.until_members("myapp", &[0]).await?;
        until_claims(&stage, &["myappdata-myapp-0"]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.delete_set("myapp", "Background").await?;
        stage.until_gone("statefulsets", "myapp").await?;
        until_claims(&stage, &[]).await?;
        stage.keep_still().await?;
    }
}
