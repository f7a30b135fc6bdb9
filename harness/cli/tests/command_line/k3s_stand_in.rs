//! k3s in a container as a user has it: started, certified on, ended in every way, removed.
//!
//! Where no registry answers there is no k3s. In its place is a stand-in that is never reported as k3s: the engine's example
//! `k3s_stand_in`, which `cargo test --workspace` builds, in an image of its own. Where this host has the image of k3s itself,
//! what makes sense there is tried on that as well. Where no Docker engine answers, every test says so and ends.

mod choice;
mod endings;
mod image;
mod images;

use crate::told::{Told, binary};
use image::{Image, docker, images, stand_in};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// A run on an image, with its folder.
struct Certify {
    folder: TempDir,
    command: Command,
}

impl Certify {
    fn on(image: &Image) -> Certify {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = binary();
        command
            .args(["certify", "--cluster", "k3s"])
            .args(image.options())
            .arg("--out")
            .arg(folder.path());
        Certify { folder, command }
    }

    fn with(mut self, arguments: &[&str]) -> Certify {
        self.command.args(arguments);
        self
    }

    fn done(&mut self) -> Told {
        Told::of(self.command.output().expect("ordinal starts"))
    }

    #[track_caller]
    fn has_left_nothing(&self) {
        assert_nothing_is_left(&run_in(self.folder.path()).expect("the log of k3s is kept"));
    }
}

/// The id of the run that keeps its files there, as the name of the log of k3s tells it.
fn run_in(folder: &Path) -> Option<String> {
    let names = fs::read_dir(folder).expect("the folder").flatten();
    names
        .filter_map(|entry| entry.file_name().into_string().ok())
        .find_map(|name| {
            Some(
                name.strip_prefix("ordinal-k3s-")?
                    .strip_suffix(".log")?
                    .to_owned(),
            )
        })
}

fn log_in(folder: &Path, run: &str) -> String {
    fs::read_to_string(folder.join(format!("ordinal-k3s-{run}.log"))).expect("the log of k3s")
}

/// Containers and networks of a run.
fn left(run: &str) -> (String, String) {
    let label = format!("label=ordinal.run={run}");
    let name = format!("name=ordinal-{run}");
    let listed = |arguments: &[&str]| docker(arguments).expect("the engine answers");
    (
        listed(&["ps", "--all", "--quiet", "--filter", &label]),
        listed(&["network", "ls", "--quiet", "--filter", &name]),
    )
}

#[track_caller]
fn assert_nothing_is_left(run: &str) {
    assert_eq!(left(run), (String::new(), String::new()), "left by run {run}");
}

#[test]
fn a_candidate_is_certified_in_a_container_and_nothing_of_it_is_left() {
    for image in images() {
        let rules = ["DN-02", "SS-PVC-05", "SS-ORD-02", "SS-ST-09"].map(|rule| ["--rule", rule]);
        let scenarios = ["--scenario", "log-persistence", "--scenario", "dns"];
        let mut certify = Certify::on(&image)
            .with(&rules.concat())
            .with(&scenarios)
            .with(&["--output", "json"]);
        let told = certify.done().ends_with(0);
        let report = told.json();
        // Never k3s by name, if it is none, and every write with its author.
        let name = report["cluster"]["name"].as_str().expect("a name");
        assert_eq!(name.starts_with("k3s stand-in"), image.is_stand_in(), "{name}");
        assert_eq!(report["cluster"]["evidence"], "A");
        for rule in report["rules"].as_array().expect("rules") {
            assert_eq!(rule["verdict"], "conformant", "{rule}");
        }
        for scenario in report["scenarios"].as_array().expect("scenarios") {
            assert_eq!(scenario["outcome"], "completed", "{scenario}");
        }
        let folder = certify.folder.path();
        both_views_of_the_dns_are_recorded(&folder.join("histories"));
        let run = run_in(folder).expect("the log of k3s is kept");
        if image.is_stand_in() {
            assert!(
                log_in(folder, &run).contains("Imported images"),
                "the workload is not imported"
            );
        }
        assert_nothing_is_left(&run);
    }
}

/// As applications see it, and past the cache: as often.
fn both_views_of_the_dns_are_recorded(histories: &Path) {
    let history = fs::read_to_string(histories.join("dns.jsonl")).expect("the history");
    let answers: Vec<serde_json::Value> = history
        .lines()
        .map(|line| serde_json::from_str(line).expect("an event"))
        .filter(|event: &serde_json::Value| event["source"] == "dns")
        .collect();
    let uncached = answers
        .iter()
        .filter(|answer| answer["object"]["uncached"] == true)
        .count();
    assert!(
        uncached > 0 && uncached * 2 == answers.len(),
        "{uncached} of {}",
        answers.len()
    );
}

#[test]
fn a_broken_controller_is_caught_in_a_container() {
    for image in images() {
        let mutant = [
            "--candidate",
            "mutant:M-001",
            "--scenario",
            "create-ordered",
            "--rule",
            "SS-ORD-03",
        ];
        let mut certify = Certify::on(&image).with(&mutant);
        let told = certify.done().ends_with(1);
        assert!(told.out.contains("SS-ORD-03 violated"), "{}", told.out);
        certify.has_left_nothing();
    }
}

#[test]
fn the_agent_of_two_nodes_is_lost_and_the_only_one_is_not() {
    for image in images() {
        let of_nodes = [
            "--scenario",
            "node-falls-silent",
            "--scenario",
            "node-out-of-service",
            "--rule",
            "SS-REP-07",
            "--output",
            "json",
        ];
        let mut certify = Certify::on(&image).with(&of_nodes).with(&["--nodes", "2"]);
        let report = certify.done().ends_with(0).json();
        for scenario in report["scenarios"].as_array().expect("scenarios") {
            assert_eq!(scenario["outcome"], "completed", "{scenario}");
        }
        assert_eq!(report["rules"][0]["verdict"], "conformant", "{}", report["rules"]);
        assert_eq!(report["rules"][0]["opportunities"], 2, "{}", report["rules"]);
        certify.has_left_nothing();
        let report = Certify::on(&image).with(&of_nodes).done().json();
        let skipped = |name: &str| {
            let scenarios = report["scenarios"].as_array().expect("scenarios");
            let scenario = scenarios.iter().find(|scenario| scenario["name"] == name);
            scenario.expect("it is told")["reason"].to_string()
        };
        let reason = skipped("node-falls-silent");
        assert!(reason.contains("--nodes 2"), "{reason}");
    }
}

#[test]
fn several_releases_are_certified_one_after_the_other() {
    let Some(image) = stand_in() else { return };
    let one_rule = ["--scenario", "create-ordered", "--rule", "SS-ORD-02"];
    let mut certify = Certify::on(&image)
        .with(&one_rule)
        .with(&["--k3s-version", "v0-absent"]);
    // One is certified, the other cannot be had, and that is worse.
    let told = certify.done().ends_with(3);
    let line = |name: &str| {
        let line = told
            .out
            .lines()
            .rfind(|line| line.starts_with(&format!("k3s {name}")));
        line.unwrap_or_default().to_owned()
    };
    assert!(line(image.tag()).contains(" certified "), "{}", told.out);
    assert!(line("v0-absent").contains("no report"), "{}", told.out);
    let report: PathBuf = certify
        .folder
        .path()
        .join(format!("k3s-{}", image.tag()))
        .join("report.json");
    assert!(report.is_file(), "{}", report.display());
}
