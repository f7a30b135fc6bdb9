//! How long the harness waits, calibrated on the candidate and the cluster.

use history::Patience;
use std::time::Duration;

/// The time limits of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What the judge allows.
    pub judge: Patience,
    /// How long a scenario keeps the world frozen to see that something does *not* happen.
    pub hold: Duration,
    /// Silence after which an unreached goal counts as stalled.
    pub quiet: Duration,
    /// The same while a node starts or ends a pod.
    pub quiet_node: Duration,
    /// Longest wait for one goal, whatever happens meanwhile.
    pub longest: Duration,
}

/// The longest that a scenario lets everybody wait on purpose, besides holds (minReadySeconds, preStop hooks).
const LONGEST_SILENCE: Duration = Duration::from_secs(3);
/// The reaction bound on a cluster that is no part of this process: what the specification proposes for real ones
/// (SS-ORD-12).
const ELSEWHERE: Duration = Duration::from_secs(10);
const MILLIS_250: Duration = Duration::from_millis(250);
const MILLIS_400: Duration = Duration::from_millis(400);
/// What a hold lasts longer than the delays known so far ask for: one that turns out later is more often allowed for, and the
/// scenario need not be performed again.
const SPARE: Duration = Duration::from_millis(150);

impl Limits {
    /// From the reaction that was measured: the time from an enabling event to the candidate's next write.
    ///
    /// The staleness window is twenty times the reaction, because a controller under load lags by a multiple of its
    /// usual delay; a hold is that window and a quarter as much again, and a little to spare, so that what is forbidden
    /// and does happen falls outside the window.
    pub fn calibrated(reaction: Duration) -> Limits {
        let staleness = (reaction * 20).clamp(MILLIS_400, Duration::from_secs(10));
        let bound = (reaction * 60).clamp(Duration::from_millis(2_500), Duration::from_secs(30));
        let hold = hold_of(staleness);
        Limits {
            judge: Patience {
                staleness_ms: millis(staleness),
                reaction_ms: millis(bound),
                settle_ms: millis(staleness),
                dns_ms: millis(staleness),
            },
            hold,
            quiet: (bound + MILLIS_250).max(on_purpose(hold)),
            quiet_node: Duration::ZERO,
            longest: bound * 20,
        }
    }

    /// On a cluster whose nodes may say nothing for so long while they start or end a pod. Such a cluster is no part of this
    /// process, and its controllers have all scenarios to serve with the requests that their clients allow them: a
    /// controller manager sends twenty a second unless told otherwise.
    #[must_use]
    pub fn with_nodes(mut self, silence: Duration) -> Limits {
        self.quiet_node = silence;
        if !silence.is_zero() {
            let bound = self.judge.reaction().max(ELSEWHERE);
            self.judge.reaction_ms = millis(bound);
            self.quiet = self.quiet.max(bound + MILLIS_250);
            self.longest = self.longest.max(bound * 20);
        }
        self
    }

    /// While pods are started or ended if `moving` tells so, which is no silence of the candidate's.
    #[must_use]
    pub fn while_pods_move(mut self, moving: impl FnOnce() -> bool) -> Limits {
        if self.quiet_node > self.quiet && moving() {
            self.quiet = self.quiet_node;
            self.longest = self.longest.max(self.quiet_node * 20);
        }
        self
    }

    /// While the cluster does what it may take so long for.
    #[must_use]
    pub fn granting(mut self, patience: Duration) -> Limits {
        self.quiet = patience;
        self.quiet_node = Duration::ZERO;
        self.longest = patience;
        self
    }

    /// While the candidate waits for up to so long before it tries again what it was refused.
    #[must_use]
    pub fn with_retries(mut self, pause: Duration) -> Limits {
        self.quiet += pause;
        self.longest += pause;
        self
    }

    /// In a wait that had `before` to last a moment ago: time that pods took to move is not held against it once they stand
    /// still.
    #[must_use]
    pub fn lasting(mut self, before: Duration) -> Limits {
        self.longest = self.longest.max(before);
        self
    }

    /// On a cluster whose DNS keeps answers for so long.
    #[must_use]
    pub fn with_dns_cache(mut self, kept: Duration) -> Limits {
        self.judge.dns_ms += millis(kept);
        self
    }

    /// How long to hold still on a machine that needs `lag` for a turn.
    pub fn hold_despite(&self, lag: Duration) -> Duration {
        let stretched = self.judge.stretched(millis(lag)).staleness();
        if stretched > self.judge.staleness() {
            hold_of(stretched)
        } else {
            self.hold
        }
    }

