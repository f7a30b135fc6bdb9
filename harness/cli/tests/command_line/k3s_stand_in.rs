//! k3s in a container as a user has it: started, certified on, ended in every way, removed.
//!
//! Where no registry answers there is no k3s. In its place is a stand-in that is never reported as k3s: the engine's example
//! `k3s_stand_in`, which `cargo test --workspace` builds, in an image of its own. Where no Docker engine answers, every test
//! says so and ends.

mod endings;

use crate::told::{Told, binary};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tempfile::TempDir;

const NAME: &str = "ordinal-k3s-stand-in";

/// The image, in this host's engine. It is removed when the last test that has it ends.
struct StandIn {
    tag: String,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        docker(&["image", "rm", "--force", &format!("{NAME}:{}", self.tag)]);
    }
}

/// What `docker` prints; nothing if there is no engine.
fn docker(arguments: &[&str]) -> Option<String> {
    let done = Command::new("docker").args(arguments).output().ok()?;
    let said = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    done.status.success().then_some(said)
}

fn stand_in() -> Option<Arc<StandIn>> {
    static SHARED: Mutex<Weak<StandIn>> = Mutex::new(Weak::new());
    if docker(&["version", "--format", "{{.Server.Version}}"]).is_none() {
        println!("skipped: no Docker engine answers, or there is no command `docker`");
        return None;
    }
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(image) = shared.upgrade() {
        return Some(image);
    }
    let image = Arc::new(StandIn {
        tag: format!("command-line-{}", std::process::id()),
    });
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("image.tar");
    write_image(&archive, &image.tag);
    let loaded = docker(&["load", "--input", archive.to_str().expect("a path")]);
    assert!(loaded.is_some(), "the engine does not load the stand-in");
    *shared = Arc::downgrade(&image);
    Some(image)
}

fn write_image(archive: &Path, tag: &str) {
    let example = Path::new(env!("CARGO_BIN_EXE_ordinal")).with_file_name("examples/k3s_stand_in");
    let mut write = Command::new(&example);
    write
        .arg("--write-image")
        .arg(archive)
        .arg(format!("{NAME}:{tag}"));
    let written = write.status();
    assert!(
        written.is_ok_and(|status| status.success()),
        "{} writes no image; `cargo test --workspace` builds it",
        example.display()
    );
}

/// A run on the stand-in, with its folder.
struct Certify {
    folder: TempDir,
    command: Command,
}

impl Certify {
    fn on(image: &StandIn) -> Certify {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = binary();
        command
            .args(["certify", "--cluster", "k3s", "--k3s-unprivileged"])
            .args(["--k3s-image", NAME, "--k3s-version", &image.tag])
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
    let Some(image) = stand_in() else { return };
    let rules = [
        "--rule",
        "DN-02",
        "--rule",
        "SS-PVC-05",
        "--rule",
        "SS-ORD-02",
        "--rule",
        "SS-ST-09",
    ];
    let scenarios = ["--scenario", "log-persistence", "--scenario", "dns"];
    let mut certify = Certify::on(&image)
        .with(&rules)
        .with(&scenarios)
        .with(&["--output", "json"]);
    let told = certify.done().ends_with(0);
    let report = told.json();
    // Never k3s by name, and every write with its author.
    let name = report["cluster"]["name"].as_str().expect("a name");
    assert!(name.starts_with("k3s stand-in"), "{name}");
    assert_eq!(report["cluster"]["evidence"], "A");
    for rule in report["rules"].as_array().expect("rules") {
        assert_eq!(rule["verdict"], "conformant", "{rule}");
    }
    for scenario in report["scenarios"].as_array().expect("scenarios") {
        assert_eq!(scenario["outcome"], "completed", "{scenario}");
    }
    let folder = certify.folder.path();
    let run = run_in(folder).expect("the log of k3s is kept");
    assert!(
        log_in(folder, &run).contains("Imported images"),
        "the workload is not imported"
    );
    assert_nothing_is_left(&run);
}

#[test]
fn a_broken_controller_is_caught_in_a_container() {
    let Some(image) = stand_in() else { return };
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

#[test]
fn the_agent_of_two_nodes_is_lost_and_the_only_one_is_not() {
    let Some(image) = stand_in() else { return };
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
    assert!(line(&image.tag).contains(" certified "), "{}", told.out);
    assert!(line("v0-absent").contains("no report"), "{}", told.out);
    let report: PathBuf = certify
        .folder
        .path()
        .join(format!("k3s-{}", image.tag))
        .join("report.json");
    assert!(report.is_file(), "{}", report.display());
}

#[test]
fn an_image_is_saved_and_loaded() {
    let Some(image) = stand_in() else { return };
    let own = StandIn {
        tag: format!("{}-saved", image.tag),
    };
    let (shared, reference) = (format!("{NAME}:{}", image.tag), format!("{NAME}:{}", own.tag));
    docker(&["tag", &shared, &reference]).expect("tagged");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("k3s.tar");
    let file = file.to_str().expect("a path");
    let images = |arguments: &[&str]| {
        let mut command = binary();
        command.arg("images").args(arguments);
        Told::of(command.output().expect("ordinal starts"))
    };
    let of = ["--k3s-image", NAME, "--k3s-version", &own.tag];
    drop(images(&[&["save", file], &of[..]].concat()).ends_with(0));
    docker(&["image", "rm", &reference]).expect("removed");
    drop(images(&["load", file]).ends_with(0));
    assert!(
        docker(&["image", "inspect", &reference]).is_some(),
        "it is not loaded"
    );
    drop(
        images(&["load", "/nowhere/k3s.tar"])
            .ends_with(3)
            .complains_of(&["/nowhere/k3s.tar"]),
    );
    let absent = ["--k3s-image", "ordinal.invalid/k3s", "--k3s-version", "v0"];
    let told = images(&[&["save", file], &absent[..]].concat()).ends_with(3);
    drop(told.complains_of(&["pull ordinal.invalid/k3s:v0"]));
}

#[test]
fn the_image_comes_from_an_archive() {
    let Some(image) = stand_in() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("k3s.tar");
    let tag = format!("{}-archive", image.tag);
    write_image(&archive, &tag);
    let own = StandIn { tag };
    let one_rule = ["--scenario", "create-ordered", "--rule", "SS-ORD-02"];
    let absent = Certify::on(&own).with(&one_rule).done().ends_with(3);
    drop(absent.complains_of(&["--k3s-image-archive"]));
    let archive = ["--k3s-image-archive", archive.to_str().expect("a path")];
    let told = Certify::on(&own).with(&one_rule).with(&archive).done();
    drop(told.ends_with(0));
}
