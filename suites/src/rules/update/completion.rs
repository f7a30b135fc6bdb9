//! What an update leaves behind: the status, the claims, the pods' time to stop.

use crate::rules::course::{Cause, Course, Epoch, Stretch, courses};
use history::{Ledger, Moment};
use judging::{Judge, Kind, Level, Profile, Rule};
use std::time::Duration;

/// The end of an update shows in the status.
pub static SS_RU_11: Rule = Rule {
    id: "SS-RU-11",
    sentence: "When every pod is at the new revision and Ready, currentRevision becomes updateRevision",
    why: "`kubectl rollout status` and every deployment pipeline wait for it, and lost pods are brought back by it.",
    source: "upstream e2e [Conformance] \"should perform rolling updates and roll backs of template modifications\"",
    fix: "When updatedReplicas and readyReplicas both reach spec.replicas, set currentRevision to updateRevision in the \
          same status write. A pod event must lead to that write, not only a resync.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for (moment, _) in advances(&course) {
                if course
                    .epoch_at(moment.index)
                    .is_some_and(|epoch| epoch.partition() == 0)
                {
                    judge.opportunity();
                }
            }
            for (stretch, epoch) in unfinished(ledger, &course) {
                judge.opportunity();
                judge.stall(
                    unfinished_sentence(&stretch),
                    [epoch.from, stretch.from, stretch.until],
                );
            }
        }
    },
};

/// The moments at which currentRevision changed, and to what.
pub(in crate::rules) fn advances<'a>(course: &Course<'a>) -> Vec<(Moment, &'a str)> {
    let mut known: Option<&str> = None;
    let mut advances = Vec::new();
    for (moment, state) in course.set.states.entries() {
        let Some(current) = state.status.current_revision.as_deref() else {
            continue;
        };
        let lives = course.ending.is_none_or(|ending| *moment < ending);
        if lives && known.is_some_and(|known| known != current) {
            advances.push((*moment, current));
        }
        known = Some(current);
    }
    advances
}

/// Stretches in which every pod was Healthy and at the wanted revision, without a partition, and the status did not
/// say so at the end.
pub(in crate::rules) fn unfinished<'c>(
    ledger: &Ledger,
    course: &'c Course<'_>,
) -> Vec<(Stretch<'c>, &'c Epoch)> {
    course
        .stretches(ledger.patience().reaction())
        .filter_map(|stretch| {
            let epoch = course.epoch_at(stretch.from.index)?;
            // Who goes on only with pods that are available has not stalled before they are.
            let available = Duration::from_secs(epoch.spec.min_ready_seconds.into());
            if stretch.lasted() < ledger.patience().reaction() + available {
                return None;
            }
            let status = course.status_at(course.just_before(stretch.until))?;
            let current = status.current_revision.as_deref()?;
            let whole = epoch.spec.boundary() == Some(epoch.spec.start);
            (whole && course.complete(epoch, stretch.from.index) && !epoch.wants(current))
                .then_some((stretch, epoch))
        })
        .collect()
}

pub(in crate::rules) fn unfinished_sentence(stretch: &Stretch<'_>) -> String {
    format!(
        "every pod is at the new revision and Ready, yet for {} s currentRevision stayed at the old one",
        stretch.lasted().as_secs()
    )
}

/// A template change shows in status.updateRevision, whatever the strategy.
pub(in crate::rules) fn update_revision_moves(course: &Course<'_>, epoch: &Epoch, judge: &mut Judge<'_>) {
    let moved = course.status_from(epoch.from.index, epoch.until, |status| {
        status
            .update_revision
            .as_deref()
            .is_some_and(|update| epoch.wants(update))
    });
    if moved.is_some() {
        judge.opportunity();
    } else if epoch.lasted() >= course.ledger.patience().reaction() {
        judge.opportunity();
        judge.stall(
            format!(
                "the template changed, and for {} s status.updateRevision named no revision of it",
                epoch.lasted().as_secs()
            ),
            [epoch.from, epoch.until],
        );
    }
}

/// New pod, old claims.
pub static SS_RU_15: Rule = Rule {
    id: "SS-RU-15",
    sentence: "An update replaces the pod and keeps its claims",
    why: "The data belongs to the ordinal, not to the version of the program.",
    source: "upstream e2e \"should perform rolling updates and roll backs of template modifications with PVCs\"",
    fix: "Delete the pod only. Reuse the claims that exist under the ordinal's names; never change the revision label \
          of a living pod.",
    profile: Profile::Persistence,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &["persistentvolumeclaims"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for creation in course.creations() {
                let Some(former) = creation.former else { continue };
                let Some(decision) = course.decision(former) else {
                    continue;
                };
                if decision.cause != Cause::Update {
                    continue;
                }
                for (_, name) in decision.before.claims() {
                    let claim = |index| {
                        ledger
                            .claims_named(&course.set.namespace, name)
                            .find(|claim| claim.at(index).is_some())
                    };
                    let Some(old) = claim(decision.moment.index) else {
                        continue;
                    };
                    let by_harness = old.deletion.is_some_and(|(moment, by)| {
                        !by.may_be_candidate()
                            || ledger.asked_to_delete(
                                "persistentvolumeclaims",
                                &old.namespace,
                                &old.name,
                                moment,
                            )
                    });
                    let new = claim(creation.moment.index);
                    judge.expect(
                        by_harness || new.is_some_and(|new| new.uid == old.uid),
                        || {
                            format!(
                                "the update of {} lost its claim {name}: the new pod found {}",
                                creation.pod.name,
                                if new.is_some() { "another one" } else { "none" }
                            )
                        },
                        [
                            Some(decision.moment),
                            old.gone,
                            new.map(|new| new.added()),
                            Some(creation.moment),
                        ]
                        .into_iter()
                        .flatten(),
                    );
                }
            }
        }
    },
};

