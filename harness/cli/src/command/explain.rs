//! `ordinal explain`.

use crate::{exit::Usage, output::print};
use suites::mutants::Subject;

/// Runs the command.
pub fn run(id: &str) -> anyhow::Result<u8> {
    let rules = suites::rules::all();
    let rule = rules
        .iter()
        .find(|rule| rule.id.eq_ignore_ascii_case(id))
        .ok_or_else(|| {
            Usage(format!(
                "there is no rule `{id}`; `ordinal list rules` names them all"
            ))
        })?;
    let level = match rule.level {
        judging::Level::Must => "must",
        judging::Level::Should => "should",
    };
    let caught: Vec<String> = Subject::all()
        .filter(|broken| broken.killed_by().contains(&rule.id))
        .map(|broken| format!("  {} {}", broken.id(), broken.defect()))
        .collect();
    let mut text = format!(
        "{} ({level}, profile {})\n\n{}\n\nWhy\n  {}\n\nPromised by\n  {}\n\nHow to fix a violation\n  {}",
        rule.id, rule.profile, rule.sentence, rule.why, rule.source, rule.fix
    );
    if !rule.needs.is_empty() {
        let names: Vec<&str> = rule.needs.iter().map(|feature| feature.name()).collect();
        text += &format!("\n\nOnly for candidates with\n  {}", names.join(", "));
    }
    if !caught.is_empty() {
        text += &format!("\n\nBroken ones that it catches\n{}", caught.join("\n"));
    }
    print(&text)?;
    Ok(0)
}
