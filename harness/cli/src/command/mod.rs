//! One file per command.

pub mod certify;
pub mod cluster;
pub mod controller;
pub mod deviations;
pub mod doctor;
pub mod explain;
#[cfg(feature = "k3s")]
pub mod images;
pub mod judge;
#[cfg(feature = "k3s")]
mod k3s;
pub mod list;
mod matrix;
pub mod mutants;
mod place;
pub mod rbac;
pub mod sweep;
#[cfg(not(feature = "k3s"))]
pub mod without_k3s;
pub mod workload;

use crate::arguments::Rules;
use crate::exit::Usage;
use crate::output::print;
use anyhow::Context;
use judging::Rule;
use std::io::{self, IsTerminal};
use suites::{Selection, SelectionError};
use tokio::signal::unix::{Signal, SignalKind, signal};

impl Rules {
    /// With these scenarios, or with those of the profiles.
    fn selection(&self, scenarios: &[String]) -> Selection {
        Selection {
            profiles: self.profiles.clone(),
            rules: self.rules.clone(),
            scenarios: scenarios.to_vec(),
        }
    }

    fn chosen(&self) -> anyhow::Result<Vec<&'static Rule>> {
        Ok(self.selection(&[]).rules().map_err(as_usage)?)
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

/// Ctrl-C, and SIGTERM as service managers send it. None is lost between two waits.
pub(crate) struct AskedToEnd {
    interrupt: Signal,
    terminate: Signal,
}

impl AskedToEnd {
    /// Listens from now on. To be called on a runtime.
    pub(crate) fn listen() -> anyhow::Result<AskedToEnd> {
        let on = |kind| signal(kind).context("no way to be told to end");
        Ok(AskedToEnd {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
