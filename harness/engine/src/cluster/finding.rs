//! What a look at a host or a cluster says: what is there and, for what is missing, what to do.

use super::Capability;
use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Fine,
    /// It works, or may work, with a restriction.
    Warning,
    /// No run can take place.
    Fatal,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was looked at.
    pub what: &'static str,
    /// What was found.
    pub found: String,
    /// What to do; empty if nothing.
    pub remedy: &'static str,
    /// What the cluster cannot do for it: the scenarios that need it are skipped.
    pub lacks: &'static [Capability],
}

impl Finding {
    /// A finding. What is fine needs no remedy.
    pub(crate) fn new(
        severity: Severity,
        what: &'static str,
        found: String,
        remedy: &'static str,
    ) -> Finding {
        Finding {
            severity,
            what,
            found,
            remedy: if severity == Severity::Fine { "" } else { remedy },
            lacks: &[],
        }
    }

    /// The same, and what the cluster cannot do for it.
    pub(crate) fn lacking(self, lacks: &'static [Capability]) -> Finding {
        Finding { lacks, ..self }
    }

    /// Whether no run can take place for it.
    pub fn is_fatal(&self) -> bool {
        self.severity == Severity::Fatal
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Fine => "ok",
            Severity::Warning => "warning",
            Severity::Fatal => "missing",
        };
        write!(f, "{severity:8} {:18} {}", self.what, self.found)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}
