//! Pods that an update leaves alone, and what lost pods come back as.

use crate::rules::course::{Cause, Course, Creation, Decision, Epoch, Standing, courses};
use history::Ledger;
use judging::{Kind, Level, Profile, Rule};

/// Updated pods stay.
pub static SS_RU_05: Rule = Rule {
    id: "SS-RU-05",
    sentence: "While an update runs, no pod that is at the new revision and Ready is taken down",
    why: "Each restart of a member costs a failover or a resync. An update, also one that goes back, restarts each \
          pod at most once.",
    source: "reference implementation: only pods at another revision are deleted",
    fix: "Compare the revision label of the pod with the update revision before deleting it. After a revert, only the \
          pods that were changed have to go.",
    profile: Profile::Update,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for decision in course.decisions() {
                let before = course.just_before(decision.moment);
                let Some(epoch) = course.epoch_at(before).filter(|_| rolling(&course, before)) else {
                    continue;
                };
                if decision.cause == Cause::Update && has_updated(&course, before) {
                    judge.opportunity();
                }
                if needless(ledger, &course, &decision) {
                    judge.opportunity();
                    judge.violation(
                        format!(
                            "{} was Ready and already at revision {} when it was taken down in the middle of an update",
                            decision.pod.name,
                            decision.before.revision.as_deref().unwrap_or("-")
                        ),
                        [epoch.from, decision.pod.added(), decision.moment],
                    );
                }
            }
        }
    },
};

/// Whether some pod still waits for the update.
fn rolling(course: &Course<'_>, index: usize) -> bool {
    course.top_due(index).is_some()
}

/// Whether some pod is Healthy at the wanted revision.
fn has_updated(course: &Course<'_>, index: usize) -> bool {
    course
        .picture_at(index)
        .is_some_and(|picture| picture.wanted_healthy > 0)
}

/// Nothing explains the decision: the pod was Ready a moment ago, in range, and at a revision that was wanted all
/// the time. (An unready pod that is taken down is the business of SS-REP-05.)
fn needless(ledger: &Ledger, course: &Course<'_>, decision: &Decision<'_>) -> bool {
    let since = decision.moment.at.before(ledger.patience().staleness());
    decision.cause == Cause::Nothing
        && decision
            .pod
            .states
            .within(since, decision.moment.index)
            .any(|(_, state)| state.healthy())
        && course
            .epochs_before(decision.moment)
            .all(|epoch| course.standing(decision.before, epoch) == Standing::Wanted)
}

/// No change, no restart.
pub static SS_RU_06: Rule = Rule {
    id: "SS-RU-06",
    sentence: "Without a template change no healthy pod is restarted: not by scaling, a change of strategy or \
               metadata, a no-op apply or a restart of the controller",
    why: "Scaling a database must not restart it, and neither must an upgrade of its controller.",
    source: "StatefulSet documentation: an update is triggered by a change of spec.template only",
    fix: "Derive the revision from spec.template alone, and compare it with the revision label of the pod; never \
          compare the live pod or the whole spec.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for pair in course.epochs.windows(2) {
                let [_, epoch] = pair else { continue };
                let before = course.just_before(epoch.from);
                let watched = !epoch.new_template && epoch.lasted() > ledger.patience().staleness();
                if watched && !rolling(&course, before) && has_updated(&course, before) {
                    judge.opportunity();
                }
            }
            for decision in course.decisions() {
                let before = course.just_before(decision.moment);
                let Some(epoch) = course.epoch_at(before) else {
                    continue;
                };
                if !rolling(&course, before) && needless(ledger, &course, &decision) {
                    judge.opportunity();
                    judge.violation(
                        format!(
                            "{} was Ready and at the wanted revision {}, and was taken down although nothing asked \
                             for it",
                            decision.pod.name,
                            decision.before.revision.as_deref().unwrap_or("-")
                        ),
                        [epoch.from, decision.pod.added(), decision.moment],
                    );
                }
            }
        }
    },
};

/// Lost pods come back updated.
pub static SS_RU_12: Rule = Rule {
    id: "SS-RU-12",
    sentence: "A pod lost in the middle of an update without a partition comes back at the new revision",
    why: "A pod that comes back old has to be restarted a second time, and undoes what the update had reached.",
    source: "reference implementation; API text of rollingUpdate.partition",
    fix: "Choose the revision of a new pod by its ordinal and the partition alone: at or above it the update revision.",
    profile: Profile::Update,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for creation in course.creations() {
                let free = |epoch: &Epoch| epoch.spec.rolling_update && epoch.partition() == 0;
                if !course.epochs_before(creation.moment).all(free) {
                    continue;
                }
                let Some(right) = comes_back_wanted(&course, &creation) else {
                    continue;
                };
                if lost(&course, &creation) {
                    judge.opportunity();
                }
                if !right {
                    judge.violation(
                        format!(
                            "{} came back at the old revision {} in the middle of an update without a partition",
                            creation.pod.name,
                            creation.state.revision.as_deref().unwrap_or("-")
                        ),
                        came_back(&course, &creation),
                    );
                }
            }
        }
    },
};

