//! Judging histories that were recorded earlier, maybe elsewhere.

use history::{History, Ledger};
use judging::{Declarations, Judgement, Rule, judge_all};
use reports::{CandidateFacts, ClusterFacts, Outcome, Report, RunFacts, ScenarioFacts};

/// Judges recorded histories, each given with a name for messages, and reports on them as one run.
///
/// A history that was not closed in order is judged as far as it goes; its scenario counts as not completed.
pub fn judge_recorded(histories: &[(String, History)], rules: &[&'static Rule], seconds: f64) -> Report {
    let ledgers: Vec<Ledger> = histories
        .iter()
        .map(|(_, history)| Ledger::build(history))
        .collect();
    let judgements: Vec<Vec<Judgement>> = ledgers.iter().map(|ledger| judge_all(rules, ledger)).collect();
    let scenarios = histories
        .iter()
        .zip(&ledgers)
        .zip(&judgements)
        .map(|(((file, history), ledger), judgements)| ScenarioFacts {
            name: Some(ledger.meta().scenario.as_str())
                .filter(|name| !name.is_empty())
                .unwrap_or(file),
            sentence: &ledger.meta().title,
            outcome: outcome(ledger),
            seconds: ledger.end().at.as_millis() as f64 / 1_000.0,
            events: history.len(),
            history_file: Some(file.clone()),
            lost_history: None,
            judgements,
            environment: engine::environment::faults(ledger),
        })
        .collect();
    let meta = ledgers
        .first()
        .map(|ledger| ledger.meta().clone())
        .unwrap_or_default();
    let all_rules = crate::rules::all();
    Report::build(RunFacts {
        cluster: ClusterFacts {
            name: meta.cluster.unwrap_or_else(|| "recorded".into()),
            version: meta.kubernetes.unwrap_or_default(),
            capabilities: Vec::new(),
            time: reports::Time::Real,
            seed: None,
            evidence: meta.evidence,
            chosen_because: None,
        },
        candidate: CandidateFacts {
            name: meta.candidate.unwrap_or_else(|| "recorded".into()),
            version: None,
            description: String::new(),
            declarations: Declarations::default(),
        },
        rules,
        all_rules: &all_rules,
        scenarios,
        patience: meta.patience,
        tool_version: env!("CARGO_PKG_VERSION"),
        started: meta.started,
        seconds,
    })
}

fn outcome(ledger: &Ledger) -> Outcome {
    match ledger.ended() {
        // Recorders other than Ordinal's close a history without a word on the outcome.
        Some((_, end)) if end.outcome.is_empty() || end.outcome == "completed" => Outcome::Completed,
        Some((_, end)) => Outcome::Failed {
            waited_for: end
                .waiting_for
                .clone()
                .unwrap_or_else(|| "the end of the scenario".into()),
            last_seen: ledger.describe(ledger.end()),
            why: end.outcome.clone(),
        },
        None => Outcome::Failed {
            waited_for: "the end of the scenario".into(),
            last_seen: ledger.describe(ledger.end()),
            why: "the history was cut short".into(),
        },
    }
}
