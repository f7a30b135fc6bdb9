//! Claims outlive pods, scale-downs and the set itself, and belong to nobody.

use super::CLAIMS;
use super::losses::{Circumstance, claims_of, keeps, losses};
use crate::rules::course::{Course, Epoch, courses};
use history::{Author, ClaimState, Incarnation, Ledger, Ordinal, Owner};
use judging::{Judge, Kind, Level, Profile, Rule};

/// Scale-down keeps claims.
pub static SS_PVC_06: Rule = Rule {
    id: "SS-PVC-06",
    sentence: "Scaling down deletes no claim (default retention policy)",
    why: "Scaling down and up again is routine; losing a replica's data to it is not.",
    source: "StatefulSet documentation, limitations; upstream e2e \"should provide basic identity\" scales to 0 and back",
    fix: "Never delete claims, unless persistentVolumeClaimRetentionPolicy.whenScaled says Delete.",
    profile: Profile::Persistence,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[CLAIMS],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for _ in 0..scaled_down(ledger, &course) {
                judge.opportunity();
            }
            accuse(
                &course,
                Circumstance::Condemned,
                "after its pod was scaled away",
                judge,
            );
        }
    },
};

fn accuse(course: &Course<'_>, of: Circumstance, when: &str, judge: &mut Judge<'_>) {
    for loss in losses(course).iter().filter(|loss| loss.circumstance == of) {
        let change = course.epochs_before(loss.moment).next().map(|epoch| epoch.from);
        let scene = course
            .ending
            .filter(|_| of == Circumstance::SetDeleted)
            .or(change);
        judge.opportunity();
        judge.violation(
            format!("claim {} was deleted {when}", loss.claim.name),
            [Some(loss.claim.added()), scene, Some(loss.moment)]
                .into_iter()
                .flatten(),
        );
    }
}

/// How many pods with claims went because their ordinal was condemned, and were watched for longer than the staleness
/// window after that.
fn scaled_down(ledger: &Ledger, course: &Course<'_>) -> usize {
    let templates = |pod: &Incarnation, epoch: &Epoch| {
        pod.last().is_some_and(|state| {
            let mut volumes = state.claims().map(|(volume, _)| volume);
            volumes.any(|volume| {
                epoch
                    .spec
                    .claim_templates
                    .iter()
                    .any(|template| template == volume)
            })
        })
    };
    let condemned = |ordinal: Ordinal, pod: &Incarnation| {
        let gone = pod
            .gone
            .filter(|gone| course.ending.is_none_or(|ending| *gone < ending))?;
        let epoch = course.epoch_at(gone.index)?;
        let watched = course.last().at.since(gone.at) > ledger.patience().staleness();
        let kept = !epoch.spec.in_range(ordinal) && !epoch.spec.retention.when_scaled;
        Some(watched && kept && templates(pod, epoch))
    };
    course
        .all()
        .filter(|(ordinal, pod)| condemned(*ordinal, pod) == Some(true))
        .count()
}

/// The end of the set keeps claims.
pub static SS_PVC_07: Rule = Rule {
    id: "SS-PVC-07",
    sentence: "Deleting the set deletes no claim (default retention policy)",
    why: "Deleting and recreating the set is how immutable fields are changed. The data has to be there afterwards.",
    source: "StatefulSet documentation, limitations: deleting a set does not delete its volumes",
    fix: "Put no owner reference on claims and run no clean-up of claims when the set is deleted.",
    profile: Profile::Persistence,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[CLAIMS],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let ended = [course.set.deleting, course.set.gone].into_iter().flatten().min();
            let Some(ended) = ended.filter(|ended| course.ending == Some(*ended)) else {
                continue;
            };
            let watched = ledger.end().at.since(ended.at) > ledger.patience().staleness();
            let kept = keeps(course.epochs_before(ended), Circumstance::SetDeleted);
            for (_, claim) in claims_of(&course) {
                if watched && kept && claim.at(ended.index).is_some() {
                    judge.opportunity();
                }
            }
            accuse(
                &course,
                Circumstance::SetDeleted,
                "after its set was deleted",
                judge,
            );
        }
    },
};

