//! Whose pod it is.

use crate::rules::course::{Cause, Course, courses};
use history::{Author, Incarnation, Ledger, Moment, Ordinal, PodState};
use judging::{Judge, Kind, Level, Profile, Rule};
use std::cell::Cell;

/// Orphans come home.
pub static SS_OWN_01: Rule = Rule {
    id: "SS-OWN-01",
    sentence: "An orphan with matching labels and the name of a member is adopted without a restart",
    why: "After a set was deleted with its pods kept, recreating it must take them over, not replace them.",
    source: "upstream e2e \"should adopt matching orphans and release non-matching pods\"",
    fix: "List pods by the selector. Those without a controller, with a member's name and not terminating, get a \
          controlling owner reference by a patch that carries the pod's UID.",
    profile: Profile::Ownership,
    level: Level::Must,
    kind: Kind::Liveness,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger).filter(by_labels_alone) {
            let orphan =
                |state: &PodState| state.owner.is_none() && !state.terminating && selected(&course, state);
            for spell in spells(ledger, &course, orphan) {
                let home = spell.next.is_some_and(|next| owned(&course, next));
                let killed = spell.next.is_some_and(|next| next.terminating)
                    && by_candidate(spell.pod)
                    && unexcused(&course, &spell);
                goal(
                    ledger,
                    judge,
                    &spell,
                    home,
                    killed.then_some("was an orphan with matching labels and was deleted instead of adopted"),
                    "has matching labels, a member's name and no owner, and was not adopted",
                );
            }
        }
    },
};

/// Strangers go.
pub static SS_OWN_03: Rule = Rule {
    id: "SS-OWN-03",
    sentence: "A pod whose labels stop matching is released and kept",
    why: "Taking a pod out of the selector is how one is set aside for debugging.",
    source: "upstream e2e \"should adopt matching orphans and release non-matching pods\"",
    fix: "Remove the own owner reference from pods that the selector does not match; never delete them.",
    profile: Profile::Ownership,
    level: Level::Must,
    kind: Kind::SafetyAndLiveness,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger).filter(by_labels_alone) {
            // Labels hardly ever change, and looking them up in every state of every pod takes its time.
            let matches = Cell::new(true);
            let stranger = |state: &PodState| {
                if state.relabelled {
                    matches.set(selected(&course, state));
                }
                owned(&course, state) && !state.terminating && !matches.get()
            };
            for spell in spells(ledger, &course, stranger) {
                let released = spell.next.is_some_and(|next| !owned(&course, next));
                let killed = spell.next.is_some_and(|next| next.terminating)
                    && by_candidate(spell.pod)
                    && unexcused(&course, &spell);
                goal(
                    ledger,
                    judge,
                    &spell,
                    released,
                    killed.then_some("no longer matched the selector and was deleted instead of released"),
                    "no longer matches the selector and was not released",
                );
            }
        }
    },
};

/// Whether the controller knew, when it deleted the pod, or nothing else explains that it did.
fn unexcused(course: &Course<'_>, spell: &Spell<'_>) -> bool {
    let lasted = spell.until.at.since(spell.from.at);
    lasted > course.ledger.patience().staleness() || course.explanation(spell.pod) == Some(Cause::Nothing)
}

/// A time during which a pod was in a state that asks for something.
struct Spell<'a> {
    pod: &'a Incarnation,
    from: Moment,
    until: Moment,
    /// The state after it, if there was one in the life of the set.
    next: Option<&'a PodState>,
}

/// The times during which pods with a member's name were so, while the set was there to act.
fn spells<'a>(ledger: &'a Ledger, course: &Course<'a>, is_so: impl Fn(&PodState) -> bool) -> Vec<Spell<'a>> {
    let last = course.last();
    let mut spells = Vec::new();
    for pod in ledger.pods() {
        let member =
            pod.namespace == course.set.namespace && Ordinal::of(&pod.name, &course.set.name).is_some();
        if !member {
            continue;
        }
        let mut open: Option<Moment> = None;
        for (moment, state) in pod.states.entries() {
            if *moment >= last {
                break;
            }
            match (is_so(state), open) {
                (true, None) => open = Some((*moment).max(course.set.added())),
                (false, Some(from)) => {
                    open = None;
                    if *moment > course.set.added() {
                        spells.push(Spell {
                            pod,
                            from,
                            until: *moment,
                            next: Some(state),
                        });
                    }
                }
                _ => {}
            }
        }
        if let Some(from) = open {
            let until = pod.gone.filter(|gone| *gone < last).unwrap_or(last);
            if until > from {
                spells.push(Spell {
                    pod,
                    from,
                    until,
                    next: None,
                });
            }
        }
    }
    spells
}

