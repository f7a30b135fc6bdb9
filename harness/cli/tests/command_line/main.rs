//! The command line as a user meets it: every option changes what happens, every mistake gets one clear error and the
//! documented exit code.
//!
//! Runs are in virtual time and narrowed to one scenario where the scenario does not matter. `Ordinal` starts the
//! binary; `Told` is what it said.

mod candidates;
mod certify;
mod cluster;
mod judge;
mod lists;
mod told;
