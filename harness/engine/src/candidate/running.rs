//! A candidate at work.

use super::{
    Candidate, Context, Deployment, Process,
    processes::{Group, Processes},
};
use crate::cluster::{Cluster, ClusterError, Role};
use controllers::{Behaviour, Served};
use futures::FutureExt;
use nix::unistd::Pid;
use std::{
    fs::File,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};
use tokio::{
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
};

/// How a candidate came to an end that nobody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What happened.
    pub reason: String,
    /// Whether the host killed it (SIGKILL), which says nothing about the candidate.
    pub by_host: bool,
}

/// Why a candidate could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The program did not start.
    #[error("`{program}` could not be started: {source}; check `deploy.command` in the candidate file")]
    Program {
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The log file could not be made.
    #[error("the candidate's log {} could not be written: {source}; free space there, or give another --out", path.display())]
    Log {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The cluster gave no access.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// A candidate at work; it ends when this is dropped.
pub struct RunningCandidate {
    ended: watch::Receiver<Option<Ended>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for RunningCandidate {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl RunningCandidate {
    /// Starts a candidate on a cluster. Its log goes into `directory`, and its process, if it has one, is one of `processes`.
    ///
    /// # Errors
    /// When its program or log cannot be opened.
    pub async fn launch(
        candidate: &Candidate,
        cluster: &Arc<dyn Cluster>,
        directory: &Path,
        processes: &Processes,
    ) -> Result<RunningCandidate, LaunchError> {
        let (tell, ended) = watch::channel(None);
        let mut tasks = Vec::new();
        let context = |role| {
            let cluster = cluster.clone();
            Context {
                client: cluster.client(role),
                now: Arc::new(move || cluster.now()),
            }
        };
        match &candidate.deployment {
            Deployment::BuiltIn => {}
            Deployment::InProcess(run) => {
                let work = AssertUnwindSafe(run(context(Role::Candidate))).catch_unwind();
                tasks.push(tokio::spawn(async move {
                    let reason = match work.await {
                        Ok(Ok(())) => "it returned".to_owned(),
                        Ok(Err(error)) => format!("it returned an error: {error}"),
                        Err(panic) => format!("it panicked: {}", panic_text(panic.as_ref())),
                    };
                    tell.send_replace(Some(Ended {
                        reason,
                        by_host: false,
                    }));
                }));
            }
            Deployment::Process(process) => {
                let kubeconfig = cluster.kubeconfig(Role::Candidate).await?;
                let log = directory.join("candidate.log");
                let child = start(process, &kubeconfig, directory, &log)?;
                let id = child.id().and_then(|id| i32::try_from(id).ok());
                let group = id.map(|id| processes.add(Pid::from_raw(id)));
                tasks.push(tokio::spawn(async move {
                    tell.send_replace(Some(watch_over(child, group, &log).await));
                }));
            }
        }
        let companion_needed =
            !candidate.serves_daemon_sets && !matches!(candidate.deployment, Deployment::BuiltIn);
        if companion_needed && !cluster.has_workload_controllers() {
            let Context { client, now } = context(Role::Companion);
            let behaviour = Behaviour::reference().with_clock(now);
            tasks.push(tokio::spawn(async move {
                if let Err(error) = controllers::run(client, behaviour, Served::DAEMON_SETS).await {
                    tracing::error!(%error, "the companion DaemonSet controller ended");
                }
            }));
        }
        Ok(RunningCandidate { ended, tasks })
    }

    /// Tells when the candidate ends by itself.
    pub fn ended(&self) -> watch::Receiver<Option<Ended>> {
        self.ended.clone()
    }
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

fn start(process: &Process, kubeconfig: &Path, directory: &Path, log: &Path) -> Result<Child, LaunchError> {
    // It may run elsewhere than this process.
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.into());
    let fill = |text: &str| {
        text.replace("{kubeconfig}", &kubeconfig.to_string_lossy())
            .replace("{run-dir}", &directory.to_string_lossy())
    };
    let no_log = |source| LaunchError::Log {
        path: log.into(),
        source,
    };
    let out = File::create(log).map_err(no_log)?;
    let err = out.try_clone().map_err(no_log)?;
    let (program, arguments) = process
        .command
        .split_first()
        .map_or(("", &[][..]), |(program, arguments)| {
            (program.as_str(), arguments)
        });
    let mut command = Command::new(fill(program));
    command
        .args(arguments.iter().map(|argument| fill(argument)))
        .envs(process.env.iter().map(|(key, value)| (key, fill(value))))
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        // Ctrl-C in a terminal is for the harness, which ends the candidate in its turn.
        .process_group(0)
        .kill_on_drop(true);
    if let Some(directory) = &process.directory {
        command.current_dir(directory);
    }
    command.spawn().map_err(|source| LaunchError::Program {
        program: program.to_owned(),
        source,
    })
}

async fn watch_over(mut child: Child, _group: Option<Group>, log: &Path) -> Ended {
    let status = match child.wait().await {
        Ok(status) => status,
        Err(error) => {
            return Ended {
                reason: format!("its process was lost: {error}"),
                by_host: true,
            };
        }
    };
    let by_host = std::os::unix::process::ExitStatusExt::signal(&status) == Some(9);
    let tail = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = tail.lines().collect();
    let last = lines[lines.len().saturating_sub(5)..].join("\n  ");
    let reason = format!(
        "its process ended with {status}; the end of {}:\n  {last}",
        log.display()
    );
    Ended { reason, by_host }
}
