//! The folder of `certify --out`: what a run keeps there, and that two runs never mix.

use crate::exit::Usage;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Name of the JSON report.
pub const REPORT: &str = "report.json";
/// What else a run keeps: the log of a candidate in a process of its own, that of k3s, and the histories.
const LOG: &str = "candidate.log";
const HISTORIES: [&str; 2] = ["histories", "histories/spoiled"];

/// Makes the folder and sees that nothing of an earlier run is in it, or removes that.
///
/// # Errors
/// When an earlier run is in it and must not be overwritten, or the folder cannot be used.
pub fn make_room(out: &Path, overwrite: bool) -> Result<(), Usage> {
    let unusable = |error: io::Error| {
        Usage(format!(
            "the folder {} cannot be used: {error}; give another --out",
            out.display()
        ))
    };
    fs::create_dir_all(out).map_err(unusable)?;
    let earlier = of_an_earlier_run(out).map_err(unusable)?;
    match earlier.first() {
        Some(found) if !overwrite => Err(Usage(format!(
            "{} is of an earlier run, and two runs must not mix; give another --out, or --overwrite to remove that run",
            found.display()
        ))),
        _ => earlier.iter().try_for_each(fs::remove_file).map_err(unusable),
    }
}

/// Whether a file is the log of a node; its name tells the run.
fn is_log_of_k3s(name: &str) -> bool {
    name.strip_prefix("ordinal-k3s-")
        .is_some_and(|rest| rest.ends_with(".log"))
}

/// Files that an earlier run kept. Others are none of our business.
fn of_an_earlier_run(out: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in [REPORT, LOG] {
        let path = out.join(name);
        if path.try_exists()? {
            found.push(path);
        }
    }
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        if is_log_of_k3s(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    for folder in HISTORIES {
        let histories = match fs::read_dir(out.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in histories {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                found.push(path);
            }
        }
    }
    Ok(found)
}
