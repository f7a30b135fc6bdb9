//! Which revisions are reported, and which are kept.

use super::{deleted, named_by};
use crate::rules::course::courses;
use history::Revision;
use judging::{Feature, Kind, Level, Profile, Rule};

/// Live revisions stay.
pub static SS_REV_06: Rule = Rule {
    id: "SS-REV-06",
    sentence: "A revision that the status or a pod names is never deleted",
    why: "A pod below the partition can only be brought back from the revision that stores its template.",
    source: "reference implementation: only revisions that are not live are pruned",
    fix: "Before pruning the history take out currentRevision, updateRevision and the revision label of each pod.",
    profile: Profile::Update,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[Feature::Revisions],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for (revision, gone) in deleted(&course) {
                let dead = ledger.recently(gone, |index| named_by(&course, revision, index).is_none());
                let by = named_by(&course, revision, course.just_before(gone));
                judge.expect(
                    dead || by.is_none(),
                    || match &by {
                        Some((who, _)) => {
                            format!("revision {} was deleted while {who} named it", revision.name)
                        }
                        None => String::new(),
                    },
                    by.as_ref().map(|(_, since)| *since).into_iter().chain([gone]),
                );
            }
        }
    },
};

/// No dangling names.
pub static SS_REV_09: Rule = Rule {
    id: "SS-REV-09",
    sentence: "currentRevision and updateRevision of the status name revisions of the set that exist",
    why: "Everybody who follows these names, the controller after a restart included, has to find something.",
    source: "upstream e2e [Conformance] rolling updates compare pods with the named revisions",
    fix: "Create the revision first, and write its name into the status when that has succeeded.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::Revisions],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let mut former = (None, None);
            for (moment, state) in course.set.states.entries() {
                let status = &state.status;
                let names = (
                    status.current_revision.as_deref(),
                    status.update_revision.as_deref(),
                );
                let ended = course.ending.is_some_and(|ending| ending <= *moment);
                if names == former || ended {
                    continue;
                }
                former = names;
                for (field, name) in [("currentRevision", names.0), ("updateRevision", names.1)] {
                    let Some(name) = name else { continue };
                    let namespace = &course.set.namespace;
                    let found = |index| ledger.revision_at(namespace, name, index).is_some();
                    judge.expect(
                        found(moment.index) || ledger.recently(*moment, found),
                        || format!("status.{field} names {name}, and no such revision exists"),
                        [course.set.added(), *moment],
                    );
                }
            }
        }
    },
};

/// Both the same at first.
pub static SS_REV_10: Rule = Rule {
    id: "SS-REV-10",
    sentence: "The first status of a set names the same revision as current and as update",
    why: "A set that starts in the middle of an update it never had brings its first pods up at a revision nobody \
          asked for.",
    source: "upstream e2e [Conformance] rolling updates: current and update revision are equal at the start",
    fix: "When status.currentRevision is empty, set it to the update revision.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::Revisions],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let Some((created, first)) = course.set.states.first() else {
                continue;
            };
            if first.status.present {
                continue;
            }
            let reported = course
                .set
                .states
                .entries()
                .iter()
                .find(|(_, state)| state.status.present);
            let Some((moment, state)) = reported else { continue };
            let (current, update) = (&state.status.current_revision, &state.status.update_revision);
            judge.expect(
                current.is_some() && current == update,
                || {
                    format!(
                        "the first status names {} as current and {} as update revision",
                        current.as_deref().unwrap_or("nothing"),
                        update.as_deref().unwrap_or("nothing")
                    )
                },
                [*created, *moment],
            );
        }
    },
};

