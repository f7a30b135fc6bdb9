//! What is to be run.

use super::ClusterChoice;
use crate::{
    candidate::{Candidate, Deployment, LaunchError, Processes},
    cluster::{ClusterError, DnsFault},
    observe::ObserveError,
    scenario::Scenario,
};
use judging::Rule;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Which namespaces outlive the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// None.
    #[default]
    Never,
    /// Those of scenarios that did not complete or broke a rule, but for those that a stopped run broke off.
    Failed,
    /// All.
    Always,
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
    /// Why this cluster, if nobody named one.
    pub chosen_because: Option<String>,
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
    /// Which namespaces outlive the run.
    pub keep: Keep,
    /// Whether histories stay in memory after they were judged; they are large, and reports do not need them.
    pub keep_histories: bool,
    /// A defect of the embedded cluster's DNS, to see the rules about names bite; only in virtual time.
    pub dns_fault: Option<DnsFault>,
    /// Ends the run without judging anything once it is cancelled. The candidate ends with it; what the run made on a
    /// cluster that is there already stays.
    pub at_once: CancellationToken,
    /// The processes of the run while it goes on: whoever ends this very process without waiting for the run kills them.
    pub processes: Processes,
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
    #[error("writing {} failed: {source}; free space there, or give another --out", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Somebody stopped the run before there was anything to judge.
    #[error("the run was stopped before the cluster was ready")]
    Stopped,
    /// Somebody ended the run at once.
    #[error("the run was ended at once: nothing is judged, and what it made on a cluster may be left")]
    EndedAtOnce,
    /// The harness itself is broken.
    #[error("the harness failed: {0}")]
    Harness(String),
}

impl Plan {
    /// The same, with histories and the logs of candidate and cluster in that folder.
    #[must_use]
    pub fn keeping_in(mut self, folder: PathBuf) -> Plan {
        #[cfg(feature = "k3s")]
        if let ClusterChoice::K3s(options) = &mut self.cluster {
            options.logs = Some(folder.clone());
        }
        self.out = Some(folder);
        self
    }

    /// Whether it can be run at all, found out before anything is started; [`run`](super::run) does so too.
    ///
    /// # Errors
    /// When it asks for something impossible: what, and what to ask for instead.
    pub fn check(&self) -> Result<(), RunError> {
        if self.jobs == 0 {
            return Err(RunError::Usage(
                "no scenario can run with 0 jobs; give at least 1".into(),
            ));
        }
        let built_in = matches!(self.candidate.deployment, Deployment::BuiltIn);
        if built_in && matches!(self.cluster, ClusterChoice::Embedded { .. }) {
            return Err(RunError::Usage(format!(
                "{} is what a cluster brings, and the embedded cluster brings no StatefulSet controller; choose another \
                 --cluster, or another --candidate",
                self.candidate.name
            )));
        }
        if matches!(self.time, Time::Virtual { .. }) && !self.candidate.is_in_process() {
            return Err(RunError::Usage(format!(
                "virtual time needs a candidate in this process, and {} is not; use real time",
                self.candidate.name
            )));
        }
        if matches!(self.time, Time::Virtual { .. }) && !self.cluster.has_virtual_time() {
            return Err(RunError::Usage(
                "virtual time needs the embedded cluster; use real time".into(),
            ));
        }
        if self.dns_fault.is_some() && self.time == Time::Real {
            return Err(RunError::Usage(
                "a defect of the DNS can only be had in virtual time, where every scenario has a cluster of its own".into(),
            ));
        }
        self.check_deviations()
    }

    /// Whether what the candidate admits can be meant.
    fn check_deviations(&self) -> Result<(), RunError> {
        let known = |id: &str| self.all_rules.iter().any(|rule| rule.id == id);
        let deviations = &self.candidate.declarations.known_deviations;
        if let Some(unknown) = deviations.iter().find(|deviation| !known(&deviation.rule)) {
            return Err(RunError::Usage(format!(
                "candidate `{}`: `known-deviation` names the rule `{}`, and there is none of that id; `ordinal list \
                 rules` names them all",
                self.candidate.name, unknown.rule
            )));
        }
        for (place, deviation) in deviations.iter().enumerate() {
            let (name, rule) = (&self.candidate.name, &deviation.rule);
            if deviation.reason.trim().is_empty() {
                return Err(RunError::Usage(format!(
                    "candidate `{name}`: the `known-deviation` of {rule} has an empty `reason`; say why it deviates"
                )));
            }
            if deviations.iter().take(place).any(|other| other.rule == *rule) {
                return Err(RunError::Usage(format!(
                    "candidate `{name}`: `known-deviation` names {rule} twice; keep one entry"
                )));
            }
        }
        Ok(())
    }
}
