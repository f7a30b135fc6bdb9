//! What holds a step back: the wanted members that are not as the step needs them.

use super::window::Window;
use history::{Ledger, Moment, Ordinal, PodState, Set};
use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    time::Duration,
};

/// A step of the candidate that other members may hold back.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// When it was taken.
    pub(super) moment: Moment,
    /// Which members may hold it back.
    pub(super) scope: Scope,
}

/// Which members may hold a step back.
#[derive(Clone, Copy)]
pub(super) enum Scope {
    /// Those below this ordinal.
    Below(Ordinal),
    /// Those above it.
    Above(Ordinal),
    /// All.
    All,
}

impl Scope {
    /// The ordinals of a range that are meant.
    fn within(self, range: Range<u32>) -> Range<u32> {
        match self {
            Scope::Below(ordinal) => range.start..range.end.min(ordinal.0),
            Scope::Above(ordinal) => range.start.max(ordinal.0.saturating_add(1))..range.end,
            Scope::All => range,
        }
    }
}

/// For each step, the lowest wanted member that was not `good` at any time within the staleness window before it.
/// Steps are in order of time. A member that did not exist is not good.
pub(super) fn lowest_blockers(
    ledger: &Ledger,
    set: &Set,
    steps: &[Step],
    good: impl Fn(&PodState) -> bool + Copy,
) -> Vec<Option<Ordinal>> {
    let mut turns = turns(ledger, set, good).into_iter().peekable();
    let mut bad: BTreeSet<Ordinal> = ledger.ordinals(set).collect();
    let mut never_made = NeverMade::new(ledger, set);
    steps
        .iter()
        .map(|step| {
            while let Some((_, ordinal, is_good)) = turns.next_if(|turn| turn.0 < step.moment.index) {
                if is_good {
                    bad.remove(&ordinal);
                } else {
                    bad.insert(ordinal);
                }
            }
            let window = Window::before(ledger, set, step.moment);
            let (_, spec) = window.spec()?;
            let meant = step.scope.within(spec.range());
            if meant.is_empty() {
                return None;
            }
            let blocks = |ordinal: &Ordinal| {
                window.wants(*ordinal) && !window.ever(*ordinal, |state| state.is_some_and(good))
            };
            let known = bad
                .range(Ordinal(meant.start)..Ordinal(meant.end))
                .copied()
                .find(blocks);
            let unknown = Some(never_made.first_from(meant.start))
                .filter(|first| meant.contains(&first.0) && blocks(first));
            known.into_iter().chain(unknown).min()
        })
        .collect()
}

/// For each step, the highest condemned member that was `good` at all times within the staleness window before it.
/// Steps are in order of time.
pub(super) fn highest_surplus(
    ledger: &Ledger,
    set: &Set,
    steps: &[Step],
    good: impl Fn(&PodState) -> bool + Copy,
) -> Vec<Option<Ordinal>> {
    // A pod that the set has released is not its to delete.
    let good = |state: &PodState| state.owner.as_deref() == Some(&set.uid) && good(state);
    highest(ledger, set, steps, good, |place, ordinal| {
        steps.get(place).is_some_and(|step| {
            let window = Window::before(ledger, set, step.moment);
            window.condemns(ordinal) && !window.ever(ordinal, |state| !state.is_some_and(good))
        })
    })
}

/// For each step, the highest member that was `good` just before it and that is `accepted` for the step at that place.
/// Steps are in order of time.
pub(super) fn highest(
    ledger: &Ledger,
    set: &Set,
    steps: &[Step],
    good: impl Fn(&PodState) -> bool + Copy,
    accepted: impl Fn(usize, Ordinal) -> bool,
) -> Vec<Option<Ordinal>> {
    let mut turns = turns(ledger, set, good).into_iter().peekable();
    let mut standing: BTreeSet<Ordinal> = BTreeSet::new();
    let mut found = Vec::with_capacity(steps.len());
    for (place, step) in steps.iter().enumerate() {
        while let Some((_, ordinal, is_good)) = turns.next_if(|turn| turn.0 < step.moment.index) {
            if is_good {
                standing.insert(ordinal);
            } else {
                standing.remove(&ordinal);
            }
        }
        let meant = step.scope.within(0..u32::MAX);
        let mut meant = standing.range(Ordinal(meant.start)..Ordinal(meant.end.max(meant.start)));
        found.push(meant.rfind(|ordinal| accepted(place, **ordinal)).copied());
    }
    found
}

