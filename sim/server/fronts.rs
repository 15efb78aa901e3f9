//! Balancers on ports of this machine: one per listener, opened when the listener appears and closed when it goes.
//!
//! TLS ends before the port: an HTTPS listener is spoken to in plain HTTP, for the name in the `Host` header, and the
//! answer says which certificate AWS would have presented. Whoever connects counts as somebody on the internet.

use super::{Break, Port, Shared, accept};
use crate::action::Action;
use crate::plane::{DialAnswer, From, HttpRequest, Resolved};
use crate::services::elbv2;
use crate::world::{Request, Response};
use bytes::Bytes;
use serde::Serialize;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpListener;

/// One listener of one balancer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Front {
    /// The balancer's name in DNS.
    pub name: String,
    pub region: String,
    pub protocol: String,
    pub port: u16,
    /// `127.0.0.1:port`.
    pub address: String,
}

/// Where in the internet the visitors of these ports sit. An address of the range that is kept for documentation.
const VISITOR: &str = "198.51.100.8";

/// How often listeners are looked for.
const LOOK: Duration = Duration::from_millis(100);

/// Keeps the ports as the listeners are.
pub(super) async fn keep(shared: Shared, opened: Box<dyn Fn(&Front)>) {
    let mut open: BTreeMap<(String, u16), (Rc<Front>, tokio::task::JoinHandle<()>)> =
        BTreeMap::new();
    loop {
        let listeners = elbv2::fronts(shared.0.borrow().world());
        let before = open.len();
        open.retain(|(name, port), (front, accepting)| {
            let stands = listeners
                .iter()
                .any(|l| (&l.dns_name, l.port, &l.protocol) == (name, *port, &front.protocol));
            if !stands {
                accepting.abort();
            }
            stands
        });
        let mut changed = open.len() != before;
        for listener in listeners {
            let key = (listener.dns_name.clone(), listener.port);
            if open.contains_key(&key) {
                continue;
            }
            // No port free: looked for again.
            let Ok(socket) = TcpListener::bind(("127.0.0.1", 0)).await else {
                continue;
            };
            let Ok(address) = socket.local_addr() else {
                continue;
            };
            let front = Rc::new(Front {
                name: listener.dns_name,
                region: listener.region,
                protocol: listener.protocol,
                port: listener.port,
                address: address.to_string(),
            });
            opened(&front);
            let port = Port::Balancer(Rc::clone(&front));
            let accepting = tokio::task::spawn_local(accept(Rc::clone(&shared), socket, port));
            open.insert(key, (front, accepting));
            changed = true;
        }
        if changed {
            shared.0.borrow_mut().addresses.balancers =
                open.values().map(|(front, _)| (**front).clone()).collect();
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What a visitor gets.
pub(super) fn answer(shared: &Shared, front: &Front, request: Request) -> Result<Response, Break> {
    let mut house = shared.0.borrow_mut();
    let from = From::Internet { ip: VISITOR.into() };
    let resolved = house.act(&Action::Resolve {
        name: front.name.clone(),
        kind: "A".into(),
        from: from.clone(),
    });
    let address = match serde_json::from_value(resolved) {
        Ok(Resolved::Records { records, .. }) => records.into_iter().next(),
        _ => None,
    };
    let Some(address) = address else {
        return Ok(sandbox_says(504, "the balancer's name has no address yet"));
    };
    let host = request.host.split(':').next().unwrap_or_default();
    // The name that the visitor would have put into its TLS handshake.
    let tls_name = matches!(front.protocol.as_str(), "HTTPS" | "TLS").then(|| host.to_owned());
    let headers = request
        .headers
        .iter()
        .filter(|(name, _)| name != "host")
        .cloned()
        .collect();
    let dialled = house.act(&Action::Dial {
        from,
        address,
        port: front.port,
        tls_name,
        request: HttpRequest {
            method: request.method.clone(),
            host: host.to_owned(),
            path: request.target.clone(),
            headers,
            body: String::from_utf8_lossy(&request.body).into_owned(),
        },
    });
    match serde_json::from_value(dialled) {
        Ok(DialAnswer::Answer {
            status,
            mut headers,
            body,
            certificate,
            by,
        }) => {
            headers.retain(|(name, _)| {
                !name.eq_ignore_ascii_case("content-length")
                    && !name.eq_ignore_ascii_case("transfer-encoding")
            });
            headers.push(("X-Sandbox-By".into(), by));
            if let Some(certificate) = certificate {
                headers.push(("X-Sandbox-Certificate".into(), certificate.arn));
            }
            Ok(Response {
                status,
                headers,
                body: Bytes::from(body),
            })
        }
        Ok(DialAnswer::TimedOut { reason }) => Ok(sandbox_says(504, &reason)),
        Ok(DialAnswer::TlsFailed { reason }) => Ok(sandbox_says(502, &format!("TLS: {reason}"))),
        Ok(DialAnswer::Refused) | Err(_) => Err(Break),
    }
}

/// What a client on the internet would not see: why there is no answer.
fn sandbox_says(status: u16, why: &str) -> Response {
    Response {
        status,
        headers: vec![
            ("Content-Type".into(), "text/plain".into()),
            ("X-Sandbox-Why".into(), "no answer on the internet".into()),
        ],
        body: Bytes::from(format!("{why}\n")),
    }
}
