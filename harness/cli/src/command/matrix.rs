//! Several runs of one `certify`: one for each release of k3s.

use super::certify::{keep_report, tell_of};
use crate::{
    arguments::{Certify, Output},
    exit::{self, Usage},
    kept,
    output::{print, tell},
};
use engine::{CancellationToken, Plan, RunError};
use reports::{Report, Row};
use serde_json::json;

/// The runs, each with its own name and its own folder.
pub struct Several {
    plans: Vec<(String, Plan)>,
}

impl Several {
    /// Gives every run a folder below that of `--out`, and sees that there is room in it.
    ///
    /// # Errors
    /// When an earlier run is in one of the folders, or it cannot be used.
    pub fn prepare(plans: Vec<Plan>, options: &Certify) -> Result<Several, Usage> {
        let named = plans.into_iter().map(|mut plan| {
            let name = plan.cluster.to_string();
            if let Some(out) = &options.out {
                let own = out.join(name.replace([' ', '/'], "-"));
                kept::make_room(&own, options.overwrite)?;
                plan = plan.keeping_in(own);
            }
            Ok((name, plan))
        });
        Ok(Several {
            plans: named.collect::<Result<_, Usage>>()?,
        })
    }

    /// Runs one after the other, and ends with a table. A cluster that does not start does not keep the others from it.
    ///
    /// # Errors
    /// When somebody ended it at once.
    pub fn run(&self, stop: &CancellationToken, output: Output) -> anyhow::Result<u8> {
        let mut done: Vec<(&str, Result<Report, RunError>)> = Vec::new();
        let mut codes = Vec::new();
        for (name, plan) in &self.plans {
            tell(format!("on {name}"));
            let outcome = match stop.is_cancelled() {
                true => Err(RunError::Stopped),
                false => engine::run(plan, stop, &tell_of).map(|run| run.report),
            };
            match &outcome {
                Ok(report) => {
                    let printed = match output {
                        Output::Human => super::print_report(report, output),
                        Output::Json => Ok(()),
                    };
                    codes.push(exit::of_report(report, [printed, keep_report(plan, report)]));
                }
                Err(RunError::EndedAtOnce) => return Err(RunError::EndedAtOnce.into()),
                Err(error) => {
                    tell(format!("ordinal: {error}"));
                    codes.push(exit::of_run(error));
                }
            }
            done.push((name, outcome));
        }
        codes.push(exit::of_afterwards(match output {
            Output::Human => print(table(&done).trim_end()),
            Output::Json => print(&serde_json::to_string_pretty(&documents(&done))?),
        }));
        Ok(reports::worst(codes).into())
    }
}

fn table(done: &[(&str, Result<Report, RunError>)]) -> String {
    let reasons: Vec<String> = done
        .iter()
        .map(|(_, outcome)| {
            outcome
                .as_ref()
                .err()
                .map_or_else(String::new, ToString::to_string)
        })
        .collect();
    let rows: Vec<Row<'_>> = done
        .iter()
        .zip(&reasons)
        .map(|((name, outcome), reason)| Row {
            name,
            outcome: outcome.as_ref().map_err(|_| reason.as_str()),
        })
        .collect();
    reports::matrix(&rows)
}

/// Every run as a document: its report, or why there is none.
fn documents(done: &[(&str, Result<Report, RunError>)]) -> Vec<serde_json::Value> {
    done.iter()
        .map(|(name, outcome)| match outcome {
            Ok(report) => json!({ "name": name, "report": report }),
            Err(error) => json!({ "name": name, "error": error.to_string() }),
        })
        .collect()
}
