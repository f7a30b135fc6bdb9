//! What can be said on the command line.

use crate::values;
use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{PathBufValueParser, TypedValueParser},
};
use std::{net::SocketAddr, path::PathBuf};

/// Certifies controllers that manage Kubernetes StatefulSets.
///
/// Exit codes: 0 certified, 1 violated or stalled, 2 usage, 3 inconclusive or environment, 4 defect of Ordinal.
#[derive(Debug, Parser)]
#[command(name = "ordinal", version, max_term_width = 110)]
pub struct Arguments {
    /// Tell more on stderr; twice tells everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios against a controller and say which promises it keeps.
    Certify(Box<Certify>),
    /// Name all rules, scenarios, mutants or profiles.
    List(List),
    /// Say what a rule promises, why it matters, where that is written and how to fix a violation.
    Explain {
        /// Id of the rule, as in SS-ORD-01.
        rule: String,
    },
    /// Judge histories that were recorded earlier, offline.
    Judge(Judge),
    /// Try every deliberately broken controller and show which rules catch it.
    Mutants(Mutants),
    /// Run the reference controllers, or a deliberately broken one, on any cluster, until Ctrl-C.
    Controller(Controller),
    /// Print the rights on the API that `certify --cluster kubeconfig` needs, as manifests for kubectl.
    Rbac(Rbac),
    /// Say what this host, or a cluster, can do and, for what is missing, why and what to do.
    Doctor(Doctor),
    /// Remove what runs left because they were killed: containers, networks and folders for temporary files on this host, or
    /// namespaces in a cluster.
    Sweep(Sweep),
    /// Name, save, load and write the images that a run needs, for hosts without a registry.
    Images {
        /// What to do with them.
        #[command(subcommand)]
        command: Images,
    },
    /// Be the workload that plays the samples' images: a log-writing web server.
    Workload {
        /// --port, --pod-name, --log-dir and --peers, as the program `workload` takes them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the embedded cluster by itself.
    Cluster {
        /// What to do with it.
        #[command(subcommand)]
        command: Cluster,
    },
}

/// How output is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Human,
    /// For programs: stdout holds nothing else.
    Json,
}

/// How time passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Time {
    /// As on the wall, with real sockets.
    #[default]
    Real,
    /// It jumps to what comes next; for candidates in this process.
    Virtual,
}

/// Which namespaces outlive a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Keep {
    /// None.
    #[default]
    Never,
    /// Those of scenarios that did not complete or broke a rule, but for those that a stopped run broke off.
    Failed,
    /// All.
    Always,
}

/// Which rules count.
#[derive(Debug, Default, Args)]
pub struct Rules {
    /// Profiles whose rules count, separated by commas [default: all].
    #[arg(long = "profile", value_name = "P", value_delimiter = ',')]
    pub profiles: Vec<String>,
    /// Rules that count, by pattern with * and ?; may be given several times [default: all].
    #[arg(long = "rule", value_name = "GLOB")]
    pub rules: Vec<String>,
}

/// Which k3s, and how it is started.
#[derive(Clone, Debug, Default, Args)]
pub struct K3s {
    /// Release of k3s; given several times, each is certified on [default: the one that this release of Ordinal was made
    /// with].
    #[arg(
        long = "k3s-version",
        value_name = "VERSION",
        value_delimiter = ',',
        env = "ORDINAL_K3S_VERSION"
    )]
    pub versions: Vec<String>,
    /// Image of k3s, without tag [default: rancher/k3s].
    #[arg(long = "k3s-image", value_name = "NAME", env = "ORDINAL_K3S_IMAGE")]
    pub image: Option<String>,
    /// Archive (`docker save`) that the image of k3s is loaded from; may be given several times.
    #[arg(long = "k3s-image-archive", value_name = "FILE", value_parser = PathBufValueParser::new().try_map(values::readable_file))]
    pub archives: Vec<PathBuf>,
    /// Archive of images that the node has from the start, such as the `k3s-airgap-images` of a release; may be given several
    /// times.
    #[arg(long = "k3s-import", value_name = "FILE", value_parser = PathBufValueParser::new().try_map(values::readable_file))]
    pub imports: Vec<PathBuf>,
    /// Registry map of k3s (`registries.yaml`): where the node pulls images from instead of their own registries.
    #[arg(long = "k3s-registries", value_name = "FILE", env = "ORDINAL_K3S_REGISTRIES", value_parser = PathBufValueParser::new().try_map(values::readable_file))]
    pub registries: Option<PathBuf>,
    /// Start the container without privileges: for engines whose runtime makes containers like machines (sysbox). With any
    /// other runtime k3s needs them.
    #[arg(long = "k3s-unprivileged", env = "ORDINAL_K3S_UNPRIVILEGED")]
    pub unprivileged: bool,
}

