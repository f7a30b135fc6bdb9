//! Hand-made runs: three rules that must be kept, two that should be, two scenarios.

use history::{Elapsed, Evidence, Patience};
use judging::{
    Citation, Declarations, Feature, Judgement, Kind, KnownDeviation, Level, Profile, Rule, Witness,
};
use reports::{CandidateFacts, ClusterFacts, Outcome, Report, RunFacts, ScenarioFacts, Time};

const fn rule(id: &'static str, profile: Profile, level: Level, sentence: &'static str) -> Rule {
    Rule {
        id,
        sentence,
        why: "A database forms its cluster from the first member on; members that start side by side each found \
              a cluster of their own.",
        source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/",
        fix: "Return after the first pod that is not both Running and Ready.",
        profile,
        level,
        kind: Kind::Safety,
        needs: &[],
        reads: &[],
        check: |_, _| {},
    }
}

static CREATE: Rule = rule(
    "SS-ORD-01",
    Profile::Ordering,
    Level::Must,
    "Pod i+1 is created only after pod i exists.",
);
static READY: Rule = rule(
    "SS-ORD-03",
    Profile::Ordering,
    Level::Must,
    "While a predecessor is Running but not Ready, no pod above it is created.",
);
static CLAIM: Rule = rule(
    "SS-PVC-01",
    Profile::Persistence,
    Level::Must,
    "Each pod gets one claim per template, named <template>-<set>-<ordinal>, and it is created before the pod.",
);
static PARALLEL: Rule = Rule {
    needs: &[Feature::Parallel],
    ..rule(
        "SS-PAR-01",
        Profile::Scaling,
        Level::Should,
        "Parallel sets start all their pods at once.",
    )
};
static REVISION: Rule = rule(
    "SS-REV-04",
    Profile::Update,
    Level::Should,
    "Returning to an earlier template uses its revision again and raises its number.",
);

/// In the order of the specification.
pub(crate) static RULES: [&Rule; 5] = [&CREATE, &READY, &PARALLEL, &REVISION, &CLAIM];

/// A run that can be changed before it is reported.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) rules: Vec<&'static Rule>,
    pub(crate) declarations: Declarations,
    pub(crate) scenarios: Vec<Scenario>,
}

#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) judgements: Vec<Judgement>,
    pub(crate) environment: Vec<String>,
    pub(crate) lost_history: Option<String>,
}

fn kept(opportunities: u64) -> Judgement {
    Judgement {
        opportunities,
        ..Judgement::default()
    }
}

/// What was too early, with the two events that prove it.
pub(crate) fn too_early() -> Witness {
    let cited = |line, at, text: &str| Citation {
        line,
        at: Elapsed::from_micros(at),
        text: text.into(),
    };
    Witness {
        sentence: "web-1 was created 12 ms after web-0, which was Running but not Ready".into(),
        events: vec![
            cited(
                98,
                12_333_000,
                "pod web-0 MODIFIED: Running but not Ready, revision web-6d8f",
            ),
            cited(
                231,
                12_345_100,
                "pod web-1 ADDED: Pending, revision web-6d8f, in a namespace whose name is so long that the text \
                 needs a second line",
            ),
        ],
    }
}

impl Run {
    /// Everything exercised, everything kept.
    pub(crate) fn kept() -> Run {
        let scenario = |name, judgements: [u64; 5]| Scenario {
            name,
            outcome: Outcome::Completed,
            judgements: judgements.map(kept).into(),
            environment: Vec::new(),
            lost_history: None,
        };
        Run {
            rules: RULES.into(),
            declarations: Declarations::default(),
            scenarios: vec![
                scenario("create-ordered", [3, 2, 0, 0, 3]),
                scenario("rolling-update", [1_200, 6, 4, 1, 3]),
            ],
        }
    }

    /// One Must rule broken, with its witness.
    pub(crate) fn violated() -> Run {
        let mut run = Run::kept();
        run.scenarios[1].judgements[1].violations = vec![too_early()];
        run
    }

    /// A goal missed in a quiet world.
    pub(crate) fn stalled() -> Run {
        let mut run = Run::kept();
        run.scenarios[0].judgements[0].stalls = vec![Witness {
            sentence: "web-1 was not created within 10 s after web-0 was Ready".into(),
            events: Vec::new(),
        }];
        run
    }

    /// One rule unclear, one never exercised, one scenario not run and one not completed.
    pub(crate) fn inconclusive() -> Run {
        let mut run = Run::kept();
        run.scenarios[0].judgements[0].unclear = vec!["the watch on pods was cut: 410 Gone".into()];
        run.scenarios[0].outcome = Outcome::Failed {
            waited_for: "web-2 to be Ready".into(),
            last_seen: "web-0 Ready, web-1 Ready, web-2 Pending".into(),
            why: "nothing happened for 10 s".into(),
        };
        run.scenarios[0].environment = vec!["web-2: FailedScheduling: 0/1 nodes are available".into()];
        for scenario in &mut run.scenarios {
            scenario.judgements[4].opportunities = 0;
            scenario.judgements[3].opportunities = 0;
        }
        run.scenarios.push(Scenario {
            name: "node-loss",
            outcome: Outcome::Skipped {
                reason: "the cluster cannot lose a node".into(),
            },
            judgements: Vec::new(),
            environment: Vec::new(),
            lost_history: None,
        });
        run
    }

    /// A deviation that the candidate admits, and a feature it does not have.
    pub(crate) fn deviating() -> Run {
        let mut run = Run::violated();
        run.declarations = Declarations {
            unsupported: vec![Feature::Parallel],
            known_deviations: vec![deviation(
                "SS-ORD-03",
                "starts the next pod early; see our issue 12",
            )],
        };
        run
    }

    /// The report.
    pub(crate) fn report(&self) -> Report {
        Report::build(RunFacts {
            cluster: ClusterFacts {
                name: "embedded".into(),
                version: "v1.35.3".into(),
                capabilities: vec!["cluster DNS".into(), "several nodes".into()],
                time: Time::Virtual,
                seed: Some(7),
                evidence: Evidence::A,
                chosen_because: None,
            },
            candidate: CandidateFacts {
                name: "reference".into(),
                version: Some("0.1.0".into()),
                description: "Ordinal's reference controllers".into(),
                declarations: self.declarations.clone(),
            },
            rules: &self.rules,
            all_rules: &RULES,
            scenarios: self
                .scenarios
                .iter()
                .map(|scenario| ScenarioFacts {
                    name: scenario.name,
                    sentence: "Does what its name says.",
                    outcome: scenario.outcome.clone(),
                    seconds: 3.25,
                    events: 231,
                    history_file: Some(format!("histories/{}.jsonl", scenario.name)),
                    lost_history: scenario.lost_history.clone(),
                    judgements: &scenario.judgements,
                    environment: scenario.environment.clone(),
                })
                .collect(),
            patience: Patience {
                staleness_ms: 250,
                ..Patience::default()
            },
            tool_version: "0.1.0",
            started: None,
            seconds: 7.9,
        })
    }
}

/// A deviation that the candidate file admits.
pub(crate) fn deviation(rule: &str, reason: &str) -> KnownDeviation {
    KnownDeviation {
        rule: rule.into(),
        reason: reason.into(),
    }
}
