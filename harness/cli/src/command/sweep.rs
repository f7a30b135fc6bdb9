//! `ordinal sweep`.

use crate::{arguments::Sweep, output::print};
use anyhow::Context;
use engine::{cluster::k3s::docker::Engine, folder};

/// Runs the command.
pub fn run(options: &Sweep) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    // Folders are here, whatever becomes of the engine.
    let folders = folder::sweep(options.run.as_deref())?;
    if folders > 0 {
        print(&format!("{} removed", counted(folders, "folder")))?;
    }
    let removed = runtime.block_on(async { Engine::connect().await?.sweep(options.run.as_deref()).await })?;
    print(&match removed {
        0 => "no containers of runs were there".to_owned(),
        some => format!("{} removed", counted(some, "container")),
    })?;
    Ok(0)
}

fn counted(number: usize, of: &str) -> String {
    let more = if number == 1 { "" } else { "s" };
    format!("{number} {of}{more}")
}
