//! Sets: what was asked for, what was reported.

use super::{Moment, Ordinal, Timeline};
use crate::field::Field;
use serde_json::Value;
use std::{ops::Range, sync::Arc};

/// One StatefulSet, or what the candidate has in its place.
#[derive(Clone, Debug)]
pub struct Set {
    /// Name of the set.
    pub name: String,
    /// Namespace of the set.
    pub namespace: String,
    /// UID of the set.
    pub uid: String,
    /// Everything that was seen of it.
    pub states: Timeline<SetState>,
    /// What was asked for: its creation, and each change of the spec.
    pub specs: Timeline<Arc<Spec>>,
    /// When its deletionTimestamp was set, if it was seen to be.
    pub deleting: Option<Moment>,
    /// When it was gone.
    pub gone: Option<Moment>,
}

/// A set as one event shows it.
#[derive(Clone, Debug)]
pub struct SetState {
    /// The whole object.
    pub object: Arc<Value>,
    /// What is asked for.
    pub spec: Arc<Spec>,
    /// What the controller reports.
    pub status: Status,
    /// Whether deletionTimestamp is set.
    pub terminating: bool,
}

/// `spec.podManagementPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagementPolicy {
    /// One after another.
    OrderedReady,
    /// All at once.
    Parallel,
}

/// `spec.updateStrategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Pods are replaced from the top, down to the partition.
    RollingUpdate {
        /// Counted from the first ordinal; pods below keep the old revision.
        partition: u32,
    },
    /// Pods are replaced when somebody deletes them.
    OnDelete,
}

/// `spec.updateStrategy.rollingUpdate.maxUnavailable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So many pods.
    Pods(u32),
    /// So many of a hundred replicas.
    Percent(u32),
}

impl Budget {
    /// How many pods of `replicas` may be unavailable: percentages are rounded down, and it is never less than one
    /// (KEP-961; the API text once said rounded up).
    pub fn of(self, replicas: u32) -> u32 {
        match self {
            Budget::Pods(pods) => pods,
            Budget::Percent(percent) => {
                u32::try_from(u64::from(percent) * u64::from(replicas) / 100).unwrap_or(u32::MAX)
            }
        }
        .max(1)
    }
}

/// `spec.persistentVolumeClaimRetentionPolicy`: whether claims are deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Claims go with the set.
    pub when_deleted: bool,
    /// Claims go with the condemned pod.
    pub when_scaled: bool,
}

/// What is asked for, with defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// `metadata.generation`.
    pub generation: i64,
    /// `spec.replicas`.
    pub replicas: u32,
    /// `spec.ordinals.start`.
    pub start: u32,
    /// `spec.podManagementPolicy`.
    pub policy: ManagementPolicy,
    /// `spec.updateStrategy`.
    pub strategy: Strategy,
    /// `spec.updateStrategy.rollingUpdate.maxUnavailable`, where it is given.
    pub max_unavailable: Option<Budget>,
    /// Whether `spec.updateStrategy.rollingUpdate` is there at all. Without it the reference brings lost pods back by
    /// another rule (SS-RU-13).
    pub rolling_update: bool,
    /// `spec.serviceName`.
    pub service_name: String,
    /// `spec.minReadySeconds`.
    pub min_ready_seconds: u32,
    /// `spec.revisionHistoryLimit`.
    pub revision_history_limit: u32,
    /// Names of the claim templates, in order.
    pub claim_templates: Vec<String>,
    /// `spec.persistentVolumeClaimRetentionPolicy`.
    pub retention: Policy,
    /// `spec.template`, canonical (see [`canonical_template`]).
    pub template: Arc<Value>,
    /// `spec.selector.matchLabels`.
    pub match_labels: Vec<(String, String)>,
    /// Whether the selector has `matchExpressions` as well.
    pub match_expressions: bool,
}

