//! One surplus pod after another, from the top, and only from a healthy set.

use crate::rules::{
    acts::{Deed, condemned},
    gates::{Scope, Standing, Step, highest_surplus, lowest_blockers, span},
    holds::{Hold, holds},
    window::Window,
};
use history::{Ledger, ManagementPolicy, Moment, Ordinal, PodState, Set};
use judging::{Judge, Kind, Level, Profile, Rule};

/// From the top.
pub static SS_SCD_02: Rule = Rule {
    id: "SS-SCD-02",
    sentence: "Under OrderedReady the pod with the highest ordinal is deleted first",
    why: "The last member that joined is the one the others can do without; the first ones often hold special roles.",
    source: "StatefulSet documentation, deployment and scaling guarantees; upstream e2e E8",
    fix: "Sort the surplus pods by ordinal, descending, and take the first.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for set in ledger.sets() {
            let deeds = condemned(ledger, set);
            let higher = highest_surplus(ledger, set, &steps(&deeds), |state| !state.terminating);
            for (deed, higher) in deeds.iter().zip(higher) {
                if let Some(higher) = higher {
                    judge.opportunity();
                    accuse(ledger, judge, set, deed, higher, "was deleted before");
                } else if another_surplus(ledger, set, deed) {
                    judge.opportunity();
                }
            }
        }
    },
};

fn steps(deeds: &[Deed<'_>]) -> Vec<Step> {
    deeds.iter().map(Deed::below_others).collect()
}

/// Whether another unwanted pod was there that could have been taken instead.
fn another_surplus(ledger: &Ledger, set: &Set, deed: &Deed<'_>) -> bool {
    let Some(spec) = set.spec_at(deed.moment.index) else {
        return false;
    };
    let outside = ledger
        .ordinals(set)
        .filter(|other| !spec.in_range(*other) && *other != deed.ordinal);
    outside
        .filter_map(|other| ledger.member_at(set, other, deed.moment.index))
        .any(|(_, state)| !state.terminating)
}

fn accuse(ledger: &Ledger, judge: &mut Judge<'_>, set: &Set, deed: &Deed<'_>, other: Ordinal, how: &str) {
    let standing = Standing::before(ledger, set, other, deed.moment.index);
    let asked = Window::before(ledger, set, deed.moment)
        .spec()
        .map(|(asked, _)| asked);
    judge.violation(
        format!("{} {how} {}-{other}: {}", deed.pod.name, set.name, standing.words),
        asked.into_iter().chain(standing.since).chain([deed.moment]),
    );
}

/// One at a time.
pub static SS_SCD_03: Rule = Rule {
    id: "SS-SCD-03",
    sentence: "Under OrderedReady the next pod is deleted only after the former one is completely gone",
    why: "Each member hands its data over before it leaves; two that leave together hand over to each other.",
    source: "StatefulSet documentation, deployment and scaling guarantees",
    fix: "Wait for the DELETED event of the former pod, not for its deletionTimestamp.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for set in ledger.sets() {
            let deeds = condemned(ledger, set);
            let there = highest_surplus(ledger, set, &steps(&deeds), |_| true);
            let mut former: Option<Ordinal> = None;
            for (deed, there) in deeds.iter().zip(there) {
                let leaving = there.filter(|there| {
                    let before = deed.moment.index.saturating_sub(1);
                    ledger
                        .member_at(set, *there, before)
                        .is_some_and(|(_, state)| state.terminating)
                });
                if let Some(leaving) = leaving {
                    judge.opportunity();
                    accuse(ledger, judge, set, deed, leaving, "was deleted before the end of");
                } else if former.is_some_and(|former| former > deed.ordinal) {
                    judge.opportunity();
                }
                former = Some(deed.ordinal);
            }
        }
    },
};

/// Only from a healthy set.
pub static SS_SCD_04: Rule = Rule {
    id: "SS-SCD-04",
    sentence: "Under OrderedReady nothing is scaled away while a wanted pod is missing, not Ready or terminating",
    why: "The surplus member may hold the only good copy of what the broken one had.",
    source: "StatefulSet documentation, deployment and scaling guarantees; upstream e2e E8",
    fix: "Check all wanted pods before each deletion, as before each creation.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: only_from_a_healthy_set,
};

