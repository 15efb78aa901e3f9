//! The data plane: reachability, DNS, balancers, tasks, databases, users.
//!
//! What a user on the internet, an operator's laptop or a process inside a VPC sees: names, connections, answers. Two
//! doors lead here from outside, [`World::resolve`](crate::World::resolve) and [`World::dial`](crate::World::dial);
//! their types are plain data, because they also go over HTTP. Nothing here knows the wire format of any AWS API.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

pub mod database;
pub mod dial;
pub mod reach;
pub mod resolve;
pub mod tasks;
pub mod users;

pub use reach::{Blocked, Flow, To, reach, reach_service, still_flows};

/// Where a question or a connection starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum From {
    /// Somewhere on the internet. Names are asked of the authoritative servers, past every cache.
    Internet { ip: String },
    /// A network interface inside a VPC: private zones associated with that VPC are seen, without a cache.
    Interface {
        account: String,
        region: String,
        id: String,
    },
    /// On the internet, behind a resolver that many share (`"8.8.8.8"`, `"office"`): names are answered from its
    /// cache until their TTL has passed. It opens connections as the internet does.
    Resolver { name: String },
}

/// One HTTP request of a client of the stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// `GET` if empty.
    #[serde(default)]
    pub method: String,
    /// The `Host` header.
    pub host: String,
    /// Path and query.
    pub path: String,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub body: String,
}

impl HttpRequest {
    pub fn get(host: &str, path: &str) -> HttpRequest {
        HttpRequest {
            method: "GET".into(),
            host: host.into(),
            path: path.into(),
            ..HttpRequest::default()
        }
    }
}

/// What came of asking for a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "resolved", rename_all = "kebab-case")]
pub enum Resolved {
    /// `ttl`: seconds for which the answer may still be kept. `cached`: it came from a resolver's cache.
    Records {
        records: Vec<String>,
        ttl: u64,
        cached: bool,
    },
    /// NXDOMAIN.
    NoSuchName,
    /// The name exists, with records of other types only.
    NoData,
}

/// What a server's certificate says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CertificateFacts {
    pub arn: String,
    pub names: Vec<String>,
    /// Unix seconds.
    pub not_after: f64,
}

/// What came of opening a connection and sending one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "dial", rename_all = "kebab-case")]
pub enum DialAnswer {
    Refused,
    /// Nothing came back; `reason` is what a network engineer would find (never seen by the client).
    TimedOut {
        reason: String,
    },
    /// The handshake failed: no certificate covers the name, for instance.
    TlsFailed {
        reason: String,
    },
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
        certificate: Option<CertificateFacts>,
        /// The ARN of who answered: a task, or the balancer itself.
        by: String,
    },
}

/// A port of a process inside a VPC. Private addresses repeat from VPC to VPC, so the VPC belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    pub account: String,
    pub region: String,
    pub vpc: String,
    /// The private address.
    pub ip: String,
    pub port: u16,
}

/// What the data plane remembers.
#[derive(Clone, Default)]
pub struct Plane {
    /// By resolver, name and record type: what its cache holds.
    pub(crate) caches: BTreeMap<(String, String, String), resolve::Cached>,
    /// What images do, in the order in which they are tried; the built-in ones come after these.
    pub(crate) images: Vec<Arc<tasks::Image>>,
    /// By region and capacity provider: how many tasks there is room for.
    pub(crate) capacity: BTreeMap<(String, String), u64>,
    pub users: users::Users,
    /// By account, region and scalable resource: what its work costs, in percent of one task.
    pub(crate) loads: BTreeMap<(String, String, String), (f64, f64)>,
}
