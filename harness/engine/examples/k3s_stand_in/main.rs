//! A stand-in for k3s, for tests where no registry answers: the embedded cluster behind k3s' command line, kubeconfig
//! path, port and log lines. It is never reported as k3s.
//!
//! `k3s_stand_in --write-image FILE REFERENCE [FAILS]` writes an image of this program; `FAILS` names what goes wrong
//! when it is started: `exit`, `fatal`, `kubeconfig`, `api`, `nodes`, `taint`, `service-account`, `dns`, `dns-answer`,
//! `uncached`, `storage`, `default-class` or `agent`.
//!
//! An agent joins its server with the token, by a protocol of its own, and is heard of from then on. For as long as it is, the
//! server has one node more; when it is silent, so is that node, and when it ends, that node is lost. The pods of all nodes run
//! in the server, those of a silent node too.

mod agent;
mod manifests;

use embedded::{Cluster, ClusterConfig, Identity, ListenConfig, NodeTiming, api::AuditRecord};
use engine::image::{Image, this_program};
use kube::Client;
use serde_json::{Value, json};
use std::{error::Error, io::Write, path::Path, time::Duration};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Names the failure that the image is made for.
const FAILS: &str = "STAND_IN_FAILS";
const KUBECONFIG: &str = "/etc/rancher/k3s/k3s.yaml";
const REGISTRIES: &str = "/etc/rancher/k3s/registries.yaml";
const IMAGES: &str = "/var/lib/rancher/k3s/agent/images";

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["--write-image", file, reference, fails @ ..] => {
            write_image(file, reference, fails.first().copied())
        }
        ["server", rest @ ..] => serve(rest).await,
        ["agent", rest @ ..] => agent::join(rest).await,
        _ => Err("k3s is given `server` or `agent`".into()),
    }
}

fn write_image(file: &str, reference: &str, fails: Option<&str>) -> Outcome<()> {
    let program = "/bin/k3s";
    let (files, mut env) = this_program(program)?;
    env.extend(fails.map(|fails| format!("{FAILS}={fails}")));
    let image = Image {
        reference: reference.into(),
        entrypoint: vec![program.into()],
        env,
        files,
        directories: vec!["/tmp".into()],
        volumes: [
            "/var/lib/kubelet",
            "/var/lib/rancher/k3s",
            "/var/lib/cni",
            "/var/log",
        ]
        .map(str::to_owned)
        .to_vec(),
    };
    Ok(image.write(std::io::BufWriter::new(std::fs::File::create(file)?))?)
}

/// A line of k3s' log.
fn log(level: &str, message: &str) {
    eprintln!(
        "time=\"{}\" level={level} msg={message:?}",
        jiff::Timestamp::now()
    );
}

