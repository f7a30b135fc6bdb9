//! The command lines of k3s servers and agents.
//!
//! Sources: the k3s documentation ("k3s server", "k3s agent", "Cluster Datastore"), and how k3s merges component
//! arguments: `name=value` replaces its own default, `name+=value` appends to it.

use crate::{candidate::Kind, cluster::SPARE};
use std::time::Duration;

/// What differs between clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerSettings {
    /// Kinds whose built-in controllers are switched off.
    pub takes_over: Vec<Kind>,
    /// Whether the host has the first version of control groups only.
    pub cgroup_v1: bool,
    /// Names under which the API server is reached, besides this machine's.
    pub hosts: Vec<String>,
    /// Whether the API server tells every write on the container's standard output, by the policy at [`AUDIT_POLICY`].
    pub audit: bool,
    /// How long a node may be silent before it counts as lost, where nodes are lost on purpose.
    pub node_grace: Option<Duration>,
}

/// What differs between agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentSettings {
    /// Whether the host has the first version of control groups only.
    pub cgroup_v1: bool,
    /// Whether it is set aside to be lost: nothing is placed there but what tolerates that.
    pub spare: bool,
}

/// How often nodes that may be lost let hear of themselves.
const HEARTBEAT: Duration = Duration::from_secs(4);

/// Where the API server finds its audit policy.
pub const AUDIT_POLICY: &str = "/etc/ordinal/audit-policy.yaml";

/// Where k3s looks for its registry map (k3s documentation, "Private Registry Configuration").
pub const REGISTRIES: &str = "/etc/rancher/k3s/registries.yaml";

/// The command of a server.
pub fn server(name: &str, settings: &ServerSettings) -> Vec<String> {
    let mut command = node("server", name, settings.cgroup_v1);
    command.extend([
        "--disable-helm-controller".into(),
        "--disable-network-policy".into(),
        // One network for everything, so no tunnel and none of its kernel modules is needed.
        "--flannel-backend=host-gw".into(),
    ]);
    for component in ["traefik", "metrics-server", "servicelb"] {
        command.push(format!("--disable={component}"));
    }
    command.extend(settings.hosts.iter().map(|host| format!("--tls-san={host}")));
    for kind in &settings.takes_over {
        // The short names are valid in every version of Kubernetes.
        let kind = kind.name();
        command.push(format!("--kube-controller-manager-arg=controllers+=-{kind}"));
    }
    if settings.audit {
        command.extend([
            format!("--kube-apiserver-arg=audit-policy-file={AUDIT_POLICY}"),
            // A minus is standard output; the log of k3s itself goes to standard error.
            "--kube-apiserver-arg=audit-log-path=-".into(),
        ]);
    }
    if let Some(grace) = settings.node_grace {
        command.extend([
            heartbeat(),
            format!(
                "--kube-controller-manager-arg=node-monitor-grace-period={}s",
                grace.as_secs()
            ),
            "--kube-controller-manager-arg=node-monitor-period=2s".into(),
        ]);
    }
    command
}

/// The command of an agent. Whom it joins, and with which token, is in its environment.
pub fn agent(name: &str, settings: &AgentSettings) -> Vec<String> {
    let mut command = node("agent", name, settings.cgroup_v1);
    command.push(heartbeat());
    if settings.spare {
        command.extend([
            format!("--node-label={SPARE}=true"),
            format!("--node-taint={SPARE}=true:NoSchedule"),
        ]);
    }
    command
}

/// A status that often also renews what the cluster knows of a node whose lease is renewed every ten seconds only.
fn heartbeat() -> String {
    format!(
        "--kubelet-arg=node-status-update-frequency={}s",
        HEARTBEAT.as_secs()
    )
}

/// What servers and agents have in common: both are nodes.
fn node(role: &str, name: &str, cgroup_v1: bool) -> Vec<String> {
    let mut command: Vec<String> = vec![
        role.into(),
        format!("--node-name={name}"),
        // Small machines are never short of disk: nothing is evicted for it before the last percent.
        "--kubelet-arg=eviction-hard=imagefs.available<1%,nodefs.available<1%".into(),
        "--kubelet-arg=eviction-minimum-reclaim=imagefs.available=1%,nodefs.available=1%".into(),
        // Nested containers may not set the kernel's connection tracking.
        "--kube-proxy-arg=conntrack-max-per-core=0".into(),
    ];
    if cgroup_v1 {
        // From 1.35 on the kubelet refuses to start there unless told otherwise.
        command.push("--kubelet-arg=fail-cgroupv1=false".into());
    }
    command
}

