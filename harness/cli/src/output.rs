//! What is said: results on stdout, everything else on stderr. A reader who is gone changes no verdict.

use anyhow::Context;
use std::{
    env,
    ffi::OsString,
    fmt::Display,
    io::{self, IsTerminal, Write},
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

/// Whether what goes there is coloured: on a terminal, unless the user or the terminal says otherwise (no-color.org).
pub fn is_coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && wants_colour(|name| env::var_os(name))
}

fn wants_colour(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = variable("TERM").is_some_and(|terminal| terminal == "dumb");
    !refused && !dumb
}

/// Writes a line to stderr, without what would steer a terminal: names come from clusters and files. One that cannot be written is lost: there is nowhere left to say so.
pub fn tell(line: impl Display) {
    // Whole, so that lines of several threads and processes do not mix.
    let line = format!("{}\n", plain(&line.to_string()));
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// The text with a mark in the place of each control character but those that lay it out.
fn plain(text: &str) -> String {
    text.replace(
        |character: char| character.is_control() && !matches!(character, '\n' | '\t'),
        "\u{fffd}",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_can_be_refused() {
        let wanted = |given: &[(&str, &str)]| {
            wants_colour(|name| {
                let value = given.iter().find(|(variable, _)| *variable == name)?.1;
                Some(value.into())
            })
        };
        assert!(wanted(&[]) && wanted(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]));
        assert!(!wanted(&[("NO_COLOR", "1")]));
        assert!(!wanted(&[("TERM", "dumb")]));
    }

    #[test]
    fn lines_stay_lines_and_steer_nothing() {
        assert_eq!(plain("a\n\tb\u{1b}[2J"), "a\n\tb\u{fffd}[2J");
    }
}
