//! Services and the endpoints behind them.

use super::PodState;
use crate::field::Field;
use serde_json::Value;

/// A Service as one event shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Name of the service.
    pub name: String,
    /// `spec.clusterIP`; `None` where there is none and DNS answers with the endpoints instead.
    pub cluster_ip: Option<String>,
    /// `spec.selector`.
    pub selector: Vec<(String, String)>,
    /// `spec.publishNotReadyAddresses`.
    pub publishes_not_ready: bool,
    /// `spec.ports`.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name, empty if it has none.
    pub name: String,
    /// Its protocol in lower case.
    pub protocol: String,
    /// Its number.
    pub port: u16,
    /// Where it leads.
    pub target: Target,
}

/// `targetPort`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A number.
    Number(u16),
    /// The name of a container port.
    Name(String),
}

impl Service {
    /// Reads a Service object.
    pub fn of(object: &Value) -> Service {
        let text = |pointer: &str| object.field(pointer).and_then(Value::as_str);
        Service {
            name: text("/metadata/name").unwrap_or_default().to_owned(),
            cluster_ip: text("/spec/clusterIP")
                .filter(|ip| !matches!(*ip, "" | "None"))
                .map(str::to_owned),
            selector: object
                .field("/spec/selector")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
            publishes_not_ready: object.field("/spec/publishNotReadyAddresses") == Some(&Value::Bool(true)),
            ports: object
                .field("/spec/ports")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(ServicePort::of)
                .collect(),
        }
    }

    /// Whether the service stands for its endpoints and has no address of its own.
    pub fn headless(&self) -> bool {
        self.cluster_ip.is_none()
    }

    /// Whether the service selects the pod. A service without a selector selects nothing.
    pub fn selects(&self, pod: &PodState) -> bool {
        !self.selector.is_empty()
            && self
                .selector
                .iter()
                .all(|(key, value)| pod.label(key) == Some(value))
    }

    /// Whether the pod is to be found under the service's names: it is selected and has an address, and it is Ready
    /// and not terminating, unless the service publishes those as well.
    pub fn publishes(&self, pod: &PodState) -> bool {
        self.selects(pod) && pod.ip.is_some() && !pod.ended() && (self.publishes_not_ready || pod.healthy())
    }
}

impl ServicePort {
    fn of(port: &Value) -> Option<ServicePort> {
        let number = |value: &Value| value.as_u64().and_then(|number| u16::try_from(number).ok());
        let text = |field: &str| port.get(field).and_then(Value::as_str);
        let own = port.get("port").and_then(number)?;
        Some(ServicePort {
            name: text("name").unwrap_or_default().to_owned(),
            protocol: text("protocol").unwrap_or("TCP").to_lowercase(),
            port: own,
            target: match port.get("targetPort") {
                Some(Value::String(name)) => Target::Name(name.clone()),
                Some(value) => Target::Number(number(value).unwrap_or(own)),
                None => Target::Number(own),
            },
        })
    }

    /// The number under which a pod serves this port.
    pub fn on(&self, pod: &PodState) -> Option<u16> {
        match &self.target {
            Target::Number(number) => Some(*number),
            Target::Name(name) => pod.container_port(name),
        }
    }
}

impl PodState {
    /// The number of the container port with this name.
    pub fn container_port(&self, name: &str) -> Option<u16> {
        self.object
            .field("/spec/containers")?
            .as_array()?
            .iter()
            .filter_map(|container| container.get("ports")?.as_array())
            .flatten()
            .find(|port| port.get("name").and_then(Value::as_str) == Some(name))?
            .get("containerPort")?
            .as_u64()
            .and_then(|number| u16::try_from(number).ok())
    }
}

/// One endpoint of an EndpointSlice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// Its addresses are published under this name, if it has one.
    pub hostname: Option<&'a str>,
    /// Name of the pod behind it.
    pub pod: &'a str,
    /// UID of the pod behind it.
    pub uid: &'a str,
}

/// The endpoints of an EndpointSlice that are pods.
pub fn endpoints(slice: &Value) -> impl Iterator<Item = Endpoint<'_>> {
    slice
        .get("endpoints")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|endpoint| {
            let target = |field: &str| endpoint.get("targetRef")?.get(field)?.as_str();
            (target("kind") == Some("Pod")).then_some(Endpoint {
                hostname: endpoint.get("hostname").and_then(Value::as_str),
                pod: target("name")?,
                uid: target("uid").unwrap_or_default(),
            })
        })
}

/// Name of the service that an EndpointSlice belongs to.
pub fn service_of(slice: &Value) -> Option<&str> {
    slice
        .field("/metadata/labels")?
        .get("kubernetes.io/service-name")?
        .as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn pod(ready: bool) -> PodState {
        let ready = if ready { "True" } else { "False" };
        PodState::of(
            Arc::new(json!({
                "metadata": {"labels": {"app": "web", "tier": "back"}},
                "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
                "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": ready}]},
            })),
            "hash",
        )
    }

    fn service(spec: Value) -> Service {
        Service::of(&json!({"metadata": {"name": "web"}, "spec": spec}))
    }

    #[test]
    fn selected_ready_pods_are_published() {
        let web = service(json!({"clusterIP": "None", "selector": {"app": "web"}}));
        assert!(web.headless() && web.publishes(&pod(true)) && !web.publishes(&pod(false)));
        let eager = service(json!({"selector": {"app": "web"}, "publishNotReadyAddresses": true}));
        assert!(eager.publishes(&pod(false)));
        assert!(!service(json!({"selector": {"app": "db"}})).selects(&pod(true)));
        assert!(!service(json!({})).selects(&pod(true)));
    }

    #[test]
    fn ports_lead_to_a_number_or_to_the_name_of_one() {
        let ports = service(json!({"clusterIP": "10.96.0.1", "ports": [
            {"name": "a", "port": 80},
            {"name": "b", "port": 81, "targetPort": 8081, "protocol": "UDP"},
            {"name": "c", "port": 82, "targetPort": "http"},
        ]}))
        .ports;
        assert_eq!(
            ports.iter().map(|port| port.on(&pod(true))).collect::<Vec<_>>(),
            [Some(80), Some(8081), Some(8080)]
        );
        assert_eq!(ports[1].protocol, "udp");
    }

    #[test]
    fn endpoints_that_are_pods() {
        let slice = json!({
            "metadata": {"labels": {"kubernetes.io/service-name": "web"}},
            "endpoints": [
                {"hostname": "web-0", "targetRef": {"kind": "Pod", "name": "web-0", "uid": "u"}},
                {"addresses": ["10.0.0.9"]},
            ],
        });
        let found: Vec<Endpoint<'_>> = endpoints(&slice).collect();
        assert_eq!(
            found,
            [Endpoint {
                hostname: Some("web-0"),
                pod: "web-0",
                uid: "u"
            }]
        );
        assert_eq!(service_of(&slice), Some("web"));
    }
}