/// The tag of a release: image tags have a minus where releases have a plus.
pub fn tag(version: &str) -> String {
    version.replace('+', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(command: &[String], argument: &str) -> bool {
        command.iter().any(|known| known == argument)
    }

    #[test]
    fn controllers_that_are_taken_over_are_taken_off_the_list_and_the_list_is_not_replaced() {
        let plain = server("server-0", &ServerSettings::default());
        assert!(!plain.iter().any(|argument| argument.contains("controllers")));
        let settings = ServerSettings {
            takes_over: vec![Kind::Statefulset, Kind::Daemonset],
            ..ServerSettings::default()
        };
        let command = server("server-0", &settings);
        assert!(has(
            &command,
            "--kube-controller-manager-arg=controllers+=-statefulset"
        ));
        assert!(has(
            &command,
            "--kube-controller-manager-arg=controllers+=-daemonset"
        ));
    }

    #[test]
    fn dns_and_volumes_stay_and_the_rest_goes() {
        let command = server("server-0", &ServerSettings::default());
        assert_eq!(command[0], "server");
        assert!(has(&command, "--disable=metrics-server"));
        for kept in ["coredns", "local-storage"] {
            assert!(!has(&command, &format!("--disable={kept}")));
        }
    }

    #[test]
    fn old_control_groups_and_distant_engines_are_provided_for() {
        let settings = ServerSettings {
            cgroup_v1: true,
            hosts: vec!["build.example".into()],
            ..ServerSettings::default()
        };
        let command = server("server-0", &settings);
        assert!(has(&command, "--kubelet-arg=fail-cgroupv1=false"));
        assert!(has(&command, "--tls-san=build.example"));
        let plain = server("server-0", &ServerSettings::default());
        assert!(!has(&plain, "--kubelet-arg=fail-cgroupv1=false"));
    }

    #[test]
    fn an_agent_is_a_node_and_nothing_of_a_server() {
        let settings = AgentSettings {
            cgroup_v1: true,
            spare: false,
        };
        let command = agent("agent-1", &settings);
        assert_eq!(command[..2], ["agent", "--node-name=agent-1"]);
        let server = server(
            "server-0",
            &ServerSettings {
                cgroup_v1: true,
                node_grace: Some(Duration::from_secs(16)),
                ..ServerSettings::default()
            },
        );
        for argument in &command[2..] {
            assert!(has(&server, argument), "{argument}");
        }
        // k3s ends an agent that is given an argument of servers.
        for of_servers in ["--disable", "--flannel", "--tls-san", "--kube-apiserver"] {
            assert!(!command.iter().any(|argument| argument.starts_with(of_servers)));
        }
    }

    #[test]
    fn the_agent_that_is_to_be_lost_takes_nothing_that_does_not_tolerate_it_and_is_missed_soon() {
        let of_spares =
            |command: &[String]| command.iter().filter(|argument| argument.contains(SPARE)).count();
        let spare = AgentSettings {
            spare: true,
            ..AgentSettings::default()
        };
        let command = agent("agent-2", &spare);
        assert!(has(&command, "--node-taint=ordinal.dev/spare=true:NoSchedule"));
        assert_eq!(of_spares(&command), 2);
        assert_eq!(of_spares(&agent("agent-1", &AgentSettings::default())), 0);
        let settings = ServerSettings {
            node_grace: Some(Duration::from_secs(16)),
            ..ServerSettings::default()
        };
        let graceful = server("server-0", &settings);
        assert!(has(
            &graceful,
            "--kube-controller-manager-arg=node-monitor-grace-period=16s"
        ));
        let alone = server("server-0", &ServerSettings::default());
        assert!(
            !alone
                .iter()
                .any(|argument| argument.contains("node-") && !argument.starts_with("--node-name"))
        );
    }

    #[test]
    fn the_audit_log_is_kept_only_where_it_is_wanted() {
        let settings = ServerSettings {
            audit: true,
            ..ServerSettings::default()
        };
        let audit = |command: &[String]| {
            command
                .iter()
                .filter(|argument| argument.contains("audit"))
                .count()
        };
        assert_eq!(audit(&server("s", &settings)), 2);
        assert_eq!(audit(&server("s", &ServerSettings::default())), 0);
    }

    #[test]
    fn a_release_becomes_a_tag() {
        assert_eq!(tag("v1.36.2+k3s1"), "v1.36.2-k3s1");
        assert_eq!(tag("v1.36.2-k3s1"), "v1.36.2-k3s1");
    }
}
