//! The counters.

use crate::rules::course::{Course, Picture, Stretch, courses};
use history::{Ledger, Status};
use judging::{Feature, Judge, Kind, Level, Profile, Rule};
use std::time::Duration;

/// What a counter ought to be, and what it is.
struct Count {
    is: i64,
    ought: i64,
}

/// Looks at every stretch in which the members did not change: at its end the counter has to be right. What was right
/// all the time in a short stretch shows nothing.
fn counts(
    ledger: &Ledger,
    judge: &mut Judge<'_>,
    name: &str,
    count: impl Fn(&Course<'_>, &Stretch<'_>, &Status) -> Option<Count>,
) {
    for course in courses(ledger) {
        for stretch in course.stretches(Duration::ZERO) {
            let status = |index: usize| {
                let reported = course.set.states.at(index);
                reported.filter(|(_, state)| state.status.present)
            };
            let Some((written, last)) = status(course.just_before(stretch.until)) else {
                continue;
            };
            let long = stretch.lasted() >= ledger.patience().reaction();
            let changed = *written > stretch.from;
            if !long && !changed {
                continue;
            }
            let Some(found) = count(&course, &stretch, &last.status) else {
                continue;
            };
            let right = found.is == found.ought;
            let was_right = status(stretch.from.index)
                .and_then(|(_, first)| count(&course, &stretch, &first.status))
                .is_some_and(|first| first.is == first.ought);
            if long || (right && !was_right) {
                judge.opportunity();
            }
            if long && !right {
                judge.stall(
                    format!(
                        "{name} is {} and ought to be {}; nothing moved for {} s",
                        found.is,
                        found.ought,
                        stretch.lasted().as_secs()
                    ),
                    [stretch.from, stretch.until, *written],
                );
            }
        }
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// All pods.
pub static SS_ST_03: Rule = Rule {
    id: "SS-ST-03",
    sentence: "At rest status.replicas is the number of the set's pods, terminating ones included",
    why: "Autoscalers and the scale subresource read it.",
    source: "upstream e2e [Conformance] scaling tests wait on it",
    fix: "Count the pods that the set controls, whatever their state, at every pod event.",
    profile: Profile::Status,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        counts(ledger, judge, "status.replicas", |_, stretch, status| {
            Some(Count {
                is: status.replicas,
                ought: number(stretch.picture.members),
            })
        });
    },
};

/// Ready pods.
pub static SS_ST_04: Rule = Rule {
    id: "SS-ST-04",
    sentence: "At rest status.readyReplicas is the number of pods that are Running with condition Ready; Running alone \
               does not count",
    why: "It is what people look at to see whether the set serves.",
    source: "upstream e2e [Conformance] scaling tests wait on it",
    fix: "Count pods in phase Running whose condition Ready is True (terminating ones may be included, as the \
          reference does).",
    profile: Profile::Status,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        counts(ledger, judge, "status.readyReplicas", |_, stretch, status| {
            let Picture { ready, healthy, .. } = *stretch.picture;
            // The documentation leaves open whether terminating pods count.
            let ought = if status.ready == number(healthy) {
                healthy
            } else {
                ready
            };
            Some(Count {
                is: status.ready,
                ought: number(ought),
            })
        });
    },
};

/// Available pods.
pub static SS_ST_05: Rule = Rule {
    id: "SS-ST-05",
    sentence: "status.availableReplicas counts pods that have been Ready for minReadySeconds, and rises by itself when \
               the time has passed",
    why: "minReadySeconds exists to catch members that become Ready and fall over; a counter that ignores it hides \
          them.",
    source: "upstream e2e \"AvailableReplicas should get updated accordingly when MinReadySeconds is enabled\"",
    fix: "Compare the Ready condition's lastTransitionTime with the clock, and come back when the time has passed.",
    profile: Profile::Status,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[Feature::MinReadySeconds],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger) {
            too_early(ledger, &course, judge);
        }
        let name = "status.availableReplicas";
        counts(ledger, judge, name, |course, stretch, status| {
            let delay = course.epoch_at(stretch.from.index)?.spec.min_ready_seconds;
            let due = Duration::from_secs(delay.into()) + ledger.patience().reaction();
            let Picture { ready, healthy, .. } = *stretch.picture;
            (delay > 0 && ready == healthy && stretch.lasted() >= due).then(|| Count {
                is: status.available,
                ought: number(ready),
            })
        });
    },
};

