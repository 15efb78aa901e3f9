//! A world that another process serves on this machine (`drtool sandbox serve`): the same sandbox, over sockets.
//!
//! It is recognised by asking it, never by its port. Its clock is shared: this process holds it by a connection, so
//! that time stands while this process computes, goes on when every client waits, and is let go when this process dies.
//! Requests are answered at once and what they take is slept in virtual time, exactly as in process.

mod http;

use super::door::Door;
use super::{plane, registry, seams};
use crate::cloud::seams::Seams;
use crate::probe::Probe;
use crate::registry::Transport;
use aws_sim::action::Action;
use aws_sim::server::{CLIENT, HELLO, LATENCY, NOW, REPLY};
use aws_sim::world::{Answer, Reply, Request, Response};
use drtool_engine::Timestamp;
use drtool_engine::clock::{Come, Nanos, Outside, VirtualClock};
use http::{Asked, Heard, Line};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How long one wait for the world's time takes at most, in real time: between two, Ctrl-C is heard.
const PATIENCE: f64 = 0.2;

/// A server that is silent for so long is gone. One that restarts is back by then.
const GONE: Duration = Duration::from_secs(10);

/// Between two attempts to reach a server that does not answer.
const PAUSE: Duration = Duration::from_millis(100);

/// A served world, and the clock that follows its time.
pub struct Remote {
    world: Arc<Served>,
    clock: VirtualClock,
    credentials: (String, String),
    seed: u64,
}

/// Why there is no sandbox at an address.
#[derive(Debug)]
pub enum NoSandbox {
    /// Something else answers there: an endpoint like any other.
    Other,
    /// Nothing answers there.
    Nobody(io::Error),
    /// It is one, and does not do as it should.
    Broken(io::Error),
}

struct Served {
    /// `http://HOST:PORT`.
    url: String,
    address: SocketAddr,
    client: String,
    lines: Mutex<Lines>,
    clock: VirtualClock,
}

#[derive(Default)]
struct Lines {
    aws: Option<Line>,
    /// Where the regions' registries answer; they move when the server restarts.
    addresses: BTreeMap<String, SocketAddr>,
    registries: BTreeMap<String, Line>,
    /// Since when nothing answers.
    silent: Option<Instant>,
}

/// What belongs to a connection, not to a request.
fn of_connection(name: &str) -> bool {
    [
        "host",
        "content-length",
        "connection",
        "transfer-encoding",
        "expect",
    ]
    .iter()
    .any(|own| name.eq_ignore_ascii_case(own))
}

fn plain(headers: &[(String, String)]) -> Vec<(String, String)> {
    let mine = headers.iter().filter(|(name, _)| !of_connection(name));
    mine.cloned().collect()
}

fn broken(why: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}

/// Where a plain HTTP URL leads; `None` for any other.
fn address(url: &str) -> Option<(String, SocketAddr)> {
    let uri: ::http::Uri = url.parse().ok()?;
    let host = uri.host()?;
    if uri.scheme_str() != Some("http") {
        return None;
    }
    let port = uri.port_u16().unwrap_or(80);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let mut found = (bare, port).to_socket_addrs().ok()?;
    // A server binds to 127.0.0.1, and `localhost` may name `::1` first.
    let all: Vec<SocketAddr> = found.by_ref().collect();
    let address = all.iter().find(|a| a.is_ipv4()).or_else(|| all.first())?;
    Some((format!("{host}:{port}"), *address))
}

/// Whether a sandbox answers at this URL, and what it says.
fn hello(host: &str, address: SocketAddr) -> Result<Value, NoSandbox> {
    let mut line = Line::open(address).map_err(NoSandbox::Nobody)?;
    let heard = line.ask(&Asked {
        method: "GET",
        target: "/_sandbox/hello",
        host,
        headers: &[("Connection".into(), "close".into())],
        body: b"",
    });
    // Whatever answers in another way is another thing.
    let heard = heard.map_err(|_| NoSandbox::Other)?;
    let said: Value = serde_json::from_slice(&heard.body).map_err(|_| NoSandbox::Other)?;
    if heard.status == 200 && said["sandbox"] == HELLO {
        Ok(said)
    } else {
        Err(NoSandbox::Other)
    }
}

