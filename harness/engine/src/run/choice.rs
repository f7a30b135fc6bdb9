//! Where to run, as a user says it.

use crate::candidate::Candidate;
#[cfg(feature = "k3s")]
use crate::clock;
#[cfg(feature = "k3s")]
use crate::cluster::k3s::{K3sCluster, K3sOptions, docker::Engine};
use crate::cluster::{
    Cluster, ClusterError, EmbeddedCluster, HandOver, KubeconfigCluster, KubeconfigOptions,
};
use crate::image::ProgramError;
#[cfg(feature = "k3s")]
use crate::image::{self, Image, WORKLOAD};
#[cfg(feature = "k3s")]
use std::time::Duration;
use std::{env, fmt, path::Path, str::FromStr, sync::Arc};

/// Where to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterChoice {
    /// A cluster in this process, with so many nodes.
    Embedded {
        /// How many nodes it has.
        nodes: usize,
    },
    /// A cluster that is there already.
    Kubeconfig(KubeconfigOptions),
    /// k3s in a container that is started for the run.
    #[cfg(feature = "k3s")]
    K3s(Box<K3sOptions>),
}

/// What leaves the choice to [`ClusterChoice::automatic`].
const AUTO: &str = "auto";
/// Names of the providers.
const NAMES: &[&str] = &[AUTO, "embedded", "kubeconfig", "kubeconfig=FILE", "k3s"];

/// Why a cluster cannot be chosen by a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// There is none of that name.
    #[error(transparent)]
    Unknown(#[from] judging::UnknownName),
    /// It was left out when this program was built.
    #[error(
        "this program was built without k3s, to do without Docker; build it with the feature `k3s`, which is a default \
         one of `ordinal`, or choose embedded or kubeconfig"
    )]
    BuiltWithout,
}

impl ClusterChoice {
    /// The cluster of that name; `None` if it says `auto`.
    ///
    /// # Errors
    /// When there is none of that name, or this program was built without it.
    pub fn named(name: &str) -> Result<Option<ClusterChoice>, ChoiceError> {
        if name == AUTO {
            Ok(None)
        } else {
            name.parse().map(Some)
        }
    }

    /// What `ORDINAL_CLUSTER` says, with `ORDINAL_CONTEXT` and `ORDINAL_WORKLOAD_IMAGE` for a kubeconfig, and
    /// `ORDINAL_K3S_IMAGE`, `ORDINAL_K3S_VERSION` and `ORDINAL_K3S_UNPRIVILEGED` for k3s. `None` if it says nothing, or
    /// `auto`.
    ///
    /// # Errors
    /// When `ORDINAL_CLUSTER` names no provider.
    pub fn of_environment() -> Result<Option<ClusterChoice>, ChoiceError> {
        let mut choice = ClusterChoice::named(set("ORDINAL_CLUSTER").as_deref().unwrap_or(AUTO))?;
        match &mut choice {
            Some(ClusterChoice::Kubeconfig(options)) => {
                options.context = set("ORDINAL_CONTEXT");
                options.workload_image = set("ORDINAL_WORKLOAD_IMAGE");
            }
            #[cfg(feature = "k3s")]
            Some(ClusterChoice::K3s(options)) => **options = k3s_of_environment(),
            _ => {}
        }
        Ok(choice)
    }

    /// Whether time can be virtual on it.
    pub fn has_virtual_time(&self) -> bool {
        matches!(self, ClusterChoice::Embedded { .. })
    }

    /// The same with `program` as the workload, if the cluster is one whose images Ordinal imports itself. It has to have
    /// been built together with this one.
    ///
    /// # Errors
    /// When the system does not say what programs of this build consist of.
    #[cfg_attr(not(feature = "k3s"), expect(unused_variables))]
    pub fn with_workload(self, program: &Path) -> Result<ClusterChoice, ProgramError> {
        match self {
            #[cfg(feature = "k3s")]
            ClusterChoice::K3s(mut options) => {
                let path = "/bin/workload";
                let files = image::program(program, path)?;
                options.workload = Some(Image::of_workload(WORKLOAD, path, &[], files));
                Ok(ClusterChoice::K3s(options))
            }
            other => Ok(other),
        }
    }

    /// Whether it is k3s in a container.
    pub fn is_k3s(&self) -> bool {
        match self {
            #[cfg(feature = "k3s")]
            ClusterChoice::K3s(_) => true,
            ClusterChoice::Embedded { .. } | ClusterChoice::Kubeconfig(_) => false,
        }
    }

