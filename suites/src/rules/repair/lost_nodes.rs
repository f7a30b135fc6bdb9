//! Members on nodes that are lost are neither forced away nor substituted.

use crate::rules::{acts::creations, gates::span};
use history::{Author, Evidence, Incarnation, Ledger, Moment, PodState, Set};
use judging::{Judge, Kind, Level, Profile, Rule};
use serde_json::Value;

/// A node that nobody hears of may still run its pods. No `must`: on a cluster that loses no node it cannot be exercised.
pub static SS_REP_07: Rule = Rule {
    id: "SS-REP-07",
    sentence: "A pod on a lost node is waited for: the controller neither forces it away nor runs a substitute",
    why: "A node that is not heard of may only be cut off: its process still writes, and a second member of the same identity \
          beside it corrupts what both own.",
    source: "StatefulSet documentation, force deletion of pods; upstream e2e E31; kubernetes#72226, kubernetes#74689",
    fix: "Take a pod for gone when its DELETED event comes, whatever its node and its conditions say; never delete it with \
          grace period 0.",
    profile: Profile::Repair,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &["nodes"],
    check: lost_pods_are_waited_for,
};

/// A time during which nobody heard of the node that a member is on.
struct Loss<'a> {
    pod: &'a Incarnation,
    node: &'a str,
    from: Moment,
    /// When the node was heard of again, or the member was gone; `None` if the history ended before.
    until: Option<Moment>,
}

fn lost_pods_are_waited_for(ledger: &Ledger, judge: &mut Judge<'_>) {
    let staleness = ledger.patience().staleness();
    for set in ledger.sets() {
        let members = ledger
            .members(set)
            .filter(|pod| ledger.ordinal(set, pod).is_some());
        for loss in members.flat_map(|pod| losses(ledger, pod)) {
            let decided = loss.pod.deletion.as_ref().map(|deletion| deletion.moment);
            let broken = forced(ledger, &loss).or_else(|| substitute(ledger, set, &loss, decided?));
            if let Some((how, moment)) = broken {
                let driven_out = decided.filter(|decided| decided.index < moment.index);
                judge.opportunity();
                judge.violation(
                    format!(
                        "{} was on node {}, which had not been heard of for {}, and {how}",
                        loss.pod.name,
                        loss.node,
                        span(moment.at.since(loss.from.at))
                    ),
                    [Some(loss.from), driven_out, Some(moment)].into_iter().flatten(),
                );
                continue;
            }
            // Who forces a pod is seen only where writes have authors.
            let attributed = ledger.meta().evidence == Evidence::A;
            let end = loss.until.unwrap_or(ledger.end());
            let stuck = decided
                .filter(|decided| decided.index < end.index)
                .map(|decided| end.at.since(decided.at.max(loss.from.at)));
            if attributed && stuck.is_some_and(|stuck| stuck > staleness) {
                judge.opportunity();
            }
        }
    }
}

/// The times during which the node of a member was lost while the member was there.
fn losses<'a>(ledger: &'a Ledger, pod: &'a Incarnation) -> Vec<Loss<'a>> {
    let states = pod.states.entries();
    let bound = states
        .iter()
        .find_map(|(moment, state)| Some((*moment, state.node.as_deref()?)));
    let Some((bound, node)) = bound else {
        return Vec::new();
    };
    let end = |moment: Option<Moment>| moment.into_iter().chain(pod.gone).min_by_key(|end| end.index);
    let mut found = Vec::new();
    for life in ledger.related_named("nodes", "", node) {
        let mut open: Option<Moment> = None;
        for (moment, object) in life.states.entries() {
            match (is_lost(object), open) {
                (true, None) => open = Some(*moment),
                (false, Some(from)) => {
                    found.push((from, end(Some(*moment))));
                    open = None;
                }
                _ => {}
            }
        }
        found.extend(open.map(|from| (from, end(life.gone))));
    }
    let losses = found.into_iter().map(|(from, until)| Loss {
        pod,
        node,
        from: from.max(bound),
        until,
    });
    losses
        .filter(|loss| loss.until.is_none_or(|until| loss.from.index < until.index))
        .collect()
}

