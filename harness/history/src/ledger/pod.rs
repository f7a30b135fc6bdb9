//! Incarnations of pods.

use super::{Moment, Timeline};
use crate::Elapsed;
use crate::field::Field;
use serde_json::Value;
use std::{fmt, sync::Arc, time::Duration};

/// The number in the name of a member pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordinal(pub u32);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Ordinal {
    /// The ordinal in `name`, if `name` is `<set>-<n>` with n decimal and without leading zeros.
    pub fn of(name: &str, set: &str) -> Option<Ordinal> {
        let digits = name.strip_prefix(set)?.strip_prefix('-')?;
        let plain = digits == "0" || !digits.starts_with('0');
        (plain && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| digits.parse().ok().map(Ordinal))?
    }
}

/// One life of a pod: from ADDED to DELETED of one UID.
#[derive(Clone, Debug)]
pub struct Incarnation {
    /// Name of the pod.
    pub name: String,
    /// Namespace of the pod.
    pub namespace: String,
    /// UID of the pod.
    pub uid: String,
    /// Everything that was seen of it, the DELETED event excluded.
    pub states: Timeline<PodState>,
    /// Whether its ADDED event was seen; false if it was there before the history began.
    pub seen_added: bool,
    /// Who created it, where that is known.
    pub created_by: Author,
    /// The decision to delete it: deletionTimestamp set, or gone without.
    pub deletion: Option<Deletion>,
    /// When it was gone.
    pub gone: Option<Moment>,
}

/// The decision to delete a pod.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// When deletionTimestamp appeared, or when the pod vanished without one.
    pub moment: Moment,
    /// `deletionGracePeriodSeconds` of the first event that carries a deletionTimestamp.
    pub grace: Option<i64>,
    /// Who decided, where that is known.
    pub by: Author,
}

/// Who made a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// The controller under test.
    Candidate,
    /// The harness.
    Harness,
    /// Another part of the cluster.
    Cluster,
    /// The history does not tell.
    #[default]
    Unknown,
}

impl Author {
    /// Whether this may be the candidate: it is, or nobody knows.
    pub fn may_be_candidate(self) -> bool {
        matches!(self, Author::Candidate | Author::Unknown)
    }
}

/// A pod as one event shows it.
#[derive(Clone, Debug)]
pub struct PodState {
    /// The whole object.
    pub object: Arc<Value>,
    /// `status.phase`.
    pub phase: String,
    /// Phase Running and condition Ready True: Ready(p) of the specification.
    pub ready: bool,
    /// Whether deletionTimestamp is set.
    pub terminating: bool,
    /// Value of the revision label.
    pub revision: Option<String>,
    /// UID of the controlling owner.
    pub owner: Option<String>,
    /// `status.podIP`.
    pub ip: Option<String>,
    /// `spec.nodeName`.
    pub node: Option<String>,
    /// Whether the labels are others than in the state before. True for the first state.
    pub relabelled: bool,
    /// Condition DisruptionTarget True: the cluster takes the pod away.
    pub(super) disrupted: bool,
}

