//! The same name after a replacement, and no name after the end.

use super::question::{Question, answered, named};
use crate::rules::window::Window;
use history::{Ledger, Moment, Ordinal, PodState, Set};
use judging::{Kind, Level, Profile, Rule};

/// The same name, the new address.
pub static DN_11: Rule = Rule {
    id: "DN-11",
    sentence: "After a pod was recreated with another address its name answers with the new one, and no longer with the \
               old one",
    why: "This is the promise of a stable network identity: the name stays, whatever happens to the pod behind it.",
    source: "StatefulSet documentation, stable network ID; k/k #92559",
    fix: "Give every incarnation the same hostname and subdomain.",
    profile: Profile::NetworkIdentity,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &["services"],
    check: |ledger, judge| {
        for answered in answered(ledger, "A") {
            let Question::Member(hostname) = &answered.name.question else {
                continue;
            };
            let published = |state: &PodState| {
                answered.service.publishes(state) && named(&answered.service, hostname, state)
            };
            let Some((pod, address)) = answered
                .pods()
                .find_map(|pod| Some((pod, answered.steady_address(pod, published)?)))
            else {
                continue;
            };
            let former = ledger.pods().iter().rev().find(|former| {
                former.name == pod.name
                    && former.namespace == pod.namespace
                    && former.gone.is_some_and(|gone| gone.index < pod.added().index)
                    && former
                        .last()
                        .is_some_and(|last| last.ip.as_deref().is_some_and(|old| old != address))
            });
            let Some(former) = former else { continue };
            judge.expect(
                answered.answer.answers == [address],
                || {
                    format!(
                        "{} answers with {:?}, not with {address}, the address of {} since it was recreated",
                        answered.answer.name, answered.answer.answers, pod.name
                    )
                },
                [
                    former.gone.unwrap_or_default(),
                    answered.shown(pod),
                    answered.moment,
                ],
            );
        }
    },
};

/// No name after the end.
pub static DN_17: Rule = Rule {
    id: "DN-17",
    sentence: "A member that was scaled away loses its name",
    why: "Clients that still find it wait for a connection that nobody accepts.",
    source: "StatefulSet documentation; Kubernetes DNS specification",
    fix: "Delete the pod; the endpoints and the DNS follow.",
    profile: Profile::NetworkIdentity,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &["services"],
    check: |ledger, judge| {
        for answered in answered(ledger, "A") {
            let Question::Member(hostname) = &answered.name.question else {
                continue;
            };
            let gone = ledger
                .sets()
                .iter()
                .filter(|set| set.namespace == answered.name.namespace)
                .filter_map(|set| scaled_away(ledger, set, hostname, answered.moment))
                .next();
            let there = answered
                .pods()
                .any(|pod| answered.ever(pod, |state| state.hostname() == Some(hostname)));
            let Some(gone) = gone.filter(|_| !there) else {
                continue;
            };
            judge.expect(
                answered.answer.answers.is_empty(),
                || {
                    format!(
                        "{} still exists, but {hostname} was scaled away",
                        answered.answer.name
                    )
                },
                [gone, answered.moment],
            );
        }
    },
};

/// When the member with this name was gone, if it was and nobody wants it.
fn scaled_away(ledger: &Ledger, set: &Set, name: &str, moment: Moment) -> Option<Moment> {
    let ordinal = Ordinal::of(name, &set.name)?;
    let gone = ledger
        .incarnations(set, ordinal)
        .filter_map(|pod| pod.gone)
        .max()?;
    let unwanted = Window::before(ledger, set, moment).condemns(ordinal);
    (unwanted && gone.index < moment.index).then_some(gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{dns::question::told_by_dns, story::Story};

    const MEMBER: &str = "web-0.web-svc.n.svc.cluster.local";

    fn recreated() -> (Story, String, String) {
        let story = told_by_dns().ready_pods(1).wait(20_000);
        let old = story.ip("web-0");
        let story = story.remove_pod("web-0").pod("web-0").ready();
        let new = story.ip("web-0");
        assert_ne!(old, new);
        (story, old, new)
    }

    #[test]
    fn the_name_follows_the_pod() {
        let (story, old, new) = recreated();
        story
            .clone()
            .wait(20_000)
            .dns(MEMBER, "A", &[&new])
            .wait(1_000)
            .keeps(&DN_11);
        story
            .clone()
            .wait(20_000)
            .dns(MEMBER, "A", &[&old])
            .wait(1_000)
            .breaks(&DN_11, "not with");
        story
            .clone()
            .wait(20_000)
            .dns(MEMBER, "A", &[&old, &new])
            .wait(1_000)
            .breaks(&DN_11, "not with");
        // Caches may still be full.
        story
            .wait(5_000)
            .dns(MEMBER, "A", &[&old])
            .wait(1_000)
            .does_not_exercise(&DN_11);
    }

    #[test]
    fn a_pod_that_was_never_replaced_says_nothing() {
        told_by_dns()
            .ready_pods(1)
            .wait(20_000)
            .nxdomain(MEMBER, "A")
            .does_not_exercise(&DN_11);
    }

    #[test]
    fn a_member_that_was_scaled_away_has_no_name() {
        let story = told_by_dns()
            .ready_pods(1)
            .scale(0)
            .wait(1_000)
            .remove_pod("web-0");
        story
            .clone()
            .wait(20_000)
            .nxdomain(MEMBER, "A")
            .wait(1_000)
            .keeps(&DN_17);
        story
            .clone()
            .wait(20_000)
            .dns(MEMBER, "A", &["10.0.0.1"])
            .wait(1_000)
            .breaks(&DN_17, "web-0 was scaled away");
        story
            .wait(5_000)
            .dns(MEMBER, "A", &["10.0.0.1"])
            .does_not_exercise(&DN_17);
        told_by_dns()
            .ready_pods(1)
            .wait(20_000)
            .nxdomain(MEMBER, "A")
            .does_not_exercise(&DN_17);
    }
}
