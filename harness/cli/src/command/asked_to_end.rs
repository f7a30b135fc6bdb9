//! How a command is asked to end.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, SIGTERM as service managers send it, and SIGHUP when the terminal is closed. None is lost between two waits.
pub(crate) struct AskedToEnd {
    interrupt: Signal,
    terminate: Signal,
    /// Until it has come: a shell and the system may both tell that one terminal is gone.
    hangup: Option<Signal>,
}

impl AskedToEnd {
    /// Listens from now on. To be called on a runtime.
    pub(crate) fn listen() -> anyhow::Result<AskedToEnd> {
        let on = |kind| signal(kind).context("no way to be told to end");
        Ok(AskedToEnd {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hangup: match outlives_its_terminal() {
                true => None,
                false => Some(on(SignalKind::hangup())?),
            },
        })
    }

    /// Listens from now on, on a thread beside work that blocks.
    pub(crate) fn beside(then: impl AsyncFnOnce(AskedToEnd) + Send + 'static) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("no runtime")?;
        let asked_to_end = {
            let _on_it = runtime.enter();
            AskedToEnd::listen()?
        };
        std::thread::spawn(move || runtime.block_on(then(asked_to_end)));
        Ok(())
    }

    /// Waits for the next one.
    pub(crate) async fn wait(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        let hung_up = tokio::select! {
            _ = self.interrupt.recv() => false,
            _ = self.terminate.recv() => false,
            _ = hangup => true,
        };
        if hung_up {
            self.hangup = None;
        }
    }
}

/// Whether it was started by `nohup`, or otherwise so that SIGHUP does nothing to it. Where the system does not say so it was
/// not.
fn outlives_its_terminal() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// Whether the status of a process, as Linux shows it, says that it ignores SIGHUP.
fn ignores_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is the first signal.
    ignored.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_tells() {
        assert!(ignores_hangup(
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n"
        ));
        assert!(!ignores_hangup(
            "SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n"
        ));
        assert!(!ignores_hangup("Name:\tordinal\n"));
    }
}