/// Nobody knows how the node is.
fn is_lost(node: &Value) -> bool {
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        let text = |key: &str| condition.get(key).and_then(Value::as_str);
        text("type") == Some("Ready") && text("status") == Some("Unknown")
    })
}

/// The candidate's own hand in the end of a lost pod: it took away the time that the pod asks for. A pod that has ended, or
/// asks for no time, goes at once whoever deletes it.
fn forced(ledger: &Ledger, loss: &Loss<'_>) -> Option<(String, Moment)> {
    let pod = loss.pod;
    let mut states = pod.states.entries().iter();
    let cut = states.find(|(_, state)| state.terminating && state.deletion_grace() == Some(0));
    let moment = cut.map(|(moment, _)| *moment).or(pod.gone)?;
    let by = match (ledger.author_at(moment), cut, pod.gone) {
        // One request cuts the time and removes the pod, unless a finalizer keeps it; its answer names one of the two.
        (Author::Unknown, Some((_, state)), Some(gone)) if state.finalizers().next().is_none() => {
            ledger.author_at(gone)
        }
        (by, _, _) => by,
    };
    let (_, before) = pod.states.before(moment.index)?;
    let in_time =
        loss.from.index < moment.index && loss.until.is_none_or(|until| moment.index <= until.index);
    let forced = in_time && by == Author::Candidate && asks_for_time(before);
    forced.then(|| ("the controller forced it away".to_owned(), moment))
}

fn asks_for_time(pod: &PodState) -> bool {
    !pod.ended() && pod.grace_period() != Some(0)
}