/// Half a second of rounding in lastTransitionTime on either side, and the time an event takes.
const SLACK: Duration = Duration::from_secs(2);

/// A status may not count more pods than can have been Ready for long enough.
fn too_early(ledger: &Ledger, course: &Course<'_>, judge: &mut Judge<'_>) {
    for (moment, status) in course.set.status_changes() {
        let shortest = course
            .epochs_before(moment)
            .map(|epoch| Duration::from_secs(epoch.spec.min_ready_seconds.into()))
            .min()
            .unwrap_or_default();
        if shortest <= SLACK || course.ending.is_some_and(|ending| ending <= moment) {
            continue;
        }
        let latest = moment.at.before(shortest - SLACK);
        let since = moment.at.before(ledger.patience().staleness());
        let long_ready = course
            .all()
            .filter(|(_, pod)| {
                let entries = pod.states.entries();
                let before = entries.partition_point(|(at, _)| at.index < moment.index);
                let seen = entries.get(..before).unwrap_or_default();
                let alive = pod.gone.is_none_or(|gone| gone.at >= since);
                let unready = seen.iter().rposition(|(_, state)| !state.ready);
                let ready_from = seen
                    .get(unready.map_or(0, |place| place + 1))
                    .map(|(at, state)| pod.ready_from(*at, state));
                let was_ready = seen
                    .iter()
                    .rev()
                    .take_while(|(at, _)| at.at >= since)
                    .any(|(_, state)| !state.ready);
                alive && (ready_from.is_some_and(|from| from <= latest) || was_ready)
            })
            .count();
        if status.available > 0 {
            judge.expect(
                status.available <= number(long_ready),
                || {
                    format!(
                        "availableReplicas is {}, and only {long_ready} pods can have been Ready for {} s",
                        status.available,
                        shortest.as_secs()
                    )
                },
                [course.set.added(), moment],
            );
        }
    }
}

/// Pods by revision.
pub static SS_ST_06: Rule = Rule {
    id: "SS-ST-06",
    sentence: "At rest currentReplicas and updatedReplicas are the numbers of pods at the current and at the update \
               revision, terminating ones excluded",
    why: "`kubectl rollout status` tells progress by them.",
    source: "upstream e2e on partition 1; k/k #52653, #76748, #121397",
    fix: "Count by the pods' revision label at every sync; when both revisions are the same, both counters are.",
    profile: Profile::Status,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        counts(
            ledger,
            judge,
            "status.currentReplicas",
            |course, stretch, status| {
                let revision = status.current_revision.as_deref()?;
                Some(Count {
                    is: status.current,
                    ought: number(course.alive_at(stretch.picture, revision)?),
                })
            },
        );
        counts(
            ledger,
            judge,
            "status.updatedReplicas",
            |course, stretch, status| {
                let revision = status.update_revision.as_deref()?;
                Some(Count {
                    is: status.updated,
                    ought: number(course.alive_at(stretch.picture, revision)?),
                })
            },
        );
    },
};

