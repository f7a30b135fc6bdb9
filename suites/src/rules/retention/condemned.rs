//! Claims that go with a condemned pod, and with no other.

use super::{claims, controlled_by_others, deletes_scaled, owned_by};
use crate::rules::claims::lost;
use crate::rules::course::{Cause, Course, Decision, Standing, courses};
use history::{Author, Claim, ClaimState, Ledger};
use judging::{Feature, Kind, Level, Profile, Rule};

/// The reference comes first.
pub static SS_RET_03: Rule = Rule {
    id: "SS-RET-03",
    sentence: "With whenScaled Delete the claim of a condemned pod refers to that pod before the pod is deleted, and no \
               claim of a wanted pod does",
    why: "Written too late the claim stays for ever; written too early any loss of the pod takes the data along.",
    source: "StatefulSet documentation, claim retention; upstream e2e \"should delete PVCs with a OnScaledown policy\"",
    fix: "Before deleting a condemned pod patch its claims with an owner reference to its UID; wait for the answer.",
    profile: Profile::Retention,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::PvcRetention],
    reads: &["persistentvolumeclaims"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for (decision, claim, state) in condemned(ledger, &course) {
                let since = decision.moment.at.before(ledger.patience().staleness());
                let referred = owned_by(state, &decision.pod.uid)
                    || claim
                        .states
                        .within(since, decision.moment.index)
                        .any(|(_, state)| owned_by(state, &decision.pod.uid));
                judge.expect(
                    referred,
                    || {
                        format!(
                            "{} was condemned and deleted while its claim {} did not refer to it",
                            decision.pod.name, claim.name
                        )
                    },
                    course
                        .epoch_at(decision.moment.index)
                        .map(|epoch| epoch.from)
                        .into_iter()
                        .chain([decision.moment]),
                );
            }
            for (ordinal, claim) in claims(&course) {
                let mut former = false;
                for (moment, state) in claim.states.entries() {
                    let pod = course.incarnations(ordinal).find(|pod| owned_by(state, &pod.uid));
                    let new = pod.is_some() && !former;
                    former = pod.is_some();
                    let wanted = course
                        .epochs_before(*moment)
                        .all(|epoch| epoch.spec.in_range(ordinal));
                    let others = matches!(ledger.author_at(*moment), Author::Harness | Author::Cluster);
                    let lives =
                        *moment > course.set.added() && course.ending.is_none_or(|ending| *moment < ending);
                    if new && wanted && lives && !others {
                        judge.opportunity();
                        judge.violation(
                            format!("claim {} got a reference to its pod, which is wanted", claim.name),
                            [claim.added(), *moment],
                        );
                    }
                }
            }
        }
    },
};

/// Decisions to scale down under whenScaled Delete, with each claim of the pod as it was at that time.
fn condemned<'a>(ledger: &'a Ledger, course: &Course<'a>) -> Vec<(Decision<'a>, &'a Claim, &'a ClaimState)> {
    let mut found = Vec::new();
    for decision in course.decisions() {
        let asked = course.epochs_before(decision.moment).all(deletes_scaled);
        if decision.cause != Cause::Scale || !asked || wanted_gone(course, &decision) {
            continue;
        }
        for (_, name) in decision.before.claims() {
            let claim = ledger
                .claims_named(&course.set.namespace, name)
                .find_map(|claim| Some((claim, claim.at(decision.moment.index)?)));
            let Some((claim, state)) = claim else { continue };
            let of_set = ledger.claim_of(course.set, claim).is_some();
            if of_set && !state.terminating && !controlled_by_others(course, state) {
                found.push((decision, claim, state));
            }
        }
    }
    found
}

/// Whether an older spec that the controller may still have had in view explains the deletion in another way: it wanted
/// the pod, but not as it was.
fn wanted_gone(course: &Course<'_>, decision: &Decision<'_>) -> bool {
    let mut epochs = course.epochs_before(decision.moment);
    epochs.any(|epoch| {
        let wanted = epoch.spec.in_range(decision.ordinal);
        let replaced =
            epoch.updates(decision.ordinal) && course.standing(decision.before, epoch) != Standing::Wanted;
        wanted && (decision.before.ended() || replaced)
    })
}

