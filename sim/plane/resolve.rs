//! Names: what a vantage point gets when it asks for one.
//!
//! Zones are Route 53's; the names of balancers and databases are AWS's own and are answered here.

use super::{From, Resolved};
use crate::clock::{Nanos, SECOND};
use crate::services::route53::{self, Lookup};
use crate::services::{ec2, elbv2, rds};
use crate::world::World;

/// An answer in a resolver's cache.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cached {
    answer: Resolved,
    until: Nanos,
}

/// Negative answers are kept for as long as the SOA record of a new zone says.
const NEGATIVE_TTL: u64 = 900;
const BALANCER_TTL: u64 = 60;
const DATABASE_TTL: u64 = 5;

/// No chain of names is followed further.
const CHAIN: usize = 10;

impl World {
    /// What `from` gets for a name now. A caching resolver answers from what it holds and learns nothing here; use
    /// [`World::resolve_through`] to let it learn.
    pub fn resolve(&self, name: &str, rtype: &str, from: &From) -> Resolved {
        if let From::Resolver { name: resolver } = from {
            let key = (resolver.clone(), plain(name), rtype.to_owned());
            if let Some(cached) = self.plane.caches.get(&key).filter(|c| c.until > self.now()) {
                return cached.at(self.now());
            }
        }
        self.look_up(&plain(name), rtype, from)
    }

    /// The same, and a caching resolver keeps what it was told for as long as the TTL says.
    pub fn resolve_through(&mut self, name: &str, rtype: &str, from: &From) -> Resolved {
        let answer = self.resolve(name, rtype, from);
        let cached = matches!(answer, Resolved::Records { cached: true, .. });
        if let (From::Resolver { name: resolver }, false) = (from, cached) {
            let ttl = match &answer {
                Resolved::Records { ttl, .. } => *ttl,
                Resolved::NoSuchName | Resolved::NoData => NEGATIVE_TTL,
            };
            let cached = Cached {
                answer: answer.clone(),
                until: self.now() + ttl * SECOND,
            };
            self.plane
                .caches
                .insert((resolver.clone(), plain(name), rtype.to_owned()), cached);
        }
        answer
    }

    /// Asks past every cache, following CNAMEs to the end; the TTL is the shortest on the way.
    fn look_up(&self, name: &str, rtype: &str, from: &From) -> Resolved {
        let mut name = name.to_owned();
        let mut shortest = u64::MAX;
        for _ in 0..CHAIN {
            match self.one(&name, rtype, from) {
                Step::End(Resolved::Records { records, ttl, .. }) => {
                    return Resolved::Records {
                        records,
                        ttl: ttl.min(shortest),
                        cached: false,
                    };
                }
                Step::End(other) => return other,
                Step::Alias { name: next, ttl } => {
                    shortest = shortest.min(ttl);
                    name = next;
                }
            }
        }
        Resolved::NoData
    }

    fn one(&self, name: &str, rtype: &str, from: &From) -> Step {
        if let Some(own) = self.aws_name(name, rtype, from) {
            return Step::End(own);
        }
        let vpc = match from {
            From::Interface {
                account,
                region,
                id,
            } => ec2::interface(self, account, region, id)
                .map(|i| (region.as_str(), i.vpc_id.as_str())),
            _ => None,
        };
        match route53::lookup(self, name, rtype, vpc) {
            Lookup::Records {
                rtype: given,
                records,
                ttl,
            } if given == "CNAME" && rtype != "CNAME" => match records.first() {
                Some(next) => Step::Alias {
                    name: plain(next),
                    ttl,
                },
                None => Step::End(Resolved::NoData),
            },
            Lookup::Records { records, ttl, .. } => Step::End(Resolved::Records {
                records,
                ttl,
                cached: false,
            }),
            Lookup::NxDomain => Step::End(Resolved::NoSuchName),
            Lookup::NoData => Step::End(Resolved::NoData),
        }
    }

    /// Names that AWS gives: balancers and databases. `None`: not such a name.
    fn aws_name(&self, name: &str, rtype: &str, from: &From) -> Option<Resolved> {
        if !is_given(name) {
            return None;
        }
        let (records, ttl) = if name.contains(".elb.") {
            let (_, _, arn) = match elbv2::balancer_by_dns(self, name) {
                Some(found) => found,
                None => return Some(Resolved::NoSuchName),
            };
            let nodes = elbv2::answering_nodes(self, &arn);
            let addresses = nodes
                .into_iter()
                .map(|n| n.public_address.unwrap_or(n.private_address))
                .collect();
            (addresses, BALANCER_TTL)
        } else {
            let Some(address) = rds::address_of(self, name) else {
                return Some(Resolved::NoSuchName);
            };
            let inside = match from {
                From::Interface {
                    account,
                    region,
                    id,
                } => ec2::interface(self, account, region, id)
                    .is_some_and(|i| i.vpc_id == address.vpc),
                _ => false,
            };
            // A public database has two faces: inside its VPC the name leads to the private one.
            let one = address
                .public_ip
                .filter(|_| !inside)
                .unwrap_or(address.private_ip);
            (vec![one], DATABASE_TTL)
        };
        let records: Vec<String> = records;
        Some(match (rtype, records.is_empty()) {
            (_, true) => Resolved::NoSuchName,
            ("A", false) => Resolved::Records {
                records,
                ttl,
                cached: false,
            },
            (_, false) => Resolved::NoData,
        })
    }

    /// The last name of a chain of CNAMEs; `None` if the name is none.
    pub(crate) fn follow(&self, name: &str, from: &From) -> Option<String> {
        if is_given(name) {
            return None;
        }
        let mut name = plain(name);
        let mut moved = false;
        for _ in 0..CHAIN {
            match self.one(&name, "A", from) {
                Step::Alias { name: next, .. } => {
                    name = next;
                    moved = true;
                }
                Step::End(_) => break,
            }
        }
        moved.then_some(name)
    }
}

enum Step {
    End(Resolved),
    Alias { name: String, ttl: u64 },
}

impl Cached {
    fn at(&self, now: Nanos) -> Resolved {
        match &self.answer {
            Resolved::Records { records, .. } => {
                let ttl = (self.until - now).div_ceil(SECOND);
                Resolved::Records {
                    records: records.clone(),
                    ttl,
                    cached: true,
                }
            }
            other => other.clone(),
        }
    }
}

/// Whether AWS gave a name to a balancer or a database: it leads to no other name.
fn is_given(name: &str) -> bool {
    name.ends_with(".amazonaws.com") && (name.contains(".elb.") || name.contains(".rds."))
}

/// Names compare without case and without the final dot.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
