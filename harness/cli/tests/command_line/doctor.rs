//! `ordinal doctor --cluster kubeconfig`, on a cluster in another process. What it says of a host is in `k3s.rs`.

use crate::{
    kubeconfig::{namespaces, without_default_class},
    process::Process,
    rights::grant,
    told::{Told, binary, ordinal},
    up::{Up, up},
};
use nix::sys::signal::Signal;
use std::{path::Path, process::Stdio};

const IMAGE: [&str; 2] = ["--workload-image", "workload:1"];

fn arguments(kubeconfig: &Path, more: &[&str]) -> Vec<String> {
    let cluster = format!("--cluster=kubeconfig={}", kubeconfig.display());
    let arguments = ["doctor", &cluster];
    arguments.iter().chain(more).map(ToString::to_string).collect()
}

fn doctor(kubeconfig: &Path, more: &[&str]) -> Told {
    let arguments = arguments(kubeconfig, more);
    ordinal(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The line about `what`.
fn line<'a>(told: &'a Told, what: &str) -> &'a str {
    let about = |line: &&str| line.get(9..).is_some_and(|rest| rest.starts_with(what));
    told.out
        .lines()
        .find(about)
        .unwrap_or_else(|| panic!("nothing of {what}: {} {}", told.out, told.err))
}

fn is_left_as_it_was(up: &Up) {
    assert_eq!(namespaces(up), [""; 0]);
}

#[test]
fn a_good_cluster_is_found_good() {
    let up = up(&[]);
    let told = doctor(&up.kubeconfig, &IMAGE).ends_with(0);
    for what in [
        "API server",
        "rights",
        "nodes",
        "storage class",
        "workload image",
        "cluster DNS",
        "StatefulSets",
    ] {
        assert!(line(&told, what).starts_with("ok "), "{}", told.out);
    }
    assert!(line(&told, "nodes").contains("3 of 3"), "{}", told.out);
    assert!(
        line(&told, "StatefulSets").contains("--candidate built-in"),
        "{}",
        told.out
    );
    assert!(told.out.contains("costs node-"), "{}", told.out);
    assert!(
        told.out.ends_with("a run can take place on this cluster\n"),
        "{}",
        told.out
    );
    is_left_as_it_was(&up);
}

#[test]
fn what_is_missing_is_told_with_the_scenarios_that_it_costs() {
    let up = up(&["--without", "statefulset"]);
    without_default_class(&up);
    let told = doctor(&up.kubeconfig, &[]).ends_with(0);
    assert!(
        line(&told, "StatefulSets").contains("your candidate"),
        "{}",
        told.out
    );
    for (what, remedy, scenario) in [
        ("storage class", "is-default-class", "two-claims"),
        ("workload image", "--workload-image", "log-persistence"),
    ] {
        let found = line(&told, what);
        assert!(found.starts_with("warning") && found.contains(remedy), "{found}");
        let after = told.out.split(found).nth(1).and_then(|rest| rest.lines().nth(1));
        assert!(
            after.is_some_and(|costs| costs.contains(scenario)),
            "{}",
            told.out
        );
    }
    is_left_as_it_was(&up);
}

#[test]
fn what_makes_a_run_impossible_is_told_and_ends_with_3() {
    let up = up(&[]);
    let told = doctor(&up.kubeconfig, &["--workload-image", "no-such-image:1"]).ends_with(3);
    assert!(
        line(&told, "workload image").contains("no-such-image:1"),
        "{}",
        told.out
    );
    assert!(
        line(&told, "StatefulSets").starts_with("ok "),
        "the rest is looked at: {}",
        told.out
    );
    is_left_as_it_was(&up);
    let restricted = grant(&up, &["ClusterRoleBinding"]);
    let told = doctor(restricted.path(), &[]).ends_with(3);
    let rights = line(&told, "rights");
    assert!(
        rights.contains("statefulsets.apps") && rights.contains("ordinal rbac"),
        "{rights}"
    );
    let told = doctor(&up.kubeconfig, &["--context", "moon"]).ends_with(3);
    assert!(line(&told, "kubeconfig").contains("moon"), "{}", told.out);
    let told = doctor(Path::new("/nowhere/config"), &[]).ends_with(3);
    assert!(told.out.contains("/nowhere/config"), "{}", told.out);
}

#[test]
fn a_cluster_without_nodes_and_one_that_is_gone_are_told() {
    let mut up = up(&["--no-controllers"]);
    let told = doctor(&up.kubeconfig, &[]).ends_with(3);
    assert!(line(&told, "nodes").starts_with("missing"), "{}", told.out);
    up.child.kill().expect("ended");
    let _ = up.child.wait();
    let told = doctor(&up.kubeconfig, &[]).ends_with(3);
    assert!(line(&told, "API server").contains("version"), "{}", told.out);
}

#[test]
fn a_doctor_who_is_sent_away_leaves_nothing() {
    let up = up(&[]);
    let mut looking = Process::start(
        binary()
            .args(arguments(&up.kubeconfig, &["-v"]))
            .stdout(Stdio::piped()),
    );
    looking.hears("looking whether anybody serves sets");
    looking.is_sent(Signal::SIGINT);
    let (code, told) = looking.ends();
    assert_eq!(code, Some(130), "{told}");
    is_left_as_it_was(&up);
}

#[test]
fn options_that_say_nothing_to_the_patient_are_refused() {
    for (arguments, wanted) in [
        (&["doctor", "--context", "moon"][..], "--cluster kubeconfig"),
        (
            &["doctor", "--cluster", "kubeconfig", "--k3s-version", "v1"],
            "--cluster k3s",
        ),
        (&["doctor", "--cluster", "moon"], "kubeconfig=FILE"),
    ] {
        drop(ordinal(arguments).ends_with(2).complains_of(&[wanted]));
    }
    drop(ordinal(&["doctor", "--cluster", "embedded"]).ends_with(0));
}
