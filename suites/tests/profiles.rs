//! Who chooses a profile runs fewer scenarios, and loses no rule by it.

use engine::{CancellationToken, Run, cluster::Capability};
use judging::{Feature, Profile, Rule};
use std::collections::BTreeSet;
use suites::{Candidate, Plan, Scenario, Time, human, plan, rules, scenarios};

/// Profiles that have neither a rule nor a scenario yet.
const EMPTY: [Profile; 1] = [Profile::Robustness];

/// What clusters lack: nothing, what any single real node lacks, and more and more of what one may lack besides.
const LACKING: [&[Capability]; 4] = [
    &[],
    &[Capability::NodeLoss, Capability::StaticVolumes],
    &[
        Capability::NodeLoss,
        Capability::StaticVolumes,
        Capability::SeveralNodes,
    ],
    &[
        Capability::NodeLoss,
        Capability::StaticVolumes,
        Capability::SeveralNodes,
        Capability::Dns,
        Capability::DataPlane,
    ],
];

/// Ids of the rules of a profile that are exercised in the scenarios that are chosen.
fn exercised(run: &Run, profile: Profile, chosen: impl Fn(&Scenario) -> bool) -> BTreeSet<&'static str> {
    let all = scenarios::all();
    let mut found = BTreeSet::new();
    for performed in &run.performed {
        let scenario = all.iter().find(|scenario| scenario.name == performed.name);
        let Some(recorded) = performed
            .recorded
            .as_ref()
            .filter(|_| scenario.is_some_and(&chosen))
        else {
            continue;
        };
        let judged = rules::all().into_iter().zip(&recorded.judgements);
        found.extend(
            judged
                .filter(|(rule, judgement)| rule.profile == profile && judgement.opportunities > 0)
                .map(|(rule, _)| rule.id),
        );
    }
    found
}

#[test]
fn a_rule_that_is_exercised_at_all_is_exercised_by_the_scenarios_of_its_profile() {
    let plan = Plan {
        time: Time::Virtual { seed: 1 },
        jobs: 2,
        ..plan(Candidate::reference())
    };
    let run = engine::run(&plan, &CancellationToken::new(), &|_| {}).expect("a run");
    assert!(run.report.certified(), "{}", human(&run.report));
    let features = || std::iter::once(None).chain(Feature::ALL.iter().map(Some));
    let mut lost = Vec::new();
    for profile in Profile::ALL {
        for (lacking, unsupported) in LACKING
            .iter()
            .flat_map(|lacking| features().map(move |feature| (lacking, feature)))
        {
            let runs = |scenario: &Scenario| {
                scenario.needs.iter().all(|need| !lacking.contains(need))
                    && unsupported.is_none_or(|feature| !scenario.features.contains(feature))
            };
            let counts = |rule: &&&Rule| unsupported.is_none_or(|feature| !rule.needs.contains(feature));
            let counting: BTreeSet<&str> = rules::all().iter().filter(counts).map(|rule| rule.id).collect();
            let at_all = exercised(&run, *profile, runs);
            let by_its_own = exercised(&run, *profile, |scenario| {
                runs(scenario) && scenario.serves(&[*profile])
            });
            for rule in at_all
                .difference(&by_its_own)
                .filter(|rule| counting.contains(*rule))
            {
                lost.push(format!("{profile}: {rule} without {lacking:?} {unsupported:?}"));
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn a_profile_is_less_than_half_of_everything_or_nothing() {
    for profile in Profile::ALL {
        let written_for_it = scenarios::all()
            .iter()
            .filter(|scenario| scenario.serves(&[*profile]))
            .count();
        assert!(written_for_it < scenarios::all().len() / 2, "{profile}");
        let judged = rules::all().iter().any(|rule| rule.profile == *profile);
        let is_empty = EMPTY.contains(profile);
        assert_eq!((written_for_it == 0, !judged), (is_empty, is_empty), "{profile}");
    }
}
