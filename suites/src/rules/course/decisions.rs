//! Which pods were created and taken down, and why.

use super::{Course, Standing};
use history::{Author, Incarnation, Moment, Ordinal, PodState};

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

impl<'a> Course<'a> {
    /// All decisions to delete a member, in order.
    pub(in crate::rules) fn decisions(&self) -> Vec<Decision<'a>> {
        let mut decisions: Vec<Decision<'a>> = self
            .ordinals()
            .flat_map(|(ordinal, pods)| pods.iter().map(move |pod| (ordinal, *pod)))
            .filter_map(|(ordinal, pod)| self.decision(ordinal, pod))
            .collect();
        decisions.sort_by_key(|decision| decision.moment);
        decisions
    }

    /// The decisions of updates, in order.
    pub(in crate::rules) fn update_decisions(&self) -> Vec<Decision<'a>> {
        let mut decisions = self.decisions();
        decisions.retain(|decision| decision.cause == Cause::Update);
        decisions
    }

    /// The decision to delete this pod, if the candidate may have made it.
    pub(in crate::rules) fn decision(&self, ordinal: Ordinal, pod: &'a Incarnation) -> Option<Decision<'a>> {
        let deletion = pod.deletion.as_ref()?;
        let moment = deletion.moment;
        let (_, before) = pod.states.before(moment.index)?;
        let ended = self.ending.is_some_and(|ending| ending <= moment);
        let disrupted = before.disrupted() || pod.at(moment.index).is_some_and(PodState::disrupted);
        let others = !deletion.by.may_be_candidate() || (disrupted && deletion.by != Author::Candidate);
        let ours = before.owner.as_deref() == Some(self.set.uid.as_str());
        (ours && !ended && !others).then(|| Decision {
            pod,
            ordinal,
            moment,
            before,
            cause: self.cause(ordinal, pod, moment, before),
        })
    }

    fn cause(&self, ordinal: Ordinal, pod: &Incarnation, moment: Moment, before: &PodState) -> Cause {
        let since = moment.at.before(self.ledger.patience().staleness());
        if pod
            .states
            .within(since, moment.index)
            .any(|(_, state)| state.ended())
        {
            return Cause::Repair;
        }
        if self
            .epochs_before(moment)
            .any(|epoch| !epoch.spec.in_range(ordinal))
        {
            return Cause::Scale;
        }
        let due = self
            .epochs_before(moment)
            .any(|epoch| epoch.updates(ordinal) && self.standing(before, epoch) == Standing::Old);
        if due { Cause::Update } else { Cause::Nothing }
    }

    /// All creations of members, in order.
    pub(in crate::rules) fn creations(&self) -> Vec<Creation<'a>> {
        let mut creations = Vec::new();
        for (ordinal, pods) in self.ordinals() {
            for (place, pod) in pods.iter().enumerate() {
                let Some((moment, state)) = pod.states.first() else {
                    continue;
                };
                let ended = self.ending.is_some_and(|ending| ending <= *moment);
                let ours = state.owner.as_deref() == Some(self.set.uid.as_str());
                if !pod.seen_added || !pod.created_by.may_be_candidate() || ended || !ours {
                    continue;
                }
                let former = place.checked_sub(1).and_then(|place| pods.get(place)).copied();
                creations.push(Creation {
                    pod,
                    ordinal,
                    moment: *moment,
                    state,
                    former,
                });
            }
        }
        creations.sort_by_key(|creation| creation.moment);
        creations
    }
}
