//! Candidate files: TOML, unknown keys are errors.

use super::{Candidate, Deployment, Process, STARTUP};
use history::{Labels, Subject};
use judging::{Declarations, Feature, KnownDeviation};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

/// A candidate file.
///
/// ```toml
/// name = "my-controller"
/// version = "v1.4.2"
/// description = "The StatefulSet controller of the Foo platform"
/// unsupported = ["pvc-retention"]
/// takes-over = ["statefulset"]      # built-in controllers that are switched off for it
///
/// [deploy]
/// kind = "process"                  # or "built-in"
/// command = ["./my-controller", "--kubeconfig={kubeconfig}"]
/// env = { RUST_LOG = "info" }
/// startup-seconds = 20
///
/// [[known-deviation]]
/// rule = "SS-REV-04"
/// reason = "makes a new revision on rollback; https://…"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CandidateFile {
    /// Short name.
    pub name: String,
    /// What it is, in one sentence.
    #[serde(default)]
    pub description: String,
    /// A tag or digest.
    #[serde(default)]
    pub version: Option<String>,
    /// Features that it does not have.
    #[serde(default)]
    pub unsupported: Vec<Feature>,
    /// Resources that it serves.
    #[serde(default = "stateful_sets_only")]
    pub serves: Vec<Kind>,
    /// Resources whose built-in controllers are switched off for it, where the cluster can; those that it serves if
    /// absent.
    #[serde(default)]
    pub takes_over: Option<Vec<Kind>>,
    /// How it is run.
    pub deploy: Deploy,
    /// Label keys that differ from upstream's.
    #[serde(default)]
    pub labels: LabelKeys,
    /// Deviations that it admits.
    #[serde(default, rename = "known-deviation")]
    pub known_deviations: Vec<KnownDeviation>,
}

/// A controller that shows no sign of life for longer is not waited for.
const STARTUP_SECONDS: RangeInclusive<u64> = 1..=3600;

fn stateful_sets_only() -> Vec<Kind> {
    vec![Kind::Statefulset]
}

/// A resource that a candidate can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// StatefulSets of `apps/v1`.
    Statefulset,
    /// DaemonSets of `apps/v1`.
    Daemonset,
}

impl Kind {
    /// As candidate files and controller managers name it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Statefulset => "statefulset",
            Kind::Daemonset => "daemonset",
        }
    }
}

/// Label keys; absent ones are upstream's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LabelKeys {
    /// Key of the label with the pod's name.
    pub pod_name: Option<String>,
    /// Key of the label with the ordinal.
    pub pod_index: Option<String>,
    /// Key of the label with the revision's name.
    pub revision: Option<String>,
}

/// How a candidate is run.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields, rename_all = "kebab-case")]
pub enum Deploy {
    /// A process on this host.
    #[serde(rename_all = "kebab-case")]
    Process {
        /// Program and arguments; `{kubeconfig}` and `{run-dir}` are replaced.
        command: Vec<String>,
        /// Environment variables.
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// Working directory, relative to the candidate file.
        #[serde(default)]
        directory: Option<PathBuf>,
        /// How long it may take until its first sign of life.
        #[serde(default)]
        startup_seconds: Option<u64>,
    },
    /// The cluster's own controller.
    BuiltIn {},
}

