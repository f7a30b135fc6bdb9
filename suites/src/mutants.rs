//! The kill matrix: deliberately broken controllers, and the rules that catch them.

use crate::{CancellationToken, Candidate, Plan, RunError, Time, plan};
use controllers::Mutant;
use judging::Verdict;
use std::{collections::BTreeSet, fmt::Write};

/// What became of one mutant.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The mutant; `None` for the reference.
    pub mutant: Option<&'static Mutant>,
    /// Ids of the rules that were violated or stalled, in order.
    pub fired: Vec<&'static str>,
    /// Ids of the rules that were exercised and kept.
    pub kept: usize,
}

/// What became of every mutant, and of the reference.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// The reference first, then the mutants by id.
    pub trials: Vec<Trial>,
}

/// Seed of the matrix's runs: any will do, but always the same.
const SEED: u64 = 1;

/// Runs one candidate through every scenario in virtual time and tells which rules fired.
///
/// # Errors
/// When the run itself fails.
pub fn try_one(mutant: Option<&'static Mutant>, jobs: usize) -> Result<Trial, RunError> {
    let candidate = mutant.map_or_else(Candidate::reference, Candidate::mutant);
    let plan = Plan {
        jobs,
        time: Time::Virtual { seed: SEED },
        ..plan(candidate)
    };
    let run = engine::run(&plan, &CancellationToken::new(), &|_| {})?;
    let verdicts = || plan.rules.iter().zip(&run.report.rules);
    Ok(Trial {
        mutant,
        fired: verdicts()
            .filter(|(_, judged)| matches!(judged.verdict, Verdict::Violated | Verdict::Stalled))
            .map(|(rule, _)| rule.id)
            .collect(),
        kept: verdicts()
            .filter(|(_, judged)| judged.verdict == Verdict::Conformant)
            .count(),
    })
}

impl Trial {
    /// What is wrong with this row: rules that should have fired and did not, or fired and should not have.
    pub fn problems(&self) -> Vec<String> {
        let name = self.mutant.map_or("reference", |mutant| mutant.id);
        let (must, may): (&[&str], &[&str]) = self
            .mutant
            .map_or((&[], &[]), |mutant| (mutant.killed_by, mutant.may_also));
        let silent = must.iter().filter(|rule| !self.fired.contains(rule));
        let loud = self
            .fired
            .iter()
            .filter(|rule| !must.contains(rule) && !may.contains(rule));
        silent
            .map(|rule| format!("{name}: {rule} should have fired"))
            .chain(loud.map(|rule| format!("{name}: {rule} fired and is not on its list")))
            .collect()
    }
}

impl Matrix {
    /// Tries the reference and every mutant. `tell` hears of each trial.
    ///
    /// # Errors
    /// When a run fails.
    pub fn run(jobs: usize, tell: &dyn Fn(&Trial)) -> Result<Matrix, RunError> {
        let everybody = std::iter::once(None).chain(controllers::mutants().iter().map(Some));
        let mut trials = Vec::new();
        for mutant in everybody {
            let trial = try_one(mutant, jobs)?;
            tell(&trial);
            trials.push(trial);
        }
        Ok(Matrix { trials })
    }

    /// Rules that no mutant was caught by: nothing shows that they bite.
    pub fn rules_without_a_kill(&self) -> Vec<&'static str> {
        let biting: BTreeSet<&str> = self
            .trials
            .iter()
            .flat_map(|trial| trial.fired.iter().copied())
            .collect();
        crate::rules::all()
            .into_iter()
            .map(|rule| rule.id)
            .filter(|id| !biting.contains(id))
            .collect()
    }

    /// Everything that is wrong with the matrix, rules without a kill excluded.
    pub fn problems(&self) -> Vec<String> {
        self.trials.iter().flat_map(Trial::problems).collect()
    }

    /// The matrix as text: a line per mutant, the rules that must fire first.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for trial in &self.trials {
            // Writing to a string cannot fail.
            let _ = match trial.mutant {
                None => writeln!(text, "reference  survives: {} rules kept", trial.kept),
                Some(mutant) if trial.fired.is_empty() => {
                    writeln!(
                        text,
                        "{} {}\n    {}\n    survives",
                        mutant.id, mutant.name, mutant.defect
                    )
                }
                Some(mutant) => {
                    let (must, also): (Vec<&str>, Vec<&str>) = trial
                        .fired
                        .iter()
                        .partition(|rule| mutant.killed_by.contains(rule));
                    let also = if also.is_empty() {
                        String::new()
                    } else {
                        format!("  (also {})", also.join(" "))
                    };
                    writeln!(
                        text,
                        "{} {}\n    {}\n    killed by {}{also}",
                        mutant.id,
                        mutant.name,
                        mutant.defect,
                        must.join(" ")
                    )
                }
            };
        }
        text
    }
}
