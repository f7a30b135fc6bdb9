//! What an update waits for before its next step.

use crate::rules::course::{Course, Decision, Obstacle, courses};
use history::{Ledger, Moment, Ordinal};
use judging::{Judge, Kind, Level, Profile, Rule};

/// Higher pods first have to be up at the new revision.
pub static SS_RU_03: Rule = Rule {
    id: "SS-RU-03",
    sentence: "An update goes on only when every higher pod is at the new revision and Ready",
    why: "Readiness is the only proof that the new version works. An update that does not wait for it spreads a bad \
          version over the whole set.",
    source: "StatefulSet documentation, rolling updates: waits until an updated pod is Running and Ready",
    fix: "Before deleting the next pod check each higher one: it exists, is not terminating, is at the update \
          revision, Running, and its Ready condition is True. Running alone is not enough; a terminating pod that \
          is still Ready does not count.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let gate: Gate = |course, ordinal, index| course.down_above(ordinal, index);
            for (stretch, due) in course.held_updates() {
                if course.serial_at(stretch.from.index) && gate(&course, due, stretch.from.index).is_some() {
                    judge.opportunity();
                }
            }
            for decision in course.update_decisions() {
                let before = course.just_before(decision.moment);
                let higher = course.epoch_at(before).is_some_and(|epoch| {
                    epoch.spec.update_budget() == 1
                        && decision.ordinal.0.saturating_add(1) < epoch.spec.range().end
                });
                if higher {
                    judge.opportunity();
                    passes(ledger, &course, &decision, gate, judge);
                }
            }
        }
    },
};

/// Who stands in the way of updating an ordinal at a position.
type Gate = fn(&Course<'_>, Ordinal, usize) -> Option<Ordinal>;

/// A decision is legal if it was this pod's turn and nothing stood in its way in some state of the staleness window.
fn passes(ledger: &Ledger, course: &Course<'_>, decision: &Decision<'_>, gate: Gate, judge: &mut Judge<'_>) {
    let open = ledger.recently(decision.moment, |index| {
        course.due(decision.ordinal, index)
            && course.due_above(decision.ordinal, index).is_none()
            && gate(course, decision.ordinal, index).is_none()
    });
    let before = course.just_before(decision.moment);
    if open {
        return;
    }
    if let Some(blocker) = gate(course, decision.ordinal, before) {
        // The same side of the pod as the one that is in the way.
        let above = blocker > decision.ordinal;
        if course.may_have_looked_open(decision, |other| (other > decision.ordinal) == above) {
            return;
        }
        let obstacle = course.obstacle(blocker, before);
        judge.violation(
            format!(
                "{} was taken down for the update while {} was {}",
                decision.pod.name,
                course.name(obstacle.ordinal),
                obstacle.how
            ),
            witness(course, decision, &obstacle),
        );
    }
}

fn witness(course: &Course<'_>, decision: &Decision<'_>, obstacle: &Obstacle) -> Vec<Moment> {
    let change = course
        .epoch_at(course.just_before(decision.moment))
        .map(|epoch| epoch.from);
    change
        .into_iter()
        .chain(obstacle.since)
        .chain([decision.moment])
        .collect()
}

/// Lower pods block as well.
pub static SS_RU_04: Rule = Rule {
    id: "SS-RU-04",
    sentence: "Under OrderedReady nothing is updated while a pod in range, also a lower one, is not Ready",
    why: "A set that is already one member short must not lose another one to an update.",
    source: "StatefulSet documentation: OrderedReady; upstream e2e breaks pod 1 during an update and looks at the end",
    fix: "Run the readiness gate over all ordinals of the range, those below the partition included, before the \
          update looks for a pod to delete.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let gate: Gate = |course, ordinal, index| course.down_below(ordinal, index);
            for (stretch, due) in course.held_updates() {
                let index = stretch.from.index;
                if gate(&course, due, index).is_some() && course.down_above(due, index).is_none() {
                    judge.opportunity();
                }
            }
            for decision in course.update_decisions() {
                passes(ledger, &course, &decision, gate, judge);
            }
        }
    },
};

/// A bad version costs one pod.
pub static SS_RU_08: Rule = Rule {
    id: "SS-RU-08",
    sentence: "A bad update stops at the first pod that does not become Ready: it costs at most one pod",
    why: "A version that cannot start must not take the set down, however long nobody looks.",
    source: "StatefulSet documentation, rolling updates and forced rollback",
    fix: "Wait for the replacement without any time limit. There is no timeout after which an update may go on.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for (stretch, due) in course.held_updates() {
                let index = stretch.from.index;
                if course.serial_at(index) && never_ready(&course, due, index).is_some() {
                    judge.opportunity();
                }
            }
            for decision in course.update_decisions() {
                let before = course.just_before(decision.moment);
                let Some((raw, added)) = never_ready(&course, decision.ordinal, before) else {
                    continue;
                };
                let waited = decision.moment.at.since(added.at);
                // Who knew an older spec may not have wanted that pod, or not one at a time.
                let serial = course
                    .epochs_before(decision.moment)
                    .all(|epoch| epoch.spec.update_budget() == 1 && epoch.spec.in_range(raw));
                if serial && course.serial_at(before) && waited > ledger.patience().staleness() {
                    judge.violation(
                        format!(
                            "{} was taken down for the update although {}, made {} s before at the new revision, \
                             had never been Ready",
                            decision.pod.name,
                            course.name(raw),
                            waited.as_secs()
                        ),
                        [added, decision.moment],
                    );
                }
            }
        }
    },
};

