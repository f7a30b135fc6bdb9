//! `ordinal certify`.

use crate::told::{Told, binary, ordinal};
use serde_json::{Value, json};
use std::fs;

/// One scenario, one rule, virtual time.
const QUICK: [&str; 7] = [
    "certify",
    "--time",
    "virtual",
    "--scenario",
    "create-ordered",
    "--rule",
    "SS-ORD-03",
];

fn quick(more: &[&str]) -> Vec<String> {
    QUICK
        .iter()
        .chain(more)
        .map(|argument| (*argument).to_owned())
        .collect()
}

fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().expect("a list").iter()
}

fn run(more: &[&str]) -> crate::told::Told {
    let arguments = quick(more);
    ordinal(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn the_reference_is_certified_and_the_json_report_stands_alone() {
    let told = run(&["--output", "json"]).ends_with(0);
    let report = told.json();
    assert_eq!(report["certified"], true);
    assert_eq!(report["candidate"]["name"], "reference");
    assert_eq!(report["cluster"]["name"], "embedded");
    let rules = report["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), 1);
    for field in ["id", "level", "verdict", "opportunities", "violations"] {
        assert!(rules[0].get(field).is_some(), "{field}");
    }
    let scenarios = report["scenarios"].as_array().expect("scenarios");
    assert_eq!(scenarios[0]["name"], "create-ordered");
    assert_eq!(scenarios[0]["outcome"], "completed");
    assert!(scenarios[0]["seconds"].is_number());
    assert!(
        told.err.contains("create-ordered"),
        "progress goes to stderr: {}",
        told.err
    );
}

#[test]
fn the_embedded_cluster_has_as_many_nodes_as_are_asked_for() {
    for nodes in [1, 5] {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().to_str().expect("a path");
        let asked = [
            "--cluster",
            "embedded",
            "--nodes",
            &nodes.to_string(),
            "--out",
            out,
        ];
        let told = run(&[&asked[..], &["--output", "json"]].concat()).ends_with(0);
        let capabilities = &told.json()["cluster"]["capabilities"];
        let several = rows(capabilities).any(|can| can == "several nodes");
        assert_eq!(several, nodes > 1, "{capabilities}");
        let history = fs::read_to_string(folder.path().join("histories/create-ordered.jsonl"));
        let history = history.expect("the history");
        let events = history
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("an event"));
        let there = events.filter(|event| event["resource"] == "nodes" && event["type"] == "INITIAL");
        assert_eq!(there.count(), nodes);
    }
}

#[test]
fn people_get_a_table_and_a_last_line() {
    let told = run(&[]).ends_with(0);
    assert!(
        told.out.contains("SS-ORD-03") && told.out.contains("conformant"),
        "{}",
        told.out
    );
    assert!(
        told.out
            .trim_end()
            .lines()
            .last()
            .expect("a line")
            .starts_with("certified: 1 rule kept")
    );
}

#[test]
fn a_broken_controller_is_told_with_the_events_that_prove_it() {
    let told = run(&["--candidate", "mutant:M-001"]).ends_with(1);
    assert!(told.out.contains("SS-ORD-03 violated"), "{}", told.out);
    assert!(told.out.contains("Running but not Ready"), "{}", told.out);
    assert!(told.out.contains("ADDED"), "{}", told.out);
    assert!(told.out.contains("NOT certified"), "{}", told.out);
}

#[test]
fn profiles_and_patterns_choose_the_rules() {
    let count = |arguments: &[&str]| {
        let mut all = vec![
            "certify",
            "--time",
            "virtual",
            "--scenario",
            "create-ordered",
            "--output",
            "json",
        ];
        all.extend(arguments);
        ordinal(&all).json()["rules"].as_array().expect("rules").len()
    };
    let (everything, ordering, two) = (
        count(&[]),
        count(&["--profile", "ordering"]),
        count(&["--profile", "ordering,identity"]),
    );
    assert!(
        ordering < two && two < everything,
        "{ordering} {two} {everything}"
    );
    assert_eq!(count(&["--rule", "ss-ord-0?", "--rule", "SS-ID-01"]), 10);
}

#[test]
fn a_profile_runs_the_scenarios_that_were_written_for_it() {
    let report = ordinal(&[
        "certify",
        "--time",
        "virtual",
        "--profile",
        "persistence",
        "--output",
        "json",
    ])
    .ends_with(0)
    .json();
    let ran: Vec<&Value> = rows(&report["scenarios"])
        .map(|scenario| &scenario["name"])
        .collect();
    let listed = ordinal(&["list", "profiles", "--output", "json"])
        .ends_with(0)
        .json();
    let persistence = rows(&listed)
        .find(|profile| profile["name"] == "persistence")
        .expect("persistence");
    assert_eq!(ran, rows(&persistence["scenarios"]).collect::<Vec<_>>());
    assert!(ran.contains(&&json!("log-persistence")), "{ran:?}");
}

#[test]
fn out_keeps_the_report_and_a_history_that_judges_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("deep/er");
    let told = run(&["--output", "json", "--out", out.to_str().expect("a path")]).ends_with(0);
    let written = fs::read_to_string(out.join("report.json")).expect("the report");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&written).expect("JSON"),
        told.json()
    );
    let history = out.join("histories/create-ordered.jsonl");
    let again = ordinal(&[
        "judge",
        history.to_str().expect("a path"),
        "--rule",
        "SS-ORD-03",
        "--output",
        "json",
    ]);
    let (again, told) = (again.ends_with(0).json(), told.json());
    assert_eq!(again["rules"], told["rules"]);
    for of_cluster in ["name", "version", "time", "seed", "evidence"] {
        assert_eq!(
            again["cluster"][of_cluster], told["cluster"][of_cluster],
            "{of_cluster}"
        );
    }
}

