//! Proof that nobody else serves the candidate's resources: before the candidate starts, a set is made that nobody may
//! act on. Two controllers of one kind fight, and a verdict on that fight would be a verdict on nobody.

use super::namespaces;
use crate::{
    candidate::Kind,
    clock::{self, Stopwatch},
};
use http::Request;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// How long the set is left alone at least.
const QUIET: Duration = Duration::from_millis(1_500);
/// So many times as long as the controller manager took for something else, if that is longer.
const TIMES: u32 = 10;
/// How long the controller manager gets to show a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(4);
/// No machine is worth waiting longer for.
const LONGEST: Duration = Duration::from_secs(15);
/// How often is looked for the sign of life.
const LOOK: Duration = Duration::from_millis(50);
/// Name of everything that is made.
const NAME: &str = "nobody-acts";

/// Somebody who acts on what the candidate is to have for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    /// What it serves.
    pub kind: &'static str,
    /// How that was seen.
    pub seen: &'static str,
}

/// The proof while it is under way. It is given up when this is dropped.
///
/// In a namespace of its own there is one set of each kind and, made after them, a Service. The cluster's controllers of
/// sets and of EndpointSlices are loops of one process (kube-controller-manager): each is woken by a watch on the same
/// API server, takes the object from a queue without delay, and writes. When the Service has its EndpointSlice, that
/// process is known to be awake, and how long such a way takes on this machine is measured. The sets are left alone for ten
/// times as long, and never less than one and a half seconds, before the last look. One look is enough: what a controller
/// of sets does first, it does for good: it makes a pod (or is refused and says so), and it reports
/// `status.observedGeneration`.
///
/// It takes nobody's time: other preparations go on meanwhile.
#[derive(Debug, Default)]
pub struct HandOver(Option<AbortOnDropHandle<Result<Option<Rival>, String>>>);

impl HandOver {
    /// Begins the proof for those kinds; there is nothing to prove for none. `run` is the id of the run.
    pub(crate) fn begin(client: &kube::Client, run: &str, kinds: &[Kind]) -> HandOver {
        if kinds.is_empty() {
            return HandOver::default();
        }
        let (client, run, kinds) = (client.clone(), run.to_owned(), kinds.to_vec());
        let proof = async move { prove(&client, &run, &kinds).await };
        HandOver(Some(AbortOnDropHandle::new(tokio::spawn(proof))))
    }

    /// Waits for the end of the proof: who else serves those kinds, if anybody does.
    ///
    /// # Errors
    /// When the API server refuses to help.
    pub(crate) async fn rival(self) -> Result<Option<Rival>, String> {
        match self.0 {
            None => Ok(None),
            Some(proof) => proof.await.unwrap_or_else(|error| Err(error.to_string())),
        }
    }
}

async fn prove(client: &kube::Client, run: &str, kinds: &[Kind]) -> Result<Option<Rival>, String> {
    let namespace = format!("ordinal-hand-over-{run}");
    namespaces::create(client, &namespace, run, true).await?;
    tracing::info!(namespace, ?kinds, "looking whether anybody serves sets");
    let found = acted_on(client, &namespace, kinds).await;
    namespaces::remove(client, &namespace).await;
    found
}

/// Kind and resource.
const fn names(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Statefulset => ("StatefulSet", "statefulsets"),
        Kind::Daemonset => ("DaemonSet", "daemonsets"),
    }
}

async fn acted_on(client: &kube::Client, namespace: &str, kinds: &[Kind]) -> Result<Option<Rival>, String> {
    for (kind, resource) in kinds.iter().copied().map(names) {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/{resource}");
        create(client, &path, kind, &lonely(kind)).await?;
    }
    let services = format!("/api/v1/namespaces/{namespace}/services");
    create(client, &services, "Service", &service()).await?;
    let quiet = quiet(sign_of_life(client, namespace).await?);
    clock::pass(quiet).await;
    for (kind, resource) in kinds.iter().copied().map(names) {
        let sets = list(
            client,
            &format!("/apis/apps/v1/namespaces/{namespace}/{resource}"),
        )
        .await?;
        if sets
            .iter()
            .any(|set| set.pointer("/status/observedGeneration").is_some())
        {
            let seen = "it reported on a set that was made to find that out";
            return Ok(Some(Rival { kind, seen }));
        }
    }
    let pods = list(client, &format!("/api/v1/namespaces/{namespace}/pods")).await?;
    let owner = pods
        .iter()
        .find_map(|pod| pod.pointer("/metadata/ownerReferences/0/kind")?.as_str());
    Ok(owner.map(|owner| Rival {
        kind: kinds
            .iter()
            .map(|kind| names(*kind).0)
            .find(|kind| *kind == owner)
            .unwrap_or("workload"),
        seen: "it made a pod for a set that was made to find that out",
    }))
}

/// How long the controller manager took for the Service; `None` if it never came to it.
async fn sign_of_life(client: &kube::Client, namespace: &str) -> Result<Option<Duration>, String> {
    let slices = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices");
    let started = Stopwatch::start();
    while started.elapsed() < SIGN_OF_LIFE.into() {
        if !list(client, &slices).await?.is_empty() {
            return Ok(Some(started.elapsed().into()));
        }
        clock::pass(LOOK).await;
    }
    Ok(None)
}

/// How long the sets are left alone after the sign of life.
fn quiet(sign_of_life: Option<Duration>) -> Duration {
    sign_of_life.map_or(LONGEST, |took| took.saturating_mul(TIMES).clamp(QUIET, LONGEST))
}

async fn create(client: &kube::Client, path: &str, kind: &str, object: &Value) -> Result<(), String> {
    let request = Request::post(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(object.to_string().into_bytes())
        .map_err(|error| error.to_string())?;
    let made = client.request::<Value>(request).await;
    made.map(drop)
        .map_err(|error| format!("a {kind} could not be created: {error}"))
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

fn labels() -> Value {
    json!({ "ordinal.dev/lonely": NAME })
}

/// A headless Service of the sets' pods.
fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": NAME },
        "spec": { "clusterIP": "None", "selector": labels(), "ports": [{ "name": "none", "port": 80 }] },
    })
}

/// A set of that kind that costs nothing: no node has the label that its pods ask for.
fn lonely(kind: &str) -> Value {
    let labels = labels();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_the_controller_manager_the_longer_the_sets_are_left_alone() {
        let millis = Duration::from_millis;
        assert_eq!(quiet(Some(millis(20))), QUIET);
        assert_eq!(quiet(Some(millis(400))), millis(4_000));
        assert_eq!(quiet(Some(millis(3_900))), LONGEST);
        // Without a sign of life nothing is known of its speed.
        assert_eq!(quiet(None), LONGEST);
    }
}
