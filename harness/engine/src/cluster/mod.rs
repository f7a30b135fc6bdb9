//! Where a candidate runs.

mod embedded;
mod finding;
mod hand_over;
#[cfg(feature = "k3s")]
pub mod k3s;
mod kubeconfig;
mod namespaces;
mod rights;
mod spare;

pub use embedded::{EMBEDDED, EmbeddedCluster};
pub use finding::{Finding, Severity};
pub use hand_over::HandOver;
pub use kubeconfig::{
    KUBECONFIG, KubeconfigCluster, KubeconfigOptions, RIGHTS, Right, examine as examine_kubeconfig,
};
pub use namespaces::{RUN_LABEL, Swept};
pub(crate) use namespaces::{
    create as create_namespace, keep as keep_namespace, remove as remove_namespace, run_id,
};
pub use spare::{NodeLoss, SPARE, SpareNode};

pub use ::embedded::DnsFault;

use crate::{folder::FolderError, manifest::Overlay, probe::Prober};
use futures::{FutureExt, future::BoxFuture};
use history::{Evidence, Write};
#[cfg(feature = "k3s")]
use kubeconfig::Connection;
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// What a cluster can do. A scenario states what it needs; what a cluster cannot do is skipped with the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// Volumes appear by themselves for claims without a class.
    DynamicProvisioning,
    /// PersistentVolumes can be made by the harness.
    StaticVolumes,
    /// Names can be asked from the cluster's own DNS.
    Dns,
    /// Pods answer HTTP.
    DataPlane,
    /// Every write carries its author.
    Attribution,
    /// More than one node.
    SeveralNodes,
    /// A node is set aside that a scenario can lose and bring back.
    NodeLoss,
    /// Time can be paused.
    VirtualTime,
}

impl Capability {
    /// The capability in words.
    pub const fn name(self) -> &'static str {
        match self {
            Capability::DynamicProvisioning => "dynamic provisioning",
            Capability::StaticVolumes => "static volumes",
            Capability::Dns => "cluster DNS",
            Capability::DataPlane => "HTTP to pods",
            Capability::Attribution => "authors of writes",
            Capability::SeveralNodes => "several nodes",
            Capability::NodeLoss => "node to lose",
            Capability::VirtualTime => "virtual time",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who talks to the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The harness.
    Harness,
    /// The controller under test.
    Candidate,
    /// Controllers that stand in for what the candidate does not serve.
    Companion,
}

/// A running cluster. Scenarios and rules never name one.
pub trait Cluster: Send + Sync {
    /// Short name of the provider: `embedded`, `k3s`, `kubeconfig`.
    fn name(&self) -> &str;

    /// Version of Kubernetes that it speaks.
    fn version(&self) -> String;

    /// What it can do.
    fn capabilities(&self) -> &[Capability];

    /// A client with the identity of `role`. It never retries by itself: one call, one answer.
    fn client(&self, role: Role) -> kube::Client;

    /// A kubeconfig file with the identity of `role`, for candidates in processes of their own.
    fn kubeconfig(&self, role: Role) -> BoxFuture<'_, Result<PathBuf, ClusterError>>;

    /// Every write from now on with its author, if the cluster can tell.
    fn writes(&self) -> Option<mpsc::UnboundedReceiver<Write>>;

    /// Probes for the cluster's DNS and its pods.
    fn prober(&self) -> Arc<dyn Prober>;

    /// Wall-clock time inside the cluster.
    fn now(&self) -> jiff::Timestamp;

    /// Domain of the cluster's DNS names.
    fn domain(&self) -> &str {
        "cluster.local"
    }

    /// What manifests must be adapted to, but for the namespace.
    fn overlay(&self) -> Overlay;

    /// Whether it has controllers of StatefulSets and DaemonSets of its own, unless somebody switched them off.
    fn has_workload_controllers(&self) -> bool;

    /// How many requests the harness has sent to the API server, where requests go over a network.
    fn requests(&self) -> Option<u64> {
        None
    }

    /// For how long its DNS may keep an answer that is out of date.
    fn dns_cache(&self) -> Duration {
        Duration::ZERO
    }

    /// For how long a node may say nothing while it starts or ends a pod.
    fn node_silence(&self) -> Duration {
        Duration::ZERO
    }

    /// Sets a node aside for one scenario to lose. Waits while another scenario has the only one.
    ///
    /// # Errors
    /// When there is none: the cluster does not offer [`Capability::NodeLoss`].
    fn spare_node(&self) -> BoxFuture<'_, Result<Box<dyn SpareNode>, ClusterError>> {
        async {
            Err(ClusterError::NoSpareNode {
                cluster: self.name().to_owned(),
            })
        }
        .boxed()
    }

    /// Why it cannot do something, where there is more to say than that it cannot.
    fn why_not(&self, _: Capability) -> Option<&'static str> {
        None
    }

    /// Ends the cluster and removes what it left. Does nothing the second time.
    fn shutdown(&self) -> BoxFuture<'_, ()>;

    /// How much of the truth it can show.
    fn evidence(&self) -> Evidence {
        if self.capabilities().contains(&Capability::Attribution) {
            Evidence::A
        } else {
            Evidence::B
        }
    }
}

/// Why a cluster cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// It did not start.
    #[error("the {cluster} cluster did not start: {reason}")]
    Start {
        /// Name of the provider.
        cluster: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// Whether its own controllers are off could not be found out.
    #[error(
        "whether the {cluster} cluster leaves its sets to the candidate could not be found out: {reason}"
    )]
    HandOver {
        /// Name of the provider.
        cluster: String,
        /// What went wrong.
        reason: String,
    },
    /// No node is set aside to be lost.
    #[error("no node of the {cluster} cluster is set aside to be lost")]
    NoSpareNode {
        /// Name of the provider.
        cluster: String,
    },
    /// A node could not be lost or brought back.
    #[error("the node {node} could not be {what}: {reason}")]
    Node {
        /// Its name.
        node: String,
        /// What was tried, as a participle.
        what: String,
        /// What went wrong.
        reason: String,
    },
    /// What runs left in it could not be found.
    #[error("the cluster of the context {context} could not be swept: {reason}")]
    Namespaces {
        /// The context that leads to it.
        context: String,
        /// What went wrong.
        reason: String,
    },
    /// A folder could not be made.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file could not be written.
    #[error("writing {} failed: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What a report says about a cluster.
pub fn facts(cluster: &dyn Cluster, time: reports::Time, seed: Option<u64>) -> reports::ClusterFacts {
    reports::ClusterFacts {
        name: cluster.name().into(),
        version: cluster.version(),
        capabilities: cluster
            .capabilities()
            .iter()
            .map(|capability| capability.name().to_owned())
            .collect(),
        time,
        seed,
        evidence: cluster.evidence(),
        chosen_because: None,
    }
}

/// A client on a service of this process. It never retries by itself: one call, one answer.
pub fn in_process_client(service: ::embedded::ApiService) -> kube::Client {
    kube::Client::new(service, "default")
}
