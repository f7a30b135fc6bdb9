//! Updates that have to reach pods which are broken.

use crate::rules::course::{Course, Stretch, courses};
use history::{ManagementPolicy, Moment, Ordinal};
use judging::{Feature, Kind, Level, Profile, Rule};
use std::time::Duration;

/// A way out of a bad version.
pub static SS_PAR_07: Rule = Rule {
    id: "SS-PAR-07",
    sentence: "Under Parallel an update replaces old pods that are not Ready, without waiting for them to become so",
    why: "A version that cannot start is mended by the next one, unless the controller waits for the broken pods first; \
          then somebody has to delete each of them by hand.",
    source: "k/k #67250, #137409: so since 1.7, broken in 1.35.0, mended since",
    fix: "Before an update takes the next pod down, wait only for pods that are at the new revision. An old pod that is \
          not Ready is a reason to replace it, not to wait.",
    profile: Profile::Update,
    level: Level::Should,
    kind: Kind::Liveness,
    needs: &[Feature::Parallel],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for decision in course.update_decisions() {
                let before = course.just_before(decision.moment);
                if is_parallel(&course, before) && !decision.before.healthy() {
                    judge.opportunity();
                }
            }
            for stretch in course.stretches(ledger.patience().reaction()) {
                let Some((due, since)) = trapped(&course, &stretch) else {
                    continue;
                };
                judge.opportunity();
                judge.stall(
                    format!(
                        "{} is at an old revision and not Ready, nothing is in its way, yet for {} s it was not updated",
                        course.name(due),
                        stretch.lasted().as_secs()
                    ),
                    since.into_iter().chain([stretch.from, stretch.until]),
                );
            }
        }
    },
};

/// Whether members are scaled all at once and updated one at a time.
fn is_parallel(course: &Course<'_>, index: usize) -> bool {
    course
        .epoch_at(index)
        .is_some_and(|epoch| epoch.spec.policy == ManagementPolicy::Parallel)
        && course.serial_at(index)
}

/// The broken pod whose turn it was all the time, and since when it was as it is.
fn trapped(course: &Course<'_>, stretch: &Stretch<'_>) -> Option<(Ordinal, Option<Moment>)> {
    let index = stretch.from.index;
    let due = stretch.picture.top_due?;
    let epoch = course.epoch_at(index)?;
    let whole =
        stretch.picture.outside == 0 && u32::try_from(stretch.picture.members) == Ok(epoch.spec.replicas);
    let (_, state) = course.at(due, index)?;
    // A pod that is down at the new revision, wherever it is, may be what the update waits for.
    let free = is_parallel(course, index) && stretch.picture.highest_down.is_none();
    let bound =
        course.ledger.patience().reaction() + Duration::from_secs(epoch.spec.min_ready_seconds.into());
    (whole && free && !state.healthy() && !state.terminating && stretch.lasted() >= bound)
        .then(|| (due, course.since(due, index)))
        .filter(|_| !course.reported_in("FailedDelete", stretch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    /// Two pods that never became Ready, and a version that would mend them.
    fn broken(policy: &str) -> Story {
        Story::new()
            .set_with("web", 2, json!({"spec": {"podManagementPolicy": policy}}))
            .revision("web-a")
            .pod("web-0")
            .running()
            .pod("web-1")
            .running()
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
    }

    #[test]
    fn a_broken_version_is_replaced_by_the_next() {
        let mended = broken("Parallel").remove_pod("web-1").pod("web-1").ready();
        mended.clone().remove_pod("web-0").pod("web-0").keeps(&SS_PAR_07);
        mended
            .wait(20_000)
            .stalls(&SS_PAR_07, "web-0 is at an old revision and not Ready");
        broken("Parallel")
            .wait(20_000)
            .stalls(&SS_PAR_07, "web-1 is at an old revision and not Ready");
        broken("Parallel").wait(5_000).does_not_exercise(&SS_PAR_07);
    }

    #[test]
    fn a_new_pod_that_is_not_ready_is_waited_for() {
        broken("Parallel")
            .remove_pod("web-1")
            .pod("web-1")
            .running()
            .wait(20_000)
            .keeps(&SS_PAR_07);
    }

    #[test]
    fn a_lower_pod_may_be_what_is_waited_for() {
        broken("Parallel")
            .remove_pod("web-0")
            .pod("web-0")
            .running()
            .wait(20_000)
            .keeps(&SS_PAR_07);
    }

    #[test]
    fn ordered_sets_may_wait() {
        broken("OrderedReady").wait(20_000).does_not_exercise(&SS_PAR_07);
    }
}