/// What the controller reports. Absent numbers are zero, as in the API.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Whether there is a status worth the name.
    pub present: bool,
    /// `status.observedGeneration`.
    pub observed_generation: Option<i64>,
    /// `status.replicas`.
    pub replicas: i64,
    /// `status.readyReplicas`.
    pub ready: i64,
    /// `status.currentReplicas`.
    pub current: i64,
    /// `status.updatedReplicas`.
    pub updated: i64,
    /// `status.availableReplicas`.
    pub available: i64,
    /// `status.currentRevision`.
    pub current_revision: Option<String>,
    /// `status.updateRevision`.
    pub update_revision: Option<String>,
    /// `status.collisionCount`.
    pub collision_count: Option<i64>,
}

impl Spec {
    /// The ordinals that are wanted.
    pub fn range(&self) -> Range<u32> {
        self.start..self.start.saturating_add(self.replicas)
    }

    /// Whether `ordinal` is wanted.
    pub fn in_range(&self, ordinal: Ordinal) -> bool {
        self.range().contains(&ordinal.0)
    }

    /// How many pods an update may take down at a time.
    pub fn update_budget(&self) -> u32 {
        self.max_unavailable.map_or(1, |budget| budget.of(self.replicas))
    }

    /// The lowest ordinal that an update touches; `None` under OnDelete. The partition counts from the first
    /// ordinal (k/k #128529).
    pub fn boundary(&self) -> Option<u32> {
        match self.strategy {
            Strategy::RollingUpdate { partition } => Some(self.start.saturating_add(partition)),
            Strategy::OnDelete => None,
        }
    }

    /// Reads the spec of a set, with defaults filled in.
    pub fn of(object: &Value) -> Spec {
        let number = |pointer: &str, default: u32| {
            object
                .field(pointer)
                .and_then(Value::as_u64)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(default)
        };
        let text = |pointer: &str| object.field(pointer).and_then(Value::as_str).unwrap_or_default();
        let deletes =
            |field: &str| text(&format!("/spec/persistentVolumeClaimRetentionPolicy/{field}")) == "Delete";
        Spec {
            generation: object
                .field("/metadata/generation")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            replicas: number("/spec/replicas", 1),
            start: number("/spec/ordinals/start", 0),
            policy: match text("/spec/podManagementPolicy") {
                "Parallel" => ManagementPolicy::Parallel,
                _ => ManagementPolicy::OrderedReady,
            },
            strategy: match text("/spec/updateStrategy/type") {
                "OnDelete" => Strategy::OnDelete,
                _ => Strategy::RollingUpdate {
                    partition: number("/spec/updateStrategy/rollingUpdate/partition", 0),
                },
            },
            max_unavailable: object
                .field("/spec/updateStrategy/rollingUpdate/maxUnavailable")
                .and_then(budget),
            rolling_update: object
                .field("/spec/updateStrategy/rollingUpdate")
                .is_some_and(Value::is_object),
            service_name: text("/spec/serviceName").into(),
            min_ready_seconds: number("/spec/minReadySeconds", 0),
            revision_history_limit: number("/spec/revisionHistoryLimit", 10),
            claim_templates: object
                .field("/spec/volumeClaimTemplates")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|template| template.field("/metadata/name").and_then(Value::as_str))
                .map(str::to_owned)
                .collect(),
            retention: Policy {
                when_deleted: deletes("whenDeleted"),
                when_scaled: deletes("whenScaled"),
            },
            template: Arc::new(canonical_template(
                object.field("/spec/template").unwrap_or(&Value::Null),
            )),
            match_labels: object
                .field("/spec/selector/matchLabels")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
            match_expressions: object
                .field("/spec/selector/matchExpressions")
                .and_then(Value::as_array)
                .is_some_and(|expressions| !expressions.is_empty()),
        }
    }
}

/// An int-or-string: a number of pods, or a percentage.
fn budget(value: &Value) -> Option<Budget> {
    match value {
        Value::String(text) => text.strip_suffix('%')?.parse().ok().map(Budget::Percent),
        value => u32::try_from(value.as_u64()?).ok().map(Budget::Pods),
    }
}

