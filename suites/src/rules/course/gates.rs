//! What stands in the way of an update's next step (specification 1.5).

use super::{Course, Decision, Epoch, Standing};
use crate::rules::window::Window;
use history::{Moment, Ordinal, PodState};

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

    /// The highest pod that waits for an update at position `index`.
    pub(in crate::rules) fn top_due(&self, index: usize) -> Option<Ordinal> {
        self.picture_at(index)?.top_due
    }

    /// Whether a pod other than this one waits for an update.
    pub(in crate::rules) fn others_due(&self, ordinal: Ordinal, index: usize) -> bool {
        let own = usize::from(self.due(ordinal, index));
        self.picture_at(index).is_some_and(|picture| picture.due > own)
    }

    /// A higher pod that waits for the update.
    pub(in crate::rules) fn due_above(&self, ordinal: Ordinal, index: usize) -> Option<Ordinal> {
        self.top_due(index).filter(|top| *top > ordinal)
    }

    /// A higher pod that is not there, terminating, or at the new revision and not Ready.
    pub(in crate::rules) fn down_above(&self, ordinal: Ordinal, index: usize) -> Option<Ordinal> {
        self.picture_at(index)?
            .highest_down
            .filter(|down| *down > ordinal)
    }

    /// A lower pod in range that is not Healthy; it blocks an update under OrderedReady.
    pub(in crate::rules) fn down_below(&self, ordinal: Ordinal, index: usize) -> Option<Ordinal> {
        self.picture_at(index)?
            .lowest_unhealthy
            .filter(|down| *down < ordinal && self.ordered_at(index))
    }

    /// Whether an update may have looked legal to the controller: some spec that it may have had in view makes the pod
    /// due, and each of `others` in range was, at some time, nothing to wait for. Sets and pods come by watches of their
    /// own, so what was known of each need never have been true together.
    pub(in crate::rules) fn may_have_looked_open(
        &self,
        decision: &Decision<'_>,
        others: impl Fn(Ordinal) -> bool,
    ) -> bool {
        let window = Window::before(self.ledger, self.set, decision.moment);
        let mut known = self.epochs_before(decision.moment).filter(|epoch| {
            epoch.updates(decision.ordinal) && self.standing(decision.before, epoch) == Standing::Old
        });
        known.any(|epoch| {
            let done = |other: Ordinal, state: &PodState| {
                let new = other < decision.ordinal || self.standing(state, epoch) != Standing::Old;
                state.healthy() && new
            };
            let mut waited_for = epoch.spec.range().map(Ordinal);
            waited_for.all(|other| {
                other == decision.ordinal
                    || !others(other)
                    || window.ever(other, |state| state.is_some_and(|state| done(other, state)))
            })
        })
    }

    /// Whether every wanted pod is Healthy and at the wanted revision, and no other member is left.
    pub(in crate::rules) fn complete(&self, epoch: &Epoch, index: usize) -> bool {
        self.picture_at(index).is_some_and(|picture| {
            picture.members > 0 && picture.all_healthy() && picture.wanted == picture.members
        }) && epoch.spec.replicas > 0
    }

    /// Since when the pod of this ordinal is as it is at position `index`.
    pub(in crate::rules) fn since(&self, ordinal: Ordinal, index: usize) -> Option<Moment> {
        if let Some((pod, _)) = self.at(ordinal, index) {
            return pod.states.at(index).map(|(moment, _)| *moment);
        }
        self.incarnations(ordinal)
            .filter_map(|pod| pod.gone)
            .filter(|gone| gone.index <= index)
            .max()
    }

    /// How the pod of an ordinal is at position `index`, in words.
    pub(in crate::rules) fn obstacle(&self, ordinal: Ordinal, index: usize) -> Obstacle {
        let how = match self.at(ordinal, index) {
            None => "missing".to_owned(),
            Some((_, state)) if state.healthy() => "still old".to_owned(),
            Some((_, state)) => state.describe(),
        };
        Obstacle {
            ordinal,
            how,
            since: self.since(ordinal, index),
        }
    }
}
