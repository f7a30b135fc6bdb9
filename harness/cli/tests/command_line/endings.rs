//! Runs that somebody ends early.

use crate::{
    clock::{pass, seen_within},
    process::Process,
    told::binary,
};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// A long run with a candidate in a process of its own, which has started a process itself.
struct Running {
    process: Process,
    folder: TempDir,
}

impl Running {
    /// Starts it and waits until the first scenario is over.
    fn started(mut certify: Command) -> Running {
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

    #[track_caller]
    fn leaves_no_process(&self) {
        for name in ["candidate", "helper"] {
            let text = fs::read_to_string(self.folder.path().join("out").join(name)).expect("its pid");
            assert!(is_gone(pid(text.trim())), "the {name} outlived the run");
        }
    }

    /// How it ended and what it said on stdout. Nothing of it is left: no candidate, no temporary file.
    #[track_caller]
    fn ends(mut self) -> (Option<i32>, String) {
        let (code, out) = self.process.ends();
        self.leaves_no_process();
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

/// Whether programs that are started here hear of a terminal that is closed: under `nohup` they do not, and go on.
pub fn hears_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let hears = ignored.is_none_or(|mask| mask & 1 == 0);
    if !hears {
        println!("skipped: SIGHUP is ignored here, as under nohup");
    }
    hears
}

#[test]
fn the_first_signal_ends_a_run_in_order() {
    // The terminal being closed is one as well.
    let hangup = hears_hangup().then_some(Signal::SIGHUP);
    for signal in [Signal::SIGINT, Signal::SIGTERM].into_iter().chain(hangup) {
        let mut running = Running::started(binary());
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
    let mut running = Running::started(binary());
    running.process.is_sent(Signal::SIGTERM);
    running.process.hears("stopping");
    running.process.is_sent(Signal::SIGTERM);
    let (code, _) = running.ends();
    // The orderly end may have been faster than the second signal.
    assert!(matches!(code, Some(130 | 3)), "{code:?}");
}

#[test]
fn the_third_signal_waits_for_nothing_and_takes_the_candidate_along() {
    let mut running = Running::started(binary());
    running.process.is_sent(Signal::SIGINT);
    running.process.hears("stopping");
    // As fast as signals go: one that comes before its forerunner was seen counts as the same.
    for _ in 0..20 {
        running.process.is_sent(Signal::SIGINT);
        pass(Duration::from_millis(1));
    }
    let (code, _) = running.process.ends();
    assert!(matches!(code, Some(130 | 3)), "{code:?}");
    running.leaves_no_process();
}

#[test]
fn a_terminal_that_is_closed_does_not_end_what_ignores_it() {
    let mut nohup = Command::new("sh");
    nohup
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .arg(binary().get_program())
        .env("ORDINAL_CLUSTER", "embedded");
    let mut running = Running::started(nohup);
    running.process.is_sent(Signal::SIGHUP);
    running.process.is_sent(Signal::SIGTERM);
    running.process.hears("stopping");
    // Had the first counted, this were the second.
    let (code, out) = running.ends();
    assert_eq!(code, Some(3));
    assert!(out.contains("the run was stopped"), "{out}");
}

#[test]
fn mutants_that_are_broken_off_leave_no_temporary_file() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut mutants = Process::start(
            binary()
                .args(["mutants", "M-001", "M-002", "M-004", "--jobs", "1"])
                .env("TMPDIR", temporary.path())
                .stdout(Stdio::null()),
        );
        mutants.hears("M-001");
        mutants.is_sent(signal);
        assert_eq!(mutants.ends().0, Some(130), "{signal}");
        let left: Vec<_> = fs::read_dir(temporary.path()).expect("the folder").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