async fn serve(arguments: &[&str]) -> Outcome<()> {
    let fails = std::env::var(FAILS).unwrap_or_default();
    log("info", "Starting k3s stand-in (the embedded cluster of Ordinal)");
    if let Some(argument) = arguments.iter().find(|argument| !known(argument)) {
        log("fatal", &format!("unknown flag {argument}"));
        std::process::exit(1);
    }
    match fails.as_str() {
        "exit" => std::process::exit(7),
        "fatal" => {
            log("fatal", "unable to apply cgroup configuration");
            return until_ended().await;
        }
        _ => {}
    }
    import(Path::new(IMAGES))?;
    if let Ok(map) = std::fs::read_to_string(REGISTRIES) {
        log(
            "info",
            &format!("Using private registry config file at {REGISTRIES}: {map}"),
        );
    }
    let directory = tempfile::tempdir()?;
    // Nobody makes service accounts where no controllers run, nor do nodes come by themselves there.
    let alone = matches!(fails.as_str(), "service-account" | "taint");
    let config = ClusterConfig {
        nodes: if alone || fails == "nodes" { 0 } else { 1 },
        controllers: !alone,
        timing: timing(arguments),
        ..ClusterConfig::new(directory.path())
    };
    let cluster = Cluster::start(config).await?;
    tokio::spawn(tell_writes(cluster.api().audit()));
    let address = if fails == "api" {
        "127.0.0.1:6443"
    } else {
        "0.0.0.0:6443"
    };
    let listen = ListenConfig {
        address: address.parse()?,
        token: None,
        tls: true,
    };
    let listening = cluster.listen(listen).await?;
    log("info", "Kube API server is now running");
    let client = engine::in_process_client(cluster.http_service(Identity::component("k3s")));
    add_ons(&client, &fails).await?;
    // Until it ends.
    let _names = match fails.as_str() {
        "uncached" => Vec::new(),
        _ => manifests::apply(&client, &cluster.dns()).await?,
    };
    if fails != "kubeconfig" {
        std::fs::create_dir_all("/etc/rancher/k3s")?;
        let (ca, token) = (listening.ca_pem.as_deref(), &listening.token);
        std::fs::write(
            KUBECONFIG,
            embedded::kubeconfig("https://127.0.0.1:6443", ca, token, "default"),
        )?;
    }
    tokio::spawn(agent::serve(cluster.nodes().clone()));
    if alone {
        register_node(&client, fails == "taint").await?;
    }
    log("info", "k3s is up and running");
    if let Some(served) = served(arguments) {
        let user = Identity {
            user: "system:serviceaccount:kube-system:statefulset-controller".into(),
            ..Identity::component("controllers")
        };
        let client = engine::in_process_client(cluster.http_service(user));
        tokio::spawn(controllers::run(
            client,
            controllers::Behaviour::reference(),
            served,
        ));
    }
    until_ended().await?;
    cluster.shutdown().await;
    Ok(())
}

/// How long nodes may be silent is told to the controller manager.
fn timing(arguments: &[&str]) -> NodeTiming {
    let grace = arguments.iter().find_map(|argument| {
        let seconds = argument.strip_prefix("--kube-controller-manager-arg=node-monitor-grace-period=")?;
        seconds.strip_suffix('s')?.parse().ok()
    });
    let standard = NodeTiming::default();
    let node_grace = grace.map_or(standard.node_grace, Duration::from_secs);
    NodeTiming {
        node_grace,
        // As often as k3s' nodes, in proportion.
        lease: standard.lease.min(node_grace / 5),
        ..standard
    }
}

fn known(argument: &&&str) -> bool {
    let name = argument.split('=').next().unwrap_or_default();
    let flags = [
        "--node-name",
        "--disable",
        "--disable-helm-controller",
        "--disable-network-policy",
        "--flannel-backend",
        "--kubelet-arg",
        "--kube-proxy-arg",
        "--kube-apiserver-arg",
        "--kube-controller-manager-arg",
        "--tls-san",
    ];
    flags.contains(&name)
}

fn served(arguments: &[&str]) -> Option<controllers::Served> {
    let off = |kind: &str| {
        let argument = format!("--kube-controller-manager-arg=controllers+=-{kind}");
        arguments.contains(&argument.as_str())
    };
    match (off("statefulset"), off("daemonset")) {
        (false, false) => Some(controllers::Served::ALL),
        (true, false) => Some(controllers::Served::DAEMON_SETS),
        (false, true) => Some(controllers::Served::STATEFUL_SETS),
        (true, true) => None,
    }
}

/// Reads the archives that are there at the start, and says which images they hold.
fn import(folder: &Path) -> Outcome<()> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let mut archive = tar::Archive::new(std::fs::File::open(entry?.path())?);
        for file in archive.entries()? {
            let file = file?;
            if file.path()?.as_os_str() == "manifest.json" {
                let manifest: Value = serde_json::from_reader(file)?;
                log("info", &format!("Imported images {}", manifest[0]["RepoTags"]));
            }
        }
    }
    Ok(())
}

