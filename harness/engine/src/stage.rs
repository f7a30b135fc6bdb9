//! What a scenario works with: verbs.

use crate::{
    candidate::Ended,
    clock,
    cluster::Cluster,
    gate::GateKeeper,
    manifest::{Manifest, ManifestError, Overlay, Sample},
    patience::Limits,
    probe::{HttpRequest, RecordType},
    recorder::Recorder,
    world::World,
};
use history::{Action, DnsAnswer, Event, HttpAnswer, Note, Observation, Ordinal};
use http::{Method, Request, header};
use serde_json::{Value, json};
use std::{fmt, sync::Arc};
use tokio::sync::watch;

/// Why a scenario could not go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// A goal was not reached.
    #[error("waited for {goal}; last seen: {last}; {why}")]
    NotReached {
        /// What was waited for.
        goal: String,
        /// What was seen last, and why it was not enough.
        last: String,
        /// Why the wait ended.
        why: String,
    },
    /// The API server refused a request of the scenario.
    #[error("{what} was refused: {status} {message}")]
    Refused {
        /// What was tried.
        what: String,
        /// HTTP status, 0 if no answer came.
        status: u16,
        /// What came back.
        message: String,
    },
    /// The candidate ended.
    #[error("the candidate ended: {}", .0.reason)]
    CandidateEnded(Ended),
    /// A manifest is wrong.
    #[error("{0}")]
    Manifest(String),
}

impl From<ManifestError> for StepError {
    fn from(error: ManifestError) -> Self {
        StepError::Manifest(error.to_string())
    }
}

/// A namespace, a cluster and a history: what a scenario works with. Cheap to clone.
#[derive(Clone)]
pub struct Stage {
    inner: Arc<Inner>,
}

struct Inner {
    namespace: String,
    cluster: Arc<dyn Cluster>,
    client: kube::Client,
    recorder: Recorder,
    gates: GateKeeper,
    limits: Limits,
    overlay: Overlay,
    candidate: watch::Receiver<Option<Ended>>,
}

/// Whether a condition holds; if not, what was seen in its place.
pub type Seen = Result<(), String>;

impl Stage {
    pub(crate) fn new(
        cluster: Arc<dyn Cluster>,
        client: kube::Client,
        recorder: Recorder,
        gates: GateKeeper,
        limits: Limits,
        overlay: Overlay,
        candidate: watch::Receiver<Option<Ended>>,
    ) -> Stage {
        let namespace = overlay.namespace.clone();
        Stage {
            inner: Arc::new(Inner {
                namespace,
                cluster,
                client,
                recorder,
                gates,
                limits,
                overlay,
                candidate,
            }),
        }
    }

    /// The scenario's own namespace.
    pub fn namespace(&self) -> &str {
        &self.inner.namespace
    }

    /// The time limits of the run.
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// Reads the present state of the world.
    pub fn look<T>(&self, read: impl FnOnce(&World) -> T) -> T {
        self.inner.recorder.look(read)
    }

    /// Begins a step of the story. Steps delimit what the snapshot of a story shows.
    pub fn step(&self, text: impl Into<String>) {
        self.note("step", text.into());
    }

    fn note(&self, kind: &str, text: String) {
        tracing::debug!(namespace = self.namespace(), kind, text);
        self.inner.recorder.record(Observation::Note(Note {
            kind: kind.into(),
            text,
        }));
    }

