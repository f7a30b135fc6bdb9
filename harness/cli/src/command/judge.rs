//! `ordinal judge`.

use super::print_report;
use crate::{
    arguments::Judge,
    exit::{self, Usage},
    output::tell,
};
use std::{fs::File, path::Path, time::Instant};

/// Runs the command.
pub fn run(options: Judge) -> anyhow::Result<u8> {
    let rules = options.rules.chosen()?;
    let started = Instant::now();
    let mut histories = Vec::new();
    let mut damaged = false;
    for path in &options.histories {
        let name = path.display().to_string();
        if path.is_dir() {
            return Err(Usage(format!(
                "{name} is a folder; give its histories: {}",
                files_in(path)
            ))
            .into());
        }
        let file = File::open(path).map_err(|error| {
            Usage(format!(
                "the history {name} cannot be read: {error}; give a file that `certify --out` wrote"
            ))
        })?;
        let recovered = history::read_recovering(file);
        if let Some(problem) = recovered.problem {
            let kept = recovered.history.len();
            tell(match kept {
                0 => format!("ordinal: {name} is no history: {problem}"),
                _ => format!(
                    "ordinal: the history {name} is damaged: {problem}; the {kept} observations before that are judged"
                ),
            });
            damaged = true;
        }
        if !recovered.history.is_empty() {
            histories.push((name, recovered.history));
        }
    }
    if histories.is_empty() {
        return Err(
            Usage("none of the files holds a history; give files that `certify --out` wrote to its folder `histories`".into()).into(),
        );
    }
    let report = suites::judge_recorded(&histories, &rules, started.elapsed().as_secs_f64())
        .map_err(|error| Usage(error.to_string()))?;
    let printed = print_report(&report, options.output);
    let code: u8 = exit::of_report(&report, [printed]).into();
    // A violation that was read is proven; that nothing else happened is not.
    Ok(if damaged && code == 0 { 3 } else { code })
}

/// Where histories are in a folder, as a shell finds them.
fn files_in(folder: &Path) -> String {
    let of_a_run = folder.join("histories");
    let folder = if of_a_run.is_dir() { &of_a_run } else { folder };
    folder.join("*.jsonl").display().to_string()
}
