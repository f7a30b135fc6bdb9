//! Which spec a status speaks of.

use crate::rules::course::courses;
use judging::{Kind, Level, Profile, Rule};

/// The generation that was seen.
pub static SS_ST_01: Rule = Rule {
    id: "SS-ST-01",
    sentence: "observedGeneration follows the generation: it never exceeds it, never goes back, and reaches it",
    why: "Everybody who waits for a change to be carried out waits for observedGeneration first. If it lies, old \
          numbers are taken for new ones.",
    source: "API reference of StatefulSetStatus; every upstream e2e test waits on it",
    fix: "Write the generation of the spec that was read into the status that was computed from it, also when nothing \
          else changed.",
    profile: Profile::Status,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let mut former = None;
            for (moment, state) in course.set.states.entries() {
                let Some(observed) = state.status.observed_generation else {
                    continue;
                };
                let (newest, written) = former.unwrap_or((observed, course.set.added()));
                if observed > state.spec.generation {
                    judge.violation(
                        format!(
                            "observedGeneration {observed} is ahead of generation {}",
                            state.spec.generation
                        ),
                        [written, *moment],
                    );
                } else if observed < newest {
                    judge.violation(
                        format!("observedGeneration went back from {newest} to {observed}"),
                        [written, *moment],
                    );
                }
                former = Some((observed, *moment));
            }
            for epoch in &course.epochs {
                let generation = epoch.spec.generation;
                let seen = course.status_from(epoch.from.index, epoch.until, |status| {
                    status
                        .observed_generation
                        .is_some_and(|observed| observed >= generation)
                });
                if seen.is_some() {
                    judge.opportunity();
                } else if epoch.lasted() >= ledger.patience().reaction() {
                    judge.opportunity();
                    judge.stall(
                        format!(
                            "generation {generation} was not observed for {} s",
                            epoch.lasted().as_secs()
                        ),
                        [epoch.from, epoch.until],
                    );
                }
            }
        }
    },
};

/// The revision that belongs to it.
pub static SS_ST_02: Rule = Rule {
    id: "SS-ST-02",
    sentence: "A status that says it has seen a generation names the revision of that generation's template",
    why: "A status made of two generations makes a roll-out look finished that has not begun.",
    source: "API reference of StatefulSetStatus: observedGeneration and updateRevision",
    fix: "Compute the whole status from one read of the set, and write observedGeneration with it.",
    profile: Profile::Status,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[judging::Feature::Revisions],
    reads: &["controllerrevisions"],
    check: |ledger, judge| {
        for course in courses(ledger) {
            let several = course.epochs.iter().any(|epoch| epoch.new_template);
            for (moment, status) in course.set.status_changes() {
                let spoken_of = course.epochs.iter().find(|epoch| {
                    Some(epoch.spec.generation) == status.observed_generation && !epoch.wanted.is_empty()
                });
                let (Some(epoch), Some(update)) = (spoken_of, status.update_revision.as_deref()) else {
                    continue;
                };
                if !several || course.ending.is_some_and(|ending| ending <= moment) {
                    continue;
                }
                judge.expect(
                    epoch.wants(update),
                    || {
                        format!(
                            "the status says it has seen generation {}, and names {update}, which stores another \
                             template",
                            epoch.spec.generation
                        )
                    },
                    [epoch.from, moment],
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

    fn set() -> Story {
        Story::new().set("web", 1).revision("web-a")
    }

    #[test]
    fn the_generation_is_reached_and_not_overtaken() {
        set().status(json!({"observedGeneration": 1})).keeps(&SS_ST_01);
        set()
            .status(json!({"observedGeneration": 2}))
            .breaks(&SS_ST_01, "observedGeneration 2 is ahead of generation 1");
        set()
            .status(json!({"observedGeneration": 1}))
            .scale(2)
            .status(json!({"observedGeneration": 2}))
            .status(json!({"observedGeneration": 1}))
            .breaks(&SS_ST_01, "went back from 2 to 1");
        set()
            .wait(30_000)
            .stalls(&SS_ST_01, "generation 1 was not observed");
        set().wait(1_000).does_not_exercise(&SS_ST_01);
    }

    #[test]
    fn revision_and_generation_belong_together() {
        let changed = || {
            set()
                .status(json!({"observedGeneration": 1, "updateRevision": "web-a"}))
                .image("app:2")
                .revision("web-b")
        };
        changed()
            .status(json!({"observedGeneration": 2, "updateRevision": "web-b"}))
            .keeps(&SS_ST_02);
        changed()
            .status(json!({"observedGeneration": 2}))
            .breaks(&SS_ST_02, "seen generation 2, and names web-a");
        set()
            .status(json!({"observedGeneration": 1, "updateRevision": "web-a"}))
            .does_not_exercise(&SS_ST_02);
    }
}
