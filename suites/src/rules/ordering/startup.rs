//! The first start of a set, and what comes in which order.

use crate::rules::{
    acts::members_created,
    gates::{Scope, Standing, Step, lowest_blockers},
    window::Window,
};
use history::{Claim, Ledger, Moment, Ordinal, PodState, Set};
use judging::{Judge, Kind, Level, Profile, Rule};

/// One at a time.
pub static SS_ORD_02: Rule = Rule {
    id: "SS-ORD-02",
    sentence: "During the first start of a set there is never more than one pod that was created and is not yet Ready",
    why: "Members that initialise side by side race for the same bootstrap.",
    source: "StatefulSet documentation, deployment and scaling guarantees; upstream e2e E1",
    fix: "Create one pod per step and return; do not create the rest in the same pass once the first one is Ready.",
    profile: Profile::Ordering,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: one_unready_pod_at_a_time,
};

fn one_unready_pod_at_a_time(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        let end = first_start_ends(ledger, set);
        // The earlier pod that became Ready last, or never did.
        let mut slowest: Option<(Moment, Option<Moment>, &str)> = None;
        for (_, creation) in members_created(ledger, set).take_while(|(_, one)| one.moment.index < end) {
            if !Window::before(ledger, set, creation.moment).ordered() {
                break;
            }
            if let Some((added, ready, name)) = slowest {
                judge.expect(
                    ready.is_some_and(|ready| ready.index < creation.moment.index),
                    || {
                        format!(
                            "{} was created while {name} had not yet become Ready",
                            creation.pod.name
                        )
                    },
                    [set.added(), added, creation.moment],
                );
            }
            let ready = creation.pod.healthy_from(0);
            let slower = slowest.is_none_or(|(_, known, _)| {
                known.is_some_and(|known| ready.is_none_or(|ready| ready.index > known.index))
            });
            if slower {
                slowest = Some((creation.moment, ready, &creation.pod.name));
            }
        }
    }
}

/// Where the undisturbed first start of a set ends: at the first deletion of a pod, or the first time less is wanted.
/// At the beginning if there were pods before.
fn first_start_ends(ledger: &Ledger, set: &Set) -> usize {
    if ledger.members(set).any(|pod| !pod.seen_added) {
        return 0;
    }
    let deletion = ledger
        .members(set)
        .filter_map(|pod| pod.deletion.as_ref().map(|deletion| deletion.moment.index))
        .min();
    let specs = set.spec_changes();
    let shrunk = specs.windows(2).find_map(|pair| match pair {
        [(_, before), (moment, after)] => {
            let grown = after.start == before.start && after.replicas >= before.replicas;
            (!grown).then_some(moment.index)
        }
        _ => None,
    });
    deletion.into_iter().chain(shrunk).min().unwrap_or(usize::MAX)
}

/// Lowest first.
pub static SS_ORD_07: Rule = Rule {
    id: "SS-ORD-07",
    sentence: "Of several missing pods the one with the lowest ordinal is created first",
    why: "After a full outage the set has to come up from its first member, as it did when it was new.",
    source: "StatefulSet controller (reference); upstream e2e E6, E7 (end state only)",
    fix: "Walk the wanted ordinals in ascending order and stop at the first one that is missing.",
    profile: Profile::Ordering,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: lowest_missing_first,
};

