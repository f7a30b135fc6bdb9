//! `spec.ordinals.start`: ranges that do not begin at zero (specification 1.13).

use crate::rules::course::{Cause, Course, Creation, courses};
use crate::rules::window::Window;
use history::{ManagementPolicy, Ordinal};
use judging::{Feature, Kind, Level, Profile, Rule};

/// The rules of this area.
pub static RULES: &[&Rule] = &[&SS_SO_01, &SS_SO_02];

/// Begin there.
pub static SS_SO_01: Rule = Rule {
    id: "SS-SO-01",
    sentence: "With ordinals.start the pods are start to start + replicas - 1, made upwards and removed downwards",
    why: "Moving a set between clusters pod by pod rests on it.",
    source: "StatefulSet documentation, start ordinal; upstream e2e \"Setting .start.ordinal\"",
    fix: "Add ordinals.start wherever an ordinal is counted from zero.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[Feature::StartOrdinal],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for creation in course.creations() {
                let shifted = course
                    .epochs_before(creation.moment)
                    .all(|epoch| epoch.spec.start > 0);
                if !shifted {
                    continue;
                }
                let inside = course
                    .epochs_before(creation.moment)
                    .any(|epoch| epoch.spec.in_range(creation.ordinal));
                let gap = lower_missing(&course, &creation);
                judge.expect(
                    inside && gap.is_none(),
                    || match gap {
                        Some(lower) if inside => {
                            format!("{} was created before {}", creation.pod.name, course.name(lower))
                        }
                        _ => format!("{} was created outside the range", creation.pod.name),
                    },
                    [course.set.added(), creation.moment],
                );
            }
            for decision in course
                .decisions()
                .filter(|decision| decision.cause == Cause::Scale)
            {
                let before = course.just_before(decision.moment);
                let ordered = |index| {
                    course.epoch_at(index).is_some_and(|epoch| {
                        epoch.spec.start > 0 && epoch.spec.policy == ManagementPolicy::OrderedReady
                    })
                };
                let Some(higher) =
                    higher_condemned(&course, decision.ordinal, before).filter(|_| ordered(before))
                else {
                    continue;
                };
                let legal = ledger.recently(decision.moment, |index| {
                    !ordered(index) || higher_condemned(&course, decision.ordinal, index).is_none()
                });
                let window = Window::before(ledger, course.set, decision.moment);
                // Sets and pods come by watches of their own.
                let looked_open = course.epochs_before(decision.moment).any(|epoch| {
                    course
                        .ordinals()
                        .filter(|other| *other > decision.ordinal && !epoch.spec.in_range(*other))
                        .all(|other| window.missing(other))
                });
                if !legal && !looked_open {
                    judge.opportunity();
                    judge.violation(
                        format!(
                            "{} was removed before {} above it",
                            decision.pod.name,
                            course.name(higher)
                        ),
                        course.since(higher, before).into_iter().chain([decision.moment]),
                    );
                }
            }
            for epoch in course.epochs.iter().filter(|epoch| epoch.spec.start > 0) {
                if let Some((stretch, ordinal)) = course.range_missed(epoch) {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "the range begins at {}, and for {} s nothing was done about {}",
                            epoch.spec.start,
                            stretch.lasted().as_secs(),
                            course.name(ordinal)
                        ),
                        [epoch.from, stretch.from, stretch.until],
                    );
                }
            }
        }
    },
};

/// A lower wanted ordinal that had no pod in any state of the staleness window, under OrderedReady.
fn lower_missing(course: &Course<'_>, creation: &Creation<'_>) -> Option<Ordinal> {
    let missing = |index: usize| {
        let epoch = course.epoch_at(index)?;
        if epoch.spec.policy != ManagementPolicy::OrderedReady || !epoch.spec.in_range(creation.ordinal) {
            return None;
        }
        (epoch.spec.start..creation.ordinal.0)
            .map(Ordinal)
            .find(|lower| course.at(*lower, index).is_none())
    };
    let legal = course
        .ledger
        .recently(creation.moment, |index| missing(index).is_none());
    missing(course.just_before(creation.moment)).filter(|_| !legal)
}

