//! Events in words, for witnesses.

use super::{Ledger, Moment, PodState};
use crate::field::Field;
use crate::{Event, Observation, WatchKind};
use serde_json::Value;
use std::sync::Arc;

/// What is kept of an event to be able to say it in words later.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    Watch(WatchKind, String, Arc<Value>),
    Text(String),
}

impl Subject {
    pub(super) fn of(event: &Event) -> Subject {
        match &event.what {
            Observation::Watch(watch) => {
                Subject::Watch(watch.kind, watch.resource.clone(), watch.object.clone())
            }
            Observation::Start(meta) => Subject::Text(format!("scenario {} begins", meta.scenario)),
            Observation::End(end) => Subject::Text(format!("the history ends: {}", end.outcome)),
            Observation::Write(write) => Subject::Text(format!(
                "{} sent {} {} {} ({})",
                write.author, write.verb, write.resource, write.name, write.code
            )),
            Observation::Action(action) => Subject::Text(format!(
                "harness: {} ({} {}: {})",
                action.name, action.method, action.path, action.status
            )),
            Observation::Dns(answer) => Subject::Text(match answer.answers.as_slice() {
                [] => format!("DNS: {} {} -> {}", answer.qtype, answer.name, answer.rcode),
                answers => format!("DNS: {} {} -> {}", answer.qtype, answer.name, answers.join(", ")),
            }),
            Observation::Http(answer) => Subject::Text(match &answer.error {
                Some(error) => format!(
                    "HTTP: {} {}{} failed: {error}",
                    answer.method, answer.host, answer.path
                ),
                None => format!(
                    "HTTP: {} {}{} -> {}",
                    answer.method, answer.host, answer.path, answer.status
                ),
            }),
            Observation::Note(note) => Subject::Text(format!("scenario: {} {}", note.kind, note.text)),
            Observation::Gap(gap) => {
                Subject::Text(format!("the watch on {} was cut: {}", gap.resource, gap.reason))
            }
        }
    }
}

impl Ledger {
    /// The event at `moment` in words, as in `pod web-1 ADDED: Pending, revision web-6d8f`.
    pub fn describe(&self, moment: Moment) -> String {
        match self.texts.get(moment.index) {
            None => "no event".into(),
            Some(Subject::Text(text)) => text.clone(),
            Some(Subject::Watch(kind, resource, object)) => self.describe_object(*kind, resource, object),
        }
    }

    fn describe_object(&self, kind: WatchKind, resource: &str, object: &Arc<Value>) -> String {
        let text = |pointer: &str| object.field(pointer).and_then(Value::as_str).unwrap_or_default();
        let number = |pointer: &str| object.field(pointer).and_then(Value::as_i64).unwrap_or_default();
        let name = text("/metadata/name");
        let verb = match kind {
            WatchKind::Initial => "was there",
            WatchKind::Added => "ADDED",
            WatchKind::Modified => "MODIFIED",
            WatchKind::Deleted => "DELETED",
        };
        let terminating = object
            .field("/metadata/deletionTimestamp")
            .is_some_and(|at| !at.is_null());
        if resource == self.subject().resource {
            return format!(
                "set {name} {verb}: generation {}, replicas {}; observed {}, {} ready, current {}, update {}{}",
                number("/metadata/generation"),
                number("/spec/replicas"),
                number("/status/observedGeneration"),
                number("/status/readyReplicas"),
                or_dash(text("/status/currentRevision")),
                or_dash(text("/status/updateRevision")),
                if terminating { ", terminating" } else { "" },
            );
        }
        match resource {
            "pods" => {
                let state = PodState::of(object.clone(), &self.subject().labels.revision);
                let mut words = format!("pod {name} {verb}: {}", state.describe());
                if let Some(revision) = &state.revision {
                    words += &format!(", revision {revision}");
                }
                if let Some(ip) = &state.ip {
                    words += &format!(", address {ip}");
                }
                words
            }
            "persistentvolumeclaims" => format!(
                "claim {name} {verb}: {}, uid {}{}",
                or_dash(text("/status/phase")),
                text("/metadata/uid").get(..8).unwrap_or(text("/metadata/uid")),
                if terminating { ", terminating" } else { "" },
            ),
            "controllerrevisions" => format!("revision {name} {verb}: number {}", number("/revision")),
            "endpointslices" => {
                let endpoints = object.get("endpoints").and_then(Value::as_array);
                format!(
                    "endpoint slice {name} {verb}: {} endpoints",
                    endpoints.map_or(0, Vec::len)
                )
            }
            "events" => format!("event {}: {}", text("/reason"), text("/message")),
            other => format!("{} {name} {verb}", other.strip_suffix('s').unwrap_or(other)),
        }
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}
