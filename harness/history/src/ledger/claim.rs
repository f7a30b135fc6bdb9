//! Claims and revisions.

use super::{Author, Moment, Timeline};
use crate::field::Field;
use serde_json::Value;
use std::sync::Arc;

/// One life of a PersistentVolumeClaim.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Name of the claim.
    pub name: String,
    /// Namespace of the claim.
    pub namespace: String,
    /// UID of the claim.
    pub uid: String,
    /// Everything that was seen of it.
    pub states: Timeline<ClaimState>,
    /// Whether its ADDED event was seen.
    pub seen_added: bool,
    /// Who created it, where that is known.
    pub created_by: Author,
    /// When its deletionTimestamp appeared (or when it vanished without), and who decided.
    pub deletion: Option<(Moment, Author)>,
    /// When it was gone.
    pub gone: Option<Moment>,
}

/// A claim as one event shows it.
#[derive(Clone, Debug)]
pub struct ClaimState {
    /// The whole object.
    pub object: Arc<Value>,
    /// `status.phase`.
    pub phase: String,
    /// `spec.volumeName`.
    pub volume: Option<String>,
    /// Whether deletionTimestamp is set.
    pub terminating: bool,
}

impl ClaimState {
    /// Reads a claim.
    pub fn of(object: Arc<Value>) -> ClaimState {
        let text = |pointer: &str| {
            object
                .field(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        ClaimState {
            phase: text("/status/phase"),
            volume: Some(text("/spec/volumeName")).filter(|name| !name.is_empty()),
            terminating: object
                .field("/metadata/deletionTimestamp")
                .is_some_and(|at| !at.is_null()),
            object,
        }
    }

    /// The owner references.
    pub fn owners(&self) -> &[Value] {
        self.object
            .field("/metadata/ownerReferences")
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

impl Claim {
    /// When it was first seen.
    pub fn added(&self) -> Moment {
        self.states
            .first()
            .map(|(moment, _)| *moment)
            .or(self.gone)
            .unwrap_or_default()
    }

    /// The state at position `index`, `None` if it did not exist there.
    pub fn at(&self, index: usize) -> Option<&ClaimState> {
        if self.gone.is_some_and(|gone| gone.index <= index) {
            return None;
        }
        self.states.at(index).map(|(_, state)| state)
    }
}

/// One life of a ControllerRevision.
#[derive(Clone, Debug)]
pub struct Revision {
    /// Name of the revision.
    pub name: String,
    /// Namespace of the revision.
    pub namespace: String,
    /// UID of the revision.
    pub uid: String,
    /// The stored pod template, canonical.
    pub template: Arc<Value>,
    /// Everything that was seen of it.
    pub states: Timeline<RevisionState>,
    /// Whether its ADDED event was seen.
    pub seen_added: bool,
    /// Who created it, where that is known.
    pub created_by: Author,
    /// When it was gone.
    pub gone: Option<Moment>,
}

/// A revision as one event shows it.
#[derive(Clone, Debug)]
pub struct RevisionState {
    /// The whole object.
    pub object: Arc<Value>,
    /// `revision`: the number.
    pub number: i64,
    /// UID of the controlling owner.
    pub owner: Option<String>,
}

impl Revision {
    /// When it was first seen.
    pub fn added(&self) -> Moment {
        self.states
            .first()
            .map(|(moment, _)| *moment)
            .or(self.gone)
            .unwrap_or_default()
    }

    /// Whether the owner of this UID controlled it at some time: a set takes over what an earlier one has left behind.
    pub fn was_owned_by(&self, uid: &str) -> bool {
        self.states
            .entries()
            .iter()
            .any(|(_, state)| state.owner.as_deref() == Some(uid))
    }

    /// Whether the owner of this UID controlled it at position `index`.
    pub fn is_owned_by(&self, uid: &str, index: usize) -> bool {
        self.exists_at(index)
            && self
                .states
                .at(index)
                .is_some_and(|(_, state)| state.owner.as_deref() == Some(uid))
    }

    /// The number at position `index`, `None` if the revision did not exist there.
    pub fn number_at(&self, index: usize) -> Option<i64> {
        if self.gone.is_some_and(|gone| gone.index <= index) {
            return None;
        }
        self.states.at(index).map(|(_, state)| state.number)
    }

    /// Whether it existed at position `index`.
    pub fn exists_at(&self, index: usize) -> bool {
        self.number_at(index).is_some()
    }
}
