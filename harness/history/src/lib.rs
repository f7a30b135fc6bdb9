//! What was observed during one scenario, and the ledger indexed from it.
//!
//! A [`History`] is an append-only list of [`Event`]s: watch events, the harness's own actions, DNS answers,
//! HTTP answers, API writes with their author where the cluster can tell, and gaps. It is stored as JSON Lines.
//! A [`Ledger`] is the same history indexed for judging: incarnations of each pod, spec and status timelines,
//! claims, revisions. Both are plain data: no clock, no socket, no Kubernetes client.
//!
//! ```text
//!   events (arrival order) ──> History ──> Ledger ──> rules
//! ```

mod event;
mod field;
mod history;
mod jsonl;
mod ledger;
mod meta;
mod time;

pub use event::{
    Action, DnsAnswer, End, Event, Gap, HttpAnswer, Note, Observation, Scale, WatchEvent, WatchKind, Write,
};
pub use history::History;
pub use jsonl::{ReadError, Recovered, read, read_recovering, write_event, write_history};
pub use ledger::{
    Author, Budget, Claim, ClaimState, DaemonSpec, DaemonStatus, Deletion, Endpoint, Incarnation, Ledger,
    ManagementPolicy, Moment, Ordinal, Owner, PodState, Policy, Related, Revision, RevisionState, Service,
    ServicePort, Set, SetState, Spec, Status, Strategy, Target, Timeline, Toleration, canonical_template,
    endpoints, service_of,
};
pub use meta::{Deviation, Evidence, Labels, Meta, Patience, Subject, TURNS};
pub use time::Elapsed;
