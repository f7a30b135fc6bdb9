//! The kill matrix: deliberately broken controllers and name servers, and the rules that catch them.

use crate::{
    CancellationToken, Candidate, Plan, RunError, Time,
    broken_dns::{BROKEN_DNS, BrokenDns},
    plan, scenarios,
};
use controllers::Mutant;
use judging::{Rule, Verdict};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

/// Who is tried.
#[derive(Clone, Copy, Debug)]
pub enum Subject {
    /// The reference controllers: no rule may fire.
    Reference,
    /// A broken controller.
    Controller(&'static Mutant),
    /// The reference controllers beside a broken name server.
    Dns(&'static BrokenDns),
}

impl Subject {
    /// Everybody: the reference, the broken controllers, the broken name servers.
    pub fn all() -> impl Iterator<Item = Subject> {
        std::iter::once(Subject::Reference)
            .chain(controllers::mutants().iter().map(Subject::Controller))
            .chain(BROKEN_DNS.iter().map(Subject::Dns))
    }

    /// The broken one with this id or name.
    pub fn named(id_or_name: &str) -> Option<Subject> {
        let dns = || {
            BROKEN_DNS
                .iter()
                .find(|broken| broken.id == id_or_name || broken.name == id_or_name)
                .map(Subject::Dns)
        };
        controllers::mutant(id_or_name)
            .map(Subject::Controller)
            .or_else(dns)
    }

    /// Its id; `reference` for the reference.
    pub fn id(&self) -> &'static str {
        match self {
            Subject::Reference => "reference",
            Subject::Controller(mutant) => mutant.id,
            Subject::Dns(broken) => broken.id,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Subject::Reference => "reference",
            Subject::Controller(mutant) => mutant.name,
            Subject::Dns(broken) => broken.name,
        }
    }

    /// Its defect in one sentence.
    pub fn defect(&self) -> &'static str {
        match self {
            Subject::Reference => "None.",
            Subject::Controller(mutant) => mutant.defect,
            Subject::Dns(broken) => broken.defect,
        }
    }

    /// Ids of the rules that must fire.
    pub fn killed_by(&self) -> &'static [&'static str] {
        match self {
            Subject::Reference => &[],
            Subject::Controller(mutant) => mutant.killed_by,
            Subject::Dns(broken) => broken.killed_by,
        }
    }

    /// Ids of rules that may fire as well.
    pub fn may_also(&self) -> &'static [&'static str] {
        match self {
            Subject::Reference => &[],
            Subject::Controller(mutant) => mutant.may_also,
            Subject::Dns(broken) => broken.may_also,
        }
    }
}

/// What became of one of them.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Who was tried.
    pub subject: Subject,
    /// The rules that were violated or stalled, in order.
    pub fired: Vec<Fired>,
    /// How many rules were exercised and kept.
    pub kept: usize,
}

/// A rule that was violated or stalled.
#[derive(Clone, Debug)]
pub struct Fired {
    /// The rule.
    pub rule: &'static Rule,
    /// Names of the scenarios in which it was.
    pub scenarios: BTreeSet<String>,
}

impl Fired {
    /// Whether it would also have if nothing but its profile had been chosen.
    fn in_its_profile(&self) -> bool {
        scenarios::all()
            .iter()
            .any(|scenario| scenario.serves(&[self.rule.profile]) && self.scenarios.contains(scenario.name))
    }
}

/// What became of everybody.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// The reference first, then the broken ones.
    pub trials: Vec<Trial>,
}

/// Seed of the matrix's runs: any will do, but always the same.
const SEED: u64 = 1;

/// Runs one of them through every scenario in virtual time and tells which rules fired.
///
/// # Errors
/// When the run itself fails.
fn try_one(subject: Subject, jobs: usize, at_once: &CancellationToken) -> Result<Trial, RunError> {
    let (candidate, dns_fault) = match subject {
        Subject::Reference => (Candidate::reference(), None),
        Subject::Controller(mutant) => (Candidate::mutant(mutant), None),
        Subject::Dns(broken) => (Candidate::reference(), Some(broken.fault)),
    };
    let plan = Plan {
        jobs,
        time: Time::Virtual { seed: SEED },
        dns_fault,
        at_once: at_once.clone(),
        ..plan(candidate)
    };
    let run = engine::run(&plan, &CancellationToken::new(), &|_| {})?;
    let verdicts = || plan.rules.iter().zip(&run.report.rules);
    Ok(Trial {
        subject,
        fired: verdicts()
            .filter(|(_, judged)| matches!(judged.verdict, Verdict::Violated | Verdict::Stalled))
            .map(|(rule, judged)| Fired {
                rule,
                scenarios: judged
                    .violations
                    .iter()
                    .map(|violation| violation.scenario.clone())
                    .collect(),
            })
            .collect(),
        kept: verdicts()
            .filter(|(_, judged)| judged.verdict == Verdict::Conformant)
            .count(),
    })
}

