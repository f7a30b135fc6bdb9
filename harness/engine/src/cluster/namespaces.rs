//! Namespaces of a run: made, kept or removed, and swept when a run could not do so itself.

use crate::clock::{self, Stopwatch};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::json;
use std::time::Duration;

/// Label with the id of the run that a namespace belongs to.
pub const RUN_LABEL: &str = "ordinal.dev/run";
/// Label of namespaces that outlive their run on purpose.
const KEPT_LABEL: &str = "ordinal.dev/kept";

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(5);
/// How often is looked whether namespaces are gone.
const LOOK: Duration = Duration::from_millis(500);

/// Four characters that tell the namespaces of this run from those of others.
pub(crate) fn run_id() -> String {
    let mut random = fastrand::Rng::new();
    std::iter::repeat_with(|| random.lowercase()).take(4).collect()
}

/// Makes a namespace of run `run`. `restricted`: pods that need privileges are refused in it.
///
/// # Errors
/// What the API server said.
pub(crate) async fn create(client: &Client, name: &str, run: &str, restricted: bool) -> Result<(), String> {
    let mut labels = json!({ RUN_LABEL: run });
    if restricted {
        labels["pod-security.kubernetes.io/enforce"] = json!("restricted");
    }
    let namespace = json!({ "metadata": { "name": name, "labels": labels } });
    let namespace: Namespace = serde_json::from_value(namespace).map_err(|error| error.to_string())?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .create(&PostParams::default(), &namespace)
        .await
        .map(drop)
        .map_err(|error| format!("the namespace {name} could not be created: {error}"))
}

/// Removes a namespace. Best effort: the verdict stands whatever comes of it.
pub(crate) async fn remove(client: &Client, name: &str) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    match clock::within(REQUEST, namespaces.delete(name, &DeleteParams::default())).await {
        Some(Ok(_)) => {}
        Some(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => {}
        Some(Err(error)) => tracing::warn!(namespace = name, %error, "the namespace could not be removed"),
        None => tracing::warn!(namespace = name, "removing the namespace took too long"),
    }
}

/// Marks a namespace as one that is kept.
pub(crate) async fn keep(client: &Client, name: &str) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let patch = Patch::Merge(json!({ "metadata": { "labels": { KEPT_LABEL: "true" } } }));
    let how = PatchParams::default();
    match clock::within(REQUEST, namespaces.patch(name, &how, &patch)).await {
        Some(Ok(_)) => {}
        Some(Err(error)) => {
            tracing::warn!(namespace = name, %error, "the namespace could not be marked as kept")
        }
        None => tracing::warn!(namespace = name, "marking the namespace as kept took too long"),
    }
}

/// Removes every namespace of run `run` that is not kept, and waits until they are gone, at most for `limit`.
/// Returns those that were still there.
///
/// # Errors
/// When the namespaces cannot be listed.
pub(crate) async fn remove_all(client: &Client, run: &str, limit: Duration) -> Result<Vec<String>, String> {
    remove_selected(client, &format!("{RUN_LABEL}={run},!{KEPT_LABEL}"), limit).await
}

async fn remove_selected(client: &Client, selector: &str, limit: Duration) -> Result<Vec<String>, String> {
    let started = Stopwatch::start();
    loop {
        let left = list(client, selector).await?;
        for (name, terminating) in &left {
            if !terminating {
                remove(client, name).await;
            }
        }
        if left.is_empty() || started.elapsed() > limit.into() {
            return Ok(left.into_iter().map(|(name, _)| name).collect());
        }
        clock::pass(LOOK).await;
    }
}

/// What came of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many namespaces are gone.
    pub gone: usize,
    /// Those that were still there when nobody waited any more.
    pub left: Vec<String>,
}

/// Removes the namespaces of run `run`, or of all, those that are kept included, and waits until they are gone, at most for
/// `limit`.
///
/// # Errors
/// When the namespaces cannot be listed.
pub(super) async fn sweep(client: &Client, run: Option<&str>, limit: Duration) -> Result<Swept, String> {
    let selector = run.map_or_else(|| RUN_LABEL.to_owned(), |run| format!("{RUN_LABEL}={run}"));
    let found = list(client, &selector).await?.len();
    let left = remove_selected(client, &selector, limit).await?;
    Ok(Swept {
        gone: found.saturating_sub(left.len()),
        left,
    })
}

/// Names, and whether each is going already.
async fn list(client: &Client, selector: &str) -> Result<Vec<(String, bool)>, String> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let listed = clock::within(REQUEST, namespaces.list(&ListParams::default().labels(selector)))
        .await
        .ok_or_else(|| format!("listing namespaces took longer than {REQUEST:?}"))?
        .map_err(|error| format!("the namespaces could not be listed: {error}"))?;
    let names = listed.items.into_iter().filter_map(|namespace| {
        let going = namespace.metadata.deletion_timestamp.is_some();
        Some((namespace.metadata.name?, going))
    });
    Ok(names.collect())
}
