//! What came of one scenario.

use super::Kept;
use crate::scenario::Scenario;
use history::History;
use judging::Judgement;
use reports::Outcome;
use std::{io, time::Duration};

/// A scenario that was performed, or the reason why not.
#[derive(Clone, Debug)]
pub struct Performed {
    /// Name of the scenario.
    pub name: &'static str,
    /// What it does.
    pub sentence: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: f64,
    /// What was recorded and judged; `None` if it did not begin.
    pub recorded: Option<Recorded>,
}

/// What a scenario recorded, and what the rules say of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The history, if the plan keeps histories.
    pub history: Option<History>,
    /// How many events the history has.
    pub events: usize,
    /// One judgement per rule of the plan.
    pub judgements: Vec<Judgement>,
    /// Faults of the environment.
    pub environment: Vec<String>,
    /// The file of the history in the output folder.
    pub kept: Kept,
    /// What the machine needed for a turn, if that turned out after a hold and the hold was too short for it; then the rules
    /// that need the hold are not exercised, whatever the candidate did.
    pub spoiled_by: Option<Duration>,
}

impl Recorded {
    /// Whether a rule is broken.
    pub(super) fn shows_a_defect(&self) -> bool {
        self.judgements
            .iter()
            .any(|judgement| !judgement.violations.is_empty() || !judgement.stalls.is_empty())
    }
}

impl Performed {
    /// How many events were recorded.
    pub fn events(&self) -> usize {
        self.recorded.as_ref().map_or(0, |recorded| recorded.events)
    }

    /// What the machine needed for a turn, if a hold was too short for it.
    pub(super) fn spoiled_by(&self) -> Option<Duration> {
        self.recorded.as_ref()?.spoiled_by
    }

    /// Says that the history is not kept where it belongs, unless it is known to be lost already.
    pub(super) fn loses_its_history(&mut self, error: io::Error) {
        if let Some(recorded) = &mut self.recorded
            && recorded.kept.lost.is_none()
        {
            recorded.kept.broke_off(error);
        }
    }

    pub(super) fn skipped(scenario: &Scenario, reason: String) -> Performed {
        Performed::not_begun(scenario, Outcome::Skipped { reason })
    }

    pub(super) fn not_begun(scenario: &Scenario, outcome: Outcome) -> Performed {
        Performed {
            name: scenario.name,
            sentence: scenario.sentence,
            outcome,
            seconds: 0.0,
            recorded: None,
        }
    }
}
