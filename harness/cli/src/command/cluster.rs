//! `ordinal cluster up`.

use super::print;
use crate::{
    arguments::{Cluster, Up},
    exit::Usage,
};
use anyhow::Context;
use controllers::{Behaviour, Served};
use embedded::{ClusterConfig, Identity, ListenConfig, ListenError};
use std::{fs, path::PathBuf};

/// Runs the command.
pub fn run(command: Cluster) -> anyhow::Result<u8> {
    let Cluster::Up(options) = command;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(up(options))
}

async fn up(options: Up) -> anyhow::Result<u8> {
    let directory = tempfile::Builder::new()
        .prefix("ordinal-cluster-")
        .tempdir()
        .context("no run folder")?;
    let config = ClusterConfig {
        nodes: if options.no_controllers { 0 } else { options.nodes },
        controllers: !options.no_controllers,
        ..ClusterConfig::new(directory.path())
    };
    let cluster = embedded::Cluster::start(config).await?;
    let listen = ListenConfig {
        address: options.listen,
        token: options.token,
        tls: true,
    };
    let listening = cluster.listen(listen).await.map_err(|error| match error {
        ListenError::InUse { .. } => anyhow::Error::from(Usage(error.to_string())),
        other => other.into(),
    })?;
    let kubeconfig = options
        .kubeconfig
        .unwrap_or_else(|| directory.path().join("kubeconfig"));
    write_secret(&kubeconfig, &listening.kubeconfig())?;
    let mut workloads = None;
    if !options.no_controllers {
        let identity = Identity::component("workload-controllers");
        let client = engine::in_process_client(cluster.http_service(identity));
        workloads = Some(tokio::spawn(controllers::run(
            client,
            Behaviour::reference(),
            Served::ALL,
        )));
    }
    print(&format!(
        "serving {} with {} nodes until Ctrl-C\nexport KUBECONFIG={}",
        listening.url,
        if options.no_controllers { 0 } else { options.nodes },
        kubeconfig.display()
    ))?;
    super::until_asked_to_end().await?;
    if let Some(workloads) = workloads {
        workloads.abort();
    }
    cluster.shutdown().await;
    Ok(0)
}

/// Writes a file that only its owner can read.
fn write_secret(path: &PathBuf, text: &str) -> anyhow::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        Usage(format!(
            "the kubeconfig {} cannot be written: {error}; give another --kubeconfig",
            path.display()
        ))
        .into()
    })
}
