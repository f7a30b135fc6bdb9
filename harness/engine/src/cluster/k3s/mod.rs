//! k3s in a container: a real Kubernetes that is there for one run.

mod arguments;
mod audit;
mod container;
pub mod docker;
pub mod doctor;
mod kubeconfig;
mod log;
mod node;
mod readiness;
mod spare;
mod start;
pub mod symptoms;
mod uncached;

pub use arguments::tag;
pub use node::Server;

use super::{
    Capability, Cluster, ClusterError, Connection, HandOver, Role, SpareNode,
    kubeconfig::{KubeconfigCluster, open, write_kubeconfig},
};
use crate::{
    candidate::Kind,
    folder::Folder,
    image::Image,
    manifest::Overlay,
    probe::{Prober, RecordType},
};
use futures::{FutureExt, future::BoxFuture};
use history::Write;
use k8s_openapi::api::{authentication::v1::TokenRequest, core::v1::ServiceAccount};
use kube::{
    Api, Client,
    api::PostParams,
    config::{AuthInfo, Kubeconfig},
};
use readiness::{KNOWN, Step, until_answered};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc;
use uncached::BothViews;

/// Name of the provider.
pub const K3S: &str = "k3s";
/// The image of k3s.
pub const IMAGE: &str = "rancher/k3s";
/// The release that is started unless told otherwise.
pub const VERSION: &str = "v1.36.2-k3s1";

/// Four times what is between two heartbeats of these nodes.
const NODE_GRACE: Duration = Duration::from_secs(16);
/// How long the cluster's DNS may take to answer once everything else is there.
const DNS_PATIENCE: Duration = Duration::from_secs(30);

/// Which k3s, and what it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct K3sOptions {
    /// Name of the image, without tag.
    pub image: String,
    /// Its tag.
    pub tag: String,
    /// Archives that are loaded into the engine first.
    pub image_archives: Vec<PathBuf>,
    /// How many nodes it has: one server, and agents. The last agent is set aside to be lost.
    pub nodes: usize,
    /// How long a node may be silent before it counts as lost, where one is set aside to be lost.
    pub node_grace: Duration,
    /// What plays the samples' images; it is imported before the start.
    pub workload: Option<Image>,
    /// Archives of other images that the node has from the start, so that it pulls none of them.
    pub imports: Vec<PathBuf>,
    /// A registry map of k3s (`registries.yaml`): where the node pulls images from instead of their own registries.
    pub registries: Option<PathBuf>,
    /// Where logs go; a folder of the system's for temporary files if absent.
    pub logs: Option<PathBuf>,
    /// Whether the container is privileged, as k3s needs it with the usual runtimes of containers. Without, it is given
    /// nothing of the host: that is enough for a runtime that makes containers like machines, and for a stand-in.
    pub privileged: bool,
    /// How long the start may take: images are imported, and machines are slow.
    pub patience: Duration,
}

impl Default for K3sOptions {
    fn default() -> Self {
        K3sOptions {
            image: IMAGE.into(),
            tag: VERSION.into(),
            image_archives: Vec::new(),
            nodes: 1,
            node_grace: NODE_GRACE,
            workload: None,
            imports: Vec::new(),
            registries: None,
            logs: None,
            privileged: true,
            patience: Duration::from_secs(180),
        }
    }
}

impl K3sOptions {
    /// Name and tag of the image.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.image, self.tag)
    }
}

/// A cluster in a container.
pub struct K3sCluster {
    name: String,
    server: Server,
    inner: KubeconfigCluster,
    prober: Arc<dyn Prober>,
    candidate: Connection,
    capabilities: Vec<Capability>,
    subscribers: Subscribers,
    directory: Folder,
    hand_over: HandOver,
}

type Subscribers = Arc<Mutex<Vec<mpsc::UnboundedSender<Write>>>>;

fn did_not_start(reason: impl ToString) -> ClusterError {
    ClusterError::Start {
        cluster: K3S,
        reason: reason.to_string(),
    }
}

