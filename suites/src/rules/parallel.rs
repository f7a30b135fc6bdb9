//! Parallel pod management: all at once, except updates.

mod trapped;

use super::{
    acts::creations,
    course::{Course, Decision, courses},
    due::{Due, Turn},
    gates::{Scope, Step, lowest_blockers, span},
    window::Window,
};
use history::{Ledger, ManagementPolicy, Ordinal, PodState, Set};
use judging::{Feature, Judge, Kind, Level, Profile, Rule};

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &SS_PAR_01,
    &SS_PAR_02,
    &SS_PAR_05,
    &trapped::SS_PAR_07,
    &SS_PAR_08,
];

/// Up at once.
pub static SS_PAR_01: Rule = Rule {
    id: "SS-PAR-01",
    sentence: "Under Parallel all missing pods are created although none of the others is Ready",
    why: "Members that wait for a quorum become Ready only together; started one after another they never do.",
    source: "StatefulSet documentation, pod management policies; upstream e2e E9 (a soft check)",
    fix: "Skip every readiness check between creations when podManagementPolicy is Parallel.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[Feature::Parallel],
    reads: &[],
    check: created_at_once,
};

fn created_at_once(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        let mut turns: Vec<Turn> = Due::of(ledger, set)
            .creations
            .clone()
            .into_iter()
            .filter(parallel)
            .collect();
        turns.sort_by_key(|turn| turn.until.unwrap_or(ledger.end()));
        let steps: Vec<Step> = turns
            .iter()
            .map(|turn| Step {
                moment: turn.until.unwrap_or(ledger.end()),
                scope: Scope::Below(turn.ordinal),
            })
            .collect();
        let unready = lowest_blockers(ledger, set, &steps, PodState::healthy);
        for (turn, unready) in turns.iter().zip(unready) {
            let Some(unready) = unready else { continue };
            if turn.taken {
                judge.opportunity();
            } else if turn.missed(ledger) {
                judge.opportunity();
                judge.stall(
                    format!(
                        "{}-{} was not created for {}, while {}-{unready} was not Ready: Parallel does not wait",
                        set.name,
                        turn.ordinal,
                        span(turn.lasted(ledger)),
                        set.name
                    ),
                    [turn.from, turn.until.unwrap_or(ledger.end())],
                );
            }
        }
    }
}

fn parallel(turn: &Turn) -> bool {
    turn.spec.policy == ManagementPolicy::Parallel
}

/// Down at once.
pub static SS_PAR_02: Rule = Rule {
    id: "SS-PAR-02",
    sentence: "Under Parallel all surplus pods are deleted although they are not Ready and others still terminate",
    why: "Taking down a large set one by one takes hours for nothing when its owner has said that order does not matter.",
    source: "StatefulSet documentation, pod management policies; upstream e2e E9 (a soft check)",
    fix: "Delete every surplus pod in the same pass when podManagementPolicy is Parallel.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[Feature::Parallel],
    reads: &[],
    check: |ledger, judge| {
        for set in ledger.sets() {
            for turn in Due::of(ledger, set)
                .deletions
                .iter()
                .filter(|turn| parallel(turn))
            {
                let until = turn.until.unwrap_or(ledger.end());
                if !turn.taken && !turn.missed(ledger) || !something_to_wait_for(ledger, set, turn) {
                    continue;
                }
                judge.opportunity();
                if !turn.taken {
                    judge.stall(
                        format!(
                            "{}-{} is not wanted and was not deleted for {}: Parallel does not wait",
                            set.name,
                            turn.ordinal,
                            span(turn.lasted(ledger))
                        ),
                        [turn.from, until],
                    );
                }
            }
        }
    },
};

/// Whether a controller that works in order would have waited at the end of the turn: the pod itself is not Ready,
/// or another one terminates or is not Ready.
fn something_to_wait_for(ledger: &Ledger, set: &Set, turn: &Turn) -> bool {
    let last = turn.until.unwrap_or(ledger.end()).index.saturating_sub(1);
    let mut others = ledger.ordinals(set).rev();
    others.any(|other| {
        ledger
            .member_at(set, other, last)
            .is_some_and(|(_, state)| !state.healthy())
    })
}

/// Updates stay in order.
pub static SS_PAR_05: Rule = Rule {
    id: "SS-PAR-05",
    sentence: "A rolling update of a Parallel set still goes from the top, and waits for each replaced pod to be Ready \
               at the new revision",
    why: "Parallel speaks of scaling; an update that takes all members down at once is an outage.",
    source: "StatefulSet documentation: the option affects scaling operations only, updates are not affected",
    fix: "Use the same one-by-one update for both policies.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::Parallel],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for decision in course.update_decisions() {
                parallel_update(ledger, &course, &decision, judge);
            }
        }
    },
};

