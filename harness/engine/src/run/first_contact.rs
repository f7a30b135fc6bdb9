//! The first scenario of every run in real time: does the candidate act at all, and how fast?

use crate::{
    manifest::MYAPP,
    patience::Limits,
    scenario::Scenario,
    stage::{Stage, StepError},
};
use futures::{FutureExt, future::BoxFuture};
use history::{Elapsed, History, Observation, WatchKind};
use reports::Outcome;
use serde_json::json;
use std::time::Duration;

/// A set of two, created and scaled by one.
pub(super) const FIRST_CONTACT: Scenario = Scenario {
    name: "first-contact",
    sentence: "A small set is created and scaled, to see that the candidate acts and how fast it reacts.",
    profiles: &[],
    needs: &[],
    features: &[],
    script: story,
};

fn story(stage: Stage) -> BoxFuture<'static, Result<(), StepError>> {
    async move {
        tokio::select! {
            biased;
            settled = grow(&stage) => settled,
            missing = stage.image_missing() => Err(StepError::Cluster(format!(
                "{missing}; make the image available to the nodes, or have an image of the workload play it"
            ))),
        }
    }
    .boxed()
}

async fn grow(stage: &Stage) -> Result<(), StepError> {
    stage.step("create myapp with 2 replicas");
    stage
        .apply(MYAPP.load()?.set(&json!({ "spec": { "replicas": 2 } })))
        .await?;
    stage.until_settled("myapp").await?;
    stage.scale("myapp", 3).await?;
    stage.until_settled("myapp").await
}

/// Why nothing more is performed after a first contact that ended like this; `None` if the candidate can be judged.
pub(super) fn hopeless(outcome: &Outcome, history: Option<&History>) -> Option<String> {
    match outcome {
        Outcome::Completed => None,
        Outcome::Crashed { .. } => Some("the candidate ended".into()),
        _ if history.is_some_and(|history| reaction(history).is_some()) => None,
        Outcome::Environment { reason } => Some(format!("the first set did not come up: {reason}")),
        Outcome::Failed { last_seen, .. } if history.is_some_and(acted) => {
            Some(format!("the first set did not come up: {last_seen}"))
        }
        _ => Some("the candidate never acted on a new set".into()),
    }
}

/// Whether the candidate made anything at all.
fn acted(history: &History) -> bool {
    history.events().iter().any(|event| match &event.what {
        Observation::Watch(watch) => {
            watch.kind == WatchKind::Added && MADE.contains(&watch.resource.as_str())
        }
        _ => false,
    })
}

/// What a candidate makes for a set that it takes a step for.
const MADE: [&str; 2] = ["persistentvolumeclaims", "pods"];

/// Limits for the first contact: as patient as a candidate that is still starting needs.
pub(super) fn limits(startup: Duration) -> Limits {
    let mut limits = Limits::calibrated(Duration::from_millis(50));
    let patient = startup.max(limits.judge.reaction());
    limits.judge.reaction_ms = u64::try_from(patient.as_millis()).unwrap_or(u64::MAX);
    limits.quiet = patient + Duration::from_millis(250);
    limits
}

/// The candidate's slowest reaction: from the event that enables its next step to the first object it makes.
///
/// The creation of the set is left out: a candidate that is still starting is slow then.
pub(super) fn reaction(history: &History) -> Option<Duration> {
    let mut enabled: Option<Elapsed> = None;
    let mut slowest = None;
    let mut started = false;
    for event in history.events() {
        let Observation::Watch(watch) = &event.what else {
            continue;
        };
        match (watch.kind, watch.resource.as_str()) {
            (WatchKind::Added, made) if MADE.contains(&made) => {
                if let Some(since) = enabled.take().filter(|_| started) {
                    slowest = slowest.max(Some(event.at.since(since)));
                }
                started = true;
            }
            // A pod that became Ready, or a wish that changed, enables the next creation.
            (WatchKind::Modified, "pods") if is_ready(&watch.object) => enabled = Some(event.at),
            (WatchKind::Modified, "statefulsets") if enabled.is_none() && unobserved(&watch.object) => {
                enabled = Some(event.at);
            }
            _ => {}
        }
    }
    slowest
}

fn is_ready(pod: &serde_json::Value) -> bool {
    history::PodState::of(std::sync::Arc::new(pod.clone()), "").healthy()
}

fn unobserved(set: &serde_json::Value) -> bool {
    history::Status::of(set).observed_generation.unwrap_or_default() < history::Spec::of(set).generation
}

#[cfg(test)]
mod tests {
    use super::*;
    use history::{Event, WatchEvent};
    use serde_json::Value;
    use std::sync::Arc;

    fn seen(at: u64, kind: WatchKind, resource: &str, object: Value) -> Event {
        let watch = WatchEvent {
            kind,
            resource: resource.into(),
            object: Arc::new(object),
        };
        Event {
            at: Elapsed::from_millis(at),
            what: Observation::Watch(watch),
        }
    }

    #[test]
    fn the_slowest_step_after_the_first_object_counts() {
        let ready = json!({ "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } });
        let history: History = [
            seen(0, WatchKind::Added, "statefulsets", json!({})),
            seen(900, WatchKind::Added, "pods", json!({})),
            seen(1_000, WatchKind::Modified, "pods", ready.clone()),
            seen(1_012, WatchKind::Added, "pods", json!({})),
            seen(1_100, WatchKind::Modified, "pods", ready),
            seen(1_107, WatchKind::Added, "persistentvolumeclaims", json!({})),
        ]
        .into_iter()
        .collect();
        assert_eq!(reaction(&history), Some(Duration::from_millis(12)));
    }

    #[test]
    fn a_candidate_that_never_acts_has_no_reaction() {
        assert_eq!(reaction(&History::new()), None);
    }

    #[test]
    fn what_keeps_the_first_set_from_coming_up_is_told() {
        let history: History = [seen(900, WatchKind::Added, "pods", json!({}))]
            .into_iter()
            .collect();
        let failed = Outcome::Failed {
            waited_for: "myapp settled".into(),
            last_seen: "myapp-0 Pending".into(),
            why: "gave up".into(),
        };
        let none = History::new();
        let why = |outcome: &Outcome, history| hopeless(outcome, Some(history)).unwrap_or_default();
        assert_eq!(
            why(&failed, &history),
            "the first set did not come up: myapp-0 Pending"
        );
        assert_eq!(why(&failed, &none), "the candidate never acted on a new set");
        let environment = Outcome::Environment {
            reason: "no image".into(),
        };
        assert_eq!(
            why(&environment, &history),
            "the first set did not come up: no image"
        );
        assert_eq!(hopeless(&Outcome::Completed, None), None);
    }
}
