//! How long the machine keeps the harness itself waiting.
//!
//! On a busy machine everybody is slow, the candidate too. What the harness measures of its own delays tells how much
//! more patient the judge has to be, without asking the candidate.

use crate::clock;
use history::TURNS;
use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// The slowest step of the harness so far, and the shortest time that a scenario held still. Clones share both.
#[derive(Clone, Debug)]
pub struct Lag(Arc<Mutex<Seen>>);

#[derive(Debug)]
struct Seen {
    /// The longest that a step may have taken.
    step: Duration,
    shortest_hold: Duration,
}

/// The machine, of which the harness takes turns for all scenarios of a run. Clones are the same.
///
/// A controller takes a step in up to [`TURNS`] turns, and each of them may be kept waiting, by others that are served first
/// or by the machine. The harness takes turns of its own: it rests, and then queues as everybody does. A step may pause
/// between its turns, before it tries again what was refused for instance, so that not those in a row count but the slowest
/// of a while: together they are as long as a step may take. Moments in which the machine stands still add up if they are
/// close to each other, and one that is alone delays one turn, however long it is.
#[derive(Clone, Debug, Default)]
pub struct Machine(Arc<Turns>);

#[derive(Debug, Default)]
struct Turns {
    taken: Mutex<Taken>,
    /// Tells that one more is taken.
    one_more: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    latest: VecDeque<Duration>,
    told: Vec<Weak<Mutex<Seen>>>,
}

/// The rest between two turns, the shortest that a timer keeps to. It counts as part of the turn: a controller that does not
/// rest meets delays in it that the harness does not see.
const BEAT: Duration = Duration::from_millis(1);
/// The pauses of a step take no longer than so many turns of a machine that is at ease, about a tenth of a second.
const WHILE: usize = 60;

impl Machine {
    /// Lets `lag` know of every turn from now on, until it is dropped.
    pub fn tells(&self, lag: &Lag) {
        self.taken().told.push(Arc::downgrade(&lag.0));
    }

    /// Takes turns until it is dropped, on a thread of the runtime.
    pub async fn watch(self) -> Infallible {
        loop {
            let rested = Instant::now();
            clock::pass(BEAT).await;
            clock::queue().await;
            self.took(rested.elapsed());
        }
    }

    /// Waits until the turn that is under way is taken, which may be late already.
    pub async fn turn(&self) {
        self.0.one_more.notified().await;
    }

    /// A turn took so long.
    fn took(&self, turn: Duration) {
        let mut taken = self.taken();
        taken.latest.push_back(turn);
        if taken.latest.len() > WHILE {
            taken.latest.pop_front();
        }
        let mut slowest: Vec<Duration> = taken.latest.iter().copied().collect();
        let many = usize::try_from(TURNS).unwrap_or(usize::MAX);
        if slowest.len() > many {
            slowest.select_nth_unstable_by(many, |a, b| b.cmp(a));
            slowest.truncate(many);
        }
        let step = slowest.iter().sum();
        taken.told.retain(|seen| match seen.upgrade() {
            Some(seen) => {
                Lag(seen).saw(step);
                true
            }
            None => false,
        });
        self.0.one_more.notify_waiters();
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lag {
    /// On a machine that is known to need so long for each turn.
    pub fn known(turn: Duration) -> Lag {
        Lag(Arc::new(Mutex::new(Seen {
            step: turn * TURNS,
            shortest_hold: Duration::MAX,
        })))
    }

    /// How long the machine needs for a turn: the mean of those of the slowest step so far, in whole milliseconds, rounded up.
    pub fn turn(&self) -> Duration {
        let mean = self.with(|seen| seen.step / TURNS);
        Duration::from_millis(u64::try_from(mean.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX))
    }

    /// A step may have taken so long.
    pub fn saw(&self, step: Duration) {
        self.with(|seen| seen.step = seen.step.max(step));
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

    /// A lag that knows of the turns that `machine` takes from now on.
    fn told_by(machine: &Machine) -> Lag {
        let lag = Lag::known(Duration::ZERO);
        machine.tells(&lag);
        lag
    }

    #[test]
    fn a_moment_in_which_the_machine_stood_still_counts_once() {
        let machine = Machine::default();
        let lag = told_by(&machine);
        for _ in 0..100 {
            machine.took(millis(5));
        }
        assert_eq!(lag.turn(), millis(5));
        machine.took(millis(205));
        assert_eq!(lag.clone().turn(), millis(15));
        for _ in 0..100 {
            machine.took(millis(6));
        }
        assert_eq!(lag.turn(), millis(16), "15.95 rounded up");
    }

    #[test]
    fn moments_add_up_unless_they_lie_far_apart() {
        let machine = Machine::default();
        let lag = told_by(&machine);
        for turn in 0..10 * WHILE {
            machine.took(millis(if turn % WHILE == 0 { 105 } else { 5 }));
        }
        assert_eq!(lag.turn(), millis(10));
        machine.took(millis(105));
        machine.took(millis(105));
        assert_eq!(lag.turn(), millis(15));
    }

    #[test]
    fn a_machine_that_is_slow_all_the_time_counts_as_slow_as_it_is() {
        let machine = Machine::default();
        let lag = told_by(&machine);
        for turn in 1..=60 {
            machine.took(millis(if turn % 3 == 0 { 40 } else { 5 }));
        }
        assert_eq!(lag.turn(), millis(40));
    }

    #[test]
    fn what_is_known_of_the_machine_is_expected_from_the_start() {
        let machine = Machine::default();
        let lag = Lag::known(millis(80));
        machine.tells(&lag);
        machine.took(millis(5));
        assert_eq!(lag.turn(), millis(80));
    }

    #[test]
    fn who_is_gone_is_told_no_more() {
        let machine = Machine::default();
        let lags = [(); 3].map(|()| told_by(&machine));
        drop(lags);
        let lag = told_by(&machine);
        machine.took(millis(20));
        assert_eq!((lag.turn(), machine.taken().told.len()), (millis(1), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_harness_watches_its_own_turns() {
        let machine = Machine::default();
        let watching = tokio::spawn(machine.clone().watch());
        let lag = told_by(&machine);
        clock::pass(BEAT * (TURNS + 1)).await;
        assert_eq!(lag.turn(), BEAT);
        tokio::time::advance(BEAT * 41).await;
        machine.turn().await;
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
