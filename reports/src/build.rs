//! From the facts of a run to its report.

use crate::{
    CandidateReport, FORMAT, Outcome, Report, RuleReport, RunFacts, ScenarioFacts, ScenarioReport, Totals,
    Violation, deviations, summary,
};
use judging::{Decided, Judged, Judgement, Rule, Verdict, decide};

impl Report {
    /// Builds the report of a run.
    pub fn build(facts: RunFacts<'_>) -> Report {
        let environments: Vec<Vec<String>> = facts.scenarios.iter().map(environment).collect();
        let ran = facts
            .scenarios
            .iter()
            .filter(|one| !matches!(one.outcome, Outcome::Skipped { .. }))
            .count();
        let decided: Vec<(&Rule, Decided)> = facts
            .rules
            .iter()
            .enumerate()
            .map(|(place, rule)| {
                let nothing = Judgement::default();
                let judged: Vec<Judged<'_>> = facts
                    .scenarios
                    .iter()
                    .zip(&environments)
                    .map(|(scenario, environment)| Judged {
                        scenario: scenario.name,
                        judgement: scenario.judgements.get(place).unwrap_or(&nothing),
                        environment,
                    })
                    .collect();
                (*rule, decide(rule, &judged, &facts.candidate.declarations))
            })
            .collect();

        let problems = deviations::problems(&facts.candidate.declarations, &decided, facts.all_rules);
        let mut obstacles: Vec<String> = decided
            .iter()
            .filter_map(|(rule, decided)| rule_obstacle(rule, decided, ran))
            .collect();
        if decided.iter().all(|(_, decided)| decided.opportunities == 0) {
            obstacles.push("nothing was exercised: there is nothing to certify".into());
        }
        obstacles.extend(facts.scenarios.iter().filter_map(scenario_obstacle));
        obstacles.extend(facts.scenarios.iter().filter_map(history_obstacle));
        obstacles.extend(problems.iter().cloned());

        let totals = totals(&facts.scenarios, &decided);
        let rules: Vec<RuleReport> = decided
            .into_iter()
            .map(|(rule, decided)| rule_report(rule, decided, ran))
            .collect();
        let scenarios: Vec<ScenarioReport> = facts.scenarios.into_iter().map(scenario_report).collect();
        let seconds = milliseconds(facts.seconds);
        Report {
            format: FORMAT.into(),
            tool_version: facts.tool_version.into(),
            certified: obstacles.is_empty(),
            summary: summary::summary(&rules, &scenarios, &totals, &obstacles, seconds),
            obstacles,
            problems,
            started: facts.started,
            seconds,
            cluster: facts.cluster,
            candidate: CandidateReport {
                name: facts.candidate.name,
                version: facts.candidate.version,
                description: facts.candidate.description,
                unsupported: facts.candidate.declarations.unsupported,
                known_deviations: facts.candidate.declarations.known_deviations,
            },
            patience: facts.patience,
            totals,
            rules,
            scenarios,
        }
    }
}

/// What excuses a goal that was missed in this scenario: a scenario that its environment stopped leaves goals behind
/// that the candidate had no chance to reach.
fn environment(scenario: &ScenarioFacts<'_>) -> Vec<String> {
    let mut faults = scenario.environment.clone();
    if let Outcome::Environment { reason } = &scenario.outcome
        && !faults.contains(reason)
    {
        faults.push(reason.clone());
    }
    faults
}

fn not_exercised(ran: usize) -> String {
    match ran {
        0 => "no scenario ran".into(),
        1 => "its trigger did not occur in the scenario that ran".into(),
        n => format!("its trigger did not occur in any of the {n} scenarios that ran"),
    }
}

fn rule_obstacle(rule: &Rule, decided: &Decided, ran: usize) -> Option<String> {
    if decided.certifies(rule.level) {
        return None;
    }
    let id = rule.id;
    Some(match decided.verdict {
        Verdict::NotExercised => format!("{id} was not exercised: {}", not_exercised(ran)),
        verdict => match (decided.proof.first(), &decided.reason) {
            (Some((scenario, witness)), _) => {
                format!("{id} is {verdict} in {scenario}: {}", witness.sentence)
            }
            (None, Some(reason)) => format!("{id} is {verdict}: {reason}"),
            (None, None) => format!("{id} is {verdict}"),
        },
    })
}

fn scenario_obstacle(scenario: &ScenarioFacts<'_>) -> Option<String> {
    let what = match &scenario.outcome {
        Outcome::Completed | Outcome::Skipped { .. } => return None,
        Outcome::Failed { .. } => "did not complete",
        Outcome::Crashed { .. } => "was broken off: the candidate ended",
        Outcome::Environment { .. } => "was stopped by its environment",
    };
    Some(format!(
        "scenario {} {what}: {}",
        scenario.name,
        scenario.outcome.explanation()?
    ))
}

fn history_obstacle(scenario: &ScenarioFacts<'_>) -> Option<String> {
    let lost = scenario.lost_history.as_ref()?;
    Some(format!(
        "the history of scenario {} is not kept: {lost}",
        scenario.name
    ))
}

fn rule_report(rule: &Rule, decided: Decided, ran: usize) -> RuleReport {
    let reason = match decided.verdict {
        Verdict::NotExercised => decided.reason.or_else(|| Some(not_exercised(ran))),
        _ => decided.reason,
    };
    RuleReport {
        id: rule.id.into(),
        level: rule.level,
        profile: rule.profile,
        kind: rule.kind,
        sentence: rule.sentence.into(),
        why: rule.why.into(),
        source: rule.source.into(),
        fix: rule.fix.into(),
        verdict: decided.verdict,
        opportunities: decided.opportunities,
        reason,
        violations: decided
            .proof
            .into_iter()
            .map(|(scenario, witness)| Violation {
                scenario,
                sentence: witness.sentence,
                events: witness.events,
            })
            .collect(),
    }
}

fn scenario_report(scenario: ScenarioFacts<'_>) -> ScenarioReport {
    let mut environment = scenario.environment;
    environment.extend(scenario.lost_history);
    ScenarioReport {
        name: scenario.name.into(),
        sentence: scenario.sentence.into(),
        outcome: scenario.outcome,
        seconds: milliseconds(scenario.seconds),
        events: scenario.events,
        history: scenario.history_file,
        environment,
    }
}

/// Seconds to the millisecond: what is below says nothing, and would not survive being written and read.
fn milliseconds(seconds: f64) -> f64 {
    if seconds.is_finite() {
        (seconds * 1_000.0).round() / 1_000.0
    } else {
        0.0
    }
}

fn totals(scenarios: &[ScenarioFacts<'_>], decided: &[(&Rule, Decided)]) -> Totals {
    let mut totals = Totals {
        rules: decided.len(),
        scenarios: scenarios.len(),
        completed: scenarios
            .iter()
            .filter(|one| one.outcome == Outcome::Completed)
            .count(),
        opportunities: decided.iter().map(|(_, decided)| decided.opportunities).sum(),
        events: scenarios.iter().map(|one| one.events).sum(),
        ..Totals::default()
    };
    for (rule, decided) in decided {
        *totals.verdicts.entry(decided.verdict).or_default() += 1;
        *totals
            .profiles
            .entry(rule.profile)
            .or_default()
            .entry(decided.verdict)
            .or_default() += 1;
    }
    totals
}
