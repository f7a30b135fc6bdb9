//! One pod at a time under one identity, and the same identity each time.

use crate::rules::acts::{Creation, creations, members_created};
use history::{Author, Incarnation, Ledger, Moment, Ordinal, PodState, Set};
use judging::{Judge, Kind, Level, Profile, Rule};

/// At most one.
pub static SS_ID_11: Rule = Rule {
    id: "SS-ID-11",
    sentence: "There is at most one pod of an identity: no successor before the former pod is gone, none under another \
               name, and the controller never shortens a deletion to get there",
    why: "Two members that believe to be the same one corrupt their shared volume: this is the promise that makes \
          StatefulSets usable for databases.",
    source: "StatefulSet documentation, force deletion of pods: at most one semantics",
    fix: "Wait for the DELETED event of the former pod; never delete with grace period 0, never remove finalizers, \
          never make up another name.",
    profile: Profile::Identity,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: at_most_one,
};

fn at_most_one(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        for creation in creations(ledger, set) {
            let former = match creation.ordinal {
                Some(ordinal) => former(ledger, set, ordinal, &creation),
                // A name of another form stands in for a member that is not gone yet.
                None => leaving(ledger, set, creation.moment),
            };
            let Some(former) = former else { continue };
            let gone = former.gone.filter(|gone| gone.index < creation.moment.index);
            judge.expect(
                gone.is_some(),
                || {
                    format!(
                        "{} was created while {} was not gone",
                        creation.pod.name, former.name
                    )
                },
                [
                    former
                        .deletion
                        .as_ref()
                        .map_or(former.added(), |deletion| deletion.moment),
                    creation.moment,
                ],
            );
        }
        for (pod, decided, shortened) in shortened_deletions(ledger, set) {
            judge.opportunity();
            judge.violation(
                format!("the controller shortened the deletion of {}", pod.name),
                [decided, shortened],
            );
        }
    }
}

/// The incarnation before a creation.
fn former<'a>(
    ledger: &'a Ledger,
    set: &'a Set,
    ordinal: Ordinal,
    creation: &Creation<'_>,
) -> Option<&'a Incarnation> {
    ledger
        .incarnations(set, ordinal)
        .rev()
        .find(|pod| pod.added().index < creation.moment.index)
}

/// A wanted member that is terminating.
fn leaving<'a>(ledger: &'a Ledger, set: &'a Set, moment: Moment) -> Option<&'a Incarnation> {
    let spec = set.spec_at(moment.index)?;
    ledger
        .members_at(set, moment.index)
        .find(|(ordinal, _, state)| spec.in_range(*ordinal) && state.terminating)
        .map(|(_, pod, _)| pod)
}

/// Deletions whose grace period was cut by the candidate itself: pod, decision, cut.
fn shortened_deletions<'a>(
    ledger: &'a Ledger,
    set: &'a Set,
) -> impl Iterator<Item = (&'a Incarnation, Moment, Moment)> {
    ledger.members(set).filter_map(move |pod| {
        let decided = pod.deletion.as_ref()?;
        let granted = decided.grace?;
        let cut = pod.states.after(decided.moment.index).iter().find(|(_, state)| {
            state.deletion_grace().is_some_and(|grace| grace < granted)
                && state.author(ledger) == Author::Candidate
        });
        cut.map(|(moment, _)| (pod, decided.moment, *moment))
    })
}

/// The same each time.
pub static SS_ID_12: Rule = Rule {
    id: "SS-ID-12",
    sentence: "A new incarnation of a pod keeps hostname, subdomain, pod-name label and claims of the former one",
    why: "The other members know it by its name, and its data lie in its claims.",
    source: "StatefulSet documentation, stable network ID and stable storage; upstream e2e E1",
    fix: "Derive all of them from the set's name, the ordinal and the claim templates, and from nothing else.",
    profile: Profile::Identity,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: same_identity_each_time,
};

fn same_identity_each_time(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        for (ordinal, creation) in members_created(ledger, set) {
            let former = former(ledger, set, ordinal, &creation);
            let Some((former, before)) = former.and_then(|pod| Some((pod, pod.first()?))) else {
                continue;
            };
            // What a former set or somebody else made, and this one adopted, may have looked otherwise.
            let ours = former.created_by.may_be_candidate() && before.owner.as_deref() == Some(&set.uid);
            if !ours {
                continue;
            }
            let changed = changed(ledger, set, before, creation.state);
            judge.expect(
                changed.is_none(),
                || {
                    format!(
                        "{} came back with another {}",
                        creation.pod.name,
                        changed.unwrap_or_default()
                    )
                },
                [former.added(), creation.moment],
            );
        }
    }
}

