//! The server: from an image to a kubeconfig that works.

use super::{
    K3sOptions, arguments, audit,
    container::{self, API_PORT, Container},
    did_not_start,
    docker::Engine,
    kubeconfig,
    log::Log,
    readiness::{self, LOOK, Step},
    symptoms,
};
use crate::{
    candidate::Kind,
    clock::{self, Stopwatch},
    cluster::{ClusterError, Connection, kubeconfig::open},
};
use kube::config::Kubeconfig;
use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::{Mutex, mpsc};

/// Name of the node.
const NAME: &str = "server-0";
/// How many of the last lines of its log a failure shows.
const SHOWN: usize = 8;

/// A server that can be used.
pub struct Server {
    container: Mutex<Option<Container>>,
    engine: Engine,
    run: String,
    /// How it is reached from here.
    pub kubeconfig: Kubeconfig,
    /// The context of it.
    pub context: String,
}

impl Server {
    /// Starts a server and waits until it can be used. Lines of its standard output go to `out`.
    ///
    /// # Errors
    /// When there is no engine, no image, or a step is not reached in time.
    pub async fn start(
        options: &K3sOptions,
        takes_over: &[Kind],
        run: &str,
        out: mpsc::UnboundedSender<String>,
    ) -> Result<Server, ClusterError> {
        let engine = Engine::connect().await.map_err(did_not_start)?;
        let facts = engine.facts().await.map_err(did_not_start)?;
        if facts.rootless && options.privileged {
            return Err(did_not_start(
                "this Docker engine runs without root, and a node needs a privileged container; use one that runs as \
                 root, or --cluster embedded",
            ));
        }
        let files = Files::read(options)?;
        have_image(&engine, options).await?;
        let folder = tempfile::tempdir().map_err(|source| ClusterError::File {
            path: std::env::temp_dir(),
            source,
        })?;
        let mut archives = options.imports.clone();
        if let Some(image) = &options.workload {
            archives.push(write_archive(image, folder.path())?);
        }
        let settings = arguments::ServerSettings {
            takes_over: takes_over.to_vec(),
            cgroup_v1: facts.cgroup_v1,
            engine_host: engine_host(),
            audit: true,
        };
        let log_file = options
            .logs
            .clone()
            .unwrap_or_else(std::env::temp_dir)
            .join(format!("ordinal-k3s-{run}.log"));
        let log = Log::to(&log_file);
        let node = container::Node {
            run,
            name: NAME,
            image: (&options.image, &options.tag),
            command: arguments::server(NAME, &settings),
            server: true,
            privileged: options.privileged,
            archives: &archives,
            files: files.0,
            log: log.clone(),
            out: Some(out),
        };
        let container = container::start(node).await;
        let started = Start {
            log,
            log_file,
            clock: Stopwatch::start(),
            patience: options.patience,
        };
        let usable = match container {
            Err(error) => Err(started.failed(&format!("its container: {error}"))),
            Ok(container) => started
                .until_usable(&container)
                .await
                .map(|reached| (container, reached)),
        };
        // A container that was created and did not start belongs to nobody: what is left is found by its label.
        if usable.is_err()
            && let Err(error) = engine.sweep(Some(run)).await
        {
            tracing::warn!(%error, "containers of the run may be left");
        }
        let (container, (kubeconfig, context)) = usable?;
        // Nobody needs the log of a start that went well, unless a folder was asked for.
        if options.logs.is_none() {
            let _ = std::fs::remove_file(&started.log_file);
        }
        Ok(Server {
            container: Mutex::new(Some(container)),
            engine,
            run: run.to_owned(),
            kubeconfig,
            context,
        })
    }

    /// Removes the container, its volumes and its network. Does nothing the second time.
    pub async fn remove(&self) {
        let Some(container) = self.container.lock().await.take() else {
            return;
        };
        if let Err(error) = container.rm().await {
            tracing::warn!(%error, "the container of k3s could not be removed");
        }
        if let Err(error) = self.engine.sweep(Some(&self.run)).await {
            tracing::warn!(%error, "the network of k3s may be left");
        }
    }
}

