//! Nodes as containers.

use super::{
    docker::{NETWORK_PREFIX, RUN_LABEL},
    log::Log,
    uncached,
};
use std::{borrow::Cow, path::PathBuf, time::Duration};
use testcontainers::{
    ContainerAsync, ContainerRequest, Image, ImageExt, TestcontainersError,
    core::{CgroupnsMode, ContainerPort, Mount, WaitFor, logs::LogFrame},
    runners::AsyncRunner,
};
use tokio::sync::mpsc;

/// Port of the API server.
pub const API_PORT: u16 = 6443;
/// The ports of a server that are reached from this side.
const PUBLISHED: [ContainerPort; 3] = [ContainerPort::Tcp(API_PORT), uncached::UDP, uncached::TCP];
/// Where k3s looks for images to import when it starts (k3s documentation, "Air-Gap Install").
const IMAGES: &str = "/var/lib/rancher/k3s/agent/images";
/// How long the engine may take to create and start a container; what runs in it is waited for elsewhere.
const START: Duration = Duration::from_secs(60);

/// The image of k3s, or one that behaves like it.
#[derive(Clone, Debug)]
pub struct K3sImage {
    name: String,
    tag: String,
    command: Vec<String>,
    mounts: [Mount; 2],
    ports: Vec<ContainerPort>,
}

impl Image for K3sImage {
    fn name(&self) -> &str {
        &self.name
    }

    fn tag(&self) -> &str {
        &self.tag
    }

    /// None: readiness has steps of its own, each with a name.
    fn ready_conditions(&self) -> Vec<WaitFor> {
        Vec::new()
    }

    fn mounts(&self) -> impl IntoIterator<Item = &Mount> {
        &self.mounts
    }

    fn cmd(&self) -> impl IntoIterator<Item = impl Into<Cow<'_, str>>> {
        self.command.iter().map(String::as_str)
    }

    fn expose_ports(&self) -> &[ContainerPort] {
        &self.ports
    }
}

/// What a node is started with.
pub struct Node<'a> {
    /// Id of the run.
    pub run: &'a str,
    /// Name of the node, its host and, behind the run's id, its container.
    pub name: &'a str,
    /// Image, as name and tag.
    pub image: (&'a str, &'a str),
    /// Arguments of k3s.
    pub command: Vec<String>,
    /// Whether it serves the API.
    pub server: bool,
    /// Environment variables.
    pub env: Vec<(&'static str, String)>,
    /// Whether it may do what root of this host may.
    pub privileged: bool,
    /// Archives of images to import before it starts.
    pub archives: &'a [PathBuf],
    /// Other files, by their path in the container.
    pub files: Vec<(String, Vec<u8>)>,
    /// Takes what it says on standard error.
    pub log: Log,
    /// Takes what it says on standard output, line by line.
    pub out: Option<mpsc::UnboundedSender<String>>,
}

/// A running node. It is removed, with its volumes, when this is dropped.
pub type Container = ContainerAsync<K3sImage>;

/// Name of the network of a run.
pub fn network(run: &str) -> String {
    format!("{NETWORK_PREFIX}{run}")
}

/// Name of a node's container; the other nodes find it under this name.
pub fn container_name(run: &str, node: &str) -> String {
    format!("{NETWORK_PREFIX}{run}-{node}")
}

/// Where the agents find the API server.
pub fn api_url(run: &str, server: &str) -> String {
    format!("https://{}:{API_PORT}", container_name(run, server))
}

/// Creates and starts a node.
///
/// # Errors
/// What the engine says.
pub async fn start(node: Node<'_>) -> Result<Container, TestcontainersError> {
    request(node).start().await
}

