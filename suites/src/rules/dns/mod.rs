//! Stable names in DNS: the chain from the pod's hostname over the endpoints to the cluster's DNS.

mod absent;
mod cluster_ip;
mod endpoints;
mod members;
mod names;
mod ports;
mod question;
mod replaced;

use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &members::DN_01,
    &members::DN_02,
    &names::DN_03,
    &endpoints::DN_04,
    &ports::DN_05,
    &absent::DN_08,
    &absent::DN_10,
    &replaced::DN_11,
    &absent::DN_12,
    &cluster_ip::DN_13,
    &members::DN_15,
    &replaced::DN_17,
];
