//! `ordinal list`.

use crate::{
    arguments::{List, Output, What},
    output::print,
};
use judging::Profile;
use serde_json::{Value, json};
use suites::mutants::Subject;

/// Runs the command.
pub fn run(options: List) -> anyhow::Result<u8> {
    let rows = match options.what {
        What::Rules => rules(),
        What::Scenarios => scenarios(),
        What::Mutants => mutants(),
        What::Profiles => profiles(),
    };
    match options.output {
        Output::Json => print(&serde_json::to_string_pretty(&rows)?)?,
        Output::Human => print(&table(&rows))?,
    }
    Ok(0)
}

fn rules() -> Vec<Value> {
    let row = |rule: &judging::Rule| {
        let features: Vec<&str> = rule.needs.iter().map(|feature| feature.name()).collect();
        json!({
            "id": rule.id, "level": rule.level, "profile": rule.profile.name(), "kind": rule.kind,
            "features": features, "sentence": rule.sentence,
        })
    };
    suites::rules::all().into_iter().map(row).collect()
}

fn scenarios() -> Vec<Value> {
    let names = |list: Vec<&'static str>| list;
    suites::scenarios::all()
        .iter()
        .map(|scenario| {
            json!({
                "name": scenario.name,
                "profiles": names(scenario.profiles.iter().map(|profile| profile.name()).collect()),
                "needs": names(scenario.needs.iter().map(|need| need.name()).collect()),
                "features": names(scenario.features.iter().map(|feature| feature.name()).collect()),
                "sentence": scenario.sentence,
            })
        })
        .collect()
}

fn mutants() -> Vec<Value> {
    Subject::all()
        .filter(|subject| !matches!(subject, Subject::Reference))
        .map(|broken| {
            json!({
                "id": broken.id(), "name": broken.name(), "killed_by": broken.killed_by(), "defect": broken.defect(),
            })
        })
        .collect()
}

fn profiles() -> Vec<Value> {
    Profile::ALL
        .iter()
        .map(|profile| {
            let rules: Vec<&str> = suites::rules::all()
                .into_iter()
                .filter(|rule| rule.profile == *profile)
                .map(|rule| rule.id)
                .collect();
            let scenarios: Vec<&str> = suites::scenarios::all()
                .iter()
                .filter(|scenario| scenario.serves(&[*profile]))
                .map(|scenario| scenario.name)
                .collect();
            json!({ "name": profile.name(), "rules": rules, "scenarios": scenarios })
        })
        .collect()
}

/// One line per row, columns aligned; the last column is as wide as it is.
fn table(rows: &[Value]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            row.as_object()
                .into_iter()
                .flatten()
                .map(|(_, value)| cell(value))
                .collect()
        })
        .collect();
    let columns = cells.first().map_or(0, Vec::len);
    let width = |column: usize| {
        cells
            .iter()
            .filter_map(|row| row.get(column))
            .map(String::len)
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
