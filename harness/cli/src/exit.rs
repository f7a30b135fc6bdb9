//! How the command ends: exit codes, errors, the log.

use crate::output::{is_coloured, tell};
use engine::RunError;
use reports::{ExitCode, Report};
use std::{env, error::Error, fmt, io, process};
use tracing_subscriber::EnvFilter;

/// The command was used wrongly: exit code 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Usage {}

/// As shells say of a program that Ctrl-C ended.
pub const INTERRUPTED: u8 = 130;

/// What clap says goes to where it belongs: help to stdout, mistakes to stderr.
pub fn usage(error: &clap::Error) -> process::ExitCode {
    // Nobody is left to tell if the terminal is gone.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::Usage.into()
    } else {
        process::ExitCode::SUCCESS
    }
}

/// The variable that says what is logged.
const LOG: &str = "ORDINAL_LOG";

/// Sends the log to stderr.
pub fn log(verbose: u8) {
    let default = match verbose {
        0 => "error",
        1 => "info,kube=warn,hyper=warn,hickory_server=warn",
        _ => "debug,hyper=info,rustls=info",
    };
    let filter = asked_for().unwrap_or_else(|| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // It would complain on the stderr that cannot be written, and panic.
        .log_internal_errors(false)
        .with_ansi(is_coloured(&io::stderr()))
        .init();
}

/// What the environment asks for. A mistake in it is told, and asks for nothing.
fn asked_for() -> Option<EnvFilter> {
    let asked = env::var_os(LOG).filter(|value| !value.is_empty())?;
    let asked = asked.to_string_lossy();
    let filter = EnvFilter::try_new(&*asked);
    filter
        .inspect_err(|error| {
            tell(format!(
                "{LOG}={asked} says nothing: {error}; give a level as `info`, or levels of crates as `engine=debug,warn`"
            ));
        })
        .ok()
}

/// Prints an error in one line and finds its exit code.
pub fn code(done: anyhow::Result<u8>) -> process::ExitCode {
    match done {
        Ok(code) => process::ExitCode::from(code),
        Err(error) => {
            tell(format!("ordinal: {}", in_one_line(&error)));
            process::ExitCode::from(code_of(&error))
        }
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() {
        return ExitCode::Usage.into();
    }
    match error.downcast_ref::<RunError>() {
        Some(RunError::EndedAtOnce) => INTERRUPTED,
        Some(error) => of_run(error).into(),
        None => ExitCode::Inconclusive.into(),
    }
}

/// The exit code of a run that has no report.
pub fn of_run(error: &RunError) -> ExitCode {
    match error {
        RunError::Usage(_) => ExitCode::Usage,
        RunError::Harness(_) => ExitCode::HarnessError,
        _ => ExitCode::Inconclusive,
    }
}

/// The exit code of a run whose report is there. What went wrong afterwards is told, and is no success; what is proven
/// stays so.
pub fn of_report(report: &Report, afterwards: impl IntoIterator<Item = anyhow::Result<()>>) -> ExitCode {
    let afterwards = afterwards.into_iter().map(of_afterwards);
    reports::worst(afterwards.chain([report.exit_code()]))
}

/// The same of something that was done with a result that is there.
pub fn of_afterwards(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::Certified,
        Err(error) => {
            tell(format!("ordinal: {}", in_one_line(&error)));
            ExitCode::Inconclusive
        }
    }
}

/// An error and its causes. Many errors tell their cause themselves: it is not told twice.
fn in_one_line(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |told, cause| {
            if told.is_empty() {
                cause
            } else if told.contains(&cause) {
                told
            } else {
                format!("{told}: {cause}")
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_cause_is_told_once() {
        let full = || io::Error::other("the disk is full");
        let tells_its_cause = RunError::File {
            path: PathBuf::from("/out"),
            source: full(),
        };
        assert_eq!(
            in_one_line(&tells_its_cause.into()),
            "writing /out failed: the disk is full; free space there, or give another --out"
        );
        assert_eq!(
            in_one_line(&anyhow::Error::from(full()).context("no run folder")),
            "no run folder: the disk is full"
        );
    }
}
