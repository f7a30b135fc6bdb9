//! What needs k3s, in a build that was made without it.

use crate::exit::Usage;

/// Says so.
///
/// # Errors
/// Always.
pub fn run(command: &str) -> anyhow::Result<u8> {
    Err(Usage(format!(
        "`ordinal {command}` is about k3s in containers, and this program was built without it; build it with the feature \
         `k3s`, which is a default one"
    ))
    .into())
}
