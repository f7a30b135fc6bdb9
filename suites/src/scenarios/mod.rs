//! The scenarios, one file per family, and their explicit registry. They drive; they judge nothing.

use engine::{Scenario, Stage, StepError, manifest::MYAPP};

/// A scenario as a value: name, sentence, needs, features, story.
macro_rules! scenario {
    (
        $(#[$doc:meta])*
        $constant:ident = $name:literal: $sentence:literal,
        needs [$($need:ident),*], features [$($feature:ident),*],
        |$stage:ident| $story:block
    ) => {
        $(#[$doc])*
        pub const $constant: engine::Scenario = engine::Scenario {
            name: $name,
            sentence: $sentence,
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

/// Every scenario, in the order in which they are started: the longest first, so that a run ends early.
pub fn all() -> Vec<Scenario> {
    vec![
        node_loss::OUT_OF_SERVICE,
        node_loss::FALLS_SILENT,
        partition::PHASED,
        partition::LOST_PODS,
        partition::LOST_LAST,
        min_ready::MIN_READY,
        scale_up::FLAPPING,
        update::LOST_MIDWAY,
        update::AFTER_SCALE_DOWN,
        update::HALTS,
        scale_down::HALTS,
        dns::REPLACED,
        dns::NAMES,
        dns::SCALED_AWAY,
        persistence::LOG,
        repair::UNREADY_IS_LEFT_ALONE,
        scale_up::HALTS,
        scale_up::WHILE_TERMINATING,
        history_limit::PRUNED,
        dns::LATE_SERVICE,
        update::ROLLING,
        update::BROKEN_IMAGE,
        rollback::ROLLBACK,
        partition::ABOVE_REPLICAS,
        partition::CANARY,
        on_delete::ON_DELETE,
        update::NOTHING_ROLLS,
        repair::POD_ZERO_WHILE_ONE_IS_UNREADY,
        repair::ONE_WHILE_ZERO_IS_UNREADY,
        persistence::TWO_CLAIMS,
        repair::STUCK_TERMINATING,
        create::ORDERED,
        create::TERMINATING_PREDECESSOR,
        scale_up::TWELVE,
        scale_down::TERMINATING_TOP,
        scale_down::UNREADY_TOP,
        scale_down::TO_ZERO,
        scale_down::CONDEMNED_IS_NOT_RECREATED,
        scale_up::BY_SUBRESOURCE,
        scale_up::UP_AND_DOWN,
        parallel::CREATE,
        parallel::SCALE_DOWN,
        parallel::UPDATE,
        repair::ONE_POD,
        repair::ALL_PODS,
        repair::EVICTION,
        retention::WHEN_DELETED,
        retention::WHEN_SCALED,
        retention::BOTH,
        start_ordinal::START,
        orphans::ADOPT_AND_RELEASE,
        orphans::ORPHAN_AND_RECREATE,
        orphans::TWINS,
        orphans::OCCUPANT,
        static_volumes::WITHOUT_CLASS,
        static_volumes::BY_CLASS,
        peers::REDIS_PEERS,
        deletion::BACKGROUND,
        deletion::FOREGROUND,
        deletion::HELD,
        daemonset::ONE_PER_NODE,
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
            // Namespaces are made of it.
            assert!(kebab && scenario.name.len() < 50, "{}", scenario.name);
        }
    }
}
