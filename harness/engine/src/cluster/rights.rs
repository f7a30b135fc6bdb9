//! What a candidate may do on the embedded cluster.

use embedded::{
    Api, Status, WriteOptions,
    kinds::{CLUSTER_ROLE, CLUSTER_ROLE_BINDING},
};
use serde_json::{Value, json};

const ROLE: &str = "ordinal:candidate";
const ALL: [&str; 8] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];
const READ: [&str; 3] = ["get", "list", "watch"];

/// Gives the service account `account` of `namespace` what a controller of sets needs: sets, their pods, claims and
/// revisions; events and leases; and to read what surrounds them.
///
/// # Errors
/// What the API server says.
pub(super) fn grant(api: &Api, namespace: &str, account: &str) -> Result<(), Status> {
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    let sets = [
        "statefulsets",
        "statefulsets/status",
        "statefulsets/scale",
        "statefulsets/finalizers",
        "daemonsets",
        "daemonsets/status",
        "daemonsets/finalizers",
        "controllerrevisions",
    ];
    let rules: Vec<Value> = vec![
        rule("apps", &sets, &ALL),
        rule(
            "",
            &[
                "pods",
                "pods/status",
                "persistentvolumeclaims",
                "events",
                "configmaps",
            ],
            &ALL,
        ),
        rule(
            "",
            &[
                "nodes",
                "namespaces",
                "services",
                "endpoints",
                "persistentvolumes",
                "serviceaccounts",
            ],
            &READ,
        ),
        rule("events.k8s.io", &["events"], &ALL),
        rule("coordination.k8s.io", &["leases"], &ALL),
        rule("policy", &["poddisruptionbudgets"], &READ),
        rule("discovery.k8s.io", &["endpointslices"], &READ),
        rule("storage.k8s.io", &["storageclasses"], &READ),
        rule("apiextensions.k8s.io", &["customresourcedefinitions"], &READ),
    ];
    let role = json!({ "metadata": { "name": ROLE }, "rules": rules });
    let binding = json!({
        "metadata": { "name": ROLE },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE },
        "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": account }],
    });
    let options = WriteOptions::default();
    api.create(&CLUSTER_ROLE, None, role, &options)?;
    api.create(&CLUSTER_ROLE_BINDING, None, binding, &options)?;
    Ok(())
}
