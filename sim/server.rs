//! A world on 127.0.0.1: the AWS APIs on one port, one registry port per region, and the sandbox's own endpoints.
//!
//! One thread, one world. The clock is the world's: it flows with real time, times a factor, or, when clients are
//! registered, stands until every one of them waits and then jumps to the first instant that one waits for. A client
//! that holds the clock by its connection makes time stand at any speed while it does not wait; when the connection
//! ends, however it ends, so does its hold.

use crate::action::Action;
use crate::clock::Nanos;
use crate::faults::Rule;
use crate::keep::Kept;
use crate::oracle;
use crate::world::{Answer, Reply, Request, Response, World};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::Notify;

mod control;
mod fronts;
#[cfg(test)]
mod tests;

pub use fronts::Front;

/// How virtual time passes while no client is registered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "kebab-case")]
pub enum Speed {
    /// Time stands while clients are registered, and jumps when all of them wait. Otherwise as `Fast` with 100.
    Instant,
    /// So many virtual seconds per real one.
    Fast { factor: f64 },
    /// A second is a second.
    Real,
}

impl Speed {
    fn factor(self) -> f64 {
        match self {
            Speed::Instant => 100.0,
            Speed::Fast { factor } => factor,
            Speed::Real => 1.0,
        }
    }
}

/// A registered client that is silent for so long is no longer waited for.
const SILENCE: Duration = Duration::from_secs(2);

/// The headers between this server and a client that keeps the clock: who it is; how long the answer takes, in
/// nanoseconds; the world's instant; and whether it comes at all (`answer`, `reset`, `silence`).
pub const CLIENT: &str = "x-sandbox-client";
pub const LATENCY: &str = "x-sandbox-latency";
pub const NOW: &str = "x-sandbox-now";
pub const REPLY: &str = "x-sandbox-reply";

/// Before a registry's host and its path, in links to layers.
pub(crate) const LAYERS: &str = "/_sandbox/registry/";

/// What `GET hello` answers, and who says so.
pub const HELLO: &str = "aws-sim";

/// The largest body that is taken.
const LARGEST: usize = 512 << 20;

/// Where the server listens.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Addresses {
    /// Every AWS API, and the sandbox's own endpoints under `/_sandbox/`.
    pub aws: String,
    /// By region: `127.0.0.1:port`.
    pub registries: BTreeMap<String, String>,
    /// The balancers' listeners that there are now.
    pub balancers: Vec<Front>,
}

/// Builds the source world of a stack in a world: what a server's maker knows and the simulated AWS does not.
pub type Stand = Box<dyn Fn(&mut Kept, &str) -> Result<(), String>>;

/// What to serve.
pub struct Serving {
    pub world: Kept,
    pub speed: Speed,
    /// 0: any free port.
    pub port: u16,
    /// The regions whose registries get a port.
    pub regions: Vec<String>,
    /// What `POST stand` does.
    pub stand: Option<Stand>,
    /// Hears of every port that opens later: a balancer's.
    pub opened: Box<dyn Fn(&Front)>,
}

#[derive(Default)]
struct Client {
    seen: Option<Instant>,
    /// The connection that holds the clock for it.
    held: Option<u64>,
    /// Until when its waits are, by their number.
    waits: BTreeMap<u64, Nanos>,
}

struct House {
    kept: Kept,
    speed: Speed,
    /// Virtual time at the real instant.
    since: (Nanos, Instant),
    clients: BTreeMap<String, Client>,
    waits: u64,
    connections: u64,
    addresses: Addresses,
    stand: Option<Stand>,
    /// The world's file cannot be written any more: nothing more is answered.
    broken: Option<io::Error>,
}

type Shared = Rc<(RefCell<House>, Notify, Notify)>;

impl House {
    fn world(&self) -> &World {
        self.kept.world()
    }

    /// A call is a sign of life: of the client that it names (`x-sandbox-client`), or of the only one there is.
    fn hear(&mut self, request: &Request) {
        let named = request.headers.iter().find(|(name, _)| name == CLIENT);
        let client = match named {
            Some((_, name)) => self.clients.get_mut(name),
            None if self.clients.len() == 1 => self.clients.values_mut().next(),
            None => None,
        };
        if let Some(client) = client {
            client.seen = Some(Instant::now());
        }
    }

    /// Whether time stands until all clients wait.
    fn stands(&mut self) -> bool {
        self.clients.retain(|_, client| {
            client.held.is_some()
                || !client.waits.is_empty()
                || client.seen.is_some_and(|seen| seen.elapsed() < SILENCE)
        });
        self.speed == Speed::Instant && !self.clients.is_empty()
    }

    /// Whether a client that holds the clock computes: no time passes for it meanwhile, at any speed.
    fn computes(&self) -> bool {
        self.clients
            .values()
            .any(|client| client.held.is_some() && client.waits.is_empty())
    }

