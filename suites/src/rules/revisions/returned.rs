//! Going back to an earlier template.

use super::next_number;
use crate::rules::course::{Course, Epoch, courses};
use history::{Moment, Revision};
use judging::{Feature, Kind, Level, Profile, Rule};

/// The same object, a new number.
pub static SS_REV_04: Rule = Rule {
    id: "SS-REV-04",
    sentence: "Going back to an earlier template reuses its revision and raises its number above all others",
    why: "A rollback has to find the pods that never left the old version unchanged; and the newest entry of the \
          history has to be what is asked for now.",
    source: "upstream e2e [Conformance] rolling updates and roll backs: the revert gives the prior revision's name",
    fix: "Look for an equal revision among all the set's revisions. If it is not the newest, update its revision field \
          to the maximum + 1 and use it; make no new object.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[Feature::Revisions],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for epoch in course.epochs.iter().filter(|epoch| epoch.new_template) {
                let Some(stored) = stored_before(&course, epoch) else {
                    continue;
                };
                if let Some(copy) = copy(&course, epoch, stored) {
                    judge.expect(
                        false,
                        || {
                            format!(
                                "the template went back to what {} stores, and a new revision {} was made",
                                stored.name, copy.name
                            )
                        },
                        [stored.added(), epoch.from, copy.added()],
                    );
                    continue;
                }
                match (raised(epoch, stored), reported(&course, epoch, stored)) {
                    (Some((moment, number)), _) => judge.expect(
                        ledger.recently(moment, |index| number == next_number(&course, stored, index)),
                        || {
                            format!(
                                "the number of {} became {number}, one above the highest is {}",
                                stored.name,
                                next_number(&course, stored, course.just_before(moment))
                            )
                        },
                        [epoch.from, moment],
                    ),
                    (None, Some(reported)) => judge.expect(
                        false,
                        || {
                            format!(
                                "the template went back to {}, the status names it, and its number is not the highest",
                                stored.name
                            )
                        },
                        [stored.added(), epoch.from, reported],
                    ),
                    (None, None) if epoch.lasted() >= ledger.patience().reaction() => {
                        judge.opportunity();
                        judge.stall(
                            format!(
                                "the template went back to what {} stores, and for {} s nothing came of it",
                                stored.name,
                                epoch.lasted().as_secs()
                            ),
                            [stored.added(), epoch.from, epoch.until],
                        );
                    }
                    (None, None) => {}
                }
            }
        }
    },
};

/// The revision that stores the template when it returns, if there are newer ones.
fn stored_before<'a>(course: &Course<'a>, epoch: &Epoch) -> Option<&'a Revision> {
    let index = epoch.from.index;
    course
        .ledger
        .revisions(course.set)
        .filter(|revision| epoch.wants(&revision.name) && revision.exists_at(index))
        .find(|revision| revision.number_at(index).unwrap_or(0) < next_number(course, revision, index) - 1)
}

/// Another revision of the same template, made after it returned.
fn copy<'a>(course: &Course<'a>, epoch: &Epoch, stored: &Revision) -> Option<&'a Revision> {
    course.ledger.revisions(course.set).find(|revision| {
        revision.uid != stored.uid
            && revision.created_by.may_be_candidate()
            && revision.template == stored.template
            && (epoch.from..epoch.until).contains(&revision.added())
            && stored.exists_at(revision.added().index)
    })
}

/// When the number moved, and to what.
fn raised(epoch: &Epoch, stored: &Revision) -> Option<(Moment, i64)> {
    let former = stored.number_at(epoch.from.index);
    stored
        .states
        .after(epoch.from.index)
        .iter()
        .take_while(|(moment, _)| *moment < epoch.until)
        .find(|(_, state)| Some(state.number) != former)
        .map(|(moment, state)| (*moment, state.number))
}

/// When a status for this spec named the revision: by then its number should have been raised.
fn reported(course: &Course<'_>, epoch: &Epoch, stored: &Revision) -> Option<Moment> {
    course
        .set
        .states
        .after(epoch.from.index)
        .iter()
        .take_while(|(moment, _)| *moment < epoch.until)
        .find(|(_, state)| {
            state.status.observed_generation == Some(epoch.spec.generation)
                && state.status.update_revision.as_deref() == Some(stored.name.as_str())
        })
        .map(|(moment, _)| *moment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn back() -> Story {
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
            .wait(5_000)
            .image("app:1")
    }

    #[test]
    fn the_object_returns_with_a_higher_number() {
        let status = json!({"observedGeneration": 3, "updateRevision": "web-a"});
        back()
            .modify_object("controllerrevisions", "web-a", json!({"revision": 3}))
            .status(status.clone())
            .keeps(&SS_REV_04);
        back()
            .revision("web-c")
            .breaks(&SS_REV_04, "a new revision web-c was made");
        back()
            .status(status)
            .breaks(&SS_REV_04, "its number is not the highest");
        back()
            .modify_object("controllerrevisions", "web-a", json!({"revision": 9}))
            .breaks(&SS_REV_04, "became 9, one above the highest is 3");
        back().wait(30_000).stalls(&SS_REV_04, "nothing came of it");
    }

    #[test]
    fn a_new_template_is_no_return() {
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .image("app:2")
            .revision("web-b")
            .wait(30_000)
            .does_not_exercise(&SS_REV_04);
    }
}
