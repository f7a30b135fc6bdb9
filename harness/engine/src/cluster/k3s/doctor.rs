//! What this host can run k3s with and, for what is missing, why and what to do.

use super::{
    K3sOptions,
    docker::{DockerError, Engine, EngineFacts},
};
use crate::cluster::{Finding, Severity};

/// What is known of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// What the engine says of itself; why not, if it does not answer.
    pub engine: Result<EngineFacts, String>,
    /// Name and tag of the image.
    pub reference: String,
    /// Where it is: `Ok(true)` here, `Ok(false)` in its registry; else why it cannot be had.
    pub image: Result<bool, String>,
    /// Whether the container is to be privileged.
    pub privileged: bool,
    /// Why the engine makes no privileged container of the image, if it was asked to and does not.
    pub refusal: Option<String>,
    /// Bytes that are free where the engine keeps its data, if that is on this host.
    pub free: Option<u64>,
    /// Whether this host asks only itself for names.
    pub asks_itself: bool,
    /// `fs.inotify.max_user_instances`.
    pub inotify_instances: Option<u64>,
}

/// Looks at this host: can it run that k3s?
pub async fn examine(options: &K3sOptions) -> Vec<Finding> {
    judge(&look(options).await)
}

async fn look(options: &K3sOptions) -> Host {
    let reference = options.reference();
    let mut refusal = None;
    let (engine, image) = match Engine::connect().await {
        Err(error) => (Err(error.to_string()), Err("no engine to ask".to_owned())),
        Ok(engine) => {
            let facts = engine.facts().await.map_err(in_words);
            let image = image(&engine, &reference).await;
            // Of an image that is not here nothing can be made.
            if options.privileged && image == Ok(true) {
                refusal = engine.may_be_privileged(&reference).await.err().map(in_words);
            }
            (facts, image)
        }
    };
    let data = engine
        .as_ref()
        .ok()
        .filter(|_| is_local())
        .map(|facts| facts.data.clone());
    let names = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_instances").ok();
    Host {
        engine,
        reference,
        image,
        privileged: options.privileged,
        refusal,
        free: data.and_then(|data| free(&data)),
        asks_itself: is_local() && asks_itself(&names),
        inotify_instances: limit.and_then(|text| text.trim().parse().ok()),
    }
}

/// Whether the engine is on this host, as far as its address tells.
fn is_local() -> bool {
    std::env::var("DOCKER_HOST").map_or(true, |url| url.is_empty() || url.starts_with("unix:"))
}

/// Bytes that are free to ordinary users on the file system of a folder.
fn free(folder: &str) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Whether every name server is on loopback, where containers do not find it. That of systemd is none: engines know whom it
/// asks.
fn asks_itself(resolv_conf: &str) -> bool {
    let servers: Vec<&str> = resolv_conf
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|rest| rest.split_whitespace().next())
        .collect();
    let loopback =
        |server: &&str| (server.starts_with("127.") && *server != "127.0.0.53") || *server == "::1";
    !servers.is_empty() && servers.iter().all(loopback)
}

fn in_words(error: DockerError) -> String {
    error.to_string()
}

async fn image(engine: &Engine, reference: &str) -> Result<bool, String> {
    if engine.has_image(reference).await.map_err(in_words)? {
        return Ok(true);
    }
    engine.registry_has(reference).await.map(|()| false)
}

fn privileges(host: &Host, rootless: bool) -> Finding {
    let (severity, found) = match (rootless, &host.refusal) {
        (true, _) if host.privileged => (Severity::Fatal, "the engine runs without root".into()),
        (_, Some(refusal)) if host.privileged => (Severity::Fatal, refusal.clone()),
        (true, _) => (Severity::Fine, "the engine runs without root".into()),
        (false, _) => (Severity::Fine, "the engine runs as root".into()),
    };
    Finding::new(
        severity,
        "privileges",
        found,
        "a node is a privileged container: use an engine that runs as root and makes such containers; --k3s-unprivileged \
         asks for none, for engines whose runtime makes containers like machines (sysbox)",
    )
}

/// What k3s and the images of a run take, in bytes.
const SPACE: u64 = 4 << 30;

fn disk(free: u64) -> Finding {
    let severity = if free < SPACE {
        Severity::Warning
    } else {
        Severity::Fine
    };
    Finding::new(
        severity,
        "disk",
        format!("{} MiB are free for the engine", free >> 20),
        "k3s and its images want 4 GiB: `docker system df` shows what takes the space",
    )
}

/// k3s puts layers of images on top of each other in a volume of the engine.
fn storage(driver: &str) -> Finding {
    let useless = matches!(driver, "btrfs" | "zfs");
    Finding::new(
        if useless {
            Severity::Warning
        } else {
            Severity::Fine
        },
        "storage driver",
        driver.to_owned(),
        "overlayfs may not work on that file system: keep the engine's data on ext4 or xfs",
    )
}

