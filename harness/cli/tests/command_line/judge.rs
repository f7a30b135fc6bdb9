//! `ordinal judge`.

use crate::told::ordinal;
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// A history of a broken controller, cut after so many bytes if asked.
fn history(candidate: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    drop(ordinal(&[
        "certify",
        "--time",
        "virtual",
        "--scenario",
        "create-ordered",
        "--candidate",
        candidate,
        "--out",
        folder.path().to_str().expect("a path"),
    ]));
    let path = folder.path().join("histories/create-ordered.jsonl");
    (folder, path)
}

#[test]
fn a_recorded_violation_is_found_again() {
    let (_folder, path) = history("mutant:M-001");
    let told = ordinal(&["judge", path.to_str().expect("a path"), "--profile", "ordering"]).ends_with(1);
    assert!(told.out.contains("SS-ORD-03 violated"), "{}", told.out);
}

#[test]
fn a_history_that_was_cut_is_judged_as_far_as_it_goes() {
    let (_folder, path) = history("mutant:M-001");
    let whole = fs::read(&path).expect("the history");
    fs::write(&path, &whole[..whole.len() - 40]).expect("cut");
    let told = ordinal(&["judge", path.to_str().expect("a path"), "--rule", "SS-ORD-03"]).ends_with(1);
    let told = told.complains_of(&["cut short", "observations before that are judged"]);
    assert!(told.out.contains("SS-ORD-03 violated"), "{}", told.out);

    let (_folder, path) = history("reference");
    let whole = fs::read(&path).expect("the history");
    fs::write(&path, &whole[..whole.len() - 40]).expect("cut");
    drop(ordinal(&["judge", path.to_str().expect("a path"), "--rule", "SS-ORD-03"]).ends_with(3));
}

#[test]
fn what_is_no_history_is_said_to_be_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("poem.txt");
    fs::write(&path, "The woods are lovely\n").expect("a file");
    let told = ordinal(&["judge", path.to_str().expect("a path")]).ends_with(2);
    drop(told.complains_of(&["poem.txt", "line 1", "certify --out"]));
    drop(
        ordinal(&["judge", "/nowhere.jsonl"])
            .ends_with(2)
            .complains_of(&["/nowhere.jsonl"]),
    );
    drop(ordinal(&["judge"]).ends_with(2));
}

#[test]
fn a_folder_or_a_report_is_told_from_a_history() {
    let (folder, history) = history("reference");
    let out = folder.path().to_str().expect("a path");
    let histories = format!("{out}/histories");
    for given in [out, &histories] {
        let told = ordinal(&["judge", given]).ends_with(2);
        drop(told.complains_of(&["is a folder", &format!("{histories}/*.jsonl")]));
    }
    let report = format!("{out}/report.json");
    let told = ordinal(&["judge", &report]).ends_with(2);
    let told = told.complains_of(&["report.json is no history", "`histories`"]);
    assert!(!told.err.contains("damaged"), "{}", told.err);
    // Beside others it is not counted, and not passed over either.
    let history = history.to_str().expect("a path");
    let told = ordinal(&["judge", history, &report, "--rule", "SS-ORD-03"]).ends_with(3);
    drop(told.complains_of(&["report.json is no history"]));
}

#[test]
fn histories_that_are_not_one_run_are_refused() {
    let (_folder, one) = history("reference");
    let (_other_folder, other) = history("mutant:M-001");
    let [one, other] = [&one, &other].map(|path| path.to_str().expect("a path"));
    let told = ordinal(&["judge", one, other]).ends_with(2);
    drop(told.complains_of(&[one, "candidate reference", "candidate mutant:M-001"]));
    let told = ordinal(&["judge", one, one]).ends_with(2);
    drop(told.complains_of(&["the same history", "give it once"]));
}
