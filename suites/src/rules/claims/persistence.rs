//! The same claim with the same data after every replacement.

use super::CLAIMS;
use super::logs::{Reading, answered, readings};
use super::losses::{Circumstance, losses, lost};
use crate::rules::course::{Course, Creation, courses};
use history::{Claim, Ledger, Moment};
use judging::{Judge, Kind, Level, Profile, Rule};

/// Replaced pods.
pub static SS_PVC_05: Rule = Rule {
    id: "SS-PVC-05",
    sentence: "A pod that is replaced finds its claim untouched, with every line it had written",
    why: "This is what a StatefulSet is for: delete, update or lose a member, and its data is still there.",
    source: "StatefulSet documentation, stable storage; upstream e2e \"should provide basic identity\"",
    fix: "Never delete or replace a claim whose ordinal is wanted. Look the claim up by name and use what is there.",
    profile: Profile::Persistence,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[CLAIMS],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for creation in course.creations() {
                let same = creation
                    .former
                    .is_some_and(|former| stayed_wanted(&course, &creation, former.added()));
                if same && claims_of(ledger, &creation).next().is_some() {
                    judge.opportunity();
                }
            }
            for loss in losses(&course)
                .iter()
                .filter(|loss| loss.circumstance == Circumstance::Wanted)
            {
                judge.opportunity();
                judge.violation(
                    format!(
                        "claim {} was deleted although its ordinal is wanted",
                        loss.claim.name
                    ),
                    [loss.claim.added(), loss.moment],
                );
            }
        }
        data_stays(ledger, false, judge);
    },
};

/// Whether the ordinal was in range all the time between a moment and the creation.
fn stayed_wanted(course: &Course<'_>, creation: &Creation<'_>, since: Moment) -> bool {
    course
        .epochs
        .iter()
        .filter(|epoch| epoch.until > since && epoch.from < creation.moment)
        .all(|epoch| epoch.spec.in_range(creation.ordinal))
}

/// The claims that a new pod finds.
fn claims_of<'a>(ledger: &'a Ledger, creation: &Creation<'a>) -> impl Iterator<Item = &'a Claim> {
    let (index, namespace) = (creation.moment.index, creation.pod.namespace.as_str());
    creation.state.claims().filter_map(move |(_, name)| {
        ledger
            .claims_named(namespace, name)
            .find(|claim| claim.at(index).is_some())
    })
}

/// Pods that return.
pub static SS_PVC_09: Rule = Rule {
    id: "SS-PVC-09",
    sentence: "After scaling down and up, or recreating the set, each ordinal finds the claim and the data it had",
    why: "A member that comes back empty starts a full resync, or worse, is believed.",
    source: "StatefulSet documentation, stable storage; upstream e2e \"should provide basic identity\" scales to 0 and back",
    fix: "Choose claims by name alone; an existing claim is used whoever made it.",
    profile: Profile::Persistence,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[CLAIMS],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for creation in course.creations() {
                let Some(returned) = former_life(ledger, &course, &creation) else {
                    continue;
                };
                for claim in claims_of(ledger, &creation) {
                    let before = ledger
                        .claims_named(&claim.namespace, &claim.name)
                        .find(|old| old.at(returned.index).is_some());
                    let Some(before) = before else { continue };
                    let ours = before.uid == claim.uid || lost(&course, before).is_some();
                    if !ours || deletes_claims(ledger, &course) {
                        continue;
                    }
                    judge.expect(
                        before.uid == claim.uid,
                        || {
                            format!(
                                "{} came back with a new claim {}; the one with its data was deleted",
                                creation.pod.name, claim.name
                            )
                        },
                        [
                            Some(before.added()),
                            before.gone,
                            Some(claim.added()),
                            Some(creation.moment),
                        ]
                        .into_iter()
                        .flatten(),
                    );
                }
            }
        }
        data_stays(ledger, true, judge);
    },
};

