//! Pods that are not Ready or cannot end are left alone.

use crate::rules::{
    acts::{creations, deletions},
    course::{Cause, Course, Standing, courses},
    due::Due,
    finalizers::is_of_candidate,
    gates::span,
    holds::{Hold, holds},
    window::Window,
};
use history::{Author, Incarnation, Ledger, Moment, Set};
use judging::{Judge, Kind, Level, Profile, Rule};

/// No self-made healing.
pub static SS_REP_05: Rule = Rule {
    id: "SS-REP-05",
    sentence: "A wanted pod that is merely not Ready, Pending or crash-looping is never deleted by the controller",
    why: "A member that replays its log for an hour is not broken; killing it starts the hour again.",
    source: "StatefulSet documentation; upstream e2e E8",
    fix: "Delete wanted pods only when they have ended or an update replaces them; leave restarts to the node agent.",
    profile: Profile::Repair,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: unready_pods_are_left_alone,
};

fn unready_pods_are_left_alone(ledger: &Ledger, judge: &mut Judge<'_>) {
    let staleness = ledger.patience().staleness();
    for course in courses(ledger) {
        let set = course.set;
        let deeds = deletions(ledger, set);
        let unready = holds(ledger, set, |state| {
            !state.ready && !state.terminating && !state.ended()
        });
        for hold in unready {
            let window = Window::before(ledger, set, hold.end(ledger));
            let deed = deeds
                .iter()
                .find(|deed| deed.pod.uid == hold.pod.uid && Some(deed.moment) == hold.until);
            let killed =
                deed.filter(|deed| window.wants(deed.ordinal) && without_reason(&course, deed.pod, &hold));
            if let Some(deed) = killed {
                judge.opportunity();
                judge.violation(
                    format!(
                        "{} was deleted by the controller after it had been {} for {}",
                        deed.pod.name,
                        deed.state.describe(),
                        span(hold.lasted(ledger))
                    ),
                    [hold.from, deed.state_since, deed.moment],
                );
            } else if hold.lasted(ledger) > staleness && window.wants(hold.ordinal) {
                judge.opportunity();
            }
        }
    }
}

/// Whether nothing explains that the pod was deleted at the end of the hold.
fn without_reason(course: &Course<'_>, pod: &Incarnation, hold: &Hold<'_>) -> bool {
    let end = hold.end(course.ledger);
    let known = course
        .epochs_before(end)
        .all(|epoch| course.standing(hold.state, epoch) != Standing::Unknown);
    let decision = course.decision(pod);
    known && decision.is_some_and(|decision| decision.cause == Cause::Nothing)
}

/// Stuck pods are waited for.
pub static SS_REP_06: Rule = Rule {
    id: "SS-REP-06",
    sentence: "A pod that is stuck terminating is waited for, without force and without a substitute, and recreated when \
               it is gone",
    why: "Its process may still run and write: only its end makes room for a successor.",
    source: "StatefulSet documentation, force deletion of pods; upstream integration test I2",
    fix: "Neither remove finalizers nor delete again with grace period 0; wait for the DELETED event.",
    profile: Profile::Repair,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[],
    reads: &[],
    check: stuck_pods_are_waited_for,
};

fn stuck_pods_are_waited_for(ledger: &Ledger, judge: &mut Judge<'_>) {
    let staleness = ledger.patience().staleness();
    for set in ledger.sets() {
        let due = Due::of(ledger, set);
        for hold in holds(ledger, set, |state| state.terminating) {
            if !Window::before(ledger, set, hold.end(ledger)).wants(hold.ordinal) {
                continue;
            }
            let broken = forced(ledger, set, &hold).or_else(|| substitute(ledger, set, &hold));
            // Nobody can tell how long a pod would have been stuck that was forced at once.
            if broken.is_none() && hold.lasted(ledger) <= staleness {
                continue;
            }
            judge.opportunity();
            if let Some((how, moment)) = broken {
                judge.violation(
                    format!(
                        "{} was terminating for {}, and {how}",
                        hold.pod.name,
                        span(moment.at.since(hold.from.at))
                    ),
                    [hold.from, moment],
                );
            }
            let back = due
                .creations
                .iter()
                .find(|turn| turn.ordinal == hold.ordinal && Some(turn.from) == hold.until);
            if let Some(turn) = back.filter(|turn| turn.missed(ledger)) {
                judge.stall(
                    format!(
                        "{} ended at last, but was not recreated for {}",
                        hold.pod.name,
                        span(turn.lasted(ledger))
                    ),
                    [hold.from, turn.from, turn.until.unwrap_or(ledger.end())],
                );
            }
        }
    }
}

/// The candidate's own hand in the end of a stuck pod. A finalizer that it added itself is its to take off.
fn forced(ledger: &Ledger, set: &Set, hold: &Hold<'_>) -> Option<(String, Moment)> {
    let states = hold.pod.states.entries();
    states.windows(2).find_map(|pair| match pair {
        [(_, before), (moment, after)] if before.terminating && after.author(ledger) == Author::Candidate => {
            let finalizer = before
                .finalizers()
                .filter(|finalizer| !after.has_finalizer(finalizer))
                .find(|finalizer| !is_of_candidate(ledger, set, hold.pod, finalizer));
            let shortened = after.deletion_grace() < before.deletion_grace();
            finalizer
                .map(|finalizer| format!("the controller removed its finalizer {finalizer}"))
                .or_else(|| shortened.then(|| "the controller shortened its grace period".to_owned()))
                .map(|how| (how, *moment))
        }
        _ => None,
    })
}

