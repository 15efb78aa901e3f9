//! Where the names of endpoints lead.

use super::connect::DatabaseRef;
use super::instance::Endpoint;
use super::{Instance, State};
use crate::world::World;
use std::borrow::Cow;

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

/// What an endpoint's name means, where it stands.
pub(super) struct Found<'w> {
    pub account: &'w str,
    pub region: &'w str,
    pub id: &'w str,
    pub rds: &'w State,
    pub instance: &'w Instance,
    pub endpoint: &'w Endpoint,
}

impl Found<'_> {
    pub fn database(&self) -> DatabaseRef {
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

pub(super) fn find<'w>(world: &'w World, host: &str) -> Option<Found<'w>> {
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
