//! RDS: database instances and Aurora clusters, their snapshots and copies, groups of settings, and what can be ordered.
//!
//! Reading order: [`instance`] (what an instance is), [`lifecycle`] (how states follow each other), then one file per
//! family of operations. What is *in* a database is in [`crate::plane::database`]; [`connect`] is the door through
//! which tasks, users and probes come to it. Knows nothing of wire formats; regions meet only by ARN.

use super::{Service, ServiceId};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::plane::database::Database;
use crate::table::Table;
use crate::world::{Cx, Event, Input, Output, World};
use std::collections::BTreeMap;
use std::sync::Arc;

mod connect;
mod facts;
pub mod instance;

pub use connect::{
    Address, ConnectError, Connection, DatabaseRef, Login, address_of, connect, contents,
    database_at, open, query, rows, session, write_in_session, write_row,
};
pub use instance::Instance;

pub const SERVICE: Service = Service {
    id: ServiceId::Rds,
    handle,
    happen,
    wants: super::whole_service,
};

/// RDS in one account and region.
#[derive(Clone, Default)]
pub struct State {
    pub instances: Table<Instance>,
    /// By resource id (`db-…`, `cluster-…`): what is in the databases.
    pub contents: BTreeMap<String, Content>,
}

/// Where the rows of a database are.
#[derive(Clone, Debug)]
pub enum Content {
    Own(Arc<Database>),
    /// A replica: what its source held a moment ago.
    Follows(Follower),
}

/// A replica's place behind its source.
#[derive(Clone, Debug, PartialEq)]
pub struct Follower {
    pub account: String,
    pub region: String,
    /// The source's resource id.
    pub resource: String,
    /// How far it is behind.
    pub lag: Nanos,
    /// It never goes back behind what it has once replayed.
    pub floor: Nanos,
    /// The replica's own server identity (MySQL).
    pub server: String,
}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}

fn happen(_world: &mut World, _event: &Event) {}
