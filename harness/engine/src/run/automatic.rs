//! Where to run if nobody says: on k3s if it can be had, and else on the embedded cluster.

use super::ClusterChoice;
#[cfg(feature = "k3s")]
use super::choice::k3s_of_environment;
#[cfg(feature = "k3s")]
use crate::{clock, cluster::k3s::doctor};
#[cfg(feature = "k3s")]
use std::time::Duration;

/// A cluster that nobody named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The cluster.
    pub cluster: ClusterChoice,
    /// Why this one, in words.
    pub because: String,
}

/// How many nodes the embedded cluster has unless somebody wants another number.
pub(super) const NODES: usize = 3;

/// How long it may take to find out whether k3s can be had.
#[cfg(feature = "k3s")]
const LOOK: Duration = Duration::from_secs(5);

impl ClusterChoice {
    /// k3s, as the environment wants it, if a Docker engine answers that has its image or whose registry has it; else the
    /// embedded cluster. Blocks the calling thread for at most five seconds; call it from a plain thread, not from async code.
    pub fn automatic() -> Chosen {
        match look() {
            Ok(k3s) => k3s,
            Err(because) => Chosen {
                cluster: ClusterChoice::Embedded { nodes: NODES },
                because,
            },
        }
    }
}

/// k3s, or why it cannot be had.
#[cfg(feature = "k3s")]
fn look() -> Result<Chosen, String> {
    let options = k3s_of_environment();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("nobody could look for k3s: {error}"))?;
    let found = runtime.block_on(clock::within(LOOK, doctor::examine(&options)));
    // Whoever was asked and is silent is not waited for.
    runtime.shutdown_background();
    let findings =
        found.ok_or_else(|| format!("k3s cannot be had: looking for it took longer than {LOOK:?}"))?;
    if let Some(fatal) = findings.iter().find(|finding| finding.is_fatal()) {
        return Err(format!("k3s cannot be had: {}: {}", fatal.what, fatal.found));
    }
    // The last thing that is looked for is the image.
    let because = findings
        .last()
        .map_or_else(String::new, |last| last.found.clone());
    Ok(Chosen {
        cluster: ClusterChoice::K3s(Box::new(options)),
        because,
    })
}

#[cfg(not(feature = "k3s"))]
fn look() -> Result<Chosen, String> {
    Err("this program was built without k3s".into())
}
