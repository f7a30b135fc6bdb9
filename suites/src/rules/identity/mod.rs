//! Who a pod is: its name, its labels, its owner, and that there is only one of it.

mod incarnations;
mod names;
mod numbers;
mod owner;
mod revision;

use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &names::SS_ID_01,
    &names::SS_ID_02,
    &names::SS_ID_03,
    &names::SS_ID_04,
    &names::SS_ID_05,
    &names::SS_ID_06,
    &revision::SS_ID_07,
    &owner::SS_ID_09,
    &revision::SS_ID_10,
    &incarnations::SS_ID_11,
    &incarnations::SS_ID_12,
    &numbers::SS_ID_17,
];
