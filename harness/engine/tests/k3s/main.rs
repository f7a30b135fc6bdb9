//! The k3s provider with a real Docker engine. No registry is needed: the image is a stand-in that is made of the
//! example `k3s_stand_in`. Where this host has the image of k3s itself, most of it is tried on that as well. Where no engine
//! answers, every test says so and ends.

#![cfg(feature = "k3s")]

mod automatic;
mod failures;
mod nodes;
mod subject;

use engine::{
    CancellationToken, Candidate, ClusterChoice, Keep, Plan, Progress, Time,
    candidate::Kind,
    cluster::{
        Capability, Cluster, ClusterError, Role,
        k3s::{K3S, K3sCluster, K3sOptions, docker::Engine},
    },
    probe::RecordType,
};
use history::Author;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::PostParams};
use std::{fmt::Display, io::Write, panic::AssertUnwindSafe, process::Command};
use subject::{image, subjects};

/// Says what is not tested and why, past the capturing of what tests print.
fn skipped(why: &dyn Display) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// Containers of a run.
fn containers(run: &str) -> usize {
    let filter = format!("label=ordinal.run={run}");
    let listed = Command::new("docker")
        .args(["ps", "--all", "--quiet", "--filter", &filter])
        .output();
    String::from_utf8_lossy(&listed.expect("docker ps").stdout)
        .lines()
        .count()
}

/// Containers and networks of a run.
fn left(run: &str) -> (usize, usize) {
    let listed = Command::new("docker")
        .args([
            "network",
            "ls",
            "--quiet",
            "--filter",
            &format!("name=ordinal-{run}"),
        ])
        .output();
    let networks = String::from_utf8_lossy(&listed.expect("docker network ls").stdout)
        .lines()
        .count();
    (containers(run), networks)
}

