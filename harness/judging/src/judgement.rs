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
    opportunities: u64,
    violations: Vec<Proof>,
    stalls: Vec<Proof>,
    unclear: Vec<String>,
}

/// A witness, and the place in the true order of the newest event that it needs.
struct Proof {
    witness: Witness,
    newest: Option<usize>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(ledger: &'a Ledger) -> Self {
        Judge {
            ledger,
            opportunities: 0,
            violations: Vec::new(),
            stalls: Vec::new(),
            unclear: Vec::new(),
        }
    }

    pub(crate) fn finish(self) -> Judgement {
        let witnesses = |proofs: Vec<Proof>| proofs.into_iter().map(|proof| proof.witness).collect();
        Judgement {
            opportunities: self.opportunities,
            violations: witnesses(self.violations),
            stalls: witnesses(self.stalls),
            unclear: self.unclear,
        }
    }

    /// The trigger of the rule occurred once more.
    pub fn opportunity(&mut self) {
        self.opportunities += 1;
    }

    /// The rule is broken: `events` prove it. Counts no opportunity of its own.
    pub fn violation(&mut self, sentence: impl Into<String>, events: impl IntoIterator<Item = Moment>) {
        let proof = self.proof(sentence.into(), events);
        if self.violations.len() < KEPT {
            self.violations.push(proof);
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
        let proof = self.proof(sentence.into(), events);
        if self.stalls.len() < KEPT {
            self.stalls.push(proof);
        }
    }

    /// An opportunity could not be judged.
    pub fn unclear(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        if self.unclear.len() < KEPT && !self.unclear.contains(&reason) {
            self.unclear.push(reason);
        }
    }

    /// What happened after this place in the true order could not be judged: what needs a later event as its proof has none.
    pub(crate) fn doubt(&mut self, after: Option<usize>, reason: String) {
        self.violations.retain(|proof| proof.newest <= after);
        self.stalls.retain(|proof| proof.newest <= after);
        self.unclear(reason);
    }

    /// What might have excused a candidate after this place was not seen: its stalls are none.
    pub(crate) fn excuse(&mut self, after: Option<usize>, reason: String) {
        let before = self.stalls.len();
        self.stalls.retain(|proof| proof.newest <= after);
        if self.stalls.len() < before {
            self.unclear(reason);
        }
    }

    fn proof(&self, sentence: String, events: impl IntoIterator<Item = Moment>) -> Proof {
        let mut moments: Vec<Moment> = events.into_iter().collect();
        moments.sort_unstable();
        moments.dedup();
        if moments.len() > CITED {
            // The first events set the scene, the last one is the deed.
            let last = moments.split_off(moments.len() - 3);
            moments.truncate(CITED - 3);
            moments.extend(last);
        }
        let newest = moments.last().map(|moment| moment.index);
        let events = moments
            .into_iter()
            .map(|moment| Citation {
                line: moment.line,
                at: moment.at,
                text: self.ledger.describe(moment),
            })
            .collect();
        Proof {
            witness: Witness { sentence, events },
            newest,
        }
    }
}
