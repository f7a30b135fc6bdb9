//! The embedded cluster, in this process.

use super::{Capability, Cluster, ClusterError, NodeLoss, Role, SPARE, SpareNode, in_process_client, rights};
use crate::folder::Folder;
use crate::manifest::Overlay;
use crate::probe::{HttpRequest, NetworkProber, Prober, RecordType, dns_answer, http_answer};
use embedded::{
    Clock, ClusterConfig, DataPlane, Identity, ListenConfig, api::AuditRecord, node::Registration,
};
use futures::{FutureExt, future::BoxFuture};
use history::{Author, DnsAnswer, HttpAnswer, Write};
use serde_json::{Value, json};
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, mpsc};
use workload::NameAnswer;

/// Name of the provider.
pub const EMBEDDED: &str = "embedded";

const HARNESS: &str = "ordinal";
const CANDIDATE_NAMESPACE: &str = "ordinal-system";
const CANDIDATE_ACCOUNT: &str = "candidate";
/// Everything that runs in virtual time starts at this moment.
const EPOCH: i64 = 1_767_225_600;

/// Seconds of silence after which a node that is set aside counts as lost in real time. Others are given the usual time, so
/// that a machine that stands still for a moment loses no node that was not meant to be lost.
const SPARE_GRACE: u32 = 2;
/// How long it may take on a busy machine until a lost node counts as such, and until its pods are driven out.
const NOTICE: Duration = Duration::from_secs(60);

/// A cluster in this process.
pub struct EmbeddedCluster {
    cluster: Arc<embedded::Cluster>,
    capabilities: Vec<Capability>,
    prober: Arc<dyn Prober>,
    directory: Folder,
    listening: Mutex<Option<embedded::Listening>>,
    /// How many nodes there are, those included that were set aside.
    nodes: AtomicUsize,
    spare_grace: Option<u32>,
}

const CAPABILITIES: [Capability; 7] = [
    Capability::DynamicProvisioning,
    Capability::StaticVolumes,
    Capability::Dns,
    Capability::DataPlane,
    Capability::Attribution,
    Capability::NodeLoss,
    Capability::VirtualTime,
];

impl EmbeddedCluster {
    /// Starts a cluster in real time: pods listen on addresses of their own, names are answered by a DNS server.
    ///
    /// # Errors
    /// When its folder cannot be made or its DNS server cannot listen.
    pub async fn start(nodes: usize) -> Result<EmbeddedCluster, ClusterError> {
        let directory = Folder::make(EMBEDDED)?;
        let config = ClusterConfig {
            nodes,
            ..ClusterConfig::new(directory.path())
        };
        let cluster = Arc::new(embedded::Cluster::start(config).await.map_err(did_not_start)?);
        let dns = cluster
            .name_server()
            .ok_or_else(|| did_not_start("its name server does not listen"))?;
        // Weak: the prober must not keep the cluster alive.
        let reached = Arc::downgrade(&cluster);
        let dial = Arc::new(move |address: IpAddr, port: u16| {
            let real = reached.upgrade().and_then(|cluster| cluster.dial(address, port));
            real.unwrap_or_else(|| SocketAddr::new(address, port))
        });
        let prober = NetworkProber::new(dns, dial).map_err(did_not_start)?;
        Self::assemble(cluster, nodes, Some(SPARE_GRACE), Arc::new(prober), directory)
    }

