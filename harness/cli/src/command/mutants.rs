//! `ordinal mutants`.

use crate::{
    arguments::Mutants,
    exit::Usage,
    output::{print, tell},
};
use suites::mutants::{Matrix, Subject, Trial, try_one};

/// Runs the command.
pub fn run(options: Mutants) -> anyhow::Result<u8> {
    let tell_of = |trial: &Trial| {
        let id = trial.subject.id();
        tell(format!(
            "{id}: {} rules fired, {} kept",
            trial.fired.len(),
            trial.kept
        ));
    };
    let everything = options.ids.is_empty();
    let matrix = if everything {
        Matrix::run(options.jobs, &tell_of)?
    } else {
        let mut trials = Vec::new();
        for id in &options.ids {
            let subject = Subject::named(id).ok_or_else(|| {
                Usage(format!(
                    "there is no mutant `{id}`; `ordinal list mutants` names them all"
                ))
            })?;
            let trial = try_one(subject, options.jobs)?;
            tell_of(&trial);
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
