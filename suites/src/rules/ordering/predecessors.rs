//! A predecessor that is not Healthy holds back everything above it.

use crate::rules::{
    acts::{Creation, members_created},
    gates::{Scope, Standing, Step, lowest_blockers, span},
    holds::{Hold, holds},
    window::Window,
};
use history::{Elapsed, Ledger, ManagementPolicy, Moment, Ordinal, PodState, Set};
use judging::{Judge, Kind, Level, Profile, Rule};

/// Pod i waits for every pod below it.
pub static SS_ORD_01: Rule = Rule {
    id: "SS-ORD-01",
    sentence: "Pod i is created only when every wanted pod below it exists, is Ready and is not terminating",
    why: "A clustered database bootstraps from its lower members; a member that starts beside an unfinished one can \
          form a second cluster.",
    source: "StatefulSet documentation, deployment and scaling guarantees; upstream e2e E8",
    fix: "Before creating ordinal i, check each wanted ordinal below it for phase Running, condition Ready and no \
          deletionTimestamp, not only i-1 and not only their number.",
    profile: Profile::Ordering,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: created_after_predecessors,
};

fn created_after_predecessors(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        let created = ordered_creations(ledger, set);
        let steps: Vec<Step> = created
            .iter()
            .map(|(ordinal, creation)| step(*ordinal, creation))
            .collect();
        let blockers = lowest_blockers(ledger, set, &steps, PodState::healthy);
        for ((ordinal, creation), blocker) in created.iter().zip(blockers) {
            if has_predecessor(ledger, set, *ordinal, creation) {
                judge.opportunity();
            }
            if let Some(blocker) = blocker {
                accuse(ledger, judge, set, creation, blocker);
            }
        }
    }
}

/// The members that were created while the set asked for one after another.
fn ordered_creations<'a>(ledger: &'a Ledger, set: &'a Set) -> Vec<(Ordinal, Creation<'a>)> {
    members_created(ledger, set)
        .filter(|(_, creation)| Window::before(ledger, set, creation.moment).ordered())
        .collect()
}

fn step(ordinal: Ordinal, creation: &Creation<'_>) -> Step {
    Step {
        moment: creation.moment,
        scope: Scope::Below(ordinal),
    }
}

fn has_predecessor(ledger: &Ledger, set: &Set, ordinal: Ordinal, creation: &Creation<'_>) -> bool {
    Window::before(ledger, set, creation.moment).always(|spec| spec.replicas > 0 && spec.start < ordinal.0)
}

/// `creation` came although `blocker` was not Healthy.
fn accuse(ledger: &Ledger, judge: &mut Judge<'_>, set: &Set, creation: &Creation<'_>, blocker: Ordinal) {
    let standing = Standing::before(ledger, set, blocker, creation.moment.index);
    let asked = Window::before(ledger, set, creation.moment)
        .spec()
        .map(|(asked, _)| asked);
    let since = standing.since.or(asked).unwrap_or_default();
    judge.violation(
        format!(
            "{} was created although {} (for {})",
            creation.pod.name,
            standing.words,
            span(creation.moment.at.since(since.at)),
        ),
        asked.into_iter().chain([since, creation.moment]),
    );
}

/// Running but not Ready is not enough.
pub static SS_ORD_03: Rule = Rule {
    id: "SS-ORD-03",
    sentence: "A predecessor that is Running but not Ready holds back the creation of the pods above it",
    why: "Running says that a process started; only Ready says that the member has joined and can serve the next one.",
    source: "StatefulSet documentation, deployment and scaling guarantees; upstream e2e E8",
    fix: "Wait for the condition Ready of the predecessor, not for its phase Running.",
    profile: Profile::Ordering,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        held_back(ledger, judge, |state| {
            state.phase == "Running" && !state.ready && !state.terminating
        })
    },
};

/// Ready but on its way out is not enough.
pub static SS_ORD_04: Rule = Rule {
    id: "SS-ORD-04",
    sentence: "A predecessor that is Ready but terminating holds back the creation of the pods above it",
    why: "A member that is going away takes its data offline in a moment; a successor that starts from it starts from \
          nothing.",
    source: "StatefulSet controller (reference)",
    fix: "Treat a pod with deletionTimestamp as not Healthy, whatever its conditions say.",
    profile: Profile::Ordering,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| held_back(ledger, judge, |state| state.ready && state.terminating),
};

