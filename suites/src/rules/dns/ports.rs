//! SRV records: the named ports of each member.

use super::question::{Answered, Question, answered};
use history::{Incarnation, PodState, ServicePort};
use judging::{Judge, Kind, Level, Profile, Rule};

/// One record per member and port.
pub static DN_05: Rule = Rule {
    id: "DN-05",
    sentence: "The SRV name of a port answers with one record per ready member: its own name as target and the right port",
    why: "Peer discovery of many databases asks for SRV records and nothing else.",
    source: "Kubernetes DNS specification 2.4.2; upstream e2e N3 (non-empty only)",
    fix: "Give the members hostname and subdomain; without them the records name no member.",
    profile: Profile::NetworkIdentity,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &["services"],
    check: |ledger, judge| {
        for answered in answered(ledger, "SRV").filter(|one| one.service.headless()) {
            let Question::Port(name, protocol) = &answered.name.question else {
                continue;
            };
            let port = answered
                .service
                .ports
                .iter()
                .find(|port| port.name == *name && port.protocol == *protocol);
            if let Some(port) = port {
                one_record_per_member(judge, &answered, port);
            }
        }
    },
};

fn one_record_per_member<'a>(judge: &mut Judge<'_>, answered: &Answered<'a>, port: &ServicePort) {
    let records: Vec<(&str, &str)> = answered
        .answer
        .answers
        .iter()
        .filter_map(|record| record_of(record))
        .collect();
    let targets: Vec<(&Incarnation, String, Option<u16>)> = answered
        .pods()
        .filter(|pod| answered.ever(pod, |state| published(answered, state)))
        .filter_map(|pod| {
            let state = pod.last()?;
            Some((
                pod,
                format!("{}.{}", state.hostname()?, answered.name.base),
                port.on(state),
            ))
        })
        .collect();
    let steady = |pod: &&&'a Incarnation| answered.always(pod, |state| published(answered, state));
    let certain: Vec<_> = targets.iter().filter(|(pod, _, _)| steady(&pod)).collect();
    let stray = records.iter().find(|(number, target)| {
        !targets
            .iter()
            .any(|(_, name, port)| name == target && port.is_none_or(|port| port.to_string() == *number))
    });
    if certain.is_empty() && stray.is_none() {
        return;
    }
    judge.opportunity();
    let missing = certain
        .iter()
        .find(|(_, name, _)| records.iter().filter(|(_, target)| target == name).count() != 1);
    let asked = &answered.answer.name;
    if let Some((pod, name, _)) = missing {
        judge.violation(
            format!("{asked} does not answer with exactly one record for {name}"),
            [answered.served, answered.shown(pod), answered.moment],
        );
    } else if let Some((number, target)) = stray {
        judge.violation(
            format!("{asked} answers with port {number} of {target}, which no ready member serves"),
            [answered.served, answered.moment],
        );
    }
}

/// Port and target of a record `priority weight port target`.
fn record_of(record: &str) -> Option<(&str, &str)> {
    let mut words = record.split(' ').skip(2);
    Some((words.next()?, words.next()?.trim_end_matches('.')))
}

/// Whether the pod has a record with its own name as target.
fn published(answered: &Answered<'_>, state: &PodState) -> bool {
    answered.service.publishes(state)
        && state.subdomain() == Some(&answered.service.name)
        && state.hostname().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{dns::question::told_by_dns, story::Story};

    const NAME: &str = "_web._tcp.web-svc.n.svc.cluster.local";

    fn asked(records: &[&str]) -> Story {
        told_by_dns()
            .ready_pods(2)
            .wait(20_000)
            .dns(NAME, "SRV", records)
            .wait(1_000)
    }

    const ZERO: &str = "0 50 80 web-0.web-svc.n.svc.cluster.local";
    const ONE: &str = "0 50 80 web-1.web-svc.n.svc.cluster.local.";

    #[test]
    fn one_record_per_member() {
        asked(&[ZERO, ONE]).keeps(&DN_05);
        asked(&[ZERO]).breaks(&DN_05, "exactly one record for web-1");
        asked(&[ZERO, ONE, ONE]).breaks(&DN_05, "exactly one record for web-1");
    }

    #[test]
    fn the_right_port_of_the_right_member() {
        asked(&[ZERO, "0 50 8080 web-1.web-svc.n.svc.cluster.local"]).breaks(&DN_05, "port 8080 of web-1");
        asked(&[ZERO, ONE, "0 50 80 web-9.web-svc.n.svc.cluster.local"]).breaks(&DN_05, "port 80 of web-9");
    }

    #[test]
    fn ports_without_a_name_and_other_names_say_nothing() {
        told_by_dns()
            .ready_pods(1)
            .wait(20_000)
            .nxdomain("_x._tcp.web-svc.n.svc.cluster.local", "SRV")
            .does_not_exercise(&DN_05);
        told_by_dns().nxdomain(NAME, "SRV").does_not_exercise(&DN_05);
    }
}