fn parallel_update(ledger: &Ledger, course: &Course<'_>, decision: &Decision<'_>, judge: &mut Judge<'_>) {
    let window = Window::before(ledger, course.set, decision.moment);
    let before = course.just_before(decision.moment);
    let Some(epoch) = course.epoch_at(before) else {
        return;
    };
    let one_by_one = window.parallel() && window.always(|spec| spec.max_unavailable.is_none());
    if !one_by_one || decision.ordinal.0.saturating_add(1) >= epoch.spec.range().end {
        return;
    }
    judge.opportunity();
    let obstacle = |index| {
        let due = course.due_above(decision.ordinal, index);
        due.or_else(|| course.down_above(decision.ordinal, index))
    };
    let legal = ledger.recently(decision.moment, |index| {
        course.due(decision.ordinal, index) && obstacle(index).is_none()
    });
    let higher = obstacle(before).filter(|_| !legal);
    let looked_open = || course.may_have_looked_open(decision, |other| other > decision.ordinal);
    if let Some(higher) = higher.filter(|_| !looked_open()) {
        let found = course.obstacle(higher, before);
        judge.violation(
            format!(
                "{} was deleted for the update before {} was Ready at the new revision: it was {}",
                decision.pod.name,
                course.name(higher),
                found.how
            ),
            [epoch.from]
                .into_iter()
                .chain(found.since)
                .chain([decision.moment]),
        );
    }
}

/// Never two of one.
pub static SS_PAR_08: Rule = Rule {
    id: "SS-PAR-08",
    sentence: "Under Parallel there are never two pods for one ordinal, and never more than asked for",
    why: "Creating many pods at once on a stale view is where duplicates come from.",
    source: "StatefulSet documentation, at most one semantics; no upstream test",
    fix: "Derive the name from the ordinal, so that the API server refuses a second one.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::Parallel],
    reads: &[],
    check: |ledger, judge| {
        for set in ledger.sets() {
            for creation in creations(ledger, set) {
                let window = Window::before(ledger, set, creation.moment);
                let Some((asked, _)) = window.spec().filter(|_| window.parallel()) else {
                    continue;
                };
                let surplus = creation.ordinal.is_none_or(|ordinal| window.condemns(ordinal));
                let twin = creation
                    .ordinal
                    .and_then(|ordinal| twin(ledger, set, ordinal, creation.moment.index));
                judge.expect(
                    !surplus && twin.is_none(),
                    || {
                        format!(
                            "{} was created although nobody asked for it, or beside another one",
                            creation.pod.name
                        )
                    },
                    [asked].into_iter().chain(twin).chain([creation.moment]),
                );
            }
        }
    },
};

/// Another pod of the same ordinal that is there when one is created at position `index`.
fn twin(ledger: &Ledger, set: &Set, ordinal: Ordinal, index: usize) -> Option<history::Moment> {
    ledger
        .incarnations(set, ordinal)
        .find(|pod| pod.added().index < index && pod.exists_at(index))
        .map(|pod| pod.added())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn set(replicas: u32) -> Story {
        Story::new().set_with(
            "web",
            replicas,
            json!({"spec": {"podManagementPolicy": "Parallel"}}),
        )
    }

    #[test]
    fn all_come_at_once() {
        set(2).pod("web-0").pod("web-1").keeps(&SS_PAR_01);
        set(1).pod("web-0").does_not_exercise(&SS_PAR_01);
        set(2)
            .pod("web-0")
            .ready()
            .wait(3_000)
            .pod("web-1")
            .does_not_exercise(&SS_PAR_01);
    }

    #[test]
    fn waiting_for_readiness_is_a_stall() {
        set(2)
            .pod("web-0")
            .running()
            .wait(20_000)
            .stalls(&SS_PAR_01, "while web-0 was not Ready");
        set(2)
            .pod("web-0")
            .running()
            .wait(5_000)
            .does_not_exercise(&SS_PAR_01);
    }

    #[test]
    fn all_go_at_once() {
        let up = || set(3).ready_pods(3).wait(5_000).scale(1);
        up().delete_pod("web-2").delete_pod("web-1").keeps(&SS_PAR_02);
        up().delete_pod("web-2")
            .wait(20_000)
            .stalls(&SS_PAR_02, "web-1 is not wanted and was not deleted");
        set(3).ready_pods(3).does_not_exercise(&SS_PAR_02);
    }

    fn updating() -> Story {
        set(3)
            .revision("web-a")
            .ready_pods(3)
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
            .wait(3_000)
            .remove_pod("web-2")
    }

    #[test]
    fn updates_go_one_by_one_from_the_top() {
        updating()
            .pod("web-2")
            .ready()
            .remove_pod("web-1")
            .keeps(&SS_PAR_05);
        updating().does_not_exercise(&SS_PAR_05);
    }

    #[test]
    fn an_update_of_two_at_once() {
        updating().pod("web-2").wait(3_000).remove_pod("web-1").breaks(
            &SS_PAR_05,
            "web-1 was deleted for the update before web-2 was Ready at the new revision",
        );
    }

    #[test]
    fn who_updates_knows_the_new_template() {
        set(3)
            .revision("web-a")
            .ready_pods(3)
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
            .delete_pod("web-2")
            .delete_pod("web-1")
            .breaks(&SS_PAR_05, "web-1 was deleted for the update before web-2");
    }

    #[test]
    fn an_update_from_the_bottom() {
        set(2)
            .revision("web-a")
            .ready_pods(2)
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
            .wait(3_000)
            .remove_pod("web-0")
            .breaks(&SS_PAR_05, "web-0 was deleted for the update before web-1");
    }

    #[test]
    fn no_duplicates() {
        set(2).pod("web-0").pod("web-1").keeps(&SS_PAR_08);
        Story::new()
            .set("web", 2)
            .pod("web-0")
            .does_not_exercise(&SS_PAR_08);
        set(2)
            .pod("web-01")
            .breaks(&SS_PAR_08, "web-01 was created although nobody asked for it");
        set(2)
            .pod("web-0")
            .pod("web-0")
            .breaks(&SS_PAR_08, "beside another one");
    }
}