/// Existing is not enough.
pub static SS_ORD_05: Rule = Rule {
    id: "SS-ORD-05",
    sentence: "A predecessor that is Pending, unschedulable or Unknown holds back the creation of the pods above it",
    why: "A set that starts its members beside a first one without a node comes up without its seed.",
    source: "StatefulSet controller (reference)",
    fix: "Do not count a pod as soon as it exists; wait until it is Running and Ready.",
    profile: Profile::Ordering,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        held_back(ledger, judge, |state| {
            !state.terminating && !state.ended() && state.phase != "Running"
        })
    },
};

/// While a member is in a state that `blocks`, nothing above it is created.
fn held_back(ledger: &Ledger, judge: &mut Judge<'_>, blocks: fn(&PodState) -> bool) {
    for set in ledger.sets() {
        let created = ordered_creations(ledger, set);
        for hold in holds(ledger, set, blocks) {
            if let Some((_, creation)) = first_early(ledger, set, &created, &hold) {
                judge.opportunity();
                accuse(ledger, judge, set, creation, hold.ordinal);
            } else if kept_others_waiting(ledger, set, &hold) {
                judge.opportunity();
            }
        }
    }
}

/// The first creation during a hold that the held member ought to have held back.
pub(super) fn first_early<'c, 'a>(
    ledger: &Ledger,
    set: &Set,
    created: &'c [(Ordinal, Creation<'a>)],
    hold: &Hold<'_>,
) -> Option<&'c (Ordinal, Creation<'a>)> {
    let from = created.partition_point(|(_, creation)| creation.moment.index <= hold.from.index);
    created[from..]
        .iter()
        .take_while(|(_, creation)| hold.covers(creation.moment))
        .find(|(ordinal, creation)| {
            let window = Window::before(ledger, set, creation.moment);
            *ordinal > hold.ordinal && window.wants(hold.ordinal) && !window.healthy(hold.ordinal)
        })
}

/// Whether a wanted pod above the held one was missing for longer than the staleness window, to the end of the hold.
pub(super) fn kept_others_waiting(ledger: &Ledger, set: &Set, hold: &Hold<'_>) -> bool {
    let staleness = ledger.patience().staleness();
    let ending = ledger.ending(set).unwrap_or(ledger.end());
    let end = hold.end(ledger).min(ending);
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
    let waits = |ordinal: u32| {
        missing_since(ledger, set, Ordinal(ordinal), position)
            .is_some_and(|since| end.at.since(since.max(hold.from.at)) > staleness)
    };
    spec.in_range(hold.ordinal)
        && (hold.ordinal.0.saturating_add(1)..spec.range().end)
            .rev()
            .take(1_000)
            .any(waits)
}

