//! The agent that is set aside to be lost: paused, stopped, and brought back.

use super::container::Container;
use crate::cluster::{ClusterError, NodeLoss, SpareNode};
use futures::{FutureExt, future::BoxFuture};
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Seconds between being told to end and being killed: whoever is lost does not take leave.
const LEAVE: i32 = 0;
/// What the cluster may take longer than its grace: until it looks the next time, until pods are driven out, and until an
/// agent that was stopped has started and joined again.
const SLACK: Duration = Duration::from_secs(100);

/// The agent that is set aside. Clones mean the same one.
#[derive(Clone)]
pub struct Spare {
    name: String,
    grace: Duration,
    /// All nodes of the cluster; this one is the last. Empty once they are removed.
    nodes: Arc<Mutex<Vec<Container>>>,
    /// How it is lost at present.
    lost: Arc<std::sync::Mutex<Option<NodeLoss>>>,
    /// Who has it has it alone.
    turn: Arc<Mutex<()>>,
}

impl Spare {
    /// The last of `nodes`. The cluster counts it as lost when it was silent for `grace`.
    pub fn new(name: &str, nodes: Arc<Mutex<Vec<Container>>>, grace: Duration) -> Spare {
        Spare {
            name: name.to_owned(),
            grace,
            nodes,
            lost: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// Waits for its turn.
    pub async fn take(&self) -> Box<dyn SpareNode> {
        let turn = self.turn.clone().lock_owned().await;
        Box::new(Taken {
            spare: self.clone(),
            _turn: turn,
        })
    }

    async fn lose(&self, how: NodeLoss) -> Result<(), ClusterError> {
        let nodes = self.nodes.lock().await;
        let container = self.container(&nodes)?;
        let done = match how {
            NodeLoss::Pause => container.pause().await,
            NodeLoss::Stop => container.stop_with_timeout(Some(LEAVE)).await,
        };
        done.map_err(|error| self.failed(&how.to_string(), error))?;
        self.set_lost(Some(how));
        Ok(())
    }

    async fn bring_back(&self) -> Result<(), ClusterError> {
        let nodes = self.nodes.lock().await;
        let container = self.container(&nodes)?;
        let lost = *self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let done = match lost {
            None => Ok(()),
            Some(NodeLoss::Pause) => container.unpause().await,
            Some(NodeLoss::Stop) => container.start().await,
        };
        done.map_err(|error| self.failed("brought back", error))?;
        self.set_lost(None);
        Ok(())
    }

    fn container<'a>(&self, nodes: &'a [Container]) -> Result<&'a Container, ClusterError> {
        let gone = || self.failed("reached", "its container is removed");
        nodes.last().ok_or_else(gone)
    }

    fn set_lost(&self, lost: Option<NodeLoss>) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = lost;
    }

    fn failed(&self, what: &str, reason: impl ToString) -> ClusterError {
        ClusterError::Node {
            node: self.name.clone(),
            what: what.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// The agent, while one scenario has it.
struct Taken {
    spare: Spare,
    _turn: OwnedMutexGuard<()>,
}

impl SpareNode for Taken {
    fn name(&self) -> &str {
        &self.spare.name
    }

    fn notice(&self) -> Duration {
        self.spare.grace + SLACK
    }

    fn lose(&self, how: NodeLoss) -> BoxFuture<'_, Result<(), ClusterError>> {
        self.spare.lose(how).boxed()
    }

    fn bring_back(&self) -> BoxFuture<'_, Result<(), ClusterError>> {
        self.spare.bring_back().boxed()
    }
}
