//! A controller as a third party has it; here it is the reference in disguise.

use controllers::{Behaviour, RunError, Served};

/// Reconciles StatefulSets until it is dropped.
///
/// # Errors
/// When the controller ends by itself.
pub async fn run(client: kube::Client) -> Result<(), RunError> {
    controllers::run(client, Behaviour::reference(), Served::STATEFUL_SETS).await
}
