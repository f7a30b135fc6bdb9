//! Members: how they come, how they change, how they go.

use super::{NAMESPACE, Story, merge, owner_reference, timestamp};
use history::{Observation, WatchKind};
use serde_json::{Value, json};
use std::sync::Arc;

impl Story {
    /// A member is ADDED, as its set and the newest revision ask for it: Pending, not scheduled.
    pub(crate) fn pod(self, name: &str) -> Story {
        self.pod_with(name, json!({}))
    }

    /// A member that was there before the history began, Ready.
    pub(crate) fn initial_pod(mut self, name: &str) -> Story {
        let mut object = self.member(name);
        merge(&mut object, &ready_status(true, self.now));
        self.pod = name.into();
        self.watch(WatchKind::Initial, "pods", object);
        self
    }

    /// A member that differs from the right one by a merge patch.
    pub(crate) fn pod_with(mut self, name: &str, patch: Value) -> Story {
        let mut object = self.member(name);
        merge(&mut object, &patch);
        self.pod = name.into();
        self.watch(WatchKind::Added, "pods", object);
        self
    }

    /// Members `<set>-0` to `<set>-(n-1)`, one after another and each Ready before the next.
    pub(crate) fn ready_pods(mut self, n: u32) -> Story {
        let set = self.set.clone();
        for ordinal in 0..n {
            self = self.pod(&format!("{set}-{ordinal}")).ready();
        }
        self
    }

    fn member(&self, name: &str) -> Value {
        let set = self
            .sets
            .iter()
            .filter(|set| {
                name.strip_prefix(set.as_str()).is_some_and(|rest| {
                    rest.strip_prefix('-')
                        .is_some_and(|ordinal| !ordinal.contains('-'))
                })
            })
            .max_by_key(|set| set.len())
            .unwrap_or(&self.set);
        let set = self.object("statefulsets", set);
        let set_name = set["metadata"]["name"].as_str().unwrap();
        let (revision, template) = self
            .revisions
            .last()
            .cloned()
            .unwrap_or_else(|| (format!("{set_name}-none"), set["spec"]["template"].clone()));
        let ordinal = name.rsplit('-').next().unwrap_or_default();
        let mut object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name, "namespace": NAMESPACE, "generateName": format!("{set_name}-"),
                "uid": format!("{name}-uid-{}", self.version), "creationTimestamp": timestamp(self.now),
                "labels": template["metadata"]["labels"].clone(),
                "ownerReferences": [owner_reference(&set)],
            },
            "spec": template["spec"].clone(),
            "status": {"phase": "Pending"},
        });
        if let Some(annotations) = template["metadata"].get("annotations") {
            object["metadata"]["annotations"] = annotations.clone();
        }
        let labels = &mut object["metadata"]["labels"];
        labels["controller-revision-hash"] = json!(revision);
        labels["statefulset.kubernetes.io/pod-name"] = json!(name);
        labels["apps.kubernetes.io/pod-index"] = json!(ordinal);
        object["spec"]["hostname"] = json!(name);
        object["spec"]["subdomain"] = set["spec"]["serviceName"].clone();
        let volumes: Vec<Value> = set["spec"]["volumeClaimTemplates"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|template| template["metadata"]["name"].as_str())
            .map(|claim| {
                json!({"name": claim, "persistentVolumeClaim": {"claimName": format!("{claim}-{name}")}})
            })
            .collect();
        if !volumes.is_empty() {
            object["spec"]["volumes"] = json!(volumes);
        }
        object
    }

    /// The verbs speak of this pod from here on.
    pub(crate) fn on(mut self, name: &str) -> Story {
        self.pod = name.into();
        self
    }

    /// The pod changes by a merge patch.
    pub(crate) fn modify(mut self, patch: Value) -> Story {
        let mut object = self.object("pods", &self.pod);
        merge(&mut object, &patch);
        self.watch(WatchKind::Modified, "pods", object);
        self
    }

    /// The pod is bound to a node.
    pub(crate) fn scheduled(self, node: &str) -> Story {
        self.modify(json!({"spec": {"nodeName": node}}))
    }

    /// The pod runs with an address and is not Ready.
    pub(crate) fn running(self) -> Story {
        let patch = ready_status(false, self.now);
        let address = self.address();
        self.modify(patch).address_of_last(&address)
    }

    /// The pod is Running and Ready, with an address.
    pub(crate) fn ready(self) -> Story {
        let patch = ready_status(true, self.now);
        let address = self.address();
        self.modify(patch).address_of_last(&address)
    }

    /// The pod is Running and Ready, as its node tells only now, so many milliseconds later.
    pub(crate) fn ready_told_late(mut self, late_ms: u64) -> Story {
        let patch = ready_status(true, self.now);
        self.now += late_ms;
        let address = self.address();
        self.modify(patch).address_of_last(&address)
    }

    /// The pod is no longer Ready, but still Running.
    pub(crate) fn unready(self) -> Story {
        let patch = ready_status(false, self.now);
        self.modify(patch)
    }

    /// The pod ends in phase Failed.
    pub(crate) fn failed(self) -> Story {
        let mut patch = ready_status(false, self.now);
        patch["status"]["phase"] = json!("Failed");
        self.modify(patch)
    }

    /// Address of the pod: stays once given.
    fn address(&self) -> String {
        let pod = self.object("pods", &self.pod);
        match pod["status"]["podIP"].as_str() {
            Some(address) => address.into(),
            None => format!("10.0.0.{}", self.version % 250 + 1),
        }
    }

    /// Puts the address into the event that was just told.
    fn address_of_last(mut self, address: &str) -> Story {
        let Some(Observation::Watch(watch)) = self.events.last_mut().map(|event| &mut event.what) else {
            return self;
        };
        let object = Arc::make_mut(&mut watch.object);
        object["status"]["podIP"] = json!(address);
        let key = ("pods".to_owned(), self.pod.clone());
        self.objects.insert(key, object.clone());
        self
    }

    /// The decision to delete the pod: deletionTimestamp, with the pod's own grace period.
    pub(crate) fn delete_pod(self, name: &str) -> Story {
        let pod = self.object("pods", name);
        let grace = pod["spec"]["terminationGracePeriodSeconds"]
            .as_i64()
            .unwrap_or(30);
        self.delete_pod_with_grace(name, grace)
    }

    /// The decision to delete the pod, with another grace period.
    pub(crate) fn delete_pod_with_grace(self, name: &str, grace: i64) -> Story {
        let at = timestamp(self.now + grace.unsigned_abs() * 1_000);
        self.on(name).modify(
            json!({"metadata": {"deletionTimestamp": at, "deletionGracePeriodSeconds": grace, "generation": 2}}),
        )
    }

    /// The pod that the verbs speak of is DELETED.
    pub(crate) fn gone(mut self) -> Story {
        let object = self.object("pods", &self.pod);
        self.watch(WatchKind::Deleted, "pods", object);
        self
    }

    /// The decision to delete the pod, and its end right after. [`Story::by`] would speak of the end: to say who
    /// decided, tell `delete_pod`, `by`, `gone`.
    pub(crate) fn remove_pod(self, name: &str) -> Story {
        self.delete_pod(name).gone()
    }
}

fn ready_status(ready: bool, now: u64) -> Value {
    json!({"status": {
        "phase": "Running",
        "conditions": [
            {"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": timestamp(now)},
        ],
    }})
}