/// A higher pod outside the range that nobody has decided on yet.
fn higher_condemned(course: &Course<'_>, ordinal: Ordinal, index: usize) -> Option<Ordinal> {
    let epoch = course.epoch_at(index)?;
    course
        .all_at(index)
        .filter(|(higher, _, state)| *higher > ordinal && !state.terminating)
        .map(|(higher, _, _)| higher)
        .find(|higher| !epoch.spec.in_range(*higher))
}

/// Moving it.
pub static SS_SO_02: Rule = Rule {
    id: "SS-SO-02",
    sentence: "Changing ordinals.start makes the pods that are new in the range, removes those outside, and leaves the \
               others alone",
    why: "A migration moves one member at a time; the members that stay must not restart.",
    source: "StatefulSet documentation, start ordinal; upstream e2e \"Increasing/Decreasing .start.ordinal\"",
    fix: "Compare each pod's ordinal with the new range; a pod that is in both ranges needs nothing.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[Feature::StartOrdinal],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for pair in course.epochs.windows(2) {
                let [before, epoch] = pair else { continue };
                if before.spec.start == epoch.spec.start {
                    continue;
                }
                for decision in course.decisions() {
                    let inside = (epoch.from..epoch.until).contains(&decision.moment);
                    let unexplained = course.explanation(decision.pod) == Some(Cause::Nothing);
                    let both =
                        before.spec.in_range(decision.ordinal) && epoch.spec.in_range(decision.ordinal);
                    if inside && both && unexplained && decision.before.healthy() {
                        judge.opportunity();
                        judge.violation(
                            format!(
                                "ordinals.start became {}, and {}, which is in both ranges, was taken down",
                                epoch.spec.start, decision.pod.name
                            ),
                            [epoch.from, decision.moment],
                        );
                    }
                }
                if course.range_reached(epoch).is_some() {
                    judge.opportunity();
                } else if let Some((stretch, ordinal)) = course.range_missed(epoch) {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "ordinals.start became {}, and for {} s nothing was done about {}",
                            epoch.spec.start,
                            stretch.lasted().as_secs(),
                            course.name(ordinal)
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

    fn shifted() -> Story {
        Story::new()
            .set_with("web", 2, json!({"spec": {"ordinals": {"start": 5}}}))
            .revision("web-a")
            .wait(5_000)
    }

    #[test]
    fn the_range_begins_at_start() {
        shifted()
            .pod("web-5")
            .ready()
            .pod("web-6")
            .ready()
            .keeps(&SS_SO_01);
        shifted()
            .pod("web-0")
            .breaks(&SS_SO_01, "web-0 was created outside the range");
        shifted()
            .pod("web-6")
            .breaks(&SS_SO_01, "web-6 was created before web-5");
        shifted()
            .pod("web-5")
            .ready()
            .wait(30_000)
            .stalls(&SS_SO_01, "nothing was done about web-6");
        let scaled = shifted()
            .pod("web-5")
            .ready()
            .pod("web-6")
            .ready()
            .scale(0)
            .wait(5_000);
        scaled
            .clone()
            .delete_pod("web-6")
            .gone()
            .delete_pod("web-5")
            .keeps(&SS_SO_01);
        scaled
            .delete_pod("web-5")
            .breaks(&SS_SO_01, "web-5 was removed before web-6");
        Story::new()
            .set("web", 1)
            .pod("web-0")
            .does_not_exercise(&SS_SO_01);
    }

    #[test]
    fn moving_the_start_moves_only_the_ends() {
        let moved = || {
            Story::new()
                .set("web", 2)
                .revision("web-a")
                .ready_pods(2)
                .wait(5_000)
                .change(json!({"spec": {"ordinals": {"start": 1}}}))
        };
        moved().pod("web-2").ready().remove_pod("web-0").keeps(&SS_SO_02);
        moved()
            .wait(5_000)
            .delete_pod("web-1")
            .breaks(&SS_SO_02, "web-1, which is in both ranges");
        moved()
            .wait(30_000)
            .stalls(&SS_SO_02, "nothing was done about web-2");
        moved().wait(1_000).does_not_exercise(&SS_SO_02);
    }
}
