//! Performing a scenario once more on a machine that was too slow for it.

use super::Performed;
use reports::Outcome;
use std::{io, path::Path, time::Duration};

/// Which time a scenario is performed, from 1, and how long a turn takes that is expected of the machine from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub number: u32,
    pub lag: Duration,
}

/// How often a scenario is performed on a machine that is too slow for it.
const ATTEMPTS: u32 = 3;

impl Attempt {
    pub(super) const FIRST: Attempt = Attempt {
        number: 1,
        lag: Duration::ZERO,
    };

    /// The attempt that is worth making after one that ended so. A machine that was too slow proves nothing, unless
    /// something was proven all the same: what speaks against the candidate is never tried away.
    pub(super) fn after(self, performed: &Performed) -> Option<Attempt> {
        let recorded = performed.recorded.as_ref()?;
        let lag = recorded.spoiled_by?;
        let open = performed.outcome == Outcome::Completed && !recorded.shows_a_defect();
        let number = self.number + 1;
        (open && number <= ATTEMPTS).then_some(Attempt {
            number,
            // Most machines are slow for a moment. Only one that is slow again is expected to be so from the start.
            lag: if number == ATTEMPTS { lag } else { Duration::ZERO },
        })
    }

    /// Moves the history of this attempt aside, so that the next one does not overwrite it, and nobody who judges the run
    /// again counts the scenario twice.
    ///
    /// # Errors
    /// When it could not be moved.
    pub(super) fn keep_history(self, out: Option<&Path>, scenario: &str) -> io::Result<()> {
        let Some(folder) = out.map(|out| out.join("histories")) else {
            return Ok(());
        };
        let path = folder.join(format!("{scenario}.jsonl"));
        let spoiled = folder.join("spoiled");
        let aside = spoiled.join(format!("{scenario}.{}.jsonl", self.number));
        std::fs::create_dir_all(&spoiled).and_then(|()| std::fs::rename(&path, aside))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Kept, Recorded};
    use judging::{Judgement, Witness};

    fn performed(spoiled_by: Option<Duration>, judgement: Judgement) -> Performed {
        Performed {
            name: "one",
            sentence: "",
            outcome: Outcome::Completed,
            seconds: 1.0,
            recorded: Some(Recorded {
                history: None,
                events: 0,
                judgements: vec![judgement],
                environment: Vec::new(),
                kept: Kept::default(),
                spoiled_by,
            }),
        }
    }

    const LATE: Option<Duration> = Some(Duration::from_millis(80));

    #[test]
    fn a_scenario_that_the_machine_spoiled_is_performed_three_times_at_most() {
        let spoiled = performed(LATE, Judgement::default());
        let mut numbers = vec![];
        let mut attempt = Some(Attempt::FIRST);
        while let Some(this) = attempt {
            numbers.push((this.number, this.lag));
            attempt = this.after(&spoiled);
        }
        assert_eq!(
            numbers,
            [
                (1, Duration::ZERO),
                (2, Duration::ZERO),
                (3, Duration::from_millis(80))
            ]
        );
        assert_eq!(Attempt::FIRST.after(&performed(None, Judgement::default())), None);
    }

    #[test]
    fn what_speaks_against_the_candidate_is_not_tried_away() {
        let witness = Witness {
            sentence: "it is late".into(),
            events: Vec::new(),
        };
        for judgement in [
            Judgement {
                violations: vec![witness.clone()],
                ..Judgement::default()
            },
            Judgement {
                stalls: vec![witness],
                ..Judgement::default()
            },
        ] {
            assert_eq!(Attempt::FIRST.after(&performed(LATE, judgement)), None);
        }
        let failed = Performed {
            outcome: Outcome::Failed {
                waited_for: "a pod".into(),
                last_seen: "none".into(),
                why: "nothing happened".into(),
            },
            ..performed(LATE, Judgement::default())
        };
        assert_eq!(Attempt::FIRST.after(&failed), None);
    }

    #[test]
    fn the_history_of_an_attempt_is_kept() {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().join("histories");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("one.jsonl"), "first").unwrap();
        Attempt::FIRST.keep_history(Some(out.path()), "one").unwrap();
        assert_eq!(
            std::fs::read(folder.join("spoiled/one.1.jsonl")).unwrap(),
            b"first"
        );
        assert!(!folder.join("one.jsonl").exists());
    }
}
