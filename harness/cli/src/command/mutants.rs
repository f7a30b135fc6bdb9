//! `ordinal mutants`.

use super::print;
use crate::{arguments::Mutants, exit::Usage};
use suites::mutants::{Matrix, Trial, try_one};

/// Runs the command.
pub fn run(options: Mutants) -> anyhow::Result<u8> {
    let tell = |trial: &Trial| {
        let name = trial.mutant.map_or("reference", |mutant| mutant.id);
        eprintln!("{name}: {} rules fired, {} kept", trial.fired.len(), trial.kept);
    };
    let everything = options.ids.is_empty();
    let matrix = if everything {
        Matrix::run(options.jobs, &tell)?
    } else {
        let mut trials = Vec::new();
        for id in &options.ids {
            let mutant = controllers::mutant(id).ok_or_else(|| {
                Usage(format!(
                    "there is no mutant `{id}`; `ordinal list mutants` names them all"
                ))
            })?;
            let trial = try_one(Some(mutant), options.jobs)?;
            tell(&trial);
            trials.push(trial);
        }
        Matrix { trials }
    };
    print(matrix.render().trim_end())?;
    let problems = matrix.problems();
    for problem in &problems {
        print(&format!("problem: {problem}"))?;
    }
    if everything {
        let toothless = matrix.rules_without_a_kill();
        print(&format!(
            "{} mutants, {} rules without a kill: {}",
            matrix.trials.len() - 1,
            toothless.len(),
            toothless.join(" ")
        ))?;
    }
    Ok(u8::from(!problems.is_empty()))
}
