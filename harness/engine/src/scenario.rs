//! A scenario: a short story of verbs that drives the cluster and judges nothing.

use crate::{
    cluster::Capability,
    stage::{Stage, StepError},
};
use futures::future::BoxFuture;
use judging::{Feature, Profile};
use std::fmt;

/// The body of a scenario.
pub type Script = fn(Stage) -> BoxFuture<'static, Result<(), StepError>>;

/// A short story of verbs that drives the cluster.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Short name, in kebab case.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub sentence: &'static str,
    /// The profiles it was written for: choosing one of them chooses it.
    pub profiles: &'static [Profile],
    /// What the cluster must be able to do.
    pub needs: &'static [Capability],
    /// What the candidate must support.
    pub features: &'static [Feature],
    /// The story.
    pub script: Script,
}

impl Scenario {
    /// Whether it was written for one of them.
    pub fn serves(&self, profiles: &[Profile]) -> bool {
        self.profiles.iter().any(|profile| profiles.contains(profile))
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