/// Wanted claims stay.
pub static SS_RET_04: Rule = Rule {
    id: "SS-RET-04",
    sentence: "With whenScaled Delete the loss, failure or update of a wanted pod never takes its claim",
    why: "The policy speaks of scaling down. A node that fails must not delete data.",
    source: "StatefulSet documentation, claim retention: applies only when the replica count is reduced",
    fix: "Put the pod's reference only on claims of ordinals outside the range.",
    profile: Profile::Retention,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::PvcRetention],
    reads: &["persistentvolumeclaims"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for creation in course.creations() {
                let wanted = creation
                    .former
                    .and_then(|former| former.deletion.as_ref())
                    .is_some_and(|deletion| {
                        course
                            .epochs
                            .iter()
                            .filter(|epoch| epoch.until > deletion.moment && epoch.from < creation.moment)
                            .all(|epoch| epoch.spec.in_range(creation.ordinal) && deletes_scaled(epoch))
                    });
                if wanted && creation.state.claims().next().is_some() {
                    judge.opportunity();
                }
            }
            for (ordinal, claim) in claims(&course) {
                let Some(moment) = lost(&course, claim) else {
                    continue;
                };
                let ended =
                    course.ending.is_some_and(|ending| ending <= moment) || moment < course.set.added();
                let wanted = course
                    .epochs_before(moment)
                    .all(|epoch| epoch.spec.in_range(ordinal) && deletes_scaled(epoch));
                if wanted && !ended {
                    judge.opportunity();
                    judge.violation(
                        format!("claim {} was deleted although its ordinal is wanted", claim.name),
                        [claim.added(), moment],
                    );
                }
            }
        }
    },
};

/// One reference at a time.
pub static SS_RET_05: Rule = Rule {
    id: "SS-RET-05",
    sentence: "With both policies Delete the claim of a condemned pod refers to the pod alone, not to the set as well",
    why: "With both references the claim waits for the set and is not collected with the pod.",
    source: "reference implementation",
    fix: "When the pod's reference is put on the claim, take the set's away in the same write.",
    profile: Profile::Retention,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[Feature::PvcRetention],
    reads: &["persistentvolumeclaims"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for (decision, claim, state) in condemned(ledger, &course) {
                let both = course
                    .epochs_before(decision.moment)
                    .all(|epoch| epoch.spec.retention.when_deleted);
                if both && owned_by(state, &decision.pod.uid) {
                    judge.expect(
                        !owned_by(state, &course.set.uid),
                        || {
                            format!(
                                "claim {} of {}, which was scaled away, refers to the set as well",
                                claim.name, decision.pod.name
                            )
                        },
                        [claim.added(), decision.moment],
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

    fn set() -> Story {
        let patch = json!({"spec": {
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}],
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Delete"},
        }});
        Story::new()
            .set_with("web", 1, patch)
            .revision("web-a")
            .claim("data-web-0")
            .ready_pods(1)
            .wait(5_000)
    }

    fn references(owners: &[(&str, &str, String)]) -> Value {
        let owners: Vec<Value> = owners
            .iter()
            .map(|(kind, name, uid)| json!({"kind": kind, "name": name, "uid": uid, "controller": true}))
            .collect();
        json!({"metadata": {"ownerReferences": owners}})
    }

    fn to_pod() -> Value {
        references(&[("Pod", "web-0", set().uid("pods", "web-0"))])
    }

    #[test]
    fn the_reference_comes_before_the_deletion() {
        let scaled = || set().scale(0).wait(5_000);
        scaled()
            .modify_claim("data-web-0", to_pod())
            .delete_pod("web-0")
            .keeps(&SS_RET_03);
        scaled()
            .delete_pod("web-0")
            .modify_claim("data-web-0", to_pod())
            .breaks(&SS_RET_03, "while its claim data-web-0 did not refer to it");
        set()
            .modify_claim("data-web-0", to_pod())
            .breaks(&SS_RET_03, "got a reference to its pod, which is wanted");
        set().delete_pod("web-0").does_not_exercise(&SS_RET_03);
        // It may have been deleted for the update, before the controller saw that it is not wanted any more.
        let updated = set()
            .image("app:2")
            .revision("web-b")
            .scale(0)
            .delete_pod("web-0");
        assert!(updated.judge(&SS_RET_03).violations.is_empty());
    }

    #[test]
    fn a_wanted_claim_stays() {
        set().remove_pod("web-0").pod("web-0").keeps(&SS_RET_04);
        set().remove_pod("web-0").delete_claim("data-web-0").breaks(
            &SS_RET_04,
            "claim data-web-0 was deleted although its ordinal is wanted",
        );
        set()
            .scale(0)
            .wait(5_000)
            .remove_pod("web-0")
            .delete_claim("data-web-0")
            .does_not_exercise(&SS_RET_04);
    }

    #[test]
    fn one_reference_at_a_time() {
        let scaled = || set().scale(0).wait(5_000);
        scaled()
            .modify_claim("data-web-0", to_pod())
            .delete_pod("web-0")
            .keeps(&SS_RET_05);
        let both = references(&[
            ("Pod", "web-0", set().uid("pods", "web-0")),
            ("StatefulSet", "web", set().uid("statefulsets", "web")),
        ]);
        scaled()
            .modify_claim("data-web-0", both)
            .delete_pod("web-0")
            .breaks(&SS_RET_05, "refers to the set as well");
        set().does_not_exercise(&SS_RET_05);
    }
}
