//! Running scenarios on a cluster and judging what they recorded.

mod attempt;
mod automatic;
mod choice;
mod first_contact;
mod hand_over;
mod judge;
mod kept;
mod pace;
mod performed;
mod plan;
mod progress;
mod real;
mod scenario;
mod virtual_time;

pub use automatic::Chosen;
pub use choice::{ChoiceError, ClusterChoice};
pub use kept::Kept;
pub use performed::{Performed, Recorded};
pub use plan::{Keep, Plan, RunError, Time};
pub use progress::Progress;

use reports::{CandidateFacts, ClusterFacts, Report, RunFacts, ScenarioFacts};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// What came out of a run.
pub struct Run {
    /// The report.
    pub report: Report,
    /// The recorded scenarios, in the order of the plan.
    pub performed: Vec<Performed>,
}

/// Runs a plan: starts the cluster and the candidate, performs every scenario, judges every history with every rule.
///
/// Blocks the calling thread and brings its own runtime; call it from a plain thread, not from async code.
/// `stop` ends it early; what was recorded until then is judged and reported.
///
/// # Errors
/// When the cluster or the candidate could not be started. A candidate that breaks promises is no error.
pub fn run(plan: &Plan, stop: &CancellationToken, tell: &(dyn Fn(Progress) + Sync)) -> Result<Run, RunError> {
    let started = Instant::now();
    plan.check()?;
    let outcome = match plan.time {
        Time::Real => real::run(plan, stop, tell)?,
        Time::Virtual { seed } => virtual_time::run(plan, seed, stop, tell)?,
    };
    let seconds = started.elapsed().as_secs_f64();
    let report = report(plan, &outcome, seconds);
    Ok(Run {
        report,
        performed: outcome.performed,
    })
}

/// What the modes of time have in common.
struct Outcome {
    cluster: ClusterFacts,
    performed: Vec<Performed>,
    patience: history::Patience,
    started: Option<String>,
}

fn report(plan: &Plan, outcome: &Outcome, seconds: f64) -> Report {
    let scenarios = outcome
        .performed
        .iter()
        .map(|performed| ScenarioFacts {
            name: performed.name,
            sentence: performed.sentence,
            outcome: performed.outcome.clone(),
            seconds: performed.seconds,
            events: performed.events(),
            history_file: performed
                .recorded
                .as_ref()
                .and_then(|recorded| recorded.kept.file.clone()),
            lost_history: performed
                .recorded
                .as_ref()
                .and_then(|recorded| recorded.kept.lost.clone()),
            judgements: performed
                .recorded
                .as_ref()
                .map_or(&[][..], |recorded| &recorded.judgements),
            environment: performed
                .recorded
                .as_ref()
                .map_or_else(Vec::new, |recorded| recorded.environment.clone()),
        })
        .collect();
    Report::build(RunFacts {
        cluster: ClusterFacts {
            chosen_because: plan.chosen_because.clone(),
            ..outcome.cluster.clone()
        },
        candidate: CandidateFacts {
            name: plan.candidate.name.clone(),
            version: plan.candidate.version.clone(),
            description: plan.candidate.description.clone(),
            declarations: plan.candidate.declarations.clone(),
        },
        rules: &plan.rules,
        all_rules: &plan.all_rules,
        scenarios,
        patience: outcome.patience,
        tool_version: env!("CARGO_PKG_VERSION"),
        started: outcome.started.clone(),
        seconds,
    })
}
