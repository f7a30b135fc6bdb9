//! Real time: one cluster, scenarios side by side in namespaces of their own.

use super::{
    ClusterChoice, Outcome, Performed, Plan, Progress, RunError, first_contact,
    scenario::{Venue, perform},
};
use crate::{
    candidate::RunningCandidate,
    clock::Stopwatch,
    cluster::{Cluster, EmbeddedCluster, facts},
    patience::Limits,
    scenario::Scenario,
};
use futures::{StreamExt, stream};
use reports::Outcome as Ending;
use std::{path::Path, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

pub(super) fn run(
    plan: &Plan,
    stop: &CancellationToken,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Outcome, RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| RunError::Harness(format!("no runtime: {error}")))?;
    let outcome = runtime.block_on(on_cluster(plan, stop, tell));
    runtime.shutdown_timeout(Duration::from_secs(2));
    outcome
}

async fn on_cluster(
    plan: &Plan,
    stop: &CancellationToken,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Outcome, RunError> {
    let started = Stopwatch::start();
    let ClusterChoice::Embedded { nodes } = plan.cluster;
    let cluster: Arc<dyn Cluster> = Arc::new(EmbeddedCluster::start(nodes).await?);
    tell(Progress::ClusterReady {
        cluster: cluster.name().into(),
        after: Duration::from_micros(started.elapsed().as_micros()),
    });
    let directory = tempfile::Builder::new()
        .prefix("ordinal-run-")
        .tempdir()
        .map_err(|source| RunError::File {
            path: std::env::temp_dir(),
            source,
        })?;
    let outcome = on_candidate(plan, &cluster, directory.path(), stop, tell).await;
    cluster.shutdown().await;
    outcome
}

async fn on_candidate(
    plan: &Plan,
    cluster: &Arc<dyn Cluster>,
    directory: &Path,
    stop: &CancellationToken,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Outcome, RunError> {
    let log_directory = plan.out.as_deref().unwrap_or(directory);
    std::fs::create_dir_all(log_directory).map_err(|source| RunError::File {
        path: log_directory.into(),
        source,
    })?;
    let running = RunningCandidate::launch(&plan.candidate, cluster, log_directory).await?;
    let started = cluster.now().to_string();
    let venue = Venue {
        cluster: cluster.clone(),
        candidate: &plan.candidate,
        running: &running,
        rules: &plan.rules,
        out: plan.out.as_deref(),
        run_id: run_id(),
        volume_root: cluster.volume_root(),
        stop: stop.clone(),
        measures_lag: true,
    };
    let first = one(
        &first_contact::FIRST_CONTACT,
        &venue,
        first_contact::limits(plan.candidate.startup),
        tell,
    )
    .await?;
    let reaction = first
        .recorded
        .as_ref()
        .and_then(|recorded| first_contact::reaction(&recorded.history));
    let limits = Limits::calibrated(reaction.unwrap_or_default());
    if let Some(reaction) = reaction {
        tell(Progress::Calibrated {
            reaction,
            hold: limits.hold,
        });
    }
    let alive = first.outcome == Ending::Completed || reaction.is_some();
    let crashed = matches!(first.outcome, Ending::Crashed { .. });
    let rest: Vec<Result<Performed, RunError>> = if alive && !crashed {
        stream::iter(&plan.scenarios)
            .map(|scenario| one(scenario, &venue, limits, tell))
            .buffered(plan.jobs)
            .collect()
            .await
    } else {
        let reason = if crashed {
            "the candidate ended"
        } else {
            "the candidate never acted on a new set"
        };
        plan.scenarios
            .iter()
            .map(|scenario| Ok(Performed::skipped(scenario, reason.into())))
            .collect()
    };
    let mut performed = vec![first];
    for scenario in rest {
        performed.push(scenario?);
    }
    Ok(Outcome {
        cluster: facts(cluster.as_ref(), reports::Time::Real, None),
        performed,
        patience: limits.judge,
        started: Some(started),
    })
}

async fn one(
    scenario: &Scenario,
    venue: &Venue<'_>,
    limits: Limits,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Performed, RunError> {
    tell(Progress::Started {
        scenario: scenario.name,
    });
    let performed = perform(scenario, venue, limits).await?;
    tell(Progress::Finished {
        scenario: scenario.name,
        outcome: performed.outcome.clone(),
        seconds: performed.seconds,
        events: performed
            .recorded
            .as_ref()
            .map_or(0, |recorded| recorded.history.len()),
    });
    Ok(performed)
}

/// Four characters that tell the namespaces of this run from those of others.
fn run_id() -> String {
    let mut random = fastrand::Rng::new();
    std::iter::repeat_with(|| random.lowercase()).take(4).collect()
}
