//! Probes through the API server: a pod of the workload asks the DNS as every application in the cluster does, and the
//! API server's pod proxy hands requests on to pods. Works wherever the API is reached, without a route to the pods.

use super::{HttpRequest, Prober, RecordType, dns_answer, http_answer};
use crate::clock;
use futures::{FutureExt, future::BoxFuture};
use history::{DnsAnswer, HttpAnswer};
use http_body_util::BodyExt;
use kube::client::Body;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::time::Duration;
use workload::NameAnswer;

/// Time limit of one question or request.
const LIMIT: Duration = Duration::from_secs(15);

/// Probes through the API server.
pub struct ProxyProber {
    client: kube::Client,
    /// The pod that asks the DNS: namespace, name, port. Nobody asks without one.
    asker: Option<(String, String, u16)>,
}

impl ProxyProber {
    /// Reaches pods through the API server of `client`; `asker` is the pod (namespace, name, port) that asks the DNS.
    pub fn new(client: kube::Client, asker: Option<(String, String, u16)>) -> ProxyProber {
        ProxyProber { client, asker }
    }

    async fn get(&self, namespace: &str, pod: &str, port: u16, path: &str) -> Result<(u16, String), String> {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}");
        let request = http::Request::get(path)
            .body(Body::empty())
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let response = self
                .client
                .send(request)
                .await
                .map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            let body = response
                .into_body()
                .collect()
                .await
                .map_err(|error| error.to_string())?
                .to_bytes();
            Ok::<_, String>((status, String::from_utf8_lossy(&body).into_owned()))
        };
        let (status, body) = clock::within(LIMIT, exchange)
            .await
            .ok_or_else(|| format!("no answer through the API server within {LIMIT:?}"))??;
        match refusal(&body) {
            Some(message) => Err(format!("the API server answered {status}: {message}")),
            None => Ok((status, body)),
        }
    }

    async fn ask(&self, name: &str, kind: RecordType) -> NameAnswer {
        let Some((namespace, pod, port)) = &self.asker else {
            return NameAnswer::failed("no pod asks the DNS of this cluster");
        };
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        let path = format!("/dns?name={name}&type={}", kind.name());
        match self.get(namespace, pod, *port, &path).await {
            Ok((200, body)) => serde_json::from_str(&body).unwrap_or_else(|_| {
                NameAnswer::failed(format!(
                    "the probe pod answered {body:?}, which is no answer of a name server"
                ))
            }),
            Ok((status, body)) => NameAnswer::failed(format!("the probe pod answered {status} {body:?}")),
            Err(error) => NameAnswer::failed(error),
        }
    }
}

/// The message of a Kubernetes `Status`, if the body is one: then it was not the pod that answered.
fn refusal(body: &str) -> Option<String> {
    let status: Value = serde_json::from_str(body).ok()?;
    let ours = status.get("kind")?.as_str()? == "Status" && status.get("apiVersion")?.as_str()? == "v1";
    ours.then(|| {
        status
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    })
}

/// Pod and namespace of `<pod>.<service>.<namespace>.svc.…`.
fn pod_of(host: &str) -> Option<(&str, &str)> {
    let mut labels = host.split('.');
    let pod = labels.next()?;
    let namespace = labels.nth(1)?;
    (labels.next() == Some("svc")).then_some((pod, namespace))
}

impl Prober for ProxyProber {
    fn resolve<'a>(&'a self, name: &'a str, kind: RecordType) -> BoxFuture<'a, DnsAnswer> {
        async move { dns_answer(name, kind, self.ask(name, kind).await) }.boxed()
    }

    fn send<'a>(&'a self, request: &'a HttpRequest) -> BoxFuture<'a, HttpAnswer> {
        async move {
            let outcome = match pod_of(&request.host) {
                Some((pod, namespace)) => self.get(namespace, pod, request.port, &request.path).await,
                None => Err(format!("`{}` is no name of a pod", request.host)),
            };
            http_answer(request, outcome)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_found_by_its_dns_name() {
        assert_eq!(
            pod_of("web-0.web.ns-1.svc.cluster.local"),
            Some(("web-0", "ns-1"))
        );
        assert_eq!(pod_of("web.ns-1.svc.cluster.local"), None);
        assert_eq!(pod_of("web-0"), None);
    }

    #[test]
    fn an_answer_of_the_api_server_is_not_taken_for_one_of_the_pod() {
        let status = r#"{"kind":"Status","apiVersion":"v1","message":"error trying to reach service"}"#;
        assert_eq!(refusal(status).as_deref(), Some("error trying to reach service"));
        assert_eq!(refusal("Hello from web-0\n"), None);
        assert_eq!(refusal(r#"{"kind":"Forecast"}"#), None);
    }
}