/// When a pod of this name was last there, if it went because its ordinal was condemned or its set deleted.
fn former_life(ledger: &Ledger, course: &Course<'_>, creation: &Creation<'_>) -> Option<Moment> {
    if let Some(former) = creation.former {
        return (!stayed_wanted(course, creation, former.added())).then(|| former.added());
    }
    ledger
        .sets()
        .iter()
        .filter(|other| other.uid != course.set.uid && other.name == course.set.name)
        .filter(|other| other.namespace == course.set.namespace)
        .flat_map(|other| ledger.incarnations(other, creation.ordinal))
        .map(|pod| pod.added())
        .filter(|added| *added < creation.moment)
        .max()
}

/// Whether a set of this name ever had a policy that deletes claims.
fn deletes_claims(ledger: &Ledger, course: &Course<'_>) -> bool {
    ledger
        .sets()
        .iter()
        .filter(|set| set.name == course.set.name && set.namespace == course.set.namespace)
        .flat_map(|set| set.states.entries())
        .any(|(_, state)| state.spec.retention.when_deleted || state.spec.retention.when_scaled)
}

/// Each log begins with what an earlier incarnation of the pod had written, and holds every request that was
/// answered. `returned`: whether to look at incarnations with a scale-down or a new set in between, or at the others.
fn data_stays(ledger: &Ledger, returned: bool, judge: &mut Judge<'_>) {
    for readings in readings(ledger).values() {
        for pair in readings.windows(2) {
            let [earlier, later] = pair else { continue };
            if earlier.pod.uid == later.pod.uid
                || has_returned(ledger, earlier, later) != returned
                || given_away(ledger, earlier, later)
            {
                continue;
            }
            let line = later.lost_of(earlier).map(str::to_owned);
            let line = line.or_else(|| unlogged(ledger, earlier, later));
            judge.expect(
                line.is_none(),
                || {
                    format!(
                        "the log of {} lost a line when the pod was replaced: {}",
                        later.pod.name,
                        line.as_deref().unwrap_or_default()
                    )
                },
                [earlier.moment, later.pod.added(), later.moment],
            );
        }
    }
}

/// Whether the ordinal was condemned, or the set replaced, between two readings.
fn has_returned(ledger: &Ledger, earlier: &Reading<'_>, later: &Reading<'_>) -> bool {
    let condemned = later
        .set
        .states
        .within(earlier.moment.at, later.moment.index)
        .any(|(_, state)| !state.spec.in_range(later.ordinal));
    earlier.set.uid != later.set.uid
        || ledger.ending(earlier.set).is_some_and(|end| end < later.moment)
        || condemned
}

/// Whether somebody else deleted the claim between two readings, or the policy asks for it.
fn given_away(ledger: &Ledger, earlier: &Reading<'_>, later: &Reading<'_>) -> bool {
    let policy = [earlier.set, later.set]
        .into_iter()
        .flat_map(|set| set.states.entries())
        .any(|(_, state)| state.spec.retention.when_deleted || state.spec.retention.when_scaled);
    let deleted = earlier.claims(ledger).into_iter().any(|claim| {
        claim.deletion.is_some_and(|(moment, by)| {
            moment < later.moment
                && (!by.may_be_candidate()
                    || ledger.asked_to_delete(CLAIMS, &claim.namespace, &claim.name, moment))
        })
    });
    policy || deleted
}

