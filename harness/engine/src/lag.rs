//! How long the machine keeps the harness itself waiting.
//!
//! On a busy machine everybody is slow, the candidate too. What the harness measures of its own delays tells how much
//! more patient the judge has to be, without asking the candidate.

use crate::clock;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// The longest delay seen so far, and the shortest time that a scenario held still. Clones share both.
#[derive(Clone, Debug)]
pub struct Lag(Arc<Micros>);

#[derive(Debug)]
struct Micros {
    longest: AtomicU64,
    shortest_hold: AtomicU64,
}

/// How often the clock is looked at.
const BEAT: Duration = Duration::from_millis(10);

impl Lag {
    /// On a machine that is known to have kept the harness waiting for so long.
    pub fn known(longest: Duration) -> Lag {
        Lag(Arc::new(Micros {
            longest: AtomicU64::new(micros(longest)),
            shortest_hold: AtomicU64::new(u64::MAX),
        }))
    }

    /// The longest delay seen so far.
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.0.longest.load(Ordering::Relaxed))
    }

    /// A delay was seen.
    pub fn saw(&self, delay: Duration) {
        self.0.longest.fetch_max(micros(delay), Ordering::Relaxed);
    }

    /// A scenario held still for so long.
    pub fn held(&self, hold: Duration) {
        self.0.shortest_hold.fetch_min(micros(hold), Ordering::Relaxed);
    }

    /// The shortest time that the scenario held still; the longest time there is if it never did.
    pub fn shortest_hold(&self) -> Duration {
        Duration::from_micros(self.0.shortest_hold.load(Ordering::Relaxed))
    }

    /// Watches until it is dropped: by how much does the harness wake too late?
    pub async fn watch(self) {
        loop {
            let asleep = Instant::now();
            clock::pass(BEAT).await;
            self.saw(asleep.elapsed().saturating_sub(BEAT));
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_longest_delay_counts() {
        let lag = Lag::known(Duration::ZERO);
        for millis in [3, 70, 20] {
            lag.clone().saw(Duration::from_millis(millis));
        }
        assert_eq!(lag.longest(), Duration::from_millis(70));
    }

    #[test]
    fn only_the_shortest_hold_counts() {
        let lag = Lag::known(Duration::ZERO);
        for millis in [900, 650, 4_000] {
            lag.clone().held(Duration::from_millis(millis));
        }
        assert_eq!(lag.shortest_hold(), Duration::from_millis(650));
    }
}
