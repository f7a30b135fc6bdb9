//! `ordinal workload`: what the image that Ordinal makes of itself runs.

use crate::exit::Usage;
use anyhow::Context;
use workload::Config;

/// Runs the command.
pub fn run(arguments: Vec<String>) -> anyhow::Result<u8> {
    let config = Config::read(arguments, |name| std::env::var(name).ok())
        .map_err(|error| Usage(format!("workload: {error}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(workload::run(config)).context("workload")?;
    Ok(0)
}
