//! Named sets of rules, and optional behaviours.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A name that nothing has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} `{name}`; there are: {}", .known.join(", "))]
pub struct UnknownName {
    /// What was looked for.
    pub what: &'static str,
    /// The name that was given.
    pub name: String,
    /// The names there are.
    pub known: Vec<&'static str>,
}

macro_rules! names {
    ($(#[$doc:meta])* $type:ident, $what:literal: $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $type {
            /// All there are.
            pub const ALL: &'static [$type] = &[$($type::$variant,)*];

            /// The name in files, on the command line and in reports.
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl From<$type> for &'static str {
            fn from(this: $type) -> &'static str {
                this.name()
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;
            fn from_str(name: &str) -> Result<Self, UnknownName> {
                match name {
                    $($name => Ok($type::$variant),)*
                    _ => Err(UnknownName { what: $what, name: name.into(), known: vec![$($name,)*] }),
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = UnknownName;
            fn try_from(name: String) -> Result<Self, UnknownName> {
                name.parse()
            }
        }
    };
}

names! {
    /// A named set of rules.
    Profile, "profile":
    /// Ordered start and stop.
    Ordering = "ordering",
    /// Stable names, labels and owners of pods.
    Identity = "identity",
    /// Stable names in DNS.
    NetworkIdentity = "network-identity",
    /// The same claim with the same data after every replacement.
    Persistence = "persistence",
    /// Scaling up and down.
    Scaling = "scaling",
    /// Rolling, partitioned and manual updates, and their revisions.
    Update = "update",
    /// Claim retention policies.
    Retention = "retention",
    /// Lost, failed and stuck pods.
    Repair = "repair",
    /// Adoption, release and cascading deletion.
    Ownership = "ownership",
    /// What the status reports, and silence at rest.
    Status = "status",
    /// Restarts, cut watches, conflicts and stale reads.
    Robustness = "robustness",
    /// One pod per node.
    Daemonset = "daemonset",
}

names! {
    /// An optional behaviour that a candidate declares.
    Feature, "feature":
    /// `updateStrategy.rollingUpdate.maxUnavailable`.
    MaxUnavailable = "max-unavailable",
    /// `minReadySeconds`.
    MinReadySeconds = "min-ready-seconds",
    /// `ordinals.start`.
    StartOrdinal = "start-ordinal",
    /// `persistentVolumeClaimRetentionPolicy`.
    PvcRetention = "pvc-retention",
    /// The label `apps.kubernetes.io/pod-index`.
    PodIndexLabel = "pod-index-label",
    /// `podManagementPolicy: Parallel`.
    Parallel = "parallel",
    /// `updateStrategy.rollingUpdate.partition`.
    Partition = "partition",
    /// `updateStrategy.type: OnDelete`.
    OnDelete = "on-delete",
    /// ControllerRevisions and rollback.
    Revisions = "revisions",
    /// The `scale` subresource.
    ScaleSubresource = "scale-subresource",
    /// Serves DaemonSets.
    DaemonSets = "daemon-sets",
}
