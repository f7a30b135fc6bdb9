//! Which pods were created and taken down, and why.

use super::chart::Chart;
use super::{Course, Epoch, Standing};
use crate::rules::acts::taken_by_the_cluster;
use history::{Author, Incarnation, Ledger, Moment, Ordinal, PodState, Set};

/// What explains that a pod was taken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Cause {
    /// It had ended: phase Failed or Succeeded.
    Repair,
    /// Its ordinal was outside the range.
    Scale,
    /// It was at another revision than the one wanted, and the update reaches it.
    Update,
    /// Nothing does.
    Nothing,
}

/// A decision to delete a pod that may be the candidate's, made while the set was to live.
#[derive(Clone, Copy)]
pub(in crate::rules) struct Decision<'a> {
    /// The pod.
    pub(in crate::rules) pod: &'a Incarnation,
    /// Its ordinal.
    pub(in crate::rules) ordinal: Ordinal,
    /// When.
    pub(in crate::rules) moment: Moment,
    /// The pod just before.
    pub(in crate::rules) before: &'a PodState,
    /// What explains it.
    pub(in crate::rules) cause: Cause,
}

/// The creation of a pod that may be the candidate's, made while the set was to live.
pub(in crate::rules) struct Creation<'a> {
    /// The pod.
    pub(in crate::rules) pod: &'a Incarnation,
    /// Its ordinal.
    pub(in crate::rules) ordinal: Ordinal,
    /// When.
    pub(in crate::rules) moment: Moment,
    /// The pod as it was created.
    pub(in crate::rules) state: &'a PodState,
    /// The incarnation before, which is gone by now.
    pub(in crate::rules) former: Option<&'a Incarnation>,
}

/// A decision as the chart keeps it.
pub(super) struct Decided {
    place: usize,
    ordinal: Ordinal,
    moment: Moment,
    cause: Cause,
}

/// All decisions to delete a member, in order.
pub(super) fn of(ledger: &Ledger, set: &Set, chart: &Chart) -> Vec<Decided> {
    let mut decided = Vec::new();
    for (ordinal, places) in &chart.lives {
        for place in places {
            let Some(pod) = ledger.pods().get(*place) else {
                continue;
            };
            decided.extend(decision(ledger, set, chart, *ordinal, *place, pod));
        }
    }
    decided.sort_by_key(|decided: &Decided| decided.moment);
    decided
}

fn decision(
    ledger: &Ledger,
    set: &Set,
    chart: &Chart,
    ordinal: Ordinal,
    place: usize,
    pod: &Incarnation,
) -> Option<Decided> {
    let deletion = pod.deletion.as_ref()?;
    let moment = deletion.moment;
    let (_, before) = pod.states.before(moment.index)?;
    let ended = chart.ending.is_some_and(|ending| ending <= moment);
    let others = !deletion.by.may_be_candidate()
        || (deletion.by != Author::Candidate && taken_by_the_cluster(ledger, pod, moment));
    let ours = before.owner.as_deref() == Some(set.uid.as_str());
    (ours && !ended && !others).then(|| Decided {
        place,
        ordinal,
        moment,
        cause: cause(ledger, chart, ordinal, pod, moment, before),
    })
}

fn cause(
    ledger: &Ledger,
    chart: &Chart,
    ordinal: Ordinal,
    pod: &Incarnation,
    moment: Moment,
    before: &PodState,
) -> Cause {
    let staleness = ledger.patience().staleness();
    let mut recent = pod.states.within(moment.at.before(staleness), moment.index);
    if recent.any(|(_, state)| state.ended()) {
        return Cause::Repair;
    }
    let epochs = || chart.epochs_within(staleness, moment);
    if epochs().any(|epoch| !epoch.spec.in_range(ordinal)) {
        return Cause::Scale;
    }
    let due = |epoch: &Epoch| epoch.updates(ordinal) && chart.standing(before, epoch) == Standing::Old;
    if epochs().any(due) {
        Cause::Update
    } else {
        Cause::Nothing
    }
}

impl<'a> Course<'a> {
    /// All decisions to delete a member, in order.
    pub(in crate::rules) fn decisions(&self) -> impl Iterator<Item = Decision<'a>> {
        self.decided.iter().filter_map(|decided| self.known(decided))
    }

    /// The decisions of updates, in order.
    pub(in crate::rules) fn update_decisions(&self) -> impl Iterator<Item = Decision<'a>> {
        self.decisions()
            .filter(|decision| decision.cause == Cause::Update)
    }

    /// The decision to delete this pod, if the candidate may have made it.
    pub(in crate::rules) fn decision(&self, pod: &Incarnation) -> Option<Decision<'a>> {
        let moment = pod.deletion.as_ref()?.moment;
        let from = self.decided.partition_point(|decided| decided.moment < moment);
        let decided = self
            .decided
            .get(from)
            .filter(|decided| decided.moment == moment)?;
        self.known(decided)
    }

    /// What explains the deletion of a pod, whenever it was: also after the set was marked for deletion itself. `None`
    /// where that cannot be told.
    pub(in crate::rules) fn explanation(&self, pod: &Incarnation) -> Option<Cause> {
        let moment = pod.deletion.as_ref()?.moment;
        let (_, before) = pod.states.before(moment.index)?;
        let ordinal = self.ledger.ordinal(self.set, pod)?;
        let unknown = |epoch: &Epoch| self.standing(before, epoch) == Standing::Unknown;
        if self.epochs_before(moment).any(unknown) {
            return None;
        }
        Some(cause(self.ledger, &self.chart, ordinal, pod, moment, before))
    }

    fn known(&self, decided: &Decided) -> Option<Decision<'a>> {
        let pod = self.ledger.pods().get(decided.place)?;
        Some(Decision {
            pod,
            ordinal: decided.ordinal,
            moment: decided.moment,
            before: &pod.states.before(decided.moment.index)?.1,
            cause: decided.cause,
        })
    }

    /// All creations of members, in order.
    pub(in crate::rules) fn creations(&self) -> Vec<Creation<'a>> {
        let mut creations = Vec::new();
        for ordinal in self.ordinals() {
            let mut former = None;
            for pod in self.incarnations(ordinal) {
                let before = former.replace(pod);
                let Some((moment, state)) = pod.states.first() else {
                    continue;
                };
                let ended = self.ending.is_some_and(|ending| ending <= *moment);
                let ours = state.owner.as_deref() == Some(self.set.uid.as_str());
                if pod.seen_added && pod.created_by.may_be_candidate() && !ended && ours {
                    creations.push(Creation {
                        pod,
                        ordinal,
                        moment: *moment,
                        state,
                        former: before,
                    });
                }
            }
        }
        creations.sort_by_key(|creation| creation.moment);
        creations
    }
}
