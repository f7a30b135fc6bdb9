//! What was said: on the command line, and by variables of the environment.

use crate::arguments::Arguments;
use clap::{CommandFactory, FromArgMatches, builder::Resettable};
use std::env;

/// The arguments of this process.
///
/// # Errors
/// What clap says: a mistake, or help that was asked for.
pub fn arguments() -> Result<Arguments, clap::Error> {
    let matches = without_empty_variables(Arguments::command()).try_get_matches()?;
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut Arguments::command()))
}

/// A variable of the environment that is empty says nothing: often that is the only way to take one back.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| match argument.get_env().and_then(env::var_os) {
            Some(value) if value.is_empty() => argument.env(Resettable::Reset),
            _ => argument,
        })
        .mut_subcommands(without_empty_variables)
}
