//! Which revision of the template a pod was made from.

use crate::rules::acts::{Creation, creations};
use history::{Ledger, Revision, Set};
use judging::{Feature, Judge, Kind, Level, Profile, Rule};

/// The revision label.
pub static SS_ID_07: Rule = Rule {
    id: "SS-ID-07",
    sentence: "The revision label of a pod is the full name of a ControllerRevision that existed before the pod and is \
               controlled by the set",
    why: "Rollouts, rollbacks and partitions are decided by this label; one that names nothing cannot be rolled back to.",
    source: "StatefulSet documentation, rolling updates; upstream e2e E5, E6",
    fix: "Store the template in a ControllerRevision first, and label the pod with its name, not with the hash alone.",
    profile: Profile::Identity,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::Revisions],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        // Without any revision in view, revisions were not watched.
        for set in ledger
            .sets()
            .iter()
            .filter(|_| !ledger.all_revisions().is_empty())
        {
            for creation in creations(ledger, set) {
                let label = creation.state.revision.as_deref().unwrap_or_default();
                let revision = ledger.revision_at(&set.namespace, label, creation.moment.index);
                let wrong = match revision {
                    _ if label.is_empty() => Some("no revision label".to_owned()),
                    None => Some(format!(
                        "the revision label {label}, and there is no such ControllerRevision"
                    )),
                    Some(revision) if !controlled_by(revision, set, &creation) => Some(format!(
                        "the revision label {label}, which belongs to somebody else"
                    )),
                    Some(_) => None,
                };
                judge.expect(
                    wrong.is_none(),
                    || format!("{} has {}", creation.pod.name, wrong.unwrap_or_default()),
                    [set.added(), creation.moment],
                );
            }
        }
    },
};

/// Whether the set controls the revision when the pod is created, or did at some time: a set may adopt it.
fn controlled_by(revision: &Revision, set: &Set, creation: &Creation<'_>) -> bool {
    let states = revision
        .states
        .entries()
        .iter()
        .filter(|(at, _)| at.index < creation.moment.index);
    states.into_iter().any(|(_, state)| {
        state
            .owner_references()
            .any(|owner| owner.controller && owner.uid == set.uid)
    })
}

/// Template metadata.
pub static SS_ID_10: Rule = Rule {
    id: "SS-ID-10",
    sentence: "Labels, annotations and finalizers of the template are copied to the pod",
    why: "Service meshes, backup tools and policies are switched on by annotations of the template.",
    source: "StatefulSet controller (reference)",
    fix: "Start from the metadata of the stored template and add the identity labels to it.",
    profile: Profile::Identity,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: copies_template_metadata,
};

fn copies_template_metadata(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        for creation in creations(ledger, set) {
            let label = creation.state.revision.as_deref().unwrap_or_default();
            let Some(revision) = ledger.revision_at(&set.namespace, label, creation.moment.index) else {
                continue;
            };
            let lost = lost(&creation, revision);
            judge.expect(
                lost.is_none(),
                || {
                    format!(
                        "{} lacks {} of its template",
                        creation.pod.name,
                        lost.unwrap_or_default()
                    )
                },
                [revision.added(), creation.moment],
            );
        }
    }
}

/// What of the template's metadata the pod does not have.
fn lost(creation: &Creation<'_>, revision: &Revision) -> Option<String> {
    let pod = creation.state;
    let label = revision
        .template_labels()
        .find(|(key, value)| pod.label(key) != Some(value))
        .map(|(key, _)| format!("the label {key}"));
    let annotation = revision
        .template_annotations()
        .find(|(key, value)| pod.annotation(key) != Some(value))
        .map(|(key, _)| format!("the annotation {key}"));
    let finalizer = revision
        .template_finalizers()
        .find(|finalizer| !pod.has_finalizer(finalizer))
        .map(|finalizer| format!("the finalizer {finalizer}"));
    label.or(annotation).or(finalizer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    #[test]
    fn the_label_names_a_revision_that_was_there_before() {
        Story::new()
            .set("web", 1)
            .revision("web-abc")
            .pod("web-0")
            .keeps(&SS_ID_07);
        Story::new()
            .set("web", 1)
            .revision("web-abc")
            .does_not_exercise(&SS_ID_07);
        Story::new()
            .set("web", 1)
            .pod("web-0")
            .does_not_exercise(&SS_ID_07);
    }

    #[test]
    fn the_hash_alone_names_nothing() {
        Story::new()
            .set("web", 1)
            .revision("web-abc")
            .pod_with(
                "web-0",
                json!({"metadata": {"labels": {"controller-revision-hash": "abc"}}}),
            )
            .breaks(&SS_ID_07, "label abc, and there is no such ControllerRevision");
    }

    #[test]
    fn a_pod_without_the_label_is_of_no_revision() {
        Story::new()
            .set("web", 1)
            .revision("web-abc")
            .pod_with(
                "web-0",
                json!({"metadata": {"labels": {"controller-revision-hash": null}}}),
            )
            .breaks(&SS_ID_07, "no revision label");
    }

    #[test]
    fn a_revision_that_comes_after_its_pod_is_late() {
        Story::new()
            .set("web", 1)
            .pod_with(
                "web-0",
                json!({"metadata": {"labels": {"controller-revision-hash": "web-abc"}}}),
            )
            .revision("web-abc")
            .breaks(&SS_ID_07, "there is no such ControllerRevision");
    }

    #[test]
    fn a_revision_of_somebody_else_is_no_revision_of_the_set() {
        Story::new()
            .set("web", 1)
            .revision_with("web-abc", json!({"metadata": {"ownerReferences": null}}))
            .pod("web-0")
            .breaks(&SS_ID_07, "belongs to somebody else");
    }

    fn with_annotation() -> Story {
        let template =
            json!({"metadata": {"annotations": {"backup": "daily"}, "finalizers": ["example.com/x"]}});
        Story::new()
            .set_with("web", 1, json!({"spec": {"template": template}}))
            .revision("web-abc")
    }

    #[test]
    fn metadata_of_the_template_is_copied() {
        let finalizers = json!({"metadata": {"finalizers": ["example.com/x"]}});
        with_annotation().pod_with("web-0", finalizers).keeps(&SS_ID_10);
        Story::new()
            .set("web", 1)
            .pod("web-0")
            .does_not_exercise(&SS_ID_10);
    }

    #[test]
    fn what_is_lost_is_named() {
        with_annotation()
            .pod("web-0")
            .breaks(&SS_ID_10, "the finalizer example.com/x");
        with_annotation()
            .pod_with("web-0", json!({"metadata": {"annotations": null}}))
            .breaks(&SS_ID_10, "the annotation backup");
        with_annotation()
            .pod_with("web-0", json!({"metadata": {"labels": {"app": null}}}))
            .breaks(&SS_ID_10, "the label app");
    }
}