fn goal(
    ledger: &Ledger,
    judge: &mut Judge<'_>,
    spell: &Spell<'_>,
    reached: bool,
    broken: Option<&str>,
    missed: &str,
) {
    let lasted = spell.until.at.since(spell.from.at);
    if reached {
        judge.opportunity();
    } else if let Some(broken) = broken {
        judge.opportunity();
        judge.violation(format!("{} {broken}", spell.pod.name), [spell.from, spell.until]);
    } else if lasted >= ledger.patience().reaction() {
        judge.opportunity();
        judge.stall(
            format!("{} {missed} for {} s", spell.pod.name, lasted.as_secs()),
            [spell.from, spell.until],
        );
    }
}

fn owned(course: &Course<'_>, state: &PodState) -> bool {
    state.owner.as_deref() == Some(course.set.uid.as_str())
}

/// Whether the selector consists of labels alone; others are not judged.
fn by_labels_alone(course: &Course<'_>) -> bool {
    course
        .epochs
        .first()
        .is_some_and(|epoch| !epoch.spec.match_labels.is_empty() && !epoch.spec.match_expressions)
}

/// Whether the selector matches.
fn selected(course: &Course<'_>, state: &PodState) -> bool {
    let labels = course
        .epochs
        .first()
        .map_or(&[][..], |epoch| epoch.spec.match_labels.as_slice());
    !labels.is_empty() && labels.iter().all(|(key, value)| state.label(key) == Some(value))
}

fn by_candidate(pod: &Incarnation) -> bool {
    pod.deletion
        .as_ref()
        .is_some_and(|deletion| deletion.by.may_be_candidate())
        && !pod.last().is_some_and(PodState::disrupted)
}

/// Hands off.
pub static SS_OWN_05: Rule = Rule {
    id: "SS-OWN-05",
    sentence: "Pods that somebody else controls are neither taken over, changed nor deleted, even if the labels match",
    why: "Two selectors that overlap by mistake must not destroy another workload.",
    source: "reference implementation; owner references documentation: one controller",
    fix: "Look at the controlling owner reference before anything else: if it names another UID, leave the pod alone.",
    profile: Profile::Ownership,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for course in courses(ledger).filter(by_labels_alone) {
            for pod in ledger
                .pods()
                .iter()
                .filter(|pod| pod.namespace == course.set.namespace)
            {
                foreign(ledger, &course, pod, judge);
            }
        }
    },
};

fn foreign(ledger: &Ledger, course: &Course<'_>, pod: &Incarnation, judge: &mut Judge<'_>) {
    let others = |state: &PodState| state.owner.is_some() && !owned(course, state) && selected(course, state);
    let Some((first, state)) = pod.states.first() else {
        return;
    };
    if !others(state) {
        return;
    }
    // A pod of a former set of the same name is SS-OWN-06; another set of the candidate is its own business.
    let owner = state.owner.as_deref();
    let of_a_set = ledger.sets().iter().any(|set| owner == Some(set.uid.as_str()));
    let until = pod.gone.unwrap_or(course.last());
    let together = until.at.since((*first).max(course.set.added()).at);
    if together > ledger.patience().staleness() {
        judge.opportunity();
    }
    for (moment, state) in pod.states.entries().iter().skip(1) {
        if state.owner.is_none() {
            // Given up by its owner (a set deleted with orphaning, for one): whoever matches may take it now.
            return;
        }
        let taken = owned(course, state);
        let touched = !of_a_set
            && ledger.author_at(*moment) == Author::Candidate
            && !(state.terminating && took_the_name(ledger, course, pod, *moment));
        if taken || touched {
            judge.violation(
                format!(
                    "{}, which somebody else controls, was {}",
                    pod.name,
                    match (taken, state.terminating) {
                        (true, _) => "taken over",
                        (false, true) => "deleted",
                        (false, false) => "changed",
                    }
                ),
                [*first, *moment],
            );
            return;
        }
    }
}

