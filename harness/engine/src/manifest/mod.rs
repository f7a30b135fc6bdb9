//! Sample manifests, and the overlays that make them fit a cluster.

mod workload;

use crate::gate::GATE;
use serde_json::{Value, json};
use std::collections::BTreeSet;
pub(crate) use workload::security_context;

/// A folder of sample manifests, as published (`fixtures/manifests`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Name of the folder.
    pub name: &'static str,
    text: &'static str,
}

/// Headless Service and StatefulSet of two replicas with a dynamically provisioned claim.
pub const MYAPP: Sample = Sample {
    name: "myapp",
    text: include_str!("../../../../fixtures/manifests/myapp/myapp.yaml"),
};
/// Two PersistentVolumes, headless Service, StatefulSet of two replicas: static volumes without a class.
pub const WEB: Sample = Sample {
    name: "web",
    text: include_str!("../../../../fixtures/manifests/web/web.yaml"),
};
/// Three PersistentVolumes with a class, headless Service, StatefulSet of three replicas: ReadOnlyMany.
pub const K8SDEMO: Sample = Sample {
    name: "k8sdemo",
    text: include_str!("../../../../fixtures/manifests/k8sdemo/k8sdemo.yaml"),
};
/// Headless Service and six members that know each other by name.
pub const REDIS: Sample = Sample {
    name: "redis",
    text: include_str!("../../../../fixtures/manifests/redis/redis.yaml"),
};
/// A DaemonSet.
pub const NGINX_DS: Sample = Sample {
    name: "nginx-ds",
    text: include_str!("../../../../fixtures/manifests/nginx-ds/nginx-ds.yaml"),
};

/// All sample manifests.
pub const SAMPLES: [Sample; 5] = [MYAPP, WEB, K8SDEMO, REDIS, NGINX_DS];

/// What a manifest must be adapted to. Documented in `fixtures/manifests/README.md`.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// Namespace of the scenario; also the suffix of cluster-scoped names.
    pub namespace: String,
    /// Image that plays those of the samples, in pods without privileges; as published if absent.
    pub workload_image: Option<String>,
    /// Folder for volumes in place of NFS servers and shared host paths.
    pub volume_root: String,
    /// Whether nobody provisions volumes: members then keep their files in their pods, and have no claims.
    pub without_claims: bool,
}

/// Why a manifest cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is no YAML.
    #[error("the manifest {name} is no valid YAML: {reason}")]
    Yaml {
        /// Name of the manifest.
        name: String,
        /// Where and why.
        reason: String,
    },
    /// A document is no Kubernetes object.
    #[error("document {number} of the manifest {name} has no `{field}`")]
    Field {
        /// Name of the manifest.
        name: String,
        /// Number of the document, from 1.
        number: usize,
        /// What is missing.
        field: &'static str,
    },
}

/// Objects to apply, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    objects: Vec<Value>,
}

impl Sample {
    /// The objects as published.
    ///
    /// # Errors
    /// Never for the samples that ship; the parser has an error all the same.
    pub fn load(self) -> Result<Manifest, ManifestError> {
        Manifest::parse(self.name, self.text)
    }
}

impl Manifest {
    /// Reads YAML of one or several documents.
    ///
    /// # Errors
    /// When it is no YAML, or a document is no Kubernetes object.
    pub fn parse(name: &str, text: &str) -> Result<Manifest, ManifestError> {
        let options = serde_saphyr::options! { legacy_octal_numbers: true };
        let objects: Vec<Value> =
            serde_saphyr::from_multiple_with_options(text, options).map_err(|error| ManifestError::Yaml {
                name: name.into(),
                reason: error.to_string(),
            })?;
        for (number, object) in objects.iter().enumerate() {
            for (field, pointer) in [
                ("apiVersion", "/apiVersion"),
                ("kind", "/kind"),
                ("metadata.name", "/metadata/name"),
            ] {
                if object.pointer(pointer).and_then(Value::as_str).is_none() {
                    return Err(ManifestError::Field {
                        name: name.into(),
                        number: number + 1,
                        field,
                    });
                }
            }
        }
        Ok(Manifest { objects })
    }

