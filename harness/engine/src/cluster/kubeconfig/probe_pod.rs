//! The pod that asks the cluster's DNS on behalf of the harness: the workload, in a namespace of its own.

use super::KUBECONFIG;
use crate::{
    clock::{self, Stopwatch},
    cluster::{ClusterError, namespaces},
    manifest::security_context,
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
    runtime::wait::await_condition,
};
use serde_json::json;
use std::time::Duration;

/// Name of the pod.
const NAME: &str = "probe";
/// Port that it serves on.
const PORT: u16 = 8080;
/// How long its image may take to be pulled.
const LIMIT: Duration = Duration::from_secs(120);
/// How long the service account of its namespace may take to be made.
const ACCOUNT: Duration = Duration::from_secs(10);
/// How often the pod is created anew until then.
const LOOK: Duration = Duration::from_millis(50);
/// How long a last look at it may take.
const ASK: Duration = Duration::from_secs(5);

/// Starts the pod and waits until it is Ready. Returns namespace, name and port.
///
/// # Errors
/// When it is refused, or does not become Ready; the message says what it waits for.
pub(super) async fn start(
    client: &Client,
    run: &str,
    image: &str,
) -> Result<(String, String, u16), ClusterError> {
    let failed = |reason: String| ClusterError::Start {
        cluster: KUBECONFIG,
        reason,
    };
    let own = format!("ordinal-probe-{run}");
    namespaces::create(client, &own, run, true)
        .await
        .map_err(&failed)?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), &own);
    let pod = json!({
        "metadata": { "name": NAME },
        "spec": {
            "securityContext": security_context(),
            "terminationGracePeriodSeconds": 1,
            "containers": [{
                "name": NAME,
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "env": [
                    { "name": "PORT", "value": PORT.to_string() },
                    { "name": "POD_NAME", "value": NAME },
                ],
                "ports": [{ "containerPort": PORT }],
                "readinessProbe": { "httpGet": { "path": "/ready", "port": PORT }, "periodSeconds": 1 },
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            }],
        },
    });
    let pod: Pod = serde_json::from_value(pod).map_err(|error| failed(error.to_string()))?;
    let asked = Stopwatch::start();
    while let Err(error) = pods.create(&PostParams::default(), &pod).await {
        if !is_too_early(&error) || asked.elapsed() > ACCOUNT.into() {
            return Err(failed(format!("the probe pod {own}/{NAME} was refused: {error}")));
        }
        clock::pass(LOOK).await;
    }
    let decided = await_condition(pods.clone(), NAME, |pod: Option<&Pod>| {
        pod.is_some_and(|pod| is_ready(pod) || hopeless(pod).is_some())
    });
    let last = match clock::within(LIMIT, decided).await {
        Some(Ok(Some(pod))) if is_ready(&pod) => return Ok((own, NAME.to_owned(), PORT)),
        Some(Ok(pod)) => pod,
        Some(Err(error)) => return Err(failed(format!("the probe pod {own}/{NAME} was lost: {error}"))),
        None => {
            let pod = clock::within(ASK, pods.list(&ListParams::default())).await;
            pod.and_then(Result::ok)
                .and_then(|list| list.items.into_iter().next())
        }
    };
    Err(failed(format!(
        "the probe pod {own}/{NAME} did not become Ready: {}; give an image of the workload that the cluster can pull \
         with --workload-image, or none to go without DNS and HTTP",
        last.map_or_else(|| "it is gone".to_owned(), |pod| in_words(&pod, image))
    )))
}

/// Whether a pod was refused only because its namespace is too new: a controller makes the service account `default` of
/// every namespace, in its own time, and no pod is admitted before.
fn is_too_early(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status)
        if status.code == 403 && status.message.contains("service account") && status.message.contains("not found"))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .clone()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Why the container waits, as reason and message.
fn waiting(pod: &Pod) -> Option<(String, String)> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let waiting = statuses.first()?.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.clone().unwrap_or_default();
    Some((reason, waiting.message.clone().unwrap_or_default()))
}

/// A reason for which it is not worth while to wait on. An image that failed once is tried again; one that is backed
/// off from has failed more than once.
fn hopeless(pod: &Pod) -> Option<String> {
    let (reason, _) = waiting(pod)?;
    matches!(
        reason.as_str(),
        "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName" | "CreateContainerConfigError"
    )
    .then_some(reason)
}

fn in_words(pod: &Pod, image: &str) -> String {
    if let Some((reason, message)) = waiting(pod) {
        return format!("its image {image} waits: {reason} {message}");
    }
    let status = pod.status.as_ref();
    let unmet = status
        .and_then(|status| status.conditions.as_ref())
        .into_iter()
        .flatten()
        .find(|condition| condition.status != "True");
    match unmet {
        Some(condition) => format!(
            "{} is {}: {}",
            condition.type_,
            condition.status,
            condition
                .message
                .as_deref()
                .or(condition.reason.as_deref())
                .unwrap_or("no reason given")
        ),
        None => "it says nothing of itself".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(status: serde_json::Value) -> Pod {
        serde_json::from_value(json!({ "metadata": { "name": NAME }, "status": status })).unwrap()
    }

    #[test]
    fn only_a_namespace_without_its_account_is_worth_another_try() {
        let refused = |code: u16, message: &str| {
            let status =
                json!({ "status": "Failure", "code": code, "reason": "Forbidden", "message": message });
            kube::Error::Api(serde_json::from_value(status).unwrap())
        };
        let early = "pods \"probe\" is forbidden: error looking up service account p/default: serviceaccount \"default\" not found";
        assert!(is_too_early(&refused(403, early)));
        let never = "pods \"probe\" is forbidden: violates PodSecurity \"restricted:latest\"";
        assert!(!is_too_early(&refused(403, never)));
        assert!(!is_too_early(&refused(404, "namespaces \"p\" not found")));
    }

    #[test]
    fn an_image_that_is_backed_off_from_is_hopeless_and_told() {
        let status = json!({ "containerStatuses": [{
            "name": NAME, "image": "x", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": "ImagePullBackOff", "message": "manifest unknown" } },
        }] });
        let pod = pod(status);
        assert!(!is_ready(&pod) && hopeless(&pod).is_some());
        let words = in_words(&pod, "registry.example/x:1");
        assert!(
            words.contains("registry.example/x:1") && words.contains("manifest unknown"),
            "{words}"
        );
    }

    #[test]
    fn one_that_is_not_scheduled_is_told_and_waited_for() {
        let condition =
            json!({ "type": "PodScheduled", "status": "False", "message": "0/3 nodes are available" });
        let pod = pod(json!({ "conditions": [condition] }));
        assert!(!is_ready(&pod) && hopeless(&pod).is_none());
        assert_eq!(
            in_words(&pod, "x"),
            "PodScheduled is False: 0/3 nodes are available"
        );
    }
}
