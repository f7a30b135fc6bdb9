//! Members are lost, stuck or unwell.

use super::{lose, myapp};
use engine::probe::RecordType;

scenario! {
    /// The plainest loss.
    ONE_POD = "delete-one-pod":
    "One member is deleted and comes back under the same name with the same claim.",
    profiles [Repair], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        lose(&stage, "myapp-1").await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// The lowest comes back first.
    ALL_PODS = "delete-all-pods":
    "All members are deleted at once; they come back in order, each waited for.",
    profiles [Repair], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        stage.hold("myapp-0");
        stage.until_running_unready("myapp-0").await?;
        stage.delete_pods(&["myapp-0".into(), "myapp-1".into(), "myapp-2".into()]).await?;
        stage.until("myapp-0 back", |world| match world.pod("myapp-0") {
            Some(state) if state.phase == "Running" && !state.terminating => Ok(()),
            _ => Err(world.describe_pods()),
        }).await?;
        stage.keep_still().await?;
        stage.step("release myapp-0");
        stage.release_all();
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// No deadlock: the gate looks down, not up.
    POD_ZERO_WHILE_ONE_IS_UNREADY = "delete-pod-zero-while-one-is-unready":
    "Member 0 comes back although member 1 is unready.",
    profiles [Ordering, Repair], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        stage.step("hold myapp-1");
        stage.hold("myapp-1");
        stage.until_running_unready("myapp-1").await?;
        stage.keep_still().await?;
        lose(&stage, "myapp-0").await?;
        stage.keep_still().await?;
        stage.step("release myapp-1");
        stage.release_all();
        stage.until_settled("myapp").await?;
    }
}

scenario! {
    /// The gate looks at which members are Ready, not at how many.
    ONE_WHILE_ZERO_IS_UNREADY = "delete-pod-while-zero-is-unready":
    "A member above an unready one is deleted; it comes back only when the one below has recovered, however many above are Ready.",
    profiles [Ordering, Repair], needs [], features [],
    |stage| {
        myapp(&stage, 4).await?;
        stage.step("hold myapp-0");
        stage.hold("myapp-0");
        stage.until_running_unready("myapp-0").await?;
        stage.keep_still().await?;
        stage.delete_pod("myapp-1").await?;
        stage.until("myapp-1 gone or replaced", |world| match world.pod("myapp-1") {
            Some(state) if state.terminating => Err(state.describe()),
            _ => Ok(()),
        }).await?;
        stage.keep_still().await?;
        stage.step("release myapp-0");
        stage.release_all();
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// A doctor who kills is none.
    UNREADY_IS_LEFT_ALONE = "unready-is-left-alone":
    "Members that are unready for long are not deleted, and the status counts them as they are.",
    profiles [Repair], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        stage.step("hold myapp-0 and myapp-2");
        stage.hold("myapp-0");
        stage.hold("myapp-2");
        stage.until_running_unready("myapp-0").await?;
        stage.until_running_unready("myapp-2").await?;
        stage.keep_still().await?;
        stage.keep_still().await?;
        stage.keep_still().await?;
        stage.step("release all");
        stage.release_all();
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// At most one, even if it hurts.
    STUCK_TERMINATING = "stuck-terminating":
    "A member that is stuck terminating is waited for: no force, no substitute.",
    profiles [Identity, Repair], needs [], features [],
    |stage| {
        myapp(&stage, 2).await?;
        stage.pin("myapp-1").await?;
        let old = stage.pod_uid("myapp-1")?;
        stage.delete_pod("myapp-1").await?;
        stage.keep_still().await?;
        stage.keep_still().await?;
        stage.step("unpin myapp-1");
        stage.unpin("myapp-1").await?;
        stage.until_replaced("myapp-1", &old).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// What has ended never comes back by itself.
    ENDED = "ended-pods":
    "One member fails and another one ends in order, as on a node that runs out of memory; both are replaced.",
    profiles [Repair], needs [], features [],
    |stage| {
        myapp(&stage, 3).await?;
        for (pod, phase) in [("myapp-1", "Failed"), ("myapp-2", "Succeeded")] {
            let old = stage.pod_uid(pod)?;
            stage.end_pod(pod, phase).await?;
            stage.until_replaced(pod, &old).await?;
            stage.until_settled("myapp").await?;
        }
        stage.keep_still().await?;
    }
}

scenario! {
    /// Eviction is a deletion by another name.
    EVICTION = "evict-pod":
    "A member that is evicted comes back, and its name in DNS with it.",
    profiles [Repair], needs [Dns], features [],
    |stage| {
        myapp(&stage, 2).await?;
        let old = stage.pod_uid("myapp-0")?;
        stage.evict_pod("myapp-0").await?;
        stage.until_replaced("myapp-0", &old).await?;
        stage.until_settled("myapp").await?;
        let host = stage.pod_host("myapp-0", "myapp-svc");
        stage.until_resolved(&host, RecordType::A, "the new address", |world, answer| {
            world.pod("myapp-0").is_some_and(|state| state.ip.is_some_and(|ip| answer.answers == [ip]))
        }).await?;
        stage.keep_still().await?;
    }
}
