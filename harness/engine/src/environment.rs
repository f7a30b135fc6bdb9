//! Faults of the environment, which say nothing about the candidate.

use crate::cluster::SPARE;
use history::Ledger;
use serde_json::Value;

/// Part of an image name by which a scenario says that the image is not meant to be pulled.
pub const BROKEN_IMAGE: &str = "does-not-exist";

/// What went wrong around the candidate in this history, in words; empty if nothing did.
pub fn faults(ledger: &Ledger) -> Vec<String> {
    let mut faults = Vec::new();
    let end = ledger.end().index;
    for pod in ledger.pods() {
        let Some(state) = pod.at(end) else { continue };
        if state.condition("PodScheduled") == Some("False") {
            faults.push(format!("pod {} could not be scheduled", pod.name));
        }
        faults.extend(pull_failure(&state.object).map(|image| format!("image {image} could not be pulled")));
    }
    for (_, action) in ledger.actions() {
        let answered_by_pod = action.method == "EXEC";
        if !answered_by_pod && (action.status == 429 || action.status >= 500 || action.status == 0) {
            let answer = action
                .object
                .get("message")
                .and_then(Value::as_str)
                .unwrap_or_default();
            faults.push(format!(
                "the API server failed to {}: {} {answer}",
                action.name, action.status
            ));
        }
    }
    let nodes = ledger.related("nodes").filter_map(|node| node.at(end));
    // What is lost on purpose is no fault, and nobody else is placed there.
    for node in nodes.filter(|node| !is_spare(node)) {
        if let Some(name) = not_ready(node) {
            faults.push(format!("node {name} is not Ready"));
        }
    }
    faults.dedup();
    faults
}

fn pull_failure(pod: &Value) -> Option<String> {
    let statuses = pod.pointer("/status/containerStatuses")?.as_array()?;
    let status = statuses.iter().find(|status| {
        let reason = status.pointer("/state/waiting/reason").and_then(Value::as_str);
        matches!(
            reason,
            Some("ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull")
        )
    })?;
    let image = status.get("image")?.as_str()?;
    (!image.contains(BROKEN_IMAGE)).then(|| image.to_owned())
}

fn is_spare(node: &Value) -> bool {
    let taints = node.pointer("/spec/taints").and_then(Value::as_array);
    taints
        .into_iter()
        .flatten()
        .any(|taint| taint.get("key").and_then(Value::as_str) == Some(SPARE))
}

fn not_ready(node: &Value) -> Option<&str> {
    let conditions = node.pointer("/status/conditions")?.as_array()?;
    let ready = conditions
        .iter()
        .find(|condition| condition.get("type").and_then(Value::as_str) == Some("Ready"))?;
    (ready.get("status").and_then(Value::as_str) != Some("True"))
        .then(|| node.pointer("/metadata/name").and_then(Value::as_str))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use history::{Event, History, Observation, WatchEvent, WatchKind};
    use serde_json::json;
    use std::sync::Arc;

    fn ledger(image: &str) -> Ledger {
        let pod = json!({
            "metadata": { "name": "web-0", "namespace": "n", "uid": "u", "resourceVersion": "1" },
            "status": { "containerStatuses": [{ "image": image, "state": { "waiting": { "reason": "ErrImagePull" } } }] },
        });
        let watch = WatchEvent {
            kind: WatchKind::Added,
            resource: "pods".into(),
            object: Arc::new(pod),
        };
        let history: History = [Event {
            at: Default::default(),
            what: Observation::Watch(watch),
        }]
        .into_iter()
        .collect();
        Ledger::build(&history)
    }

    #[test]
    fn a_node_that_is_not_ready_is_a_fault_unless_it_was_set_aside_to_be_lost() {
        let faults_of = |taint: &str| {
            let node = json!({
                "metadata": { "name": "agent-1", "uid": "u", "resourceVersion": "1" },
                "spec": { "taints": [{ "key": taint, "effect": "NoSchedule" }] },
                "status": { "conditions": [{ "type": "Ready", "status": "Unknown" }] },
            });
            let watch = WatchEvent {
                kind: WatchKind::Added,
                resource: "nodes".into(),
                object: Arc::new(node),
            };
            let event = Event {
                at: Default::default(),
                what: Observation::Watch(watch),
            };
            faults(&Ledger::build(&[event].into_iter().collect()))
        };
        assert_eq!(faults_of("example.com/other"), ["node agent-1 is not Ready"]);
        assert!(faults_of(SPARE).is_empty());
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_a_fault_unless_it_is_meant_to_be() {
        assert_eq!(faults(&ledger("redis:7")), ["image redis:7 could not be pulled"]);
        assert!(faults(&ledger("redis:does-not-exist")).is_empty());
    }
}
