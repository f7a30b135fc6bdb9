//! Any cluster that a kubeconfig leads to. Nothing but namespaces of the run is made in it, and what is in them.

mod connect;
mod doctor;
mod probe_pod;
mod rights;

pub use doctor::examine;
pub use rights::{RIGHTS, Right};

use super::{Capability, Cluster, ClusterError, HandOver, Role, Swept, namespaces};
use crate::{
    candidate::Kind,
    clock,
    folder::Folder,
    manifest::Overlay,
    probe::{Prober, ProxyProber, RecordType},
};
pub(super) use connect::Connection;
pub(super) use connect::open;
#[cfg(feature = "k3s")]
pub(super) use connect::write as write_kubeconfig;
use connect::{connect, in_words};
use futures::{FutureExt, future::BoxFuture};
use history::Write;
use k8s_openapi::api::{core::v1::Node, storage::v1::StorageClass};
use kube::{Api, Client, api::ListParams};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::mpsc;

/// Name of the provider.
pub const KUBECONFIG: &str = "kubeconfig";

/// How long one request of the start may take.
const REQUEST: Duration = Duration::from_secs(10);
/// How long namespaces get to go when the run is over.
const FAREWELL: Duration = Duration::from_secs(60);
/// The longest that CoreDNS keeps an answer in the set-up that kubeadm and k3s ship (`cache 30` in its Corefile).
const LONGEST_CACHE: Duration = Duration::from_secs(30);
/// How long a container may take to stop by default (`terminationGracePeriodSeconds`, Kubernetes API reference), and time
/// enough to pull the image of a sample.
const NODE_SILENCE: Duration = Duration::from_secs(30);
/// A name that every cluster has and hardly anybody asks for, so that its answer comes with its full time to live.
const SELDOM_ASKED: &str = "_https._tcp.kubernetes.default.svc.cluster.local";
/// Marks the class of claims that name none (Kubernetes documentation, "Change the default StorageClass").
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// Which cluster, and how it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubeconfigOptions {
    /// The kubeconfig; as kubectl finds it if absent.
    pub file: Option<PathBuf>,
    /// The context; the current one if absent.
    pub context: Option<String>,
    /// Image of the workload that the cluster can pull. Without one the samples keep their published images, and names
    /// and HTTP answers are not asked for.
    pub workload_image: Option<String>,
}

/// A cluster that was there before, and stays.
pub struct KubeconfigCluster {
    connection: Connection,
    /// The same way for everybody but the harness.
    others: Client,
    version: String,
    capabilities: Vec<Capability>,
    overlay: Overlay,
    prober: Arc<ProxyProber>,
    dns_cache: Duration,
    run: String,
    directory: Folder,
}

impl KubeconfigCluster {
    /// Connects to a cluster, finds out what it can do, and starts the probe pod if there is an image for it. Meanwhile
    /// it is proven that nobody serves `takes_over`. `run` is the id of the run.
    ///
    /// # Errors
    /// When the cluster does not answer, rights are missing, or the probe pod does not come up.
    pub(crate) async fn start(
        options: &KubeconfigOptions,
        takes_over: &[Kind],
        run: &str,
    ) -> Result<(KubeconfigCluster, HandOver), ClusterError> {
        let connection = connect(options).await?;
        Self::over(connection, options.workload_image.as_deref(), takes_over, run).await
    }

    /// Removes the namespaces of a start that was given up.
    pub(crate) async fn abandon(options: &KubeconfigOptions, run: &str) {
        if let Ok(connection) = connect(options).await
            && let Err(error) = namespaces::remove_all(&connection.client, run, FAREWELL).await
        {
            tracing::warn!(error, "namespaces of the run may be left");
        }
    }

    /// Removes the namespaces of run `run`, or of all runs, which runs that were killed left.
    ///
    /// # Errors
    /// When the cluster does not answer, or does not tell its namespaces.
    pub async fn sweep(options: &KubeconfigOptions, run: Option<&str>) -> Result<Swept, ClusterError> {
        let connection = connect(options).await?;
        namespaces::sweep(&connection.client, run, FAREWELL)
            .await
            .map_err(|reason| ClusterError::Namespaces {
                context: connection.context.clone(),
                reason,
            })
    }

    /// The same for a connection that is there already.
    pub(super) async fn over(
        connection: Connection,
        workload_image: Option<&str>,
        takes_over: &[Kind],
        run: &str,
    ) -> Result<(KubeconfigCluster, HandOver), ClusterError> {
        let client = connection.client.clone();
        let version = version(&client).await?;
        check_rights(&client).await?;
        let hand_over = HandOver::begin(&client, run, takes_over);
        match Self::prepare(connection, version, workload_image, run).await {
            Ok(cluster) => Ok((cluster, hand_over)),
            Err(error) => {
                // Nothing is made any more when the rest is removed.
                let _ = hand_over.rival().await;
                let _ = namespaces::remove_all(&client, run, FAREWELL).await;
                Err(error)
            }
        }
    }