/// A pod of the set under a name of another form, made while the lost member was terminating.
fn substitute(ledger: &Ledger, set: &Set, loss: &Loss<'_>, decided: Moment) -> Option<(String, Moment)> {
    let since = decided.index.max(loss.from.index);
    creations(ledger, set)
        .find(|creation| {
            let index = creation.moment.index;
            let meanwhile = since < index && loss.until.is_none_or(|until| index < until.index);
            creation.ordinal.is_none() && meanwhile
        })
        .map(|creation| {
            (
                format!("{} was created in its place", creation.pod.name),
                creation.moment,
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn heard_of(ready: &str) -> Value {
        json!({"status": {"conditions": [{"type": "Ready", "status": ready}]}})
    }

    /// Two members on two nodes.
    fn settled() -> Story {
        let node = |name: &str| {
            let mut node = heard_of("True");
            node["metadata"] = json!({"name": name});
            node
        };
        Story::new()
            .evidence_a()
            .object_added("nodes", node("node-1"))
            .object_added("nodes", node("node-2"))
            .set("web", 2)
            .pod("web-0")
            .scheduled("node-1")
            .ready()
            .pod("web-1")
            .scheduled("node-2")
            .ready()
            .wait(5_000)
    }

    /// The second node is not heard of any more.
    fn silent() -> Story {
        settled()
            .modify_object("nodes", "node-2", heard_of("Unknown"))
            .on("web-1")
            .unready()
            .wait(1_000)
    }

    /// The member on it was driven out, and stays.
    fn driven_out() -> Story {
        silent().delete_pod("web-1").by(Author::Cluster).wait(60_000)
    }

    fn back(story: Story) -> Story {
        story.modify_object("nodes", "node-2", heard_of("True")).wait(5)
    }

    fn no_time() -> Value {
        json!({"metadata": {"deletionGracePeriodSeconds": 0}})
    }

    #[test]
    fn a_pod_on_a_lost_node_is_waited_for() {
        driven_out().keeps(&SS_REP_07);
        back(driven_out())
            .on("web-1")
            .modify(no_time())
            .by(Author::Cluster)
            .gone()
            .pod("web-1")
            .keeps(&SS_REP_07);
        // Somebody vouches that nothing runs there any more.
        driven_out()
            .modify(no_time())
            .by(Author::Cluster)
            .gone()
            .pod("web-1")
            .keeps(&SS_REP_07);
        driven_out()
            .modify(no_time())
            .by(Author::Harness)
            .gone()
            .keeps(&SS_REP_07);
        // The node itself is deleted.
        driven_out()
            .object_gone("nodes", "node-2")
            .wait(60_000)
            .gone()
            .by(Author::Cluster)
            .keeps(&SS_REP_07);
    }

    #[test]
    fn a_pod_on_a_lost_node_is_forced() {
        let words = "web-1 was on node node-2, which had not been heard of for";
        driven_out()
            .modify(no_time())
            .by(Author::Candidate)
            .gone()
            .pod("web-1")
            .breaks(&SS_REP_07, words);
        driven_out()
            .gone()
            .by(Author::Candidate)
            .breaks(&SS_REP_07, "the controller forced it away");
        driven_out()
            .modify(no_time())
            .gone()
            .by(Author::Candidate)
            .breaks(&SS_REP_07, words);
        // Without waiting until it is driven out.
        silent()
            .delete_pod_with_grace("web-1", 0)
            .by(Author::Candidate)
            .gone()
            .breaks(&SS_REP_07, words);
        silent().gone().by(Author::Candidate).breaks(&SS_REP_07, words);
    }

    #[test]
    fn a_pod_on_a_lost_node_is_substituted() {
        driven_out()
            .pod("web-1b")
            .breaks(&SS_REP_07, "web-1b was created in its place");
        // It was there before.
        settled()
            .pod("web-1b")
            .ready()
            .modify_object("nodes", "node-2", heard_of("Unknown"))
            .wait(1_000)
            .delete_pod("web-1")
            .by(Author::Cluster)
            .wait(60_000)
            .keeps(&SS_REP_07);
    }

    #[test]
    fn deleting_a_pod_on_a_lost_node_is_not_forcing_it() {
        // An update or a scale-down may want it gone, with the time that it asks for.
        silent()
            .delete_pod("web-1")
            .by(Author::Candidate)
            .wait(60_000)
            .keeps(&SS_REP_07);
        // It asks for none.
        silent()
            .on("web-1")
            .modify(json!({"spec": {"terminationGracePeriodSeconds": 0}}))
            .delete_pod("web-1")
            .by(Author::Candidate)
            .gone()
            .does_not_exercise(&SS_REP_07);
        // It had ended.
        silent()
            .on("web-1")
            .failed()
            .delete_pod_with_grace("web-1", 0)
            .by(Author::Candidate)
            .gone()
            .does_not_exercise(&SS_REP_07);
    }

    #[test]
    fn taking_off_a_finalizer_of_ones_own_is_not_forcing() {
        driven_out()
            .modify(json!({"metadata": {"finalizers": ["example.com/own"]}}))
            .by(Author::Candidate)
            .modify(no_time())
            .by(Author::Cluster)
            .modify(json!({"metadata": {"finalizers": null}}))
            .by(Author::Candidate)
            .gone()
            .by(Author::Candidate)
            .keeps(&SS_REP_07);
        driven_out()
            .modify(json!({"metadata": {"finalizers": ["example.com/own"]}}))
            .by(Author::Candidate)
            .modify(no_time())
            .modify(json!({"metadata": {"finalizers": null}}))
            .by(Author::Candidate)
            .gone()
            .by(Author::Candidate)
            .keeps(&SS_REP_07);
    }

    #[test]
    fn nothing_is_proven_where_no_pod_is_stuck_on_a_lost_node() {
        // The node is heard of; it is lost, and the pod is not driven out; it is lost for a moment only.
        let deleted = |story: Story| story.delete_pod("web-1").by(Author::Harness);
        deleted(settled()).wait(60_000).does_not_exercise(&SS_REP_07);
        silent().wait(60_000).does_not_exercise(&SS_REP_07);
        back(deleted(silent()).wait(1_000))
            .wait(60_000)
            .does_not_exercise(&SS_REP_07);
        // The pod on the other node.
        silent()
            .delete_pod("web-0")
            .by(Author::Harness)
            .wait(60_000)
            .does_not_exercise(&SS_REP_07);
        // Forced when the node was back: that is another promise.
        back(silent())
            .delete_pod_with_grace("web-1", 0)
            .by(Author::Candidate)
            .gone()
            .does_not_exercise(&SS_REP_07);
    }

    #[test]
    fn nobody_is_accused_of_what_has_no_author() {
        driven_out()
            .modify(no_time())
            .gone()
            .pod("web-1")
            .keeps(&SS_REP_07);
    }
}