    /// Starts a cluster for virtual time: no sockets, identifiers from `seed`, a fixed epoch. Its DNS may have a defect.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub async fn start_virtual(
        nodes: usize,
        seed: u64,
        dns_fault: Option<embedded::DnsFault>,
    ) -> Result<EmbeddedCluster, ClusterError> {
        let directory = Folder::make(EMBEDDED)?;
        let epoch = jiff::Timestamp::from_second(EPOCH).map_err(did_not_start)?;
        let config = ClusterConfig {
            nodes,
            clock: Clock::fixed(epoch),
            seed: Some(seed),
            data_plane: DataPlane::InMemory,
            dns_fault,
            ..ClusterConfig::new(directory.path())
        };
        let cluster = Arc::new(embedded::Cluster::start(config).await.map_err(did_not_start)?);
        let prober = MemoryProber {
            cluster: Arc::downgrade(&cluster),
        };
        Self::assemble(cluster, nodes, None, Arc::new(prober), directory)
    }

    fn assemble(
        cluster: Arc<embedded::Cluster>,
        nodes: usize,
        spare_grace: Option<u32>,
        prober: Arc<dyn Prober>,
        directory: Folder,
    ) -> Result<EmbeddedCluster, ClusterError> {
        let grant = |api: &embedded::Api| rights::grant(api, CANDIDATE_NAMESPACE, CANDIDATE_ACCOUNT);
        cluster.prepare(grant).map_err(did_not_start)?;
        let mut capabilities = CAPABILITIES.to_vec();
        if nodes > 1 {
            capabilities.push(Capability::SeveralNodes);
        }
        Ok(EmbeddedCluster {
            cluster,
            capabilities,
            prober,
            directory,
            listening: Mutex::new(None),
            nodes: AtomicUsize::new(nodes),
            spare_grace,
        })
    }

    async fn kubeconfig_of(&self, role: Role) -> Result<PathBuf, ClusterError> {
        let mut listening = self.listening.lock().await;
        let listening = match listening.as_ref() {
            Some(listening) => listening,
            None => listening.insert(
                self.cluster
                    .listen(ListenConfig::default())
                    .await
                    .map_err(did_not_start)?,
            ),
        };
        let (user, token) = match role {
            Role::Harness => ("kubernetes-admin", listening.token.clone()),
            Role::Candidate | Role::Companion => (CANDIDATE_ACCOUNT, self.candidate_token().await?),
        };
        let text = embedded::kubeconfig(&listening.url, listening.ca_pem.as_deref(), &token, user);
        let path = self.directory.path().join(format!("{user}.kubeconfig"));
        std::fs::write(&path, text).map_err(|source| ClusterError::File {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    /// A token of the candidate's own service account.
    async fn candidate_token(&self) -> Result<String, ClusterError> {
        let client = self.client(Role::Harness);
        let namespace =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": CANDIDATE_NAMESPACE } });
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": CANDIDATE_ACCOUNT } });
        let accounts = format!("/api/v1/namespaces/{CANDIDATE_NAMESPACE}/serviceaccounts");
        post(&client, "/api/v1/namespaces", &namespace).await?;
        post(&client, &accounts, &account).await?;
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": { "expirationSeconds": 86_400 },
        });
        let answer = post(
            &client,
            &format!("{accounts}/{CANDIDATE_ACCOUNT}/token"),
            &request,
        )
        .await?;
        let token = answer.pointer("/status/token").and_then(Value::as_str);
        token
            .map(str::to_owned)
            .ok_or_else(|| did_not_start("the API server gave the candidate no token"))
    }
}

/// Creates an object; one that exists already is fine.
async fn post(client: &kube::Client, path: &str, body: &Value) -> Result<Value, ClusterError> {
    let request = http::Request::post(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body.to_string().into_bytes())
        .map_err(did_not_start)?;
    match client.request::<Value>(request).await {
        Ok(answer) => Ok(answer),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(Value::Null),
        Err(error) => Err(did_not_start(error)),
    }
}

fn did_not_start(reason: impl ToString) -> ClusterError {
    ClusterError::Start {
        cluster: EMBEDDED,
        reason: reason.to_string(),
    }
}

fn identity(role: Role) -> Identity {
    match role {
        Role::Harness => Identity {
            user: HARNESS.into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            agent: HARNESS.into(),
            ..Identity::default()
        },
        Role::Candidate => Identity {
            user: format!("system:serviceaccount:{CANDIDATE_NAMESPACE}:{CANDIDATE_ACCOUNT}"),
            groups: vec!["system:serviceaccounts".into(), "system:authenticated".into()],
            agent: CANDIDATE_ACCOUNT.into(),
            ..Identity::default()
        },
        Role::Companion => Identity {
            user: "system:serviceaccount:kube-system:daemon-set-controller".into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            agent: "daemon-set-controller".into(),
            ..Identity::default()
        },
    }
}

impl Cluster for EmbeddedCluster {
    fn name(&self) -> &str {
        EMBEDDED
    }

    fn version(&self) -> String {
        embedded::VERSION.into()
    }

    fn capabilities(&self) -> &[Capability] {
        &self.capabilities
    }

    fn client(&self, role: Role) -> kube::Client {
        in_process_client(self.cluster.http_service(identity(role)))
    }

