//! Nodes that are set aside to be lost.
//!
//! Scenarios run side by side on one cluster, so none of them may lose a node that others use. A cluster that can lose one
//! sets it aside: it carries the taint [`SPARE`], and nothing is placed there but what tolerates it.

use super::ClusterError;
use futures::future::BoxFuture;
use std::{fmt, time::Duration};

/// Key of the taint, with the effect NoSchedule, and of the label of a node that is set aside to be lost.
pub const SPARE: &str = "ordinal.dev/spare";

/// How a node is lost. In either case nobody hears of it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeLoss {
    /// It hangs or is cut off: nobody can tell whether what is on it runs.
    Pause,
    /// It ends, and everything that ran there with it.
    Stop,
}

impl fmt::Display for NodeLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NodeLoss::Pause => "paused",
            NodeLoss::Stop => "stopped",
        })
    }
}

/// A node that one scenario has to itself, for as long as it keeps this.
pub trait SpareNode: Send + Sync {
    /// Name of the Node, and value of its label `kubernetes.io/hostname`.
    fn name(&self) -> &str;

    /// How long the cluster may take to notice that it is lost or back, and to take away what is on it.
    fn notice(&self) -> Duration;

    /// Loses it.
    fn lose(&self, how: NodeLoss) -> BoxFuture<'_, Result<(), ClusterError>>;

    /// Brings it back, however it was lost. Does nothing if it is not lost.
    fn bring_back(&self) -> BoxFuture<'_, Result<(), ClusterError>>;
}