fn lowest_missing_first(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        let created: Vec<_> = members_created(ledger, set)
            .filter(|(_, creation)| Window::before(ledger, set, creation.moment).ordered())
            .collect();
        let steps: Vec<Step> = created
            .iter()
            .map(|(ordinal, creation)| Step {
                moment: creation.moment,
                scope: Scope::Below(*ordinal),
            })
            .collect();
        let missing = lowest_blockers(ledger, set, &steps, |_| true);
        let existing = Existing::of(ledger, set);
        for ((_, creation), missing) in created.iter().zip(missing) {
            let wanted = set
                .spec_at(creation.moment.index)
                .map_or(0, |spec| spec.replicas as usize);
            let several = existing.before(creation.moment.index) + 2 <= wanted;
            if let Some(lower) = missing {
                let standing = Standing::before(ledger, set, lower, creation.moment.index);
                let since = standing.since.or(Window::before(ledger, set, creation.moment)
                    .spec()
                    .map(|(asked, _)| asked));
                judge.opportunity();
                judge.violation(
                    format!("{} was created although {}", creation.pod.name, standing.words),
                    since.into_iter().chain([creation.moment]),
                );
            } else if several {
                judge.opportunity();
            }
        }
    }
}

/// How many members there were.
struct Existing {
    added: Vec<usize>,
    gone: Vec<usize>,
}

impl Existing {
    fn of(ledger: &Ledger, set: &Set) -> Existing {
        let mut added: Vec<usize> = ledger.members(set).map(|pod| pod.added().index).collect();
        let mut gone: Vec<usize> = ledger
            .members(set)
            .filter_map(|pod| pod.gone)
            .map(|gone| gone.index)
            .collect();
        added.sort_unstable();
        gone.sort_unstable();
        Existing { added, gone }
    }

    /// Just before position `index`.
    fn before(&self, index: usize) -> usize {
        let count = |of: &[usize]| of.partition_point(|position| *position < index);
        count(&self.added).saturating_sub(count(&self.gone))
    }
}

/// Claims wait with their pod.
pub static SS_ORD_09: Rule = Rule {
    id: "SS-ORD-09",
    sentence: "The claims of a pod are not created before the pod itself may be created",
    why: "A claim made early provisions and bills a volume for a member that may never come.",
    source: "StatefulSet controller (reference)",
    fix: "Create claims in the same step as their pod, behind the same check of its predecessors.",
    profile: Profile::Ordering,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &["persistentvolumeclaims"],
    check: claims_wait_with_their_pod,
};

fn claims_wait_with_their_pod(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        let mut made: Vec<(Ordinal, &Claim)> = ledger
            .claims()
            .iter()
            .filter(|claim| claim.seen_added && claim.created_by.may_be_candidate())
            .filter_map(|claim| Some((ledger.claim_of(set, claim)?.1, claim)))
            .filter(|(ordinal, claim)| {
                let window = Window::before(ledger, set, claim.added());
                let alive = set.at(claim.added().index).is_some();
                let for_later = window.always(|spec| spec.start < ordinal.0);
                // The claim of a pod that is there already replaces one that was lost.
                alive && window.ordered() && for_later && !window.ever(*ordinal, |state| state.is_some())
            })
            .collect();
        made.sort_by_key(|(_, claim)| claim.added().index);
        let steps: Vec<Step> = made
            .iter()
            .map(|(ordinal, claim)| Step {
                moment: claim.added(),
                scope: Scope::Below(*ordinal),
            })
            .collect();
        for ((_, claim), blocker) in made
            .iter()
            .zip(lowest_blockers(ledger, set, &steps, PodState::healthy))
        {
            judge.opportunity();
            let Some(blocker) = blocker else { continue };
            let standing = Standing::before(ledger, set, blocker, claim.added().index);
            judge.violation(
                format!("claim {} was created although {}", claim.name, standing.words),
                [standing.since.unwrap_or(set.added()), claim.added()],
            );
        }
    }
}

