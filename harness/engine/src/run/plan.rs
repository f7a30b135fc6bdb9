//! What is to be run.

use crate::{
    candidate::{Candidate, LaunchError},
    cluster::ClusterError,
    observe::ObserveError,
    scenario::Scenario,
};
use judging::Rule;
use std::{path::PathBuf, str::FromStr};

/// Where to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterChoice {
    /// A cluster in this process, with so many nodes.
    Embedded {
        /// How many nodes it has.
        nodes: usize,
    },
}

impl FromStr for ClusterChoice {
    type Err = judging::UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "embedded" => Ok(ClusterChoice::Embedded { nodes: 3 }),
            _ => Err(judging::UnknownName {
                what: "cluster",
                name: name.into(),
                known: vec!["embedded"],
            }),
        }
    }
}

/// How time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// As on the wall: real sockets, real waiting.
    Real,
    /// As soon as everybody waits, the clock jumps to what comes next. Needs a candidate and a cluster in this process.
    /// The same seed gives the same history, byte for byte.
    Virtual {
        /// Seed of all identifiers.
        seed: u64,
    },
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where.
    pub cluster: ClusterChoice,
    /// Who is certified.
    pub candidate: Candidate,
    /// The scenarios.
    pub scenarios: Vec<Scenario>,
    /// The rules that histories are judged by.
    pub rules: Vec<&'static Rule>,
    /// Every rule there is: what a known deviation of the candidate may name.
    pub all_rules: Vec<&'static Rule>,
    /// How many scenarios run side by side.
    pub jobs: usize,
    /// Where histories are kept; nowhere if absent.
    pub out: Option<PathBuf>,
    /// How time passes.
    pub time: Time,
}

/// Why a plan could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The plan asks for something impossible.
    #[error("{0}")]
    Usage(String),
    /// The cluster failed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The candidate could not be started.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The cluster cannot be observed.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// A file of the run could not be written.
    #[error("writing {} failed: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The harness itself is broken.
    #[error("the harness failed: {0}")]
    Harness(String),
}

impl Plan {
    pub(super) fn check(&self) -> Result<(), RunError> {
        if self.jobs == 0 {
            return Err(RunError::Usage(
                "no scenario can run with 0 jobs; give at least 1".into(),
            ));
        }
        if matches!(self.time, Time::Virtual { .. }) && !self.candidate.is_in_process() {
            return Err(RunError::Usage(format!(
                "virtual time needs a candidate in this process, and {} is not; use real time",
                self.candidate.name
            )));
        }
        Ok(())
    }
}
