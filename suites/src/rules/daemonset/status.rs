//! What a DaemonSet reports.

use super::daemon::{Daemon, between, counts, daemons};
use history::{DaemonStatus, Ledger, Moment};
use judging::{Feature, Judge, Kind, Level, Profile, Rule};

/// The counters.
pub static DS_ST_01: Rule = Rule {
    id: "DS-ST-01",
    sentence: "At rest the status counts the nodes that are asked for, those that have a pod, and the pods that are Ready \
               and available",
    why: "kubectl rollout status and every installer wait for these numbers.",
    source: "DaemonSet API; upstream e2e D1 (passes when either of two counters fits)",
    fix: "Count by node; recount when a pod turns Ready and when minReadySeconds are over.",
    profile: Profile::Daemonset,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[Feature::DaemonSets],
    reads: &["daemonsets", "nodes"],
    check: counters_at_rest,
};

fn counters_at_rest(ledger: &Ledger, judge: &mut Judge<'_>) {
    for daemon in daemons(ledger) {
        let mut turns = daemon.turns();
        turns.push(daemon.last());
        for pair in turns.windows(2) {
            let [from, until] = pair else { continue };
            let rest = between(*from, *until);
            let Some(expected) = expected(&daemon, *from) else {
                continue;
            };
            if rest < ledger.patience().settle() {
                continue;
            }
            let last = until.index.saturating_sub(1);
            let Some((reported, object)) = daemon.set.states.at(last) else {
                continue;
            };
            let wrong = difference(&DaemonStatus::of(object), &expected);
            if wrong.is_none() {
                judge.opportunity();
            } else if rest >= ledger.patience().reaction() {
                judge.opportunity();
                judge.stall(
                    format!("{} reports {}", daemon.set.name, wrong.unwrap_or_default()),
                    [*from, *reported, *until],
                );
            }
        }
    }
}

/// What the counters ought to be from `from` on; `None` where that cannot be told or takes time to come true.
fn expected(daemon: &Daemon<'_>, from: Moment) -> Option<DaemonStatus> {
    let spec = daemon.spec_at(from.index)?;
    let mut status = DaemonStatus {
        observed_generation: Some(spec.generation),
        ..DaemonStatus::default()
    };
    for node in &daemon.nodes {
        let pods = || daemon.pods_for(node).filter_map(|pod| pod.at(from.index));
        let has = pods().any(|state| !state.ended());
        let ready = pods().any(|state| counts(state) && state.ready);
        if daemon.wants(node, from.index)? {
            status.desired += 1;
            status.current += i64::from(has);
            status.ready += i64::from(ready);
        } else {
            status.misscheduled += i64::from(has);
        }
        // A terminating or ended pod may count or not, by the oldest pod of the node.
        if pods().any(|state| !counts(state)) {
            return None;
        }
    }
    status.available = status.ready;
    status.unavailable = status.desired - status.available;
    (spec.min_ready_seconds == 0).then_some(status)
}

/// The first counter that differs, in words.
fn difference(found: &DaemonStatus, wanted: &DaemonStatus) -> Option<String> {
    [
        (
            "observedGeneration",
            found.observed_generation,
            wanted.observed_generation,
        ),
        (
            "desiredNumberScheduled",
            Some(found.desired),
            Some(wanted.desired),
        ),
        (
            "currentNumberScheduled",
            Some(found.current),
            Some(wanted.current),
        ),
        (
            "numberMisscheduled",
            Some(found.misscheduled),
            Some(wanted.misscheduled),
        ),
        ("numberReady", Some(found.ready), Some(wanted.ready)),
        ("numberAvailable", Some(found.available), Some(wanted.available)),
        (
            "numberUnavailable",
            Some(found.unavailable),
            Some(wanted.unavailable),
        ),
    ]
    .into_iter()
    .find(|(_, found, wanted)| found != wanted)
    .map(|(field, found, wanted)| format!("{field} {}, not {}", found.unwrap_or(0), wanted.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{
        daemonset::daemon::told::{agent, pod},
        story::Story,
    };
    use serde_json::{Value, json};

    fn running(status: Value) -> Story {
        let ready =
            json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        agent(json!({}))
            .object_added("pods", pod("agent-x", "a"))
            .modify_object("pods", "agent-x", ready)
            .modify_object("daemonsets", "agent", json!({"status": status}))
            .wait(20_000)
    }

    fn right() -> Value {
        json!({
            "observedGeneration": 1, "desiredNumberScheduled": 1, "currentNumberScheduled": 1, "numberMisscheduled": 0,
            "numberReady": 1, "numberAvailable": 1,
        })
    }

    #[test]
    fn the_right_numbers() {
        running(right()).keeps(&DS_ST_01);
        agent(json!({})).does_not_exercise(&DS_ST_01);
    }

    #[test]
    fn each_wrong_number_is_named() {
        for field in [
            "observedGeneration",
            "desiredNumberScheduled",
            "currentNumberScheduled",
            "numberReady",
        ] {
            let mut status = right();
            status[field] = json!(0);
            running(status).stalls(&DS_ST_01, field);
        }
        let mut status = right();
        status["numberUnavailable"] = json!(1);
        running(status).stalls(&DS_ST_01, "numberUnavailable 1, not 0");
    }
}