/// Whether the endpoint is a sandbox, without working in it.
pub fn is_sandbox(url: &str) -> bool {
    address(url).is_some_and(|(host, address)| hello(&host, address).is_ok())
}

impl Remote {
    /// The sandbox that answers at `url`.
    pub fn find(url: &str) -> Result<Remote, NoSandbox> {
        let (host, address) = address(url).ok_or(NoSandbox::Other)?;
        let said = hello(&host, address)?;
        let origin = Timestamp::from_second(aws_sim::clock::EPOCH).unwrap_or(Timestamp::UNIX_EPOCH);
        let clock = VirtualClock::new(origin);
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let world = Arc::new(Served {
            url: url.trim_end_matches('/').to_owned(),
            address,
            client: format!("drtool-{}-{}", std::process::id(), since.as_nanos()),
            lines: Mutex::default(),
            clock: clock.clone(),
        });
        let own = world
            .json("GET", "credentials", &Value::Null)
            .map_err(NoSandbox::Broken)?;
        let text = |name: &str| own[name].as_str().unwrap_or_default().to_owned();
        let credentials = (text("access_key"), text("secret_key"));
        clock.attach(Arc::clone(&world) as Arc<dyn Outside>);
        Ok(Remote {
            world,
            clock,
            credentials,
            seed: said["seed"].as_u64().unwrap_or_default(),
        })
    }

    pub fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    pub fn url(&self) -> &str {
        &self.world.url
    }

    fn door(&self) -> Arc<dyn Door> {
        Arc::clone(&self.world) as Arc<dyn Door>
    }

    /// What a [`crate::cloud::Cloud`] needs to work there: the sandbox's own identity, unless a profile is named.
    pub fn seams(&self, profile: Option<String>) -> Seams {
        let own = profile.is_none().then(|| self.credentials.clone());
        Seams {
            credentials: own,
            profile,
            pinned: Some(self.seed),
            ..seams(&self.clock, self.door())
        }
    }

    pub fn probe(&self) -> Probe {
        let plane = Arc::new(plane::Plane::new(self.clock.clone(), self.door()));
        Probe::new(plane.clone(), plane)
    }

    /// The container registries of its regions.
    pub fn registries(&self) -> Arc<dyn Transport> {
        Arc::new(registry::Registries::new(self.clock.clone(), self.door()))
    }

    /// Has the source world of a stack built there, unless it stands already.
    pub fn ensure(&self, stack: &str) -> Result<(), String> {
        let said = self
            .world
            .json("POST", "stand", &json!({ "stack": stack }))
            .map_err(|e| e.to_string())?;
        self.world.follow(&said);
        Ok(())
    }
}

impl Served {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to the server that holds its clock, as long as it stands.
    fn connect(&self, lines: &mut Lines) -> io::Result<()> {
        if lines.aws.is_some() {
            return Ok(());
        }
        let mut line = Line::open(self.address)?;
        let mut ask =
            |method: &str, path: &str, body: &Value| self.on(&mut line, method, path, body);
        let registered = ask(
            "POST",
            "clock/register",
            &json!({"client": self.client, "hold": true}),
        )?;
        let addresses = ask("GET", "addresses", &Value::Null)?;
        lines.registries.clear();
        lines.addresses = addresses["registries"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(region, at)| Some((region.clone(), at.as_str()?.parse().ok()?)))
            .collect();
        lines.aws = Some(line);
        lines.silent = None;
        self.follow(&registered);
        Ok(())
    }

    /// The world has come so far, whoever moved it.
    fn follow(&self, clock: &Value) {
        if let Some(now) = clock["now"].as_u64() {
            self.clock.start_at(now);
        }
    }