#[test]
fn the_log_of_a_node_is_of_an_earlier_run_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("a path");
    let log = folder.path().join("ordinal-k3s-abcd.log");
    fs::write(&log, "Starting k3s").expect("a file");
    drop(
        run(&["--out", out])
            .ends_with(2)
            .complains_of(&["ordinal-k3s-abcd.log"]),
    );
    drop(run(&["--out", out, "--overwrite"]).ends_with(0));
    assert!(!log.exists());
}

#[test]
fn two_runs_never_mix_in_one_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("a path");
    let notes = folder.path().join("notes.txt");
    fs::write(&notes, "mine").expect("a file");
    drop(run(&["--out", out]).ends_with(0));
    let report = || fs::read(folder.path().join("report.json")).expect("the report");
    let first = report();

    let told = run(&["--out", out, "--candidate", "mutant:M-001"]).ends_with(2);
    drop(told.complains_of(&[out, "earlier run", "--out", "--overwrite"]));
    assert_eq!(report(), first, "the earlier report was touched");

    let stale = folder.path().join("histories/of-another-scenario.jsonl");
    fs::write(&stale, "{}").expect("a file");
    drop(run(&["--out", out, "--candidate", "mutant:M-001", "--overwrite"]).ends_with(1));
    assert_ne!(report(), first);
    assert!(!stale.exists(), "a history of the earlier run is left");
    assert!(notes.exists(), "what no run wrote was removed");

    // An interrupted run leaves histories without a report.
    fs::remove_file(folder.path().join("report.json")).expect("removed");
    drop(
        run(&["--out", out])
            .ends_with(2)
            .complains_of(&["create-ordered.jsonl"]),
    );
    drop(run(&["--overwrite"]).ends_with(2).complains_of(&["--out"]));
}

#[test]
fn a_variable_that_is_empty_says_nothing() {
    let mut certify = binary();
    certify.args(quick(&["--output", "json"]));
    for variable in [
        "CLUSTER",
        "CONTEXT",
        "WORKLOAD_IMAGE",
        "CANDIDATE",
        "K3S_VERSION",
        "K3S_IMAGE",
    ] {
        certify.env(format!("ORDINAL_{variable}"), "");
    }
    certify
        .env("ORDINAL_K3S_REGISTRIES", "")
        .env("ORDINAL_K3S_UNPRIVILEGED", "");
    let told = Told::of(certify.output().expect("ordinal starts")).ends_with(0);
    assert_eq!(told.json()["candidate"]["name"], "reference");
}

