//! Each wanted node has its pod, and only one.

use super::daemon::{Daemon, between, counts, daemons};
use crate::rules::gates::span;
use history::{Author, Incarnation, Ledger, Moment};
use judging::{Feature, Judge, Kind, Level, Profile, Rule};

/// One pod per node.
pub static DS_PL_01: Rule = Rule {
    id: "DS-PL-01",
    sentence: "Every eligible node gets a daemon pod",
    why: "A node without its agent is a node without logs, metrics or network.",
    source: "DaemonSet documentation; upstream e2e D1",
    fix: "Go over all nodes whenever a node, the set or one of its pods changes.",
    profile: Profile::Daemonset,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[Feature::DaemonSets],
    reads: &["daemonsets", "nodes"],
    check: |ledger, judge| each_vacancy(ledger, judge, |_| true),
};

/// Lost ones return.
pub static DS_PL_14: Rule = Rule {
    id: "DS-PL-14",
    sentence: "A daemon pod that somebody else deleted is recreated for the same node",
    why: "Deleting its pod is how people restart an agent.",
    source: "DaemonSet documentation; upstream e2e D1",
    fix: "Watch pods, and come back to the set when one of them is deleted.",
    profile: Profile::Daemonset,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[Feature::DaemonSets],
    reads: &["daemonsets", "nodes"],
    check: |ledger, judge| {
        each_vacancy(ledger, judge, |vacancy| {
            vacancy.former.is_some_and(taken_by_others)
        })
    },
};

fn taken_by_others(pod: &Incarnation) -> bool {
    let by = pod.deletion.as_ref().map(|deletion| deletion.by);
    matches!(by, Some(Author::Harness | Author::Cluster))
}

/// The time during which a wanted node had no pod.
struct Vacancy<'a> {
    from: Moment,
    until: Moment,
    /// Whether it ended with a pod.
    filled: bool,
    /// The pod that had been there last.
    former: Option<&'a Incarnation>,
}

fn each_vacancy(ledger: &Ledger, judge: &mut Judge<'_>, meant: impl Fn(&Vacancy<'_>) -> bool) {
    for daemon in daemons(ledger) {
        for node in &daemon.nodes {
            for vacancy in vacancies(&daemon, node).iter().filter(|vacancy| meant(vacancy)) {
                let lasted = between(vacancy.from, vacancy.until);
                if vacancy.filled {
                    judge.opportunity();
                } else if lasted >= ledger.patience().reaction() {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "node {node} had no pod of {} for {}",
                            daemon.set.name,
                            span(lasted)
                        ),
                        [vacancy.from, vacancy.until],
                    );
                }
            }
        }
    }
}

fn vacancies<'a>(daemon: &Daemon<'a>, node: &str) -> Vec<Vacancy<'a>> {
    let mut found = Vec::new();
    let mut open: Option<Moment> = None;
    let turns = daemon.turns();
    for turn in &turns {
        let there = daemon
            .pods_for(node)
            .any(|pod| pod.at(turn.index).is_some_and(counts));
        // A terminating pod still has the node: what comes after it is due only when it has ended.
        let leaving = daemon.pods_for(node).any(|pod| {
            pod.at(turn.index)
                .is_some_and(|state| state.terminating && !state.ended())
        });
        let due = daemon.wants(node, turn.index) == Some(true) && !there && !leaving;
        match open {
            None if due => open = Some(*turn),
            Some(from) if !due => {
                found.push(vacancy(daemon, node, from, *turn, there));
                open = None;
            }
            _ => {}
        }
    }
    found.extend(open.map(|from| vacancy(daemon, node, from, daemon.last(), false)));
    found
}

fn vacancy<'a>(daemon: &Daemon<'a>, node: &str, from: Moment, until: Moment, filled: bool) -> Vacancy<'a> {
    Vacancy {
        from,
        until,
        filled,
        former: daemon
            .pods_for(node)
            .filter(|pod| pod.added().index < from.index)
            .last(),
    }
}

/// Never two.
pub static DS_PL_02: Rule = Rule {
    id: "DS-PL-02",
    sentence: "There are never two daemon pods of one set for one node, outside a surge",
    why: "Two agents on one node fight over its ports, its files and its network.",
    source: "DaemonSet documentation; upstream e2e D8",
    fix: "Remember what you created until your cache shows it; count pods by the node they name, not only by binding.",
    profile: Profile::Daemonset,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::DaemonSets],
    reads: &["daemonsets", "nodes"],
    check: never_two,
};

fn never_two(ledger: &Ledger, judge: &mut Judge<'_>) {
    for daemon in daemons(ledger) {
        let created = daemon
            .pods
            .iter()
            .filter(|pod| pod.seen_added && pod.created_by.may_be_candidate());
        for pod in created {
            let added = pod.added();
            let Some(node) = pod.first().and_then(|state| state.daemon_target()) else {
                continue;
            };
            if daemon.spec_at(added.index).is_none_or(|spec| spec.surges)
                || added.index >= daemon.last().index
            {
                continue;
            }
            let other = daemon.pods_for(node).find(|other| {
                let planted = matches!(other.created_by, Author::Harness | Author::Cluster);
                other.uid != pod.uid
                    && !planted
                    && other.added().index < added.index
                    && other.at(added.index).is_some_and(counts)
            });
            judge.expect(
                other.is_none(),
                || {
                    format!(
                        "{} was created for node {node} beside {}",
                        pod.name,
                        other.map_or("", |other| &other.name)
                    )
                },
                other.map(Incarnation::added).into_iter().chain([added]),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{
        daemonset::daemon::told::{agent, pod},
        story::Story,
    };
    use serde_json::json;

    fn covered() -> Story {
        agent(json!({}))
            .object_added("pods", pod("agent-x", "a"))
            .wait(5_000)
    }

    #[test]
    fn each_eligible_node_gets_its_pod() {
        covered().wait(20_000).keeps(&DS_PL_01);
        agent(json!({}))
            .wait(20_000)
            .stalls(&DS_PL_01, "node a had no pod of agent for 20.0 s");
        agent(json!({"nodeSelector": {"disk": "ssd"}}))
            .wait(20_000)
            .does_not_exercise(&DS_PL_01);
    }

    #[test]
    fn a_tolerated_taint_makes_a_node_eligible() {
        agent(json!({"tolerations": [{"operator": "Exists"}]}))
            .object_added("pods", pod("agent-x", "a"))
            .wait(20_000)
            .stalls(&DS_PL_01, "node b had no pod of agent");
    }

    #[test]
    fn a_lost_pod_returns_to_its_node() {
        let lost = || covered().object_gone("pods", "agent-x").by(Author::Harness);
        lost()
            .object_added("pods", pod("agent-y", "a"))
            .wait(1_000)
            .keeps(&DS_PL_14);
        lost().wait(20_000).stalls(&DS_PL_14, "node a had no pod");
        covered().wait(20_000).does_not_exercise(&DS_PL_14);
    }

    #[test]
    fn two_pods_for_one_node_are_one_too_many() {
        covered().keeps(&DS_PL_02);
        covered()
            .object_added("pods", pod("agent-y", "a"))
            .breaks(&DS_PL_02, "agent-y was created for node a beside agent-x");
        covered()
            .modify_object("pods", "agent-x", json!({"status": {"phase": "Failed"}}))
            .object_added("pods", pod("agent-y", "a"))
            .keeps(&DS_PL_02);
        agent(json!({})).does_not_exercise(&DS_PL_02);
    }
}
