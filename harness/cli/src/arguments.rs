//! What can be said on the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
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
    Certify(Certify),
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

/// Options of `certify`.
#[derive(Debug, Args)]
pub struct Certify {
    /// Where to run.
    #[arg(long, default_value = "embedded", env = "ORDINAL_CLUSTER")]
    pub cluster: String,
    /// Who is certified: `reference`, `mutant:ID`, or a candidate file.
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
    /// Scenarios to run, by pattern with * and ?; may be given several times [default: all].
    #[arg(long = "scenario", value_name = "GLOB")]
    pub scenarios: Vec<String>,
    /// How many scenarios run side by side.
    #[arg(long, default_value_t = suites::DEFAULT_JOBS, value_name = "N")]
    pub jobs: usize,
    /// Folder for the report and the recorded histories.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How the report is written to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// How time passes.
    #[arg(long, value_enum, default_value_t)]
    pub time: Time,
    /// Seed of all identifiers in virtual time.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
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
    /// Named sets of rules.
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
    #[arg(long, default_value_t = 2, value_name = "N")]
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
}

/// What to do with the embedded cluster.
#[derive(Debug, Subcommand)]
pub enum Cluster {
    /// Serve it until Ctrl-C.
    Up(Up),
}

/// Options of `cluster up`.
#[derive(Debug, Args)]
pub struct Up {
    /// How many nodes it has.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub nodes: usize,
    /// Address of the API server; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Where the administrator's kubeconfig is written [default: a file in the run folder, whose path is printed].
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The administrator's bearer token [default: made up].
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Only the API server: no nodes, no controllers.
    #[arg(long)]
    pub no_controllers: bool,
}
