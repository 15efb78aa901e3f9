//! Killed at any instant, and with any answer lost: the same world in the end, nothing made twice, everything given back.

use std::sync::Arc;

use super::toy::*;
use crate::clock::Stop;
use crate::event::{Outcome, Reach};
use crate::journal::{Keep, Trouble};
use crate::run::RunError;

/// What a run that nothing happened to leaves, and how long it took.
fn undisturbed() -> (String, u64, u64, u64) {
    let bench = Bench::new();
    assert_eq!(bench.finish(migrate()).outcome(), &Outcome::Done);
    let requests = bench.world.cloud().requests;
    (
        bench.world.canonical(),
        bench.clock.events(),
        requests,
        bench.disk.operations(),
    )
}

fn check_end(bench: &Bench, expected: &str, story: &str) {
    bench.clock.drain(bench.clock.nanos() + 600_000_000_000);
    assert_eq!(bench.world.canonical(), expected, "{story}");
    let cloud = bench.world.cloud();
    assert!(
        cloud.made.values().all(|made| *made == 1),
        "{story}: made twice: {:?}",
        cloud.made
    );
}

#[test]
fn killed_at_any_event_a_resume_finishes_and_makes_nothing_twice() {
    let (expected, events, ..) = undisturbed();
    for event in 1..=events {
        let bench = Bench::new();
        bench.clock.crash_at(event);
        let first = bench.live(bench.begin(migrate()).unwrap());
        let story = format!("killed at event {event}");
        if matches!(first, Err(Stop::Crashed)) {
            bench.reboot();
            let ended = bench.resume();
            assert_eq!(ended.result.as_ref().ok(), Some(&Outcome::Done), "{story}");
        }
        check_end(&bench, &expected, &story);
    }
}

/// Kills a move at every event, then takes it back. Users may have moved before the kill: from there it is only onward.
fn undone_wherever_it_was_killed(fresh: impl Fn() -> Bench) {
    let undisturbed = fresh();
    assert_eq!(undisturbed.finish(migrate()).outcome(), &Outcome::Done);
    let before = fresh().world.canonical();
    for event in 1..=undisturbed.clock.events() {
        let bench = fresh();
        bench.clock.crash_at(event);
        if bench.live(bench.begin(migrate()).unwrap()).is_ok() {
            continue;
        }
        bench.reboot();
        let story = format!("killed at event {event}, then undone");
        match bench.take_over().unwrap().undo("ops", Reach::BeforeCut) {
            Ok(run) => {
                let ended = bench.live(run).unwrap();
                assert!(
                    matches!(ended.outcome(), Outcome::Unwound { left, .. } if left.is_empty()),
                    "{story}: {:?}",
                    ended.outcome()
                );
                bench.clock.drain(bench.clock.nanos() + 600_000_000_000);
                assert_eq!(bench.world.canonical(), before, "{story}");
            }
            Err(RunError::PastTheCut { .. }) => {
                assert_eq!(bench.resume().outcome(), &Outcome::Done, "{story}")
            }
            Err(error) => panic!("{story}: {error}"),
        }
    }
}

#[test]
fn killed_at_any_event_an_undo_gives_everything_back() {
    undone_wherever_it_was_killed(Bench::new);
}

#[test]
fn killed_at_any_event_an_undo_finds_what_lists_do_not_show_yet() {
    undone_wherever_it_was_killed(|| {
        let bench = Bench::new();
        bench.world.cloud().lag = LAG;
        bench
    });
}

/// Lists lag for three seconds.
const LAG: crate::clock::Nanos = 3_000_000_000;

#[test]
fn killed_again_while_recovering_it_still_finishes() {
    let (expected, events, ..) = undisturbed();
    for event in (1..=events).step_by(7) {
        for second in [1, 2, 3, 5, 8, 13, 21, 55] {
            let bench = Bench::new();
            bench.clock.crash_at(event);
            if bench.live(bench.begin(migrate()).unwrap()).is_ok() {
                continue;
            }
            bench.reboot();
            bench.clock.crash_at(second);
            if bench
                .live(bench.take_over().unwrap().resume().unwrap())
                .is_err()
            {
                bench.reboot();
                assert_eq!(
                    bench.resume().outcome(),
                    &Outcome::Done,
                    "{event}, {second}"
                );
            }
            check_end(
                &bench,
                &expected,
                &format!("killed at event {event} and {second} later"),
            );
        }
    }
}

