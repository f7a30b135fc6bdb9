//! Which pods a scale-down takes, and how.

use crate::rules::{
    acts::{Deed, deletions, members_created},
    course::{Cause, Course, Standing, courses},
    due::Due,
    gates::span,
    window::Window,
};
use history::{Author, Ledger, ManagementPolicy, Ordinal, PodState, Set};
use judging::{Judge, Kind, Level, Profile, Rule};

/// The grace period of a pod that asks for none.
const DEFAULT_GRACE: i64 = 30;

/// Only the surplus.
pub static SS_SCD_01: Rule = Rule {
    id: "SS-SCD-01",
    sentence: "Scaling down deletes the pods outside the ordinals that are asked for, and only those",
    why: "Deleting a wanted member instead of a surplus one takes down a part of the cluster that was to stay; keeping a \
          surplus one leaves it running, unasked for.",
    source: "StatefulSet documentation, deployment and scaling guarantees; upstream e2e E8",
    fix: "Choose pods to delete by ordinal: those outside start to start + replicas - 1, never the oldest or any; come \
          back to the set until none is left.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        only_the_surplus(ledger, judge);
        all_the_surplus(ledger, judge);
    },
};

fn only_the_surplus(ledger: &Ledger, judge: &mut Judge<'_>) {
    for course in courses(ledger) {
        for deed in deletions(ledger, course.set) {
            let window = Window::before(ledger, course.set, deed.moment);
            if window.condemns(deed.ordinal) {
                judge.opportunity();
            } else if window.wants(deed.ordinal)
                && without_reason(&course, &deed)
                && let Some(surplus) = surplus(ledger, course.set, &deed)
            {
                judge.opportunity();
                judge.violation(
                    format!(
                        "{} was deleted although it is wanted, and {surplus} is not",
                        deed.pod.name
                    ),
                    window
                        .spec()
                        .map(|(asked, _)| asked)
                        .into_iter()
                        .chain([deed.moment]),
                );
            }
        }
    }
}

/// A Healthy surplus pod whose turn has come is deleted. Unhealthy ones are SS-SCD-05, all of them SS-SCD-07, those of
/// Parallel sets SS-PAR-02.
fn all_the_surplus(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        for turn in &Due::of(ledger, set).deletions {
            let healthy = ledger
                .member_at(set, turn.ordinal, turn.from.index)
                .is_some_and(|(_, state)| state.healthy());
            let ordered = turn.spec.policy == ManagementPolicy::OrderedReady;
            if healthy && ordered && turn.spec.replicas > 0 && turn.missed(ledger) {
                judge.opportunity();
                judge.stall(
                    format!(
                        "{}-{} is not wanted, all that are wanted are Healthy, and it was not deleted for {}",
                        set.name,
                        turn.ordinal,
                        span(turn.lasted(ledger))
                    ),
                    [turn.from, turn.until.unwrap_or(ledger.end())],
                );
            }
        }
    }
}

/// Whether neither its end nor an update explains the deletion.
fn without_reason(course: &Course<'_>, deed: &Deed<'_>) -> bool {
    let known = course
        .epochs_before(deed.moment)
        .all(|epoch| course.standing(deed.state, epoch) != Standing::Unknown);
    let decision = course.decision(deed.pod);
    known && decision.is_some_and(|decision| decision.cause == Cause::Nothing)
}

/// A pod that nobody wanted and that was there when the deed was done.
fn surplus(ledger: &Ledger, set: &Set, deed: &Deed<'_>) -> Option<String> {
    let spec = set.spec_at(deed.moment.index)?;
    ledger
        .members_at(set, deed.moment.index)
        .find(|(ordinal, _, state)| !spec.in_range(*ordinal) && state.owner.as_deref() == Some(&set.uid))
        .map(|(_, pod, _)| pod.name.clone())
}

/// Its own grace period.
pub static SS_SCD_08: Rule = Rule {
    id: "SS-SCD-08",
    sentence: "The controller deletes a pod with the grace period that the pod asks for",
    why: "A database that is killed before it has flushed its log recovers slowly, or not at all; grace period 0 also \
          frees the name while the old process still runs.",
    source: "StatefulSet documentation, limitations; force deletion of pods",
    fix: "Send an ordinary DELETE without gracePeriodSeconds.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: its_own_grace_period,
};

fn its_own_grace_period(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        for deed in deletions(ledger, set)
            .iter()
            .filter(|deed| takes_time(deed.state))
        {
            let own = deed.state.grace_period().unwrap_or(DEFAULT_GRACE);
            let by = deed.pod.deletion.as_ref().map(|deletion| deletion.by);
            let given = match deed.grace {
                Some(grace) => grace,
                // Gone at once, and the candidate is known to have done it.
                None if by == Some(Author::Candidate) => 0,
                None => continue,
            };
            judge.expect(
                given == own,
                || {
                    format!(
                        "{} was deleted with grace period {given} s, and it asks for {own} s",
                        deed.pod.name
                    )
                },
                [deed.state_since, deed.moment],
            );
        }
    }
}

/// Whether the API server grants a grace period at all: pods without a node and ended ones go at once.
fn takes_time(state: &PodState) -> bool {
    state.node.is_some() && !state.ended() && state.phase != "Pending"
}

/// Gone for good.
pub static SS_SCD_12: Rule = Rule {
    id: "SS-SCD-12",
    sentence: "A pod that is no longer wanted is not recreated when it vanishes",
    why: "A member that was told to leave and comes back joins the cluster of the application again.",
    source: "StatefulSet controller (reference)",
    fix: "Decide what is missing from the newest spec, not from the pods that were there before.",
    profile: Profile::Scaling,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: gone_for_good,
};

