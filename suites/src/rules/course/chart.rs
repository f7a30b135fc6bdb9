//! What is computed once of each set.

use super::decisions::{self, Decided};
use super::epochs::{self, Epoch, Standing};
use super::pictures::{self, Picture};
use history::{Ledger, Moment, Ordinal, PodState, Set};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// The charts of all sets of a ledger, in its order.
pub(super) struct Charts(Vec<Arc<Chart>>);

impl Charts {
    pub(super) fn of(ledger: &Ledger) -> Charts {
        let charts = ledger.sets().iter().map(|set| Arc::new(Chart::of(ledger, set)));
        Charts(charts.collect())
    }

    pub(super) fn get(&self, place: usize) -> Option<Arc<Chart>> {
        self.0.get(place).cloned()
    }
}

/// One set, indexed.
pub(in crate::rules) struct Chart {
    /// What was asked for, one spec after another.
    pub(in crate::rules) epochs: Vec<Epoch>,
    /// When others began to take its objects away (see [`Ledger::ending`]).
    pub(in crate::rules) ending: Option<Moment>,
    /// Places of the incarnations of each ordinal in the ledger's list, in order of appearance.
    pub(super) lives: BTreeMap<Ordinal, Vec<usize>>,
    /// The decisions to delete a member, in order.
    pub(super) decided: Vec<Decided>,
    /// The set after each change, in order.
    pub(super) pictures: Vec<Picture>,
    /// Names of all revisions of the namespace, numbered: a label that is none of them says nothing.
    known: HashMap<String, usize>,
}

impl Chart {
    fn of(ledger: &Ledger, set: &Set) -> Chart {
        let mut lives: BTreeMap<Ordinal, Vec<usize>> = BTreeMap::new();
        for (place, pod) in ledger.pods().iter().enumerate() {
            let member = || {
                let uid = Some(set.uid.as_str());
                pod.states
                    .entries()
                    .iter()
                    .any(|(_, state)| state.owner.as_deref() == uid)
            };
            if pod.namespace == set.namespace
                && let Some(ordinal) = Ordinal::of(&pod.name, &set.name)
                && member()
            {
                lives.entry(ordinal).or_default().push(place);
            }
        }
        let known = ledger
            .all_revisions()
            .iter()
            .filter(|revision| revision.namespace == set.namespace)
            .enumerate()
            .map(|(place, revision)| (revision.name.clone(), place))
            .collect();
        let ending = ledger.ending(set);
        let mut chart = Chart {
            epochs: epochs::of(ledger, set, ending),
            ending,
            lives,
            decided: Vec::new(),
            pictures: Vec::new(),
            known,
        };
        chart.decided = decisions::of(ledger, set, &chart);
        chart.pictures = pictures::of(ledger, set, &chart);
        chart
    }

    /// The number of the revision of this name.
    pub(super) fn place_of(&self, revision: &str) -> Option<usize> {
        self.known.get(revision).copied()
    }

    /// How a pod stands to what `epoch` asks for.
    pub(in crate::rules) fn standing(&self, state: &PodState, epoch: &Epoch) -> Standing {
        match state.revision.as_deref() {
            Some(revision) if epoch.wants(revision) => Standing::Wanted,
            Some(revision) if self.known.contains_key(revision) => Standing::Old,
            _ => Standing::Unknown,
        }
    }

    /// The epoch in force at position `index`.
    pub(in crate::rules) fn epoch_at(&self, index: usize) -> Option<&Epoch> {
        let after = self.epochs.partition_point(|epoch| epoch.from.index <= index);
        self.epochs.get(after.checked_sub(1)?)
    }

    /// The epochs in force at some time of the window of length `staleness` before `moment`, newest first.
    pub(super) fn epochs_within(
        &self,
        staleness: std::time::Duration,
        moment: Moment,
    ) -> impl Iterator<Item = &Epoch> {
        let since = moment.at.before(staleness);
        let after = self
            .epochs
            .partition_point(|epoch| epoch.from.index < moment.index);
        let begun = self.epochs.get(..after).unwrap_or_default();
        begun
            .iter()
            .rev()
            .enumerate()
            .take_while(move |(place, epoch)| *place == 0 || epoch.until.at >= since)
            .map(|(_, epoch)| epoch)
    }
}
