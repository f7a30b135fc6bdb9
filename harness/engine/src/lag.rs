//! How long the machine keeps the harness itself waiting.
//!
//! On a busy machine everybody is slow, the candidate too. What the harness measures of its own delays tells how much
//! more patient the judge has to be, without asking the candidate.

use crate::clock;
use history::TURNS;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The slowest turns of the harness so far, and the shortest time that a scenario held still. Clones share both.
///
/// A controller takes a step in up to [`TURNS`] turns, and each of them may be kept waiting. The harness makes turns of its
/// own, one after the other: a moment in which the machine stands still delays one turn of either, however long it is, and a
/// machine that is slow all the time delays every one. So the slowest of as many turns of the harness, taken together, are
/// as long as a step of the controller may take.
#[derive(Clone, Debug)]
pub struct Lag(Arc<Mutex<Seen>>);

#[derive(Debug)]
struct Seen {
    /// The longest first.
    turns: [Duration; SLOWEST],
    shortest_hold: Duration,
}

const SLOWEST: usize = TURNS as usize;

/// How long a turn takes on a machine that has nothing else to do. The rest between two looks at the clock counts as part of
/// the turn: a controller that does not rest meets delays in it that the harness does not see.
const BEAT: Duration = Duration::from_millis(5);

impl Lag {
    /// On a machine that is known to need so long for each turn.
    pub fn known(turn: Duration) -> Lag {
        Lag(Arc::new(Mutex::new(Seen {
            turns: [turn; SLOWEST],
            shortest_hold: Duration::MAX,
        })))
    }

    /// How long the machine needs for a turn: the mean of the slowest ones so far, in whole milliseconds, rounded up.
    pub fn turn(&self) -> Duration {
        let mean = self.with(|seen| seen.turns.iter().sum::<Duration>() / TURNS);
        Duration::from_millis(u64::try_from(mean.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX))
    }

    /// A turn took so long.
    pub fn saw(&self, turn: Duration) {
        self.with(|seen| {
            let place = seen.turns.partition_point(|slower| *slower >= turn);
            if let Some(faster) = seen.turns.get_mut(place..).filter(|faster| !faster.is_empty()) {
                faster.rotate_right(1);
                faster[0] = turn;
            }
        });
    }

    /// A scenario held still for so long.
    pub fn held(&self, hold: Duration) {
        self.with(|seen| seen.shortest_hold = seen.shortest_hold.min(hold));
    }

    /// The shortest time that the scenario held still; the longest time there is if it never did.
    pub fn shortest_hold(&self) -> Duration {
        self.with(|seen| seen.shortest_hold)
    }

    /// Watches until it is dropped: how long does a turn of the harness take?
    pub async fn watch(self) {
        loop {
            let asleep = Instant::now();
            clock::pass(BEAT).await;
            self.saw(asleep.elapsed());
        }
    }

    fn with<T>(&self, what: impl FnOnce(&mut Seen) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_moment_in_which_the_machine_stood_still_counts_once() {
        let lag = Lag::known(Duration::ZERO);
        for _ in 0..100 {
            lag.saw(millis(5));
        }
        assert_eq!(lag.turn(), millis(5));
        lag.clone().saw(millis(205));
        assert_eq!(lag.turn(), millis(15));
        for _ in 0..100 {
            lag.saw(millis(6));
        }
        assert_eq!(lag.turn(), millis(16), "15.95 rounded up");
    }

    #[test]
    fn a_machine_that_is_slow_all_the_time_counts_as_slow_as_it_is() {
        let lag = Lag::known(Duration::ZERO);
        for turn in 1..=60 {
            lag.saw(millis(if turn % 3 == 0 { 40 } else { 5 }));
        }
        assert_eq!(lag.turn(), millis(40));
    }

    #[test]
    fn what_is_known_of_the_machine_is_expected_from_the_start() {
        let lag = Lag::known(millis(80));
        lag.saw(millis(5));
        assert_eq!(lag.turn(), millis(80));
    }

    #[tokio::test(start_paused = true)]
    async fn the_harness_watches_its_own_turns() {
        let lag = Lag::known(Duration::ZERO);
        let watching = tokio::spawn(lag.clone().watch());
        clock::pass(BEAT * (TURNS + 1)).await;
        assert_eq!(lag.turn(), BEAT);
        tokio::time::advance(BEAT * 41).await;
        clock::pass(BEAT).await;
        assert!(lag.turn() >= BEAT * 3, "{:?}", lag.turn());
        watching.abort();
    }

    #[test]
    fn only_the_shortest_hold_counts() {
        let lag = Lag::known(Duration::ZERO);
        for hold in [900, 650, 4_000] {
            lag.clone().held(millis(hold));
        }
        assert_eq!(lag.shortest_hold(), millis(650));
    }
}