/// Nothing more than asked for.
pub static SS_ORD_13: Rule = Rule {
    id: "SS-ORD-13",
    sentence: "No pod is created outside the ordinals that are asked for",
    why: "A surplus member joins the cluster of the application, takes a share of the data and is then taken away.",
    source: "StatefulSet documentation, ordinal index; upstream e2e E8",
    fix: "Create only ordinals from start to start + replicas - 1 of the newest spec, and no spare one.",
    profile: Profile::Ordering,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for set in ledger.sets() {
            for (ordinal, creation) in members_created(ledger, set) {
                let window = Window::before(ledger, set, creation.moment);
                let Some((asked, spec)) = window.spec() else {
                    continue;
                };
                judge.expect(
                    !window.condemns(ordinal),
                    || {
                        format!(
                            "{} was created, but {} replicas from ordinal {} on were asked for",
                            creation.pod.name, spec.replicas, spec.start
                        )
                    },
                    [asked, creation.moment],
                );
            }
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;

    #[test]
    fn one_unready_pod_after_another_is_right() {
        Story::new().set("web", 3).ready_pods(3).keeps(&SS_ORD_02);
        Story::new()
            .set("web", 1)
            .ready_pods(1)
            .does_not_exercise(&SS_ORD_02);
    }

    #[test]
    fn two_unready_pods_at_once_are_wrong() {
        Story::new()
            .set("web", 3)
            .ready_pods(1)
            .pod("web-1")
            .pod("web-2")
            .breaks(
                &SS_ORD_02,
                "web-2 was created while web-1 had not yet become Ready",
            );
    }

    #[test]
    fn the_first_start_ends_with_the_first_deletion() {
        Story::new()
            .set("web", 2)
            .ready_pods(1)
            .remove_pod("web-0")
            .pod("web-0")
            .pod("web-1")
            .does_not_exercise(&SS_ORD_02);
    }

    #[test]
    fn the_lowest_of_several_missing_pods_comes_first() {
        Story::new().set("web", 3).ready_pods(3).keeps(&SS_ORD_07);
        Story::new()
            .set("web", 1)
            .ready_pods(1)
            .does_not_exercise(&SS_ORD_07);
        Story::new()
            .set("web", 3)
            .pod("web-2")
            .breaks(&SS_ORD_07, "web-2 was created although web-0 did not exist");
    }

    #[test]
    fn a_pod_that_is_gone_for_long_comes_before_those_above_it() {
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .remove_pod("web-0")
            .remove_pod("web-1")
            .wait(3_000)
            .pod("web-1")
            .breaks(&SS_ORD_07, "web-0 was gone");
    }

    fn with_claims() -> Story {
        Story::new().set_with_claims("web", 2, &["data"])
    }

    #[test]
    fn a_claim_comes_with_its_pod() {
        with_claims()
            .claim("data-web-0")
            .pod("web-0")
            .ready()
            .claim("data-web-1")
            .pod("web-1")
            .keeps(&SS_ORD_09);
        with_claims()
            .claim("data-web-0")
            .pod("web-0")
            .does_not_exercise(&SS_ORD_09);
    }

    #[test]
    fn a_claim_for_a_pod_that_may_not_come_yet_is_early() {
        with_claims()
            .claim("data-web-0")
            .pod("web-0")
            .wait(3_000)
            .claim("data-web-1")
            .breaks(
                &SS_ORD_09,
                "claim data-web-1 was created although web-0 was Pending",
            );
    }

    #[test]
    fn a_claim_that_replaces_a_lost_one_is_not_early() {
        with_claims()
            .claim("data-web-0")
            .pod("web-0")
            .ready()
            .pod("web-1")
            .on("web-0")
            .unready()
            .wait(5_000)
            .claim("data-web-1")
            .does_not_exercise(&SS_ORD_09);
    }

    #[test]
    fn a_pod_outside_the_range_is_one_too_many() {
        Story::new().set("web", 2).ready_pods(2).keeps(&SS_ORD_13);
        Story::new().set("web", 2).does_not_exercise(&SS_ORD_13);
        Story::new().set("web", 2).ready_pods(3).breaks(
            &SS_ORD_13,
            "web-2 was created, but 2 replicas from ordinal 0 on were asked for",
        );
        // Asked for a moment ago.
        Story::new()
            .set("web", 2)
            .wait(5_000)
            .scale(1)
            .pod("web-1")
            .keeps(&SS_ORD_13);
    }
}
