//! What stays below the partition.

use crate::rules::course::{Cause, Course, Decision, Epoch, Standing, courses};
use crate::rules::update::{advances, update_revision_moves};
use history::{Incarnation, Moment, Ordinal};
use judging::{Feature, Kind, Level, Profile, Rule};

/// Protected pods stay.
pub static SS_PT_01: Rule = Rule {
    id: "SS-PT-01",
    sentence: "An update never takes down a pod below the partition",
    why: "A canary is only a canary if the rest of the set is left alone.",
    source: "StatefulSet documentation, partitioned rolling updates; upstream e2e [Conformance] canary updates",
    fix: "Stop the update loop at ordinals.start + partition.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::Partition],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            // The update above the partition is done, and old pods below it are there to be taken by mistake.
            for stretch in course.stretches(ledger.patience().staleness()) {
                if stretch.picture.top_due.is_none() && stretch.picture.lowest_kept.is_some() {
                    judge.opportunity();
                }
            }
            for decision in course.decisions() {
                if let Some(epoch) = unprotected(&course, &decision) {
                    judge.opportunity();
                    judge.violation(
                        format!(
                            "{} was taken down although the partition {} keeps its ordinal at the old revision",
                            decision.pod.name,
                            epoch.partition()
                        ),
                        [epoch.from, decision.pod.added(), decision.moment],
                    );
                }
            }
        }
    },
};

/// An old pod that the partition keeps.
fn protected(course: &Course<'_>, index: usize) -> Option<Ordinal> {
    course.picture_at(index)?.lowest_kept
}

/// The epoch whose partition forbids a decision that nothing else explains.
fn unprotected<'c, 'a>(course: &'c Course<'a>, decision: &Decision<'_>) -> Option<&'c Epoch> {
    let epoch = course.epoch_at(course.just_before(decision.moment))?;
    let kept = course
        .epochs_before(decision.moment)
        .all(|epoch| epoch.keeps(decision.ordinal));
    let old = course.standing(decision.before, epoch) == Standing::Old;
    (decision.cause == Cause::Nothing && kept && old).then_some(epoch)
}

/// A partition above everything.
pub static SS_PT_04: Rule = Rule {
    id: "SS-PT-04",
    sentence: "With a partition at or above replicas no pod changes, yet the new revision is made and reported",
    why: "It is how an update is prepared without touching anything, and then released step by step.",
    source: "StatefulSet documentation, partitioned rolling updates; upstream e2e [Conformance] canary updates",
    fix: "Do not treat a partition at or above replicas as none. Make the revision and write status.updateRevision \
          whatever the partition is.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[Feature::Partition],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        let staged = |epoch: &Epoch| epoch.partition() > 0 && epoch.partition() >= epoch.spec.replicas;
        for course in courses(ledger) {
            let changed = course
                .epochs
                .iter()
                .filter(|epoch| epoch.new_template && staged(epoch));
            for epoch in changed {
                update_revision_moves(&course, epoch, judge);
            }
            for decision in course.decisions() {
                if let Some(epoch) = unprotected(&course, &decision).filter(|epoch| staged(epoch)) {
                    judge.opportunity();
                    judge.violation(
                        format!(
                            "{} was taken down although the partition {} is not below the {} replicas",
                            decision.pod.name,
                            epoch.partition(),
                            epoch.spec.replicas
                        ),
                        [epoch.from, decision.pod.added(), decision.moment],
                    );
                }
            }
        }
    },
};

/// The old revision stays current.
pub static SS_PT_07: Rule = Rule {
    id: "SS-PT-07",
    sentence: "While old pods are kept below the partition currentRevision stays, whatever fails or is recreated \
               meanwhile",
    why: "Lost pods below the partition are brought back at currentRevision. If it moves, the canary becomes a full \
          update by accident (k/k #119684).",
    source: "StatefulSet documentation, partitioned rolling updates; fixed upstream by PR 120731",
    fix: "Complete an update only when the updated pods are as many as spec.replicas (not status.replicas, which \
          drops when a pod is missing). Take currentRevision from the status, never compute it anew.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::Partition],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for epoch in course.epochs.iter().filter(|epoch| epoch.partition() > 0) {
                let reported = course.set.states.after(epoch.from.index);
                let written = reported.iter().any(|(moment, _)| *moment < epoch.until);
                if written && protected(&course, course.just_before(epoch.until)).is_some() {
                    judge.opportunity();
                }
            }
            for (moment, current) in advances(&course) {
                let legal = ledger.recently(moment, |index| kept_old(&course, index).is_none());
                let Some((ordinal, since)) = kept_old(&course, course.just_before(moment)) else {
                    continue;
                };
                if !legal {
                    judge.opportunity();
                    judge.violation(
                        format!(
                            "currentRevision became {current} although the partition keeps {} at the old revision",
                            course.name(ordinal)
                        ),
                        [since, moment],
                    );
                }
            }
        }
    },
};

