//! Histories of a real, correct controller: no rule may accuse it.

use super::all;
use history::{Event, History, Ledger, Observation, Patience};
use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

/// The folder of the recordings, from `ORDINAL_RECORDINGS` or beside the workspace; why not, if there is none.
fn folder() -> Result<PathBuf, String> {
    let recordings = std::env::var_os("ORDINAL_RECORDINGS").map_or_else(
        || {
            // The workspace root is the folder above this package's; tests of a package run inside it.
            let package = Path::new(env!("CARGO_MANIFEST_DIR"));
            package.join("../../shared/recordings")
        },
        PathBuf::from,
    );
    let histories = recordings.join("histories");
    if histories.is_dir() {
        Ok(histories)
    } else {
        Err(format!(
            "there are no recorded histories in {}",
            histories.display()
        ))
    }
}

/// Every recorded history with its name, in order of names.
fn recorded() -> Vec<(String, History)> {
    let folder = match folder() {
        Ok(folder) => folder,
        Err(reason) => {
            eprintln!("skipped: {reason}");
            return Vec::new();
        }
    };
    let mut histories: Vec<(String, History)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".jsonl.gz")?.to_owned();
            let history = history::read(File::open(&path).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            Some((name, history))
        })
        .collect();
    histories.sort_by(|a, b| a.0.cmp(&b.0));
    histories
}

#[test]
fn a_real_and_correct_controller_breaks_no_rule() {
    judge_all(|_| {});
}

/// The cluster of the recordings was quick and kept DNS answers for 5 s (see their README), so it can be judged with
/// little patience: more becomes an opportunity, and the rules have to be as right.
#[test]
fn nor_does_it_under_little_patience() {
    judge_all(|patience| {
        patience.staleness_ms = 300;
        patience.dns_ms = 11_000;
        patience.settle_ms = 1_000;
    });
}

fn judge_all(change: fn(&mut Patience)) {
    let mut opportunities: BTreeMap<&str, u64> = all().iter().map(|rule| (rule.id, 0)).collect();
    let mut accused = Vec::new();
    for (name, history) in recorded() {
        let ledger = Ledger::build(&with_patience(&history, change));
        for rule in all() {
            let found = judging::judge(rule, &ledger);
            *opportunities.get_mut(rule.id).unwrap() += found.opportunities;
            for witness in found.violations.iter().chain(&found.stalls) {
                let events: Vec<String> = witness
                    .events
                    .iter()
                    .map(|event| format!("    {} line {}: {}", event.at, event.line, event.text))
                    .collect();
                accused.push(format!(
                    "{name}: {}: {}\n{}",
                    rule.id,
                    witness.sentence,
                    events.join("\n")
                ));
            }
        }
    }
    for (id, count) in &opportunities {
        println!("{id:<10} {count:>5}");
    }
    assert!(accused.is_empty(), "{}", accused.join("\n"));
}

/// The same history, judged with other time limits.
fn with_patience(history: &History, change: fn(&mut Patience)) -> History {
    history
        .events()
        .iter()
        .map(|event| match &event.what {
            Observation::Start(meta) => {
                let mut meta = meta.clone();
                change(&mut meta.patience);
                Event {
                    at: event.at,
                    what: Observation::Start(meta),
                }
            }
            _ => event.clone(),
        })
        .collect()
}
