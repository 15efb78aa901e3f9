//! What drtool asks of a stack as its users would: names, connections, pages. Two ways to ask: over the network
//! ([`network`]), or into a simulated world (the sandbox). Knows nothing of AWS.

pub mod network;

use futures_util::future::BoxFuture;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// One HTTP request to one address: the name in the certificate and the Host header need not be what was resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub address: IpAddr,
    pub port: u16,
    /// The name that the certificate must cover; `None` speaks plain HTTP.
    pub tls: Option<String>,
    pub method: String,
    pub host: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub patience: Duration,
}

impl Exchange {
    pub fn get(address: IpAddr, port: u16, tls: Option<&str>, host: &str, path: &str) -> Exchange {
        Exchange {
            address,
            port,
            tls: tls.map(str::to_owned),
            method: "GET".into(),
            host: host.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            patience: Duration::from_secs(10),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialled {
    Refused,
    TimedOut,
    /// The certificate does not cover the name, is not trusted, or the handshake broke.
    TlsFailed(String),
    /// The connection stood and broke before a whole answer came.
    Broken(String),
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
        /// From opening the connection to the end of the body.
        milliseconds: u64,
    },
}

impl Dialled {
    /// In a few words, for people.
    pub fn words(&self) -> String {
        match self {
            Dialled::Refused => "connection refused".into(),
            Dialled::TimedOut => "no answer".into(),
            Dialled::TlsFailed(why) => format!("TLS: {why}"),
            Dialled::Broken(why) => format!("connection broke: {why}"),
            Dialled::Answer { status, .. } => format!("HTTP {status}"),
        }
    }
}

/// Who is asked for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The zone's own name servers, past every cache.
    Authoritative(Vec<String>),
    /// A caching resolver that others use too, by address.
    Resolver(String),
    /// The resolver of this machine.
    System,
}

/// An answer to a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// `ttl`: seconds that the answer may still be kept.
    Records {
        values: Vec<String>,
        ttl: u64,
    },
    NoSuchName,
    NoData,
}

/// Opens connections.
pub trait Dial: Send + Sync {
    fn http(&self, exchange: Exchange) -> BoxFuture<'_, Dialled>;
}

/// Asks for names.
pub trait Resolve: Send + Sync {
    /// `kind`: `A`, `CNAME`, `NS`…
    fn ask(
        &self,
        name: String,
        kind: &'static str,
        asked: Asked,
    ) -> BoxFuture<'_, Result<Named, String>>;
}

/// Both.
#[derive(Clone)]
pub struct Probe {
    dial: Arc<dyn Dial>,
    resolve: Arc<dyn Resolve>,
}

/// The body of an answer is read up to here: a check looks for a word, not for a download.
pub const BODY: usize = 64 * 1024;

impl Probe {
    pub fn new(dial: Arc<dyn Dial>, resolve: Arc<dyn Resolve>) -> Probe {
        Probe { dial, resolve }
    }

    pub async fn http(&self, exchange: Exchange) -> Dialled {
        self.dial.http(exchange).await
    }

    pub async fn ask(&self, name: &str, kind: &'static str, asked: Asked) -> Result<Named, String> {
        self.resolve.ask(name.to_owned(), kind, asked).await
    }

    /// The IPv4 addresses of a name.
    pub async fn addresses(&self, name: &str, asked: Asked) -> Result<Vec<IpAddr>, String> {
        match self.ask(name, "A", asked).await? {
            Named::Records { values, .. } => {
                Ok(values.iter().filter_map(|v| v.parse().ok()).collect())
            }
            Named::NoSuchName => Err(format!("{name} does not exist (NXDOMAIN)")),
            Named::NoData => Err(format!("{name} has no address")),
        }
    }
}

/// What an answer must be like to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected<'a> {
    pub status: u16,
    /// Text that the body must contain.
    pub body: Option<&'a str>,
}

impl Expected<'_> {
    /// Why an answer does not count, or how long it took.
    pub fn judge(&self, dialled: &Dialled) -> Result<u64, String> {
        match dialled {
            Dialled::Answer {
                status,
                body,
                milliseconds,
                ..
            } if *status == self.status => match self.body {
                Some(wanted) if !body.contains(wanted) => Err(format!(
                    "HTTP {status}, and its body does not contain `{wanted}`"
                )),
                _ => Ok(*milliseconds),
            },
            other => Err(format!("{} instead of HTTP {}", other.words(), self.status)),
        }
    }
}

/// Whether a check may connect there. Link-local addresses are the instance metadata service's: a manifest must not
/// be able to make drtool read credentials.
pub fn permitted(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !v4.is_link_local() && !v4.is_unspecified() && !v4.is_broadcast() && !v4.is_multicast()
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            !v6.is_unspecified()
                && !v6.is_multicast()
                && (first & 0xffc0) != 0xfe80
                && first != 0xfd00
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_service_is_never_dialled() {
        assert!(!permitted("169.254.169.254".parse().unwrap()));
        assert!(!permitted("fd00:ec2::254".parse().unwrap()));
        assert!(permitted("203.0.113.9".parse().unwrap()));
    }
}
