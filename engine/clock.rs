//! Time: the machine's, or a virtual one that moves only when nothing can run.
//!
//! One `Clock` drives a whole process: the engine's ticks and, through an adapter of the product, the SDK's sleeps and
//! time stamps. Must not know: what is waited for.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

/// What time it is, and waiting. The only source of both.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's time. Sleeps need tokio's timer.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Nanoseconds since a virtual clock's origin.
pub type Nanos = u64;

/// A world whose own events happen in virtual time: the simulated AWS.
pub trait Outside: Send + Sync + 'static {
    /// When its next event is due.
    fn next_event(&self) -> Option<Nanos>;
    /// Lets everything due up to then happen. Wakes nobody: whoever waits for the world asks it.
    fn advance_to(&self, at: Nanos);
    /// Where others share the world's time: waits, in real time, until it has come to `at`.
    fn come_to(&self, at: Nanos) -> Come {
        Come::There(at)
    }
}

/// How far a world's time has come when it was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Come {
    /// As far as was asked, or further.
    There(Nanos),
    /// Not yet: whoever waits looks whether something else woke up, and asks again.
    Short(Nanos),
    /// There is no world any more.
    Gone,
}

/// Why virtual time stopped before the work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// Nothing can run and nothing is waited for: an answer was forgotten or a wake-up lost.
    #[error("nothing can run and nothing is waited for")]
    Stalled,
    #[error("the power is off")]
    Crashed,
    #[error("a task panicked")]
    Panicked,
    #[error("no runtime could be built")]
    NoRuntime,
    /// The world whose time this is does not answer.
    #[error("the world does not answer any more")]
    Gone,
}

/// How fast virtual time runs against the machine's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Speed {
    /// As fast as the processor allows.
    #[default]
    Instant,
    /// So many virtual seconds in one real second; 1.0 is real time.
    Times(f64),
}

enum Due {
    Sleeper(Waker),
    World(Box<dyn FnOnce() + Send>),
}

#[derive(Default)]
struct Inner {
    now: Nanos,
    sequence: u64,
    events: u64,
    due: BTreeMap<(Nanos, u64), Due>,
    root: Option<Waker>,
    stop: Option<Stop>,
    crash_at: Option<u64>,
    outside: Option<Arc<dyn Outside>>,
    speed: Speed,
    /// A real and a virtual instant that fell together: pacing counts from here.
    anchor: Option<(Instant, Nanos)>,
}

/// Virtual time: a heap of what is waited for, advanced one event at a time and only when nothing can run.
#[derive(Clone)]
pub struct VirtualClock {
    inner: Arc<Mutex<Inner>>,
    origin: Timestamp,
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VirtualClock({})", Clock::now(self))
    }
}

/// While pacing, the thread sleeps no longer than this before it looks whether another thread has woken something.
const NAP: Duration = Duration::from_millis(20);

/// So many events of the outside world in a row, and the runtime sees to its signals again.
const IN_A_ROW: u32 = 64;

