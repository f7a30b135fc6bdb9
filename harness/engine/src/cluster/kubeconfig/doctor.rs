//! What a cluster can do for a run and, for what it cannot, why and what to do.

use super::{
    FAREWELL, KubeconfigOptions, check_rights, classes, connect, is_default, nodes, probe_pod, time_to_live,
    version,
};
use crate::{
    candidate::Kind,
    clock,
    cluster::{
        Capability, ClusterError, Finding, HandOver, Severity,
        hand_over::Rival,
        namespaces::{self, run_id},
    },
    probe::ProxyProber,
};
use Severity::{Fatal, Fine, Warning};
use k8s_openapi::api::{core::v1::Node, storage::v1::StorageClass};
use kube::Client;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a request that nobody waits for any more may take to arrive.
const UNDER_WAY: Duration = Duration::from_millis(500);

/// Looks at the cluster that a kubeconfig leads to, as far as it answers. What is made for it is removed in the end, also
/// when `stop` is cancelled meanwhile.
pub async fn examine(options: &KubeconfigOptions, stop: &CancellationToken) -> Vec<Finding> {
    let connection = match connect(options).await {
        Ok(connection) => connection,
        Err(error) => {
            return vec![Finding::new(
                Fatal,
                "kubeconfig",
                reason(error),
                "see --cluster and --context",
            )];
        }
    };
    let mut findings = Vec::new();
    let client = &connection.client;
    match version(client).await {
        Ok(version) => findings.push(Finding::new(
            Fine,
            "API server",
            format!("context {}, Kubernetes {version}", connection.context),
            "",
        )),
        Err(error) => {
            let remedy = "choose another --context, or see that this host reaches it";
            return vec![Finding::new(Fatal, "API server", reason(error), remedy)];
        }
    }
    match check_rights(client).await {
        Ok(()) => findings.push(Finding::new(
            Fine,
            "rights",
            "this identity may do what a run needs".into(),
            "",
        )),
        Err(error) => {
            // Everything else would only be refused.
            findings.push(Finding::new(
                Fatal,
                "rights",
                reason(error),
                "another identity is chosen by --context",
            ));
            return findings;
        }
    }
    findings.push(read(nodes(client).await, "nodes", |nodes| of_nodes(&nodes)));
    findings.push(read(classes(client).await, "storage class", |classes| {
        of_classes(&classes)
    }));
    let run = run_id();
    let tried = async {
        let hand_over = HandOver::begin(client, &run, &[Kind::Statefulset]);
        let mut tried = on_the_network(client, &run, options.workload_image.as_deref()).await;
        tried.push(of_rival(hand_over.rival().await));
        tried
    };
    tokio::select! {
        biased;
        // What was under way may still arrive.
        () = stop.cancelled() => clock::pass(UNDER_WAY).await,
        tried = tried => findings.extend(tried),
    }
    let left = match namespaces::remove_all(client, &run, FAREWELL).await {
        Ok(left) if left.is_empty() => None,
        Ok(left) => Some(format!("still terminating: {}", left.join(", "))),
        Err(error) => Some(format!("may be left: {error}")),
    };
    findings.push(never());
    findings.extend(left.map(|left| {
        let remedy = "delete the namespaces with the label ordinal.dev/run that no run needs";
        Finding::new(Warning, "what was made", left, remedy)
    }));
    findings
}

/// What the probe pod sees, if there is an image for it.
async fn on_the_network(client: &Client, run: &str, image: Option<&str>) -> Vec<Finding> {
    let Some(image) = image else {
        let remedy =
            "give one that the cluster can pull with --workload-image; `ordinal images workload` writes it";
        let none = "none was given, so no names and no HTTP are asked for";
        let finding = Finding::new(Warning, "workload image", none.into(), remedy);
        return vec![finding.lacking(&[Capability::Dns, Capability::DataPlane])];
    };
    let asker = match probe_pod::start(client, run, image).await {
        Ok(asker) => asker,
        Err(error) => {
            let remedy = "without --workload-image a run does without names and HTTP";
            return vec![Finding::new(Fatal, "workload image", reason(error), remedy)];
        }
    };
    let runs = format!("{image} runs, under the restricted Pod Security Standard");
    let ttl = time_to_live(&ProxyProber::new(client.clone(), Some(asker))).await;
    vec![Finding::new(Fine, "workload image", runs, ""), of_dns(ttl)]
}

fn read<T>(answer: Result<T, ClusterError>, what: &'static str, judge: impl FnOnce(T) -> Finding) -> Finding {
    match answer {
        Ok(answer) => judge(answer),
        Err(error) => Finding::new(Fatal, what, reason(error), "see that the API server is well"),
    }
}