#[test]
fn a_variable_that_contradicts_an_option_is_named() {
    let mut certify = binary();
    certify
        .args(["certify", "--cluster", "embedded"])
        .env("ORDINAL_CONTEXT", "x");
    let told = Told::of(certify.output().expect("ordinal starts")).ends_with(2);
    drop(told.complains_of(&["--context (ORDINAL_CONTEXT is set)", "embedded"]));
}

#[test]
fn a_broken_name_server_is_not_taken_for_a_controller() {
    for wrong in [
        &["certify", "--candidate", "mutant:D-001"][..],
        &["controller", "--mutant", "D-001"],
        &["controller", "--mutant", "first-member-only"],
    ] {
        let told = ordinal(wrong).ends_with(2);
        drop(told.complains_of(&["broken name server", "ordinal mutants D-001"]));
    }
}

#[test]
fn a_seed_is_for_virtual_time() {
    let told = ordinal(&["certify", "--seed", "7", "--scenario", "create-ordered"]).ends_with(2);
    drop(told.complains_of(&["--seed", "--time virtual"]));
}

#[test]
fn the_same_seed_gives_the_same_history_byte_for_byte() {
    let history = |seed: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        run(&["--seed", seed, "--out", folder.path().to_str().expect("a path")]).ends_with(0);
        fs::read(folder.path().join("histories/create-ordered.jsonl")).expect("the history")
    };
    let (first, again, other) = (history("7"), history("7"), history("8"));
    assert!(first == again, "two runs with one seed differ");
    assert!(first != other, "the seed changes nothing");
}

#[test]
fn time_is_real_unless_told_otherwise() {
    let real = ordinal(&[
        "certify",
        "--scenario",
        "delete-one-pod",
        "--rule",
        "SS-REP-01",
        "--output",
        "json",
    ]);
    assert_eq!(real.ends_with(0).json()["cluster"]["time"], "real");
    assert_eq!(run(&["--output", "json"]).json()["cluster"]["time"], "virtual");
}

#[test]
fn one_job_at_a_time_keeps_the_order() {
    let told = ordinal(&[
        "certify",
        "--time",
        "virtual",
        "--jobs",
        "1",
        "--rule",
        "SS-ID-01",
        "--scenario",
        "delete-*",
    ]);
    let told = told.ends_with(0);
    let listed = ordinal(&["list", "scenarios"]).out;
    let place = |name: &str| {
        listed
            .lines()
            .position(|line| line.starts_with(&format!("{name} ")))
    };
    let finished: Vec<Option<usize>> = told
        .err
        .lines()
        .filter(|line| line.contains(" events "))
        .map(|line| place(line.split_whitespace().next().unwrap_or_default()))
        .collect();
    assert!(
        finished.len() > 2 && finished.iter().all(Option::is_some),
        "{}",
        told.err
    );
    assert!(finished.is_sorted(), "{}", told.err);
}

#[test]
fn mistakes_are_named_with_what_to_do() {
    let wrong = |arguments: &[&str], words: &[&str]| {
        drop(ordinal(arguments).ends_with(2).complains_of(words));
    };
    wrong(
        &["certify", "--rule", "SS-XYZ"],
        &["SS-XYZ", "ordinal list rules"],
    );
    wrong(
        &["certify", "--scenario", "nowhere-*"],
        &["nowhere-*", "ordinal list scenarios"],
    );
    wrong(&["certify", "--profile", "speed"], &["speed", "ordering"]);
    wrong(&["certify", "--cluster", "moon"], &["moon", "embedded"]);
    wrong(&["certify", "--jobs", "0"], &["0 jobs"]);
    wrong(&["certify", "--jbos", "3"], &["--jbos"]);
    wrong(&["certify", "--candidate", "nobody"], &["nobody", "reference"]);
    wrong(
        &["certify", "--candidate", "mutant:M-999"],
        &["M-999", "ordinal list mutants"],
    );
    let file = tempfile::NamedTempFile::new().expect("a file");
    let below = file.path().join("out");
    wrong(
        &["certify", "--out", below.to_str().expect("a path")],
        &["--out", below.to_str().expect("a path")],
    );
}