    /// Whether a hold was too short for the delay that turned out in the end: the judge then cannot tell what was meant
    /// in it from what was late. A tenth more than the judge's window, because what a rule watches begins within a hold.
    pub fn spoiled(&self, shortest_hold: Duration, lag: Duration) -> bool {
        shortest_hold.saturating_mul(10) < self.judge.stretched(millis(lag)).staleness() * 11
    }

    /// Silence after which an unreached goal counts as stalled on such a machine.
    pub fn quiet_despite(&self, lag: Duration) -> Duration {
        let judge = self.judge.stretched(millis(lag));
        self.quiet
            .max(judge.reaction() + MILLIS_250)
            .max(on_purpose(self.hold_despite(lag)))
    }

    /// Limits in virtual time: time costs nothing, so a minute of silence is affordable.
    pub fn virtual_time() -> Limits {
        Limits {
            judge: Patience {
                staleness_ms: 2_000,
                reaction_ms: 10_000,
                settle_ms: 2_000,
                dns_ms: 2_000,
            },
            hold: Duration::from_secs(10),
            // Longer than anything that a scenario lets last longer than a hold.
            quiet: Duration::from_secs(30),
            quiet_node: Duration::ZERO,
            longest: Duration::from_secs(1_200),
        }
    }
}

/// The longest silence that a scenario makes on purpose: it lets pods stop and start for as long as some holds take. Those
/// that wait for the DNS are longer where it keeps answers, and are waited for as nodes are.
fn on_purpose(hold: Duration) -> Duration {
    hold * 2 + LONGEST_SILENCE
}

fn hold_of(staleness: Duration) -> Duration {
    staleness + staleness / 4 + SPARE
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_that_a_scenario_makes_on_purpose_proves_nothing() {
        let limits = Limits::calibrated(Duration::from_millis(5));
        for lag in [0, 20, 82, 300] {
            let lag = Duration::from_millis(lag);
            // `create-waits-for-terminating` has a pod stop for four holds, in whole seconds, and waits for it after two.
            let silent = limits.hold_despite(lag) * 2 + Duration::from_secs(1);
            assert!(limits.quiet_despite(lag) > silent, "{lag:?}");
        }
        assert_eq!(limits.quiet_despite(Duration::ZERO), limits.quiet);
    }

    #[test]
    fn a_hold_is_spoiled_by_a_delay_that_came_after_it() {
        let limits = Limits::calibrated(Duration::from_millis(5));
        for millis in [0, 20, 100, 1_000] {
            let lag = Duration::from_millis(millis);
            let hold = limits.hold_despite(lag);
            assert!(!limits.spoiled(hold, lag), "{hold:?} for {lag:?}");
            assert!(limits.spoiled(hold, lag * 2 + Duration::from_millis(40)));
        }
        assert!(!limits.spoiled(Duration::MAX, Duration::from_secs(1)), "no hold");
    }

    #[test]
    fn silence_before_a_retry_proves_nothing_until_the_judge_would_say_so() {
        let limits = Limits::calibrated(Duration::from_millis(5));
        let pause = Duration::from_secs(6);
        let patient = limits.with_retries(pause);
        assert!(patient.quiet > limits.judge.reaction() + pause, "{patient:?}");
        assert_eq!(limits.with_retries(Duration::ZERO), limits);
    }

    #[test]
    fn a_node_that_starts_a_pod_is_given_its_time() {
        let limits = Limits::calibrated(Duration::from_millis(5));
        assert_eq!(
            limits.while_pods_move(|| true),
            limits,
            "nodes that are ours are quick"
        );
        let limits = limits.with_nodes(Duration::from_secs(30));
        assert_eq!(limits.judge.reaction(), ELSEWHERE);
        assert!(limits.quiet > ELSEWHERE);
        assert_eq!(limits.while_pods_move(|| false), limits, "no pod moves");
        let moving = limits.while_pods_move(|| true);
        assert_eq!(
            (moving.quiet, moving.longest),
            (Duration::from_secs(30), Duration::from_mins(10))
        );
        let still = limits.while_pods_move(|| false).lasting(moving.longest);
        assert_eq!((still.quiet, still.longest), (limits.quiet, moving.longest));
    }

    #[test]
    fn the_cluster_is_granted_just_that() {
        let limits = Limits::calibrated(Duration::from_millis(5)).with_nodes(Duration::from_secs(30));
        let patience = Duration::from_secs(10);
        let granted = limits.granting(patience).while_pods_move(|| true);
        assert_eq!((granted.quiet, granted.longest), (patience, patience));
    }

    #[test]
    fn a_hold_outlasts_the_staleness_window() {
        for reaction in [1, 5, 50, 500, 5_000] {
            let limits = Limits::calibrated(Duration::from_millis(reaction));
            assert!(limits.hold > limits.judge.staleness(), "{limits:?}");
            assert!(limits.quiet > limits.judge.reaction(), "{limits:?}");
        }
    }
}
