//! How claims come into being.

use super::CLAIMS;
use crate::rules::course::courses;
use history::{Author, Claim, Ledger, Set};
use judging::{Kind, Level, Profile, Rule};
use serde_json::Value;

/// Their names.
pub static SS_PVC_01: Rule = Rule {
    id: "SS-PVC-01",
    sentence: "A claim is named <template>-<set>-<ordinal> and lives in the namespace of the set",
    why: "The name is the only thing that ties the data to the ordinal; backups and restores rely on it.",
    source: "StatefulSet documentation, stable storage; upstream e2e on retention policies",
    fix: "Join template name, set name and ordinal with hyphens. Use the absolute ordinal, not one relative to \
          ordinals.start.",
    profile: Profile::Persistence,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[CLAIMS],
    check: |ledger, judge| {
        let made = |claim: &&Claim| claim.seen_added && claim.created_by.may_be_candidate();
        for claim in ledger.claims().iter().filter(made) {
            if ledger
                .sets()
                .iter()
                .any(|set| ledger.claim_of(set, claim).is_some())
            {
                judge.opportunity();
            } else if let Some(set) = ledger.sets().iter().find(|set| belongs(ledger, set, claim)) {
                judge.opportunity();
                judge.violation(
                    format!(
                        "claim {} carries the labels of set {}, and its name is not <template>-{}-<ordinal>",
                        claim.name, set.name, set.name
                    ),
                    [set.added(), claim.added()],
                );
            }
        }
    },
};

/// Whether a claim that is not named after the set was made for it: it carries the labels of the set's selector, or
/// the candidate is known to have made it. Claims of generic ephemeral volumes belong to a pod and are no business of
/// the set.
fn belongs(ledger: &Ledger, set: &Set, claim: &Claim) -> bool {
    let Some((_, made)) = claim.states.first() else {
        return false;
    };
    let Some((_, state)) = set.states.before(claim.added().index) else {
        return false;
    };
    let ended = ledger.ending(set).is_some_and(|ending| ending < claim.added());
    let ephemeral = made
        .owner_references()
        .any(|owner| owner.kind == "Pod" && owner.controller);
    let asked = ledger.asked_to_change(CLAIMS, &claim.namespace, &claim.name, claim.added());
    let labels = &state.spec.match_labels;
    let labelled = !labels.is_empty() && labels.iter().all(|(key, value)| made.label(key) == Some(value));
    !state.spec.claim_templates.is_empty()
        && !ended
        && !ephemeral
        && !asked
        && (claim.created_by == Author::Candidate || (labelled && claim.namespace == set.namespace))
}

/// Before the pod.
pub static SS_PVC_02: Rule = Rule {
    id: "SS-PVC-02",
    sentence: "The claims of a pod exist before the pod is created",
    why: "A pod without its claim cannot be scheduled, and a claim made later may land in another zone.",
    source: "reference implementation",
    fix: "Create all claims of the ordinal and check that it worked; only then create the pod.",
    profile: Profile::Persistence,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[CLAIMS],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for creation in course.creations() {
                let Some(epoch) = course.epoch_at(course.just_before(creation.moment)) else {
                    continue;
                };
                for template in &epoch.spec.claim_templates {
                    let name = ledger.claim_name(course.set, template, creation.ordinal);
                    let lives: Vec<&Claim> = ledger.claims_named(&course.set.namespace, &name).collect();
                    let there = ledger.recently(creation.moment, |index| {
                        lives.iter().any(|claim| claim.at(index).is_some())
                    });
                    let late = lives
                        .iter()
                        .map(|claim| claim.added())
                        .find(|added| *added > creation.moment);
                    judge.expect(
                        there,
                        || match late {
                            Some(late) => format!(
                                "{} was created {} ms before its claim {name}",
                                creation.pod.name,
                                late.at.since(creation.moment.at).as_millis()
                            ),
                            None => format!("{} was created without its claim {name}", creation.pod.name),
                        },
                        [course.set.added(), creation.moment].into_iter().chain(late),
                    );
                }
            }
        }
    },
};

