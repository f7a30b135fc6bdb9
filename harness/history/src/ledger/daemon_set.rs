//! DaemonSets, and the nodes that they ask for.

use super::{Incarnation, Ledger, PodState, Related};
use crate::field::Field;
use serde_json::Value;

/// What a DaemonSet asks for, as far as placing pods goes.
#[derive(Clone, Debug, PartialEq)]
pub struct DaemonSpec {
    /// `metadata.generation`.
    pub generation: i64,
    /// `spec.template.spec.nodeSelector`.
    pub node_selector: Vec<(String, String)>,
    /// Tolerations of the template, and those that every daemon pod gets.
    pub tolerations: Vec<Toleration>,
    /// Whether the template restricts nodes by affinity or by name as well.
    pub further_restricted: bool,
    /// Whether an update may put a second pod on a node for a while (maxSurge).
    pub surges: bool,
    /// `spec.minReadySeconds`.
    pub min_ready_seconds: u32,
}

/// A toleration, with absent fields empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    key: String,
    exists: bool,
    value: String,
    effect: String,
}

/// What a DaemonSet controller reports. Absent numbers are zero, as in the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DaemonStatus {
    /// `status.observedGeneration`.
    pub observed_generation: Option<i64>,
    /// `status.desiredNumberScheduled`.
    pub desired: i64,
    /// `status.currentNumberScheduled`.
    pub current: i64,
    /// `status.numberMisscheduled`.
    pub misscheduled: i64,
    /// `status.numberReady`.
    pub ready: i64,
    /// `status.numberAvailable`.
    pub available: i64,
    /// `status.numberUnavailable`.
    pub unavailable: i64,
}

