//! The k3s provider with a real Docker engine. No registry is needed: the image is a stand-in that is made of the
//! example `k3s_stand_in`. Where no engine answers, every test says so and ends.

#![cfg(feature = "k3s")]

mod nodes;

use engine::{
    CancellationToken, Candidate, ClusterChoice, Keep, Plan, Progress, Time,
    candidate::Kind,
    cluster::{
        Capability, Cluster, ClusterError, Role,
        k3s::{K3sCluster, K3sOptions, docker::Engine},
    },
    image::{Image, ImageFile},
};
use history::Author;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::PostParams};
use std::{
    panic::AssertUnwindSafe,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

const NAME: &str = "ordinal-k3s-stand-in";

/// Docker images are shared by everybody on this host, and removed by each test when it ends: so each has its own tag.
fn tag(fails: &str) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let fails = if fails.is_empty() { "whole" } else { fails };
    format!("{fails}-{}-{number}", std::process::id())
}

fn example() -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let debug = test
        .parent()
        .and_then(|deps| deps.parent())
        .expect("the target folder");
    debug.join("examples/k3s_stand_in")
}

/// The stand-in, as an image of this host's engine. `None`, and said, where no engine answers.
async fn stand_in(fails: &str) -> Option<Removed> {
    let engine = match Engine::connect().await {
        Ok(engine) => engine,
        Err(error) => {
            println!("skipped: {error}");
            return None;
        }
    };
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("image.tar");
    let tag = tag(fails);
    let reference = format!("{NAME}:{tag}");
    let mut write = Command::new(example());
    write.arg("--write-image").arg(&archive).arg(&reference);
    if !fails.is_empty() {
        write.arg(fails);
    }
    assert!(write.status().expect("the example starts").success());
    engine.load(&archive).await.expect("loaded");
    assert!(engine.has_image(&reference).await.expect("asked"));
    Some(Removed { tag })
}

/// An image that is removed at the end.
struct Removed {
    tag: String,
}

impl Drop for Removed {
    fn drop(&mut self) {
        let reference = format!("{NAME}:{}", self.tag);
        let _ = Command::new("docker")
            .args(["image", "rm", "--force", &reference])
            .output();
    }
}