impl PodState {
    /// Reads a pod; `revision_label` is the key of the revision label.
    pub fn of(object: Arc<Value>, revision_label: &str) -> PodState {
        let text = |pointer: &str| {
            object
                .field(pointer)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let phase = text("/status/phase").unwrap_or_default();
        let ready_condition = condition(&object, "Ready") == Some("True");
        PodState {
            ready: phase == "Running" && ready_condition,
            terminating: object
                .field("/metadata/deletionTimestamp")
                .is_some_and(|at| !at.is_null()),
            revision: object
                .field("/metadata/labels")
                .and_then(|labels| labels.get(revision_label))
                .and_then(Value::as_str)
                .map(str::to_owned),
            owner: controller_uid(&object).map(str::to_owned),
            disrupted: condition(&object, "DisruptionTarget") == Some("True"),
            ip: text("/status/podIP"),
            node: text("/spec/nodeName"),
            relabelled: true,
            phase,
            object,
        }
    }

    /// Ready and not terminating: Healthy(p) of the specification.
    pub fn healthy(&self) -> bool {
        self.ready && !self.terminating
    }

    /// Whether the pod has ended: phase Failed or Succeeded.
    pub fn ended(&self) -> bool {
        matches!(self.phase.as_str(), "Failed" | "Succeeded")
    }

    /// Status of a condition of the pod.
    pub fn condition(&self, kind: &str) -> Option<&str> {
        condition(&self.object, kind)
    }

    /// How long after its creation the pod became Ready, by the clocks of the cluster, which tell whole seconds.
    fn ready_after(&self) -> Option<Duration> {
        let time = |text: Option<&Value>| text?.as_str()?.parse::<jiff::Timestamp>().ok();
        let ready = find_condition(&self.object, "Ready").filter(|_| self.ready)?;
        let since = time(ready.get("lastTransitionTime"))?;
        let created = time(self.object.field("/metadata/creationTimestamp"))?;
        Duration::try_from(since.duration_since(created)).ok()
    }

    /// `Ready`, `Running but not Ready`, `terminating (Running)`, …: the state in words.
    pub fn describe(&self) -> String {
        let phase = if self.phase.is_empty() {
            "Pending"
        } else {
            &self.phase
        };
        match (self.terminating, self.ready) {
            (true, true) => "terminating, still Ready".into(),
            (true, false) => format!("terminating ({phase})"),
            (false, true) => "Ready".into(),
            (false, false) if phase == "Running" => "Running but not Ready".into(),
            (false, false) => phase.into(),
        }
    }
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    find_condition(object, kind)?.get("status")?.as_str()
}

fn find_condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object
        .field("/status/conditions")?
        .as_array()?
        .iter()
        .find(|condition| condition.get("type").and_then(Value::as_str) == Some(kind))
}

/// UID of the owner that is marked as controller.
pub(super) fn controller_uid(object: &Value) -> Option<&str> {
    object
        .field("/metadata/ownerReferences")?
        .as_array()?
        .iter()
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))?
        .get("uid")?
        .as_str()
}

impl Incarnation {
    /// When it was first seen.
    pub fn added(&self) -> Moment {
        self.states
            .first()
            .map(|(moment, _)| *moment)
            .or(self.gone)
            .unwrap_or_default()
    }

    /// The pod as it was created, if it was ever seen alive.
    pub fn first(&self) -> Option<&PodState> {
        self.states.first().map(|(_, state)| state)
    }

    /// The newest state.
    pub fn last(&self) -> Option<&PodState> {
        self.states.last().map(|(_, state)| state)
    }

    /// The state at position `index`, `None` if it did not exist there.
    pub fn at(&self, index: usize) -> Option<&PodState> {
        if self.gone.is_some_and(|gone| gone.index <= index) {
            return None;
        }
        self.states.at(index).map(|(_, state)| state)
    }

    /// Whether it existed at position `index`.
    pub fn exists_at(&self, index: usize) -> bool {
        self.at(index).is_some()
    }

    /// Since when the pod has been Ready at the earliest, if `state` was the first to tell, at `told`. A busy node tells it
    /// seconds late, and a controller reckons with the time that the node gives.
    pub fn ready_from(&self, told: Moment, state: &PodState) -> Elapsed {
        // Either time may have been cut off by almost a second.
        const CUT: Duration = Duration::from_secs(1);
        let earliest = state
            .ready_after()
            .filter(|_| self.seen_added)
            .map(|after| Elapsed::from(Duration::from(self.added().at) + after).before(CUT));
        match earliest {
            Some(earliest) if told.at.since(earliest) > CUT * 2 => earliest,
            _ => told.at,
        }
    }

    /// The first moment at which it was Healthy, at or after position `index`.
    pub fn healthy_from(&self, index: usize) -> Option<Moment> {
        if let Some((moment, state)) = self.states.at(index)
            && state.healthy()
        {
            return Some(*moment);
        }
        self.states
            .after(index)
            .iter()
            .find(|(_, state)| state.healthy())
            .map(|(moment, _)| *moment)
    }
}
