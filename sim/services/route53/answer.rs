//! What name servers answer: zones, delegation, wildcards, routing policies, aliases. It only looks.

use super::records::{Body, RecordSet, Records, Routing, invalid};
use super::{SERVERS, Zone, alias, cidr, health, name, region, zones};
use crate::clock::SECOND;
use crate::error::AwsError;
use crate::plane::{From, Resolved};
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// What an authoritative server (or, inside a VPC, the VPC's resolver) answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// `rtype` is the type asked for, or `CNAME`: then the asker goes on with the name in `records`.
    Records {
        rtype: String,
        records: Vec<String>,
        ttl: u64,
    },
    /// No such name in the zone, or no zone of the name.
    NxDomain,
    /// The name exists, without a record of this type.
    NoData,
}

/// Who asks: routing policies answer differently from place to place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asker {
    /// Region and id of the VPC whose resolver is asked: its private zones come first.
    pub vpc: Option<(String, String)>,
    /// The region that is nearest.
    pub region: Option<String>,
    pub continent: Option<String>,
    pub country: Option<String>,
    pub subdivision: Option<String>,
    pub address: Option<Ipv4Addr>,
    /// Which of the zone's name servers is asked; drawn if none.
    pub server: Option<usize>,
    /// Told apart when servers and weights are drawn.
    pub draw: u64,
}

/// Balancers' and websites' names are answered with this TTL, whatever the alias's own zone says.
const ALIAS_TTL: u64 = 60;

/// Asks for `name`, from a VPC (`(region, vpc id)`: its private zones come first) or from the internet.
pub fn lookup(world: &World, name: &str, rtype: &str, from_vpc: Option<(&str, &str)>) -> Lookup {
    let asker = match from_vpc {
        Some((region, id)) => Asker {
            vpc: Some((region.to_owned(), id.to_owned())),
            region: Some(region.to_owned()),
            ..Asker::default()
        },
        None => Asker::default(),
    };
    lookup_as(world, name, rtype, &asker)
}

/// The same, from a place of the asker's own.
pub fn lookup_as(world: &World, name: &str, rtype: &str, asker: &Asker) -> Lookup {
    let Ok(name) = name::canonical(name) else {
        return Lookup::NxDomain;
    };
    match find_zone(world, &name, asker) {
        Some((account, zone)) => View {
            world,
            account,
            zone,
            asker,
            depth: 8,
        }
        .answer(&name, rtype),
        None => Lookup::NxDomain,
    }
}

fn server_of(world: &World, asker: &Asker, name: &str) -> usize {
    match asker.server {
        Some(server) => server % SERVERS,
        None => {
            (world
                .dice
                .hash(&["r53-asked", name], asker.draw ^ (world.now() / SECOND))
                % SERVERS as u64) as usize
        }
    }
}

/// The zone that answers for a name: the VPC's most specific private one, else the public one that is delegated to.
fn find_zone<'w>(world: &'w World, qname: &str, asker: &Asker) -> Option<(&'w str, &'w Zone)> {
    let all = || {
        world
            .accounts
            .iter()
            .flat_map(|(a, s)| s.route53.zones.iter().map(move |(_, z)| (a.as_str(), z)))
    };
    if let Some((region, id)) = &asker.vpc {
        let private = all()
            .filter(|(_, z)| z.private && z.vpcs.iter().any(|v| v.region == *region && v.id == *id))
            .filter(|(_, z)| {
                name::within(qname, &z.name) && served(world, z, asker, qname).is_some()
            })
            .max_by_key(|(_, z)| z.name.len());
        if private.is_some() {
            return private;
        }
    }
    let public = || all().filter(|(_, z)| !z.private && name::within(qname, &z.name));
    // The registrar delegates the topmost zone, and of several of one name the eldest.
    let mut current = public().min_by_key(|(_, z)| (z.name.len(), z.created, z.id.clone()))?;
    loop {
        let records = served(world, current.1, asker, qname)?;
        let Some(delegation) = delegation(records, &current.1.name, qname) else {
            return Some(current);
        };
        let servers: Vec<&str> = delegation
            .values()
            .iter()
            .map(|v| v.trim_end_matches('.'))
            .collect();
        let child = public().find(|(_, z)| {
            z.name == delegation.name
                && z.name_servers.iter().any(|s| servers.contains(&s.as_str()))
        });
        // A delegation to servers that do not know the zone: nobody answers.
        current = child?;
    }
}

