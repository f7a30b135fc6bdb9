//! Probes over the network: hickory-resolver against the cluster's DNS, reqwest to the pods.

use super::{HttpRequest, Prober, RecordType};
use futures::{FutureExt, future::BoxFuture};
use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::{RData, RecordType as WireType},
};
use history::{DnsAnswer, HttpAnswer};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

/// Where a pod's declared address and port can really be reached from this host.
pub type Dial = Arc<dyn Fn(IpAddr, u16) -> SocketAddr + Send + Sync>;

/// Time limit of one DNS question and of one HTTP request.
const LIMIT: Duration = Duration::from_secs(5);

/// Probes over the network.
pub struct NetworkProber {
    resolver: TokioResolver,
    dial: Dial,
}

/// Why no prober could be made.
#[derive(Debug, thiserror::Error)]
#[error("the resolver for the cluster's DNS at {server} could not be made: {reason}")]
pub struct ProberError {
    server: SocketAddr,
    reason: String,
}

impl NetworkProber {
    /// Asks the DNS server at `dns`; reaches pods where `dial` says.
    ///
    /// # Errors
    /// When the resolver cannot be set up.
    pub fn new(dns: SocketAddr, dial: Dial) -> Result<Self, ProberError> {
        // reqwest asks for a TLS provider even where only plain HTTP is spoken. Somebody else's choice is fine too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut udp = ConnectionConfig::udp();
        udp.port = dns.port();
        let mut tcp = ConnectionConfig::tcp();
        tcp.port = dns.port();
        let server = NameServerConfig::new(dns.ip(), true, vec![udp, tcp]);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.cache_size = 0;
        options.use_hosts_file = hickory_resolver::config::ResolveHosts::Never;
        options.timeout = LIMIT;
        options.attempts = 2;
        let resolver = builder.build().map_err(|error| ProberError {
            server: dns,
            reason: error.to_string(),
        })?;
        Ok(NetworkProber { resolver, dial })
    }

    async fn lookup(&self, name: &str, kind: RecordType) -> DnsAnswer {
        let mut answer = DnsAnswer {
            name: name.into(),
            qtype: kind.name().into(),
            ..DnsAnswer::default()
        };
        let wire = match kind {
            RecordType::A => WireType::A,
            RecordType::Aaaa => WireType::AAAA,
            RecordType::Srv => WireType::SRV,
            RecordType::Ptr => WireType::PTR,
        };
        let found = match (kind, name.parse::<IpAddr>()) {
            (RecordType::Ptr, Ok(address)) => self
                .resolver
                .reverse_lookup(address)
                .await
                .map(|found| found.answers().to_vec()),
            _ => self
                .resolver
                .lookup(format!("{name}."), wire)
                .await
                .map(|found| found.answers().to_vec()),
        };
        match found {
            Ok(records) => {
                answer.rcode = "NOERROR".into();
                answer.ttl = records.iter().map(|record| record.ttl).min();
                answer.answers = records
                    .iter()
                    .filter_map(|record| match &record.data {
                        RData::A(address) => Some(address.to_string()),
                        RData::AAAA(address) => Some(address.to_string()),
                        RData::SRV(srv) => Some(format!(
                            "{} {} {} {}",
                            srv.priority,
                            srv.weight,
                            srv.port,
                            srv.target.to_string().trim_end_matches('.')
                        )),
                        RData::PTR(name) => Some(name.0.to_string().trim_end_matches('.').to_owned()),
                        _ => None,
                    })
                    .collect();
                answer.answers.sort();
            }
            Err(error) if error.is_nx_domain() => answer.rcode = "NXDOMAIN".into(),
            // The name exists, but has no record of this type.
            Err(error) if error.is_no_records_found() => answer.rcode = "NOERROR".into(),
            Err(error) => answer.rcode = format!("FAILED: {error}"),
        }
        answer
    }

    async fn exchange(&self, request: &HttpRequest) -> HttpAnswer {
        let mut answer = HttpAnswer {
            host: request.host.clone(),
            address: request.address.clone(),
            port: request.port,
            method: "GET".into(),
            path: request.path.clone(),
            ..HttpAnswer::default()
        };
        match self.try_exchange(request).await {
            Ok((status, body)) => {
                answer.status = status;
                answer.body = body;
            }
            Err(error) => answer.error = Some(error),
        }
        answer
    }

    async fn try_exchange(&self, request: &HttpRequest) -> Result<(u16, String), String> {
        let address: IpAddr = request
            .address
            .parse()
            .map_err(|_| format!("`{}` is no IP address", request.address))?;
        let target = (self.dial)(address, request.port);
        // A connection of its own each time: a kept-alive one would hide that a pod was replaced.
        let client = reqwest::Client::builder()
            .timeout(LIMIT)
            .pool_max_idle_per_host(0)
            .no_proxy()
            .resolve(&request.host, target)
            .build()
            .map_err(|error| error.to_string())?;
        let url = format!("http://{}:{}{}", request.host, target.port(), request.path);
        let in_words = |error: reqwest::Error| {
            let mut words = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                words += &format!(": {cause}");
                source = cause.source();
            }
            words
        };
        let response = client.get(url).send().await.map_err(in_words)?;
        let status = response.status().as_u16();
        Ok((status, response.text().await.map_err(in_words)?))
    }
}

impl Prober for NetworkProber {
    fn resolve<'a>(&'a self, name: &'a str, kind: RecordType) -> BoxFuture<'a, DnsAnswer> {
        self.lookup(name, kind).boxed()
    }

    fn send<'a>(&'a self, request: &'a HttpRequest) -> BoxFuture<'a, HttpAnswer> {
        self.exchange(request).boxed()
    }
}
