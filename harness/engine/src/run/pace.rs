//! Scenarios begin one after another, each when the machine has dealt with what the one before set going. If they all began
//! at once, the delay that this causes would count as the machine's, and make every hold longer.

use crate::clock::{self, Stopwatch};
use std::time::Duration;
use tokio::sync::Mutex;

/// What lies between two beginnings at least: what a beginning sets going comes in waves, and keeps one core busy for about
/// that long.
const APART: Duration = Duration::from_millis(25);
/// A task that waits no longer than that for its turn finds the machine at ease.
const AT_EASE: Duration = Duration::from_millis(2);
/// A machine that is never at ease is not waited for any longer.
const LONGEST: Duration = Duration::from_millis(100);

/// The turn to begin.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<()>);

impl Pace {
    /// Waits for the turn of one more beginning; they come in the order in which they asked.
    pub(super) async fn turn(&self) {
        let _mine = self.0.lock().await;
        let asked = Stopwatch::start();
        loop {
            clock::pass(APART).await;
            let queued = Stopwatch::start();
            let _ = tokio::spawn(clock::queue()).await;
            if queued.elapsed() < AT_EASE.into() || asked.elapsed() > LONGEST.into() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test(start_paused = true)]
    async fn beginnings_come_one_after_another_in_the_order_of_their_asking() {
        let pace = Arc::new(Pace::default());
        let begun = Stopwatch::start();
        let turns = (0..3_u32).map(|place| {
            let pace = pace.clone();
            async move {
                pace.turn().await;
                (place, Duration::from(begun.elapsed()))
            }
        });
        let turns = futures::future::join_all(turns).await;
        for (place, at) in turns {
            assert!(at >= APART * (place + 1), "{place} {at:?}");
            assert!(at < APART * (place + 2), "{place} {at:?}");
        }
    }
}
