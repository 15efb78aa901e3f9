//! The door to a database: names, connections, logins, rows.

use super::address::{Found, find};
use super::{Content, Instance, State};
use crate::clock::Nanos;
use crate::plane;
use crate::plane::database::{Database, Dialect, Session};
use crate::world::World;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A database server: an instance, by its identifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DatabaseRef {
    pub account: String,
    pub region: String,
    pub instance: String,
}

/// Why a client could not log in, in the words that it would read.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectError {
    /// The name does not resolve.
    NoSuchName(String),
    /// Nothing came back: a rule, a route or a missing one.
    TimedOut(String),
    /// The address answered that nobody listens.
    Refused,
    /// The server wants TLS.
    TlsRequired(String),
    /// Wrong user or password, or a login that is not allowed.
    Denied(String),
    NoSuchDatabase(String),
    /// The connection that was open is gone.
    Closed(String),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::NoSuchName(host) => {
                write!(f, "could not translate host name \"{host}\" to address")
            }
            ConnectError::TimedOut(reason) => write!(f, "connection timed out ({reason})"),
            ConnectError::Refused => write!(f, "connection refused"),
            ConnectError::TlsRequired(text)
            | ConnectError::Denied(text)
            | ConnectError::NoSuchDatabase(text)
            | ConnectError::Closed(text) => f.write_str(text),
        }
    }
}

/// An open connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    pub database: DatabaseRef,
    pub session: u64,
}

pub(super) fn instance<'w>(world: &'w World, at: &DatabaseRef) -> Option<&'w Instance> {
    world
        .seen_place(&at.account, &at.region)?
        .rds
        .instances
        .get(&at.instance)
}

/// Whether a server takes writes, or replays another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Writer,
    /// A read replica: it has replayed its source up to this instant.
    Replica {
        replayed: Nanos,
    },
    /// A reader in a cluster: it shares the writer's storage.
    Reader,
}

pub fn role(world: &World, at: &DatabaseRef) -> Option<Role> {
    let there = instance(world, at)?;
    let rds = &world.seen_place(&at.account, &at.region)?.rds;
    let content = rds.contents.get(&there.contents)?;
    Some(role_of(world, rds, there, content))
}

fn role_of(world: &World, rds: &State, there: &Instance, content: &Content) -> Role {
    if let Content::Follows(follower) = content {
        return Role::Replica {
            replayed: replayed_at(world, follower),
        };
    }
    let reader = there
        .cluster
        .as_ref()
        .and_then(|cluster| rds.clusters.get(cluster))
        .is_some_and(|cluster| cluster.writer.as_ref() != Some(&there.id));
    if reader { Role::Reader } else { Role::Writer }
}

/// The instant of the last transaction that a server holds: now, but for a replica.
pub(super) fn replayed(world: &World, at: &DatabaseRef) -> Option<Nanos> {
    match role(world, at)? {
        Role::Replica { replayed } => Some(replayed),
        Role::Writer | Role::Reader => Some(world.now()),
    }
}

/// What an instance holds now. A replica's contents are its source's, a moment ago.
pub fn contents<'w>(world: &'w World, at: &DatabaseRef) -> Option<Cow<'w, Database>> {
    let instance = instance(world, at)?;
    let rds = &world.seen_place(&at.account, &at.region)?.rds;
    resolve(world, rds.contents.get(&instance.contents)?)
}

/// The same, to be held on to while the world changes.
pub fn shared_contents(world: &World, at: &DatabaseRef) -> Option<Arc<Database>> {
    let instance = instance(world, at)?;
    let rds = &world.seen_place(&at.account, &at.region)?.rds;
    shared(world, rds.contents.get(&instance.contents)?)
}

fn shared(world: &World, content: &Content) -> Option<Arc<Database>> {
    match content {
        Content::Own(database) => Some(Arc::clone(database)),
        follows @ Content::Follows(_) => {
            resolve(world, follows).map(|held| Arc::new(held.into_owned()))
        }
    }
}

/// A server with what it holds and whether it takes writes, to be held on to while the world changes.
pub struct Held {
    pub instance: Arc<Instance>,
    pub contents: Arc<Database>,
    pub role: Role,
}

pub fn held(world: &World, at: &DatabaseRef) -> Option<Held> {
    let rds = &world.seen_place(&at.account, &at.region)?.rds;
    let instance = rds.instances.shared(&at.instance)?;
    let content = rds.contents.get(&instance.contents)?;
    Some(Held {
        contents: shared(world, content)?,
        role: role_of(world, rds, &instance, content),
        instance,
    })
}

