//! Several runs in one fleet, a second place for their records, and letters from other processes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;

use super::toy::*;
use crate::clock::{Clock, VirtualClock};
use crate::event::{Answer, Event, Halt, Outcome, UnwindWhy};
use crate::journal::{self, Letter, Mirror, MirrorError, Place as Files, Wish};
use crate::name::RunId;
use crate::plan::{Approval, Confirm, Lane, OnTimeout};
use crate::run::{Ended, Fleet, Pace, Rate, Run, RunError};
use crate::step::{Effect, Kinds};

/// A second place that can be out of reach for a while.
struct Second {
    clock: VirtualClock,
    lines: Mutex<Vec<(u64, Arc<str>)>>,
    /// Nanoseconds between which it does not answer.
    dark: (u64, u64),
    usurped_at: u64,
    pushes: AtomicU64,
}

impl Second {
    fn new(bench: &Bench, dark: (u64, u64)) -> Arc<Self> {
        Arc::new(Second {
            clock: bench.clock.clone(),
            lines: Mutex::default(),
            dark,
            usurped_at: u64::MAX,
            pushes: AtomicU64::new(0),
        })
    }
}

struct Door(Arc<Second>);

impl Mirror for Door {
    fn push(
        &self,
        _: &RunId,
        first: u64,
        lines: Vec<Arc<str>>,
    ) -> BoxFuture<'static, Result<(), MirrorError>> {
        let second = self.0.clone();
        Box::pin(async move {
            second.pushes.fetch_add(1, Ordering::SeqCst);
            let now = second.clock.nanos();
            if now >= second.usurped_at {
                return Err(MirrorError::Usurped("epoch 2 by ops@elsewhere".into()));
            }
            if (second.dark.0..second.dark.1).contains(&now) {
                std::future::pending::<()>().await;
            }
            second.clock.sleep_until(now + 100_000_000).await;
            let mut kept = second.lines.lock().unwrap();
            kept.extend((first..).zip(lines));
            Ok(())
        })
    }
}

fn mirrored(bench: &Bench, second: &Arc<Second>, plan: crate::plan::Plan) -> Ended {
    let run = bench
        .begin(plan)
        .unwrap()
        .mirror(Arc::new(Door(second.clone())));
    bench.live(run).unwrap()
}

#[test]
fn the_second_place_has_every_record_before_a_call_leaves_and_at_the_end() {
    let bench = Bench::new();
    let second = Second::new(&bench, (0, 0));
    assert_eq!(
        mirrored(&bench, &second, migrate()).outcome(),
        &Outcome::Done
    );
    let kept = second.lines.lock().unwrap();
    let records = journal::read(&bench.files).unwrap();
    assert!(
        kept.iter()
            .map(|(_, line)| line)
            .eq(records.iter().map(|record| &record.line))
    );
    assert!(
        kept.iter()
            .map(|(number, _)| *number)
            .eq(1..=records.len() as u64)
    );
}

#[test]
fn without_the_second_place_additions_go_on_and_fences_wait_for_a_person() {
    let bench = Bench::new();
    let second = Second::new(&bench, (1_000_000_000, 200_000_000_000));
    let ended = mirrored(&bench, &second, migrate());
    let Outcome::Stopped(Halt::Paused { step, fault }) = ended.outcome() else {
        panic!("{:?}", ended.outcome())
    };
    assert_eq!((step.as_str(), fault.code.as_str()), ("desired", "E3013"));
    assert_eq!(bench.world.cloud().settings["desired"], "2");
    assert_eq!(bench.world.cloud().made["seed"], 1);
    // Later the way is mended: resumed, it finishes, and the second place gets what it lacks.
    bench.clock.drain(300_000_000_000);
    let run = bench
        .take_over()
        .unwrap()
        .resume()
        .unwrap()
        .mirror(Arc::new(Door(second.clone())));
    assert_eq!(bench.live(run).unwrap().outcome(), &Outcome::Done);
    let records = journal::read(&bench.files).unwrap();
    let kept = second.lines.lock().unwrap();
    assert!(
        records
            .iter()
            .all(|record| kept.contains(&(record.number, record.line.clone())))
    );
}