#[test]
fn power_lost_at_any_write_with_any_part_of_it_on_disk() {
    let (expected, _, _, operations) = undisturbed();
    for operation in 2..=operations {
        for keep in [Keep::Nothing, Keep::Half, Keep::All] {
            let bench = Bench::new();
            let run = bench.begin(migrate()).unwrap();
            let clock = bench.clock.clone();
            bench.disk.trouble(
                operation - 1,
                Trouble::Power(keep, Arc::new(move || clock.crash_now())),
            );
            let first = bench.live(run);
            let story = format!("power lost at write {operation}, {keep:?} kept");
            assert!(first.is_err(), "{story}");
            bench.reboot();
            assert_eq!(bench.resume_or_done(), Outcome::Done, "{story}");
            check_end(&bench, &expected, &story);
        }
    }
}

#[test]
fn a_disk_that_fails_stops_the_run_before_the_next_request() {
    let (expected, _, _, operations) = undisturbed();
    for operation in 2..=operations {
        let kinds = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::Other];
        for trouble in [Trouble::Error(kinds[0]), Trouble::Short(kinds[1])] {
            let bench = Bench::new();
            let run = bench.begin(migrate()).unwrap();
            bench.disk.trouble(operation - 1, trouble);
            let ended = bench.live(run).unwrap();
            let story = format!("disk failed at write {operation}");
            let error = ended.result.unwrap_err();
            assert_eq!((error.code(), error.exit()), ("E3006", 6), "{story}");
            bench.disk.kill();
            assert_eq!(bench.resume_or_done(), Outcome::Done, "{story}");
            check_end(&bench, &expected, &story);
        }
    }
}

#[test]
fn any_answer_lost_or_late_or_refused_leads_to_the_same_world() {
    let (expected, _, requests, _) = undisturbed();
    let mishaps = [
        Mishap::ReplyLost,
        Mishap::RequestLost,
        Mishap::Late(25),
        Mishap::Late(60),
        Mishap::Throttled,
        Mishap::NotYet,
    ];
    for request in 1..=requests {
        for mishap in mishaps {
            let bench = Bench::new().mishap(request, mishap);
            let ended = bench.finish(migrate());
            let story = format!("request {request}: {mishap:?}");
            assert_eq!(ended.result.as_ref().ok(), Some(&Outcome::Done), "{story}");
            check_end(&bench, &expected, &story);
        }
    }
}

#[test]
fn any_answer_lost_in_a_power_failure_leads_to_the_same_world() {
    let (expected, _, requests, _) = undisturbed();
    for request in 1..=requests {
        let bench = Bench::new().mishap(request, Mishap::PowerLost);
        assert!(bench.live(bench.begin(migrate()).unwrap()).is_err());
        bench.reboot();
        let ended = bench.resume();
        assert_eq!(
            ended.result.as_ref().ok(),
            Some(&Outcome::Done),
            "request {request}"
        );
        check_end(
            &bench,
            &expected,
            &format!("power lost with request {request} in flight"),
        );
    }
}

#[test]
fn a_failed_step_anywhere_can_be_undone_or_resumed() {
    let (expected, _, requests, _) = undisturbed();
    let before = Bench::new().world.canonical();
    for request in 1..=requests {
        let fail = || {
            let bench = Bench::new().mishap(request, Mishap::Denied);
            let ended = bench.finish(migrate());
            let failed = matches!(ended.outcome(), Outcome::Failed { .. });
            // A blob that is refused is simply sent again.
            assert!(
                failed || ended.state.steps()[2].cursor.is_some(),
                "{request}: {:?}",
                ended.outcome()
            );
            failed.then_some(bench)
        };
        let Some(bench) = fail() else { continue };
        assert_eq!(
            bench.resume().outcome(),
            &Outcome::Done,
            "request {request}"
        );
        check_end(
            &bench,
            &expected,
            &format!("request {request} refused, then resumed"),
        );
        let Some(bench) = fail() else { continue };
        let ended = bench.undo();
        assert!(
            matches!(ended.outcome(), Outcome::Unwound { left, .. } if left.is_empty()),
            "request {request}"
        );
        assert_eq!(
            bench.world.canonical(),
            before,
            "request {request} refused, then undone"
        );
    }
}
