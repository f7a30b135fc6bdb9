//! Stories of hand-written histories.

use crate::play::{NAMESPACE, Play};
use pretty_assertions::{assert_eq, assert_ne};

fn ordered() -> Play {
    let mut play = Play::new();
    play.note("step", "create the set")
        .set("web", "OrderedReady", 2)
        .revision("web", "web-6d8f", 1);
    play
}

#[test]
fn the_order_of_ordered_pods_is_told() {
    let story = ordered()
        .pod("web-0", "web-6d8f")
        .ready("web-0")
        .pod("web-1", "web-6d8f")
        .ready("web-1")
        .story();
    assert_eq!(
        story,
        "create the set\n  revision r1 stored as number 1\n  web-0 created at r1\n  web-0 Ready\n  \
         web-1 created at r1\n  web-1 Ready\n"
    );
}

#[test]
fn a_pod_that_came_too_early_changes_the_story() {
    let story = ordered()
        .pod("web-0", "web-6d8f")
        .pod("web-1", "web-6d8f")
        .ready("web-0")
        .ready("web-1")
        .story();
    assert_eq!(
        story,
        "create the set\n  revision r1 stored as number 1\n  web-0 created at r1\n  \
         web-1 created at r1\n  web-0, web-1 Ready\n"
    );
}

#[test]
fn the_order_of_parallel_pods_is_nobodys_business() {
    let stories = [["web-0", "web-1"], ["web-1", "web-0"]].map(|[first, second]| {
        let mut play = Play::new();
        play.note("step", "create the set").set("web", "Parallel", 2);
        play.pod(first, "web-1")
            .ready(first)
            .pod(second, "web-1")
            .ready(second)
            .story()
    });
    assert_eq!(stories[0], stories[1]);
    assert_eq!(
        stories[0],
        "create the set\n  web-0, web-1 created at r1\n  web-0, web-1 Ready\n"
    );
}

#[test]
fn a_scale_down_from_below_changes_the_story() {
    let stories = [["web-1", "web-0"], ["web-0", "web-1"]].map(|[first, second]| {
        let mut play = ordered();
        play.pod("web-0", "a")
            .ready("web-0")
            .pod("web-1", "a")
            .ready("web-1");
        play.note("step", "scale to 0 (web)").scaled("web", 0);
        play.deleting(first, 30)
            .gone(first)
            .deleting(second, 30)
            .gone(second)
            .story()
    });
    assert!(
        stories[0].ends_with(
            "scale to 0 (web)\n  web-1 deletion decided\n  web-1 gone\n  web-0 deletion decided\n  web-0 gone\n"
        ),
        "{}",
        stories[0]
    );
    assert_ne!(stories[0], stories[1]);
}

#[test]
fn pods_that_the_harness_deletes_go_in_any_order() {
    let stories = [["web-1", "web-0"], ["web-0", "web-1"]].map(|[first, second]| {
        let mut play = ordered();
        play.pod("web-0", "a")
            .ready("web-0")
            .pod("web-1", "a")
            .ready("web-1");
        play.note("step", "delete pods web-0, web-1");
        play.deleting(first, 30)
            .by_harness()
            .deleting(second, 30)
            .by_harness()
            .gone(second)
            .gone(first)
            .story()
    });
    assert_eq!(stories[0], stories[1]);
    assert!(
        stories[0].ends_with("web-1\n  web-0, web-1 deleted by the harness\n  web-0, web-1 gone\n"),
        "{}",
        stories[0]
    );
}

#[test]
fn a_deletion_without_grace_is_told_once_however_many_events_it_makes() {
    let stories = [true, false].map(|two_events| {
        let mut play = ordered();
        play.pod("web-0", "a")
            .ready("web-0")
            .note("step", "force-delete pod web-0");
        if two_events {
            play.deleting("web-0", 0);
        }
        play.gone("web-0").story()
    });
    assert_eq!(stories[0], stories[1]);
    assert!(
        stories[0].ends_with("force-delete pod web-0\n  web-0 gone\n"),
        "{}",
        stories[0]
    );
}

#[test]
fn what_a_request_caused_follows_it_even_if_it_was_seen_before_the_answer() {
    let mut play = Play::new();
    play.set("web", "OrderedReady", 1)
        .pod("web-0", "a")
        .ready("web-0");
    // Sent 3 ms before it was answered; the set and the new pod were seen in between.
    play.scaled("web", 2).pod("web-1", "a");
    play.answered("scale to 2", "PATCH", "statefulsets/web", "statefulsets/web", 3);
    assert_eq!(
        play.story(),
        "  web-0 created at r1\n  web-0 Ready\nscale to 2\n  web-1 created at r1\n"
    );
}

#[test]
fn steps_that_a_scenario_tells_are_not_told_twice() {
    let mut play = ordered();
    play.note("step", "scale to 3 (web)").scaled("web", 3);
    play.answered("scale to 3", "PATCH", "statefulsets/web", "statefulsets/web", 2);
    assert_eq!(play.story().matches("scale to 3").count(), 1);
}

#[test]
fn readiness_gates_and_reads_are_no_steps() {
    let mut play = Play::new();
    play.set("web", "OrderedReady", 1).pod("web-0", "a");
    play.answered("open the gate", "PATCH", "pods/web-0/status", "pods/web-0", 1);
    play.answered(
        "read the scale",
        "GET",
        "statefulsets/web/scale",
        "statefulsets/web",
        1,
    );
    assert_eq!(play.story(), "  web-0 created at r1\n");
}

