use std::sync::Arc;

use super::toy::*;
use crate::event::{Answer, Event, Halt, Outcome, Reach, UnwindWhy};
use crate::journal::{self, Letter, Wish};
use crate::plan::{Confirm, Finish, Lane, Limits, Milestone, Need, OnFailure, OnTimeout, Passes};
use crate::run::{Fleet, RunError};
use crate::state::Phase;
use crate::step::{Class, Effect};

#[test]
fn a_move_is_done_in_order_and_its_moments_are_kept() {
    let bench = Bench::new();
    let ended = bench.finish(migrate());
    assert_eq!(ended.outcome(), &Outcome::Done);
    let cloud = bench.world.cloud();
    assert!(
        cloud.made.values().all(|made| *made == 1),
        "{:?}",
        cloud.made
    );
    let log: Vec<&str> = cloud.log.iter().map(|(_, what)| what.as_str()).collect();
    let at = |what: &str| log.iter().position(|line| *line == what).unwrap();
    assert!(at("set desired=0") < at("make snapshot") && at("make restore") < at("set dns=target"));
    let moment = |milestone| ended.state.milestones[&milestone].0;
    assert!(moment(Milestone::Fenced) < moment(Milestone::RecoveryPoint));
    assert!(moment(Milestone::Cut) <= moment(Milestone::Serving));
    // The critical path is 6 + 4 + 8 + 10 s of creating, plus settling: lateness stays small.
    let took = bench.clock.nanos() / 1_000_000_000;
    assert!((33..42).contains(&took), "{took}");
}

#[test]
fn what_only_looks_does_not_count_before_the_passes_that_it_waits_for() {
    let bench = Bench::new();
    let mut plan = migrate();
    let mut watched = check("watched", "dns", "target", &[]);
    watched.needs.push(Need {
        settle: Some(Passes { count: 4, over: 30 }),
        ..Need::on(id("serving"))
    });
    plan.steps.push(watched);
    let ended = bench.finish(plan);
    assert_eq!(ended.outcome(), &Outcome::Done);
    let (serving, _) = &ended.state.milestones[&Milestone::Serving];
    let watched = ended.state.step(&id("watched")).unwrap();
    let took = watched.ended.unwrap().duration_since(*serving).as_secs();
    assert!((30..40).contains(&took), "{took}");
}

