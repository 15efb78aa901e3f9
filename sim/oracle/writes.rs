//! What users were told, and what databases hold.

use crate::clock::Nanos;
use crate::services::rds::{self, DatabaseRef};
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A row that a database has committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    pub at: Nanos,
    pub client: String,
    pub number: u64,
}

/// A row that a user was told is stored, and that a database does not have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lost {
    pub client: String,
    pub number: u64,
    pub acknowledged: Nanos,
    pub by: String,
}

fn databases(world: &World) -> Vec<DatabaseRef> {
    let mut found = vec![];
    for ((account, region), place) in &world.places {
        for (instance, _) in place.rds.instances.iter() {
            found.push(DatabaseRef {
                account: account.clone(),
                region: region.clone(),
                instance: instance.to_owned(),
            });
        }
    }
    found
}

/// The rows of every database, by `account region instance`: numbers by client.
pub fn where_rows_are(world: &World) -> BTreeMap<String, BTreeMap<String, Vec<u64>>> {
    databases(world)
        .into_iter()
        .map(|at| {
            (
                format!("{} {} {}", at.account, at.region, at.instance),
                rds::rows(world, &at),
            )
        })
        .collect()
}

/// What a database has accepted after an instant, oldest first. What it was restored with is older.
pub fn accepted_after(world: &World, at: &DatabaseRef, since: Nanos) -> Vec<Accepted> {
    let Some(contents) = rds::contents(world, at) else {
        return vec![];
    };
    contents
        .history
        .entries()
        .filter(|(when, _, _)| *when > since)
        .map(|(when, client, number)| Accepted {
            at: when,
            client: client.to_owned(),
            number,
        })
        .collect()
}

/// Every acknowledged row that a database does not have: what moving to it would lose.
pub fn lost(world: &World, at: &DatabaseRef) -> Vec<Lost> {
    let held: BTreeMap<String, BTreeSet<u64>> = rds::rows(world, at)
        .into_iter()
        .map(|(client, numbers)| (client, numbers.into_iter().collect()))
        .collect();
    let mut lost = vec![];
    let sessions = &world.plane.users.sessions;
    for (client, acknowledged) in world.plane.users.acknowledged() {
        if sessions.get(&client).is_some_and(|s| s.statement.is_some()) {
            continue;
        }
        let held = held.get(&client);
        for row in acknowledged {
            if !held.is_some_and(|held| held.contains(&row.number)) {
                lost.push(Lost {
                    client: client.clone(),
                    number: row.number,
                    acknowledged: row.at,
                    by: row.by,
                });
            }
        }
    }
    lost
}

/// What DNS told users about a name (or about any), and when: each change, by user.
pub fn told(world: &World, host: Option<&str>) -> Value {
    let users = world.plane.users.users.iter().map(|(_, u)| u);
    users
        .filter(|u| host.is_none_or(|h| u.host.eq_ignore_ascii_case(h)))
        .map(|u| {
            let answers: Vec<Value> = u
                .memory
                .told
                .iter()
                .map(|(at, addresses)| json!({ "at": at, "addresses": addresses }))
                .collect();
            json!({ "user": u.name, "host": u.host, "answers": answers })
        })
        .collect()
}

/// The first acknowledged request of any user after an instant, by the region of who answered.
pub fn first_success(world: &World, after: Nanos) -> BTreeMap<String, Nanos> {
    let mut first = BTreeMap::new();
    for acknowledged in world.plane.users.acknowledged().into_values().flatten() {
        if acknowledged.at < after {
            continue;
        }
        let region = acknowledged.by.split(':').nth(3).unwrap_or("").to_owned();
        let seen = first.entry(region).or_insert(acknowledged.at);
        *seen = acknowledged.at.min(*seen);
    }
    first
}

/// Of every database, by `account region instance`: what it has accepted after an instant, and which acknowledged rows
/// it does not have; and when users first succeeded after that instant, by region.
pub fn since(world: &World, after: Nanos) -> Value {
    let each = |what: &dyn Fn(&DatabaseRef) -> Value| -> Value {
        databases(world)
            .iter()
            .map(|at| {
                (
                    format!("{} {} {}", at.account, at.region, at.instance),
                    what(at),
                )
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    json!({
        "accepted": each(&|at| json!(accepted_after(world, at, after))),
        "lost": each(&|at| json!(lost(world, at))),
        "first_success": first_success(world, after),
    })
}
