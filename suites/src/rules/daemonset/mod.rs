//! DaemonSets: one pod on each node that is asked for.

mod coverage;
mod created;
mod daemon;
mod status;

use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &coverage::DS_PL_01,
    &coverage::DS_PL_02,
    &created::DS_PL_04,
    &coverage::DS_PL_14,
    &created::DS_PL_19,
    &status::DS_ST_01,
];
