//! The nodes: from an image to a kubeconfig that works.

use super::{
    K3sOptions, arguments, audit,
    container::{self, Container},
    did_not_start,
    docker::Engine,
    log::Log,
    spare::Spare,
    start::Start,
    symptoms, uncached,
};
use crate::{
    candidate::Kind,
    clock::Stopwatch,
    cluster::{ClusterError, HandOver},
    folder::Folder,
};
use futures::future::join_all;
use kube::config::Kubeconfig;
use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};
use testcontainers::TestcontainersError;
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
};
use workload::NameServer;

/// Name of the server.
const SERVER: &str = "server-0";

/// A server that can be used, with its agents.
pub struct Server {
    nodes: Arc<Mutex<Vec<Container>>>,
    /// The agent that is set aside to be lost, if there are agents.
    pub spare: Option<Spare>,
    engine: Engine,
    run: String,
    /// How it is reached from here.
    pub kubeconfig: Kubeconfig,
    /// The context of it.
    pub context: String,
    /// The proof that what is taken over is left alone. It is under way.
    pub hand_over: HandOver,
}

impl Server {
    /// Starts a server with its agents and waits until it can be used. Lines of its standard output go to `out`.
    ///
    /// # Errors
    /// When there is no engine, no image, or a step is not reached in time.
    pub async fn start(
        options: &K3sOptions,
        takes_over: &[Kind],
        run: &str,
        out: mpsc::UnboundedSender<String>,
    ) -> Result<Server, ClusterError> {
        let clock = Stopwatch::start();
        let files = Files::read(options)?;
        let folder = Folder::make(&format!("k3s-{run}"))?;
        let engine = Engine::connect().await.map_err(did_not_start)?;
        let facts = engine.facts().await.map_err(did_not_start)?;
        if facts.rootless && options.privileged {
            return Err(did_not_start(
                "this Docker engine runs without root, and a node needs a privileged container; use one that runs as \
                 root, or --cluster embedded",
            ));
        }
        // The program is large, and the engine has to be asked for the image meanwhile.
        let workload = options.workload.clone().map(|image| {
            let folder = folder.path().to_owned();
            tokio::task::spawn_blocking(move || write_archive(&image, &folder))
        });
        have_image(&engine, options).await?;
        let mut archives = options.imports.clone();
        if let Some(written) = workload {
            archives.push(written.await.map_err(did_not_start)??);
        }
        tracing::debug!(after = ?clock.elapsed(), "the archive with the workload is written");
        let settings = arguments::ServerSettings {
            takes_over: takes_over.to_vec(),
            cgroup_v1: facts.cgroup_v1,
            hosts: engine_host()
                .into_iter()
                .chain([container::container_name(run, SERVER)])
                .collect(),
            audit: true,
            node_grace: (options.nodes > 1).then_some(options.node_grace),
        };
        let log_file = options
            .logs
            .clone()
            .unwrap_or_else(std::env::temp_dir)
            .join(format!("ordinal-k3s-{run}.log"));
        let log = Log::to(&log_file);
        let started = Start {
            log: log.clone(),
            log_file,
            clock: Stopwatch::start(),
            patience: options.patience,
            takes_over,
            run,
        };
        // Whoever knows the token may join.
        let token = uuid::Uuid::new_v4().simple().to_string();
        let names: Vec<String> = (1..options.nodes)
            .map(|number| format!("agent-{number}"))
            .collect();
        let node = |name| container::Node {
            run,
            name,
            image: (&options.image, &options.tag),
            command: arguments::agent(
                name,
                &arguments::AgentSettings {
                    cgroup_v1: facts.cgroup_v1,
                    spare: names.last().is_some_and(|last| last == name),
                },
            ),
            server: false,
            env: vec![("K3S_TOKEN", token.clone())],
            privileged: options.privileged,
            archives: &archives,
            files: files.of_every_node.clone(),
            log: log.of(name),
            out: None,
        };
        let server = container::Node {
            command: arguments::server(SERVER, &settings),
            server: true,
            files: [files.of_every_node.clone(), files.of_the_server].concat(),
            log: log.clone(),
            out: Some(out),
            ..node(SERVER)
        };
        let url = container::api_url(run, SERVER);
        let nodes = async {
            // The first container makes the network.
            let server = container::start(server).await?;
            let agents = names.iter().map(|name| {
                let mut agent = node(name);
                agent.env.push(("K3S_URL", url.clone()));
                container::start(agent)
            });
            let mut nodes = vec![server];
            // All of them, also when one fails: what is half made escapes the sweep.
            for agent in join_all(agents).await {
                nodes.push(agent?);
            }
            Ok::<_, TestcontainersError>(nodes)
        };
        let nodes = nodes.await;
        tracing::debug!(after = ?clock.elapsed(), "the containers of k3s are started");
        let usable = match nodes {
            Err(error) => Err(started.failed(&format!("its container: {error}"))),
            Ok(nodes) => started.until_usable(&nodes).await.map(|reached| (nodes, reached)),
        };
        // A container that was created and did not start belongs to nobody: what is left is found by its label.
        if usable.is_err()
            && let Err(error) = engine.sweep(Some(run)).await
        {
            tracing::warn!(%error, "containers of the run may be left");
        }
        let (nodes, reached) = usable?;
        // Nobody needs the log of a start that went well, unless a folder was asked for.
        if options.logs.is_none() {
            let _ = std::fs::remove_file(&started.log_file);
        }
        let nodes = Arc::new(Mutex::new(nodes));
        let spare = names
            .last()
            .map(|name| Spare::new(name, nodes.clone(), options.node_grace));
        Ok(Server {
            nodes,
            spare,
            engine,
            run: run.to_owned(),
            kubeconfig: reached.kubeconfig,
            context: reached.context,
            hand_over: reached.hand_over,
        })
    }

