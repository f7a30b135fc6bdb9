//! Raw watches into a history.
//!
//! Raw, because kube-runtime's `watcher` merges ADDED and MODIFIED. Every watch is open before the first write of a
//! scenario. A stream that ends is resumed where it stopped; one that cannot be resumed leaves a gap in the history.

use crate::{clock, observed::Observed, recorder::Recorder};
use futures::TryStreamExt;
use history::{Gap, Observation, WatchEvent, WatchKind};
use http::Request;
use kube::core::WatchEvent as ApiEvent;
use serde::Deserialize;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// How long the server may keep one watch request open, in seconds.
const WATCH_SECONDS: u32 = 290;
/// Pause before a failed watch is opened again.
const REOPEN: Duration = Duration::from_millis(50);
/// How often in a row a watch may fail to open before it counts as cut.
const TRIES: u32 = 20;

/// What to watch: `/api/v1/namespaces/x/pods`.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Path of the collection.
    pub path: String,
    /// Plural name of the resource.
    pub resource: String,
    /// Which objects matter; others are not recorded (cluster-scoped resources are shared).
    pub wanted: Wanted,
}

/// Which objects of a collection matter to a scenario.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// All.
    All,
    /// PersistentVolumes that a claim of this namespace holds, or that carry its name in theirs.
    VolumesOf(String),
}

impl Wanted {
    fn wants(&self, object: &Value) -> bool {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        match self {
            Wanted::All => true,
            Wanted::VolumesOf(namespace) => {
                text("/spec/claimRef/namespace") == namespace
                    || text("/metadata/name").contains(namespace.as_str())
            }
        }
    }
}

/// Why a watch could not be opened at all.
#[derive(Debug, thiserror::Error)]
#[error("listing {resource} failed: {source}; the harness's identity needs list and watch on {path}")]
pub struct ObserveError {
    resource: String,
    path: String,
    source: Box<kube::Error>,
}

#[derive(Deserialize)]
struct Listed {
    metadata: ListMeta,
    #[serde(default)]
    items: Vec<Observed>,
    #[serde(default, rename = "apiVersion")]
    api_version: String,
    #[serde(default)]
    kind: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ListMeta {
    resource_version: String,
}

/// Lists a collection, records what is there as INITIAL, and follows it from there in a task of its own.
///
/// # Errors
/// When the collection cannot be listed.
pub async fn observe(
    client: &kube::Client,
    watched: Watched,
    recorder: &Recorder,
    tasks: &mut JoinSet<()>,
) -> Result<(), ObserveError> {
    let failed = |source| ObserveError {
        resource: watched.resource.clone(),
        path: watched.path.clone(),
        source: Box::new(source),
    };
    let listed: Listed = client.request(get(&watched.path)).await.map_err(failed)?;
    for Observed(mut item) in listed.items {
        // Items of a list carry neither kind nor version.
        if let Some(item) = item.as_object_mut() {
            item.entry("kind")
                .or_insert_with(|| listed.kind.trim_end_matches("List").into());
            item.entry("apiVersion")
                .or_insert_with(|| listed.api_version.clone().into());
        }
        take(&watched, recorder, WatchKind::Initial, item);
    }
    let follower = Follower {
        client: client.clone(),
        watched,
        recorder: recorder.clone(),
    };
    tasks.spawn(follower.follow(listed.metadata.resource_version));
    Ok(())
}

fn get(path: &str) -> Request<Vec<u8>> {
    let mut request = Request::new(Vec::new());
    // Paths are built by the harness from checked names; a broken one shows as a failed request.
    *request.uri_mut() = path.parse().unwrap_or_default();
    request
}

fn take(watched: &Watched, recorder: &Recorder, kind: WatchKind, object: Value) {
    if watched.wanted.wants(&object) {
        let event = WatchEvent {
            kind,
            resource: watched.resource.clone(),
            object: Arc::new(object),
        };
        recorder.record(Observation::Watch(event));
    }
}

struct Follower {
    client: kube::Client,
    watched: Watched,
    recorder: Recorder,
}

enum Cut {
    /// The stream ended; go on where it stopped.
    Ended,
    /// What happened since is unknown.
    Lost(String),
}

impl Follower {
    async fn follow(self, mut version: String) {
        let mut failures = 0;
        loop {
            let before = version.clone();
            match self.stream(&mut version).await {
                Cut::Ended if before != version => failures = 0,
                Cut::Ended => {
                    failures += 1;
                    clock::pass(REOPEN).await;
                }
                Cut::Lost(reason) => return self.gap(reason),
            }
            if failures > TRIES {
                return self.gap("the watch could not be opened again".into());
            }
        }
    }

    fn gap(&self, reason: String) {
        let gap = Gap {
            resource: self.watched.resource.clone(),
            reason,
        };
        self.recorder.record(Observation::Gap(gap));
    }

    async fn stream(&self, version: &mut String) -> Cut {
        let path = format!(
            "{}?watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={version}",
            self.watched.path
        );
        let events = match self.client.request_events::<Observed>(get(&path)).await {
            Ok(events) => events,
            Err(kube::Error::Api(status)) if status.code == 410 => return Cut::Lost(status.message.clone()),
            Err(_) => return Cut::Ended,
        };
        let mut events = std::pin::pin!(events);
        loop {
            let (kind, Observed(object)) = match events.try_next().await {
                Ok(Some(ApiEvent::Added(object))) => (WatchKind::Added, object),
                Ok(Some(ApiEvent::Modified(object))) => (WatchKind::Modified, object),
                Ok(Some(ApiEvent::Deleted(object))) => (WatchKind::Deleted, object),
                Ok(Some(ApiEvent::Bookmark(bookmark))) => {
                    *version = bookmark.metadata.resource_version;
                    continue;
                }
                Ok(Some(ApiEvent::Error(status))) if status.code == 410 => {
                    return Cut::Lost(status.message.clone());
                }
                Ok(Some(ApiEvent::Error(_)) | None) | Err(_) => return Cut::Ended,
            };
            if let Some(seen) = object
                .pointer("/metadata/resourceVersion")
                .and_then(Value::as_str)
            {
                *version = seen.to_owned();
            }
            take(&self.watched, &self.recorder, kind, object);
        }
    }
}
