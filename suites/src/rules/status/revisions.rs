//! When the current revision moves.

use crate::rules::course::{Course, courses};
use crate::rules::update::advances;
use crate::rules::window::Window;
use history::{Moment, Ordinal, PodState};
use judging::{Kind, Level, Profile, Rule};

/// Only at the end of an update.
pub static SS_ST_08: Rule = Rule {
    id: "SS-ST-08",
    sentence: "currentRevision changes only to the update revision, and only when all pods are at it and Ready",
    why: "It says which version the set is known to run with, and lost pods come back at it.",
    source: "upstream e2e [Conformance] rolling and partitioned updates",
    fix: "Move it in one place: when updatedReplicas and readyReplicas equal spec.replicas.",
    profile: Profile::Status,
    level: Level::Must,
    kind: Kind::Safety,
    needs: &[],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            for (moment, current) in advances(&course) {
                let named = ledger.recently(moment, |index| names_update(&course, current, index))
                    || names_update(&course, current, moment.index);
                let finished = ledger.recently(moment, |index| unfinished(&course, current, index).is_none())
                    || may_have_looked_finished(&course, current, moment);
                let missing = unfinished(&course, current, course.just_before(moment));
                judge.expect(
                    named && finished,
                    || match &missing {
                        Some((ordinal, how, _)) if named => format!(
                            "currentRevision became {current} while {} was {how}",
                            course.name(*ordinal)
                        ),
                        _ => format!("currentRevision became {current}, which was not the update revision"),
                    },
                    [course.set.added(), moment]
                        .into_iter()
                        .chain(missing.as_ref().and_then(|(_, _, since)| *since)),
                );
            }
        }
    },
};

fn names_update(course: &Course<'_>, revision: &str, index: usize) -> bool {
    course
        .status_at(index)
        .is_some_and(|status| status.update_revision.as_deref() == Some(revision))
}

/// Whether some spec of the staleness window and a state of each of its pods fit together: sets and pods come by watches of
/// their own, and neither waits for the other.
fn may_have_looked_finished(course: &Course<'_>, revision: &str, moment: Moment) -> bool {
    let window = Window::before(course.ledger, course.set, moment);
    let at_it = |state: Option<&PodState>| {
        state.is_some_and(|state| state.ready && state.revision.as_deref() == Some(revision))
    };
    course.epochs_before(moment).any(|epoch| {
        epoch
            .spec
            .range()
            .all(|ordinal| window.ever(Ordinal(ordinal), at_it))
    })
}

/// A wanted pod that is not Ready at the revision, and how it is.
fn unfinished(
    course: &Course<'_>,
    revision: &str,
    index: usize,
) -> Option<(Ordinal, String, Option<Moment>)> {
    let epoch = course.epoch_at(index)?;
    epoch.spec.range().map(Ordinal).find_map(|ordinal| {
        let how = match course.at(ordinal, index) {
            None => "missing".into(),
            Some((_, state)) if state.revision.as_deref() != Some(revision) => "at another revision".into(),
            Some((_, state)) if !state.ready => state.describe(),
            Some(_) => return None,
        };
        Some((ordinal, how, course.since(ordinal, index)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn updated(pods: u32) -> Story {
        let mut story = Story::new()
            .set("web", 2)
            .revision("web-a")
            .ready_pods(2)
            .status(json!({"observedGeneration": 1, "currentRevision": "web-a", "updateRevision": "web-a"}))
            .wait(5_000)
            .image("app:2")
            .revision("web-b")
            .status(json!({"updateRevision": "web-b"}));
        for ordinal in (2 - pods..2).rev() {
            let name = format!("web-{ordinal}");
            story = story.remove_pod(&name).pod(&name).ready();
        }
        story.wait(5_000)
    }

    #[test]
    fn it_moves_at_the_end() {
        let current = |name: &str| json!({"currentRevision": name});
        updated(2).status(current("web-b")).keeps(&SS_ST_08);
        updated(1).status(current("web-b")).breaks(
            &SS_ST_08,
            "currentRevision became web-b while web-0 was at another revision",
        );
        updated(2)
            .on("web-0")
            .unready()
            .wait(5_000)
            .status(current("web-b"))
            .breaks(&SS_ST_08, "while web-0 was Running but not Ready");
        updated(2)
            .status(current("web-x"))
            .breaks(&SS_ST_08, "web-x, which was not the update revision");
        updated(1).does_not_exercise(&SS_ST_08);
    }

    #[test]
    fn the_status_may_belong_to_the_spec_before() {
        // The last pod became Ready when another one had just been asked for.
        let late = |ms| {
            updated(2)
                .on("web-0")
                .unready()
                .wait(5_000)
                .scale(3)
                .on("web-0")
                .ready()
                .wait(ms)
                .status(json!({"currentRevision": "web-b"}))
        };
        late(100).keeps(&SS_ST_08);
        late(5_000).breaks(&SS_ST_08, "while web-2 was missing");
    }
}
