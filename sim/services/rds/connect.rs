//! The door to a database: names, connections, logins, rows.

use super::instance::Endpoint;
use super::{Content, Instance, State};
use crate::clock::Nanos;
use crate::plane;
use crate::plane::database::{self, Database, Dialect, Session};
use crate::world::World;
use std::borrow::Cow;
use std::collections::BTreeMap;
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

/// Where an endpoint's name leads.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    pub database: DatabaseRef,
    pub vpc: String,
    pub interface: String,
    pub private_ip: String,
    pub public_ip: Option<String>,
    pub port: u16,
}

fn instance<'w>(world: &'w World, at: &DatabaseRef) -> Option<&'w Instance> {
    world
        .seen_place(&at.account, &at.region)?
        .rds
        .instances
        .get(&at.instance)
}

/// What an endpoint's name means, where it stands.
struct Found<'w> {
    account: &'w str,
    region: &'w str,
    id: &'w str,
    rds: &'w State,
    instance: &'w Instance,
    endpoint: &'w Endpoint,
}

impl Found<'_> {
    fn database(&self) -> DatabaseRef {
        DatabaseRef {
            account: self.account.to_owned(),
            region: self.region.to_owned(),
            instance: self.id.to_owned(),
        }
    }
}

/// Which database a name means now. `None`: no such name in DNS.
pub fn database_at(world: &World, host: &str) -> Option<DatabaseRef> {
    find(world, host).map(|found| found.database())
}

/// The same with its addresses: an instance's own name, or a cluster's name for its writer or its readers.
pub fn address_of(world: &World, host: &str) -> Option<Address> {
    let found = find(world, host)?;
    Some(Address {
        database: found.database(),
        vpc: found.instance.vpc.clone(),
        interface: found.endpoint.interface.clone(),
        private_ip: found.endpoint.ip.clone(),
        public_ip: found.endpoint.public_ip.clone(),
        port: found.endpoint.port,
    })
}

fn find<'w>(world: &'w World, host: &str) -> Option<Found<'w>> {
    let host = host.trim_end_matches('.');
    let host = match host.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    };
    if !host.ends_with(".rds.amazonaws.com") {
        return None;
    }
    // `name.hash.region.rds.amazonaws.com`
    let mut labels = host.split('.');
    let (name, there) = (labels.next()?, labels.nth(1)?);
    for ((account, region), place) in world
        .places
        .iter()
        .filter(|((_, region), _)| region == there)
    {
        let found = |(id, instance): (&'w str, &'w Instance)| {
            let endpoint = instance.endpoint.as_ref().filter(|e| e.published)?;
            Some(Found {
                account,
                region,
                id,
                rds: &place.rds,
                instance,
                endpoint,
            })
        };
        let own = place.rds.instances.entry(name).and_then(found);
        if let Some(own) = own.filter(|own| own.endpoint.host == host) {
            return Some(own);
        }
        for (_, cluster) in place
            .rds
            .clusters
            .iter()
            .filter(|(_, cluster)| cluster.published)
        {
            let reads = cluster.reader_endpoint == host;
            if cluster.endpoint != host && !reads {
                continue;
            }
            let id = serving(place, cluster, reads)?;
            return found(place.rds.instances.entry(id)?);
        }
    }
    None
}

/// The member behind a cluster's name: the writer, or the first reader that answers, or the writer where there is none.
fn serving<'w>(
    place: &'w crate::services::Place,
    cluster: &'w super::cluster::Cluster,
    reads: bool,
) -> Option<&'w str> {
    let writer = cluster.writer.as_deref();
    if !reads {
        return writer;
    }
    let members = place
        .rds
        .instances
        .iter()
        .filter(|(_, instance)| instance.cluster.as_ref() == Some(&cluster.id));
    let reader = members
        .filter(|(id, instance)| instance.up && Some(*id) != writer)
        .map(|(id, _)| id)
        .next();
    reader.or(writer)
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
    if let Content::Follows(follower) = rds.contents.get(&there.contents)? {
        return Some(Role::Replica {
            replayed: replayed_at(world, follower),
        });
    }
    let reader = there
        .cluster
        .as_ref()
        .and_then(|cluster| rds.clusters.get(cluster))
        .is_some_and(|cluster| cluster.writer.as_ref() != Some(&there.id));
    Some(if reader { Role::Reader } else { Role::Writer })
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
    match rds.contents.get(&instance.contents)? {
        Content::Own(database) => Some(Arc::clone(database)),
        follows @ Content::Follows(_) => {
            resolve(world, follows).map(|held| Arc::new(held.into_owned()))
        }
    }
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
    let since = world.now();
    let let_in = login.check(world)?;
    let database = let_in.found.database();
    let opened = Session {
        user: login.user.to_owned(),
        database: login.database.to_owned(),
        application: login.application.to_owned(),
        flow: Some(let_in.flow),
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
    flow: plane::Flow,
    /// The client's address as the server sees it.
    address: &'w str,
}

