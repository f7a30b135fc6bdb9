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
    /// `fs.inotify.max_user_instances`.
    pub inotify_instances: Option<u64>,
}

/// Looks at this host: can it run that k3s?
pub async fn examine(options: &K3sOptions) -> Vec<Finding> {
    judge(&look(options).await)
}

async fn look(options: &K3sOptions) -> Host {
    let reference = options.reference();
    let (engine, image) = match Engine::connect().await {
        Err(error) => (Err(error.to_string()), Err("no engine to ask".to_owned())),
        Ok(engine) => (
            engine.facts().await.map_err(in_words),
            image(&engine, &reference).await,
        ),
    };
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_instances").ok();
    Host {
        engine,
        reference,
        image,
        privileged: options.privileged,
        inotify_instances: limit.and_then(|text| text.trim().parse().ok()),
    }
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
        finding(
            Fine,
            "Docker engine",
            format!("version {}, storage {}", facts.version, facts.storage),
            "",
        ),
        finding(
            if facts.rootless && host.privileged {
                Fatal
            } else {
                Fine
            },
            "privileges",
            if facts.rootless {
                "the engine runs without root"
            } else {
                "the engine runs as root"
            }
            .into(),
            "a node is a privileged container: use an engine that runs as root",
        ),
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
            ..EngineFacts::default()
        };
        let host = Host {
            engine: Ok(facts),
            image: Err("no route".into()),
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
}
