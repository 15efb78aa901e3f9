//! What is still to happen in a world, and the passing of its time.

use super::{Event, World};
use crate::clock::{MINUTE, Nanos};
use crate::services;

/// How often what no reader sees any more is forgotten.
const FORGETS: Nanos = 5 * MINUTE;

impl World {
    /// Lets time pass: everything due until `at` happens, in order of time and then of scheduling.
    pub fn advance_to(&mut self, at: Nanos) {
        while let Some(due) = self.next_event().filter(|due| *due <= at) {
            self.now = self.now.max(due);
            // A request that was held up reaches its service before what else happens at that instant.
            let late = self
                .faults
                .late
                .first_key_value()
                .is_some_and(|((when, _), _)| *when <= due);
            if late {
                if let Some((_, (request, caller))) = self.faults.late.pop_first() {
                    crate::call::replay(self, &caller, &request);
                }
            } else if let Some(((at, number), event)) = self.events.pop_first() {
                if services::dark::waits(self, &event) {
                    self.hold(at, number, event);
                } else {
                    services::happen(self, &event);
                }
            }
        }
        self.now = self.now.max(at);
        if self.now >= self.forgot + FORGETS {
            self.forgot = self.now;
            for place in self.places.values_mut() {
                place.forget(self.now);
            }
        }
    }

    /// Puts an event off, and with it what comes after it in the life of the same resource: in its order, with its distances.
    fn hold(&mut self, at: Nanos, number: u64, event: Event) {
        let same = |e: &Event| {
            (e.service, &e.account, &e.region, &e.id)
                == (event.service, &event.account, &event.region, &event.id)
        };
        let after: Vec<(Nanos, u64)> = self
            .events
            .iter()
            .filter(|(_, e)| same(e) && services::dark::waits(self, e))
            .map(|(key, _)| *key)
            .collect();
        let after: Vec<_> = after
            .into_iter()
            .filter_map(|key| Some((key, self.events.remove(&key)?)))
            .collect();
        let later = |(at, number): (Nanos, u64)| (at + services::dark::NOTICE, number);
        self.events.insert(later((at, number)), event);
        for (key, event) in after {
            self.events.insert(later(key), event);
        }
    }

    /// When something next happens by itself.
    pub fn next_event(&self) -> Option<Nanos> {
        let event = self.events.first_key_value().map(|((due, _), _)| *due);
        let late = self.faults.late.first_key_value().map(|((due, _), _)| *due);
        event.into_iter().chain(late).min()
    }

    /// Schedules an event `after` from now.
    pub fn schedule(&mut self, after: Nanos, event: Event) {
        self.sequence += 1;
        self.events.insert((self.now + after, self.sequence), event);
    }

    /// Whether an event that matches is still to come.
    pub fn is_scheduled(&self, matches: impl Fn(&Event) -> bool) -> bool {
        self.events.values().any(matches)
    }

    /// Takes back the events that match (a deleted resource needs no further life).
    pub fn unschedule(&mut self, matches: impl Fn(&Event) -> bool) {
        self.events.retain(|_, event| !matches(event));
    }
}
