//! Asking the cluster's DNS, and pods over HTTP.

mod network;
mod proxy;

pub use network::{Dial, NetworkProber};
pub use proxy::ProxyProber;
/// A record type that scenarios ask for.
pub use workload::Question as RecordType;

use futures::future::BoxFuture;
use history::{DnsAnswer, HttpAnswer};
use workload::NameAnswer;

/// A GET request to a pod.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// DNS name under which the pod is known.
    pub host: String,
    /// Address that the name resolved to.
    pub address: String,
    /// Port that the pod declares.
    pub port: u16,
    /// Path and query.
    pub path: String,
}

/// Asks the cluster's DNS and its pods. Answers never fail: what went wrong is part of the answer.
pub trait Prober: Send + Sync {
    /// Asks the DNS for a full name (without trailing dot) or, for PTR, an address.
    fn resolve<'a>(&'a self, name: &'a str, kind: RecordType) -> BoxFuture<'a, DnsAnswer>;

    /// Asks the same past every cache; `None` where that cannot be done.
    fn resolve_uncached<'a>(&'a self, _name: &'a str, _kind: RecordType) -> Option<BoxFuture<'a, DnsAnswer>> {
        None
    }

    /// Sends a request to a pod.
    fn send<'a>(&'a self, request: &'a HttpRequest) -> BoxFuture<'a, HttpAnswer>;
}

/// An answer of a name server as histories keep it.
pub(crate) fn dns_answer(name: &str, kind: RecordType, answer: NameAnswer) -> DnsAnswer {
    DnsAnswer {
        name: name.into(),
        qtype: kind.name().into(),
        rcode: answer.code,
        answers: answer.answers,
        ttl: answer.ttl,
        ..DnsAnswer::default()
    }
}

/// What came of a request: status and body, or why there is none.
pub(crate) fn http_answer(request: &HttpRequest, outcome: Result<(u16, String), String>) -> HttpAnswer {
    let (status, body, error) = match outcome {
        Ok((status, body)) => (status, body, None),
        Err(error) => (0, String::new(), Some(error)),
    };
    HttpAnswer {
        host: request.host.clone(),
        address: request.address.clone(),
        port: request.port,
        method: "GET".into(),
        path: request.path.clone(),
        status,
        body,
        error,
        ..HttpAnswer::default()
    }
}