pub(super) fn resolve<'w>(world: &'w World, content: &'w Content) -> Option<Cow<'w, Database>> {
    match content {
        Content::Own(database) => Some(Cow::Borrowed(database.as_ref())),
        Content::Follows(follower) => {
            let source = world
                .seen_place(&follower.account, &follower.region)?
                .rds
                .contents
                .get(&follower.resource)?;
            let at = replayed_at(world, follower);
            let source = resolve(world, source)?;
            Some(Cow::Owned(Database {
                server: follower.server.clone(),
                ..source.at(at)
            }))
        }
    }
}

/// The instant of its source that a replica has reached.
pub(super) fn replayed_at(world: &World, follower: &super::Follower) -> Nanos {
    world.now().saturating_sub(follower.lag).max(follower.floor)
}

pub(crate) fn own<'w>(world: &'w mut World, at: &DatabaseRef) -> Result<&'w mut Database, String> {
    let key = instance(world, at).map(|i| i.contents.clone());
    let key = key.ok_or_else(|| format!("no instance {} in {}", at.instance, at.region))?;
    match world
        .place(&at.account, &at.region)
        .rds
        .contents
        .get_mut(&key)
    {
        Some(Content::Own(database)) => Ok(Arc::make_mut(database)),
        Some(Content::Follows(_)) => {
            Err("cannot execute INSERT in a read-only transaction (SQLSTATE 25006)".into())
        }
        None => Err(format!("{} has no contents", at.instance)),
    }
}

/// Tries a login without keeping a connection.
pub fn connect(world: &World, login: &Login<'_>) -> Result<DatabaseRef, ConnectError> {
    login.check(world).map(|let_in| let_in.found.database())
}

/// Logs in and keeps the connection, which then lives on until something ends it: see [`session`].
pub fn open(world: &mut World, login: &Login<'_>) -> Result<Connection, ConnectError> {
    enter(world, login, |to| {
        Some(plane::Flow {
            from: login.from.clone(),
            to,
            port: login.port,
        })
    })
}

/// The same for a connection that is closed before time passes: nobody will ask whether its packets still flow.
pub fn visit(world: &mut World, login: &Login<'_>) -> Result<Connection, ConnectError> {
    enter(world, login, |_| None)
}

fn enter(
    world: &mut World,
    login: &Login<'_>,
    flow: impl FnOnce(plane::To) -> Option<plane::Flow>,
) -> Result<Connection, ConnectError> {
    let since = world.now();
    let let_in = login.check(world)?;
    let database = let_in.found.database();
    let opened = Session {
        user: login.user.to_owned(),
        database: login.database.to_owned(),
        application: login.application.to_owned(),
        flow: flow(let_in.to),
        address: let_in.address.to_owned(),
        since,
        tls: login.tls,
    };
    let resource = let_in.found.instance.resource.clone();
    let sessions = &mut world
        .place(&database.account, &database.region)
        .rds
        .sessions;
    let session = sessions.entry(resource).or_default().add(opened);
    Ok(Connection { database, session })
}

/// A client ends its connection.
pub fn close(world: &mut World, connection: &Connection) {
    let at = &connection.database;
    let Some(place) = world.seen_place_mut(&at.account, &at.region) else {
        return;
    };
    let there = place.rds.instances.get(&at.instance);
    if let Some(sessions) = there.and_then(|there| place.rds.sessions.get_mut(&there.resource)) {
        sessions.open.remove(&connection.session);
    }
}

/// Everything that a client says to log in.
#[derive(Clone, Debug)]
pub struct Login<'a> {
    pub from: &'a plane::From,
    pub host: &'a str,
    pub port: u16,
    pub user: &'a str,
    pub password: &'a str,
    pub database: &'a str,
    pub tls: bool,
    pub application: &'a str,
}

/// What a login that was let in has found on its way.
struct LetIn<'w> {
    found: Found<'w>,
    /// The server as the client's packets know it.
    to: plane::To,
    /// The client's address as the server sees it.
    address: &'w str,
}