/// Whether a member of this name was there a moment before: a deletion by name may have meant that one.
fn took_the_name(ledger: &Ledger, course: &Course<'_>, pod: &Incarnation, moment: Moment) -> bool {
    let Some(ordinal) = ledger.ordinal(course.set, pod) else {
        return false;
    };
    let since = moment.at.before(ledger.patience().staleness());
    course.incarnations(ordinal).any(|member| {
        member.uid != pod.uid && member.gone.is_some_and(|gone| gone.at >= since && gone < moment)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;
    use serde_json::json;

    fn one() -> Story {
        Story::new()
            .set("web", 1)
            .revision("web-a")
            .ready_pods(1)
            .wait(1_000)
    }

    fn owner_of(story: &Story) -> serde_json::Value {
        let uid = story.uid("statefulsets", "web");
        json!({"metadata": {"ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": uid, "controller": true},
        ]}})
    }

    #[test]
    fn a_pod_that_its_owner_gave_up_may_be_taken() {
        let story = one();
        let ours = owner_of(&story);
        let other = json!({"metadata": {"ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "former", "controller": true},
        ]}});
        let story = story
            .pod_with("web-1", other)
            .wait(5_000)
            .modify(json!({"metadata": {"ownerReferences": null}}))
            .modify(ours);
        assert!(story.judge(&SS_OWN_05).violations.is_empty());
    }

    #[test]
    fn an_orphan_is_adopted() {
        let stripped = || {
            one()
                .on("web-0")
                .modify(json!({"metadata": {"ownerReferences": null}}))
        };
        let home = owner_of(&one());
        stripped().wait(100).modify(home).keeps(&SS_OWN_01);
        stripped()
            .wait(20_000)
            .stalls(&SS_OWN_01, "web-0 has matching labels");
        stripped()
            .wait(100)
            .delete_pod("web-0")
            .breaks(&SS_OWN_01, "deleted instead of adopted");
        stripped()
            .delete_pod("web-0")
            .by(Author::Harness)
            .does_not_exercise(&SS_OWN_01);
        one().wait(20_000).does_not_exercise(&SS_OWN_01);
    }

    #[test]
    fn a_stranger_is_released() {
        let relabelled = || {
            one()
                .on("web-0")
                .modify(json!({"metadata": {"labels": {"app": "debug"}}}))
        };
        relabelled()
            .modify(json!({"metadata": {"ownerReferences": null}}))
            .keeps(&SS_OWN_03);
        relabelled().wait(20_000).stalls(&SS_OWN_03, "was not released");
        relabelled()
            .delete_pod("web-0")
            .breaks(&SS_OWN_03, "deleted instead of released");
        one().does_not_exercise(&SS_OWN_03);
    }

    #[test]
    fn what_others_control_is_left_alone() {
        let foreign = || {
            one().evidence_a().pod_with(
                "web-7",
                json!({"metadata": {"ownerReferences": [
                    {"kind": "Job", "name": "j", "uid": "job-1", "controller": true},
                ]}}),
            )
        };
        foreign().wait(5_000).keeps(&SS_OWN_05);
        let ours = owner_of(&one());
        foreign()
            .modify(ours)
            .wait(5_000)
            .breaks(&SS_OWN_05, "web-7, which somebody else controls, was taken over");
        foreign()
            .wait(5_000)
            .delete_pod("web-7")
            .by(Author::Candidate)
            .breaks(&SS_OWN_05, "was deleted");
        foreign()
            .wait(5_000)
            .delete_pod("web-7")
            .by(Author::Cluster)
            .keeps(&SS_OWN_05);
        one().wait(5_000).does_not_exercise(&SS_OWN_05);
    }
}