impl K3sCluster {
    /// Starts k3s and waits until it can be used. The built-in controllers of `takes_over` are switched off.
    ///
    /// # Errors
    /// When there is no engine, no image, or a step of the start is not reached; the message names the step.
    pub async fn start(
        options: &K3sOptions,
        takes_over: &[Kind],
        run: &str,
    ) -> Result<K3sCluster, ClusterError> {
        let (tell, told) = mpsc::unbounded_channel();
        let mut server = Server::start(options, takes_over, run, tell).await?;
        let subscribers = Subscribers::default();
        tokio::spawn(follow(told, subscribers.clone()));
        let image = options.workload.as_ref().map(|image| image.reference.as_str());
        let connection = open(server.kubeconfig.clone(), server.context.clone())
            .await
            .map_err(did_not_start)?;
        let of_k3s = |error| match error {
            ClusterError::Start { reason, .. } => did_not_start(reason),
            other => other,
        };
        // The proof is under way already.
        let (candidate, (inner, _), uncached) = tokio::try_join!(
            candidate(connection.clone()),
            async {
                KubeconfigCluster::over(connection.clone(), image, &[], run)
                    .await
                    .map_err(of_k3s)
            },
            async { Ok(server.uncached_names().await) },
        )?;
        let cached = inner.prober();
        if inner.capabilities().contains(&Capability::Dns) {
            let limit = options.patience.min(DNS_PATIENCE);
            until_answered(limit, || cached.resolve(KNOWN, RecordType::A))
                .await
                .map_err(|reason| did_not_start(format!("{}, was not reached: {reason}", Step::Dns)))?;
        }
        let prober: Arc<dyn Prober> = match uncached {
            Ok(uncached) => Arc::new(BothViews { cached, uncached }),
            Err(reason) => {
                tracing::warn!(
                    reason,
                    "the cluster's DNS is not reached past its cache: names are asked for as applications do alone"
                );
                cached
            }
        };
        let mut capabilities = inner.capabilities().to_vec();
        capabilities.push(Capability::Attribution);
        // Nothing is placed on the one that is set aside.
        let useful = options.nodes - usize::from(server.spare.is_some());
        capabilities.retain(|capability| *capability != Capability::SeveralNodes);
        capabilities.push(match useful {
            // Their folders are on one node: a member that comes back on another would find nothing.
            ..=1 => Capability::StaticVolumes,
            _ => Capability::SeveralNodes,
        });
        if server.spare.is_some() {
            capabilities.push(Capability::NodeLoss);
        }
        let directory = Folder::make(&format!("k3s-{run}"))?;
        // A release of k3s says so in its version. Whatever else is in the image only behaves like it.
        let name = match inner.version().contains("+k3s") {
            true => K3S.to_owned(),
            false => format!("k3s stand-in ({}:{})", options.image, options.tag),
        };
        Ok(K3sCluster {
            name,
            hand_over: std::mem::take(&mut server.hand_over),
            server,
            inner,
            prober,
            candidate,
            capabilities,
            subscribers,
            directory,
        })
    }
}

impl K3sCluster {
    /// The proof that what is taken over is left alone. It is under way; there is none the second time.
    pub(crate) fn hand_over(&mut self) -> HandOver {
        std::mem::take(&mut self.hand_over)
    }
}

/// Hands every write that the API server tells of to whoever listens.
async fn follow(mut lines: mpsc::UnboundedReceiver<String>, subscribers: Subscribers) {
    while let Some(line) = lines.recv().await {
        if let Some(write) = audit::write(&line) {
            let mut subscribers = subscribers.lock().unwrap_or_else(PoisonError::into_inner);
            subscribers.retain(|subscriber| subscriber.send(write.clone()).is_ok());
        }
    }
}

