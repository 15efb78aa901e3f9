//! Rows and SQL, over connections.

use super::connect::{Connection, DatabaseRef, Role, contents, instance, own, role, session};
use crate::plane::database::{self, Dialect};
use crate::world::World;
use std::collections::BTreeMap;

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
        let value = there.parameters.get(name);
        let is = |yes: &&str| value.is_some_and(|value| value.eq_ignore_ascii_case(yes));
        ["1", "on", "true"].iter().any(is)
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
