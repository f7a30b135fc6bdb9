//! What every object carries: labels, finalizers, owners, its version.

use super::{Author, ClaimState, Ledger, PodState, Revision, RevisionState, SetState, Spec};
use crate::field::Field;
use serde_json::Value;

fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.field(pointer).and_then(Value::as_str)
}

fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.field("/metadata/labels")?.get(key)?.as_str()
}

fn labels(object: &Value) -> impl Iterator<Item = (&str, &str)> {
    object
        .field("/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// An owner reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// Kind of the owner.
    pub kind: &'a str,
    /// Name of the owner.
    pub name: &'a str,
    /// UID of the owner.
    pub uid: &'a str,
    /// `apiVersion` of the owner.
    pub api_version: &'a str,
    /// Whether the owner controls the object.
    pub controller: bool,
    /// Whether a foreground deletion of the owner waits for the object.
    pub blocks_deletion: bool,
}

fn owners(object: &Value) -> impl Iterator<Item = Owner<'_>> {
    object
        .field("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|owner| Owner {
            kind: text(owner, "/kind").unwrap_or_default(),
            name: text(owner, "/name").unwrap_or_default(),
            uid: text(owner, "/uid").unwrap_or_default(),
            api_version: text(owner, "/apiVersion").unwrap_or_default(),
            controller: owner.get("controller").and_then(Value::as_bool) == Some(true),
            blocks_deletion: owner.get("blockOwnerDeletion").and_then(Value::as_bool) == Some(true),
        })
}

fn entries<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    object
        .field(pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

fn words<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a str> {
    object
        .field(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

macro_rules! metadata {
    ($($state:ident)*) => { $(
        impl $state {
            /// Value of a label.
            pub fn label(&self, key: &str) -> Option<&str> {
                label(&self.object, key)
            }

            /// All labels.
            pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
                labels(&self.object)
            }

            /// The owner references.
            pub fn owner_references(&self) -> impl Iterator<Item = Owner<'_>> {
                owners(&self.object)
            }

            /// Whether the object carries a finalizer.
            pub fn has_finalizer(&self, finalizer: &str) -> bool {
                self.object
                    .field("/metadata/finalizers")
                    .and_then(Value::as_array)
                    .is_some_and(|all| all.iter().any(|one| one.as_str() == Some(finalizer)))
            }

            /// Who wrote this state, where that is known. Where its moment is at hand, `Ledger::author_at` is
            /// faster.
            pub fn author(&self, ledger: &Ledger) -> Author {
                text(&self.object, "/metadata/resourceVersion")
                    .and_then(|version| version.parse().ok())
                    .map(|version| ledger.author_of_version(version))
                    .unwrap_or_default()
            }
        }
    )* };
}

metadata!(PodState SetState ClaimState RevisionState);

impl PodState {
    /// `metadata.generateName`.
    pub fn generate_name(&self) -> Option<&str> {
        text(&self.object, "/metadata/generateName")
    }

    /// `spec.hostname`.
    pub fn hostname(&self) -> Option<&str> {
        text(&self.object, "/spec/hostname")
    }

    /// `spec.subdomain`.
    pub fn subdomain(&self) -> Option<&str> {
        text(&self.object, "/spec/subdomain")
    }

    /// Value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.object.field("/metadata/annotations")?.get(key)?.as_str()
    }

    /// The finalizers.
    pub fn finalizers(&self) -> impl Iterator<Item = &str> {
        words(&self.object, "/metadata/finalizers")
    }

    /// `metadata.deletionGracePeriodSeconds`: what was granted when the deletion was decided.
    pub fn deletion_grace(&self) -> Option<i64> {
        self.object
            .field("/metadata/deletionGracePeriodSeconds")
            .and_then(Value::as_i64)
    }

    /// `spec.terminationGracePeriodSeconds`.
    pub fn grace_period(&self) -> Option<i64> {
        self.object
            .field("/spec/terminationGracePeriodSeconds")
            .and_then(Value::as_i64)
    }

    /// The volumes that are claims: name of the volume, name of the claim.
    pub fn claims(&self) -> impl Iterator<Item = (&str, &str)> {
        self.object
            .field("/spec/volumes")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|volume| {
                Some((
                    text(volume, "/name")?,
                    text(volume, "/persistentVolumeClaim/claimName")?,
                ))
            })
    }

    /// Whether the cluster took the pod away: eviction, preemption, taint, pod garbage collection. All of them say so
    /// with the condition `DisruptionTarget`, a controller never does.
    pub fn disrupted(&self) -> bool {
        self.disrupted
    }
}

impl SetState {
    /// The claim template of this name, as it was written.
    pub fn claim_template(&self, name: &str) -> Option<&Value> {
        self.object
            .field("/spec/volumeClaimTemplates")?
            .as_array()?
            .iter()
            .find(|template| text(template, "/metadata/name") == Some(name))
    }

    /// Labels of the pod template.
    pub fn template_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.object
            .field("/spec/template/metadata/labels")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// Whether the set is being deleted and its dependents are to stay.
    pub fn orphaning(&self) -> bool {
        self.terminating && self.has_finalizer("orphan")
    }
}

impl Spec {
    /// Finalizers of the pod template.
    pub fn template_finalizers(&self) -> impl Iterator<Item = &str> {
        words(&self.template, "/metadata/finalizers")
    }
}

impl Revision {
    /// Labels of the stored pod template.
    pub fn template_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        entries(&self.template, "/metadata/labels")
    }

    /// Annotations of the stored pod template.
    pub fn template_annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        entries(&self.template, "/metadata/annotations")
    }

    /// Finalizers of the stored pod template.
    pub fn template_finalizers(&self) -> impl Iterator<Item = &str> {
        words(&self.template, "/metadata/finalizers")
    }
}

impl RevisionState {
    /// Whether it is being deleted.
    pub fn terminating(&self) -> bool {
        self.object
            .field("/metadata/deletionTimestamp")
            .is_some_and(|at| !at.is_null())
    }

    /// Whether the data is a patch that replaces `spec.template`.
    pub fn replaces_template(&self) -> bool {
        text(&self.object, "/data/spec/template/$patch") == Some("replace")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn volumes_that_are_claims_and_the_mark_of_a_disruption() {
        let pod = PodState::of(
            Arc::new(json!({
                "metadata": {"labels": {"app": "web"}, "finalizers": ["hold"]},
                "spec": {"terminationGracePeriodSeconds": 7, "volumes": [
                    {"name": "tmp", "emptyDir": {}},
                    {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
                ]},
                "status": {"conditions": [{"type": "DisruptionTarget", "status": "True"}]},
            })),
            "hash",
        );
        assert_eq!(pod.claims().collect::<Vec<_>>(), [("data", "data-web-0")]);
        assert_eq!(pod.grace_period(), Some(7));
        assert!(pod.disrupted() && pod.has_finalizer("hold") && !pod.has_finalizer("orphan"));
        assert_eq!(pod.label("app"), Some("web"));
    }
}
