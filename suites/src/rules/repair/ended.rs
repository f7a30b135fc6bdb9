//! Pods that have ended: phase Failed or Succeeded.

use crate::rules::{
    course::{Course, courses},
    gates::span,
};
use history::{Incarnation, Ledger, ManagementPolicy, Moment, Ordinal};
use judging::{Judge, Kind, Level, Profile, Rule};
use std::time::Duration;

/// Failed ones.
pub static SS_REP_02: Rule = Rule {
    id: "SS-REP-02",
    sentence: "A pod in phase Failed is deleted, to come back under the same identity",
    why: "A pod that has failed never runs again: its node has given it up, for lack of memory or disk. Its name stays \
          taken, and the set one member short, until somebody deletes it.",
    source: "upstream e2e [Conformance] \"Should recreate evicted statefulset\"",
    fix: "Look at the phase of each wanted pod. Delete one that is Failed when its turn has come, and create it again \
          once it is gone.",
    profile: Profile::Repair,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &[],
    check: |ledger, judge| ended_pods_are_replaced(ledger, "Failed", judge),
};

/// Succeeded ones.
pub static SS_REP_03: Rule = Rule {
    id: "SS-REP-03",
    sentence: "A pod in phase Succeeded is deleted as one that has Failed is",
    why: "A container that ends in order while its node evicts the pod leaves it Succeeded; it is gone all the same.",
    source: "k/k #118310, mended in 1.29 and the versions then supported",
    fix: "Treat both final phases alike: Failed and Succeeded.",
    profile: Profile::Repair,
    level: Level::Should,
    kind: Kind::Liveness,
    needs: &[],
    reads: &[],
    check: |ledger, judge| ended_pods_are_replaced(ledger, "Succeeded", judge),
};

fn ended_pods_are_replaced(ledger: &Ledger, phase: &str, judge: &mut Judge<'_>) {
    for course in courses(ledger) {
        for pod in ledger.members(course.set) {
            let Some((ordinal, ended)) = ended(&course, pod, phase) else {
                continue;
            };
            let last = course.last();
            let deletion = pod.deletion.as_ref();
            let decided = deletion.map(|deletion| deletion.moment).or(pod.gone);
            let until = decided.map_or(last, |decided| decided.min(last));
            if revived(pod, ended) {
                // Its node has overruled whoever declared it ended.
                continue;
            }
            let Some(turn) = turn(&course, ordinal, ended, until) else {
                continue;
            };
            let lasted = until.at.since(turn.from.at);
            if lasted >= turn.bound {
                if !excused(&course, pod, ordinal, turn.from) {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "{} was {phase}, and for {} it was not deleted",
                            pod.name,
                            span(lasted)
                        ),
                        [ended, turn.from, until],
                    );
                }
            } else if until < last && deletion.is_some_and(|deletion| deletion.by.may_be_candidate()) {
                judge.opportunity();
            }
        }
    }
}

/// When a member ended in this phase, while nobody was deleting it.
fn ended(course: &Course<'_>, pod: &Incarnation, phase: &str) -> Option<(Ordinal, Moment)> {
    let ordinal = course.ledger.ordinal(course.set, pod)?;
    let (moment, state) = pod.states.entries().iter().find(|(_, state)| state.ended())?;
    let ours = state.owner.as_deref() == Some(course.set.uid.as_str());
    (state.phase == phase && ours && !state.terminating).then_some((ordinal, *moment))
}

/// Whether a pod was said to live again after it had ended.
fn revived(pod: &Incarnation, ended: Moment) -> bool {
    let later = pod.states.after(ended.index);
    later.iter().any(|(_, state)| !state.ended())
}

/// Since when it was a pod's turn, and how long that may be so.
struct Turn {
    from: Moment,
    bound: Duration,
}

/// The turn of an ended pod: it is wanted, and under OrderedReady those below it are Healthy.
fn turn(course: &Course<'_>, ordinal: Ordinal, ended: Moment, until: Moment) -> Option<Turn> {
    let (mut from, mut available) = (ended, 0);
    let mut asked = course
        .epochs
        .iter()
        .filter(|epoch| epoch.from < until && epoch.until > ended)
        .peekable();
    asked.peek()?;
    for epoch in asked {
        if !epoch.spec.in_range(ordinal) {
            return None;
        }
        available = available.max(epoch.spec.min_ready_seconds);
        if epoch.spec.policy == ManagementPolicy::OrderedReady && ordinal.0 > epoch.spec.start {
            from = from.max(course.healthy_up_to_since(Ordinal(ordinal.0 - 1), ended, until)?);
        }
    }
    Some(Turn {
        from,
        bound: course.ledger.patience().reaction() + Duration::from_secs(available.into()),
    })
}

