//! Candidate files, and candidates that misbehave as processes.

use crate::told::{Told, binary, ordinal};
use std::fs;

fn certify(file: &str, more: &[&str]) -> Told {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("candidate.toml");
    fs::write(&path, file).expect("the file");
    let mut arguments = vec![
        "certify",
        "--candidate",
        path.to_str().expect("a path"),
        "--scenario",
        "create-ordered",
    ];
    arguments.extend(more);
    ordinal(&arguments)
}

fn process(command: &str) -> String {
    format!("name = \"mine\"\n[deploy]\nkind = \"process\"\ncommand = {command}\nstartup-seconds = 1\n")
}

#[test]
fn a_controller_in_a_process_of_its_own_is_certified() {
    let binary = env!("CARGO_BIN_EXE_ordinal");
    let file = process(&format!(
        "[\"{binary}\", \"controller\", \"--kubeconfig={{kubeconfig}}\"]"
    ))
    .replace("startup-seconds = 1", "startup-seconds = 20");
    let told = certify(
        &file,
        &["--rule", "SS-ORD-0[1]", "--rule", "SS-ORD-01", "--output", "json"],
    );
    // A pattern knows no brackets.
    drop(told.ends_with(2).complains_of(&["SS-ORD-0[1]"]));
    let report = certify(&file, &["--rule", "SS-ORD-01", "--output", "json"])
        .ends_with(0)
        .json();
    assert_eq!(report["candidate"]["name"], "mine");
    assert_eq!(report["certified"], true);
}

#[test]
fn a_broken_controller_in_a_process_of_its_own_is_not() {
    let binary = env!("CARGO_BIN_EXE_ordinal");
    let file = process(&format!(
        "[\"{binary}\", \"controller\", \"--mutant=M-001\", \"--kubeconfig={{kubeconfig}}\"]"
    ))
    .replace("startup-seconds = 1", "startup-seconds = 20");
    let told = certify(&file, &["--rule", "SS-ORD-03"]).ends_with(1);
    assert!(told.out.contains("SS-ORD-03 violated"), "{}", told.out);
}

#[test]
fn one_that_never_acts_is_stalled() {
    let told = certify(&process("[\"sleep\", \"600\"]"), &[]).ends_with(1);
    assert!(told.out.contains("stalled"), "{}", told.out);
    assert!(told.out.contains("never acted"), "{}", told.out);
}

#[test]
fn one_that_crashes_is_told_with_its_last_words() {
    let told = certify(&process("[\"sh\", \"-c\", \"echo out of luck; exit 7\"]"), &[]);
    assert!(matches!(told.code, 1 | 3), "{}\n{}", told.out, told.err);
    assert!(
        told.out.contains("exit status: 7") && told.out.contains("out of luck"),
        "{}",
        told.out
    );
}

#[test]
fn the_folder_of_the_run_is_named_from_the_root_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = process("[\"sh\", \"-c\", \"echo into {run-dir}; exit 7\"]");
    fs::create_dir(folder.path().join("mine")).expect("a folder");
    fs::write(folder.path().join("mine/candidate.toml"), file).expect("the file");
    let mut certify = binary();
    certify
        .args(["certify", "--candidate", "mine/candidate.toml", "--out", "out"])
        .args(["--scenario", "create-ordered", "--output", "json"])
        .current_dir(folder.path());
    let told = Told::of(certify.output().expect("ordinal starts"));
    let out = folder.path().canonicalize().expect("it").join("out");
    assert!(
        told.out.contains(&format!("into {}", out.display())),
        "{}",
        told.out
    );
}

#[test]
fn one_that_cannot_be_started_is_an_error_of_the_file() {
    let told = certify(&process("[\"/nowhere/controller\"]"), &[]);
    drop(
        told.ends_with(3)
            .complains_of(&["/nowhere/controller", "deploy.command"]),
    );
    let told = certify(&process("[\"/nowhere/controller\"]"), &[]);
    assert_eq!(told.err.matches("os error").count(), 1, "{}", told.err);
}

