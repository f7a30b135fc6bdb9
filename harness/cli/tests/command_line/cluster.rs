//! `ordinal cluster up`, met by a real client.

use crate::{
    told::{binary, ordinal},
    up::{client, on_the_network, up},
};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{Node, Pod},
};
use kube::{
    Api,
    api::{ListParams, PostParams},
    runtime::wait::await_condition,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

#[test]
fn a_stateful_set_comes_to_life_and_ctrl_c_ends_it() {
    let mut up = up(&["--nodes", "2"]);
    on_the_network(async {
        let client = client(&up.kubeconfig).await;
        let nodes = Api::<Node>::all(client.clone());
        // They have registered before anybody is told of the cluster.
        assert_eq!(
            nodes
                .list(&ListParams::default())
                .await
                .expect("nodes")
                .items
                .len(),
            2
        );
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
        await_condition(pods, "web-1", ready).await.expect("web-1 runs");
    });
    let pid = Pid::from_raw(i32::try_from(up.child.id()).expect("a pid"));
    kill(pid, Signal::SIGINT).expect("Ctrl-C");
    assert_eq!(up.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_terminal_that_is_closed_ends_it_in_order() {
    if !crate::endings::hears_hangup() {
        return;
    }
    let mut up = up(&["--no-controllers"]);
    let pid = Pid::from_raw(i32::try_from(up.child.id()).expect("a pid"));
    kill(pid, Signal::SIGHUP).expect("hung up");
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
fn a_kubeconfig_of_somebody_else_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config");
    std::fs::write(&path, "their clusters").expect("a file");
    let given = path.to_str().expect("text");
    let told = ordinal(&["cluster", "up", "--kubeconfig", given]).ends_with(2);
    drop(told.complains_of(&[given, "another --kubeconfig", "remove it"]));
    assert_eq!(std::fs::read_to_string(&path).expect("it"), "their clusters");
}

#[test]
fn a_cluster_on_all_addresses_is_reached_by_one_that_its_certificate_names() {
    let up = up(&["--listen", "0.0.0.0:0", "--no-controllers"]);
    assert!(up.url.starts_with("https://127.0.0.1:"), "{}", up.url);
    on_the_network(async {
        let client = client(&up.kubeconfig).await;
        Api::<Node>::all(client)
            .list(&ListParams::default())
            .await
            .expect("an answer");
    });
}

#[test]
fn the_kubeconfig_is_named_from_the_root_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut up = binary()
        .args(["cluster", "up", "--no-controllers", "--kubeconfig", "mine"])
        .current_dir(folder.path())
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ordinal starts");
    let lines = BufReader::new(up.stdout.take().expect("stdout")).lines();
    let export = lines.map_while(Result::ok).nth(1);
    up.kill().and_then(|()| up.wait()).expect("it ends");
    let path = folder.path().canonicalize().expect("it").join("mine");
    assert_eq!(
        export.as_deref(),
        Some(&*format!("export KUBECONFIG={}", path.display()))
    );
}

#[test]
fn the_audit_log_names_the_author_of_every_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("audit.log");
    std::fs::write(&log, "what was there\n").expect("a file");
    let up = up(&["--no-controllers", "--audit-log", log.to_str().expect("text")]);
    on_the_network(async {
        let client = client(&up.kubeconfig).await;
        let nodes = Api::<Node>::all(client);
        nodes.list(&ListParams::default()).await.expect("nodes");
    });
    let text = std::fs::read_to_string(&log).expect("the log");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("what was there"));
    let events: Vec<serde_json::Value> = lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let listed = events
        .iter()
        .find(|event| event["objectRef"]["resource"] == "nodes");
    let listed = listed.expect("a list");
    assert_eq!(
        (&listed["verb"], &listed["user"]["username"]),
        (&"list".into(), &"kubernetes-admin".into())
    );
}

#[test]
fn an_audit_log_that_cannot_be_written_is_one_clear_error() {
    let told = ordinal(&["cluster", "up", "--audit-log", "/nowhere/at/all"]);
    drop(
        told.ends_with(2)
            .complains_of(&["/nowhere/at/all", "--audit-log"]),
    );
}

#[test]
fn a_port_in_use_is_one_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let told = ordinal(&["cluster", "up", "--listen", &address]);
    drop(told.ends_with(2).complains_of(&[&address, "in use"]));
}

#[test]
fn what_no_cluster_can_be_is_refused_with_the_reason() {
    for (arguments, words) in [
        (
            ["--nodes", "0"],
            &["--nodes", "1 to 1000", "--no-controllers"][..],
        ),
        (["--nodes", "1001"], &["--nodes", "1 to 1000"]),
        (["--nodes", "three"], &["--nodes", "1 to 1000"]),
        (
            ["--listen", "localhost:0"],
            &["--listen", "give IP:PORT, as 127.0.0.1:0"],
        ),
        (["--token", ""], &["--token", "empty", "leave --token out"]),
        (["--token", "open sesame"], &["--token", "without spaces"]),
    ] {
        let told = ordinal(&[&["cluster", "up"], &arguments[..]].concat());
        drop(told.ends_with(2).complains_of(words));
    }
    for nothing in [["--nodes", "3"], ["--without", "statefulset"]] {
        let told = ordinal(&[&["cluster", "up", "--no-controllers"], &nothing[..]].concat());
        drop(
            told.ends_with(2)
                .complains_of(&[nothing[0], "says nothing", "--no-controllers"]),
        );
    }
}

#[test]
fn an_address_of_somebody_else_is_told_with_its_cause_once() {
    // TEST-NET-1 of RFC 5737: nobody has it.
    let told = ordinal(&["cluster", "up", "--listen", "192.0.2.1:0"]).ends_with(2);
    let told = told.complains_of(&["192.0.2.1:0", "another --listen"]);
    assert_eq!(told.err.matches("os error").count(), 1, "{}", told.err);
}

#[test]
fn what_is_not_as_in_a_real_cluster_is_listed_for_people_and_programs() {
    let rows = ordinal(&["cluster", "deviations", "--output", "json"])
        .ends_with(0)
        .json();
    let rows = rows.as_array().expect("a list");
    assert_eq!(rows.len(), embedded::DEVIATIONS.len());
    let told = ordinal(&["cluster", "deviations"]).ends_with(0).out;
    for (row, deviation) in rows.iter().zip(embedded::DEVIATIONS) {
        for (key, text) in [
            ("name", deviation.name),
            ("what", deviation.what),
            ("instead", deviation.instead),
            ("why", deviation.why),
        ] {
            assert_eq!(row[key], text);
            assert!(told.contains(text), "{text}");
        }
    }
}
