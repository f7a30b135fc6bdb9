//! Pods that play the samples' images with the workload, and that the restricted Pod Security Standard admits
//! (Kubernetes documentation, "Pod Security Standards").

use super::Overlay;
use crate::environment::BROKEN_IMAGE;
use serde_json::{Value, json};

/// User and group of the containers: anybody but root.
const USER: u32 = 65_532;

impl Overlay {
    /// The image that a published one becomes. One that is not meant to be pulled stays what it is.
    pub fn image(&self, published: &str) -> String {
        match &self.workload_image {
            Some(workload) if !published.contains(BROKEN_IMAGE) => workload.clone(),
            _ => published.to_owned(),
        }
    }
}

/// Lets the containers of a pod's spec run the workload, without any privilege.
pub(super) fn play(spec: &mut Value, overlay: &Overlay) {
    if overlay.workload_image.is_none() {
        return;
    }
    spec["securityContext"] = security_context();
    let containers = spec.get_mut("containers").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
        container["image"] = json!(overlay.image(image));
        container["imagePullPolicy"] = json!("IfNotPresent");
        container["securityContext"] = json!({
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
        });
        tell_the_workload(container);
    }
}

/// The security context of a pod that is admitted everywhere. The sysctl is one of those that the standard allows: with
/// it ports below 1024 need no privilege.
pub(crate) fn security_context() -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "seccompProfile": { "type": "RuntimeDefault" },
        "sysctls": [{ "name": "net.ipv4.ip_unprivileged_port_start", "value": "0" }],
    })
}

/// The workload reads its port, its name and its folder from the environment; what the sample says there comes first.
fn tell_the_workload(container: &mut Value) {
    let port = container
        .pointer("/ports/0/containerPort")
        .and_then(Value::as_u64);
    let folder = container
        .pointer("/volumeMounts/0/mountPath")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let mut wanted = vec![
        json!({ "name": "PORT", "value": port.unwrap_or(80).to_string() }),
        json!({ "name": "POD_NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }),
    ];
    wanted.extend(folder.map(|folder| json!({ "name": "LOG_DIR", "value": folder })));
    let Some(container) = container.as_object_mut() else {
        return;
    };
    let environment = container.entry("env").or_insert_with(|| json!([]));
    if let Some(environment) = environment.as_array_mut() {
        wanted.retain(|variable| environment.iter().all(|known| known["name"] != variable["name"]));
        environment.extend(wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Manifest, SAMPLES, kind_of, pod_spec};
    use super::*;

    fn overlay() -> Overlay {
        Overlay {
            namespace: "n1".into(),
            workload_image: Some("registry.example/workload:1".into()),
            ..Overlay::default()
        }
    }

    /// What the restricted standard asks of a pod's spec, and what of that is missing.
    fn missing(spec: &Value) -> Vec<&'static str> {
        let mut missing = Vec::new();
        let mut ask = |holds: bool, what| {
            if !holds {
                missing.push(what)
            }
        };
        ask(
            spec.pointer("/securityContext/runAsNonRoot") == Some(&json!(true)),
            "runAsNonRoot",
        );
        ask(
            spec.pointer("/securityContext/runAsUser") != Some(&json!(0)),
            "runAsUser",
        );
        ask(
            spec.pointer("/securityContext/seccompProfile/type") == Some(&json!("RuntimeDefault")),
            "seccompProfile",
        );
        for field in ["hostNetwork", "hostPID", "hostIPC"] {
            ask(spec.get(field).is_none(), "host namespaces");
        }
        for container in spec["containers"].as_array().into_iter().flatten() {
            let context = &container["securityContext"];
            ask(
                context["allowPrivilegeEscalation"] == json!(false),
                "allowPrivilegeEscalation",
            );
            ask(context["capabilities"]["drop"] == json!(["ALL"]), "capabilities");
            ask(context.get("privileged").is_none(), "privileged");
        }
        for volume in spec["volumes"].as_array().into_iter().flatten() {
            ask(volume.get("hostPath").is_none(), "hostPath");
        }
        missing
    }

    fn pods(manifest: &Manifest) -> Vec<&Value> {
        manifest
            .objects()
            .iter()
            .filter_map(|object| object.pointer(pod_spec(kind_of(object))?))
            .collect()
    }

    #[test]
    fn every_pod_of_every_sample_is_admitted_under_the_restricted_standard() {
        let mut seen = 0;
        for sample in SAMPLES {
            let manifest = sample.load().unwrap().overlaid(&overlay());
            for spec in pods(&manifest) {
                seen += 1;
                assert!(missing(spec).is_empty(), "{}: {:?}", sample.name, missing(spec));
                assert_eq!(spec["containers"][0]["image"], "registry.example/workload:1");
            }
            let published = sample.load().unwrap();
            assert!(
                pods(&published).iter().all(|spec| !missing(spec).is_empty()),
                "the check finds nothing"
            );
        }
        assert_eq!(seen, SAMPLES.len());
    }

    #[test]
    fn the_workload_learns_its_port_and_folder_and_keeps_its_peers() {
        let manifest = super::super::REDIS.load().unwrap().overlaid(&overlay());
        let environment = pods(&manifest)[0]["containers"][0]["env"]
            .as_array()
            .unwrap()
            .clone();
        let value = |name: &str| {
            environment
                .iter()
                .find(|variable| variable["name"] == name)
                .unwrap()["value"]
                .clone()
        };
        assert_eq!(value("PORT"), "6379");
        assert_eq!(value("LOG_DIR"), "/data");
        assert!(value("PEERS").as_str().unwrap().starts_with("redis-app-0"));
    }

    #[test]
    fn an_image_that_is_not_meant_to_be_pulled_stays_broken() {
        let broken = format!("ikubernetes/myapp:{BROKEN_IMAGE}");
        assert_eq!(overlay().image(&broken), broken);
        assert_eq!(
            overlay().image("ikubernetes/myapp:v1"),
            "registry.example/workload:1"
        );
        assert_eq!(Overlay::default().image("redis:7.2"), "redis:7.2");
    }
}