    /// A connection has ended: what it held is let go.
    fn gone(&mut self, connection: u64) {
        let held = |client: &Client| client.held == Some(connection);
        if self.clients.values().any(held) {
            self.tick();
            self.clients.retain(|_, client| !held(client));
            self.since = (self.world().now(), Instant::now());
        }
    }

    /// Lets the time pass that has passed, and answers the present instant.
    fn tick(&mut self) -> Nanos {
        let now = self.world().now();
        let passed = self.since.1.elapsed().as_nanos() as f64 * self.speed.factor();
        if self.stands() || self.computes() {
            self.since = (now, Instant::now());
            return now;
        }
        let at = self.since.0.saturating_add(passed as Nanos).max(now);
        self.advance(at);
        at
    }

    fn advance(&mut self, at: Nanos) {
        if let Err(error) = self.kept.advance_to(at) {
            self.broken = Some(error);
        }
        if self.world().now() > at || self.stands() {
            self.since = (self.world().now(), Instant::now());
        }
    }

    /// Jumps to the first instant that is waited for, if every registered client waits.
    fn jump(&mut self) -> bool {
        if !self.stands() || self.clients.values().any(|c| c.waits.is_empty()) {
            return false;
        }
        let first = self
            .clients
            .values()
            .flat_map(|c| c.waits.values())
            .min()
            .copied();
        match first.filter(|at| *at > self.world().now()) {
            Some(at) => {
                self.advance(at);
                true
            }
            None => false,
        }
    }

    fn act(&mut self, action: &Action) -> Value {
        self.tick();
        match self.kept.act(action) {
            Ok(answer) => answer,
            Err(error) => {
                self.broken = Some(error);
                Value::Null
            }
        }
    }
}

/// Serves until `stop` is done; calls `ready` with the addresses first.
pub async fn serve(
    serving: Serving,
    ready: impl FnOnce(&Addresses),
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let aws = TcpListener::bind(("127.0.0.1", serving.port)).await?;
    let mut addresses = Addresses {
        aws: format!("http://{}", aws.local_addr()?),
        ..Addresses::default()
    };
    let mut registries = Vec::new();
    for region in &serving.regions {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        addresses
            .registries
            .insert(region.clone(), listener.local_addr()?.to_string());
        registries.push((region.clone(), listener));
    }
    ready(&addresses);
    let now = serving.world.world().now();
    let mut kept = serving.world;
    kept.front(&addresses.aws);
    let house = House {
        kept,
        speed: serving.speed,
        since: (now, Instant::now()),
        clients: BTreeMap::new(),
        waits: 0,
        connections: 0,
        addresses,
        stand: serving.stand,
        broken: None,
    };
    let shared: Shared = Rc::new((RefCell::new(house), Notify::new(), Notify::new()));
    let local = tokio::task::LocalSet::new();
    local.spawn_local(accept(Rc::clone(&shared), aws, Port::Aws));
    for (region, listener) in registries {
        local.spawn_local(accept(Rc::clone(&shared), listener, Port::Registry(region)));
    }
    local.spawn_local(fronts::keep(Rc::clone(&shared), serving.opened));
    let broken = Rc::clone(&shared);
    local
        .run_until(async move {
            tokio::select! {
                biased;
                () = stop => {}
                () = broken.2.notified() => {}
            }
        })
        .await;
    // Connections end here; what was answered is in the world's file.
    drop(local);
    match shared.0.borrow_mut().broken.take() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// What is behind a port.
#[derive(Clone)]
enum Port {
    Aws,
    /// The registry of a region.
    Registry(String),
    Balancer(Rc<Front>),
}

async fn accept(shared: Shared, listener: TcpListener, port: Port) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, perhaps: others will be closed.
            tokio::task::yield_now().await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (shared, port) = (Rc::clone(&shared), port.clone());
        let connection = {
            let mut house = shared.0.borrow_mut();
            house.connections += 1;
            house.connections
        };
        tokio::task::spawn_local(async move {
            let ended = Rc::clone(&shared);
            let service = service_fn(move |request| {
                answer(Rc::clone(&shared), port.clone(), connection, request)
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            // A broken connection is the client's affair, or a fault on purpose.
            let _ = http
                .preserve_header_case(true)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            ended.0.borrow_mut().gone(connection);
            ended.1.notify_waiters();
        });
    }
}

/// The connection is to break.
#[derive(Debug)]
struct Break;

impl std::fmt::Display for Break {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection breaks here")
    }
}

impl std::error::Error for Break {}

type HyperResponse = hyper::Response<Full<Bytes>>;

