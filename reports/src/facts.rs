//! What a run hands over to be reported.

use history::{Evidence, Patience};
use judging::{Declarations, Judgement, Rule};
use serde::{Deserialize, Serialize};

/// Everything that a report is built from.
#[derive(Clone, Debug)]
pub struct RunFacts<'a> {
    /// Where it ran.
    pub cluster: ClusterFacts,
    /// Who was judged.
    pub candidate: CandidateFacts,
    /// The rules that were selected.
    pub rules: &'a [&'a Rule],
    /// Every rule there is, selected or not: what a known deviation may name.
    pub all_rules: &'a [&'a Rule],
    /// The scenarios that were selected, those that did not run included.
    pub scenarios: Vec<ScenarioFacts<'a>>,
    /// The time limits that applied.
    pub patience: Patience,
    /// Version of the tool that ran and judged.
    pub tool_version: &'a str,
    /// Wall-clock start, RFC 3339. Absent where it would make two equal runs differ.
    pub started: Option<String>,
    /// How long the whole run took, in seconds of wall-clock time.
    pub seconds: f64,
}

/// The cluster of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterFacts {
    /// Short name of the provider: `embedded`, `k3s`, `kubeconfig`.
    pub name: String,
    /// Version of Kubernetes that it speaks, empty if that is not known.
    #[serde(default)]
    pub version: String,
    /// What it can do, in words.
    pub capabilities: Vec<String>,
    /// Why this one, if nobody named a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_because: Option<String>,
    /// Whose time it ran in.
    pub time: Time,
    /// Seed of everything random; a run in virtual time with the same seed gives the same histories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The evidence grade: `A` when every write carries its author, `B` when there were watch events only.
    pub evidence: Evidence,
}

/// Whose time a run is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Time {
    /// The wall clock.
    #[default]
    Real,
    /// A clock that jumps to the next moment at which something is due.
    Virtual,
}

/// The controller that was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateFacts {
    /// Short name.
    pub name: String,
    /// A tag or digest, where known.
    pub version: Option<String>,
    /// What it is, in one sentence.
    pub description: String,
    /// What it declares absent or broken.
    pub declarations: Declarations,
}

/// One scenario of a run.
#[derive(Clone, Debug)]
pub struct ScenarioFacts<'a> {
    /// Name of the scenario.
    pub name: &'a str,
    /// What it does, in one sentence.
    pub sentence: &'a str,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, in seconds of the clock that the run was in.
    pub seconds: f64,
    /// How many observations its history holds.
    pub events: usize,
    /// Where its history is stored, relative to the report.
    pub history_file: Option<String>,
    /// Why its history is not stored as a whole although it was to be, and what to do. It was judged all the same; but
    /// nobody can judge it again, so there is no certificate.
    pub lost_history: Option<String>,
    /// What each rule found in it, parallel to [`RunFacts::rules`]. Empty if there was no history to judge.
    pub judgements: &'a [Judgement],
    /// Faults of the environment while it ran: image pulls, unschedulable pods, node pressure, API errors.
    pub environment: Vec<String>,
}

/// How a scenario ended. In JSON: the field `outcome` with the name, and the fields of the variant beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It played to its end.
    Completed,
    /// It waited for something that did not come. Says nothing about any rule by itself.
    Failed {
        /// What it waited for.
        waited_for: String,
        /// What it last saw.
        last_seen: String,
        /// Why that was not enough.
        why: String,
    },
    /// The candidate ended by itself while the scenario ran. Goals that were missed because of it are its own fault.
    Crashed {
        /// What happened.
        reason: String,
    },
    /// It did not run: the cluster cannot do what it needs, or the candidate does not have it.
    Skipped {
        /// Why.
        reason: String,
    },
    /// The environment was at fault: no conclusion can be drawn from how it ended. A candidate that the host killed
    /// belongs here.
    Environment {
        /// What was wrong.
        reason: String,
    },
}

impl Outcome {
    /// The name in reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::Failed { .. } => "failed",
            Outcome::Crashed { .. } => "crashed",
            Outcome::Skipped { .. } => "skipped",
            Outcome::Environment { .. } => "environment",
        }
    }

    /// Why the scenario did not play to its end by itself; a failed wait has no reason, it says what it waited for.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Completed | Outcome::Failed { .. } => None,
            Outcome::Crashed { reason } | Outcome::Skipped { reason } | Outcome::Environment { reason } => {
                Some(reason)
            }
        }
    }

    /// What there is to say about an end that was not the planned one; `None` if it was.
    pub fn explanation(&self) -> Option<String> {
        match self {
            Outcome::Failed {
                waited_for,
                last_seen,
                why,
            } => Some(format!("waited for {waited_for}; last saw {last_seen}; {why}")),
            other => other.reason().map(str::to_owned),
        }
    }
}
