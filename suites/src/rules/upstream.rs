//! What Kubernetes' own controller does, and what any controller with a view of its own age may do: no rule may accuse it.
//! Each story was an accusation once.

use super::{all, story::Story};
use history::Author;
use serde_json::{Value, json};

/// Judges a story by every rule and names those of `watched` that accuse.
fn accused(story: &Story, watched: &[&str]) -> Vec<&'static str> {
    let rules = all().into_iter().filter(|rule| watched.contains(&rule.id));
    let broken = rules.filter(|rule| {
        let judgement = story.clone().judge(rule);
        !judgement.violations.is_empty() || !judgement.stalls.is_empty()
    });
    broken.map(|rule| rule.id).collect()
}

fn with_claims(replicas: u32, policy: Value) -> Story {
    let patch = json!({"spec": {
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}],
        "persistentVolumeClaimRetentionPolicy": policy,
    }});
    let story = Story::new().set_with("web", replicas, patch).revision("web-a");
    let story = (0..replicas).fold(story, |story, ordinal| {
        story.claim(&format!("data-web-{ordinal}"))
    });
    story.ready_pods(replicas).wait(5_000)
}

#[test]
fn a_claim_follows_its_condemned_pod_although_the_ordinal_is_wanted_again() {
    let story = with_claims(2, json!({"whenDeleted": "Retain", "whenScaled": "Delete"}));
    let pod = story.uid("pods", "web-1");
    let owner = json!({"metadata": {"ownerReferences": [{"kind": "Pod", "name": "web-1", "uid": pod}]}});
    let story = story
        .scale(1)
        .wait(3_000)
        .modify_claim("data-web-1", owner)
        .delete_pod("web-1")
        .by(Author::Candidate)
        .wait(5_000)
        .scale(2)
        .wait(10_000)
        .gone()
        .delete_claim("data-web-1")
        .by(Author::Cluster)
        .claim_gone("data-web-1")
        .claim("data-web-1")
        .pod("web-1")
        .ready();
    assert_eq!(accused(&story, &["SS-RET-04", "SS-PVC-05"]), [""; 0]);
}

#[test]
fn claims_behind_an_unready_pod_wait_for_it() {
    let policy = json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"}}});
    let story = with_claims(2, json!({"whenDeleted": "Retain", "whenScaled": "Retain"}))
        .on("web-0")
        .unready()
        .change(policy)
        .wait(20_000);
    assert_eq!(accused(&story, &["SS-RET-02"]), [""; 0]);
    let recovered = story.on("web-0").ready().wait(20_000);
    assert_eq!(accused(&recovered, &["SS-RET-02"]), ["SS-RET-02"]);
}

#[test]
fn a_pod_of_a_former_set_may_have_looked_otherwise() {
    let former = json!({"spec": {"subdomain": "old-svc"}, "metadata": {"ownerReferences": null}});
    let story = Story::new()
        .set("web", 1)
        .revision("web-a")
        .pod_with("web-0", former)
        .ready()
        .remove_pod("web-0")
        .pod("web-0");
    assert_eq!(accused(&story, &["SS-ID-12"]), [""; 0]);
}

/// A pod that somebody else controls.
fn foreign() -> Value {
    json!({"metadata": {"ownerReferences": [{"kind": "Job", "name": "j", "uid": "job-1", "controller": true}]}})
}

#[test]
fn a_name_that_a_stranger_had_is_tried_again_ever_more_rarely() {
    let freed = Story::new()
        .set("web", 1)
        .pod_with("web-0", foreign())
        .by(Author::Harness)
        .wait(15_000)
        .remove_pod("web-0");
    let late = freed.clone().wait(12_000).pod("web-0");
    assert_eq!(accused(&late, &["SS-ORD-11", "SS-ORD-12"]), [""; 0]);
    let never = freed.wait(60_000);
    assert_eq!(accused(&never, &["SS-ORD-11"]), ["SS-ORD-11"]);
}

#[test]
fn a_name_that_a_released_pod_had_is_tried_again_ever_more_rarely() {
    let freed = Story::new()
        .set("web", 1)
        .ready_pods(1)
        .wait(30_000)
        .on("web-0")
        .modify(json!({"metadata": {"ownerReferences": null, "labels": {"app": "somebody-else"}}}))
        .wait(15_000)
        .delete_pod("web-0")
        .by(Author::Harness)
        .wait(5_000)
        .gone();
    let rules = ["SS-ORD-11", "SS-ORD-12", "SS-REP-01", "SS-REP-06"];
    assert_eq!(accused(&freed.clone().wait(25_000), &rules), [""; 0]);
    let late = freed.clone().wait(25_000).pod("web-0");
    assert_eq!(accused(&late, &rules), [""; 0]);
    // Not for as long as it had been a member before.
    assert_eq!(accused(&freed.wait(45_000), &rules), rules);
}

#[test]
fn a_stranger_ends_a_batch_of_a_parallel_set() {
    let story = Story::new()
        .set_with("web", 4, json!({"spec": {"podManagementPolicy": "Parallel"}}))
        .pod_with("web-1", foreign())
        .by(Author::Harness)
        .pod("web-0")
        .running()
        .wait(20_000);
    assert_eq!(accused(&story, &["SS-PAR-01"]), [""; 0]);
}