/// Options of `certify`.
#[derive(Debug, Args)]
pub struct Certify {
    /// Where to run: `embedded`, `kubeconfig` (the cluster that kubectl talks to), `kubeconfig=FILE`, `k3s` (in a
    /// container), or `auto`: what the other options ask for, else k3s if it can be had, else embedded.
    #[arg(long, default_value = "auto", env = "ORDINAL_CLUSTER")]
    pub cluster: String,
    /// Context of the kubeconfig [default: its current one].
    #[arg(long, value_name = "NAME", env = "ORDINAL_CONTEXT")]
    pub context: Option<String>,
    /// Image of the workload that the cluster can pull; without one a cluster is asked for no names and no HTTP.
    #[arg(long, value_name = "IMAGE", env = "ORDINAL_WORKLOAD_IMAGE")]
    pub workload_image: Option<String>,
    /// How many nodes a cluster that is started has [default: 1 of k3s, 3 embedded]. From 2 on the last one of k3s is set aside
    /// for the scenarios that lose a node.
    #[arg(long, value_name = "N", value_parser = values::node_count)]
    pub nodes: Option<usize>,
    /// Which k3s.
    #[command(flatten)]
    pub k3s: K3s,
    /// Which namespaces outlive the run.
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    pub keep: Keep,
    /// Who is certified: `reference`, `built-in` (the cluster's own controller), `mutant:ID`, or a candidate file.
    #[arg(
        long,
        default_value = "reference",
        value_name = "NAME|FILE|mutant:ID",
        env = "ORDINAL_CANDIDATE"
    )]
    pub candidate: String,
    /// Which rules count.
    #[command(flatten)]
    pub rules: Rules,
    /// Scenarios to run, by pattern with * and ?; may be given several times [default: those that were written for the
    /// profiles of --profile, else all].
    #[arg(long = "scenario", value_name = "GLOB")]
    pub scenarios: Vec<String>,
    /// How many scenarios run side by side.
    #[arg(long, default_value_t = suites::DEFAULT_JOBS, value_name = "N", value_parser = values::jobs)]
    pub jobs: usize,
    /// Folder for the report and the recorded histories.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Remove the report and the histories of an earlier run from the folder of --out, instead of refusing it.
    #[arg(long, requires = "out")]
    pub overwrite: bool,
    /// How the report is written to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// How time passes.
    #[arg(long, value_enum, default_value_t)]
    pub time: Time,
    /// Seed of all identifiers in virtual time [default: 1].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// What is looked at: this host (`auto`, `k3s`: can it run k3s; `embedded`), or a cluster: `kubeconfig` (the one that
    /// kubectl talks to) or `kubeconfig=FILE`.
    #[arg(long, default_value = "auto", env = "ORDINAL_CLUSTER")]
    pub cluster: String,
    /// Context of the kubeconfig [default: its current one].
    #[arg(long, value_name = "NAME", env = "ORDINAL_CONTEXT")]
    pub context: Option<String>,
    /// Image of the workload, to see whether the cluster can pull it, and what its DNS says.
    #[arg(long, value_name = "IMAGE", env = "ORDINAL_WORKLOAD_IMAGE")]
    pub workload_image: Option<String>,
    /// Which k3s.
    #[command(flatten)]
    pub k3s: K3s,
}

/// Options of `list`.
#[derive(Debug, Args)]
pub struct List {
    /// What to name.
    #[arg(value_enum)]
    pub what: What,
    /// How it is written.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Promises.
    Rules,
    /// Stories that drive a cluster.
    Scenarios,
    /// Deliberately broken controllers.
    Mutants,
    /// Named sets of rules, and the scenarios that were written for them.
    Profiles,
}