    /// The images that its pods run, each once.
    pub fn images(&self) -> BTreeSet<&str> {
        let pods = self
            .objects
            .iter()
            .filter_map(|object| object.pointer("/spec/template/spec"));
        let containers = pods.flat_map(|pod| ["initContainers", "containers"].map(|field| &pod[field]));
        containers
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(|container| container["image"].as_str())
            .collect()
    }

    /// The objects, in order.
    pub fn objects(&self) -> &[Value] {
        &self.objects
    }

    /// Merges `patch` (RFC 7396) into every object of `kind`: the scenario's own wish, such as a number of replicas.
    #[must_use]
    pub fn with(mut self, kind: &str, patch: &Value) -> Manifest {
        for object in self.objects.iter_mut().filter(|object| kind_of(object) == kind) {
            json_patch::merge(object, patch);
        }
        self
    }

    /// Merges `patch` into the StatefulSet.
    #[must_use]
    pub fn set(self, patch: &Value) -> Manifest {
        self.with("StatefulSet", patch)
    }

    /// With volumes that live as long as their pods in place of claims.
    #[must_use]
    pub fn without_claims(mut self) -> Manifest {
        let sets = self
            .objects
            .iter_mut()
            .filter(|object| kind_of(object) == "StatefulSet");
        sets.for_each(drop_claim_templates);
        self
    }

    /// Only the objects of these kinds.
    #[must_use]
    pub fn only(mut self, kinds: &[&str]) -> Manifest {
        self.objects.retain(|object| kinds.contains(&kind_of(object)));
        self
    }

    /// Adapts the objects to a cluster.
    #[must_use]
    pub fn overlaid(mut self, overlay: &Overlay) -> Manifest {
        let own_volumes = self
            .objects
            .iter()
            .any(|object| kind_of(object) == "PersistentVolume");
        for object in &mut self.objects {
            let kind = kind_of(object).to_owned();
            if kind == "PersistentVolume" {
                adapt_volume(object, overlay);
                continue;
            }
            set_namespace(object, overlay);
            if let Some(spec) = pod_spec(&kind).and_then(|pointer| object.pointer_mut(pointer)) {
                workload::play(spec, overlay);
            }
            if kind == "StatefulSet" {
                add_gate(object);
                match (own_volumes, overlay.without_claims) {
                    (true, _) => adapt_claim_templates(object, overlay),
                    (false, true) => drop_claim_templates(object),
                    (false, false) => {}
                }
            }
        }
        self
    }
}

/// Where the pod's spec is in an object of that kind.
fn pod_spec(kind: &str) -> Option<&'static str> {
    match kind {
        "Pod" => Some("/spec"),
        "StatefulSet" | "DaemonSet" => Some("/spec/template/spec"),
        _ => None,
    }
}

fn kind_of(object: &Value) -> &str {
    object.get("kind").and_then(Value::as_str).unwrap_or_default()
}

fn set_namespace(object: &mut Value, overlay: &Overlay) {
    object["metadata"]["namespace"] = json!(overlay.namespace);
}

/// Class of volumes that belong to one scenario only.
fn own_class(published: Option<&str>, overlay: &Overlay) -> String {
    match published {
        Some(class) if !class.is_empty() => format!("{class}-{}", overlay.namespace),
        _ => format!("static-{}", overlay.namespace),
    }
}

fn adapt_volume(object: &mut Value, overlay: &Overlay) {
    let name = object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let unique = format!("{name}-{}", overlay.namespace);
    object["metadata"]["name"] = json!(unique);
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        let class = own_class(spec.get("storageClassName").and_then(Value::as_str), overlay);
        spec.insert("storageClassName".into(), json!(class));
        if spec.remove("nfs").is_some() || spec.contains_key("hostPath") {
            let path = format!("{}/{unique}", overlay.volume_root);
            spec.insert(
                "hostPath".into(),
                json!({ "path": path, "type": "DirectoryOrCreate" }),
            );
        }
    }
}