/// What k3s brings along and Ordinal waits for.
async fn add_ons(client: &Client, fails: &str) -> Outcome<()> {
    let system = "/api/v1/namespaces/kube-system";
    for (name, of) in [("coredns", "dns"), ("local-path-provisioner", "storage")] {
        if of == fails {
            continue;
        }
        let labels = json!({ "app": name });
        let deployments = "/apis/apps/v1/namespaces/kube-system/deployments";
        let deployment = json!({
            "metadata": { "name": name },
            "spec": {
                "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": { "containers": [{ "name": name, "image": name }] } },
            },
        });
        send(client, "POST", deployments, &deployment).await?;
        let status = json!({ "status": { "conditions": [{ "type": "Available", "status": "True" }] } });
        send(client, "PATCH", &format!("{deployments}/{name}/status"), &status).await?;
    }
    let slice = json!({
        "metadata": { "name": "kube-dns-1", "labels": { "kubernetes.io/service-name": "kube-dns" } },
        "addressType": "IPv4",
        "endpoints": [{ "addresses": ["10.42.0.2"] }],
        "ports": [{ "name": "dns", "port": 53, "protocol": "UDP" }],
    });
    send(
        client,
        "POST",
        "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices",
        &slice,
    )
    .await?;
    let service = json!({
        "metadata": { "name": "kube-dns" },
        "spec": { "ports": [{ "name": "dns", "port": 53, "protocol": "UDP" }] },
    });
    send(client, "POST", &format!("{system}/services"), &service).await?;
    match fails {
        "dns-answer" => {
            let known = "/api/v1/namespaces/default/services/kubernetes";
            send(client, "DELETE", known, &json!({})).await
        }
        "default-class" => {
            let class = format!(
                "/apis/storage.k8s.io/v1/storageclasses/{}",
                embedded::STORAGE_CLASS_NAME
            );
            let none = json!({ "metadata": { "annotations": { "storageclass.kubernetes.io/is-default-class": null } } });
            send(client, "PATCH", &class, &none).await
        }
        _ => Ok(()),
    }
}

/// A node that is Ready, and nothing more; with the taint of a new one, which nobody takes away, if it is to keep it.
async fn register_node(client: &Client, tainted: bool) -> Outcome<()> {
    let node = json!({ "metadata": { "name": "server-0" } });
    send(client, "POST", "/api/v1/nodes", &node).await?;
    if !tainted {
        let without = json!({ "spec": { "taints": null } });
        send(client, "PATCH", "/api/v1/nodes/server-0", &without).await?;
    }
    let status = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
    send(client, "PATCH", "/api/v1/nodes/server-0/status", &status).await
}

async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Outcome<()> {
    let content = if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content)
        .body(body.to_string().into_bytes())?;
    client.request::<Value>(request).await?;
    Ok(())
}

/// Every write on standard output, as the API server's audit log tells it.
async fn tell_writes(mut audit: embedded::api::AuditStream) {
    while let Some(record) = audit.next().await {
        // Nobody may be reading.
        let _ = writeln!(std::io::stdout(), "{}", event(&record));
    }
}

fn event(record: &AuditRecord) -> Value {
    // The administrator of k3s has another name.
    let user = match record.identity.user.as_str() {
        "kubernetes-admin" => "system:admin",
        user => user,
    };
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "stage": "ResponseComplete",
        "verb": record.verb,
        "user": { "username": user },
        "userAgent": record.identity.agent,
        "objectRef": {
            "resource": record.resource.plural.to_string(), "namespace": record.namespace, "name": record.name,
            "subresource": record.subresource.map(|subresource| subresource.name()),
        },
        "responseStatus": { "code": record.code },
        "responseObject": {
            "metadata": { "name": record.name, "resourceVersion": record.resource_version.map(|version| version.to_string()) },
        },
    })
}

async fn until_ended() -> Outcome<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
