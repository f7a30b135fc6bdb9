//! Every scenario through a kubeconfig: each request of the harness is covered by a right that `ordinal rbac` prints, and
//! each right is needed.
//!
//! `ORDINAL_TEST_KUBECONFIG` names a kubeconfig of a real cluster, whose own controller is then certified as well.

use axum::{Router, extract::Request};
use embedded::{ClusterConfig, Identity};
use engine::cluster::{Capability, KubeconfigOptions, RIGHTS};
use std::{
    collections::BTreeSet,
    io::Write,
    path::Path,
    sync::{Arc, Mutex},
};
use suites::{CancellationToken, Candidate, ClusterChoice, Keep, Plan, Run, plan};
use tower::ServiceExt;

/// A request as authorisation knows it: group, resource with subresource, verb.
type Asked = (String, String, String);

fn asked(method: &str, path: &str, query: &str) -> Option<Asked> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return None,
    };
    let rest = match rest {
        ["namespaces", _, below @ ..] if !below.is_empty() => below,
        rest => rest,
    };
    let resource = match rest {
        [plural] | [plural, _] => (*plural).to_owned(),
        [plural, _, subresource, ..] => format!("{plural}/{subresource}"),
        [] => return None,
    };
    let verb = match (method, rest.len() > 1) {
        ("GET", false) if query.contains("watch=") => "watch",
        ("GET", false) => "list",
        ("GET", true) => "get",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", _) => "delete",
        _ => method,
    };
    Some((group.to_owned(), resource, verb.to_owned()))
}

/// Serves an embedded cluster over plain HTTP and notes every request.
fn serve(requests: Arc<Mutex<BTreeSet<Asked>>>, kubeconfig: &Path) -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let url = runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let config = ClusterConfig {
            nodes: 3,
            ..ClusterConfig::new(folder.path())
        };
        let cluster = embedded::Cluster::start(config).await.expect("the cluster");
        let service = cluster.http_service(Identity::administrator("test"));
        let workloads = engine::in_process_client(cluster.http_service(Identity::component("workloads")));
        tokio::spawn(async move {
            let _kept = (cluster, folder);
            controllers::run(
                workloads,
                controllers::Behaviour::reference(),
                controllers::Served::ALL,
            )
            .await
        });
        let router = Router::new().fallback(move |request: Request| {
            let uri = request.uri();
            let seen = asked(
                request.method().as_str(),
                uri.path(),
                uri.query().unwrap_or_default(),
            );
            requests.lock().expect("the requests").extend(seen);
            let service = service.clone();
            async move {
                service
                    .oneshot(request)
                    .await
                    .unwrap_or_else(|never| match never {})
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    });
    // No credentials: the service takes everybody for the administrator.
    let text = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": { "server": url } }],
        "users": [{ "name": "u", "user": {} }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
    });
    std::fs::write(kubeconfig, text.to_string()).expect("the kubeconfig");
    runtime
}

fn certify(kubeconfig: &Path, workload_image: Option<String>, keep: Keep) -> Run {
    let plan = Plan {
        cluster: ClusterChoice::Kubeconfig(KubeconfigOptions {
            file: Some(kubeconfig.into()),
            workload_image,
            ..KubeconfigOptions::default()
        }),
        keep,
        ..plan(Candidate::built_in())
    };
    engine::run(&plan, &CancellationToken::new(), &|_| {}).expect("the run")
}

/// Every scenario completed, or was skipped because the cluster cannot do one of these; no rule is broken, and where names,
/// data and volumes could be asked for, the certificate is given.
#[track_caller]
fn assert_is_good(run: &Run, lacking: &[&str]) {
    let text = suites::human(&run.report);
    for performed in &run.performed {
        match &performed.outcome {
            reports::Outcome::Completed => {}
            reports::Outcome::Skipped { reason } => {
                let known = lacking.iter().any(|what| reason.contains(what));
                assert!(known, "{} is skipped: {reason}\n{text}", performed.name);
            }
            other => panic!("{} {other:?}\n{text}", performed.name),
        }
    }
    assert!(run.report.broken().next().is_none(), "{text}");
    let can = |capability: Capability| {
        let capabilities = &run.report.cluster.capabilities;
        capabilities.iter().any(|known| known == capability.name())
    };
    let needed = [
        Capability::DynamicProvisioning,
        Capability::Dns,
        Capability::DataPlane,
    ];
    if needed.into_iter().all(can) {
        assert!(run.report.certified(), "{text}");
    }
}

#[test]
fn every_request_of_a_run_is_covered_and_every_right_is_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    let requests = Arc::default();
    let runtime = serve(Arc::clone(&requests), &kubeconfig);
    // Marking what is kept needs a right as well.
    let run = certify(&kubeconfig, Some("workload:1".into()), Keep::Always);
    assert_is_good(&run, &["static volumes", "node to lose"]);
    let requests = requests.lock().expect("the requests").clone();
    // Everybody may ask for their own rights (role system:basic-user).
    let granted = |(group, resource, verb): &&Asked| {
        group == "authorization.k8s.io" || RIGHTS.iter().any(|right| right.grants(group, resource, verb))
    };
    let uncovered: Vec<&Asked> = requests.iter().filter(|asked| !granted(asked)).collect();
    assert!(uncovered.is_empty(), "missing in RIGHTS: {uncovered:?}");
    let mut needless = Vec::new();
    for right in RIGHTS {
        for (resource, verb) in right
            .resources
            .iter()
            .flat_map(|r| right.verbs.iter().map(move |v| (*r, *v)))
        {
            if !requests.contains(&(right.group.into(), resource.into(), verb.into())) {
                needless.push((right.group, resource, verb));
            }
        }
    }
    assert!(needless.is_empty(), "never used: {needless:?}");
    runtime.shutdown_background();
}

#[test]
fn a_real_cluster_is_certified() {
    let Some(kubeconfig) = std::env::var_os("ORDINAL_TEST_KUBECONFIG") else {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: ORDINAL_TEST_KUBECONFIG names no kubeconfig of a real cluster"
        );
        return;
    };
    let image = std::env::var("ORDINAL_WORKLOAD_IMAGE").ok();
    let run = certify(Path::new(&kubeconfig), image, Keep::Never);
    // What a cluster may lack, besides what no cluster of others offers.
    let may_lack = [
        Capability::DynamicProvisioning,
        Capability::StaticVolumes,
        Capability::Dns,
        Capability::DataPlane,
        Capability::SeveralNodes,
        Capability::NodeLoss,
    ];
    assert_is_good(&run, &may_lack.map(Capability::name));
}