impl Login<'_> {
    /// The way to the server: within AWS the name means the private address, from outside the public one.
    fn flow(&self, found: &Found<'_>) -> plane::Flow {
        let endpoint = found.endpoint;
        let to = match self.from {
            plane::From::Interface { .. } => plane::To::Interface {
                account: found.account.to_owned(),
                region: found.region.to_owned(),
                id: endpoint.interface.clone(),
            },
            _ => {
                let public = endpoint.public_ip.as_ref();
                plane::To::Address(public.unwrap_or(&endpoint.ip).clone())
            }
        };
        plane::Flow {
            from: self.from.clone(),
            to,
            port: self.port,
        }
    }

    fn check<'w>(&'w self, world: &'w World) -> Result<LetIn<'w>, ConnectError> {
        let found =
            find(world, self.host).ok_or_else(|| ConnectError::NoSuchName(self.host.to_owned()))?;
        let there = found.instance;
        if super::neighbours::data_dark(world, found.region) {
            return Err(ConnectError::TimedOut(format!("{} is dark", found.region)));
        }
        let flow = self.flow(&found);
        plane::reach(world, &flow.from, &flow.to, flow.port)
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
        if force_tls(there, contents.dialect) && !self.tls {
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
            flow,
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

/// Writes a numbered row over an open connection. `Ok` is the acknowledgement that the client remembers.
pub fn write_in_session(
    world: &mut World,
    connection: &Connection,
    client: &str,
    number: u64,
) -> Result<(), String> {
    session(world, connection).map_err(|error| error.to_string())?;
    write_row(world, &connection.database, client, number)
}

/// Writes a numbered row into the users' table, as one committed transaction.
pub fn write_row(
    world: &mut World,
    at: &DatabaseRef,
    client: &str,
    number: u64,
) -> Result<(), String> {
    let there = instance(world, at).ok_or_else(|| format!("no instance {}", at.instance))?;
    if !there.up {
        return Err("server closed the connection unexpectedly".into());
    }
    if let Some(refusal) = refuses_writes(world, at, None) {
        return Err(refusal);
    }
    let now = world.now();
    own(world, at)?.write_entry(now, client, number);
    Ok(())
}

/// Why a server takes no writes: it is a replica or a reader, or it is told to be read-only.
pub(crate) fn refuses_writes(
    world: &World,
    at: &DatabaseRef,
    database: Option<&str>,
) -> Option<String> {
    let there = instance(world, at)?;
    let contents = contents(world, at)?;
    let set = |name: &str| {
        let value = there.parameters.get(name).map(String::as_str);
        matches!(
            value.map(str::to_ascii_lowercase).as_deref(),
            Some("1" | "on" | "true")
        )
    };
    let replica = role(world, at) != Some(Role::Writer);
    match contents.dialect {
        Dialect::Postgres => {
            let by_default = match database.filter(|name| !name.is_empty()) {
                Some(name) => contents.standing.databases.get(name).is_some_and(|settings| settings.read_only),
                None => contents.standing.databases.values().any(|settings| settings.read_only),
            };
            (replica || by_default || set("default_transaction_read_only"))
                .then(|| "ERROR:  cannot execute INSERT in a read-only transaction (SQLSTATE 25006)".to_owned())
        }
        Dialect::Mysql => (replica || set("read_only")).then(|| {
            "ERROR 1290 (HY000): The MySQL server is running with the --read-only option so it cannot execute this \
             statement"
                .to_owned()
        }),
    }
}

/// The rows of the users' table, by client. A replica shows what it has replayed.
pub fn rows(world: &World, at: &DatabaseRef) -> BTreeMap<String, Vec<u64>> {
    contents(world, at)
        .map(|contents| contents.history.rows())
        .unwrap_or_default()
}

/// Runs SQL as `user`, in a connection of its own to the instance's first database.
pub fn query(
    world: &mut World,
    at: &DatabaseRef,
    user: &str,
    sql: &str,
) -> Result<Vec<Vec<String>>, String> {
    query_in(world, at, user, "", sql)
}

/// The same in a named database.
pub fn query_in(
    world: &mut World,
    at: &DatabaseRef,
    user: &str,
    database: &str,
    sql: &str,
) -> Result<Vec<Vec<String>>, String> {
    let there = instance(world, at).ok_or_else(|| format!("no instance {}", at.instance))?;
    if !there.up {
        return Err("connection refused".into());
    }
    database::sql::run(world, at, user, database, sql)
}

/// The same over a connection that its client has just opened, as the user and in the database that it named.
pub fn query_over(
    world: &mut World,
    connection: &Connection,
    (user, database): (&str, &str),
    sql: &str,
) -> Result<Vec<Vec<String>>, String> {
    let own = (user, database, Some(connection.session));
    database::sql::run_as(world, &connection.database, own, sql)
}

/// The same over an open connection, as its user and in its database.
pub fn query_in_session(
    world: &mut World,
    connection: &Connection,
    sql: &str,
) -> Result<Vec<Vec<String>>, String> {
    session(world, connection).map_err(|error| error.to_string())?;
    let at = &connection.database;
    let place = world.seen_place(&at.account, &at.region);
    let resource = instance(world, at)
        .map(|there| there.resource.clone())
        .unwrap_or_default();
    let sessions = place.and_then(|place| place.rds.sessions.get(&resource));
    let Some(own) = sessions
        .and_then(|sessions| sessions.open.get(&connection.session))
        .cloned()
    else {
        return Err("server closed the connection unexpectedly".into());
    };
    database::sql::run_as(
        world,
        at,
        (&own.user, &own.database, Some(connection.session)),
        sql,
    )
}
