//! Scenarios and rules of the StatefulSet certification, and their registry.
//!
//! A controller written with kube-rs is certified from its own repository, as a test of its own:
//!
//! ```no_run
//! # async fn my_controller(_: kube::Client) -> Result<(), std::io::Error> { Ok(()) }
//! #[test]
//! fn my_controller_is_conformant() {
//!     let candidate = suites::Candidate::in_process("mine", |context| my_controller(context.client));
//!     let run = suites::certify(candidate).unwrap();
//!     assert!(run.report.certified(), "{}", suites::human(&run.report));
//! }
//! ```

pub mod broken_dns;
pub mod mutants;
mod offline;
pub mod rules;
pub mod scenarios;
mod selection;

pub use engine::{
    CancellationToken, Candidate, Chosen, ClusterChoice, Keep, Plan, Processes, Progress, Run, RunError,
    Scenario, Stage, StepError, Time,
};
pub use offline::{NotOneRun, judge_recorded};
pub use selection::{Selection, SelectionError};

/// A plan with the defaults: every scenario and every rule, the embedded cluster, real time.
pub fn plan(candidate: Candidate) -> Plan {
    Plan {
        cluster: ClusterChoice::Embedded { nodes: 3 },
        chosen_because: None,
        candidate,
        scenarios: scenarios::all(),
        rules: rules::all(),
        all_rules: rules::all(),
        jobs: DEFAULT_JOBS,
        out: None,
        time: Time::Real,
        keep: Keep::Never,
        keep_histories: false,
        dns_fault: None,
        at_once: CancellationToken::new(),
        processes: Processes::default(),
    }
}

/// How many scenarios run side by side unless told otherwise. They mostly wait; more of them get into each other's way on
/// two cores, and the longer holds that this costs outweigh what is gained.
pub const DEFAULT_JOBS: usize = 20;

/// Certifies a candidate with the defaults. Blocks; brings its own runtime.
///
/// # Errors
/// When the cluster or the candidate could not be started. A candidate that breaks promises is no error.
pub fn certify(candidate: Candidate) -> Result<Run, RunError> {
    engine::run(&plan(candidate), &CancellationToken::new(), &|_| {})
}

/// A report as text for people, without colour.
pub fn human(report: &reports::Report) -> String {
    reports::human(report, &reports::Layout::default())
}
