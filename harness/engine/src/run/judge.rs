//! Judging a history while other scenarios still run.

use super::{Kept, RunError, performed::Recorded, scenario::Venue};
use crate::{candidate::panic_text, environment};
use history::{History, Ledger};
use std::panic::{self, AssertUnwindSafe};
use tokio::sync::oneshot;

/// Judges a history. In real time on a thread of its own, where the history is dropped as well: both take so long that
/// others would be late.
pub(super) async fn judged(history: History, venue: &Venue<'_>) -> Result<Recorded, RunError> {
    let (rules, keep) = (venue.rules.to_vec(), venue.keep_histories);
    let work = move || {
        let ledger = Ledger::build(&history);
        Recorded {
            judgements: judging::judge_all(&rules, &ledger),
            environment: environment::faults(&ledger),
            events: history.len(),
            history: keep.then_some(history),
            kept: Kept::default(),
            spoiled_by: None,
        }
    };
    if venue.machine.is_none() {
        return Ok(work());
    }
    let (tell, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("judge".into());
    let begun = thread.spawn(move || {
        step_back();
        // Nobody waits for the judgement of a run that was ended at once.
        let _ = tell.send(panic::catch_unwind(AssertUnwindSafe(work)));
    });
    let failed = |why: &str| RunError::Harness(format!("judging failed: {why}"));
    begun.map_err(|error| failed(&error.to_string()))?;
    let judged = told.await.map_err(|_| failed("its thread is gone"))?;
    judged.map_err(|panic| failed(panic_text(panic.as_ref())))
}

/// Lets the other threads of this process go first.
fn step_back() {
    // Elsewhere the whole process would step back.
    #[cfg(target_os = "linux")]
    {
        /// How much less the judge may have of a busy processor: waits and the cluster come first.
        const NICE: i32 = 10;
        if let Err(error) = rustix::process::nice(NICE) {
            tracing::debug!(%error, "judging has the priority of everything else");
        }
    }
}
