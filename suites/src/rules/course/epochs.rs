//! Which spec was in force when, and which revision it asked for.

use super::Course;
use history::{Ledger, Moment, Ordinal, Set, Spec, Strategy};
use std::{sync::Arc, time::Duration};

/// The time during which one spec was in force.
pub(in crate::rules) struct Epoch {
    /// When it was written.
    pub(in crate::rules) from: Moment,
    /// When the next one was written, or the set's ending began; the end of the history if neither happened.
    pub(in crate::rules) until: Moment,
    /// What was asked for.
    pub(in crate::rules) spec: Arc<Spec>,
    /// Names of the revisions that store the template. Empty until the controller makes one (and if it never does).
    pub(in crate::rules) wanted: Vec<String>,
    /// Whether the template differs from that of the spec before. False for the first spec.
    pub(in crate::rules) new_template: bool,
}

/// How a pod stands to what an epoch asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Standing {
    /// At the revision of the template.
    Wanted,
    /// At another revision.
    Old,
    /// Its label names no revision that was seen.
    Unknown,
}

impl Epoch {
    /// Whether an update reaches this ordinal: in range, at or above the partition, not OnDelete.
    pub(in crate::rules) fn updates(&self, ordinal: Ordinal) -> bool {
        self.spec.in_range(ordinal) && self.spec.boundary().is_some_and(|boundary| ordinal.0 >= boundary)
    }

    /// Whether a partition keeps this ordinal: in range and below it.
    pub(in crate::rules) fn keeps(&self, ordinal: Ordinal) -> bool {
        self.spec.in_range(ordinal) && self.spec.boundary().is_some_and(|boundary| ordinal.0 < boundary)
    }

    /// The partition, zero under OnDelete.
    pub(in crate::rules) fn partition(&self) -> u32 {
        match self.spec.strategy {
            Strategy::RollingUpdate { partition } => partition,
            Strategy::OnDelete => 0,
        }
    }

    /// Whether the strategy is OnDelete.
    pub(in crate::rules) fn on_delete(&self) -> bool {
        self.spec.strategy == Strategy::OnDelete
    }

    /// How long it was in force.
    pub(in crate::rules) fn lasted(&self) -> Duration {
        self.until.at.since(self.from.at)
    }

    /// Whether the revision of this name stores the template.
    pub(in crate::rules) fn wants(&self, revision: &str) -> bool {
        self.wanted.iter().any(|wanted| wanted == revision)
    }
}

/// The epochs of a set, up to its ending.
pub(super) fn of(ledger: &Ledger, set: &Set, ending: Option<Moment>) -> Vec<Epoch> {
    let mut changes = set.spec_changes();
    if let Some(ending) = ending {
        changes.retain(|(moment, _)| *moment < ending);
    }
    let mut epochs: Vec<Epoch> = Vec::with_capacity(changes.len());
    for (place, (from, spec)) in changes.iter().enumerate() {
        let until = changes
            .get(place + 1)
            .map(|(moment, _)| *moment)
            .or(ending)
            .unwrap_or_else(|| ledger.end());
        let same = epochs
            .iter()
            .find(|earlier| earlier.spec.template == spec.template)
            .map(|earlier| earlier.wanted.clone());
        let new_template = epochs
            .last()
            .is_some_and(|before| before.spec.template != spec.template);
        let wanted = same.unwrap_or_else(|| wanted(ledger, set, spec));
        epochs.push(Epoch {
            from: *from,
            until,
            spec: spec.clone(),
            wanted,
            new_template,
        });
    }
    epochs
}

/// The revisions that store the template of `spec`. A controller may store it in a form of its own that compares as
/// different; then its own word counts, given for exactly this generation.
fn wanted(ledger: &Ledger, set: &Set, spec: &Spec) -> Vec<String> {
    let stored: Vec<String> = ledger
        .all_revisions()
        .iter()
        .filter(|revision| revision.namespace == set.namespace && revision.template == spec.template)
        .map(|revision| revision.name.clone())
        .collect();
    if !stored.is_empty() {
        return stored;
    }
    set.states
        .entries()
        .iter()
        .filter(|(_, state)| state.status.observed_generation == Some(spec.generation))
        .filter_map(|(_, state)| state.status.update_revision.as_deref())
        .find(|name| ledger.all_revisions().iter().any(|known| known.name == *name))
        .map(str::to_owned)
        .into_iter()
        .collect()
}

impl Course<'_> {
    /// The epochs in force at some time of the staleness window before `moment`, newest first.
    pub(in crate::rules) fn epochs_before(&self, moment: Moment) -> impl Iterator<Item = &Epoch> {
        self.epochs_within(self.ledger.patience().staleness(), moment)
    }

    /// The first status at or after position `index` (and before `until`) that satisfies `goal`.
    pub(in crate::rules) fn status_from(
        &self,
        index: usize,
        until: Moment,
        goal: impl Fn(&history::Status) -> bool,
    ) -> Option<Moment> {
        let states = &self.set.states;
        if let Some((moment, state)) = states.at(index)
            && goal(&state.status)
        {
            return Some(*moment);
        }
        states
            .after(index)
            .iter()
            .take_while(|(moment, _)| *moment < until || *moment == self.ledger.end())
            .find(|(_, state)| goal(&state.status))
            .map(|(moment, _)| *moment)
    }
}