fn text(object: &Value, field: &str) -> String {
    object
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

impl Toleration {
    fn of(object: &Value) -> Toleration {
        Toleration {
            key: text(object, "key"),
            exists: object.get("operator").and_then(Value::as_str) == Some("Exists"),
            value: text(object, "value"),
            effect: text(object, "effect"),
        }
    }

    fn automatic(key: &str, effect: &str) -> Toleration {
        Toleration {
            key: format!("node.kubernetes.io/{key}"),
            exists: true,
            value: String::new(),
            effect: effect.to_owned(),
        }
    }

    fn covers(&self, taint: &Value) -> bool {
        let key = self.key.is_empty() && self.exists || self.key == text(taint, "key");
        let value = self.exists || self.value == text(taint, "value");
        let effect = self.effect.is_empty() || self.effect == text(taint, "effect");
        key && value && effect
    }
}

impl DaemonSpec {
    /// Reads a DaemonSet object.
    pub fn of(object: &Value) -> DaemonSpec {
        let pod = object.field("/spec/template/spec").unwrap_or(&Value::Null);
        let mut tolerations: Vec<Toleration> = pod
            .get("tolerations")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(Toleration::of)
            .collect();
        let automatic = [
            ("not-ready", "NoExecute"),
            ("unreachable", "NoExecute"),
            ("disk-pressure", "NoSchedule"),
            ("memory-pressure", "NoSchedule"),
            ("pid-pressure", "NoSchedule"),
            ("unschedulable", "NoSchedule"),
        ];
        tolerations.extend(automatic.map(|(key, effect)| Toleration::automatic(key, effect)));
        if pod.get("hostNetwork") == Some(&Value::Bool(true)) {
            tolerations.push(Toleration::automatic("network-unavailable", "NoSchedule"));
        }
        let surge = object.field("/spec/updateStrategy/rollingUpdate/maxSurge");
        DaemonSpec {
            generation: object
                .field("/metadata/generation")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            node_selector: pod
                .get("nodeSelector")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
            tolerations,
            further_restricted: pod.get("nodeName").is_some()
                || pod
                    .field("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution")
                    .is_some(),
            surges: surge
                .is_some_and(|surge| !matches!(surge.as_str(), Some("0%")) && surge.as_u64() != Some(0)),
            min_ready_seconds: object
                .field("/spec/minReadySeconds")
                .and_then(Value::as_u64)
                .and_then(|seconds| u32::try_from(seconds).ok())
                .unwrap_or_default(),
        }
    }

    /// Whether the node is to have a pod; `None` where the template restricts nodes in ways that are not looked at.
    pub fn wants(&self, node: &Value) -> Option<bool> {
        let labels = node.field("/metadata/labels");
        let selected = self.node_selector.iter().all(|(key, value)| {
            labels.and_then(|labels| labels.get(key)).and_then(Value::as_str) == Some(value)
        });
        let repelled = node
            .field("/spec/taints")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .any(|taint| {
                let effect = taint.get("effect").and_then(Value::as_str);
                matches!(effect, Some("NoSchedule" | "NoExecute"))
                    && !self.tolerations.iter().any(|toleration| toleration.covers(taint))
            });
        (!self.further_restricted).then_some(selected && !repelled)
    }
}

impl DaemonStatus {
    /// Reads a DaemonSet object.
    pub fn of(object: &Value) -> DaemonStatus {
        let number = |field: &str| {
            object
                .get("status")
                .and_then(|status| status.get(field))
                .and_then(Value::as_i64)
        };
        let count = |field: &str| number(field).unwrap_or_default();
        DaemonStatus {
            observed_generation: number("observedGeneration"),
            desired: count("desiredNumberScheduled"),
            current: count("currentNumberScheduled"),
            misscheduled: count("numberMisscheduled"),
            ready: count("numberReady"),
            available: count("numberAvailable"),
            unavailable: count("numberUnavailable"),
        }
    }
}

impl PodState {
    /// The node that a daemon pod is made for: its required node affinity names it, or it is bound already.
    pub fn daemon_target(&self) -> Option<&str> {
        self.pinned_to().or(self.node.as_deref())
    }

    /// The one node that the required node affinity names by `metadata.name`.
    pub fn pinned_to(&self) -> Option<&str> {
        let terms = self
            .object
            .field("/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms")?
            .as_array()?;
        let fields = match terms.as_slice() {
            [term] => term.get("matchFields")?.as_array()?,
            _ => return None,
        };
        let [field] = fields.as_slice() else { return None };
        let by_name = text(field, "key") == "metadata.name" && text(field, "operator") == "In";
        match field.get("values")?.as_array()?.as_slice() {
            [node] if by_name => node.as_str(),
            _ => None,
        }
    }
}

impl Ledger {
    /// Incarnations that any object controlled at some time, by its UID, in order of appearance.
    pub fn controlled_by(&self, owner: &Related) -> impl Iterator<Item = &Incarnation> {
        self.members
            .get(&owner.uid)
            .into_iter()
            .flatten()
            .filter_map(|place| self.pods.get(*place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn wants(pod: Value, node: Value) -> Option<bool> {
        DaemonSpec::of(&json!({"spec": {"template": {"spec": pod}}})).wants(&node)
    }

    #[test]
    fn selectors_and_taints_decide() {
        let ssd = json!({"metadata": {"labels": {"disk": "ssd"}}});
        assert_eq!(wants(json!({}), ssd.clone()), Some(true));
        assert_eq!(
            wants(json!({"nodeSelector": {"disk": "ssd"}}), ssd.clone()),
            Some(true)
        );
        assert_eq!(
            wants(json!({"nodeSelector": {"disk": "hdd"}}), ssd.clone()),
            Some(false)
        );
        assert_eq!(wants(json!({"nodeName": "a"}), ssd), None);
        let tainted = |key: &str, effect: &str| json!({"spec": {"taints": [{"key": key, "effect": effect}]}});
        assert_eq!(wants(json!({}), tainted("gpu", "NoSchedule")), Some(false));
        assert_eq!(wants(json!({}), tainted("gpu", "PreferNoSchedule")), Some(true));
        assert_eq!(
            wants(
                json!({}),
                tainted("node.kubernetes.io/unschedulable", "NoSchedule")
            ),
            Some(true)
        );
        assert_eq!(
            wants(json!({}), tainted("node.kubernetes.io/not-ready", "NoSchedule")),
            Some(false)
        );
        let everything = json!({"tolerations": [{"operator": "Exists"}]});
        assert_eq!(wants(everything, tainted("gpu", "NoExecute")), Some(true));
    }

    #[test]
    fn a_daemon_pod_names_its_node() {
        let pod = |fields: Value| {
            let terms = json!([{"matchFields": fields}]);
            let required =
                json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}});
            PodState::of(
                Arc::new(json!({"spec": {"affinity": {"nodeAffinity": required}}})),
                "hash",
            )
        };
        let one = pod(json!([{"key": "metadata.name", "operator": "In", "values": ["a"]}]));
        assert_eq!(one.daemon_target(), Some("a"));
        let two = pod(json!([{"key": "metadata.name", "operator": "In", "values": ["a", "b"]}]));
        assert_eq!(two.daemon_target(), None);
    }
}
