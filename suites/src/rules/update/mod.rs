//! Rolling updates: from the top, one at a time, never faster than the pods become Ready (specification 1.5).

mod available;
mod completion;
mod gates;
mod order;
mod restarts;

pub use available::SS_RU_14;
pub use completion::{SS_RU_11, SS_RU_15, SS_RU_16};
pub use gates::{SS_RU_03, SS_RU_04, SS_RU_08};
pub use order::{SS_RU_01, SS_RU_02};
pub use restarts::{SS_RU_05, SS_RU_06, SS_RU_12};

pub(super) use completion::{advances, unfinished, unfinished_sentence, update_revision_moves};
pub(super) use restarts::{came_back, comes_back_wanted};

use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &SS_RU_01, &SS_RU_02, &SS_RU_03, &SS_RU_04, &SS_RU_05, &SS_RU_06, &SS_RU_08, &SS_RU_11, &SS_RU_12,
    &SS_RU_14, &SS_RU_15, &SS_RU_16,
];
