//! Judging histories that were recorded earlier, maybe elsewhere.

use history::{History, Ledger, Meta};
use judging::{Declarations, Judgement, KnownDeviation, Rule, UnknownName, judge_all};
use reports::{CandidateFacts, ClusterFacts, Outcome, Report, RunFacts, ScenarioFacts, Time};

/// Why histories cannot be reported on as one run.
#[derive(Debug, thiserror::Error)]
pub enum NotOneRun {
    /// One of them would count twice.
    #[error("{first} and {again} hold the same history, which would count twice; give it once")]
    Twice {
        /// Its name.
        first: String,
        /// Its other name.
        again: String,
    },
    /// They are not of one candidate on one cluster.
    #[error("{one} is of {of_one}, and {other} of {of_other}; judge the histories of each run by themselves")]
    Mixed {
        /// Name of a history.
        one: String,
        /// Whom and what it is about.
        of_one: String,
        /// Name of another.
        other: String,
        /// Whom and what that is about.
        of_other: String,
    },
    /// The candidate declared a feature absent that nobody knows.
    #[error("{name}: {error}; use the version of ordinal that wrote it")]
    Feature {
        /// Name of the history.
        name: String,
        /// Which feature.
        error: UnknownName,
    },
}

/// Judges recorded histories, each given with a name for messages, and reports on them as one run. What the candidate declared
/// when they were recorded holds.
///
/// A history that was not closed in order is judged as far as it goes; its scenario counts as not completed.
///
/// # Errors
/// When they are not of one candidate on one cluster, or one is there twice.
pub fn judge_recorded(
    histories: &[(String, History)],
    rules: &[&'static Rule],
    seconds: f64,
) -> Result<Report, NotOneRun> {
    let ledgers: Vec<Ledger> = histories
        .iter()
        .map(|(_, history)| Ledger::build(history))
        .collect();
    each_once(histories)?;
    let metas: Vec<&Meta> = ledgers.iter().map(Ledger::meta).collect();
    of_one_run(histories, &metas)?;
    let meta = metas.first().copied().cloned().unwrap_or_default();
    let declarations = declarations(&meta).map_err(|error| NotOneRun::Feature {
        name: histories
            .first()
            .map(|(name, _)| name.clone())
            .unwrap_or_default(),
        error,
    })?;
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
    let all_rules = crate::rules::all();
    Ok(Report::build(RunFacts {
        cluster: ClusterFacts {
            name: meta.cluster.unwrap_or_else(|| "recorded".into()),
            version: meta.kubernetes.unwrap_or_default(),
            capabilities: Vec::new(),
            time: match meta.virtual_seed {
                Some(_) => Time::Virtual,
                None => Time::Real,
            },
            seed: meta.virtual_seed,
            evidence: meta.evidence,
            chosen_because: None,
        },
        candidate: CandidateFacts {
            name: meta.candidate.unwrap_or_else(|| "recorded".into()),
            version: None,
            description: String::new(),
            declarations,
        },
        rules,
        all_rules: &all_rules,
        scenarios,
        patience: meta.patience,
        tool_version: env!("CARGO_PKG_VERSION"),
        started: meta.started,
        seconds,
    }))
}

fn each_once(histories: &[(String, History)]) -> Result<(), NotOneRun> {
    for (place, (again, history)) in histories.iter().enumerate() {
        let earlier = histories.iter().take(place);
        if let Some((first, _)) = earlier.into_iter().find(|(_, other)| other == history) {
            return Err(NotOneRun::Twice {
                first: first.clone(),
                again: again.clone(),
            });
        }
    }
    Ok(())
}

fn of_one_run(histories: &[(String, History)], metas: &[&Meta]) -> Result<(), NotOneRun> {
    let mut all = histories.iter().map(|(name, _)| name).zip(metas);
    let Some((one, first)) = all.next() else {
        return Ok(());
    };
    match all.find_map(|(other, meta)| Some((other, difference(first, meta)?))) {
        None => Ok(()),
        Some((other, (of_one, of_other))) => Err(NotOneRun::Mixed {
            one: one.clone(),
            of_one,
            other: other.clone(),
            of_other,
        }),
    }
}

/// In what two histories differ that cannot be of one run, each in its words.
fn difference(one: &Meta, other: &Meta) -> Option<(String, String)> {
    [candidate, cluster, declared]
        .into_iter()
        .map(|words| (words(one), words(other)))
        .find(|(of_one, of_other)| of_one != of_other)
}

fn candidate(meta: &Meta) -> String {
    match &meta.candidate {
        Some(name) => format!("candidate {name}"),
        None => "a candidate without a name".into(),
    }
}

fn cluster(meta: &Meta) -> String {
    let time = match meta.virtual_seed {
        Some(seed) => format!("virtual time with seed {seed}"),
        None => "real time".into(),
    };
    let name = meta.cluster.as_deref().unwrap_or("without a name");
    let version = meta.kubernetes.as_deref().unwrap_or("of no known version");
    format!("cluster {name} {version} in {time}")
}

fn declared(meta: &Meta) -> String {
    let known: Vec<String> = meta
        .known_deviations
        .iter()
        .map(|known| format!("{} ({})", known.rule, known.reason))
        .collect();
    format!(
        "a candidate with the unsupported features [{}] and the known deviations [{}]",
        meta.unsupported.join(", "),
        known.join(", ")
    )
}

fn declarations(meta: &Meta) -> Result<Declarations, UnknownName> {
    let unsupported = meta.unsupported.iter().map(|name| name.parse());
    let known = meta.known_deviations.iter().map(|known| KnownDeviation {
        rule: known.rule.clone(),
        reason: known.reason.clone(),
    });
    Ok(Declarations {
        unsupported: unsupported.collect::<Result<_, _>>()?,
        known_deviations: known.collect(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CancellationToken, Candidate, Plan};
    use judging::{Feature, Verdict};

    /// Runs a broken controller that declares things of itself, in virtual time.
    fn run(reason: &str, seed: u64) -> (Plan, crate::Run) {
        let mutant = controllers::mutant("M-001").unwrap();
        let known = ["SS-ORD-01", "SS-ORD-02", "SS-ORD-03", "SS-ORD-09"];
        let candidate = Candidate {
            declarations: Declarations {
                unsupported: vec![Feature::PvcRetention],
                known_deviations: known
                    .map(|rule| KnownDeviation {
                        rule: rule.into(),
                        reason: reason.into(),
                    })
                    .into(),
            },
            ..Candidate::mutant(mutant)
        };
        let mut plan = Plan {
            time: crate::Time::Virtual { seed },
            keep_histories: true,
            ..crate::plan(candidate)
        };
        plan.scenarios.retain(|one| one.name == "create-ordered");
        let run = engine::run(&plan, &CancellationToken::new(), &|_| {}).unwrap();
        (plan, run)
    }

    fn history(run: &crate::Run) -> History {
        let recorded = run.performed[0].recorded.as_ref();
        recorded.and_then(|recorded| recorded.history.clone()).unwrap()
    }

    fn judged(histories: &[&History]) -> Result<Report, String> {
        let named: Vec<(String, History)> = (0..)
            .zip(histories)
            .map(|(place, history)| (format!("{place}.jsonl"), (*history).clone()))
            .collect();
        judge_recorded(&named, &crate::rules::all(), 0.0).map_err(|error| error.to_string())
    }

    #[test]
    fn the_verdict_is_that_of_the_run() {
        let (_, run) = run("we are early", 7);
        let judged = judged(&[&history(&run)]).unwrap();
        assert_eq!(judged.rules, run.report.rules);
        assert_eq!(judged.obstacles, run.report.obstacles);
        let has = |verdict| judged.rules.iter().any(|rule| rule.verdict == verdict);
        assert!(has(Verdict::KnownDeviation) && has(Verdict::Unsupported));
        let (ours, theirs) = (&judged.cluster, &run.report.cluster);
        assert_eq!((ours.time, ours.seed), (Time::Virtual, Some(7)));
        assert_eq!((ours.time, ours.seed), (theirs.time, theirs.seed));
        let (ours, theirs) = (&judged.candidate, &run.report.candidate);
        assert_eq!(ours.unsupported, theirs.unsupported);
        assert_eq!(ours.known_deviations, theirs.known_deviations);
    }

    #[test]
    fn what_is_not_one_run_is_refused() {
        let one = history(&run("we are early", 7).1);
        let refused = |other: &History, words: &[&str]| {
            let error = judged(&[&one, other]).unwrap_err();
            for word in words {
                assert!(error.contains(word), "{word} is missing in: {error}");
            }
        };
        refused(&one, &["0.jsonl and 1.jsonl", "the same history"]);
        refused(&history(&run("we are early", 8).1), &["seed 7", "seed 8"]);
        refused(
            &history(&run("we are late", 7).1),
            &["(we are early)", "(we are late)"],
        );
        let of = |candidate: &str, cluster: &str| {
            let meta = Meta {
                candidate: Some(candidate.into()),
                cluster: Some(cluster.into()),
                ..one.meta().unwrap().clone()
            };
            let start = history::Observation::Start(Box::new(meta));
            let start = history::Event {
                at: Default::default(),
                what: start,
            };
            [start].into_iter().collect()
        };
        refused(
            &of("yours", "embedded"),
            &["candidate yours", "each run by themselves"],
        );
        refused(&of("mutant:M-001", "k3s"), &["cluster k3s"]);
    }
}
