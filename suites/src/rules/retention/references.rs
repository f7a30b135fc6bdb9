//! References of claims to the set.

use super::{claims, controlled_by_others, owned_by};
use crate::rules::course::{Course, Epoch, courses};
use history::{Claim, ClaimState, ManagementPolicy, Moment, Ordinal};
use judging::{Feature, Judge, Kind, Level, Profile, Rule};
use std::time::Duration;

/// Back to keeping.
pub static SS_RET_01: Rule = Rule {
    id: "SS-RET-01",
    sentence: "When the policy goes back to Retain the references that the set had put on claims are removed",
    why: "A forgotten reference deletes the data at the next scale-down or deletion, against the policy that is \
          written down.",
    source: "StatefulSet documentation, claim retention; upstream e2e \"should not delete PVCs when there is another \
             controller\"",
    fix: "Bring the owner references of every claim in line with the policy at each sync, not only at creation.",
    profile: Profile::Retention,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[Feature::PvcRetention],
    reads: &["persistentvolumeclaims"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for pair in course.epochs.windows(2) {
                let [before, epoch] = pair else { continue };
                let keeps = |epoch: &Epoch| epoch.spec.retention == history::Policy::default();
                if keeps(before) || !keeps(epoch) {
                    continue;
                }
                // Nobody looks at the claims of ordinals without a pod, upstream neither.
                for (ordinal, claim) in claims(&course).filter(|(ordinal, _)| epoch.spec.in_range(*ordinal)) {
                    let referenced = claim
                        .at(epoch.from.index)
                        .is_some_and(|state| ours(&course, state));
                    let used = course.at(ordinal, course.just_before(epoch.until)).is_some();
                    if referenced && used {
                        reached(
                            &course,
                            epoch,
                            (ordinal, claim),
                            epoch.from,
                            judge,
                            "still has a reference",
                            |state| !ours(&course, state),
                        );
                    }
                }
            }
        }
    },
};

/// A reference to the set or one of its pods.
fn ours(course: &Course<'_>, state: &ClaimState) -> bool {
    owned_by(state, &course.set.uid)
        || course
            .ledger
            .members(course.set)
            .any(|pod| owned_by(state, &pod.uid))
}

/// A claim has to come to a state within the reaction bound, as long as the epoch lasts and the claim exists. Where one
/// pod is seen to after another, the time counts from when all pods up to this one are Healthy.
fn reached(
    course: &Course<'_>,
    epoch: &Epoch,
    (ordinal, claim): (Ordinal, &Claim),
    from: Moment,
    judge: &mut Judge<'_>,
    otherwise: &str,
    goal: impl Fn(&ClaimState) -> bool,
) {
    let until = claim
        .deletion
        .map_or(epoch.until, |(moment, _)| moment.min(epoch.until));
    let states = claim
        .states
        .at(from.index)
        .into_iter()
        .chain(claim.states.after(from.index));
    let mut states = states.take_while(|(moment, _)| *moment <= from || *moment < until);
    if states.any(|(_, state)| goal(state)) {
        judge.opportunity();
        return;
    }
    let turn = match epoch.spec.policy {
        ManagementPolicy::OrderedReady => course.healthy_up_to_since(ordinal, from, until),
        ManagementPolicy::Parallel => Some(from),
    };
    let available = Duration::from_secs(epoch.spec.min_ready_seconds.into());
    let bound = course.ledger.patience().reaction() + available;
    if turn.is_some_and(|turn| until.at.since(turn.at) >= bound) {
        judge.opportunity();
        judge.stall(
            format!(
                "claim {} {otherwise} {} s later",
                claim.name,
                until.at.since(from.at).as_secs()
            ),
            [epoch.from, from, until],
        );
    }
}

