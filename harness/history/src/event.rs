//! One observation.

use crate::field::Field;
use crate::{Elapsed, Meta};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// One observation, with the time at which the harness made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When the observation arrived.
    pub at: Elapsed,
    /// What was observed.
    pub what: Observation,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// The history begins.
    Start(Box<Meta>),
    /// The history is complete.
    End(End),
    /// A watch delivered an object.
    Watch(WatchEvent),
    /// The API server accepted or refused a write (audit).
    Write(Write),
    /// The harness did something.
    Action(Box<Action>),
    /// The cluster's DNS answered.
    Dns(DnsAnswer),
    /// A pod answered an HTTP request.
    Http(Box<HttpAnswer>),
    /// A remark of the scenario.
    Note(Note),
    /// A watch was cut and could not be resumed: what happened meanwhile is unknown.
    Gap(Gap),
}

/// Type of a watch event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum WatchKind {
    /// The object was there before the history began.
    Initial,
    /// The object appeared.
    Added,
    /// The object changed.
    Modified,
    /// The object is gone; the object is its last state.
    Deleted,
}

/// An object as a watch delivered it.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchEvent {
    /// Type of the event.
    pub kind: WatchKind,
    /// Plural name of the resource.
    pub resource: String,
    /// The whole object.
    pub object: Arc<Value>,
}

impl WatchEvent {
    /// The object's resourceVersion as a number, where it is one. Comparable within one store.
    pub fn resource_version(&self) -> Option<u64> {
        self.object
            .field("/metadata/resourceVersion")?
            .as_str()?
            .parse()
            .ok()
    }

    /// The object's name, empty if it has none.
    pub fn name(&self) -> &str {
        self.object
            .field("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// A write as the API server's audit tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// User name of the author.
    pub author: String,
    /// User agent of the author.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// create, update, patch, delete or deletecollection.
    pub verb: String,
    /// Plural name of the resource.
    pub resource: String,
    /// Subresource, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
    /// Namespace, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the object.
    #[serde(default)]
    pub name: String,
    /// HTTP status of the answer.
    pub code: u16,
    /// resourceVersion that the write produced; absent when it changed nothing or was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Whether the author is the candidate, the harness, or part of the cluster.
    #[serde(default)]
    pub role: crate::Author,
}

/// Something that the harness did to the cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Action {
    /// HTTP method, or EXEC.
    pub method: String,
    /// What it is for, in words.
    pub name: String,
    /// Path of the request.
    pub path: String,
    /// Body of the request, null if there was none.
    pub body: Value,
    /// HTTP status of the answer; 0 if none came.
    pub status: u16,
    /// The answer.
    pub object: Arc<Value>,
    /// When the answer was there. `at` is when the request was sent.
    pub done: Elapsed,
}

/// What the scale subresource shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// `spec.replicas`.
    pub replicas: i64,
    /// `status.selector`, empty if there is none.
    pub selector: String,
}

impl Action {
    /// The answer as a Scale, if it is one.
    pub fn scale(&self) -> Option<Scale> {
        let object = &self.object;
        (object.get("kind")?.as_str()? == "Scale").then(|| Scale {
            // The API leaves zero out.
            replicas: object
                .field("/spec/replicas")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            selector: object
                .field("/status/selector")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

/// An answer of the cluster's DNS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DnsAnswer {
    /// The name that was asked for, without trailing dot.
    pub name: String,
    /// A, AAAA, SRV or PTR.
    pub qtype: String,
    /// NOERROR, NXDOMAIN, SERVFAIL, …
    pub rcode: String,
    /// The records' data in presentation form, sorted: addresses, `priority weight port target`, or names.
    #[serde(default)]
    pub answers: Vec<String>,
    /// Smallest time to live of the answer, in seconds.
    #[serde(default)]
    pub ttl: Option<u32>,
    /// How often the previous answer to the same question was seen before this one.
    #[serde(default)]
    pub same_answers_before: u64,
    /// When the question was sent; the answer describes some state between this and its arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_ms: Option<Elapsed>,
    /// Whether it was asked for past every cache. Applications ask what may be kept for a while.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncached: bool,
}

/// An answer of a pod to an HTTP request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HttpAnswer {
    /// DNS name under which the pod was reached.
    pub host: String,
    /// Address that the name resolved to.
    pub address: String,
    /// Port that was asked.
    pub port: u16,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// HTTP status; 0 if no answer came.
    pub status: u16,
    /// Body, where it is text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Why no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When the request was sent.
    #[serde(default)]
    pub asked_ms: Elapsed,
}

/// A remark of the scenario: what it waits for, what it holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// Kind of the remark: `step`, `wait`, `reached`, `hold`, `release`, `failed`.
    pub kind: String,
    /// The remark.
    pub text: String,
}

/// A hole in what a watch delivered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Plural name of the resource whose watch was cut.
    pub resource: String,
    /// Why.
    pub reason: String,
}

/// How the scenario ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// `completed`, or why it was not.
    #[serde(default)]
    pub outcome: String,
    /// What the scenario waited for when it gave up, and what it last saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// How long the machine needed for a turn of the harness itself while the scenario ran, in milliseconds: the mean of
    /// the slowest [`TURNS`] turns of a while. Whoever judges must be as patient as all of them together took.
    ///
    /// [`TURNS`]: crate::TURNS
    #[serde(default)]
    pub lag_ms: u64,
}
