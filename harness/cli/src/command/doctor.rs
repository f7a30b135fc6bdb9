//! `ordinal doctor`.

use super::k3s::options_of;
use crate::{arguments::K3s, output::print};
use anyhow::Context;
use engine::cluster::k3s::doctor;

const ENVIRONMENT: u8 = 3;

/// Runs the command: 0 if k3s can run here, 3 if not.
pub fn run(options: &K3s) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    let findings = runtime.block_on(doctor::examine(&options_of(options)));
    for finding in &findings {
        print(&finding.to_string())?;
    }
    let fatal = findings.iter().any(doctor::Finding::is_fatal);
    print(match fatal {
        true => "k3s cannot run here; --cluster embedded needs nothing of this",
        false => "k3s can run here",
    })?;
    Ok(if fatal { ENVIRONMENT } else { 0 })
}
