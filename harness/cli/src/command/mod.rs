//! One file per command.

mod asked_to_end;
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
mod kubeconfig_file;
pub mod list;
mod matrix;
pub mod mutants;
mod place;
pub mod rbac;
pub mod sweep;
#[cfg(not(feature = "k3s"))]
pub mod without_k3s;
pub mod workload;

pub(crate) use asked_to_end::AskedToEnd;

use crate::arguments::Rules;
use crate::exit::Usage;
use crate::output::{is_coloured, print};
use judging::Rule;
use std::io;
use suites::{Selection, SelectionError, mutants::Subject};

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

/// Says that no controller has this id or name.
fn no_such_mutant(id: &str) -> Usage {
    Usage(match Subject::named(id) {
        Some(Subject::Dns(broken)) => format!(
            "`{id}` is a broken name server and no controller; `ordinal mutants {}` tries it, and nothing else does",
            broken.id
        ),
        _ => format!("there is no mutant `{id}`; `ordinal list mutants` names them all"),
    })
}

/// Writes a report to stdout.
fn print_report(report: &reports::Report, output: crate::arguments::Output) -> anyhow::Result<()> {
    let text = match output {
        crate::arguments::Output::Json => reports::json(report)?,
        crate::arguments::Output::Human => {
            let layout = reports::Layout {
                colour: is_coloured(&io::stdout()),
                ..reports::Layout::default()
            };
            reports::human(report, &layout)
        }
    };
    print(text.trim_end())
}
