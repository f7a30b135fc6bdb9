//! When nothing moved.

use super::{Course, Epoch};
use history::{Moment, Ordinal, PodState};
use std::time::Duration;

/// A time in which the members and the spec of a set stayed as they were.
#[derive(Clone, Copy, Debug)]
pub(in crate::rules) struct Stretch {
    /// What moved last.
    pub(in crate::rules) from: Moment,
    /// What moved next, or the last moment of the set's life.
    pub(in crate::rules) until: Moment,
}

impl Stretch {
    /// How long nothing moved.
    pub(in crate::rules) fn lasted(&self) -> Duration {
        self.until.at.since(self.from.at)
    }
}

/// What of a pod matters to its controller.
fn essence(state: &PodState) -> (bool, bool, bool, Option<&str>, Option<&str>) {
    (
        state.ready,
        state.terminating,
        state.ended(),
        state.revision.as_deref(),
        state.owner.as_deref(),
    )
}

impl Course<'_> {
    /// All stretches of at least `min`, in order.
    pub(in crate::rules) fn stretches(&self, min: Duration) -> Vec<Stretch> {
        let last = self.last();
        let mut turns: Vec<Moment> = self.epochs.iter().map(|epoch| epoch.from).collect();
        for (_, pods) in self.ordinals() {
            for pod in pods {
                let mut former = None;
                for (moment, state) in pod.states.entries() {
                    let now = essence(state);
                    if former.as_ref() != Some(&now) {
                        turns.push(*moment);
                        former = Some(now);
                    }
                }
                turns.extend(pod.gone);
            }
        }
        turns.retain(|turn| *turn < last);
        turns.push(last);
        turns.sort_unstable();
        turns
            .windows(2)
            .filter_map(|pair| match pair {
                [from, until] => Some(Stretch {
                    from: *from,
                    until: *until,
                }),
                _ => None,
            })
            .filter(|stretch| stretch.lasted() >= min)
            .collect()
    }

    /// Stretches in which an update had every reason to go on and did not: all pods Healthy for longer than
    /// `patience` (and `minReadySeconds`), the highest old one named.
    pub(in crate::rules) fn idle_updates(&self, patience: Duration) -> Vec<(Stretch, &Epoch<'_>, Ordinal)> {
        self.stretches(patience)
            .into_iter()
            .filter_map(|stretch| {
                let epoch = self.epoch_at(stretch.from.index)?;
                let due = self.top_due(stretch.from.index)?;
                let available = Duration::from_secs(epoch.spec.min_ready_seconds.into());
                (stretch.lasted() >= patience + available && self.all_healthy(stretch.from.index))
                    .then_some((stretch, epoch, due))
            })
            .collect()
    }

    /// Stretches longer than the staleness window in which a pod waited for an update, the highest such pod named:
    /// whatever was decided inside, was decided with full knowledge.
    pub(in crate::rules) fn held_updates(&self) -> Vec<(Stretch, Ordinal)> {
        self.stretches(self.ledger.patience().staleness())
            .into_iter()
            .filter_map(|stretch| Some((stretch, self.top_due(stretch.from.index)?)))
            .collect()
    }

    /// Whether an update may take down only one pod at a time at position `index`.
    pub(in crate::rules) fn serial_at(&self, index: usize) -> bool {
        self.epoch_at(index)
            .is_some_and(|epoch| epoch.spec.update_budget() == 1)
    }

    /// The moment in an epoch from which the members were exactly the wanted ones.
    pub(in crate::rules) fn range_reached(&self, epoch: &Epoch<'_>) -> Option<Moment> {
        self.stretches(Duration::ZERO)
            .into_iter()
            .map(|stretch| stretch.from)
            .filter(|from| (epoch.from..epoch.until).contains(from))
            .find(|from| self.off_range(epoch, from.index).is_none())
    }

    /// A wanted ordinal without a pod, or a pod outside the range, at position `index`.
    pub(in crate::rules) fn off_range(&self, epoch: &Epoch<'_>, index: usize) -> Option<Ordinal> {
        epoch
            .spec
            .range()
            .map(Ordinal)
            .find(|ordinal| self.at(*ordinal, index).is_none())
            .or_else(|| {
                self.all_at(index)
                    .map(|(ordinal, _, _)| ordinal)
                    .find(|ordinal| !epoch.spec.in_range(*ordinal))
            })
    }

    /// The first stretch of an epoch, longer than the reaction bound, in which every pod was Healthy and yet one was
    /// missing or too many: the ordinal is named.
    pub(in crate::rules) fn range_missed(&self, epoch: &Epoch<'_>) -> Option<(Stretch, Ordinal)> {
        let available = Duration::from_secs(epoch.spec.min_ready_seconds.into());
        let patience = self.ledger.patience().reaction() + available;
        self.stretches(patience)
            .into_iter()
            .filter(|stretch| (epoch.from..epoch.until).contains(&stretch.from))
            .find_map(|stretch| {
                let index = stretch.from.index;
                let healthy = self.all_at(index).all(|(_, _, state)| state.healthy());
                let off = self.off_range(epoch, index)?;
                healthy.then_some((stretch, off))
            })
    }
}
