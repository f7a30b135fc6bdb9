//! Verbs that ask the DNS and the pods.

use super::{Stage, StepError};
use crate::{
    clock,
    probe::{HttpRequest, RecordType},
    world::World,
};
use history::{DnsAnswer, HttpAnswer, Observation};
use serde_json::Value;
use std::time::Duration;

/// How long a DNS that is asked past its cache may take.
const PAST_THE_CACHE: Duration = Duration::from_millis(500);

impl Stage {
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

    /// Asks the cluster's DNS once, as an application does, and records the answer. Where the DNS can be asked past its
    /// cache, that answer is recorded as well, before.
    pub async fn resolve(&self, name: &str, kind: RecordType) -> DnsAnswer {
        let prober = self.inner.cluster.prober();
        if let Some(uncached) = prober.resolve_uncached(name, kind) {
            // The port is the harness's own affair: trouble with it may not cost the questions that are asked as applications do.
            let _ = clock::within(PAST_THE_CACHE, self.recorded(uncached)).await;
        }
        self.recorded(prober.resolve(name, kind)).await
    }

    async fn recorded(&self, answer: impl Future<Output = DnsAnswer>) -> DnsAnswer {
        let asked = self.inner.recorder.stopwatch().elapsed();
        let mut answer = answer.await;
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

    /// Sends a GET request to a pod under its DNS name, resolved by the cluster's DNS.
    ///
    /// # Errors
    /// When the name never resolves to the pod's present address, or the pod does not answer.
    pub async fn get(&self, pod: &str, service: &str, path: &str) -> Result<HttpAnswer, StepError> {
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
            goal: format!("GET http://{}{path}", answer.host),
            last: answer
                .error
                .clone()
                .unwrap_or_else(|| format!("status {}", answer.status)),
            why: "the pod did not answer as it should".into(),
        })
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