/// Since when the ordinal was wanted and missing at `position`; `None` if it was not.
fn missing_since(ledger: &Ledger, set: &Set, ordinal: Ordinal, position: usize) -> Option<Elapsed> {
    if ledger.member_at(set, ordinal, position).is_some() {
        return None;
    }
    let last = ledger
        .incarnations(set, ordinal)
        .filter_map(|pod| pod.gone)
        .filter(|gone| gone.index <= position)
        .max();
    let entries = set.states.entries();
    let end = entries.partition_point(|(moment, _)| moment.index <= position);
    let wanted = entries[..end]
        .iter()
        .rev()
        .take_while(|(_, state)| state.spec.in_range(ordinal))
        .last()
        .map(|(moment, _)| *moment)?;
    Some(last.map_or(wanted, |gone: Moment| gone.max(wanted)).at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;

    fn web_0_running() -> Story {
        Story::new().set("web", 3).pod("web-0").running()
    }

    #[test]
    fn one_after_another_is_right() {
        Story::new().set("web", 3).ready_pods(3).keeps(&SS_ORD_01);
    }

    #[test]
    fn a_successor_of_a_pod_that_is_not_ready_comes_too_early() {
        let story = web_0_running().wait(5_000).pod("web-1");
        story.clone().breaks(
            &SS_ORD_01,
            "web-1 was created although web-0 was Running but not Ready",
        );
        story.breaks(&SS_ORD_03, "web-0 was Running but not Ready");
    }

    #[test]
    fn every_pod_below_counts_not_only_the_one_before() {
        Story::new()
            .set("web", 3)
            .ready_pods(2)
            .on("web-0")
            .unready()
            .wait(5_000)
            .pod("web-2")
            .breaks(&SS_ORD_01, "web-2 was created although web-0");
    }

    #[test]
    fn a_pod_below_that_never_existed_counts_as_well() {
        Story::new()
            .set("web", 3)
            .pod("web-2")
            .breaks(&SS_ORD_01, "web-0 did not exist");
    }

    #[test]
    fn a_predecessor_that_was_ready_a_moment_ago_excuses() {
        Story::new()
            .set("web", 2)
            .ready_pods(1)
            .wait(3_000)
            .unready()
            .wait(500)
            .pod("web-1")
            .keeps(&SS_ORD_01);
    }

    #[test]
    fn others_than_the_candidate_may_create_what_they_like() {
        use history::Author;
        web_0_running()
            .wait(5_000)
            .pod("web-1")
            .by(Author::Harness)
            .does_not_exercise(&SS_ORD_01);
    }

    #[test]
    fn parallel_sets_wait_for_nothing() {
        let parallel = serde_json::json!({"spec": {"podManagementPolicy": "Parallel"}});
        let story = Story::new()
            .set_with("web", 2, parallel)
            .pod("web-0")
            .running()
            .wait(5_000)
            .pod("web-1");
        story.clone().does_not_exercise(&SS_ORD_01);
        story.does_not_exercise(&SS_ORD_03);
    }

    #[test]
    fn sets_with_names_that_begin_alike_are_judged_apart() {
        let both = || {
            Story::new()
                .set("web", 2)
                .set("web-1", 2)
                .pod("web-0")
                .running()
                .pod("web-1-0")
                .ready()
        };
        both().wait(5_000).pod("web-1-1").keeps(&SS_ORD_01);
        both()
            .wait(5_000)
            .pod("web-1")
            .breaks(&SS_ORD_01, "web-1 was created although web-0");
        both()
            .on_set("web")
            .scale(1)
            .wait(5_000)
            .does_not_exercise(&SS_ORD_03);
    }

    #[test]
    fn a_hole_in_the_watch_on_pods_makes_it_unclear() {
        let found = Story::new()
            .set("web", 2)
            .ready_pods(1)
            .gap("pods")
            .pod("web-1")
            .judge(&SS_ORD_01);
        assert_eq!(found.unclear, ["the watch on pods was cut: 410 Gone"]);
    }

    #[test]
    fn what_seems_to_be_missing_after_a_hole_accuses_nobody() {
        let early = || Story::new().set("web", 2).pod("web-1");
        let cut = |story: Story| story.wait(1_000).gap("pods").judge(&SS_ORD_01);
        let seen = cut(early());
        assert_eq!((seen.violations.len(), seen.unclear.len()), (1, 1));
        // The set asked for web-0 only, when it was last seen; web-1 is made for a change that was not.
        let unseen = Story::new()
            .set("web", 2)
            .gap("statefulsets")
            .pod("web-1")
            .judge(&SS_ORD_01);
        assert_eq!((unseen.violations, unseen.unclear.len()), (Vec::new(), 1));
    }

    #[test]
    fn a_hold_that_outlasts_the_staleness_window_is_an_opportunity() {
        web_0_running().wait(5_000).ready().pod("web-1").keeps(&SS_ORD_03);
        web_0_running()
            .wait(500)
            .ready()
            .pod("web-1")
            .does_not_exercise(&SS_ORD_03);
        // Nothing above it is wanted: nothing could have come.
        Story::new()
            .set("web", 1)
            .pod("web-0")
            .running()
            .wait(5_000)
            .does_not_exercise(&SS_ORD_03);
    }

    #[test]
    fn a_terminating_predecessor_holds_back_although_ready() {
        let terminating = Story::new()
            .set("web", 2)
            .ready_pods(1)
            .delete_pod("web-0")
            .wait(5_000);
        terminating.clone().keeps(&SS_ORD_04);
        terminating
            .pod("web-1")
            .breaks(&SS_ORD_04, "web-0 was terminating, still Ready");
    }

    #[test]
    fn a_pending_predecessor_holds_back() {
        let pending = Story::new().set("web", 2).pod("web-0").wait(5_000);
        pending.clone().keeps(&SS_ORD_05);
        pending.pod("web-1").breaks(&SS_ORD_05, "web-0 was Pending");
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .does_not_exercise(&SS_ORD_05);
    }
}