impl Login<'_> {
    /// The way to the server: within AWS the name means the private address, from outside the public one.
    fn to(&self, found: &Found<'_>) -> plane::To {
        let endpoint = found.endpoint;
        match self.from {
            plane::From::Interface { .. } => plane::To::Interface {
                account: found.account.to_owned(),
                region: found.region.to_owned(),
                id: endpoint.interface.clone(),
            },
            _ => {
                let public = endpoint.public_ip.as_ref();
                plane::To::Address(public.unwrap_or(&endpoint.ip).clone())
            }
        }
    }

    fn check<'w>(&'w self, world: &'w World) -> Result<LetIn<'w>, ConnectError> {
        let found =
            find(world, self.host).ok_or_else(|| ConnectError::NoSuchName(self.host.to_owned()))?;
        let there = found.instance;
        if super::neighbours::data_dark(world, found.region) {
            return Err(ConnectError::TimedOut(format!("{} is dark", found.region)));
        }
        let to = self.to(&found);
        plane::reach(world, self.from, &to, self.port)
            .map_err(|blocked| ConnectError::TimedOut(blocked.to_string()))?;
        if !there.up || self.port != found.endpoint.port {
            return Err(ConnectError::Refused);
        }
        let contents = found.rds.contents.get(&there.contents);
        let contents = contents
            .and_then(|contents| resolve(world, contents))
            .ok_or(ConnectError::Refused)?;
        let from = match self.from {
            plane::From::Internet { ip } => ip.as_str(),
            plane::From::Interface {
                account,
                region,
                id,
            } => {
                let interface = crate::services::ec2::interface(world, account, region, id);
                interface.map_or("", |interface| &interface.private_address)
            }
            plane::From::Resolver { .. } => "",
        };
        if !self.tls && force_tls(there, contents.dialect) {
            return Err(ConnectError::TlsRequired(match contents.dialect {
                Dialect::Postgres => format!(
                    "no pg_hba.conf entry for host \"{from}\", user \"{}\", database \"{}\", no encryption (SQLSTATE 28000)",
                    self.user, self.database
                ),
                Dialect::Mysql => {
                    "ERROR 3159 (HY000): Connections using insecure transport are prohibited while \
                                   --require_secure_transport=ON."
                        .into()
                }
            }));
        }
        let known = contents.standing.users.get(self.user);
        if known.is_none_or(|known| known.password != self.password) {
            return Err(ConnectError::Denied(match contents.dialect {
                Dialect::Postgres => {
                    format!(
                        "password authentication failed for user \"{}\" (SQLSTATE 28P01)",
                        self.user
                    )
                }
                Dialect::Mysql => {
                    format!(
                        "ERROR 1045 (28000): Access denied for user '{}'@'{from}' (using password: YES)",
                        self.user
                    )
                }
            }));
        }
        if known.is_none_or(|known| !known.login) {
            return Err(ConnectError::Denied(match contents.dialect {
                Dialect::Postgres => {
                    format!(
                        "role \"{}\" is not permitted to log in (SQLSTATE 28000)",
                        self.user
                    )
                }
                Dialect::Mysql => format!(
                    "ERROR 3118 (HY000): Access denied for user '{}'@'{from}'. Account is locked.",
                    self.user
                ),
            }));
        }
        let nameless = self.database.is_empty() && contents.dialect == Dialect::Mysql;
        if !nameless && !contents.standing.databases.contains_key(self.database) {
            return Err(ConnectError::NoSuchDatabase(match contents.dialect {
                Dialect::Postgres => format!(
                    "database \"{}\" does not exist (SQLSTATE 3D000)",
                    self.database
                ),
                Dialect::Mysql => {
                    format!("ERROR 1049 (42000): Unknown database '{}'", self.database)
                }
            }));
        }
        Ok(LetIn {
            found,
            to,
            address: from,
        })
    }
}

/// Whether the server refuses connections without TLS.
pub(super) fn force_tls(instance: &Instance, dialect: Dialect) -> bool {
    let name = match dialect {
        Dialect::Postgres => "rds.force_ssl",
        Dialect::Mysql => "require_secure_transport",
    };
    match instance.parameters.get(name) {
        Some(value) => ["1", "on", "true"]
            .iter()
            .any(|yes| value.eq_ignore_ascii_case(yes)),
        // From version 15 on, RDS for PostgreSQL forces TLS unless told otherwise.
        None => instance.engine() == "postgres" && major(instance.facts.str("EngineVersion")) >= 15,
    }
}

/// The leading number of a version.
pub(super) fn major(version: &str) -> u32 {
    version
        .split('.')
        .next()
        .and_then(|first| first.parse().ok())
        .unwrap_or(0)
}

/// Whether an open connection still lives: the server is up and has not ended it, and packets still flow. A change of
/// security groups does not end it, a network ACL does.
pub fn session(world: &World, connection: &Connection) -> Result<(), ConnectError> {
    let at = &connection.database;
    let gone = || ConnectError::Closed("server closed the connection unexpectedly".into());
    let there = instance(world, at)
        .filter(|there| there.up)
        .ok_or_else(gone)?;
    let sessions = world
        .seen_place(&at.account, &at.region)
        .and_then(|place| place.rds.sessions.get(&there.resource));
    let Some(session) = sessions.and_then(|sessions| sessions.open.get(&connection.session)) else {
        return Err(ConnectError::Closed(
            "terminating connection due to administrator command (SQLSTATE 57P01)".into(),
        ));
    };
    if super::neighbours::data_dark(world, &at.region) {
        return Err(ConnectError::TimedOut(format!("{} is dark", at.region)));
    }
    match &session.flow {
        Some(flow) => plane::still_flows(world, flow, session.since)
            .map_err(|blocked| ConnectError::TimedOut(blocked.to_string())),
        None => Ok(()),
    }
}