impl Status {
    /// Reads the status of a set.
    pub fn of(object: &Value) -> Status {
        let status = object.get("status").unwrap_or(&Value::Null);
        let number = |field: &str| status.get(field).and_then(Value::as_i64);
        let text = |field: &str| {
            status
                .get(field)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        Status {
            present: number("observedGeneration").is_some() || text("updateRevision").is_some(),
            observed_generation: number("observedGeneration"),
            replicas: number("replicas").unwrap_or_default(),
            ready: number("readyReplicas").unwrap_or_default(),
            current: number("currentReplicas").unwrap_or_default(),
            updated: number("updatedReplicas").unwrap_or_default(),
            available: number("availableReplicas").unwrap_or_default(),
            current_revision: text("currentRevision"),
            update_revision: text("updateRevision"),
            collision_count: number("collisionCount"),
        }
    }
}

impl Set {
    /// When it was first seen.
    pub fn added(&self) -> Moment {
        self.states
            .first()
            .map(|(moment, _)| *moment)
            .or(self.gone)
            .unwrap_or_default()
    }

    /// The spec in force at position `index`.
    pub fn spec_at(&self, index: usize) -> Option<&Spec> {
        self.specs.at(index).map(|(_, spec)| spec.as_ref())
    }

    /// The state at position `index`, `None` if the set did not exist there.
    pub fn at(&self, index: usize) -> Option<&SetState> {
        if self.gone.is_some_and(|gone| gone.index <= index) {
            return None;
        }
        self.states.at(index).map(|(_, state)| state)
    }

    /// The moments at which the spec changed (creation included), each with what it became.
    pub fn spec_changes(&self) -> Vec<(Moment, Arc<Spec>)> {
        self.specs.entries().to_vec()
    }

    /// The moments at which the status changed, each with what it became.
    pub fn status_changes(&self) -> Vec<(Moment, &Status)> {
        let mut changes: Vec<(Moment, &Status)> = Vec::new();
        for (moment, state) in self.states.entries() {
            if changes.last().is_none_or(|(_, status)| **status != state.status) {
                changes.push((*moment, &state.status));
            }
        }
        changes
    }
}

/// Maps and plain structures of a pod template: empty they mean the same as absent. Anything else that is empty is a
/// structure that is there, as in `securityContext: {}` and `emptyDir: {}`.
const MAPS: [&str; 8] = [
    "annotations",
    "labels",
    "limits",
    "matchLabels",
    "metadata",
    "nodeSelector",
    "requests",
    "resources",
];

/// A pod template without what carries no meaning: null values, empty maps and lists, `$patch`, a null creation time;
/// with sorted keys. Two templates ask for the same pods if their canonical forms are equal
/// (semantically equal revisions: k/k #134773).
pub fn canonical_template(template: &Value) -> Value {
    fn is_empty(value: &Value) -> bool {
        value.as_object().is_some_and(serde_json::Map::is_empty)
    }
    fn canonical(value: &Value) -> Option<Value> {
        match value {
            Value::Null => None,
            Value::Object(map) => {
                let mut fields: Vec<(String, Value)> = map
                    .iter()
                    .filter(|(key, _)| *key != "$patch")
                    .filter_map(|(key, value)| Some((key.clone(), canonical(value)?)))
                    .filter(|(key, value)| !(is_empty(value) && MAPS.contains(&key.as_str())))
                    .collect();
                fields.sort_by(|a, b| a.0.cmp(&b.0));
                Some(Value::Object(fields.into_iter().collect()))
            }
            Value::Array(items) if items.is_empty() => None,
            // An item keeps its place even if nothing is left of it.
            Value::Array(items) => Some(
                items
                    .iter()
                    .map(|item| canonical(item).unwrap_or_default())
                    .collect(),
            ),
            other => Some(other.clone()),
        }
    }
    canonical(template).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn percentages_of_replicas_round_down_and_never_to_zero() {
        let budget = |value| {
            Spec::of(&json!({"spec": {"replicas": 5, "updateStrategy": {"rollingUpdate": {"maxUnavailable": value}}}}))
                .update_budget()
        };
        assert_eq!(budget(json!("10%")), 1);
        assert_eq!(budget(json!("50%")), 2);
        assert_eq!(budget(json!(3)), 3);
        assert_eq!(budget(json!(null)), 1);
    }
}
