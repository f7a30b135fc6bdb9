//! `persistentVolumeClaimRetentionPolicy`: claims that go with the set or with the pod (specification 1.10).

mod condemned;
mod references;

pub use condemned::{SS_RET_03, SS_RET_04, SS_RET_05};
pub use references::{SS_RET_01, SS_RET_02};

use crate::rules::course::{Course, Epoch};
use history::{Claim, ClaimState, Ordinal};
use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[&SS_RET_01, &SS_RET_02, &SS_RET_03, &SS_RET_04, &SS_RET_05];

/// The claims of a set, each with its ordinal.
fn claims<'a>(course: &Course<'a>) -> impl Iterator<Item = (Ordinal, &'a Claim)> {
    let (ledger, set) = (course.ledger, course.set);
    ledger
        .claims()
        .iter()
        .filter_map(move |claim| Some((ledger.claim_of(set, claim)?.1, claim)))
}

/// Whether a claim names this UID as an owner.
fn owned_by(state: &ClaimState, uid: &str) -> bool {
    state.owner_references().any(|owner| owner.uid == uid)
}

/// Whether somebody else controls the claim: then it is left alone.
fn controlled_by_others(course: &Course<'_>, state: &ClaimState) -> bool {
    state.owner_references().any(|owner| {
        let pods = course.ledger.members(course.set);
        owner.controller && owner.uid != course.set.uid && !pods.into_iter().any(|pod| pod.uid == owner.uid)
    })
}

/// Whether claims of condemned pods are to go.
fn deletes_scaled(epoch: &Epoch) -> bool {
    epoch.spec.retention.when_scaled
}
