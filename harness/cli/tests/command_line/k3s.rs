//! What the command says of k3s where there is none. That it starts and ends is tested with the provider itself.

use crate::{
    fake_engine::{FakeEngine, REFUSAL},
    skipped::skipped,
    told::{Told, binary, ordinal},
};
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

/// With a Docker engine that is not there.
fn without_docker(arguments: &[&str]) -> Told {
    let mut command = binary();
    command
        .args(arguments)
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    Told::of(command.output().expect("ordinal starts"))
}

#[test]
fn without_an_engine_everything_says_so() {
    let wrong = |arguments: &[&str]| without_docker(arguments).ends_with(3);
    drop(wrong(&["certify", "--cluster", "k3s"]).complains_of(&["k3s cluster", "no Docker engine answers"]));
    drop(wrong(&["sweep"]).complains_of(&["no Docker engine answers"]));
    let told = wrong(&["doctor", "--cluster", "k3s"]);
    assert!(
        told.out.contains("Docker engine") && told.out.contains("--cluster embedded"),
        "{}",
        told.out
    );
}

#[test]
fn release_image_and_archive_are_as_asked_for() {
    let asked = |more: &[&str]| ordinal(&[&["certify", "--cluster", "k3s"], more].concat()).ends_with(3);
    if asked(&["--k3s-image", "ordinal.invalid/k3s"])
        .err
        .contains("no Docker engine answers")
    {
        skipped("no Docker engine answers");
        return;
    }
    let image = ["--k3s-image", "ordinal.invalid/k3s"];
    let told = asked(&[&image[..], &["--k3s-version", "v9.9.9+k3s1"]].concat());
    drop(told.complains_of(&["ordinal.invalid/k3s:v9.9.9-k3s1", "--k3s-image-archive"]));
}

#[test]
fn a_file_that_is_not_there_is_refused_before_anything_starts() {
    for option in ["--k3s-image-archive", "--k3s-import", "--k3s-registries"] {
        let told = ordinal(&["certify", "--cluster", "k3s", option, "/nowhere/file"]).ends_with(2);
        drop(told.complains_of(&[option, "/nowhere/file", "cannot be read", "a file that is there"]));
    }
    let told = ordinal(&["images", "load", "/nowhere/k3s.tar"]).ends_with(2);
    drop(told.complains_of(&["/nowhere/k3s.tar", "cannot be read"]));
    for writes in ["workload", "save"] {
        let told = ordinal(&["images", writes, "/nowhere/x.tar"]).ends_with(2);
        drop(told.complains_of(&["/nowhere", "another path"]));
    }
}

#[test]
fn options_of_another_cluster_are_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let file = file.path().to_str().expect("a path");
    for option in [
        &["--k3s-version", "x"][..],
        &["--k3s-image", "x"],
        &["--k3s-image-archive", file],
        &["--k3s-import", file],
        &["--k3s-registries", file],
        &["--k3s-unprivileged"],
    ] {
        let told = ordinal(&[&["certify"], option].concat()).ends_with(2);
        drop(told.complains_of(&[option[0], "--cluster k3s"]));
    }
    for cluster in ["k3s", "auto"] {
        let told = ordinal(&["certify", "--cluster", cluster, "--context", "x"]).ends_with(2);
        drop(told.complains_of(&["--context", "--cluster kubeconfig"]));
    }
    let nodes = ["certify", "--cluster", "kubeconfig", "--nodes"];
    drop(
        ordinal(&[&nodes[..], &["2"]].concat())
            .ends_with(2)
            .complains_of(&["--nodes", "kubeconfig"]),
    );
    drop(
        ordinal(&[&nodes[..], &["0"]].concat())
            .ends_with(2)
            .complains_of(&["--nodes", "1 to 1000"]),
    );
    let too_many = ["certify", "--cluster", "k3s", "--nodes", "17"];
    drop(ordinal(&too_many).ends_with(2).complains_of(&["--nodes", "16"]));
    let twice = ["--k3s-version", "v1.36.2+k3s1,v1.36.2-k3s1"];
    let told = ordinal(&[&["certify", "--cluster", "k3s"], &twice[..]].concat()).ends_with(2);
    drop(told.complains_of(&["twice"]));
}

