//! Scaling down gets done.

use crate::rules::{
    due::{Due, Turn},
    gates::span,
};
use history::{Incarnation, Ledger, ManagementPolicy, Moment, Set};
use judging::{Judge, Kind, Level, Profile, Rule};

/// A broken top pod can be scaled away.
pub static SS_SCD_05: Rule = Rule {
    id: "SS-SCD-05",
    sentence: "A single unhealthy pod does not block scaling down when it is the top pod to be deleted itself",
    why: "Scaling down is how people get rid of a member that crashes.",
    source: "StatefulSet controller (reference); k/k #36333, #57865",
    fix: "Do not ask the pod that is to be deleted to be Ready first.",
    profile: Profile::Scaling,
    level: Level::Should,
    kind: Kind::Liveness,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for set in ledger.sets() {
            for turn in Due::of(ledger, set).deletions.iter().filter(|turn| ordered(turn)) {
                let last = turn.until.unwrap_or(ledger.end()).index.saturating_sub(1);
                let Some((pod, since)) = unhealthy(ledger, set, turn, last) else {
                    continue;
                };
                if turn.taken {
                    judge.opportunity();
                } else if turn.missed(ledger) {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "{} is not wanted and not Ready, and was not deleted for {}",
                            pod.name,
                            span(turn.lasted(ledger))
                        ),
                        [since, turn.from, turn.until.unwrap_or(ledger.end())],
                    );
                }
            }
        }
    },
};

fn ordered(turn: &Turn) -> bool {
    turn.spec.policy == ManagementPolicy::OrderedReady
}

/// The pod whose turn it was, if it was unhealthy from the start of the turn to position `last`.
fn unhealthy<'a>(
    ledger: &'a Ledger,
    set: &'a Set,
    turn: &Turn,
    last: usize,
) -> Option<(&'a Incarnation, Moment)> {
    let (pod, state) = ledger.member_at(set, turn.ordinal, last.max(turn.from.index))?;
    let from_the_start = pod.at(turn.from.index).is_some_and(|state| !state.healthy());
    let (since, _) = pod.states.at(last.max(turn.from.index))?;
    (from_the_start && !state.healthy()).then_some((pod, *since))
}

/// To zero.
pub static SS_SCD_07: Rule = Rule {
    id: "SS-SCD-07",
    sentence: "Scaling to 0 removes all pods, and status.replicas reaches 0",
    why: "Scaling to zero is how a database is shut down for maintenance or a restore; a tool that waits for the status \
          waits for ever.",
    source: "StatefulSet documentation; upstream e2e E8, E9 and the cleanup of every test",
    fix: "Keep coming back to the set until the last pod is gone, and write the status after that too.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &[],
    check: scales_to_zero,
};

fn scales_to_zero(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        for turn in &Due::of(ledger, set).deletions {
            if turn.spec.replicas == 0 && turn.missed(ledger) {
                judge.opportunity();
                judge.stall(
                    format!(
                        "0 replicas were asked for, but {}-{} was not deleted for {}",
                        set.name,
                        turn.ordinal,
                        span(turn.lasted(ledger))
                    ),
                    [turn.from, turn.until.unwrap_or(ledger.end())],
                );
            }
        }
        for (asked, until) in zero_replicas(ledger, set) {
            let Some(empty) = emptied(ledger, set, asked, until) else {
                continue;
            };
            let reported = set
                .states
                .at(empty.index)
                .into_iter()
                .chain(set.states.after(empty.index))
                .find(|(moment, state)| moment.index <= until.index && state.status.replicas == 0);
            if reported.is_some() {
                judge.opportunity();
            } else if until.at.since(empty.at) >= ledger.patience().reaction() {
                judge.opportunity();
                judge.stall(
                    format!(
                        "the last pod of {} was gone, but status.replicas did not become 0",
                        set.name
                    ),
                    [asked, empty, until],
                );
            }
        }
    }
}

/// The times during which no replicas were asked for, after some had been.
fn zero_replicas(ledger: &Ledger, set: &Set) -> Vec<(Moment, Moment)> {
    let changes = set.spec_changes();
    let last = ledger.ending(set).unwrap_or(ledger.end());
    changes
        .windows(2)
        .enumerate()
        .filter_map(|(place, pair)| match pair {
            [(_, before), (asked, after)] if before.replicas > 0 && after.replicas == 0 => {
                let until = changes[place + 2..].iter().find(|(_, spec)| spec.replicas > 0);
                Some((*asked, until.map_or(last, |(moment, _)| *moment).min(last)))
            }
            _ => None,
        })
        .filter(|(asked, until)| asked.index < until.index)
        .collect()
}

/// When the last pod was gone, if there were pods and all went in that time.
fn emptied(ledger: &Ledger, set: &Set, asked: Moment, until: Moment) -> Option<Moment> {
    let before = |pod: &&Incarnation| pod.added().index < until.index;
    let still = |pod: &Incarnation| pod.gone.is_none_or(|gone| gone.index > until.index);
    if ledger.members(set).filter(before).any(still) {
        return None;
    }
    let gone = ledger
        .members(set)
        .filter(before)
        .filter_map(|pod| pod.gone)
        .max()?;
    (gone.index > asked.index).then_some(gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn broken_top() -> Story {
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .unready()
            .wait(5_000)
            .scale(1)
    }

    #[test]
    fn a_broken_top_pod_is_scaled_away() {
        broken_top().remove_pod("web-1").keeps(&SS_SCD_05);
        broken_top()
            .wait(20_000)
            .stalls(&SS_SCD_05, "web-1 is not wanted and not Ready");
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .scale(1)
            .remove_pod("web-1")
            .does_not_exercise(&SS_SCD_05);
    }

    #[test]
    fn the_reference_waits_for_one_of_two_broken_surplus_pods() {
        Story::new()
            .set("web", 3)
            .ready_pods(3)
            .unready()
            .on("web-1")
            .unready()
            .scale(1)
            .wait(30_000)
            .does_not_exercise(&SS_SCD_05);
    }

    fn to_zero() -> Story {
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .status(json!({"replicas": 2}))
            .scale(0)
    }

    #[test]
    fn to_zero_and_the_status_says_so() {
        to_zero()
            .remove_pod("web-1")
            .remove_pod("web-0")
            .status(json!({"replicas": 0}))
            .keeps(&SS_SCD_07);
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .does_not_exercise(&SS_SCD_07);
    }

    #[test]
    fn a_pod_that_stays_is_a_stall() {
        to_zero()
            .remove_pod("web-1")
            .wait(20_000)
            .stalls(&SS_SCD_07, "web-0 was not deleted for");
        to_zero()
            .remove_pod("web-1")
            .wait(2_000)
            .does_not_exercise(&SS_SCD_07);
        // A pod that somebody holds is not the controller's fault.
        to_zero()
            .delete_pod("web-1")
            .wait(60_000)
            .does_not_exercise(&SS_SCD_07);
    }

    #[test]
    fn a_status_that_stays_is_a_stall() {
        to_zero()
            .remove_pod("web-1")
            .remove_pod("web-0")
            .wait(20_000)
            .stalls(&SS_SCD_07, "status.replicas did not become 0");
    }
}
