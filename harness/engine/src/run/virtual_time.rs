//! Virtual time: every scenario has a cluster of its own on a runtime whose clock jumps.

use super::{
    ClusterChoice, Keep, Outcome, Performed, Plan, Progress, RunError,
    attempt::Attempt,
    scenario::{Venue, perform},
};
use crate::{
    candidate::RunningCandidate,
    cluster::{Cluster, EmbeddedCluster, facts},
    patience::Limits,
    scenario::Scenario,
};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use tokio_util::sync::CancellationToken;

/// A scenario, and the cluster that it had to itself.
type Alone = (Performed, reports::ClusterFacts);

pub(super) fn run(
    plan: &Plan,
    seed: u64,
    stop: &CancellationToken,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Outcome, RunError> {
    let next = AtomicUsize::new(0);
    let slots: Vec<Mutex<Option<Result<Alone, RunError>>>> =
        plan.scenarios.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..plan.jobs.min(plan.scenarios.len()) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(scenario), Some(slot)) = (plan.scenarios.get(place), slots.get(place)) else {
                        return;
                    };
                    let result = alone(plan, scenario, seed, stop, tell);
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                }
            });
        }
    });
    let mut performed = Vec::new();
    let mut cluster = None;
    for slot in slots {
        let result = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (scenario, on) =
            result.unwrap_or_else(|| Err(RunError::Harness("a scenario got lost".into())))?;
        performed.push(scenario);
        cluster = Some(on);
    }
    let cluster = cluster.ok_or_else(|| RunError::Usage("there is no scenario to run".into()))?;
    Ok(Outcome {
        cluster,
        performed,
        patience: Limits::virtual_time().judge,
        started: None,
    })
}

fn alone(
    plan: &Plan,
    scenario: &Scenario,
    seed: u64,
    stop: &CancellationToken,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Alone, RunError> {
    tell(Progress::Started {
        scenario: scenario.name,
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| RunError::Harness(format!("no runtime: {error}")))?;
    let ClusterChoice::Embedded { nodes } = plan.cluster else {
        return Err(RunError::Usage("virtual time needs the embedded cluster".into()));
    };
    let work = async {
        let cluster: Arc<dyn Cluster> =
            Arc::new(EmbeddedCluster::start_virtual(nodes, seed, plan.dns_fault).await?);
        let running = RunningCandidate::launch(
            &plan.candidate,
            &cluster,
            std::path::Path::new(""),
            &plan.processes,
        )
        .await?;
        let venue = Venue {
            cluster: cluster.clone(),
            candidate: &plan.candidate,
            running: &running,
            rules: &plan.rules,
            out: plan.out.as_deref(),
            run_id: "v".into(),
            keep: Keep::Never,
            keep_histories: plan.keep_histories,
            tell,
            stop: stop.clone(),
            machine: None,
            virtual_seed: Some(seed),
        };
        let performed = perform(scenario, &venue, Limits::virtual_time(), Attempt::FIRST).await?;
        drop(running);
        cluster.shutdown().await;
        Ok::<_, RunError>((
            performed,
            facts(cluster.as_ref(), reports::Time::Virtual, Some(seed)),
        ))
    };
    let done = runtime.block_on(async {
        tokio::select! {
            biased;
            () = plan.at_once.cancelled() => Err(RunError::EndedAtOnce),
            done = work => done,
        }
    })?;
    tell(Progress::Finished {
        scenario: scenario.name,
        outcome: done.0.outcome.clone(),
        seconds: done.0.seconds,
        events: done.0.events(),
    });
    Ok(done)
}
