//! Verbs about a node that is lost.

use super::{Seen, Stage, StepError};
use crate::{
    clock,
    cluster::{ClusterError, NodeLoss, SPARE, SpareNode},
};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a pod on the node that is set aside endures that the node is lost, in seconds.
const ENDURES: u32 = 1;
/// By this taint somebody vouches that nothing runs on a node any more (Kubernetes documentation, "Node Shutdowns").
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
/// What the cluster says of a node that it does not hear of.
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// What it says of one that says itself that it is not ready.
const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// How often a change of a node is tried that others change as well.
const TRIES: usize = 10;

impl Stage {
    /// Has a node set aside for this scenario, and waits until it is Ready.
    ///
    /// # Errors
    /// When the cluster has none, or it does not become Ready.
    pub async fn set_aside_node(&self) -> Result<(), StepError> {
        let spare = &self.inner.spare;
        let node = spare
            .get_or_try_init(|| self.inner.cluster.spare_node())
            .await
            .map_err(of_cluster)?;
        // Whoever had it before may have left it in any state.
        node.bring_back().await.map_err(of_cluster)?;
        self.until_node("the node that is set aside Ready", at_peace)
            .await
    }

    /// What a pod template needs to place its pods on the node that was set aside, and to have them driven out of it soon
    /// when it is lost: a merge patch of the pod's spec.
    ///
    /// # Errors
    /// When no node was set aside.
    pub fn on_the_node(&self) -> Result<Value, StepError> {
        let lost = |key: &str| json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": ENDURES });
        Ok(json!({
            "nodeSelector": { "kubernetes.io/hostname": self.node()?.name() },
            "tolerations": [
                { "key": SPARE, "operator": "Exists", "effect": "NoSchedule" },
                lost(UNREACHABLE),
                lost(NOT_READY),
            ],
        }))
    }

