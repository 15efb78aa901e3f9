//! The only loop. It carries out any number of runs: wakes what is due, takes what has come back in the order of runs and
//! steps, writes down what that means, and only then lets the next requests leave.
//!
//! Must not know: what a step is about.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;

use super::controls::{Command, Controls};
use super::decide::elapsed;
use super::doing::{Completion, Doing};
use super::executor::Executor;
use super::pace::{Buckets, Pace};
use super::{Run, RunError};
use crate::clock::Clock;
use crate::event::Outcome;
use crate::name::RunId;
use crate::state::RunState;
use crate::step::Calls;

/// How one run ended in this life.
pub struct Ended {
    pub run: RunId,
    pub result: Result<Outcome, RunError>,
    /// The fold up to the last record that was written.
    pub state: RunState,
}

/// A queue that several steps share.
#[derive(Default)]
struct LaneState {
    used: u32,
    waiting: VecDeque<(usize, usize)>,
}

/// What the runs of a fleet have in common.
pub(super) struct Shared {
    pub clock: Arc<dyn Clock>,
    pub pace: Pace,
    pub doing: FuturesUnordered<Doing>,
    /// When which step of which run wants to be woken; without a step it is the run's own pulse.
    pub due: BTreeSet<(Timestamp, usize, Option<usize>)>,
    /// Grows with every tick and every answer to a call.
    pub epoch: u64,
    /// The first epoch of this tick, and that of the last answer to a call.
    pub ticked: u64,
    pub answered: u64,
    /// By service, the epoch of the last answer to a call.
    pub calls: Calls,
    pub buckets: Buckets,
    lanes: BTreeMap<String, LaneState>,
}

impl Shared {
    /// A call was answered, or never will be: what was seen of its service before is old now.
    pub fn called(&mut self, service: &str) {
        self.epoch += 1;
        self.answered = self.epoch;
        self.calls.note(service, self.epoch);
    }

    /// Something was done that no service's name is known of.
    pub fn acted(&mut self) {
        self.epoch += 1;
        self.answered = self.epoch;
        self.ticked = self.epoch;
    }

    /// Takes a place in a lane, or queues for one.
    pub fn enter(&mut self, lane: &crate::plan::Lane, run: usize, step: usize) -> bool {
        let state = self.lanes.entry(lane.name.clone()).or_default();
        if state.used < lane.width.max(1) {
            state.used += 1;
            state.waiting.retain(|waiting| *waiting != (run, step));
            return true;
        }
        if !state.waiting.contains(&(run, step)) {
            state.waiting.push_back((run, step));
        }
        false
    }

    /// Takes a place for what is under way already, even where there is none.
    pub fn crowd(&mut self, lane: &crate::plan::Lane) {
        self.lanes.entry(lane.name.clone()).or_default().used += 1;
    }

    pub fn leave(&mut self, lane: &crate::plan::Lane, now: Timestamp) {
        let Some(state) = self.lanes.get_mut(&lane.name) else {
            return;
        };
        state.used = state.used.saturating_sub(1);
        // All of them: the first in the queue may have given up meanwhile. Who finds no place queues again.
        for (run, step) in std::mem::take(&mut state.waiting) {
            self.due.insert((now, run, Some(step)));
        }
    }
}

/// Runs carried out together. They share ticks, lanes and rates; nothing else.
pub struct Fleet<E: 'static> {
    shared: Shared,
    controls: Controls,
    runs: Vec<Run<E>>,
}

/// However many runs there are, no more things that came back are taken in one go.
const BATCH: usize = 4096;

