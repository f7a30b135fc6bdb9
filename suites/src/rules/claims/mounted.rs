//! Which claims a pod mounts.

use super::CLAIMS;
use crate::rules::claims::logs::{data_is_shared, mixed_logs};
use crate::rules::course::{Course, Creation, courses};
use history::Ordinal;
use judging::{Kind, Level, Profile, Rule};
use std::collections::HashMap;

/// The right one under the right name.
pub static SS_PVC_04: Rule = Rule {
    id: "SS-PVC-04",
    sentence: "A pod has, for each claim template, a volume of that name on the claim of its ordinal",
    why: "The program finds its data by the volume's name, and it must be the data of this ordinal.",
    source: "StatefulSet documentation, stable storage; upstream e2e \"should provide basic identity\"",
    fix: "For each claim template add a volume of the same name with the claim <template>-<pod>; replace a volume of \
          the pod template that has the same name.",
    profile: Profile::Persistence,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for creation in course.creations() {
                for template in templates(&course, &creation) {
                    let wanted = ledger.claim_name(course.set, template, creation.ordinal);
                    let found = mounted(&creation, template);
                    judge.expect(
                        found == Some(wanted.as_str()),
                        || match found {
                            Some(other) => format!(
                                "volume {template} of {} is claim {other}, not {wanted}",
                                creation.pod.name
                            ),
                            None => {
                                format!("{} has no volume {template} on claim {wanted}", creation.pod.name)
                            }
                        },
                        [course.set.added(), creation.moment],
                    );
                }
            }
        }
    },
};

/// Names of the claim templates in force when a pod was created. They cannot be changed in `apps/v1`.
fn templates<'c>(course: &'c Course<'_>, creation: &Creation<'_>) -> &'c [String] {
    course
        .epoch_at(course.just_before(creation.moment))
        .map_or(&[], |epoch| epoch.spec.claim_templates.as_slice())
}

/// The claim behind a volume of a pod.
fn mounted<'a>(creation: &Creation<'a>, volume: &str) -> Option<&'a str> {
    let mut claims = creation.state.claims();
    claims.find(|(name, _)| *name == volume).map(|(_, claim)| claim)
}

/// Each ordinal its own, each template its own.
pub static SS_PVC_13: Rule = Rule {
    id: "SS-PVC-13",
    sentence: "Every claim template gives every ordinal a claim of its own, and no two ordinals share one",
    why: "Two members that write into one volume destroy it.",
    source: "reference implementation; StatefulSet documentation: each pod receives one claim per template",
    fix: "Walk over all claim templates, not only the first, and put the ordinal into the claim's name.",
    profile: Profile::Persistence,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[CLAIMS],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let mut holders: HashMap<&str, (Ordinal, history::Moment)> = HashMap::new();
            for creation in course.creations() {
                let templates = templates(&course, &creation);
                if templates.len() > 1 || (!holders.is_empty() && !templates.is_empty()) {
                    judge.opportunity();
                }
                for template in templates {
                    let Some(claim) = mounted(&creation, template) else {
                        if templates.len() > 1 {
                            judge.violation(
                                format!(
                                    "{} has no claim for template {template}, one of {}",
                                    creation.pod.name,
                                    templates.len()
                                ),
                                [course.set.added(), creation.moment],
                            );
                        }
                        continue;
                    };
                    let (holder, since) = *holders
                        .entry(claim)
                        .or_insert((creation.ordinal, creation.moment));
                    if holder != creation.ordinal {
                        judge.violation(
                            format!(
                                "{} mounts claim {claim}, which belongs to {}",
                                creation.pod.name,
                                course.name(holder)
                            ),
                            [since, creation.moment],
                        );
                    }
                }
            }
        }
        for mix in mixed_logs(ledger) {
            if !data_is_shared(ledger, &mix) {
                judge.expect(
                    mix.line.is_none(),
                    || {
                        format!(
                            "the log of {} holds a line of {}: {}",
                            mix.of.pod.name,
                            mix.other.pod.name,
                            mix.line.unwrap_or_default()
                        )
                    },
                    [mix.other.moment, mix.of.moment],
                );
            }
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    #[test]
    fn the_volume_is_the_claim_of_the_ordinal() {
        let set = || {
            Story::new()
                .set_with_claims("web", 2, &["data"])
                .revision("web-a")
        };
        set().pod("web-0").keeps(&SS_PVC_04);
        set()
            .pod_with("web-0", json!({"spec": {"volumes": null}}))
            .breaks(&SS_PVC_04, "web-0 has no volume data on claim data-web-0");
        set()
            .pod_with(
                "web-1",
                json!({"spec": {"volumes": [
                    {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
                ]}}),
            )
            .breaks(
                &SS_PVC_04,
                "volume data of web-1 is claim data-web-0, not data-web-1",
            );
        Story::new()
            .set("web", 1)
            .pod("web-0")
            .does_not_exercise(&SS_PVC_04);
    }

    #[test]
    fn all_templates_and_no_sharing() {
        let two = || {
            Story::new()
                .set_with_claims("web", 2, &["data", "wal"])
                .revision("web-a")
        };
        two().pod("web-0").keeps(&SS_PVC_13);
        two()
            .pod_with(
                "web-0",
                json!({"spec": {"volumes": [
                    {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
                ]}}),
            )
            .breaks(&SS_PVC_13, "web-0 has no claim for template wal, one of 2");
        let one = || {
            Story::new()
                .set_with_claims("web", 2, &["data"])
                .revision("web-a")
                .pod("web-0")
        };
        one().does_not_exercise(&SS_PVC_13);
        one().pod("web-1").keeps(&SS_PVC_13);
        one()
            .pod_with(
                "web-1",
                json!({"spec": {"volumes": [
                    {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
                ]}}),
            )
            .breaks(
                &SS_PVC_13,
                "web-1 mounts claim data-web-0, which belongs to web-0",
            );
    }

    const HOST_0: &str = "web-0.web-svc.n.svc.cluster.local";
    const HOST_1: &str = "web-1.web-svc.n.svc.cluster.local";

    fn served() -> Story {
        let address = json!({"status": {"podIP": "10.0.0.1"}});
        Story::new()
            .set_with_claims("web", 2, &["data"])
            .revision("web-a")
            .claim("data-web-0")
            .pod("web-0")
            .ready()
            .modify(address.clone())
            .claim("data-web-1")
            .pod("web-1")
            .ready()
            .modify(address)
    }

    #[test]
    fn logs_of_two_claims_share_no_line() {
        let volume = |name: &str, path: &str| json!({"metadata": {"name": name}, "spec": {"capacity": {"storage": "1Gi"}, "hostPath": {"path": path}}});
        let story = |path_1: &str| {
            served()
                .cluster_object_added("persistentvolumes", volume("pv-data-web-0", "/tmp/a"))
                .cluster_object_added("persistentvolumes", volume("pv-data-web-1", path_1))
                .http(HOST_0, "/log", 200, "t web-0 GET / 200 1\n")
        };
        let mixed = "t web-1 GET / 200 1\nt web-0 GET / 200 1\n";
        story("/tmp/b")
            .http(HOST_1, "/log", 200, "t web-1 GET / 200 1\n")
            .keeps(&SS_PVC_13);
        story("/tmp/b")
            .http(HOST_1, "/log", 200, mixed)
            .breaks(&SS_PVC_13, "the log of web-1 holds a line of web-0");
        // One directory behind two volumes: the manifest wants it so.
        story("/tmp/a").http(HOST_1, "/log", 200, mixed).keeps(&SS_PVC_13);
    }
}
