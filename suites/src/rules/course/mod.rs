//! The course of a set: which spec was in force when and which revision it asked for, who lived at each ordinal, and
//! which pods were taken down why. The vocabulary of the rules on updates, claims and status.

mod decisions;
mod epochs;
mod gates;
mod stretches;

pub(super) use decisions::{Cause, Creation, Decision};
pub(super) use epochs::{Epoch, Standing};
pub(super) use gates::Obstacle;
pub(super) use stretches::Stretch;

use history::{Elapsed, Incarnation, Ledger, Moment, Ordinal, PodState, Set, Status};
use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

/// One set from its first event to its end, indexed for judging.
pub(super) struct Course<'a> {
    /// The history.
    pub(super) ledger: &'a Ledger,
    /// The set.
    pub(super) set: &'a Set,
    /// What was asked for, one spec after another.
    pub(super) epochs: Vec<Epoch<'a>>,
    /// When others began to take its objects away (see [`Ledger::ending`]).
    pub(super) ending: Option<Moment>,
    /// Incarnations of each ordinal, in order of appearance.
    ordinals: BTreeMap<Ordinal, Vec<&'a Incarnation>>,
    /// Names of all revisions of the namespace: a label that is none of them says nothing.
    known: HashSet<&'a str>,
}

/// The courses of all sets of a history.
pub(super) fn courses(ledger: &Ledger) -> impl Iterator<Item = Course<'_>> {
    ledger.sets().iter().map(move |set| Course::of(ledger, set))
}

impl<'a> Course<'a> {
    fn of(ledger: &'a Ledger, set: &'a Set) -> Course<'a> {
        let mut ordinals: BTreeMap<Ordinal, Vec<&Incarnation>> = BTreeMap::new();
        for pod in ledger.members(set) {
            if let Some(ordinal) = ledger.ordinal(set, pod) {
                ordinals.entry(ordinal).or_default().push(pod);
            }
        }
        let known = ledger
            .all_revisions()
            .iter()
            .filter(|revision| revision.namespace == set.namespace)
            .map(|revision| revision.name.as_str())
            .collect();
        let ending = ledger.ending(set);
        Course {
            epochs: epochs::of(ledger, set, ending),
            ledger,
            set,
            ending,
            ordinals,
            known,
        }
    }

    /// All ordinals that ever had a pod, each with its incarnations.
    pub(super) fn ordinals(&self) -> impl Iterator<Item = (Ordinal, &[&'a Incarnation])> {
        self.ordinals
            .iter()
            .map(|(ordinal, pods)| (*ordinal, pods.as_slice()))
    }

    /// The incarnations of one ordinal.
    pub(super) fn incarnations(&self, ordinal: Ordinal) -> &[&'a Incarnation] {
        self.ordinals.get(&ordinal).map_or(&[], Vec::as_slice)
    }

    /// The member with this ordinal at position `index`, while the set controls it.
    pub(super) fn at(&self, ordinal: Ordinal, index: usize) -> Option<(&'a Incarnation, &'a PodState)> {
        self.incarnations(ordinal)
            .iter()
            .rev()
            .filter_map(|pod| Some((*pod, pod.at(index)?)))
            .find(|(_, state)| state.owner.as_deref() == Some(self.set.uid.as_str()))
    }

    /// All members at position `index`, lowest ordinal first.
    pub(super) fn all_at(
        &self,
        index: usize,
    ) -> impl Iterator<Item = (Ordinal, &'a Incarnation, &'a PodState)> {
        self.ordinals.keys().filter_map(move |ordinal| {
            self.at(*ordinal, index)
                .map(|(pod, state)| (*ordinal, pod, state))
        })
    }

    /// What the controller reported last, at position `index`.
    pub(super) fn status_at(&self, index: usize) -> Option<&'a Status> {
        self.set.states.at(index).map(|(_, state)| &state.status)
    }

    /// The last moment that belongs to the set's ordinary life: its ending, or the end of the history.
    pub(super) fn last(&self) -> Moment {
        self.ending.unwrap_or_else(|| self.ledger.end())
    }

    /// The position that was in force at `moment` minus nothing: the one just before it.
    pub(super) fn just_before(&self, moment: Moment) -> usize {
        moment.index.saturating_sub(1)
    }

    /// The position in force at a time.
    pub(super) fn position_at(&self, at: Elapsed) -> usize {
        self.ledger
            .order()
            .partition_point(|moment| moment.at <= at)
            .saturating_sub(1)
    }

    /// The position in force `by` after `from`.
    pub(super) fn position_after(&self, from: Moment, by: Duration) -> usize {
        self.position_at(from.at + by).max(from.index)
    }
}