/// All different.
pub static SS_REV_13: Rule = Rule {
    id: "SS-REV-13",
    sentence: "No two revisions of a set store the same template or carry the same number",
    why: "With two of a kind the history has no order, and pods count as old that are not (k/k #80698).",
    source: "k/k #80698; kubectl rollout history lists revisions by number",
    fix: "Read the revisions from the API server, not from a stale cache, before making one; give the next free number.",
    profile: Profile::Update,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[Feature::Revisions],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let revisions: Vec<&Revision> = ledger.revisions(course.set).collect();
            for (place, newer) in revisions.iter().enumerate() {
                for (moment, state) in newer.states.entries() {
                    if state.owner.as_deref() != Some(course.set.uid.as_str()) {
                        continue;
                    }
                    let settled = moment.at + ledger.patience().staleness();
                    let index = course.position_after(*moment, ledger.patience().staleness());
                    if ledger.end().at < settled || course.ending.is_some_and(|ending| ending.index <= index)
                    {
                        continue;
                    }
                    let Some(number) = newer.number_at(index) else {
                        continue;
                    };
                    let older = revisions
                        .iter()
                        .take(place)
                        .filter(|older| older.is_owned_by(&course.set.uid, index));
                    let mut alone = true;
                    let twin = older.inspect(|_| alone = false).find(|older| {
                        older.number_at(index) == Some(number) || older.template == newer.template
                    });
                    if let Some(twin) = twin {
                        let what = if twin.template == newer.template {
                            "template"
                        } else {
                            "number"
                        };
                        judge.violation(
                            format!("revisions {} and {} have the same {what}", twin.name, newer.name),
                            [twin.added(), *moment],
                        );
                    }
                    if !alone {
                        judge.opportunity();
                    }
                }
            }
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn two() -> Story {
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .status(json!({"observedGeneration": 1, "currentRevision": "web-a", "updateRevision": "web-a"}))
            .ready_pods(1)
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
            .wait(5_000)
    }

    #[test]
    fn only_dead_revisions_are_pruned() {
        let third = two()
            .image("app:3")
            .revision("web-c")
            .status(json!({"updateRevision": "web-c"}))
            .wait(5_000);
        third
            .clone()
            .object_gone("controllerrevisions", "web-b")
            .keeps(&SS_REV_06);
        third.clone().object_gone("controllerrevisions", "web-a").breaks(
            &SS_REV_06,
            "web-a was deleted while status.currentRevision named it",
        );
        third
            .clone()
            .status(json!({"currentRevision": "web-c"}))
            .wait(5_000)
            .object_gone("controllerrevisions", "web-a")
            .breaks(&SS_REV_06, "while pod web-0 named it");
        third
            .clone()
            .action("DELETE", "/apis/apps/v1/namespaces/n/controllerrevisions/web-a")
            .object_gone("controllerrevisions", "web-a")
            .does_not_exercise(&SS_REV_06);
        third
            .delete_set()
            .object_gone("controllerrevisions", "web-a")
            .does_not_exercise(&SS_REV_06);
    }

    #[test]
    fn the_status_names_what_exists() {
        two().status(json!({"updateRevision": "web-b"})).keeps(&SS_REV_09);
        two()
            .status(json!({"updateRevision": "web-x"}))
            .breaks(&SS_REV_09, "status.updateRevision names web-x");
        Story::new()
            .set("web", 1)
            .status(json!({"currentRevision": "web-a", "updateRevision": "web-a"}))
            .revision("web-a")
            .breaks(&SS_REV_09, "status.currentRevision names web-a");
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .does_not_exercise(&SS_REV_09);
    }

    #[test]
    fn current_and_update_begin_the_same() {
        two().keeps(&SS_REV_10);
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .status(json!({"observedGeneration": 1, "updateRevision": "web-a"}))
            .breaks(&SS_REV_10, "nothing as current and web-a as update");
        Story::new().set("web", 1).does_not_exercise(&SS_REV_10);
    }

    #[test]
    fn no_twins() {
        two().keeps(&SS_REV_13);
        two()
            .image("app:3")
            .revision_with("web-c", json!({"revision": 2}))
            .wait(5_000)
            .breaks(&SS_REV_13, "web-b and web-c have the same number");
        two()
            .revision("web-c")
            .wait(5_000)
            .breaks(&SS_REV_13, "web-b and web-c have the same template");
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .wait(5_000)
            .does_not_exercise(&SS_REV_13);
    }
}
