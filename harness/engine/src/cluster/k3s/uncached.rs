//! The cluster's DNS past its cache: a server block of its own, on a port that is published to this side.
//!
//! Port 53 answers what applications see, and may keep an answer for as long as it lasts. Both views are recorded.
//!
//! Sources: the Corefile of k3s imports `/etc/coredns/custom/*.server`, which the ConfigMap kube-system/coredns-custom is
//! mounted as; the CoreDNS plugin `kubernetes`.

use super::{
    container::Container,
    readiness::{KNOWN, until_answered},
    start::host,
};
use crate::probe::{HttpRequest, Prober, RecordType, dns_answer};
use futures::{FutureExt, future::BoxFuture};
use history::{DnsAnswer, HttpAnswer};
use serde_json::json;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use testcontainers::core::ContainerPort;
use workload::NameServer;

/// Where the server finds the manifest. It is named so that it is applied before CoreDNS, whose pod then has the ConfigMap
/// from the start, and not a minute later.
pub const MANIFEST: &str = "/var/lib/rancher/k3s/server/manifests/00-ordinal-dns.yaml";

/// A port of every node.
const NODE_PORT: u16 = 30053;
/// Questions in single packets.
pub const UDP: ContainerPort = ContainerPort::Udp(NODE_PORT);
/// Questions over connections.
pub const TCP: ContainerPort = ContainerPort::Tcp(NODE_PORT);

/// Where CoreDNS listens for them.
const PORT: u16 = 5353;

/// The block. What is not of the cluster is not asked for there.
const BLOCK: &str = "cluster.local:5353 in-addr.arpa:5353 ip6.arpa:5353 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 0
    }
}
";

/// How long the block may take to answer once the cluster can be used.
const LIMIT: Duration = Duration::from_secs(10);

/// The block and the way to it, as k3s applies it when it starts.
pub fn manifest() -> Vec<u8> {
    let block = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "coredns-custom", "namespace": "kube-system" },
        "data": { "ordinal.server": BLOCK },
    });
    let port = |protocol: &str| {
        let name = format!("dns-{}", protocol.to_lowercase());
        json!({ "name": name, "protocol": protocol, "port": PORT, "targetPort": PORT, "nodePort": NODE_PORT })
    };
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "ordinal-dns", "namespace": "kube-system" },
        "spec": { "type": "NodePort", "selector": { "k8s-app": "kube-dns" }, "ports": [port("UDP"), port("TCP")] },
    });
    // JSON is YAML.
    format!("{block}\n---\n{service}\n").into_bytes()
}

/// The block of the server in this container, when it answers.
///
/// # Errors
/// When it does not, with what came in place of an answer.
pub async fn find(server: &Container) -> Result<NameServer, String> {
    let ports = async {
        Ok::<_, testcontainers::TestcontainersError>((
            server.get_host_port_ipv4(UDP).await?,
            server.get_host_port_ipv4(TCP).await?,
        ))
    };
    let (udp, tcp) = ports.await.map_err(|error| error.to_string())?;
    let host = host(server).await?;
    let found = tokio::net::lookup_host((host.as_str(), udp)).await;
    let address = found
        .map_err(|error| format!("{host}: {error}"))?
        .find(SocketAddr::is_ipv4)
        .ok_or_else(|| format!("{host} has no IPv4 address"))?;
    let names = NameServer::at_ports(address.ip(), udp, tcp).map_err(|error| error.to_string())?;
    until_answered(LIMIT, || async {
        dns_answer(KNOWN, RecordType::A, names.ask(KNOWN, RecordType::A).await)
    })
    .await?;
    Ok(names)
}

/// Asks as an application does, and past the cache.
pub struct BothViews {
    /// As an application does, and for everything else.
    pub cached: Arc<dyn Prober>,
    /// Past the cache.
    pub uncached: NameServer,
}

impl Prober for BothViews {
    fn resolve<'a>(&'a self, name: &'a str, kind: RecordType) -> BoxFuture<'a, DnsAnswer> {
        self.cached.resolve(name, kind)
    }

    fn resolve_uncached<'a>(&'a self, name: &'a str, kind: RecordType) -> Option<BoxFuture<'a, DnsAnswer>> {
        let answer = async move {
            DnsAnswer {
                uncached: true,
                ..dns_answer(name, kind, self.uncached.ask(name, kind).await)
            }
        };
        Some(answer.boxed())
    }

    fn send<'a>(&'a self, request: &'a HttpRequest) -> BoxFuture<'a, HttpAnswer> {
        self.cached.send(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_block_has_no_cache_and_its_port_is_the_one_that_is_published() {
        let text = String::from_utf8(manifest()).unwrap();
        let documents: Vec<Value> = text
            .split("---\n")
            .map(|document| serde_json::from_str(document).unwrap())
            .collect();
        let [block, service] = documents.as_slice() else {
            panic!("{text}")
        };
        assert_eq!(block["metadata"]["name"], "coredns-custom");
        let corefile = block["data"]["ordinal.server"].as_str().unwrap();
        assert!(
            !corefile.contains("cache") && !corefile.contains("forward"),
            "{corefile}"
        );
        for zone in ["cluster.local", "in-addr.arpa", "ip6.arpa"] {
            assert!(corefile.contains(&format!("{zone}:{PORT}")), "{corefile}");
        }
        let ports = service["spec"]["ports"].as_array().unwrap();
        let named: Vec<_> = ports
            .iter()
            .map(|port| {
                (
                    port["protocol"].as_str().unwrap(),
                    &port["nodePort"],
                    &port["targetPort"],
                )
            })
            .collect();
        let (node, own) = (json!(NODE_PORT), json!(PORT));
        assert_eq!(named, [("UDP", &node, &own), ("TCP", &node, &own)]);
    }
}
