//! What a run tells the shell.

use std::process;

/// Exit codes of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitCode {
    /// Every Must rule was exercised and kept.
    Certified = 0,
    /// A rule is violated or stalled.
    Violated = 1,
    /// The command line or the candidate file is wrong.
    Usage = 2,
    /// Nothing was found broken, but there is no certificate either: inconclusive, not exercised, or the
    /// environment was at fault.
    Inconclusive = 3,
    /// A defect of the harness.
    HarnessError = 4,
}

impl ExitCode {
    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> process::ExitCode {
        process::ExitCode::from(code.code())
    }
}

impl From<ExitCode> for u8 {
    fn from(code: ExitCode) -> u8 {
        code.code()
    }
}
