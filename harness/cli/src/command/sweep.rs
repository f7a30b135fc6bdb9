//! `ordinal sweep`.

use crate::{arguments::Sweep, output::print};
use anyhow::Context;
use engine::cluster::k3s::docker::Engine;

/// Runs the command.
pub fn run(options: &Sweep) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    let removed = runtime.block_on(async { Engine::connect().await?.sweep(options.run.as_deref()).await })?;
    print(&match removed {
        0 => "no containers of runs were there".to_owned(),
        1 => "1 container removed".to_owned(),
        several => format!("{several} containers removed"),
    })?;
    Ok(0)
}
