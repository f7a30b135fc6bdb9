//! Adoption, release, and what happens to the objects of a set that is deleted (specification 1.12).

mod adoption;
mod ending;
mod orphaned;

pub use adoption::{SS_OWN_01, SS_OWN_03, SS_OWN_05};
pub use ending::{SS_OWN_07, SS_OWN_08};
pub use orphaned::SS_OWN_09;

use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &SS_OWN_01, &SS_OWN_03, &SS_OWN_05, &SS_OWN_07, &SS_OWN_08, &SS_OWN_09,
];
