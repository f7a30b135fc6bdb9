//! The one place where verdicts are decided.

use crate::{Feature, Judgement, Level, Rule, Witness};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a run says about a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// At least one opportunity, no violation.
    Conformant,
    /// A violation with its witness. Final: no retry can undo it.
    Violated,
    /// The world was quiet and healthy, and the goal was not reached.
    Stalled,
    /// The environment was at fault.
    Inconclusive,
    /// The trigger never occurred.
    NotExercised,
    /// The candidate declares the feature absent.
    Unsupported,
    /// Listed in the candidate file with a reason.
    KnownDeviation,
}

impl Verdict {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Conformant => "conformant",
            Verdict::Violated => "violated",
            Verdict::Stalled => "stalled",
            Verdict::Inconclusive => "inconclusive",
            Verdict::NotExercised => "not-exercised",
            Verdict::Unsupported => "unsupported",
            Verdict::KnownDeviation => "known-deviation",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A deviation that the candidate file admits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDeviation {
    /// Id of the rule.
    pub rule: String,
    /// Why the candidate deviates, with a link where there is one.
    pub reason: String,
}

/// What the candidate says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declarations {
    /// Features that it does not have.
    pub unsupported: Vec<Feature>,
    /// Deviations that it admits.
    pub known_deviations: Vec<KnownDeviation>,
}

/// What one rule found in one scenario.
#[derive(Clone, Debug)]
pub struct Judged<'a> {
    /// Name of the scenario.
    pub scenario: &'a str,
    /// What was found.
    pub judgement: &'a Judgement,
    /// Faults of the environment in this scenario: image pulls, unschedulable pods, node pressure, API errors.
    pub environment: &'a [String],
}

/// The verdict on a rule, with what led to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The verdict.
    pub verdict: Verdict,
    /// Opportunities over all scenarios.
    pub opportunities: u64,
    /// Proof: violations, then stalls, each with the scenario it happened in.
    pub proof: Vec<(String, Witness)>,
    /// Why it is inconclusive, unsupported or known.
    pub reason: Option<String>,
}