fn reason(outcome: Result<K3sCluster, ClusterError>) -> String {
    outcome.err().expect("it does not start").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_starts_tells_its_writes_and_leaves_nothing() {
    for subject in subjects().await {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("program");
        std::fs::write(&file, "no program at all").expect("a file");
        let (import, registries) = (folder.path().join("more.tar"), folder.path().join("map.yaml"));
        let archive = std::fs::File::create(&import).expect("a file");
        let more = image("ordinal.local/more:test", &file);
        more.write(archive).expect("an archive");
        std::fs::write(&registries, "mirrors: { docker.io: {} }").expect("a file");
        let mut options = subject.with_workload(subject.options(60), &file);
        options.logs = Some(folder.path().into());
        options.imports.push(import);
        options.registries = Some(registries);
        let run = subject.run("start");
        let cluster = K3sCluster::start(&options, &[Kind::Statefulset], &run)
            .await
            .expect("it starts");
        // A release of k3s says so in its version.
        assert_eq!(cluster.name() == K3S, cluster.version().contains("+k3s"));
        if subject.is_stand_in() {
            assert!(cluster.name().starts_with("k3s stand-in"), "{}", cluster.name());
        }
        for capability in [
            Capability::Attribution,
            Capability::Dns,
            Capability::StaticVolumes,
        ] {
            assert!(cluster.capabilities().contains(&capability), "{capability}");
        }
        let authors = tokio::time::timeout(subject.patience(10), authors_of_writes(&cluster))
            .await
            .expect("both writes are told");
        assert_eq!(authors, [Author::Harness, Author::Candidate]);
        both_views_of_the_dns_agree(&cluster).await;
        assert_eq!(containers(&run), 1);
        assert!(!cluster.capabilities().contains(&Capability::NodeLoss));
        assert!(cluster.spare_node().await.is_err(), "it has one node");
        cluster.shutdown().await;
        assert_eq!(left(&run), (0, 0));
        let log = folder.path().join(format!("ordinal-k3s-{run}.log"));
        let log = std::fs::read_to_string(log).expect("the log is kept");
        if subject.is_stand_in() {
            for words in [
                "Imported images [\\\"ordinal.local/workload:test\\\"]",
                "Imported images [\\\"ordinal.local/more:test\\\"]",
                "registries.yaml: mirrors: { docker.io: {} }",
            ] {
                assert!(log.contains(words), "{words} is missing in: {log}");
            }
        }
    }
}

/// Makes a namespace as the harness, and one as the candidate. Returns whose writes are told.
async fn authors_of_writes(cluster: &K3sCluster) -> Vec<Author> {
    let mut writes = cluster.writes().expect("it tells its writes");
    for (role, name) in [
        (Role::Harness, "of-the-harness"),
        (Role::Candidate, "of-the-candidate"),
    ] {
        let namespaces: Api<Namespace> = Api::all(cluster.client(role));
        let namespace =
            serde_json::from_value(serde_json::json!({ "metadata": { "name": name } })).expect("one");
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .expect("created");
    }
    let mut authors = Vec::new();
    while authors.len() < 2 {
        let write = writes.recv().await.expect("a write");
        if write.resource == "namespaces" && write.verb == "create" && write.name.starts_with("of-the-") {
            assert!(write.version.is_some(), "{write:?}");
            authors.push(write.role);
        }
    }
    authors
}

/// The DNS answers a pod of the cluster, and the harness past the cache, from outside.
async fn both_views_of_the_dns_agree(cluster: &K3sCluster) {
    let prober = cluster.prober();
    let known = "kubernetes.default.svc.cluster.local";
    let cached = prober.resolve(known, RecordType::A).await;
    assert_eq!((cached.rcode.as_str(), cached.uncached), ("NOERROR", false));
    let uncached = prober.resolve_uncached(known, RecordType::A);
    let uncached = uncached.expect("the block answers").await;
    assert_eq!((uncached.rcode.as_str(), uncached.uncached), ("NOERROR", true));
    assert_eq!(uncached.answers, cached.answers);
    assert_eq!(uncached.answers.len(), 1);
    let absent = prober.resolve_uncached("nobody.default.svc.cluster.local", RecordType::A);
    let absent = absent.expect("the block answers").await;
    assert_eq!(absent.rcode, "NXDOMAIN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_dropped_is_removed_and_what_is_left_is_swept() {
    for subject in subjects().await {
        let run = subject.run("drop");
        let cluster = K3sCluster::start(&subject.options(60), &[], &run)
            .await
            .expect("it starts");
        assert_eq!(containers(&run), 1);
        drop(cluster);
        assert_eq!(containers(&run), 0);
        let run = subject.run("sweep");
        let cluster = K3sCluster::start(&subject.options(60), &[], &run)
            .await
            .expect("it starts");
        // As if the process had been killed.
        let engine = Engine::connect().await.expect("the engine");
        assert_eq!(engine.sweep(Some(&run)).await.expect("swept"), 1);
        assert_eq!(containers(&run), 0);
        cluster.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_ends_when_nothing_is_left_whoever_removes_it() {
    for subject in subjects().await {
        let options = K3sOptions {
            nodes: 2,
            ..subject.options(60)
        };
        let run = subject.run("both");
        let cluster = K3sCluster::start(&options, &[], &run).await;
        let cluster = cluster.expect("it starts");
        let engine = Engine::connect().await.expect("the engine");
        let both = (0..4).map(|_| async {
            engine.sweep(Some(&run)).await.expect("swept");
            left(&run)
        });
        assert_eq!(futures::future::join_all(both).await, [(0, 0); 4]);
        cluster.shutdown().await;
    }
}

#[test]
fn a_harness_that_panics_leaves_nothing() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let subjects = runtime.block_on(subjects());
    // Once before anything looks after the cluster, and once in the middle of the work.
    let moments: [fn(&Progress) -> bool; 2] = [
        |news| matches!(news, Progress::ClusterReady { .. }),
        |news| matches!(news, Progress::Started { .. }),
    ];
    let every = subjects
        .iter()
        .flat_map(|subject| moments.map(|moment| (subject, moment)));
    for (subject, moment) in every {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = Plan {
            cluster: ClusterChoice::K3s(Box::new(subject.options(60))),
            chosen_because: None,
            candidate: Candidate::reference(),
            scenarios: Vec::new(),
            rules: Vec::new(),
            all_rules: Vec::new(),
            jobs: 1,
            out: None,
            time: Time::Real,
            keep: Keep::Never,
            keep_histories: false,
            dns_fault: None,
            at_once: CancellationToken::new(),
            processes: engine::Processes::default(),
        };
        let plan = plan.keeping_in(folder.path().into());
        let ended = std::panic::catch_unwind(AssertUnwindSafe(|| {
            engine::run(&plan, &CancellationToken::new(), &|news| {
                assert!(!moment(&news), "as if the harness were broken");
            })
        }));
        assert!(ended.map_or(true, |ended| ended.is_err()));
        let run = std::fs::read_dir(folder.path())
            .expect("the folder")
            .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
            .find_map(|name| {
                Some(
                    name.strip_prefix("ordinal-k3s-")?
                        .strip_suffix(".log")?
                        .to_owned(),
                )
            })
            .expect("the log of k3s tells the run");
        assert_eq!(containers(&run), 0);
    }
}
