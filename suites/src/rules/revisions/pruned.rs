//! How long the history is.

use super::{deleted, named_by};
use crate::rules::course::{Course, Stretch, courses};
use history::Revision;
use judging::{Feature, Kind, Level, Profile, Rule};

/// Old revisions go.
pub static SS_REV_05: Rule = Rule {
    id: "SS-REV-05",
    sentence: "Revisions that nothing names are pruned to revisionHistoryLimit, the lowest number first",
    why: "A history that is never pruned grows with each release until listing it is slow; one that is pruned from the \
          wrong end takes away what a rollback would need.",
    source: "StatefulSet documentation, revision history limit",
    fix: "After each sync delete, in the order of their numbers, as many of the revisions that neither the status nor a \
          pod names as there are beyond the limit.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[Feature::Revisions],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for (revision, gone) in deleted(&course) {
                let passed_over =
                    |index| dead(&course, index).find(|other| comes_before(other, revision, index));
                let in_order = ledger.recently(gone, |index| passed_over(index).is_none());
                // Whoever deletes several at once does not choose which of them is seen to go first.
                let settled = gone.at + ledger.patience().staleness();
                let stayed = |older: &Revision| older.gone.map_or(ledger.end(), |gone| gone).at > settled;
                let older = passed_over(course.just_before(gone)).filter(|older| !in_order && stayed(older));
                judge.expect(
                    older.is_none(),
                    || {
                        format!(
                            "revision {} was pruned before {}, which has a lower number",
                            revision.name,
                            older.map_or("another", |older| older.name.as_str())
                        )
                    },
                    older.map(Revision::added).into_iter().chain([gone]),
                );
            }
            for stretch in course.stretches(ledger.patience().reaction()) {
                if let Some((count, limit)) = too_many(&course, &stretch) {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "{count} revisions that nothing names stayed for {} s, and revisionHistoryLimit is {limit}",
                            stretch.lasted().as_secs()
                        ),
                        [stretch.from, stretch.until],
                    );
                }
            }
        }
    },
};

/// The revisions of the set that nothing names at position `index`, and that nobody has decided to delete yet.
fn dead<'c>(course: &'c Course<'_>, index: usize) -> impl Iterator<Item = &'c Revision> {
    course.ledger.revisions(course.set).filter(move |revision| {
        let going = revision
            .states
            .at(index)
            .is_some_and(|(_, state)| state.terminating());
        revision.is_owned_by(&course.set.uid, index) && !going && named_by(course, revision, index).is_none()
    })
}

/// Whether a revision was one of too many at position `index`.
pub(in crate::rules) fn may_be_pruned(course: &Course<'_>, revision: &Revision, index: usize) -> bool {
    let named = named_by(course, revision, index).is_some();
    let limit = course
        .epoch_at(index)
        .map_or(0, |epoch| epoch.spec.revision_history_limit);
    !named && dead(course, index).count() > usize::try_from(limit).unwrap_or(usize::MAX)
}

fn comes_before(other: &Revision, revision: &Revision, index: usize) -> bool {
    other.uid != revision.uid && other.number_at(index) < revision.number_at(index)
}

/// How many revisions there were that nothing named, if it was too many for as long as a reaction may take up to the end of
/// the stretch; and the limit.
fn too_many(course: &Course<'_>, stretch: &Stretch<'_>) -> Option<(usize, u32)> {
    let limit = course.epoch_at(stretch.from.index)?.spec.revision_history_limit;
    let surplus = |index| dead(course, index).count();
    let allowed = usize::try_from(limit).unwrap_or(usize::MAX);
    let count = surplus(course.just_before(stretch.until));
    let since = stretch.until.at.before(course.ledger.patience().reaction());
    let always = count > allowed
        && course
            .ledger
            .positions_within(since, stretch.until.index)
            .all(|index| surplus(index) > allowed);
    always.then_some((count, limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    /// Three templates one after another; pod and status name the last one.
    fn third(limit: u32) -> Story {
        let named =
            |name: &str| json!({"observedGeneration": 1, "currentRevision": name, "updateRevision": name});
        Story::new()
            .set_with("web", 1, json!({"spec": {"revisionHistoryLimit": limit}}))
            .revision("web-a")
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
            .wait(5_000)
            .image("app:3")
            .revision("web-c")
            .ready_pods(1)
            .status(named("web-c"))
    }

    #[test]
    fn the_oldest_goes_once_it_is_one_too_many() {
        let pruned = |name: &str| third(1).wait(500).object_gone("controllerrevisions", name);
        pruned("web-a").wait(20_000).keeps(&SS_REV_05);
        let wrong = || third(1).wait(5_000).object_gone("controllerrevisions", "web-b");
        wrong()
            .wait(5_000)
            .breaks(&SS_REV_05, "web-b was pruned before web-a");
        // Two are deleted at once.
        third(0)
            .wait(5_000)
            .object_gone("controllerrevisions", "web-b")
            .object_gone("controllerrevisions", "web-a")
            .wait(20_000)
            .keeps(&SS_REV_05);
        third(1).wait(20_000).stalls(
            &SS_REV_05,
            "2 revisions that nothing names stayed for 20 s, and revisionHistoryLimit is 1",
        );
    }

    #[test]
    fn what_the_limit_allows_may_stay() {
        third(2).wait(20_000).does_not_exercise(&SS_REV_05);
        third(1).wait(5_000).does_not_exercise(&SS_REV_05);
    }

    #[test]
    fn what_a_pod_names_does_not_count() {
        third(0)
            .object_gone("controllerrevisions", "web-a")
            .status(json!({"currentRevision": "web-b"}))
            .wait(20_000)
            .keeps(&SS_REV_05);
    }
}
