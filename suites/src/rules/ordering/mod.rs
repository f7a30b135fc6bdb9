//! Ordered creation: pod i comes after all pods below it.

mod min_ready;
mod predecessors;
mod progress;
mod startup;

pub(super) use min_ready::{asked, hasty};

use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &predecessors::SS_ORD_01,
    &startup::SS_ORD_02,
    &predecessors::SS_ORD_03,
    &predecessors::SS_ORD_04,
    &predecessors::SS_ORD_05,
    &progress::SS_ORD_06,
    &startup::SS_ORD_07,
    &progress::SS_ORD_08,
    &startup::SS_ORD_09,
    &min_ready::SS_ORD_10,
    &progress::SS_ORD_11,
    &progress::SS_ORD_12,
    &startup::SS_ORD_13,
];
