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

/// The longest delay seen so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Lag(Arc<AtomicU64>);

/// How often the clock is looked at.
const BEAT: Duration = Duration::from_millis(10);

impl Lag {
    /// The longest delay seen so far.
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }

    /// A delay was seen.
    pub fn saw(&self, delay: Duration) {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        self.0.fetch_max(micros, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_longest_delay_counts() {
        let lag = Lag::default();
        for millis in [3, 70, 20] {
            lag.clone().saw(Duration::from_millis(millis));
        }
        assert_eq!(lag.longest(), Duration::from_millis(70));
    }
}
