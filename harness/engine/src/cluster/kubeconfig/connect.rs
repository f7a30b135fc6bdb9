//! From a kubeconfig to a client.

use super::{KUBECONFIG, KubeconfigOptions};
use crate::cluster::ClusterError;
use kube::{
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig},
};
use std::{
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tower::util::MapRequestLayer;

/// How long the API server may take to be connected to.
const CONNECT: Duration = Duration::from_secs(5);

/// A way to a cluster.
#[derive(Clone)]
pub(crate) struct Connection {
    pub client: kube::Client,
    /// How many requests the client has sent.
    pub requests: Arc<AtomicU64>,
    /// The kubeconfig with the chosen context as the current one.
    pub kubeconfig: Kubeconfig,
    /// The context.
    pub context: String,
}

/// Reads the kubeconfig and makes a client that never retries by itself.
///
/// # Errors
/// When there is no kubeconfig, no such context, or the credentials cannot be used.
pub(super) async fn connect(options: &KubeconfigOptions) -> Result<Connection, ClusterError> {
    let from = match &options.file {
        Some(file) => format!("the kubeconfig {}", file.display()),
        None => "the kubeconfig of $KUBECONFIG or ~/.kube/config".to_owned(),
    };
    let unusable = |reason: String| ClusterError::Start {
        cluster: KUBECONFIG,
        reason: format!("{from} cannot be used: {reason}"),
    };
    let read = match &options.file {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    let kubeconfig = read.map_err(|error| unusable(in_words(&error)))?;
    let context = options
        .context
        .clone()
        .or_else(|| kubeconfig.current_context.clone())
        .ok_or_else(|| unusable("it has no current context; choose one with --context".into()))?;
    if !kubeconfig.contexts.iter().any(|known| known.name == context) {
        let known: Vec<&str> = kubeconfig
            .contexts
            .iter()
            .map(|known| known.name.as_str())
            .collect();
        return Err(unusable(format!(
            "it has no context `{context}`; choose one of {} with --context",
            known.join(", ")
        )));
    }
    open(kubeconfig, context).await.map_err(unusable)
}

/// A client that never retries by itself, for a context of a kubeconfig.
///
/// # Errors
/// When the credentials cannot be used.
pub(crate) async fn open(mut kubeconfig: Kubeconfig, context: String) -> Result<Connection, String> {
    kubeconfig.current_context = Some(context.clone());
    let chosen = KubeConfigOptions {
        context: Some(context.clone()),
        ..KubeConfigOptions::default()
    };
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig.clone(), &chosen)
        .await
        .map_err(|error| in_words(&error))?;
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    let requests = Arc::<AtomicU64>::default();
    let counted = requests.clone();
    let count = MapRequestLayer::new(move |request: http::Request<kube::client::Body>| {
        counted.fetch_add(1, Ordering::Relaxed);
        request
    });
    let builder = ClientBuilder::try_from(config).map_err(|error| in_words(&error))?;
    Ok(Connection {
        client: builder.with_layer(&count).build(),
        requests,
        kubeconfig,
        context,
    })
}

/// Writes a kubeconfig that only its owner can read. JSON is YAML.
pub(crate) fn write(kubeconfig: &Kubeconfig, path: &Path) -> Result<(), ClusterError> {
    let failed = |source| ClusterError::File {
        path: path.into(),
        source,
    };
    let text = serde_json::to_vec(kubeconfig).map_err(|error| failed(error.into()))?;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    std::io::Write::write_all(&mut file, &text).map_err(failed)
}

/// An error with all its causes.
pub(crate) fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words += &format!(": {cause_words}");
        }
        source = cause.source();
    }
    words
}