    /// The DNS of the cluster past its cache.
    ///
    /// # Errors
    /// When it does not answer, with what came in place of an answer.
    pub async fn uncached_names(&self) -> Result<NameServer, String> {
        let nodes = self.nodes.lock().await;
        let server = nodes.first().ok_or("it is removed")?;
        uncached::find(server).await
    }

    /// Removes the containers, their volumes and their network. Does nothing the second time.
    pub async fn remove(&self) {
        let nodes = std::mem::take(&mut *self.nodes.lock().await);
        if nodes.is_empty() {
            return;
        }
        // Each in a task of its own: one that is gone already blocks its thread for a moment when it is dropped, and if that
        // were the thread that waits for the others it would no longer hear of them.
        let mut removals: JoinSet<_> = nodes.into_iter().map(Container::rm).collect();
        while let Some(removed) = removals.join_next().await {
            match removed {
                Ok(Err(error)) => tracing::warn!(%error, "a container of k3s could not be removed"),
                Err(error) => tracing::warn!(%error, "a container of k3s may be left"),
                Ok(Ok(())) => {}
            }
        }
        if let Err(error) = self.engine.sweep(Some(&self.run)).await {
            tracing::warn!(%error, "the network of k3s may be left");
        }
    }
}

/// Files that nodes are given, by their path in them.
struct Files {
    of_every_node: Vec<(String, Vec<u8>)>,
    of_the_server: Vec<(String, Vec<u8>)>,
}

impl Files {
    /// Reads them, and sees that the archives can be read too, before anything is started.
    fn read(options: &K3sOptions) -> Result<Files, ClusterError> {
        let unreadable = |path: &Path| {
            let path = path.display().to_string();
            move |error: std::io::Error| did_not_start(format!("the file {path} cannot be read: {error}"))
        };
        for archive in &options.imports {
            File::open(archive).map_err(unreadable(archive))?;
        }
        let mut of_every_node = Vec::new();
        if let Some(registries) = &options.registries {
            let map = std::fs::read(registries).map_err(unreadable(registries))?;
            of_every_node.push((arguments::REGISTRIES.to_owned(), map));
        }
        Ok(Files {
            of_every_node,
            of_the_server: vec![
                (arguments::AUDIT_POLICY.to_owned(), audit::POLICY.into()),
                (uncached::MANIFEST.to_owned(), uncached::manifest()),
            ],
        })
    }
}

/// Makes sure that the engine has the image, or its registry does.
async fn have_image(engine: &Engine, options: &K3sOptions) -> Result<(), ClusterError> {
    for archive in &options.image_archives {
        engine.load(archive).await.map_err(did_not_start)?;
    }
    let reference = options.reference();
    if engine.has_image(&reference).await.map_err(did_not_start)? {
        return Ok(());
    }
    engine.registry_has(&reference).await.map_err(|reason| {
        let known = symptoms::diagnose([reason.as_str()]);
        let cause = known.map_or_else(String::new, |symptom| format!(": {}", symptom.cause));
        did_not_start(format!(
            "the image {reference} is not here, and its registry cannot help: {reason}{cause}; load it with \
             --k3s-image-archive FILE, a file that `docker save {reference}` wrote elsewhere"
        ))
    })
}

fn write_archive(image: &crate::image::Image, folder: &Path) -> Result<PathBuf, ClusterError> {
    let path = folder.join("workload.tar");
    let written = File::create(&path).and_then(|file| image.write(std::io::BufWriter::new(file)));
    written.map_err(|source| ClusterError::File {
        path: path.clone(),
        source,
    })?;
    Ok(path)
}

/// The host of a distant engine, as its certificate has to name it.
fn engine_host() -> Option<String> {
    let url = std::env::var("DOCKER_HOST").ok()?;
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', ':']).next().filter(|host| !host.is_empty())?;
    (scheme != "unix").then(|| host.to_owned())
}
