//! Rules, judgements, witnesses, and the one place where verdicts are decided.
//!
//! A [`Rule`] is one promise, a pure function from a ledger to a [`Judgement`]: how often its trigger occurred, and
//! the violations, each with a [`Witness`]. Judgements of all scenarios together become a [`Verdict`] in
//! [`decide`], and nowhere else.

mod judgement;
mod profile;
mod rule;
mod select;
mod verdict;

pub use judgement::{Citation, Judge, Judgement, Witness};
pub use profile::{Feature, Profile, UnknownName};
pub use rule::{Kind, Level, Rule, judge, judge_all};
pub use select::{NoSuchRule, matches_glob};
pub use verdict::{Decided, Declarations, Judged, KnownDeviation, Verdict, decide};