/// Their content.
pub static SS_PVC_03: Rule = Rule {
    id: "SS-PVC-03",
    sentence: "A claim has the labels of its template and of the selector, and asks for what the template asks for",
    why: "Size, access mode and class decide where the data goes; by the labels people find and back up the claims \
          of a set.",
    source: "reference implementation",
    fix: "Copy metadata and spec of the claim template, then add the selector's matchLabels to the labels.",
    profile: Profile::Persistence,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[CLAIMS],
    check: |ledger, judge| {
        for set in ledger.sets() {
            for claim in ledger.claims() {
                let Some((template, _)) = ledger.claim_of(set, claim) else {
                    continue;
                };
                let (Some((moment, made)), true) = (
                    claim.states.first(),
                    claim.seen_added && claim.created_by.may_be_candidate(),
                ) else {
                    continue;
                };
                let Some((_, state)) = set.states.before(moment.index) else {
                    continue;
                };
                let Some(template) = state.claim_template(template) else {
                    continue;
                };
                let label = state
                    .spec
                    .match_labels
                    .iter()
                    .find(|(key, value)| made.label(key) != Some(value))
                    .map(|(key, value)| format!("the selector's label {key}={value}"));
                let fault = label.or_else(|| {
                    made.lacks_of(&without_labels(template, &state.spec.match_labels))
                        .map(|path| format!("what its template has as {path}"))
                });
                judge.expect(
                    fault.is_none(),
                    || {
                        format!(
                            "claim {} lacks {}",
                            claim.name,
                            fault.as_deref().unwrap_or_default()
                        )
                    },
                    [set.added(), *moment],
                );
            }
        }
    },
};

/// A claim template without the labels that the selector has a say in: there the selector wins.
fn without_labels(template: &Value, selector: &[(String, String)]) -> Value {
    let mut template = template.clone();
    let labels = template
        .pointer_mut("/metadata/labels")
        .and_then(Value::as_object_mut);
    if let Some(labels) = labels {
        labels.retain(|key, _| selector.iter().all(|(selected, _)| selected != key));
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn set() -> Story {
        Story::new()
            .set_with_claims("web", 2, &["data"])
            .revision("web-a")
    }

    #[test]
    fn names_join_template_set_and_ordinal() {
        set().claim("data-web-0").keeps(&SS_PVC_01);
        set()
            .claim("web-0-data")
            .breaks(&SS_PVC_01, "claim web-0-data carries the labels of set web");
        set().claim("data-web-00").breaks(&SS_PVC_01, "data-web-00");
        set()
            .claim("restore")
            .by(Author::Harness)
            .does_not_exercise(&SS_PVC_01);
        set()
            .claim_with(
                "web-0-scratch",
                json!({"metadata": {"ownerReferences": [
                    {"kind": "Pod", "name": "web-0", "uid": "u", "controller": true},
                ]}}),
            )
            .does_not_exercise(&SS_PVC_01);
    }

    #[test]
    fn the_claim_comes_first() {
        set().claim("data-web-0").pod("web-0").keeps(&SS_PVC_02);
        set()
            .pod("web-0")
            .claim("data-web-0")
            .breaks(&SS_PVC_02, "web-0 was created 1 ms before its claim data-web-0");
        set()
            .pod("web-0")
            .breaks(&SS_PVC_02, "web-0 was created without its claim data-web-0");
        Story::new()
            .set("web", 1)
            .pod("web-0")
            .does_not_exercise(&SS_PVC_02);
    }

    #[test]
    fn a_claim_is_what_the_template_asks_for() {
        set().claim("data-web-0").keeps(&SS_PVC_03);
        set()
            .claim_with("data-web-0", json!({"metadata": {"labels": {"app": null}}}))
            .breaks(&SS_PVC_03, "lacks the selector's label app=web");
        set()
            .claim_with(
                "data-web-0",
                json!({"spec": {"resources": {"requests": {"storage": "9Gi"}}}}),
            )
            .breaks(&SS_PVC_03, "spec.resources.requests.storage");
        set().claim("data-other-0").does_not_exercise(&SS_PVC_03);
    }
}