/// A higher pod at the new revision that has not been Ready in its life, and when it was made.
fn never_ready(course: &Course<'_>, ordinal: Ordinal, index: usize) -> Option<(Ordinal, Moment)> {
    let raw = course
        .picture_at(index)?
        .highest_raw
        .filter(|raw| *raw > ordinal)?;
    let (pod, _) = course.at(raw, index)?;
    Some((raw, pod.added()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn changed(patch: serde_json::Value) -> Story {
        Story::new()
            .set_with("web", 3, patch)
            .revision("web-a")
            .ready_pods(3)
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
    }

    #[test]
    fn waiting_for_the_replacement_is_right() {
        changed(json!({}))
            .remove_pod("web-2")
            .pod("web-2")
            .running()
            .wait(5_000)
            .ready()
            .remove_pod("web-1")
            .keeps(&SS_RU_03);
    }

    #[test]
    fn going_on_when_it_runs_is_wrong() {
        changed(json!({}))
            .remove_pod("web-2")
            .pod("web-2")
            .running()
            .delete_pod("web-1")
            .breaks(&SS_RU_03, "while web-2 was Running but not Ready");
    }

    #[test]
    fn a_terminating_pod_that_is_still_ready_does_not_count() {
        changed(json!({}))
            .delete_pod("web-2")
            .wait(5_000)
            .delete_pod("web-1")
            .breaks(&SS_RU_03, "while web-2 was terminating, still Ready");
    }

    #[test]
    fn a_pod_that_turned_unready_a_moment_ago_may_not_have_been_seen() {
        let story = changed(json!({}))
            .remove_pod("web-2")
            .pod("web-2")
            .ready()
            .wait(5_000)
            .unready();
        story.clone().wait(500).delete_pod("web-1").keeps(&SS_RU_03);
        story
            .wait(5_000)
            .delete_pod("web-1")
            .breaks(&SS_RU_03, "Running but not Ready");
    }

    #[test]
    fn with_a_budget_of_two_the_next_need_not_wait() {
        let budget = json!({"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 2}}}});
        changed(budget)
            .delete_pod("web-2")
            .wait(5_000)
            .delete_pod("web-1")
            .does_not_exercise(&SS_RU_03);
    }

    #[test]
    fn an_unready_lower_pod_blocks_under_ordered_ready_only() {
        let held = |policy: &str| {
            Story::new()
                .set_with("web", 3, json!({"spec": {"podManagementPolicy": policy}}))
                .revision("web-a")
                .ready_pods(3)
                .on("web-0")
                .unready()
                .image("app:2")
                .revision("web-b")
                .wait(5_000)
        };
        held("OrderedReady").keeps(&SS_RU_04);
        held("OrderedReady")
            .delete_pod("web-2")
            .breaks(&SS_RU_04, "while web-0 was Running but not Ready");
        held("Parallel").delete_pod("web-2").does_not_exercise(&SS_RU_04);
    }

    #[test]
    fn healthy_lower_pods_show_nothing() {
        changed(json!({}))
            .remove_pod("web-2")
            .does_not_exercise(&SS_RU_04);
    }

    #[test]
    fn a_bad_version_stops_at_the_first_pod() {
        let bad = changed(json!({}))
            .remove_pod("web-2")
            .pod("web-2")
            .running()
            .wait(60_000);
        bad.clone().keeps(&SS_RU_08);
        bad.delete_pod("web-1").breaks(
            &SS_RU_08,
            "made 60 s before at the new revision, had never been Ready",
        );
    }

    #[test]
    fn a_bad_pod_that_was_not_wanted_for_a_moment_stops_nothing() {
        let flapped = |ms| {
            changed(json!({"spec": {"podManagementPolicy": "Parallel"}}))
                .remove_pod("web-2")
                .pod("web-2")
                .running()
                .wait(60_000)
                .scale(2)
                .scale(3)
                .wait(ms)
                .delete_pod("web-1")
        };
        flapped(100).keeps(&SS_RU_08);
        flapped(5_000).breaks(&SS_RU_08, "although web-2, made 65 s before");
    }

    #[test]
    fn a_good_version_does_not_show_it() {
        changed(json!({}))
            .remove_pod("web-2")
            .pod("web-2")
            .ready()
            .wait(5_000)
            .remove_pod("web-1")
            .does_not_exercise(&SS_RU_08);
    }
}