/// What is to be said of a host.
pub fn judge(host: &Host) -> Vec<Finding> {
    use Severity::{Fatal, Fine, Warning};
    let finding = Finding::new;
    let facts = match &host.engine {
        Ok(facts) => facts,
        Err(reason) => {
            let remedy = "without one, --cluster embedded and --cluster kubeconfig are left";
            return vec![finding(Fatal, "Docker engine", reason.clone(), remedy)];
        }
    };
    let mut findings = vec![
        finding(Fine, "Docker engine", format!("version {}", facts.version), ""),
        privileges(host, facts.rootless),
        finding(
            if facts.cgroup_v1 { Warning } else { Fine },
            "control groups",
            if facts.cgroup_v1 { "version 1" } else { "version 2" }.into(),
            "the kubelet of Kubernetes 1.35 and newer is told to start all the same; version 2 is safer",
        ),
        finding(
            if facts.memory < 2 << 30 { Warning } else { Fine },
            "memory",
            format!("{} MiB", facts.memory >> 20),
            "k3s and the pods of all scenarios side by side want 2 GiB; give fewer --jobs",
        ),
        finding(
            if facts.processors < 2 { Warning } else { Fine },
            "processors",
            facts.processors.to_string(),
            "with less than two, give fewer --jobs",
        ),
    ];
    if !facts.storage.is_empty() {
        findings.push(storage(&facts.storage));
    }
    findings.extend(host.free.map(disk));
    if host.asks_itself {
        let found = "the name servers of /etc/resolv.conf are on loopback".to_owned();
        let remedy = "name one that is not, as `dns` in the engine's configuration, or pods find no names outside, and \
                      CoreDNS may ask itself for ever";
        findings.push(finding(Warning, "names outside", found, remedy));
    }
    if let Some(instances) = host.inotify_instances {
        findings.push(finding(
            if instances < 512 { Warning } else { Fine },
            "inotify instances",
            instances.to_string(),
            "sysctl fs.inotify.max_user_instances=1024, or pods may fail with \"too many open files\"",
        ));
    }
    let reference = &host.reference;
    findings.push(match &host.image {
        Ok(true) => finding(Fine, "image of k3s", format!("{reference} is here"), ""),
        Ok(false) => finding(
            Fine,
            "image of k3s",
            format!("{reference} is in its registry and will be pulled"),
            "",
        ),
        Err(reason) => finding(
            Fatal,
            "image of k3s",
            format!("{reference} is not here, and its registry cannot help: {reason}"),
            "load it with --k3s-image-archive FILE, written by `docker save` elsewhere",
        ),
    });
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Host {
        let facts = EngineFacts {
            version: "28.0".into(),
            processors: 4,
            memory: 8 << 30,
            ..EngineFacts::default()
        };
        Host {
            engine: Ok(facts),
            reference: "rancher/k3s:v1".into(),
            image: Ok(true),
            privileged: true,
            refusal: None,
            free: Some(20 << 30),
            asks_itself: false,
            inotify_instances: Some(8192),
        }
    }

    fn worst(host: &Host) -> Vec<(Severity, &'static str)> {
        let findings = judge(host)
            .into_iter()
            .filter(|finding| finding.severity > Severity::Fine);
        findings
            .inspect(|finding| assert!(!finding.remedy.is_empty(), "{finding}"))
            .map(|finding| (finding.severity, finding.what))
            .collect()
    }

    #[test]
    fn a_good_host_needs_nothing() {
        assert_eq!(worst(&good()), []);
        assert!(judge(&good()).iter().all(|finding| finding.remedy.is_empty()));
    }

    #[test]
    fn without_an_engine_nothing_else_matters() {
        let host = Host {
            engine: Err("no socket".into()),
            ..good()
        };
        assert_eq!(worst(&host), [(Severity::Fatal, "Docker engine")]);
        assert!(judge(&host)[0].to_string().contains("no socket"));
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_what_to_do() {
        let facts = EngineFacts {
            rootless: true,
            cgroup_v1: true,
            storage: "zfs".into(),
            ..EngineFacts::default()
        };
        let host = Host {
            engine: Ok(facts),
            image: Err("no route".into()),
            free: Some(1 << 30),
            asks_itself: true,
            inotify_instances: Some(128),
            ..good()
        };
        let whats: Vec<&str> = worst(&host).into_iter().map(|(_, what)| what).collect();
        assert_eq!(
            whats,
            [
                "privileges",
                "control groups",
                "memory",
                "processors",
                "storage driver",
                "disk",
                "names outside",
                "inotify instances",
                "image of k3s"
            ]
        );
        let unprivileged = Host {
            privileged: false,
            ..host
        };
        assert!(!worst(&unprivileged).contains(&(Severity::Fatal, "privileges")));
    }

    #[test]
    fn an_engine_that_refuses_a_privileged_container_runs_no_node_unless_none_is_wanted() {
        let refusing = Host {
            refusal: Some("the Docker engine could not create a privileged container: forbidden".into()),
            ..good()
        };
        assert_eq!(worst(&refusing), [(Severity::Fatal, "privileges")]);
        let said = judge(&refusing)[1].to_string();
        assert!(
            said.contains("forbidden") && said.contains("--k3s-unprivileged"),
            "{said}"
        );
        let unprivileged = Host {
            privileged: false,
            ..refusing
        };
        assert_eq!(worst(&unprivileged), []);
    }

    #[test]
    fn name_servers_on_loopback_are_told_from_others() {
        assert!(asks_itself(
            "search example\nnameserver 127.0.0.1\nnameserver ::1\n"
        ));
        assert!(!asks_itself("nameserver 127.0.0.1\nnameserver 10.0.0.2\n"));
        assert!(!asks_itself("nameserver 127.0.0.53 # systemd\noptions edns0\n"));
        assert!(!asks_itself(""));
    }

    #[test]
    fn the_space_of_a_folder_is_known_where_there_is_one() {
        assert!(free("/").is_some());
        assert_eq!(free("/nowhere"), None);
    }
}
