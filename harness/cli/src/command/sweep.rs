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
    // Neither keeps the other from being swept: folders are here, containers are the engine's.
    let folders = folder::sweep(options.run.as_deref());
    if let Ok(folders @ 1..) = &folders {
        print(&format!("{} removed", counted(*folders, "folder")))?;
    }
    let removed = runtime.block_on(async { Engine::connect().await?.sweep(options.run.as_deref()).await })?;
    print(&match removed {
        0 => "no containers of runs were there".to_owned(),
        some => format!("{} removed", counted(some, "container")),
    })?;
    folders?;
    Ok(0)
}

fn counted(number: usize, of: &str) -> String {
    let more = if number == 1 { "" } else { "s" };
    format!("{number} {of}{more}")
}
