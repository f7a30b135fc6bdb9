//! The `ordinal` command.

mod arguments;
mod command;
mod exit;

use arguments::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    exit::log(arguments.verbose);
    let done = match arguments.command {
        Command::Certify(options) => command::certify::run(options),
        Command::List(options) => command::list::run(options),
        Command::Explain { rule } => command::explain::run(&rule),
        Command::Judge(options) => command::judge::run(options),
        Command::Mutants(options) => command::mutants::run(options),
        Command::Controller(options) => command::controller::run(options),
        Command::Cluster { command } => command::cluster::run(command),
    };
    exit::code(done)
}
