//! Choosing rules and scenarios by name.

use crate::{rules, scenarios};
use engine::Scenario;
use judging::{NoSuchRule, Profile, Rule, UnknownName, matches_glob};

/// What to run and to judge. Empty lists choose everything.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Profiles whose rules count, and whose scenarios run unless scenarios are named.
    pub profiles: Vec<String>,
    /// Patterns of rule ids, with `*` and `?`.
    pub rules: Vec<String>,
    /// Patterns of scenario names, with `*` and `?`.
    pub scenarios: Vec<String>,
}

/// A name or pattern that chooses nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A profile that nobody knows.
    #[error(transparent)]
    Profile(#[from] UnknownName),
    /// A pattern that matches nothing.
    #[error(transparent)]
    Pattern(#[from] NoSuchRule),
    /// The choices exclude each other.
    #[error(
        "no rule is in the chosen profiles and matches the chosen patterns; drop one of --profile and --rule"
    )]
    Nothing,
    /// Profiles that no rule is in.
    #[error("no rule is in {0} yet; `ordinal list profiles` tells which profiles have rules")]
    Empty(String),
}

impl Selection {
    /// The rules that are chosen.
    ///
    /// # Errors
    /// When a profile is unknown, a pattern matches no rule, or nothing is left.
    pub fn rules(&self) -> Result<Vec<&'static Rule>, SelectionError> {
        let profiles = self.profiles()?;
        let all = rules::all();
        every_pattern_matches("rule", &self.rules, all.iter().map(|rule| rule.id))?;
        let chosen: Vec<&Rule> = all
            .into_iter()
            .filter(|rule| profiles.is_empty() || profiles.contains(&rule.profile))
            .filter(|rule| any_matches(&self.rules, rule.id))
            .collect();
        match chosen.is_empty() {
            false => Ok(chosen),
            true if self.rules.is_empty() => Err(SelectionError::Empty(self.profiles.join(", "))),
            true => Err(SelectionError::Nothing),
        }
    }

    /// The scenarios that are chosen: those that match a pattern, or else those written for the chosen profiles.
    ///
    /// # Errors
    /// When a profile is unknown, or a pattern matches no scenario.
    pub fn scenarios(&self) -> Result<Vec<Scenario>, SelectionError> {
        let profiles = self.profiles()?;
        let all = scenarios::all();
        every_pattern_matches(
            "scenario",
            &self.scenarios,
            all.iter().map(|scenario| scenario.name),
        )?;
        Ok(all
            .into_iter()
            .filter(|scenario| match self.scenarios.as_slice() {
                [] => profiles.is_empty() || scenario.serves(&profiles),
                patterns => any_matches(patterns, scenario.name),
            })
            .collect())
    }

    fn profiles(&self) -> Result<Vec<Profile>, UnknownName> {
        self.profiles.iter().map(|name| name.parse()).collect()
    }
}

fn any_matches(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches_glob(pattern, name))
}

fn every_pattern_matches<'a>(
    what: &'static str,
    patterns: &[String],
    names: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), SelectionError> {
    match patterns
        .iter()
        .find(|pattern| !names.clone().any(|name| matches_glob(pattern, name)))
    {
        Some(pattern) => Err(NoSuchRule {
            what,
            pattern: pattern.clone(),
        }
        .into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_and_patterns_narrow_each_other() {
        let chosen = Selection {
            profiles: vec!["ordering".into()],
            rules: vec!["ss-ord-0*".into()],
            ..Default::default()
        };
        let rules = chosen.rules().unwrap();
        assert!(!rules.is_empty() && rules.len() < crate::rules::all().len());
        assert!(rules.iter().all(|rule| rule.id.starts_with("SS-ORD-0")));
    }

    #[test]
    fn a_profile_chooses_its_scenarios_unless_they_are_named() {
        let names = |selection: &Selection| -> Vec<&str> {
            let chosen = selection.scenarios().unwrap();
            chosen.iter().map(|scenario| scenario.name).collect()
        };
        let mut selection = Selection {
            profiles: vec!["persistence".into()],
            ..Default::default()
        };
        let written_for_it = names(&selection);
        assert!(written_for_it.contains(&"log-persistence"), "{written_for_it:?}");
        assert!(!written_for_it.contains(&"rollback"), "{written_for_it:?}");
        selection.scenarios = vec!["roll*".into()];
        assert_eq!(names(&selection), ["rolling-update", "rollback"]);
    }

    #[test]
    fn what_matches_nothing_is_named() {
        let wrong = |selection: Selection| (selection.rules().err(), selection.scenarios().err());
        let (rule, _) = wrong(Selection {
            rules: vec!["SS-XYZ-*".into()],
            ..Default::default()
        });
        assert!(rule.unwrap().to_string().contains("SS-XYZ-*"));
        let (_, scenario) = wrong(Selection {
            scenarios: vec!["nothing".into()],
            ..Default::default()
        });
        assert!(scenario.unwrap().to_string().contains("ordinal list scenarios"));
        let (profile, scenario) = wrong(Selection {
            profiles: vec!["order".into()],
            ..Default::default()
        });
        assert!(profile.unwrap().to_string().contains("ordering"));
        assert!(scenario.unwrap().to_string().contains("ordering"));
        let both = Selection {
            profiles: vec!["ordering".into()],
            rules: vec!["DN-*".into()],
            ..Default::default()
        };
        assert_eq!(both.rules().unwrap_err(), SelectionError::Nothing);
        let empty = Selection {
            profiles: vec!["robustness".into()],
            ..Default::default()
        };
        let refused = empty.rules().unwrap_err().to_string();
        assert!(
            refused.contains("robustness") && !refused.contains("--rule"),
            "{refused}"
        );
    }
}
