//! Where a run takes place if nobody names the cluster.

use super::{assert_nothing_is_left, run_in, stand_in};
use crate::told::{Told, binary};
use std::fs;

const ONE_RULE: [&str; 5] = ["certify", "--scenario", "create-ordered", "--rule", "SS-ORD-02"];

#[test]
fn the_k3s_of_the_environment_is_chosen_and_the_report_says_why() {
    let Some(image) = stand_in() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut certify = binary();
    certify
        .args(ONE_RULE)
        .arg("--out")
        .arg(folder.path())
        .env_remove("ORDINAL_CLUSTER")
        .env("ORDINAL_K3S_IMAGE", image.name())
        .env("ORDINAL_K3S_VERSION", image.tag())
        .env("ORDINAL_K3S_UNPRIVILEGED", "true");
    let told = Told::of(certify.output().expect("ordinal starts")).ends_with(0);
    let because = "--k3s-version (ORDINAL_K3S_VERSION is set) asks for it";
    let first = told.err.lines().next().unwrap_or_default();
    assert_eq!(
        first,
        format!("cluster k3s {}: {because}", image.tag()),
        "{}",
        told.err
    );
    let report = fs::read_to_string(folder.path().join("report.json")).expect("the report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["cluster"]["chosen_because"], because);
    let name = report["cluster"]["name"].as_str().unwrap_or_default();
    assert!(name.starts_with("k3s stand-in"), "{name}");
    assert_nothing_is_left(&run_in(folder.path()).expect("the log of k3s is kept"));
}
