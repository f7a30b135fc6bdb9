//! One scenario from its first watch to its judgements.

use super::{
    Keep, Progress, RunError,
    attempt::Attempt,
    judge::judged,
    kept::Kept,
    performed::{Performed, Recorded},
};
use crate::{
    candidate::{RunningCandidate, panic_text},
    clock::Stopwatch,
    cluster::{Cluster, Role, create_namespace, keep_namespace, remove_namespace},
    gate::GateKeeper,
    lag::{Lag, Machine},
    manifest::Overlay,
    observe::{Wanted, Watched, observe},
    patience::Limits,
    recorder::Recorder,
    scenario::Scenario,
    stage::{Inner, Stage, StepError},
};
use futures::FutureExt;
use history::{End, Meta, Observation};
use judging::Rule;
use reports::Outcome;
use std::{panic::AssertUnwindSafe, path::Path, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What scenarios of one run share.
#[derive(Clone)]
pub(super) struct Venue<'a> {
    pub cluster: Arc<dyn Cluster>,
    pub candidate: &'a crate::candidate::Candidate,
    pub running: &'a RunningCandidate,
    pub rules: &'a [&'static Rule],
    pub out: Option<&'a Path>,
    pub run_id: String,
    pub keep: Keep,
    /// Whether histories stay in memory once they are judged.
    pub keep_histories: bool,
    pub tell: &'a (dyn Fn(Progress) + Sync),
    pub stop: CancellationToken,
    /// The machine, if time is real: then its delays matter, and so does who holds up whom.
    pub machine: Option<Machine>,
    /// Seed of all identifiers, if time is virtual.
    pub virtual_seed: Option<u64>,
}

/// Why a scenario makes no sense here, if it does not.
pub(super) fn reason_to_skip(scenario: &Scenario, venue: &Venue<'_>) -> Option<String> {
    let missing: Vec<String> = scenario
        .needs
        .iter()
        .filter(|need| !venue.cluster.capabilities().contains(need))
        .map(|need| match venue.cluster.why_not(*need) {
            Some(why) => format!("{need} ({why})"),
            None => need.to_string(),
        })
        .collect();
    if !missing.is_empty() {
        return Some(format!(
            "the {} cluster has no {}",
            venue.cluster.name(),
            missing.join(", ")
        ));
    }
    let absent = scenario
        .features
        .iter()
        .find(|feature| venue.candidate.declarations.unsupported.contains(feature))?;
    Some(format!("the candidate declares {absent} unsupported"))
}

/// Performs one scenario in a namespace of its own and judges what was recorded.
pub(super) async fn perform(
    scenario: &Scenario,
    venue: &Venue<'_>,
    limits: Limits,
    attempt: Attempt,
) -> Result<Performed, RunError> {
    if let Some(reason) = reason_to_skip(scenario, venue) {
        return Ok(Performed::skipped(scenario, reason));
    }
    if venue.stop.is_cancelled() {
        return Ok(Performed::not_begun(scenario, stopped()));
    }
    let watch = Stopwatch::start();
    let namespace = match attempt.number {
        1 => format!("{}-{}", scenario.name, venue.run_id),
        again => format!("{}-{}-{again}", scenario.name, venue.run_id),
    };
    let (file, mut kept) = Kept::begin(venue.out, scenario.name);
    let recorder = Recorder::start(meta(scenario, venue, &namespace, limits), file);
    let client = venue.cluster.client(Role::Harness);
    let mut tasks = JoinSet::new();
    let lag = Lag::known(attempt.lag);
    if let Some(machine) = &venue.machine {
        machine.tells(&lag);
    }
    let outcome = match prepare(&client, venue, &namespace, &recorder, &mut tasks).await {
        Ok(()) => {
            act(
                scenario,
                venue,
                limits,
                &namespace,
                client.clone(),
                &recorder,
                &lag,
            )
            .await?
        }
        Err(reason) => Outcome::Environment { reason },
    };
    // From here on nothing is recorded any more: clean-up is not part of the story.
    tasks.shutdown().await;
    if let Some(machine) = &venue.machine {
        machine.turn().await;
    }
    let turn = lag.turn();
    recorder.record(Observation::End(end(&outcome, turn)));
    let seconds = watch.elapsed().as_micros() as f64 / 1e6;
    let history = recorder.take_history();
    if let Some(error) = recorder.file_error() {
        kept.broke_off(error);
    }
    let spoiled = venue.machine.is_some() && limits.spoiled(lag.shortest_hold(), turn);
    let recorded = Recorded {
        kept,
        spoiled_by: spoiled.then_some(turn),
        ..judged(history, venue).await?
    };
    clean_up(&client, venue, &namespace, &outcome, &recorded).await;
    Ok(Performed {
        name: scenario.name,
        sentence: scenario.sentence,
        outcome,
        seconds,
        recorded: Some(recorded),
    })
}