/// Without a cluster that somebody named.
fn left_to_itself(arguments: &[&str], more: &[(&str, &str)]) -> Told {
    let mut command = binary();
    command.args(arguments).env_remove("ORDINAL_CLUSTER");
    command.envs(more.iter().copied());
    Told::of(command.output().expect("ordinal starts"))
}

const ONE_RULE: [&str; 5] = ["certify", "--scenario", "create-ordered", "--rule", "SS-ORD-01"];

#[test]
fn a_host_that_cannot_run_k3s_gets_the_embedded_cluster_and_is_told_why_first() {
    let no_engine = [("DOCKER_HOST", "unix:///nowhere/docker.sock")];
    let folder = tempfile::tempdir().expect("a folder");
    let out = ["--out", folder.path().to_str().expect("a path")];
    let told = left_to_itself(&[&ONE_RULE[..], &out].concat(), &no_engine).ends_with(0);
    let first = told.err.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("cluster embedded: k3s cannot be had"),
        "{}",
        told.err
    );
    assert!(first.contains("no Docker engine answers"), "{first}");
    assert!(told.out.contains("chosen     k3s cannot be had"), "{}", told.out);
    let report = std::fs::read_to_string(folder.path().join("report.json")).expect("the report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let cluster = &report["cluster"];
    assert_eq!(cluster["name"], "embedded");
    let because = cluster["chosen_because"].as_str().unwrap_or_default();
    assert!(because.contains("no Docker engine answers"), "{because}");
    // No cluster is looked for on behalf of a mistake.
    let told = left_to_itself(&["certify", "--rule", "SS-XYZ"], &no_engine).ends_with(2);
    assert!(!told.err.contains("cluster embedded"), "{}", told.err);
    // Whoever names the cluster knows why.
    let named = ordinal(&[&ONE_RULE[..], &["--time", "virtual", "--output", "json"]].concat()).ends_with(0);
    assert!(named.json()["cluster"].get("chosen_because").is_none());
}

#[test]
fn an_engine_that_is_silent_is_not_waited_for() {
    // It accepts, and says nothing.
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("docker.sock");
    let _silent = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let engine = format!("unix://{}", socket.display());
    let started = std::time::Instant::now();
    let told = left_to_itself(&ONE_RULE, &[("DOCKER_HOST", &engine)]).ends_with(0);
    let first = told.err.lines().next().unwrap_or_default();
    assert!(first.starts_with("cluster embedded: "), "{}", told.err);
    assert!(
        started.elapsed() > std::time::Duration::from_secs(4),
        "it was not asked"
    );
}

#[test]
fn an_engine_that_makes_no_privileged_containers_is_not_trusted_with_k3s() {
    let engine = FakeEngine::start(true);
    let host = [("DOCKER_HOST", engine.url())];
    let host: Vec<(&str, &str)> = host.iter().map(|(name, url)| (*name, url.as_str())).collect();
    let doctor = |more: &[&str]| left_to_itself(&[&["doctor"], more].concat(), &host);
    let told = doctor(&[]).ends_with(3);
    let line = told.out.lines().find(|line| line.contains("privileges"));
    let line = line.unwrap_or_default();
    assert!(
        line.starts_with("missing") && line.contains(REFUSAL),
        "{}",
        told.out
    );
    assert!(line.contains("--k3s-unprivileged"), "{line}");
    drop(doctor(&["--k3s-unprivileged"]).ends_with(0));
    let told = left_to_itself(&ONE_RULE, &host).ends_with(0);
    let first = told.err.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("cluster embedded: k3s cannot be had: privileges"),
        "{first}"
    );
    assert!(first.contains(REFUSAL), "{first}");
}