/// Decides the verdict on `rule` from what all scenarios showed.
pub fn decide(rule: &Rule, judged: &[Judged<'_>], declared: &Declarations) -> Decided {
    let opportunities = judged.iter().map(|one| one.judgement.opportunities).sum();
    let collect = |of: fn(&Judgement) -> &Vec<Witness>| -> Vec<(String, Witness)> {
        judged
            .iter()
            .flat_map(|one| {
                of(one.judgement)
                    .iter()
                    .map(|witness| (one.scenario.to_owned(), witness.clone()))
            })
            .collect()
    };
    let violations = collect(|judgement| &judgement.violations);
    // A goal missed in an environment at fault proves nothing about the candidate.
    let (excused, stalled): (Vec<_>, Vec<_>) = judged
        .iter()
        .filter(|one| !one.judgement.stalls.is_empty())
        .partition(|one| !one.environment.is_empty());
    let stalls: Vec<(String, Witness)> = stalled
        .iter()
        .flat_map(|one| {
            one.judgement
                .stalls
                .iter()
                .map(|witness| (one.scenario.to_owned(), witness.clone()))
        })
        .collect();
    let decided = |verdict, proof: Vec<(String, Witness)>, reason: Option<String>| Decided {
        verdict,
        opportunities,
        proof,
        reason,
    };

    if let Some(feature) = rule
        .needs
        .iter()
        .find(|feature| declared.unsupported.contains(feature))
    {
        return decided(
            Verdict::Unsupported,
            Vec::new(),
            Some(format!("{feature} is declared unsupported")),
        );
    }
    let broken: Vec<(String, Witness)> = violations.iter().chain(&stalls).cloned().collect();
    if let Some(known) = declared
        .known_deviations
        .iter()
        .find(|known| known.rule == rule.id)
    {
        return match (broken.is_empty(), opportunities) {
            (false, _) => decided(Verdict::KnownDeviation, broken, Some(known.reason.clone())),
            (true, 0) => decided(Verdict::NotExercised, broken, None),
            // The entry is stale: the promise is kept. The run reports that as an error of the candidate file.
            (true, _) => decided(
                Verdict::Conformant,
                broken,
                Some("listed as a known deviation, but kept".into()),
            ),
        };
    }
    if !violations.is_empty() {
        return decided(Verdict::Violated, broken, None);
    }
    if !stalls.is_empty() {
        return decided(Verdict::Stalled, broken, None);
    }
    let excuse = excused
        .first()
        .and_then(|one| Some(format!("{}: {}", one.scenario, one.environment.first()?)))
        .or_else(|| {
            judged
                .iter()
                .find_map(|one| Some(format!("{}: {}", one.scenario, one.judgement.unclear.first()?)))
        });
    match (excuse, opportunities) {
        (Some(reason), _) => decided(Verdict::Inconclusive, Vec::new(), Some(reason)),
        (None, 0) => decided(Verdict::NotExercised, Vec::new(), None),
        (None, _) => decided(Verdict::Conformant, Vec::new(), None),
    }
}

impl Decided {
    /// Whether a certificate can be given with this verdict on a rule of `level`.
    pub fn certifies(&self, level: Level) -> bool {
        match self.verdict {
            Verdict::Conformant | Verdict::Unsupported | Verdict::KnownDeviation => true,
            Verdict::NotExercised => level == Level::Should,
            Verdict::Violated | Verdict::Stalled | Verdict::Inconclusive => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Profile};

    const RULE: Rule = Rule {
        id: "SS-ORD-01",
        sentence: "",
        why: "",
        source: "",
        fix: "",
        profile: Profile::Ordering,
        level: Level::Must,
        kind: Kind::Safety,
        needs: &[Feature::Parallel],
        reads: &[],
        check: |_, _| {},
    };

    fn witness() -> Vec<Witness> {
        vec![Witness {
            sentence: "pod 1 came too early".into(),
            events: Vec::new(),
        }]
    }

    fn verdict(judgement: Judgement, environment: &[String], declared: &Declarations) -> Verdict {
        decide(
            &RULE,
            &[Judged {
                scenario: "s",
                judgement: &judgement,
                environment,
            }],
            declared,
        )
        .verdict
    }

    #[test]
    fn a_rule_that_was_not_exercised_is_never_kept() {
        assert_eq!(
            verdict(Judgement::default(), &[], &Declarations::default()),
            Verdict::NotExercised
        );
        let decided = decide(&RULE, &[], &Declarations::default());
        assert!(!decided.certifies(Level::Must));
    }

    #[test]
    fn a_violation_is_final_even_where_the_environment_was_at_fault() {
        let judgement = Judgement {
            opportunities: 5,
            violations: witness(),
            ..Judgement::default()
        };
        assert_eq!(
            verdict(judgement, &["node pressure".into()], &Declarations::default()),
            Verdict::Violated
        );
    }

    #[test]
    fn a_missed_goal_in_a_faulty_environment_is_inconclusive() {
        let judgement = Judgement {
            opportunities: 1,
            stalls: witness(),
            ..Judgement::default()
        };
        assert_eq!(
            verdict(judgement.clone(), &[], &Declarations::default()),
            Verdict::Stalled
        );
        assert_eq!(
            verdict(judgement, &["image pull".into()], &Declarations::default()),
            Verdict::Inconclusive
        );
    }

    #[test]
    fn what_could_not_be_judged_is_inconclusive_and_not_kept() {
        let judgement = Judgement {
            opportunities: 1,
            unclear: vec!["410".into()],
            ..Judgement::default()
        };
        assert_eq!(
            verdict(judgement, &[], &Declarations::default()),
            Verdict::Inconclusive
        );
    }

    #[test]
    fn declared_features_and_deviations_are_respected() {
        let broken = Judgement {
            opportunities: 1,
            violations: witness(),
            ..Judgement::default()
        };
        let unsupported = Declarations {
            unsupported: vec![Feature::Parallel],
            ..Declarations::default()
        };
        assert_eq!(verdict(broken.clone(), &[], &unsupported), Verdict::Unsupported);
        let known = Declarations {
            known_deviations: vec![KnownDeviation {
                rule: "SS-ORD-01".into(),
                reason: "#1".into(),
            }],
            ..Declarations::default()
        };
        assert_eq!(verdict(broken, &[], &known), Verdict::KnownDeviation);
        let kept = Judgement {
            opportunities: 1,
            ..Judgement::default()
        };
        assert_eq!(verdict(kept, &[], &known), Verdict::Conformant);
    }
}
