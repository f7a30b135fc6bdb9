//! What a controller may have known when it acted: every state of the staleness window before the act
//! (specification 0.3, point 1).

use history::{Elapsed, Ledger, ManagementPolicy, Moment, Ordinal, PodState, Set, Spec};

/// The states that were in force at some time within the staleness window before an act.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    ledger: &'a Ledger,
    set: &'a Set,
    since: Elapsed,
    index: usize,
}

impl<'a> Window<'a> {
    /// The window before the act at `moment`.
    pub(super) fn before(ledger: &'a Ledger, set: &'a Set, moment: Moment) -> Window<'a> {
        Window {
            ledger,
            set,
            since: moment.at.before(ledger.patience().staleness()),
            index: moment.index,
        }
    }

    /// The specs, newest first.
    pub(super) fn specs(self) -> impl Iterator<Item = &'a Spec> {
        let specs = self.set.specs.within(self.since, self.index);
        specs.map(|(_, spec)| spec.as_ref())
    }

    /// The newest spec, and when it was first seen in force.
    pub(super) fn spec(self) -> Option<(Moment, &'a Spec)> {
        let (asked, newest) = self.set.specs.before(self.index)?;
        Some((*asked, newest.as_ref()))
    }

    /// Whether something is true of every spec.
    pub(super) fn always(self, is_true: impl FnMut(&Spec) -> bool) -> bool {
        let mut specs = self.specs().peekable();
        specs.peek().is_some() && specs.all(is_true)
    }

    /// Whether every spec wants this ordinal.
    pub(super) fn wants(self, ordinal: Ordinal) -> bool {
        self.always(|spec| spec.in_range(ordinal))
    }

    /// Whether every spec that wants `made` wants this ordinal as well: who made `made` knew one of them.
    pub(super) fn wants_with(self, ordinal: Ordinal, made: Ordinal) -> bool {
        let mut known = self.specs().filter(|spec| spec.in_range(made)).peekable();
        known.peek().is_some() && known.all(|spec| spec.in_range(ordinal))
    }

    /// Whether no spec wants this ordinal.
    pub(super) fn condemns(self, ordinal: Ordinal) -> bool {
        self.always(|spec| !spec.in_range(ordinal))
    }

    /// Whether every spec asks for one after another.
    pub(super) fn ordered(self) -> bool {
        self.always(|spec| spec.policy == ManagementPolicy::OrderedReady)
    }

    /// Whether every spec asks for all at once.
    pub(super) fn parallel(self) -> bool {
        self.always(|spec| spec.policy == ManagementPolicy::Parallel)
    }

    /// Whether something was true of the member with this ordinal at some time; `None` is asked where there was none.
    pub(super) fn ever(self, ordinal: Ordinal, mut is_true: impl FnMut(Option<&PodState>) -> bool) -> bool {
        // From here on, back in time, nothing is known yet.
        let mut known_until = self.index;
        for pod in self.ledger.incarnations(self.set, ordinal).rev() {
            let added = pod.added();
            if added.index >= self.index {
                continue;
            }
            if let Some(gone) = pod.gone.filter(|gone| gone.index < known_until) {
                if is_true(None) {
                    return true;
                }
                if gone.at < self.since {
                    return false;
                }
                known_until = gone.index;
            }
            if pod
                .states
                .within(self.since, known_until)
                .any(|(_, state)| is_true(Some(state)))
            {
                return true;
            }
            if added.at < self.since || !pod.seen_added {
                return false;
            }
            known_until = added.index;
        }
        is_true(None)
    }

    /// Whether the member with this ordinal was Healthy at some time.
    pub(super) fn healthy(self, ordinal: Ordinal) -> bool {
        self.ever(ordinal, |state| state.is_some_and(PodState::healthy))
    }

    /// Whether there was no member with this ordinal at some time.
    pub(super) fn missing(self, ordinal: Ordinal) -> bool {
        self.ever(ordinal, |state| state.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;

    fn healthy_before_the_end(story: Story) -> bool {
        let ledger = story.ledger();
        Window::before(&ledger, &ledger.sets()[0], ledger.end()).healthy(Ordinal(0))
    }

    #[test]
    fn a_state_counts_until_the_window_has_passed_over_its_end() {
        let story = Story::new()
            .set("web", 1)
            .pod("web-0")
            .ready()
            .at(5_000)
            .unready();
        assert!(healthy_before_the_end(story.clone().at(6_900)));
        assert!(!healthy_before_the_end(story.at(7_100)));
    }

    #[test]
    fn a_former_incarnation_counts_while_its_end_is_within_the_window() {
        let story = Story::new()
            .set("web", 1)
            .pod("web-0")
            .ready()
            .at(5_000)
            .remove_pod("web-0")
            .pod("web-0");
        assert!(healthy_before_the_end(story.clone().at(6_900)));
        assert!(!healthy_before_the_end(story.at(7_100)));
    }

    #[test]
    fn a_name_is_missing_before_its_first_and_between_its_incarnations() {
        let missing = |story: Story| {
            let ledger = story.ledger();
            Window::before(&ledger, &ledger.sets()[0], ledger.end()).missing(Ordinal(0))
        };
        let added = Story::new().set("web", 1).at(1_000).pod("web-0").ready();
        assert!(missing(Story::new().set("web", 1)));
        assert!(missing(added.clone().at(2_000)));
        assert!(!missing(added.clone().at(4_000)));
        let removed = added.at(9_000).remove_pod("web-0").pod("web-0");
        assert!(missing(removed.clone()));
        assert!(!missing(removed.at(12_000)));
    }

    #[test]
    fn a_spec_counts_until_the_window_has_passed_over_its_end() {
        let story = Story::new().set("web", 1).at(5_000).scale(3);
        let wants = |story: Story| {
            let ledger = story.ledger();
            let window = Window::before(&ledger, &ledger.sets()[0], ledger.end());
            (window.wants(Ordinal(2)), window.condemns(Ordinal(2)))
        };
        assert_eq!(wants(story.clone().at(6_000)), (false, false));
        assert_eq!(wants(story.at(7_100)), (true, false));
    }

    #[test]
    fn a_creation_proves_which_specs_were_known() {
        let story = Story::new().set("web", 1).at(5_000).scale(3).at(5_001);
        let ledger = story.ledger();
        let window = Window::before(&ledger, &ledger.sets()[0], ledger.end());
        assert!(!window.wants(Ordinal(1)));
        assert!(window.wants_with(Ordinal(1), Ordinal(2)));
        assert!(!window.wants_with(Ordinal(3), Ordinal(2)) && !window.wants_with(Ordinal(0), Ordinal(7)));
    }
}
