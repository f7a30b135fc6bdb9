//! Held readiness: a readiness gate on every member that the scenario turns on and off.
//!
//! A pod whose gate is closed is Running but not Ready, on any cluster, for as long as wanted, without touching its
//! containers.

use crate::{clock, recorder::Recorder};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Condition type of the gate.
pub const GATE: &str = "ordinal.dev/held";
/// When a gate that could not be moved is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// Which pods are held. All others are released as soon as they appear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Holds {
    everything: bool,
    /// Pods that are held, each but for the incarnation with this UID.
    pods: BTreeMap<String, Option<String>>,
    /// Pods that are not held although everything is.
    released: BTreeSet<String>,
}

impl Holds {
    fn holds(&self, pod: &str, uid: &str) -> bool {
        match self.pods.get(pod) {
            Some(spared) => spared.as_deref() != Some(uid),
            None => self.everything && !self.released.contains(pod),
        }
    }
}

/// Opens the gate of every member that is not held, and closes it on those that are.
#[derive(Clone)]
pub struct GateKeeper {
    holds: watch::Sender<Holds>,
    problem: Arc<Mutex<Option<String>>>,
}

impl GateKeeper {
    /// A keeper that holds nobody.
    pub fn new() -> Self {
        GateKeeper {
            holds: watch::Sender::new(Holds::default()),
            problem: Arc::default(),
        }
    }

    /// Holds a pod, the present one and every later one of that name.
    pub fn hold(&self, pod: &str) {
        self.holds
            .send_modify(|holds| drop(holds.pods.insert(pod.to_owned(), None)));
    }

    /// Holds every later pod of that name, but not the one with this UID.
    pub fn hold_next(&self, pod: &str, present: Option<String>) {
        self.holds
            .send_modify(|holds| drop(holds.pods.insert(pod.to_owned(), present)));
    }

    /// Holds every pod.
    pub fn hold_all(&self) {
        self.holds.send_modify(|holds| {
            *holds = Holds {
                everything: true,
                ..Holds::default()
            }
        });
    }

    /// Releases a pod.
    pub fn release(&self, pod: &str) {
        self.holds.send_modify(|holds| {
            holds.pods.remove(pod);
            holds.released.insert(pod.to_owned());
        });
    }

    /// Releases every pod.
    pub fn release_all(&self) {
        self.holds.send_modify(|holds| *holds = Holds::default());
    }

    /// Why a gate could not be moved, if that happened.
    pub fn problem(&self) -> Option<String> {
        self.problem
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Works until it is dropped.
    pub async fn work(self, client: Client, namespace: String, recorder: Recorder) {
        let pods: Api<Pod> = Api::namespaced(client, &namespace);
        let mut changes = recorder.changes();
        let mut holds = self.holds.subscribe();
        // What was asked of which incarnation, so that nothing is asked twice while the answer is under way.
        let mut asked: BTreeMap<String, bool> = BTreeMap::new();
        loop {
            let wanted = holds.borrow_and_update().clone();
            changes.mark_unchanged();
            let mut failed = false;
            for (name, uid, open) in recorder.look(|world| due(world, &wanted)) {
                if asked.insert(uid.clone(), open) == Some(open) {
                    continue;
                }
                let patch = Patch::Strategic(condition(&uid, open));
                match pods.patch_status(&name, &PatchParams::default(), &patch).await {
                    Ok(_) => {}
                    // Gone or replaced meanwhile.
                    Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409 | 422) => {}
                    Err(error) => {
                        asked.remove(&uid);
                        failed = true;
                        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!(
                            "the readiness gate of {name} could not be patched: {error}"
                        ));
                    }
                }
            }
            tokio::select! {
                biased;
                changed = holds.changed() => if changed.is_err() { return },
                changed = changes.changed() => if changed.is_err() { return },
                // The world may be at rest just because a gate was not moved.
                () = clock::pass(RETRY), if failed => {}
            }
        }
    }
}

impl Default for GateKeeper {
    fn default() -> Self {
        Self::new()
    }
}

/// Pods whose gate stands otherwise than wanted: name, UID, whether it is to be open.
fn due(world: &crate::world::World, wanted: &Holds) -> Vec<(String, String, bool)> {
    world
        .all("pods")
        .filter(|(_, object)| has_gate(object))
        .filter_map(|(name, object)| {
            let uid = object.pointer("/metadata/uid").and_then(Value::as_str)?;
            let open = !wanted.holds(name, uid);
            let stands = object
                .pointer("/status/conditions")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .find(|condition| condition.get("type").and_then(Value::as_str) == Some(GATE))
                .and_then(|condition| condition.get("status").and_then(Value::as_str));
            // A gate that was never set is as good as closed.
            let is_open = stands == Some("True");
            (open != is_open).then(|| (name.to_owned(), uid.to_owned(), open))
        })
        .collect()
}

fn has_gate(object: &Value) -> bool {
    object
        .pointer("/spec/readinessGates")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(|gate| gate.get("conditionType").and_then(Value::as_str) == Some(GATE))
}

fn condition(uid: &str, open: bool) -> Value {
    json!({
        "metadata": { "uid": uid },
        "status": { "conditions": [{
            "type": GATE,
            "status": if open { "True" } else { "False" },
            "reason": if open { "Released" } else { "Held" },
        }] },
    })
}
