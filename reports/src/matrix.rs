//! Several runs side by side: one line each.

use crate::{ExitCode, Report, text};
use judging::Verdict;

/// One of several runs.
pub struct Row<'a> {
    /// What tells it from the others, such as a version.
    pub name: &'a str,
    /// Its report, or why there is none.
    pub outcome: Result<&'a Report, &'a str>,
}

/// The runs as a table, with a line end.
pub fn matrix(rows: &[Row<'_>]) -> String {
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let mut text = format!(
        "{:width$}  {:13} {:>5} {:>7} {:>12} {:>7} {:>13} {:>9}\n",
        "", "", "kept", "broken", "inconclusive", "stalled", "not exercised", "seconds"
    );
    for row in rows {
        let line = match row.outcome {
            Err(reason) => format!(
                "{:width$}  no report: {}",
                row.name,
                text::plain(&text::cut(reason, LONGEST))
            ),
            Ok(report) => line(row.name, width, report),
        };
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A reason is told in full where it happens; here so much of it.
const LONGEST: usize = 160;

fn line(name: &str, width: usize, report: &Report) -> String {
    let count = |verdict| report.totals.verdicts.get(&verdict).copied().unwrap_or_default();
    let verdict = if report.certified {
        "certified"
    } else {
        "NOT certified"
    };
    format!(
        "{name:width$}  {verdict:13} {:5} {:7} {:12} {:7} {:13} {:9.1}",
        count(Verdict::Conformant),
        count(Verdict::Violated),
        count(Verdict::Inconclusive),
        count(Verdict::Stalled),
        count(Verdict::NotExercised),
        report.seconds,
    )
}

/// The exit code of several runs: that of the worst. What was found broken stays broken however the others ended, so a
/// violation is worse than a run that could not be finished; only a defect of the harness is worse still.
pub fn worst(codes: impl IntoIterator<Item = ExitCode>) -> ExitCode {
    let badness = |code: &ExitCode| match code {
        ExitCode::Certified => 0,
        ExitCode::Inconclusive => 1,
        ExitCode::Violated => 2,
        ExitCode::Usage => 3,
        ExitCode::HarnessError => 4,
    };
    codes
        .into_iter()
        .max_by_key(badness)
        .unwrap_or(ExitCode::Certified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_outweighs_what_could_not_be_found_out() {
        use ExitCode::{Certified, HarnessError, Inconclusive, Violated};
        assert_eq!(worst([Certified, Certified]), Certified);
        assert_eq!(worst([Certified, Inconclusive]), Inconclusive);
        assert_eq!(worst([Inconclusive, Violated, Certified]), Violated);
        assert_eq!(worst([Violated, HarnessError]), HarnessError);
    }

    #[test]
    fn a_run_without_report_has_its_line_too() {
        let rows = [Row {
            name: "v1.36.2",
            outcome: Err("the image is not here"),
        }];
        let table = matrix(&rows);
        assert!(
            table.contains("v1.36.2  no report: the image is not here"),
            "{table}"
        );
        assert_eq!(table.lines().count(), 2);
    }
}
