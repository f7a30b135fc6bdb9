//! From containers that run to a cluster that can be used, step by step.

use super::{
    container::{API_PORT, Container},
    did_not_start, kubeconfig,
    log::Log,
    readiness::{self, LOOK, Step},
    symptoms,
};
use crate::{
    candidate::Kind,
    clock::{self, Stopwatch},
    cluster::{ClusterError, Connection, HandOver, kubeconfig::open},
};
use kube::config::Kubeconfig;
use std::{path::PathBuf, time::Duration};

/// How many of the last lines of its log a failure shows.
const SHOWN: usize = 8;

/// A start under way.
pub struct Start<'a> {
    /// What the nodes say.
    pub log: Log,
    /// Where that is kept.
    pub log_file: PathBuf,
    /// Since when.
    pub clock: Stopwatch,
    /// How long it may take.
    pub patience: Duration,
    /// What is taken over.
    pub takes_over: &'a [Kind],
    /// Id of the run.
    pub run: &'a str,
}

/// A server whose every step is reached.
pub struct Reached {
    /// How it is reached from here.
    pub kubeconfig: Kubeconfig,
    /// The context of it.
    pub context: String,
    /// The proof that what is taken over is left alone. It is under way.
    pub hand_over: HandOver,
}

impl Start<'_> {
    /// An error that tells what was waited for, what the log says, and what it means.
    pub fn failed(&self, what: &str) -> ClusterError {
        let tail = self.log.tail();
        let shown = &tail[tail.len().saturating_sub(SHOWN)..];
        let mut reason = what.to_owned();
        let lines = std::iter::once(what).chain(tail.iter().map(String::as_str));
        if let Some(symptom) = symptoms::diagnose(lines) {
            reason += &format!("; {}: {}", symptom.cause, symptom.remedy);
        }
        if !shown.is_empty() {
            reason += &format!(
                "; its log is in {}, the end of it:\n  {}",
                self.log_file.display(),
                shown.join("\n  ")
            );
        }
        did_not_start(reason)
    }

    /// Waits until every step is reached. The first of the nodes is the server.
    ///
    /// # Errors
    /// When one is not reached in time, or a node ends.
    pub async fn until_usable(&self, nodes: &[Container]) -> Result<Reached, ClusterError> {
        let server = nodes.first().ok_or_else(|| did_not_start("it has no node"))?;
        let kubeconfig = loop {
            match fetch(server).await {
                Ok(kubeconfig) => break kubeconfig,
                Err(reason) => self.go_on(Step::Kubeconfig, nodes, &reason).await?,
            }
        };
        let context = kubeconfig
            .current_context
            .clone()
            .unwrap_or_else(|| "default".into());
        let connection: Connection = open(kubeconfig.clone(), context.clone())
            .await
            .map_err(|reason| self.failed(&reason))?;
        let mut hand_over = HandOver::default();
        for step in Step::OF_THE_API {
            while let Err(reason) = readiness::look(step, &connection, nodes.len()).await {
                self.go_on(step, nodes, &reason).await?;
            }
            tracing::debug!(after = ?self.clock.elapsed(), "{step}");
            if step == Step::ServiceAccount {
                // From here on the controllers are at work, and pods and what they need are what is left to wait for.
                hand_over = HandOver::begin(&connection.client, self.run, self.takes_over);
            }
        }
        Ok(Reached {
            kubeconfig,
            context,
            hand_over,
        })
    }

    /// Waits a little before the next look, unless there is no point in another one.
    async fn go_on(&self, step: Step, nodes: &[Container], last: &str) -> Result<(), ClusterError> {
        if let Some(line) = clock::within(LOOK, self.log.fatal()).await {
            return Err(self.failed(&format!("k3s gave up before {step}: {line}")));
        }
        for (number, node) in nodes.iter().enumerate() {
            if let Ok(false) = node.is_running().await {
                let code = node.exit_code().await.ok().flatten();
                let code = code.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
                // What it said last may still be under way.
                clock::pass(LOOK).await;
                let who = match number {
                    0 => "k3s".to_owned(),
                    agent => format!("agent-{agent}"),
                };
                return Err(self.failed(&format!("{who} exited with code {code} before {step}")));
            }
        }
        if self.clock.elapsed() > self.patience.into() {
            return Err(self.failed(&format!(
                "{step} was not reached within {:?}; last seen: {last}",
                self.patience
            )));
        }
        Ok(())
    }
}

/// Where published ports of the container are reached from this side.
pub async fn host(container: &Container) -> Result<String, String> {
    let host = container.get_host().await.map_err(|error| error.to_string())?;
    // The certificate of a local server names the address, and not every name that stands for it.
    Ok(match host.to_string() {
        host if host == "localhost" => "127.0.0.1".to_owned(),
        host => host,
    })
}

/// Takes the kubeconfig out of the container, and rewrites it for this side of the published port.
async fn fetch(container: &Container) -> Result<Kubeconfig, String> {
    let bytes = container
        .copy_file_from(kubeconfig::PATH, Vec::new())
        .await
        .map_err(|error| error.to_string())?;
    let host = host(container).await?;
    let port = container
        .get_host_port_ipv4(API_PORT)
        .await
        .map_err(|error| error.to_string())?;
    kubeconfig::rewrite(&String::from_utf8_lossy(&bytes), &host, port).map_err(|error| error.to_string())
}