/// Whether the controller may take longer: its deletion was refused, or the one before ended as well, and it backs off.
fn excused(course: &Course<'_>, pod: &Incarnation, ordinal: Ordinal, from: Moment) -> bool {
    let refused = course.ledger.reported(&course.set.uid, "FailedDelete");
    refused.iter().any(|at| *at >= from)
        || course
            .incarnations(ordinal)
            .take_while(|former| former.added() < pod.added())
            .any(|former| {
                // Every pod ends while it is deleted.
                let mut states = former.states.entries().iter();
                states.any(|(_, state)| state.ended() && !state.terminating)
            })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use history::Author;
    use serde_json::json;

    fn failed() -> Story {
        Story::new()
            .set("web", 3)
            .ready_pods(3)
            .wait(5_000)
            .on("web-1")
            .failed()
    }

    #[test]
    fn a_failed_pod_is_replaced() {
        failed()
            .wait(500)
            .remove_pod("web-1")
            .pod("web-1")
            .keeps(&SS_REP_02);
        failed()
            .wait(20_000)
            .stalls(&SS_REP_02, "web-1 was Failed, and for 20.0 s it was not deleted");
        failed().wait(5_000).does_not_exercise(&SS_REP_02);
        failed().wait(20_000).does_not_exercise(&SS_REP_03);
        failed()
            .wait(5_000)
            .delete_pod("web-1")
            .by(Author::Harness)
            .does_not_exercise(&SS_REP_02);
        // Late is not in time.
        failed()
            .wait(90_000)
            .delete_pod("web-1")
            .stalls(&SS_REP_02, "for 90.0 s it was not deleted");
    }

    #[test]
    fn a_hole_among_the_events_hides_what_was_refused() {
        let found = failed().gap("events").wait(20_000).judge(&SS_REP_02);
        assert_eq!((found.stalls, found.unclear.len()), (Vec::new(), 1));
        let found = failed()
            .wait(500)
            .gap("events")
            .remove_pod("web-1")
            .judge(&SS_REP_02);
        assert_eq!((found.opportunities, found.unclear.len()), (1, 0));
    }

    #[test]
    fn so_is_one_that_has_succeeded() {
        let ended = || {
            Story::new()
                .set("web", 1)
                .ready_pods(1)
                .wait(5_000)
                .on("web-0")
                .modify(json!({"status": {"phase": "Succeeded"}}))
        };
        ended().remove_pod("web-0").keeps(&SS_REP_03);
        ended().wait(20_000).stalls(&SS_REP_03, "web-0 was Succeeded");
    }

    #[test]
    fn its_turn_comes_when_those_below_are_healthy() {
        let behind = || failed().on("web-0").unready().wait(60_000);
        behind().does_not_exercise(&SS_REP_02);
        behind()
            .on("web-0")
            .ready()
            .wait(5_000)
            .does_not_exercise(&SS_REP_02);
        behind()
            .on("web-0")
            .ready()
            .wait(20_000)
            .stalls(&SS_REP_02, "for 20.0 s");
    }

    #[test]
    fn what_is_not_wanted_is_another_matter() {
        failed().scale(1).wait(20_000).does_not_exercise(&SS_REP_02);
        failed().delete_set().wait(20_000).does_not_exercise(&SS_REP_02);
    }

    #[test]
    fn a_pod_that_lives_again_need_not_be_replaced() {
        failed()
            .modify(json!({"status": {"phase": "Running"}}))
            .wait(20_000)
            .does_not_exercise(&SS_REP_02);
    }

    #[test]
    fn a_pod_that_ended_as_it_was_deleted_is_no_excuse() {
        Story::new()
            .set("web", 1)
            .ready_pods(1)
            .wait(5_000)
            .delete_pod("web-0")
            .modify(json!({"status": {"phase": "Succeeded"}}))
            .gone()
            .pod("web-0")
            .failed()
            .wait(20_000)
            .stalls(&SS_REP_02, "web-0 was Failed");
    }

    #[test]
    fn who_sees_it_fail_again_may_back_off() {
        failed()
            .remove_pod("web-1")
            .pod("web-1")
            .failed()
            .wait(20_000)
            .keeps(&SS_REP_02);
    }
}
