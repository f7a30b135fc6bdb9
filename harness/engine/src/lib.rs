//! Clusters, candidates, the recorder, steps, probes and the runner.
//!
//! ```text
//!   Plan ──> run ──> Cluster + Candidate
//!                      │
//!            Scenario (verbs on a Stage) ──writes──> API server <── candidate
//!                      │                                 │
//!                      └── Recorder <── watches, audit, DNS, HTTP
//!                             │
//!                          History ──> judgements ──> Report
//! ```
//!
//! Everything with a socket or a clock is here; judging is elsewhere and pure.

pub mod candidate;
pub mod clock;
pub mod cluster;
pub mod environment;
pub mod folder;
mod gate;
pub mod image;
mod lag;
pub mod manifest;
mod observe;
mod observed;
pub mod patience;
pub mod probe;
mod recorder;
mod run;
pub mod scenario;
pub mod stage;
pub mod world;

pub use candidate::{Candidate, Processes};
pub use cluster::{NodeLoss, in_process_client};
pub use environment::BROKEN_IMAGE;
pub use run::{
    ChoiceError, Chosen, ClusterChoice, Keep, Kept, Performed, Plan, Progress, Recorded, Run, RunError, Time,
    run,
};
pub use scenario::Scenario;
pub use stage::{Stage, StepError};
/// Ends a run early.
pub use tokio_util::sync::CancellationToken;
