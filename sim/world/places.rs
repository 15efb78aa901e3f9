//! The places of a world, by account and region. They are looked up all the time, so no name is copied for it.

use super::World;
use crate::services::Place;
use std::borrow::Borrow;
use std::cmp::Ordering;

/// A key of the places, owned or not.
trait Names {
    fn names(&self) -> (&str, &str);
}

impl Names for (String, String) {
    fn names(&self) -> (&str, &str) {
        (&self.0, &self.1)
    }
}

impl Names for (&str, &str) {
    fn names(&self) -> (&str, &str) {
        *self
    }
}

impl<'a> Borrow<dyn Names + 'a> for (String, String) {
    fn borrow(&self) -> &(dyn Names + 'a) {
        self
    }
}

impl PartialEq for dyn Names + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.names() == other.names()
    }
}

impl Eq for dyn Names + '_ {}

impl PartialOrd for dyn Names + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of the owned keys.
impl Ord for dyn Names + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.names().cmp(&other.names())
    }
}

impl World {
    /// The state of an account in a region, made on first use.
    pub fn place(&mut self, account: &str, region: &str) -> &mut Place {
        if self.seen_place(account, region).is_none() {
            let key = (account.to_owned(), region.to_owned());
            self.places.insert(key, Box::default());
        }
        self.seen_place_mut(account, region)
            .unwrap_or_else(|| unreachable!("inserted above"))
    }

    /// The same without making it.
    pub fn seen_place(&self, account: &str, region: &str) -> Option<&Place> {
        let key: &dyn Names = &(account, region);
        self.places.get(key).map(Box::as_ref)
    }

    pub fn seen_place_mut(&mut self, account: &str, region: &str) -> Option<&mut Place> {
        let key: &dyn Names = &(account, region);
        self.places.get_mut(key).map(Box::as_mut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_by_both_its_names_in_the_order_of_the_owned_ones() {
        let mut world = World::new(1);
        let names = [("1", "b"), ("2", "a"), ("1", "a"), ("12", ""), ("1", "ab")];
        for (n, (account, region)) in names.iter().enumerate() {
            assert!(world.seen_place(account, region).is_none());
            let revisions = &mut world.place(account, region).ecs.revisions;
            revisions.insert("mine".into(), n as u64);
        }
        for (n, (account, region)) in names.iter().enumerate() {
            let place = world.seen_place(account, region);
            assert_eq!(place.map(|p| p.ecs.revisions["mine"]), Some(n as u64));
        }
        assert!(world.seen_place("1", "").is_none());
        assert_eq!(world.places.len(), names.len());
    }
}
