//! What the DNS is made from.

use crate::rules::window::Window;
use history::{Endpoint, Ledger, Moment, Set, endpoints, service_of};
use judging::{Judge, Kind, Level, Profile, Rule};
use serde_json::Value;

/// Hostname and target.
pub static DN_04: Rule = Rule {
    id: "DN-04",
    sentence: "The EndpointSlice entries of members carry the pod's name as hostname and refer to the pod by UID",
    why: "The DNS makes the members' names from these entries.",
    source: "EndpointSlice controller (reference)",
    fix: "Set spec.hostname and spec.subdomain of the pods; the endpoints follow.",
    profile: Profile::NetworkIdentity,
    level: Level::Should,
    kind: Kind::Liveness,
    needs: &[],
    reads: &["endpointslices"],
    check: entries_carry_names,
};

fn entries_carry_names(ledger: &Ledger, judge: &mut Judge<'_>) {
    let settle = ledger.patience().settle();
    for slice in ledger.related("endpointslices") {
        let states = slice.states.entries();
        for (place, (moment, object)) in states.iter().enumerate() {
            let next = states
                .get(place + 1)
                .map(|(next, _)| *next)
                .or(slice.gone)
                .unwrap_or(ledger.end());
            // Only a slice that stayed as it was for a while is judged.
            if next.at.since(moment.at) < settle {
                continue;
            }
            for set in ledger.sets().iter().filter(|set| governs(object, set, *moment)) {
                judge_slice(ledger, judge, set, object, *moment);
            }
        }
    }
}

/// Whether the slice belongs to the set's governing service.
fn governs(slice: &Value, set: &Set, moment: Moment) -> bool {
    let service = set.spec_at(moment.index).map(|spec| spec.service_name.as_str());
    service.is_some_and(|service| service_of(slice) == Some(service))
}

fn judge_slice(ledger: &Ledger, judge: &mut Judge<'_>, set: &Set, slice: &Value, moment: Moment) {
    let window = Window::before(ledger, set, moment);
    for entry in endpoints(slice) {
        let Some((ordinal, pod)) = ledger
            .members_at(set, moment.index)
            .find(|(_, pod, _)| pod.name == entry.pod)
            .map(|(ordinal, pod, _)| (ordinal, pod))
        else {
            continue;
        };
        // A pod that was replaced a moment ago may still be there with its former UID.
        let replaced = window.missing(ordinal);
        judge.expect(
            entry.hostname == Some(pod.name.as_str()) && (entry.uid == pod.uid || replaced),
            || format!("the endpoint of {} {}", pod.name, fault(&entry, &pod.name)),
            [pod.added(), moment],
        );
    }
}

fn fault(entry: &Endpoint<'_>, name: &str) -> String {
    match entry.hostname {
        Some(hostname) if hostname == name => "refers to another UID".into(),
        Some(hostname) => format!("carries the hostname {hostname}"),
        None => "carries no hostname".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn slice(hostname: Option<&str>, uid: Option<&str>) -> Story {
        let story = Story::new().set("web", 1).ready_pods(1).wait(5_000);
        let uid = uid.map_or_else(|| story.uid("pods", "web-0"), str::to_owned);
        let entry = json!({"hostname": hostname, "targetRef": {"kind": "Pod", "name": "web-0", "uid": uid}});
        story.object_added(
            "endpointslices",
            json!({
                "metadata": {"name": "web-x", "labels": {"kubernetes.io/service-name": "web-svc"}},
                "endpoints": [entry],
            }),
        )
    }

    #[test]
    fn an_entry_carries_name_and_uid() {
        slice(Some("web-0"), None).wait(5_000).keeps(&DN_04);
        slice(None, None)
            .wait(5_000)
            .breaks(&DN_04, "web-0 carries no hostname");
        slice(Some("db-0"), None)
            .wait(5_000)
            .breaks(&DN_04, "carries the hostname db-0");
        slice(Some("web-0"), Some("x"))
            .wait(5_000)
            .breaks(&DN_04, "refers to another UID");
    }

    #[test]
    fn a_slice_that_changes_at_once_says_nothing() {
        slice(None, None)
            .modify_object("endpointslices", "web-x", json!({"endpoints": []}))
            .wait(5_000)
            .does_not_exercise(&DN_04);
    }
}