/// Files that the node is given, by their path in it.
struct Files(Vec<(String, Vec<u8>)>);

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
        let mut files = vec![(arguments::AUDIT_POLICY.to_owned(), audit::POLICY.into())];
        if let Some(registries) = &options.registries {
            let map = std::fs::read(registries).map_err(unreadable(registries))?;
            files.push((arguments::REGISTRIES.to_owned(), map));
        }
        Ok(Files(files))
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
        did_not_start(format!(
            "the image {reference} is not here, and its registry cannot help: {reason}; load it with \
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

/// A start under way.
struct Start {
    log: Log,
    log_file: PathBuf,
    clock: Stopwatch,
    patience: Duration,
}

impl Start {
    /// An error that tells what was waited for, what the log says, and what it means.
    fn failed(&self, what: &str) -> ClusterError {
        let tail = self.log.tail();
        let shown = &tail[tail.len().saturating_sub(SHOWN)..];
        let mut reason = what.to_owned();
        let lines = std::iter::once(what).chain(tail.iter().map(String::as_str));
        if let Some(symptom) = symptoms::diagnose(lines) {
            reason += &format!("; {}: {}", symptom.cause, symptom.remedy);
        }
        if !shown.is_empty() {
            reason += &format!(
                "; its log is in {}, the end of it:\n  {}",
                self.log_file.display(),
                shown.join("\n  ")
            );
        }
        did_not_start(reason)
    }

    async fn until_usable(&self, container: &Container) -> Result<(Kubeconfig, String), ClusterError> {
        let kubeconfig = loop {
            match fetch(container).await {
                Ok(kubeconfig) => break kubeconfig,
                Err(reason) => self.go_on(Step::Kubeconfig, container, &reason).await?,
            }
        };
        let context = kubeconfig
            .current_context
            .clone()
            .unwrap_or_else(|| "default".into());
        let connection: Connection = open(kubeconfig.clone(), context.clone())
            .await
            .map_err(|reason| self.failed(&reason))?;
        for step in Step::OF_THE_API {
            while let Err(reason) = readiness::look(step, &connection, 1).await {
                self.go_on(step, container, &reason).await?;
            }
        }
        Ok((kubeconfig, context))
    }

    /// Waits a little before the next look, unless there is no point in another one.
    async fn go_on(&self, step: Step, container: &Container, last: &str) -> Result<(), ClusterError> {
        if let Some(line) = clock::within(LOOK, self.log.fatal()).await {
            return Err(self.failed(&format!("k3s gave up before {step}: {line}")));
        }
        if let Ok(false) = container.is_running().await {
            let code = container.exit_code().await.ok().flatten();
            let code = code.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
            // What it said last may still be under way.
            clock::pass(LOOK).await;
            return Err(self.failed(&format!("k3s exited with code {code} before {step}")));
        }
        if self.clock.elapsed() > self.patience.into() {
            return Err(self.failed(&format!(
                "{step} was not reached within {:?}; last seen: {last}",
                self.patience
            )));
        }
        Ok(())
    }
}

/// Takes the kubeconfig out of the container, and rewrites it for this side of the published port.
async fn fetch(container: &Container) -> Result<Kubeconfig, String> {
    let bytes = container
        .copy_file_from(kubeconfig::PATH, Vec::new())
        .await
        .map_err(|error| error.to_string())?;
    let host = container
        .get_host()
        .await
        .map_err(|error| error.to_string())?
        .to_string();
    // The certificate of a local server names the address, and not every name that stands for it.
    let host = if host == "localhost" {
        "127.0.0.1".to_owned()
    } else {
        host
    };
    let port = container
        .get_host_port_ipv4(API_PORT)
        .await
        .map_err(|error| error.to_string())?;
    kubeconfig::rewrite(&String::from_utf8_lossy(&bytes), &host, port).map_err(|error| error.to_string())
}
