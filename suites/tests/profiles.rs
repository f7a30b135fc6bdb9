//! Who chooses a profile runs fewer scenarios, and gets a certificate all the same.

use judging::Profile;
use rstest::rstest;
use suites::{CancellationToken, Candidate, Plan, Selection, Time, human, plan, rules, scenarios};

/// A profile without a rule that occurs in some scenario; the robust are tried by no scenario yet.
const EMPTY: [Profile; 1] = [Profile::Robustness];

#[rstest]
fn every_rule_of_a_profile_is_exercised_by_its_scenarios(
    #[values(
        "ordering",
        "identity",
        "network-identity",
        "persistence",
        "scaling",
        "update",
        "retention",
        "repair",
        "ownership",
        "status",
        "daemonset"
    )]
    profile: &str,
) {
    let selection = Selection {
        profiles: vec![profile.into()],
        ..Selection::default()
    };
    let plan = Plan {
        scenarios: selection.scenarios().expect("scenarios"),
        rules: selection.rules().expect("rules"),
        time: Time::Virtual { seed: 1 },
        jobs: 2,
        ..plan(Candidate::reference())
    };
    assert!(plan.scenarios.len() < scenarios::all().len() / 2, "{profile}");
    let run = engine::run(&plan, &CancellationToken::new(), &|_| {}).expect("a run");
    assert!(run.report.certified(), "{}", human(&run.report));
}

#[test]
fn every_profile_is_tried_or_empty() {
    for profile in Profile::ALL {
        let tried = scenarios::all()
            .iter()
            .any(|scenario| scenario.serves(&[*profile]));
        assert_ne!(tried, EMPTY.contains(profile), "{profile}");
        let judged = rules::all().iter().any(|rule| rule.profile == *profile);
        assert_ne!(judged, EMPTY.contains(profile), "{profile}");
    }
}
