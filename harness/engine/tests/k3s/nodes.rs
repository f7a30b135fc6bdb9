//! Several nodes: agents that join, end, and are lost.

use super::{
    left, reason,
    subject::{Subject, stand_in, subjects},
};
use engine::{
    clock,
    cluster::{
        Capability, Cluster, NodeLoss, Role, SPARE,
        k3s::{K3sCluster, K3sOptions},
    },
};
use k8s_openapi::api::core::v1::Node;
use kube::{Api, api::ListParams};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_several_nodes_is_ready_when_all_have_joined_and_leaves_nothing() {
    for subject in subjects().await {
        let folder = tempfile::tempdir().expect("a folder");
        let options = K3sOptions {
            nodes: 3,
            logs: Some(folder.path().into()),
            ..subject.options(60)
        };
        let run = subject.run("nodes");
        let cluster = K3sCluster::start(&options, &[], &run).await.expect("it starts");
        assert_eq!(left(&run), (3, 1));
        assert!(cluster.capabilities().contains(&Capability::SeveralNodes));
        let nodes: Api<Node> = Api::all(cluster.client(Role::Harness));
        let nodes = nodes.list(&ListParams::default()).await.expect("the nodes");
        assert_eq!(nodes.items.len(), 3);
        cluster.shutdown().await;
        assert_eq!(left(&run), (0, 0));
        let log = folder.path().join(format!("ordinal-k3s-{run}.log"));
        let log = std::fs::read_to_string(log).expect("the log is kept");
        assert!(log.contains("agent-2: "), "{log}");
        if subject.is_stand_in() {
            for words in ["agent-1 joined", "agent-2 joined"] {
                assert!(log.contains(words), "{words} is missing in: {log}");
            }
        }
    }
}

/// Status of the condition Ready of a node.
async fn ready(nodes: &Api<Node>, name: &str) -> String {
    let node = nodes.get(name).await.expect("the node");
    let conditions = node
        .status
        .and_then(|status| status.conditions)
        .unwrap_or_default();
    let ready = conditions
        .into_iter()
        .find(|condition| condition.type_ == "Ready");
    ready.map(|condition| condition.status).unwrap_or_default()
}

async fn until_ready_is(nodes: &Api<Node>, name: &str, wanted: &str, limit: Duration) {
    let reached = async {
        while ready(nodes, name).await != wanted {
            clock::pass(Duration::from_millis(100)).await;
        }
    };
    let reached = clock::within(limit, reached).await;
    reached.unwrap_or_else(|| panic!("the condition Ready of {name} is not {wanted}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_agent_is_paused_and_stopped_and_comes_back() {
    for subject in subjects().await {
        the_last_agent_is_lost_and_comes_back(&subject).await;
    }
}

async fn the_last_agent_is_lost_and_comes_back(subject: &Subject) {
    let standard = subject.options(60);
    let options = K3sOptions {
        nodes: 2,
        // The nodes of k3s itself are not heard of more often.
        node_grace: match subject.is_stand_in() {
            true => Duration::from_secs(3),
            false => standard.node_grace,
        },
        ..standard
    };
    let run = subject.run("lost");
    let limit = subject.patience(30);
    let cluster = K3sCluster::start(&options, &[], &run).await.expect("it starts");
    let capabilities = cluster.capabilities();
    assert!(capabilities.contains(&Capability::NodeLoss));
    // The others have one node.
    assert!(capabilities.contains(&Capability::StaticVolumes));
    assert!(!capabilities.contains(&Capability::SeveralNodes));
    let nodes: Api<Node> = Api::all(cluster.client(Role::Harness));
    let spare = cluster.spare_node().await.expect("one is set aside");
    assert_eq!(spare.name(), "agent-1");
    let node = nodes.get("agent-1").await.expect("the node");
    let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
    assert_eq!(taints[0].key, SPARE, "nothing else is placed there");
    for how in [NodeLoss::Pause, NodeLoss::Stop] {
        spare.lose(how).await.expect("it is lost");
        until_ready_is(&nodes, "agent-1", "Unknown", limit).await;
        spare.bring_back().await.expect("it comes back");
        until_ready_is(&nodes, "agent-1", "True", limit).await;
        spare.bring_back().await.expect("nothing is to be done");
    }
    let soon = Duration::from_millis(300);
    let second = clock::within(soon, cluster.spare_node()).await;
    assert!(second.is_none(), "one at a time");
    drop(spare);
    let next = clock::within(soon, cluster.spare_node()).await;
    let next = next.expect("its turn has come").expect("one is set aside");
    // Also a node that is lost is removed.
    next.lose(NodeLoss::Pause).await.expect("it is lost");
    cluster.shutdown().await;
    assert_eq!(left(&run), (0, 0));
    assert!(next.bring_back().await.is_err(), "it is removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_ends_is_told_and_the_others_are_removed() {
    let Some(image) = stand_in("agent").await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let options = K3sOptions {
        nodes: 2,
        logs: Some(folder.path().into()),
        ..image.options(60)
    };
    let reason = reason(K3sCluster::start(&options, &[], "tagent").await);
    assert!(reason.contains("agent-1 exited with code 9"), "{reason}");
    assert_eq!(left("tagent"), (0, 0));
}
