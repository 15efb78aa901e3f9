//! How often things are looked at, and how long is long. One grid of ticks for all runs of a fleet, so that looks fall together
//! and can share their answers.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::plan::{Expected, Graph, Plan};

#[derive(Clone, Debug)]
pub struct Pace {
    /// The grid that looks fall on.
    pub tick: Duration,
    /// A step that has been under way for so long is looked at again after this share of it: lateness stays a small part.
    pub growth: f64,
    /// No step under way that others wait for is left without a look for longer; twice as long while much of it is left.
    pub seldom: Duration,
    /// Nor any that has time to spare.
    pub rarely: Duration,
    /// A step with time to spare is looked at again after this share of it.
    pub spare: f64,
    /// The grid of first looks after calls: what siblings asked for at about the same time is looked at together.
    pub soon: Duration,
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
            rarely: Duration::from_secs(45),
            spare: 0.03,
            soon: Duration::from_millis(250),
            back_off: Duration::from_secs(30),
            unreadable: 6,
            lag: Duration::from_secs(60),
            late: Duration::from_secs(20 * 60),
            keep: Duration::from_secs(15),
            mirror: Duration::from_secs(10),
            buckets: BTreeMap::new(),
        }
    }
}

impl Pace {
    /// A pace as coarse as its tick: what looks late on purpose looks seldom, too. Growth ends at a quarter.
    pub fn ticking(tick: Duration) -> Self {
        let fine = Pace::default();
        let times = (tick.as_secs_f64() / fine.tick.as_secs_f64()).max(1.0);
        Pace {
            tick,
            growth: (fine.growth * times).min(0.25),
            seldom: fine.seldom.max(tick * 4),
            rarely: fine.rarely.max(tick * 4),
            soon: fine.soon.max(tick / 2),
            keep: fine.keep.max(tick * 2),
            ..fine
        }
    }

    /// The first tick not before `at`.
    pub fn on_grid(&self, at: Timestamp) -> Timestamp {
        up(at, self.tick)
    }

    /// The tick that `at` is in.
    pub fn tick_of(&self, at: Timestamp) -> Timestamp {
        let up = up(at, self.tick);
        if up == at {
            return at;
        }
        SignedDuration::try_from(self.tick)
            .ok()
            .and_then(|tick| up.checked_sub(tick).ok())
            .unwrap_or(at)
    }

    /// The tick nearest to `wait` after `now`, and not now.
    pub fn after(&self, now: Timestamp, wait: Duration) -> Timestamp {
        self.on_grid(later(now, wait.max(self.tick) - self.tick / 2))
    }

    /// When to look for the first time at what a call asked for. What takes its time is not there at once.
    pub fn first_look(&self, now: Timestamp, tempo: Tempo) -> Timestamp {
        if tempo
            .expected
            .is_some_and(|expected| expected.p50 >= LENGTHY)
        {
            return self.next_look(now, Duration::ZERO, None, tempo);
        }
        up(now, self.soon.min(self.tick))
    }

    /// When to look again at something that has been under way for `passed`, and has come so far.
    pub fn next_look(
        &self,
        now: Timestamp,
        passed: Duration,
        percent: Option<u8>,
        tempo: Tempo,
    ) -> Timestamp {
        let (mut wait, mut most) = (passed.mul_f64(self.growth), self.seldom);
        // AWS's percentages are a guess: they make looks rarer while much is left, and denser at the end, and no more.
        let left = percent
            .filter(|percent| (1..100).contains(percent))
            .map(|percent| passed.mul_f64(f64::from(100 - percent) / f64::from(percent)));
        if let Some(left) = left {
            if percent.is_some_and(|percent| percent <= 60) {
                most = self.seldom * 2;
            }
            wait = wait.max(left / 4).min((left / 2).max(self.tick));
        }
        // What is quick is seen quickly all the same: a step of several calls would spend its spare time at each of them.
        let spare = tempo.spare.mul_f64(self.spare).min(self.rarely);
        wait = wait.min(most).max(spare.min(passed / 2));
        if let Some(expected) = tempo.expected {
            // Hardly ever done so early: a look now and then is for the eye, the next that counts is when it may be done.
            let early = seconds(expected.p50 * 0.5);
            let eye = seconds(expected.p50 * 0.05).min(self.seldom);
            wait = wait.max(eye.min(early.saturating_sub(passed)));
        }
        self.after(now, wait)
    }

    /// When to try again after the n-th setback in a row.
    pub fn retry(&self, now: Timestamp, setbacks: u32) -> Timestamp {
        let wait = self
            .tick
            .saturating_mul(1 << setbacks.saturating_sub(1).min(10));
        self.after(now, wait.min(self.back_off))
    }
}

/// What takes as long as this, in seconds, is not looked at right after it was asked for.
const LENGTHY: f64 = 30.0;

/// How a step's looks are to be spaced: by how long it takes as a rule, and how much longer it could without anybody waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tempo {
    pub expected: Option<Expected>,
    pub spare: Duration,
}

