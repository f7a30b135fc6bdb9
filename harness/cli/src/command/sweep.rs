//! `ordinal sweep`.

use super::place::swept;
use crate::{arguments::Sweep, output::print};
use anyhow::Context;
use engine::{
    ClusterChoice,
    cluster::{KubeconfigCluster, KubeconfigOptions},
};
#[cfg(feature = "k3s")]
use engine::{cluster::k3s::docker::Engine, folder};

const ENVIRONMENT: u8 = 3;

/// Runs the command: 3 if something is left all the same.
pub fn run(options: &Sweep) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    match swept(options)? {
        ClusterChoice::Kubeconfig(kubeconfig) => {
            runtime.block_on(of_cluster(&kubeconfig, options.run.as_deref()))
        }
        _ => of_host(options.run.as_deref(), &runtime),
    }
}

/// Namespaces.
async fn of_cluster(options: &KubeconfigOptions, run: Option<&str>) -> anyhow::Result<u8> {
    let swept = KubeconfigCluster::sweep(options, run).await?;
    print(&match swept.gone {
        0 if swept.left.is_empty() => "no namespaces of runs were there".to_owned(),
        gone => format!("{} removed", counted(gone, "namespace")),
    })?;
    if swept.left.is_empty() {
        return Ok(0);
    }
    print(&format!("still there: {}", swept.left.join(", ")))?;
    Ok(ENVIRONMENT)
}

/// Folders and containers.
#[cfg(feature = "k3s")]
fn of_host(run: Option<&str>, runtime: &tokio::runtime::Runtime) -> anyhow::Result<u8> {
    // Neither keeps the other from being swept: folders are here, containers are the engine's.
    let folders = folder::sweep(run);
    if let Ok(folders @ 1..) = &folders {
        print(&format!("{} removed", counted(*folders, "folder")))?;
    }
    let removed = runtime.block_on(async { Engine::connect().await?.sweep(run).await })?;
    print(&match removed {
        0 => "no containers of runs were there".to_owned(),
        some => format!("{} removed", counted(some, "container")),
    })?;
    folders?;
    Ok(0)
}

#[cfg(not(feature = "k3s"))]
fn of_host(_: Option<&str>, _: &tokio::runtime::Runtime) -> anyhow::Result<u8> {
    super::without_k3s::run("sweep")
}

fn counted(number: usize, of: &str) -> String {
    let more = if number == 1 { "" } else { "s" };
    format!("{number} {of}{more}")
}
