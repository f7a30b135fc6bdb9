//! How long an update waits for each pod.

use crate::rules::{
    course::courses,
    gates::span,
    ordering::{asked, hasty},
    window::Window,
};
use judging::{Feature, Kind, Level, Profile, Rule};

/// Ready for minReadySeconds.
pub static SS_RU_14: Rule = Rule {
    id: "SS-RU-14",
    sentence: "With minReadySeconds m, an update takes the next pod down no earlier than m seconds after each higher pod \
               became Ready",
    why: "The owner says how long a new version needs to prove itself; an update that does not wait spreads a version \
          that dies after half a minute over the whole set.",
    source: "StatefulSet documentation, minimum ready seconds: used to check progression of a rollout; k/k #112307, \
             #119234",
    fix: "Let the update wait for pods that are available, not for Ready ones: count from the lastTransitionTime of the \
          condition Ready.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::MinReadySeconds],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for decision in course.update_decisions() {
                let window = Window::before(ledger, course.set, decision.moment);
                let serial = window.always(|spec| spec.update_budget() == 1);
                let Some(asked) = asked(window).filter(|_| serial) else {
                    continue;
                };
                // Only ordinals that ever had a pod: a set may ask for a thousand million.
                let higher = course
                    .ordinals()
                    .filter(|higher| *higher > decision.ordinal && window.wants(*higher));
                let found = hasty(ledger, course.set, higher, decision.moment, asked, judge);
                if let Some((pod, ready, lasted)) = found {
                    judge.violation(
                        format!(
                            "{} was taken down for the update when {} had been Ready for {}, and minReadySeconds is \
                             {asked}",
                            decision.pod.name,
                            pod.name,
                            span(lasted),
                        ),
                        [ready, decision.moment],
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

    /// The first pod of an update is Ready again.
    fn half_way(seconds: u32) -> Story {
        Story::new()
            .set_with("web", 2, json!({"spec": {"minReadySeconds": seconds}}))
            .revision("web-a")
            .ready_pods(2)
            .wait(100_000)
            .image("app:2")
            .revision("web-b")
            .remove_pod("web-1")
            .pod("web-1")
            .ready()
    }

    #[test]
    fn the_next_pod_waits_until_the_one_before_is_available() {
        half_way(60).wait(61_000).remove_pod("web-0").keeps(&SS_RU_14);
        half_way(60).wait(5_000).remove_pod("web-0").breaks(
            &SS_RU_14,
            "web-0 was taken down for the update when web-1 had been Ready for 5.0 s, and minReadySeconds is 60",
        );
    }

    #[test]
    fn a_set_that_asks_for_far_too_much_is_judged_all_the_same() {
        half_way(60)
            .scale(2_000_000_000)
            .wait(5_000)
            .remove_pod("web-0")
            .breaks(&SS_RU_14, "web-1 had been Ready for 5.0 s");
    }

    #[test]
    fn without_the_field_it_need_not() {
        half_way(0)
            .wait(5_000)
            .remove_pod("web-0")
            .does_not_exercise(&SS_RU_14);
    }
}
