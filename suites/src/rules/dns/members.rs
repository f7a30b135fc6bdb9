//! The names of the service and of each member answer with the right addresses.

use super::question::{Answered, Question, answered, named};
use history::{Moment, PodState};
use judging::{Judge, Kind, Level, Profile, Rule};
use std::collections::HashSet;

/// The service's own name.
pub static DN_01: Rule = Rule {
    id: "DN-01",
    sentence: "The name of a headless service answers with one address per ready member, and with nothing else",
    why: "Clients find the members by it; a missing one gets no work, a stale one costs a timeout.",
    source: "Kubernetes DNS specification 2.4.1; upstream e2e N3 (non-empty only)",
    fix: "Check that pods match the service's selector; then look at the EndpointSlices, and at the DNS after them.",
    profile: Profile::NetworkIdentity,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &["services"],
    check: |ledger, judge| {
        for answered in answered(ledger, "A").filter(|one| !one.mixed_case()) {
            if answered.name.question == Question::Service && answered.service.headless() {
                judge_members(judge, &answered, |_| true);
            }
        }
    },
};

/// A member's own name.
pub static DN_02: Rule = Rule {
    id: "DN-02",
    sentence: "The name of a member, <pod>.<service>, answers with exactly that member's address",
    why: "Members configure each other by these names: a wrong address is data sent to the wrong shard.",
    source: "Kubernetes DNS specification 2.4.1; StatefulSet documentation, stable network ID; upstream e2e N6",
    fix: "Set spec.hostname to the pod's name and spec.subdomain to the service's.",
    profile: Profile::NetworkIdentity,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &["services"],
    check: |ledger, judge| {
        for answered in answered(ledger, "A").filter(|one| !one.mixed_case()) {
            if let Question::Member(hostname) = &answered.name.question {
                judge_members(judge, &answered, |state| {
                    named(&answered.service, hostname, state)
                });
            }
        }
    },
};

/// In any case.
pub static DN_15: Rule = Rule {
    id: "DN-15",
    sentence: "Names are compared without regard to upper and lower case",
    why: "Some clients send names in mixed case on purpose, as a defence against forged answers.",
    source: "Kubernetes DNS specification 2.1",
    fix: "Nothing in the controller; use a DNS server that compares as RFC 4343 says.",
    profile: Profile::NetworkIdentity,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &["services"],
    check: |ledger, judge| {
        for answered in answered(ledger, "A").filter(Answered::mixed_case) {
            match &answered.name.question {
                Question::Service => judge_members(judge, &answered, |_| answered.service.headless()),
                Question::Member(hostname) => {
                    judge_members(judge, &answered, |state| {
                        named(&answered.service, hostname, state)
                    });
                }
                Question::Port(..) => {}
            }
        }
    },
};

/// The answer holds the address of every pod that is `meant` and was published all the time, and of none that never
/// was.
fn judge_members(judge: &mut Judge<'_>, answered: &Answered<'_>, meant: impl Fn(&PodState) -> bool) {
    let published = |state: &PodState| answered.service.publishes(state) && meant(state);
    let mut missing: Option<(String, Moment)> = None;
    let mut certain = 0;
    for pod in answered.pods() {
        if let Some(address) = answered.steady_address(pod, published) {
            certain += 1;
            if !answered.holds(address) {
                missing.get_or_insert_with(|| (format!("{address} of {}", pod.name), answered.shown(pod)));
            }
        }
    }
    let told = &answered.answer.answers;
    let possible = if told.is_empty() {
        HashSet::new()
    } else {
        answered.addresses(published)
    };
    let stray = told.iter().find(|answer| !possible.contains(answer.as_str()));
    if certain > 0 || stray.is_some() {
        judge.opportunity();
    }
    let asked = &answered.answer.name;
    if let Some((what, shown)) = missing {
        judge.violation(
            format!("{asked} does not answer with {what}, which has been Ready all the time"),
            [answered.served, shown, answered.moment],
        );
    } else if let Some(stray) = stray {
        judge.violation(
            format!("{asked} answers with {stray}, which is the address of no pod that it stands for"),
            [answered.served, answered.moment],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{dns::question::told_by_dns, story::Story};

    const SERVICE: &str = "web-svc.n.svc.cluster.local";
    const MEMBER: &str = "web-0.web-svc.n.svc.cluster.local";

    fn two_ready() -> (Story, String, String) {
        let story = told_by_dns().ready_pods(2).wait(20_000);
        let (a, b) = (story.ip("web-0"), story.ip("web-1"));
        (story, a, b)
    }

    #[test]
    fn every_ready_member_is_in_the_answer() {
        let (story, a, b) = two_ready();
        story
            .clone()
            .dns(SERVICE, "A", &[&a, &b])
            .wait(1_000)
            .keeps(&DN_01);
        story
            .clone()
            .dns(SERVICE, "A", &[&a])
            .wait(1_000)
            .breaks(&DN_01, "of web-1, which has been Ready");
        story
            .nxdomain(SERVICE, "A")
            .wait(1_000)
            .breaks(&DN_01, "of web-0, which has been Ready");
        told_by_dns()
            .wait(20_000)
            .nxdomain(SERVICE, "A")
            .does_not_exercise(&DN_01);
    }

    #[test]
    fn nothing_else_is_in_the_answer() {
        let (story, a, b) = two_ready();
        story
            .dns(SERVICE, "A", &[&a, &b, "10.9.9.9"])
            .breaks(&DN_01, "answers with 10.9.9.9");
    }

    #[test]
    fn an_answer_may_be_as_old_as_a_cache_allows() {
        let (story, a, b) = two_ready();
        let late = story.on("web-1").unready();
        late.clone()
            .wait(5_000)
            .dns(SERVICE, "A", &[&a, &b])
            .keeps(&DN_01);
        late.wait(15_000)
            .dns(SERVICE, "A", &[&a, &b])
            .breaks(&DN_01, "no pod that it stands for");
    }

    #[test]
    fn a_member_answers_with_its_own_address() {
        let (story, a, b) = two_ready();
        story.clone().dns(MEMBER, "A", &[&a]).wait(1_000).keeps(&DN_02);
        story
            .clone()
            .dns(MEMBER, "A", &[&b])
            .wait(1_000)
            .breaks(&DN_02, "does not answer with");
        story
            .clone()
            .dns(MEMBER, "A", &[&a, &b])
            .wait(1_000)
            .breaks(&DN_02, "answers with");
        story.dns(SERVICE, "A", &[&a]).does_not_exercise(&DN_02);
    }

    #[test]
    fn a_pod_without_a_hostname_has_no_name() {
        told_by_dns()
            .pod_with("web-0", serde_json::json!({"spec": {"hostname": null}}))
            .ready()
            .wait(20_000)
            .nxdomain(MEMBER, "A")
            .does_not_exercise(&DN_02);
    }

    #[test]
    fn case_does_not_matter() {
        let (story, a, _) = two_ready();
        let mixed = "Web-0.WEB-svc.n.svc.cluster.local";
        story.clone().dns(mixed, "A", &[&a]).wait(1_000).keeps(&DN_15);
        story
            .clone()
            .nxdomain(mixed, "A")
            .wait(1_000)
            .breaks(&DN_15, "does not answer");
        story.dns(MEMBER, "A", &[&a]).does_not_exercise(&DN_15);
    }
}
