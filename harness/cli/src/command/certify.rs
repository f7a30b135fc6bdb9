//! `ordinal certify`.

use super::{as_usage, print_report};
use crate::{
    arguments::{Certify, Output, Time},
    exit::Usage,
};
use engine::{CancellationToken, Candidate, ClusterChoice, Plan, Progress};
use std::{fs, path::Path};
use suites::Selection;

/// Runs the command.
pub fn run(options: Certify) -> anyhow::Result<u8> {
    let plan = plan(&options)?;
    if let Some(out) = &options.out {
        fs::create_dir_all(out).map_err(|error| {
            Usage(format!(
                "the folder {} cannot be made: {error}; give another --out",
                out.display()
            ))
        })?;
    }
    let stop = CancellationToken::new();
    stop_on_ctrl_c(stop.clone());
    let run = engine::run(&plan, &stop, &tell)?;
    if let Some(out) = &options.out {
        let path = out.join("report.json");
        write(&path, &reports::json(&run.report)?)?;
        eprintln!("report and histories are in {}", out.display());
    }
    print_report(&run.report, options.output)?;
    if options.out.is_none() && options.output == Output::Human {
        eprintln!("give --out DIR to keep the JSON report and the histories it was judged from");
    }
    Ok(run.report.exit_code().into())
}

fn plan(options: &Certify) -> anyhow::Result<Plan> {
    let wrong = |error: &dyn std::fmt::Display| Usage(error.to_string());
    let selection = Selection {
        scenarios: options.scenarios.clone(),
        ..Selection::default()
    };
    let candidate = Candidate::find(&options.candidate).map_err(|error| wrong(&error))?;
    Ok(Plan {
        cluster: options
            .cluster
            .parse::<ClusterChoice>()
            .map_err(|error| wrong(&error))?,
        scenarios: selection.scenarios().map_err(as_usage)?,
        rules: options.rules.chosen()?,
        jobs: options.jobs,
        out: options.out.clone(),
        time: match options.time {
            Time::Real => engine::Time::Real,
            Time::Virtual => engine::Time::Virtual { seed: options.seed },
        },
        ..suites::plan(candidate)
    })
}

fn write(path: &Path, text: &str) -> Result<(), engine::RunError> {
    fs::write(path, text).map_err(|source| engine::RunError::File {
        path: path.into(),
        source,
    })
}

/// The first Ctrl-C ends the run in order: what was recorded is judged and reported. The second ends it at once.
fn stop_on_ctrl_c(stop: CancellationToken) {
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        runtime.block_on(async {
            if tokio::signal::ctrl_c().await.is_err() {
                return;
            }
            eprintln!("stopping; press Ctrl-C again to end at once");
            stop.cancel();
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        });
    });
}

fn tell(news: Progress) {
    match news {
        Progress::ClusterReady { cluster, after } => {
            eprintln!("cluster {cluster} ready after {:.2} s", after.as_secs_f64());
        }
        Progress::Calibrated { reaction, hold } => eprintln!(
            "the candidate reacts within {:.1} ms; scenarios hold still for {:.2} s",
            reaction.as_secs_f64() * 1e3,
            hold.as_secs_f64()
        ),
        Progress::Finished {
            scenario,
            outcome,
            seconds,
            events,
        } => {
            eprintln!(
                "{scenario:40} {seconds:6.2} s {events:6} events  {}",
                in_words(&outcome)
            );
        }
        _ => {}
    }
}

fn in_words(outcome: &reports::Outcome) -> String {
    match outcome {
        reports::Outcome::Completed => "completed".into(),
        reports::Outcome::Failed { waited_for, .. } => format!("gave up waiting for {waited_for}"),
        other => other.reason().unwrap_or_default().to_owned(),
    }
}
