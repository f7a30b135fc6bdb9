//! What a scenario works with: verbs.

mod error;
mod foreign;
mod image;
mod node;
mod readiness;
mod request;
mod settled;
mod traffic;
mod wait;
mod write;

pub use error::StepError;
pub use settled::settled;

use crate::{
    candidate::Ended,
    cluster::{Cluster, SpareNode},
    gate::GateKeeper,
    lag::Lag,
    manifest::Overlay,
    patience::Limits,
    recorder::Recorder,
    world::World,
};
use history::{Note, Observation};
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::{OnceCell, watch};

/// A namespace, a cluster and a history: what a scenario works with. Cheap to clone.
#[derive(Clone)]
pub struct Stage {
    inner: Arc<Inner>,
}

/// What a stage is made of.
pub(crate) struct Inner {
    pub namespace: String,
    pub cluster: Arc<dyn Cluster>,
    pub client: kube::Client,
    pub recorder: Recorder,
    pub gates: GateKeeper,
    pub limits: Limits,
    pub overlay: Overlay,
    pub candidate: watch::Receiver<Option<Ended>>,
    pub lag: Lag,
    /// The node that was set aside for the scenario, once it asked for one.
    pub spare: OnceCell<Box<dyn SpareNode>>,
}

/// Whether a condition holds; if not, what was seen in its place.
pub type Seen = Result<(), String>;

impl Stage {
    pub(crate) fn new(inner: Inner) -> Stage {
        Stage {
            inner: Arc::new(inner),
        }
    }

    /// The scenario's own namespace.
    pub fn namespace(&self) -> &str {
        &self.inner.namespace
    }

    /// The time limits of the run.
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// How long the world is kept frozen, on this machine as busy as it has been so far. A scenario that reckons with it is
    /// performed again if it turns out to be too short.
    pub fn hold_time(&self) -> Duration {
        let hold = self.hold_now();
        self.inner.lag.held(hold);
        hold
    }

    /// How long the world is kept frozen so that answers of the DNS that are out of date have run out as well. To be reckoned
    /// with as [`Stage::hold_time`].
    pub fn names_hold_time(&self) -> Duration {
        self.hold_time() + self.names_longer()
    }

    /// The same for a hold that can still be made longer.
    fn hold_now(&self) -> Duration {
        self.inner.limits.hold_despite(self.inner.lag.turn())
    }

    /// How much longer a hold is for the sake of the DNS.
    fn names_longer(&self) -> Duration {
        let judge = self.inner.limits.judge;
        judge.dns().saturating_sub(judge.staleness()) * 3 / 2
    }

    /// Reads the present state of the world.
    pub fn look<T>(&self, read: impl FnOnce(&World) -> T) -> T {
        self.inner.recorder.look(read)
    }

    /// Begins a step of the story. Steps delimit what the snapshot of a story shows.
    pub fn step(&self, text: impl Into<String>) {
        self.note("step", text.into());
    }

    pub(super) fn note(&self, kind: &str, text: String) {
        tracing::debug!(namespace = self.namespace(), kind, text);
        self.inner.recorder.record(Observation::Note(Note {
            kind: kind.into(),
            text,
        }));
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("namespace", &self.namespace())
            .finish_non_exhaustive()
    }
}
