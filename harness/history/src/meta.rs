//! What a history says about itself: who was judged, where, and with which patience.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The first line of a history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Name of the scenario.
    #[serde(default)]
    pub scenario: String,
    /// One sentence on what the scenario does.
    #[serde(default)]
    pub title: String,
    /// The namespace that belongs to the scenario alone.
    #[serde(default)]
    pub namespace: String,
    /// Version of Kubernetes, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
    /// Wall-clock start, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// Name of the cluster the scenario ran on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Name of the candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// Names of the features that the candidate declares absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsupported: Vec<String>,
    /// Deviations that the candidate admits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_deviations: Vec<Deviation>,
    /// Seed of all identifiers, if time was virtual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_seed: Option<u64>,
    /// How the candidate's objects differ from `apps/v1`.
    #[serde(default)]
    pub subject: Subject,
    /// Time limits, calibrated for candidate and cluster.
    #[serde(default)]
    pub patience: Patience,
    /// What the cluster could tell.
    #[serde(default)]
    pub evidence: Evidence,
}

/// A rule that the candidate is known to break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deviation {
    /// Id of the rule.
    pub rule: String,
    /// Why it deviates.
    pub reason: String,
}

/// How much of the truth the cluster can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// Every write carries its author.
    A,
    /// Watch events only.
    #[default]
    B,
}

/// The resource that the candidate serves, and the label keys it uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Subject {
    /// Plural name of the resource, as in watch events.
    pub resource: String,
    /// `apiVersion` that pods name in their owner reference.
    pub api_version: String,
    /// Kind that pods name in their owner reference.
    pub kind: String,
    /// Label keys on pods.
    pub labels: Labels,
}

/// Label keys that a StatefulSet controller puts on its pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Labels {
    /// Holds the pod's name.
    pub pod_name: String,
    /// Holds the ordinal.
    pub pod_index: String,
    /// Holds the name of the pod's ControllerRevision.
    pub revision: String,
}

impl Default for Subject {
    fn default() -> Self {
        Subject {
            resource: "statefulsets".into(),
            api_version: "apps/v1".into(),
            kind: "StatefulSet".into(),
            labels: Labels::default(),
        }
    }
}

impl Default for Labels {
    fn default() -> Self {
        Labels {
            pod_name: "statefulset.kubernetes.io/pod-name".into(),
            pod_index: "apps.kubernetes.io/pod-index".into(),
            revision: "controller-revision-hash".into(),
        }
    }
}

/// How long the judge gives a candidate. All in milliseconds; the defaults suit a real cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Patience {
    /// Staleness window: an action is legal if the rule held in some state this long before it
    /// (specification 0.3, point 1).
    pub staleness_ms: u64,
    /// Reaction bound: an enabled step that has not happened after this long in a quiet world is late
    /// (SS-ORD-12 proposes 10 s).
    pub reaction_ms: u64,
    /// How long a settled world must have been silent before a later write counts as noise (SS-ST-10).
    pub settle_ms: u64,
    /// How old a DNS answer may be: endpoint latency plus time to live of records and of negative answers
    /// (DN-11: about 5 s and 30 s with an ordinary cache).
    pub dns_ms: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            staleness_ms: 2_000,
            reaction_ms: 10_000,
            settle_ms: 2_000,
            dns_ms: 35_000,
        }
    }
}

/// A controller takes a step in up to so many turns, and all together may be kept waiting as long as as many of the harness.
pub const TURNS: u32 = 20;

impl Patience {
    /// Patience on a machine that needed `lag_ms` milliseconds for each turn of the harness itself ([`End::lag_ms`]).
    ///
    /// [`End::lag_ms`]: crate::End::lag_ms
    #[must_use]
    pub fn stretched(self, lag_ms: u64) -> Patience {
        let least = lag_ms.saturating_mul(TURNS.into());
        Patience {
            staleness_ms: self.staleness_ms.max(least),
            reaction_ms: self.reaction_ms.max(least.saturating_mul(3)),
            settle_ms: self.settle_ms.max(least),
            dns_ms: self.dns_ms.max(least),
        }
    }

    /// The staleness window.
    pub fn staleness(&self) -> Duration {
        Duration::from_millis(self.staleness_ms)
    }

    /// The reaction bound.
    pub fn reaction(&self) -> Duration {
        Duration::from_millis(self.reaction_ms)
    }

    /// How old a DNS answer may be.
    pub fn dns(&self) -> Duration {
        Duration::from_millis(self.dns_ms)
    }

    /// The settling time.
    pub fn settle(&self) -> Duration {
        Duration::from_millis(self.settle_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_candidate_declared_is_read_if_it_is_there() {
        let older: Meta = serde_json::from_str("{\"scenario\":\"create-ordered\"}").unwrap();
        assert_eq!((older.unsupported.len(), older.virtual_seed), (0, None));
        let text = serde_json::to_string(&older).unwrap();
        for field in ["unsupported", "known_deviations", "virtual_seed"] {
            assert!(!text.contains(field), "{text}");
        }
        let declared = Meta {
            unsupported: vec!["partition".into()],
            known_deviations: vec![Deviation {
                rule: "SS-ORD-01".into(),
                reason: "we are early".into(),
            }],
            virtual_seed: Some(7),
            ..older
        };
        let text = serde_json::to_string(&declared).unwrap();
        assert_eq!(serde_json::from_str::<Meta>(&text).unwrap(), declared);
    }
}
