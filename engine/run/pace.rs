//! How often things are looked at, and how long is long. One grid of ticks for all runs of a fleet, so that looks fall together
//! and can share their answers.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::plan::Expected;

#[derive(Clone, Debug)]
pub struct Pace {
    /// The grid that looks fall on.
    pub tick: Duration,
    /// A step that has been under way for so long is looked at again after this share of it: lateness stays a small part.
    pub growth: f64,
    /// No step under way is left without a look for longer.
    pub seldom: Duration,
    /// The longest pause between two tries of a refused call.
    pub back_off: Duration,
    /// So many answers in a row that cannot be read, and asking is given up.
    pub unreadable: u32,
    /// How long lists may lag behind what was accepted, before a setting is sent again.
    pub lag: Duration,
    /// How late a request that was not answered can still be carried out.
    pub late: Duration,
    /// Between two looks at what has to stay as it is.
    pub keep: Duration,
    /// How long the mirror may take.
    pub mirror: Duration,
    /// Requests per second, and how many at once, by service.
    pub buckets: BTreeMap<String, Rate>,
}

/// A limit of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub per_second: f64,
    pub burst: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            tick: Duration::from_secs(1),
            growth: 0.02,
            seldom: Duration::from_secs(15),
            back_off: Duration::from_secs(30),
            unreadable: 6,
            lag: Duration::from_secs(60),
            late: Duration::from_secs(20 * 60),
            keep: Duration::from_secs(5),
            mirror: Duration::from_secs(10),
            buckets: BTreeMap::new(),
        }
    }
}

impl Pace {
    pub fn ticking(tick: Duration) -> Self {
        Pace {
            tick,
            ..Pace::default()
        }
    }

    /// The first tick not before `at`.
    pub fn on_grid(&self, at: Timestamp) -> Timestamp {
        let tick = i128::try_from(self.tick.as_nanos())
            .unwrap_or(i128::MAX)
            .max(1);
        let nanos = at.as_nanosecond();
        let up = nanos.div_euclid(tick) * tick + if nanos.rem_euclid(tick) == 0 { 0 } else { tick };
        Timestamp::from_nanosecond(up).unwrap_or(at)
    }

    /// The tick nearest to `wait` after `now`, and not now.
    pub fn after(&self, now: Timestamp, wait: Duration) -> Timestamp {
        self.on_grid(later(now, wait.max(self.tick) - self.tick / 2))
    }

    /// When to look again at something that has been under way for `passed`.
    pub fn next_look(
        &self,
        now: Timestamp,
        passed: Duration,
        expected: Option<Expected>,
    ) -> Timestamp {
        let mut wait = passed.mul_f64(self.growth);
        if let Some(expected) = expected
            && passed.as_secs_f64() < expected.p50 * 0.5
        {
            // Hardly ever done this early; a look now and then is for the eye.
            wait = wait.max(Duration::from_secs_f64(
                (expected.p50 * 0.05).clamp(0.0, 3600.0),
            ));
        }
        self.after(now, wait.min(self.seldom))
    }

    /// When to try again after the n-th setback in a row.
    pub fn retry(&self, now: Timestamp, setbacks: u32) -> Timestamp {
        let wait = self
            .tick
            .saturating_mul(1 << setbacks.saturating_sub(1).min(10));
        self.after(now, wait.min(self.back_off))
    }
}

pub(super) fn later(at: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| at.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Hands out the moments at which requests may leave.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    /// By service: when the bucket was last full enough for one more, as a debt of seconds.
    free_at: BTreeMap<String, f64>,
}

impl Buckets {
    /// How long a request to `service` has to wait.
    pub fn reserve(
        &mut self,
        rates: &BTreeMap<String, Rate>,
        service: &str,
        now: Timestamp,
    ) -> Duration {
        let Some(rate) = rates.get(service) else {
            return Duration::ZERO;
        };
        let now = now.as_nanosecond() as f64 / 1e9;
        let gap = 1.0 / rate.per_second.max(1e-3);
        let free_at = self.free_at.entry(service.to_owned()).or_insert(f64::MIN);
        let slot = free_at.max(now - (rate.burst.max(1.0) - 1.0) * gap);
        *free_at = slot + gap;
        Duration::from_secs_f64((slot - now).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    #[test]
    fn looks_fall_on_one_grid_and_become_rarer() {
        let pace = Pace::default();
        assert_eq!(pace.after(at(300), Duration::ZERO), at(1_000));
        assert_eq!(pace.after(at(700), Duration::ZERO), at(2_000));
        assert_eq!(pace.after(at(0), Duration::ZERO), at(1_000));
        assert_eq!(
            pace.next_look(at(0), Duration::from_secs(10), None),
            at(1_000)
        );
        assert_eq!(
            pace.next_look(at(0), Duration::from_secs(300), None),
            at(6_000)
        );
        let expected = Some(Expected {
            p50: 600.0,
            p95: 900.0,
        });
        assert_eq!(
            pace.next_look(at(0), Duration::from_secs(10), expected),
            at(15_000)
        );
    }

    #[test]
    fn a_bucket_lets_a_burst_through_and_then_keeps_its_rate() {
        let rates = BTreeMap::from([(
            "ecs".to_owned(),
            Rate {
                per_second: 2.0,
                burst: 3.0,
            },
        )]);
        let mut buckets = Buckets::default();
        let waits: Vec<u128> = (0..5)
            .map(|_| buckets.reserve(&rates, "ecs", at(0)).as_millis())
            .collect();
        assert_eq!(waits, [0, 0, 0, 500, 1000]);
        assert_eq!(buckets.reserve(&rates, "rds", at(0)), Duration::ZERO);
    }
}