    /// One question to the sandbox's own endpoints, on a connection.
    fn on(&self, line: &mut Line, method: &str, path: &str, body: &Value) -> io::Result<Value> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let heard = line.ask(&Asked {
            method,
            target: &format!("/_sandbox/{path}"),
            host: &self.address.to_string(),
            headers: &[(CLIENT.to_owned(), self.client.clone())],
            body: body.as_bytes(),
        })?;
        let said: Value = serde_json::from_slice(&heard.body).map_err(broken)?;
        if heard.status == 200 {
            Ok(said)
        } else {
            let why = said["error"].as_str().unwrap_or("the sandbox refuses");
            Err(io::Error::other(why.to_owned()))
        }
    }

    /// Something on the connection that holds the clock. A connection that broke is opened anew the next time.
    fn held<T>(&self, talk: impl FnOnce(&mut Line) -> io::Result<T>) -> io::Result<T> {
        let mut lines = self.lines();
        self.connect(&mut lines)?;
        let Some(mut line) = lines.aws.take() else {
            return Err(broken("no connection"));
        };
        let said = talk(&mut line);
        // What the sandbox refuses is an answer: the connection is as good as before.
        let stands = said
            .as_ref()
            .err()
            .is_none_or(|e| e.kind() == io::ErrorKind::Other);
        if stands {
            lines.aws = Some(line);
        }
        said
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> io::Result<Value> {
        self.held(|line| self.on(line, method, path, body))
    }

    /// One of AWS's requests, to the AWS port.
    fn ask(&self, request: &Request) -> io::Result<Heard> {
        let mut headers = plain(&request.headers);
        headers.push((CLIENT.to_owned(), self.client.clone()));
        self.held(|line| {
            line.ask(&Asked {
                method: &request.method,
                target: &request.target,
                host: &request.host,
                headers: &headers,
                body: &request.body,
            })
        })
    }
}

impl Door for Served {
    fn call(&self, request: &Request, _: Nanos) -> io::Result<Answer> {
        let mut heard = self.ask(request)?;
        let number = |name: &str| heard.header(name).and_then(|n| n.parse::<u64>().ok());
        let latency = number(LATENCY)
            .ok_or_else(|| broken("the sandbox does not say how long an answer takes"))?;
        if let Some(now) = number(NOW) {
            self.clock.start_at(now);
        }
        let word = heard.header(REPLY).unwrap_or_default().to_owned();
        let own = [LATENCY, NOW, REPLY, "content-length", "connection"];
        heard
            .headers
            .retain(|(name, _)| !own.contains(&name.as_str()));
        let reply = match word.as_str() {
            "answer" => Reply::Response(Response {
                status: heard.status,
                headers: heard.headers,
                body: heard.body,
            }),
            "reset" => Reply::Reset,
            _ => Reply::Silence,
        };
        Ok(Answer { latency, reply })
    }

    fn act(&self, _: Nanos, action: &Action) -> io::Result<Value> {
        let action = serde_json::to_value(action).map_err(broken)?;
        let (path, body) = match action.as_object().and_then(|map| map.iter().next()) {
            Some((word, inner)) if matches!(word.as_str(), "resolve" | "dial") => {
                (word.clone(), inner.clone())
            }
            _ => ("act".to_owned(), action),
        };
        self.json("POST", &path, &body)
    }

    fn registry(&self, _: Nanos, region: &str, request: &Request) -> io::Result<Response> {
        let mut lines = self.lines();
        self.connect(&mut lines)?;
        let address = *lines
            .addresses
            .get(region)
            .ok_or_else(|| broken(format!("the sandbox serves no registry of {region}")))?;
        let mut line = match lines.registries.remove(region) {
            Some(line) => line,
            None => Line::open(address)?,
        };
        let heard = line.ask(&Asked {
            method: &request.method,
            target: &request.target,
            host: &request.host,
            headers: &plain(&request.headers),
            body: &request.body,
        })?;
        lines.registries.insert(region.to_owned(), line);
        Ok(Response {
            status: heard.status,
            headers: heard.headers,
            body: heard.body,
        })
    }
}

impl Outside for Served {
    /// Its own events happen in its own process.
    fn next_event(&self) -> Option<Nanos> {
        None
    }

    fn advance_to(&self, _: Nanos) {}

    fn come_to(&self, at: Nanos) -> Come {
        let asked = json!({ "client": self.client, "until": at, "patience": PATIENCE });
        match self.json("POST", "clock/wait", &asked) {
            Ok(said) => match said["now"].as_u64() {
                Some(now) if now >= at => Come::There(now),
                Some(now) => Come::Short(now),
                None => Come::Gone,
            },
            Err(_) => {
                let since = *self.lines().silent.get_or_insert_with(Instant::now);
                if since.elapsed() > GONE {
                    return Come::Gone;
                }
                std::thread::sleep(PAUSE);
                Come::Short(0)
            }
        }
    }
}