async fn answer(
    shared: Shared,
    port: Port,
    connection: u64,
    request: hyper::Request<Incoming>,
) -> Result<HyperResponse, Break> {
    let (parts, body) = request.into_parts();
    let body = http_body_util::Limited::new(body, LARGEST)
        .collect()
        .await
        .map_err(|_| Break)?
        .to_bytes();
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let named = headers
        .iter()
        .find(|(name, _)| name == "host")
        .map(|(_, value)| value.clone());
    let host = parts
        .uri
        .authority()
        .map(ToString::to_string)
        .or(named)
        .unwrap_or_default();
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |p| p.as_str())
        .to_owned();
    let request = Request {
        method: parts.method.as_str().to_owned(),
        host,
        target,
        headers,
        body,
    };
    let response = match port {
        Port::Registry(region) => of_registry(&shared, &region, &request)?,
        Port::Balancer(front) => fronts::answer(&shared, &front, request)?,
        Port::Aws => match (registry_of(&request), &request.target) {
            (Some((region, request)), _) => of_registry(&shared, &region, &request)?,
            (None, target) if target.starts_with("/_sandbox/") => {
                control::answer(&shared, connection, &request).await?
            }
            _ => of_aws(&shared, &request).await?,
        },
    };
    if shared.0.borrow().broken.is_some() {
        shared.2.notify_one();
        return Err(Break);
    }
    hyper_response(response)
}

/// A registry's request on the AWS port: by its host, or by the path that links to layers have.
fn registry_of(request: &Request) -> Option<(String, Request)> {
    let region = |host: &str| {
        let (_, rest) = host.split_once(".dkr.ecr.")?;
        rest.split('.').next().map(str::to_owned)
    };
    if let Some(region) = region(&request.host) {
        return Some((region, request.clone()));
    }
    let (host, rest) = request.target.strip_prefix(LAYERS)?.split_once('/')?;
    let mut inner = request.clone();
    inner.host = host.to_owned();
    inner.target = format!("/{rest}");
    inner.headers.retain(|(name, _)| name != "host");
    inner.headers.push(("host".into(), host.to_owned()));
    Some((region(host)?, inner))
}

/// Whether the client says by a header that it keeps the clock itself: it sleeps what an answer takes.
fn keeps_time(request: &Request) -> bool {
    request.headers.iter().any(|(name, _)| name == CLIENT)
}

/// An answer to a client that keeps the clock: all of it at once, and what becomes of it when, in headers.
fn told(answer: Answer, now: Nanos) -> Response {
    let (word, mut response) = match answer.reply {
        Reply::Response(response) => ("answer", response),
        Reply::Reset => ("reset", nothing()),
        Reply::Silence => ("silence", nothing()),
    };
    response.headers.extend([
        (LATENCY.to_owned(), answer.latency.to_string()),
        (NOW.to_owned(), now.to_string()),
        (REPLY.to_owned(), word.to_owned()),
    ]);
    response
}

fn nothing() -> Response {
    Response {
        status: 502,
        headers: Vec::new(),
        body: Bytes::new(),
    }
}

async fn of_aws(shared: &Shared, request: &Request) -> Result<Response, Break> {
    let (answer, real) = {
        let mut house = shared.0.borrow_mut();
        house.hear(request);
        let now = house.tick();
        let called = house.kept.call(request, now);
        let answer = match called {
            Ok(answer) => answer,
            Err(error) => {
                house.broken = Some(error);
                shared.2.notify_one();
                return Err(Break);
            }
        };
        if keeps_time(request) {
            return Ok(told(answer, now));
        }
        // Whoever stands still while clients are registered must not be throttled for ever by an unmoving clock.
        if house.stands() {
            let at = house.world().now() + answer.latency;
            house.advance(at);
        }
        let real = (house.speed == Speed::Real).then(|| Duration::from_nanos(answer.latency));
        (answer, real)
    };
    if let Some(real) = real {
        tokio::time::sleep(real).await;
    }
    match answer.reply {
        Reply::Response(response) => Ok(response),
        Reply::Reset => Err(Break),
        Reply::Silence => std::future::pending().await,
    }
}

fn of_registry(shared: &Shared, region: &str, request: &Request) -> Result<Response, Break> {
    let mut house = shared.0.borrow_mut();
    let now = house.tick();
    if house.world().faults.data_dark(region, now).is_some() {
        return Err(Break);
    }
    let action = Action::registry(region, request);
    match house.kept.registry(&action) {
        Ok(response) => Ok(response),
        Err(error) => {
            house.broken = Some(error);
            Err(Break)
        }
    }
}

fn hyper_response(response: Response) -> Result<HyperResponse, Break> {
    let mut builder = hyper::Response::builder().status(response.status);
    for (name, value) in &response.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(response.body)).map_err(|_| Break)
}
