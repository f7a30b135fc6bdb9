//! Sets and their revisions.

use super::{NAMESPACE, Story, merge, owner_reference, timestamp};
use history::WatchKind;
use serde_json::{Value, json};

impl Story {
    /// A set is ADDED: OrderedReady, RollingUpdate, no claims, service `<name>-svc`. Later verbs speak of it.
    pub(crate) fn set(self, name: &str, replicas: u32) -> Story {
        self.set_with(name, replicas, json!({}))
    }

    /// A set with claim templates of these names.
    pub(crate) fn set_with_claims(self, name: &str, replicas: u32, templates: &[&str]) -> Story {
        let templates: Vec<Value> = templates
            .iter()
            .map(|name| {
                json!({
                    "metadata": {"name": name},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                })
            })
            .collect();
        self.set_with(
            name,
            replicas,
            json!({"spec": {"volumeClaimTemplates": templates}}),
        )
    }

    /// A set that differs from the usual one by a merge patch.
    pub(crate) fn set_with(mut self, name: &str, replicas: u32, patch: Value) -> Story {
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {
                "name": name, "namespace": NAMESPACE, "uid": format!("{name}-uid-{}", self.version),
                "generation": 1, "creationTimestamp": timestamp(self.now),
            },
            "spec": {
                "replicas": replicas,
                "serviceName": format!("{name}-svc"),
                "podManagementPolicy": "OrderedReady",
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {
                        "terminationGracePeriodSeconds": 30,
                        "containers": [{"name": "app", "image": "app:1", "ports": [{"name": "web", "containerPort": 80}]}],
                    },
                },
            },
            "status": {"replicas": 0},
        });
        merge(&mut object, &patch);
        self.set = name.into();
        self.sets.push(name.into());
        self.watch(WatchKind::Added, "statefulsets", object);
        self
    }

    /// Later verbs speak of this set.
    pub(crate) fn on_set(mut self, name: &str) -> Story {
        self.set = name.into();
        self
    }

    /// The set is changed by a merge patch; its generation moves if the spec does.
    pub(crate) fn change(mut self, patch: Value) -> Story {
        let mut object = self.object("statefulsets", &self.set);
        let before = object["spec"].clone();
        merge(&mut object, &patch);
        if object["spec"] != before {
            object["metadata"]["generation"] = json!(object["metadata"]["generation"].as_i64().unwrap() + 1);
        }
        self.watch(WatchKind::Modified, "statefulsets", object);
        self
    }

    /// Other replicas are asked for.
    pub(crate) fn scale(self, replicas: u32) -> Story {
        self.change(json!({"spec": {"replicas": replicas}}))
    }

    /// Another image is asked for. The revision that stores it comes with [`Story::revision`].
    pub(crate) fn image(self, image: &str) -> Story {
        self.change(json!({"spec": {"template": {"spec": {"containers": [
            {"name": "app", "image": image, "ports": [{"name": "web", "containerPort": 80}]},
        ]}}}}))
    }

    /// Another partition is asked for.
    pub(crate) fn partition(self, partition: u32) -> Story {
        self.change(json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": partition}}}}))
    }

    /// The controller reports: fields of the status, merged into what it reported before.
    pub(crate) fn status(self, status: Value) -> Story {
        self.change(json!({"status": status}))
    }

    /// The set gets its deletionTimestamp.
    pub(crate) fn delete_set(self) -> Story {
        let now = timestamp(self.now);
        self.change(json!({"metadata": {"deletionTimestamp": now}}))
    }

    /// The set is gone.
    pub(crate) fn set_gone(mut self) -> Story {
        let object = self.object("statefulsets", &self.set);
        self.watch(WatchKind::Deleted, "statefulsets", object);
        self
    }

    /// The set's template is stored in a new ControllerRevision with the next number. Pods made later carry it.
    pub(crate) fn revision(self, name: &str) -> Story {
        self.revision_with(name, json!({}))
    }

    /// A revision that differs from the right one by a merge patch.
    pub(crate) fn revision_with(mut self, name: &str, patch: Value) -> Story {
        let set = self.object("statefulsets", &self.set);
        let mut template = set["spec"]["template"].clone();
        template["$patch"] = json!("replace");
        let number = self.revisions.len() + 1;
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": "ControllerRevision",
            "metadata": {
                "name": name, "namespace": NAMESPACE, "uid": format!("{name}-uid-{}", self.version),
                "labels": set["spec"]["template"]["metadata"]["labels"].clone(),
                "ownerReferences": [owner_reference(&set)],
            },
            "data": {"spec": {"template": template}},
            "revision": number,
        });
        let hash = name.rsplit('-').next().unwrap_or(name);
        object["metadata"]["labels"]["controller.kubernetes.io/hash"] = json!(hash);
        merge(&mut object, &patch);
        self.revisions
            .push((name.into(), set["spec"]["template"].clone()));
        self.watch(WatchKind::Added, "controllerrevisions", object);
        self
    }

    /// The set takes over a revision that an earlier one has left behind.
    pub(crate) fn adopt_revision(self, name: &str) -> Story {
        let owner = owner_reference(&self.object("statefulsets", &self.set));
        self.modify_object(
            "controllerrevisions",
            name,
            json!({"metadata": {"ownerReferences": [owner]}}),
        )
    }

    /// Pods made later carry this revision.
    pub(crate) fn use_revision(mut self, name: &str) -> Story {
        let place = self
            .revisions
            .iter()
            .position(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("there is no revision {name}"));
        let used = self.revisions.remove(place);
        self.revisions.push(used);
        self
    }
}
