//! Verbs that wait.

use super::{Inner, Stage, StepError, settled};
use crate::{clock, lag::Lag, patience::Limits, world::World};
use serde_json::Value;
use std::{pin::pin, time::Duration};

/// Whether a condition holds; if not, what was seen in its place.
pub type Seen = Result<(), String>;

/// So many observations while one thing is waited for mean that somebody writes without end. Where time stands still as
/// long as anybody is busy, nothing else would end the wait.
const TOO_MANY: usize = 20_000;

impl Stage {
    /// Waits until `condition`, which sees nothing but the world, holds. Reacts to the very event that makes it true.
    ///
    /// # Errors
    /// When the world fell silent, or took too long, or the candidate ended, before the condition held.
    pub async fn until(&self, goal: &str, condition: impl Fn(&World) -> Seen) -> Result<(), StepError> {
        let limits = || self.inner.limits;
        self.until_within(limits, std::convert::identity, goal, condition)
            .await
    }

    /// The same for what the cluster alone has to do, and may take about `patience` for. The candidate is not to blame if
    /// it does not, unless it writes without end.
    pub(super) async fn until_cluster(
        &self,
        patience: Duration,
        goal: &str,
        condition: impl Fn(&World) -> Seen,
    ) -> Result<(), StepError> {
        let limits = self.inner.limits.granting(patience);
        let late = |error| match error {
            StepError::NotReached { goal, last, why } => StepError::Cluster(format!("{goal}: {last}; {why}")),
            other => other,
        };
        self.until_within(|| limits, late, goal, condition).await
    }

    /// The same with other limits, which may change while it lasts, and what becomes of the error when they are over.
    async fn until_within(
        &self,
        limits: impl Fn() -> Limits,
        late: fn(StepError) -> StepError,
        goal: &str,
        condition: impl Fn(&World) -> Seen,
    ) -> Result<(), StepError> {
        let Inner {
            recorder,
            candidate,
            lag,
            ..
        } = self.inner.as_ref();
        self.note("wait", goal.into());
        let mut arrivals = recorder.arrivals();
        let mut candidate = candidate.clone();
        let enough = *arrivals.borrow() + TOO_MANY;
        let started = clock::Stopwatch::start();
        let mut longest = Duration::ZERO;
        let mut looked: Option<(usize, String)> = None;
        loop {
            arrivals.mark_unchanged();
            let before = looked.as_ref().map(|(changes, _)| *changes);
            let seen = recorder.look(|world| {
                let changes = world.changes();
                (before != Some(changes)).then(|| (changes, condition(world)))
            });
            match seen {
                Some((_, Ok(()))) => {
                    self.note("reached", goal.into());
                    return Ok(());
                }
                Some((changes, Err(last))) => looked = Some((changes, last)),
                // Most of what arrives changes nothing that a condition sees.
                None => {}
            }
            let last = looked.as_ref().map_or("", |(_, last)| last.as_str());
            if let Some(ended) = candidate.borrow_and_update().clone() {
                return Err(StepError::CandidateEnded(ended));
            }
            let not_reached = |why: String| {
                self.note("failed", format!("{goal}: {last}; {why}"));
                StepError::NotReached {
                    goal: goal.into(),
                    last: last.into(),
                    why,
                }
            };
            if *arrivals.borrow() > enough {
                return Err(not_reached(format!("gave up after {TOO_MANY} observations")));
            }
            let limits = limits()
                .while_pods_move(|| recorder.look(World::pods_move))
                .lasting(longest);
            longest = limits.longest;
            if started.elapsed() > longest.into() {
                return Err(late(not_reached(format!("gave up after {longest:?}"))));
            }
            let arrival = silence(limits, lag, async {
                tokio::select! {
                    biased;
                    // An error means that nobody watches over the candidate: it is part of the cluster.
                    Ok(()) = candidate.changed() => {}
                    _ = arrivals.changed() => {}
                }
            });
            if let Err(silent) = arrival.await {
                return Err(late(not_reached(format!("nothing happened for {silent:?}"))));
            }
        }
    }

    /// Keeps the world frozen for longer than the staleness window, so that what happens in it is meant, and what
    /// must not happen has time to.
    ///
    /// # Errors
    /// When the candidate ended.
    pub async fn keep_still(&self) -> Result<(), StepError> {
        self.keep_still_for(|| self.hold_now()).await
    }

    /// Keeps the world frozen until answers of the DNS that are out of date have run out as well.
    ///
    /// # Errors
    /// When the candidate ended.
    pub async fn keep_names_still(&self) -> Result<(), StepError> {
        self.keep_still_for(|| self.hold_now() + self.names_longer())
            .await
    }

