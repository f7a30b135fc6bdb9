//! What happens when the partition moves, and at its boundary.

use crate::rules::course::{Cause, Course, Epoch, Standing, courses};
use crate::rules::update::{advances, unfinished, unfinished_sentence};
use judging::{Feature, Kind, Level, Profile, Rule};

/// Lowered: the newly included ones, by the usual gates.
pub static SS_PT_05: Rule = Rule {
    id: "SS-PT-05",
    sentence: "Lowering the partition updates the newly included pods, highest first and one at a time",
    why: "A phased roll-out lowers the partition by several at once and still expects an ordinary rolling update.",
    source: "StatefulSet documentation, partitioned rolling updates; upstream e2e [Conformance] lowers it by one",
    fix: "Run the same update loop with the same gates after the partition has moved as after a template change.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[Feature::Partition],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for decision in course.update_decisions() {
                let before = course.just_before(decision.moment);
                if !lowered(&course, before) || !course.serial_at(before) {
                    continue;
                }
                let ordinal = decision.ordinal;
                let obstacle = |index| {
                    course
                        .due_above(ordinal, index)
                        .or_else(|| course.down_above(ordinal, index))
                        .or_else(|| course.down_below(ordinal, index))
                };
                let legal = ledger.recently(decision.moment, |index| {
                    course.due(ordinal, index) && obstacle(index).is_none()
                });
                let ordered = course.ordered_at(before);
                let looked_open =
                    || course.may_have_looked_open(&decision, |other| other > ordinal || ordered);
                let found = obstacle(before)
                    .filter(|_| !legal && !looked_open())
                    .map(|found| course.obstacle(found, before));
                let change = course.epoch_at(before).map(|epoch| epoch.from);
                judge.expect(
                    legal || found.is_none(),
                    || match &found {
                        Some(found) => format!(
                            "after the partition was lowered {} was taken down while {} was {}",
                            decision.pod.name,
                            course.name(found.ordinal),
                            found.how
                        ),
                        None => String::new(),
                    },
                    change
                        .into_iter()
                        .chain(found.as_ref().and_then(|found| found.since))
                        .chain([decision.moment]),
                );
            }
            for (stretch, epoch, due) in course.idle_updates(ledger.patience().reaction()) {
                let boundary = epoch.partition() > 0 && epoch.spec.boundary() == Some(due.0);
                if lowered(&course, stretch.from.index) && !boundary {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "the partition was lowered to {}, every pod is Healthy, and for {} s {} was not updated",
                            epoch.partition(),
                            stretch.lasted().as_secs(),
                            course.name(due)
                        ),
                        [epoch.from, stretch.from, stretch.until],
                    );
                }
            }
        }
    },
};

/// Whether the spec in force came from one with the same template and a higher boundary.
fn lowered(course: &Course<'_>, index: usize) -> bool {
    moved(course, index).is_some_and(|(before, now)| now < before)
}

/// The boundaries before and after the last change of the spec, if the template stayed.
fn moved(course: &Course<'_>, index: usize) -> Option<(u32, u32)> {
    let place = course
        .epochs
        .partition_point(|epoch| epoch.from.index <= index)
        .checked_sub(1)?;
    let now = course.epochs.get(place)?;
    let before = course.epochs.get(place.checked_sub(1)?)?;
    let boundaries = (before.spec.boundary()?, now.spec.boundary()?);
    (!now.new_template).then_some(boundaries)
}

/// Partition 0 finishes the update.
pub static SS_PT_06: Rule = Rule {
    id: "SS-PT-06",
    sentence: "Setting the partition to 0 finishes the update, and currentRevision becomes updateRevision",
    why: "It is the last step of a phased roll-out; without it the next lost pod comes back old.",
    source: "upstream e2e [Conformance] \"should perform canary updates and phased rolling updates\"",
    fix: "See SS-RU-11: complete the update when all pods are updated and Ready, however it came about.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[Feature::Partition],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for (moment, _) in advances(&course) {
                if course
                    .epoch_at(moment.index)
                    .is_some_and(|epoch| was_partitioned(&course, epoch))
                {
                    judge.opportunity();
                }
            }
            for (stretch, epoch) in unfinished(ledger, &course) {
                if was_partitioned(&course, epoch) {
                    judge.opportunity();
                    judge.stall(
                        unfinished_sentence(&stretch),
                        [epoch.from, stretch.from, stretch.until],
                    );
                }
            }
            for (stretch, epoch, due) in course.idle_updates(ledger.patience().reaction()) {
                if was_partitioned(&course, epoch) {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "the partition was set to 0, every pod is Healthy, and for {} s {} was not updated",
                            stretch.lasted().as_secs(),
                            course.name(due)
                        ),
                        [epoch.from, stretch.from, stretch.until],
                    );
                }
            }
        }
    },
};

/// Whether an epoch without a partition ends a roll-out that had one.
fn was_partitioned(course: &Course<'_>, epoch: &Epoch) -> bool {
    let earlier = course
        .epochs
        .iter()
        .rev()
        .skip_while(|other| other.from >= epoch.from)
        .take_while(|other| other.spec.template == epoch.spec.template);
    epoch.partition() == 0 && !epoch.on_delete() && earlier.into_iter().any(|other| other.partition() > 0)
}