#[test]
fn an_engine_that_makes_privileged_containers_is_left_with_none() {
    let engine = FakeEngine::start(false);
    let url = engine.url();
    let told = left_to_itself(&["doctor"], &[("DOCKER_HOST", &url)]).ends_with(0);
    assert!(told.out.contains("k3s can run here"), "{}", told.out);
    let container = engine.container();
    assert!(engine.was_asked("POST", "create"));
    assert!(engine.was_asked("DELETE", container));
    assert!(
        !engine.was_asked("POST", &format!("{container}/start")),
        "nothing is started for a look"
    );
}

#[test]
fn options_that_only_one_cluster_understands_choose_it() {
    let told = left_to_itself(&[&ONE_RULE[..], &["--time", "virtual"]].concat(), &[]).ends_with(0);
    assert!(
        told.err
            .starts_with("cluster embedded: only here time can be virtual\n"),
        "{}",
        told.err
    );
    let no_engine = [("DOCKER_HOST", "unix:///nowhere/docker.sock")];
    let wanted = [&ONE_RULE[..], &["--k3s-version", "v1.36.2+k3s1"]].concat();
    let told = left_to_itself(&wanted, &no_engine).ends_with(3);
    drop(told.complains_of(&[
        "cluster k3s v1.36.2-k3s1: --k3s-version asks for it",
        "no Docker engine answers",
    ]));
}

#[test]
fn several_releases_end_with_a_table_and_the_worst_exit_code() {
    let no_engine = [("DOCKER_HOST", "unix:///nowhere/docker.sock")];
    let releases = ["--k3s-version", "v1.36.2+k3s1", "--k3s-version", "v1.35.6+k3s1"];
    let told = left_to_itself(&[&ONE_RULE[..], &releases].concat(), &no_engine).ends_with(3);
    for release in ["v1.36.2-k3s1", "v1.35.6-k3s1"] {
        let line = told
            .out
            .lines()
            .find(|line| line.contains(release))
            .unwrap_or_default();
        assert!(
            line.contains("no report") && line.contains("no Docker engine"),
            "{}",
            told.out
        );
    }
}

#[test]
fn every_image_that_a_run_needs_is_named() {
    let told = ordinal(&[
        "images",
        "list",
        "--k3s-version",
        "v9.9.9+k3s1",
        "--output",
        "json",
    ])
    .ends_with(0);
    let listed = told.json();
    let listed = listed.as_array().expect("a list");
    let named = |image: &str| listed.iter().any(|one| one["image"] == image);
    for image in [
        "rancher/k3s:v9.9.9-k3s1",
        "ikubernetes/myapp:v1",
        "redis:7.2",
        "nginx:1.7.9",
    ] {
        assert!(named(image), "{image} is missing in: {}", told.out);
    }
    let told = ordinal(&["images", "list"]).ends_with(0);
    assert!(told.out.contains("rancher/k3s:v"), "{}", told.out);
}

#[test]
fn the_workload_is_written_as_an_archive() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("workload.tar");
    let file = file.to_str().expect("a path");
    let reference = "registry.example/workload:1";
    let told = ordinal(&["images", "workload", file, "--reference", reference]).ends_with(0);
    drop(told.complains_of(&[reference, file]));
    let bytes = std::fs::read(file).expect("the archive");
    assert!(String::from_utf8_lossy(&bytes).contains("\"RepoTags\":[\"registry.example/workload:1\"]"));
    let told = ordinal(&["images", "workload", file, "--reference", "BAD REF"]).ends_with(2);
    drop(told.complains_of(&["--reference", "NAME:TAG"]));
}

#[test]
fn the_command_is_the_workload_too() {
    let mut workload = binary()
        .args(["workload", "--port=18", "--pod-name", "web-3"])
        .env_remove("HOSTNAME")
        .stderr(Stdio::piped())
        .spawn()
        .expect("ordinal starts");
    let mut said = String::new();
    let stderr = workload.stderr.take().expect("stderr");
    BufReader::new(stderr).read_line(&mut said).expect("a line");
    // An ordinary user may not have the port, and is told so.
    assert!(said.contains("port 18"), "{said}");
    let _ = workload.kill();
    let _ = workload.wait();
    drop(
        ordinal(&["workload", "--port=x"])
            .ends_with(2)
            .complains_of(&["\"x\" is not a port"]),
    );
}
