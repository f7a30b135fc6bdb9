//! In which ways a run on k3s ends, and what is left of it.

use super::{Certify, assert_nothing_is_left, images, left, run_in};
use crate::{
    clock::seen_within,
    process::Process,
    told::{Told, binary},
};
use nix::sys::signal::Signal;
use std::{fs, process::Stdio, time::Duration};
use tempfile::TempDir;

/// Engines are slow on busy machines.
const LIMIT: Duration = Duration::from_secs(180);

impl Certify {
    fn started(mut self) -> Running {
        Running {
            process: Process::start(self.command.stdout(Stdio::null())),
            folder: self.folder,
        }
    }
}

/// A run that is under way.
struct Running {
    process: Process,
    folder: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whatever it would still remove, it cannot start anything any more.
        self.process.is_killed();
        if let Some(run) = run_in(self.folder.path()) {
            let _ = binary().args(["sweep", "--run", &run]).output();
        }
    }
}

impl Running {
    /// Waits until its container runs; returns the id of the run.
    fn has_a_container(&self) -> String {
        let run = || run_in(self.folder.path()).filter(|run| !left(run).0.is_empty());
        seen_within(LIMIT, run).unwrap_or_else(|| panic!("no container within {LIMIT:?}"))
    }
}

#[test]
fn a_signal_during_the_start_or_the_run_leaves_nothing() {
    for image in images() {
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let mut starting = Certify::on(&image).started();
            let run = starting.has_a_container();
            starting.process.is_sent(signal);
            assert_eq!(starting.process.ends().0, Some(3), "{signal}");
            assert_nothing_is_left(&run);
        }
        let mut running = Certify::on(&image).started();
        running.process.hears("ready after");
        let run = running.has_a_container();
        running.process.is_sent(Signal::SIGTERM);
        running.process.hears("stopping");
        assert_eq!(running.process.ends().0, Some(3));
        assert_nothing_is_left(&run);
    }
}

#[test]
fn the_second_signal_ends_it_at_once_and_leaves_nothing_either() {
    for image in images() {
        let mut running = Certify::on(&image).started();
        running.process.hears("ready after");
        let run = running.has_a_container();
        running.process.is_sent(Signal::SIGINT);
        running.process.hears("stopping");
        running.process.is_sent(Signal::SIGINT);
        let code = running.process.ends().0;
        // The orderly end may have been faster than the second signal.
        assert!(matches!(code, Some(130 | 3)), "{code:?}");
        assert_nothing_is_left(&run);
    }
}

#[test]
fn what_a_killed_run_left_is_swept() {
    for image in images() {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut certify = Certify::on(&image);
        certify.command.env("TMPDIR", temporary.path());
        let mut running = certify.started();
        let run = running.has_a_container();
        let folders = || {
            let entries = fs::read_dir(temporary.path()).expect("the folder").flatten();
            entries
                .filter(|entry| {
                    entry
                        .file_name()
                        .to_string_lossy()
                        .starts_with(&format!("ordinal-k3s-{run}-"))
                })
                .count()
        };
        let sweep = |run: &str| {
            let mut command = binary();
            command
                .args(["sweep", "--run", run])
                .env("TMPDIR", temporary.path());
            Told::of(command.output().expect("ordinal starts"))
        };
        assert_ne!(folders(), 0);
        running.process.is_sent(Signal::SIGKILL);
        assert_eq!(running.process.ends().0, None);
        assert_ne!(left(&run).0, "", "it was killed, and yet its container is gone");
        let told = sweep("nobody").ends_with(0);
        assert!(told.out.contains("no containers"), "{}", told.out);
        assert_ne!(left(&run).0, "", "it belongs to another run");
        assert_ne!(folders(), 0, "they belong to another run");
        let told = sweep(&run).ends_with(0);
        assert!(told.out.contains("1 container removed"), "{}", told.out);
        assert!(told.out.contains("folder"), "{}", told.out);
        // The engine goes on with what it was asked for last; what comes of it can be swept as well.
        seen_within(Duration::from_secs(10), || {
            let nothing = left(&run) == (String::new(), String::new());
            if !nothing {
                sweep(&run).ends_with(0);
            }
            nothing.then_some(())
        });
        assert_nothing_is_left(&run);
        assert_eq!(folders(), 0);
    }
}

#[test]
fn a_run_on_several_nodes_leaves_none_of_them_however_it_ends() {
    for image in images() {
        let nodes = [
            "--nodes",
            "2",
            "--scenario",
            "create-ordered",
            "--rule",
            "SS-ORD-02",
        ];
        let mut certify = Certify::on(&image).with(&nodes).with(&["--output", "json"]);
        let report = certify.done().ends_with(0).json();
        let capabilities = report["cluster"]["capabilities"].as_array().expect("a list");
        assert!(
            capabilities.iter().any(|can| can == "node to lose"),
            "{capabilities:?}"
        );
        certify.has_left_nothing();
        let mut running = Certify::on(&image).with(&["--nodes", "2"]).started();
        running.process.hears("ready after");
        let run = running.has_a_container();
        assert_eq!(left(&run).0.lines().count(), 2);
        running.process.is_sent(Signal::SIGTERM);
        assert_eq!(running.process.ends().0, Some(3));
        assert_nothing_is_left(&run);
        let mut running = Certify::on(&image).with(&["--nodes", "2"]).started();
        running.process.hears("ready after");
        let run = running.has_a_container();
        running.process.is_sent(Signal::SIGKILL);
        assert_eq!(running.process.ends().0, None);
        let swept = binary().args(["sweep", "--run", &run]).output();
        let told = Told::of(swept.expect("ordinal starts")).ends_with(0);
        assert!(told.out.contains("2 containers removed"), "{}", told.out);
        assert_nothing_is_left(&run);
    }
}
