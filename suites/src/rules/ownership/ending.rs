//! What becomes of pods and revisions when the set is deleted.

use crate::rules::{
    course::{Cause, Course, courses},
    finalizers::of_candidate,
};
use history::{Author, Incarnation, Ledger, Moment};
use judging::{Kind, Level, Profile, Rule};

/// Everything goes.
pub static SS_OWN_07: Rule = Rule {
    id: "SS-OWN-07",
    sentence: "When the set is deleted its pods and revisions disappear",
    why: "What is left behind keeps running, costs money, and answers under the old name.",
    source: "StatefulSet documentation; garbage collection documentation: background deletion",
    fix: "Put a controlling owner reference with the set's UID on everything that is created; the garbage collector \
          does the rest.",
    profile: Profile::Ownership,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let Some(gone) = course.set.gone.filter(|_| !orphans(&course)) else {
                continue;
            };
            let watched = ledger.end().at.since(gone.at);
            let pods = ledger.members(course.set).filter(|pod| {
                pod.at(gone.index)
                    .is_some_and(|state| state.owner.as_deref() == Some(course.set.uid.as_str()))
            });
            let pods = pods.map(|pod| (&pod.name, pod.added(), pod.gone, kept(ledger, &course, pod)));
            let revisions = ledger
                .revisions(course.set)
                .filter(|revision| revision.is_owned_by(&course.set.uid, gone.index))
                .map(|revision| (&revision.name, revision.added(), revision.gone, false));
            for (name, added, end, kept) in pods.chain(revisions) {
                let left = || {
                    format!(
                        "{name} was still there {} s after its set was gone",
                        watched.as_secs()
                    )
                };
                if end.is_some() {
                    judge.opportunity();
                } else if kept {
                    judge.opportunity();
                    judge.stall(left(), [added, gone, ledger.end()]);
                } else if watched >= ledger.patience().reaction() {
                    // It names its set as it should: to take it away is the garbage collector's.
                    judge.unclear(left());
                }
            }
        }
    },
};

/// Whether nothing but a finalizer of the candidate's own keeps a pod, and for longer than it takes to react.
fn kept(ledger: &Ledger, course: &Course<'_>, pod: &Incarnation) -> bool {
    // Its node has stopped it.
    let stopped = pod
        .states
        .entries()
        .iter()
        .find(|(_, state)| state.terminating && state.deletion_grace() == Some(0));
    stopped.is_some_and(|(since, _)| ledger.end().at.since(since.at) >= ledger.patience().reaction())
        && pod
            .last()
            .is_some_and(|state| of_candidate(ledger, course.set, pod, state).is_some())
}

/// Whether the set was deleted with its dependents to be kept.
pub(super) fn orphans(course: &Course<'_>) -> bool {
    course
        .set
        .states
        .last()
        .is_some_and(|(_, state)| state.orphaning())
}

/// Hands off a dying set.
pub static SS_OWN_08: Rule = Rule {
    id: "SS-OWN-08",
    sentence: "Once the set is being deleted the controller creates and deletes no pod",
    why: "Otherwise the garbage collector and the controller fight, and the set never goes.",
    source: "reference implementation: a set with a deletionTimestamp is not synchronised",
    fix: "Return early when the set has a deletionTimestamp or is gone; take it from the API server, not from an old \
          cache, before creating pods.",
    profile: Profile::Ownership,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let set = course.set;
            let Some(mark) = [set.deleting, set.gone].into_iter().flatten().min() else {
                continue;
            };
            let late = |moment: Moment| moment.at.since(mark.at) > ledger.patience().staleness();
            // The controller may not have seen the mark yet; but then something else has to explain what it did.
            let unexplained = |pod: &Incarnation| course.explanation(pod) == Some(Cause::Nothing);
            for pod in ledger.members(set) {
                let watched = |gone: Moment| ledger.end().at.since(gone.at) > ledger.patience().staleness();
                if pod.gone.is_some_and(|gone| gone > mark && watched(gone)) {
                    judge.opportunity();
                }
                let ours = pod.first().and_then(|state| state.owner.as_deref()) == Some(set.uid.as_str());
                let made = ours && pod.seen_added && pod.created_by.may_be_candidate() && late(pod.added());
                let deleted = pod
                    .deletion
                    .as_ref()
                    .filter(|deletion| deletion.by == Author::Candidate && deletion.moment > mark)
                    .filter(|deletion| late(deletion.moment) || unexplained(pod))
                    .filter(|deletion| owned_at(ledger, &course, deletion.moment, &pod.uid));
                if made {
                    judge.opportunity();
                    judge.violation(
                        accusation(&pod.name, "created", mark, pod.added()),
                        [mark, pod.added()],
                    );
                } else if let Some(deletion) = deleted {
                    judge.opportunity();
                    judge.violation(
                        accusation(&pod.name, "deleted", mark, deletion.moment),
                        [mark, deletion.moment],
                    );
                }
            }
        }
    },
};

