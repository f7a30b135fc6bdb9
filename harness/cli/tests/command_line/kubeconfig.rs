//! `ordinal certify --cluster kubeconfig`, on a cluster in another process.

use crate::{
    process::Process,
    told::{Told, binary, ordinal},
    up::{Up, client, on_the_network, up},
};
use k8s_openapi::api::{core::v1::Namespace, storage::v1::StorageClass};
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use nix::sys::signal::Signal;
use std::process::Stdio;

const IMAGE: [&str; 2] = ["--workload-image", "workload:1"];

fn arguments(up: &Up, more: &[&str]) -> Vec<String> {
    let cluster = format!("kubeconfig={}", up.kubeconfig.display());
    let arguments = ["certify", "--cluster", &cluster, "--scenario", "create-ordered"];
    arguments.iter().chain(more).map(ToString::to_string).collect()
}

fn certify(up: &Up, more: &[&str]) -> Told {
    let arguments = arguments(up, more);
    ordinal(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Namespaces of runs that are there.
pub fn namespaces(up: &Up) -> Vec<String> {
    on_the_network(async {
        let namespaces: Api<Namespace> = Api::all(client(&up.kubeconfig).await);
        let selected = ListParams::default().labels("ordinal.dev/run");
        let listed = namespaces.list(&selected).await.expect("namespaces");
        listed
            .items
            .into_iter()
            .filter_map(|namespace| namespace.metadata.name)
            .collect()
    })
}

/// Removes all its storage classes.
pub fn without_default_class(up: &Up) {
    on_the_network(async {
        let classes: Api<StorageClass> = Api::all(client(&up.kubeconfig).await);
        for class in classes.list(&ListParams::default()).await.expect("classes").items {
            let name = class.metadata.name.unwrap_or_default();
            classes
                .delete(&name, &DeleteParams::default())
                .await
                .expect("deleted");
        }
    });
}

#[test]
fn the_clusters_own_controller_is_certified_and_nothing_is_left() {
    let up = up(&[]);
    let told = certify(
        &up,
        &[
            &IMAGE[..],
            &[
                "--candidate",
                "built-in",
                "--scenario",
                "log-persistence",
                "--output",
                "json",
                "--rule",
                "SS-ORD-0?",
                "--rule",
                "SS-PVC-05",
                "--rule",
                "SS-ID-03",
            ],
        ]
        .concat(),
    );
    let report = told.json();
    assert_eq!(report["cluster"]["name"], "kubeconfig");
    assert_eq!(report["cluster"]["evidence"], "B");
    assert_eq!(report["candidate"]["name"], "built-in");
    let sent = told.err.lines().find_map(|line| {
        line.strip_prefix("the harness sent ")?
            .split(' ')
            .next()?
            .parse::<u64>()
            .ok()
    });
    // Of a scenario: a few writes, and a watch for each kind.
    assert!(sent.is_some_and(|sent| sent > 20), "{}", told.err);
    let removing = "removing what the run made on the kubeconfig cluster";
    assert!(told.err.contains(removing), "{}", told.err);
    for rule in ["SS-ORD-01", "SS-PVC-05", "SS-ID-03"] {
        let rules = report["rules"].as_array().expect("rules");
        let judged = rules.iter().find(|judged| judged["id"] == rule).expect("judged");
        assert_eq!(judged["verdict"], "conformant", "{rule} {}", told.err);
    }
    let scenarios = report["scenarios"].as_array().expect("scenarios");
    assert!(
        scenarios
            .iter()
            .all(|scenario| scenario["outcome"] == "completed"),
        "{}",
        told.err
    );
    assert_eq!(namespaces(&up), [""; 0]);
}

#[test]
fn a_candidate_does_not_fight_the_clusters_own_controller() {
    let up = up(&[]);
    let told = certify(&up, &["--candidate", "reference"]).ends_with(2);
    assert!(
        !told.err.contains("requests, "),
        "of what did not begin: {}",
        told.err
    );
    drop(told.complains_of(&["StatefulSet controller of its own", "--candidate built-in"]));
    assert_eq!(namespaces(&up), [""; 0]);
}

#[test]
fn a_candidate_takes_over_and_what_it_breaks_is_kept_if_wanted() {
    let up = up(&["--without", "statefulset,daemonset"]);
    let run = |more: &[&str]| {
        certify(
            &up,
            &[&["--rule", "SS-ID-05", "--scenario", "scale-to-zero"], more].concat(),
        )
    };
    drop(run(&["--keep", "failed"]).ends_with(0));
    assert_eq!(namespaces(&up), [""; 0], "nothing failed");
    let told = run(&["--candidate", "mutant:M-208", "--keep", "failed"]).ends_with(1);
    let kept = namespaces(&up);
    assert!(
        kept.iter().any(|name| name.starts_with("create-ordered-")),
        "{kept:?}"
    );
    assert!(
        !kept.iter().any(|name| name.starts_with("ordinal-hand-over-")),
        "{kept:?}"
    );
    assert!(told.err.contains("is kept"), "{}", told.err);
    drop(run(&["--keep", "always"]).ends_with(0));
    assert!(
        namespaces(&up)
            .iter()
            .any(|name| name.starts_with("scale-to-zero-"))
    );
}

#[test]
fn a_controller_in_a_process_of_its_own_gets_the_kubeconfig() {
    let up = up(&["--without", "statefulset"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("candidate.toml");
    let binary = env!("CARGO_BIN_EXE_ordinal");
    let text = format!(
        "name = \"mine\"\n[deploy]\nkind = \"process\"\ncommand = [\"sh\", \"-c\", \
         \"{binary} controller --only statefulset --kubeconfig=$KUBECONFIG\"]\n"
    );
    std::fs::write(&file, text).expect("the file");
    let told = certify(
        &up,
        &[
            "--rule",
            "SS-ORD-01",
            "--candidate",
            file.to_str().expect("a path"),
        ],
    );
    drop(told.ends_with(0));
}

#[test]
fn without_a_default_class_members_have_no_claims_and_what_that_costs_is_said() {
    let up = up(&[]);
    without_default_class(&up);
    let told = certify(
        &up,
        &[
            "--candidate",
            "built-in",
            "--scenario",
            "two-claims",
            "--rule",
            "SS-ORD-01",
            "--rule",
            "SS-PVC-01",
            "--output",
            "json",
        ],
    );
    let report = told.ends_with(3).json();
    let outcome = |name: &str| {
        let scenarios = report["scenarios"].as_array().expect("scenarios");
        scenarios
            .iter()
            .find(|scenario| scenario["name"] == name)
            .expect("it")
            .clone()
    };
    assert_eq!(outcome("create-ordered")["outcome"], "completed");
    assert_eq!(outcome("two-claims")["outcome"], "skipped");
    let reason = outcome("two-claims")["reason"].to_string();
    assert!(reason.contains("dynamic provisioning"), "{reason}");
}

#[test]
fn a_context_that_is_not_there_is_answered_with_those_that_are() {
    let up = up(&["--no-controllers"]);
    let told = certify(&up, &["--context", "moon"]).ends_with(3);
    drop(told.complains_of(&[
        "moon",
        "--context",
        "embedded",
        &up.kubeconfig.display().to_string(),
    ]));
    drop(
        ordinal(&["certify", "--cluster", "kubeconfig=/nowhere/config"])
            .ends_with(2)
            .complains_of(&["/nowhere/config", "a file that is there"]),
    );
    drop(
        ordinal(&["certify", "--context", "moon"])
            .ends_with(2)
            .complains_of(&["--context", "--cluster kubeconfig"]),
    );
}

#[test]
fn a_cluster_that_does_not_answer_is_one_clear_error() {
    let mut up = up(&["--no-controllers"]);
    up.child.kill().expect("ended");
    let _ = up.child.wait();
    drop(
        certify(&up, &[])
            .ends_with(3)
            .complains_of(&["kubeconfig cluster", "version"]),
    );
}

#[test]
fn an_image_that_cannot_be_pulled_is_told_at_once() {
    let up = up(&[]);
    let told = certify(
        &up,
        &["--candidate", "built-in", "--workload-image", "no-such-image:1"],
    )
    .ends_with(3);
    drop(told.complains_of(&["probe pod", "no-such-image:1", "--workload-image"]));
    assert_eq!(namespaces(&up), [""; 0]);
}

#[test]
fn a_run_that_is_ended_leaves_nothing() {
    let up = up(&[]);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let report = ended_early(&up, &["--keep", "failed"], signal);
        assert_eq!(namespaces(&up), [""; 0], "{signal}: {report}");
    }
}

#[test]
fn a_run_that_is_ended_begins_nothing_more() {
    let up = up(&[]);
    let more = ["--scenario", "scale-*", "--jobs", "1", "--keep", "always"];
    let report = ended_early(&up, &more, Signal::SIGTERM);
    let mut begun = namespaces(&up);
    begun.retain(|name| !name.starts_with("first-contact-"));
    assert_eq!(begun.len(), 1, "{begun:?} {report}");
    assert!(report.contains("the run was stopped"), "{report}");
}

/// Sends a signal to a run while its first scenario is performed. Returns its report.
fn ended_early(up: &Up, more: &[&str], signal: Signal) -> String {
    let more = [&["--candidate", "built-in"], more].concat();
    let mut run = Process::start(binary().args(arguments(up, &more)).stdout(Stdio::piped()));
    run.hears("reacts within");
    let begun = std::time::Instant::now();
    while namespaces(up)
        .iter()
        .all(|name| name.starts_with("first-contact-"))
    {
        assert!(begun.elapsed().as_secs() < 30, "a scenario begins");
    }
    run.is_sent(signal);
    let (code, report) = run.ends();
    assert_eq!(code, Some(3), "{signal}: {report}");
    report
}
