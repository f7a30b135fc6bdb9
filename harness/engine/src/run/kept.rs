//! The file that a history is kept in. A verdict does not depend on it: what was recorded is judged from memory.

use super::RunError;
use std::{
    fs::{self, File},
    io::{self, LineWriter, Write},
    path::{Path, PathBuf},
};

/// What is kept of a history, and what came in between if it is not whole.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Name of the file in the output folder, if it holds the whole history.
    pub file: Option<String>,
    /// Why there is no file that holds the whole history, and what to do, if one was asked for.
    pub lost: Option<String>,
    path: PathBuf,
}

/// Where a history is written to while it grows.
pub(super) type HistoryFile = Option<Box<dyn Write + Send>>;

impl Kept {
    /// Opens the file of a scenario in the output folder, if there is one.
    pub(super) fn begin(out: Option<&Path>, scenario: &str) -> (HistoryFile, Kept) {
        let Some(out) = out else {
            return (None, Kept::default());
        };
        let name = format!("histories/{scenario}.jsonl");
        let mut kept = Kept {
            path: out.join(&name),
            file: Some(name),
            lost: None,
        };
        let opened = fs::create_dir_all(out.join("histories")).and_then(|()| File::create(&kept.path));
        match opened {
            // Line by line, so that what was recorded survives whatever ends the process.
            Ok(file) => (Some(Box::new(LineWriter::with_capacity(64 * 1024, file))), kept),
            Err(error) => {
                kept.broke_off(error);
                (None, kept)
            }
        }
    }

    /// The file could not be written any further.
    pub(super) fn broke_off(&mut self, source: io::Error) {
        self.file = None;
        let error = RunError::File {
            path: self.path.clone(),
            source,
        };
        self.lost = Some(error.to_string());
    }
}
