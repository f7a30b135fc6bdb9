//! Who is not to be found.

use super::question::{Answered, Question, answered, named};
use history::{Incarnation, Ledger, PodState};
use judging::{Judge, Kind, Level, Profile, Rule};

/// Unready members.
pub static DN_08: Rule = Rule {
    id: "DN-08",
    sentence: "A member that is not Ready is absent from the answers, unless the service publishes unready addresses",
    why: "Readiness is how a member says that it cannot serve; clients that are sent to it get errors.",
    source: "Kubernetes DNS specification 2.4.1; Services documentation",
    fix: "Let the endpoints follow the Ready condition.",
    profile: Profile::NetworkIdentity,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &["services"],
    check: |ledger, judge| {
        absent(ledger, judge, "not been Ready", |state| {
            !state.ready && !state.terminating && !state.ended()
        });
    },
};

/// Terminating members.
pub static DN_10: Rule = Rule {
    id: "DN-10",
    sentence: "A member leaves the answers when its deletion begins, not only when it is gone",
    why: "The time between is for finishing what was begun; new clients would be cut off.",
    source: "Endpoints controller (reference)",
    fix: "Let the endpoints leave out pods with deletionTimestamp.",
    profile: Profile::NetworkIdentity,
    level: Level::Should,
    kind: Kind::Liveness,
    needs: &[],
    reads: &["services"],
    check: |ledger, judge| {
        absent(ledger, judge, "been terminating", |state| {
            state.terminating && !state.ended()
        })
    },
};

/// Pods of which `out` was true all the time are in no answer, by no name.
fn absent(ledger: &Ledger, judge: &mut Judge<'_>, how: &str, out: fn(&PodState) -> bool) {
    for qtype in ["A", "SRV"] {
        for answered in answered(ledger, qtype) {
            let service = &answered.service;
            if !service.headless() || service.publishes_not_ready {
                continue;
            }
            let held = answered.pods().filter_map(|pod| {
                let meant =
                    |state: &PodState| out(state) && service.selects(state) && asks_for(&answered, state);
                Some((pod, answered.steady_address(pod, meant)?))
            });
            for (pod, address) in held {
                let free = answered.pods().all(|other| {
                    other.uid == pod.uid
                        || !answered.ever(other, |state| state.ip.as_deref() == Some(address))
                });
                if free {
                    judge.expect(
                        !is_told(&answered, pod, address),
                        || {
                            format!(
                                "{} still tells of {}, which has {how} for longer than an answer may be old",
                                answered.answer.name, pod.name
                            )
                        },
                        [answered.shown(pod), answered.moment],
                    );
                }
            }
        }
    }
}

/// Whether the question is about this pod.
fn asks_for(answered: &Answered<'_>, state: &PodState) -> bool {
    match &answered.name.question {
        Question::Member(hostname) => named(&answered.service, hostname, state),
        Question::Service | Question::Port(..) => true,
    }
}

/// Whether the answer holds the pod's address, or its name as a target.
fn is_told(answered: &Answered<'_>, pod: &Incarnation, address: &str) -> bool {
    let target = format!("{}.{}", pod.name, answered.name.base);
    answered.answer.answers.iter().any(|record| {
        record == address
            || record
                .split(' ')
                .next_back()
                .is_some_and(|name| name.trim_end_matches('.') == target)
    })
}

