//! What a claim asks for and what it got.

use super::{Claim, ClaimState, Ledger};
use crate::field::Field;
use serde_json::{Map, Value};

/// Fields of a PersistentVolume's spec that do not say where the data is.
const NOT_THE_SOURCE: &[&str] = &[
    "capacity",
    "accessModes",
    "claimRef",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "mountOptions",
    "volumeMode",
    "nodeAffinity",
    "volumeAttributesClassName",
];

impl Ledger {
    /// Where the data of a claim is at position `index`: the volume source of its PersistentVolume. `None` if the
    /// claim is not bound, or the volume was not seen. Two claims with the same source share their data.
    pub fn volume_source(&self, claim: &Claim, index: usize) -> Option<Map<String, Value>> {
        let name = claim.at(index)?.volume.as_deref()?;
        let volume = self
            .related_named("persistentvolumes", "", name)
            .find_map(|volume| volume.at(index))?;
        let mut source = volume.get("spec")?.as_object()?.clone();
        for field in NOT_THE_SOURCE {
            source.remove(*field);
        }
        Some(source)
    }
}

impl ClaimState {
    /// What of a claim template the claim does not have: labels, annotations, or a field of the spec. `None` if the
    /// claim has everything; what the cluster adds is no difference.
    pub fn lacks_of(&self, template: &Value) -> Option<String> {
        ["metadata/labels", "metadata/annotations", "spec"]
            .into_iter()
            .find_map(|part| {
                let wanted = template.field(&format!("/{part}"))?;
                let found = self.object.field(&format!("/{part}"));
                missing(wanted, found.unwrap_or(&Value::Null), &part.replace('/', "."))
            })
    }
}

/// The path of the first field of `wanted` that `found` does not have with the same value.
fn missing(wanted: &Value, found: &Value, path: &str) -> Option<String> {
    match wanted {
        Value::Null => None,
        Value::Object(fields) => fields.iter().find_map(|(key, wanted)| {
            missing(
                wanted,
                found.get(key).unwrap_or(&Value::Null),
                &format!("{path}.{key}"),
            )
        }),
        Value::Array(items) if items.is_empty() && found.is_null() => None,
        // The API server writes quantities in their canonical form: 1024Mi becomes 1Gi.
        Value::String(wanted) if path.starts_with("spec.resources.") => {
            let same = match (quantity(wanted), found.as_str().and_then(quantity)) {
                (Some(wanted), Some(found)) => wanted == found,
                _ => found.as_str() == Some(wanted),
            };
            (!same).then(|| path.to_owned())
        }
        wanted => (wanted != found).then(|| path.to_owned()),
    }
}

/// The value of a resource quantity in thousandths, if it is one.
fn quantity(text: &str) -> Option<i128> {
    let end = text
        .find(|character: char| !character.is_ascii_digit() && !matches!(character, '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let factor: i128 = match suffix {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "P" => 1_000_000_000_000_000_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        "Ti" => 1_000_i128 << 40,
        "Pi" => 1_000_i128 << 50,
        _ => return None,
    };
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = 10_i128.checked_pow(fraction.len().try_into().ok()?)?;
    Some(digits.checked_mul(factor)? / scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn what_the_cluster_adds_is_no_difference() {
        let claim = ClaimState::of(Arc::new(json!({
            "metadata": {"labels": {"app": "web", "tier": "db"}, "annotations": {"provisioner": "x"}},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "standard", "volumeName": "pv-1",
            },
        })));
        let template = |storage| {
            json!({
                "metadata": {"name": "data", "labels": {"tier": "db"}},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}},
            })
        };
        assert_eq!(claim.lacks_of(&template("1Gi")), None);
        assert_eq!(
            claim.lacks_of(&template("2Gi")).as_deref(),
            Some("spec.resources.requests.storage")
        );
    }
}
