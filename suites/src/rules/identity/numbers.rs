//! Ordinals are numbers: 10 comes after 9.

use crate::rules::{
    acts::{Deed, condemned, members_created},
    gates::{Scope, Step, highest_surplus, lowest_blockers},
    window::Window,
};
use history::{Ledger, Moment, Ordinal, Set};
use judging::{Judge, Kind, Level, Profile, Rule};
use std::ops::RangeInclusive;

/// Not text.
pub static SS_ID_17: Rule = Rule {
    id: "SS-ID-17",
    sentence: "Ordinals are compared as numbers: web-10 comes after web-9, not before web-2",
    why: "With ten members or fewer nobody notices; with eleven the wrong member starts first or is taken away.",
    source: "StatefulSet controller (reference)",
    fix: "Parse the ordinal before comparing; do not sort pods by name.",
    profile: Profile::Identity,
    level: Level::Should,
    kind: Kind::Safety,
    needs: &[],
    reads: &[],
    check: |ledger, judge| {
        for set in ledger.sets() {
            created_in_order_of_numbers(ledger, judge, set);
            condemned_in_order_of_numbers(ledger, judge, set);
        }
    },
};

/// The ordinals below this one whose text sorts after it, by number of digits: for 10, those from 2 to 9.
fn confusable(ordinal: Ordinal) -> impl Iterator<Item = RangeInclusive<u32>> {
    let digits = ordinal.0.checked_ilog10().unwrap_or(0);
    (0..digits).map(move |fewer| {
        let prefix = ordinal.0 / 10u32.pow(digits - fewer);
        prefix + 1..=10u32.pow(fewer + 1) - 1
    })
}

fn is_confusable(lower: Ordinal, with: Ordinal) -> bool {
    confusable(with).any(|range| range.contains(&lower.0))
}

fn created_in_order_of_numbers(ledger: &Ledger, judge: &mut Judge<'_>, set: &Set) {
    let created: Vec<_> = members_created(ledger, set)
        .filter(|(ordinal, creation)| {
            ordinal.0 >= 10 && Window::before(ledger, set, creation.moment).ordered()
        })
        .collect();
    let steps: Vec<Step> = created
        .iter()
        .map(|(ordinal, creation)| Step {
            moment: creation.moment,
            scope: Scope::Below(*ordinal),
        })
        .collect();
    let missing = lowest_blockers(ledger, set, &steps, |_| true);
    for ((ordinal, creation), missing) in created.iter().zip(missing) {
        let start = set.spec_at(creation.moment.index).map_or(0, |spec| spec.start);
        if !confusable(*ordinal).any(|range| start <= *range.end() && !range.is_empty()) {
            continue;
        }
        judge.opportunity();
        let Some(missing) = missing.filter(|missing| is_confusable(*missing, *ordinal)) else {
            continue;
        };
        if text_before(set, creation.moment, *ordinal)
            .into_iter()
            .all(|sooner| ledger.member_at(set, sooner, creation.moment.index).is_some())
        {
            judge.violation(
                format!(
                    "{} was created before {}-{missing}: ordinals in order of text",
                    creation.pod.name, set.name
                ),
                [set.added(), creation.moment],
            );
        }
    }
}

/// The wanted ordinals whose text sorts before this one's.
fn text_before(set: &Set, moment: Moment, ordinal: Ordinal) -> Vec<Ordinal> {
    let Some(spec) = set.spec_at(moment.index) else {
        return Vec::new();
    };
    let text = ordinal.to_string();
    spec.range()
        .map(Ordinal)
        .filter(|other| other.to_string() < text)
        .collect()
}

fn condemned_in_order_of_numbers(ledger: &Ledger, judge: &mut Judge<'_>, set: &Set) {
    let deeds: Vec<Deed<'_>> = condemned(ledger, set);
    let steps: Vec<Step> = deeds.iter().map(Deed::below_others).collect();
    let higher = highest_surplus(ledger, set, &steps, |state| !state.terminating);
    for (deed, higher) in deeds.iter().zip(higher) {
        let window = Window::before(ledger, set, deed.moment);
        let stays = |ordinal: &Ordinal| {
            window.condemns(*ordinal)
                && !window.ever(*ordinal, |state| state.is_none_or(|state| state.terminating))
        };
        match higher {
            None => {
                let mut lower = ledger.ordinals(set);
                if lower.any(|lower| is_confusable(lower, deed.ordinal) && stays(&lower)) {
                    judge.opportunity();
                }
            }
            Some(top) if is_confusable(deed.ordinal, top) => {
                judge.opportunity();
                if sorts_last(ledger, set, deed, stays) {
                    judge.violation(
                        format!(
                            "{} was deleted before {}-{top}: ordinals in order of text",
                            deed.pod.name, set.name
                        ),
                        window
                            .spec()
                            .map(|(asked, _)| asked)
                            .into_iter()
                            .chain([deed.moment]),
                    );
                }
            }
            Some(_) => {}
        }
    }
}

/// Whether no other condemned pod's text sorts after the deleted one's.
fn sorts_last(ledger: &Ledger, set: &Set, deed: &Deed<'_>, stays: impl Fn(&Ordinal) -> bool) -> bool {
    let text = deed.ordinal.to_string();
    !ledger
        .ordinals(set)
        .any(|other| other.to_string() > text && stays(&other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;

    #[test]
    fn what_text_confuses() {
        let below = |ordinal| {
            confusable(Ordinal(ordinal))
                .map(|range| (*range.start(), *range.end()))
                .collect::<Vec<_>>()
        };
        assert_eq!(below(9), []);
        assert_eq!(below(10), [(2, 9)]);
        assert_eq!(below(105), [(2, 9), (11, 99)]);
        assert!(!is_confusable(Ordinal(1), Ordinal(10)));
    }

    #[test]
    fn ten_after_nine() {
        Story::new().set("web", 11).ready_pods(11).keeps(&SS_ID_17);
        Story::new()
            .set("web", 9)
            .ready_pods(9)
            .does_not_exercise(&SS_ID_17);
    }

    #[test]
    fn ten_after_one_is_in_order_of_text() {
        Story::new()
            .set("web", 11)
            .ready_pods(2)
            .pod("web-10")
            .breaks(&SS_ID_17, "web-10 was created before web-2");
    }

    #[test]
    fn all_at_once_is_another_fault() {
        let mut story = Story::new().set("web", 11);
        for ordinal in 0..11 {
            story = story.pod(&format!("web-{ordinal}"));
        }
        story.keeps(&SS_ID_17);
    }

    fn shrunk() -> Story {
        Story::new()
            .set("web", 11)
            .ready_pods(11)
            .wait(5_000)
            .scale(1)
            .wait(5_000)
    }

    #[test]
    fn ten_goes_before_nine() {
        shrunk().remove_pod("web-10").keeps(&SS_ID_17);
    }

    #[test]
    fn nine_before_ten_is_in_order_of_text() {
        shrunk()
            .remove_pod("web-9")
            .breaks(&SS_ID_17, "web-9 was deleted before web-10");
        // The lowest first is in no such order.
        let found = shrunk().remove_pod("web-1").judge(&SS_ID_17);
        assert!(found.violations.is_empty());
    }
}