/// A service account for the candidate, with every right, and a connection on its behalf.
async fn candidate(connection: Connection) -> Result<Connection, ClusterError> {
    let client = &connection.client;
    let (_, account) = audit::CANDIDATE
        .rsplit_once(':')
        .unwrap_or(("", audit::CANDIDATE));
    let namespace = "ordinal-system";
    let made = [
        (
            "/api/v1/namespaces".to_owned(),
            json!({ "metadata": { "name": namespace } }),
        ),
        (
            format!("/api/v1/namespaces/{namespace}/serviceaccounts"),
            json!({ "metadata": { "name": account } }),
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings".to_owned(),
            json!({
                "metadata": { "name": "ordinal-candidate" },
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin",
                },
                "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": namespace }],
            }),
        ),
    ];
    for (path, body) in made {
        let request = http::Request::post(&path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes())
            .map_err(did_not_start)?;
        client
            .request::<Value>(request)
            .await
            .map_err(|error| did_not_start(format!("the candidate's identity: {path}: {error}")))?;
    }
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let request = TokenRequest::default();
    let issued = accounts
        .create_token_request(account, &PostParams::default(), &request)
        .await
        .map_err(|error| did_not_start(format!("the candidate's token: {error}")))?;
    let token = issued
        .status
        .ok_or_else(|| did_not_start("the candidate was given no token"))?
        .token;
    let mut kubeconfig = connection.kubeconfig;
    with_token(&mut kubeconfig, &token);
    open(kubeconfig, connection.context).await.map_err(did_not_start)
}

/// Every user of the kubeconfig becomes the owner of `token`.
fn with_token(kubeconfig: &mut Kubeconfig, token: &str) {
    for user in &mut kubeconfig.auth_infos {
        user.auth_info = Some(AuthInfo {
            token: Some(token.to_owned().into()),
            ..AuthInfo::default()
        });
    }
}

impl Cluster for K3sCluster {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> String {
        self.inner.version()
    }

    fn capabilities(&self) -> &[Capability] {
        &self.capabilities
    }

    fn client(&self, role: Role) -> Client {
        match role {
            Role::Harness | Role::Companion => self.inner.client(role),
            Role::Candidate => self.candidate.client.clone(),
        }
    }

    fn kubeconfig(&self, role: Role) -> BoxFuture<'_, Result<PathBuf, ClusterError>> {
        match role {
            Role::Harness | Role::Companion => self.inner.kubeconfig(role),
            Role::Candidate => async move {
                let path = self.directory.path().join("candidate.kubeconfig");
                write_kubeconfig(&self.candidate.kubeconfig, &path)?;
                Ok(path)
            }
            .boxed(),
        }
    }

    fn writes(&self) -> Option<mpsc::UnboundedReceiver<Write>> {
        let (tell, told) = mpsc::unbounded_channel();
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.push(tell);
        Some(told)
    }

    fn prober(&self) -> Arc<dyn Prober> {
        self.prober.clone()
    }

    fn now(&self) -> jiff::Timestamp {
        self.inner.now()
    }

    fn overlay(&self) -> Overlay {
        Overlay {
            volume_root: "/var/lib/ordinal".into(),
            ..self.inner.overlay()
        }
    }

    fn has_workload_controllers(&self) -> bool {
        true
    }

    fn requests(&self) -> Option<u64> {
        self.inner.requests()
    }

    fn dns_cache(&self) -> Duration {
        self.inner.dns_cache()
    }

    fn node_silence(&self) -> Duration {
        self.inner.node_silence()
    }

    fn spare_node(&self) -> BoxFuture<'_, Result<Box<dyn SpareNode>, ClusterError>> {
        async {
            match &self.server.spare {
                Some(spare) => Ok(spare.take().await),
                None => Err(ClusterError::NoSpareNode {
                    cluster: self.name.clone(),
                }),
            }
        }
        .boxed()
    }

    fn why_not(&self, capability: Capability) -> Option<&'static str> {
        (capability == Capability::NodeLoss)
            .then_some("it has one node; --nodes 2 gives it one more, to be lost")
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        self.server.remove().boxed()
    }
}
