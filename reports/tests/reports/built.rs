//! Certificates, obstacles and exit codes.

use crate::sample::{RULES, Run, deviation, too_early};
use judging::{Declarations, Feature, Verdict};
use pretty_assertions::assert_eq;
use reports::{ExitCode, NotAReport, Outcome, Report, json};

fn exit_code(run: &Run) -> u8 {
    run.report().exit_code().code()
}

fn verdict(report: &Report, id: &str) -> Verdict {
    report.rules.iter().find(|rule| rule.id == id).unwrap().verdict
}

#[test]
fn a_run_that_keeps_every_rule_is_certified() {
    let report = Run::kept().report();
    assert!(report.certified());
    assert_eq!(report.obstacles, Vec::<String>::new());
    assert_eq!(report.exit_code(), ExitCode::Certified);
    assert_eq!(report.exit_code().code(), 0);
    assert_eq!(
        report.summary,
        "certified: 5 rules kept in 2 scenarios, 1 222 opportunities, 7.9 s"
    );
}

#[test]
fn a_violated_rule_ends_with_1_and_is_named() {
    let report = Run::violated().report();
    assert!(!report.certified());
    assert_eq!(report.exit_code().code(), 1);
    assert_eq!(report.summary, "NOT certified: SS-ORD-03 violated");
    assert_eq!(
        report.obstacles,
        [format!(
            "SS-ORD-03 is violated in rolling-update: {}",
            too_early().sentence
        )]
    );
}

#[test]
fn a_history_that_is_not_kept_costs_the_certificate_and_excuses_nothing() {
    let lost = "writing out/histories/create-ordered.jsonl failed: No space left on device; free space there";
    let of = |mut run: Run| {
        run.scenarios[0].lost_history = Some(lost.into());
        run.report()
    };
    let report = of(Run::kept());
    assert_eq!(report.exit_code().code(), 3);
    assert_eq!(
        report.obstacles,
        [format!(
            "the history of scenario create-ordered is not kept: {lost}"
        )]
    );
    assert_eq!(report.scenarios[0].environment, [lost]);
    assert_eq!(of(Run::stalled()).exit_code().code(), 1);
    assert_eq!(of(Run::violated()).exit_code().code(), 1);
}

#[test]
fn a_stalled_rule_ends_with_1() {
    let report = Run::stalled().report();
    assert_eq!(verdict(&report, "SS-ORD-01"), Verdict::Stalled);
    assert_eq!(report.exit_code().code(), 1);
}

#[test]
fn a_violated_rule_that_only_should_be_kept_is_no_certificate_either() {
    let mut run = Run::kept();
    run.scenarios[1].judgements[3].violations = vec![too_early()];
    assert_eq!(exit_code(&run), 1);
}

#[test]
fn a_violation_outweighs_what_is_inconclusive() {
    let mut run = Run::inconclusive();
    run.scenarios[1].judgements[1].violations = vec![too_early()];
    assert_eq!(exit_code(&run), 1);
}

#[test]
fn a_must_rule_that_was_not_exercised_is_no_certificate() {
    let mut run = Run::kept();
    for scenario in &mut run.scenarios {
        scenario.judgements[4].opportunities = 0;
    }
    let report = run.report();
    assert_eq!(report.exit_code().code(), 3);
    assert_eq!(
        report.summary,
        "NOT certified: nothing was found broken, but SS-PVC-01 not exercised"
    );
    assert_eq!(
        report.obstacles,
        ["SS-PVC-01 was not exercised: its trigger did not occur in any of the 2 scenarios that ran"]
    );
}

#[test]
fn a_should_rule_that_was_not_exercised_does_not_matter() {
    let mut run = Run::kept();
    run.scenarios[1].judgements[3].opportunities = 0;
    assert_eq!(exit_code(&run), 0);
    assert!(
        run.report()
            .summary
            .ends_with("; 1 rule optional and not exercised")
    );
}

#[test]
fn a_scenario_that_did_not_complete_is_inconclusive_although_every_rule_is_kept() {
    for outcome in [
        Outcome::Failed {
            waited_for: "web-2 to be Ready".into(),
            last_seen: "web-2 Pending".into(),
            why: "10 s passed".into(),
        },
        Outcome::Environment {
            reason: "the image could not be pulled".into(),
        },
    ] {
        let mut run = Run::kept();
        run.scenarios[0].outcome = outcome;
        let report = run.report();
        assert_eq!(report.exit_code().code(), 3, "{:?}", report.obstacles);
        assert!(
            report.summary.contains("scenario create-ordered"),
            "{}",
            report.summary
        );
        assert_eq!(report.totals.completed, 1);
    }
}

#[test]
fn a_scenario_that_was_skipped_costs_only_the_rules_that_nothing_else_exercises() {
    let mut run = Run::kept();
    run.scenarios[0].outcome = Outcome::Skipped {
        reason: "the cluster has no DNS".into(),
    };
    run.scenarios[0].judgements.clear();
    assert_eq!(exit_code(&run), 0);
}