impl Trial {
    /// Ids of the rules that fired.
    pub fn rules(&self) -> impl Iterator<Item = &'static str> {
        self.fired.iter().map(|fired| fired.rule.id)
    }

    /// What is wrong with this row: rules that should have fired and did not, or fired and should not have, or whose profile
    /// does not choose a scenario that they fired in.
    pub fn problems(&self) -> Vec<String> {
        let subject = &self.subject;
        let (name, must, may) = (subject.id(), subject.killed_by(), subject.may_also());
        let fired: Vec<&str> = self.rules().collect();
        let silent = must.iter().filter(|rule| !fired.contains(rule));
        let loud = fired
            .iter()
            .filter(|rule| !must.contains(rule) && !may.contains(rule));
        let missed = self
            .fired
            .iter()
            .filter(|fired| must.contains(&fired.rule.id) && !fired.in_its_profile());
        silent
            .map(|rule| format!("{name}: {rule} should have fired"))
            .chain(loud.map(|rule| format!("{name}: {rule} fired and is not on its list")))
            .chain(missed.map(|fired| {
                format!(
                    "{name}: {} fired in no scenario of its profile, which would miss it, but in {:?}",
                    fired.rule.id, fired.scenarios
                )
            }))
            .collect()
    }
}

impl Matrix {
    /// Tries these side by side, with so many scenarios at a time. `tell` hears of each trial, in their order. `at_once` ends
    /// all of them.
    ///
    /// # Errors
    /// When a run fails, or all of them were ended.
    pub fn run(
        subjects: &[Subject],
        jobs: usize,
        at_once: &CancellationToken,
        tell: &dyn Fn(&Trial),
    ) -> Result<Matrix, RunError> {
        // A trial alone ends with its longest scenario alone; side by side they fill each other's gaps.
        let workers = jobs.clamp(1, subjects.len().max(1));
        let jobs_of_each = (jobs / workers).max(1);
        let next = AtomicUsize::new(0);
        let (done, results) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..workers {
                let (next, done) = (&next, done.clone());
                scope.spawn(move || {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some(&subject) = subjects.get(place) else {
                            return;
                        };
                        // Nobody listens any more once a run has failed.
                        if done
                            .send((place, try_one(subject, jobs_of_each, at_once)))
                            .is_err()
                        {
                            return;
                        }
                    }
                });
            }
            drop(done);
            let (mut early, mut trials) = (BTreeMap::new(), Vec::new());
            for (place, trial) in results {
                early.insert(place, trial?);
                while let Some(trial) = early.remove(&trials.len()) {
                    tell(&trial);
                    trials.push(trial);
                }
            }
            Ok(Matrix { trials })
        })
    }

    /// Rules that nothing broken was caught by: nothing shows that they bite.
    pub fn rules_without_a_kill(&self) -> Vec<&'static str> {
        let biting: BTreeSet<&str> = self.trials.iter().flat_map(Trial::rules).collect();
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

    /// The matrix as text: three lines each, the rules that must fire first.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for trial in &self.trials {
            let subject = &trial.subject;
            // Writing to a string cannot fail.
            let _ = match subject {
                Subject::Reference => writeln!(text, "reference  survives: {} rules kept", trial.kept),
                _ => {
                    let (must, also): (Vec<&str>, Vec<&str>) =
                        trial.rules().partition(|rule| subject.killed_by().contains(rule));
                    let fate = match (must.as_slice(), also.as_slice()) {
                        ([], []) => "survives".to_owned(),
                        (must, []) => format!("killed by {}", must.join(" ")),
                        (must, also) => format!("killed by {}  (also {})", must.join(" "), also.join(" ")),
                    };
                    let (id, name, defect) = (subject.id(), subject.name(), subject.defect());
                    writeln!(text, "{id} {name}\n    {defect}\n    {fate}")
                }
            };
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(scenario: &str) -> Trial {
        let subject = Subject::named("M-010").expect("orders ordinals as text");
        let mut fired = Vec::new();
        for id in subject.killed_by() {
            let rule = crate::rules::all().into_iter().find(|rule| rule.id == *id);
            fired.push(Fired {
                rule: rule.expect("a rule"),
                scenarios: BTreeSet::from([scenario.to_owned()]),
            });
        }
        Trial {
            subject,
            fired,
            kept: 0,
        }
    }

    #[test]
    fn a_kill_counts_in_a_scenario_of_the_profile() {
        assert_eq!(trial("scale-twelve").problems(), [""; 0]);
        let problems = trial("rollback").problems();
        assert!(
            problems[0].contains("SS-ID-17 fired in no scenario of its profile"),
            "{problems:?}"
        );
    }

    #[test]
    fn what_does_not_fire_is_a_problem() {
        let silent = Trial {
            fired: Vec::new(),
            ..trial("scale-twelve")
        };
        assert_eq!(silent.problems(), ["M-010: SS-ID-17 should have fired"]);
    }
}