#[test]
fn broken_glass_lets_everything_through_and_is_on_record() {
    let bench = Bench::new();
    let second = Second::new(&bench, (1_000_000_000, u64::MAX));
    let mut plan = migrate();
    let why = "the state's region is down too".into();
    plan.approvals.push(Approval {
        what: "break-glass".into(),
        by: "owner".into(),
        why,
    });
    let ended = mirrored(&bench, &second, plan);
    assert_eq!(ended.outcome(), &Outcome::Done);
    assert!(ended.state.mirror_lost.is_some());
}

#[test]
fn who_was_usurped_stops_at_once() {
    let bench = Bench::new();
    let mut second = Second::new(&bench, (0, 0));
    Arc::get_mut(&mut second).unwrap().usurped_at = 8_000_000_000;
    let ended = mirrored(&bench, &second, migrate());
    let error = ended.result.unwrap_err();
    assert_eq!((error.code(), error.exit()), ("E3007", 6));
    assert_eq!(bench.world.cloud().settings["dns"], "source");
}

/// Runs in one fleet over one world; each has its own names.
fn many(
    bench: &Bench,
    count: usize,
    pace: Pace,
    plan: impl Fn(usize) -> crate::plan::Plan,
) -> Vec<Ended> {
    let mut fleet = Fleet::new(Arc::new(bench.clock.clone()), pace);
    for n in 0..count {
        let files = Files::new(
            Arc::new(bench.disk.clone()),
            "/state",
            RunId::new(format!("{:04x}", n + 1)).unwrap(),
        );
        let env = Arc::new(bench.world.clone());
        let run = Run::begin(
            files,
            plan(n),
            &Kinds::new(&KINDS),
            env,
            holder(),
            bench.clock.now(),
        )
        .unwrap();
        fleet = fleet.with(run);
    }
    bench.clock.run(fleet.run()).unwrap()
}

#[test]
fn runs_share_lanes_and_a_run_that_fails_gives_its_place_back() {
    let bench = Bench::new().mishap(1, Mishap::Denied);
    let ended = many(&bench, 4, Pace::default(), |n| {
        let mut step = thing(&format!("copy-{n}"), Guard::Name, 50, &[]);
        step.lane = Some(Lane {
            name: "copies to eu-west-1".into(),
            width: 1,
        });
        plan(vec![step])
    });
    assert!(matches!(ended[0].outcome(), Outcome::Failed { .. }));
    assert!(
        ended[1..]
            .iter()
            .all(|ended| ended.outcome() == &Outcome::Done)
    );
    let took = bench.clock.nanos() / 1_000_000_000;
    assert!((150..160).contains(&took), "{took}");
}

#[test]
fn runs_share_the_rate_of_a_service() {
    let bench = Bench::new();
    let mut pace = Pace::default();
    pace.buckets.insert(
        "toy".into(),
        Rate {
            per_second: 0.5,
            burst: 2.0,
        },
    );
    let ended = many(&bench, 10, pace, |n| {
        plan(vec![thing(&format!("t{n}"), Guard::Name, 1, &[])])
    });
    assert!(ended.iter().all(|ended| ended.outcome() == &Outcome::Done));
    let times: Vec<u64> = bench
        .world
        .cloud()
        .log
        .iter()
        .map(|(at, _)| at / 1_000_000_000)
        .collect();
    assert_eq!(times, [0, 0, 2, 4, 6, 8, 10, 12, 14, 16]);
}

#[test]
fn a_broken_disk_of_one_run_is_no_matter_to_another() {
    let bench = Bench::new();
    bench
        .disk
        .trouble(8, journal::Trouble::Error(std::io::ErrorKind::StorageFull));
    let ended = many(&bench, 3, Pace::default(), |n| {
        plan(vec![thing(&format!("t{n}"), Guard::Name, 5, &[])])
    });
    let failed = ended
        .iter()
        .filter(|ended| matches!(ended.result, Err(RunError::Journal(_))))
        .count();
    let done = ended
        .iter()
        .filter(|ended| matches!(ended.result, Ok(Outcome::Done)))
        .count();
    assert_eq!((failed, done), (1, 2));
}