/// Raised: nothing goes back.
pub static SS_PT_08: Rule = Rule {
    id: "SS-PT-08",
    sentence: "Raising the partition neither deletes nor reverts pods that are already updated",
    why: "Raising it is how an operator pauses a roll-out; it must not restart anything.",
    source: "reference implementation: the partition only bounds which pods are updated next",
    fix: "Never delete a pod because it is newer than its side of the partition asks for.",
    profile: Profile::Update,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[Feature::Partition],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for epoch in &course.epochs {
                let raised = moved(&course, epoch.from.index).is_some_and(|(before, now)| now > before);
                let ahead = course.all_at(epoch.from.index).any(|(ordinal, _, state)| {
                    epoch.keeps(ordinal) && course.standing(state, epoch) == Standing::Wanted
                });
                if raised && ahead && epoch.lasted() > ledger.patience().staleness() {
                    judge.opportunity();
                }
            }
            for decision in course.decisions() {
                let before = course.just_before(decision.moment);
                let Some(epoch) = course.epoch_at(before) else {
                    continue;
                };
                let raised = moved(&course, before).is_some_and(|(before, now)| now > before);
                let ahead = epoch.keeps(decision.ordinal)
                    && course.standing(decision.before, epoch) == Standing::Wanted;
                if decision.cause == Cause::Nothing && raised && ahead {
                    judge.opportunity();
                    judge.violation(
                        format!(
                            "the partition was raised to {}, and {}, which was already updated, was taken down",
                            epoch.partition(),
                            decision.pod.name
                        ),
                        [decision.pod.added(), epoch.from, decision.moment],
                    );
                }
            }
        }
    },
};

/// The boundary belongs to the update.
pub static SS_PT_10: Rule = Rule {
    id: "SS-PT-10",
    sentence: "The pod whose ordinal equals the partition is updated",
    why: "Off by one, and a canary of one pod updates nobody.",
    source: "StatefulSet documentation: ordinals greater than or equal to the partition; upstream e2e [Conformance]",
    fix: "The update loop runs down to ordinals.start + partition inclusive.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[Feature::Partition],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let boundary = |index: usize| {
                let epoch = course.epoch_at(index).filter(|epoch| epoch.partition() > 0)?;
                epoch.spec.boundary()
            };
            for decision in course.update_decisions() {
                if boundary(course.just_before(decision.moment)) == Some(decision.ordinal.0) {
                    judge.opportunity();
                }
            }
            for (stretch, epoch, due) in course.idle_updates(ledger.patience().reaction()) {
                if boundary(stretch.from.index) == Some(due.0) {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "the partition is {}, every pod is Healthy, and for {} s {} at the boundary was not updated",
                            epoch.partition(),
                            stretch.lasted().as_secs(),
                            course.name(due)
                        ),
                        [epoch.from, stretch.from, stretch.until],
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
    use serde_json::json;

    fn staged(partition: u32) -> Story {
        let patch = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": partition}}}});
        Story::new()
            .set_with("web", 3, patch)
            .revision("web-a")
            .ready_pods(3)
            .status(json!({"observedGeneration": 1, "currentRevision": "web-a", "updateRevision": "web-a"}))
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
            .status(json!({"observedGeneration": 2, "updateRevision": "web-b"}))
            .wait(5_000)
    }

    #[test]
    fn lowering_by_two_is_an_ordinary_update() {
        let lowered = staged(3).partition(1);
        lowered
            .clone()
            .remove_pod("web-2")
            .pod("web-2")
            .ready()
            .remove_pod("web-1")
            .keeps(&SS_PT_05);
        lowered
            .clone()
            .delete_pod("web-2")
            .delete_pod("web-1")
            .breaks(&SS_PT_05, "web-1 was taken down while web-2 was terminating");
        lowered
            .clone()
            .delete_pod("web-1")
            .breaks(&SS_PT_05, "web-1 was taken down while web-2 was still old");
        lowered
            .clone()
            .wait(20_000)
            .stalls(&SS_PT_05, "web-2 was not updated");
        lowered.wait(5_000).does_not_exercise(&SS_PT_05);
        staged(2).remove_pod("web-2").does_not_exercise(&SS_PT_05);
    }

    #[test]
    fn partition_zero_finishes() {
        let story = || {
            Story::new()
                .set_with(
                    "web",
                    1,
                    json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}}),
                )
                .revision("web-a")
                .ready_pods(1)
                .status(json!({"currentRevision": "web-a", "updateRevision": "web-a"}))
                .image("app:2")
                .revision("web-b")
                .wait(5_000)
                .partition(0)
                .remove_pod("web-0")
                .pod("web-0")
                .ready()
        };
        story()
            .status(json!({"currentRevision": "web-b", "updateRevision": "web-b"}))
            .keeps(&SS_PT_06);
        story().wait(20_000).stalls(&SS_PT_06, "currentRevision stayed");
        staged(2)
            .remove_pod("web-2")
            .pod("web-2")
            .ready()
            .wait(5_000)
            .partition(0)
            .wait(20_000)
            .stalls(&SS_PT_06, "web-1 was not updated");
        story().wait(1_000).does_not_exercise(&SS_PT_06);
    }

    #[test]
    fn raising_reverts_nothing() {
        let raised = staged(2)
            .remove_pod("web-2")
            .pod("web-2")
            .ready()
            .wait(5_000)
            .partition(3)
            .wait(5_000);
        raised.clone().keeps(&SS_PT_08);
        raised
            .remove_pod("web-2")
            .breaks(&SS_PT_08, "raised to 3, and web-2, which was already updated");
        staged(2).partition(3).wait(5_000).does_not_exercise(&SS_PT_08);
    }

    #[test]
    fn the_boundary_is_updated() {
        staged(2).remove_pod("web-2").keeps(&SS_PT_10);
        staged(2)
            .wait(20_000)
            .stalls(&SS_PT_10, "the partition is 2, every pod is Healthy");
        staged(3).wait(20_000).does_not_exercise(&SS_PT_10);
        staged(0).remove_pod("web-2").does_not_exercise(&SS_PT_10);
    }
}
