//! What a rule finds in a story.

use super::Story;
use history::{Elapsed, Event, History, Ledger, Observation};
use judging::{Judgement, Rule};

impl Story {
    /// The ledger of the story.
    pub(crate) fn ledger(self) -> Ledger {
        let story = if self.ended { self } else { self.end("completed") };
        let start = Event {
            at: Elapsed::ZERO,
            what: Observation::Start(Box::new(story.meta)),
        };
        let history: History = std::iter::once(start).chain(story.events).collect();
        Ledger::build(&history)
    }

    /// What a rule finds in the story.
    pub(crate) fn judge(self, rule: &Rule) -> Judgement {
        judging::judge(rule, &self.ledger())
    }

    /// The rule finds an opportunity, and that it was kept.
    #[track_caller]
    pub(crate) fn keeps(self, rule: &Rule) {
        let found = self.judge(rule);
        assert!(
            found.violations.is_empty(),
            "{} accuses: {:#?}",
            rule.id,
            found.violations
        );
        assert!(
            found.stalls.is_empty(),
            "{} says stalled: {:#?}",
            rule.id,
            found.stalls
        );
        assert!(found.opportunities > 0, "{} was not exercised", rule.id);
    }

    /// The rule is broken; the witness has two to six events and its sentence contains `words`.
    #[track_caller]
    pub(crate) fn breaks(self, rule: &Rule, words: &str) {
        let found = self.judge(rule);
        assert!(found.opportunities > 0, "{} counted no opportunity", rule.id);
        let witness = found
            .violations
            .first()
            .unwrap_or_else(|| panic!("{} finds nothing wrong", rule.id));
        assert!(
            witness.sentence.contains(words),
            "{}: {}",
            rule.id,
            witness.sentence
        );
        assert!(
            (2..=6).contains(&witness.events.len()),
            "{}: {witness:#?}",
            rule.id
        );
    }

    /// The rule says that a goal was not reached; the sentence contains `words`.
    #[track_caller]
    pub(crate) fn stalls(self, rule: &Rule, words: &str) {
        let found = self.judge(rule);
        assert!(
            found.violations.is_empty(),
            "{} accuses: {:#?}",
            rule.id,
            found.violations
        );
        let witness = found
            .stalls
            .first()
            .unwrap_or_else(|| panic!("{} finds nothing stalled", rule.id));
        assert!(
            witness.sentence.contains(words),
            "{}: {}",
            rule.id,
            witness.sentence
        );
    }

    /// The trigger of the rule did not occur, and nothing was found.
    #[track_caller]
    pub(crate) fn does_not_exercise(self, rule: &Rule) {
        let found = self.judge(rule);
        assert!(
            found.violations.is_empty(),
            "{} accuses: {:#?}",
            rule.id,
            found.violations
        );
        assert!(
            found.stalls.is_empty(),
            "{} says stalled: {:#?}",
            rule.id,
            found.stalls
        );
        assert_eq!(found.opportunities, 0, "{} counted an opportunity", rule.id);
    }
}
