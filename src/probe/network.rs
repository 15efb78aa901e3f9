//! Asking over the real network.

use super::{Asked, BODY, Dial, Dialled, Exchange, Named, Resolve, permitted};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use http_body_util::{BodyExt, Empty};
use hyper_rustls::ConfigBuilderExt;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// Connections of this machine.
pub struct NetworkDial {
    tls: Arc<rustls::ClientConfig>,
}

impl NetworkDial {
    /// Reads the roots that this machine trusts.
    pub fn new() -> Result<NetworkDial, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_native_roots()
            .map_err(|e| format!("the trusted roots of this machine: {e}"))?
            .with_no_client_auth();
        Ok(NetworkDial {
            tls: Arc::new(config),
        })
    }

    async fn exchange(&self, e: &Exchange) -> Dialled {
        if !permitted(e.address) {
            return Dialled::Broken(format!(
                "{} is not an address that a check may reach",
                e.address
            ));
        }
        let stream = match TcpStream::connect((e.address, e.port)).await {
            Ok(stream) => stream,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                return Dialled::Refused;
            }
            Err(error) => return Dialled::Broken(error.to_string()),
        };
        match &e.tls {
            None => talk(stream, e).await,
            Some(name) => {
                let Ok(server) = ServerName::try_from(name.clone()) else {
                    return Dialled::TlsFailed(format!("{name} is not a host name"));
                };
                match tokio_rustls::TlsConnector::from(Arc::clone(&self.tls))
                    .connect(server, stream)
                    .await
                {
                    Ok(stream) => talk(stream, e).await,
                    Err(error) => Dialled::TlsFailed(error.to_string()),
                }
            }
        }
    }
}

async fn talk<S>(stream: S, e: &Exchange) -> Dialled
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| Dialled::Broken(error.to_string());
    let (mut sender, connection) =
        match hyper::client::conn::http1::handshake(TokioIo::new(stream)).await {
            Ok(both) => both,
            Err(error) => return broken(error),
        };
    let mut request = http::Request::builder()
        .method(e.method.as_str())
        .uri(e.path.as_str())
        .header("host", &e.host)
        .header("user-agent", concat!("drtool/", env!("CARGO_PKG_VERSION")))
        .header("connection", "close");
    for (name, value) in &e.headers {
        request = request.header(name, value);
    }
    let request = match request.body(Empty::<Bytes>::new()) {
        Ok(request) => request,
        Err(error) => return Dialled::Broken(error.to_string()),
    };
    let driver = tokio::spawn(connection);
    let answer = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(n, v)| {
                (
                    n.as_str().to_owned(),
                    String::from_utf8_lossy(v.as_bytes()).into_owned(),
                )
            })
            .collect();
        let mut body = Vec::new();
        let mut incoming = response.into_body();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(broken)?;
            if let Some(data) = frame.data_ref() {
                let room = BODY.saturating_sub(body.len());
                body.extend_from_slice(&data[..data.len().min(room)]);
                if room <= data.len() {
                    break;
                }
            }
        }
        Ok(Dialled::Answer {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            milliseconds: 0,
        })
    }
    .await;
    driver.abort();
    answer.unwrap_or_else(|failed: Dialled| failed)
}

impl Dial for NetworkDial {
    fn http(&self, exchange: Exchange) -> BoxFuture<'_, Dialled> {
        Box::pin(async move {
            let began = std::time::Instant::now();
            let dialled = tokio::time::timeout(exchange.patience, self.exchange(&exchange))
                .await
                .unwrap_or(Dialled::TimedOut);
            let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            match dialled {
                Dialled::Answer {
                    status,
                    headers,
                    body,
                    ..
                } => Dialled::Answer {
                    status,
                    headers,
                    body,
                    milliseconds: took,
                },
                other => other,
            }
        })
    }
}

/// Names, asked by this machine.
pub struct NetworkResolve {
    /// Asked instead of this machine's own resolver.
    resolver: Option<IpAddr>,
}

impl NetworkResolve {
    pub fn new(resolver: Option<IpAddr>) -> NetworkResolve {
        NetworkResolve { resolver }
    }

    fn system(&self) -> Result<TokioResolver, String> {
        if let Some(address) = self.resolver {
            return Self::at(vec![address]);
        }
        let mut builder = TokioResolver::builder_tokio().map_err(|e| e.to_string())?;
        builder.options_mut().cache_size = 0;
        builder.build().map_err(|e| e.to_string())
    }

    fn at(servers: Vec<IpAddr>) -> Result<TokioResolver, String> {
        let servers = servers
            .into_iter()
            .map(NameServerConfig::udp_and_tcp)
            .collect();
        let mut builder = TokioResolver::builder_with_config(
            ResolverConfig::from_name_servers(servers),
            TokioRuntimeProvider::default(),
        );
        let options = builder.options_mut();
        // A probe that is answered from its own memory would see the world of a minute ago.
        options.cache_size = 0;
        options.timeout = Duration::from_secs(3);
        builder.build().map_err(|e| e.to_string())
    }

    async fn resolver(&self, asked: &Asked) -> Result<TokioResolver, String> {
        match asked {
            Asked::System => self.system(),
            // Whoever names a resolver has a view of names that the public ones do not share.
            Asked::Resolver(address) if self.resolver.is_some() => Err(format!(
                "{address} is not asked: another resolver was named"
            )),
            Asked::Resolver(address) => {
                let address = address
                    .parse()
                    .map_err(|_| format!("{address} is not a resolver's address"))?;
                Self::at(vec![address])
            }
            Asked::Authoritative(names) => {
                let system = self.system()?;
                let mut servers = Vec::new();
                for name in names {
                    if let Ok(found) = system.lookup_ip(name.as_str()).await {
                        servers.extend(found.iter().filter(IpAddr::is_ipv4));
                    }
                }
                if servers.is_empty() {
                    return Err(format!(
                        "none of the name servers {} resolves",
                        names.join(", ")
                    ));
                }
                Self::at(servers)
            }
        }
    }
}

impl Resolve for NetworkResolve {
    fn ask(
        &self,
        name: String,
        kind: &'static str,
        asked: Asked,
    ) -> BoxFuture<'_, Result<Named, String>> {
        Box::pin(async move {
            let record: RecordType = kind
                .parse()
                .map_err(|_| format!("{kind} is not a record type"))?;
            let resolver = self.resolver(&asked).await?;
            let absolute = format!("{}.", name.trim_end_matches('.'));
            match resolver.lookup(absolute.as_str(), record).await {
                Ok(found) => {
                    let mut values = Vec::new();
                    let mut ttl = u64::MAX;
                    for answer in found.answers() {
                        ttl = ttl.min(u64::from(answer.ttl));
                        match &answer.data {
                            RData::A(a) if record == RecordType::A => values.push(a.to_string()),
                            RData::CNAME(_) if record == RecordType::A => {}
                            other if other.record_type() == record => {
                                values.push(other.to_string().trim_end_matches('.').to_owned());
                            }
                            _ => {}
                        }
                    }
                    if values.is_empty() {
                        Ok(Named::NoData)
                    } else {
                        Ok(Named::Records { values, ttl })
                    }
                }
                Err(error) if error.is_nx_domain() => Ok(Named::NoSuchName),
                Err(error) if error.is_no_records_found() => Ok(Named::NoData),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}
