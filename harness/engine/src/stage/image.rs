//! Images that a node cannot have.

use super::Stage;
use crate::{clock, recorder::Recorder, world::World};
use serde_json::Value;
use std::time::Duration;

/// How long a node is left to try: a kubelet tries at once, ten seconds later and twenty seconds after that.
const TRIES: Duration = Duration::from_secs(35);

/// What a container waits for that cannot have its image. Source: kubelet, `pkg/kubelet/images/types.go`.
const REASONS: [&str; 6] = [
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RegistryUnavailable",
];

impl Stage {
    /// Waits until a node has long tried in vain to have the image of a pod: which pod, which image and what the node says.
    pub(crate) async fn image_missing(&self) -> String {
        tried_in_vain(&self.inner.recorder).await
    }
}

async fn tried_in_vain(recorder: &Recorder) -> String {
    let mut changes = recorder.changes();
    let mut trying: Option<clock::Stopwatch> = None;
    loop {
        changes.mark_unchanged();
        // The recorder is at hand, so that the world can change as long as it is waited for.
        if let Some(missing) = recorder.look(missing) {
            let tried = trying.get_or_insert_with(clock::Stopwatch::start).elapsed();
            let left = TRIES.saturating_sub(tried.into());
            if left.is_zero() {
                return missing;
            }
            clock::within(left, changes.changed()).await;
        } else {
            trying = None;
            let _ = changes.changed().await;
        }
    }
}

/// The first pod with a container that waits for an image.
fn missing(world: &World) -> Option<String> {
    world.all("pods").find_map(|(pod, object)| {
        let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
        let mut statuses = statuses
            .into_iter()
            .filter_map(|field| object.pointer(field)?.as_array())
            .flatten();
        statuses.find_map(|status| {
            let text = |pointer| status.pointer(pointer).and_then(Value::as_str);
            let reason = text("/state/waiting/reason").filter(|reason| REASONS.contains(reason))?;
            let image = text("/image").unwrap_or_default();
            let message = text("/state/waiting/message").unwrap_or("the node says nothing of it");
            Some(format!(
                "{pod} does not get its image {image} ({reason}: {message})"
            ))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use history::{Meta, Observation, WatchEvent, WatchKind};
    use serde_json::json;
    use std::sync::Arc;

    fn waits(reason: &str) -> Observation {
        let status = json!({
            "image": "example/image:1",
            "state": { "waiting": { "reason": reason, "message": "no such host" } },
        });
        Observation::Watch(WatchEvent {
            kind: WatchKind::Modified,
            resource: "pods".into(),
            object: Arc::new(json!({
                "metadata": { "name": "web-0", "uid": "1" },
                "status": { "phase": "Pending", "containerStatuses": [status] },
            })),
        })
    }

    /// After how many seconds it is told, if within a minute, and what, while the container waits for these from one second to
    /// another.
    async fn told(reasons: &[(u64, &str)]) -> Option<(u64, String)> {
        let recorder = Recorder::start(Meta::default(), None);
        let acts = async {
            for (seconds, reason) in reasons {
                recorder.record(waits(reason));
                clock::pass(Duration::from_secs(*seconds)).await;
            }
            std::future::pending().await
        };
        let started = tokio::time::Instant::now();
        let told = tokio::select! {
            told = clock::within(Duration::from_secs(60), tried_in_vain(&recorder)) => told,
            () = acts => None,
        };
        told.map(|told| (started.elapsed().as_secs(), told))
    }

    #[tokio::test(start_paused = true)]
    async fn an_image_that_cannot_be_had_is_told_after_some_tries() {
        let tries = [
            (10, "ErrImagePull"),
            (20, "ImagePullBackOff"),
            (1, "ErrImagePull"),
            (40, "ImagePullBackOff"),
        ];
        let told = told(&tries).await.expect("it is told");
        assert_eq!(
            told,
            (
                35,
                "web-0 does not get its image example/image:1 (ImagePullBackOff: no such host)".into()
            )
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_image_that_comes_at_last_is_waited_for() {
        let comes = [
            (30, "ErrImagePull"),
            (3, "ContainerCreating"),
            (30, "ErrImagePull"),
        ];
        assert_eq!(told(&comes).await, None);
    }
}
