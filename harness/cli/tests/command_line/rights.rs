//! `ordinal rbac`: what it prints is enough, and what is missing of it is named.

use crate::{
    kubeconfig::namespaces,
    told::{Told, ordinal},
    up::{Up, client, on_the_network, up},
};

/// Grants what `ordinal rbac` prints, but for objects of the kinds `without`. Returns a kubeconfig of the service
/// account that gets it.
pub fn grant(up: &Up, without: &[&str]) -> tempfile::NamedTempFile {
    let printed = ordinal(&["rbac"]).ends_with(0).out;
    let manifest = engine::manifest::Manifest::parse("rbac", &printed).expect("manifests");
    let token = on_the_network(async {
        let client = client(&up.kubeconfig).await;
        let post = async |path: &str, body: &serde_json::Value| {
            let request = http::Request::post(path)
                .body(body.to_string().into_bytes())
                .expect("a request");
            client
                .request::<serde_json::Value>(request)
                .await
                .expect("granted")
        };
        for object in manifest.objects() {
            let kind = object["kind"].as_str().expect("a kind");
            let path = match kind {
                "Namespace" => "/api/v1/namespaces".to_owned(),
                "ServiceAccount" => "/api/v1/namespaces/ordinal/serviceaccounts".to_owned(),
                other => format!("/apis/rbac.authorization.k8s.io/v1/{}s", other.to_lowercase()),
            };
            if !without.contains(&kind) {
                post(&path, object).await;
            }
        }
        let wanted = serde_json::json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "expirationSeconds": 3600 },
        });
        let answer = post(
            "/api/v1/namespaces/ordinal/serviceaccounts/ordinal/token",
            &wanted,
        )
        .await;
        answer["status"]["token"].as_str().expect("a token").to_owned()
    });
    let administrator = std::fs::read_to_string(&up.kubeconfig).expect("the kubeconfig");
    let line = administrator
        .lines()
        .find(|line| line.trim().starts_with("token:"))
        .expect("a token")
        .to_owned();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(
        &file,
        administrator.replace(&line, &format!("    token: {token:?}")),
    )
    .expect("the kubeconfig");
    file
}

fn certify_as(kubeconfig: &tempfile::NamedTempFile) -> Told {
    let cluster = format!("kubeconfig={}", kubeconfig.path().display());
    ordinal(&[
        "certify",
        "--cluster",
        &cluster,
        "--candidate",
        "built-in",
        "--workload-image",
        "workload:1",
        "--scenario",
        "log-persistence",
        "--scenario",
        "evict-pod",
        "--scenario",
        "scale-by-subresource",
        "--rule",
        "SS-PVC-05",
        "--rule",
        "SS-ID-0?",
    ])
}

#[test]
fn the_rights_that_are_printed_are_enough() {
    let up = up(&[]);
    let told = certify_as(&grant(&up, &[])).ends_with(0);
    assert!(told.out.contains("certified"), "{}", told.out);
    assert_eq!(namespaces(&up), [""; 0]);
}

#[test]
fn rights_that_are_missing_are_named() {
    let up = up(&[]);
    let told = certify_as(&grant(&up, &["ClusterRoleBinding"])).ends_with(3);
    drop(told.complains_of(&["ordinal rbac", "create pods/eviction", "statefulsets.apps"]));
}

#[test]
fn the_rights_are_printed_as_manifests() {
    let told = ordinal(&["rbac", "--namespace", "ci", "--name", "certifier"]).ends_with(0);
    for line in [
        "kind: ClusterRole",
        "kind: ClusterRoleBinding",
        "  name: certifier",
        "    namespace: ci",
    ] {
        assert!(
            told.out.lines().any(|known| known == line),
            "`{line}` is missing in: {}",
            told.out
        );
    }
    assert!(told.out.contains("pods/eviction"), "{}", told.out);
    let told = ordinal(&["rbac", "--namespace", "007", "--name", "no"]).ends_with(0);
    let manifests = engine::manifest::Manifest::parse("rbac", &told.out).expect("manifests");
    let names = manifests
        .objects()
        .iter()
        .map(|object| &object["metadata"]["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["007", "no", "no", "no"]);
}

#[test]
fn names_that_no_object_can_have_are_refused() {
    for wrong in [["--namespace", ""], ["--namespace", "A B"], ["--name", "a\nb"]] {
        let told = ordinal(&["rbac", wrong[0], wrong[1]]).ends_with(2);
        drop(told.complains_of(&[wrong[0], "small letters"]));
    }
}
