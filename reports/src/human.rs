//! The report for a terminal.

use crate::{ExitCode, Outcome, Report, RuleReport, Time, Violation, text};
use anstyle::{AnsiColor, Style};
use history::Evidence;
use judging::{Level, Profile, Verdict};
use std::fmt::Write;

/// How the report is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Whether verdicts are coloured (ANSI escapes).
    pub colour: bool,
    /// Columns of the terminal. Below 60 it is laid out for 60.
    pub width: usize,
}

impl Default for Layout {
    /// No colour, 110 columns.
    fn default() -> Self {
        Layout {
            colour: false,
            width: 110,
        }
    }
}

/// Narrower than this, nothing can be read any more.
const NARROWEST: usize = 60;
/// At most this many proofs of one rule are written out; the JSON report has them all.
const SHOWN: usize = 3;
/// Width of the longest verdict.
const VERDICT: usize = "known-deviation".len();

/// The report for a terminal: the verdicts by profile, then every broken rule with its witness, then what remained
/// open and why, and the result in one line at the end, where the eye is.
pub fn human(report: &Report, layout: &Layout) -> String {
    let mut page = Page {
        text: String::new(),
        layout: Layout {
            width: layout.width.max(NARROWEST),
            ..*layout
        },
    };
    page.head(report);
    page.verdicts(report);
    for rule in report.broken() {
        page.broken(report, rule);
    }
    page.remarks(report);
    page.scenarios(report);
    page.list("problems of the candidate file", &report.problems);
    page.summary(report);
    page.text
}

/// Whatever comes from outside, such as names of objects, gets in by [`Page::paragraph`] or [`Page::painted`], which leave no
/// control character in it.
struct Page {
    text: String,
    layout: Layout,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Text that continues under itself after `lead`.
    fn paragraph(&mut self, lead: &str, words: &str) {
        let lead = text::plain(lead);
        let indent = lead.chars().count();
        let width = self.layout.width.saturating_sub(indent).max(20);
        for (place, line) in text::wrapped(words, width).iter().enumerate() {
            let lead = if place == 0 {
                lead.to_string()
            } else {
                " ".repeat(indent)
            };
            self.line(&format!("{lead}{}", text::plain(line)));
        }
    }

    fn painted(&self, style: Style, words: &str) -> String {
        let words = text::plain(words);
        if self.layout.colour {
            format!("{style}{words}{style:#}")
        } else {
            words.into_owned()
        }
    }

    fn head(&mut self, report: &Report) {
        let cluster = &report.cluster;
        let candidate = &report.candidate;
        let version = candidate
            .version
            .as_deref()
            .map(|version| format!(" {version}"))
            .unwrap_or_default();
        let kubernetes = format!("{} {}", cluster.name, cluster.version);
        let time = match (cluster.time, cluster.seed) {
            (Time::Real, _) => "real time".to_owned(),
            (Time::Virtual, None) => "virtual time".to_owned(),
            (Time::Virtual, Some(seed)) => format!("virtual time, seed {seed}"),
        };
        let evidence = match cluster.evidence {
            Evidence::A => "evidence A: every write with its author",
            Evidence::B => "evidence B: watch events only",
        };
        let described = format!("{}{version}: {}", candidate.name, candidate.description);
        self.paragraph("candidate  ", described.trim_end_matches([' ', ':']));
        self.paragraph(
            "cluster    ",
            &format!("{}, {time}, {evidence}", kubernetes.trim_end()),
        );
        if let Some(because) = &cluster.chosen_because {
            self.paragraph("chosen     ", because);
        }
        let patience = report.patience;
        self.paragraph(
            "patience   ",
            &format!(
                "staleness {}, reaction {}, settling {}, DNS {}",
                seconds(patience.staleness_ms),
                seconds(patience.reaction_ms),
                seconds(patience.settle_ms),
                seconds(patience.dns_ms),
            ),
        );
    }

    fn verdicts(&mut self, report: &Report) {
        let id_width = report
            .rules
            .iter()
            .map(|rule| rule.id.len())
            .max()
            .unwrap_or_default();
        for profile in Profile::ALL {
            let rules: Vec<&RuleReport> = report
                .rules
                .iter()
                .filter(|rule| rule.profile == *profile)
                .collect();
            if rules.is_empty() {
                continue;
            }
            self.blank();
            let counts = report.totals.profiles.get(profile).into_iter().flatten();
            let counts: Vec<String> = counts
                .map(|(verdict, count)| format!("{count} {verdict}"))
                .collect();
            self.line(&format!(
                "{}  {}",
                self.painted(Style::new().bold(), profile.name()),
                counts.join(", ")
            ));
            for rule in rules {
                let level = match rule.level {
                    Level::Must => "must  ",
                    Level::Should => "should",
                };
                let verdict = self.painted(style(rule.verdict), &format!("{:VERDICT$}", rule.verdict));
                let lead = format!("  {:id_width$}  {level}  ", rule.id);
                let times = format!("  {:>7}  ", text::grouped(rule.opportunities));
                let taken = lead.chars().count() + VERDICT + times.chars().count();
                let sentence = text::cut(&rule.sentence, self.layout.width.saturating_sub(taken));
                self.line(&format!("{lead}{verdict}{times}{sentence}"));
            }
        }
    }

