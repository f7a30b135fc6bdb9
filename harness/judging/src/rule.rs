//! A promise that can be judged.

use crate::{Feature, Judge, Judgement, Profile};
use history::Ledger;
use serde::{Deserialize, Serialize};

/// How much a promise binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Documented or tested upstream: no certificate without it.
    Must,
    /// Only the reference implementation shows it, nothing promises it; a candidate file may relax it.
    Should,
}

/// What kind of property a promise is (specification 0.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Holds at every point of the history.
    Safety,
    /// Holds eventually, within a bound.
    Liveness,
    /// Both.
    SafetyAndLiveness,
    /// Nothing happens in a quiet window.
    Quiescence,
}

/// One promise: a pure function from a ledger to a judgement, with everything a reader needs to know about it.
#[derive(Debug)]
pub struct Rule {
    /// Id of the behaviour in the specification.
    pub id: &'static str,
    /// The promise, in one sentence.
    pub sentence: &'static str,
    /// Why it matters to somebody who runs a database on it.
    pub why: &'static str,
    /// Where it is promised.
    pub source: &'static str,
    /// What usually is wrong in a controller that breaks it, and what to do.
    pub fix: &'static str,
    /// The profile it belongs to.
    pub profile: Profile,
    /// How much it binds.
    pub level: Level,
    /// What kind of property it is.
    pub kind: Kind,
    /// Features without which the promise makes no sense.
    pub needs: &'static [Feature],
    /// Plural names of the resources it reads besides the set and its pods: a hole in one of them makes it unclear.
    pub reads: &'static [&'static str],
    /// The check.
    pub check: fn(&Ledger, &mut Judge<'_>),
}

/// Judges one rule on one history. A hole in a watch that the rule depends on turns kept promises into unclear ones;
/// a violation that was seen before it stays a violation. What seems to be missing after it may merely not have been seen.
pub fn judge(rule: &Rule, ledger: &Ledger) -> Judgement {
    let mut judge = Judge::new(ledger);
    (rule.check)(ledger, &mut judge);
    for hole in ledger.holes() {
        let (resource, reason) = (&hole.gap.resource, &hole.gap.reason);
        let concerns = resource == "pods"
            || *resource == ledger.subject().resource
            || rule.reads.contains(&resource.as_str());
        let told = format!("the watch on {resource} was cut: {reason}");
        if concerns {
            judge.doubt(hole.after, told);
        } else if resource == "events" {
            // There the candidate says what was refused to it.
            judge.excuse(hole.after, told);
        }
    }
    judge.finish()
}

/// Judges every rule on one history, in the order of the rules.
pub fn judge_all(rules: &[&Rule], ledger: &Ledger) -> Vec<Judgement> {
    rules.iter().map(|rule| judge(rule, ledger)).collect()
}
