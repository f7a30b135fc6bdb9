//! Ready for long enough.

use crate::rules::{acts::members_created, gates::span, window::Window};
use history::{Elapsed, Incarnation, Ledger, Moment, Ordinal, Set};
use judging::{Feature, Judge, Kind, Level, Profile, Rule};
use std::time::Duration;

/// Transition times have whole seconds, cut off; and the event that says Ready travels for a while.
const SLACK: Duration = Duration::from_secs(2);

/// Ready for minReadySeconds.
pub static SS_ORD_10: Rule = Rule {
    id: "SS-ORD-10",
    sentence: "With minReadySeconds m, a pod is created no earlier than m seconds after each pod below it became Ready",
    why: "The owner says how long a member needs to prove itself before the next one may rely on it.",
    source: "StatefulSet documentation, minimum ready seconds; no upstream test",
    fix: "Count from the lastTransitionTime of the condition Ready, not from the start of the pod.",
    profile: Profile::Ordering,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::MinReadySeconds],
    reads: &[],
    check: waits_min_ready_seconds,
};

fn waits_min_ready_seconds(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        for (ordinal, creation) in members_created(ledger, set) {
            let window = Window::before(ledger, set, creation.moment);
            let (Some(asked), Some((_, spec))) = (asked(window), window.spec()) else {
                continue;
            };
            if !window.ordered() {
                continue;
            }
            let lower = ledger
                .ordinals(set)
                .filter(|lower| *lower < ordinal && window.wants(*lower));
            let found = hasty(ledger, set, lower, creation.moment, asked, judge);
            if let Some((pod, ready, lasted)) = found {
                judge.violation(
                    format!(
                        "{} was created when {} had been Ready for {}, and minReadySeconds is {}",
                        creation.pod.name,
                        pod.name,
                        span(lasted),
                        spec.min_ready_seconds
                    ),
                    [ready, creation.moment],
                );
            }
        }
    }
}

/// What minReadySeconds asks of an act, if anything: the shortest time of any spec in view.
pub(in crate::rules) fn asked(window: Window<'_>) -> Option<u32> {
    let asked = window.specs().map(|spec| spec.min_ready_seconds).min();
    asked.filter(|asked| *asked > 0)
}

/// The first of `others` that had not been Ready for as many seconds as were asked for when something was done at `moment`:
/// since when it was, and for how long. Those that may show it count as opportunities.
pub(in crate::rules) fn hasty<'a>(
    ledger: &'a Ledger,
    set: &Set,
    others: impl Iterator<Item = Ordinal>,
    moment: Moment,
    asked: u32,
    judge: &mut Judge<'_>,
) -> Option<(&'a Incarnation, Moment, Duration)> {
    let wait = Duration::from_secs(asked.into()).saturating_sub(SLACK);
    others
        .filter_map(|other| ready_for(ledger, set, other, moment))
        .inspect(|(_, told, lasted)| {
            // Where a node told so late that the act would be legal at once, nothing can show.
            if lasted.saturating_sub(moment.at.since(told.at)) < wait {
                judge.opportunity();
            }
        })
        .find(|(_, ready, lasted)| *lasted < wait && ready.index < moment.index)
}

/// The member that was Healthy longest at some time within the staleness window before `moment`: since when, and for
/// how long at its best.
fn ready_for<'a>(
    ledger: &'a Ledger,
    set: &Set,
    ordinal: Ordinal,
    moment: Moment,
) -> Option<(&'a Incarnation, Moment, Duration)> {
    let since = moment.at.before(ledger.patience().staleness());
    let mut best: Option<(&Incarnation, Moment, Duration)> = None;
    for pod in ledger.incarnations(set, ordinal) {
        let mut healthy: Option<(Moment, Elapsed)> = None;
        let mut close = |healthy: &mut Option<(Moment, Elapsed)>, end: Moment| {
            if let Some((told, from)) = healthy.take()
                && end.at >= since
            {
                let lasted = end.at.since(from);
                if best.is_none_or(|(_, _, known)| known < lasted) {
                    best = Some((pod, told, lasted));
                }
            }
        };
        for (at, state) in pod
            .states
            .entries()
            .iter()
            .take_while(|(at, _)| at.index < moment.index)
        {
            if state.healthy() {
                // Nobody saw how long a pod was Ready that was there before.
                healthy.get_or_insert_with(|| (*at, pod.ready_from(*at, state)));
            } else {
                close(&mut healthy, *at);
            }
        }
        let end = pod
            .gone
            .filter(|gone| gone.index < moment.index)
            .unwrap_or(moment);
        close(&mut healthy, end);
        if !pod.seen_added && pod.first().is_some_and(|first| first.healthy()) {
            return None;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn ready_pod_0(min_ready_seconds: u32) -> Story {
        Story::new()
            .set_with("web", 2, json!({"spec": {"minReadySeconds": min_ready_seconds}}))
            .pod("web-0")
            .running()
            .wait(20_000)
            .ready()
    }

    fn ready_pod_0_told_late(min_ready_seconds: u32, late_ms: u64) -> Story {
        Story::new()
            .set_with("web", 2, json!({"spec": {"minReadySeconds": min_ready_seconds}}))
            .pod("web-0")
            .running()
            .wait(20_000)
            .ready_told_late(late_ms)
    }

    #[test]
    fn a_successor_that_waits_is_right() {
        ready_pod_0(10).wait(9_100).pod("web-1").keeps(&SS_ORD_10);
    }

    #[test]
    fn a_successor_that_counts_from_the_start_of_the_pod_is_hasty() {
        ready_pod_0(10).wait(100).pod("web-1").breaks(
            &SS_ORD_10,
            "web-1 was created when web-0 had been Ready for 101 ms",
        );
    }

    #[test]
    fn a_node_that_tells_late_that_a_pod_is_ready_has_given_the_time() {
        let told_late =
            |seconds: u32, late: u64, wait: u64| ready_pod_0_told_late(seconds, late).wait(wait).pod("web-1");
        told_late(10, 5_000, 2_500).keeps(&SS_ORD_10);
        told_late(10, 5_000, 500).breaks(&SS_ORD_10, "and minReadySeconds is 10");
        told_late(6, 1_500, 900).breaks(&SS_ORD_10, "and minReadySeconds is 6");
        told_late(6, 5_000, 500).does_not_exercise(&SS_ORD_10);
        // Almost two seconds may hide in what whole seconds cut off: created at 0.9 s, Ready at 3.0 s, told at 4.7 s.
        Story::new()
            .wait(900)
            .set_with("web", 2, json!({"spec": {"minReadySeconds": 10}}))
            .pod("web-0")
            .running()
            .wait(2_150)
            .ready_told_late(1_700)
            .wait(8_250)
            .pod("web-1")
            .keeps(&SS_ORD_10);
    }

    #[test]
    fn without_the_field_nothing_waits() {
        ready_pod_0(0).pod("web-1").does_not_exercise(&SS_ORD_10);
    }

    #[test]
    fn a_short_dip_after_a_long_time_excuses() {
        ready_pod_0(10)
            .wait(15_000)
            .unready()
            .ready()
            .pod("web-1")
            .keeps(&SS_ORD_10);
    }
}