impl Tempo {
    /// The tempo of every step of a plan. A step that may take long is not counted on to be quick.
    pub fn of(plan: &Plan, graph: &Graph) -> Vec<Tempo> {
        let expected = |at: usize| plan.steps[at].expected.filter(|_| !plan.steps[at].hold);
        let usual = |at: usize| expected(at).map_or(0.0, |expected| expected.p50);
        let settling = |at: usize, on: usize| {
            let needs = plan.steps[at].needs.iter();
            let mut on = needs.filter(|need| graph.position(&need.step) == Some(on));
            on.find_map(|need| need.settle)
                .map_or(0.0, |passes| f64::from(passes.over))
        };
        // A plan that goes round in a circle was refused.
        let order = graph.order().unwrap_or_default();
        let mut begins = vec![0.0_f64; plan.steps.len()];
        for at in order.iter().copied() {
            for on in graph.needs[at].iter().copied() {
                begins[at] = begins[at].max(begins[on] + usual(on) + settling(at, on));
            }
        }
        let end = (0..begins.len()).fold(0.0, |end, at| f64::max(end, begins[at] + usual(at)));
        let mut latest = vec![end; begins.len()];
        for at in order.iter().rev().copied() {
            for on in graph.needs[at].iter().copied() {
                latest[on] = latest[on].min(latest[at] - usual(at) - settling(at, on));
            }
        }
        (0..begins.len())
            .map(|at| {
                let slow = expected(at).map_or(0.0, |expected| expected.p95.max(expected.p50));
                Tempo {
                    expected: expected(at),
                    spare: seconds(latest[at] - begins[at] - slow),
                }
            })
            .collect()
    }
}

/// A time in seconds; none if it is negative or no number.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// The first point of a grid not before `at`.
fn up(at: Timestamp, grid: Duration) -> Timestamp {
    let grid = i128::try_from(grid.as_nanos()).unwrap_or(i128::MAX).max(1);
    let nanos = at.as_nanosecond();
    let up = nanos.div_euclid(grid) * grid + if nanos.rem_euclid(grid) == 0 { 0 } else { grid };
    Timestamp::from_nanosecond(up).unwrap_or(at)
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
    use crate::plan::Planned;
    use crate::run::tests::toy::{plan, planned};
    use crate::step::Effect;
    use serde_json::Value as Json;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    #[test]
    fn looks_fall_on_one_grid_and_become_rarer() {
        let pace = Pace::default();
        assert_eq!(pace.after(at(300), Duration::ZERO), at(1_000));
        assert_eq!(pace.after(at(700), Duration::ZERO), at(2_000));
        assert_eq!(pace.after(at(0), Duration::ZERO), at(1_000));
        let next = |passed, tempo| pace.next_look(at(0), Duration::from_secs(passed), None, tempo);
        let plain = Tempo::default();
        assert_eq!(next(10, plain), at(1_000));
        assert_eq!(next(300, plain), at(6_000));
        assert_eq!(next(3_000, plain), at(15_000));
        let lengthy = Tempo {
            expected: Some(Expected {
                p50: 600.0,
                p95: 900.0,
            }),
            ..plain
        };
        assert_eq!(next(10, lengthy), at(15_000));
        assert_eq!(next(297, lengthy), at(6_000));
        assert_eq!(next(400, lengthy), at(8_000));
        let idle = Tempo {
            spare: Duration::from_secs(1_000),
            ..plain
        };
        assert_eq!(next(10, idle), at(5_000));
        assert_eq!(next(100, idle), at(30_000));
        assert_eq!(pace.first_look(at(10), plain), at(250));
        assert_eq!(pace.first_look(at(10), lengthy), at(15_000));
    }

    #[test]
    fn a_percentage_makes_looks_rarer_first_and_denser_at_the_end() {
        let pace = Pace::default();
        let next = |passed, percent| {
            let passed = Duration::from_secs(passed);
            pace.next_look(at(0), passed, Some(percent), Tempo::default())
        };
        assert_eq!(next(100, 10), at(30_000));
        assert_eq!(next(600, 70), at(15_000));
        assert_eq!(next(600, 99), at(3_000));
        // No percentage at all, and what says nothing.
        assert_eq!(next(600, 0), at(12_000));
        assert_eq!(next(600, 100), at(12_000));
    }

    #[test]
    fn a_tick_lasts_from_one_point_of_the_grid_to_the_next() {
        let pace = Pace::default();
        assert_eq!(pace.tick_of(at(1_000)), at(1_000));
        assert_eq!(pace.tick_of(at(1_001)), at(1_000));
        assert_eq!(pace.tick_of(at(1_999)), at(1_000));
    }

    #[test]
    fn a_coarse_tick_looks_seldom() {
        let pace = Pace::ticking(Duration::from_secs(30));
        let passed = Duration::from_secs(400);
        let next = pace.next_look(at(0), passed, None, Tempo::default());
        assert_eq!(next, at(90_000));
        assert_eq!(
            Pace::ticking(Duration::from_millis(1)).growth,
            Pace::default().growth
        );
    }

    #[test]
    fn what_nobody_waits_for_has_time_to_spare() {
        let step = |name: &str, seconds: f64, needs: &[&str]| Planned {
            expected: Some(Expected {
                p50: seconds,
                p95: seconds * 1.5,
            }),
            ..planned(name, "thing", Json::Null, Effect::Adds, needs)
        };
        let plan = plan(vec![
            step("copy", 1_000.0, &[]),
            step("network", 100.0, &[]),
            step("balancer", 200.0, &["network"]),
            step("restore", 500.0, &["copy", "balancer"]),
        ]);
        let spare: Vec<u64> = Tempo::of(&plan, &Graph::of(&plan))
            .iter()
            .map(|tempo| tempo.spare.as_secs())
            .collect();
        // Of 700 s that network and balancer could be later, each may take half as long again as usual.
        assert_eq!(spare, [0, 650, 600, 0]);
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