    async fn keep_still_for(&self, hold: impl Fn() -> Duration) -> Result<(), StepError> {
        let mut candidate = self.inner.candidate.clone();
        let still = async { self.inner.lag.held(stillness(hold).await) };
        let ended = async move {
            match candidate
                .wait_for(Option::is_some)
                .await
                .map(|ended| ended.clone())
            {
                Ok(ended) => ended,
                // Nobody watches over a controller that is part of the cluster.
                Err(_) => std::future::pending().await,
            }
        };
        let mut arrivals = self.inner.recorder.arrivals();
        let enough = *arrivals.borrow() + TOO_MANY;
        tokio::select! {
            biased;
            Some(ended) = ended => Err(StepError::CandidateEnded(ended)),
            () = still => Ok(()),
            Ok(_) = arrivals.wait_for(|seen| *seen > enough) => Err(StepError::NotReached {
                goal: "the time to hold still to pass".into(),
                last: format!("{TOO_MANY} observations"),
                why: "the world does not come to rest".into(),
            }),
        }
    }

    /// Waits until the set is settled: the spec observed, all members there, Ready, at the revision they ought to have,
    /// and the status says so.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_settled(&self, set: &str) -> Result<(), StepError> {
        self.until(&format!("{set} settled"), |world| settled(world, set))
            .await
    }

    /// Waits until a DaemonSet is settled: the spec observed, one Ready pod on each node that wants one.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_daemon_settled(&self, name: &str) -> Result<(), StepError> {
        self.until(&format!("{name} settled"), |world| {
            let set = world.object("daemonsets", name).ok_or("it does not exist")?;
            let number = |pointer: &str| set.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
            if number("/status/observedGeneration") != number("/metadata/generation") {
                return Err("its generation is not observed yet".into());
            }
            let (desired, ready) = (
                number("/status/desiredNumberScheduled"),
                number("/status/numberReady"),
            );
            let healthy = world.pods().filter(|(_, state)| state.healthy()).count() as u64;
            if desired == 0 || ready != desired || healthy != desired {
                return Err(format!(
                    "{desired} desired, {ready} reported ready, {healthy} are"
                ));
            }
            Ok(())
        })
        .await
    }

    /// Waits until exactly these ordinals of a set exist, whatever their state.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_members(&self, set: &str, ordinals: &[u32]) -> Result<(), StepError> {
        self.until(&format!("members {ordinals:?} of {set}"), |world| {
            let there: Vec<u32> = world.members(set).keys().map(|ordinal| ordinal.0).collect();
            if there == ordinals {
                Ok(())
            } else {
                Err(world.describe_pods())
            }
        })
        .await
    }

    /// Waits until a pod is Ready and not terminating.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_ready(&self, pod: &str) -> Result<(), StepError> {
        self.until(&format!("{pod} Ready"), |world| match world.pod(pod) {
            Some(state) if state.healthy() => Ok(()),
            Some(state) => Err(state.describe()),
            None => Err("it does not exist".into()),
        })
        .await
    }

    /// Waits until a pod is marked for deletion.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_terminating(&self, pod: &str) -> Result<(), StepError> {
        self.until(&format!("{pod} terminating"), |world| match world.pod(pod) {
            Some(state) if state.terminating => Ok(()),
            _ => Err(world.describe_pods()),
        })
        .await
    }

    /// Waits until a pod runs but is not Ready.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_running_unready(&self, pod: &str) -> Result<(), StepError> {
        self.until(&format!("{pod} Running but not Ready"), |world| {
            match world.pod(pod) {
                Some(state) if state.phase == "Running" && !state.ready && !state.terminating => Ok(()),
                Some(state) => Err(state.describe()),
                None => Err("it does not exist".into()),
            }
        })
        .await
    }

    /// Waits until a pod is there and kept from the nodes.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_pending(&self, pod: &str) -> Result<(), StepError> {
        self.until(&format!("{pod} Pending"), |world| match world.pod(pod) {
            Some(state) if state.phase == "Pending" && !state.terminating => Ok(()),
            Some(state) => Err(state.describe()),
            None => Err("it does not exist".into()),
        })
        .await
    }

    /// Waits until a pod has another UID than `old` and is Ready.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_replaced(&self, pod: &str, old: &str) -> Result<(), StepError> {
        self.until(&format!("{pod} replaced and Ready"), |world| {
            replaced(world, pod, old)
        })
        .await
    }

    /// The same for a pod that had a member's name since `since` without being one. A controller that is refused the name
    /// tries again ever more rarely, at worst after as long again, and hears nothing of the end of a pod that is not its own.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_stranger_replaced(
        &self,
        pod: &str,
        old: &str,
        since: clock::Stopwatch,
    ) -> Result<(), StepError> {
        let goal = format!("{pod} replaced and Ready");
        let limits = || self.inner.limits.with_retries(since.elapsed().into());
        let seen = |world: &World| replaced(world, pod, old);
        self.until_within(limits, std::convert::identity, &goal, seen)
            .await
    }

    /// Waits until an object is gone.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn until_gone(&self, resource: &str, name: &str) -> Result<(), StepError> {
        self.until(&format!("{resource} {name} gone"), |world| {
            match world.object(resource, name) {
                None => Ok(()),
                Some(_) => Err("it is still there".into()),
            }
        })
        .await
    }

    /// UID of a pod.
    ///
    /// # Errors
    /// When there is no such pod.
    pub fn pod_uid(&self, pod: &str) -> Result<String, StepError> {
        self.look(|world| world.uid("pods", pod))
            .ok_or_else(|| StepError::NotReached {
                goal: format!("the UID of {pod}"),
                last: self.look(World::describe_pods),
                why: "it does not exist".into(),
            })
    }
}