    /// Starts the cluster, or connects to it, and begins the proof that it leaves to the candidate what the candidate takes
    /// over. `run` is the id of the run.
    pub(super) async fn start(
        &self,
        candidate: &Candidate,
        run: &str,
    ) -> Result<(Arc<dyn Cluster>, HandOver), ClusterError> {
        tracing::debug!(?self, takes_over = ?candidate.takes_over, run, "starting a cluster");
        Ok(match self {
            ClusterChoice::Embedded { nodes } => {
                // It has no controllers of sets.
                (
                    Arc::new(EmbeddedCluster::start(*nodes).await?),
                    HandOver::default(),
                )
            }
            ClusterChoice::Kubeconfig(options) => {
                let (cluster, hand_over) =
                    KubeconfigCluster::start(options, &candidate.takes_over, run).await?;
                (Arc::new(cluster), hand_over)
            }
            #[cfg(feature = "k3s")]
            ClusterChoice::K3s(options) => {
                let mut cluster = K3sCluster::start(options, &candidate.takes_over, run).await?;
                let hand_over = cluster.hand_over();
                (Arc::new(cluster), hand_over)
            }
        })
    }

    /// Removes what a start that was given up may have left.
    pub(super) async fn abandon(&self, run: &str) {
        match self {
            ClusterChoice::Embedded { .. } => {}
            ClusterChoice::Kubeconfig(options) => KubeconfigCluster::abandon(options, run).await,
            #[cfg(feature = "k3s")]
            ClusterChoice::K3s(_) => sweep(run).await,
        }
    }

    /// Removes what takes no time and would go on running. Namespaces in somebody's cluster do take time: they have a label,
    /// and are left.
    #[cfg_attr(not(feature = "k3s"), expect(clippy::unused_async, unused_variables))]
    pub(super) async fn abandon_at_once(&self, run: &str) {
        match self {
            ClusterChoice::Embedded { .. } | ClusterChoice::Kubeconfig(_) => {}
            #[cfg(feature = "k3s")]
            ClusterChoice::K3s(_) => sweep(run).await,
        }
    }
}

/// Removes the containers of a run, and their network. What the engine was about to create when the run was broken off
/// comes a moment later.
#[cfg(feature = "k3s")]
async fn sweep(run: &str) {
    let Ok(engine) = Engine::connect().await else {
        return;
    };
    for pause in [Duration::ZERO, Duration::from_secs(1)] {
        clock::pass(pause).await;
        if let Err(error) = engine.sweep(Some(run)).await {
            tracing::warn!(%error, "containers of the run may be left");
        }
    }
}

impl fmt::Display for ClusterChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClusterChoice::Embedded { .. } => f.write_str("embedded"),
            ClusterChoice::Kubeconfig(_) => f.write_str("kubeconfig"),
            #[cfg(feature = "k3s")]
            ClusterChoice::K3s(options) => write!(f, "k3s {}", options.tag),
        }
    }
}

/// A variable of the environment, unless it is empty.
fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The k3s that the environment asks for.
#[cfg(feature = "k3s")]
pub(super) fn k3s_of_environment() -> K3sOptions {
    let standard = K3sOptions::default();
    K3sOptions {
        image: set("ORDINAL_K3S_IMAGE").unwrap_or(standard.image),
        tag: set("ORDINAL_K3S_VERSION").map_or(standard.tag, |version| crate::cluster::k3s::tag(&version)),
        privileged: set("ORDINAL_K3S_UNPRIVILEGED").is_none_or(|value| value != "true"),
        ..K3sOptions::default()
    }
}

impl FromStr for ClusterChoice {
    type Err = ChoiceError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name.split_once('=') {
            None if name == "embedded" => Ok(ClusterChoice::Embedded {
                nodes: super::automatic::NODES,
            }),
            None if name == "kubeconfig" => Ok(ClusterChoice::Kubeconfig(KubeconfigOptions::default())),
            Some(("kubeconfig", file)) if !file.is_empty() => {
                Ok(ClusterChoice::Kubeconfig(KubeconfigOptions {
                    file: Some(file.into()),
                    ..KubeconfigOptions::default()
                }))
            }
            #[cfg(feature = "k3s")]
            None if name == "k3s" => Ok(ClusterChoice::K3s(Box::default())),
            #[cfg(not(feature = "k3s"))]
            None if name == "k3s" => Err(ChoiceError::BuiltWithout),
            _ => Err(ChoiceError::Unknown(judging::UnknownName {
                what: "cluster",
                name: name.into(),
                known: NAMES.to_vec(),
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_named_with_or_without_a_file() {
        assert_eq!("embedded".parse(), Ok(ClusterChoice::Embedded { nodes: 3 }));
        assert_eq!(
            "kubeconfig".parse(),
            Ok(ClusterChoice::Kubeconfig(KubeconfigOptions::default()))
        );
        let Ok(ClusterChoice::Kubeconfig(options)) = "kubeconfig=/k/c".parse() else {
            panic!("a kubeconfig")
        };
        assert_eq!(options.file.as_deref(), Some(std::path::Path::new("/k/c")));
        for wrong in ["moon", "kubeconfig=", "embedded=3", ""] {
            assert!(ClusterChoice::named(wrong).is_err(), "{wrong}");
        }
        assert_eq!(ClusterChoice::named("auto"), Ok(None));
    }
}