    // Manifests and writes.

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
            container["image"] = json!(image);
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
        self.note("hold", format!("{pod} by a finalizer"));
        let patch = json!({ "metadata": { "finalizers": [FINALIZER] } });
        self.patch("v1", "Pod", pod, None, &patch).await
    }

    /// Takes the finalizer off again.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn unpin(&self, pod: &str) -> Result<(), StepError> {
        self.note("release", format!("{pod} from its finalizer"));
        self.patch(
            "v1",
            "Pod",
            pod,
            None,
            &json!({ "metadata": { "finalizers": null } }),
        )
        .await
    }

    // Readiness.

    /// Holds a pod unready: the present one and every later one of that name.
    pub fn hold(&self, pod: &str) {
        self.note("hold", format!("{pod} unready"));
        self.inner.gates.hold(pod);
    }

    /// Holds the next pod of that name unready, and leaves the present one alone.
    pub fn hold_next(&self, pod: &str) {
        self.note("hold", format!("the next {pod} unready"));
        self.inner
            .gates
            .hold_next(pod, self.look(|world| world.uid("pods", pod)));
    }

    /// Holds every pod unready.
    pub fn hold_all(&self) {
        self.note("hold", "every pod unready".into());
        self.inner.gates.hold_all();
    }

    /// Lets a pod become Ready.
    pub fn release(&self, pod: &str) {
        self.note("release", pod.into());
        self.inner.gates.release(pod);
    }

    /// Lets every pod become Ready.
    pub fn release_all(&self) {
        self.note("release", "every pod".into());
        self.inner.gates.release_all();
    }

    // Waiting.

    /// Waits until `condition` holds. Reacts to the very event that makes it true.
    ///
    /// # Errors
    /// When the world fell silent, or took too long, or the candidate ended, before the condition held.
    pub async fn until(&self, goal: &str, condition: impl Fn(&World) -> Seen) -> Result<(), StepError> {
        let Inner {
            recorder,
            limits,
            candidate,
            ..
        } = self.inner.as_ref();
        self.note("wait", goal.into());
        let mut arrivals = recorder.arrivals();
        let mut candidate = candidate.clone();
        let started = clock::Stopwatch::start();
        loop {
            arrivals.mark_unchanged();
            let last = match recorder.look(&condition) {
                Ok(()) => {
                    self.note("reached", goal.into());
                    return Ok(());
                }
                Err(last) => last,
            };
            if let Some(ended) = candidate.borrow_and_update().clone() {
                return Err(StepError::CandidateEnded(ended));
            }
            let not_reached = |why: String| {
                self.note("failed", format!("{goal}: {last}; {why}"));
                Err(StepError::NotReached {
                    goal: goal.into(),
                    last: last.clone(),
                    why,
                })
            };
            if started.elapsed() > limits.longest.into() {
                return not_reached(format!("gave up after {:?}", limits.longest));
            }
            let arrival = clock::within(limits.quiet, async {
                tokio::select! {
                    biased;
                    _ = candidate.changed() => {}
                    _ = arrivals.changed() => {}
                }
            });
            if arrival.await.is_none() {
                return not_reached(format!("nothing happened for {:?}", limits.quiet));
            }
        }
    }

    /// Keeps the world frozen for longer than the staleness window, so that what happens in it is meant, and what
    /// must not happen has time to.
    ///
    /// # Errors
    /// When the candidate ended.
    pub async fn keep_still(&self) -> Result<(), StepError> {
        let mut candidate = self.inner.candidate.clone();
        let ended = clock::within(self.inner.limits.hold, candidate.wait_for(Option::is_some)).await;
        match ended {
            Some(Ok(ended)) => match ended.clone() {
                Some(ended) => Err(StepError::CandidateEnded(ended)),
                None => Ok(()),
            },
            // The sender is gone when a built-in candidate needs no watching: that takes no time, so wait it out.
            Some(Err(_)) => {
                clock::pass(self.inner.limits.hold).await;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Waits until the set is settled: the spec observed, all members there, Ready, at the revision they ought to have,
    /// and the status says so.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_settled(&self, set: &str) -> Result<(), StepError> {
        self.until(&format!("{set} settled"), |world| settled(world, set))
            .await
    }

    /// Waits until a DaemonSet is settled: the spec observed, one Ready pod on each node that wants one.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_daemon_settled(&self, name: &str) -> Result<(), StepError> {
        self.until(&format!("{name} settled"), |world| {
            let set = world.object("daemonsets", name).ok_or("it does not exist")?;
            let number = |pointer: &str| set.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
            if number("/status/observedGeneration") != number("/metadata/generation") {
                return Err("its generation is not observed yet".into());
            }
            let (desired, ready) = (
                number("/status/desiredNumberScheduled"),
                number("/status/numberReady"),
            );
            let healthy = world.pods().filter(|(_, state)| state.healthy()).count() as u64;
            if desired == 0 || ready != desired || healthy != desired {
                return Err(format!(
                    "{desired} desired, {ready} reported ready, {healthy} are"
                ));
            }
            Ok(())
        })
        .await
    }

    /// Waits until exactly these ordinals of a set exist, whatever their state.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_members(&self, set: &str, ordinals: &[u32]) -> Result<(), StepError> {
        self.until(&format!("members {ordinals:?} of {set}"), |world| {
            let there: Vec<u32> = world.members(set).keys().map(|ordinal| ordinal.0).collect();
            if there == ordinals {
                Ok(())
            } else {
                Err(world.describe_pods())
            }
        })
        .await
    }

    /// Waits until a pod is Ready and not terminating.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_ready(&self, pod: &str) -> Result<(), StepError> {
        self.until(&format!("{pod} Ready"), |world| match world.pod(pod) {
            Some(state) if state.healthy() => Ok(()),
            Some(state) => Err(state.describe()),
            None => Err("it does not exist".into()),
        })
        .await
    }

    /// Waits until a pod runs but is not Ready.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_running_unready(&self, pod: &str) -> Result<(), StepError> {
        self.until(&format!("{pod} Running but not Ready"), |world| {
            match world.pod(pod) {
                Some(state) if state.phase == "Running" && !state.ready && !state.terminating => Ok(()),
                Some(state) => Err(state.describe()),
                None => Err("it does not exist".into()),
            }
        })
        .await
    }

    /// Waits until a pod has another UID than `old` and is Ready.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_replaced(&self, pod: &str, old: &str) -> Result<(), StepError> {
        self.until(&format!("{pod} replaced and Ready"), |world| {
            match (world.uid("pods", pod), world.pod(pod)) {
                (Some(uid), Some(state)) if uid != old && state.healthy() => Ok(()),
                (Some(uid), Some(_)) if uid == old => Err("the old pod is still there".into()),
                (_, Some(state)) => Err(state.describe()),
                _ => Err("it does not exist".into()),
            }
        })
        .await
    }

    /// Waits until an object is gone.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_gone(&self, resource: &str, name: &str) -> Result<(), StepError> {
        self.until(&format!("{resource} {name} gone"), |world| {
            match world.object(resource, name) {
                None => Ok(()),
                Some(_) => Err("it is still there".into()),
            }
        })
        .await
    }

    /// UID of a pod.
    ///
    /// # Errors
    /// When there is no such pod.
    pub fn pod_uid(&self, pod: &str) -> Result<String, StepError> {
        self.look(|world| world.uid("pods", pod))
            .ok_or_else(|| StepError::NotReached {
                goal: format!("the UID of {pod}"),
                last: self.look(World::describe_pods),
                why: "it does not exist".into(),
            })
    }

    // Probes.

    /// `<pod>.<service>.<namespace>.svc.<domain>`.
    pub fn pod_host(&self, pod: &str, service: &str) -> String {
        format!("{pod}.{}", self.service_host(service))
    }

    /// `<service>.<namespace>.svc.<domain>`.
    pub fn service_host(&self, service: &str) -> String {
        format!(
            "{service}.{}.svc.{}",
            self.namespace(),
            self.inner.cluster.domain()
        )
    }

    /// Asks the cluster's DNS once and records the answer.
    pub async fn resolve(&self, name: &str, kind: RecordType) -> DnsAnswer {
        let asked = self.inner.recorder.stopwatch().elapsed();
        let mut answer = self.inner.cluster.prober().resolve(name, kind).await;
        answer.asked_ms = Some(asked);
        self.inner.recorder.record(Observation::Dns(answer.clone()));
        answer
    }

    /// Asks for the name of the service, of each pod, for SRV and PTR records, and records all answers.
    pub async fn ask_all_names(&self, service: &str, port: &str, pods: &[String]) {
        let host = self.service_host(service);
        self.resolve(&host, RecordType::A).await;
        self.resolve(&host.to_uppercase(), RecordType::A).await;
        self.resolve(&format!("_{port}._tcp.{host}"), RecordType::Srv)
            .await;
        for pod in pods {
            self.resolve(&self.pod_host(pod, service), RecordType::A).await;
        }
    }

    /// Asks again and again until the answer satisfies `enough`, for at most the age that an answer may have and the
    /// reaction bound.
    ///
    /// # Errors
    /// When no answer did.
    pub async fn until_resolved(
        &self,
        name: &str,
        kind: RecordType,
        goal: &str,
        enough: impl Fn(&World, &DnsAnswer) -> bool,
    ) -> Result<DnsAnswer, StepError> {
        let limit = self.inner.limits.judge.dns() + self.inner.limits.quiet;
        let started = clock::Stopwatch::start();
        let mut pause = std::time::Duration::from_millis(5);
        loop {
            let answer = self.resolve(name, kind).await;
            if self.look(|world| enough(world, &answer)) {
                return Ok(answer);
            }
            if started.elapsed() > limit.into() {
                let last = format!("{} {:?}", answer.rcode, answer.answers);
                let why = format!("gave up after {limit:?}");
                return Err(StepError::NotReached {
                    goal: format!("{goal} ({name})"),
                    last,
                    why,
                });
            }
            clock::pass(pause).await;
            pause = (pause * 2).min(std::time::Duration::from_secs(1));
        }
    }

    /// Sends an HTTP request to a pod under its DNS name, resolved by the cluster's DNS.
    ///
    /// # Errors
    /// When the name never resolves to the pod's present address, or the pod does not answer.
    pub async fn http(
        &self,
        method: &str,
        pod: &str,
        service: &str,
        path: &str,
    ) -> Result<HttpAnswer, StepError> {
        let host = self.pod_host(pod, service);
        let answer = self
            .until_resolved(
                &host,
                RecordType::A,
                "the name resolves to the pod",
                |world, answer| {
                    world
                        .pod(pod)
                        .is_some_and(|state| state.ip.is_some_and(|ip| answer.answers.contains(&ip)))
                },
            )
            .await?;
        let port = self.look(|world| container_port(world, pod));
        let request = HttpRequest {
            host,
            address: answer.answers.first().cloned().unwrap_or_default(),
            port,
            method: method.into(),
            path: path.into(),
        };
        let asked = self.inner.recorder.stopwatch().elapsed();
        let mut answer = self.inner.cluster.prober().send(&request).await;
        answer.asked_ms = asked;
        self.inner
            .recorder
            .record(Observation::Http(Box::new(answer.clone())));
        if answer.status == 200 {
            return Ok(answer);
        }
        Err(StepError::NotReached {
            goal: format!("{method} http://{}{path}", answer.host),
            last: answer
                .error
                .clone()
                .unwrap_or_else(|| format!("status {}", answer.status)),
            why: "the pod did not answer as it should".into(),
        })
    }

    // Requests.

    fn sets(&self) -> String {
        self.collection("apps/v1", "StatefulSet")
    }

    fn collection(&self, api_version: &str, kind: &str) -> String {
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

    async fn write(
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
        outcome.map_err(|(status, message)| StepError::Refused {
            what: what.into(),
            status,
            message,
        })
    }
}