/// Whether a pod has another UID than `old` and is Ready.
fn replaced(world: &World, pod: &str, old: &str) -> Seen {
    match (world.uid("pods", pod), world.pod(pod)) {
        (Some(uid), Some(state)) if uid != old && state.healthy() => Ok(()),
        (Some(uid), Some(_)) if uid == old => Err("the old pod is still there".into()),
        (_, Some(state)) => Err(state.describe()),
        _ => Err("it does not exist".into()),
    }
}

/// Lets time pass for as long as `hold` says in the end; how long that was. A machine that turns out to be slow meanwhile
/// makes it last longer.
async fn stillness(hold: impl Fn() -> Duration) -> Duration {
    let begun = clock::Stopwatch::start();
    loop {
        let enough = hold();
        let left = enough.saturating_sub(begun.elapsed().into());
        if left.is_zero() {
            return enough;
        }
        clock::pass(left).await;
    }
}

/// Waits for an arrival, as long as silence means nothing; how long it was silent if none came.
///
/// A machine that turns out to be slow meanwhile makes the wait longer: what the judge allows for such a machine has to
/// pass before silence proves anything.
async fn silence(limits: Limits, lag: &Lag, arrival: impl Future<Output = ()>) -> Result<(), Duration> {
    let mut arrival = pin!(arrival);
    let begun = clock::Stopwatch::start();
    let mut enough = limits.quiet_despite(lag.turn());
    loop {
        let left = enough.saturating_sub(begun.elapsed().into());
        if clock::within(left, arrival.as_mut()).await.is_some() {
            return Ok(());
        }
        let silent: Duration = begun.elapsed().into();
        lag.saw(silent.saturating_sub(enough));
        enough = limits.quiet_despite(lag.turn());
        if silent >= enough {
            return Err(enough);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if the machine needed so long for each turn for a while.
    fn is_slow(lag: &Lag, turn: Duration) {
        lag.saw(turn * history::TURNS);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_means_nothing_until_the_judge_would_have_been_patient_enough() {
        let limits = Limits::calibrated(Duration::from_millis(5));
        let lag = Lag::known(Duration::ZERO);
        let slow = Duration::from_secs(1);
        let turns_out_slow = async {
            clock::pass(limits.quiet / 2).await;
            is_slow(&lag, slow);
        };
        let never = std::future::pending();
        let begun = clock::Stopwatch::start();
        let (silent, ()) = tokio::join!(silence(limits, &lag, never), turns_out_slow);
        assert_eq!(silent, Err(limits.quiet_despite(slow)));
        assert!(Duration::from(begun.elapsed()) >= limits.quiet_despite(slow));
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_turns_out_slow_is_held_still_on_for_longer() {
        let limits = Limits::calibrated(Duration::from_millis(5));
        let lag = Lag::known(Duration::ZERO);
        let hold = || limits.hold_despite(lag.turn());
        let slow = Duration::from_millis(80);
        let turns_out_slow = async {
            clock::pass(limits.hold / 2).await;
            is_slow(&lag, slow);
        };
        let begun = clock::Stopwatch::start();
        let (held, ()) = tokio::join!(stillness(hold), turns_out_slow);
        assert_eq!(held, limits.hold_despite(slow));
        assert!(held > limits.hold && Duration::from(begun.elapsed()) >= held);
        assert!(!limits.spoiled(held, slow));
    }

    #[tokio::test(start_paused = true)]
    async fn an_arrival_ends_the_silence_of_a_slow_machine_too() {
        let limits = Limits::calibrated(Duration::from_millis(5));
        let lag = Lag::known(Duration::ZERO);
        let late = async {
            clock::pass(limits.quiet / 2).await;
            is_slow(&lag, Duration::from_secs(1));
            clock::pass(limits.quiet).await;
        };
        assert_eq!(silence(limits, &lag, late).await, Ok(()));
    }
}