fn adapt_claim_templates(object: &mut Value, overlay: &Overlay) {
    let templates = object
        .pointer_mut("/spec/volumeClaimTemplates")
        .and_then(Value::as_array_mut);
    for template in templates.into_iter().flatten() {
        let class = own_class(
            template.pointer("/spec/storageClassName").and_then(Value::as_str),
            overlay,
        );
        template["spec"]["storageClassName"] = json!(class);
    }
}

/// Every claim becomes a volume that lives as long as its pod.
fn drop_claim_templates(object: &mut Value) {
    let templates = object
        .get_mut("spec")
        .and_then(Value::as_object_mut)
        .and_then(|spec| spec.remove("volumeClaimTemplates"));
    let volumes = templates
        .as_ref()
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|template| json!({ "name": template.pointer("/metadata/name"), "emptyDir": {} }));
    let volumes: Vec<Value> = volumes.collect();
    let spec = object
        .pointer_mut("/spec/template/spec")
        .and_then(Value::as_object_mut);
    if let Some(spec) = spec {
        let known = spec.entry("volumes").or_insert_with(|| json!([]));
        if let Some(known) = known.as_array_mut() {
            known.extend(volumes);
        }
    }
}

fn add_gate(object: &mut Value) {
    if let Some(spec) = object
        .pointer_mut("/spec/template/spec")
        .and_then(Value::as_object_mut)
    {
        let gates = spec.entry("readinessGates").or_insert_with(|| json!([]));
        if let Some(gates) = gates.as_array_mut() {
            gates.push(json!({ "conditionType": GATE }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlay() -> Overlay {
        Overlay {
            namespace: "n1".into(),
            volume_root: "/volumes".into(),
            ..Overlay::default()
        }
    }

    #[test]
    fn every_sample_parses_and_is_published_without_a_gate() {
        for sample in SAMPLES {
            let manifest = sample.load().unwrap();
            assert!(!manifest.objects().is_empty(), "{}", sample.name);
            assert!(!sample.text.contains(GATE));
        }
    }

    #[test]
    fn static_volumes_are_kept_apart_from_those_of_other_scenarios() {
        let manifest = WEB.load().unwrap().overlaid(&overlay());
        let volume = &manifest.objects()[0];
        assert_eq!(volume["metadata"]["name"], "pv001-n1");
        assert_eq!(volume["spec"]["hostPath"]["path"], "/volumes/pv001-n1");
        let set = manifest.objects().last().unwrap();
        assert_eq!(
            set["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"],
            "static-n1"
        );
        assert_eq!(volume["spec"]["storageClassName"], "static-n1");
        assert_eq!(
            set["spec"]["template"]["spec"]["readinessGates"][0]["conditionType"],
            GATE
        );
    }

    #[test]
    fn nfs_becomes_a_directory_and_the_class_keeps_its_name_as_prefix() {
        let manifest = K8SDEMO.load().unwrap().overlaid(&overlay());
        let spec = &manifest.objects()[2]["spec"];
        assert!(spec.get("nfs").is_none());
        assert_eq!(spec["storageClassName"], "k8sdemo-sc-n1");
    }

    #[test]
    fn without_volumes_members_keep_their_files_in_their_pods() {
        let manifest = MYAPP
            .load()
            .unwrap()
            .set(&json!({ "spec": { "replicas": 5 } }))
            .overlaid(&Overlay {
                without_claims: true,
                ..overlay()
            });
        let set = &manifest.objects()[1];
        assert_eq!(set["spec"]["replicas"], 5);
        assert!(set["spec"].get("volumeClaimTemplates").is_none());
        let volumes = &set["spec"]["template"]["spec"]["volumes"];
        assert_eq!(*volumes, json!([{ "name": "myappdata", "emptyDir": {} }]));
    }

    #[test]
    fn what_is_no_object_is_named() {
        let error = Manifest::parse("mine.yaml", "apiVersion: v1\nkind: Pod\n").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("document 1 of the manifest mine.yaml has no `metadata.name`")
        );
    }
}