fn request(node: Node<'_>) -> ContainerRequest<K3sImage> {
    let (name, tag) = node.image;
    let image = K3sImage {
        name: name.to_owned(),
        tag: tag.to_owned(),
        command: node.command,
        mounts: [Mount::tmpfs_mount("/run"), Mount::tmpfs_mount("/var/run")],
        ports: if node.server {
            PUBLISHED.to_vec()
        } else {
            Vec::new()
        },
    };
    let own_name = container_name(node.run, node.name);
    let mut request = ContainerRequest::from(image)
        .with_container_name(&own_name)
        .with_hostname(node.name)
        .with_network(network(node.run))
        .with_label(RUN_LABEL, node.run)
        .with_privileged(node.privileged)
        .with_env_var("K3S_KUBECONFIG_MODE", "644")
        .with_startup_timeout(START)
        .with_log_consumer(consumer(node.log, node.out));
    for (name, value) in node.env {
        request = request.with_env_var(name, value);
    }
    if node.privileged {
        // Privileges count in the host's own namespaces only.
        request = request
            .with_userns_mode("host")
            .with_cgroupns_mode(CgroupnsMode::Host);
    }
    if node.server {
        // Any free ports; published on all addresses, so that a distant engine works too.
        for port in PUBLISHED {
            request = request.with_mapped_port(0, port);
        }
    }
    for (number, archive) in node.archives.iter().enumerate() {
        // How an archive is compressed is told by its name.
        let name = archive.file_name().unwrap_or_default().to_string_lossy();
        request = request.with_copy_to(format!("{IMAGES}/{number}-{name}"), archive.as_path());
    }
    for (path, bytes) in node.files {
        request = request.with_copy_to(path, bytes);
    }
    request
}

/// Sorts what a container says into lines. Frames end where the engine likes.
fn consumer(log: Log, out: Option<mpsc::UnboundedSender<String>>) -> impl Fn(&LogFrame) + Send + Sync {
    let partial = std::sync::Mutex::new((String::new(), String::new()));
    move |frame| {
        let mut partial = partial.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match frame {
            LogFrame::StdErr(bytes) => lines(&mut partial.0, bytes, |line| log.take(line)),
            LogFrame::StdOut(bytes) => lines(&mut partial.1, bytes, |line| {
                if let Some(out) = &out {
                    // Nobody may be listening any more.
                    let _ = out.send(line.to_owned());
                }
            }),
        }
    }
}