    fn kubeconfig(&self, role: Role) -> BoxFuture<'_, Result<PathBuf, ClusterError>> {
        self.kubeconfig_of(role).boxed()
    }

    fn writes(&self) -> Option<mpsc::UnboundedReceiver<Write>> {
        let mut audit = self.cluster.api().audit();
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(record) = audit.next().await {
                if tell.send(write(&record)).is_err() {
                    return;
                }
            }
        });
        Some(told)
    }

    fn prober(&self) -> Arc<dyn Prober> {
        self.prober.clone()
    }

    fn now(&self) -> jiff::Timestamp {
        self.cluster.api().clock().now()
    }

    fn overlay(&self) -> Overlay {
        Overlay {
            volume_root: "/volumes".into(),
            ..Overlay::default()
        }
    }

    fn has_workload_controllers(&self) -> bool {
        false
    }

    /// A new one for each who asks.
    fn spare_node(&self) -> BoxFuture<'_, Result<Box<dyn SpareNode>, ClusterError>> {
        let number = self.nodes.fetch_add(1, Ordering::Relaxed) + 1;
        let registration = Registration {
            name: None,
            labels: vec![(SPARE.into(), String::new())],
            taints: vec![SPARE.into()],
            grace_seconds: self.spare_grace,
        };
        self.cluster.nodes().start_as(number, registration.clone());
        let node: Box<dyn SpareNode> = Box::new(EmbeddedNode {
            cluster: self.cluster.clone(),
            name: format!("node-{number}"),
            number,
            registration,
        });
        async { Ok(node) }.boxed()
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        self.cluster.shutdown().boxed()
    }
}

/// A node beside those that the cluster was started with. It stays when its scenario is over, for what is left on it.
struct EmbeddedNode {
    cluster: Arc<embedded::Cluster>,
    name: String,
    number: usize,
    registration: Registration,
}

impl SpareNode for EmbeddedNode {
    fn name(&self) -> &str {
        &self.name
    }

    fn notice(&self) -> Duration {
        NOTICE
    }

    fn lose(&self, how: NodeLoss) -> BoxFuture<'_, Result<(), ClusterError>> {
        let nodes = self.cluster.nodes();
        let lost = match how {
            NodeLoss::Pause => nodes.silence(&self.name, true),
            NodeLoss::Stop => nodes.stop(&self.name),
        };
        let outcome = lost.then_some(()).ok_or_else(|| ClusterError::Node {
            node: self.name.clone(),
            what: how.to_string(),
            reason: "it does not run".into(),
        });
        async { outcome }.boxed()
    }

    fn bring_back(&self) -> BoxFuture<'_, Result<(), ClusterError>> {
        let nodes = self.cluster.nodes();
        // Of these one does nothing: a node that was stopped has no agent that could be silent.
        nodes.silence(&self.name, false);
        nodes.start_as(self.number, self.registration.clone());
        async { Ok(()) }.boxed()
    }
}

fn write(record: &AuditRecord) -> Write {
    let candidate = identity(Role::Candidate).user;
    Write {
        role: match record.identity.user.as_str() {
            HARNESS => Author::Harness,
            user if user == candidate => Author::Candidate,
            _ => Author::Cluster,
        },
        author: record.identity.user.clone(),
        agent: record.identity.agent.clone(),
        verb: record.verb.into(),
        resource: record.resource.plural.to_string(),
        subresource: record.subresource.map(|subresource| subresource.name().into()),
        namespace: record.namespace.clone(),
        name: record.name.clone(),
        code: record.code,
        version: record.resource_version,
    }
}

/// Probes without sockets, for virtual time.
struct MemoryProber {
    cluster: Weak<embedded::Cluster>,
}

impl MemoryProber {
    async fn exchange(&self, request: &HttpRequest) -> Result<(u16, String), String> {
        let cluster = self.cluster.upgrade().ok_or("the cluster is gone")?;
        let address: IpAddr = request
            .address
            .parse()
            .map_err(|_| format!("`{}` is no IP address", request.address))?;
        let response = cluster
            .http_get(address, request.port, &request.path)
            .await
            .map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        Ok((status, String::from_utf8_lossy(response.body()).into_owned()))
    }
}

impl Prober for MemoryProber {
    fn resolve<'a>(&'a self, name: &'a str, kind: RecordType) -> BoxFuture<'a, DnsAnswer> {
        let answer = match self.cluster.upgrade() {
            Some(cluster) => cluster.dns().ask(name, kind),
            None => NameAnswer::failed("the cluster is gone"),
        };
        async move { dns_answer(name, kind, answer) }.boxed()
    }

    fn send<'a>(&'a self, request: &'a HttpRequest) -> BoxFuture<'a, HttpAnswer> {
        async move { http_answer(request, self.exchange(request).await) }.boxed()
    }
}