    /// What is in it, and the probe pod.
    async fn prepare(
        connection: Connection,
        version: String,
        workload_image: Option<&str>,
        run: &str,
    ) -> Result<KubeconfigCluster, ClusterError> {
        let client = &connection.client;
        let mut capabilities = Vec::new();
        if classes(client).await?.iter().any(is_default) {
            capabilities.push(Capability::DynamicProvisioning);
        }
        if nodes(client).await?.len() > 1 {
            capabilities.push(Capability::SeveralNodes);
        }
        let asker = match workload_image {
            None => None,
            Some(image) => Some(probe_pod::start(client, run, image).await?),
        };
        if asker.is_some() {
            capabilities.extend([Capability::Dns, Capability::DataPlane]);
        }
        let overlay = Overlay {
            workload_image: workload_image.map(str::to_owned),
            without_claims: !capabilities.contains(&Capability::DynamicProvisioning),
            ..Overlay::default()
        };
        let others = open(connection.kubeconfig.clone(), connection.context.clone())
            .await
            .map_err(did_not_start)?
            .client;
        let directory = Folder::make(&format!("kubeconfig-{run}"))?;
        let prober = ProxyProber::new(client.clone(), asker);
        let ttl = time_to_live(&prober).await;
        Ok(KubeconfigCluster {
            prober: Arc::new(prober),
            dns_cache: ttl.map_or(LONGEST_CACHE, |ttl| ttl.min(LONGEST_CACHE)),
            version,
            capabilities,
            overlay,
            run: run.to_owned(),
            directory,
            others,
            connection,
        })
    }
}

async fn version(client: &Client) -> Result<String, ClusterError> {
    Ok(ask("its version", client.apiserver_version()).await?.git_version)
}

/// How long caches hold an answer of the cluster's DNS, also that there is none; `None` if nobody answers.
async fn time_to_live(prober: &ProxyProber) -> Option<Duration> {
    let answer = prober.resolve(SELDOM_ASKED, RecordType::Srv).await;
    answer.ttl.map(|seconds| Duration::from_secs(seconds.into()))
}

async fn classes(client: &Client) -> Result<Vec<StorageClass>, ClusterError> {
    let classes: Api<StorageClass> = Api::all(client.clone());
    let listed = ask("its storage classes", classes.list(&ListParams::default())).await?;
    Ok(listed.items)
}

async fn nodes(client: &Client) -> Result<Vec<Node>, ClusterError> {
    let nodes: Api<Node> = Api::all(client.clone());
    let listed = ask("its nodes", nodes.list(&ListParams::default())).await?;
    Ok(listed.items)
}

pub(super) fn is_default(class: &StorageClass) -> bool {
    let annotations = class.metadata.annotations.as_ref();
    annotations
        .and_then(|all| all.get(DEFAULT_CLASS))
        .is_some_and(|value| value == "true")
}

fn did_not_start(reason: String) -> ClusterError {
    ClusterError::Start {
        cluster: KUBECONFIG,
        reason,
    }
}

/// One request of the start.
async fn ask<T>(what: &str, request: impl Future<Output = kube::Result<T>>) -> Result<T, ClusterError> {
    match clock::within(REQUEST, request).await {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(error)) => Err(did_not_start(format!(
            "asking for {what} failed: {}; `ordinal rbac` prints the rights that are needed",
            in_words(&error)
        ))),
        None => Err(did_not_start(format!(
            "asking for {what} took longer than {REQUEST:?}; is this the right context?"
        ))),
    }
}

/// Asks the API server what this identity may do, and names what is missing.
async fn check_rights(client: &Client) -> Result<(), ClusterError> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
        "spec": { "namespace": "default" },
    });
    let request = http::Request::post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews")
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(review.to_string().into_bytes())
        .map_err(|error| did_not_start(error.to_string()))?;
    let answer = ask("its own rights", client.request::<Value>(request)).await?;
    let missing = rights::missing(&answer);
    if missing.is_empty() {
        return Ok(());
    }
    Err(did_not_start(format!(
        "this identity may not: {}; grant what `ordinal rbac` prints",
        missing.join("; ")
    )))
}

impl Cluster for KubeconfigCluster {
    fn name(&self) -> &str {
        KUBECONFIG
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn capabilities(&self) -> &[Capability] {
        &self.capabilities
    }

    /// Everybody has the identity of the kubeconfig: another one is not there to be had.
    fn client(&self, role: Role) -> Client {
        match role {
            Role::Harness => self.connection.client.clone(),
            Role::Candidate | Role::Companion => self.others.clone(),
        }
    }

    fn kubeconfig(&self, _: Role) -> BoxFuture<'_, Result<PathBuf, ClusterError>> {
        async move {
            let path = self.directory.path().join("kubeconfig");
            connect::write(&self.connection.kubeconfig, &path)?;
            Ok(path)
        }
        .boxed()
    }

    fn writes(&self) -> Option<mpsc::UnboundedReceiver<Write>> {
        None
    }

    fn prober(&self) -> Arc<dyn Prober> {
        self.prober.clone()
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn overlay(&self) -> Overlay {
        self.overlay.clone()
    }

    fn has_workload_controllers(&self) -> bool {
        true
    }

    fn requests(&self) -> Option<u64> {
        Some(self.connection.requests.load(Ordering::Relaxed))
    }

    fn dns_cache(&self) -> Duration {
        self.dns_cache
    }

    fn node_silence(&self) -> Duration {
        NODE_SILENCE
    }

    fn why_not(&self, capability: Capability) -> Option<&'static str> {
        (capability == Capability::NodeLoss)
            .then_some("its nodes are not the harness's to stop, and others may use them")
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        async move {
            let context = &self.connection.context;
            match namespaces::remove_all(&self.connection.client, &self.run, FAREWELL).await {
                Ok(left) if left.is_empty() => {}
                Ok(left) => tracing::warn!(context, ?left, "namespaces of the run are still terminating"),
                Err(error) => tracing::warn!(context, error, "namespaces of the run may be left"),
            }
        }
        .boxed()
    }
}