/// Posts a letter as soon as `when` sees the journal as it waits for it.
fn with_letter(
    bench: &Bench,
    plan: crate::plan::Plan,
    when: impl Fn(&[crate::event::Record]) -> Option<Wish> + Send + 'static,
) -> Ended {
    let run = bench.begin(plan).unwrap();
    let fleet = Fleet::new(Arc::new(bench.clock.clone()), bench.pace.clone()).with(run);
    let (files, clock) = (bench.files.clone(), bench.clock.clone());
    let writer = async move {
        loop {
            clock.sleep(std::time::Duration::from_millis(700)).await;
            if let Some(wish) = journal::read(&files)
                .ok()
                .and_then(|records| when(&records))
            {
                files
                    .post(&Letter {
                        by: "owner@desk".into(),
                        at: clock.now(),
                        wish,
                    })
                    .unwrap();
                break;
            }
        }
    };
    let ended = async move {
        let writer = tokio::spawn(writer);
        let ended = fleet.run().await;
        writer.abort();
        ended
    };
    bench.clock.run(ended).unwrap().remove(0)
}

fn asking() -> crate::plan::Plan {
    let mut plan = migrate();
    for step in plan
        .steps
        .iter_mut()
        .filter(|step| step.effect == Effect::Cuts)
    {
        let on_timeout = OnTimeout::Unwind;
        step.confirm = Some(Confirm {
            text: "Move users?".into(),
            timeout: 60,
            on_timeout,
            given: None,
        });
    }
    plan
}

fn asked(records: &[crate::event::Record]) -> Option<u64> {
    records
        .iter()
        .find(|record| matches!(record.event, Event::Asked { .. }))
        .map(|record| record.number)
}

#[test]
fn who_declines_stops_the_run_before_the_cut() {
    let bench = Bench::new();
    let ended = with_letter(&bench, asking(), |records| {
        Some(Wish::Answer {
            step: id("dns"),
            asked: asked(records)?,
            answer: Answer::No,
        })
    });
    let Outcome::Stopped(Halt::Declined { by, .. }) = ended.outcome() else {
        panic!("{:?}", ended.outcome())
    };
    assert_eq!((by.as_str(), ended.outcome().exit()), ("owner@desk", 4));
    assert_eq!(bench.world.cloud().settings["dns"], "source");
}

#[test]
fn an_answer_to_another_question_is_not_heard_and_then_all_is_taken_back_and_can_be_begun_again() {
    let bench = Bench::new();
    let ended = with_letter(&bench, asking(), |records| {
        Some(Wish::Answer {
            step: id("dns"),
            asked: asked(records)? + 1,
            answer: Answer::Yes,
        })
    });
    assert!(
        matches!(ended.outcome(), Outcome::Unwound { why: UnwindWhy::Unconfirmed(_), left } if left.is_empty())
    );
    assert_eq!(bench.world.canonical(), Bench::new().world.canonical());
    assert!(ended.outcome().resumable());
    // Resumed, everything is made once more, with other intents; undone instead, nothing is.
    let run = bench
        .take_over()
        .unwrap()
        .undo("ops", crate::event::Reach::BeforeCut)
        .unwrap();
    assert!(matches!(
        bench.live(run).unwrap().outcome(),
        Outcome::Unwound {
            why: UnwindWhy::Asked(_),
            ..
        }
    ));
    assert_eq!(bench.world.canonical(), Bench::new().world.canonical());
}

#[test]
fn a_letter_can_pause_or_cancel() {
    let after = |word: &'static str| {
        move |records: &[crate::event::Record]| {
            records
                .iter()
                .any(|record| record.event.name() == word)
                .then_some(())
        }
    };
    let bench = Bench::new();
    let ended = with_letter(&bench, migrate(), move |records| {
        after("made")(records)?;
        Some(Wish::Pause { epoch: 1 })
    });
    assert_eq!(
        ended.outcome(),
        &Outcome::Stopped(Halt::Asked("owner@desk".into()))
    );
    let bench = Bench::new();
    let ended = with_letter(&bench, migrate(), move |records| {
        after("reached")(records)?;
        Some(Wish::Cancel { epoch: 1 })
    });
    assert!(
        matches!(ended.outcome(), Outcome::Unwound { why: UnwindWhy::Asked(_), left } if left.is_empty())
    );
    assert_eq!(bench.world.canonical(), Bench::new().world.canonical());
}