/// Whether the former pod was not taken down by the update itself.
fn lost(course: &Course<'_>, creation: &Creation<'_>) -> bool {
    creation.former.is_some_and(|former| {
        course
            .decision(former)
            .is_none_or(|decision| decision.cause != Cause::Update)
    })
}

/// The events that tell how a pod came back.
pub(in crate::rules) fn came_back(course: &Course<'_>, creation: &Creation<'_>) -> Vec<history::Moment> {
    let change = course
        .epoch_at(course.just_before(creation.moment))
        .map(|epoch| epoch.from);
    let former = creation.former.and_then(|former| former.deletion.as_ref());
    change
        .into_iter()
        .chain(former.map(|deletion| deletion.moment))
        .chain([creation.moment])
        .collect()
}

/// Whether a replacement is at a revision that was wanted in the staleness window. `None` if that cannot be told, or
/// if there was no other revision it could have come back at.
pub(in crate::rules) fn comes_back_wanted(course: &Course<'_>, creation: &Creation<'_>) -> Option<bool> {
    creation.former?;
    let before = course.just_before(creation.moment);
    let epoch = course.epoch_at(before)?;
    let status = course.status_at(before)?;
    let current = status.current_revision.as_deref()?;
    if epoch.wanted.is_empty() || epoch.wants(current) {
        return None;
    }
    let standings: Vec<Standing> = course
        .epochs_before(creation.moment)
        .map(|epoch| course.standing(creation.state, epoch))
        .collect();
    match () {
        () if standings.contains(&Standing::Wanted) => Some(true),
        () if standings.contains(&Standing::Old) => Some(false),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use history::Author;
    use serde_json::json;

    fn settled() -> Story {
        Story::new()
            .set("web", 3)
            .revision("web-a")
            .ready_pods(3)
            .status(json!({"observedGeneration": 1, "currentRevision": "web-a", "updateRevision": "web-a"}))
            .wait(5_000)
    }

    fn half_way() -> Story {
        settled()
            .image("app:2")
            .revision("web-b")
            .remove_pod("web-2")
            .pod("web-2")
            .ready()
            .status(json!({"observedGeneration": 2, "updateRevision": "web-b"}))
            .wait(5_000)
    }

    #[test]
    fn an_updated_pod_is_left_alone() {
        half_way().remove_pod("web-1").keeps(&SS_RU_05);
        half_way()
            .remove_pod("web-2")
            .breaks(&SS_RU_05, "web-2 was Ready and already at revision web-b");
        settled().remove_pod("web-2").does_not_exercise(&SS_RU_05);
    }

    #[test]
    fn a_revert_takes_down_only_what_was_changed() {
        let reverted = half_way().image("app:1").wait(5_000);
        reverted.clone().remove_pod("web-2").does_not_exercise(&SS_RU_06);
        reverted
            .remove_pod("web-1")
            .breaks(&SS_RU_05, "web-1 was Ready and already at revision web-a");
    }

    #[test]
    fn scaling_restarts_nothing() {
        let scaled = settled().scale(4).wait(5_000);
        scaled.clone().keeps(&SS_RU_06);
        scaled
            .remove_pod("web-0")
            .breaks(&SS_RU_06, "web-0 was Ready and at the wanted revision web-a");
    }

    #[test]
    fn failed_condemned_and_foreign_deletions_are_explained() {
        settled()
            .scale(2)
            .remove_pod("web-2")
            .wait(100)
            .does_not_exercise(&SS_RU_06);
        settled()
            .on("web-1")
            .failed()
            .remove_pod("web-1")
            .does_not_exercise(&SS_RU_06);
        settled()
            .delete_pod("web-1")
            .by(Author::Harness)
            .does_not_exercise(&SS_RU_06);
        settled()
            .on("web-1")
            .modify(json!({"status": {"conditions": [
                {"type": "Ready", "status": "True"}, {"type": "DisruptionTarget", "status": "True"},
            ]}}))
            .remove_pod("web-1")
            .does_not_exercise(&SS_RU_06);
    }

    #[test]
    fn a_pod_lost_half_way_comes_back_new() {
        let lost = half_way().delete_pod("web-2").by(Author::Harness).gone();
        lost.clone().pod("web-2").keeps(&SS_RU_12);
        lost.use_revision("web-a")
            .pod("web-2")
            .breaks(&SS_RU_12, "web-2 came back at the old revision web-a");
        settled()
            .delete_pod("web-2")
            .by(Author::Harness)
            .gone()
            .pod("web-2")
            .does_not_exercise(&SS_RU_12);
    }
}
