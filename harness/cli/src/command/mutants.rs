//! `ordinal mutants`.

use crate::{
    arguments::Mutants,
    exit::Usage,
    output::{print, tell},
};
use suites::mutants::{Matrix, Subject, Trial};

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
    let subjects: Vec<Subject> = if everything {
        Subject::all().collect()
    } else {
        options.ids.iter().map(|id| named(id)).collect::<Result<_, _>>()?
    };
    let matrix = Matrix::run(&subjects, options.jobs, &tell_of)?;
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

fn named(id: &str) -> Result<Subject, Usage> {
    Subject::named(id).ok_or_else(|| {
        Usage(format!(
            "there is no mutant `{id}`; `ordinal list mutants` names them all"
        ))
    })
}
