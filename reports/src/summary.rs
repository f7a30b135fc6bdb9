//! The result of a run in one line.

use crate::{Outcome, RuleReport, ScenarioReport, Totals, text};
use judging::{Level, Verdict};

/// At most this many rules of one verdict are named in the summary.
const NAMED: usize = 4;

/// `certified: …` or `NOT certified: …`.
pub(crate) fn summary(
    rules: &[RuleReport],
    scenarios: &[ScenarioReport],
    totals: &Totals,
    obstacles: &[String],
    seconds: f64,
) -> String {
    let count = |verdict| totals.verdicts.get(&verdict).copied().unwrap_or_default();
    if obstacles.is_empty() {
        let mut words = format!(
            "certified: {} kept in {}, {}, {seconds:.1} s",
            text::count(count(Verdict::Conformant) as u64, "rule"),
            text::count(totals.completed as u64, "scenario"),
            text::many(totals.opportunities, "opportunity", "opportunities"),
        );
        for (verdict, what) in [
            (Verdict::NotExercised, "optional and not exercised"),
            (Verdict::Unsupported, "unsupported"),
            (Verdict::KnownDeviation, "known to deviate"),
        ] {
            if count(verdict) > 0 {
                words += &format!("; {} {what}", text::count(count(verdict) as u64, "rule"));
            }
        }
        return words;
    }
    let mut parts = Vec::new();
    for verdict in [
        Verdict::Violated,
        Verdict::Stalled,
        Verdict::Inconclusive,
        Verdict::NotExercised,
    ] {
        let of_verdict = |rule: &&RuleReport| {
            rule.verdict == verdict && (verdict != Verdict::NotExercised || rule.level == Level::Must)
        };
        let ids: Vec<&str> = rules
            .iter()
            .filter(of_verdict)
            .map(|rule| rule.id.as_str())
            .collect();
        if ids.is_empty() {
            continue;
        }
        let mut named = ids.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        if ids.len() > NAMED {
            named += &format!(" and {} more", ids.len() - NAMED);
        }
        parts.push(format!("{named} {}", verdict.name().replace('-', " ")));
    }
    let unfinished: Vec<&str> = scenarios
        .iter()
        .filter(|one| !matches!(one.outcome, Outcome::Completed | Outcome::Skipped { .. }))
        .map(|one| one.name.as_str())
        .collect();
    match unfinished.as_slice() {
        [] => {}
        [only] => parts.push(format!("scenario {only} did not complete")),
        [first, rest @ ..] => {
            parts.push(format!(
                "scenarios {first} and {} more did not complete",
                rest.len()
            ));
        }
    }
    if parts.is_empty() {
        parts.push(match obstacles {
            [only] => only.clone(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
            [] => String::new(),
        });
    }
    let nothing_broken = count(Verdict::Violated) + count(Verdict::Stalled) == 0;
    let preface = if nothing_broken {
        "nothing was found broken, but "
    } else {
        ""
    };
    format!("NOT certified: {preface}{}", parts.join("; "))
}
