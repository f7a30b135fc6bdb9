//! `ordinal cluster up`, met by a real client.

use crate::told::{binary, ordinal};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{Node, Pod},
};
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// A cluster in another process; it ends when this is dropped.
struct Up {
    child: Child,
    kubeconfig: PathBuf,
    url: String,
    _out: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Drop for Up {
    fn drop(&mut self) {
        // Ended already in the tests that end it themselves.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn up(more: &[&str]) -> Up {
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    let mut child = binary()
        .args(["cluster", "up", "--kubeconfig"])
        .arg(&kubeconfig)
        .args(more)
        .stdout(Stdio::piped())
        .spawn()
        .expect("ordinal starts");
    // Kept open to the end: a program whose output nobody reads any more stops.
    let mut out = BufReader::new(child.stdout.take().expect("stdout"));
    let mut first = String::new();
    out.read_line(&mut first).expect("a line");
    let url = first.split_whitespace().nth(1).expect("a URL").to_owned();
    Up {
        child,
        kubeconfig,
        url,
        _out: out,
        _folder: folder,
    }
}

async fn client(kubeconfig: &Path) -> Client {
    let given = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let config = kube::Config::from_custom_kubeconfig(given, &KubeConfigOptions::default())
        .await
        .expect("usable");
    Client::try_from(config).expect("a client")
}

fn on_the_network<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), work)
            .await
            .expect("within a minute")
    })
}

#[test]
fn a_stateful_set_comes_to_life_and_ctrl_c_ends_it() {
    let mut up = up(&["--nodes", "2"]);
    on_the_network(async {
        let client = client(&up.kubeconfig).await;
        let nodes = Api::<Node>::all(client.clone())
            .list(&ListParams::default())
            .await
            .expect("nodes");
        assert_eq!(nodes.items.len(), 2);
        let set: StatefulSet = serde_json::from_value(serde_json::json!({
            "metadata": { "name": "web" },
            "spec": {
                "replicas": 2, "serviceName": "web", "selector": { "matchLabels": { "app": "web" } },
                "template": {
                    "metadata": { "labels": { "app": "web" } },
                    "spec": { "containers": [{ "name": "web", "image": "nginx:1.27" }] },
                },
            },
        }))
        .expect("a set");
        let sets: Api<StatefulSet> = Api::namespaced(client.clone(), "default");
        sets.create(&PostParams::default(), &set).await.expect("created");
        let pods: Api<Pod> = Api::namespaced(client, "default");
        let ready = kube::runtime::conditions::is_pod_running();
        kube::runtime::wait::await_condition(pods, "web-1", ready)
            .await
            .expect("web-1 runs");
    });
    let pid = Pid::from_raw(i32::try_from(up.child.id()).expect("a pid"));
    kill(pid, Signal::SIGINT).expect("Ctrl-C");
    assert_eq!(up.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn token_address_and_the_lack_of_controllers_are_as_asked_for() {
    let up = up(&["--token", "sesame", "--listen", "127.0.0.2:0", "--no-controllers"]);
    assert!(up.url.starts_with("https://127.0.0.2:"), "{}", up.url);
    let text = std::fs::read_to_string(&up.kubeconfig).expect("the kubeconfig");
    assert!(text.contains("sesame"));
    on_the_network(async {
        let client = client(&up.kubeconfig).await;
        let nodes = Api::<Node>::all(client)
            .list(&ListParams::default())
            .await
            .expect("nodes");
        assert!(nodes.items.is_empty());
    });
}

#[test]
fn a_port_in_use_is_one_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let told = ordinal(&["cluster", "up", "--listen", &address]);
    drop(told.ends_with(2).complains_of(&[&address, "in use"]));
}