fn only_from_a_healthy_set(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        let deeds = condemned(ledger, set);
        let steps: Vec<Step> = deeds
            .iter()
            .map(|deed| Step {
                moment: deed.moment,
                scope: Scope::All,
            })
            .collect();
        for (deed, blocker) in deeds
            .iter()
            .zip(lowest_blockers(ledger, set, &steps, PodState::healthy))
        {
            if let Some(blocker) = blocker {
                judge.opportunity();
                accuse(ledger, judge, set, deed, blocker, "was scaled away in spite of");
            }
        }
        for hold in holds(ledger, set, |state| !state.healthy()) {
            if kept_surplus(ledger, set, &hold) {
                judge.opportunity();
            }
        }
    }
}

/// Whether an unwanted pod stayed for longer than the staleness window while a wanted one was held unhealthy.
fn kept_surplus(ledger: &Ledger, set: &Set, hold: &Hold<'_>) -> bool {
    let staleness = ledger.patience().staleness();
    let end = hold.end(ledger).min(ledger.ending(set).unwrap_or(ledger.end()));
    if end.at.since(hold.from.at) <= staleness {
        return false;
    }
    let position = end.index.saturating_sub(1);
    let Some(spec) = set
        .spec_at(position)
        .filter(|spec| spec.policy == ManagementPolicy::OrderedReady)
    else {
        return false;
    };
    let mut surplus = ledger
        .ordinals(set)
        .rev()
        .filter(|ordinal| !spec.in_range(*ordinal))
        .filter_map(|ordinal| Some((ordinal, ledger.member_at(set, ordinal, position)?)));
    spec.in_range(hold.ordinal)
        && surplus.any(|(ordinal, (pod, state))| {
            let since = unwanted_since(set, ordinal, position)
                .max(pod.added())
                .max(hold.from);
            !state.terminating && end.at.since(since.at) > staleness
        })
}

/// Since when the ordinal was unwanted at `position`.
fn unwanted_since(set: &Set, ordinal: Ordinal, position: usize) -> Moment {
    let changes = set.spec_changes();
    let until = changes.partition_point(|(moment, _)| moment.index <= position);
    changes[..until]
        .iter()
        .rev()
        .take_while(|(_, spec)| !spec.in_range(ordinal))
        .last()
        .map_or(set.added(), |(moment, _)| *moment)
}

/// A terminating one blocks.
pub static SS_SCD_06: Rule = Rule {
    id: "SS-SCD-06",
    sentence: "Under OrderedReady a surplus pod that is terminating, for however long, holds back further deletions",
    why: "A member that takes hours to hand over its data needs the others for it.",
    source: "StatefulSet documentation, deployment and scaling guarantees",
    fix: "Do not pass over a terminating pod to the next one, and set no time limit.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: terminating_surplus_blocks,
};

fn terminating_surplus_blocks(ledger: &Ledger, judge: &mut Judge<'_>) {
    let staleness = ledger.patience().staleness();
    for set in ledger.sets() {
        let deeds = condemned(ledger, set);
        let long = |hold: &Hold<'_>| {
            hold.lasted(ledger) > staleness && hold.state.owner.as_deref() == Some(&set.uid)
        };
        for hold in holds(ledger, set, |state| state.terminating).filter(long) {
            let early = deeds.iter().find(|deed| {
                let window = Window::before(ledger, set, deed.moment);
                hold.covers(deed.moment)
                    && deed.ordinal < hold.ordinal
                    && deed.moment.at.since(hold.from.at) > staleness
                    && window.condemns(hold.ordinal)
            });
            if let Some(deed) = early {
                judge.opportunity();
                judge.violation(
                    format!(
                        "{} was deleted although {} had been terminating for {}",
                        deed.pod.name,
                        hold.pod.name,
                        span(deed.moment.at.since(hold.from.at))
                    ),
                    [hold.from, deed.moment],
                );
            } else if held_back_a_lower_one(ledger, set, &hold) {
                judge.opportunity();
            }
        }
    }
}

