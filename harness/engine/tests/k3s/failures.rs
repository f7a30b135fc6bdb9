//! What goes wrong, on stand-ins that are made to fail.

use super::{containers, reason, skipped, subject::stand_in};
use engine::{
    cluster::{
        Capability, Cluster,
        k3s::{K3sCluster, K3sOptions, docker::Engine},
    },
    probe::RecordType,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told_with_the_step_and_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("program");
    std::fs::write(&file, "no program at all").expect("a file");
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
            "taint",
            &[
                "step 3 of 6",
                "1 of 1 nodes",
                "0 of them Ready and without the taint",
            ],
        ),
        (
            "service-account",
            &["step 4 of 6", "the service account", "it does not exist"],
        ),
        ("dns", &["step 5 of 6", "coredns does not exist"]),
        (
            "dns-answer",
            &[
                "step 5 of 6",
                "asked for kubernetes.default.svc.cluster.local, type A",
                "NXDOMAIN",
            ],
        ),
        (
            "storage",
            &["step 6 of 6", "local-path-provisioner does not exist"],
        ),
        (
            "default-class",
            &["step 6 of 6", "of 1 StorageClasses none is the default"],
        ),
    ] {
        let Some(image) = stand_in(fails).await else {
            return;
        };
        let run = format!("t{fails}");
        // A pod asks the DNS, and is the workload, which here may be any file.
        let options = image.with_workload(image.options(4), &file);
        let reason = reason(K3sCluster::start(&options, &[], &run).await);
        for word in words {
            assert!(reason.contains(word), "{fails}: `{word}` is missing in: {reason}");
        }
        assert_eq!(containers(&run), 0, "{fails}");
        let _ = std::fs::remove_file(std::env::temp_dir().join(format!("ordinal-k3s-{run}.log")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_nobody_has_is_named_with_what_to_do() {
    if let Err(error) = Engine::connect().await {
        skipped(&error);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_dns_that_is_not_reached_past_its_cache_is_asked_as_applications_do() {
    let Some(image) = stand_in("uncached").await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("program");
    std::fs::write(&file, "no program at all").expect("a file");
    let options = image.with_workload(image.options(60), &file);
    let cluster = K3sCluster::start(&options, &[], "tcached")
        .await
        .expect("it starts");
    assert!(cluster.capabilities().contains(&Capability::Dns));
    let (prober, known) = (cluster.prober(), "kubernetes.default.svc.cluster.local");
    assert!(prober.resolve_uncached(known, RecordType::A).is_none());
    assert_eq!(prober.resolve(known, RecordType::A).await.rcode, "NOERROR");
    cluster.shutdown().await;
    assert_eq!(containers("tcached"), 0);
}