#[test]
fn status_is_told_where_the_scenario_waited_for_it() {
    let mut play = ordered();
    play.pod("web-0", "web-6d8f")
        .ready("web-0")
        .status("web", 1, "web-6d8f");
    assert!(!ordered().status("web", 0, "web-6d8f").story().contains("settled"));
    play.note("reached", "web settled")
        .note("step", "scale to 3 (web)")
        .scaled("web", 3);
    let story = play.story();
    assert!(
        story.ends_with("  = web settled: 1 of 1 replicas Ready, at r1\nscale to 3 (web)\n"),
        "{story}"
    );
}

#[test]
fn a_status_that_is_not_true_is_not_told() {
    let mut play = ordered();
    play.pod("web-0", "web-6d8f")
        .status("web", 1, "web-6d8f")
        .note("reached", "web settled");
    let story = play.story();
    assert!(!story.contains("replicas Ready"), "{story}");
}

#[test]
fn each_set_has_a_story_of_its_own_divided_by_its_own_steps() {
    let mut play = Play::new();
    play.set("web", "OrderedReady", 1).set("db", "OrderedReady", 1);
    play.pod("web-0", "a")
        .note("step", "delete pod db-0")
        .ready("web-0")
        .pod("db-0", "b");
    assert_eq!(
        play.story(),
        "[db]\ndelete pod db-0\n  db-0 created at r1\n\n[web]\n  web-0 created at r1\n  web-0 Ready\n"
    );
}

#[test]
fn a_set_that_is_made_again_is_told_as_one() {
    let mut play = ordered();
    play.pod("web-0", "web-6d8f")
        .note("step", "delete the set web (Background)")
        .set_gone("web");
    play.deleting("web-0", 30)
        .gone("web-0")
        .note("step", "create it again")
        .set("web", "OrderedReady", 1);
    play.revision("web", "web-77aa", 1).pod("web-0", "web-77aa");
    assert_eq!(
        play.story(),
        "create the set\n  revision r1 stored as number 1\n  web-0 created at r1\n\
         delete the set web (Background)\n  set web gone\n  web-0 deleted along with the set\n  web-0 gone\n\
         create it again\n  revision r2 stored as number 1\n  web-0 created at r2\n"
    );
}

#[test]
fn neither_namespace_nor_hash_is_told() {
    let mut play = ordered();
    play.note("step", &format!("look into {NAMESPACE}"))
        .pod("web-0", "web-6d8f");
    let story = play.story();
    assert!(story.contains("look into <namespace>"), "{story}");
    assert!(!story.contains("6d8f") && !story.contains(NAMESPACE), "{story}");
}

#[test]
fn readiness_that_is_lost_and_regained_is_told() {
    let mut play = ordered();
    play.pod("web-0", "a")
        .ready("web-0")
        .note("hold", "web-0 unready")
        .unready("web-0");
    play.note("release", "web-0").ready("web-0");
    assert!(
        play.story()
            .ends_with("hold web-0 unready\n  web-0 no longer Ready\nrelease web-0\n  web-0 Ready\n")
    );
}

#[test]
fn how_a_step_is_done_is_not_told_beside_it() {
    let mut play = ordered();
    play.pod("web-0", "a")
        .ready("web-0")
        .note("step", "stop web-0 half-way")
        .note("hold", "web-0 unready");
    play.note("hold", "web-0 by a finalizer")
        .unready("web-0")
        .note("release", "every pod")
        .ready("web-0");
    assert!(
        play.story()
            .ends_with("stop web-0 half-way\n  web-0 no longer Ready\nrelease every pod\n  web-0 Ready\n")
    );
}

#[test]
fn names_are_told_by_whom_they_name_when_that_changed_and_is_not_old() {
    let mut play = ordered();
    play.pod("web-0", "a").resolved("web-0.web", &[]).ready("web-0");
    let old = play.address("web-0");
    play.resolved("web-0.web", &[&old]).resolved("web", &[&old]);
    play.note("step", "delete pod web-0")
        .deleting("web-0", 30)
        .by_harness()
        .gone("web-0");
    play.pod("web-0", "a").ready("web-0");
    let new = play.address("web-0");
    assert_ne!(old, new);
    play.resolved("web-0.web", &[&new]).resolved("web", &[&old]);
    play.note("step", "ask again").resolved("web-0.web", &[&new]);
    let story = play.story();
    assert!(
        story.contains("  = DNS A: web names web-0; web-0.web names its pod\ndelete pod web-0\n"),
        "{story}"
    );
    // The service's answer is old, and to ask again brings no news.
    assert!(
        story.ends_with("web-0 Ready\n  = DNS A: web-0.web names its pod\nask again\n"),
        "{story}"
    );
}

#[test]
fn requests_are_told_once_and_logs_by_what_they_kept() {
    let mut play = ordered();
    play.pod("web-0", "a")
        .ready("web-0")
        .http("web-0", "/", "")
        .http("web-0", "/", "")
        .http("web-0", "/log", "one\n");
    play.note("step", "delete pod web-0")
        .deleting("web-0", 30)
        .by_harness()
        .gone("web-0");
    play.pod("web-0", "a")
        .ready("web-0")
        .http("web-0", "/log", "one\ntwo\n")
        .http("web-0", "/log", "two\n");
    let story = play.story();
    for (line, times) in [
        ("web-0 answered GET /\n", 1),
        ("web-0 showed the log\n", 1),
        ("web-0 showed the log, nothing lost\n", 1),
        ("web-0 showed another log than before\n", 1),
    ] {
        assert_eq!(story.matches(line).count(), times, "{line}{story}");
    }
}

#[test]
fn a_history_without_sets_is_a_list_of_deeds() {
    let mut play = Play::new();
    play.note("step", "nothing much");
    assert_eq!(play.story(), "nothing much\n");
}
