//! The API server's audit log: who wrote what. Format: Kubernetes, audit.k8s.io/v1 Event, one JSON document a line.

use history::{Author, Write};
use serde::Deserialize;
use serde_json::Value;

/// The user of the candidate's own service account.
pub const CANDIDATE: &str = "system:serviceaccount:ordinal-system:candidate";
/// The user as whom the cluster's own StatefulSet controller writes.
const BUILT_IN: &str = "system:serviceaccount:kube-system:statefulset-controller";
/// The user of the kubeconfig that k3s writes, which the harness uses.
const HARNESS: &str = "system:admin";

/// What is told: whole answers of writes, so that each write can be found in the watches by its version. Reads, leases
/// and events would only be noise.
pub const POLICY: &str = r#"apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: ["RequestReceived", "ResponseStarted"]
rules:
  - level: None
    verbs: ["get", "list", "watch"]
  - level: None
    resources:
      - group: "coordination.k8s.io"
      - group: "events.k8s.io"
      - group: "authentication.k8s.io"
      - group: "authorization.k8s.io"
      - group: ""
        resources: ["events", "secrets", "configmaps", "serviceaccounts/token"]
  - level: RequestResponse
"#;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    kind: String,
    stage: String,
    verb: String,
    user: User,
    #[serde(default)]
    user_agent: String,
    object_ref: Option<ObjectRef>,
    #[serde(default)]
    response_status: ResponseStatus,
    #[serde(default)]
    response_object: Value,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
struct ObjectRef {
    #[serde(default)]
    resource: String,
    namespace: Option<String>,
    name: Option<String>,
    subresource: Option<String>,
}

#[derive(Deserialize, Default)]
struct ResponseStatus {
    #[serde(default)]
    code: u16,
}

/// The write that a line tells of; `None` for every other line.
pub fn write(line: &str) -> Option<Write> {
    let event: Event = serde_json::from_str(line).ok()?;
    let changes = !matches!(event.verb.as_str(), "get" | "list" | "watch");
    if event.kind != "Event" || event.stage != "ResponseComplete" || !changes {
        return None;
    }
    let object = event.object_ref?;
    let answered = |pointer: &str| event.response_object.pointer(pointer).and_then(Value::as_str);
    let name = object
        .name
        .or_else(|| answered("/metadata/name").map(str::to_owned));
    Some(Write {
        role: match event.user.username.as_str() {
            HARNESS => Author::Harness,
            CANDIDATE | BUILT_IN => Author::Candidate,
            _ => Author::Cluster,
        },
        author: event.user.username,
        agent: event.user_agent,
        verb: event.verb,
        resource: object.resource,
        subresource: object.subresource,
        namespace: object.namespace,
        name: name.unwrap_or_default(),
        code: event.response_status.code,
        version: answered("/metadata/resourceVersion").and_then(|version| version.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(user: &str, verb: &str) -> String {
        json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "stage": "ResponseComplete",
            "verb": verb, "user": { "username": user, "groups": ["system:authenticated"] }, "userAgent": "me/1",
            "objectRef": { "resource": "pods", "namespace": "n", "apiVersion": "v1" },
            "responseStatus": { "metadata": {}, "code": 201 },
            "responseObject": { "metadata": { "name": "web-0", "resourceVersion": "77" } },
        })
        .to_string()
    }

    #[test]
    fn a_write_is_told_with_its_author_and_version() {
        let write = write(&line(CANDIDATE, "create")).unwrap();
        assert_eq!(
            (write.role, write.code, write.version),
            (Author::Candidate, 201, Some(77))
        );
        assert_eq!(
            (write.name.as_str(), write.namespace.as_deref()),
            ("web-0", Some("n"))
        );
        assert_eq!(write.resource, "pods");
    }

    #[test]
    fn authors_are_told_apart() {
        let role = |user: &str| write(&line(user, "patch")).unwrap().role;
        assert_eq!(role(HARNESS), Author::Harness);
        assert_eq!(role(BUILT_IN), Author::Candidate);
        assert_eq!(
            role("system:serviceaccount:kube-system:generic-garbage-collector"),
            Author::Cluster
        );
    }

    #[test]
    fn everything_else_is_no_write() {
        assert_eq!(write(&line(CANDIDATE, "watch")), None);
        assert_eq!(write("time=\"x\" level=info msg=\"hello\""), None);
        assert_eq!(write("{}"), None);
        let early = line(CANDIDATE, "create").replace("ResponseComplete", "RequestReceived");
        assert_eq!(write(&early), None);
    }
}
