//! The scenarios, one file per family, and their explicit registry. They drive; they judge nothing.

use engine::{Scenario, Stage, StepError, manifest::MYAPP};

/// A scenario as a value: name, sentence, profiles, needs, features, story.
macro_rules! scenario {
    (
        $(#[$doc:meta])*
        $constant:ident = $name:literal: $sentence:literal,
        profiles [$($profile:ident),+], needs [$($need:ident),*], features [$($feature:ident),*],
        |$stage:ident| $story:block
    ) => {
        $(#[$doc])*
        pub const $constant: engine::Scenario = engine::Scenario {
            name: $name,
            sentence: $sentence,
            profiles: &[$(judging::Profile::$profile),+],
            needs: &[$(engine::cluster::Capability::$need),*],
            features: &[$(judging::Feature::$feature),*],
            script: |$stage| Box::pin(async move {
                $story
                Ok(())
            }),
        };
    };
}

mod create;
mod daemonset;
mod deletion;
mod dns;
mod history_limit;
mod min_ready;
mod node_loss;
mod on_delete;
mod orphans;
mod parallel;
mod partition;
mod peers;
mod persistence;
mod repair;
mod retention;
mod rollback;
mod scale_down;
mod scale_up;
mod start_ordinal;
mod static_volumes;
mod update;

/// Every scenario, in the order in which they are started: the longest first, so that a run ends early, and those that make
/// most work soon after, while the long ones mostly hold still.
pub fn all() -> Vec<Scenario> {
    vec![
        node_loss::OUT_OF_SERVICE,
        node_loss::FALLS_SILENT,
        min_ready::MIN_READY,
        min_ready::UPDATE,
        dns::REPLACED,
        dns::SCALED_AWAY,
        dns::NAMES,
        partition::LOST_PODS,
        scale_up::FLAPPING,
        partition::LOST_LAST,
        scale_up::HALTS,
        update::NOTHING_ROLLS,
        retention::WHEN_DELETED,
        deletion::HELD,
        update::LOST_MIDWAY,
        partition::PHASED,
        update::HALTS,
        scale_up::TWELVE,
        persistence::LOG,
        start_ordinal::START,
        parallel::SCALE_DOWN,
        peers::REDIS_PEERS,
        repair::ALL_PODS,
        partition::CANARY,
        static_volumes::WITHOUT_CLASS,
        create::TERMINATING_PREDECESSOR,
        create::PENDING_PREDECESSOR,
        repair::UNREADY_IS_LEFT_ALONE,
        retention::WHEN_SCALED,
        scale_down::CONDEMNED_IS_NOT_RECREATED,
        create::ORDERED,
        orphans::ADOPT_AND_RELEASE,
        orphans::OCCUPANT,
        update::AFTER_SCALE_DOWN,
        update::ROLLING,
        scale_up::WHILE_TERMINATING,
        scale_down::HALTS,
        on_delete::ON_DELETE,
        scale_up::UP_AND_DOWN,
        rollback::ROLLBACK,
        update::BROKEN_IMAGE,
        repair::ONE_WHILE_ZERO_IS_UNREADY,
        history_limit::PRUNED,
        retention::BOTH,
        dns::LATE_SERVICE,
        repair::STUCK_TERMINATING,
        scale_down::TERMINATING_TOP,
        parallel::CREATE,
        orphans::ORPHAN_AND_RECREATE,
        partition::ABOVE_REPLICAS,
        parallel::UPDATE,
        parallel::BROKEN,
        deletion::BACKGROUND,
        orphans::TWINS,
        repair::POD_ZERO_WHILE_ONE_IS_UNREADY,
        scale_down::TO_ZERO,
        deletion::FOREGROUND,
        daemonset::ONE_PER_NODE,
        scale_up::BY_SUBRESOURCE,
        static_volumes::BY_CLASS,
        persistence::TWO_CLAIMS,
        scale_down::UNREADY_TOP,
        repair::ONE_POD,
        repair::ENDED,
        repair::EVICTION,
    ]
}

/// Creates myapp with that many members, and waits until they are settled.
async fn myapp(stage: &Stage, count: u32) -> Result<(), StepError> {
    stage.step(format!("create myapp with {count} replicas"));
    stage.apply(MYAPP.load()?.set(&replicas(count))).await?;
    stage.until_settled("myapp").await
}

/// Creates myapp with 4 members, and asks for 3 while the one that has to go cannot.
async fn stuck_going_down(stage: &Stage) -> Result<(), StepError> {
    myapp(stage, 4).await?;
    stage.pin("myapp-3").await?;
    stage.scale("myapp", 3).await?;
    stage.until_terminating("myapp-3").await?;
    stage.keep_still().await
}

/// Deletes a member and waits for its successor.
async fn lose(stage: &Stage, pod: &str) -> Result<(), StepError> {
    let old = stage.pod_uid(pod)?;
    stage.delete_pod(pod).await?;
    stage.until_replaced(pod, &old).await
}

/// Waits for the successor of a member: it runs, and is held back from being Ready.
async fn until_successor_held(stage: &Stage, pod: &str, old: &str) -> Result<(), StepError> {
    let goal = format!("{pod} replaced, Running but not Ready");
    let held = stage.until(&goal, |world| match (world.uid("pods", pod), world.pod(pod)) {
        (Some(uid), Some(state)) if uid != old && state.phase == "Running" && !state.ready => Ok(()),
        _ => Err(world.describe_pods()),
    });
    held.await
}

/// A set made from a sample, as a scenario wants it.
fn replicas(count: u32) -> serde_json::Value {
    serde_json::json!({ "spec": { "replicas": count } })
}

/// Merge patch that lets the containers of the set's pods take `seconds` to stop: they keep serving, and stay Ready,
/// while the pod is terminating.
fn slow_to_stop(
    container: &str,
    image: &str,
    port_name: &str,
    mount: (&str, &str),
    seconds: u64,
) -> serde_json::Value {
    // A merge patch replaces lists as a whole, so the container is given whole.
    serde_json::json!({ "spec": { "template": { "spec": {
        "terminationGracePeriodSeconds": seconds + 30,
        "containers": [{
            "name": container,
            "image": image,
            "ports": [{ "containerPort": 80, "name": port_name }],
            "volumeMounts": [{ "name": mount.0, "mountPath": mount.1 }],
            "lifecycle": { "preStop": { "sleep": { "seconds": seconds } } },
        }],
    } } } })
}

/// Whole seconds that outlast so many holds.
fn longer_than(stage: &engine::Stage, holds: u32) -> u64 {
    (stage.hold_time() * holds).as_secs() + 1
}

/// The sample `myapp` with pods that take longer to stop than so many holds.
fn slow_myapp(
    stage: &engine::Stage,
    replicas: u32,
    holds: u32,
) -> Result<engine::manifest::Manifest, engine::StepError> {
    slow_myapp_for(replicas, stage.hold_time() * holds)
}

/// The sample `myapp` with pods that take longer than that to stop.
fn slow_myapp_for(
    replicas: u32,
    time: std::time::Duration,
) -> Result<engine::manifest::Manifest, engine::StepError> {
    let mount = ("myappdata", "/usr/share/nginx/html");
    let patch = slow_to_stop("myapp", "ikubernetes/myapp:v1", "web", mount, time.as_secs() + 1);
    Ok(engine::manifest::MYAPP
        .load()?
        .set(&patch)
        .set(&self::replicas(replicas)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_sentences_are_sentences() {
        let mut names = BTreeSet::new();
        for scenario in super::all() {
            assert!(names.insert(scenario.name), "{} twice", scenario.name);
            assert!(scenario.sentence.ends_with('.'), "{}", scenario.name);
            let kebab = scenario
                .name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            assert!(!scenario.profiles.is_empty(), "{}", scenario.name);
            // Namespaces are made of it.
            assert!(kebab && scenario.name.len() < 50, "{}", scenario.name);
        }
    }
}
