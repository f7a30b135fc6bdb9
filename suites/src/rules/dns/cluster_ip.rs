//! Services with an address of their own.

use super::question::{Answered, Question, answered, named};
use history::Moment;
use judging::{Judge, Kind, Level, Profile, Rule};

/// One address, the service's.
pub static DN_13: Rule = Rule {
    id: "DN-13",
    sentence: "An ordinary service answers with its own address, its SRV records name the service, and members have no \
               names under it unless they carry them",
    why: "An application that mixes up the two kinds of service balances where it should address, or the other way round.",
    source: "Kubernetes DNS specification 2.3; upstream e2e N3",
    fix: "Nothing in the controller; look at the cluster's DNS.",
    profile: Profile::NetworkIdentity,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &["services"],
    check: |ledger, judge| {
        for answered in answered(ledger, "A") {
            let Some(own) = answered.service.cluster_ip.clone() else {
                continue;
            };
            match &answered.name.question {
                Question::Service if !own.contains(':') => {
                    expect(judge, &answered, answered.answer.answers == [own.as_str()], &own);
                }
                Question::Member(hostname) => nameless(judge, &answered, hostname),
                _ => {}
            }
        }
        for answered in answered(ledger, "SRV").filter(|one| !one.service.headless()) {
            let Question::Port(name, protocol) = &answered.name.question else {
                continue;
            };
            let port = answered
                .service
                .ports
                .iter()
                .find(|port| port.name == *name && port.protocol == *protocol);
            if let Some(port) = port {
                let wanted = format!("{} {}", port.port, answered.name.base);
                let right = match answered.answer.answers.as_slice() {
                    [record] => record.trim_end_matches('.').ends_with(&wanted),
                    _ => false,
                };
                expect(judge, &answered, right, &wanted);
            }
        }
    },
};

fn expect(judge: &mut Judge<'_>, answered: &Answered<'_>, right: bool, wanted: &str) {
    judge.expect(
        right,
        || {
            format!(
                "{} answers with {:?}, not with {wanted} alone",
                answered.answer.name, answered.answer.answers
            )
        },
        [answered.served, answered.moment],
    );
}

/// A pod of the service that carries no such name has none.
fn nameless(judge: &mut Judge<'_>, answered: &Answered<'_>, hostname: &str) {
    let service = &answered.service;
    let carries = answered
        .pods()
        .any(|pod| answered.ever(pod, |state| named(service, hostname, state)));
    let up = answered
        .pods()
        .find(|pod| pod.name == hostname && answered.always(pod, |state| service.publishes(state)));
    let shown: Option<Moment> = up.filter(|_| !carries).map(|pod| answered.shown(pod));
    if let Some(shown) = shown {
        judge.expect(
            answered.answer.answers.is_empty(),
            || {
                format!(
                    "{} exists, but the pod carries no name under this service",
                    answered.answer.name
                )
            },
            [answered.served, shown, answered.moment],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{dns::question::told_by_dns, story::Story};
    use serde_json::json;

    fn ordinary() -> Story {
        told_by_dns()
            .object_added(
                "services",
                json!({
                    "metadata": {"name": "front"},
                    "spec": {
                        "clusterIP": "10.96.0.7", "selector": {"app": "web"},
                        "ports": [{"name": "web", "port": 8080, "targetPort": 80}],
                    },
                }),
            )
            .ready_pods(1)
            .wait(20_000)
    }

    #[test]
    fn the_service_answers_with_its_own_address() {
        let name = "front.n.svc.cluster.local";
        ordinary()
            .dns(name, "A", &["10.96.0.7"])
            .wait(1_000)
            .keeps(&DN_13);
        ordinary()
            .dns(name, "A", &["10.0.0.1"])
            .wait(1_000)
            .breaks(&DN_13, "not with 10.96.0.7 alone");
        ordinary()
            .dns("web-svc.n.svc.cluster.local", "A", &[])
            .does_not_exercise(&DN_13);
    }

    #[test]
    fn the_port_is_the_services() {
        let name = "_web._tcp.front.n.svc.cluster.local";
        ordinary()
            .dns(name, "SRV", &["0 100 8080 front.n.svc.cluster.local"])
            .wait(1_000)
            .keeps(&DN_13);
        ordinary()
            .dns(name, "SRV", &["0 100 80 web-0.front.n.svc.cluster.local"])
            .wait(1_000)
            .breaks(&DN_13, "not with 8080 front.n.svc.cluster.local alone");
    }

    #[test]
    fn members_have_no_name_under_it() {
        let name = "web-0.front.n.svc.cluster.local";
        ordinary().nxdomain(name, "A").wait(1_000).keeps(&DN_13);
        ordinary()
            .dns(name, "A", &["10.0.0.1"])
            .wait(1_000)
            .breaks(&DN_13, "carries no name under this service");
    }
}
