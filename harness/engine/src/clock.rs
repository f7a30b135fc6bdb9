//! The only place where the engine waits for time to pass.

use history::Elapsed;
use std::time::Duration;
use tokio::time::Instant;

/// Measures time since the start of a scenario on tokio's clock, which virtual time moves too.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    started: Instant,
}

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Stopwatch {
            started: Instant::now(),
        }
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Elapsed {
        self.started.elapsed().into()
    }
}

/// Lets time pass.
pub async fn pass(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Waits, on a thread of the runtime, until what is ready now on the same thread has been served.
pub async fn queue() {
    // The latest that was made ready is served first: to queue, one has to be made ready before another.
    let queued = tokio::spawn(async {});
    tokio::spawn(async {});
    let _ = queued.await;
}

/// Waits for `future`, at most for `limit`; `None` if it took longer.
pub async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    #[test]
    fn who_queues_is_served_after_those_who_wait() {
        const CROWD: usize = 50;
        let runtime = embedded::runtime().worker_threads(1).build().unwrap();
        let queues = runtime.spawn(async {
            let served = Arc::new(AtomicUsize::new(0));
            for _ in 0..CROWD {
                let served = served.clone();
                tokio::spawn(async move { served.fetch_add(1, Ordering::Relaxed) });
            }
            queue().await;
            served.load(Ordering::Relaxed)
        });
        assert_eq!(runtime.block_on(queues).unwrap(), CROWD);
    }
}