/// Finalizer by which a scenario keeps a pod from going away.
const FINALIZER: &str = "ordinal.dev/pinned";

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

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
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

/// Port that the first container of a pod declares; 80 if none.
fn container_port(world: &World, pod: &str) -> u16 {
    world
        .object("pods", pod)
        .and_then(|pod| {
            pod.pointer("/spec/containers/0/ports/0/containerPort")
                .and_then(Value::as_u64)
        })
        .and_then(|port| u16::try_from(port).ok())
        .unwrap_or(80)
}

/// Whether a set has come to rest, as far as its own status and its pods tell.
pub fn settled(world: &World, name: &str) -> Seen {
    let set = world
        .set(name)
        .ok_or_else(|| format!("the set {name} does not exist"))?;
    let (spec, status) = (&set.spec, &set.status);
    if status.observed_generation != Some(spec.generation) {
        return Err(format!("generation {} is not observed yet", spec.generation));
    }
    let members = world.members(name);
    let wanted: Vec<Ordinal> = spec.range().map(Ordinal).collect();
    if !members.keys().copied().eq(wanted) || members.values().any(|state| !state.healthy()) {
        return Err(world.describe_pods());
    }
    let replicas = i64::from(spec.replicas);
    if (status.replicas, status.ready) != (replicas, replicas) {
        return Err(format!(
            "the status says {} replicas and {} ready of {replicas}",
            status.replicas, status.ready
        ));
    }
    let Some(boundary) = spec.boundary() else {
        return Ok(());
    };
    let behind = members.iter().find(|(ordinal, state)| {
        ordinal.0 >= boundary && status.update_revision.is_some() && state.revision != status.update_revision
    });
    match behind {
        Some((ordinal, _)) => Err(format!("{name}-{ordinal} is not at the update revision")),
        None if boundary <= spec.start && status.current_revision != status.update_revision => {
            Err("the current revision is not the update revision yet".into())
        }
        None => Ok(()),
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("namespace", &self.namespace())
            .finish_non_exhaustive()
    }
}
