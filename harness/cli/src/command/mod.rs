//! One file per command.

pub mod certify;
pub mod cluster;
pub mod controller;
pub mod explain;
pub mod judge;
pub mod list;
pub mod mutants;

use crate::arguments::Rules;
use crate::exit::Usage;
use judging::Rule;
use std::io::{self, IsTerminal, Write};
use suites::{Selection, SelectionError};

impl Rules {
    fn chosen(&self) -> anyhow::Result<Vec<&'static Rule>> {
        let selection = Selection {
            profiles: self.profiles.clone(),
            rules: self.rules.clone(),
            scenarios: Vec::new(),
        };
        Ok(selection.rules().map_err(as_usage)?)
    }
}

fn as_usage(error: SelectionError) -> Usage {
    Usage(error.to_string())
}

/// Writes a report to stdout.
fn print_report(report: &reports::Report, output: crate::arguments::Output) -> anyhow::Result<()> {
    let text = match output {
        crate::arguments::Output::Json => reports::json(report)?,
        crate::arguments::Output::Human => {
            let layout = reports::Layout {
                colour: io::stdout().is_terminal(),
                ..reports::Layout::default()
            };
            reports::human(report, &layout)
        }
    };
    print(text.trim_end())
}

/// Writes a text and a line end to stdout.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

/// Ctrl-C, or SIGTERM as service managers send it.
pub(crate) async fn until_asked_to_end() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