/// A pod of the set under a name of another form, made while the member was stuck.
fn substitute(ledger: &Ledger, set: &Set, hold: &Hold<'_>) -> Option<(String, Moment)> {
    creations(ledger, set)
        .find(|creation| creation.ordinal.is_none() && hold.covers(creation.moment))
        .map(|creation| {
            (
                format!("{} was created in its place", creation.pod.name),
                creation.moment,
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn unready() -> Story {
        Story::new()
            .set("web", 2)
            .revision("web-a")
            .ready_pods(2)
            .unready()
            .wait(90_000)
    }

    #[test]
    fn an_unready_pod_is_left_alone() {
        unready().keeps(&SS_REP_05);
        unready().remove_pod("web-1").breaks(
            &SS_REP_05,
            "web-1 was deleted by the controller after it had been Running but not Ready",
        );
        Story::new()
            .set("web", 2)
            .revision("web-a")
            .ready_pods(2)
            .does_not_exercise(&SS_REP_05);
    }

    #[test]
    fn others_and_other_reasons_may_delete_an_unready_pod() {
        unready()
            .delete_pod("web-1")
            .by(Author::Harness)
            .keeps(&SS_REP_05);
        unready()
            .modify(json!({"status": {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}}))
            .remove_pod("web-1")
            .keeps(&SS_REP_05);
        // An update replaces it.
        unready()
            .image("app:2")
            .revision("web-b")
            .wait(3_000)
            .remove_pod("web-1")
            .keeps(&SS_REP_05);
        // It is not wanted any more.
        let scaled = unready()
            .scale(1)
            .wait(3_000)
            .remove_pod("web-1")
            .judge(&SS_REP_05);
        assert!(scaled.violations.is_empty());
    }

    fn stuck() -> Story {
        Story::new()
            .set("web", 1)
            .pod_with("web-0", json!({"metadata": {"finalizers": ["example.com/hold"]}}))
            .ready()
            .wait(5_000)
            .delete_pod("web-0")
            .by(Author::Harness)
            .wait(60_000)
    }

    #[test]
    fn a_stuck_pod_is_waited_for() {
        stuck().keeps(&SS_REP_06);
        stuck().gone().pod("web-0").keeps(&SS_REP_06);
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .remove_pod("web-0")
            .pod("web-0")
            .does_not_exercise(&SS_REP_06);
    }

    #[test]
    fn a_stuck_pod_is_forced() {
        let released = json!({"metadata": {"finalizers": null}});
        stuck()
            .modify(released.clone())
            .by(Author::Candidate)
            .gone()
            .pod("web-0")
            .breaks(
                &SS_REP_06,
                "the controller removed its finalizer example.com/hold",
            );
        stuck()
            .modify(released)
            .by(Author::Harness)
            .gone()
            .pod("web-0")
            .keeps(&SS_REP_06);
        stuck()
            .modify(json!({"metadata": {"deletionGracePeriodSeconds": 0}}))
            .by(Author::Candidate)
            .breaks(&SS_REP_06, "shortened its grace period");
    }

    #[test]
    fn force_is_force_however_soon() {
        let at_once = |finalizer: &str| {
            Story::new()
                .set("web", 1)
                .pod_with("web-0", json!({"metadata": {"finalizers": [finalizer]}}))
                .ready()
                .wait(5_000)
        };
        // Somebody else's finalizer.
        let added = json!({"metadata": {"finalizers": ["a", "example.com/hold"]}});
        at_once("a")
            .modify(added)
            .by(Author::Harness)
            .delete_pod("web-0")
            .by(Author::Harness)
            .modify(json!({"metadata": {"finalizers": ["a"]}}))
            .by(Author::Candidate)
            .gone()
            .pod("web-0")
            .breaks(&SS_REP_06, "removed its finalizer example.com/hold");
        // Its own.
        Story::new()
            .set("web", 1)
            .pod_with("web-0", json!({"metadata": {"finalizers": ["a"]}}))
            .by(Author::Candidate)
            .ready()
            .wait(5_000)
            .delete_pod("web-0")
            .by(Author::Harness)
            .wait(60_000)
            .modify(json!({"metadata": {"finalizers": null}}))
            .by(Author::Candidate)
            .gone()
            .pod("web-0")
            .keeps(&SS_REP_06);
    }

    #[test]
    fn a_stuck_pod_is_substituted_or_forgotten() {
        stuck()
            .pod("web-0b")
            .breaks(&SS_REP_06, "web-0b was created in its place");
        stuck()
            .gone()
            .wait(20_000)
            .stalls(&SS_REP_06, "web-0 ended at last, but was not recreated");
    }
}
