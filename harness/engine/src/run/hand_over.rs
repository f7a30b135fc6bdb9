//! What comes of the proof that nobody else serves the candidate's resources.

use super::RunError;
use crate::{
    candidate::Candidate,
    cluster::{Cluster, ClusterError, HandOver},
};

/// Makes sure that the cluster's own controllers leave alone what the candidate serves.
///
/// # Errors
/// When they do not, with what was seen; or the API server refuses to help.
pub(super) async fn prove(
    hand_over: HandOver,
    candidate: &Candidate,
    cluster: &dyn Cluster,
) -> Result<(), RunError> {
    let refused = |reason: String| {
        RunError::Cluster(ClusterError::HandOver {
            cluster: cluster.name().to_owned(),
            reason,
        })
    };
    let Some(rival) = hand_over.rival().await.map_err(refused)? else {
        return Ok(());
    };
    Err(RunError::Usage(format!(
        "the {} cluster has a {} controller of its own at work ({}), and {} is to be the only one; certify the cluster's \
         own with --candidate built-in, or switch it off (kube-controller-manager --controllers=*,-{})",
        cluster.name(),
        rival.kind,
        rival.seen,
        candidate.name,
        rival.kind.to_lowercase()
    )))
}
