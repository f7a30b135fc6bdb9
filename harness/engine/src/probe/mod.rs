//! Asking the cluster's DNS, and pods over HTTP.

mod network;

pub use network::NetworkProber;

use futures::future::BoxFuture;
use history::{DnsAnswer, HttpAnswer};

/// A record type that scenarios ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Ports and targets.
    Srv,
    /// Names of an address.
    Ptr,
}

impl RecordType {
    /// The name in histories.
    pub const fn name(self) -> &'static str {
        match self {
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
            RecordType::Srv => "SRV",
            RecordType::Ptr => "PTR",
        }
    }
}

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

    /// Sends a request to a pod.
    fn send<'a>(&'a self, request: &'a HttpRequest) -> BoxFuture<'a, HttpAnswer>;
}
