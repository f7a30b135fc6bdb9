//! Probes over the network: questions to the cluster's name server, reqwest to the pods.

use super::{HttpRequest, Prober, RecordType, dns_answer, http_answer};
use futures::{FutureExt, future::BoxFuture};
use history::{DnsAnswer, HttpAnswer};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use workload::{NameServer, NameServerError};

/// Where a pod's declared address and port can really be reached from this host.
pub type Dial = Arc<dyn Fn(IpAddr, u16) -> SocketAddr + Send + Sync>;

/// Time limit of one HTTP request.
const LIMIT: Duration = Duration::from_secs(5);

/// Probes over the network.
pub struct NetworkProber {
    names: NameServer,
    dial: Dial,
}

impl NetworkProber {
    /// Asks the DNS server at `dns`; reaches pods where `dial` says.
    ///
    /// # Errors
    /// When the resolver cannot be set up.
    pub fn new(dns: SocketAddr, dial: Dial) -> Result<Self, NameServerError> {
        // reqwest asks for a TLS provider even where only plain HTTP is spoken. Somebody else's choice is fine too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(NetworkProber {
            names: NameServer::at(dns)?,
            dial,
        })
    }

    async fn exchange(&self, request: &HttpRequest) -> Result<(u16, String), String> {
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
            // Nothing here is encrypted: the host's authorities would be read from its files for each request.
            .tls_certs_only(std::iter::empty::<reqwest::Certificate>())
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
        async move { dns_answer(name, kind, self.names.ask(name, kind).await) }.boxed()
    }

    fn send<'a>(&'a self, request: &'a HttpRequest) -> BoxFuture<'a, HttpAnswer> {
        async move { http_answer(request, self.exchange(request).await) }.boxed()
    }
}
