//! `ordinal controller`.

use crate::{
    arguments::{self, Controller},
    exit::Usage,
};
use anyhow::Context;
use controllers::{Behaviour, Served};
use kube::config::{KubeConfigOptions, Kubeconfig};

/// Runs the command.
pub fn run(options: Controller) -> anyhow::Result<u8> {
    let behaviour = match &options.mutant {
        None => Behaviour::reference(),
        Some(id) => controllers::mutant(id)
            .map(Behaviour::mutant)
            .ok_or_else(|| super::no_such_mutant(id))?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(work(options, behaviour))
}

async fn work(options: Controller, behaviour: Behaviour) -> anyhow::Result<u8> {
    let mut asked_to_end = super::AskedToEnd::listen()?;
    let given = match &options.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let given =
        given.map_err(|error| Usage(format!("no kubeconfig: {error}; give one with --kubeconfig")))?;
    let mut config = kube::Config::from_custom_kubeconfig(given, &KubeConfigOptions::default())
        .await
        .map_err(|error| Usage(format!("the kubeconfig cannot be used: {error}")))?;
    // The controllers retry by themselves, with fresh decisions.
    config.default_retry = false;
    let client = kube::Client::try_from(config).context("no client")?;
    let served = match options.only {
        None => Served::ALL,
        Some(arguments::Served::Statefulset) => Served::STATEFUL_SETS,
        Some(arguments::Served::Daemonset) => Served::DAEMON_SETS,
    };
    tokio::select! {
        ended = controllers::run(client, behaviour, served) => ended?,
        () = asked_to_end.wait() => {}
    }
    Ok(0)
}
