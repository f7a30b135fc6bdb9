//! What the status reports, and silence at rest (specification 1.13).

mod counters;
mod generation;
mod ownership;
mod quiet;
mod revisions;

pub use counters::{SS_ST_03, SS_ST_04, SS_ST_05, SS_ST_06, SS_ST_07};
pub use generation::{SS_ST_01, SS_ST_02};
pub use ownership::SS_ST_09;
pub use quiet::SS_ST_10;
pub use revisions::SS_ST_08;

use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &SS_ST_01, &SS_ST_02, &SS_ST_03, &SS_ST_04, &SS_ST_05, &SS_ST_06, &SS_ST_07, &SS_ST_08, &SS_ST_09,
    &SS_ST_10,
];
