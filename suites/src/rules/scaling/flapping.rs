//! Scaling that meets other work half done.

use crate::rules::{
    acts::members_created,
    course::{Course, courses},
    due::Due,
    gates::span,
    window::Window,
};
use history::{Incarnation, Ledger, ManagementPolicy, Moment, Ordinal, PodState, Set, Spec};
use judging::{Judge, Kind, Level, Profile, Rule};
use std::sync::Arc;

/// Up again while it terminates.
pub static SS_SCD_09: Rule = Rule {
    id: "SS-SCD-09",
    sentence: "A pod that terminates when it is wanted again ends first and is then recreated; nothing above it is \
               created before",
    why: "A gap in the ordinals breaks every client that counts members.",
    source: "k/k #45113; no upstream test",
    fix: "Treat a terminating pod as one to wait for, not as one that is there, and not as one to pass over.",
    profile: Profile::Scaling,
    level: Level::Should,
    kind: Kind::SafetyAndLiveness,
    needs: &[],
    reads: &[],
    check: wanted_again,
};

fn wanted_again(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        let due = Due::of(ledger, set);
        for (pod, ordinal, asked) in terminating_when_wanted_again(ledger, set) {
            let back = ledger
                .incarnations(set, ordinal)
                .find(|other| other.added().index > asked.index);
            let early = members_created(ledger, set).find(|(other, creation)| {
                let window = Window::before(ledger, set, creation.moment);
                *other > ordinal
                    && creation.moment.index > asked.index
                    && back.is_none_or(|back| creation.moment.index < back.added().index)
                    && window.ordered()
                    && window.wants_with(ordinal, *other)
                    && !window.healthy(ordinal)
            });
            let turn = due
                .creations
                .iter()
                .find(|turn| turn.ordinal == ordinal && Some(turn.from) == pod.gone);
            if let Some((_, creation)) = early {
                judge.opportunity();
                judge.violation(
                    format!(
                        "{} was created before {}, which was wanted again, had come back",
                        creation.pod.name, pod.name
                    ),
                    [asked, creation.moment],
                );
            } else if let Some(turn) = turn.filter(|turn| turn.missed(ledger)) {
                judge.opportunity();
                judge.stall(
                    format!(
                        "{} was wanted again and gone, but not recreated for {}",
                        pod.name,
                        span(turn.lasted(ledger))
                    ),
                    [asked, turn.from, turn.until.unwrap_or(ledger.end())],
                );
            } else if back.is_some() {
                judge.opportunity();
            }
        }
    }
}