/// Pods run on nodes that are Ready and take some.
fn of_nodes(nodes: &[Node]) -> Finding {
    let useless: Vec<String> = nodes
        .iter()
        .filter_map(|node| {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
            let ready = conditions
                .into_iter()
                .flatten()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True");
            let closed = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
            match (ready, closed) {
                (false, _) => Some(format!("{name} is not Ready")),
                (true, true) => Some(format!("{name} is unschedulable")),
                (true, false) => None,
            }
        })
        .collect();
    let useful = nodes.len() - useless.len();
    let severity = match useful {
        0 => Fatal,
        _ if useless.is_empty() => Fine,
        _ => Warning,
    };
    let found = match (nodes.len(), useless.is_empty()) {
        (0, _) => "there are none".to_owned(),
        (all, true) => format!("{all} of {all} Ready"),
        (all, false) => format!("{useful} of {all} Ready and schedulable: {}", useless.join(", ")),
    };
    Finding::new(
        severity,
        "nodes",
        found,
        "pods have nowhere to run but on such nodes",
    )
}

fn of_classes(classes: &[StorageClass]) -> Finding {
    let default: Vec<&str> = classes
        .iter()
        .filter(|class| is_default(class))
        .filter_map(|class| class.metadata.name.as_deref())
        .collect();
    if default.is_empty() {
        let remedy = "mark one with the annotation storageclass.kubernetes.io/is-default-class=true; without it members \
                      have no claims";
        let none = format!("none of {} is the default", classes.len());
        return Finding::new(Warning, "storage class", none, remedy)
            .lacking(&[Capability::DynamicProvisioning]);
    }
    Finding::new(
        Fine,
        "storage class",
        format!("{} is the default", default.join(", ")),
        "",
    )
}

fn of_dns(ttl: Option<Duration>) -> Finding {
    match ttl {
        Some(ttl) => Finding::new(
            Fine,
            "cluster DNS",
            format!("answers; what it says may be {} s old", ttl.as_secs()),
            "",
        ),
        None => Finding::new(
            Warning,
            "cluster DNS",
            "gave no answer for the API server's own name".into(),
            "see that CoreDNS runs and serves cluster.local",
        ),
    }
}

/// Who can be certified.
fn of_rival(proof: Result<Option<Rival>, String>) -> Finding {
    const WHAT: &str = "StatefulSets";
    match proof {
        Ok(Some(_)) => Finding::new(
            Fine,
            WHAT,
            "the cluster has a controller at work: certify it with --candidate built-in, and another one when it is off"
                .into(),
            "",
        ),
        Ok(None) => Finding::new(Fine, WHAT, "nobody serves them: your candidate can".into(), ""),
        Err(reason) => Finding::new(Fatal, WHAT, reason, "see that the API server is well"),
    }
}

/// What no cluster offers that others use as well.
fn never() -> Finding {
    Finding::new(
        Warning,
        "on a cluster",
        "that others use no volumes are made, no nodes are stopped, and writes have no authors".into(),
        "the embedded cluster and k3s have all that",
    )
    .lacking(&[Capability::StaticVolumes, Capability::NodeLoss])
}

/// What went wrong, without the name of the provider.
fn reason(error: ClusterError) -> String {
    match error {
        ClusterError::Start { reason, .. } => reason,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(name: &str, ready: &str, closed: bool) -> Node {
        let node = json!({
            "metadata": { "name": name },
            "spec": { "unschedulable": closed },
            "status": { "conditions": [{ "type": "Ready", "status": ready }] },
        });
        serde_json::from_value(node).unwrap()
    }

    #[test]
    fn a_node_that_takes_no_pods_is_named_and_without_any_nothing_runs() {
        let good = node("a", "True", false);
        assert_eq!(of_nodes(std::slice::from_ref(&good)).severity, Fine);
        let mixed = of_nodes(&[good, node("b", "Unknown", false), node("c", "True", true)]);
        assert_eq!(mixed.severity, Warning);
        assert_eq!(
            mixed.found,
            "1 of 3 Ready and schedulable: b is not Ready, c is unschedulable"
        );
        assert!(of_nodes(&[]).is_fatal() && of_nodes(&[node("b", "False", false)]).is_fatal());
    }

    #[test]
    fn without_a_default_class_the_capability_is_lacking() {
        let class = |default: bool| -> StorageClass {
            let class = json!({
                "metadata": { "name": "fast", "annotations": { super::super::DEFAULT_CLASS: default.to_string() } },
                "provisioner": "x",
            });
            serde_json::from_value(class).unwrap()
        };
        let with = of_classes(&[class(true)]);
        assert!(with.severity == Fine && with.found.contains("fast") && with.lacks.is_empty());
        let without = of_classes(&[class(false)]);
        assert_eq!(without.severity, Warning);
        assert_eq!(without.lacks, [Capability::DynamicProvisioning]);
    }
}