/// Claims belong to nobody.
pub static SS_PVC_08: Rule = Rule {
    id: "SS-PVC-08",
    sentence: "Claims carry no owner reference to the set or to a pod (default retention policy)",
    why: "With an owner reference the garbage collector deletes the data together with the owner, and asks nobody.",
    source: "upstream e2e \"should not delete PVCs when there is another controller\" compares owner references",
    fix: "Create claims without owner references. Set them only as persistentVolumeClaimRetentionPolicy asks.",
    profile: Profile::Persistence,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[CLAIMS],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for (_, claim) in claims_of(&course) {
                let mut former: Option<&ClaimState> = None;
                for (moment, state) in claim.states.entries() {
                    let default = course
                        .epochs_before(*moment)
                        .all(|epoch| !epoch.spec.retention.when_deleted && !epoch.spec.retention.when_scaled);
                    let new = owned(&course, state)
                        .filter(|_| former.is_none_or(|former| owned(&course, former).is_none()));
                    let seen = claim.seen_added || former.is_some();
                    let first = former.is_none();
                    former = Some(state);
                    if !default || *moment < course.set.added() {
                        continue;
                    }
                    if first {
                        judge.opportunity();
                    }
                    let others = matches!(ledger.author_at(*moment), Author::Harness | Author::Cluster);
                    if let Some(owner) = new.filter(|_| seen && !others) {
                        judge.violation(
                            format!(
                                "claim {} got an owner reference to {} {}, although the policy keeps claims",
                                claim.name, owner.kind, owner.name
                            ),
                            [course.set.added(), *moment],
                        );
                    }
                }
            }
        }
    },
};

/// An owner reference to the set or to one of its pods.
fn owned<'s>(course: &Course<'_>, state: &'s ClaimState) -> Option<Owner<'s>> {
    state.owner_references().find(|owner| {
        owner.uid == course.set.uid || course.ledger.members(course.set).any(|pod| pod.uid == owner.uid)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn two() -> Story {
        Story::new()
            .set_with_claims("web", 2, &["data"])
            .revision("web-a")
            .claim("data-web-0")
            .claim("data-web-1")
            .ready_pods(2)
            .wait(5_000)
    }

    #[test]
    fn a_scale_down_keeps_the_claim() {
        let scaled = two().scale(1).remove_pod("web-1").wait(5_000);
        scaled.clone().keeps(&SS_PVC_06);
        scaled.delete_claim("data-web-1").claim_gone("data-web-1").breaks(
            &SS_PVC_06,
            "claim data-web-1 was deleted after its pod was scaled away",
        );
        let asked = two().scale(1).remove_pod("web-1").wait(5_000);
        asked
            .clone()
            .delete_claim("data-web-1")
            .by(Author::Harness)
            .keeps(&SS_PVC_06);
        asked
            .action("DELETE", "/api/v1/namespaces/n/persistentvolumeclaims/data-web-1")
            .delete_claim("data-web-1")
            .keeps(&SS_PVC_06);
        two().wait(5_000).does_not_exercise(&SS_PVC_06);
    }

    #[test]
    fn the_end_of_the_set_keeps_the_claims() {
        let deleted = two()
            .set_gone()
            .remove_pod("web-0")
            .remove_pod("web-1")
            .wait(5_000);
        deleted.clone().keeps(&SS_PVC_07);
        deleted.delete_claim("data-web-0").breaks(
            &SS_PVC_07,
            "claim data-web-0 was deleted after its set was deleted",
        );
        two()
            .action("DELETE", "/api/v1/namespaces/n")
            .wait(5_000)
            .delete_claim("data-web-0")
            .set_gone()
            .wait(5_000)
            .does_not_exercise(&SS_PVC_07);
    }

    #[test]
    fn a_policy_that_deletes_is_another_matter() {
        let patch = json!({"spec": {
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}],
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Delete"},
        }});
        let story = Story::new()
            .set_with("web", 1, patch)
            .revision("web-a")
            .claim("data-web-0")
            .ready_pods(1);
        story
            .clone()
            .wait(5_000)
            .scale(0)
            .remove_pod("web-0")
            .delete_claim("data-web-0")
            .wait(5_000)
            .does_not_exercise(&SS_PVC_06);
        let uid = story.uid("statefulsets", "web");
        story
            .modify_claim("data-web-0", owner("StatefulSet", "web", &uid))
            .does_not_exercise(&SS_PVC_08);
    }

    fn owner(kind: &str, name: &str, uid: &str) -> serde_json::Value {
        json!({"metadata": {"ownerReferences": [{"kind": kind, "name": name, "uid": uid}]}})
    }

    #[test]
    fn claims_belong_to_nobody() {
        two().keeps(&SS_PVC_08);
        let uid = two().uid("statefulsets", "web");
        two()
            .modify_claim("data-web-0", owner("StatefulSet", "web", &uid))
            .breaks(&SS_PVC_08, "owner reference to StatefulSet web");
        let uid = two().uid("pods", "web-1");
        two()
            .modify_claim("data-web-1", owner("Pod", "web-1", &uid))
            .breaks(&SS_PVC_08, "owner reference to Pod web-1");
        two()
            .modify_claim("data-web-1", owner("Backup", "nightly", "other"))
            .keeps(&SS_PVC_08);
        Story::new()
            .set("web", 1)
            .ready_pods(1)
            .does_not_exercise(&SS_PVC_08);
    }
}
