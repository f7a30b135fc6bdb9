//! When a revision is made, and what it looks like.

use super::next_number;
use crate::rules::course::{Course, courses};
use history::{Revision, RevisionState, SetState};
use judging::{Feature, Judge, Kind, Level, Profile, Rule};

/// The first one.
pub static SS_REV_01: Rule = Rule {
    id: "SS-REV-01",
    sentence: "Creation of a set makes a ControllerRevision that is controlled by it, is named after it, has number 1 \
               and stores the template",
    why: "`kubectl rollout history` and `undo` read these objects; a rollback is only as good as what they store.",
    source: "upstream e2e [Conformance] rolling updates compare revisions; kubectl rollout history reads them",
    fix: "Create a ControllerRevision <set>-<hash> with revision 1, a controlling owner reference to the set, the \
          template's labels, the label controller.kubernetes.io/hash, and as data a patch that replaces \
          spec.template.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[Feature::Revisions],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let Some((created, state)) = course.set.states.first() else {
                continue;
            };
            let began_before = state.status.present || has_forerunner(&course, created.index);
            let Some(epoch) = course.epochs.first().filter(|_| !began_before) else {
                continue;
            };
            let first = ledger
                .revisions(course.set)
                .filter(|revision| revision.seen_added && revision.created_by.may_be_candidate())
                .min_by_key(|revision| revision.added());
            let Some(revision) = first else {
                if epoch.lasted() >= ledger.patience().reaction() {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "{} s after its creation set {} had no ControllerRevision",
                            epoch.lasted().as_secs(),
                            course.set.name
                        ),
                        [epoch.from, epoch.until],
                    );
                }
                continue;
            };
            let faults = match revision.states.first() {
                Some((_, made)) => faults(&course, revision, made, state),
                None => continue,
            };
            judge.expect(
                faults.is_empty(),
                || format!("the first revision {} {}", revision.name, faults.join(" and ")),
                [*created, revision.added()],
            );
        }
    },
};

/// Whether revisions of an earlier set were there, of this name or adopted for their labels.
fn has_forerunner(course: &Course<'_>, index: usize) -> bool {
    let mut own = course.ledger.revisions(course.set);
    let inherited = own.any(|revision| revision.added().index < index);
    inherited
        || course.ledger.all_revisions().iter().any(|revision| {
            revision.namespace == course.set.namespace
                && revision.exists_at(index)
                && revision.name.starts_with(&format!("{}-", course.set.name))
        })
}

fn faults(course: &Course<'_>, revision: &Revision, made: &RevisionState, set: &SetState) -> Vec<String> {
    let mut faults = Vec::new();
    if !revision.name.starts_with(&format!("{}-", course.set.name)) {
        faults.push(format!("is not named {}-<hash>", course.set.name));
    }
    if made.number != 1 {
        faults.push(format!("has number {}", made.number));
    }
    if !made.replaces_template() {
        faults.push("does not store a patch that replaces spec.template".into());
    }
    if let Some((key, value)) = set
        .template_labels()
        .find(|(key, value)| made.label(key) != Some(value))
    {
        faults.push(format!("lacks the template's label {key}={value}"));
    }
    if made.label("controller.kubernetes.io/hash").is_none() {
        faults.push("lacks the label controller.kubernetes.io/hash".into());
    }
    faults
}

/// The next ones.
pub static SS_REV_02: Rule = Rule {
    id: "SS-REV-02",
    sentence: "Each new template makes one new revision, numbered one above the highest",
    why: "The number is the order of the history: `kubectl rollout undo` goes back to the highest but one.",
    source: "upstream e2e [Conformance] rolling updates; kubectl rollout undo sorts by number",
    fix: "On a template that no revision stores, create one with revision = maximum of all the set's revisions + 1.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[Feature::Revisions],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for revision in made_later(&course) {
                let Some((moment, made)) = revision.states.first() else {
                    continue;
                };
                let before = course.just_before(*moment);
                let wanted = next_number(&course, revision, before);
                let legal = ledger.recently(*moment, |index| {
                    made.number == next_number(&course, revision, index)
                });
                judge.expect(
                    legal,
                    || {
                        format!(
                            "revision {} was made with number {}, one above the highest is {wanted}",
                            revision.name, made.number
                        )
                    },
                    newest_before(&course, revision).into_iter().chain([*moment]),
                );
            }
            made_in_time(&course, judge);
        }
    },
};

/// Revisions that the candidate made for the set in its ordinary life, but the first one of all.
fn made_later<'a>(course: &Course<'a>) -> impl Iterator<Item = &'a Revision> {
    let (born, ending) = (course.set.added(), course.ending);
    let (inherited, own): (Vec<_>, Vec<_>) = course
        .ledger
        .revisions(course.set)
        .filter(|revision| ending.is_none_or(|ending| revision.added() < ending))
        .partition(|revision| revision.added() < born);
    own.into_iter()
        .skip(usize::from(inherited.is_empty()))
        .filter(|revision| revision.seen_added && revision.created_by.may_be_candidate())
}

fn newest_before(course: &Course<'_>, revision: &Revision) -> Option<history::Moment> {
    course
        .ledger
        .revisions(course.set)
        .map(Revision::added)
        .filter(|added| *added < revision.added())
        .max()
}

