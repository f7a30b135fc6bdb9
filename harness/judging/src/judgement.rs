//! What one rule found in one history.

use history::{Elapsed, Ledger, Moment};
use serde::{Deserialize, Serialize};

/// What one rule found in one history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// How often the rule's trigger occurred.
    pub opportunities: u64,
    /// What broke the rule.
    pub violations: Vec<Witness>,
    /// Goals that were not reached although the world was quiet.
    pub stalls: Vec<Witness>,
    /// Why opportunities could not be judged: environment faults, gaps.
    pub unclear: Vec<String>,
}

/// The two to six events that prove a violation, and the sentence that joins them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// What is wrong, in one sentence.
    pub sentence: String,
    /// The events that prove it, in order.
    pub events: Vec<Citation>,
}

/// One event of a witness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Citation {
    /// Line of the history file, from 1.
    pub line: usize,
    /// When the harness saw it.
    #[serde(rename = "t_ms")]
    pub at: Elapsed,
    /// The event in words.
    pub text: String,
}

/// At most this many violations of one rule are kept per history; the first ones tell the story.
const KEPT: usize = 20;
/// A witness has at most this many events.
const CITED: usize = 6;

/// Collects what a rule finds while it reads a ledger.
pub struct Judge<'a> {
    ledger: &'a Ledger,
    judgement: Judgement,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(ledger: &'a Ledger) -> Self {
        Judge {
            ledger,
            judgement: Judgement::default(),
        }
    }

    pub(crate) fn finish(self) -> Judgement {
        self.judgement
    }

    /// The trigger of the rule occurred once more.
    pub fn opportunity(&mut self) {
        self.judgement.opportunities += 1;
    }

    /// The rule is broken: `events` prove it. Counts no opportunity of its own.
    pub fn violation(&mut self, sentence: impl Into<String>, events: impl IntoIterator<Item = Moment>) {
        let witness = self.witness(sentence.into(), events);
        if self.judgement.violations.len() < KEPT {
            self.judgement.violations.push(witness);
        }
    }

    /// The trigger occurred, and `kept` says whether the promise was.
    pub fn expect(
        &mut self,
        kept: bool,
        sentence: impl FnOnce() -> String,
        events: impl IntoIterator<Item = Moment>,
    ) {
        self.opportunity();
        if !kept {
            self.violation(sentence(), events);
        }
    }

    /// The world was quiet, and the goal was not reached.
    pub fn stall(&mut self, sentence: impl Into<String>, events: impl IntoIterator<Item = Moment>) {
        let witness = self.witness(sentence.into(), events);
        if self.judgement.stalls.len() < KEPT {
            self.judgement.stalls.push(witness);
        }
    }

    /// An opportunity could not be judged.
    pub fn unclear(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        if self.judgement.unclear.len() < KEPT && !self.judgement.unclear.contains(&reason) {
            self.judgement.unclear.push(reason);
        }
    }

    /// What happened after this line could not be judged: what needs a later event as its proof has none.
    pub(crate) fn doubt(&mut self, after: usize, reason: String) {
        let proven = |witness: &Witness| witness.events.iter().all(|event| event.line <= after);
        self.judgement.violations.retain(proven);
        self.judgement.stalls.retain(proven);
        self.unclear(reason);
    }

    fn witness(&self, sentence: String, events: impl IntoIterator<Item = Moment>) -> Witness {
        let mut moments: Vec<Moment> = events.into_iter().collect();
        moments.sort_unstable();
        moments.dedup();
        if moments.len() > CITED {
            // The first events set the scene, the last one is the deed.
            let last = moments.split_off(moments.len() - 3);
            moments.truncate(CITED - 3);
            moments.extend(last);
        }
        let events = moments
            .into_iter()
            .map(|moment| Citation {
                line: moment.line,
                at: moment.at,
                text: self.ledger.describe(moment),
            })
            .collect();
        Witness { sentence, events }
    }
}
