//! What the renderers make of the hand-made runs.

use crate::sample::{Run, deviation};
use reports::{Layout, Outcome, human, json};

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn human_certified() {
    snapshot(
        "human-certified",
        &human(&Run::kept().report(), &Layout::default()),
    );
}

#[test]
fn human_violated() {
    snapshot(
        "human-violated",
        &human(&Run::violated().report(), &Layout::default()),
    );
}

#[test]
fn human_inconclusive() {
    snapshot(
        "human-inconclusive",
        &human(&Run::inconclusive().report(), &Layout::default()),
    );
}

#[test]
fn human_known_deviation() {
    snapshot(
        "human-known-deviation",
        &human(&Run::deviating().report(), &Layout::default()),
    );
}

#[test]
fn nothing_that_was_recorded_steers_the_terminal() {
    let mut run = Run::violated();
    let evil = "\u{1b}[8mweb-0\r\u{9b}2J";
    run.scenarios[0].name = evil;
    run.scenarios[0].environment = vec![evil.into()];
    run.scenarios[0].outcome = Outcome::Crashed { reason: evil.into() };
    run.scenarios[1].judgements[1].violations[0].sentence = evil.into();
    run.scenarios[1].judgements[1].violations[0].events[0].text = evil.into();
    run.declarations.known_deviations = vec![deviation(evil, evil)];
    let mut report = run.report();
    report.candidate.name = evil.into();
    report.cluster.version = evil.into();
    report.summary = evil.into();
    let of = |colour| {
        human(
            &report,
            &Layout {
                colour,
                ..Layout::default()
            },
        )
    };
    let plain = of(false);
    assert!(plain.matches("\u{fffd}[8mweb-0").count() > 8, "{plain}");
    assert!(!plain.contains(|character: char| character.is_control() && character != '\n'));
    let coloured = of(true);
    assert!(!coloured.contains("\u{1b}[8m") && !coloured.contains(['\r', '\u{9b}']));
}

#[test]
fn human_respects_the_width() {
    for width in [60, 80, 132] {
        let text = human(&Run::violated().report(), &Layout { colour: false, width });
        let too_long: Vec<&str> = text.lines().filter(|line| line.chars().count() > width).collect();
        // Only what cannot be broken may be longer: the address of the source.
        assert!(
            too_long.iter().all(|line| line.contains("https://")),
            "{width}: {too_long:#?}"
        );
    }
}

#[test]
fn colour_adds_escapes_and_changes_nothing_else() {
    let report = Run::violated().report();
    let layout = Layout::default();
    let coloured = human(
        &report,
        &Layout {
            colour: true,
            ..layout
        },
    );
    assert!(coloured.contains("\u{1b}["));
    let mut plain = String::new();
    let mut escaped = false;
    for letter in coloured.chars() {
        match letter {
            '\u{1b}' => escaped = true,
            'm' if escaped => escaped = false,
            _ if escaped => {}
            _ => plain.push(letter),
        }
    }
    assert_eq!(plain, human(&report, &layout));
    assert!(!plain.contains('\u{1b}'));
}

#[test]
fn json_violated() {
    snapshot("json-violated", &json(&Run::violated().report()).unwrap());
}

#[test]
fn json_inconclusive() {
    snapshot("json-inconclusive", &json(&Run::inconclusive().report()).unwrap());
}
