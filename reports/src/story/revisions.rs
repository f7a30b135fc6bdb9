//! Revisions by order of appearance.

use super::milestone::{Kind, Milestone, Noun, SetStep};
use history::{Ledger, Moment, Set};
use std::cell::RefCell;

/// r1, r2, …: names that are the same on every cluster.
pub(super) struct Revisions {
    names: RefCell<Vec<String>>,
}

impl Revisions {
    /// The revisions of a set in all its lives, in the order in which they appeared.
    pub fn of(ledger: &Ledger, lives: &[&Set]) -> Revisions {
        let mut seen: Vec<(Moment, String)> = Vec::new();
        for set in lives {
            seen.extend(
                ledger
                    .revisions(set)
                    .map(|revision| (revision.added(), revision.name.clone())),
            );
        }
        seen.sort();
        let revisions = Revisions {
            names: RefCell::default(),
        };
        for (_, name) in seen {
            revisions.call(&name);
        }
        revisions
    }

    /// What a revision is called here. One that no ControllerRevision was seen of gets the next number.
    pub fn call(&self, name: &str) -> String {
        let mut names = self.names.borrow_mut();
        let place = names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        format!("r{}", place + 1)
    }
}

/// Revisions that appear, are raised or removed while the set lives. What happens to them while it goes is the garbage
/// collector's race with the controller.
pub(super) fn milestones(ledger: &Ledger, set: &Set, revisions: &Revisions) -> Vec<Milestone> {
    let going = set
        .deleting
        .or(set.gone)
        .map_or(usize::MAX, |moment| moment.index);
    let mut milestones = Vec::new();
    for revision in ledger.revisions(set) {
        let mut tell = |moment: Moment, predicate: String| {
            // What an earlier set has left behind is told in that one's life.
            if (set.added().index..going).contains(&moment.index) {
                milestones.push(Milestone {
                    moment,
                    kind: Kind::Set(SetStep::Revision),
                    promise: super::section::promise(ledger, set, moment),
                    noun: Noun::Revision,
                    subject: revisions.call(&revision.name),
                    predicate,
                });
            }
        };
        let mut number = None;
        for (moment, state) in revision.states.entries() {
            match number {
                None if revision.seen_added => tell(*moment, format!("stored as number {}", state.number)),
                Some(before) if before != state.number => {
                    tell(*moment, format!("raised to number {}", state.number));
                }
                _ => {}
            }
            number = Some(state.number);
        }
        if let Some(gone) = revision.gone {
            tell(gone, "removed".into());
        }
    }
    milestones
}
