//! Names and labels that follow from the ordinal.

use crate::rules::{
    acts::{Creation, creations, members_created},
    window::Window,
};
use history::{Ledger, Ordinal, Set};
use judging::{Feature, Judge, Kind, Level, Profile, Rule};

/// `<set>-<n>`.
pub static SS_ID_01: Rule = Rule {
    id: "SS-ID-01",
    sentence: "Every pod is named <set>-<n>, with n a plain decimal number among the ordinals asked for",
    why: "The name is the identity: its DNS name and its claims are derived from it.",
    source: "StatefulSet documentation, pod identity; upstream e2e E8",
    fix: "Build the name from the set's name, a hyphen and the ordinal; never let the API server generate it.",
    profile: Profile::Identity,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for set in ledger.sets() {
            for creation in creations(ledger, set) {
                let window = Window::before(ledger, set, creation.moment);
                let Some((asked, spec)) = window.spec() else {
                    continue;
                };
                judge.expect(
                    creation.ordinal.is_some_and(|ordinal| !window.condemns(ordinal)),
                    || {
                        let range = spec.range();
                        format!(
                            "a pod of set {} is named {}, and the ordinals asked for are {} to {}",
                            set.name,
                            creation.pod.name,
                            range.start,
                            range.end.saturating_sub(1)
                        )
                    },
                    [asked, creation.moment],
                );
            }
        }
    },
};

/// generateName.
pub static SS_ID_02: Rule = Rule {
    id: "SS-ID-02",
    sentence: "A created pod carries generateName <set>- and lives in the set's namespace",
    why: "Tools group the pods of a workload by this field.",
    source: "StatefulSet controller (reference)",
    fix: "Set metadata.generateName to the set's name and a hyphen, beside the full name.",
    profile: Profile::Identity,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        each_member(ledger, judge, "generateName", |set, _, creation| {
            let wanted = format!("{}-", set.name);
            let found = creation.state.generate_name().unwrap_or_default().to_owned();
            (wanted, found)
        });
    },
};

/// spec.hostname.
pub static SS_ID_03: Rule = Rule {
    id: "SS-ID-03",
    sentence: "spec.hostname of a pod equals its name",
    why: "Without it the pod has no DNS name of its own, although the hostname inside the container looks right.",
    source: "StatefulSet documentation, stable network ID",
    fix: "Set spec.hostname to the pod's name; do not rely on the node agent's default.",
    profile: Profile::Identity,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        each_member(ledger, judge, "spec.hostname", |_, _, creation| {
            let found = creation.state.hostname().unwrap_or_default().to_owned();
            (creation.pod.name.clone(), found)
        });
    },
};

/// spec.subdomain.
pub static SS_ID_04: Rule = Rule {
    id: "SS-ID-04",
    sentence: "spec.subdomain of a pod equals the set's serviceName",
    why: "The subdomain ties the pod to its governing service; without it <pod>.<service> does not resolve.",
    source: "StatefulSet documentation, stable network ID",
    fix: "Copy spec.serviceName of the set to spec.subdomain of each pod.",
    profile: Profile::Identity,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        each_member(ledger, judge, "spec.subdomain", |set, _, creation| {
            let wanted = set
                .spec_at(creation.moment.index)
                .map(|spec| spec.service_name.clone());
            let found = creation.state.subdomain().unwrap_or_default().to_owned();
            (wanted.unwrap_or_default(), found)
        });
    },
};

/// The pod-name label.
pub static SS_ID_05: Rule = Rule {
    id: "SS-ID-05",
    sentence: "The pod-name label of a pod equals its name",
    why: "Services select one member by this label; a wrong one sends a member's traffic to nobody or to another.",
    source: "StatefulSet documentation, pod name label",
    fix: "Add the label statefulset.kubernetes.io/pod-name (or the candidate's own key) with the pod's name.",
    profile: Profile::Identity,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        let key = &ledger.subject().labels.pod_name;
        each_member(ledger, judge, &format!("label {key}"), |_, _, creation| {
            let found = creation.state.label(key).unwrap_or_default().to_owned();
            (creation.pod.name.clone(), found)
        });
    },
};

