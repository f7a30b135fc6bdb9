//! Runs that somebody ends early.

use crate::{clock::seen_within, process::Process, told::binary};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{fs, path::Path, process::Stdio, time::Duration};
use tempfile::TempDir;

/// A long run with a candidate in a process of its own, which has started a process itself.
struct Running {
    process: Process,
    folder: TempDir,
}

impl Running {
    /// Starts it and waits until the first scenario is over.
    fn started() -> Running {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, temporary) = (folder.path().join("out"), folder.path().join("tmp"));
        fs::create_dir(&temporary).expect("a folder");
        let script = format!(
            "sleep 600 & echo $! > {out}/helper; echo $$ > {out}/candidate; exec {binary} controller",
            out = out.display(),
            binary = env!("CARGO_BIN_EXE_ordinal"),
        );
        let file = folder.path().join("candidate.toml");
        let text = format!(
            "name = \"mine\"\n[deploy]\nkind = \"process\"\ncommand = [\"sh\", \"-c\", {script:?}]\n"
        );
        fs::write(&file, text).expect("the file");
        let mut certify = binary();
        certify
            .args(["certify", "--output", "json", "--jobs", "1", "--candidate"])
            .arg(&file)
            .arg("--out")
            .arg(&out)
            .env("TMPDIR", &temporary)
            .stdout(Stdio::piped());
        let mut running = Running {
            process: Process::start(&mut certify),
            folder,
        };
        running.process.hears("first-contact");
        running
    }

    /// How it ended and what it said on stdout. Nothing of it is left: no candidate, no temporary file.
    #[track_caller]
    fn ends(mut self) -> (Option<i32>, String) {
        let (code, out) = self.process.ends();
        for name in ["candidate", "helper"] {
            let text = fs::read_to_string(self.folder.path().join("out").join(name)).expect("its pid");
            assert!(is_gone(pid(text.trim())), "the {name} outlived the run");
        }
        let left: Vec<_> = fs::read_dir(self.folder.path().join("tmp"))
            .expect("the folder")
            .collect();
        assert!(left.is_empty(), "{left:?}");
        (code, out)
    }
}

fn pid(text: &str) -> Pid {
    Pid::from_raw(text.parse().expect("a pid"))
}

/// Whether a process ends, or waits to be reaped by whoever is init, within some seconds.
fn is_gone(pid: Pid) -> bool {
    let gone = seen_within(Duration::from_secs(5), || {
        let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
        let zombie = status.is_ok_and(|text| text.contains(") Z "));
        (zombie || kill(pid, None) == Err(Errno::ESRCH)).then_some(())
    });
    gone.is_some()
}

#[test]
fn the_first_signal_ends_a_run_in_order() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut running = Running::started();
        running.process.is_sent(signal);
        running.process.hears("stopping");
        let (code, out) = running.ends();
        assert_eq!(code, Some(3), "{signal}");
        let report: serde_json::Value = serde_json::from_str(&out).expect("a report");
        assert_eq!(report["certified"], false);
        let text = out.as_str();
        assert!(text.contains("the run was stopped"), "{text}");
    }
}

#[test]
fn the_second_signal_ends_it_at_once_and_the_candidate_with_it() {
    let mut running = Running::started();
    running.process.is_sent(Signal::SIGTERM);
    running.process.hears("stopping");
    running.process.is_sent(Signal::SIGTERM);
    let (code, _) = running.ends();
    // The orderly end may have been faster than the second signal.
    assert!(matches!(code, Some(130 | 3)), "{code:?}");
}
