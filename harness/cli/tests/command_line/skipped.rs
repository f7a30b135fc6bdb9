//! What is not tested here, and why.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Says it, past the capturing of what tests print.
pub fn skipped(why: impl Display) {
    // Whoever closed stderr does not want to know.
    let _ = writeln!(io::stderr(), "skipped: {why}");
}