/// What the asked server of a zone holds; none while it does not know the zone yet.
fn served<'w>(world: &World, zone: &'w Zone, asker: &Asker, qname: &str) -> Option<&'w Records> {
    let records = zone.served.get(server_of(world, asker, qname))?.as_ref();
    (!records.is_empty()).then_some(records)
}

/// The NS records, below the zone's own name, that give a name away to another zone.
fn delegation<'r>(records: &'r Records, zone: &str, qname: &str) -> Option<&'r RecordSet> {
    let mut found = None;
    let mut at = Some(qname);
    while let Some(here) = at.filter(|h| *h != zone && name::within(h, zone)) {
        if let Some(set) = records.get(&(name::reversed(here), "NS".to_owned(), String::new())) {
            found = Some(set);
        }
        at = name::parent(here);
    }
    found
}

/// One zone as one asker sees it.
struct View<'w> {
    world: &'w World,
    account: &'w str,
    zone: &'w Zone,
    asker: &'w Asker,
    /// Aliases may point at aliases; no further than this.
    depth: u8,
}

impl<'w> View<'w> {
    fn records(&self, qname: &str) -> Option<&'w Records> {
        served(self.world, self.zone, self.asker, qname)
    }

    fn answer(&self, qname: &str, rtype: &str) -> Lookup {
        let Some(records) = self.records(qname) else {
            return Lookup::NxDomain;
        };
        let Some(node) = node(records, &self.zone.name, qname) else {
            return Lookup::NxDomain;
        };
        if node.is_empty() {
            return Lookup::NoData;
        }
        let of = |wanted: &str| {
            node.iter()
                .copied()
                .filter(|s| s.rtype == wanted)
                .collect::<Vec<_>>()
        };
        let sets = of(rtype);
        if !sets.is_empty() {
            return self.choose(&sets, qname, rtype);
        }
        let names = of("CNAME");
        if names.is_empty() {
            Lookup::NoData
        } else {
            self.choose(&names, qname, "CNAME")
        }
    }

    fn choose(&self, sets: &[&RecordSet], qname: &str, rtype: &str) -> Lookup {
        let healthy: Vec<&RecordSet> = sets.iter().copied().filter(|s| self.healthy(s)).collect();
        // When nothing is healthy, everything counts as healthy.
        let pool = if healthy.is_empty() {
            sets.to_vec()
        } else {
            healthy.clone()
        };
        let first = sets[0];
        let chosen = match &first.routing {
            Routing::Simple => Some(first),
            Routing::Weighted(_) => self.weighted(sets, &healthy, qname),
            Routing::Latency(_) => self.nearest(&pool),
            Routing::Geoproximity { .. } => self.nearest(&pool),
            Routing::Failover { .. } => failover(sets, &healthy),
            Routing::Geolocation { .. } => self.located(&healthy).or_else(|| self.located(sets)),
            Routing::Cidr { .. } => self.by_address(&pool).or_else(|| self.by_address(sets)),
            Routing::Multivalue => return self.several(&pool, qname, rtype),
        };
        match chosen {
            Some(set) => self.of(set, rtype),
            None => Lookup::NoData,
        }
    }

    fn of(&self, set: &RecordSet, rtype: &str) -> Lookup {
        match &set.body {
            Body::Values { ttl, values } => Lookup::Records {
                rtype: rtype.to_owned(),
                records: values.clone(),
                ttl: *ttl,
            },
            Body::Alias { zone, target, .. } if *zone == self.zone.id => {
                if self.depth == 0 {
                    return Lookup::NoData;
                }
                View {
                    depth: self.depth - 1,
                    ..*self
                }
                .answer(target, rtype)
            }
            Body::Alias { target, .. } => {
                let from = From::Internet {
                    ip: "192.0.2.53".to_owned(),
                };
                match self.world.resolve(alias::plain(target), rtype, &from) {
                    Resolved::Records { records, .. } if !records.is_empty() => Lookup::Records {
                        rtype: rtype.to_owned(),
                        records,
                        ttl: ALIAS_TTL,
                    },
                    _ => Lookup::NoData,
                }
            }
        }
    }

    fn healthy(&self, set: &RecordSet) -> bool {
        if set
            .health_check
            .as_deref()
            .is_some_and(|id| !health::is_healthy(self.world, self.account, id))
        {
            return false;
        }
        match &set.body {
            Body::Alias {
                zone,
                target,
                evaluate: true,
            } if *zone == self.zone.id => {
                let Some(records) = self.records(target) else {
                    return true;
                };
                let Some(node) = node(records, &self.zone.name, target) else {
                    return true;
                };
                let sets: Vec<&RecordSet> =
                    node.into_iter().filter(|s| s.rtype == set.rtype).collect();
                let view = View {
                    depth: self.depth.saturating_sub(1),
                    ..*self
                };
                self.depth == 0 || sets.is_empty() || sets.into_iter().any(|s| view.healthy(s))
            }
            Body::Alias {
                target,
                evaluate: true,
                ..
            } => alias::is_healthy(self.world, target),
            _ => true,
        }
    }

    fn weighted<'r>(
        &self,
        sets: &[&'r RecordSet],
        healthy: &[&'r RecordSet],
        qname: &str,
    ) -> Option<&'r RecordSet> {
        let weight = |s: &RecordSet| {
            if let Routing::Weighted(w) = s.routing {
                w
            } else {
                0
            }
        };
        let total = |pool: &[&RecordSet]| pool.iter().map(|s| weight(s)).sum::<u64>();
        // Sets of weight zero serve only when no healthy set of another weight is left.
        let pool: &[&RecordSet] = if healthy.is_empty() { sets } else { healthy };
        let sum = total(pool);
        let h = self
            .world
            .dice
            .hash(&["r53-weight", qname], self.asker.draw ^ self.world.now());
        if sum == 0 {
            return pool.get((h % pool.len().max(1) as u64) as usize).copied();
        }
        let mut left = h % sum;
        for set in pool {
            if left < weight(set) {
                return Some(set);
            }
            left -= weight(set);
        }
        None
    }

    fn nearest<'r>(&self, pool: &[&'r RecordSet]) -> Option<&'r RecordSet> {
        let here = region::place(self.asker.region.as_deref().unwrap_or("us-east-1"))
            .unwrap_or((38.9, -77.4));
        let away = |set: &RecordSet| match &set.routing {
            Routing::Latency(there) if Some(there) == self.asker.region.as_ref() => -1.0,
            Routing::Latency(there) => {
                region::place(there).map_or(f64::MAX, |p| region::distance(here, p))
            }
            Routing::Geoproximity {
                region: there,
                at,
                bias,
                ..
            } => {
                let place = match at {
                    Some((latitude, longitude)) => {
                        latitude.parse().ok().zip(longitude.parse().ok())
                    }
                    None => there.as_deref().and_then(region::place),
                };
                let plain = place.map_or(f64::MAX, |p| region::distance(here, p));
                // A positive bias makes the region larger, as if it were nearer.
                plain * (1.0 - bias.unwrap_or(0) as f64 / 100.0)
            }
            _ => f64::MAX,
        };
        pool.iter()
            .copied()
            .min_by(|a, b| away(a).total_cmp(&away(b)))
    }

    fn located<'r>(&self, sets: &[&'r RecordSet]) -> Option<&'r RecordSet> {
        let rank = |set: &RecordSet| match &set.routing {
            Routing::Geolocation {
                subdivision: Some(s),
                country,
                ..
            } => (Some(s) == self.asker.subdivision.as_ref() && *country == self.asker.country)
                .then_some(3),
            Routing::Geolocation {
                country: Some(c), ..
            } if c == "*" => Some(0),
            Routing::Geolocation {
                country: Some(c), ..
            } => (Some(c) == self.asker.country.as_ref()).then_some(2),
            Routing::Geolocation {
                continent: Some(c), ..
            } => (Some(c) == self.asker.continent.as_ref()).then_some(1),
            _ => None,
        };
        sets.iter()
            .copied()
            .filter_map(|s| rank(s).map(|r| (r, s)))
            .max_by_key(|(r, _)| *r)
            .map(|(_, s)| s)
    }

    fn by_address<'r>(&self, sets: &[&'r RecordSet]) -> Option<&'r RecordSet> {
        let of = |wanted: &str| {
            sets.iter().copied().find(
                |s| matches!(&s.routing, Routing::Cidr { location, .. } if location == wanted),
            )
        };
        let collection = sets.iter().find_map(|s| match &s.routing {
            Routing::Cidr { collection, .. } => Some(collection),
            _ => None,
        })?;
        cidr::location(self.world, self.account, collection, self.asker.address)
            .and_then(|location| of(&location))
            .or_else(|| of("*"))
    }

    /// Up to eight sets at once.
    fn several(&self, pool: &[&RecordSet], qname: &str, rtype: &str) -> Lookup {
        let h = self
            .world
            .dice
            .hash(&["r53-several", qname], self.asker.draw ^ self.world.now());
        let start = (h % pool.len().max(1) as u64) as usize;
        let chosen = pool.iter().cycle().skip(start).take(pool.len().min(8));
        let (mut records, mut least) = (Vec::new(), u64::MAX);
        for set in chosen {
            if let Body::Values { ttl, values } = &set.body {
                records.extend(values.iter().cloned());
                least = least.min(*ttl);
            }
        }
        Lookup::Records {
            rtype: rtype.to_owned(),
            records,
            ttl: least,
        }
    }
}

