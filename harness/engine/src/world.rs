//! What the cluster looks like now, as far as the watches have told.

use history::{Ordinal, PodState, Spec, Status, Subject, WatchEvent, WatchKind};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// The newest state of every object of a scenario.
#[derive(Clone, Debug)]
pub struct World {
    subject: Subject,
    objects: BTreeMap<(String, String), Arc<Value>>,
    newest: BTreeMap<String, u64>,
    changes: usize,
}

/// A set as it is now.
#[derive(Clone, Debug)]
pub struct SetNow {
    /// What is asked for.
    pub spec: Spec,
    /// What the controller reports.
    pub status: Status,
    /// UID of the set.
    pub uid: String,
    /// Whether deletionTimestamp is set.
    pub terminating: bool,
}

impl World {
    /// An empty world.
    pub fn new(subject: Subject) -> Self {
        World {
            subject,
            objects: BTreeMap::new(),
            newest: BTreeMap::new(),
            changes: 0,
        }
    }

    /// How often it has changed. As long as that stays the same, what was seen holds.
    pub fn changes(&self) -> usize {
        self.changes
    }

    pub(crate) fn take(&mut self, event: &WatchEvent) {
        self.changes += 1;
        let key = (event.resource.clone(), event.name().to_owned());
        let newest = self.newest.entry(event.resource.clone()).or_default();
        *newest = event.resource_version().unwrap_or_default().max(*newest);
        match event.kind {
            WatchKind::Deleted => {
                // A late DELETED must not remove a newer object of the same name.
                let uid = |object: &Value| object.pointer("/metadata/uid").cloned();
                if self
                    .objects
                    .get(&key)
                    .is_some_and(|now| uid(now) == uid(&event.object))
                {
                    self.objects.remove(&key);
                }
            }
            _ => {
                self.objects.insert(key, event.object.clone());
            }
        }
    }

    /// Whether everything up to `version` is known of a resource. Resources that are not watched always are.
    pub fn knows(&self, resource: &str, version: u64) -> bool {
        self.newest.get(resource).is_none_or(|newest| *newest >= version)
    }

    /// An object by resource and name.
    pub fn object(&self, resource: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects.get(&(resource.to_owned(), name.to_owned()))
    }

    /// All objects of a resource, by name.
    pub fn all<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = (&'a str, &'a Arc<Value>)> + 'a {
        self.objects
            .range((resource.to_owned(), String::new())..)
            .take_while(move |((kind, _), _)| kind == resource)
            .map(|((_, name), object)| (name.as_str(), object))
    }

    /// A set by name.
    pub fn set(&self, name: &str) -> Option<SetNow> {
        let object = self.object(&self.subject.resource, name)?;
        Some(SetNow {
            spec: Spec::of(object),
            status: Status::of(object),
            uid: object
                .pointer("/metadata/uid")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .into(),
            terminating: object.pointer("/metadata/deletionTimestamp").is_some(),
        })
    }

    /// A pod by name.
    pub fn pod(&self, name: &str) -> Option<PodState> {
        self.object("pods", name).map(|object| self.state(object))
    }

    /// UID of a pod, or of nothing.
    pub fn uid(&self, resource: &str, name: &str) -> Option<String> {
        Some(
            self.object(resource, name)?
                .pointer("/metadata/uid")?
                .as_str()?
                .to_owned(),
        )
    }

    /// The members of a set that exist, by ordinal.
    pub fn members(&self, set: &str) -> BTreeMap<Ordinal, PodState> {
        self.all("pods")
            .filter_map(|(name, object)| Some((Ordinal::of(name, set)?, self.state(object))))
            .collect()
    }

    /// All pods, by name.
    pub fn pods(&self) -> impl Iterator<Item = (&str, PodState)> + '_ {
        self.all("pods").map(|(name, object)| (name, self.state(object)))
    }

    /// Whether a pod is being started or ended, or its readiness is still to be reported: that is the scheduler's, the
    /// provisioner's and the node's to do.
    pub fn pods_move(&self) -> bool {
        self.all("pods").any(|(_, object)| {
            let pod = self.state(object);
            pod.terminating || pod.phase == "Pending" || readiness_is_due(object)
        })
    }

    /// The state of all pods in one line, for messages.
    pub fn describe_pods(&self) -> String {
        let pods: Vec<String> = self
            .pods()
            .map(|(name, state)| format!("{name} {}", state.describe()))
            .collect();
        if pods.is_empty() {
            "no pods".into()
        } else {
            pods.join(", ")
        }
    }

    fn state(&self, object: &Arc<Value>) -> PodState {
        PodState::of(object.clone(), &self.subject.labels.revision)
    }
}

/// Whether the condition Ready does not yet follow from what it is made of: containers that are ready, and gates that are
/// open (Kubernetes documentation, "Pod readiness").
fn readiness_is_due(pod: &Value) -> bool {
    let holds = |kind: &str| {
        let mut conditions = list(pod, "/status/conditions").iter();
        let condition = conditions.find(|condition| condition["type"] == kind)?;
        Some(condition["status"] == "True")
    };
    let (Some(ready), Some(containers)) = (holds("Ready"), holds("ContainersReady")) else {
        return false;
    };
    let gates_open = list(pod, "/spec/readinessGates").iter().all(|gate| {
        let kind = gate["conditionType"].as_str();
        kind.and_then(holds).unwrap_or_default()
    });
    ready != (containers && gates_open)
}

fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    let found = object.pointer(pointer).and_then(Value::as_array);
    found.map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn moves(pod: &Value) -> bool {
        let mut world = World::new(Subject::default());
        world.take(&WatchEvent {
            kind: WatchKind::Added,
            resource: "pods".into(),
            object: Arc::new(pod.clone()),
        });
        world.pods_move()
    }

    #[test]
    fn a_pod_moves_while_it_is_started_or_ended() {
        let mut pod = json!({
            "metadata": { "name": "web-0", "uid": "1" },
            "spec": { "nodeName": "one" },
            "status": { "phase": "Pending" },
        });
        assert!(moves(&pod));
        pod["status"]["phase"] = "Running".into();
        assert!(!moves(&pod), "it runs");
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert!(moves(&pod));
    }

    #[test]
    fn a_pod_moves_until_its_readiness_follows_from_its_containers_and_gates() {
        let gated = |gate: &str, containers: &str, ready: &str| {
            json!({
                "metadata": { "name": "web-0", "uid": "1" },
                "spec": { "readinessGates": [{ "conditionType": "held" }] },
                "status": { "phase": "Running", "conditions": [
                    { "type": "held", "status": gate },
                    { "type": "ContainersReady", "status": containers },
                    { "type": "Ready", "status": ready },
                ] },
            })
        };
        assert!(moves(&gated("True", "True", "False")), "opened a moment ago");
        assert!(moves(&gated("False", "True", "True")), "closed a moment ago");
        for settled in [
            gated("True", "True", "True"),
            gated("False", "True", "False"),
            gated("True", "False", "False"),
        ] {
            assert!(!moves(&settled), "{settled}");
        }
    }
}