/// Whether a lower unwanted pod waited at the end of the hold.
fn held_back_a_lower_one(ledger: &Ledger, set: &Set, hold: &Hold<'_>) -> bool {
    let end = hold.end(ledger);
    let window = Window::before(ledger, set, end);
    let mut lower = ledger.ordinals(set).rev().filter(|lower| *lower < hold.ordinal);
    window.ordered()
        && window.condemns(hold.ordinal)
        && lower.any(|lower| {
            window.condemns(lower) && !window.ever(lower, |state| state.is_none_or(|state| state.terminating))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use history::Author;

    fn shrunk() -> Story {
        Story::new()
            .set("web", 4)
            .ready_pods(4)
            .wait(5_000)
            .scale(1)
            .wait(3_000)
    }

    #[test]
    fn from_the_top_one_after_another() {
        let right = || {
            shrunk()
                .remove_pod("web-3")
                .remove_pod("web-2")
                .remove_pod("web-1")
        };
        right().keeps(&SS_SCD_02);
        right().keeps(&SS_SCD_03);
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .scale(1)
            .wait(3_000)
            .remove_pod("web-1")
            .does_not_exercise(&SS_SCD_02);
        shrunk().remove_pod("web-3").does_not_exercise(&SS_SCD_03);
    }

    #[test]
    fn the_lowest_first_is_wrong() {
        shrunk()
            .remove_pod("web-1")
            .breaks(&SS_SCD_02, "web-1 was deleted before web-3: web-3 was Ready");
    }

    #[test]
    fn two_at_once_is_wrong() {
        let story = shrunk().delete_pod("web-3").delete_pod("web-2");
        story
            .clone()
            .breaks(&SS_SCD_03, "web-2 was deleted before the end of web-3");
        story.keeps(&SS_SCD_02);
    }

    #[test]
    fn a_pod_that_somebody_else_took_excuses_nobody_and_is_no_decision() {
        shrunk()
            .delete_pod("web-1")
            .by(Author::Harness)
            .delete_pod("web-3")
            .by(Author::Candidate)
            .keeps(&SS_SCD_02);
    }

    #[test]
    fn a_pod_that_was_released_is_not_the_sets_to_delete() {
        let released = serde_json::json!({"metadata": {"ownerReferences": null}});
        let story = shrunk().on("web-3").modify(released).wait(3_000);
        story.clone().remove_pod("web-2").keeps(&SS_SCD_02);
        story.remove_pod("web-2").does_not_exercise(&SS_SCD_03);
    }

    #[test]
    fn parallel_sets_take_all_at_once() {
        let parallel = serde_json::json!({"spec": {"podManagementPolicy": "Parallel"}});
        let story = Story::new()
            .set_with("web", 3, parallel)
            .ready_pods(3)
            .wait(5_000)
            .scale(0)
            .wait(3_000)
            .delete_pod("web-0")
            .delete_pod("web-1");
        for rule in [&SS_SCD_02, &SS_SCD_03, &SS_SCD_04, &SS_SCD_06] {
            story.clone().does_not_exercise(rule);
        }
    }

    fn pod_0_unready() -> Story {
        Story::new()
            .set("web", 3)
            .ready_pods(3)
            .on("web-0")
            .unready()
            .wait(5_000)
            .scale(1)
            .wait(5_000)
    }

    #[test]
    fn an_unready_pod_halts_scaling_down() {
        pod_0_unready()
            .on("web-0")
            .ready()
            .remove_pod("web-2")
            .keeps(&SS_SCD_04);
        pod_0_unready().remove_pod("web-2").breaks(
            &SS_SCD_04,
            "web-2 was scaled away in spite of web-0: web-0 was Running but not Ready",
        );
        shrunk().remove_pod("web-3").does_not_exercise(&SS_SCD_04);
    }

    #[test]
    fn a_missing_pod_halts_scaling_down() {
        Story::new()
            .set("web", 3)
            .ready_pods(3)
            .delete_pod("web-0")
            .by(Author::Harness)
            .gone()
            .scale(2)
            .wait(5_000)
            .remove_pod("web-2")
            .breaks(&SS_SCD_04, "web-0 was gone");
    }

    #[test]
    fn a_terminating_pod_holds_back_the_next_one() {
        let held = shrunk().delete_pod("web-3").wait(60_000);
        held.clone().gone().remove_pod("web-2").keeps(&SS_SCD_06);
        held.remove_pod("web-2").breaks(
            &SS_SCD_06,
            "web-2 was deleted although web-3 had been terminating for 60.0 s",
        );
        shrunk()
            .remove_pod("web-3")
            .remove_pod("web-2")
            .does_not_exercise(&SS_SCD_06);
    }
}
