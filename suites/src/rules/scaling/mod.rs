//! Scaling down: what goes, in which order, and what holds it back.

mod flapping;
mod order;
mod progress;
mod target;

use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &target::SS_SCD_01,
    &order::SS_SCD_02,
    &order::SS_SCD_03,
    &order::SS_SCD_04,
    &progress::SS_SCD_05,
    &order::SS_SCD_06,
    &progress::SS_SCD_07,
    &target::SS_SCD_08,
    &flapping::SS_SCD_09,
    &flapping::SS_SCD_10,
    &flapping::SS_SCD_11,
    &target::SS_SCD_12,
];