/// Members that were terminating when a change of the spec made them wanted again.
fn terminating_when_wanted_again<'a>(
    ledger: &'a Ledger,
    set: &'a Set,
) -> Vec<(&'a Incarnation, Ordinal, Moment)> {
    let changes = set.spec_changes();
    let grown = changes.windows(2).filter_map(|pair| match pair {
        [(_, before), (asked, after)] => Some((*asked, before, after)),
        _ => None,
    });
    grown
        .flat_map(|(asked, before, after)| {
            ledger
                .ordinals(set)
                .filter(|ordinal| after.in_range(*ordinal) && !before.in_range(*ordinal))
                .filter_map(move |ordinal| {
                    let (pod, state) = ledger.member_at(set, ordinal, asked.index)?;
                    state.terminating.then_some((pod, ordinal, asked))
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The last word counts.
pub static SS_SCD_10: Rule = Rule {
    id: "SS-SCD-10",
    sentence: "When the replicas change up and down in quick succession, the set ends as the last change asks",
    why: "An autoscaler changes its mind while the controller is still at work.",
    source: "No upstream test; follows from level-based control",
    fix: "Compute each step from the newest spec; keep no plan from an earlier one.",
    profile: Profile::Scaling,
    level: Level::Should,
    kind: Kind::SafetyAndLiveness,
    needs: &[],
    reads: &[],
    check: the_last_word_counts,
};

fn the_last_word_counts(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        let changes = set.spec_changes();
        let Some(last) = flapped(ledger, &changes) else {
            continue;
        };
        let due = Due::of(ledger, set);
        let missed = due.creations.iter().chain(&due.deletions).find(|turn| {
            let since = turn.from.max(last);
            turn.until.is_none() && ledger.end().at.since(since.at) >= turn.bound(ledger)
        });
        if let Some(turn) = missed {
            judge.opportunity();
            judge.stall(
                format!(
                    "after the replicas had changed up and down, {}-{} was left as it was for {}",
                    set.name,
                    turn.ordinal,
                    span(turn.lasted(ledger))
                ),
                [last, turn.from, ledger.end()],
            );
        } else if settled(ledger, set) {
            judge.opportunity();
        }
    }
}

/// The last change of the range, if the one before it was of the other direction and shortly before.
fn flapped(ledger: &Ledger, changes: &[(Moment, Arc<Spec>)]) -> Option<Moment> {
    let mut sizes: Vec<(Moment, u32)> = changes
        .iter()
        .map(|(moment, spec)| (*moment, spec.replicas))
        .collect();
    sizes.dedup_by_key(|(_, replicas)| *replicas);
    let [.., (_, first), (turned, second), (last, third)] = sizes.as_slice() else {
        return None;
    };
    let flapped = (first < second) != (second < third);
    (flapped && last.at.since(turned.at) <= ledger.patience().reaction()).then_some(*last)
}

/// Whether the history ends with exactly the wanted pods, all Healthy.
fn settled(ledger: &Ledger, set: &Set) -> bool {
    let end = ledger.ending(set).unwrap_or(ledger.end());
    let position = end.index.saturating_sub(1);
    let Some(spec) = set.spec_at(position) else {
        return false;
    };
    let mut there = 0;
    for (ordinal, _, state) in ledger.members_at(set, position) {
        if !spec.in_range(ordinal) || !state.healthy() {
            return false;
        }
        there += 1;
    }
    there == spec.replicas
}

/// Scaling first.
pub static SS_SCD_11: Rule = Rule {
    id: "SS-SCD-11",
    sentence: "Under OrderedReady no pod is deleted for an update while a surplus pod still exists",
    why: "Two changes at once take down one member more than either of them would.",
    source: "StatefulSet controller (reference)",
    fix: "Finish scaling before the update looks at the set.",
    profile: Profile::Scaling,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: scaling_first,
};

fn scaling_first(ledger: &Ledger, judge: &mut Judge<'_>) {
    for course in courses(ledger) {
        let set = course.set;
        for decision in course.update_decisions() {
            let window = Window::before(ledger, set, decision.moment);
            let ours = |state: &PodState| state.owner.as_deref() == Some(&set.uid);
            let surplus = ledger.ordinals(set).rev().find(|other| {
                window.condemns(*other) && !window.ever(*other, |state| !state.is_some_and(ours))
            });
            if let Some(surplus) = surplus.filter(|_| window.ordered()) {
                judge.opportunity();
                judge.violation(
                    format!(
                        "{} was deleted for the update while {}-{surplus} was still there",
                        decision.pod.name, set.name
                    ),
                    window
                        .spec()
                        .map(|(asked, _)| asked)
                        .into_iter()
                        .chain([decision.moment]),
                );
            }
        }
        if ledger.members(set).any(|pod| held_back_an_update(&course, pod)) {
            judge.opportunity();
        }
    }
}

/// Whether a surplus pod stayed for longer than the staleness window while a wanted pod waited for its update.
fn held_back_an_update(course: &Course<'_>, pod: &Incarnation) -> bool {
    let (ledger, set) = (course.ledger, course.set);
    let staleness = ledger.patience().staleness();
    let end = pod
        .gone
        .unwrap_or(ledger.end())
        .min(course.ending.unwrap_or(ledger.end()));
    let position = end.index.saturating_sub(1);
    let Some(ordinal) = ledger.ordinal(set, pod).filter(|_| end.index > pod.added().index) else {
        return false;
    };
    let Some(epoch) = course.epoch_at(position) else {
        return false;
    };
    let ordered = epoch.spec.policy == ManagementPolicy::OrderedReady;
    let unwanted =
        !epoch.spec.in_range(ordinal) && end.at.since(epoch.from.at.max(pod.added().at)) > staleness;
    ordered && unwanted && course.top_due(position).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;

    #[test]
    fn who_creates_above_it_knows_the_new_wish() {
        let stuck = Story::new()
            .set("web", 2)
            .ready_pods(2)
            .scale(1)
            .delete_pod("web-1")
            .wait(5_000)
            .scale(3);
        stuck
            .pod("web-2")
            .breaks(&SS_SCD_09, "web-2 was created before web-1");
        // It may not have seen that web-1 is terminating.
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .scale(1)
            .delete_pod("web-1")
            .scale(3)
            .pod("web-2")
            .does_not_exercise(&SS_SCD_09);
    }

    fn pod_1_terminating_when_wanted_again() -> Story {
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .scale(1)
            .delete_pod("web-1")
            .scale(3)
            .wait(5_000)
    }

    #[test]
    fn a_terminating_pod_ends_and_comes_back() {
        pod_1_terminating_when_wanted_again()
            .on("web-1")
            .gone()
            .pod("web-1")
            .ready()
            .pod("web-2")
            .keeps(&SS_SCD_09);
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .scale(3)
            .pod("web-2")
            .does_not_exercise(&SS_SCD_09);
    }

    #[test]
    fn it_is_not_passed_over() {
        pod_1_terminating_when_wanted_again()
            .pod("web-2")
            .breaks(&SS_SCD_09, "web-2 was created before web-1");
    }

    #[test]
    fn it_is_not_forgotten() {
        pod_1_terminating_when_wanted_again()
            .on("web-1")
            .gone()
            .wait(20_000)
            .stalls(&SS_SCD_09, "web-1 was wanted again and gone, but not recreated");
    }

    fn flapped() -> Story {
        Story::new()
            .set("web", 1)
            .ready_pods(1)
            .scale(3)
            .wait(1_000)
            .scale(2)
    }

    #[test]
    fn the_set_ends_as_the_last_change_asks() {
        flapped().pod("web-1").ready().keeps(&SS_SCD_10);
        flapped()
            .wait(20_000)
            .stalls(&SS_SCD_10, "web-1 was left as it was");
        Story::new()
            .set("web", 1)
            .ready_pods(1)
            .scale(2)
            .pod("web-1")
            .ready()
            .does_not_exercise(&SS_SCD_10);
    }

    fn update_and_shrink() -> Story {
        Story::new()
            .set("web", 3)
            .revision("web-a")
            .ready_pods(3)
            .wait(5_000)
            .scale(2)
            .image("app:2")
            .revision("web-b")
            .delete_pod("web-2")
            .wait(10_000)
    }

    #[test]
    fn the_update_waits_for_the_surplus_pod() {
        update_and_shrink()
            .on("web-2")
            .gone()
            .remove_pod("web-1")
            .keeps(&SS_SCD_11);
        update_and_shrink().remove_pod("web-1").breaks(
            &SS_SCD_11,
            "web-1 was deleted for the update while web-2 was still there",
        );
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .ready_pods(1)
            .does_not_exercise(&SS_SCD_11);
    }
}
