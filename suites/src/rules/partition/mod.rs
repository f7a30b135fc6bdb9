//! Partitioned updates: below the partition nothing changes (specification 1.6).

mod below;
mod moved;
mod replacements;

pub use below::{SS_PT_01, SS_PT_04, SS_PT_07};
pub use moved::{SS_PT_05, SS_PT_06, SS_PT_08, SS_PT_10};
pub use replacements::{SS_PT_02, SS_PT_03};

use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &SS_PT_01, &SS_PT_02, &SS_PT_03, &SS_PT_04, &SS_PT_05, &SS_PT_06, &SS_PT_07, &SS_PT_08, &SS_PT_10,
];
