//! Ownership is taken, lost and given up.

use super::{myapp, replicas};
use engine::{clock::Stopwatch, manifest::MYAPP};
use serde_json::json;

scenario! {
    /// A pod that lost its owner reference gets it back; one whose labels stop matching is let go.
    ADOPT_AND_RELEASE = "adopt-and-release":
    "An orphan with a member's name and labels is adopted; a member that is relabelled is released and kept.",
    profiles [Ownership], needs [], features [],
    |stage| {
        myapp(&stage, 2).await?;
        stage.keep_still().await?;
        stage.step("strip the owner of myapp-0");
        stage.patch("v1", "Pod", "myapp-0", None, &json!({ "metadata": { "ownerReferences": null } })).await?;
        stage.until("myapp-0 owned", |world| match world.pod("myapp-0") {
            Some(state) if state.owner.is_some() => Ok(()),
            _ => Err(world.describe_pods()),
        }).await?;
        stage.keep_still().await?;
        stage.step("relabel myapp-1");
        let taken = Stopwatch::start();
        stage.patch("v1", "Pod", "myapp-1", None, &json!({ "metadata": { "labels": { "app": "somebody-else" } } })).await?;
        stage.until("myapp-1 released", |world| match world.pod("myapp-1") {
            Some(state) if state.owner.is_none() => Ok(()),
            _ => Err(world.describe_pods()),
        }).await?;
        stage.keep_still().await?;
        let released = stage.pod_uid("myapp-1")?;
        stage.delete_pod("myapp-1").await?;
        stage.until_stranger_replaced("myapp-1", &released, taken).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// `kubectl delete --cascade=orphan`, and back.
    ORPHAN_AND_RECREATE = "delete-set-orphaning":
    "The set is deleted with orphaning: members, revisions and claims stay, and a new set of the same name takes them over without a restart.",
    profiles [Ownership], needs [], features [],
    |stage| {
        myapp(&stage, 2).await?;
        stage.keep_still().await?;
        stage.delete_set("myapp", "Orphan").await?;
        stage.until_gone("statefulsets", "myapp").await?;
        stage.keep_still().await?;
        stage.step("create myapp again");
        stage.apply(MYAPP.load()?.set(&replicas(2)).only(&["StatefulSet"])).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// Two sets side by side, names that look alike, labels that overlap.
    TWINS = "twin-sets":
    "Two sets with one selector, one named like a member of the other, leave each other's members alone.",
    profiles [Persistence, Ownership], needs [], features [],
    |stage| {
        myapp(&stage, 2).await?;
        stage.step("create myapp-1 with 2 replicas and the same labels");
        let twin = json!({ "metadata": { "name": "myapp-1" } });
        stage.apply(MYAPP.load()?.set(&replicas(2)).set(&twin).only(&["StatefulSet"])).await?;
        stage.until_settled("myapp-1").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 1).await?;
        stage.until_members("myapp", &[0]).await?;
        stage.until_settled("myapp").await?;
        stage.delete_set("myapp-1", "Background").await?;
        stage.until("members of myapp-1 gone", |world| match world.pods().find(|(name, _)| name.starts_with("myapp-1-")) {
            None => Ok(()),
            Some((name, _)) => Err(format!("{name} is there")),
        }).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// A name that is taken is waited for.
    OCCUPANT = "foreign-occupant":
    "A pod of somebody else has the name and the labels of a member to come: it is left alone, and the member is created once it is gone.",
    profiles [Ownership], needs [], features [],
    |stage| {
        stage.step("create myapp with 1 replica");
        stage.apply(MYAPP.load()?.set(&replicas(1))).await?;
        stage.until_settled("myapp").await?;
        let taken = Stopwatch::start();
        stage.create_foreign_pod("myapp-1", "myapp").await?;
        stage.keep_still().await?;
        stage.scale("myapp", 2).await?;
        stage.keep_still().await?;
        stage.keep_still().await?;
        let occupant = stage.pod_uid("myapp-1")?;
        stage.delete_pod("myapp-1").await?;
        stage.until_stranger_replaced("myapp-1", &occupant, taken).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}
