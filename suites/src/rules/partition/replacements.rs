//! What lost pods come back as under a partition.

use crate::rules::course::{Course, Creation, Standing, courses};
use crate::rules::update::{came_back, comes_back_wanted};
use history::Moment;
use judging::{Feature, Kind, Level, Profile, Rule};

/// Below it: old.
pub static SS_PT_02: Rule = Rule {
    id: "SS-PT-02",
    sentence: "A pod lost below the partition comes back at the current revision",
    why: "Otherwise a node failure updates members that were meant to be kept.",
    source: "StatefulSet documentation, partitioned rolling updates; upstream e2e [Conformance] canary updates",
    fix: "Build a pod below ordinals.start + partition from the ControllerRevision named by status.currentRevision.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::Partition],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for creation in course.creations() {
                let Some(right) = comes_back_current(&course, &creation) else {
                    continue;
                };
                judge.expect(
                    right,
                    || {
                        format!(
                            "{}, below the partition, came back at {} and not at the current revision",
                            creation.pod.name,
                            creation.state.revision.as_deref().unwrap_or("-")
                        )
                    },
                    came_back(&course, &creation),
                );
            }
        }
    },
};

/// Whether a replacement below the partition is at a revision that it may have. `None` if it is not below, or if
/// current and update revision were the same and so was the former pod's.
fn comes_back_current(course: &Course<'_>, creation: &Creation<'_>) -> Option<bool> {
    let former = creation.former?;
    let kept = course
        .epochs_before(creation.moment)
        .all(|epoch| epoch.keeps(creation.ordinal));
    let epoch = course.epoch_at(course.just_before(creation.moment))?;
    let standing = course.standing(creation.state, epoch);
    if !kept || standing == Standing::Unknown {
        return None;
    }
    let since = creation.moment.at.before(course.ledger.patience().staleness());
    let mut reported = course.set.states.within(since, creation.moment.index);
    let current = reported.any(|(_, state)| {
        let status = &state.status;
        status.current_revision != status.update_revision
            && status.current_revision == creation.state.revision
    });
    // The revision that the ordinal had is right whatever the status says; if the status has moved on, that was wrong.
    let former_state = former.last()?;
    let was_old =
        course.standing(former_state, epoch) == Standing::Old && stayed(course, creation, former.added());
    if was_old {
        let same = former_state.revision == creation.state.revision;
        return Some(current || same || standing == Standing::Old);
    }
    distinct(course, creation).then_some(current)
}

/// Whether current and update revision differed all through the staleness window.
fn distinct(course: &Course<'_>, creation: &Creation<'_>) -> bool {
    let staleness = course.ledger.patience().staleness();
    let since = creation.moment.at.before(staleness);
    let mut reported = course.set.states.within(since, creation.moment.index);
    reported.all(|(_, state)| {
        let status = &state.status;
        let both = status.current_revision.is_some() && status.update_revision.is_some();
        both && status.current_revision != status.update_revision
    })
}

/// Whether the ordinal was wanted all the time (with no pod left the reference takes an update for complete:
/// k/k #121534).
fn stayed(course: &Course<'_>, creation: &Creation<'_>, since: Moment) -> bool {
    course
        .epochs
        .iter()
        .filter(|epoch| epoch.until > since && epoch.from < creation.moment)
        .all(|epoch| epoch.spec.in_range(creation.ordinal))
}

/// At or above it: new.
pub static SS_PT_03: Rule = Rule {
    id: "SS-PT-03",
    sentence: "A pod lost at or above the partition comes back at the update revision",
    why: "A canary that falls back to the old version by a node failure proves nothing.",
    source: "StatefulSet documentation, partitioned rolling updates; upstream e2e [Conformance] canary updates",
    fix: "Build a pod at or above ordinals.start + partition from the update revision.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::Partition],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for creation in course.creations() {
                let reached = course
                    .epochs_before(creation.moment)
                    .all(|epoch| epoch.partition() > 0 && epoch.updates(creation.ordinal));
                let Some(right) = comes_back_wanted(&course, &creation).filter(|_| reached) else {
                    continue;
                };
                judge.expect(
                    right,
                    || {
                        format!(
                            "{}, at or above the partition, came back at the old revision {}",
                            creation.pod.name,
                            creation.state.revision.as_deref().unwrap_or("-")
                        )
                    },
                    came_back(&course, &creation),
                );
            }
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use history::Author;
    use serde_json::json;

    /// Pods 0 and 1 old and kept, pod 2 updated.
    fn canary() -> Story {
        Story::new()
            .set_with(
                "web",
                3,
                json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}}),
            )
            .revision("web-a")
            .ready_pods(3)
            .status(json!({"observedGeneration": 1, "currentRevision": "web-a", "updateRevision": "web-a"}))
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
            .status(json!({"observedGeneration": 2, "updateRevision": "web-b"}))
            .remove_pod("web-2")
            .pod("web-2")
            .ready()
            .wait(5_000)
    }

    #[test]
    fn below_comes_back_old_and_above_comes_back_new() {
        let lost = canary().delete_pod("web-0").by(Author::Harness).gone();
        lost.clone().use_revision("web-a").pod("web-0").keeps(&SS_PT_02);
        lost.clone()
            .pod("web-0")
            .breaks(&SS_PT_02, "web-0, below the partition, came back at web-b");
        // The status has moved on, which is wrong as well.
        lost.clone()
            .status(json!({"currentRevision": "web-b"}))
            .wait(5_000)
            .pod("web-0")
            .breaks(&SS_PT_02, "web-0, below the partition, came back at web-b");
        let lost = canary().delete_pod("web-2").by(Author::Harness).gone();
        lost.clone().pod("web-2").keeps(&SS_PT_03);
        lost.use_revision("web-a").pod("web-2").breaks(
            &SS_PT_03,
            "web-2, at or above the partition, came back at the old revision web-a",
        );
    }

    #[test]
    fn the_boundary_counts_from_the_first_ordinal() {
        let shifted = |ordinal: &str| {
            let patch = json!({"spec": {
                "ordinals": {"start": 5}, "updateStrategy": {"rollingUpdate": {"partition": 1}},
            }});
            Story::new()
                .set_with("web", 2, patch)
                .revision("web-a")
                .pod("web-5")
                .ready()
                .pod("web-6")
                .ready()
                .image("app:2")
                .revision("web-b")
                .status(json!({"currentRevision": "web-a", "updateRevision": "web-b"}))
                .wait(5_000)
                .delete_pod(ordinal)
                .by(Author::Harness)
                .gone()
                .pod(ordinal)
        };
        shifted("web-5").breaks(&SS_PT_02, "web-5");
        shifted("web-6").keeps(&SS_PT_03);
    }

    #[test]
    fn without_an_update_there_is_nothing_to_tell() {
        let quiet = Story::new()
            .set_with(
                "web",
                1,
                json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}}),
            )
            .revision("web-a")
            .ready_pods(1)
            .status(json!({"currentRevision": "web-a", "updateRevision": "web-a"}))
            .wait(5_000)
            .remove_pod("web-0")
            .pod("web-0");
        quiet.clone().does_not_exercise(&SS_PT_02);
        quiet.does_not_exercise(&SS_PT_03);
    }
}
