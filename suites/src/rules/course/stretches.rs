//! When nothing moved.

use super::{Course, Epoch, Picture};
use history::{Moment, Ordinal};
use std::time::Duration;

/// A time in which the members and the spec of a set stayed as they were.
#[derive(Clone, Copy)]
pub(in crate::rules) struct Stretch<'c> {
    /// What moved last.
    pub(in crate::rules) from: Moment,
    /// What moved next, or the last moment of the set's life.
    pub(in crate::rules) until: Moment,
    /// What the set looked like.
    pub(in crate::rules) picture: &'c Picture,
}

impl Stretch<'_> {
    /// How long nothing moved.
    pub(in crate::rules) fn lasted(&self) -> Duration {
        self.until.at.since(self.from.at)
    }
}

impl Course<'_> {
    /// All stretches of at least `min`, in order.
    pub(in crate::rules) fn stretches(&self, min: Duration) -> impl Iterator<Item = Stretch<'_>> {
        let last = self.last();
        let nexts = self.pictures.iter().skip(1).map(|picture| picture.from);
        self.pictures
            .iter()
            .zip(nexts.chain([last]))
            .map(|(picture, until)| Stretch {
                from: picture.from,
                until,
                picture,
            })
            .filter(move |stretch| stretch.lasted() >= min)
    }

    /// Stretches in which an update had every reason to go on and did not: all pods Healthy for longer than
    /// `patience` (and `minReadySeconds`), the highest old one named.
    pub(in crate::rules) fn idle_updates(
        &self,
        patience: Duration,
    ) -> impl Iterator<Item = (Stretch<'_>, &Epoch, Ordinal)> {
        self.stretches(patience).filter_map(move |stretch| {
            let due = stretch
                .picture
                .top_due
                .filter(|_| stretch.picture.all_healthy())?;
            let epoch = self.epoch_at(stretch.from.index)?;
            let available = Duration::from_secs(epoch.spec.min_ready_seconds.into());
            let refused = || self.reported_in("FailedDelete", &stretch);
            (stretch.lasted() >= patience + available && !refused()).then_some((stretch, epoch, due))
        })
    }

    /// Stretches longer than the staleness window in which a pod waited for an update, the highest such pod named:
    /// whatever was decided inside, was decided with full knowledge.
    pub(in crate::rules) fn held_updates(&self) -> impl Iterator<Item = (Stretch<'_>, Ordinal)> {
        self.stretches(self.ledger.patience().staleness())
            .filter_map(|stretch| Some((stretch, stretch.picture.top_due?)))
    }

    /// Whether an update may take down only one pod at a time at position `index`.
    pub(in crate::rules) fn serial_at(&self, index: usize) -> bool {
        self.epoch_at(index)
            .is_some_and(|epoch| epoch.spec.update_budget() == 1)
    }

    /// The moment in an epoch from which the members were exactly the wanted ones.
    pub(in crate::rules) fn range_reached(&self, epoch: &Epoch) -> Option<Moment> {
        self.pictures_of(epoch)
            .find(|picture| on_range(epoch, picture))
            .map(|picture| picture.from)
    }

    fn pictures_of(&self, epoch: &Epoch) -> impl Iterator<Item = &Picture> {
        let from = self.pictures.partition_point(|picture| picture.from < epoch.from);
        let until = self
            .pictures
            .partition_point(|picture| picture.from < epoch.until);
        self.pictures.get(from..until).unwrap_or_default().iter()
    }

    /// Since when, within the time from `from` to `until` and to its end, every wanted pod up to this ordinal was
    /// Healthy; `None` if they were not at the end.
    pub(in crate::rules) fn healthy_up_to_since(
        &self,
        ordinal: Ordinal,
        from: Moment,
        until: Moment,
    ) -> Option<Moment> {
        let end = self.pictures.partition_point(|picture| picture.from < until);
        let pictures = self.pictures.get(..end).unwrap_or_default();
        let mut healthy = pictures
            .iter()
            .rev()
            .take_while(|picture| picture.lowest_unhealthy.is_none_or(|low| low > ordinal));
        let last = healthy.next()?;
        let first = healthy.take_while(|picture| picture.from > from).last();
        Some(first.unwrap_or(last).from.max(from))
    }

    /// A wanted ordinal without a pod, or a pod outside the range, at position `index`.
    fn off_range(&self, epoch: &Epoch, index: usize) -> Option<Ordinal> {
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
    pub(in crate::rules) fn range_missed(&self, epoch: &Epoch) -> Option<(Stretch<'_>, Ordinal)> {
        let available = Duration::from_secs(epoch.spec.min_ready_seconds.into());
        let patience = self.ledger.patience().reaction() + available;
        self.stretches(patience)
            .filter(|stretch| (epoch.from..epoch.until).contains(&stretch.from))
            .filter(|stretch| stretch.picture.healthy == stretch.picture.members)
            .find(|stretch| !on_range(epoch, stretch.picture) && !self.hindered(stretch))
            .and_then(|stretch| Some((stretch, self.off_range(epoch, stretch.from.index)?)))
    }

    /// Whether the environment was in the way: a creation was refused, or a claim of the set was under deletion.
    fn hindered(&self, stretch: &Stretch<'_>) -> bool {
        let (ledger, set) = (self.ledger, self.set);
        let refused = ["FailedCreate", "FailedDelete"]
            .iter()
            .any(|reason| self.reported_in(reason, stretch));
        let ending = ledger.claims().iter().any(|claim| {
            let decided = claim.deletion.is_some_and(|(decided, _)| decided < stretch.until);
            decided
                && claim.gone.is_none_or(|gone| gone > stretch.from)
                && ledger.claim_of(set, claim).is_some()
        });
        ending || refused
    }

    /// Whether something was reported about the set during a stretch.
    pub(in crate::rules) fn reported_in(&self, reason: &str, stretch: &Stretch<'_>) -> bool {
        let reported = self.ledger.reported(&self.set.uid, reason);
        reported
            .iter()
            .any(|at| (stretch.from.at..=stretch.until.at).contains(&at.at))
    }
}

/// Whether the members are exactly the wanted ones.
fn on_range(epoch: &Epoch, picture: &Picture) -> bool {
    picture.outside == 0 && u32::try_from(picture.members) == Ok(epoch.spec.replicas)
}
