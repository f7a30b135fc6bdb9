//! What is applied when it starts: manifests that are placed before, as k3s applies them, and what comes of those that are
//! about the DNS.

use super::{Outcome, log, send};
use embedded::dns::{Dns, DnsServer};
use kube::Client;
use serde_json::Value;
use std::{net::Ipv4Addr, path::Path};

/// Where k3s looks for them.
const MANIFESTS: &str = "/var/lib/rancher/k3s/server/manifests";

/// Applies every manifest, and serves the DNS, which has no cache here, on the ports of the node that lead to it.
///
/// Of two ports of one number, UDP and TCP, both are served.
pub async fn apply(client: &Client, dns: &Dns) -> Outcome<Vec<DnsServer>> {
    let mut servers: Vec<DnsServer> = Vec::new();
    let mut block = false;
    let Ok(entries) = std::fs::read_dir(Path::new(MANIFESTS)) else {
        return Ok(servers);
    };
    for entry in entries {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        for document in text.split("---\n") {
            // Of YAML only what is JSON as well.
            let object: Value = serde_json::from_str(document)?;
            let metadata = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
            let (kind, name) = (object["kind"].as_str().unwrap_or_default(), metadata("name"));
            let plural = format!("{}s", kind.to_lowercase());
            let of_kind = format!("/api/v1/namespaces/{}/{plural}", metadata("namespace"));
            send(client, "POST", &of_kind, &object).await?;
            log(
                "info",
                &format!("Applied manifest {}: {kind} {name}", path.display()),
            );
            let custom = object["data"].as_object();
            block |= name == "coredns-custom"
                && custom.is_some_and(|data| data.keys().any(|key| key.ends_with(".server")));
            let ports = object["spec"]["ports"].as_array();
            for port in ports
                .into_iter()
                .flatten()
                .filter_map(|port| port["nodePort"].as_u64())
            {
                let port = u16::try_from(port)?;
                if !servers.iter().any(|server| server.address().port() == port) {
                    servers.push(dns.listen((Ipv4Addr::UNSPECIFIED, port).into()).await?);
                }
            }
        }
    }
    // Without a block for it nobody listens behind that port.
    if !block {
        servers.clear();
    }
    Ok(servers)
}
