//! Names: what a vantage point gets when it asks for one.

use super::{From, Resolved};
use crate::clock::{Nanos, SECOND};
use crate::world::World;

/// An answer in a resolver's cache.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cached {
    answer: Resolved,
    until: Nanos,
}

/// Negative answers are kept for as long as AWS's zones say in their SOA record by default, capped as resolvers do.
const NEGATIVE_TTL: u64 = 900;

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
        if let (From::Resolver { name: resolver }, false) = (from, is_cached(&answer)) {
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

    fn look_up(&self, _name: &str, _rtype: &str, _from: &From) -> Resolved {
        Resolved::NoSuchName
    }
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

fn is_cached(answer: &Resolved) -> bool {
    matches!(answer, Resolved::Records { cached: true, .. })
}

/// Names compare without case and without the final dot.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