impl VirtualClock {
    /// A clock whose nanosecond 0 is `origin`.
    pub fn new(origin: Timestamp) -> Self {
        VirtualClock {
            inner: Arc::default(),
            origin,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn nanos(&self) -> Nanos {
        self.lock().now
    }

    /// Moves the clock to where a kept world stands. Never back.
    pub fn start_at(&self, at: Nanos) {
        let mut inner = self.lock();
        inner.now = inner.now.max(at);
        inner.anchor = None;
    }

    /// Events that have happened: sleeps that ended and the world's own.
    pub fn events(&self) -> u64 {
        self.lock().events
    }

    pub fn attach(&self, outside: Arc<dyn Outside>) {
        self.lock().outside = Some(outside);
    }

    pub fn set_speed(&self, speed: Speed) {
        let mut inner = self.lock();
        inner.speed = speed;
        inner.anchor = None;
    }

    /// Whether the power is off. Whoever has effects outside memory asks before each.
    pub fn dead(&self) -> bool {
        self.lock().stop.is_some()
    }

    /// The power fails when the n-th event of this life happens.
    pub fn crash_at(&self, event: u64) {
        let mut inner = self.lock();
        inner.crash_at = Some(inner.events + event);
    }

    /// The power fails now. The caller must stay pending or do nothing more.
    pub fn crash_now(&self) {
        let root = {
            let mut inner = self.lock();
            inner.stop = Some(Stop::Crashed);
            inner.root.take()
        };
        if let Some(root) = root {
            root.wake();
        }
    }

    /// Power is back. What the world had begun still happens.
    pub fn reboot(&self) {
        let mut inner = self.lock();
        inner.stop = None;
        inner.crash_at = None;
        inner.root = None;
        inner.anchor = None;
    }

    /// Something of the world that happens then, whatever becomes of the client.
    pub fn at(&self, at: Nanos, event: impl FnOnce() + Send + 'static) {
        let mut inner = self.lock();
        inner.sequence += 1;
        let key = (at, inner.sequence);
        inner.due.insert(key, Due::World(Box::new(event)));
    }

    pub fn sleep_until(&self, at: Nanos) -> Nap {
        Nap {
            clock: self.clone(),
            until: at,
            key: None,
        }
    }

    /// Called when nothing can run: lets time pass until somebody is woken. A waker of a finished task wakes nothing; the
    /// root is where stops are seen, so it is always woken.
    fn turn(&self) {
        let mut more = 0..IN_A_ROW;
        while self.step() && more.next().is_some() {}
        let root = self.lock().root.clone();
        root.into_iter().for_each(Waker::wake);
    }

    /// Lets exactly one event happen. Whether it was one of the outside world's alone, which wakes nobody.
    fn step(&self) -> bool {
        let mut inner = self.lock();
        let outside = inner.outside.clone();
        let mut happened = None;
        let mut world = None;
        if inner.stop.is_none() {
            // Asking the world takes the world's lock, and the world may ask for the time: not under ours.
            drop(inner);
            let worlds = outside.as_ref().and_then(|outside| outside.next_event());
            inner = self.lock();
            let ours = inner.due.keys().next().map(|(at, _)| *at);
            let next = match (ours, worlds) {
                (Some(ours), Some(worlds)) => Some(ours.min(worlds)),
                (ours, worlds) => ours.or(worlds),
            };
            match next {
                None => inner.stop = Some(Stop::Stalled),
                Some(next) => {
                    if let Some(rest) = inner.pace(next) {
                        drop(inner);
                        std::thread::sleep(rest.min(NAP));
                        return false;
                    }
                    // Waiting for the world's time takes real time: not under the lock.
                    drop(inner);
                    let come = outside
                        .as_ref()
                        .map_or(Come::There(next), |outside| outside.come_to(next));
                    inner = self.lock();
                    let next = match come {
                        Come::There(at) => at.max(next),
                        Come::Short(at) => {
                            inner.now = inner.now.max(at);
                            return false;
                        }
                        Come::Gone => {
                            inner.stop = Some(Stop::Gone);
                            return false;
                        }
                    };
                    inner.now = inner.now.max(next);
                    inner.events += 1;
                    if inner.crash_at == Some(inner.events) {
                        inner.stop = Some(Stop::Crashed);
                    }
                    if worlds.is_some_and(|worlds| worlds <= next) {
                        world = outside.map(|outside| (outside, inner.now));
                    } else {
                        happened = inner.due.pop_first().map(|(_, due)| due);
                    }
                }
            }
        }
        let goes_on = inner.stop.is_none();
        drop(inner);
        match (world, happened) {
            (Some((outside, now)), _) => {
                outside.advance_to(now);
                return goes_on;
            }
            (_, Some(Due::Sleeper(waker))) => waker.wake(),
            (_, Some(Due::World(event))) => event(),
            (None, None) => {}
        }
        false
    }

    /// Runs `main` to its end on a runtime of its own whose every wait is a wait of this clock.
    pub fn run<T: Send + 'static>(
        &self,
        main: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Stop> {
        let hook = self.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .event_interval(1)
            .on_thread_park(move || hook.turn())
            .build()
            .map_err(|_| Stop::NoRuntime)?;
        let mut main = runtime.spawn(main);
        runtime.block_on(std::future::poll_fn(|context| {
            {
                let mut inner = self.lock();
                inner.root = Some(context.waker().clone());
                if let Some(stop) = inner.stop {
                    return Poll::Ready(Err(stop));
                }
            }
            Pin::new(&mut main)
                .poll(context)
                .map(|ended| ended.map_err(|_| Stop::Panicked))
        }))
    }

    /// Lets everything that is still due happen, up to `at`: for judging a world after its client is dead.
    pub fn drain(&self, at: Nanos) {
        loop {
            let (outside, ours) = {
                let inner = self.lock();
                (
                    inner.outside.clone(),
                    inner.due.keys().next().map(|(at, _)| *at),
                )
            };
            let worlds = outside.as_ref().and_then(|outside| outside.next_event());
            let next = match (ours, worlds) {
                (Some(ours), Some(worlds)) => ours.min(worlds),
                (Some(only), None) | (None, Some(only)) => only,
                (None, None) => break,
            };
            if next > at {
                break;
            }
            let happened = {
                let mut inner = self.lock();
                inner.now = inner.now.max(next);
                if worlds.is_some_and(|worlds| worlds <= next) {
                    None
                } else {
                    inner.due.pop_first()
                }
            };
            match (happened, outside) {
                (Some((_, Due::World(event))), _) => event(),
                (Some((_, Due::Sleeper(waker))), _) => waker.wake(),
                (None, Some(outside)) => outside.advance_to(next),
                (None, None) => break,
            }
        }
        let mut inner = self.lock();
        inner.now = inner.now.max(at);
    }
}

impl Inner {
    /// How much real time has to pass before the event at `next` may happen.
    fn pace(&mut self, next: Nanos) -> Option<Duration> {
        let Speed::Times(times) = self.speed else {
            return None;
        };
        let real = Instant::now();
        let (then, from) = *self.anchor.get_or_insert((real, self.now));
        let wanted =
            Duration::from_secs_f64(next.saturating_sub(from) as f64 / 1e9 / times.max(1e-6));
        let passed = real.saturating_duration_since(then);
        if passed < wanted {
            return Some(wanted - passed);
        }
        // A machine too slow to keep up does not make up for it later in a rush.
        self.anchor = Some((real, next));
        None
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::from_nanos(i64::try_from(self.nanos()).unwrap_or(i64::MAX));
        self.origin.checked_add(passed).unwrap_or(Timestamp::MAX)
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Box::pin(self.sleep_until(self.nanos().saturating_add(nanos)))
    }
}

/// A sleep in virtual time. Dropped, it leaves the heap: a time-out that is no longer needed does not move time.
pub struct Nap {
    clock: VirtualClock,
    until: Nanos,
    key: Option<(Nanos, u64)>,
}

impl Future for Nap {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut inner = clock.lock();
        if inner.now >= self.until {
            return Poll::Ready(());
        }
        let until = self.until;
        let key = *self.key.get_or_insert_with(|| {
            inner.sequence += 1;
            (until, inner.sequence)
        });
        let old = inner.due.insert(key, Due::Sleeper(context.waker().clone()));
        // A waker may run code when it is dropped: never under the lock.
        drop(inner);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Nap {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let old = self.clock.lock().due.remove(&key);
            drop(old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn clock() -> VirtualClock {
        VirtualClock::new(Timestamp::from_second(1_800_000_000).unwrap())
    }

    #[test]
    fn time_moves_only_when_nothing_can_run() {
        let clock = clock();
        let inner = clock.clone();
        let seen = clock
            .run(async move {
                let sleeper = tokio::spawn(inner.sleep(Duration::from_secs(5)));
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                    assert_eq!(inner.nanos(), 0);
                }
                sleeper.await.unwrap();
                inner.nanos()
            })
            .unwrap();
        assert_eq!(seen, 5_000_000_000);
    }

    #[test]
    fn a_wait_for_nothing_is_a_stall_not_a_hang() {
        assert_eq!(
            clock().run(std::future::pending::<()>()),
            Err(Stop::Stalled)
        );
    }

    #[test]
    fn a_crash_ends_a_life_and_the_worlds_events_happen_in_the_next() {
        let clock = clock();
        let happened = Arc::new(AtomicU64::new(0));
        let (count, sleeper) = (happened.clone(), clock.clone());
        clock.at(9_000_000_000, move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        clock.crash_at(3);
        let crashed = clock.run(async move {
            for _ in 0..10 {
                sleeper.sleep(Duration::from_secs(1)).await;
            }
        });
        assert_eq!(
            (crashed, clock.nanos()),
            (Err(Stop::Crashed), 3_000_000_000)
        );
        clock.reboot();
        let sleeper = clock.clone();
        clock
            .run(async move { sleeper.sleep(Duration::from_secs(10)).await })
            .unwrap();
        assert_eq!(happened.load(Ordering::SeqCst), 1);
    }

    struct Pulse(Mutex<Vec<Nanos>>);
    impl Outside for Pulse {
        fn next_event(&self) -> Option<Nanos> {
            let beats = self.0.lock().unwrap();
            (beats.len() < 5).then(|| (beats.len() as u64 + 1) * 1_000_000_000)
        }
        fn advance_to(&self, at: Nanos) {
            self.0.lock().unwrap().push(at);
        }
    }

    #[test]
    fn the_worlds_own_events_come_in_their_order() {
        let clock = clock();
        let pulse = Arc::new(Pulse(Mutex::default()));
        clock.attach(pulse.clone());
        let sleeper = clock.clone();
        clock
            .run(async move { sleeper.sleep(Duration::from_millis(2_500)).await })
            .unwrap();
        assert_eq!(*pulse.0.lock().unwrap(), [1_000_000_000, 2_000_000_000]);
        clock.drain(60_000_000_000);
        assert_eq!(
            (pulse.0.lock().unwrap().len(), clock.nanos()),
            (5, 60_000_000_000)
        );
    }

    /// A world that others share: it comes nearer by a second at every look, and is gone after some.
    struct Common(Mutex<(Nanos, u32)>);
    impl Outside for Common {
        fn next_event(&self) -> Option<Nanos> {
            None
        }
        fn advance_to(&self, _: Nanos) {}
        fn come_to(&self, at: Nanos) -> Come {
            let mut inner = self.0.lock().unwrap();
            if inner.1 == 0 {
                return Come::Gone;
            }
            inner.1 -= 1;
            inner.0 += 1_000_000_000;
            if inner.0 >= at {
                Come::There(inner.0)
            } else {
                Come::Short(inner.0)
            }
        }
    }

    #[test]
    fn time_that_others_share_is_waited_for_and_its_end_is_a_stop() {
        let clock = clock();
        clock.attach(Arc::new(Common(Mutex::new((0, 5)))));
        let sleeper = clock.clone();
        let came = clock.run(async move {
            sleeper.sleep(Duration::from_millis(2_500)).await;
            sleeper.nanos()
        });
        assert_eq!(came, Ok(3_000_000_000));
        let sleeper = clock.clone();
        let gone = clock.run(async move { sleeper.sleep(Duration::from_secs(60)).await });
        assert_eq!(gone, Err(Stop::Gone));
    }

    #[test]
    fn paced_time_takes_real_time() {
        let clock = clock();
        clock.set_speed(Speed::Times(1_000.0));
        let (sleeper, began) = (clock.clone(), Instant::now());
        clock
            .run(async move { sleeper.sleep(Duration::from_secs(10)).await })
            .unwrap();
        assert!(
            began.elapsed() >= Duration::from_millis(9),
            "{:?}",
            began.elapsed()
        );
    }
}
