//! Why a scenario could not go on.

use crate::{candidate::Ended, manifest::ManifestError};

/// Why a scenario could not go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// A goal was not reached.
    #[error("waited for {goal}; last seen: {last}; {why}")]
    NotReached {
        /// What was waited for.
        goal: String,
        /// What was seen last, and why it was not enough.
        last: String,
        /// Why the wait ended.
        why: String,
    },
    /// The API server refused a request of the scenario.
    #[error("{what} was refused: {status} {message}")]
    Refused {
        /// What was tried.
        what: String,
        /// HTTP status, 0 if no answer came.
        status: u16,
        /// What came back.
        message: String,
    },
    /// The candidate ended.
    #[error("the candidate ended: {}", .0.reason)]
    CandidateEnded(Ended),
    /// The cluster did not do its part.
    #[error("{0}")]
    Cluster(String),
    /// A manifest is wrong.
    #[error("{0}")]
    Manifest(String),
}

impl From<ManifestError> for StepError {
    fn from(error: ManifestError) -> Self {
        StepError::Manifest(error.to_string())
    }
}
