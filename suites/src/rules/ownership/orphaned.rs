//! A set that is deleted while its dependents are kept.

use super::ending::orphans;
use crate::rules::course::{Cause, Course, courses};
use crate::rules::revisions::may_be_pruned;
use history::{Author, Moment};
use judging::{Kind, Level, Profile, Rule};

/// Everything stays.
pub static SS_OWN_09: Rule = Rule {
    id: "SS-OWN-09",
    sentence: "When the set is deleted with orphaning its pods, revisions and claims stay and lose the reference to it",
    why: "It is the documented way to replace a set without stopping its members.",
    source: "StatefulSet documentation: deletion with --cascade=orphan",
    fix: "Do nothing for a set that is being deleted: do not adopt its pods again, do not delete them.",
    profile: Profile::Ownership,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[],
    reads: &["controllerrevisions", "persistentvolumeclaims"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let Some(mark) = course.set.deleting.filter(|_| orphans(&course)) else {
                continue;
            };
            let end = [
                successor(&course),
                ledger.namespace_deletion(&course.set.namespace),
            ]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| ledger.end());
            let gone = course.set.gone.filter(|gone| *gone < end);
            let waited = gone.is_some_and(|gone| end.at.since(gone.at) >= ledger.patience().reaction());
            for pod in ledger.members(course.set) {
                let Some(before) = pod.at(mark.index).filter(|state| !state.terminating) else {
                    continue;
                };
                let killed = pod.deletion.as_ref().filter(|deletion| {
                    deletion.moment > mark && deletion.moment < end && deletion.by != Author::Harness
                });
                let disrupted = pod.last().is_some_and(history::PodState::disrupted);
                // The controller may not have seen the mark yet; but then something else has to explain what it did.
                let excused = |deletion: &history::Deletion| {
                    deletion.moment.at.since(mark.at) <= ledger.patience().staleness()
                        && course.explanation(pod) != Some(Cause::Nothing)
                };
                let killed = killed.filter(|deletion| !before.ended() && !disrupted && !excused(deletion));
                if let Some(deletion) = killed {
                    judge.opportunity();
                    judge.violation(
                        format!(
                            "{} was deleted although its set was deleted with orphaning",
                            pod.name
                        ),
                        [mark, deletion.moment],
                    );
                    continue;
                }
                let owned = pod
                    .at(course.just_before(end))
                    .is_some_and(|state| state.owner.as_deref() == Some(course.set.uid.as_str()));
                if gone.is_some() && (!owned || waited) {
                    judge.opportunity();
                }
                if owned && waited {
                    judge.stall(
                        format!(
                            "{} still names the set that was deleted with orphaning as its owner",
                            pod.name
                        ),
                        [mark, gone.unwrap_or(end), end],
                    );
                }
            }
            for revision in ledger.revisions(course.set) {
                let Some(gone) = revision.gone.filter(|gone| (mark..end).contains(gone)) else {
                    continue;
                };
                // Who has not seen the mark yet may prune a revision too many.
                let pruned = gone.at.since(mark.at) <= ledger.patience().staleness()
                    && may_be_pruned(&course, revision, mark.index);
                let namespace = &course.set.namespace;
                let by_harness = ledger.author_at(gone) == Author::Harness
                    || ledger.asked_to_delete("controllerrevisions", namespace, &revision.name, gone);
                let adopted = revision.states.before(gone.index).is_some_and(|(_, state)| {
                    let owner = state.owner.as_deref();
                    owner.is_some_and(|owner| owner != course.set.uid)
                });
                if !pruned && !adopted && !by_harness && revision.is_owned_by(&course.set.uid, mark.index) {
                    judge.opportunity();
                    judge.violation(
                        format!(
                            "revision {} was deleted although its set was deleted with orphaning",
                            revision.name
                        ),
                        [mark, gone],
                    );
                }
            }
            for claim in ledger.claims() {
                let ours = ledger.claim_of(course.set, claim).is_some() && claim.at(mark.index).is_some();
                let lost = claim
                    .deletion
                    .filter(|(moment, by)| *moment > mark && *moment < end && *by != Author::Harness);
                if let Some((moment, _)) = lost.filter(|_| ours) {
                    judge.opportunity();
                    judge.violation(
                        format!(
                            "claim {} was deleted although its set was deleted with orphaning",
                            claim.name
                        ),
                        [mark, moment],
                    );
                }
            }
        }
    },
};

/// When a set of the same name was made again: from then on its pods are the new set's business.
fn successor(course: &Course<'_>) -> Option<Moment> {
    course
        .ledger
        .sets()
        .iter()
        .filter(|other| other.name == course.set.name && other.namespace == course.set.namespace)
        .map(history::Set::added)
        .filter(|added| *added > course.set.added())
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn orphaned() -> Story {
        Story::new()
            .set_with_claims("web", 1, &["data"])
            .revision("web-a")
            .claim("data-web-0")
            .ready_pods(1)
            .wait(1_000)
            .change(json!({"metadata": {
                "deletionTimestamp": "2026-01-01T00:00:01Z", "finalizers": ["orphan"],
            }}))
    }

    #[test]
    fn orphans_survive_the_set() {
        let released = || {
            orphaned()
                .on("web-0")
                .modify(json!({"metadata": {"ownerReferences": null}}))
                .set_gone()
        };
        released().wait(20_000).keeps(&SS_OWN_09);
        released().wait(5_000).delete_pod("web-0").breaks(
            &SS_OWN_09,
            "web-0 was deleted although its set was deleted with orphaning",
        );
        released()
            .delete_claim("data-web-0")
            .breaks(&SS_OWN_09, "claim data-web-0 was deleted");
        let later = || released().wait(5_000);
        let lost = |story: Story| story.object_gone("controllerrevisions", "web-a").wait(20_000);
        lost(later()).breaks(&SS_OWN_09, "revision web-a was deleted");
        lost(released()).breaks(&SS_OWN_09, "revision web-a was deleted");
        lost(later().action("DELETE", "/apis/apps/v1/namespaces/n/controllerrevisions/web-a"))
            .keeps(&SS_OWN_09);
        orphaned()
            .set_gone()
            .wait(20_000)
            .stalls(&SS_OWN_09, "still names the set");
        released()
            .delete_pod("web-0")
            .by(Author::Harness)
            .keeps(&SS_OWN_09);
    }

    #[test]
    fn a_revision_too_many_may_be_pruned_before_the_mark_is_seen() {
        let named = json!({"currentRevision": "web-b", "updateRevision": "web-b"});
        let marked = |ms| {
            Story::new()
                .set_with("web", 1, json!({"spec": {"revisionHistoryLimit": 0}}))
                .revision("web-a")
                .wait(5_000)
                .image("app:2")
                .revision("web-b")
                .ready_pods(1)
                .status(named.clone())
                .change(json!({"metadata": {
                    "deletionTimestamp": "2026-01-01T00:00:01Z", "finalizers": ["orphan"],
                }}))
                .wait(ms)
                .object_gone("controllerrevisions", "web-a")
                .judge(&SS_OWN_09)
                .violations
                .len()
        };
        assert_eq!((marked(100), marked(5_000)), (0, 1));
    }

    #[test]
    fn other_ways_of_deletion_are_another_matter() {
        Story::new()
            .set("web", 1)
            .ready_pods(1)
            .delete_set()
            .delete_pod("web-0")
            .set_gone()
            .wait(20_000)
            .does_not_exercise(&SS_OWN_09);
    }
}
