//! OnDelete: the controller prepares an update, somebody else decides (specification 1.7).

use crate::rules::course::{Cause, Epoch, Standing, courses};
use crate::rules::update::{came_back, comes_back_wanted, update_revision_moves};
use judging::{Feature, Kind, Level, Profile, Rule};

/// The rules of this area.
pub static RULES: &[&Rule] = &[&SS_OD_01, &SS_OD_02, &SS_OD_04];

/// No deletion by the controller.
pub static SS_OD_01: Rule = Rule {
    id: "SS-OD-01",
    sentence: "Under OnDelete a template change alone takes no pod down, ever",
    why: "Operators choose OnDelete because they (or their own operator) know the moment at which a member may go.",
    source: "StatefulSet documentation, update strategies: OnDelete",
    fix: "Return before the update loop when updateStrategy.type is OnDelete.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::OnDelete],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for stretch in course.stretches(ledger.patience().staleness()) {
                let index = stretch.from.index;
                let manual = course.epoch_at(index).is_some_and(Epoch::on_delete);
                if manual && stretch.picture.all_healthy() && stretch.picture.old > 0 {
                    judge.opportunity();
                }
            }
            for decision in course.decisions() {
                let Some(epoch) = course.epoch_at(course.just_before(decision.moment)) else {
                    continue;
                };
                let forbidden = course.epochs_before(decision.moment).all(Epoch::on_delete);
                let old = course.standing(decision.before, epoch) == Standing::Old;
                if decision.cause == Cause::Nothing && forbidden && old {
                    judge.opportunity();
                    judge.violation(
                        format!(
                            "{} was taken down {} s after the template changed, although the strategy is OnDelete",
                            decision.pod.name,
                            decision.moment.at.since(epoch.from.at).as_secs()
                        ),
                        [decision.pod.added(), epoch.from, decision.moment],
                    );
                }
            }
        }
    },
};

/// Deleted pods come back new.
pub static SS_OD_02: Rule = Rule {
    id: "SS-OD-02",
    sentence: "Under OnDelete a deleted or failed pod comes back at the update revision",
    why: "Deleting a pod is how an operator updates it.",
    source: "StatefulSet documentation, update strategies: OnDelete; upstream e2e \"should implement legacy replacement\"",
    fix: "Under OnDelete build every pod from the update revision.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::OnDelete],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for creation in course.creations() {
                let manual = course.epochs_before(creation.moment).all(Epoch::on_delete);
                let Some(right) = comes_back_wanted(&course, &creation).filter(|_| manual) else {
                    continue;
                };
                judge.expect(
                    right,
                    || {
                        format!(
                            "under OnDelete {} came back at the old revision {}",
                            creation.pod.name,
                            creation.state.revision.as_deref().unwrap_or("-")
                        )
                    },
                    came_back(&course, &creation),
                );
            }
        }
    },
};

/// The new revision is reported.
pub static SS_OD_04: Rule = Rule {
    id: "SS-OD-04",
    sentence: "Under OnDelete status.updateRevision moves at once when the template changes",
    why: "Operators compare it with the pods' labels to see what is left to delete.",
    source: "upstream e2e \"should implement legacy replacement when the update strategy is OnDelete\"",
    fix: "Make the revision and write status.updateRevision under every strategy.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[Feature::OnDelete],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for epoch in course
                .epochs
                .iter()
                .filter(|epoch| epoch.new_template && epoch.on_delete())
            {
                update_revision_moves(&course, epoch, judge);
            }
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use history::Author;
    use serde_json::json;

    fn changed() -> Story {
        Story::new()
            .set_with(
                "web",
                2,
                json!({"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}}}),
            )
            .revision("web-a")
            .ready_pods(2)
            .status(json!({"observedGeneration": 1, "currentRevision": "web-a", "updateRevision": "web-a"}))
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
    }

    #[test]
    fn the_controller_deletes_nothing() {
        changed().wait(60_000).keeps(&SS_OD_01);
        changed()
            .wait(60_000)
            .remove_pod("web-1")
            .breaks(&SS_OD_01, "web-1 was taken down 60 s after the template changed");
        changed()
            .wait(1_000)
            .delete_pod("web-1")
            .by(Author::Harness)
            .gone()
            .does_not_exercise(&SS_OD_01);
        changed()
            .scale(1)
            .remove_pod("web-1")
            .does_not_exercise(&SS_OD_01);
    }

    #[test]
    fn what_is_deleted_comes_back_new() {
        let lost = changed()
            .wait(5_000)
            .delete_pod("web-1")
            .by(Author::Harness)
            .gone();
        lost.clone().pod("web-1").keeps(&SS_OD_02);
        lost.use_revision("web-a")
            .pod("web-1")
            .breaks(&SS_OD_02, "web-1 came back at the old revision web-a");
    }

    #[test]
    fn the_update_revision_is_reported() {
        changed()
            .status(json!({"observedGeneration": 2, "updateRevision": "web-b"}))
            .keeps(&SS_OD_04);
        changed().wait(30_000).stalls(&SS_OD_04, "updateRevision");
        changed().wait(3_000).does_not_exercise(&SS_OD_04);
    }
}