/// A request that was answered between two readings and is not in the second.
fn unlogged(ledger: &Ledger, earlier: &Reading<'_>, later: &Reading<'_>) -> Option<String> {
    let answered = answered(ledger, earlier, later);
    let known = earlier.lines().count();
    answered.iter().find_map(|(method, path)| {
        let asked = answered.iter().filter(|(m, p)| m == method && p == path).count();
        let logged = later
            .lines()
            .skip(known)
            .filter(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                matches!(words.as_slice(), [_, pod, m, p, "200", _]
                    if *pod == later.pod.name && m == method && p == path)
            })
            .count();
        (logged < asked)
            .then(|| format!("{method} {path} was answered {asked} times and logged {logged} times"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use history::Author;
    use serde_json::json;

    fn one() -> Story {
        Story::new()
            .set_with_claims("web", 1, &["data"])
            .revision("web-a")
            .claim("data-web-0")
            .ready_pods(1)
            .wait(5_000)
    }

    #[test]
    fn a_replaced_pod_keeps_its_claim() {
        one().remove_pod("web-0").pod("web-0").keeps(&SS_PVC_05);
        one().remove_pod("web-0").delete_claim("data-web-0").breaks(
            &SS_PVC_05,
            "claim data-web-0 was deleted although its ordinal is wanted",
        );
        one()
            .delete_claim("data-web-0")
            .by(Author::Harness)
            .does_not_exercise(&SS_PVC_05);
        one().does_not_exercise(&SS_PVC_05);
    }

    fn scaled() -> Story {
        one().scale(0).remove_pod("web-0").wait(5_000)
    }

    #[test]
    fn a_pod_that_returns_finds_its_claim() {
        scaled().scale(1).pod("web-0").keeps(&SS_PVC_09);
        scaled()
            .claim_gone("data-web-0")
            .scale(1)
            .claim("data-web-0")
            .pod("web-0")
            .breaks(&SS_PVC_09, "web-0 came back with a new claim data-web-0");
        one()
            .remove_pod("web-0")
            .pod("web-0")
            .does_not_exercise(&SS_PVC_09);
    }

    #[test]
    fn a_recreated_set_finds_the_claims_of_the_former() {
        let recreated = || {
            one()
                .set_gone()
                .remove_pod("web-0")
                .wait(5_000)
                .set_with_claims("web", 1, &["data"])
        };
        recreated().pod("web-0").keeps(&SS_PVC_09);
        recreated()
            .claim_gone("data-web-0")
            .claim("data-web-0")
            .pod("web-0")
            .breaks(&SS_PVC_09, "came back with a new claim");
    }

    const HOST: &str = "web-0.web-svc.n.svc.cluster.local";

    fn served(story: Story) -> Story {
        story.modify(json!({"status": {"podIP": "10.0.0.1"}}))
    }

    fn logged() -> Story {
        served(one())
            .http(HOST, "/weatherforecast", 200, "[]")
            .http(HOST, "/log", 200, "t1 web-0 GET /weatherforecast 200 1\n")
            .remove_pod("web-0")
            .pod("web-0")
            .ready()
    }

    #[test]
    fn the_log_of_a_replaced_pod_begins_with_the_old_lines() {
        served(logged())
            .http(HOST, "/", 200, "hello")
            .http(
                HOST,
                "/log",
                200,
                "t1 web-0 GET /weatherforecast 200 1\nt2 web-0 GET / 200 1\n",
            )
            .keeps(&SS_PVC_05);
        served(logged())
            .http(HOST, "/log", 200, "t2 web-0 GET / 200 1\n")
            .breaks(&SS_PVC_05, "lost a line when the pod was replaced: t1 web-0");
        served(logged())
            .http(HOST, "/", 200, "hello")
            .http(HOST, "/log", 200, "t1 web-0 GET /weatherforecast 200 1\n")
            .breaks(&SS_PVC_05, "GET / was answered 1 times and logged 0 times");
    }

    #[test]
    fn a_set_without_claims_promises_nothing_of_its_logs() {
        let story = served(Story::new().set("web", 1).pod("web-0").ready())
            .http(HOST, "/log", 200, "t1 web-0 GET / 200 1\n")
            .remove_pod("web-0")
            .pod("web-0")
            .ready();
        served(story)
            .http(HOST, "/log", 200, "")
            .does_not_exercise(&SS_PVC_05);
    }

    #[test]
    fn the_log_survives_a_scale_down() {
        let returned = || {
            served(
                served(one())
                    .http(HOST, "/log", 200, "t1 web-0 GET / 200 1\n")
                    .scale(0)
                    .remove_pod("web-0")
                    .wait(5_000)
                    .scale(1)
                    .pod("web-0")
                    .ready(),
            )
        };
        returned()
            .http(HOST, "/log", 200, "")
            .breaks(&SS_PVC_09, "lost a line");
        let found = returned()
            .http(HOST, "/log", 200, "t1 web-0 GET / 200 1\n")
            .judge(&SS_PVC_09);
        assert_eq!((found.opportunities, found.violations.len()), (2, 0));
    }
}