#[test]
fn two_equal_worlds_write_equal_journals() {
    let lines = || {
        let bench = Bench::new().mishap(3, Mishap::ReplyLost);
        bench.finish(migrate());
        journal::read(&bench.files)
            .unwrap()
            .iter()
            .map(|record| record.line.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(), lines());
}

#[test]
fn a_dry_run_asks_for_nothing() {
    let bench = Bench::new();
    let mut plan = migrate();
    for step in &mut plan.steps {
        step.hold = true;
        step.stand_in = Some(serde_json::json!({ "id": "later" }));
    }
    let before = bench.world.canonical();
    assert_eq!(bench.finish(plan).outcome(), &Outcome::Done);
    assert_eq!(
        (bench.world.canonical(), bench.world.cloud().requests),
        (before, 0)
    );
}

#[test]
fn a_drill_holds_what_users_would_notice_and_leaves_nothing() {
    let bench = Bench::new();
    let mut plan = migrate();
    plan.profile.name = "drill".into();
    plan.profile.finish = Finish::Unwind;
    for step in &mut plan.steps {
        if step.effect >= Effect::Fences
            || ["fenced", "serving", "watermark"].contains(&step.id.as_str())
        {
            step.hold = true;
        }
    }
    let before = bench.world.canonical();
    let ended = bench.finish(plan);
    assert_eq!(
        ended.outcome(),
        &Outcome::Unwound {
            why: UnwindWhy::Rehearsed,
            left: vec![]
        }
    );
    assert_eq!(
        (bench.world.canonical(), ended.outcome().exit()),
        (before, 0)
    );
    assert_eq!(bench.world.cloud().deleted.len(), 5);
}

#[test]
fn a_refusal_says_what_was_left_and_resume_tries_again() {
    let bench = Bench::new();
    let plan = plan(vec![
        thing("a", Guard::Name, 5, &[]),
        thing("b", Guard::Name, 5, &["a"]),
    ]);
    let bench = bench.mishap(2, Mishap::Denied);
    let ended = bench.finish(plan);
    let Outcome::Failed { step, fault } = ended.outcome() else {
        panic!("{:?}", ended.outcome())
    };
    assert_eq!(
        (step.as_str(), fault.code.as_str(), ended.outcome().exit()),
        ("b", "E4012", 4)
    );
    assert_eq!(fault.causes, ["toy Make on b: Denied: the toy says so"]);
    assert_eq!(bench.resume().outcome(), &Outcome::Done);
    assert_eq!(bench.world.cloud().made["a"], 1);
    let Err(RunError::Over { wish, .. }) = bench.take_over().unwrap().resume() else {
        panic!()
    };
    assert_eq!(wish, "resume");
}

#[test]
fn a_check_that_refuses_before_anything_is_touched_says_so() {
    let bench = Bench::new();
    let mut quota = check("quota", "quota", "plenty", &[]);
    quota.limits = Limits {
        deadline: 30,
        begins: 1,
    };
    let ended = bench.finish(plan(
        vec![quota, thing("a", Guard::Name, 5, &["quota"])].map_first(),
    ));
    assert!(
        matches!(ended.outcome(), Outcome::Refused { .. }),
        "{:?}",
        ended.outcome()
    );
    assert_eq!(ended.outcome().exit(), 3);
}

trait MapFirst {
    fn map_first(self) -> Self;
}
impl MapFirst for Vec<crate::plan::Planned> {
    /// `a` refers to no output of the check.
    fn map_first(mut self) -> Self {
        self[1].params["from"] = serde_json::Value::Null;
        self
    }
}

fn in_three_sizes() -> crate::plan::Planned {
    let mut step = thing("large", Guard::Name, 5, &[]);
    step.alternatives = ["medium", "small"]
        .map(|name| serde_json::json!({ "name": name, "guard": "name", "takes": 1 }))
        .into();
    step
}

#[test]
fn a_refusal_that_no_alternative_would_mend_uses_none_up() {
    let bench = Bench::new().mishap(1, Mishap::Denied);
    let ended = bench.finish(plan(vec![in_three_sizes()]));
    assert!(
        matches!(ended.outcome(), Outcome::Failed { .. }),
        "{:?}",
        ended.outcome()
    );
    assert_eq!(ended.state.steps()[0].alternative, 0);
    assert!(bench.world.cloud().made.is_empty());
    // The cause is gone: what was planned first is made.
    assert_eq!(bench.resume().outcome(), &Outcome::Done);
    assert_eq!(
        bench.world.cloud().made.keys().collect::<Vec<_>>(),
        ["large"]
    );
}

#[test]
fn when_no_alternative_is_to_be_had_the_run_stops_and_can_go_on() {
    let bench = Bench::new()
        .mishap(1, Mishap::Scarce)
        .mishap(2, Mishap::Scarce)
        .mishap(3, Mishap::Scarce);
    let ended = bench.finish(plan(vec![in_three_sizes()]));
    assert!(
        matches!(ended.outcome(), Outcome::Stopped(Halt::Paused { .. })),
        "{:?}",
        ended.outcome()
    );
    assert_eq!(bench.resume().outcome(), &Outcome::Done);
}

#[test]
fn alternatives_are_taken_in_order_while_nothing_was_made() {
    let bench = Bench::new()
        .mishap(1, Mishap::Scarce)
        .mishap(2, Mishap::Scarce);
    let ended = bench.finish(plan(vec![in_three_sizes()]));
    assert_eq!(ended.outcome(), &Outcome::Done);
    assert_eq!(
        bench.world.cloud().made.keys().collect::<Vec<_>>(),
        ["small"]
    );
    assert_eq!(ended.state.steps()[0].alternative, 2);
}

#[test]
fn what_was_not_there_before_is_gone_again_after_an_undo() {
    let bench = Bench::new();
    let step = setting("flag", "up", Effect::Adds, &[]);
    assert_eq!(bench.finish(plan(vec![step])).outcome(), &Outcome::Done);
    assert_eq!(bench.world.cloud().settings["flag"], "up");
    assert!(matches!(bench.undo().outcome(), Outcome::Unwound { left, .. } if left.is_empty()));
    assert!(!bench.world.cloud().settings.contains_key("flag"));
}

#[test]
fn a_strangers_thing_under_our_name_stops_the_run() {
    let bench = Bench::new();
    let stranger = Thing {
        id: "x".into(),
        tags: Default::default(),
        seen_from: 0,
        ready_at: 0,
        deleting_at: None,
    };
    bench
        .world
        .cloud()
        .things
        .insert("restore".into(), stranger);
    let ended = bench.finish(migrate());
    let Outcome::Failed { step, fault } = ended.outcome() else {
        panic!("{:?}", ended.outcome())
    };
    assert_eq!((step.as_str(), fault.code.as_str()), ("restore", "E4090"));
    assert_eq!(bench.world.cloud().settings["dns"], "source");
    let before = Bench::new().world.canonical();
    assert!(matches!(bench.undo().outcome(), Outcome::Unwound { left, .. } if left.is_empty()));
    assert_eq!(
        bench.world.canonical(),
        before.replace("{}", "{\"restore by \"}"),
        "the stranger's is still there"
    );
}

#[test]
fn a_broken_fence_stops_the_run_and_resume_builds_on_a_new_one() {
    let bench = Bench::new();
    bench
        .world
        .cloud()
        .meddling
        .push((15_000_000_000, "desired".into(), "2".into()));
    let ended = bench.finish(migrate());
    let Outcome::Stopped(Halt::GateBroken { step, .. }) = ended.outcome() else {
        panic!("{:?}", ended.outcome())
    };
    assert_eq!(step.as_str(), "fenced");
    assert_eq!(bench.world.cloud().settings["dns"], "source");
    bench
        .world
        .cloud()
        .settings
        .insert("desired".into(), "0".into());
    assert_eq!(bench.resume().outcome(), &Outcome::Done);
    let cloud = bench.world.cloud();
    assert_eq!(
        (cloud.made["snapshot"], cloud.made["seed"]),
        (2, 1),
        "the data is read again, the rest is kept"
    );
    assert_eq!(cloud.settings["dns"], "target");
}

#[test]
fn unhealthy_right_before_the_cut_means_no_cut() {
    let bench = Bench::new();
    bench
        .world
        .cloud()
        .meddling
        .push((33_000_000_000, "target".into(), "down".into()));
    let mut plan = migrate();
    plan.steps
        .iter_mut()
        .find(|step| step.id.as_str() == "dns")
        .unwrap()
        .limits
        .deadline = 120;
    let ended = bench.finish(plan);
    assert!(
        matches!(ended.outcome(), Outcome::Failed { .. }),
        "{:?}",
        ended.outcome()
    );
    assert_eq!(bench.world.cloud().settings["dns"], "source");
    assert!(matches!(bench.undo().outcome(), Outcome::Unwound { left, .. } if left.is_empty()));
    assert_eq!(bench.world.cloud().settings["desired"], "2");
}

fn asking(on_timeout: OnTimeout) -> crate::plan::Plan {
    let mut plan = migrate();
    let cut = plan
        .steps
        .iter_mut()
        .find(|step| step.id.as_str() == "dns")
        .unwrap();
    cut.confirm = Some(Confirm {
        text: "Move users?".into(),
        timeout: 300,
        on_timeout,
        given: None,
    });
    plan
}

#[test]
fn nobody_answers_and_the_source_is_given_back_first() {
    let bench = Bench::new();
    let ended = bench.finish(asking(OnTimeout::Unfence));
    let Outcome::Unwound {
        why: UnwindWhy::Unconfirmed(step),
        left,
    } = ended.outcome()
    else {
        panic!("{:?}", ended.outcome())
    };
    assert_eq!(
        (step.as_str(), left.len(), ended.outcome().exit()),
        ("dns", 0, 4)
    );
    {
        let cloud = bench.world.cloud();
        assert_eq!(cloud.settings["desired"], "2");
        assert!(cloud.things.contains_key("seed") && !cloud.things.contains_key("restore"));
        let log: Vec<&str> = cloud.log.iter().map(|(_, what)| what.as_str()).collect();
        let at = |what: &str| log.iter().position(|line| *line == what).unwrap();
        assert!(at("restore desired=2") <= at("delete restore"));
    }
    // Resumed, it fences again and asks again; this time somebody answers.
    let run = bench.take_over().unwrap().resume().unwrap();
    let fleet = Fleet::new(Arc::new(bench.clock.clone()), bench.pace.clone()).with(run);
    let (files, clock, before) = (bench.files.clone(), bench.clock.clone(), ended.state.number);
    let letter = async move {
        loop {
            crate::clock::Clock::sleep(&clock, std::time::Duration::from_secs(10)).await;
            let records = journal::read(&files).unwrap();
            let mut asked = records
                .iter()
                .filter(|record| matches!(record.event, Event::Asked { .. }));
            let Some(asked) = asked.find(|record| record.number > before) else {
                continue;
            };
            let wish = Wish::Answer {
                step: id("dns"),
                asked: asked.number,
                answer: Answer::Yes,
            };
            files
                .post(&Letter {
                    by: "owner@desk".into(),
                    at: asked.at,
                    wish,
                })
                .unwrap();
            break;
        }
    };
    let ended = bench
        .clock
        .run(async move {
            let posted = tokio::spawn(letter);
            let ended = fleet.run().await;
            posted.abort();
            ended
        })
        .unwrap();
    assert_eq!(ended[0].outcome(), &Outcome::Done);
    assert_eq!(bench.world.cloud().settings["dns"], "target");
}

#[test]
fn once_users_have_moved_nothing_is_taken_back() {
    let bench = Bench::new();
    bench.finish(migrate());
    let run = bench.take_over().unwrap();
    let Err(RunError::PastTheCut { step }) = run.undo("ops", Reach::BeforeCut) else {
        panic!()
    };
    assert_eq!(step.as_str(), "dns");
}

#[test]
fn an_interrupt_stops_after_the_calls_in_flight_and_a_second_at_once() {
    for times in [1, 2] {
        let bench = Bench::new();
        let run = bench.begin(migrate()).unwrap();
        let fleet = Fleet::new(Arc::new(bench.clock.clone()), bench.pace.clone()).with(run);
        let (controls, clock) = (fleet.controls(), bench.clock.clone());
        // The moment at which the first requests are in flight.
        clock.at(60_000_000, move || {
            (1..=times).for_each(|n| controls.interrupt(n))
        });
        let ended = bench.clock.run(fleet.run()).unwrap().remove(0);
        assert_eq!(
            ended.outcome(),
            &Outcome::Stopped(Halt::Asked("Ctrl-C".into()))
        );
        let open = ended
            .state
            .steps()
            .iter()
            .filter(|step| step.phase == Phase::Intended)
            .count();
        assert_eq!(open > 0, times == 2, "{times}");
        assert_eq!(bench.resume().outcome(), &Outcome::Done);
        assert!(bench.world.cloud().made.values().all(|made| *made == 1));
    }
}

#[test]
fn interrupted_twice_while_an_answer_arrives_a_run_can_be_read_and_resumed() {
    let whole = Bench::new();
    whole.finish(migrate());
    let answers = whole.world.cloud().answers;
    assert!(answers > 50, "{answers}");
    for answer in 1..=answers {
        let bench = Bench::new();
        let fleet = Fleet::new(Arc::new(bench.clock.clone()), bench.pace.clone());
        let controls = fleet.controls();
        let twice = move || (1..=2).for_each(|times| controls.interrupt(times));
        bench.world.cloud().meanwhile = Some((answer, Box::new(twice)));
        let fleet = fleet.with(bench.begin(migrate()).unwrap());
        let ended = bench.clock.run(fleet.run()).unwrap().remove(0);
        let outcome = ended.outcome();
        if *outcome != Outcome::Done {
            let asked = Halt::Asked("Ctrl-C".into());
            assert_eq!(outcome, &Outcome::Stopped(asked), "answer {answer}");
            assert_eq!(bench.resume().outcome(), &Outcome::Done, "answer {answer}");
        }
        assert!(bench.world.cloud().made.values().all(|made| *made == 1));
    }
}

#[test]
fn a_lane_lets_only_so_many_through() {
    let bench = Bench::new();
    let steps = (0..6)
        .map(|n| {
            let mut step = thing(&format!("t{n}"), Guard::Name, 100, &[]);
            step.lane = Some(Lane {
                name: "copies".into(),
                width: 2,
            });
            step
        })
        .collect();
    assert_eq!(bench.finish(plan(steps)).outcome(), &Outcome::Done);
    let took = bench.clock.nanos() / 1_000_000_000;
    assert!((300..320).contains(&took), "{took}");
}

#[test]
fn what_cannot_be_taken_back_is_named_and_the_source_is_given_back_all_the_same() {
    let bench = Bench::new().mishap(9, Mishap::Denied);
    let mut plan = migrate();
    plan.profile.on_failure = OnFailure::Unwind;
    let ended = bench.finish(plan);
    let Outcome::Unwound {
        why: UnwindWhy::Failed(step),
        left,
    } = ended.outcome()
    else {
        panic!("{:?}", ended.outcome())
    };
    assert_eq!(
        (step.as_str(), left.len(), ended.outcome().exit()),
        ("restore", 0, 7)
    );
    assert_eq!(bench.world.canonical(), Bench::new().world.canonical());
}

#[test]
fn a_stop_while_taking_back_is_resumed_as_taking_back() {
    let bench = Bench::new();
    let plan = plan(vec![
        thing("a", Guard::Name, 5, &[]),
        thing("b", Guard::Name, 5, &["a"]),
    ]);
    bench.finish(plan);
    let run = bench
        .take_over()
        .unwrap()
        .undo("ops", Reach::BeforeCut)
        .unwrap();
    let fleet = Fleet::new(Arc::new(bench.clock.clone()), bench.pace.clone()).with(run);
    let controls = fleet.controls();
    bench
        .clock
        .at(bench.clock.nanos() + 3_000_000_000, move || {
            controls.interrupt(1)
        });
    let ended = bench.clock.run(fleet.run()).unwrap().remove(0);
    assert!(
        matches!(ended.outcome(), Outcome::Stopped(_)),
        "{:?}",
        ended.outcome()
    );
    let ended = bench.resume();
    assert!(matches!(ended.outcome(), Outcome::Unwound { left, .. } if left.is_empty()));
    assert!(bench.world.cloud().things.is_empty());
}

#[test]
fn the_deadline_ends_a_wait() {
    let bench = Bench::new();
    let mut slow = thing("slow", Guard::Name, 100_000, &[]);
    slow.limits.deadline = 60;
    let ended = bench.finish(plan(vec![slow]));
    let Outcome::Failed { fault, .. } = ended.outcome() else {
        panic!("{:?}", ended.outcome())
    };
    assert_eq!((fault.code.as_str(), fault.class), ("E4013", Class::Fail));
    assert!(bench.clock.nanos() < 80_000_000_000);
}

#[test]
fn begins_are_bounded() {
    let mut bench = Bench::new();
    for n in 1..=20 {
        bench = bench.mishap(n, Mishap::RequestLost);
    }
    let ended = bench.finish(plan(vec![thing("a", Guard::Name, 5, &[])]));
    let Outcome::Failed { fault, .. } = ended.outcome() else {
        panic!("{:?}", ended.outcome())
    };
    assert_eq!(
        (fault.code.as_str(), bench.world.cloud().requests),
        ("E4014", 8)
    );
}

#[test]
fn what_is_turned_away_unread_is_sent_again_until_the_deadline() {
    let throttled = |times: u64| {
        let mut bench = Bench::new();
        for n in 1..=times {
            bench = bench.mishap(n, Mishap::Throttled);
        }
        let mut thing = thing("a", Guard::Name, 5, &[]);
        thing.limits.deadline = 600;
        let ended = bench.finish(plan(vec![thing]));
        let requests = bench.world.cloud().requests;
        (ended, requests)
    };
    let (ended, requests) = throttled(20);
    assert!(matches!(ended.outcome(), Outcome::Done));
    assert_eq!(requests, 21);
    let (ended, requests) = throttled(10_000);
    let Outcome::Failed { fault, .. } = ended.outcome() else {
        panic!("{:?}", ended.outcome())
    };
    assert_eq!((fault.code.as_str(), fault.class), ("E4012", Class::Fail));
    assert!(requests < 100, "{requests} requests in ten minutes");
}

#[test]
fn a_plan_with_flaws_is_not_begun() {
    let mut lonely = thing("a", Guard::Name, 5, &[]);
    lonely.needs.push(Need::on(id("nobody")));
    let bench = Bench::new();
    let error = bench.begin(plan(vec![lonely])).err().unwrap();
    assert_eq!((error.code(), error.exit()), ("E1042", 2));
    assert_eq!(journal::read(&bench.files).unwrap_err().code(), "E3001");
}

#[test]
fn ten_thousand_steps_take_no_longer_each_than_a_hundred() {
    // Not a benchmark: a plan whose loop were quadratic would not end within the test's patience.
    let bench = Bench::new();
    let steps = (0..2_000)
        .map(|n| check(&format!("c{n}"), "quota", "enough", &[]))
        .collect();
    assert_eq!(bench.finish(plan(steps)).outcome(), &Outcome::Done);
}
