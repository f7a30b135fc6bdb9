//! Requests to the API server, each recorded as an action.

use super::{Stage, StepError};
use crate::clock;
use history::{Action, Event, Observation};
use http::{Method, Request, header};
use serde_json::{Value, json};
use std::sync::Arc;

impl Stage {
    pub(super) fn sets(&self) -> String {
        self.collection("apps/v1", "StatefulSet")
    }

    pub(super) fn collection(&self, api_version: &str, kind: &str) -> String {
        let group = if api_version.contains('/') {
            format!("/apis/{api_version}")
        } else {
            format!("/api/{api_version}")
        };
        let plural = plural(kind);
        match kind {
            "PersistentVolume" | "StorageClass" | "Node" | "Namespace" => format!("{group}/{plural}"),
            _ => format!("{group}/namespaces/{}/{plural}", self.namespace()),
        }
    }

    pub(super) async fn write(
        &self,
        method: Method,
        what: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Arc<Value>, StepError> {
        self.request(method, what, path, body).await
    }

    /// Sends a request to the API server and records it as an action.
    ///
    /// # Errors
    /// When the answer is not a success.
    pub async fn request(
        &self,
        method: Method,
        what: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Arc<Value>, StepError> {
        let stopwatch = self.inner.recorder.stopwatch();
        let at = stopwatch.elapsed();
        let outcome = send(&self.inner.client, &method, path, body).await;
        let (status, object) = match &outcome {
            Ok(object) => (200, object.clone()),
            Err((status, message)) => (*status, Arc::new(json!({ "message": message }))),
        };
        self.inner.recorder.record_at(Event {
            at,
            what: Observation::Action(Box::new(Action {
                method: method.to_string(),
                name: what.into(),
                path: path.into(),
                body: body.cloned().unwrap_or_default(),
                status,
                object,
                done: stopwatch.elapsed(),
            })),
        });
        if let Ok(object) = &outcome
            && method != Method::GET
        {
            self.until_seen(path, object).await;
        }
        outcome.map_err(|(status, message)| StepError::Refused {
            what: what.into(),
            status,
            message,
        })
    }

    /// Waits until the watches have told what a write of the harness did: a condition on the world must not hold
    /// because the world is older than the wish.
    async fn until_seen(&self, path: &str, answer: &Value) {
        let Ok(version) = text(answer, "/metadata/resourceVersion").parse::<u64>() else {
            return;
        };
        let resource = resource_of(path).to_owned();
        let mut arrivals = self.inner.recorder.arrivals();
        let seen = async {
            while !self.look(|world| world.knows(&resource, version)) {
                if arrivals.changed().await.is_err() {
                    return;
                }
            }
        };
        // A version that no watch delivers in this time belongs to an object that is not watched.
        let _ = clock::within(self.inner.limits.quiet, seen).await;
    }
}

/// Plural name of the resource that a path addresses.
fn resource_of(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    let mut parts = path.trim_start_matches('/').split('/');
    // api/v1 or apis/group/version
    let skipped = if parts.next() == Some("api") { 1 } else { 2 };
    let mut parts = parts.skip(skipped).peekable();
    match parts.next() {
        Some("namespaces") => match (parts.next(), parts.next()) {
            (Some(_), Some(resource)) => resource,
            _ => "namespaces",
        },
        other => other.unwrap_or_default(),
    }
}

async fn send(
    client: &kube::Client,
    method: &Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Arc<Value>, (u16, String)> {
    let content_type = match *method {
        Method::PATCH => "application/merge-patch+json",
        _ => "application/json",
    };
    let bytes = body.map(Value::to_string).unwrap_or_default().into_bytes();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, content_type)
        .body(bytes)
        .map_err(|error| (0, error.to_string()))?;
    client
        .request::<Value>(request)
        .await
        .map(Arc::new)
        .map_err(|error| match error {
            kube::Error::Api(status) => (status.code, status.message.clone()),
            other => (0, other.to_string()),
        })
}

pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match lower.as_str() {
        "storageclass" => "storageclasses".into(),
        "networkpolicy" => "networkpolicies".into(),
        "endpoints" => lower,
        _ => format!("{lower}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_resource() {
        for (path, resource) in [
            ("/api/v1/namespaces/n/pods/web-0/eviction", "pods"),
            (
                "/apis/apps/v1/namespaces/n/statefulsets/web/scale",
                "statefulsets",
            ),
            ("/api/v1/persistentvolumes/pv", "persistentvolumes"),
            ("/api/v1/namespaces/n", "namespaces"),
        ] {
            assert_eq!(resource_of(path), resource);
        }
    }
}
