//! Silence at rest.

use crate::rules::course::{Course, courses};
use history::{Author, Evidence, Ledger, Moment, Ordinal, Set, Write};
use judging::{Kind, Level, Profile, Rule};
use std::time::Duration;

/// Nothing to do, nothing done.
pub static SS_ST_10: Rule = Rule {
    id: "SS-ST-10",
    sentence: "When everything is as asked for the controller writes nothing: no set, pod, claim or revision",
    why: "A controller that writes for ever loads etcd and every watcher of the cluster, a hundred sets a hundred \
          times.",
    source: "reference implementation: no write without a difference; nothing upstream tests it",
    fix: "Compare the status with the one that was read, and write only if it differs. Keep no times or counters in it \
          that change by themselves.",
    profile: Profile::Status,
    level: Level::Should,
    kind: Kind::Quiescence,
    needs: &[],
    reads: &["persistentvolumeclaims", "controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let world = world(ledger, &course);
            for pair in world.windows(2) {
                let [event, next] = pair else { continue };
                let index = course.just_before(*next);
                let quiet = next.at.since(event.at) > ledger.patience().settle() * 2;
                if quiet && settled(ledger, &course, index) {
                    judge.opportunity();
                }
            }
            for (write, what) in writes(ledger, &course) {
                let next = world.partition_point(|event| *event < write);
                let Some(event) = next.checked_sub(1).and_then(|place| world.get(place)) else {
                    continue;
                };
                // A watch may deliver the reason after the write that it led to was told of.
                let delivered_late = world
                    .get(next)
                    .filter(|next| **next < course.last())
                    .is_some_and(|next| next.at.since(write.at) <= ledger.patience().staleness() / DELIVERY);
                let rested = !delivered_late && write.at.since(event.at) > ledger.patience().settle() * 2;
                if rested && settled(ledger, &course, course.just_before(write)) {
                    judge.violation(
                        format!(
                            "{} s after the last event of a set that was as asked for, {what}",
                            write.at.since(event.at).as_secs()
                        ),
                        [*event, write],
                    );
                }
            }
        }
    },
};

/// What part of the staleness window two watches may be apart that tell of the same moment.
const DELIVERY: u32 = 5;

/// Everything that gives the controller a reason to write: events of the pods, the spec, the claims; what the harness
/// did. And the last moment of the set's life.
fn world(ledger: &Ledger, course: &Course<'_>) -> Vec<Moment> {
    let last = course.last();
    let mut world: Vec<Moment> = course.epochs.iter().map(|epoch| epoch.from).collect();
    for pod in ledger.members(course.set) {
        let others =
            |(moment, _): &&(Moment, history::PodState)| ledger.author_at(*moment) != Author::Candidate;
        world.extend(
            pod.states
                .entries()
                .iter()
                .filter(others)
                .map(|(moment, _)| *moment),
        );
        world.extend(pod.gone);
    }
    for claim in ledger.claims() {
        let others =
            |(moment, _): &&(Moment, history::ClaimState)| ledger.author_at(*moment) != Author::Candidate;
        world.extend(
            claim
                .states
                .entries()
                .iter()
                .filter(others)
                .map(|(moment, _)| *moment),
        );
        world.extend(claim.gone);
    }
    let acts = ledger
        .actions()
        .iter()
        .filter(|(_, action)| action.method != "GET");
    world.extend(acts.map(|(moment, action)| Moment {
        at: action.done.max(moment.at),
        ..*moment
    }));
    world.retain(|moment| *moment < last);
    world.push(last);
    world.sort_unstable();
    world
}

/// What the candidate wrote for the set in its ordinary life, as far as the history can tell.
fn writes(ledger: &Ledger, course: &Course<'_>) -> Vec<(Moment, String)> {
    let mut writes = match ledger.meta().evidence {
        Evidence::A => audited(ledger, course),
        Evidence::B => watched(ledger, course),
    };
    // What comes later belongs to the garbage collector, or to another set of the same name.
    let life = course.set.added()..course.last();
    writes.retain(|(moment, _)| life.contains(moment));
    writes
}

/// Every write is known with its author, also those that changed nothing.
fn audited(ledger: &Ledger, course: &Course<'_>) -> Vec<(Moment, String)> {
    let set = course.set;
    ledger
        .writes()
        .iter()
        .filter(|(_, write)| {
            write.role == Author::Candidate
                && write.namespace.as_deref() == Some(set.namespace.as_str())
                && concerns(ledger, set, write)
        })
        .map(|(moment, write)| {
            let what = format!(
                "the candidate sent `{}` for {} {}",
                write.verb, write.resource, write.name
            );
            (*moment, what)
        })
        .collect()
}

/// Whether a write went to the set itself or to something of its own: the names of another set may begin with its name.
fn concerns(ledger: &Ledger, set: &Set, write: &Write) -> bool {
    let name = &write.name;
    match write.resource.as_str() {
        resource if resource == ledger.subject().resource => *name == set.name,
        "pods" => Ordinal::of(name, &set.name).is_some() || ledger.members(set).any(|pod| pod.name == *name),
        "persistentvolumeclaims" => ledger
            .claims_named(&set.namespace, name)
            .any(|claim| ledger.claim_of(set, claim).is_some()),
        "controllerrevisions" => ledger.revisions(set).any(|revision| revision.name == *name),
        _ => false,
    }
}

