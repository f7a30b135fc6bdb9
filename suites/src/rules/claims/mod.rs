//! Claims: named after template and ordinal, made before the pod, kept whatever happens to it (specification 1.9).

mod kept;
mod logs;
mod losses;
mod made;
mod mounted;
mod persistence;

pub use kept::{SS_PVC_06, SS_PVC_07, SS_PVC_08};
pub use made::{SS_PVC_01, SS_PVC_02, SS_PVC_03};
pub use mounted::{SS_PVC_04, SS_PVC_13};
pub use persistence::{SS_PVC_05, SS_PVC_09};

pub(super) use losses::lost;

use judging::Rule;

/// The rules of this area.
pub static RULES: &[&Rule] = &[
    &SS_PVC_01, &SS_PVC_02, &SS_PVC_03, &SS_PVC_04, &SS_PVC_05, &SS_PVC_06, &SS_PVC_07, &SS_PVC_08,
    &SS_PVC_09, &SS_PVC_13,
];

/// Plural name of the resource.
const CLAIMS: &str = "persistentvolumeclaims";