#[test]
fn selectors_with_expressions_are_not_judged_by_labels_alone() {
    let expressions = json!({"spec": {"selector": {"matchExpressions": [
        {"key": "tier", "operator": "NotIn", "values": ["x"]},
    ]}}});
    let story = Story::new()
        .set_with("web", 1, expressions)
        .revision("web-a")
        .ready_pods(1)
        .on("web-0")
        .modify(json!({"metadata": {"ownerReferences": null, "labels": {"tier": "x"}}}))
        .by(Author::Harness)
        .wait(20_000);
    assert_eq!(accused(&story, &["SS-OWN-01", "SS-OWN-03", "SS-OWN-05"]), [""; 0]);
}

/// A Parallel set of three whose update to web-b has reached pod 2, which is not Ready yet.
fn half_updated(patch: Value) -> Story {
    Story::new()
        .set_with("web", 3, patch)
        .revision("web-a")
        .ready_pods(3)
        .wait(5_000)
        .image("app:2")
        .revision("web-b")
        .wait(3_000)
        .remove_pod("web-2")
        .pod("web-2")
        .running()
        .wait(5_000)
}

#[test]
fn sets_and_pods_are_seen_by_watches_of_their_own() {
    // It saw pod 2 Ready, and not yet that the template has changed again.
    let story = half_updated(json!({"spec": {"podManagementPolicy": "Parallel"}}))
        .image("app:3")
        .revision("web-c")
        .wait(10)
        .ready()
        .wait(5)
        .delete_pod("web-1");
    assert_eq!(accused(&story, &["SS-PAR-05", "SS-RU-03"]), [""; 0]);
    // It saw the new template, and not yet that pod 0 is unready.
    let story = Story::new()
        .set("web", 3)
        .revision("web-a")
        .ready_pods(3)
        .wait(5_000)
        .on("web-0")
        .unready()
        .wait(10)
        .image("app:2")
        .revision("web-b")
        .wait(5)
        .delete_pod("web-2");
    assert_eq!(accused(&story, &["SS-RU-04"]), [""; 0]);
}

#[test]
fn a_deletion_may_have_been_decided_before_the_pod_was_set_aside() {
    let two = || {
        Story::new()
            .set("web", 2)
            .revision("web-a")
            .ready_pods(2)
            .wait(5_000)
            .scale(1)
    };
    let relabelled = json!({"metadata": {"labels": {"app": "debug"}}});
    let story = two()
        .on("web-1")
        .modify(relabelled)
        .by(Author::Harness)
        .wait(3)
        .delete_pod("web-1");
    assert_eq!(accused(&story, &["SS-OWN-03"]), [""; 0]);
    let stripped = json!({"metadata": {"ownerReferences": null}});
    let story = two()
        .on("web-1")
        .modify(stripped)
        .by(Author::Harness)
        .wait(3)
        .delete_pod("web-1");
    assert_eq!(accused(&story, &["SS-OWN-01"]), [""; 0]);
}

#[test]
fn pods_have_to_be_available_before_the_surplus_goes() {
    let story = Story::new()
        .set("web", 3)
        .ready_pods(3)
        .wait(1_000)
        .scale(2)
        .wait(5)
        .change(json!({"spec": {"minReadySeconds": 60}}))
        .wait(20_000);
    assert_eq!(accused(&story, &["SS-SCD-01"]), [""; 0]);
}

#[test]
fn a_refused_deletion_is_no_idleness() {
    let story = Story::new()
        .set("web", 2)
        .ready_pods(2)
        .wait(5_000)
        .scale(1)
        .wait(1_000);
    let set = story.uid("statefulsets", "web");
    let refused = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "web.1"}, "reason": "FailedDelete",
        "involvedObject": {"kind": "StatefulSet", "name": "web", "uid": set},
    });
    let story = story.object_added("events", refused).wait(20_000);
    assert_eq!(accused(&story, &["SS-SCD-01"]), [""; 0]);
}

#[test]
fn the_selector_wins_over_the_labels_of_a_claim_template() {
    let patch = json!({"spec": {"volumeClaimTemplates": [{
        "metadata": {"name": "data", "labels": {"app": "db"}},
        "spec": {"resources": {"requests": {"storage": "1024Mi"}}},
    }]}});
    let made = json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}}});
    let story = Story::new()
        .set_with("web", 1, patch)
        .revision("web-a")
        .claim_with("data-web-0", made)
        .ready_pods(1);
    assert_eq!(accused(&story, &["SS-PVC-03"]), [""; 0]);
}

#[test]
fn an_empty_structure_is_a_change_of_the_template() {
    let story = Story::new()
        .set("web", 1)
        .revision("web-a")
        .ready_pods(1)
        .wait(5_000)
        .change(json!({"spec": {"template": {"spec": {"securityContext": {}}}}}))
        .revision("web-b")
        .wait(3_000)
        .remove_pod("web-0")
        .pod("web-0")
        .ready();
    assert_eq!(accused(&story, &["SS-RU-06", "SS-REV-03", "SS-REV-13"]), [""; 0]);
}
