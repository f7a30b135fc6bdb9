//! What stands in the way of an update's next step (specification 1.5).

use super::{Course, Epoch, Standing};
use history::{ManagementPolicy, Moment, Ordinal};

/// A pod that must be waited for, and how it is.
#[derive(Clone, Debug)]
pub(in crate::rules) struct Obstacle {
    /// Its ordinal.
    pub(in crate::rules) ordinal: Ordinal,
    /// How it is, in words.
    pub(in crate::rules) how: String,
    /// Since when.
    pub(in crate::rules) since: Option<Moment>,
}

impl Course<'_> {
    /// Whether the pod of this ordinal waits for an update at position `index`: reached by it, alive and old.
    pub(in crate::rules) fn due(&self, ordinal: Ordinal, index: usize) -> bool {
        self.epoch_at(index).is_some_and(|epoch| {
            epoch.updates(ordinal)
                && self.at(ordinal, index).is_some_and(|(_, state)| {
                    !state.terminating && self.standing(state, epoch) == Standing::Old
                })
        })
    }

    /// The highest pod that waits for an update at position `index`, and how many wait.
    pub(in crate::rules) fn top_due(&self, index: usize) -> Option<Ordinal> {
        self.ordinals
            .keys()
            .rev()
            .copied()
            .find(|ordinal| self.due(*ordinal, index))
    }

    /// A higher pod that waits for the update.
    pub(in crate::rules) fn due_above(&self, ordinal: Ordinal, index: usize) -> Option<Obstacle> {
        self.top_due(index)
            .filter(|top| *top > ordinal)
            .map(|top| self.obstacle(top, index, "still old"))
    }

    /// A higher pod that is not there, terminating, or at the new revision and not Ready.
    pub(in crate::rules) fn down_above(&self, ordinal: Ordinal, index: usize) -> Option<Obstacle> {
        let epoch = self.epoch_at(index)?;
        let above = ordinal.0.saturating_add(1)..epoch.spec.range().end;
        above
            .map(Ordinal)
            .find(|higher| match self.at(*higher, index) {
                None => true,
                Some((_, state)) => {
                    state.terminating || (!state.ready && self.standing(state, epoch) != Standing::Old)
                }
            })
            .map(|higher| self.obstacle(higher, index, "missing"))
    }

    /// A lower pod in range that is not Healthy; it blocks an update under OrderedReady.
    pub(in crate::rules) fn down_below(&self, ordinal: Ordinal, index: usize) -> Option<Obstacle> {
        let epoch = self.epoch_at(index)?;
        if epoch.spec.policy != ManagementPolicy::OrderedReady {
            return None;
        }
        (epoch.spec.start..ordinal.0)
            .map(Ordinal)
            .find(|lower| !self.healthy(*lower, index))
            .map(|lower| self.obstacle(lower, index, "missing"))
    }

    /// Whether the pod of this ordinal is Healthy at position `index`.
    pub(in crate::rules) fn healthy(&self, ordinal: Ordinal, index: usize) -> bool {
        self.at(ordinal, index).is_some_and(|(_, state)| state.healthy())
    }

    /// Whether every wanted pod is Healthy at position `index`, and no other member is left.
    pub(in crate::rules) fn all_healthy(&self, index: usize) -> bool {
        self.epoch_at(index).is_some_and(|epoch| {
            epoch
                .spec
                .range()
                .all(|ordinal| self.healthy(Ordinal(ordinal), index))
                && self
                    .all_at(index)
                    .all(|(ordinal, _, _)| epoch.spec.in_range(ordinal))
        })
    }

    /// Whether every wanted pod is Healthy and at the wanted revision, and no other member is left.
    pub(in crate::rules) fn complete(&self, epoch: &Epoch<'_>, index: usize) -> bool {
        epoch.spec.replicas > 0
            && self.all_healthy(index)
            && self
                .all_at(index)
                .all(|(_, _, state)| self.standing(state, epoch) == Standing::Wanted)
    }

    /// Since when the pod of this ordinal is as it is at position `index`.
    pub(in crate::rules) fn since(&self, ordinal: Ordinal, index: usize) -> Option<Moment> {
        if let Some((pod, _)) = self.at(ordinal, index) {
            return pod.states.at(index).map(|(moment, _)| *moment);
        }
        self.incarnations(ordinal)
            .iter()
            .filter_map(|pod| pod.gone)
            .filter(|gone| gone.index <= index)
            .max()
    }

    /// Name of the pod with this ordinal.
    pub(in crate::rules) fn name(&self, ordinal: Ordinal) -> String {
        format!("{}-{ordinal}", self.set.name)
    }

    pub(in crate::rules) fn obstacle(&self, ordinal: Ordinal, index: usize, otherwise: &str) -> Obstacle {
        let how = self
            .at(ordinal, index)
            .filter(|(_, state)| otherwise == "missing" || !state.healthy())
            .map_or_else(|| otherwise.to_owned(), |(_, state)| state.describe());
        Obstacle {
            ordinal,
            how,
            since: self.since(ordinal, index),
        }
    }
}
