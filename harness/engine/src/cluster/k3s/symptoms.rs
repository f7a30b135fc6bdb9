//! What is known to go wrong with k3s in containers, by what its log says, and what helps.

/// A known trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symptom {
    /// Words of the log by which it is known; all of them in one line, in lower case.
    pub words: &'static [&'static str],
    /// What is the matter.
    pub cause: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// Every known trouble, the most telling first.
pub const SYMPTOMS: &[Symptom] = &[
    Symptom {
        words: &["cgroup v1", "kubelet"],
        cause: "this host has control groups of version 1, which the kubelet refuses from Kubernetes 1.35 on",
        remedy: "boot the host with systemd.unified_cgroup_hierarchy=1, or choose an older --k3s-version",
    },
    Symptom {
        words: &["unable to apply cgroup configuration"],
        cause: "the container may not manage control groups",
        remedy: "let the container engine use the host's cgroup namespace (engine 20.10 or newer)",
    },
    Symptom {
        words: &["failed to find", "cgroup", "memory"],
        cause: "the memory controller is not there in the container's control group",
        remedy: "delegate the controllers cpu, cpuset, io, memory and pids to the container engine",
    },
    Symptom {
        words: &["too many open files"],
        cause: "the host's limit of inotify instances is used up",
        remedy: "sysctl fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288",
    },
    Symptom {
        words: &["overlayfs", "snapshotter cannot be enabled"],
        cause: "the container engine keeps its data on a file system that overlayfs does not work on",
        remedy: "keep the engine's data on ext4 or xfs",
    },
    Symptom {
        words: &["nf_conntrack_max", "permission denied"],
        cause: "kube-proxy may not set the kernel's connection tracking",
        remedy: "choose a newer --k3s-version: it is told not to try",
    },
    Symptom {
        words: &["loop", "detected for zone"],
        cause: "the host's resolv.conf points to the host itself, and CoreDNS asks itself for ever",
        remedy: "give the container engine a name server that is not on loopback (`dns` in its configuration)",
    },
    Symptom {
        words: &["disk-pressure"],
        cause: "the disk of the container engine is nearly full",
        remedy: "free some space: `docker system df` shows what takes it",
    },
    Symptom {
        words: &["no space left on device"],
        cause: "the disk of the container engine is full",
        remedy: "free some space: `docker system df` shows what takes it",
    },
    Symptom {
        words: &["unknown flag"],
        cause: "this release of k3s does not know an argument that Ordinal gives it",
        remedy: "choose a newer --k3s-version",
    },
    Symptom {
        words: &["is not a valid controller name"],
        cause: "this release of k3s does not know a controller that is to be switched off",
        remedy: "choose a newer --k3s-version",
    },
    Symptom {
        words: &["address already in use"],
        cause: "another process in the container's network has the port",
        remedy: "end other clusters that use the host's network",
    },
    Symptom {
        words: &["unable to apply caps"],
        cause: "this container engine may not start privileged containers, perhaps because it is in a container itself",
        remedy: "use an engine on a host or in a virtual machine of its own, or --cluster embedded; --k3s-unprivileged \
                 asks for no privileges, for engines whose runtime makes containers like machines (sysbox)",
    },
    Symptom {
        words: &["toomanyrequests"],
        cause: "the registry gives no more images to this address for now: its limit of pulls is reached",
        remedy: "load k3s with --k3s-image-archive and what it pulls with --k3s-import, or name another registry with \
                 --k3s-registries",
    },
    Symptom {
        words: &["operation not permitted"],
        cause: "the container has not got the privileges that a node needs",
        remedy: "let the container engine run privileged containers; rootless engines are not supported",
    },
    // What mends itself tells something only where nothing else does.
    Symptom {
        words: &["subnet.env", "no such file"],
        cause: "the node had no network yet when pods were started there (flannel)",
        remedy: "it mends itself within seconds; if the nodes stay without Ready, look for a line of flannel before it",
    },
    Symptom {
        words: &["serviceaccount \"default\" not found"],
        cause: "pods were asked for before their namespace had its service account, which a controller makes",
        remedy: "it mends itself within seconds; if not, the controller manager does not run: look for its lines before",
    },
];

/// The trouble that a log shows, if it is a known one.
pub fn diagnose<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<&'static Symptom> {
    let lines: Vec<String> = lines.into_iter().map(str::to_lowercase).collect();
    SYMPTOMS.iter().find(|symptom| {
        lines
            .iter()
            .any(|line| symptom.words.iter().all(|word| line.contains(word)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_diagnosed_by_its_most_telling_line() {
        let log = [
            "level=info msg=\"Starting k3s\"",
            "level=error msg=\"kubelet exited: kubelet is configured to not run on a host using cgroup v1\"",
            "level=error msg=\"operation not permitted\"",
        ];
        assert!(diagnose(log).unwrap().cause.contains("version 1"));
        assert_eq!(diagnose(["level=info msg=\"all is well\""]), None);
    }

    #[test]
    fn what_others_complain_of_is_known_by_the_words_they_quote() {
        for (line, cause) in [
            (
                "Error response from daemon: toomanyrequests: You have reached your pull rate limit.",
                "limit of pulls",
            ),
            (
                "failed to load flannel 'subnet.env' file: open /run/flannel/subnet.env: no such file or directory.",
                "no network yet",
            ),
            (
                "pods \"x\" is forbidden: error looking up service account default/default: serviceaccount \"default\" not found",
                "service account",
            ),
        ] {
            assert!(
                diagnose([line]).is_some_and(|known| known.cause.contains(cause)),
                "{line}"
            );
        }
        // Others tell more.
        let both = ["serviceaccount \"default\" not found", "operation not permitted"];
        assert!(diagnose(both).unwrap().cause.contains("privileges"));
    }

    #[test]
    fn every_symptom_is_found_by_its_own_words_and_says_what_to_do() {
        for symptom in SYMPTOMS {
            let line = symptom.words.join(" ");
            assert_eq!(line, line.to_lowercase());
            assert_eq!(diagnose([line.as_str()]), Some(symptom));
            assert!(!symptom.remedy.is_empty());
        }
    }
}
