//! Who owns a pod.

use crate::rules::acts::creations;
use history::{Ledger, Owner, Set};
use judging::{Judge, Kind, Level, Profile, Rule};

/// One controller.
pub static SS_ID_09: Rule = Rule {
    id: "SS-ID-09",
    sentence: "A pod has exactly one controlling owner: its set, by kind, name and UID, with blockOwnerDeletion",
    why: "Garbage collection, adoption and every tool that asks whose pod this is go by this reference.",
    source: "Kubernetes documentation, owners and dependents; upstream e2e E2",
    fix: "Write one owner reference with controller and blockOwnerDeletion true and the UID of the set.",
    profile: Profile::Identity,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: one_controller,
};

fn one_controller(ledger: &Ledger, judge: &mut Judge<'_>) {
    for set in ledger.sets() {
        for creation in creations(ledger, set) {
            let controllers: Vec<Owner<'_>> = creation
                .state
                .owner_references()
                .filter(|owner| owner.controller)
                .collect();
            let wrong = match controllers.as_slice() {
                [owner] => fault(ledger, set, owner),
                several => Some(format!("{} controlling owners", several.len())),
            };
            judge.expect(
                wrong.is_none(),
                || format!("{} has {}", creation.pod.name, wrong.unwrap_or_default()),
                [set.added(), creation.moment],
            );
        }
    }
}

/// What is wrong with the owner reference of a pod of the set.
fn fault(ledger: &Ledger, set: &Set, owner: &Owner<'_>) -> Option<String> {
    let subject = ledger.subject();
    let expected = [
        ("apiVersion", owner.api_version, subject.api_version.as_str()),
        ("kind", owner.kind, subject.kind.as_str()),
        ("name", owner.name, set.name.as_str()),
        ("uid", owner.uid, set.uid.as_str()),
    ];
    expected
        .into_iter()
        .find(|(_, found, wanted)| found != wanted)
        .map(|(field, found, wanted)| format!("an owner with {field} {found}, not {wanted}"))
        .or_else(|| (!owner.blocks_deletion).then(|| "an owner without blockOwnerDeletion".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::{Value, json};

    fn owned_by(change: impl Fn(&mut Value)) -> Story {
        let story = Story::new().set("web", 1);
        let mut owner = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": story.uid("statefulsets", "web"),
            "controller": true, "blockOwnerDeletion": true,
        });
        change(&mut owner);
        story.pod_with("web-0", json!({"metadata": {"ownerReferences": [owner]}}))
    }

    #[test]
    fn the_right_owner() {
        owned_by(|_| {}).keeps(&SS_ID_09);
        Story::new().set("web", 1).does_not_exercise(&SS_ID_09);
    }

    #[test]
    fn a_wrong_field_is_named() {
        owned_by(|owner| owner["kind"] = json!("Deployment")).breaks(&SS_ID_09, "kind Deployment");
        owned_by(|owner| owner["name"] = json!("db")).breaks(&SS_ID_09, "name db, not web");
        owned_by(|owner| owner["blockOwnerDeletion"] = json!(false)).breaks(&SS_ID_09, "blockOwnerDeletion");
    }

    #[test]
    fn two_controllers_are_one_too_many() {
        let story = Story::new().set("web", 1);
        let owner = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": story.uid("statefulsets", "web"),
            "controller": true, "blockOwnerDeletion": true,
        });
        story
            .pod_with("web-0", json!({"metadata": {"ownerReferences": [owner, owner]}}))
            .breaks(&SS_ID_09, "2 controlling owners");
    }
}
