//! `ordinal doctor`.

use super::{AskedToEnd, place::patient};
use crate::{arguments::Doctor, exit::INTERRUPTED, output::print};
use anyhow::Context;
use engine::{
    CancellationToken, ClusterChoice,
    cluster::{Finding, KubeconfigOptions, examine_kubeconfig},
};

const ENVIRONMENT: u8 = 3;

/// Runs the command: 0 if a run can take place, 3 if not.
pub fn run(options: &Doctor) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    match patient(options)? {
        Some(ClusterChoice::Kubeconfig(kubeconfig)) => runtime.block_on(of_cluster(&kubeconfig)),
        Some(ClusterChoice::Embedded { .. }) => {
            print("the embedded cluster is part of this program and needs nothing of this host")?;
            Ok(0)
        }
        _ => of_host(options, &runtime),
    }
}

#[cfg(feature = "k3s")]
fn of_host(options: &Doctor, runtime: &tokio::runtime::Runtime) -> anyhow::Result<u8> {
    let k3s = super::k3s::options_of(&options.k3s);
    let findings = runtime.block_on(engine::cluster::k3s::doctor::examine(&k3s));
    for finding in &findings {
        print(&finding.to_string())?;
    }
    conclude(
        &findings,
        "k3s can run here",
        "k3s cannot run here; --cluster embedded needs nothing of this",
    )
}

#[cfg(not(feature = "k3s"))]
fn of_host(_: &Doctor, _: &tokio::runtime::Runtime) -> anyhow::Result<u8> {
    super::without_k3s::run("doctor")
}

async fn of_cluster(options: &KubeconfigOptions) -> anyhow::Result<u8> {
    let mut asked_to_end = AskedToEnd::listen()?;
    let stop = CancellationToken::new();
    let listener = {
        let stop = stop.clone();
        tokio::spawn(async move {
            asked_to_end.wait().await;
            stop.cancel();
            // Whoever asks twice does not want to wait until everything is removed.
            asked_to_end.wait().await;
            std::process::exit(INTERRUPTED.into());
        })
    };
    let findings = examine_kubeconfig(options, &stop).await;
    listener.abort();
    for finding in &findings {
        print(&finding.to_string())?;
        let costs = costs(finding);
        if !costs.is_empty() {
            print(&format!("{:27} costs {}", "", costs.join(", ")))?;
        }
    }
    if stop.is_cancelled() {
        return Ok(INTERRUPTED);
    }
    conclude(
        &findings,
        "a run can take place on this cluster",
        "no run can take place on this cluster; --cluster embedded needs nothing of this",
    )
}

/// The scenarios that are skipped for what was found.
fn costs(finding: &Finding) -> Vec<&'static str> {
    let scenarios = suites::scenarios::all().into_iter();
    scenarios
        .filter(|scenario| scenario.needs.iter().any(|need| finding.lacks.contains(need)))
        .map(|scenario| scenario.name)
        .collect()
}

fn conclude(findings: &[Finding], can: &str, cannot: &str) -> anyhow::Result<u8> {
    let fatal = findings.iter().any(Finding::is_fatal);
    print(if fatal { cannot } else { can })?;
    Ok(if fatal { ENVIRONMENT } else { 0 })
}
