//! How long the machine keeps the harness itself waiting.
//!
//! On a busy machine everybody is slow, the candidate too. What the harness measures of its own delays tells how much
//! more patient the judge has to be, without asking the candidate.

use crate::clock;
use history::TURNS;
use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::time::Instant;

/// The slowest stretch of the harness so far, and the shortest time that a scenario held still. Clones share both.
///
/// A controller takes a step in up to [`TURNS`] turns, one after the other, and each of them may be kept waiting. The harness
/// makes turns of its own at the same time, as many and one after the other as well, and between two of them it rests. So
/// the longest that it ever took for so many is as long as a step of the controller may take: a moment in which the machine
/// stands still delays one turn of either, however long it is, and a machine that is slow all the time delays every one.
#[derive(Clone, Debug)]
pub struct Lag(Arc<Mutex<Seen>>);

#[derive(Debug)]
struct Seen {
    /// The latest turns, and the place of the oldest of them.
    latest: [Duration; STRETCH],
    oldest: usize,
    /// The longest that as many turns took, one after the other.
    slowest: Duration,
    shortest_hold: Duration,
}

const STRETCH: usize = TURNS as usize;

/// The harness of a run, which watches its own turns for all scenarios. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Machine(Arc<Mutex<Vec<Weak<Mutex<Seen>>>>>);

/// The rest between two turns, the shortest that a timer keeps to. It counts as part of the turn: a controller that does not
/// rest meets delays in it that the harness does not see.
const BEAT: Duration = Duration::from_millis(1);

impl Machine {
    /// Lets `lag` know of every turn from now on, until it is dropped.
    pub fn tells(&self, lag: &Lag) {
        self.with(|told| told.push(Arc::downgrade(&lag.0)));
    }

    /// Watches until it is dropped: how long does a turn of the harness take?
    pub async fn watch(self) {
        loop {
            let asleep = Instant::now();
            clock::pass(BEAT).await;
            let turn = asleep.elapsed();
            self.with(|told| {
                told.retain(|seen| match seen.upgrade() {
                    Some(seen) => {
                        Lag(seen).saw(turn);
                        true
                    }
                    None => false,
                });
            });
        }
    }

    fn with<T>(&self, what: impl FnOnce(&mut Vec<Weak<Mutex<Seen>>>) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Lag {
    /// On a machine that is known to need so long for each turn.
    pub fn known(turn: Duration) -> Lag {
        Lag(Arc::new(Mutex::new(Seen {
            latest: [Duration::ZERO; STRETCH],
            oldest: 0,
            slowest: turn * TURNS,
            shortest_hold: Duration::MAX,
        })))
    }

    /// How long the machine needs for a turn: the mean of the slowest stretch so far, in whole milliseconds, rounded up.
    pub fn turn(&self) -> Duration {
        let mean = self.with(|seen| seen.slowest / TURNS);
        Duration::from_millis(u64::try_from(mean.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX))
    }

    /// A turn took so long.
    pub fn saw(&self, turn: Duration) {
        self.with(|seen| {
            seen.latest[seen.oldest] = turn;
            seen.oldest = (seen.oldest + 1) % STRETCH;
            seen.slowest = seen.slowest.max(seen.latest.iter().sum());
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
    fn moments_that_lie_far_apart_delay_no_step_together() {
        let lag = Lag::known(Duration::ZERO);
        for turn in 0..200 {
            lag.saw(millis(if turn % TURNS == 0 { 105 } else { 5 }));
        }
        assert_eq!(lag.turn(), millis(10));
        lag.saw(millis(105));
        lag.saw(millis(105));
        assert_eq!(lag.turn(), millis(15));
    }

    #[test]
    fn a_machine_that_is_slow_all_the_time_counts_as_slow_as_it_is() {
        let lag = Lag::known(Duration::ZERO);
        for turn in 1..=60 {
            lag.saw(millis(if turn > 30 { 40 } else { 5 }));
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
    async fn the_harness_watches_its_own_turns_and_tells_who_wants_to_know() {
        let machine = Machine::default();
        let watching = tokio::spawn(machine.clone().watch());
        let [early, late, gone] = [(); 3].map(|()| Lag::known(Duration::ZERO));
        machine.tells(&early);
        machine.tells(&gone);
        drop(gone);
        clock::pass(BEAT * (TURNS + 1)).await;
        assert_eq!(early.turn(), BEAT);
        tokio::time::advance(BEAT * 41).await;
        clock::pass(BEAT).await;
        assert!(early.turn() >= BEAT * 3, "{:?}", early.turn());
        machine.tells(&late);
        clock::pass(BEAT * (TURNS + 1)).await;
        assert_eq!(late.turn(), BEAT, "what was before it began does not count");
        assert_eq!(machine.with(|told| told.len()), 2);
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