    /// Waits until a pod is on the node that was set aside.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_on_the_node(&self, pod: &str) -> Result<(), StepError> {
        let name = self.node()?.name();
        self.until(
            &format!("{pod} on the node that was set aside"),
            |world| match world.pod(pod).map(|state| state.node) {
                Some(Some(node)) if node == name => Ok(()),
                Some(Some(node)) => Err(format!("it is on {node}")),
                Some(None) => Err("it is on none".into()),
                None => Err("it does not exist".into()),
            },
        )
        .await
    }

    /// Loses the node that was set aside, and waits until the cluster has noticed.
    ///
    /// # Errors
    /// When it cannot be lost, or the cluster does not notice.
    pub async fn lose_node(&self, how: NodeLoss) -> Result<(), StepError> {
        self.step(format!("lose the node ({how})"));
        self.node()?.lose(how).await.map_err(of_cluster)?;
        self.until_node("the node lost", |node| match ready(node) {
            Some("Unknown") => Ok(()),
            other => Err(format!("its condition Ready is {}", other.unwrap_or("absent"))),
        })
        .await
    }

    /// Brings the node back, and waits until the cluster has noticed.
    ///
    /// # Errors
    /// When it cannot be brought back, or the cluster does not notice.
    pub async fn bring_back_node(&self) -> Result<(), StepError> {
        self.step("bring the node back");
        self.node()?.bring_back().await.map_err(of_cluster)?;
        self.until_node("the node back", at_peace).await
    }

    /// Waits until a pod was driven out of the lost node: its deletion was decided, or there is another one in its place.
    ///
    /// # Errors
    /// When the cluster does not drive it out.
    pub async fn until_driven_out(&self, pod: &str, uid: &str) -> Result<(), StepError> {
        let patience = self.node()?.notice();
        self.until_cluster(patience, &format!("{pod} driven out"), |world| {
            match (world.uid("pods", pod), world.pod(pod)) {
                (Some(now), Some(state)) if now == uid && !state.terminating => Err(state.describe()),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Vouches that nothing runs on the lost node any more: its pods that are terminating may go.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn take_node_out_of_service(&self) -> Result<(), StepError> {
        self.step("take the node out of service");
        let taint = json!({ "key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute" });
        self.change_taints(|taints| taints.push(taint.clone())).await
    }

    /// Takes that back.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn put_node_into_service(&self) -> Result<(), StepError> {
        self.step("put the node into service again");
        self.change_taints(|taints| taints.retain(|taint| taint["key"] != OUT_OF_SERVICE))
            .await
    }

    /// Brings the node back that the scenario may have lost, when it is over. Best effort: the verdict stands.
    pub(crate) async fn return_node(&self) {
        let Some(node) = self.inner.spare.get() else {
            return;
        };
        if let Err(error) = node.bring_back().await {
            tracing::warn!(node = node.name(), %error, "a node that was lost may not be back");
        }
        if self.look(|world| {
            world
                .object("nodes", node.name())
                .is_some_and(|node| has_taint(node, OUT_OF_SERVICE))
        }) && let Err(error) = self.put_node_into_service().await
        {
            tracing::warn!(node = node.name(), %error, "a node may be left out of service");
        }
    }

    fn node(&self) -> Result<&dyn SpareNode, StepError> {
        let node = self.inner.spare.get().map(AsRef::as_ref);
        node.ok_or_else(|| StepError::Cluster("no node was set aside for this scenario".into()))
    }

    /// The cluster writes taints too: a change that was overtaken is made again.
    async fn change_taints(&self, change: impl Fn(&mut Vec<Value>)) -> Result<(), StepError> {
        let name = self.node()?.name();
        let mut tried = 0;
        loop {
            let node = self
                .look(|world| world.object("nodes", name).cloned())
                .ok_or_else(|| StepError::Cluster(format!("the node {name} is gone")))?;
            let mut taints = taints(&node).to_vec();
            change(&mut taints);
            let version = node.pointer("/metadata/resourceVersion");
            let patch = json!({ "metadata": { "resourceVersion": version }, "spec": { "taints": taints } });
            tried += 1;
            match self.patch("v1", "Node", name, None, &patch).await {
                Err(StepError::Refused { status: 409, .. }) if tried < TRIES => {
                    clock::pass(Duration::from_millis(20)).await;
                }
                done => return done,
            }
        }
    }

    async fn until_node(&self, goal: &str, condition: impl Fn(&Value) -> Seen) -> Result<(), StepError> {
        let spare = self.node()?;
        self.until_cluster(spare.notice(), goal, |world| {
            match world.object("nodes", spare.name()) {
                Some(node) => condition(node),
                None => Err("it does not exist".into()),
            }
        })
        .await
    }
}

fn of_cluster(error: ClusterError) -> StepError {
    StepError::Cluster(error.to_string())
}

fn taints(node: &Value) -> &[Value] {
    let taints = node.pointer("/spec/taints").and_then(Value::as_array);
    taints.map(Vec::as_slice).unwrap_or_default()
}

fn has_taint(node: &Value, key: &str) -> bool {
    taints(node).iter().any(|taint| taint["key"] == key)
}

fn ready(node: &Value) -> Option<&str> {
    let conditions = node.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|condition| condition["type"] == "Ready")?["status"].as_str()
}

/// Whether a node is Ready, and the cluster has nothing against it any more.
fn at_peace(node: &Value) -> Seen {
    if ready(node) != Some("True") {
        return Err("it is not Ready".into());
    }
    match [UNREACHABLE, NOT_READY]
        .into_iter()
        .find(|key| has_taint(node, key))
    {
        Some(key) => Err(format!("it carries the taint {key}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_at_peace_when_it_is_ready_and_without_the_clusters_taints() {
        let node = |ready: &str, taint: &str| {
            json!({
                "spec": { "taints": [{ "key": taint, "effect": "NoSchedule" }] },
                "status": { "conditions": [{ "type": "Ready", "status": ready }] },
            })
        };
        assert_eq!(at_peace(&node("True", SPARE)), Ok(()));
        assert!(at_peace(&node("Unknown", SPARE)).is_err());
        assert!(at_peace(&node("True", UNREACHABLE)).is_err_and(|why| why.contains(UNREACHABLE)));
        assert!(at_peace(&json!({})).is_err());
    }
}