fn gone_for_good(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        for (ordinal, creation) in members_created(ledger, set) {
            let former = ledger.incarnations(set, ordinal).filter_map(|pod| pod.gone);
            let Some(gone) = former.filter(|gone| gone.index < creation.moment.index).max() else {
                continue;
            };
            if Window::before(ledger, set, creation.moment).condemns(ordinal) {
                judge.opportunity();
                judge.violation(
                    format!(
                        "{} was recreated although it is no longer wanted",
                        creation.pod.name
                    ),
                    [gone, creation.moment],
                );
            }
        }
        for pod in ledger.members(set) {
            let Some(ordinal) = ledger.ordinal(set, pod) else {
                continue;
            };
            let by = pod.deletion.as_ref().map(|deletion| deletion.by);
            let vanished = matches!(by, Some(Author::Harness | Author::Cluster));
            if vanished && stayed_unwanted(ledger, set, ordinal, pod.gone) {
                judge.opportunity();
            }
        }
    }
}

/// Whether the pod was unwanted when it was gone and for longer than the staleness window after.
fn stayed_unwanted(ledger: &Ledger, set: &Set, ordinal: Ordinal, gone: Option<history::Moment>) -> bool {
    let Some(gone) = gone else { return false };
    let until = set
        .states
        .after(gone.index)
        .iter()
        .find(|(_, state)| state.spec.in_range(ordinal))
        .map(|(moment, _)| *moment);
    let until = [until, ledger.ending(set)]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(ledger.end());
    Window::before(ledger, set, gone).condemns(ordinal)
        && until.at.since(gone.at) > ledger.patience().staleness()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn shrunk() -> Story {
        Story::new()
            .set("web", 3)
            .revision("web-a")
            .ready_pods(3)
            .wait(5_000)
            .scale(2)
            .wait(3_000)
    }

    #[test]
    fn all_the_surplus_goes() {
        let shrunk = || Story::new().set("web", 3).ready_pods(3).wait(5_000).scale(2);
        shrunk()
            .wait(20_000)
            .stalls(&SS_SCD_01, "web-2 is not wanted, all that are wanted are Healthy");
        shrunk().wait(1_000).does_not_exercise(&SS_SCD_01);
        // It must not go while a wanted one is unready.
        Story::new()
            .set("web", 3)
            .ready_pods(3)
            .on("web-0")
            .unready()
            .scale(2)
            .wait(20_000)
            .does_not_exercise(&SS_SCD_01);
    }

    #[test]
    fn the_surplus_goes() {
        shrunk().remove_pod("web-2").keeps(&SS_SCD_01);
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .does_not_exercise(&SS_SCD_01);
    }

    #[test]
    fn a_wanted_pod_goes_instead() {
        shrunk().remove_pod("web-0").breaks(
            &SS_SCD_01,
            "web-0 was deleted although it is wanted, and web-2 is not",
        );
        // The harness may.
        shrunk()
            .delete_pod("web-0")
            .by(Author::Harness)
            .gone()
            .remove_pod("web-2")
            .keeps(&SS_SCD_01);
    }

    #[test]
    fn a_failed_pod_is_replaced_meanwhile() {
        shrunk()
            .on("web-0")
            .failed()
            .remove_pod("web-0")
            .does_not_exercise(&SS_SCD_01);
    }

    #[test]
    fn an_update_may_go_on_meanwhile() {
        shrunk()
            .image("app:2")
            .revision("web-b")
            .remove_pod("web-1")
            .does_not_exercise(&SS_SCD_01);
    }

    fn running_on_a_node() -> Story {
        Story::new()
            .set("web", 1)
            .pod("web-0")
            .scheduled("node-1")
            .ready()
            .scale(0)
            .wait(3_000)
    }

    #[test]
    fn a_pod_gets_the_grace_period_it_asks_for() {
        running_on_a_node().delete_pod("web-0").keeps(&SS_SCD_08);
        running_on_a_node().delete_pod_with_grace("web-0", 0).breaks(
            &SS_SCD_08,
            "web-0 was deleted with grace period 0 s, and it asks for 30 s",
        );
        running_on_a_node()
            .on("web-0")
            .gone()
            .by(Author::Candidate)
            .breaks(&SS_SCD_08, "grace period 0 s");
    }

    #[test]
    fn a_pod_without_a_node_goes_at_once() {
        Story::new()
            .set("web", 1)
            .pod("web-0")
            .delete_pod_with_grace("web-0", 0)
            .gone()
            .does_not_exercise(&SS_SCD_08);
        running_on_a_node()
            .delete_pod_with_grace("web-0", 0)
            .by(Author::Harness)
            .does_not_exercise(&SS_SCD_08);
        running_on_a_node()
            .modify(json!({"status": {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}}))
            .delete_pod_with_grace("web-0", 1)
            .does_not_exercise(&SS_SCD_08);
    }

    #[test]
    fn what_is_unwanted_and_vanishes_stays_away() {
        let vanished = shrunk().on("web-2").gone().by(Author::Harness);
        vanished.clone().wait(5_000).keeps(&SS_SCD_12);
        vanished.clone().does_not_exercise(&SS_SCD_12);
        vanished
            .pod("web-2")
            .breaks(&SS_SCD_12, "web-2 was recreated although it is no longer wanted");
    }

    #[test]
    fn what_is_wanted_again_may_come_back() {
        shrunk()
            .on("web-2")
            .gone()
            .by(Author::Harness)
            .scale(3)
            .pod("web-2")
            .does_not_exercise(&SS_SCD_12);
    }
}