fn lines(partial: &mut String, bytes: &[u8], mut take: impl FnMut(&str)) {
    partial.push_str(&String::from_utf8_lossy(bytes));
    while let Some(end) = partial.find('\n') {
        let line: String = partial.drain(..=end).collect();
        take(line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testcontainers::core::MountType;

    #[test]
    fn lines_are_whole_whatever_frames_they_come_in() {
        let mut partial = String::new();
        let mut seen = Vec::new();
        for piece in ["one\ntw", "o\n", "three"] {
            lines(&mut partial, piece.as_bytes(), |line| seen.push(line.to_owned()));
        }
        assert_eq!(
            (seen, partial.as_str()),
            (vec!["one".to_owned(), "two".to_owned()], "three")
        );
    }

    #[test]
    fn names_tell_the_run() {
        assert_eq!(container_name("abcd", "server-0"), "ordinal-abcd-server-0");
        assert!(container_name("abcd", "server-0").starts_with(&network("abcd")));
    }
    /// A node that is asked for with an archive, a file and a variable.
    fn asked_for(server: bool, privileged: bool) -> ContainerRequest<K3sImage> {
        request(Node {
            run: "abcd",
            name: "node-7",
            image: ("rancher/k3s", "v1"),
            command: vec!["server".into(), "--node-name=node-7".into()],
            server,
            env: vec![("K3S_TOKEN", "secret".into())],
            privileged,
            archives: &["/tmp/workload.tar".into(), "/tmp/more.tar.zst".into()],
            files: vec![("/etc/ordinal/policy".into(), b"policy".to_vec())],
            log: Log::default(),
            out: None,
        })
    }

    #[test]
    fn privileges_come_with_the_namespaces_of_the_host_and_not_without() {
        for server in [true, false] {
            let with = asked_for(server, true);
            assert!(with.privileged());
            assert_eq!(with.userns_mode(), Some("host"));
            assert!(matches!(with.cgroupns_mode(), Some(CgroupnsMode::Host)));
            let without = asked_for(server, false);
            assert!(!without.privileged());
            assert_eq!(without.userns_mode(), None);
            assert!(without.cgroupns_mode().is_none());
        }
    }

    #[test]
    fn a_server_publishes_its_ports_and_an_agent_none() {
        let server = asked_for(true, true);
        let published: Vec<(u16, ContainerPort)> = server
            .ports()
            .into_iter()
            .flatten()
            .map(|mapping| (mapping.host_port(), mapping.container_port()))
            .collect();
        // Whichever are free: clusters run side by side.
        let wanted = ["6443/tcp", "30053/udp", "30053/tcp"];
        assert_eq!(published, wanted.map(|port| (0, port.parse().unwrap())));
        assert_eq!(server.expose_ports(), PUBLISHED);
        let agent = asked_for(false, true);
        assert!(agent.ports().is_none_or(Vec::is_empty), "{:?}", agent.ports());
        assert!(agent.expose_ports().is_empty());
    }

    #[test]
    fn a_node_is_found_by_its_run_and_bears_its_name() {
        for (server, privileged) in [(true, true), (true, false), (false, true), (false, false)] {
            let request = asked_for(server, privileged);
            assert_eq!(request.labels().get(RUN_LABEL).map(String::as_str), Some("abcd"));
            assert_eq!(request.network().as_deref(), Some("ordinal-abcd"));
            assert_eq!(request.container_name().as_deref(), Some("ordinal-abcd-node-7"));
            assert_eq!(request.hostname(), Some("node-7"));
            assert_eq!(request.descriptor(), "rancher/k3s:v1");
            assert_eq!(
                request.cmd().collect::<Vec<_>>(),
                ["server", "--node-name=node-7"]
            );
            assert_eq!(request.startup_timeout(), Some(START));
            assert!(
                request.ready_conditions().is_empty(),
                "readiness has steps of its own"
            );
        }
    }

    #[test]
    fn a_node_has_its_folders_in_memory_its_variables_its_archives_and_its_files() {
        for (server, privileged) in [(true, true), (true, false), (false, true), (false, false)] {
            let request = asked_for(server, privileged);
            let mounts: Vec<_> = request
                .mounts()
                .map(|mount| (mount.mount_type(), mount.target()))
                .collect();
            assert_eq!(
                mounts,
                [
                    (MountType::Tmpfs, Some("/run")),
                    (MountType::Tmpfs, Some("/var/run"))
                ]
            );
            let variables: Vec<_> = request.env_vars().collect();
            for (name, value) in [("K3S_KUBECONFIG_MODE", "644"), ("K3S_TOKEN", "secret")] {
                assert!(variables.contains(&(name.into(), value.into())), "{variables:?}");
            }
            // What is copied is told by nothing but its description.
            let copied: Vec<String> = request
                .copy_to_sources()
                .map(|copied| format!("{copied:?}"))
                .collect();
            for (path, from) in [
                (
                    "/var/lib/rancher/k3s/agent/images/0-workload.tar",
                    "/tmp/workload.tar",
                ),
                (
                    "/var/lib/rancher/k3s/agent/images/1-more.tar.zst",
                    "/tmp/more.tar.zst",
                ),
                ("/etc/ordinal/policy", "112, 111, 108"),
            ] {
                let found = copied.iter().find(|copied| copied.contains(&format!("{path:?}")));
                assert!(
                    found.is_some_and(|copied| copied.contains(from)),
                    "{path}: {copied:?}"
                );
            }
            assert_eq!(copied.len(), 3);
        }
    }
}
