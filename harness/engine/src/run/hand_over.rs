//! Proof that nobody else serves the candidate's resources: before the candidate starts, a set is made that nobody may
//! act on. Two controllers of one kind fight, and a verdict on that fight would be a verdict on nobody.

use super::RunError;
use crate::{
    candidate::{Candidate, Deployment, Kind},
    clock,
    cluster::{Cluster, ClusterError, Role, create_namespace, remove_namespace},
};
use http::Request;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the cluster gets to betray a controller of its own. They react within a second.
const WATCH: Duration = Duration::from_secs(4);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(250);
/// Name of the sets.
const NAME: &str = "nobody-acts";

/// Makes sure that the cluster's own controllers leave alone what the candidate serves.
///
/// # Errors
/// When they do not, with what was seen; or the API server refuses to help.
pub(super) async fn prove(candidate: &Candidate, cluster: &dyn Cluster, run: &str) -> Result<(), RunError> {
    if matches!(candidate.deployment, Deployment::BuiltIn) || !cluster.has_workload_controllers() {
        return Ok(());
    }
    let client = cluster.client(Role::Harness);
    let namespace = format!("ordinal-hand-over-{run}");
    let refused = |reason: String| {
        RunError::Cluster(ClusterError::HandOver {
            cluster: cluster.name().to_owned(),
            reason,
        })
    };
    let overlay = cluster.overlay();
    create_namespace(&client, &namespace, run, overlay.workload_image.is_some())
        .await
        .map_err(&refused)?;
    let kinds: Vec<(&str, &str)> = candidate
        .takes_over
        .iter()
        .map(|kind| match kind {
            Kind::Statefulset => ("StatefulSet", "statefulsets"),
            Kind::Daemonset => ("DaemonSet", "daemonsets"),
        })
        .collect();
    let found = acted_on(&client, &namespace, &kinds).await;
    remove_namespace(&client, &namespace).await;
    match found.map_err(&refused)? {
        None => Ok(()),
        Some((kind, what)) => Err(RunError::Usage(format!(
            "the {} cluster has a {kind} controller of its own at work ({what}), and {} is to be the only one; certify \
             the cluster's own with --candidate built-in, or switch it off (kube-controller-manager \
             --controllers=*,-{})",
            cluster.name(),
            candidate.name,
            kind.to_lowercase()
        ))),
    }
}

/// The kind that somebody acted on, and how that was seen.
async fn acted_on(
    client: &kube::Client,
    namespace: &str,
    kinds: &[(&'static str, &'static str)],
) -> Result<Option<(&'static str, &'static str)>, String> {
    for (kind, resource) in kinds {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/{resource}");
        let request = Request::post(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(lonely(kind).to_string().into_bytes())
            .map_err(|error| error.to_string())?;
        let made = client.request::<Value>(request).await;
        made.map_err(|error| format!("a {kind} could not be created: {error}"))?;
    }
    let started = clock::Stopwatch::start();
    while started.elapsed() < WATCH.into() {
        clock::pass(LOOK).await;
        for (kind, resource) in kinds {
            let set = list(
                client,
                &format!("/apis/apps/v1/namespaces/{namespace}/{resource}"),
            )
            .await?;
            if set
                .iter()
                .any(|set| set.pointer("/status/observedGeneration").is_some())
            {
                return Ok(Some((
                    kind,
                    "it reported on a set that was made to find that out",
                )));
            }
        }
        let pods = list(client, &format!("/api/v1/namespaces/{namespace}/pods")).await?;
        let owner = pods
            .iter()
            .find_map(|pod| pod.pointer("/metadata/ownerReferences/0/kind")?.as_str());
        if let Some(owner) = owner {
            let kind = kinds
                .iter()
                .find(|(kind, _)| *kind == owner)
                .map_or("workload", |(kind, _)| *kind);
            return Ok(Some((
                kind,
                "it made a pod for a set that was made to find that out",
            )));
        }
    }
    Ok(None)
}

async fn list(client: &kube::Client, path: &str) -> Result<Vec<Value>, String> {
    let request = Request::get(path)
        .body(Vec::new())
        .map_err(|error| error.to_string())?;
    let listed = client.request::<Value>(request).await;
    let mut listed = listed.map_err(|error| format!("listing {path} failed: {error}"))?;
    Ok(match listed["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    })
}

/// A set of that kind that costs nothing: no node has the label that its pods ask for.
fn lonely(kind: &str) -> Value {
    let labels = json!({ "ordinal.dev/lonely": NAME });
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": { "name": NAME },
        "spec": {
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "nodeSelector": labels,
                    "securityContext": crate::manifest::security_context(),
                    "containers": [{
                        "name": "nobody", "image": "ordinal.invalid/nobody:0",
                        "securityContext": {
                            "allowPrivilegeEscalation": false,
                            "capabilities": { "drop": ["ALL"] },
                        },
                    }],
                },
            },
        },
    });
    if kind == "StatefulSet" {
        set["spec"]["serviceName"] = json!(NAME);
        set["spec"]["replicas"] = json!(1);
    }
    set
}