/// An ordinal below the partition whose pod is old, or was at some time since the spec was written: the partition keeps
/// it at that revision even if it came back at another one.
fn kept_old(course: &Course<'_>, index: usize) -> Option<(Ordinal, Moment)> {
    let epoch = course.epoch_at(index)?;
    let asked = epoch.from.index;
    let lived =
        |pod: &&Incarnation| pod.added().index <= index && pod.gone.is_none_or(|gone| gone.index > asked);
    course
        .ordinals()
        .filter(|ordinal| epoch.keeps(*ordinal))
        .find_map(|ordinal| {
            let mut lives = course.incarnations(ordinal).filter(lived);
            lives.find_map(|pod| {
                let (moment, state) = pod.states.at(index)?;
                (course.standing(state, epoch) == Standing::Old).then_some((ordinal, *moment))
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use history::Author;
    use serde_json::json;

    /// Three Ready pods, a partition, and a new template.
    fn canary(partition: u32) -> Story {
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
    }

    #[test]
    fn a_canary_stops_at_the_partition() {
        let done = canary(2).remove_pod("web-2").pod("web-2").ready().wait(5_000);
        done.clone().keeps(&SS_PT_01);
        done.remove_pod("web-1")
            .breaks(&SS_PT_01, "web-1 was taken down although the partition 2");
    }

    #[test]
    fn what_is_lost_below_the_partition_is_no_update() {
        canary(2)
            .delete_pod("web-0")
            .by(Author::Harness)
            .does_not_exercise(&SS_PT_01);
        canary(2)
            .on("web-0")
            .failed()
            .delete_pod("web-0")
            .does_not_exercise(&SS_PT_01);
        canary(2)
            .scale(1)
            .remove_pod("web-2")
            .remove_pod("web-1")
            .does_not_exercise(&SS_PT_01);
    }

    #[test]
    fn a_partition_above_everything_prepares_the_update() {
        canary(3).wait(30_000).keeps(&SS_PT_04);
        canary(5)
            .wait(5_000)
            .remove_pod("web-2")
            .breaks(&SS_PT_04, "the partition 5 is not below the 3 replicas");
        let silent = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 3}}}});
        Story::new()
            .set_with("web", 3, silent)
            .revision("web-a")
            .ready_pods(3)
            .status(json!({"observedGeneration": 1, "currentRevision": "web-a", "updateRevision": "web-a"}))
            .image("app:2")
            .wait(30_000)
            .stalls(&SS_PT_04, "updateRevision");
        canary(2).wait(30_000).does_not_exercise(&SS_PT_04);
    }

    #[test]
    fn current_revision_stays_while_a_pod_below_is_briefly_missing() {
        let lost = canary(1)
            .remove_pod("web-2")
            .pod("web-2")
            .ready()
            .remove_pod("web-1")
            .pod("web-1")
            .ready()
            .wait(5_000)
            .delete_pod("web-0")
            .by(Author::Harness)
            .gone()
            .wait(5_000)
            .status(json!({"replicas": 2, "updatedReplicas": 2}));
        lost.clone()
            .use_revision("web-a")
            .pod("web-0")
            .ready()
            .wait(100)
            .status(json!({"replicas": 3}))
            .keeps(&SS_PT_07);
        lost.status(json!({"currentRevision": "web-b"})).breaks(
            &SS_PT_07,
            "currentRevision became web-b although the partition keeps web-0",
        );
    }

    #[test]
    fn without_a_partition_current_revision_may_move() {
        canary(0)
            .status(json!({"currentRevision": "web-b"}))
            .does_not_exercise(&SS_PT_07);
    }
}