/// Each change of a member from bad to good and back: position, ordinal, what it became.
fn turns(ledger: &Ledger, set: &Set, good: impl Fn(&PodState) -> bool + Copy) -> Vec<(usize, Ordinal, bool)> {
    let mut turns = Vec::new();
    for pod in ledger.members(set) {
        let Some(ordinal) = ledger.ordinal(set, pod) else {
            continue;
        };
        let mut was = false;
        for (moment, state) in pod.states.entries() {
            let is = good(state);
            if is != was {
                turns.push((moment.index, ordinal, is));
                was = is;
            }
        }
        if let Some(gone) = pod.gone.filter(|_| was) {
            turns.push((gone.index, ordinal, false));
        }
    }
    turns.sort_unstable_by_key(|turn| turn.0);
    turns
}

/// The ordinals of which no member was ever seen.
struct NeverMade {
    made: BTreeSet<Ordinal>,
    first_from: HashMap<u32, Ordinal>,
}

impl NeverMade {
    fn new(ledger: &Ledger, set: &Set) -> NeverMade {
        NeverMade {
            made: ledger.ordinals(set).collect(),
            first_from: HashMap::new(),
        }
    }

    /// The lowest one from `start` on.
    fn first_from(&mut self, start: u32) -> Ordinal {
        *self.first_from.entry(start).or_insert_with(|| {
            let mut first = start;
            for made in self.made.range(Ordinal(start)..) {
                if made.0 != first {
                    break;
                }
                first = first.saturating_add(1);
            }
            Ordinal(first)
        })
    }
}

/// How a member stood just before a step, in words, and the event that shows it.
pub(super) struct Standing {
    /// As in `web-0 was Running but not Ready`.
    pub(super) words: String,
    /// The event that made it so, if there was one.
    pub(super) since: Option<Moment>,
}

impl Standing {
    /// How the member with this ordinal stood just before position `index`.
    pub(super) fn before(ledger: &Ledger, set: &Set, ordinal: Ordinal, index: usize) -> Standing {
        let name = format!("{}-{ordinal}", set.name);
        let index = index.saturating_sub(1);
        if let Some((pod, state)) = ledger.member_at(set, ordinal, index) {
            return Standing {
                words: format!("{name} was {}", state.describe()),
                since: pod.states.at(index).map(|(moment, _)| *moment),
            };
        }
        let gone = ledger
            .incarnations(set, ordinal)
            .filter_map(|pod| pod.gone.filter(|gone| gone.index <= index))
            .max();
        Standing {
            words: match gone {
                Some(_) => format!("{name} was gone"),
                None => format!("{name} did not exist"),
            },
            since: gone,
        }
    }
}

/// A time span in words: `12 ms`, `3.4 s`.
pub(super) fn span(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::story::Story;

    #[test]
    fn the_lowest_member_that_is_not_as_needed_is_named() {
        let ledger = Story::new()
            .set("web", 4)
            .pod("web-0")
            .ready()
            .pod("web-1")
            .pod("web-3")
            .ledger();
        let set = &ledger.sets()[0];
        let step = |scope| Step {
            moment: ledger.end(),
            scope,
        };
        let below = |ordinal| step(Scope::Below(Ordinal(ordinal)));
        let healthy = lowest_blockers(
            &ledger,
            set,
            &[below(1), below(3), step(Scope::All)],
            PodState::healthy,
        );
        assert_eq!(healthy, [None, Some(Ordinal(1)), Some(Ordinal(1))]);
        let exists = lowest_blockers(&ledger, set, &[below(2), below(3), step(Scope::All)], |_| true);
        assert_eq!(exists, [None, Some(Ordinal(2)), Some(Ordinal(2))]);
    }

    #[test]
    fn a_member_that_was_good_within_the_window_does_not_block() {
        let blocker = |story: Story| {
            let ledger = story.ledger();
            let step = Step {
                moment: ledger.end(),
                scope: Scope::All,
            };
            lowest_blockers(&ledger, &ledger.sets()[0], &[step], PodState::healthy)[0]
        };
        let story = Story::new()
            .set("web", 1)
            .pod("web-0")
            .ready()
            .at(5_000)
            .unready();
        assert_eq!(blocker(story.clone().at(6_000)), None);
        assert_eq!(blocker(story.at(8_000)), Some(Ordinal(0)));
    }
}