#[test]
fn a_candidate_that_ended_is_inconclusive_unless_something_is_proven() {
    let crashed = |mut run: Run| {
        run.scenarios[0].outcome = Outcome::Crashed {
            reason: "exit status 101".into(),
        };
        run
    };
    assert_eq!(exit_code(&crashed(Run::kept())), 3);
    assert_eq!(exit_code(&crashed(Run::stalled())), 1);
    assert_eq!(exit_code(&crashed(Run::violated())), 1);
}

#[test]
fn a_goal_missed_in_a_faulty_environment_is_inconclusive() {
    let mut run = Run::stalled();
    run.scenarios[0].outcome = Outcome::Environment {
        reason: "the node was under memory pressure".into(),
    };
    let report = run.report();
    assert_eq!(verdict(&report, "SS-ORD-01"), Verdict::Inconclusive);
    assert_eq!(report.exit_code().code(), 3);
}

#[test]
fn nothing_selected_is_nothing_certified() {
    let mut run = Run::kept();
    run.rules.clear();
    run.scenarios
        .iter_mut()
        .for_each(|scenario| scenario.judgements.clear());
    let report = run.report();
    assert_eq!(report.exit_code().code(), 3);
    assert!(
        report.summary.contains("nothing was exercised"),
        "{}",
        report.summary
    );
}

#[test]
fn a_known_deviation_does_not_stand_in_the_way() {
    let report = Run::deviating().report();
    assert_eq!(verdict(&report, "SS-ORD-03"), Verdict::KnownDeviation);
    assert_eq!(verdict(&report, "SS-PAR-01"), Verdict::Unsupported);
    assert_eq!(report.exit_code().code(), 0);
}

#[test]
fn stale_unknown_double_and_overlapping_deviations_are_errors() {
    let problem_of = |known: &[&str], unsupported: &[Feature]| {
        let mut run = Run::violated();
        run.declarations = Declarations {
            unsupported: unsupported.into(),
            known_deviations: known.iter().map(|id| deviation(id, "because")).collect(),
        };
        let report = run.report();
        (report.problems.join("; "), report.exit_code().code())
    };
    assert_eq!(problem_of(&["SS-ORD-03"], &[]), (String::new(), 0));
    for (known, unsupported, words) in [
        (
            &["SS-ORD-03", "SS-ORD-01"][..],
            &[][..],
            "SS-ORD-01 is not there: the rule was exercised and kept",
        ),
        (&["SS-ORD-03", "SS-ORD-3"], &[], "SS-ORD-3 matches no rule"),
        (&["SS-ORD-03", "SS-ORD-03"], &[], "SS-ORD-03 is listed twice"),
        (
            &["SS-ORD-03", "SS-PAR-01"],
            &[Feature::Parallel],
            "SS-PAR-01 overlaps",
        ),
    ] {
        let (problem, code) = problem_of(known, unsupported);
        assert!(problem.contains(words), "{known:?}: {problem}");
        assert_eq!(code, 2, "{known:?}");
    }
}

#[test]
fn a_deviation_of_a_rule_that_was_not_selected_is_no_error() {
    let mut run = Run::violated();
    run.declarations.known_deviations = vec![deviation("SS-ORD-03", "because")];
    run.rules.truncate(1);
    assert_eq!(run.report().problems, Vec::<String>::new());
    assert_eq!(exit_code(&run), 0);
}

#[test]
fn totals_count_every_rule_once() {
    let report = Run::inconclusive().report();
    assert_eq!(report.totals.rules, RULES.len());
    assert_eq!(report.totals.verdicts.values().sum::<usize>(), RULES.len());
    let by_profile = report
        .totals
        .profiles
        .values()
        .flat_map(|verdicts| verdicts.values())
        .sum::<usize>();
    assert_eq!(by_profile, RULES.len());
    assert_eq!(report.totals.events, 3 * 231);
}

#[test]
fn a_report_survives_being_written_and_read() {
    for run in [
        Run::kept(),
        Run::violated(),
        Run::stalled(),
        Run::inconclusive(),
        Run::deviating(),
    ] {
        let report = run.report();
        assert_eq!(Report::from_json(&json(&report).unwrap()).unwrap(), report);
    }
}

#[test]
fn a_report_of_another_format_is_refused() {
    let text = json(&Run::kept().report())
        .unwrap()
        .replace(reports::FORMAT, "ordinal.report/9");
    let error = Report::from_json(&text).unwrap_err();
    assert!(
        matches!(&error, NotAReport::Format(format) if format == "ordinal.report/9"),
        "{error}"
    );
    assert!(matches!(Report::from_json("{}"), Err(NotAReport::Shape(_))));
}
