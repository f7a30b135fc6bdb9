//! What a run tells while it goes on.

use reports::Outcome;
use std::time::Duration;

/// One piece of news.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// The cluster answers.
    ClusterReady {
        /// Which cluster.
        cluster: String,
        /// How long it took.
        after: Duration,
    },
    /// The candidate showed its first sign of life.
    Calibrated {
        /// The slowest reaction seen.
        reaction: Duration,
        /// How long scenarios hold still.
        hold: Duration,
    },
    /// What the run made on a cluster that is reached over a network is removed; that may take a while.
    Leaving {
        /// Which cluster.
        cluster: String,
    },
    /// What the harness asked of an API server over a network, when all is done.
    Asked {
        /// How many requests it sent since the cluster was ready.
        requests: u64,
        /// How many of them in a second, on average.
        per_second: f64,
    },
    /// A namespace outlives the run.
    Kept {
        /// Its name.
        namespace: String,
    },
    /// A scenario begins.
    Started {
        /// Its name.
        scenario: &'static str,
    },
    /// The machine was too slow for what a scenario had to watch, so that it is performed once more.
    Repeated {
        /// Its name.
        scenario: &'static str,
        /// How long the machine needed for a turn of the harness.
        turn: Duration,
    },
    /// A scenario is over.
    Finished {
        /// Its name.
        scenario: &'static str,
        /// How it ended.
        outcome: Outcome,
        /// How long it took, in seconds.
        seconds: f64,
        /// How many observations it recorded.
        events: usize,
    },
}
