//! Where output goes: whoever stops reading changes no verdict, and makes nothing panic.

use crate::told::{Told, binary};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    process::{Command, Stdio},
};

/// One scenario and one rule that the candidate breaks or keeps, in virtual time.
fn certify(candidate: &str) -> Command {
    let mut command = binary();
    command.args(["certify", "--time", "virtual", "--scenario", "create-ordered"]);
    command.args(["--rule", "SS-ORD-03", "--candidate", candidate]);
    command
}

/// A pipe that nobody reads: what is written to it fails.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

/// A disk on which nothing fits any more.
fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full")
        .into()
}

#[track_caller]
fn code(command: &mut Command) -> Option<i32> {
    command.status().expect("ordinal starts").code()
}

#[test]
fn nobody_reads_the_report_and_the_verdict_stands() {
    for output in ["human", "json"] {
        let ends = |candidate| {
            code(
                certify(candidate)
                    .args(["--output", output])
                    .stdout(closed())
                    .stderr(Stdio::null()),
            )
        };
        assert_eq!(ends("mutant:M-001"), Some(1), "{output}");
        assert_eq!(ends("reference"), Some(0), "{output}");
    }
}

#[test]
fn nobody_reads_what_is_judged_and_the_verdict_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorded = code(
        certify("mutant:M-001")
            .arg("--out")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    assert_eq!(recorded, Some(1));
    let mut judge = binary();
    judge.args(["judge", "--rule", "SS-ORD-03"]);
    judge.arg(folder.path().join("histories/create-ordered.jsonl"));
    assert_eq!(code(judge.stdout(closed())), Some(1));
}

#[test]
fn nobody_reads_a_list_and_that_is_fine() {
    assert_eq!(code(binary().args(["list", "rules"]).stdout(closed())), Some(0));
}

#[test]
fn a_report_that_does_not_fit_is_said_and_is_no_success() {
    let told = certify("reference")
        .stdout(full())
        .output()
        .expect("ordinal starts");
    assert_eq!(told.status.code(), Some(3));
    let said = String::from_utf8_lossy(&told.stderr);
    assert!(
        said.contains("stdout") && said.contains("No space left"),
        "{said}"
    );
}

/// All that was said, whatever lines it was broken into.
fn words(told: &Told) -> String {
    let said = format!("{} {}", told.out, told.err);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_cannot_be_kept_takes_no_verdict_away() {
    for (lost, kept) in [("report.json", "histories"), ("histories", "report.json")] {
        for (candidate, code) in [("mutant:M-001", 1), ("reference", 3)] {
            let folder = tempfile::tempdir().expect("a folder");
            let out = folder.path();
            symlink("/nonexistent/place", out.join(lost)).expect("a link");
            let done = certify(candidate).arg("--out").arg(out).output();
            let told = Told::of(done.expect("ordinal starts")).ends_with(code);
            assert!(told.out.contains("SS-ORD-03"), "{lost}: {}", told.out);
            let words = words(&told);
            for word in [&out.join(lost).display().to_string(), "another --out"] {
                assert!(words.contains(word), "{word} is missing in {words}");
            }
            assert!(out.join(kept).exists(), "{kept} is lost as well");
        }
    }
}

#[test]
fn a_disk_that_fills_up_takes_no_verdict_away() {
    for (candidate, code) in [("mutant:M-001", 1), ("reference", 3)] {
        let folder = tempfile::tempdir().expect("a folder");
        let certify = certify(candidate);
        let mut limited = Command::new("sh");
        limited
            // No file grows past some KiB; whoever goes on is told so instead of killed.
            .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"])
            .arg(certify.get_program())
            .args(certify.get_args())
            .args(["--cluster", "embedded", "--scenario", "delete-one-pod", "--out"])
            .arg(folder.path());
        let told = Told::of(limited.output().expect("sh starts")).ends_with(code);
        assert!(told.out.contains("SS-ORD-03"), "{}", told.out);
        let words = words(&told);
        for scenario in ["create-ordered", "delete-one-pod"] {
            let lost = format!("histories/{scenario}.jsonl failed: File too large");
            assert!(words.contains(&lost), "{lost} is missing in {words}");
        }
    }
}

#[test]
fn nobody_reads_how_it_goes_and_the_verdict_stands() {
    for stderr in [closed, full] {
        let ends = |candidate| {
            code(
                certify(candidate)
                    .arg("-vv")
                    .stdout(Stdio::null())
                    .stderr(stderr()),
            )
        };
        assert_eq!(ends("mutant:M-001"), Some(1));
        assert_eq!(ends("reference"), Some(0));
    }
}

#[test]
fn a_reader_who_leaves_after_a_line_changes_nothing() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let both = writer.try_clone().expect("a second end");
    let mut command = certify("mutant:M-001");
    let mut child = command
        .arg("-vv")
        .stdout(both)
        .stderr(writer)
        .spawn()
        .expect("ordinal starts");
    // Its copies of the writing end would keep the pipe open.
    drop(command);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).expect("a line");
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "after {line}");
}

#[test]
fn a_mistake_that_nobody_hears_is_still_one() {
    for stderr in [closed, full] {
        for wrong in [&["certify", "--rule", "nope"][..], &["certify", "--jbos"]] {
            assert_eq!(code(binary().args(wrong).stderr(stderr())), Some(2), "{wrong:?}");
        }
    }
}
