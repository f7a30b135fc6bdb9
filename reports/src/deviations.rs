//! Known deviations that are none.

use judging::{Decided, Declarations, Rule, Verdict};

/// What is wrong with the known deviations of a candidate, one sentence each: they are kept, match no rule, are listed
/// twice, or are covered by a feature that is declared unsupported anyway. `all_rules` are all there are: an entry for
/// a rule that was not selected is no error.
pub(crate) fn problems(
    declared: &Declarations,
    decided: &[(&Rule, Decided)],
    all_rules: &[&Rule],
) -> Vec<String> {
    let known = &declared.known_deviations;
    let mut problems = Vec::new();
    for (place, deviation) in known.iter().enumerate() {
        let id = &deviation.rule;
        let verdict = decided
            .iter()
            .find(|(rule, _)| rule.id == id)
            .map(|(_, decided)| decided.verdict);
        let wrong = if known.iter().take(place).any(|other| other.rule == *id) {
            "is listed twice; keep one entry"
        } else {
            match verdict {
                None if all_rules.iter().all(|rule| rule.id != id) => {
                    "matches no rule; `ordinal list rules` names them all"
                }
                Some(Verdict::Conformant) => {
                    "is not there: the rule was exercised and kept; remove the entry"
                }
                Some(Verdict::Unsupported) => {
                    "overlaps a feature that is declared unsupported; remove the entry"
                }
                _ => continue,
            }
        };
        problems.push(format!("known deviation {id} {wrong}"));
    }
    problems
}
