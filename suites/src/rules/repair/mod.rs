//! Lost, stuck and unready pods.

mod ended;
mod left_alone;
mod lost;
mod lost_nodes;

use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &lost::SS_REP_01,
    &ended::SS_REP_02,
    &ended::SS_REP_03,
    &left_alone::SS_REP_05,
    &left_alone::SS_REP_06,
    &lost_nodes::SS_REP_07,
    &lost::SS_REP_12,
];