/// Nobody.
pub static DN_12: Rule = Rule {
    id: "DN-12",
    sentence: "Without a ready member the name of a headless service answers with nothing, never with a stale address",
    why: "An address that once was a member's may be anybody's now.",
    source: "Kubernetes DNS specification 2.4.1",
    fix: "Let the endpoints follow the pods; do not keep the last one.",
    profile: Profile::NetworkIdentity,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &["services"],
    check: |ledger, judge| {
        for answered in answered(ledger, "A") {
            let service = &answered.service;
            let about_all = answered.name.question == Question::Service && service.headless();
            let ready = || {
                answered
                    .pods()
                    .any(|pod| answered.ever(pod, |state| service.publishes(state)))
            };
            if !about_all || ready() {
                continue;
            }
            let told = answered.answer.answers.first();
            judge.expect(
                told.is_none(),
                || {
                    format!(
                        "{} answers with {}, but no member is Ready",
                        answered.answer.name,
                        told.map_or("-", String::as_str)
                    )
                },
                [answered.served, answered.moment],
            );
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{dns::question::told_by_dns, story::Story};
    use serde_json::json;

    const SERVICE: &str = "web-svc.n.svc.cluster.local";
    const MEMBER: &str = "web-1.web-svc.n.svc.cluster.local";
    const PORT: &str = "_web._tcp.web-svc.n.svc.cluster.local";

    fn web_1_unready() -> (Story, String, String) {
        let story = told_by_dns().ready_pods(2).unready().wait(20_000);
        let (a, b) = (story.ip("web-0"), story.ip("web-1"));
        (story, a, b)
    }

    #[test]
    fn an_unready_member_is_not_found_by_any_name() {
        let (story, a, b) = web_1_unready();
        story.clone().dns(SERVICE, "A", &[&a]).wait(1_000).keeps(&DN_08);
        story.clone().nxdomain(MEMBER, "A").wait(1_000).keeps(&DN_08);
        story
            .clone()
            .dns(SERVICE, "A", &[&a, &b])
            .wait(1_000)
            .breaks(&DN_08, "still tells of web-1");
        story
            .clone()
            .dns(MEMBER, "A", &[&b])
            .wait(1_000)
            .breaks(&DN_08, "which has not been Ready");
        let srv = format!("0 50 80 {MEMBER}");
        story
            .dns(PORT, "SRV", &[&srv])
            .wait(1_000)
            .breaks(&DN_08, "_web._tcp");
    }

    #[test]
    fn the_answer_has_time_to_follow() {
        let story = told_by_dns().ready_pods(1).unready().wait(5_000);
        let a = story.ip("web-0");
        story
            .dns(SERVICE, "A", &[&a])
            .wait(1_000)
            .does_not_exercise(&DN_08);
    }

    #[test]
    fn a_service_may_publish_unready_members() {
        let story = told_by_dns()
            .modify_object(
                "services",
                "web-svc",
                json!({"spec": {"publishNotReadyAddresses": true}}),
            )
            .ready_pods(1)
            .unready()
            .wait(20_000);
        let a = story.ip("web-0");
        story
            .dns(SERVICE, "A", &[&a])
            .wait(1_000)
            .does_not_exercise(&DN_08);
    }

    #[test]
    fn a_terminating_member_is_not_found() {
        let story = told_by_dns().ready_pods(2).delete_pod("web-1").wait(20_000);
        let (a, b) = (story.ip("web-0"), story.ip("web-1"));
        story.clone().dns(SERVICE, "A", &[&a]).wait(1_000).keeps(&DN_10);
        story
            .clone()
            .dns(SERVICE, "A", &[&a, &b])
            .wait(1_000)
            .breaks(&DN_10, "been terminating");
        story.does_not_exercise(&DN_10);
    }

    #[test]
    fn without_a_ready_member_nothing_is_told() {
        told_by_dns()
            .wait(20_000)
            .nxdomain(SERVICE, "A")
            .wait(1_000)
            .keeps(&DN_12);
        told_by_dns()
            .wait(20_000)
            .dns(SERVICE, "A", &[])
            .wait(1_000)
            .keeps(&DN_12);
        told_by_dns()
            .wait(20_000)
            .dns(SERVICE, "A", &["10.0.0.7"])
            .wait(1_000)
            .breaks(&DN_12, "answers with 10.0.0.7, but no member is Ready");
        told_by_dns()
            .ready_pods(1)
            .wait(20_000)
            .nxdomain(SERVICE, "A")
            .does_not_exercise(&DN_12);
    }
}