fn made_in_time(course: &Course<'_>, judge: &mut Judge<'_>) {
    let ledger = course.ledger;
    for epoch in course.epochs.iter().filter(|epoch| epoch.new_template) {
        let stored = ledger
            .revisions(course.set)
            .any(|revision| epoch.wants(&revision.name) && revision.added() < epoch.until);
        if !stored && epoch.lasted() >= ledger.patience().reaction() {
            judge.opportunity();
            judge.stall(
                format!(
                    "the template changed, and for {} s no revision stored it",
                    epoch.lasted().as_secs()
                ),
                [epoch.from, epoch.until],
            );
        }
    }
}

/// No others.
pub static SS_REV_03: Rule = Rule {
    id: "SS-REV-03",
    sentence: "Without a template change no revision is made: not by a sync, a restart of the controller, scaling, or \
               a change of metadata or strategy",
    why: "Every needless revision pushes a useful one out of the history, and most restart all pods.",
    source: "kubectl rollout history: one entry for each change of the template",
    fix: "Look for a revision with equal data before making one; compare the data semantically, not byte by byte.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::Revisions],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for epoch in course.epochs.iter().skip(1) {
                if !epoch.new_template && epoch.lasted() > ledger.patience().staleness() {
                    judge.opportunity();
                }
            }
            for revision in made_later(&course) {
                let moment = revision.added();
                let same: Vec<_> = course.epochs_before(moment).collect();
                let unchanged =
                    !same.is_empty() && same.iter().all(|epoch| epoch.spec.template == revision.template);
                let stored = |index: usize| {
                    ledger.revisions(course.set).find(|other| {
                        other.uid != revision.uid
                            && other.exists_at(index)
                            && other.template == revision.template
                    })
                };
                let Some(first) = stored(course.just_before(moment)).filter(|_| unchanged) else {
                    continue;
                };
                if ledger.recently(moment, |index| stored(index).is_none()) {
                    continue;
                }
                judge.opportunity();
                judge.violation(
                    format!(
                        "revision {} was made although the template had not changed and {} stores it",
                        revision.name, first.name
                    ),
                    [first.added(), moment],
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
    fn the_first_revision_is_right() {
        Story::new().set("web", 1).revision("web-a").keeps(&SS_REV_01);
        let wrong = |patch| Story::new().set("web", 1).revision_with("web-a", patch);
        wrong(json!({"revision": 0})).breaks(&SS_REV_01, "has number 0");
        wrong(json!({"metadata": {"labels": {"app": null}}})).breaks(&SS_REV_01, "label app=web");
        wrong(json!({"data": {"spec": {"template": {"$patch": null}}}}))
            .breaks(&SS_REV_01, "replaces spec.template");
        Story::new()
            .set("web", 1)
            .revision("other-a")
            .breaks(&SS_REV_01, "is not named web-<hash>");
        Story::new()
            .set("web", 1)
            .wait(30_000)
            .stalls(&SS_REV_01, "had no ControllerRevision");
        Story::new()
            .set("web", 1)
            .wait(1_000)
            .does_not_exercise(&SS_REV_01);
    }

    fn changed() -> Story {
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .wait(5_000)
            .image("app:2")
    }

    #[test]
    fn numbers_go_up_by_one() {
        changed().revision("web-b").keeps(&SS_REV_02);
        changed()
            .revision_with("web-b", json!({"revision": 1}))
            .breaks(&SS_REV_02, "made with number 1, one above the highest is 2");
        changed()
            .revision_with("web-b", json!({"revision": 7}))
            .breaks(&SS_REV_02, "made with number 7");
        changed().wait(30_000).stalls(&SS_REV_02, "no revision stored it");
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .does_not_exercise(&SS_REV_02);
    }

    /// A set that was made in the place of one whose dependents had been orphaned, and has taken over its revision.
    fn heir() -> Story {
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .wait(5_000)
            .delete_set()
            .modify_object(
                "controllerrevisions",
                "web-a",
                json!({"metadata": {"ownerReferences": null}}),
            )
            .set_gone()
            .wait(5_000)
            .set("web", 1)
            .adopt_revision("web-a")
            .wait(5_000)
    }

    #[test]
    fn what_was_taken_over_belongs_to_the_history() {
        let third = heir()
            .image("app:2")
            .revision("web-b")
            .wait(5_000)
            .image("app:1")
            .modify_object("controllerrevisions", "web-a", json!({"revision": 3}))
            .wait(20_000)
            .image("app:3");
        third
            .clone()
            .revision_with("web-c", json!({"revision": 4}))
            .keeps(&SS_REV_02);
        third
            .revision_with("web-c", json!({"revision": 3}))
            .breaks(&SS_REV_02, "made with number 3, one above the highest is 4");
        // The first one of its own is judged as well: it is not the first of all.
        heir()
            .image("app:2")
            .revision_with("web-b", json!({"revision": 1}))
            .breaks(&SS_REV_02, "made with number 1, one above the highest is 2");
        heir()
            .scale(2)
            .wait(5_000)
            .revision_with("web-x", json!({"revision": 2}))
            .breaks(&SS_REV_03, "and web-a stores it");
    }

    #[test]
    fn nothing_new_without_a_change() {
        let quiet = Story::new()
            .set("web", 1)
            .revision("web-a")
            .wait(5_000)
            .scale(3)
            .wait(5_000);
        quiet.clone().keeps(&SS_REV_03);
        quiet.revision("web-b").breaks(
            &SS_REV_03,
            "revision web-b was made although the template had not changed and web-a stores it",
        );
        changed().revision("web-b").does_not_exercise(&SS_REV_03);
        // The set is being deleted: the garbage collector and the controller may race.
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .wait(5_000)
            .delete_set()
            .wait(5_000)
            .revision("web-b")
            .does_not_exercise(&SS_REV_03);
    }
}