/// What of the identity differs.
fn changed(ledger: &Ledger, set: &Set, before: &PodState, after: &PodState) -> Option<&'static str> {
    let key = &ledger.subject().labels.pod_name;
    if before.hostname() != after.hostname() {
        Some("hostname")
    } else if before.subdomain() != after.subdomain() {
        Some("subdomain")
    } else if before.label(key) != after.label(key) {
        Some("pod-name label")
    } else if claims(set, before) != claims(set, after) {
        Some("claim")
    } else {
        None
    }
}

/// The claims that come from the set's claim templates, by name of the volume.
fn claims<'a>(set: &Set, state: &'a PodState) -> Vec<(&'a str, &'a str)> {
    let templates = set
        .states
        .last()
        .map(|(_, last)| last.spec.claim_templates.as_slice());
    let mut claims: Vec<(&str, &str)> = state
        .claims()
        .filter(|(volume, _)| templates.is_some_and(|names| names.iter().any(|name| name == volume)))
        .collect();
    claims.sort_unstable();
    claims
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::{Value, json};

    #[test]
    fn a_successor_comes_after_the_former_pod_is_gone() {
        Story::new()
            .set("web", 1)
            .ready_pods(1)
            .remove_pod("web-0")
            .pod("web-0")
            .keeps(&SS_ID_11);
        Story::new()
            .set("web", 2)
            .ready_pods(2)
            .does_not_exercise(&SS_ID_11);
    }

    #[test]
    fn a_successor_beside_a_terminating_pod_is_a_second_one() {
        Story::new()
            .set("web", 1)
            .ready_pods(1)
            .delete_pod("web-0")
            .pod("web-0")
            .breaks(&SS_ID_11, "web-0 was created while web-0 was not gone");
    }

    #[test]
    fn a_substitute_under_another_name_is_a_second_one_too() {
        Story::new()
            .set("web", 1)
            .ready_pods(1)
            .delete_pod("web-0")
            .pod("web-0x")
            .breaks(&SS_ID_11, "web-0x was created while web-0 was not gone");
    }

    #[test]
    fn the_controller_does_not_shorten_a_deletion() {
        let shortened = |author| {
            Story::new()
                .set("web", 1)
                .ready_pods(1)
                .delete_pod("web-0")
                .modify(json!({"metadata": {"deletionGracePeriodSeconds": 0}}))
                .by(author)
                .gone()
                .pod("web-0")
        };
        shortened(Author::Candidate).breaks(&SS_ID_11, "shortened the deletion of web-0");
        // The node agent ends every deletion so.
        shortened(Author::Cluster).keeps(&SS_ID_11);
        shortened(Author::Unknown).keeps(&SS_ID_11);
    }

    fn returned(patch: Value) -> Story {
        Story::new()
            .set_with_claims("web", 1, &["data"])
            .ready_pods(1)
            .remove_pod("web-0")
            .pod_with("web-0", patch)
    }

    #[test]
    fn the_same_identity_each_time() {
        returned(json!({})).keeps(&SS_ID_12);
        Story::new()
            .set("web", 1)
            .ready_pods(1)
            .does_not_exercise(&SS_ID_12);
    }

    #[test]
    fn what_changed_is_named() {
        returned(json!({"spec": {"hostname": "other"}})).breaks(&SS_ID_12, "another hostname");
        returned(json!({"spec": {"subdomain": "other"}})).breaks(&SS_ID_12, "another subdomain");
        returned(json!({"metadata": {"labels": {"statefulset.kubernetes.io/pod-name": "x"}}}))
            .breaks(&SS_ID_12, "another pod-name label");
        let claim = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0-b"}}]);
        returned(json!({"spec": {"volumes": claim}})).breaks(&SS_ID_12, "another claim");
        // Other volumes are the template's business.
        let others = json!([
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
            {"name": "extra", "persistentVolumeClaim": {"claimName": "shared"}},
        ]);
        returned(json!({"spec": {"volumes": others}})).keeps(&SS_ID_12);
    }
}
