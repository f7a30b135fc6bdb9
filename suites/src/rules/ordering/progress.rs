//! The next pod really comes, and soon.

use crate::rules::{
    acts::members_created,
    due::{Due, Turn},
    gates::{Scope, Standing, Step, highest, span},
    holds::{Hold, holds},
    ordering::predecessors::{first_early, kept_others_waiting},
    window::Window,
};
use history::{Ledger, ManagementPolicy, PodState};
use judging::{Judge, Kind, Level, Profile, Rule};

/// No deadlock.
pub static SS_ORD_06: Rule = Rule {
    id: "SS-ORD-06",
    sentence: "A missing pod is created although a pod above it is not Ready",
    why: "After an outage the higher members often wait for the lower ones; a controller that waits for them in turn \
          never gets the set up again.",
    source: "StatefulSet controller (reference); upstream e2e E3",
    fix: "Let only lower ordinals hold back a creation.",
    profile: Profile::Ordering,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &[],
    check: created_beside_unready_higher_pods,
};

fn created_beside_unready_higher_pods(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        let mut turns = Due::of(ledger, set).creations.clone();
        turns.retain(|turn| ordered(turn) && (turn.taken || turn.missed(ledger)));
        turns.sort_by_key(|turn| turn.until.unwrap_or(ledger.end()));
        let steps: Vec<Step> = turns
            .iter()
            .map(|turn| Step {
                moment: turn.until.unwrap_or(ledger.end()),
                scope: Scope::Above(turn.ordinal),
            })
            .collect();
        // Not Healthy when the turn ended, and not when it began.
        let unready = highest(
            ledger,
            set,
            &steps,
            |state| !state.healthy(),
            |place, higher| {
                let before = turns
                    .get(place)
                    .and_then(|turn| ledger.member_at(set, higher, turn.from.index));
                before.is_some_and(|(_, state)| !state.healthy())
            },
        );
        for (turn, higher) in turns.iter().zip(unready) {
            let Some(higher) = higher else { continue };
            judge.opportunity();
            if turn.missed(ledger) {
                let until = turn.until.unwrap_or(ledger.end());
                let standing = Standing::before(ledger, set, higher, until.index);
                judge.stall(
                    format!(
                        "{}-{} was not created for {}, while {} above it",
                        set.name,
                        turn.ordinal,
                        span(turn.lasted(ledger)),
                        standing.words
                    ),
                    [turn.from, standing.since.unwrap_or(turn.from), until],
                );
            }
        }
    }
}

fn ordered(turn: &Turn) -> bool {
    turn.spec.policy == ManagementPolicy::OrderedReady
}

/// Halt and go on.
pub static SS_ORD_08: Rule = Rule {
    id: "SS-ORD-08",
    sentence: "Scaling up halts when a pod that was Ready becomes unready, and goes on when it recovers",
    why: "Adding members to a cluster that has just lost one turns a hiccup into an outage.",
    source: "StatefulSet documentation, deployment and scaling guarantees; upstream e2e E8",
    fix: "Look at the readiness of every lower pod again at each step, and react to its recovery.",
    profile: Profile::Ordering,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[],
    reads: &[],
    check: halts_and_goes_on,
};

fn halts_and_goes_on(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        let created: Vec<_> = members_created(ledger, set)
            .filter(|(_, creation)| Window::before(ledger, set, creation.moment).ordered())
            .collect();
        let due = Due::of(ledger, set);
        for hold in holds(ledger, set, unready).filter(|hold| was_healthy_before(hold)) {
            if let Some((_, creation)) = first_early(ledger, set, &created, &hold) {
                judge.opportunity();
                judge.violation(
                    format!(
                        "{} was created {} after {} had become unready",
                        creation.pod.name,
                        span(creation.moment.at.since(hold.from.at)),
                        hold.pod.name
                    ),
                    [hold.from, creation.moment],
                );
            } else if kept_others_waiting(ledger, set, &hold) {
                judge.opportunity();
                let resumed = due.creations.iter().find(|turn| Some(turn.from) == hold.until);
                if let Some(turn) = resumed.filter(|turn| turn.missed(ledger)) {
                    judge.stall(
                        format!(
                            "{} recovered, but {}-{} was not created for {}",
                            hold.pod.name,
                            set.name,
                            turn.ordinal,
                            span(turn.lasted(ledger))
                        ),
                        [hold.from, turn.from, turn.until.unwrap_or(ledger.end())],
                    );
                }
            }
        }
    }
}

fn unready(state: &PodState) -> bool {
    !state.ready && !state.terminating && !state.ended()
}

fn was_healthy_before(hold: &Hold<'_>) -> bool {
    hold.pod
        .states
        .before(hold.from.index)
        .is_some_and(|(_, state)| state.healthy())
}

/// All of them, in the end.
pub static SS_ORD_11: Rule = Rule {
    id: "SS-ORD-11",
    sentence: "As long as pods become Ready, all replicas that are asked for are created",
    why: "A set that stops short runs with less redundancy than its owner believes.",
    source: "StatefulSet documentation; upstream e2e E1, E8",
    fix: "Come back to the set until nothing is missing; do not give up after an error or a conflict.",
    profile: Profile::Ordering,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &[],
    check: all_replicas_come,
};