#[test]
fn a_folder_that_is_missing_is_named_with_its_key() {
    let file = process("[\"sleep\", \"600\"]") + "directory = \"not/here\"\n";
    let told = certify(&file, &[]).ends_with(2);
    let told = told.complains_of(&["mine", "deploy.directory", "not/here"]);
    assert!(
        !told.err.contains("ready after"),
        "it started something: {}",
        told.err
    );
}

#[test]
fn a_deviation_from_a_rule_that_there_is_not_is_refused_before_anything_starts() {
    let file = process("[\"sleep\", \"600\"]")
        + "[[known-deviation]]\nrule = \"SS-NOPE-01\"\nreason = \"because\"\n";
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let told = certify(&file, &["--out", out.to_str().expect("a path")]).ends_with(2);
    assert!(!out.exists(), "it made a folder");
    let told = told.complains_of(&["mine", "known-deviation", "SS-NOPE-01", "ordinal list rules"]);
    assert!(
        !told.err.contains("ready after"),
        "it started something: {}",
        told.err
    );
}

#[test]
fn a_deviation_without_a_reason_or_named_twice_is_refused_before_anything_starts() {
    let deviation =
        |reason: &str| format!("[[known-deviation]]\nrule = \"SS-ORD-03\"\nreason = {reason:?}\n");
    let file = |deviations: &str| process("[\"sleep\", \"600\"]") + deviations;
    for (file, word) in [
        (file(&deviation(" ")), "say why"),
        (file(&deviation("because").repeat(2)), "twice"),
    ] {
        let told = certify(&file, &[]).ends_with(2);
        let told = told.complains_of(&["mine", "known-deviation", "SS-ORD-03", word]);
        assert!(
            !told.err.contains("ready after"),
            "it started something: {}",
            told.err
        );
    }
}

#[test]
fn the_embedded_cluster_has_no_controller_of_its_own_to_certify() {
    let file = "name = \"theirs\"\n[deploy]\nkind = \"built-in\"\n";
    for time in ["real", "virtual"] {
        let told = certify(file, &["--time", time]).ends_with(2);
        let told = told.complains_of(&["theirs", "embedded cluster", "--cluster", "--candidate"]);
        assert!(
            !told.err.contains("ready after"),
            "it started something: {}",
            told.err
        );
    }
}

#[test]
fn virtual_time_is_refused_for_a_process() {
    let told = certify(&process("[\"sleep\", \"600\"]"), &["--time", "virtual"]);
    drop(told.ends_with(2).complains_of(&["virtual time", "real time"]));
}

#[test]
fn an_unknown_key_is_named_with_its_place() {
    let told = certify(
        "name = \"mine\"\ncolour = \"red\"\n[deploy]\nkind = \"built-in\"\n",
        &[],
    );
    drop(
        told.ends_with(2)
            .complains_of(&["candidate.toml", "colour", "line 2"]),
    );
}

#[test]
fn what_is_declared_unsupported_is_skipped_and_said() {
    let binary = env!("CARGO_BIN_EXE_ordinal");
    let file = format!(
        "name = \"mine\"\nunsupported = [\"partition\"]\n[deploy]\nkind = \"process\"\ncommand = [\"{binary}\", \"controller\"]\n"
    );
    let told = certify(
        &file,
        &[
            "--scenario",
            "partition-canary",
            "--rule",
            "SS-PT-10",
            "--rule",
            "SS-ID-01",
            "--output",
            "json",
        ],
    );
    let report = told.json();
    let rule = report["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .find(|rule| rule["id"] == "SS-PT-10")
        .expect("it");
    assert_eq!(rule["verdict"], "unsupported");
    let scenarios = report["scenarios"].as_array().expect("scenarios");
    let canary = scenarios
        .iter()
        .find(|scenario| scenario["name"] == "partition-canary")
        .expect("it");
    assert_eq!(canary["outcome"], "skipped");
}
