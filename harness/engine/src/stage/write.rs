//! Verbs that write: apply, scale, patch, delete, evict, pin.

use super::{Stage, StepError, request::text};
use crate::manifest::{Manifest, Sample};
use http::Method;
use serde_json::{Value, json};

/// Finalizer by which a scenario keeps a pod from going away.
const FINALIZER: &str = "ordinal.dev/pinned";

impl Stage {
    /// Applies a sample as published, with the documented overlays.
    ///
    /// # Errors
    /// When an object is refused.
    pub async fn apply_sample(&self, sample: Sample) -> Result<(), StepError> {
        self.apply(sample.load()?).await
    }

    /// Applies a manifest with the documented overlays: creates every object, in order.
    ///
    /// # Errors
    /// When an object is refused.
    pub async fn apply(&self, manifest: Manifest) -> Result<(), StepError> {
        for object in manifest.overlaid(&self.inner.overlay).objects() {
            let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
            let path = self.collection(text(object, "/apiVersion"), kind);
            self.write(
                Method::POST,
                &format!("create {kind} {name}"),
                &path,
                Some(object),
            )
            .await?;
        }
        Ok(())
    }

    /// Merges `patch` into a set.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn patch_set(&self, set: &str, what: &str, patch: &Value) -> Result<(), StepError> {
        self.step(format!("{what} ({set})"));
        let path = format!("{}/{set}", self.sets());
        self.write(Method::PATCH, what, &path, Some(patch))
            .await
            .map(drop)
    }

    /// Sets `spec.replicas`.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn scale(&self, set: &str, replicas: u32) -> Result<(), StepError> {
        self.patch_set(
            set,
            &format!("scale to {replicas}"),
            &json!({ "spec": { "replicas": replicas } }),
        )
        .await
    }

    /// Sets the number of replicas through the scale subresource.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn scale_by_subresource(&self, set: &str, replicas: u32) -> Result<(), StepError> {
        self.step(format!(
            "scale to {replicas} through the scale subresource ({set})"
        ));
        let path = format!("{}/{set}/scale", self.sets());
        let mut scale = self
            .request(Method::GET, "read the scale", &path, None)
            .await?
            .as_ref()
            .clone();
        scale["spec"]["replicas"] = json!(replicas);
        self.write(Method::PUT, "write the scale", &path, Some(&scale))
            .await
            .map(drop)
    }

    /// Changes the pod template by an environment variable of its first container: an update without a new image.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn change_template(&self, set: &str, version: &str) -> Result<(), StepError> {
        self.patch_set(
            set,
            &format!("change the template to version {version}"),
            &json!({ "spec": { "template": { "metadata": { "annotations": { "ordinal.dev/version": version } } } } }),
        )
        .await
    }

    /// Changes the image of every container of the template.
    ///
    /// # Errors
    /// When the set is not there or the API server refuses the change.
    pub async fn change_image(&self, set: &str, image: &str) -> Result<(), StepError> {
        let mut containers = self
            .look(|world| {
                let set = world.object("statefulsets", set)?;
                set.pointer("/spec/template/spec/containers").cloned()
            })
            .ok_or_else(|| StepError::Manifest(format!("the set {set} has no containers to change")))?;
        for container in containers.as_array_mut().into_iter().flatten() {
            container["image"] = json!(self.inner.overlay.image(image));
        }
        let patch = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
        self.patch_set(set, &format!("change the image to {image}"), &patch)
            .await
    }

    /// Sets the partition of the rolling update.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn partition(&self, set: &str, partition: u32) -> Result<(), StepError> {
        let strategy = json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": partition } });
        self.patch_set(
            set,
            &format!("set the partition to {partition}"),
            &json!({ "spec": { "updateStrategy": strategy } }),
        )
        .await
    }

    /// Deletes a pod as `kubectl delete pod` does.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn delete_pod(&self, pod: &str) -> Result<(), StepError> {
        self.step(format!("delete pod {pod}"));
        self.delete("v1", "Pod", pod, &json!({})).await
    }

    /// Deletes a pod without grace: the object is gone at once.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn force_delete_pod(&self, pod: &str) -> Result<(), StepError> {
        self.step(format!("force-delete pod {pod}"));
        self.delete("v1", "Pod", pod, &json!({ "gracePeriodSeconds": 0 }))
            .await
    }

    /// Deletes several pods in one breath.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn delete_pods(&self, pods: &[String]) -> Result<(), StepError> {
        self.step(format!("delete pods {}", pods.join(", ")));
        for pod in pods {
            self.delete("v1", "Pod", pod, &json!({})).await?;
        }
        Ok(())
    }

    /// Evicts a pod.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn evict_pod(&self, pod: &str) -> Result<(), StepError> {
        self.step(format!("evict pod {pod}"));
        let body = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": { "name": pod, "namespace": self.namespace() },
        });
        let path = format!("{}/{pod}/eviction", self.collection("v1", "Pod"));
        self.write(Method::POST, &format!("evict {pod}"), &path, Some(&body))
            .await
            .map(drop)
    }

    /// Declares that a pod has ended: phase `Failed` or `Succeeded`, as a node does that evicts it for lack of memory or
    /// disk. A node takes that from whoever writes it, and stops the pod.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn end_pod(&self, pod: &str, phase: &str) -> Result<(), StepError> {
        self.step(format!("declare pod {pod} {phase}"));
        let status =
            json!({ "status": { "phase": phase, "reason": "Ended", "message": "declared by the scenario" } });
        self.patch("v1", "Pod", pod, Some("status"), &status).await
    }

    /// Deletes the set. `propagation` is `Background`, `Foreground` or `Orphan`.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn delete_set(&self, set: &str, propagation: &str) -> Result<(), StepError> {
        self.step(format!("delete the set {set} ({propagation})"));
        self.delete(
            "apps/v1",
            "StatefulSet",
            set,
            &json!({ "propagationPolicy": propagation }),
        )
        .await
    }

    /// Deletes any object of the namespace.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn delete(
        &self,
        api_version: &str,
        kind: &str,
        name: &str,
        options: &Value,
    ) -> Result<(), StepError> {
        let path = format!("{}/{name}", self.collection(api_version, kind));
        let mut body = json!({ "apiVersion": "v1", "kind": "DeleteOptions" });
        json_patch::merge(&mut body, options);
        self.write(
            Method::DELETE,
            &format!("delete {kind} {name}"),
            &path,
            Some(&body),
        )
        .await
        .map(drop)
    }

    /// Merges a patch into any object of the namespace, or into its status.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn patch(
        &self,
        api_version: &str,
        kind: &str,
        name: &str,
        subresource: Option<&str>,
        patch: &Value,
    ) -> Result<(), StepError> {
        let mut path = format!("{}/{name}", self.collection(api_version, kind));
        if let Some(subresource) = subresource {
            path += &format!("/{subresource}");
        }
        self.write(Method::PATCH, &format!("patch {kind} {name}"), &path, Some(patch))
            .await
            .map(drop)
    }

    /// Keeps a pod's object from going away although it is deleted: a finalizer of the harness.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn pin(&self, pod: &str) -> Result<(), StepError> {
        self.pin_any("v1", "Pod", pod).await
    }

    /// Takes the finalizer off again.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn unpin(&self, pod: &str) -> Result<(), StepError> {
        self.unpin_any("v1", "Pod", pod).await
    }

    /// Lets the scheduler place a pod that scheduling gates have kept from the nodes.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn let_schedule(&self, pod: &str) -> Result<(), StepError> {
        let patch = json!({ "spec": { "schedulingGates": null } });
        self.patch("v1", "Pod", pod, None, &patch).await
    }

    /// Keeps a set from going away although it is deleted, as [`Stage::pin`] does with a pod.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn pin_set(&self, set: &str) -> Result<(), StepError> {
        self.pin_any("apps/v1", "StatefulSet", set).await
    }

    /// Takes the finalizer off a set again.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn unpin_set(&self, set: &str) -> Result<(), StepError> {
        self.unpin_any("apps/v1", "StatefulSet", set).await
    }

    async fn pin_any(&self, api_version: &str, kind: &str, name: &str) -> Result<(), StepError> {
        self.note("hold", format!("{name} by a finalizer"));
        let patch = json!({ "metadata": { "finalizers": [FINALIZER] } });
        self.patch(api_version, kind, name, None, &patch).await
    }

    async fn unpin_any(&self, api_version: &str, kind: &str, name: &str) -> Result<(), StepError> {
        self.note("release", format!("{name} from its finalizer"));
        let patch = json!({ "metadata": { "finalizers": null } });
        self.patch(api_version, kind, name, None, &patch).await
    }
}
