//! What a user waits for: the whole `certify` in a fresh process, its memory, and how fast waits react.
//!
//! Run alone on an idle machine: `cargo bench -p ordinal --bench certify`.

use history::{Elapsed, Observation};
use nix::sys::resource::{UsageWho, getrusage};
use std::{fs::File, path::Path, process::Command, time::Instant};

/// How often `certify` is run; the median counts.
const RUNS: usize = 3;

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    for time in ["real", "virtual"] {
        let mut seconds: Vec<f64> = Vec::new();
        let mut reactions = Vec::new();
        for _ in 0..RUNS {
            let out = tempfile::tempdir().expect("a folder");
            let started = Instant::now();
            let done = Command::new(env!("CARGO_BIN_EXE_ordinal"))
                .args([
                    "certify",
                    "--cluster",
                    "embedded",
                    "--output",
                    "json",
                    "--time",
                    time,
                    "--out",
                ])
                .arg(out.path())
                .output()
                .expect("ordinal runs");
            seconds.push(started.elapsed().as_secs_f64());
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            reactions.extend(reactions_in(out.path()));
        }
        seconds.sort_by(f64::total_cmp);
        reactions.sort_unstable();
        let memory = getrusage(UsageWho::RUSAGE_CHILDREN).expect("rusage").max_rss();
        println!(
            "certify, {time} time: median {:.2} s of {seconds:.2?}; largest process so far {} MB",
            seconds[seconds.len() / 2],
            memory / 1024
        );
        if time == "real" {
            let at = |share: usize| reactions[(reactions.len() - 1) * share / 100];
            println!(
                "a wait reacts after: median {} us, 99 % {} us, slowest {} us of {} waits",
                at(50),
                at(99),
                at(100),
                reactions.len()
            );
        }
    }
}

/// Microseconds from the event that fulfilled a wait to the wait's end, for every wait of a run that had to wait.
fn reactions_in(out: &Path) -> Vec<u64> {
    let mut reactions = Vec::new();
    for entry in std::fs::read_dir(out.join("histories")).expect("histories") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            continue; // What the machine spoiled.
        }
        let file = File::open(path).expect("a history");
        let history = history::read(file).expect("a history");
        let mut waiting = false;
        let mut last: Option<Elapsed> = None;
        for event in history.events() {
            match &event.what {
                Observation::Note(note) if note.kind == "wait" => (waiting, last) = (true, None),
                Observation::Note(note) if note.kind == "reached" && waiting => {
                    if let Some(last) = last {
                        reactions.push(event.at.as_micros().saturating_sub(last.as_micros()));
                    }
                    waiting = false;
                }
                Observation::Watch(_) if waiting => last = Some(event.at),
                _ => {}
            }
        }
    }
    reactions
}
