//! The rules, one file per area, and their explicit registry.
//!
//! A rule is one promise of the specification: its id, the sentence, why it matters, where it is promised, how to fix
//! a controller that breaks it, and the check over the ledger. Everything here is pure: a recorded history gives the
//! same judgement on any machine, years later.

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod story;

mod acts;
mod claims;
mod course;
mod daemonset;
mod dns;
mod due;
mod finalizers;
mod gates;
mod holds;
mod identity;
mod on_delete;
mod ordering;
mod ownership;
mod parallel;
mod partition;
mod repair;
mod retention;
mod revisions;
mod scale_subresource;
mod scaling;
mod start_ordinal;
mod status;
mod update;
#[cfg(test)]
mod upstream;
mod window;

use judging::Rule;

/// The rules of each area, in the order of the specification. An area is a file with one `pub static` per rule and
/// `pub static RULES: &[&Rule]`, which names them.
static AREAS: &[&[&Rule]] = &[
    identity::RULES,
    ordering::RULES,
    scaling::RULES,
    parallel::RULES,
    update::RULES,
    partition::RULES,
    on_delete::RULES,
    revisions::RULES,
    claims::RULES,
    repair::RULES,
    dns::RULES,
    ownership::RULES,
    status::RULES,
    retention::RULES,
    scale_subresource::RULES,
    start_ordinal::RULES,
    daemonset::RULES,
];

/// Every rule, in the order of the specification.
pub fn all() -> Vec<&'static Rule> {
    AREAS.iter().copied().flatten().copied().collect()
}

/// The rule with this id.
pub fn find(id: &str) -> Option<&'static Rule> {
    all().into_iter().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_unique_and_well_formed() {
        let mut seen = HashSet::new();
        for rule in all() {
            assert!(seen.insert(rule.id), "{} is there twice", rule.id);
            let parts: Vec<&str> = rule.id.split('-').collect();
            let well_formed = match parts.as_slice() {
                [family, area, number] => {
                    matches!(*family, "SS" | "DS")
                        && area.bytes().all(|b| b.is_ascii_uppercase())
                        && digits(number)
                }
                ["DN", number] => digits(number),
                _ => false,
            };
            assert!(well_formed, "{} is no id of the specification", rule.id);
        }
    }

    fn digits(number: &str) -> bool {
        number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit())
    }

    #[test]
    fn every_rule_says_what_why_where_and_how_to_fix() {
        for rule in all() {
            for (what, text) in [
                ("sentence", rule.sentence),
                ("why", rule.why),
                ("source", rule.source),
                ("fix", rule.fix),
            ] {
                assert!(text.trim().len() > 3, "{} has no {what}", rule.id);
                assert_eq!(text.trim(), text, "{}: {what} has blanks around it", rule.id);
            }
            assert!(
                !rule.sentence.ends_with('.'),
                "{}: a sentence carries no full stop",
                rule.id
            );
        }
    }

    #[test]
    fn a_rule_is_found_by_its_id_in_any_case() {
        for rule in all() {
            assert_eq!(find(&rule.id.to_lowercase()).map(|found| found.id), Some(rule.id));
        }
        assert!(find("SS-XYZ-99").is_none());
    }
}
