//! Rolling updates.

use super::{lose, myapp, replicas, stuck_going_down, until_successor_held};
use engine::BROKEN_IMAGE as BROKEN;
use serde_json::json;

scenario! {
    /// From the top, one at a time.
    ROLLING = "rolling-update":
    "A template change replaces every member from the top, one at a time, each held for a while.",
    profiles [Update, Status], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        for (round, pod) in [("2", "myapp-2"), ("3", "myapp-1")] {
            let old = stage.pod_uid(pod)?;
            stage.hold_next(pod);
            stage.change_template("myapp", round).await?;
            until_successor_held(&stage, pod, &old).await?;
            stage.keep_still().await?;
            stage.step(format!("release {pod}"));
            stage.release_all();
            stage.until_settled("myapp").await?;
        }
        stage.keep_still().await?;
    }
}

scenario! {
    /// Under OrderedReady any unready member halts an update.
    HALTS = "update-halts":
    "No member is taken down by an update while another, also a lower one, is unready.",
    profiles [Update], needs [], features [],
    |stage| {
        myapp(&stage, 4).await?;
        stage.step("hold myapp-0");
        stage.hold("myapp-0");
        stage.until_running_unready("myapp-0").await?;
        stage.keep_still().await?;
        stage.change_template("myapp", "2").await?;
        stage.keep_still().await?;
        stage.step("release myapp-0");
        stage.hold_next("myapp-3");
        stage.release("myapp-0");
        stage.until("myapp-3 at the new revision, Running but not Ready", |world| {
            let set = world.set("myapp");
            let update = set.and_then(|set| set.status.update_revision);
            match world.pod("myapp-3") {
                Some(state) if state.phase == "Running" && !state.ready && update.is_some() && state.revision == update => Ok(()),
                _ => Err(world.describe_pods()),
            }
        }).await?;
        stage.keep_still().await?;
        stage.step("release myapp-3");
        stage.release_all();
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// A bad update costs one member.
    BROKEN_IMAGE = "update-to-broken-image":
    "An update to an image that cannot be pulled stops at the first member; taking it back and deleting that member heals.",
    profiles [Update], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        stage.change_image("myapp", &format!("ikubernetes/myapp:{BROKEN}")).await?;
        stage.until("myapp-2 cannot start", |world| match world.object("pods", "myapp-2") {
            Some(pod) if pod.pointer("/status/containerStatuses/0/state/waiting/reason")
                .is_some_and(|reason| matches!(reason.as_str(), Some("ErrImagePull" | "ImagePullBackOff"))) => Ok(()),
            _ => Err(world.describe_pods()),
        }).await?;
        stage.keep_still().await?;
        stage.change_image("myapp", "ikubernetes/myapp:v1").await?;
        stage.keep_still().await?;
        // The documented way out of the trap (k/k #67250); a controller that heals itself has replaced it already.
        let stuck = stage.look(|world| world.pod("myapp-2").is_some_and(|state| state.phase == "Pending"));
        if stuck {
            stage.delete_pod("myapp-2").await?;
        }
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// Only the template counts.
    NOTHING_ROLLS = "nothing-rolls-without-template-change":
    "Metadata, replicas, the update strategy and a write that changes nothing replace no member.",
    profiles [Update, Status], needs [], features [],
    |stage| {
        myapp(&stage, 2).await?;
        stage.keep_still().await?;
        stage.patch_set("myapp", "label the set", &json!({ "metadata": { "labels": { "team": "storage" } } })).await?;
        stage.keep_still().await?;
        stage.patch_set("myapp", "change the history limit", &json!({ "spec": { "revisionHistoryLimit": 5 } })).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.partition("myapp", 1).await?;
        stage.until_settled("myapp").await?;
        stage.partition("myapp", 0).await?;
        stage.until_settled("myapp").await?;
        stage.scale("myapp", 3).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.patch_set("myapp", "write what is there already", &replicas(3)).await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// Scaling has precedence.
    AFTER_SCALE_DOWN = "update-waits-for-scale-down":
    "The template changes while a surplus member is stuck terminating: no member is updated before that one is gone.",
    profiles [Scaling, Update], needs [], features [],
    |stage| {
        stuck_going_down(&stage).await?;
        stage.change_template("myapp", "2").await?;
        stage.keep_still().await?;
        stage.step("unpin myapp-3");
        stage.unpin("myapp-3").await?;
        stage.until_members("myapp", &[0, 1, 2]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// A member is lost while an update is under way; scaling comes first.
    LOST_MIDWAY = "update-with-losses":
    "A member that is lost in the middle of an update comes back new, and a set that shrinks and changes at once shrinks first.",
    profiles [Update, Repair], needs [], features [],
    |stage| {
        myapp(&stage, 4).await?;
        stage.hold_next("myapp-3");
        let old = stage.pod_uid("myapp-3")?;
        stage.change_template("myapp", "2").await?;
        stage.until("myapp-3 replaced", |world| match (world.uid("pods", "myapp-3"), world.pod("myapp-3")) {
            (Some(uid), Some(state)) if uid != old && state.phase == "Running" => Ok(()),
            _ => Err(world.describe_pods()),
        }).await?;
        stage.keep_still().await?;
        lose(&stage, "myapp-0").await?;
        stage.keep_still().await?;
        stage.step("release all");
        stage.release_all();
        stage.until_settled("myapp").await?;
        stage.pin("myapp-3").await?;
        let annotation = json!({ "ordinal.dev/version": "3" });
        stage.patch_set("myapp", "shrink to 3 and change the template", &json!({ "spec": {
            "replicas": 3,
            "template": { "metadata": { "annotations": annotation } },
        } })).await?;
        stage.until_terminating("myapp-3").await?;
        stage.keep_still().await?;
        stage.step("unpin myapp-3");
        stage.unpin("myapp-3").await?;
        stage.until_members("myapp", &[0, 1, 2]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}