/// With the set.
pub static SS_RET_02: Rule = Rule {
    id: "SS-RET-02",
    sentence: "With whenDeleted Delete every claim is controlled by the set, and goes when the set is deleted",
    why: "Whoever asks for clean-up pays for forgotten volumes otherwise.",
    source: "StatefulSet documentation, claim retention; upstream e2e \"should delete PVCs with a WhenDeleted policy\"",
    fix: "Give each claim of a wanted ordinal a controlling owner reference to the set, with its UID.",
    profile: Profile::Retention,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[Feature::PvcRetention],
    reads: &["persistentvolumeclaims"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let uid = course.set.uid.as_str();
            for epoch in course
                .epochs
                .iter()
                .filter(|epoch| epoch.spec.retention.when_deleted)
            {
                for (ordinal, claim) in claims(&course).filter(|(ordinal, _)| epoch.spec.in_range(*ordinal)) {
                    let from = epoch.from.max(claim.added());
                    let alive = claim
                        .at(from.index)
                        .filter(|state| !controlled_by_others(&course, state));
                    let used = course.at(ordinal, course.just_before(epoch.until)).is_some();
                    if from < epoch.until && alive.is_some() && used {
                        reached(
                            &course,
                            epoch,
                            (ordinal, claim),
                            from,
                            judge,
                            "is not controlled by the set",
                            |state| {
                                state
                                    .owner_references()
                                    .any(|owner| owner.uid == uid && owner.controller)
                            },
                        );
                    }
                }
            }
            let asked = course
                .epochs
                .last()
                .filter(|epoch| epoch.spec.retention.when_deleted);
            let Some(gone) = course.set.gone.filter(|_| asked.is_some()) else {
                continue;
            };
            for (_, claim) in claims(&course) {
                let watched = ledger.end().at.since(gone.at);
                let left = claim.at(gone.index).filter(|state| {
                    // A claim that was not given to the set in time stays, upstream too.
                    owned_by(state, uid) && !controlled_by_others(&course, state)
                });
                if left.is_none() {
                    continue;
                }
                if claim.deletion.is_some() {
                    judge.opportunity();
                } else if watched >= ledger.patience().reaction() {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "claim {} was still there {} s after its set was gone",
                            claim.name,
                            watched.as_secs()
                        ),
                        [claim.added(), gone, ledger.end()],
                    );
                }
            }
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::{Value, json};

    fn policy(when_deleted: &str, when_scaled: &str) -> Value {
        json!({"spec": {"persistentVolumeClaimRetentionPolicy": {
            "whenDeleted": when_deleted, "whenScaled": when_scaled,
        }}})
    }

    fn deleting() -> Story {
        let mut patch = policy("Delete", "Retain");
        patch["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": {}}]);
        Story::new()
            .set_with("web", 1, patch)
            .revision("web-a")
            .claim("data-web-0")
            .ready_pods(1)
    }

    fn referenced() -> Story {
        let uid = deleting().uid("statefulsets", "web");
        deleting().modify_claim(
            "data-web-0",
            json!({"metadata": {"ownerReferences": [
                {"kind": "StatefulSet", "name": "web", "uid": uid, "controller": true},
            ]}}),
        )
    }

    #[test]
    fn claims_go_with_the_set() {
        referenced().wait(20_000).keeps(&SS_RET_02);
        deleting()
            .wait(20_000)
            .stalls(&SS_RET_02, "claim data-web-0 is not controlled by the set");
        let gone = || referenced().set_gone().remove_pod("web-0");
        gone()
            .delete_claim("data-web-0")
            .claim_gone("data-web-0")
            .keeps(&SS_RET_02);
        gone()
            .wait(20_000)
            .stalls(&SS_RET_02, "was still there 20 s after its set was gone");
        Story::new()
            .set_with_claims("web", 1, &["data"])
            .claim("data-web-0")
            .wait(20_000)
            .does_not_exercise(&SS_RET_02);
    }

    #[test]
    fn claims_without_a_pod_are_nobodys_business() {
        // Scaled away before anybody asked for clean-up: the claim was never given to the set.
        let old = |story: Story| story.set_gone().wait(20_000);
        let mut patch = policy("Retain", "Retain");
        patch["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": {}}]);
        let scaled_away = Story::new()
            .set_with("web", 1, patch)
            .revision("web-a")
            .claim("data-web-0")
            .ready_pods(1)
            .scale(0)
            .remove_pod("web-0")
            .change(policy("Delete", "Retain"));
        old(scaled_away).does_not_exercise(&SS_RET_02);
        // Scaled away with a reference, which nobody looks at any more.
        referenced()
            .scale(0)
            .remove_pod("web-0")
            .change(policy("Retain", "Retain"))
            .wait(20_000)
            .does_not_exercise(&SS_RET_01);
    }

    #[test]
    fn references_are_taken_back() {
        let back = || referenced().wait(1_000).change(policy("Retain", "Retain"));
        back()
            .modify_claim("data-web-0", json!({"metadata": {"ownerReferences": null}}))
            .wait(20_000)
            .keeps(&SS_RET_01);
        back()
            .wait(20_000)
            .stalls(&SS_RET_01, "claim data-web-0 still has a reference");
        referenced().wait(20_000).does_not_exercise(&SS_RET_01);
    }
}
