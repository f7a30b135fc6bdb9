//! Objects that belong to somebody else.

use super::{Stage, StepError};
use crate::world::World;
use http::Method;
use serde_json::{Value, json};

/// The object that owns what is somebody else's: nothing acts on it.
const OWNER: &str = "somebody-else";

impl Stage {
    /// Creates a pod that somebody else controls, with the labels and containers of a set's template and without its
    /// volumes.
    ///
    /// # Errors
    /// When the set is unknown, or the API server refuses an object.
    pub async fn create_foreign_pod(&self, pod: &str, set: &str) -> Result<(), StepError> {
        let template = self.look(|world| {
            let set = world.object("statefulsets", set)?;
            set.pointer("/spec/template").cloned()
        });
        let template = template.ok_or_else(|| StepError::NotReached {
            goal: format!("the template of {set}"),
            last: self.look(World::describe_pods),
            why: "there is no such set".into(),
        })?;
        self.step(format!("create {pod}, a pod of somebody else"));
        let owner = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": OWNER } });
        let path = self.collection("v1", "ConfigMap");
        let owner = self
            .write(
                Method::POST,
                &format!("create ConfigMap {OWNER}"),
                &path,
                Some(&owner),
            )
            .await?;
        let uid = owner.pointer("/metadata/uid").cloned().unwrap_or_default();
        let object = foreign_pod(pod, &template, &uid);
        let path = self.collection("v1", "Pod");
        self.write(Method::POST, &format!("create Pod {pod}"), &path, Some(&object))
            .await
            .map(drop)
    }
}

fn foreign_pod(name: &str, template: &Value, owner: &Value) -> Value {
    let mut spec = template.get("spec").cloned().unwrap_or_default();
    if let Some(spec) = spec.as_object_mut() {
        spec.remove("volumes");
    }
    let containers = spec.pointer_mut("/containers").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
        container.remove("volumeMounts");
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": template.pointer("/metadata/labels"),
            "ownerReferences": [
                { "apiVersion": "v1", "kind": "ConfigMap", "name": OWNER, "uid": owner, "controller": true },
            ],
        },
        "spec": spec,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn a_foreign_pod_looks_like_a_member_and_mounts_nothing() {
        let template = json!({
            "metadata": { "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "web", "volumeMounts": [{ "name": "data", "mountPath": "/d" }] }] },
        });
        let pod = foreign_pod("web-1", &template, &json!("uid-1"));
        assert_eq!(pod["metadata"]["labels"], json!({ "app": "web" }));
        assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], "uid-1");
        assert_eq!(pod["spec"], json!({ "containers": [{ "name": "web" }] }));
    }
}
