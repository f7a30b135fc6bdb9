//! The scale subresource (specification 1.13).

use crate::rules::course::{Epoch, courses};
use history::{Action, Ledger, Moment, Set};
use judging::{Feature, Kind, Level, Profile, Rule};

/// The rules of this area.
pub static RULES: &[&Rule] = &[&SS_SCL_01];

/// Scaling through it works.
pub static SS_SCL_01: Rule = Rule {
    id: "SS-SCL-01",
    sentence: "The scale subresource shows replicas and selector, and what is written to it is carried out",
    why: "`kubectl scale` and every autoscaler use nothing else.",
    source: "upstream e2e [Conformance] \"should have a working scale subresource\" (which does not wait for pods)",
    fix: "For a custom resource map specReplicasPath, statusReplicasPath and labelSelectorPath; report the numbers in \
          the status.",
    profile: Profile::Scaling,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[Feature::ScaleSubresource],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for (moment, action) in scale_requests(ledger, course.set) {
                let Some(scale) = action.scale() else { continue };
                let states = course
                    .set
                    .states
                    .within(moment.at, course.position_at(action.done) + 1);
                let known: Vec<i64> = states.map(|(_, state)| i64::from(state.spec.replicas)).collect();
                let fault = if !known.is_empty() && !known.contains(&scale.replicas) {
                    Some(format!("shows {} replicas", scale.replicas))
                } else if scale.selector.is_empty() {
                    Some("shows no selector".into())
                } else {
                    None
                };
                judge.expect(
                    fault.is_none() || action.method != "GET",
                    || format!("the scale of {} {}", course.set.name, fault.unwrap_or_default()),
                    [course.set.added(), *moment],
                );
            }
            for epoch in course
                .epochs
                .iter()
                .filter(|epoch| asked_by_scale(ledger, course.set, epoch))
            {
                if course.range_reached(epoch).is_some() {
                    judge.opportunity();
                } else if let Some((stretch, ordinal)) = course.range_missed(epoch) {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "{} replicas were asked for by the scale subresource, and for {} s nothing was done about \
                             {}",
                            epoch.spec.replicas,
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

/// Requests to the scale subresource of a set that were granted.
fn scale_requests<'a>(ledger: &'a Ledger, set: &Set) -> impl Iterator<Item = &'a (Moment, Action)> {
    let path = format!(
        "/namespaces/{}/{}/{}/scale",
        set.namespace,
        ledger.subject().resource,
        set.name
    );
    ledger.actions().iter().filter(move |(_, action)| {
        (200..300).contains(&action.status)
            && action
                .path
                .split('?')
                .next()
                .is_some_and(|of| of.ends_with(&path))
    })
}

/// Whether the spec came about by a write to the scale subresource.
fn asked_by_scale(ledger: &Ledger, set: &Set, epoch: &Epoch) -> bool {
    scale_requests(ledger, set).any(|(moment, action)| {
        let shortly = std::time::Duration::from_millis(250);
        action.method != "GET" && moment.at <= epoch.from.at && epoch.from.at <= action.done + shortly
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;

    const PATH: &str = "/apis/apps/v1/namespaces/n/statefulsets/web/scale";

    fn one() -> Story {
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .ready_pods(1)
            .wait(1_000)
    }

    #[test]
    fn what_is_asked_by_scale_is_done() {
        let asked = || one().action("PATCH", PATH).scale(2);
        asked().pod("web-1").ready().keeps(&SS_SCL_01);
        asked()
            .wait(30_000)
            .stalls(&SS_SCL_01, "2 replicas were asked for by the scale subresource");
        one().scale(2).pod("web-1").does_not_exercise(&SS_SCL_01);
        let uid = one().uid("statefulsets", "web");
        asked()
            .object_added(
                "events",
                serde_json::json!({
                    "metadata": {"name": "e"}, "reason": "FailedCreate", "involvedObject": {"uid": uid},
                }),
            )
            .wait(30_000)
            .does_not_exercise(&SS_SCL_01);
    }

    #[test]
    fn what_it_shows_is_the_set() {
        let shown = |replicas: u32, selector: &str| {
            let scale = serde_json::json!({
                "kind": "Scale", "spec": {"replicas": replicas}, "status": {"replicas": 1, "selector": selector},
            });
            one().answered("GET", PATH, scale)
        };
        shown(1, "app=web").keeps(&SS_SCL_01);
        shown(7, "app=web").breaks(&SS_SCL_01, "shows 7 replicas");
        shown(1, "").breaks(&SS_SCL_01, "shows no selector");
    }
}
