//! A history indexed for judging.

mod attribution;
mod build;
mod claim;
mod daemon_set;
mod derived;
mod describe;
mod endings;
mod holes;
mod metadata;
mod pod;
mod query;
mod reported;
mod service;
mod set;
mod timeline;
mod volume;

pub use claim::{Claim, ClaimState, Revision, RevisionState};
pub use daemon_set::{DaemonSpec, DaemonStatus, Toleration};
pub use holes::Hole;
pub use metadata::Owner;
pub use pod::{Author, Deletion, Incarnation, Ordinal, PodState};
pub use service::{Endpoint, Service, ServicePort, Target, endpoints, service_of};
pub use set::{Budget, ManagementPolicy, Policy, Set, SetState, Spec, Status, Strategy, canonical_template};
pub use timeline::{Moment, Timeline};

use crate::{Action, DnsAnswer, End, HttpAnswer, Meta, Note, WatchKind, Write};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// A history indexed for judging: incarnations of each pod, spec and status timelines, claims, revisions, answers.
///
/// Events are in true order: by `resourceVersion`, which is comparable within one store, with arrival as tie-break.
/// What has no version (actions, answers) stands where it arrived.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    meta: Meta,
    order: Vec<Moment>,
    texts: Vec<describe::Subject>,
    sets: Vec<Set>,
    pods: Vec<Incarnation>,
    members: HashMap<String, Vec<usize>>,
    lanes: HashMap<String, BTreeMap<Ordinal, Vec<usize>>>,
    claims: Vec<Claim>,
    claims_by_name: HashMap<(String, String), Vec<usize>>,
    revisions: Vec<Revision>,
    related: Vec<Related>,
    related_by_name: HashMap<(String, String, String), Vec<usize>>,
    writes: Vec<(Moment, Write)>,
    actions: Vec<(Moment, Action)>,
    dns: Vec<(Moment, DnsAnswer)>,
    http: Vec<(Moment, HttpAnswer)>,
    notes: Vec<(Moment, Note)>,
    holes: Vec<Hole>,
    ended: Option<(Moment, End)>,
    authors: HashMap<u64, Author>,
    /// Who wrote what the event at each position shows.
    written_by: Vec<Author>,
    derived: derived::Derived,
}

/// One life of any other object: a Service, an EndpointSlice, a PersistentVolume, an Event, a DaemonSet, …
#[derive(Clone, Debug)]
pub struct Related {
    /// Plural name of the resource.
    pub resource: String,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// UID of the object.
    pub uid: String,
    /// Everything that was seen of it.
    pub states: Timeline<Arc<Value>>,
    /// Type of the first event.
    pub first_kind: WatchKind,
    /// When it was gone.
    pub gone: Option<Moment>,
}

impl Related {
    /// The object at position `index`, `None` if it did not exist there.
    pub fn at(&self, index: usize) -> Option<&Arc<Value>> {
        if self.gone.is_some_and(|gone| gone.index <= index) {
            return None;
        }
        self.states.at(index).map(|(_, object)| object)
    }
}