fn meta(scenario: &Scenario, venue: &Venue<'_>, namespace: &str, limits: Limits) -> Meta {
    let declared = &venue.candidate.declarations;
    let known = declared.known_deviations.iter();
    let deviation = |known: &judging::KnownDeviation| history::Deviation {
        rule: known.rule.clone(),
        reason: known.reason.clone(),
    };
    Meta {
        scenario: scenario.name.into(),
        title: scenario.sentence.into(),
        namespace: namespace.into(),
        kubernetes: Some(venue.cluster.version()),
        started: Some(venue.cluster.now().to_string()),
        cluster: Some(venue.cluster.name().into()),
        candidate: Some(venue.candidate.name.clone()),
        unsupported: declared.unsupported.iter().map(ToString::to_string).collect(),
        known_deviations: known.map(deviation).collect(),
        virtual_seed: venue.virtual_seed,
        subject: venue.candidate.subject.clone(),
        patience: limits.judge,
        evidence: venue.cluster.evidence(),
    }
}

/// Makes the namespace and opens every watch before the first write of the story.
async fn prepare(
    client: &kube::Client,
    venue: &Venue<'_>,
    namespace: &str,
    recorder: &Recorder,
    tasks: &mut JoinSet<()>,
) -> Result<(), String> {
    let restricted = venue.cluster.overlay().workload_image.is_some();
    create_namespace(client, namespace, &venue.run_id, restricted).await?;
    if let Some(mut writes) = venue.cluster.writes() {
        let (recorder, namespace) = (recorder.clone(), namespace.to_owned());
        tasks.spawn(async move {
            while let Some(write) = writes.recv().await {
                let ours = write.namespace.as_deref() == Some(&namespace);
                if ours || (write.namespace.is_none() && write.name.contains(&namespace)) {
                    recorder.record(Observation::Write(write));
                }
            }
        });
    }
    for watched in watched(namespace) {
        observe(client, watched, recorder, tasks)
            .await
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn watched(namespace: &str) -> Vec<Watched> {
    let all = |group: &str, resource: &str| Watched {
        path: format!("{group}/namespaces/{namespace}/{resource}"),
        resource: resource.into(),
        wanted: Wanted::All,
    };
    vec![
        all("/apis/apps/v1", "statefulsets"),
        all("/apis/apps/v1", "daemonsets"),
        all("/apis/apps/v1", "controllerrevisions"),
        all("/api/v1", "pods"),
        all("/api/v1", "persistentvolumeclaims"),
        all("/api/v1", "services"),
        all("/apis/discovery.k8s.io/v1", "endpointslices"),
        all("/api/v1", "events"),
        Watched {
            path: "/api/v1/persistentvolumes".into(),
            resource: "persistentvolumes".into(),
            wanted: Wanted::VolumesOf(namespace.into()),
        },
        Watched {
            path: "/api/v1/nodes".into(),
            resource: "nodes".into(),
            wanted: Wanted::All,
        },
    ]
}

async fn act(
    scenario: &Scenario,
    venue: &Venue<'_>,
    limits: Limits,
    namespace: &str,
    client: kube::Client,
    recorder: &Recorder,
    lag: &Lag,
) -> Result<Outcome, RunError> {
    let gates = GateKeeper::new();
    let keeper = tokio::spawn(
        gates
            .clone()
            .work(client.clone(), namespace.to_owned(), recorder.clone()),
    );
    let overlay = Overlay {
        namespace: namespace.to_owned(),
        ..venue.cluster.overlay()
    };
    let stage = Stage::new(Inner {
        namespace: namespace.to_owned(),
        cluster: venue.cluster.clone(),
        client,
        recorder: recorder.clone(),
        gates: gates.clone(),
        limits,
        overlay,
        candidate: venue.running.ended(),
        lag: lag.clone(),
        spare: tokio::sync::OnceCell::new(),
    });
    let story = AssertUnwindSafe((scenario.script)(stage.clone())).catch_unwind();
    let told = tokio::select! {
        biased;
        () = venue.stop.cancelled() => None,
        told = story => Some(told),
    };
    keeper.abort();
    // However it ended: what is on a lost node could not be removed, and another scenario may wait for the node.
    stage.return_node().await;
    Ok(match told {
        None => stopped(),
        Some(Err(panic)) => {
            return Err(RunError::Harness(format!(
                "the scenario {} panicked: {}",
                scenario.name,
                panic_text(panic.as_ref())
            )));
        }
        Some(Ok(Ok(()))) => match gates.problem() {
            None => Outcome::Completed,
            Some(reason) => Outcome::Environment { reason },
        },
        Some(Ok(Err(StepError::CandidateEnded(ended)))) if ended.by_host => {
            Outcome::Environment { reason: ended.reason }
        }
        Some(Ok(Err(StepError::CandidateEnded(ended)))) => Outcome::Crashed { reason: ended.reason },
        Some(Ok(Err(StepError::NotReached { goal, last, why }))) => Outcome::Failed {
            waited_for: goal,
            last_seen: last,
            why,
        },
        // What the scenario wanted to work with is not there or not as it should be: a goal missed, no fault of the API.
        Some(Ok(Err(StepError::Refused {
            what,
            status,
            message,
        }))) if matches!(status, 400..=428) => Outcome::Failed {
            waited_for: what,
            last_seen: message,
            why: format!("the API server answered {status}"),
        },
        Some(Ok(Err(error))) => Outcome::Environment {
            reason: error.to_string(),
        },
    })
}

/// What becomes of a scenario that had not ended when the run was asked to.
fn stopped() -> Outcome {
    Outcome::Environment {
        reason: "the run was stopped".into(),
    }
}

fn end(outcome: &Outcome, turn: Duration) -> End {
    let lag_ms = crate::patience::millis(turn);
    match outcome {
        Outcome::Completed => End {
            outcome: "completed".into(),
            waiting_for: None,
            lag_ms,
        },
        Outcome::Failed {
            waited_for,
            last_seen,
            why,
        } => End {
            outcome: format!("gave up: {why}"),
            waiting_for: Some(format!("{waited_for}; last seen: {last_seen}")),
            lag_ms,
        },
        Outcome::Crashed { reason } | Outcome::Skipped { reason } | Outcome::Environment { reason } => End {
            outcome: reason.clone(),
            waiting_for: None,
            lag_ms,
        },
    }
}

/// Removes the namespace, unless it is worth a look.
async fn clean_up(
    client: &kube::Client,
    venue: &Venue<'_>,
    namespace: &str,
    outcome: &Outcome,
    recorded: &Recorded,
) {
    let keep = match venue.keep {
        Keep::Never => false,
        Keep::Failed => recorded.shows_a_defect() || ![Outcome::Completed, stopped()].contains(outcome),
        Keep::Always => true,
    };
    if keep {
        keep_namespace(client, namespace).await;
        (venue.tell)(Progress::Kept {
            namespace: namespace.to_owned(),
        });
    } else {
        remove_namespace(client, namespace).await;
    }
}