/// Sane numbers.
pub static SS_ST_07: Rule = Rule {
    id: "SS-ST-07",
    sentence: "No counter is negative, and none is above status.replicas",
    why: "The API server refuses such a status, and a controller that computes one retries for ever.",
    source: "validation of StatefulSetStatus by the API server",
    fix: "Count instead of adding and subtracting.",
    profile: Profile::Status,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for (moment, status) in course.set.status_changes() {
                let counters = [
                    ("readyReplicas", status.ready),
                    ("currentReplicas", status.current),
                    ("updatedReplicas", status.updated),
                    ("availableReplicas", status.available),
                ];
                let wrong = counters
                    .into_iter()
                    .find(|(_, count)| !(0..=status.replicas).contains(count));
                if status.present {
                    judge.expect(
                        wrong.is_none(),
                        || {
                            let (name, count) = wrong.unwrap_or_default();
                            format!("status.{name} is {count} with {} replicas", status.replicas)
                        },
                        [course.set.added(), moment],
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

    fn status(replicas: i64, ready: i64, current: i64, updated: i64) -> serde_json::Value {
        json!({
            "observedGeneration": 1, "currentRevision": "web-a", "updateRevision": "web-a",
            "replicas": replicas, "readyReplicas": ready, "currentReplicas": current, "updatedReplicas": updated,
        })
    }

    fn two() -> Story {
        Story::new().set("web", 2).revision("web-a").ready_pods(2)
    }

    #[test]
    fn replicas_are_all_pods() {
        two().status(status(2, 2, 2, 2)).wait(20_000).keeps(&SS_ST_03);
        two()
            .status(status(1, 1, 1, 1))
            .wait(20_000)
            .stalls(&SS_ST_03, "status.replicas is 1 and ought to be 2");
        let leaving = two().status(status(2, 2, 2, 2)).delete_pod("web-1");
        leaving.clone().wait(20_000).keeps(&SS_ST_03);
        leaving
            .status(status(1, 1, 1, 1))
            .wait(20_000)
            .stalls(&SS_ST_03, "ought to be 2");
        two().wait(1_000).does_not_exercise(&SS_ST_03);
    }

    #[test]
    fn running_alone_is_not_ready() {
        let held = two().on("web-1").unready();
        held.clone()
            .status(status(2, 1, 2, 2))
            .wait(20_000)
            .keeps(&SS_ST_04);
        held.status(status(2, 2, 2, 2))
            .wait(20_000)
            .stalls(&SS_ST_04, "status.readyReplicas is 2 and ought to be 1");
    }

    #[test]
    fn a_terminating_pod_that_is_ready_may_count_or_not() {
        let leaving = || two().delete_pod("web-1");
        leaving().status(status(2, 2, 1, 1)).wait(20_000).keeps(&SS_ST_04);
        leaving().status(status(2, 1, 1, 1)).wait(20_000).keeps(&SS_ST_04);
        leaving()
            .status(status(2, 0, 1, 1))
            .wait(20_000)
            .stalls(&SS_ST_04, "is 0");
    }

    #[test]
    fn pods_count_by_their_revision_unless_they_terminate() {
        two().status(status(2, 2, 2, 2)).wait(20_000).keeps(&SS_ST_06);
        two()
            .status(status(2, 2, 2, 0))
            .wait(20_000)
            .stalls(&SS_ST_06, "status.updatedReplicas is 0 and ought to be 2");
        two()
            .delete_pod("web-1")
            .status(status(2, 2, 2, 2))
            .wait(20_000)
            .stalls(&SS_ST_06, "ought to be 1");
    }

    #[test]
    fn counters_stay_within_replicas() {
        two().status(status(2, 2, 2, 2)).keeps(&SS_ST_07);
        two()
            .status(status(2, 3, 2, 2))
            .breaks(&SS_ST_07, "status.readyReplicas is 3 with 2 replicas");
        two()
            .status(status(2, 2, -1, 2))
            .breaks(&SS_ST_07, "currentReplicas is -1");
        two().does_not_exercise(&SS_ST_07);
    }

    fn slow() -> Story {
        Story::new()
            .set_with("web", 1, json!({"spec": {"minReadySeconds": 10}}))
            .revision("web-a")
            .ready_pods(1)
            .status(status(1, 1, 1, 1))
    }

    fn available(count: i64) -> serde_json::Value {
        json!({"availableReplicas": count})
    }

    #[test]
    fn available_means_ready_for_long_enough() {
        slow()
            .wait(10_000)
            .status(available(1))
            .wait(30_000)
            .keeps(&SS_ST_05);
        slow()
            .wait(3_000)
            .status(available(1))
            .breaks(&SS_ST_05, "only 0 pods can have been Ready for 10 s");
        Story::new()
            .set_with("web", 1, json!({"spec": {"minReadySeconds": 10}}))
            .pod("web-0")
            .running()
            .wait(5_000)
            .ready_told_late(9_000)
            .status(status(1, 1, 1, 1))
            .wait(500)
            .status(available(1))
            .keeps(&SS_ST_05);
        slow()
            .wait(40_000)
            .note("step", "on")
            .stalls(&SS_ST_05, "availableReplicas is 0 and ought to be 1");
        two()
            .status(status(2, 2, 2, 2))
            .wait(20_000)
            .does_not_exercise(&SS_ST_05);
    }
}
