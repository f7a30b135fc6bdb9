//! The controller under test: who it is, what it supports, how it is run.

mod file;
mod processes;
mod running;

pub use file::{CandidateFile, CandidateFileError, Kind};
pub use processes::Processes;
pub(crate) use running::panic_text;
pub use running::{Ended, LaunchError, RunningCandidate};

use controllers::{Behaviour, Served};
use futures::{FutureExt, future::BoxFuture};
use history::Subject;
use judging::{Declarations, Feature};
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

/// What a candidate in this process gets to work with.
#[derive(Clone)]
pub struct Context {
    /// A client with the candidate's identity.
    pub client: kube::Client,
    /// Wall-clock time of the cluster. In virtual time the system's clock would be wrong.
    pub now: Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>,
}

type InProcess = Arc<dyn Fn(Context) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// How a candidate is deployed.
#[derive(Clone)]
pub enum Deployment {
    /// As a task of this process.
    InProcess(InProcess),
    /// As a process on this host that gets a kubeconfig.
    Process(Process),
    /// It is there already: the cluster's own controller.
    BuiltIn,
}

/// A candidate in a process of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The program and its arguments; `{kubeconfig}` and `{run-dir}` are replaced.
    pub command: Vec<String>,
    /// Environment variables, with the same placeholders.
    pub env: Vec<(String, String)>,
    /// Working directory; the candidate file's folder if absent.
    pub directory: Option<PathBuf>,
}

/// The controller under test.
#[derive(Clone)]
pub struct Candidate {
    /// Short name.
    pub name: String,
    /// What it is, in one sentence.
    pub description: String,
    /// Its version: a tag or digest.
    pub version: Option<String>,
    /// What it declares absent or broken.
    pub declarations: Declarations,
    /// How its objects differ from `apps/v1`.
    pub subject: Subject,
    /// Whether it serves DaemonSets too; if not, a companion does.
    pub serves_daemon_sets: bool,
    /// What it takes over from the cluster's own controllers.
    pub takes_over: Vec<Kind>,
    /// How it is run.
    pub deployment: Deployment,
    /// How long it may take until its first sign of life.
    pub startup: Duration,
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("name", &self.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Default of [`Candidate::startup`].
const STARTUP: Duration = Duration::from_secs(20);

/// A candidate that nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum UnknownCandidate {
    /// No mutant has this id.
    #[error("there is no mutant `{0}`; `ordinal list mutants` names them all")]
    Mutant(String),
    /// Neither a name nor a readable candidate file.
    #[error(
        "`{0}` is neither `reference`, nor `built-in`, nor `mutant:ID`, nor a file that exists; give one of these"
    )]
    Name(String),
    /// The candidate file is wrong.
    #[error(transparent)]
    File(#[from] CandidateFileError),
}

impl Candidate {
    /// A candidate that runs in this process: any controller of StatefulSets written with kube-rs. DaemonSets are left
    /// to a companion.
    ///
    /// `run` is called once per cluster and works until it is dropped. It shares its threads with an embedded cluster:
    /// whoever blocks one instead of awaiting may block everything.
    pub fn in_process<F, R, E>(name: impl Into<String>, run: F) -> Candidate
    where
        F: Fn(Context) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let run: InProcess = Arc::new(move |context| {
            let work = run(context);
            async move { work.await.map_err(|error| error.to_string()) }.boxed()
        });
        Candidate {
            name: name.into(),
            description: String::new(),
            version: None,
            declarations: Declarations {
                unsupported: vec![Feature::DaemonSets],
                ..Declarations::default()
            },
            subject: Subject::default(),
            serves_daemon_sets: false,
            takes_over: vec![Kind::Statefulset],
            deployment: Deployment::InProcess(run),
            startup: STARTUP,
        }
    }

    /// The reference controllers.
    pub fn reference() -> Candidate {
        Candidate {
            description: "Ordinal's reference controllers for StatefulSets and DaemonSets".into(),
            version: Some(env!("CARGO_PKG_VERSION").into()),
            serves_daemon_sets: true,
            takes_over: vec![Kind::Statefulset, Kind::Daemonset],
            declarations: Declarations::default(),
            ..Self::behaving("reference".into(), Behaviour::reference())
        }
    }

    /// A deliberately broken controller.
    pub fn mutant(mutant: &'static controllers::Mutant) -> Candidate {
        Candidate {
            description: mutant.defect.into(),
            version: Some(env!("CARGO_PKG_VERSION").into()),
            serves_daemon_sets: true,
            takes_over: vec![Kind::Statefulset, Kind::Daemonset],
            declarations: Declarations::default(),
            ..Self::behaving(format!("mutant:{}", mutant.id), Behaviour::mutant(mutant))
        }
    }

    fn behaving(name: String, behaviour: Behaviour) -> Candidate {
        Candidate::in_process(name, move |context: Context| {
            let behaviour = behaviour.clone().with_clock(context.now);
            controllers::run(context.client, behaviour, Served::ALL)
        })
    }

    /// The cluster's own controller.
    pub fn built_in() -> Candidate {
        Candidate {
            name: "built-in".into(),
            description: "The StatefulSet controller that the cluster brings".into(),
            version: None,
            deployment: Deployment::BuiltIn,
            takes_over: Vec::new(),
            serves_daemon_sets: true,
            ..Self::reference()
        }
    }

    /// Finds a candidate by what a user calls it: `reference`, `built-in`, `mutant:M-001`, or the path of a candidate file.
    ///
    /// # Errors
    /// When there is none of that name, or the file is wrong.
    pub fn find(name: &str) -> Result<Candidate, UnknownCandidate> {
        match name {
            "reference" => return Ok(Self::reference()),
            "built-in" => return Ok(Self::built_in()),
            _ => {}
        }
        if let Some(id) = name.strip_prefix("mutant:") {
            return controllers::mutant(id)
                .map(Self::mutant)
                .ok_or_else(|| UnknownCandidate::Mutant(id.into()));
        }
        let path = std::path::Path::new(name);
        let looks_like_a_file = name.contains(['/', '\\']) || name.ends_with(".toml") || path.exists();
        if !looks_like_a_file {
            return Err(UnknownCandidate::Name(name.into()));
        }
        Ok(CandidateFile::read(path)?.candidate(path.parent())?)
    }

    /// Whether virtual time suits it: nothing of it lives outside this process.
    pub fn is_in_process(&self) -> bool {
        matches!(self.deployment, Deployment::InProcess(_))
    }
}