/// The pod-index label.
pub static SS_ID_06: Rule = Rule {
    id: "SS-ID-06",
    sentence: "The pod-index label of a pod is its ordinal, counted absolutely and not from ordinals.start",
    why: "Applications read their shard number from it; a relative number changes when the start does.",
    source: "KEP-4017; StatefulSet documentation, pod index label",
    fix: "Write the number in the pod's name, not its distance from ordinals.start.",
    profile: Profile::Identity,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::PodIndexLabel],
    reads: &[],
    check: |ledger, judge| {
        let key = &ledger.subject().labels.pod_index;
        each_member(ledger, judge, &format!("label {key}"), |_, ordinal, creation| {
            let found = creation.state.label(key).unwrap_or_default().to_owned();
            (ordinal.to_string(), found)
        });
    },
};

/// Each created member has what is wanted in one place: `of` says what is wanted and what is found there.
fn each_member(
    ledger: &Ledger,
    judge: &mut Judge<'_>,
    place: &str,
    of: impl Fn(&Set, Ordinal, &Creation<'_>) -> (String, String),
) {
    for set in ledger.sets() {
        for (ordinal, creation) in members_created(ledger, set) {
            let (wanted, found) = of(set, ordinal, &creation);
            judge.expect(
                wanted == found,
                || {
                    let found = if found.is_empty() { "missing" } else { &found };
                    format!("{place} of {} is {found}, not {wanted}", creation.pod.name)
                },
                [set.added(), creation.moment],
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::{Value, json};

    fn one(patch: Value) -> Story {
        Story::new().set("web", 2).pod_with("web-0", patch)
    }

    #[test]
    fn a_right_pod_is_right_everywhere() {
        for rule in [&SS_ID_01, &SS_ID_02, &SS_ID_03, &SS_ID_04, &SS_ID_05, &SS_ID_06] {
            one(json!({})).keeps(rule);
            Story::new().set("web", 2).does_not_exercise(rule);
            Story::new()
                .set("web", 2)
                .initial_pod("web-0")
                .does_not_exercise(rule);
        }
    }

    #[test]
    fn names_that_are_none() {
        for name in ["web-00", "web-x", "web-2", "web-7f9c"] {
            Story::new().set("web", 2).pod(name).breaks(&SS_ID_01, name);
        }
    }

    #[test]
    fn a_name_that_was_asked_for_a_moment_ago_is_right() {
        let story = Story::new().set("web", 2).wait(9_000).scale(1);
        story.clone().wait(1_000).pod("web-1").keeps(&SS_ID_01);
        story
            .wait(5_000)
            .pod("web-1")
            .breaks(&SS_ID_01, "web-1, and the ordinals asked for are 0 to 0");
    }

    #[test]
    fn one_field_wrong_breaks_one_rule() {
        for (rule, patch, words) in [
            (
                &SS_ID_02,
                json!({"metadata": {"generateName": "x-"}}),
                "is x-, not web-",
            ),
            (
                &SS_ID_03,
                json!({"spec": {"hostname": null}}),
                "spec.hostname of web-0 is missing",
            ),
            (
                &SS_ID_04,
                json!({"spec": {"subdomain": "web"}}),
                "is web, not web-svc",
            ),
            (
                &SS_ID_05,
                json!({"metadata": {"labels": {"statefulset.kubernetes.io/pod-name": "web"}}}),
                "is web, not web-0",
            ),
            (
                &SS_ID_06,
                json!({"metadata": {"labels": {"apps.kubernetes.io/pod-index": "1"}}}),
                "is 1, not 0",
            ),
        ] {
            one(patch.clone()).breaks(rule, words);
            for other in [&SS_ID_01, &SS_ID_02, &SS_ID_03, &SS_ID_04, &SS_ID_05, &SS_ID_06] {
                if other.id != rule.id {
                    one(patch.clone()).keeps(other);
                }
            }
        }
    }
}
