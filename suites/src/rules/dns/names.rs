//! Which pods have a name of their own.

use super::question::{Question, answered, named};
use judging::{Kind, Level, Profile, Rule};

/// Hostname, subdomain, selector.
pub static DN_03: Rule = Rule {
    id: "DN-03",
    sentence: "Only a pod with hostname, with the service as subdomain, in its namespace and matched by its selector has a \
               name under the service",
    why: "A name that exists by chance hides a wrong serviceName until the day it is needed.",
    source: "Endpoints controller and Kubernetes DNS specification (reference)",
    fix: "Nothing in the controller; the cluster's endpoints give names to pods that they should not.",
    profile: Profile::NetworkIdentity,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &["services"],
    check: |ledger, judge| {
        for answered in answered(ledger, "A") {
            let (service, question) = (&answered.service, &answered.name.question);
            let Question::Member(hostname) = question else {
                continue;
            };
            let entitled = answered.pods().any(|pod| {
                answered.ever(pod, |state| {
                    service.selects(state) && named(service, hostname, state)
                })
            });
            // A pod of that name that is up, and yet not entitled: the name must not exist.
            let Some(pod) = answered.pods().find(|pod| {
                !entitled
                    && pod.name == *hostname
                    && answered.steady_address(pod, |state| state.ready).is_some()
            }) else {
                continue;
            };
            judge.expect(
                answered.answer.answers.is_empty(),
                || {
                    format!(
                        "{} exists, but {} has no right to this name",
                        answered.answer.name, pod.name
                    )
                },
                [answered.served, answered.shown(pod), answered.moment],
            );
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{dns::question::told_by_dns, story::Story};
    use serde_json::{Value, json};

    const MEMBER: &str = "web-0.web-svc.n.svc.cluster.local";

    fn with(patch: Value) -> Story {
        told_by_dns().pod_with("web-0", patch).ready().wait(20_000)
    }

    #[test]
    fn a_pod_without_the_right_has_no_name() {
        for patch in [
            json!({"spec": {"hostname": null}}),
            json!({"spec": {"subdomain": "other"}}),
            json!({"metadata": {"labels": {"app": "other"}}}),
        ] {
            with(patch.clone())
                .nxdomain(MEMBER, "A")
                .wait(1_000)
                .keeps(&DN_03);
            with(patch)
                .dns(MEMBER, "A", &["10.0.0.1"])
                .wait(1_000)
                .breaks(&DN_03, "web-0 has no right to this name");
        }
    }

    #[test]
    fn a_member_has_the_right() {
        with(json!({}))
            .dns(MEMBER, "A", &["10.0.0.1"])
            .does_not_exercise(&DN_03);
        told_by_dns()
            .wait(20_000)
            .nxdomain(MEMBER, "A")
            .does_not_exercise(&DN_03);
    }
}
