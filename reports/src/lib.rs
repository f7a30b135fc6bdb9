//! The report model and its renderers.
//!
//! A [`Report`] is built from the plain facts of a run by [`Report::build`], a pure function; the verdicts come from
//! [`judging::decide`]. Renderers turn a report into text and decide nothing.
//!
//! A [`Story`] is what happened in one scenario: its milestones in the order that is guaranteed, the same on every
//! correct cluster.

mod build;
mod deviations;
mod exit_code;
mod facts;
mod human;
mod json;
mod matrix;
mod report;
mod story;
mod summary;
mod text;

pub use exit_code::ExitCode;
pub use facts::{CandidateFacts, ClusterFacts, Outcome, RunFacts, ScenarioFacts, Time};
pub use human::{Layout, human};
pub use json::{NotAReport, json};
pub use matrix::{Row, matrix, worst};
pub use report::{CandidateReport, FORMAT, Report, RuleReport, ScenarioReport, Totals, Violation};
pub use story::{Phase, Section, Story, story};