    fn broken(&mut self, report: &Report, rule: &RuleReport) {
        self.blank();
        let verdict = self.painted(style(rule.verdict), rule.verdict.name());
        let level = match rule.level {
            Level::Must => "must",
            Level::Should => "should",
        };
        self.line(&format!(
            "{} {verdict} ({level}, {})",
            self.painted(Style::new().bold(), &rule.id),
            rule.profile
        ));
        self.paragraph("  promise  ", &rule.sentence);
        for violation in rule.violations.iter().take(SHOWN) {
            self.witness(report, violation);
        }
        if rule.violations.len() > SHOWN {
            let more = rule.violations.len() - SHOWN;
            self.line(&format!("  {more} more of them in the JSON report"));
        }
        self.paragraph("  why      ", &rule.why);
        self.paragraph("  fix      ", &rule.fix);
        self.paragraph("  source   ", &rule.source);
    }

    fn witness(&mut self, report: &Report, violation: &Violation) {
        let file = report
            .scenario(&violation.scenario)
            .and_then(|scenario| scenario.history.as_deref());
        let place = match file {
            Some(file) => format!("{} ({file})", violation.scenario),
            None => violation.scenario.clone(),
        };
        self.paragraph("  found    ", &format!("in {place}: {}", violation.sentence));
        let line_width = violation
            .events
            .iter()
            .map(|event| event.line.to_string().len())
            .max()
            .unwrap_or(1);
        for event in &violation.events {
            let at = event.at.to_string();
            self.paragraph(
                &format!("    {at:>12}  line {:>line_width$}  ", event.line),
                &event.text,
            );
        }
    }

    /// Rules without a verdict of their own making: why, in words.
    fn remarks(&mut self, report: &Report) {
        for (verdict, heading) in [
            (Verdict::Inconclusive, "inconclusive"),
            (Verdict::NotExercised, "not exercised"),
            (Verdict::KnownDeviation, "known deviations"),
            (Verdict::Unsupported, "unsupported"),
        ] {
            let rules: Vec<&RuleReport> = report
                .rules
                .iter()
                .filter(|rule| rule.verdict == verdict)
                .collect();
            let lines: Vec<String> = rules
                .iter()
                .map(|rule| match (verdict, rule.level) {
                    (Verdict::NotExercised, Level::Should) => {
                        format!(
                            "{} (should: needs not be) {}",
                            rule.id,
                            rule.reason.as_deref().unwrap_or_default()
                        )
                    }
                    _ => format!("{} {}", rule.id, rule.reason.as_deref().unwrap_or_default()),
                })
                .collect();
            self.list(heading, &lines);
        }
    }

    fn scenarios(&mut self, report: &Report) {
        let lines: Vec<String> = report
            .scenarios
            .iter()
            .filter_map(|scenario| {
                let explanation = scenario.outcome.explanation()?;
                Some(format!(
                    "{} {}: {explanation}",
                    scenario.name,
                    scenario.outcome.name()
                ))
            })
            .collect();
        self.list("scenarios that did not complete", &lines);
        let faults: Vec<String> = report
            .scenarios
            .iter()
            .filter(|scenario| !matches!(scenario.outcome, Outcome::Environment { .. }))
            .flat_map(|scenario| {
                scenario
                    .environment
                    .iter()
                    .map(|fault| format!("{}: {fault}", scenario.name))
            })
            .collect();
        self.list("faults of the environment", &faults);
    }

    fn list(&mut self, heading: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.blank();
        self.line(&self.painted(Style::new().bold(), heading));
        for line in lines {
            let (lead, words) = line.split_once(' ').unwrap_or((line, ""));
            self.paragraph(&format!("  {lead} "), words);
        }
    }

    fn summary(&mut self, report: &Report) {
        let style = match report.exit_code() {
            ExitCode::Certified => AnsiColor::Green,
            ExitCode::Inconclusive => AnsiColor::Yellow,
            ExitCode::Violated | ExitCode::Usage | ExitCode::HarnessError => AnsiColor::Red,
        };
        self.blank();
        // One line, however long: whoever greps for it must find it.
        self.line(&self.painted(style.on_default().bold(), &report.summary));
    }
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Conformant => AnsiColor::Green.on_default(),
        Verdict::Violated | Verdict::Stalled => AnsiColor::Red.on_default().bold(),
        Verdict::Inconclusive | Verdict::NotExercised => AnsiColor::Yellow.on_default(),
        Verdict::Unsupported | Verdict::KnownDeviation => AnsiColor::Cyan.on_default(),
    }
}

/// `2 s`, `0.25 s`: milliseconds as seconds without needless zeros.
fn seconds(milliseconds: u64) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(text, "{}.{:03}", milliseconds / 1_000, milliseconds % 1_000);
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}
