//! The order of an update, and how many pods it takes down at a time.

use crate::rules::course::{Course, Decision, courses};
use history::Ledger;
use judging::{Judge, Kind, Level, Profile, Rule};

/// Highest ordinal first.
pub static SS_RU_01: Rule = Rule {
    id: "SS-RU-01",
    sentence: "A template change replaces every pod at or above the partition, highest ordinal first",
    why: "Members with low ordinals are usually the ones that others depend on (primary, seed). They may only be \
          touched once the update has proved itself on the others.",
    source: "StatefulSet documentation, rolling updates; upstream e2e \"should perform rolling updates and roll \
             backs\" names the order without checking it",
    fix: "Walk from the highest ordinal down to the partition, delete the first pod that is not at the update \
          revision, then stop. Compare ordinals as numbers. Act on pod events, not only on a resync.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for decision in course.update_decisions() {
                let before = course.just_before(decision.moment);
                let (ordinal, moment) = (decision.ordinal, decision.moment);
                if !course.others_due(ordinal, before) {
                    continue;
                }
                let legal = ledger.recently(moment, |index| {
                    course.due(ordinal, index) && course.due_above(ordinal, index).is_none()
                });
                let above = course
                    .due_above(ordinal, before)
                    .map(|above| course.obstacle(above, before));
                judge.expect(
                    legal,
                    || match &above {
                        Some(above) => format!(
                            "{} was taken down for the update while {} above it was {}",
                            decision.pod.name,
                            course.name(above.ordinal),
                            above.how
                        ),
                        None => format!("{} was taken down for the update out of order", decision.pod.name),
                    },
                    above.iter().filter_map(|above| above.since).chain([moment]),
                );
            }
            waits_in_vain(ledger, &course, judge);
        }
    },
};

/// Every pod is Healthy, one is old, and nothing happens. The pod at the partition is the business of SS-PT-10.
fn waits_in_vain(ledger: &Ledger, course: &Course<'_>, judge: &mut Judge<'_>) {
    for (stretch, epoch, due) in course.idle_updates(ledger.patience().reaction()) {
        if epoch.partition() > 0 && epoch.spec.boundary() == Some(due.0) {
            continue;
        }
        judge.opportunity();
        judge.stall(
            format!(
                "{} is at an old revision and every pod is Healthy, yet for {} s nothing was updated",
                course.name(due),
                stretch.lasted().as_secs()
            ),
            [epoch.from, stretch.from, stretch.until],
        );
    }
}

/// One at a time.
pub static SS_RU_02: Rule = Rule {
    id: "SS-RU-02",
    sentence: "An update takes down one pod at a time: the next only after the one before is Ready again",
    why: "A quorum survives the loss of one member. Two members taken down by an update at the same time may be the \
          end of it.",
    source: "StatefulSet documentation, rolling updates (maxUnavailable absent or 1)",
    fix: "After deleting a pod for the update, return, and delete no other before the replacement is Running and \
          Ready. Do not count on the cache having seen your own deletion: a pod with a deletionTimestamp is down.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let decisions: Vec<Decision<'_>> = course.update_decisions().collect();
            for decision in &decisions {
                let before = course.just_before(decision.moment);
                if course.serial_at(before) && course.others_due(decision.ordinal, before) {
                    judge.opportunity();
                }
            }
            for pair in decisions.windows(2) {
                let [former, next] = pair else { continue };
                let again = course
                    .incarnations(former.ordinal)
                    .filter(|pod| pod.added() > former.moment)
                    .filter_map(|pod| pod.healthy_from(0))
                    .any(|healthy| healthy < next.moment);
                let serial = course
                    .epochs_before(next.moment)
                    .all(|epoch| epoch.spec.update_budget() == 1 && epoch.spec.in_range(former.ordinal));
                if serial && former.ordinal != next.ordinal && !again {
                    judge.violation(
                        format!(
                            "{} was taken down for the update {} ms after {}, which was not Ready again",
                            next.pod.name,
                            next.moment.at.since(former.moment.at).as_millis(),
                            former.pod.name
                        ),
                        [former.moment, next.moment],
                    );
                }
            }
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;

    /// Three Ready pods at the old revision, and a new template with its revision.
    fn changed() -> Story {
        Story::new()
            .set("web", 3)
            .revision("web-a")
            .ready_pods(3)
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
    }

    #[test]
    fn from_the_top_and_each_ready_before_the_next_is_right() {
        let story = changed()
            .remove_pod("web-2")
            .pod("web-2")
            .ready()
            .remove_pod("web-1")
            .pod("web-1")
            .ready();
        story.clone().keeps(&SS_RU_01);
        story.keeps(&SS_RU_02);
    }

    #[test]
    fn from_the_bottom_is_wrong() {
        changed().remove_pod("web-0").breaks(
            &SS_RU_01,
            "web-0 was taken down for the update while web-2 above it was still old",
        );
    }

    #[test]
    fn ten_is_above_nine() {
        let story = Story::new()
            .set("web", 11)
            .revision("web-a")
            .ready_pods(11)
            .wait(5_000)
            .image("app:2")
            .revision("web-b");
        story.clone().remove_pod("web-10").keeps(&SS_RU_01);
        story.remove_pod("web-9").breaks(&SS_RU_01, "web-10");
    }

    #[test]
    fn all_at_once_is_wrong_even_from_the_top() {
        let story = changed().delete_pod("web-2").delete_pod("web-1");
        story.clone().keeps(&SS_RU_01);
        story.breaks(&SS_RU_02, "web-1 was taken down for the update 1 ms after web-2");
    }

    #[test]
    fn a_replacement_that_runs_but_is_not_ready_is_not_up_again() {
        changed()
            .remove_pod("web-2")
            .pod("web-2")
            .running()
            .wait(3_000)
            .delete_pod("web-1")
            .breaks(&SS_RU_02, "not Ready again");
    }

    #[test]
    fn an_update_that_never_comes_is_stalled() {
        changed()
            .wait(20_000)
            .stalls(&SS_RU_01, "web-2 is at an old revision");
        changed().wait(5_000).does_not_exercise(&SS_RU_01);
    }

    #[test]
    fn deletions_by_the_harness_are_no_update() {
        use history::Author;
        changed()
            .evidence_a()
            .delete_pod("web-0")
            .by(Author::Harness)
            .does_not_exercise(&SS_RU_01);
    }

    #[test]
    fn without_a_template_change_there_is_no_update() {
        let story = Story::new()
            .set("web", 2)
            .revision("web-a")
            .ready_pods(2)
            .wait(20_000)
            .scale(1);
        let story = story.remove_pod("web-1");
        story.clone().does_not_exercise(&SS_RU_01);
        story.does_not_exercise(&SS_RU_02);
    }
}
