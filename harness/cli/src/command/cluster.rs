//! `ordinal cluster`.

use super::kubeconfig_file::KubeconfigFile;
use crate::{
    arguments::{self, Cluster, Up},
    exit::Usage,
    output::print,
};
use anyhow::Context;
use controllers::{Behaviour, Served};
use embedded::{ClusterConfig, Identity, ListenConfig, ListenError};
use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

/// How many nodes the cluster has unless told otherwise.
const NODES: usize = 3;

/// Runs the command.
pub fn run(command: Cluster) -> anyhow::Result<u8> {
    let options = match command {
        Cluster::Up(options) => options,
        Cluster::Deviations { output } => return super::deviations::run(output),
    };
    let runtime = embedded::runtime().build().context("no runtime")?;
    runtime.block_on(up(options))
}

async fn up(options: Up) -> anyhow::Result<u8> {
    refuse_what_says_nothing(&options)?;
    let served = served(&options);
    let nodes = match options.no_controllers {
        true => 0,
        false => options.nodes.unwrap_or(NODES),
    };
    let mut asked_to_end = super::AskedToEnd::listen()?;
    let directory = engine::folder::Folder::make("cluster")?;
    let kubeconfig = match &options.kubeconfig {
        Some(path) => KubeconfigFile::at(path)?,
        None => KubeconfigFile::at(&directory.path().join("kubeconfig"))?,
    };
    let config = ClusterConfig {
        nodes,
        controllers: !options.no_controllers,
        ..ClusterConfig::new(directory.path())
    };
    let cluster = embedded::Cluster::start(config).await?;
    if let Some(path) = &options.audit_log {
        cluster.log_requests(audit_log(path)?);
    }
    let listen = ListenConfig {
        address: options.listen,
        token: options.token,
        tls: true,
    };
    let listening = cluster.listen(listen).await.map_err(|error| match error {
        ListenError::InUse { .. } => anyhow::Error::from(Usage(error.to_string())),
        ListenError::Bind { .. } => Usage(format!("{error}; give another --listen")).into(),
        other => other.into(),
    })?;
    let url = reached_at(listening.address);
    // Whoever has the kubeconfig may count the nodes at once.
    tokio::select! {
        () = cluster.nodes_registered(nodes) => {}
        () = asked_to_end.wait() => {
            cluster.shutdown().await;
            return Ok(0);
        }
    }
    kubeconfig.write(&embedded::kubeconfig(
        &url,
        listening.ca_pem.as_deref(),
        &listening.token,
        "kubernetes-admin",
    ))?;
    let mut workloads = None;
    if let Some(served) = served {
        let identity = Identity::component("workload-controllers");
        let client = engine::in_process_client(cluster.http_service(identity));
        workloads = Some(tokio::spawn(controllers::run(
            client,
            Behaviour::reference(),
            served,
        )));
    }
    print(&format!(
        "serving {} with {} nodes until Ctrl-C\nexport KUBECONFIG={}",
        url,
        nodes,
        kubeconfig.path().display()
    ))?;
    asked_to_end.wait().await;
    if let Some(workloads) = workloads {
        workloads.abort();
    }
    cluster.shutdown().await;
    Ok(0)
}

/// Nobody runs on nodes that no kubelet is played for, and nobody is left out of nothing.
fn refuse_what_says_nothing(options: &Up) -> Result<(), Usage> {
    let given = [
        ("--nodes", options.nodes.is_some()),
        ("--without", !options.without.is_empty()),
    ];
    match given.iter().find(|(_, given)| *given && options.no_controllers) {
        None => Ok(()),
        Some((option, _)) => Err(Usage(format!(
            "{option} says nothing with --no-controllers, which leaves the API server alone; leave one of them out"
        ))),
    }
}

/// What the cluster's own controllers of workloads serve.
fn served(options: &Up) -> Option<Served> {
    let kept = |kind| !options.no_controllers && !options.without.contains(&kind);
    match (
        kept(arguments::Served::Statefulset),
        kept(arguments::Served::Daemonset),
    ) {
        (true, true) => Some(Served::ALL),
        (true, false) => Some(Served::STATEFUL_SETS),
        (false, true) => Some(Served::DAEMON_SETS),
        (false, false) => None,
    }
}

/// Where requests are logged: a file that grows, or standard output.
fn audit_log(path: &Path) -> anyhow::Result<Box<dyn Write + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdout()));
    }
    match fs::OpenOptions::new().create(true).append(true).open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Usage(format!(
            "the audit log {} cannot be written: {error}; give another --audit-log",
            path.display()
        ))
        .into()),
    }
}

/// Where a client on this host reaches the API server, by an address that its certificate names.
fn reached_at(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        // It listens on all addresses, this one included.
        true => format!("https://{}:{}", Ipv4Addr::LOCALHOST, address.port()),
        false => format!("https://{address}"),
    }
}