impl<E: Send + Sync + 'static> Fleet<E> {
    pub fn new(clock: Arc<dyn Clock>, pace: Pace) -> Self {
        let shared = Shared {
            clock,
            pace,
            doing: FuturesUnordered::new(),
            due: BTreeSet::new(),
            epoch: 0,
            ticked: 0,
            answered: 0,
            calls: Calls::default(),
            buckets: Buckets::default(),
            lanes: BTreeMap::new(),
        };
        Fleet {
            shared,
            controls: Controls::default(),
            runs: Vec::new(),
        }
    }

    pub fn with(mut self, run: Run<E>) -> Self {
        self.runs.push(run);
        self
    }

    /// The handle by which people reach the fleet.
    pub fn controls(&self) -> Controls {
        self.controls.clone()
    }

    /// Carries all runs out, each to the end of this life.
    pub async fn run(self) -> Vec<Ended> {
        let Fleet {
            mut shared,
            controls,
            runs,
        } = self;
        let mut executors: Vec<Executor<E>> = runs
            .into_iter()
            .enumerate()
            .map(|(at, run)| Executor::new(at, run, &shared))
            .collect();
        for executor in &mut executors {
            executor.guard(&mut shared, |executor, shared| executor.start(shared));
        }
        let mut came: Vec<Completion> = Vec::new();
        let mut tick = Timestamp::MIN;
        loop {
            let now = shared.clock.now();
            if shared.pace.tick_of(now) > tick {
                tick = shared.pace.tick_of(now);
                shared.epoch += 1;
                shared.ticked = shared.epoch;
            }
            // What has come back already is written before a stop is: an answer that is known needs no search later.
            // In the order of runs and steps, so that what is written does not depend on who was quicker.
            came.sort_by_key(|completion| (completion.run, completion.step, completion.turn));
            for completion in came.drain(..) {
                let at = completion.run;
                executors[at].guard(&mut shared, |executor, shared| {
                    executor.complete(completion, shared)
                });
            }
            obey(&controls, &mut executors, &mut shared);
            while let Some((at, run, step)) =
                shared.due.first().copied().filter(|(at, ..)| *at <= now)
            {
                shared.due.remove(&(at, run, step));
                executors[run].guard(&mut shared, |executor, shared| executor.wake(step, shared));
            }
            for executor in &mut executors {
                executor.guard(&mut shared, |executor, shared| executor.commit(shared));
            }
            if executors.iter().all(Executor::over) {
                break;
            }
            // Committing may have opened steps; they are woken before anything is waited for.
            if shared
                .due
                .first()
                .is_some_and(|(at, ..)| *at <= shared.clock.now())
            {
                continue;
            }
            let next = shared.due.first().map(|(at, ..)| *at);
            let wait = next.map_or(Duration::from_secs(3600), |next| {
                elapsed(shared.clock.now(), next)
            });
            let alarm = shared.clock.sleep(wait);
            let stirred = async {
                tokio::select! {
                    biased;
                    () = controls.changed() => {}
                    () = alarm => {}
                }
            };
            if shared.doing.is_empty() {
                stirred.await;
                continue;
            }
            let doing = &mut shared.doing;
            let stirred = pin!(stirred);
            let first = tokio::select! {
                biased;
                completion = doing.next() => completion,
                () = stirred => None,
            };
            came.extend(first);
            // Everything else that is ready too, so that it is written with one sync.
            while came.len() < BATCH {
                let ready = std::future::poll_fn(|context| match doing.poll_next_unpin(context) {
                    std::task::Poll::Ready(Some(completion)) => {
                        std::task::Poll::Ready(Some(completion))
                    }
                    std::task::Poll::Ready(None) | std::task::Poll::Pending => {
                        std::task::Poll::Ready(None)
                    }
                });
                match ready.await {
                    Some(completion) => came.push(completion),
                    None => break,
                }
            }
        }
        executors.into_iter().map(Executor::ended).collect()
    }
}

fn obey<E: Send + Sync + 'static>(
    controls: &Controls,
    executors: &mut [Executor<E>],
    shared: &mut Shared,
) {
    for command in controls.take() {
        for executor in executors.iter_mut() {
            let command = command.clone();
            executor.guard(shared, |executor, shared| match command {
                Command::Stop { by } => executor.stop(by, shared),
                Command::StopNow => executor.stop_now(shared),
                Command::Answer {
                    run,
                    step,
                    answer,
                    by,
                } if run == *executor.run() => {
                    executor.answered(&step, None, answer, by, crate::event::How::Terminal, shared)
                }
                Command::Cancel { run, by } if run == *executor.run() => {
                    executor.cancel(by, shared)
                }
                Command::Answer { .. } | Command::Cancel { .. } => Ok(()),
            });
        }
    }
}