/// The primary as long as it is healthy, else the secondary if that is; when both are not, the primary.
fn failover<'r>(sets: &[&'r RecordSet], healthy: &[&'r RecordSet]) -> Option<&'r RecordSet> {
    let role = |pool: &[&'r RecordSet], wanted: bool| {
        pool.iter()
            .copied()
            .find(|s| s.routing == Routing::Failover { primary: wanted })
    };
    role(healthy, true)
        .or_else(|| role(healthy, false))
        .or_else(|| role(sets, true))
        .or_else(|| sets.first().copied())
}

/// The record sets that a name stands for: its own, or those of the wildcard that covers it. Empty: the name exists
/// only because longer ones do. None: there is no such name.
fn node<'r>(records: &'r Records, zone: &str, qname: &str) -> Option<Vec<&'r RecordSet>> {
    let own = at(records, qname);
    if own.as_ref().is_some_and(|sets| !sets.is_empty()) || own.is_some() {
        return own;
    }
    // The closest ancestor that exists decides which wildcard may answer.
    let mut here = name::parent(qname)?;
    while here != zone && at(records, here).is_none() {
        here = name::parent(here)?;
    }
    at(records, &format!("\\052.{here}")).filter(|sets| !sets.is_empty())
}

fn at<'r>(records: &'r Records, owner: &str) -> Option<Vec<&'r RecordSet>> {
    let key = name::reversed(owner);
    let mut own = Vec::new();
    let mut below = false;
    for ((reversed, ..), set) in records.range((key.clone(), String::new(), String::new())..) {
        if *reversed == key {
            own.push(set);
        } else {
            below = reversed.starts_with(&key);
            break;
        }
    }
    (below || !own.is_empty()).then_some(own)
}