/// Time to stop.
pub static SS_RU_16: Rule = Rule {
    id: "SS-RU-16",
    sentence: "An update gives each pod its own grace period to stop",
    why: "A database that is killed without time to flush comes back with a recovery, or with less data.",
    source: "reference implementation: an ordinary DELETE without options",
    fix: "Delete without gracePeriodSeconds in the options; the API server takes the pod's own.",
    profile: Profile::Update,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for decision in course.update_decisions() {
                let given = decision.pod.deletion.as_ref().and_then(|deletion| deletion.grace);
                let (Some(own), Some(given)) = (decision.before.grace_period(), given) else {
                    continue;
                };
                // The API server itself cuts the time of a pod that runs nowhere to zero.
                if decision.before.node.is_none() || decision.before.ended() {
                    continue;
                }
                judge.expect(
                    own == given,
                    || {
                        format!(
                            "the update deleted {} with a grace period of {given} s; the pod asks for {own} s",
                            decision.pod.name
                        )
                    },
                    [decision.pod.added(), decision.moment],
                );
            }
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use history::Author;
    use serde_json::json;

    fn updated() -> Story {
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .ready_pods(1)
            .status(json!({"observedGeneration": 1, "currentRevision": "web-a", "updateRevision": "web-a"}))
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
            .remove_pod("web-0")
            .pod("web-0")
            .ready()
    }

    #[test]
    fn the_end_of_an_update_shows_in_the_status() {
        updated()
            .status(json!({"currentRevision": "web-b", "updateRevision": "web-b"}))
            .wait(20_000)
            .keeps(&SS_RU_11);
        updated()
            .wait(20_000)
            .stalls(&SS_RU_11, "currentRevision stayed at the old one");
        updated().wait(5_000).does_not_exercise(&SS_RU_11);
    }

    #[test]
    fn an_update_may_end_when_its_pods_are_available() {
        let updated = |ms| {
            Story::new()
                .set_with("web", 1, json!({"spec": {"minReadySeconds": 60}}))
                .revision("web-a")
                .ready_pods(1)
                .status(
                    json!({"observedGeneration": 1, "currentRevision": "web-a", "updateRevision": "web-a"}),
                )
                .wait(100_000)
                .image("app:2")
                .revision("web-b")
                .remove_pod("web-0")
                .pod("web-0")
                .ready()
                .wait(ms)
        };
        updated(50_000).does_not_exercise(&SS_RU_11);
        updated(100_000).stalls(&SS_RU_11, "currentRevision stayed at the old one");
    }

    fn with_claims() -> Story {
        Story::new()
            .set_with_claims("web", 1, &["data"])
            .revision("web-a")
            .claim("data-web-0")
            .ready_pods(1)
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
            .remove_pod("web-0")
    }

    #[test]
    fn an_update_keeps_the_claim() {
        with_claims().pod("web-0").keeps(&SS_RU_15);
        with_claims()
            .delete_claim("data-web-0")
            .claim_gone("data-web-0")
            .claim("data-web-0")
            .pod("web-0")
            .breaks(
                &SS_RU_15,
                "lost its claim data-web-0: the new pod found another one",
            );
        with_claims()
            .delete_claim("data-web-0")
            .by(Author::Harness)
            .claim_gone("data-web-0")
            .claim("data-web-0")
            .pod("web-0")
            .keeps(&SS_RU_15);
    }

    fn due(node: bool) -> Story {
        let story = Story::new().set("web", 1).revision("web-a").ready_pods(1);
        let story = if node { story.scheduled("node-1") } else { story };
        story.wait(5_000).image("app:2").revision("web-b")
    }

    #[test]
    fn an_update_grants_the_pods_own_grace_period() {
        due(true).delete_pod("web-0").keeps(&SS_RU_16);
        due(true)
            .delete_pod_with_grace("web-0", 0)
            .breaks(&SS_RU_16, "with a grace period of 0 s; the pod asks for 30 s");
        due(false)
            .delete_pod_with_grace("web-0", 0)
            .does_not_exercise(&SS_RU_16);
    }
}