fn options(image: &Removed, patience: u64) -> K3sOptions {
    K3sOptions {
        image: NAME.into(),
        tag: image.tag.clone(),
        patience: Duration::from_secs(patience),
        // The stand-in needs no privileges, so that it can be tested in engines that forbid them.
        privileged: false,
        ..K3sOptions::default()
    }
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
    let Some(image) = stand_in("").await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("program");
    std::fs::write(&file, "no program at all").expect("a file");
    let workload = Image {
        reference: "ordinal.local/workload:test".into(),
        entrypoint: vec!["/program".into()],
        files: vec![ImageFile {
            path: "/program".into(),
            from: file,
            mode: 0o755,
        }],
        ..Image::default()
    };
    let (import, registries) = (folder.path().join("more.tar"), folder.path().join("map.yaml"));
    let more = Image {
        reference: "ordinal.local/more:test".into(),
        ..workload.clone()
    };
    let archive = std::fs::File::create(&import).expect("a file");
    more.write(archive).expect("an archive");
    std::fs::write(&registries, "mirrors: { docker.io: {} }").expect("a file");
    let options = K3sOptions {
        logs: Some(folder.path().into()),
        workload: Some(workload),
        imports: vec![import],
        registries: Some(registries),
        ..options(&image, 60)
    };
    let cluster = K3sCluster::start(&options, &[Kind::Statefulset], "tstart")
        .await
        .expect("it starts");
    assert!(cluster.name().starts_with("k3s stand-in"), "{}", cluster.name());
    for capability in [
        Capability::Attribution,
        Capability::Dns,
        Capability::StaticVolumes,
    ] {
        assert!(cluster.capabilities().contains(&capability), "{capability}");
    }
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
    let seen = async {
        let mut authors = Vec::new();
        while authors.len() < 2 {
            let write = writes.recv().await.expect("a write");
            if write.resource == "namespaces" && write.verb == "create" && write.name.starts_with("of-the-") {
                assert!(write.version.is_some(), "{write:?}");
                authors.push(write.role);
            }
        }
        authors
    };
    let authors = tokio::time::timeout(Duration::from_secs(10), seen)
        .await
        .expect("both writes are told");
    assert_eq!(authors, [Author::Harness, Author::Candidate]);
    assert_eq!(containers("tstart"), 1);
    assert!(!cluster.capabilities().contains(&Capability::NodeLoss));
    assert!(cluster.spare_node().await.is_err(), "it has one node");
    cluster.shutdown().await;
    assert_eq!(containers("tstart"), 0);
    let log = std::fs::read_to_string(folder.path().join("ordinal-k3s-tstart.log")).expect("the log is kept");
    for words in [
        "Imported images [\\\"ordinal.local/workload:test\\\"]",
        "Imported images [\\\"ordinal.local/more:test\\\"]",
        "registries.yaml: mirrors: { docker.io: {} }",
    ] {
        assert!(log.contains(words), "{words} is missing in: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told_with_the_step_and_the_log() {
    for (fails, words) in [
        (
            "exit",
            &["exited with code 7", "step 1 of 6", "Starting k3s stand-in"][..],
        ),
        ("fatal", &["gave up before step 1", "cgroup namespace"]),
        ("kubeconfig", &["step 1 of 6", "was not reached within 4s"]),
        ("api", &["step 2 of 6", "was not reached"]),
        ("nodes", &["step 3 of 6", "0 of 1 nodes"]),
        (
            "service-account",
            &["step 4 of 6", "the service account", "it does not exist"],
        ),
        ("dns", &["step 5 of 6", "coredns does not exist"]),
        (
            "storage",
            &["step 6 of 6", "local-path-provisioner does not exist"],
        ),
    ] {
        let Some(image) = stand_in(fails).await else {
            return;
        };
        let run = format!("t{fails}");
        let reason = reason(K3sCluster::start(&options(&image, 4), &[], &run).await);
        for word in words {
            assert!(reason.contains(word), "{fails}: `{word}` is missing in: {reason}");
        }
        assert_eq!(containers(&run), 0, "{fails}");
        let _ = std::fs::remove_file(std::env::temp_dir().join(format!("ordinal-k3s-{run}.log")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_dropped_is_removed_and_what_is_left_is_swept() {
    let Some(image) = stand_in("").await else { return };
    let cluster = K3sCluster::start(&options(&image, 60), &[], "tdrop")
        .await
        .expect("it starts");
    assert_eq!(containers("tdrop"), 1);
    drop(cluster);
    assert_eq!(containers("tdrop"), 0);
    let cluster = K3sCluster::start(&options(&image, 60), &[], "tsweep")
        .await
        .expect("it starts");
    // As if the process had been killed.
    let engine = Engine::connect().await.expect("the engine");
    assert_eq!(engine.sweep(Some("tsweep")).await.expect("swept"), 1);
    assert_eq!(containers("tsweep"), 0);
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_ends_when_nothing_is_left_whoever_removes_it() {
    let Some(image) = stand_in("").await else { return };
    let options = K3sOptions {
        nodes: 2,
        ..options(&image, 60)
    };
    let cluster = K3sCluster::start(&options, &[], "tboth").await;
    let cluster = cluster.expect("it starts");
    let engine = Engine::connect().await.expect("the engine");
    let both = (0..4).map(|_| async {
        engine.sweep(Some("tboth")).await.expect("swept");
        left("tboth")
    });
    assert_eq!(futures::future::join_all(both).await, [(0, 0); 4]);
    cluster.shutdown().await;
}

#[test]
fn a_harness_that_panics_leaves_nothing() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let Some(image) = runtime.block_on(stand_in("")) else {
        return;
    };
    // Once before anything looks after the cluster, and once in the middle of the work.
    let moments: [fn(&Progress) -> bool; 2] = [
        |news| matches!(news, Progress::ClusterReady { .. }),
        |news| matches!(news, Progress::Started { .. }),
    ];
    for moment in moments {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = Plan {
            cluster: ClusterChoice::K3s(Box::new(options(&image, 60))),
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

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_nobody_has_is_named_with_what_to_do() {
    if let Err(error) = Engine::connect().await {
        println!("skipped: {error}");
        return;
    }
    let options = K3sOptions {
        image: "ordinal.invalid/k3s".into(),
        tag: "v0".into(),
        ..K3sOptions::default()
    };
    let reason = reason(K3sCluster::start(&options, &[], "tnone").await);
    for word in ["ordinal.invalid/k3s:v0", "--k3s-image-archive"] {
        assert!(reason.contains(word), "{reason}");
    }
}
