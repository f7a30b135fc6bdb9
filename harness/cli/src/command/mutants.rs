//! `ordinal mutants`.

use super::{AskedToEnd, no_such_mutant};
use crate::{
    arguments::Mutants,
    exit::{INTERRUPTED, Usage},
    output::{print, tell},
};
use suites::{
    CancellationToken,
    mutants::{Matrix, Subject, Trial},
};

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
    let at_once = CancellationToken::new();
    end_when_asked_to(at_once.clone())?;
    let matrix = Matrix::run(&subjects, options.jobs, &at_once, &tell_of)?;
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

/// A matrix of half the trials says nothing: the first Ctrl-C ends it, once its temporary files are removed. The second waits
/// for nothing.
fn end_when_asked_to(at_once: CancellationToken) -> anyhow::Result<()> {
    AskedToEnd::beside(async move |mut asked_to_end| {
        asked_to_end.wait().await;
        at_once.cancel();
        asked_to_end.wait().await;
        std::process::exit(INTERRUPTED.into());
    })
}

fn named(id: &str) -> Result<Subject, Usage> {
    Subject::named(id).ok_or_else(|| no_such_mutant(id))
}
