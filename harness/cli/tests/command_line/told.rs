//! Starting the binary, and what it said.

use serde_json::Value;
use std::process::{Command, Output};

/// What the binary said, and how it ended.
pub struct Told {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// The binary, not yet started.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ordinal"));
    // What the developer has set must not change what is tested.
    for variable in [
        "ORDINAL_CONTEXT",
        "ORDINAL_WORKLOAD_IMAGE",
        "ORDINAL_K3S_VERSION",
        "ORDINAL_K3S_IMAGE",
        "ORDINAL_K3S_REGISTRIES",
        "ORDINAL_K3S_UNPRIVILEGED",
        "ORDINAL_CANDIDATE",
        "ORDINAL_LOG",
    ] {
        command.env_remove(variable);
    }
    // Nor must what this host could run: `auto` has tests of its own.
    command.env("ORDINAL_CLUSTER", "embedded");
    command
}

/// Runs `ordinal` with these arguments to its end.
pub fn ordinal(arguments: &[&str]) -> Told {
    Told::of(binary().args(arguments).output().expect("ordinal starts"))
}

impl Told {
    /// What a binary said that has ended.
    pub fn of(done: Output) -> Told {
        Told {
            code: done.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&done.stdout).into_owned(),
            err: String::from_utf8_lossy(&done.stderr).into_owned(),
        }
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Told {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Asserts that the error names all of these.
    #[track_caller]
    pub fn complains_of(self, words: &[&str]) -> Told {
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing in: {}", self.err);
        }
        self
    }

    /// stdout as JSON: nothing else may be there.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}
