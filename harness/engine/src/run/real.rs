//! Real time: one cluster, scenarios side by side in namespaces of their own.

use super::{
    Outcome, Performed, Plan, Progress, RunError,
    attempt::Attempt,
    first_contact, hand_over,
    pace::Pace,
    scenario::{Venue, perform, reason_to_skip},
};
use crate::{
    candidate::{RunningCandidate, panic_text},
    clock::Stopwatch,
    cluster::{Cluster, ClusterError, HandOver, facts, run_id},
    folder::Folder,
    lag::Machine,
    patience::Limits,
    scenario::Scenario,
};
use futures::{FutureExt, StreamExt, stream};
use std::{num::NonZero, panic::AssertUnwindSafe, sync::Arc, thread, time::Duration};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Threads beside the one that drives the scenarios, which has little to do: as many as have work.
const WORKERS: usize = 2;

pub(super) fn run(
    plan: &Plan,
    stop: &CancellationToken,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Outcome, RunError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = embedded::runtime()
        .worker_threads(cores.clamp(1, WORKERS))
        .build()
        .map_err(|error| RunError::Harness(format!("no runtime: {error}")))?;
    let run = run_id();
    let outcome = runtime.block_on(async {
        let outcome = tokio::select! {
            biased;
            () = plan.at_once.cancelled() => None,
            outcome = on_cluster(plan, &run, stop, tell) => Some(outcome),
        };
        match outcome {
            Some(outcome) => outcome,
            None => {
                plan.cluster.abandon_at_once(&run).await;
                Err(RunError::EndedAtOnce)
            }
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(2));
    outcome
}

async fn on_cluster(
    plan: &Plan,
    run: &str,
    stop: &CancellationToken,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Outcome, RunError> {
    let started = Stopwatch::start();
    let begun = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        started = plan.cluster.start(&plan.candidate, run) => Some(started?),
    };
    let Some((cluster, hand_over)) = begun else {
        plan.cluster.abandon(run).await;
        return Err(RunError::Stopped);
    };
    tell(Progress::ClusterReady {
        cluster: cluster.name().into(),
        after: started.elapsed().into(),
    });
    let (ready, before) = (Stopwatch::start(), cluster.requests());
    // Whatever happens from here on, the cluster is left as it was found.
    let machine = Machine::default();
    let mut watching = JoinSet::new();
    watching.spawn(machine.clone().watch());
    let work = async {
        tokio::select! {
            outcome = on_candidate(plan, &cluster, hand_over, run, stop, tell, &machine) => outcome,
            // Without it the machine would seem to be at ease.
            Some(Err(error)) = watching.join_next() => Err(RunError::Harness(format!("nobody watches the machine: {error}"))),
        }
    };
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    if before.is_some() {
        tell(Progress::Leaving {
            cluster: cluster.name().into(),
        });
    }
    cluster.shutdown().await;
    // Of a run that did not come about the average says nothing.
    let came_about = matches!(outcome, Ok(Ok(_)));
    if let (Some(before), Some(after)) = (before.filter(|_| came_about), cluster.requests()) {
        let requests = after.saturating_sub(before);
        let took: Duration = ready.elapsed().into();
        tell(Progress::Asked {
            requests,
            per_second: requests as f64 / took.as_secs_f64().max(f64::EPSILON),
        });
    }
    outcome.unwrap_or_else(|panic| Err(RunError::Harness(panic_text(panic.as_ref()).to_owned())))
}

async fn on_candidate(
    plan: &Plan,
    cluster: &Arc<dyn Cluster>,
    hand_over: HandOver,
    run: &str,
    stop: &CancellationToken,
    tell: &(dyn Fn(Progress) + Sync),
    machine: &Machine,
) -> Result<Outcome, RunError> {
    let directory = Folder::make(&format!("run-{run}")).map_err(ClusterError::from)?;
    let log_directory = plan.out.as_deref().unwrap_or(directory.path());
    std::fs::create_dir_all(log_directory).map_err(|source| RunError::File {
        path: log_directory.into(),
        source,
    })?;
    tokio::select! {
        biased;
        () = stop.cancelled() => return Err(RunError::Stopped),
        proven = hand_over::prove(hand_over, &plan.candidate, cluster.as_ref()) => proven?,
    }
    let running = RunningCandidate::launch(&plan.candidate, cluster, log_directory, &plan.processes).await?;
    let started = cluster.now().to_string();
    let venue = Venue {
        cluster: cluster.clone(),
        candidate: &plan.candidate,
        running: &running,
        rules: &plan.rules,
        out: plan.out.as_deref(),
        run_id: run.to_owned(),
        keep: plan.keep,
        keep_histories: plan.keep_histories,
        tell,
        stop: stop.clone(),
        machine: Some(machine.clone()),
        virtual_seed: None,
    };
    // How fast the candidate is, its history tells.
    let telling = Venue {
        keep_histories: true,
        ..venue.clone()
    };
    let pace = Pace::default();
    let mut first = one(
        &first_contact::FIRST_CONTACT,
        &telling,
        first_contact::limits(plan.candidate.startup).with_nodes(cluster.node_silence()),
        &pace,
        tell,
    )
    .await?;
    let reaction = first
        .recorded
        .as_ref()
        .and_then(|recorded| first_contact::reaction(recorded.history.as_ref()?));
    let limits = Limits::calibrated(reaction.unwrap_or_default())
        .with_dns_cache(cluster.dns_cache())
        .with_nodes(cluster.node_silence());
    if let Some(reaction) = reaction {
        tell(Progress::Calibrated {
            reaction,
            hold: limits.hold,
        });
    }
    let hopeless = first_contact::hopeless(
        &first.outcome,
        first
            .recorded
            .as_ref()
            .and_then(|recorded| recorded.history.as_ref()),
    )
    // A run that was stopped says so of each of them.
    .filter(|_| !stop.is_cancelled());
    let rest: Vec<Result<Performed, RunError>> = if let Some(reason) = hopeless {
        plan.scenarios
            .iter()
            .map(|scenario| Ok(Performed::skipped(scenario, reason.clone())))
            .collect()
    } else {
        // Not in order: one that takes long must not keep the others from starting.
        let mut done: Vec<_> = stream::iter(plan.scenarios.iter().enumerate())
            .map(|(place, scenario)| {
                let one = one(scenario, &venue, limits, &pace, tell);
                async move { (place, one.await) }
            })
            .buffer_unordered(plan.jobs)
            .collect()
            .await;
        done.sort_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, performed)| performed).collect()
    };
    if let Some(recorded) = first.recorded.as_mut().filter(|_| !plan.keep_histories) {
        recorded.history = None;
    }
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
    pace: &Pace,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Performed, RunError> {
    tell(Progress::Started {
        scenario: scenario.name,
    });
    let mut attempt = Attempt::FIRST;
    let performed = loop {
        if reason_to_skip(scenario, venue).is_none() {
            tokio::select! {
                biased;
                () = venue.stop.cancelled() => {}
                () = pace.turn() => {}
            }
        }
        let mut performed = perform(scenario, venue, limits, attempt).await?;
        let Some(next) = attempt.after(&performed) else {
            break performed;
        };
        if let Err(error) = attempt.keep_history(venue.out, scenario.name) {
            // The next attempt would overwrite it. Of a history that is lost already this says nothing new.
            performed.loses_its_history(error);
            break performed;
        }
        tell(Progress::Repeated {
            scenario: scenario.name,
            turn: performed.spoiled_by().unwrap_or_default(),
        });
        attempt = next;
    };
    tell(Progress::Finished {
        scenario: scenario.name,
        outcome: performed.outcome.clone(),
        seconds: performed.seconds,
        events: performed.events(),
    });
    Ok(performed)
}
