//! `ordinal sweep --cluster kubeconfig`, on a cluster in another process. What it does to containers is in `k3s_stand_in.rs`.

use crate::{
    kubeconfig::namespaces,
    process::Process,
    told::{Told, binary, ordinal},
    up::{Up, client, on_the_network, up},
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::ListParams};
use nix::sys::signal::Signal;

fn cluster(up: &Up) -> String {
    format!("kubeconfig={}", up.kubeconfig.display())
}

fn sweep(up: &Up, more: &[&str]) -> Told {
    let cluster = cluster(up);
    ordinal(&[&["sweep", "--cluster", &cluster], more].concat())
}

/// Ids of the runs whose namespaces are there, one for each namespace.
fn runs(up: &Up) -> Vec<String> {
    on_the_network(async {
        let all: Api<Namespace> = Api::all(client(&up.kubeconfig).await);
        let listed = all.list(&ListParams::default()).await.expect("namespaces");
        let labels = listed
            .items
            .into_iter()
            .filter_map(|namespace| namespace.metadata.labels);
        labels
            .filter_map(|labels| labels.get("ordinal.dev/run").cloned())
            .collect()
    })
}

/// A run that ends in no order at all. Returns its id.
fn killed(up: &Up) -> String {
    let known = runs(up);
    let mut run = Process::start(
        binary()
            .args(["certify", "--cluster", &cluster(up), "--candidate", "built-in"])
            .args([
                "--scenario",
                "create-ordered",
                "--workload-image",
                "workload:1",
                "--keep",
                "always",
            ])
            // What it leaves there goes with the folder.
            .env("TMPDIR", up.folder.path())
            .stdout(std::process::Stdio::null()),
    );
    run.hears("reacts within");
    run.is_sent(Signal::SIGKILL);
    assert_eq!(run.ends().0, None);
    let ours = |namespace: String| Some(namespace.strip_prefix("ordinal-probe-")?.to_owned());
    let mut probes: Vec<String> = namespaces(up).into_iter().filter_map(ours).collect();
    probes.retain(|run| !known.contains(run));
    probes.pop().expect("it was killed, and yet its probe is gone")
}

#[test]
fn what_killed_runs_left_is_removed_of_one_run_or_of_all() {
    let up = up(&[]);
    let first = killed(&up);
    let second = killed(&up);
    assert_ne!(first, second);
    let told = sweep(&up, &["--run", "nobody"]).ends_with(0);
    assert_eq!(told.out, "no namespaces of runs were there\n");
    let of = |run: &str| runs(&up).iter().filter(|id| *id == run).count();
    let removed = |count: usize| format!("{count} namespace{} removed\n", if count == 1 { "" } else { "s" });
    let (of_first, of_second) = (of(&first), of(&second));
    assert!(of_first > 0 && of_second > 0, "they belong to other runs");
    let told = sweep(&up, &["--run", &first]).ends_with(0);
    assert_eq!(told.out, removed(of_first));
    assert_eq!((of(&first), of(&second)), (0, of_second));
    let told = sweep(&up, &[]).ends_with(0);
    assert_eq!(told.out, removed(of_second));
    assert_eq!(namespaces(&up), [""; 0]);
    let others = on_the_network(async {
        let all: Api<Namespace> = Api::all(client(&up.kubeconfig).await);
        all.list(&ListParams::default())
            .await
            .expect("namespaces")
            .items
            .len()
    });
    assert!(
        others >= 3,
        "what belongs to no run stays: default, kube-system, kube-public"
    );
}

#[test]
fn a_cluster_is_swept_only_if_it_is_named() {
    let told = ordinal(&["sweep", "--context", "moon"]).ends_with(2);
    drop(told.complains_of(&["--context", "--cluster kubeconfig"]));
    for nothing in ["embedded", "auto"] {
        let told = ordinal(&["sweep", "--cluster", nothing]).ends_with(2);
        drop(told.complains_of(&[nothing, "--cluster kubeconfig"]));
    }
    // All runs are never meant by it.
    let told = ordinal(&["sweep", "--run", ""]).ends_with(2);
    drop(told.complains_of(&["--run", "all runs"]));
    let told = ordinal(&["sweep", "--cluster", "kubeconfig=/nowhere/config"]).ends_with(2);
    drop(told.complains_of(&["/nowhere/config"]));
}
