//! When a cluster can be used: six steps, each with a name that is told when it is not reached.

use crate::{
    clock::{self, Stopwatch},
    cluster::{Connection, kubeconfig::is_default},
};
use history::DnsAnswer;
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
    /// Every node is Ready, and known to be.
    Nodes,
    /// Pods can be made in the namespace `default`.
    ServiceAccount,
    /// The cluster's DNS has endpoints and answers.
    Dns,
    /// Volumes are provisioned for claims that name no class.
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
            Step::Dns => "the cluster's DNS (kube-system/coredns) is available and answers",
            Step::StorageClass => "the default StorageClass and its provisioner",
        };
        write!(f, "step {} of 6, {name}", self.number())
    }
}

/// How often is looked.
pub const LOOK: Duration = Duration::from_millis(150);
/// Keeps pods away from a node that is new or was lost (Kubernetes documentation, "Taints and Tolerations").
const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// A name that every cluster has.
pub const KNOWN: &str = "kubernetes.default.svc.cluster.local";
/// How long one look may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Asks for the address of [`KNOWN`] until it is told: that DNS is available proves no answer.
///
/// # Errors
/// When it is not told within `limit`: what was asked, and what came last.
pub async fn until_answered<F: Future<Output = DnsAnswer>>(
    limit: Duration,
    ask: impl Fn() -> F,
) -> Result<(), String> {
    let started = Stopwatch::start();
    loop {
        let last = match clock::within(ANSWER, ask()).await {
            Some(answer) if answer.rcode == "NOERROR" && !answer.answers.is_empty() => return Ok(()),
            Some(answer) => format!("{} {:?}", answer.rcode, answer.answers),
            None => format!("nothing within {ANSWER:?}"),
        };
        if started.elapsed() > limit.into() {
            return Err(format!(
                "it was asked for {KNOWN}, type A, for {limit:?}, and what came last was: {last}"
            ));
        }
        clock::pass(LOOK).await;
    }
}

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
                if !classes.items.iter().any(is_default) {
                    return Err(format!(
                        "of {} StorageClasses none is the default",
                        classes.items.len()
                    ));
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
    let ready = nodes.items.iter().filter(|node| takes_pods(node)).count();
    if ready >= wanted {
        return Ok(());
    }
    Err(format!(
        "{} of {wanted} nodes are registered, {ready} of them Ready and without the taint {NOT_READY}",
        nodes.items.len()
    ))
}

/// Whether it is Ready. The taint is taken away after that, and until then no pod is placed there.
fn takes_pods(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let tainted = taints.into_iter().flatten().any(|taint| taint.key == NOT_READY);
    is_ready(node) && !tainted
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
    use serde_json::json;
    use std::{
        collections::BTreeSet,
        sync::atomic::{AtomicUsize, Ordering},
    };

    #[test]
    fn steps_have_numbers_and_names() {
        assert_eq!(Step::Kubeconfig.number(), 1);
        let numbers: BTreeSet<usize> = Step::OF_THE_API.iter().map(|step| step.number()).collect();
        assert_eq!(numbers, BTreeSet::from([2, 3, 4, 5, 6]));
        assert!(Step::Nodes.to_string().starts_with("step 3 of 6, every node"));
    }

    #[test]
    fn a_node_takes_pods_when_it_is_ready_and_rid_of_the_taint() {
        let node = |ready: &str, taints: &[&str]| -> Node {
            let taints: Vec<_> = taints
                .iter()
                .map(|key| json!({ "key": key, "effect": "NoSchedule" }))
                .collect();
            let node = json!({
                "metadata": { "name": "server-0" },
                "spec": { "taints": taints },
                "status": { "conditions": [{ "type": "Ready", "status": ready }] },
            });
            serde_json::from_value(node).unwrap()
        };
        assert!(takes_pods(&node("True", &[])));
        assert!(
            takes_pods(&node("True", &["ordinal.dev/spare"])),
            "it is set aside"
        );
        assert!(!takes_pods(&node("True", &["ordinal.dev/spare", NOT_READY])));
        assert!(!takes_pods(&node("Unknown", &[])));
    }

    fn answer(rcode: &str, answers: &[&str]) -> DnsAnswer {
        DnsAnswer {
            rcode: rcode.into(),
            answers: answers.iter().map(|answer| (*answer).to_owned()).collect(),
            ..DnsAnswer::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_the_dns_is_waited_for_and_what_comes_in_its_place_is_told() {
        let limit = Duration::from_secs(10);
        let asked = AtomicUsize::new(0);
        let late = until_answered(limit, || async {
            match asked.fetch_add(1, Ordering::Relaxed) {
                0 => answer("SERVFAIL", &[]),
                1 => answer("NOERROR", &[]),
                _ => answer("NOERROR", &["10.43.0.1"]),
            }
        });
        assert_eq!(late.await, Ok(()));
        assert_eq!(asked.load(Ordering::Relaxed), 3);
        let never = until_answered(limit, || async { answer("NXDOMAIN", &[]) }).await;
        let reason = never.unwrap_err();
        assert!(
            reason.contains(KNOWN) && reason.contains("NXDOMAIN []"),
            "{reason}"
        );
        let silent = until_answered(limit, std::future::pending).await.unwrap_err();
        assert!(silent.contains("nothing within"), "{silent}");
    }
}
