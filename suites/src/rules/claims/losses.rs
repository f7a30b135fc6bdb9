//! Claims that were deleted though nobody asked for it.

use super::CLAIMS;
use crate::rules::course::{Course, Epoch};
use history::{Author, Claim, Moment, Ordinal};

/// What was going on when a claim was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Circumstance {
    /// Its ordinal was wanted.
    Wanted,
    /// Its ordinal was outside the range.
    Condemned,
    /// The set was being deleted, or gone.
    SetDeleted,
}

/// A claim that was deleted under a policy that keeps it.
pub(super) struct Loss<'a> {
    /// The claim.
    pub(super) claim: &'a Claim,
    /// When the decision was made.
    pub(super) moment: Moment,
    /// What was going on.
    pub(super) circumstance: Circumstance,
}

/// Whether the policies that were in force of late keep claims in this circumstance.
pub(super) fn keeps<'c, 'a: 'c>(
    mut epochs: impl Iterator<Item = &'c Epoch>,
    circumstance: Circumstance,
) -> bool {
    epochs.all(|epoch| match circumstance {
        Circumstance::Wanted => true,
        Circumstance::Condemned => !epoch.spec.retention.when_scaled,
        Circumstance::SetDeleted => !epoch.spec.retention.when_deleted,
    })
}

/// The claims of a set, each with the ordinal it belongs to.
pub(super) fn claims_of<'a>(course: &Course<'a>) -> impl Iterator<Item = (Ordinal, &'a Claim)> {
    let (ledger, set) = (course.ledger, course.set);
    ledger
        .claims()
        .iter()
        .filter_map(move |claim| Some((ledger.claim_of(set, claim)?.1, claim)))
}

/// All claims of a set that were lost, in order of appearance.
pub(super) fn losses<'a>(course: &Course<'a>) -> Vec<Loss<'a>> {
    claims_of(course)
        .filter_map(|(ordinal, claim)| {
            let moment = lost(course, claim)?;
            let circumstance = circumstance(course, ordinal, moment)?;
            keeps(course.epochs_before(moment), circumstance).then_some(Loss {
                claim,
                moment,
                circumstance,
            })
        })
        .collect()
}

/// When a claim was deleted, unless somebody else did it: the harness, the deletion of the namespace, or the cluster
/// for reasons of its own. (The garbage collector deletes only what carries an owner reference.)
pub(in crate::rules) fn lost(course: &Course<'_>, claim: &Claim) -> Option<Moment> {
    let (moment, by) = claim.deletion?;
    let ledger = course.ledger;
    let with_namespace = ledger
        .namespace_deletion(&claim.namespace)
        .is_some_and(|deletion| deletion <= moment);
    let owned = claim
        .states
        .before(moment.index)
        .is_some_and(|(_, state)| !state.owners().is_empty());
    let others = match by {
        Author::Harness => true,
        Author::Cluster => !owned,
        Author::Candidate => false,
        Author::Unknown => ledger.asked_to_delete(CLAIMS, &claim.namespace, &claim.name, moment),
    };
    let collected = by != Author::Candidate && went_with_condemned(course, claim, moment);
    (!with_namespace && !others && !collected).then_some(moment)
}

/// Whether the claim was collected after a pod that was deleted when it was condemned and its claims were to go: its
/// reference stays while the pod terminates, also if the ordinal is wanted again by then (spec SS-RET-08).
fn went_with_condemned(course: &Course<'_>, claim: &Claim, moment: Moment) -> bool {
    let Some((_, state)) = claim.states.before(moment.index) else {
        return false;
    };
    let mut owners = course.ledger.members(course.set).filter(|pod| {
        state
            .owner_references()
            .any(|owner| owner.uid == pod.uid.as_str())
    });
    owners.any(|pod| {
        let decided = pod.deletion.as_ref().map(|deletion| deletion.moment);
        let ordinal = course.ledger.ordinal(course.set, pod);
        let (Some(decided), Some(ordinal)) = (decided, ordinal) else {
            return false;
        };
        course
            .epochs_before(decided)
            .any(|epoch| !epoch.spec.in_range(ordinal) && epoch.spec.retention.when_scaled)
    })
}

/// `None` if the claim was not this set's at that time.
fn circumstance(course: &Course<'_>, ordinal: Ordinal, moment: Moment) -> Option<Circumstance> {
    if moment < course.set.added() {
        return None;
    }
    if course.ending.is_some_and(|ending| ending <= moment) {
        let successor = course.ledger.sets().iter().any(|other| {
            other.name == course.set.name
                && other.namespace == course.set.namespace
                && other.added() > course.set.added()
                && other.added() < moment
        });
        return (!successor).then_some(Circumstance::SetDeleted);
    }
    let condemned = course
        .epochs_before(moment)
        .any(|epoch| !epoch.spec.in_range(ordinal));
    Some(if condemned {
        Circumstance::Condemned
    } else {
        Circumstance::Wanted
    })
}
