//! Order and time inside a ledger.

use crate::Elapsed;

/// A position in a history: its place in the true order, when it was seen, and where it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Place in the true order (resourceVersion first, arrival as tie-break). Unique in a ledger.
    pub index: usize,
    /// When the harness saw it.
    pub at: Elapsed,
    /// Line of the history file, from 1.
    pub line: usize,
}

/// What something was, from when on.
#[derive(Clone, Debug)]
pub struct Timeline<T> {
    entries: Vec<(Moment, T)>,
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Timeline { entries: Vec::new() }
    }
}

impl<T> Timeline<T> {
    pub(super) fn push(&mut self, moment: Moment, value: T) {
        self.entries.push((moment, value));
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> &[(Moment, T)] {
        &self.entries
    }

    /// The last entry at or before position `index`.
    pub fn at(&self, index: usize) -> Option<&(Moment, T)> {
        let after = self.entries.partition_point(|(moment, _)| moment.index <= index);
        self.entries[..after].last()
    }

    /// The last entry strictly before position `index`.
    pub fn before(&self, index: usize) -> Option<&(Moment, T)> {
        let from = self.entries.partition_point(|(moment, _)| moment.index < index);
        self.entries[..from].last()
    }

    /// Entries strictly after position `index`.
    pub fn after(&self, index: usize) -> &[(Moment, T)] {
        let from = self.entries.partition_point(|(moment, _)| moment.index <= index);
        &self.entries[from..]
    }

    /// Every value that was in force at some point from `since` up to just before position `index`:
    /// the one in force at `since`, and all that came later. Newest first.
    pub fn within(&self, since: Elapsed, index: usize) -> impl Iterator<Item = &(Moment, T)> {
        let end = self.entries.partition_point(|(moment, _)| moment.index < index);
        let mut done = false;
        self.entries[..end].iter().rev().take_while(move |(moment, _)| {
            let take = !done;
            done = moment.at < since;
            take
        })
    }

    /// The newest entry.
    pub fn last(&self) -> Option<&(Moment, T)> {
        self.entries.last()
    }

    /// The oldest entry.
    pub fn first(&self) -> Option<&(Moment, T)> {
        self.entries.first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline() -> Timeline<char> {
        let mut timeline = Timeline::default();
        for (index, value) in [(1, 'a'), (5, 'b'), (9, 'c')] {
            timeline.push(
                Moment {
                    index,
                    at: Elapsed::from_millis(index as u64 * 100),
                    line: index,
                },
                value,
            );
        }
        timeline
    }

    #[test]
    fn at_is_inclusive_and_before_is_not() {
        assert_eq!(timeline().at(5).unwrap().1, 'b');
        assert_eq!(timeline().before(5).unwrap().1, 'a');
        assert!(timeline().at(0).is_none());
    }

    #[test]
    fn within_holds_what_was_in_force_when_the_window_opened() {
        let seen = |since, index| {
            timeline()
                .within(Elapsed::from_millis(since), index)
                .map(|(_, value)| *value)
                .collect::<String>()
        };
        assert_eq!(seen(600, 9), "b");
        assert_eq!(seen(450, 9), "ba");
        assert_eq!(seen(0, 10), "cba");
    }
}
