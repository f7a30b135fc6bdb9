//! The binary while it runs: what it says, and signals to it.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStderr, Command, Stdio},
};

/// A run that is under way; it ends when this is dropped.
pub struct Process {
    child: Child,
    said: BufReader<ChildStderr>,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.is_killed();
    }
}

impl Process {
    /// Starts it.
    pub fn start(command: &mut Command) -> Process {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("ordinal starts");
        let said = BufReader::new(child.stderr.take().expect("stderr"));
        Process { child, said }
    }

    /// Reads stderr up to a line with these words.
    pub fn hears(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            let length = self.said.read_line(&mut line).expect("a line");
            assert!(length > 0, "it never said {words}");
        }
    }

    /// Sends it a signal.
    pub fn is_sent(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("sent");
    }

    /// Ends it at once, if it has not ended already.
    pub fn is_killed(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end: the exit code, and what it said on stdout if that is a pipe.
    pub fn ends(&mut self) -> (Option<i32>, String) {
        let mut out = String::new();
        if let Some(stdout) = &mut self.child.stdout {
            stdout.read_to_string(&mut out).expect("text");
        }
        (self.child.wait().expect("it ends").code(), out)
    }
}
