//! What is said: results on stdout, everything else on stderr. A reader who is gone changes no verdict.

use anyhow::Context;
use std::{
    fmt::Display,
    io::{self, Write},
};

/// Writes a result and a line end to stdout. Whoever reads it may have seen enough, as `| head` does.
///
/// # Errors
/// When it cannot be written for another reason, as on a full disk.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("the result cannot be written to stdout"),
    }
}

/// Writes a line to stderr. One that cannot be written is lost: there is nowhere left to say so.
pub fn tell(line: impl Display) {
    // Whole, so that lines of several threads and processes do not mix.
    let line = format!("{line}\n");
    let _ = io::stderr().lock().write_all(line.as_bytes());
}