/// Options of `judge`.
#[derive(Debug, Args)]
pub struct Judge {
    /// Histories (JSON Lines, also gzip-compressed).
    #[arg(required = true, value_name = "HISTORY")]
    pub histories: Vec<PathBuf>,
    /// Which rules count.
    #[command(flatten)]
    pub rules: Rules,
    /// How the report is written to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `mutants`.
#[derive(Debug, Args)]
pub struct Mutants {
    /// Only these mutants, by id or name [default: all, and the reference].
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// How many scenarios run side by side.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = values::jobs)]
    pub jobs: usize,
}

/// Options of `controller`.
#[derive(Debug, Args)]
pub struct Controller {
    /// Which cluster [default: as kubectl finds it].
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Run this deliberately broken controller instead of the reference.
    #[arg(long, value_name = "ID")]
    pub mutant: Option<String>,
    /// Serve this kind alone.
    #[arg(long, value_enum, value_name = "KIND")]
    pub only: Option<Served>,
}

/// Options of `sweep`.
#[derive(Debug, Args)]
pub struct Sweep {
    /// What is swept: this host (`k3s`), or a cluster: `kubeconfig` (the one that kubectl talks to) or `kubeconfig=FILE`.
    #[arg(long, default_value = "k3s")]
    pub cluster: String,
    /// Context of the kubeconfig [default: its current one].
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Only what this run left: the part of a container's name behind `ordinal-`, or the value of a namespace's label
    /// `ordinal.dev/run` [default: all runs, those included that are still going].
    #[arg(long, value_name = "ID", value_parser = values::run_id)]
    pub run: Option<String>,
}

/// What to do with images.
#[derive(Debug, Subcommand)]
pub enum Images {
    /// Name every image that a run needs, for what, and where it comes from.
    List {
        /// Which k3s.
        #[command(flatten)]
        k3s: K3s,
        /// How the list is written.
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Write an archive with the image of k3s, which is pulled first if it is not here.
    Save {
        /// Which k3s.
        #[command(flatten)]
        k3s: K3s,
        /// The archive.
        #[arg(value_parser = PathBufValueParser::new().try_map(values::writable_file))]
        file: PathBuf,
    },
    /// Load an archive into the Docker engine of this host.
    Load {
        /// The archive.
        #[arg(value_parser = PathBufValueParser::new().try_map(values::readable_file))]
        file: PathBuf,
    },
    /// Write an archive with the workload, to be pushed to where a cluster pulls from.
    Workload {
        /// The archive.
        #[arg(value_parser = PathBufValueParser::new().try_map(values::writable_file))]
        file: PathBuf,
        /// Name and tag of the image [default: the name under which Ordinal imports it itself].
        #[arg(long, value_name = "IMAGE", value_parser = values::image_name)]
        reference: Option<String>,
    },
}

/// Options of `rbac`.
#[derive(Debug, Args)]
pub struct Rbac {
    /// Namespace of the service account.
    #[arg(long, default_value = "ordinal", value_name = "NAME", value_parser = values::label)]
    pub namespace: String,
    /// Name of the service account, the role and its binding.
    #[arg(long, default_value = "ordinal", value_name = "NAME", value_parser = values::subdomain)]
    pub name: String,
}

/// What to do with the embedded cluster.
#[derive(Debug, Subcommand)]
pub enum Cluster {
    /// Serve it until Ctrl-C.
    Up(Up),
    /// Tell what a real cluster does and this one deliberately does not.
    Deviations {
        /// How the list is written.
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
}

/// Kinds that the cluster's own controllers serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Served {
    /// StatefulSets.
    Statefulset,
    /// DaemonSets.
    Daemonset,
}

/// Options of `cluster up`.
#[derive(Debug, Args)]
pub struct Up {
    /// How many nodes it has [default: 3].
    #[arg(long, value_name = "N", value_parser = values::node_count_or_none)]
    pub nodes: Option<usize>,
    /// Address of the API server; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "IP:PORT", value_parser = values::listen_address)]
    pub listen: SocketAddr,
    /// Where the administrator's kubeconfig is written; what something else wrote there is refused [default: a file in the run
    /// folder, whose path is printed].
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The administrator's bearer token [default: made up].
    #[arg(long, value_name = "TOKEN", value_parser = values::bearer_token)]
    pub token: Option<String>,
    /// Where every request is logged with its author, an audit.k8s.io/v1 Event a line; `-` for standard output.
    #[arg(long, value_name = "FILE")]
    pub audit_log: Option<PathBuf>,
    /// Only the API server: no nodes, no controllers.
    #[arg(long)]
    pub no_controllers: bool,
    /// Kinds whose controllers are left to somebody else, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND")]
    pub without: Vec<Served>,
}