fn accusation(pod: &str, what: &str, mark: Moment, moment: Moment) -> String {
    let after = moment.at.since(mark.at).as_secs();
    format!("{pod} was {what} {after} s after the deletion of its set")
}

/// A pod that a new set has adopted is that set's business.
fn owned_at(ledger: &Ledger, course: &Course<'_>, moment: Moment, uid: &str) -> bool {
    ledger.members(course.set).any(|pod| {
        pod.uid == uid
            && pod
                .states
                .before(moment.index)
                .is_some_and(|(_, state)| state.owner.as_deref() == Some(course.set.uid.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;

    fn two() -> Story {
        Story::new()
            .set("web", 2)
            .revision("web-a")
            .ready_pods(2)
            .wait(1_000)
    }

    #[test]
    fn pods_and_revisions_go_with_the_set() {
        let gone = || two().set_gone().remove_pod("web-0").remove_pod("web-1");
        gone()
            .object_gone("controllerrevisions", "web-a")
            .wait(20_000)
            .keeps(&SS_OWN_07);
        let left = gone().wait(20_000).judge(&SS_OWN_07);
        assert_eq!(
            left.unclear,
            ["web-a was still there 20 s after its set was gone"]
        );
        let left = two()
            .set_gone()
            .remove_pod("web-0")
            .wait(20_000)
            .judge(&SS_OWN_07);
        assert!(
            left.unclear
                .iter()
                .any(|left| left.starts_with("web-1 was still there"))
        );
        two().set_gone().wait(1_000).does_not_exercise(&SS_OWN_07);
    }

    #[test]
    fn a_finalizer_of_the_controller_keeps_a_pod() {
        let held = |finalizers| {
            Story::new()
                .set("web", 1)
                .pod_with(
                    "web-0",
                    serde_json::json!({"metadata": {"finalizers": finalizers}}),
                )
                .by(Author::Candidate)
                .ready()
                .set_gone()
                .delete_pod("web-0")
                .by(Author::Cluster)
                .modify(serde_json::json!({"metadata": {"deletionGracePeriodSeconds": 0}}))
                .by(Author::Cluster)
                .wait(70_000)
        };
        held(serde_json::json!(["example.com/tidy"]))
            .stalls(&SS_OWN_07, "web-0 was still there 70 s after its set was gone");
        assert!(held(serde_json::json!([])).judge(&SS_OWN_07).stalls.is_empty());
    }

    #[test]
    fn a_dying_set_gets_no_pods() {
        let dying = || two().delete_set().wait(5_000).remove_pod("web-1");
        dying().wait(5_000).keeps(&SS_OWN_08);
        dying()
            .pod("web-1")
            .breaks(&SS_OWN_08, "web-1 was created 5 s after the deletion of its set");
        dying()
            .delete_pod("web-0")
            .by(Author::Candidate)
            .breaks(&SS_OWN_08, "web-0 was deleted 5 s after");
        two()
            .delete_set()
            .delete_pod("web-1")
            .by(Author::Candidate)
            .breaks(&SS_OWN_08, "web-1 was deleted 0 s after");
        // The controller may not have seen it yet.
        two()
            .scale(1)
            .delete_set()
            .delete_pod("web-1")
            .by(Author::Candidate)
            .wait(1_000)
            .does_not_exercise(&SS_OWN_08);
        two()
            .delete_set()
            .remove_pod("web-1")
            .pod("web-1")
            .wait(1_000)
            .does_not_exercise(&SS_OWN_08);
        two().wait(5_000).does_not_exercise(&SS_OWN_08);
    }
}