fn all_replicas_come(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        for turn in Due::of(ledger, set).creations.iter().filter(|turn| ordered(turn)) {
            if turn.taken {
                judge.opportunity();
            } else if turn.until.is_none() && turn.missed(ledger) {
                judge.opportunity();
                judge.stall(
                    format!(
                        "{} replicas of {} were asked for and all below {}-{} were Ready, but it was never created",
                        turn.spec.replicas, set.name, set.name, turn.ordinal
                    ),
                    [turn.from, ledger.end()],
                );
            }
        }
    }
}

/// Soon.
pub static SS_ORD_12: Rule = Rule {
    id: "SS-ORD-12",
    sentence: "The next pod is created within the reaction bound after its predecessor became Ready, without an \
               outside event",
    why: "A controller that moves only on a periodic resync needs minutes per pod: an hour for a set of twelve.",
    source: "No upstream test; bound proposed by the specification (10 s on a real cluster)",
    fix: "Queue the set whenever one of its pods changes, after every error, and when a minReadySeconds is over.",
    profile: Profile::Ordering,
    level: Level::Should,
    kind: Kind::Liveness,
    needs: &[],
    reads: &[],
    check: next_pod_comes_soon,
};

fn next_pod_comes_soon(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        for turn in Due::of(ledger, set).creations.iter().filter(|turn| ordered(turn)) {
            let until = turn.until.unwrap_or(ledger.end());
            if turn.taken {
                judge.expect(
                    turn.lasted(ledger) <= turn.bound(ledger),
                    || {
                        format!(
                            "{}-{} was created only {} after it could have been",
                            set.name,
                            turn.ordinal,
                            span(turn.lasted(ledger))
                        )
                    },
                    [turn.from, until],
                );
            } else if turn.missed(ledger) {
                judge.opportunity();
                judge.stall(
                    format!(
                        "{}-{} was due and not created for {}",
                        set.name,
                        turn.ordinal,
                        span(turn.lasted(ledger))
                    ),
                    [turn.from, until],
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;

    fn pod_0_lost_beside_an_unready_pod_1() -> Story {
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .unready()
            .remove_pod("web-0")
    }

    #[test]
    fn a_missing_pod_comes_back_beside_an_unready_higher_one() {
        pod_0_lost_beside_an_unready_pod_1()
            .pod("web-0")
            .keeps(&SS_ORD_06);
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .does_not_exercise(&SS_ORD_06);
    }

    #[test]
    fn waiting_for_a_higher_pod_is_a_deadlock() {
        let story = pod_0_lost_beside_an_unready_pod_1();
        story.clone().wait(5_000).does_not_exercise(&SS_ORD_06);
        story.wait(15_000).stalls(
            &SS_ORD_06,
            "web-0 was not created for 15.0 s, while web-1 was Running but not Ready above it",
        );
    }

    fn pod_0_becomes_unready_midway() -> Story {
        Story::new()
            .set("web", 2)
            .ready_pods(1)
            .unready()
            .scale(2)
            .wait(5_000)
    }

    #[test]
    fn scaling_up_halts_and_goes_on() {
        pod_0_becomes_unready_midway()
            .on("web-0")
            .ready()
            .pod("web-1")
            .keeps(&SS_ORD_08);
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .does_not_exercise(&SS_ORD_08);
    }

    #[test]
    fn scaling_up_does_not_halt() {
        pod_0_becomes_unready_midway()
            .pod("web-1")
            .breaks(&SS_ORD_08, "web-1 was created 5.0 s after web-0");
    }

    #[test]
    fn scaling_up_does_not_go_on() {
        pod_0_becomes_unready_midway()
            .on("web-0")
            .ready()
            .wait(20_000)
            .stalls(&SS_ORD_08, "web-0 recovered, but web-1 was not created");
    }

    #[test]
    fn every_replica_comes() {
        Story::new().set("web", 3).ready_pods(3).keeps(&SS_ORD_11);
        Story::new()
            .set("web", 3)
            .ready_pods(2)
            .wait(20_000)
            .stalls(&SS_ORD_11, "web-2 were Ready, but it was never created");
    }

    #[test]
    fn a_history_that_ends_soon_says_nothing() {
        Story::new()
            .set("web", 1)
            .wait(5_000)
            .does_not_exercise(&SS_ORD_11);
        Story::new()
            .set("web", 1)
            .wait(5_000)
            .does_not_exercise(&SS_ORD_12);
    }

    #[test]
    fn a_refused_creation_is_the_environments_fault() {
        let story = Story::new().set("web", 1);
        let event = serde_json::json!({
            "metadata": {"name": "e"}, "reason": "FailedCreate",
            "involvedObject": {"uid": story.uid("statefulsets", "web")},
        });
        story
            .object_added("events", event)
            .wait(30_000)
            .does_not_exercise(&SS_ORD_11);
    }

    #[test]
    fn the_next_pod_comes_within_the_bound() {
        Story::new().set("web", 2).ready_pods(2).keeps(&SS_ORD_12);
        Story::new()
            .set("web", 2)
            .ready_pods(1)
            .wait(60_000)
            .pod("web-1")
            .breaks(
                &SS_ORD_12,
                "web-1 was created only 60.0 s after it could have been",
            );
        Story::new()
            .set("web", 2)
            .ready_pods(1)
            .wait(60_000)
            .stalls(&SS_ORD_12, "web-1 was due");
    }

    #[test]
    fn a_foreign_pod_with_the_name_is_in_the_way() {
        Story::new()
            .set("web", 1)
            .pod_with(
                "web-0",
                serde_json::json!({"metadata": {"ownerReferences": null}}),
            )
            .wait(60_000)
            .does_not_exercise(&SS_ORD_12);
    }
}
