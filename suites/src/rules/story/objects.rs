//! Claims, and any other object.

use super::{NAMESPACE, Story, merge, timestamp};
use history::WatchKind;
use serde_json::{Value, json};

impl Story {
    /// A claim is ADDED and Bound.
    pub(crate) fn claim(self, name: &str) -> Story {
        self.claim_with(name, json!({}))
    }

    /// A claim that differs from the right one by a merge patch.
    pub(crate) fn claim_with(mut self, name: &str, patch: Value) -> Story {
        let labels = self
            .objects
            .get(&("statefulsets".to_owned(), self.set.clone()))
            .map_or(Value::Null, |set| set["spec"]["selector"]["matchLabels"].clone());
        let mut object = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": name, "namespace": NAMESPACE, "uid": format!("{name}-uid-{}", self.version),
                "labels": labels,
            },
            "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                "volumeName": format!("pv-{name}"),
            },
            "status": {"phase": "Bound"},
        });
        merge(&mut object, &patch);
        self.watch(WatchKind::Added, "persistentvolumeclaims", object);
        self
    }

    /// A claim changes by a merge patch.
    pub(crate) fn modify_claim(self, name: &str, patch: Value) -> Story {
        self.modify_object("persistentvolumeclaims", name, patch)
    }

    /// The decision to delete a claim.
    pub(crate) fn delete_claim(self, name: &str) -> Story {
        let at = timestamp(self.now);
        self.modify_claim(name, json!({"metadata": {"deletionTimestamp": at}}))
    }

    /// A claim is DELETED.
    pub(crate) fn claim_gone(self, name: &str) -> Story {
        self.object_gone("persistentvolumeclaims", name)
    }

    /// Any other object is ADDED. `metadata.name` is all it needs.
    pub(crate) fn object_added(mut self, resource: &str, mut object: Value) -> Story {
        if !matches!(resource, "nodes" | "persistentvolumes" | "namespaces") {
            merge(&mut object, &json!({"metadata": {"namespace": NAMESPACE}}));
        }
        if object["metadata"].get("uid").is_none() {
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            object["metadata"]["uid"] = json!(format!("{name}-uid-{}", self.version));
        }
        self.watch(WatchKind::Added, resource, object);
        self
    }

    /// An object without a namespace is ADDED.
    pub(crate) fn cluster_object_added(mut self, resource: &str, mut object: Value) -> Story {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        object["metadata"]["uid"] = json!(format!("{name}-uid-{}", self.version));
        self.watch(WatchKind::Added, resource, object);
        self
    }

    /// Any object changes by a merge patch.
    pub(crate) fn modify_object(mut self, resource: &str, name: &str, patch: Value) -> Story {
        let mut object = self.object(resource, name);
        merge(&mut object, &patch);
        self.watch(WatchKind::Modified, resource, object);
        self
    }

    /// Any object is DELETED.
    pub(crate) fn object_gone(mut self, resource: &str, name: &str) -> Story {
        let object = self.object(resource, name);
        self.watch(WatchKind::Deleted, resource, object);
        self
    }

    /// UID of an object of the story, as it is now.
    pub(crate) fn uid(&self, resource: &str, name: &str) -> String {
        self.object(resource, name)["metadata"]["uid"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Address of a pod of the story, as it is now.
    pub(crate) fn ip(&self, pod: &str) -> String {
        self.object("pods", pod)["status"]["podIP"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}