/// Only the controller writes the status and the revisions of a set, unless the harness does.
fn watched(ledger: &Ledger, course: &Course<'_>) -> Vec<(Moment, String)> {
    let set = course.set;
    let mut writes = Vec::new();
    for pair in set.states.entries().windows(2) {
        let [(_, before), (moment, after)] = pair else {
            continue;
        };
        let same_spec = before.spec.generation == after.spec.generation;
        let subject = &ledger.subject().resource;
        let asked = ledger.asked_to_change(subject, &set.namespace, &set.name, *moment);
        if same_spec && ledger.author_at(*moment).may_be_candidate() && !asked {
            writes.push((*moment, format!("the status of {} was written", set.name)));
        }
    }
    for revision in ledger.revisions(set) {
        for (moment, _) in revision.states.entries() {
            let asked =
                ledger.asked_to_change("controllerrevisions", &set.namespace, &revision.name, *moment);
            if ledger.author_at(*moment).may_be_candidate() && !asked {
                writes.push((*moment, format!("revision {} was written", revision.name)));
            }
        }
    }
    writes
}

/// Whether everything is as asked for and reported so, and nothing is left to come by itself.
fn settled(ledger: &Ledger, course: &Course<'_>, index: usize) -> bool {
    let (Some(epoch), Some(picture), Some(status)) = (
        course.epoch_at(index),
        course.picture_at(index),
        course.status_at(index),
    ) else {
        return false;
    };
    let wanted = i64::from(epoch.spec.replicas);
    let finished =
        epoch.spec.boundary() != Some(epoch.spec.start) || status.current_revision == status.update_revision;
    let now = ledger
        .order()
        .get(index)
        .map(|moment| moment.at)
        .unwrap_or_default();
    let available = Duration::from_secs(epoch.spec.min_ready_seconds.into()) + ledger.patience().settle();
    picture.all_healthy()
        && picture.top_due.is_none()
        && status.observed_generation == Some(epoch.spec.generation)
        && [status.replicas, status.ready] == [wanted, wanted]
        && (epoch.spec.min_ready_seconds == 0 || status.available == wanted)
        && usize::try_from(status.updated) == Ok(picture.wanted)
        && finished
        && now.since(picture.from.at) >= available
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn at_rest() -> Story {
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .ready_pods(1)
            .status(json!({
                "observedGeneration": 1, "currentRevision": "web-a", "updateRevision": "web-a",
                "replicas": 1, "readyReplicas": 1, "currentReplicas": 1, "updatedReplicas": 1,
            }))
            .wait(10_000)
            .note("step", "look")
    }

    #[test]
    fn at_rest_nothing_is_written() {
        at_rest().keeps(&SS_ST_10);
        at_rest()
            .status(json!({"conditions": [{"type": "Heartbeat", "status": "True"}]}))
            .wait(1)
            .breaks(&SS_ST_10, "10 s after the last event");
        at_rest()
            .on("web-0")
            .unready()
            .status(json!({"readyReplicas": 0}))
            .keeps(&SS_ST_10);
    }

    #[test]
    fn a_write_that_changes_nothing_is_seen_in_the_audit() {
        let write = |verb: &str| history::Write {
            verb: verb.into(),
            resource: "statefulsets".into(),
            subresource: Some("status".into()),
            namespace: Some("n".into()),
            name: "web".into(),
            code: 200,
            role: Author::Candidate,
            ..history::Write::default()
        };
        at_rest()
            .evidence_a()
            .write(write("update"))
            .wait(1_000)
            .breaks(&SS_ST_10, "the candidate sent `update` for statefulsets web");
    }

    #[test]
    fn what_another_set_is_written_is_its_own_affair() {
        let write = |resource: &str, name: &str| Write {
            verb: "update".into(),
            resource: resource.into(),
            namespace: Some("n".into()),
            name: name.into(),
            code: 200,
            role: Author::Candidate,
            ..Write::default()
        };
        let written = |resource, name| at_rest().evidence_a().write(write(resource, name)).wait(1_000);
        for (resource, name) in [
            ("statefulsets", "web-1"),
            ("pods", "web-1-0"),
            ("persistentvolumeclaims", "data-web-1-0"),
            ("controllerrevisions", "web-1-a"),
        ] {
            written(resource, name).keeps(&SS_ST_10);
        }
        for (resource, name) in [("pods", "web-0"), ("controllerrevisions", "web-a")] {
            written(resource, name).breaks(&SS_ST_10, &format!("sent `update` for {resource} {name}"));
        }
    }

    #[test]
    fn a_reason_may_be_delivered_just_after_the_write_that_it_led_to() {
        let heartbeat = json!({"conditions": [{"type": "Heartbeat", "status": "True"}]});
        let followed_after = |ms| {
            at_rest()
                .status(heartbeat.clone())
                .wait(ms)
                .on("web-0")
                .unready()
                .wait(5_000)
        };
        followed_after(300).keeps(&SS_ST_10);
        followed_after(3_000).breaks(&SS_ST_10, "10 s after the last event");
    }

    #[test]
    fn the_end_of_the_set_is_another_matter() {
        let write = history::Write {
            verb: "patch".into(),
            resource: "pods".into(),
            namespace: Some("n".into()),
            name: "web-0".into(),
            code: 200,
            role: Author::Candidate,
            ..history::Write::default()
        };
        let found = at_rest()
            .evidence_a()
            .delete_set()
            .set_gone()
            .set("web", 1)
            .wait(10_000)
            .write(write)
            .judge(&SS_ST_10);
        assert_eq!(found.violations, []);
    }

    #[test]
    fn a_set_that_is_not_as_asked_for_is_not_at_rest() {
        Story::new()
            .set("web", 2)
            .revision("web-a")
            .ready_pods(1)
            .wait(10_000)
            .status(json!({"observedGeneration": 1, "replicas": 1}))
            .does_not_exercise(&SS_ST_10);
    }
}
