//! Pods that were lost come back, as what they were.

use crate::rules::{
    course::{Course, Creation, courses},
    due::Due,
    gates::span,
};
use history::{Author, Incarnation, Ledger, Moment};
use judging::{Judge, Kind, Level, Profile, Rule};

/// Lost and found.
pub static SS_REP_01: Rule = Rule {
    id: "SS-REP-01",
    sentence: "A pod that somebody else deleted is recreated under the same identity",
    why: "Deleting a pod is how people restart a member; without its successor the set stays one short.",
    source: "StatefulSet documentation; upstream e2e E3, E6, E7",
    fix: "Watch pods, and come back to the set when one of them is deleted.",
    profile: Profile::Repair,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &[],
    check: lost_pods_come_back,
};

fn lost_pods_come_back(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        for turn in &Due::of(ledger, set).creations {
            let lost = ledger
                .incarnations(set, turn.ordinal)
                .rfind(|pod| pod.gone.is_some_and(|gone| gone.index <= turn.from.index))
                .filter(|pod| taken_by_others(pod));
            let Some(lost) = lost else { continue };
            if turn.taken {
                judge.opportunity();
            } else if turn.missed(ledger) {
                judge.opportunity();
                judge.stall(
                    format!(
                        "{} was deleted and not recreated for {}",
                        lost.name,
                        span(turn.lasted(ledger))
                    ),
                    [deletion(lost), turn.from, turn.until.unwrap_or(ledger.end())],
                );
            }
        }
    }
}

fn taken_by_others(pod: &Incarnation) -> bool {
    let by = pod.deletion.as_ref().map(|deletion| deletion.by);
    matches!(by, Some(Author::Harness | Author::Cluster))
}

fn deletion(pod: &Incarnation) -> Moment {
    pod.deletion
        .as_ref()
        .map_or(pod.added(), |deletion| deletion.moment)
}

/// Right at once.
pub static SS_REP_12: Rule = Rule {
    id: "SS-REP-12",
    sentence: "A recreated pod has the revision that strategy and partition demand from its first incarnation on",
    why: "A member that comes back at the wrong version and is restarted to correct it has run the wrong version on its \
          data.",
    source: "StatefulSet documentation, partitioned rolling updates; upstream e2e E6",
    fix: "Choose the revision before creating the pod; do not create from the live template and repair later.",
    profile: Profile::Repair,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for creation in course.creations() {
                let Some(former) = creation.former else { continue };
                let Some(demanded) = demanded(ledger, &course, &creation) else {
                    continue;
                };
                let label = creation.state.revision.as_deref().unwrap_or("none");
                judge.expect(
                    demanded.iter().any(|one| one == label),
                    || {
                        format!(
                            "{} came back at revision {label}, and {} was demanded",
                            creation.pod.name,
                            demanded.join(" or ")
                        )
                    },
                    [deletion(former), creation.moment],
                );
            }
        }
    },
};

/// The revisions that any spec and status in view demand of a recreated pod; `None` where that cannot be told, or
/// where there was no other revision it could have come back at.
fn demanded(ledger: &Ledger, course: &Course<'_>, creation: &Creation<'_>) -> Option<Vec<String>> {
    let since = creation.moment.at.before(ledger.patience().staleness());
    let mut demanded: Vec<String> = Vec::new();
    for epoch in course.epochs_before(creation.moment) {
        if !epoch.spec.in_range(creation.ordinal) {
            // It is not wanted at all (SS-SCD-12).
            return None;
        }
        if epoch.on_delete() || epoch.updates(creation.ordinal) {
            // Without the field some ordinals come back old, depending on the progress (SS-RU-13).
            if epoch.wanted.is_empty() || !(epoch.on_delete() || epoch.spec.rolling_update) {
                return None;
            }
            demanded.extend(epoch.wanted.iter().cloned());
        } else {
            for (_, state) in course.set.states.within(since, creation.moment.index) {
                demanded.push(state.status.current_revision.clone()?);
            }
        }
    }
    demanded.sort_unstable();
    demanded.dedup();
    let choice = ledger
        .revisions(course.set)
        .filter(|revision| revision.exists_at(creation.moment.index))
        .any(|revision| !demanded.contains(&revision.name));
    choice.then_some(demanded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn lost() -> Story {
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .wait(5_000)
            .delete_pod("web-0")
            .by(Author::Harness)
    }

    #[test]
    fn a_lost_pod_comes_back() {
        lost().gone().pod("web-0").keeps(&SS_REP_01);
        lost()
            .gone()
            .wait(20_000)
            .stalls(&SS_REP_01, "web-0 was deleted and not recreated");
        lost().wait(20_000).does_not_exercise(&SS_REP_01);
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .does_not_exercise(&SS_REP_01);
    }

    fn updated_above(partition: u32) -> Story {
        let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}});
        Story::new()
            .set_with("web", 2, json!({"spec": {"updateStrategy": strategy}}))
            .revision("web-a")
            .ready_pods(2)
            .status(json!({"currentRevision": "web-a", "updateRevision": "web-a"}))
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
            .status(json!({"updateRevision": "web-b"}))
            .wait(5_000)
    }

    #[test]
    fn a_recreated_pod_is_right_at_once() {
        updated_above(1)
            .remove_pod("web-1")
            .pod("web-1")
            .keeps(&SS_REP_12);
        updated_above(1)
            .remove_pod("web-0")
            .use_revision("web-a")
            .pod("web-0")
            .keeps(&SS_REP_12);
        lost().gone().pod("web-0").does_not_exercise(&SS_REP_12);
        // Nobody wants it at any revision.
        updated_above(1)
            .scale(1)
            .wait(5_000)
            .remove_pod("web-1")
            .use_revision("web-a")
            .pod("web-1")
            .does_not_exercise(&SS_REP_12);
    }

    #[test]
    fn a_recreated_pod_is_wrong_at_first() {
        updated_above(1).remove_pod("web-0").pod("web-0").breaks(
            &SS_REP_12,
            "web-0 came back at revision web-b, and web-a was demanded",
        );
        updated_above(1)
            .remove_pod("web-1")
            .use_revision("web-a")
            .pod("web-1")
            .breaks(
                &SS_REP_12,
                "web-1 came back at revision web-a, and web-b was demanded",
            );
    }
}