pub(super) fn test(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let zone = zones::named(cx, input, "HostedZoneId")?.clone();
    let raw = input.str("RecordName").unwrap_or_default();
    let rtype = input.str("RecordType").unwrap_or_default();
    let qname = name::canonical(raw).map_err(|f| invalid(format!("{} ({})", f.code, f.text)))?;
    if !name::within(&qname, &zone.name) {
        return Err(invalid(format!(
            "The record name {raw} does not lie within the hosted zone {}.",
            zone.name
        )));
    }
    let address = |member: &str| match input.str(member).map(str::parse::<std::net::IpAddr>) {
        Some(Ok(std::net::IpAddr::V4(ip))) => Ok(Some(ip)),
        Some(Ok(std::net::IpAddr::V6(_))) | None => Ok(None),
        Some(Err(_)) => Err(invalid(format!("{member} is not a valid IP address."))),
    };
    let (resolver, client) = (address("ResolverIP")?, address("EDNS0ClientSubnetIP")?);
    let asker = Asker {
        address: client.or(resolver),
        ..Asker::default()
    };
    let account = cx.caller.account.clone();
    let server = server_of(cx.world, &asker, &qname);
    let view = View {
        world: cx.world,
        account: &account,
        zone: &zone,
        asker: &asker,
        depth: 8,
    };
    let (code, records) = match view.answer(&qname, rtype) {
        Lookup::Records { records, .. } => ("NOERROR", records),
        Lookup::NoData => ("NOERROR", Vec::new()),
        Lookup::NxDomain => ("NXDOMAIN", Vec::new()),
    };
    Ok(json!({
        "Nameserver": zone.name_servers.get(server),
        "RecordName": qname.trim_end_matches('.'),
        "RecordType": rtype,
        "RecordData": records,
        "ResponseCode": code,
        "Protocol": "UDP",
    }))
}