/// Why a candidate file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CandidateFileError {
    /// It cannot be read.
    #[error("the candidate file {} cannot be read: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not what a candidate file looks like.
    #[error("the candidate file {} is wrong: {reason}", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A value makes no sense.
    #[error("candidate `{name}`: {reason}")]
    Value {
        /// Name of the candidate.
        name: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

impl CandidateFile {
    /// Reads a candidate file.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown key or lacks one.
    pub fn read(path: &Path) -> Result<CandidateFile, CandidateFileError> {
        let text = std::fs::read_to_string(path).map_err(|source| CandidateFileError::Read {
            path: path.into(),
            source,
        })?;
        toml::from_str(&text).map_err(|error| CandidateFileError::Parse {
            path: path.into(),
            reason: error.to_string().trim_end().to_owned(),
        })
    }

    /// The candidate that the file describes. Relative paths start at `folder`.
    ///
    /// # Errors
    /// When a value makes no sense.
    pub fn candidate(self, folder: Option<&Path>) -> Result<Candidate, CandidateFileError> {
        let wrong = |reason: &str| {
            Err(CandidateFileError::Value {
                name: self.name.clone(),
                reason: reason.to_owned(),
            })
        };
        if self.name.trim().is_empty() {
            return wrong("`name` is empty; give a short name");
        }
        if !self.serves.contains(&Kind::Statefulset) {
            return wrong("`serves` must contain \"statefulset\": that is what is certified");
        }
        let takes_over = self.takes_over.unwrap_or_else(|| self.serves.clone());
        if let Some(stranger) = takes_over.iter().find(|kind| !self.serves.contains(kind)) {
            return wrong(&format!(
                "`takes-over` names \"{0}\", which is not in `serves`; nobody would serve it",
                stranger.name()
            ));
        }
        let mut declarations = Declarations {
            unsupported: self.unsupported,
            known_deviations: self.known_deviations,
        };
        let serves_daemon_sets = self.serves.contains(&Kind::Daemonset);
        if !serves_daemon_sets && !declarations.unsupported.contains(&Feature::DaemonSets) {
            declarations.unsupported.push(Feature::DaemonSets);
        }
        let mut startup = STARTUP;
        let deployment = match self.deploy {
            Deploy::BuiltIn {} => Deployment::BuiltIn,
            Deploy::Process {
                command,
                env,
                directory,
                startup_seconds,
            } => {
                if command.is_empty() {
                    return wrong("`deploy.command` is empty; give the program and its arguments");
                }
                if let Some(seconds) = startup_seconds.filter(|given| !STARTUP_SECONDS.contains(given)) {
                    return wrong(&format!(
                        "`deploy.startup-seconds` is {seconds}; give {} to {}",
                        STARTUP_SECONDS.start(),
                        STARTUP_SECONDS.end()
                    ));
                }
                startup = startup_seconds.map_or(STARTUP, Duration::from_secs);
                let folder = folder.map(Path::to_path_buf);
                let given_directory = directory.clone();
                let directory = match (folder, directory) {
                    (Some(folder), Some(directory)) => Some(folder.join(directory)),
                    (folder, directory) => {
                        directory.or(folder.filter(|folder| !folder.as_os_str().is_empty()))
                    }
                };
                if let Some(missing) =
                    given_directory.filter(|_| !directory.as_deref().is_some_and(Path::is_dir))
                {
                    return wrong(&format!(
                        "`deploy.directory` is {}, and there is no such folder beside the candidate file; make it, or \
                         leave the key out to run in the file's own folder",
                        missing.display()
                    ));
                }
                Deployment::Process(Process {
                    command,
                    env: env.into_iter().collect(),
                    directory,
                })
            }
        };
        let upstream = Labels::default();
        let labels = Labels {
            pod_name: self.labels.pod_name.unwrap_or(upstream.pod_name),
            pod_index: self.labels.pod_index.unwrap_or(upstream.pod_index),
            revision: self.labels.revision.unwrap_or(upstream.revision),
        };
        Ok(Candidate {
            name: self.name,
            description: self.description,
            version: self.version,
            declarations,
            subject: Subject {
                labels,
                ..Subject::default()
            },
            serves_daemon_sets,
            takes_over: match deployment {
                Deployment::BuiltIn => Vec::new(),
                _ => takes_over,
            },
            deployment,
            startup,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CandidateFile, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.to_string())
    }

    const MINIMAL: &str = "name = \"x\"\n[deploy]\nkind = \"process\"\ncommand = [\"./x\"]\n";

    #[test]
    fn a_minimal_file_serves_stateful_sets_only() {
        let candidate = parse(MINIMAL)
            .unwrap()
            .candidate(Some(Path::new("/somewhere")))
            .unwrap();
        assert!(!candidate.serves_daemon_sets);
        assert_eq!(candidate.declarations.unsupported, [Feature::DaemonSets]);
        let Deployment::Process(process) = candidate.deployment else {
            panic!("a process")
        };
        assert_eq!(process.directory.as_deref(), Some(Path::new("/somewhere")));
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = parse(&format!("nmae = 1\n{MINIMAL}")).unwrap_err();
        assert!(error.contains("nmae"), "{error}");
        let error = parse(&format!("{MINIMAL}comand = 1\n")).unwrap_err();
        assert!(error.contains("comand"), "{error}");
    }

    #[test]
    fn an_unknown_feature_is_answered_with_the_known_ones() {
        let error = parse(&format!("unsupported = [\"max\"]\n{MINIMAL}")).unwrap_err();
        assert!(
            error.contains("`max`") && error.contains("max-unavailable"),
            "{error}"
        );
    }

    #[test]
    fn it_takes_over_what_it_serves_unless_told_otherwise() {
        let taken = |more: &str| parse(&format!("{more}{MINIMAL}")).unwrap().candidate(None);
        assert_eq!(taken("").unwrap().takes_over, [Kind::Statefulset]);
        let both = "serves = [\"statefulset\", \"daemonset\"]\n";
        assert_eq!(
            taken(both).unwrap().takes_over,
            [Kind::Statefulset, Kind::Daemonset]
        );
        let one = format!("{both}takes-over = [\"statefulset\"]\n");
        assert_eq!(taken(&one).unwrap().takes_over, [Kind::Statefulset]);
        let error = taken("takes-over = [\"daemonset\"]\n").unwrap_err().to_string();
        assert!(error.contains("daemonset") && error.contains("serves"), "{error}");
        let built_in = parse("name = \"x\"\n[deploy]\nkind = \"built-in\"\n").unwrap();
        assert_eq!(built_in.candidate(None).unwrap().takes_over, []);
    }

    #[test]
    fn nobody_waits_for_ever_for_a_sign_of_life() {
        let with = |seconds: u64| {
            let file = format!("{MINIMAL}startup-seconds = {seconds}\n");
            parse(&file).unwrap().candidate(None)
        };
        assert_eq!(with(3600).unwrap().startup, Duration::from_secs(3600));
        for seconds in [0, 3601, i64::MAX as u64] {
            let error = with(seconds).unwrap_err().to_string();
            assert!(
                error.contains("startup-seconds") && error.contains("1 to 3600"),
                "{error}"
            );
        }
    }

    #[test]
    fn an_empty_command_is_refused() {
        let file = parse("name = \"x\"\n[deploy]\nkind = \"process\"\ncommand = []\n").unwrap();
        assert!(
            file.candidate(None)
                .unwrap_err()
                .to_string()
                .contains("deploy.command")
        );
    }
}
