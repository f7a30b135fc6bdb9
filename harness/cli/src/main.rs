//! The `ordinal` command.

// `println!` and `eprintln!` panic when nobody reads any more; `output` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
mod command;
mod exit;
mod kept;
mod output;
mod said;
mod values;

use arguments::Command;
use std::process::ExitCode;

/// A run makes and drops millions of small JSON values; the system's allocator keeps three times as much for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match said::arguments() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    exit::log(arguments.verbose);
    let done = match arguments.command {
        Command::Certify(options) => command::certify::run(&options),
        Command::List(options) => command::list::run(options),
        Command::Explain { rule } => command::explain::run(&rule),
        Command::Judge(options) => command::judge::run(options),
        Command::Mutants(options) => command::mutants::run(options),
        Command::Controller(options) => command::controller::run(options),
        Command::Rbac(options) => command::rbac::run(&options),
        Command::Doctor(options) => command::doctor::run(&options),
        Command::Sweep(options) => command::sweep::run(&options),
        #[cfg(feature = "k3s")]
        Command::Images { command } => command::images::run(command),
        #[cfg(not(feature = "k3s"))]
        Command::Images { .. } => command::without_k3s::run("images"),
        Command::Workload { arguments } => command::workload::run(arguments),
        Command::Cluster { command } => command::cluster::run(command),
    };
    exit::code(done)
}
