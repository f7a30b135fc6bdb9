//! The command line as a user meets it: every option changes what happens, every mistake gets one clear error and the
//! documented exit code.
//!
//! Runs are in virtual time and narrowed to one scenario where the scenario does not matter. `Ordinal` starts the
//! binary; `Told` is what it said.

mod candidates;
mod certify;
mod clock;
mod cluster;
mod doctor;
mod endings;
#[cfg(feature = "k3s")]
mod fake_engine;
mod go_client;
mod judge;
#[cfg(feature = "k3s")]
mod k3s;
#[cfg(feature = "k3s")]
mod k3s_stand_in;
mod kube_controller_manager;
mod kubeconfig;
mod kubectl;
mod lists;
mod output;
mod process;
mod python;
mod rights;
mod skipped;
mod sweep;
mod told;
mod up;
