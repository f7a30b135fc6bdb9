//! When a cluster can be used: six steps, each with a name that is told when it is not reached.

use crate::{clock, cluster::Connection};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Node, ServiceAccount},
    discovery::v1::EndpointSlice,
    storage::v1::StorageClass,
};
use kube::{Api, Client, api::ListParams};
use std::{fmt, time::Duration};

/// A step on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The container runs and has written its kubeconfig.
    Kubeconfig,
    /// The API server says that it is ready.
    ApiServer,
    /// Every node is Ready.
    Nodes,
    /// Pods can be made in the namespace `default`.
    ServiceAccount,
    /// The cluster's DNS has endpoints.
    Dns,
    /// Volumes are provisioned.
    StorageClass,
}

impl Step {
    /// The steps that are asked of the API server, in order.
    pub const OF_THE_API: [Step; 5] = [
        Step::ApiServer,
        Step::Nodes,
        Step::ServiceAccount,
        Step::Dns,
        Step::StorageClass,
    ];

    /// Number, from 1.
    pub fn number(self) -> usize {
        1 + Step::OF_THE_API
            .iter()
            .position(|step| *step == self)
            .map_or(0, |place| place + 1)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Step::Kubeconfig => "the kubeconfig in the container",
            Step::ApiServer => "the API server is ready (/readyz)",
            Step::Nodes => "every node is Ready",
            Step::ServiceAccount => "the service account of the namespace default",
            Step::Dns => "the cluster's DNS (kube-system/coredns) is available",
            Step::StorageClass => "the default StorageClass and its provisioner",
        };
        write!(f, "step {} of 6, {name}", self.number())
    }
}

/// How often is looked.
pub const LOOK: Duration = Duration::from_millis(150);
/// How long one look may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Looks once whether a step is reached; if not, what was seen in its place.
pub async fn look(step: Step, connection: &Connection, nodes: usize) -> Result<(), String> {
    let client = &connection.client;
    let looked = async {
        match step {
            Step::Kubeconfig => Ok(()),
            Step::ApiServer => readyz(client).await,
            Step::Nodes => all_ready(client, nodes).await,
            Step::ServiceAccount => {
                let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
                found(accounts.get_opt("default").await, "it does not exist").map(drop)
            }
            Step::Dns => {
                available(client, "coredns").await?;
                has_endpoints(client).await
            }
            Step::StorageClass => {
                let classes: Api<StorageClass> = Api::all(client.clone());
                let classes = classes
                    .list(&ListParams::default())
                    .await
                    .map_err(|error| error.to_string())?;
                if classes.items.is_empty() {
                    return Err("there is no StorageClass".into());
                }
                available(client, "local-path-provisioner").await
            }
        }
    };
    clock::within(ANSWER, looked)
        .await
        .unwrap_or_else(|| Err(format!("no answer within {ANSWER:?}")))
}

fn found<T>(answer: kube::Result<Option<T>>, absent: &str) -> Result<T, String> {
    answer
        .map_err(|error| error.to_string())?
        .ok_or_else(|| absent.to_owned())
}

async fn readyz(client: &Client) -> Result<(), String> {
    let request = http::Request::get("/readyz")
        .body(Vec::new())
        .map_err(|error| error.to_string())?;
    client
        .request_text(request)
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

async fn all_ready(client: &Client, wanted: usize) -> Result<(), String> {
    let nodes: Api<Node> = Api::all(client.clone());
    let nodes = nodes
        .list(&ListParams::default())
        .await
        .map_err(|error| error.to_string())?;
    let ready = nodes.items.iter().filter(|node| is_ready(node)).count();
    if ready >= wanted {
        return Ok(());
    }
    Err(format!(
        "{} of {wanted} nodes are registered, {ready} of them Ready",
        nodes.items.len()
    ))
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

async fn available(client: &Client, deployment: &str) -> Result<(), String> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "kube-system");
    let absent = format!("the Deployment kube-system/{deployment} does not exist");
    let found = found(deployments.get_opt(deployment).await, &absent)?;
    let conditions = found
        .status
        .and_then(|status| status.conditions)
        .unwrap_or_default();
    match conditions.iter().find(|condition| condition.type_ == "Available") {
        Some(condition) if condition.status == "True" => Ok(()),
        Some(condition) => Err(format!(
            "the Deployment kube-system/{deployment} is not Available: {}",
            condition.message.as_deref().unwrap_or("no reason given")
        )),
        None => Err(format!(
            "the Deployment kube-system/{deployment} has no condition Available"
        )),
    }
}

async fn has_endpoints(client: &Client) -> Result<(), String> {
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), "kube-system");
    let selected = ListParams::default().labels("kubernetes.io/service-name=kube-dns");
    let slices = slices.list(&selected).await.map_err(|error| error.to_string())?;
    if slices.items.iter().any(|slice| !slice.endpoints.is_empty()) {
        return Ok(());
    }
    Err("the Service kube-system/kube-dns has no endpoint".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn steps_have_numbers_and_names() {
        assert_eq!(Step::Kubeconfig.number(), 1);
        let numbers: BTreeSet<usize> = Step::OF_THE_API.iter().map(|step| step.number()).collect();
        assert_eq!(numbers, BTreeSet::from([2, 3, 4, 5, 6]));
        assert!(Step::Nodes.to_string().starts_with("step 3 of 6, every node"));
    }
}
