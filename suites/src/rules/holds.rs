//! States that last: what a scenario holds steady so that a check can be strict and still fair.

use history::{Incarnation, Ledger, Moment, Ordinal, PodState, Set};
use std::time::Duration;

/// A time during which something was true of one member without a break.
#[derive(Clone, Copy)]
pub(super) struct Hold<'a> {
    /// Ordinal of the member.
    pub(super) ordinal: Ordinal,
    /// The member.
    pub(super) pod: &'a Incarnation,
    /// Its state at the start.
    pub(super) state: &'a PodState,
    /// When it began.
    pub(super) from: Moment,
    /// When it ended; `None` if it lasted to the end of the history.
    pub(super) until: Option<Moment>,
}

impl Hold<'_> {
    /// When it ended, at the latest with the history.
    pub(super) fn end(&self, ledger: &Ledger) -> Moment {
        self.until.unwrap_or(ledger.end())
    }

    /// How long it lasted.
    pub(super) fn lasted(&self, ledger: &Ledger) -> Duration {
        self.end(ledger).at.since(self.from.at)
    }

    /// Whether a moment lies within.
    pub(super) fn covers(&self, moment: Moment) -> bool {
        self.from.index < moment.index && self.until.is_none_or(|until| moment.index < until.index)
    }
}

/// The times during which something was true of a member, in order of pods and then of time.
pub(super) fn holds<'a>(
    ledger: &'a Ledger,
    set: &'a Set,
    is_true: impl Fn(&PodState) -> bool + Copy + 'a,
) -> impl Iterator<Item = Hold<'a>> {
    ledger.members(set).flat_map(move |pod| {
        let ordinal = ledger.ordinal(set, pod);
        let mut found: Vec<Hold<'a>> = Vec::new();
        let mut open: Option<Hold<'a>> = None;
        for (moment, state) in pod.states.entries() {
            match (is_true(state), open) {
                (true, None) => {
                    open = ordinal.map(|ordinal| Hold {
                        ordinal,
                        pod,
                        state,
                        from: *moment,
                        until: None,
                    });
                }
                (false, Some(hold)) => {
                    found.push(Hold {
                        until: Some(*moment),
                        ..hold
                    });
                    open = None;
                }
                _ => {}
            }
        }
        found.extend(open.map(|hold| Hold {
            until: pod.gone,
            ..hold
        }));
        found
    })
}
