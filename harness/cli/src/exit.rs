//! How the command ends: exit codes, errors, the log.

use engine::RunError;
use std::{
    error::Error,
    fmt,
    io::{self, IsTerminal},
    process::ExitCode,
};
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

const USAGE: u8 = 2;
const ENVIRONMENT: u8 = 3;
const DEFECT: u8 = 4;

/// What clap says goes to where it belongs: help to stdout, mistakes to stderr.
pub fn usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell if the terminal is gone.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

/// Sends the log to stderr.
pub fn log(verbose: u8) {
    let default = match verbose {
        0 => "error",
        1 => "info,kube=warn,hyper=warn,hickory_server=warn",
        _ => "debug,hyper=info,rustls=info",
    };
    let filter = EnvFilter::try_from_env("ORDINAL_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}

/// Prints an error in one line and finds its exit code.
pub fn code(done: anyhow::Result<u8>) -> ExitCode {
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ordinal: {error:#}");
            ExitCode::from(code_of(&error))
        }
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() {
        return USAGE;
    }
    match error.downcast_ref::<RunError>() {
        Some(RunError::Usage(_)) => USAGE,
        Some(RunError::Harness(_)) => DEFECT,
        _ => ENVIRONMENT,
    }
}

/// Whoever read our output has seen enough, as `| head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
