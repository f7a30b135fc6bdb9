//! One DaemonSet, its nodes and its pods, indexed for judging.

use history::{DaemonSpec, Elapsed, Incarnation, Ledger, Moment, PodState, Related};
use std::collections::BTreeSet;

/// One DaemonSet from its first event to its end.
pub(super) struct Daemon<'a> {
    pub(super) ledger: &'a Ledger,
    /// The set.
    pub(super) set: &'a Related,
    /// Its pods, in order of appearance.
    pub(super) pods: Vec<&'a Incarnation>,
    /// Names of the nodes.
    pub(super) nodes: BTreeSet<&'a str>,
    /// When the end of the set began.
    pub(super) ending: Option<Moment>,
}

/// The DaemonSets of a history.
pub(super) fn daemons(ledger: &Ledger) -> impl Iterator<Item = Daemon<'_>> {
    ledger.related("daemonsets").map(move |set| {
        let marked = set.states.entries().iter().find(|(_, object)| {
            object
                .pointer("/metadata/deletionTimestamp")
                .is_some_and(|at| !at.is_null())
        });
        let marked = marked.map(|(moment, _)| *moment);
        let path = format!(
            "/apis/apps/v1/namespaces/{}/daemonsets/{}",
            set.namespace, set.name
        );
        let asked = ledger
            .actions()
            .iter()
            .find(|(_, action)| action.method == "DELETE" && action.path.split('?').next() == Some(&path))
            .map(|(moment, _)| *moment);
        Daemon {
            ledger,
            set,
            pods: ledger.controlled_by(set).collect(),
            nodes: ledger.related("nodes").map(|node| node.name.as_str()).collect(),
            ending: [marked, asked, set.gone, ledger.namespace_deletion(&set.namespace)]
                .into_iter()
                .flatten()
                .min(),
        }
    })
}

impl<'a> Daemon<'a> {
    /// What was asked for at position `index`.
    pub(super) fn spec_at(&self, index: usize) -> Option<DaemonSpec> {
        self.set.at(index).map(|object| DaemonSpec::of(object))
    }

    /// The last moment of the set's ordinary life.
    pub(super) fn last(&self) -> Moment {
        self.ending.unwrap_or(self.ledger.end())
    }

    /// Whether the node is to have a pod at position `index`; `None` where that cannot be told.
    pub(super) fn wants(&self, node: &str, index: usize) -> Option<bool> {
        let spec = self.spec_at(index)?;
        match self
            .ledger
            .related_named("nodes", "", node)
            .find_map(|life| life.at(index))
        {
            Some(node) => spec.wants(node),
            None => Some(false),
        }
    }

    /// The pods for a node.
    pub(super) fn pods_for<'s>(&'s self, node: &'s str) -> impl Iterator<Item = &'a Incarnation> + 's {
        self.pods
            .iter()
            .copied()
            .filter(move |pod| pod.last().is_some_and(|last| last.daemon_target() == Some(node)))
    }

    /// Everything that changes which pods are wanted or there, in order. Changes of pods count as far as they turn
    /// Ready, terminating or ended, or come and go.
    pub(super) fn turns(&self) -> Vec<Moment> {
        let mut turns: Vec<Moment> = Vec::new();
        let mut spec: Option<DaemonSpec> = None;
        for (moment, object) in self.set.states.entries() {
            let now = DaemonSpec::of(object);
            if spec.as_ref() != Some(&now) {
                turns.push(*moment);
                spec = Some(now);
            }
        }
        for node in self.ledger.related("nodes") {
            let mut known: Option<Vec<Option<&serde_json::Value>>> = None;
            for (moment, object) in node.states.entries() {
                let now = vec![object.pointer("/metadata/labels"), object.pointer("/spec")];
                if known.as_ref() != Some(&now) {
                    turns.push(*moment);
                    known = Some(now);
                }
            }
            turns.extend(node.gone);
        }
        for pod in &self.pods {
            let mut known = None;
            for (moment, state) in pod.states.entries() {
                let now = (state.ready, state.terminating, state.ended());
                if known != Some(now) {
                    turns.push(*moment);
                    known = Some(now);
                }
            }
            turns.extend(pod.gone);
        }
        let last = self.last();
        let first = self.set.states.first().map_or(last, |(moment, _)| *moment);
        turns.retain(|turn| first <= *turn && *turn < last);
        turns.sort_unstable();
        turns.dedup();
        turns
    }
}

/// Whether a pod counts as the one of its node.
pub(super) fn counts(state: &PodState) -> bool {
    !state.terminating && !state.ended()
}

/// How long it is from one moment to another.
pub(super) fn between(from: Moment, until: Moment) -> std::time::Duration {
    let Moment { at, .. } = from;
    let until: Elapsed = until.at;
    until.since(at)
}

/// DaemonSets for the tests of this area.
#[cfg(test)]
pub(super) mod told {
    use crate::rules::story::Story;
    use serde_json::{Value, json};

    /// Two nodes, of which the second is tainted, and the set `agent` with its revision.
    pub(in crate::rules::daemonset) fn agent(spec: Value) -> Story {
        let tainted = json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]});
        let template = json!({"metadata": {"labels": {"app": "agent"}}, "spec": spec});
        let story = Story::new()
            .object_added("nodes", json!({"metadata": {"name": "a"}}))
            .object_added("nodes", json!({"metadata": {"name": "b"}, "spec": tainted}))
            .object_added(
                "daemonsets",
                json!({"metadata": {"name": "agent", "uid": "ds", "generation": 1}, "spec": {"template": template}}),
            );
        let owner = owner();
        story.object_added(
            "controllerrevisions",
            json!({"metadata": {"name": "agent-5d8f", "ownerReferences": [owner]}, "revision": 1}),
        )
    }

    /// The owner reference of the set's pods.
    pub(in crate::rules::daemonset) fn owner() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "ds",
            "controller": true, "blockOwnerDeletion": true,
        })
    }

    /// A daemon pod for a node, as a correct controller makes it.
    pub(in crate::rules::daemonset) fn pod(name: &str, node: &str) -> Value {
        let fields = json!([{"key": "metadata.name", "operator": "In", "values": [node]}]);
        let terms = json!({"nodeSelectorTerms": [{"matchFields": fields}]});
        json!({
            "metadata": {
                "name": name, "generateName": "agent-", "ownerReferences": [owner()],
                "labels": {"app": "agent", "controller-revision-hash": "5d8f"},
            },
            "spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}},
            "status": {"phase": "Pending"},
        })
    }
}
