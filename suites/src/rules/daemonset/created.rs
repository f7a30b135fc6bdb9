//! How a daemon pod is made.

use super::daemon::{Daemon, daemons};
use history::{Incarnation, Ledger, Moment, PodState};
use judging::{Feature, Judge, Kind, Level, Profile, Rule};

/// Each pod that the candidate created for a DaemonSet.
fn each_created(
    ledger: &Ledger,
    judge: &mut Judge<'_>,
    fault: impl Fn(&Daemon<'_>, Moment, &PodState) -> Option<String>,
) {
    for daemon in daemons(ledger) {
        let by_candidate = |pod: &&&Incarnation| pod.seen_added && pod.created_by.may_be_candidate();
        for pod in daemon.pods.iter().filter(by_candidate) {
            let Some((added, state)) = pod.states.first() else {
                continue;
            };
            if state.owner.as_deref() != Some(&daemon.set.uid) {
                continue;
            }
            let fault = fault(&daemon, *added, state);
            judge.expect(
                fault.is_none(),
                || {
                    format!(
                        "{} of {} {}",
                        pod.name,
                        daemon.set.name,
                        fault.unwrap_or_default()
                    )
                },
                daemon
                    .set
                    .states
                    .first()
                    .map(|(moment, _)| *moment)
                    .into_iter()
                    .chain([*added]),
            );
        }
    }
}

/// Bound by affinity.
pub static DS_PL_04: Rule = Rule {
    id: "DS-PL-04",
    sentence: "A daemon pod names its node by required node affinity on metadata.name, and leaves spec.nodeName to the \
               scheduler",
    why: "Only so do priority, preemption and resource accounting hold for daemon pods.",
    source: "DaemonSet documentation, how daemon pods are scheduled",
    fix: "Replace the template's required node affinity by one term: matchFields metadata.name In [node].",
    profile: Profile::Daemonset,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::DaemonSets],
    reads: &["daemonsets"],
    check: |ledger, judge| {
        each_created(ledger, judge, |_, _, state| {
            match (state.pinned_to(), &state.node) {
                (_, Some(node)) => Some(format!("was created with spec.nodeName {node}")),
                (None, None) => Some("names no node by required affinity".into()),
                (Some(_), None) => None,
            }
        });
    },
};

/// Labels and owner.
pub static DS_PL_19: Rule = Rule {
    id: "DS-PL-19",
    sentence: "A daemon pod carries the hash of its revision as label, generateName <set>-, and one controlling owner",
    why: "Rollouts find old pods by the label, and garbage collection finds them by the owner.",
    source: "DaemonSet controller; upstream e2e D5, D6",
    fix: "Label with the hash part of the ControllerRevision's name alone, unlike a StatefulSet.",
    profile: Profile::Daemonset,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::DaemonSets],
    reads: &["daemonsets", "controllerrevisions"],
    check: |ledger, judge| each_created(ledger, judge, labels_and_owner),
};

fn labels_and_owner(daemon: &Daemon<'_>, added: Moment, state: &PodState) -> Option<String> {
    let set = daemon.set;
    let hash = state.revision.as_deref().unwrap_or_default();
    let revision = format!("{}-{hash}", set.name);
    let watched = !daemon.ledger.all_revisions().is_empty();
    if hash.is_empty() {
        Some("carries no revision label".into())
    } else if watched
        && daemon
            .ledger
            .revision_at(&set.namespace, &revision, added.index)
            .is_none()
    {
        Some(format!(
            "carries the revision label {hash}, and there is no revision {revision}"
        ))
    } else if state.generate_name() != Some(&format!("{}-", set.name)) {
        Some(format!(
            "has generateName {}",
            state.generate_name().unwrap_or("-")
        ))
    } else {
        let controllers = state.owner_references().filter(|owner| owner.controller).count();
        (controllers != 1).then(|| format!("has {controllers} controlling owners"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{
        daemonset::daemon::told::{agent, owner, pod},
        story::Story,
    };
    use serde_json::{Value, json};

    fn made(change: impl Fn(&mut Value)) -> Story {
        let mut pod = pod("agent-x", "a");
        change(&mut pod);
        agent(json!({})).object_added("pods", pod)
    }

    #[test]
    fn a_right_pod() {
        made(|_| {}).keeps(&DS_PL_04);
        made(|_| {}).keeps(&DS_PL_19);
        agent(json!({})).does_not_exercise(&DS_PL_04);
        agent(json!({})).does_not_exercise(&DS_PL_19);
    }

    #[test]
    fn a_pod_is_bound_by_affinity_alone() {
        made(|pod| pod["spec"]["nodeName"] = json!("a")).breaks(&DS_PL_04, "created with spec.nodeName a");
        made(|pod| pod["spec"]["affinity"] = json!({})).breaks(&DS_PL_04, "names no node");
    }

    #[test]
    fn label_name_and_owner() {
        let label =
            |pod: &mut Value, hash: &str| pod["metadata"]["labels"]["controller-revision-hash"] = json!(hash);
        made(|pod| label(pod, "agent-5d8f")).breaks(&DS_PL_19, "there is no revision agent-agent-5d8f");
        made(|pod| pod["metadata"]["labels"] = json!({})).breaks(&DS_PL_19, "no revision label");
        made(|pod| pod["metadata"]["generateName"] = json!("x-")).breaks(&DS_PL_19, "has generateName x-");
        made(|pod| pod["metadata"]["ownerReferences"] = json!([owner(), owner()]))
            .breaks(&DS_PL_19, "has 2 controlling owners");
    }
}
