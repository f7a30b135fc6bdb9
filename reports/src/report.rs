//! The result of a run. What the fields say is what the JSON report says: this is its schema.

use crate::{ClusterFacts, ExitCode, Outcome};
use history::Patience;
use judging::{Citation, Feature, Kind, KnownDeviation, Level, Profile, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name and version of the JSON shape. The number moves when a field changes its meaning or goes away; new fields
/// do not move it, so a reader ignores fields that it does not know.
pub const FORMAT: &str = "ordinal.report/1";

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`FORMAT`].
    pub format: String,
    /// Version of the tool that ran and judged.
    pub tool_version: String,
    /// Whether every selected Must rule was exercised and kept, and every scenario that ran was completed.
    pub certified: bool,
    /// The result in one line.
    pub summary: String,
    /// What stands between this run and a certificate, one sentence each. Empty exactly if `certified`.
    pub obstacles: Vec<String>,
    /// What is wrong with the candidate's known deviations: entries that are kept, match no rule, or overlap another
    /// declaration. Contained in `obstacles`.
    pub problems: Vec<String>,
    /// Wall-clock start, RFC 3339. Absent in virtual time, where two equal runs have equal reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// How long the whole run took, in seconds of wall-clock time.
    pub seconds: f64,
    /// Where it ran.
    pub cluster: ClusterFacts,
    /// Who was judged.
    pub candidate: CandidateReport,
    /// The time limits that applied, in milliseconds.
    pub patience: Patience,
    /// Counts over all rules and scenarios.
    pub totals: Totals,
    /// The verdict on every selected rule, in the order of the specification.
    pub rules: Vec<RuleReport>,
    /// Every selected scenario, in the order in which they were planned.
    pub scenarios: Vec<ScenarioReport>,
}

/// The candidate and what it declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateReport {
    /// Short name.
    pub name: String,
    /// A tag or digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it is, in one sentence.
    pub description: String,
    /// Features that it declares absent.
    pub unsupported: Vec<Feature>,
    /// Deviations that it admits: `rule` and `reason`.
    pub known_deviations: Vec<KnownDeviation>,
}

/// Counts over all rules and scenarios.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Selected rules.
    pub rules: usize,
    /// Selected scenarios.
    pub scenarios: usize,
    /// Scenarios that played to their end.
    pub completed: usize,
    /// How often the triggers of all rules occurred.
    pub opportunities: u64,
    /// Observations in all histories.
    pub events: usize,
    /// Rules per verdict; verdicts that no rule has are left out.
    pub verdicts: BTreeMap<Verdict, usize>,
    /// The same per profile.
    pub profiles: BTreeMap<Profile, BTreeMap<Verdict, usize>>,
}

/// The verdict on one rule and what led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleReport {
    /// Id of the behaviour in the specification.
    pub id: String,
    /// `must` or `should`.
    pub level: Level,
    /// The profile it belongs to.
    pub profile: Profile,
    /// `safety`, `liveness`, `safety-and-liveness` or `quiescence`.
    pub kind: Kind,
    /// The promise.
    pub sentence: String,
    /// Why it matters.
    pub why: String,
    /// Where it is promised.
    pub source: String,
    /// What usually is wrong in a controller that breaks it.
    pub fix: String,
    /// The verdict.
    pub verdict: Verdict,
    /// How often its trigger occurred, over all scenarios.
    pub opportunities: u64,
    /// Why it is inconclusive, not exercised, unsupported or known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The proof: what broke it, or which goal was missed although the world was quiet.
    pub violations: Vec<Violation>,
}

/// One proof that a rule is broken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// Name of the scenario it happened in.
    pub scenario: String,
    /// What is wrong, in one sentence.
    pub sentence: String,
    /// The two to six events that prove it: `line` of the history from 1, `t_ms` since the start of the scenario
    /// in milliseconds, `text`.
    pub events: Vec<Citation>,
}

/// How one scenario went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioReport {
    /// Name of the scenario.
    pub name: String,
    /// What it does.
    pub sentence: String,
    /// `outcome` is `completed`; `failed` with `waited_for`, `last_seen` and `why`; or `crashed`, `skipped` or
    /// `environment` with `reason`.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How long it took, in seconds of the clock that the run was in.
    pub seconds: f64,
    /// How many observations its history holds.
    pub events: usize,
    /// Where its history is stored, relative to the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<String>,
    /// Faults of the environment while it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
}

impl Report {
    /// Whether every selected Must rule was exercised and kept, and every scenario that ran was completed.
    pub fn certified(&self) -> bool {
        self.certified
    }

    /// What the run tells the shell: first what is proven about the candidate, then what is wrong with its file, then
    /// what remained open.
    pub fn exit_code(&self) -> ExitCode {
        if self.broken().next().is_some() {
            ExitCode::Violated
        } else if !self.problems.is_empty() {
            ExitCode::Usage
        } else if self.certified {
            ExitCode::Certified
        } else {
            ExitCode::Inconclusive
        }
    }

    /// Rules that are violated or stalled.
    pub fn broken(&self) -> impl Iterator<Item = &RuleReport> {
        self.rules
            .iter()
            .filter(|rule| matches!(rule.verdict, Verdict::Violated | Verdict::Stalled))
    }

    /// The scenario of this name.
    pub fn scenario(&self, name: &str) -> Option<&ScenarioReport> {
        self.scenarios.iter().find(|scenario| scenario.name == name)
    }
}
