//! Kubernetes' own controllers, certified on the embedded cluster: they prove that the cluster answers as they need it,
//! and that no rule accuses the controller that all others are measured by.
//!
//! `ORDINAL_KUBE_CONTROLLER_MANAGER` names the program, a kube-controller-manager of Kubernetes 1.35 or newer. Without
//! it the test says so and passes.

use crate::{skipped::skipped, told::binary};

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/candidates/kube-controller-manager.toml"
);

#[test]
fn kubernetes_own_controllers_are_certified() {
    if std::env::var_os("ORDINAL_KUBE_CONTROLLER_MANAGER").is_none_or(|program| program.is_empty()) {
        skipped("ORDINAL_KUBE_CONTROLLER_MANAGER names no kube-controller-manager");
        return;
    }
    let done = binary()
        .args(["certify", "--candidate", FILE])
        .output()
        .expect("ordinal starts");
    let (out, err) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{out}\n{err}");
    let last = out.trim_end().lines().last().unwrap_or_default();
    assert!(last.starts_with("certified: "), "{out}\n{err}");
}
