//! `ordinal cluster deviations`.

use crate::{arguments::Output, output::print};
use embedded::{DEVIATIONS, Deviation};
use serde_json::{Value, json};

/// Runs the command.
pub fn run(output: Output) -> anyhow::Result<u8> {
    match output {
        Output::Json => {
            let rows: Vec<Value> = DEVIATIONS.iter().map(row).collect();
            print(&serde_json::to_string_pretty(&rows)?)?;
        }
        Output::Human => {
            let blocks: Vec<String> = DEVIATIONS.iter().map(block).collect();
            print(&blocks.join("\n\n"))?;
        }
    }
    Ok(0)
}

fn row(deviation: &Deviation) -> Value {
    json!({
        "name": deviation.name,
        "what": deviation.what,
        "instead": deviation.instead,
        "why": deviation.why,
    })
}

fn block(deviation: &Deviation) -> String {
    format!(
        "{}\n  real     {}\n  here     {}\n  because  {}",
        deviation.name, deviation.what, deviation.instead, deviation.why
    )
}
