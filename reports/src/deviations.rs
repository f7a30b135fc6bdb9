//! Known deviations that are none.

use judging::{Decided, Declarations, Rule, Verdict};

/// What is wrong with known deviations that no rule answers to, one sentence each. `all_rules` are all there are, not
/// only those that are selected: ask before a run, where it costs nothing.
pub fn unmatched_deviations(declared: &Declarations, all_rules: &[&Rule]) -> Vec<String> {
    declared
        .known_deviations
        .iter()
        .filter(|known| all_rules.iter().all(|rule| rule.id != known.rule))
        .map(|known| {
            format!(
                "known deviation {} matches no rule; `ordinal list rules` names them all",
                known.rule
            )
        })
        .collect()
}

/// What a run shows to be wrong with the known deviations: they are kept, listed twice, or covered by a feature that
/// is declared unsupported anyway.
pub(crate) fn problems(declared: &Declarations, decided: &[(&Rule, Decided)]) -> Vec<String> {
    let known = &declared.known_deviations;
    let mut problems = Vec::new();
    for (place, deviation) in known.iter().enumerate() {
        let id = &deviation.rule;
        let wrong = if known.iter().take(place).any(|other| other.rule == *id) {
            "is listed twice; keep one entry"
        } else {
            match decided
                .iter()
                .find(|(rule, _)| rule.id == id)
                .map(|(_, decided)| decided.verdict)
            {
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
