use serde_json::Value as Json;

use super::*;
use crate::event::Reach;
use crate::name::Place;
use crate::plan::{FORMAT, Finish, Need, OnFailure, Planned, Profile};
use crate::step::{CallKind, CallRecord, Fault, Handle};

fn id(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

fn plan() -> Plan {
    let step = |name: &str, effect, needs: &[&str]| {
        let mut step = Planned::new(
            id(name),
            "toy",
            Json::Null,
            Place::new("eu-west-1").unwrap(),
            effect,
        );
        step.needs = needs.iter().map(|need| Need::on(id(need))).collect();
        step
    };
    Plan {
        format: FORMAT,
        stack: "toy".into(),
        lineage: "l".into(),
        seed: "s".into(),
        profile: Profile {
            name: "migrate".into(),
            finish: Finish::Keep,
            on_failure: OnFailure::Stop,
        },
        facts: Json::Null,
        phases: vec![],
        steps: vec![
            step("network", Effect::Adds, &[]),
            step("fence", Effect::Fences, &["network"]),
            step("proof", Effect::Reads, &["fence"]),
            step("restore", Effect::Adds, &["proof", "network"]),
            step("cut", Effect::Cuts, &["restore"]),
        ],
        approvals: vec![],
        objectives: Vec::new(),
    }
}

fn record(number: u64, event: Event) -> Record {
    let at = Timestamp::from_second(1_800_000_000 + i64::try_from(number).unwrap()).unwrap();
    Record {
        number,
        at,
        event,
        line: "".into(),
    }
}

fn holder() -> Holder {
    Holder {
        who: "ops".into(),
        pid: 1,
        boot: "b".into(),
        binary: "x".into(),
        place: None,
    }
}

struct Story(RunState);

impl Story {
    fn new() -> Self {
        let plan = Box::new(plan());
        let run = RunId::new("7f3a").unwrap();
        let mut story = Story(
            RunState::begin(&record(
                1,
                Event::Planned {
                    format: 1,
                    run,
                    hash: plan.hash(),
                    plan,
                },
            ))
            .unwrap(),
        );
        story.tell(Event::Leased {
            epoch: 1,
            holder: holder(),
        });
        story
    }
    fn try_tell(&mut self, event: Event) -> Result<(), Illegal> {
        self.0.apply(&record(self.0.number + 1, event))
    }
    fn tell(&mut self, event: Event) {
        self.try_tell(event).unwrap();
    }
    fn intend(&mut self, name: &str) {
        let call = CallRecord {
            service: "toy".into(),
            operation: "Make".into(),
            region: Place::new("eu-west-1").unwrap(),
            resource: name.into(),
            token: None,
            request: Json::Null,
            cli: String::new(),
        };
        let (kind, hash, before) = (CallKind::Named, "h".into(), Json::from(name));
        self.tell(Event::Intended {
            step: id(name),
            attempt: 0,
            kind,
            call,
            hash,
            before,
        });
    }
    fn make(&mut self, name: &str) {
        self.tell(Event::Started { step: id(name) });
        self.intend(name);
        self.tell(Event::Began {
            step: id(name),
            handle: Handle::of("h-1"),
        });
        self.tell(Event::Made {
            step: id(name),
            output: Json::Null,
        });
    }
    fn find(&mut self, name: &str) {
        self.tell(Event::Started { step: id(name) });
        self.tell(Event::Found {
            step: id(name),
            output: Json::Null,
            claim: Claim::AsWanted,
        });
    }
}

#[test]
fn steps_open_as_their_needs_are_met() {
    let mut story = Story::new();
    assert_eq!(story.0.take_opened(), [0]);
    story.make("network");
    assert_eq!(story.0.take_opened(), [1]);
    story.make("fence");
    story.find("proof");
    assert_eq!(story.0.take_opened(), [2, 3]);
    assert_eq!(story.0.done(), (3, 5));
}

#[test]
fn what_cannot_be_is_an_error_and_names_itself() {
    let mut story = Story::new();
    let error = story
        .try_tell(Event::Made {
            step: id("network"),
            output: Json::Null,
        })
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "record 3 says `made` of step `network`, which is waiting, which cannot be"
    );
    story.make("network");
    for event in [
        Event::Started {
            step: id("network"),
        },
        Event::Made {
            step: id("network"),
            output: Json::Null,
        },
        Event::Undone {
            step: id("network"),
        },
        Event::Leased {
            epoch: 7,
            holder: holder(),
        },
        Event::Started {
            step: id("stranger"),
        },
        Event::Forward { why: String::new() },
    ] {
        assert!(story.try_tell(event.clone()).is_err(), "{event:?}");
    }
}

#[test]
fn a_refused_call_is_forgotten_and_its_before_with_it() {
    let mut story = Story::new();
    story.tell(Event::Started {
        step: id("network"),
    });
    story.intend("network");
    story.tell(Event::Unknown {
        step: id("network"),
        what: "time-out".into(),
    });
    story.intend("network");
    let refused = Event::Refused {
        step: id("network"),
        class: crate::step::Class::Wait,
        code: "AlreadyExists".into(),
        message: String::new(),
        request_id: None,
    };
    story.tell(refused);
    let step = &story.0.steps()[0];
    assert_eq!(
        (step.phase, step.intents.len(), step.befores.len()),
        (Phase::Intended, 1, 1)
    );
    assert_eq!(
        step.intents[0].fate,
        Fate::Unknown,
        "the first may still have had an effect"
    );
}

#[test]
fn everything_is_taken_back_in_reverse_but_fences_do_not_wait_for_deletions() {
    let mut story = Story::new();
    story.make("network");
    story.make("fence");
    story.find("proof");
    story.make("restore");
    story.tell(Event::Unwinding {
        why: UnwindWhy::Asked("ops".into()),
        scope: Scope::All,
        reach: Reach::BeforeCut,
    });
    let open = |story: &Story| {
        story
            .0
            .unwinding
            .as_ref()
            .unwrap()
            .open()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        open(&story),
        [1, 3],
        "the fence and the database at once, the network not yet"
    );
    story.tell(Event::Undone { step: id("fence") });
    assert_eq!(open(&story), [3]);
    story.tell(Event::Undone {
        step: id("restore"),
    });
    assert_eq!(open(&story), [0]);
    story.tell(Event::Undone {
        step: id("network"),
    });
    assert!(story.0.unwinding.as_ref().unwrap().complete());
}

#[test]
fn what_is_needed_by_something_left_behind_stays_but_the_source_is_given_back() {
    let mut story = Story::new();
    story.make("network");
    story.make("fence");
    story.find("proof");
    story.make("restore");
    let scope = Scope::All;
    story.tell(Event::Unwinding {
        why: UnwindWhy::Rehearsed,
        scope,
        reach: Reach::BeforeCut,
    });
    let left = Event::LeftBehind {
        step: id("restore"),
        why: "refused".into(),
        instead: String::new(),
    };
    story.tell(left);
    story.tell(Event::Undone { step: id("fence") });
    let unwind = story.0.unwinding.as_ref().unwrap();
    assert!(unwind.settled() && !unwind.complete());
    assert_eq!(unwind.stuck(story.0.steps()).collect::<Vec<_>>(), [0, 3]);
}

#[test]
fn taking_back_from_the_fence_on_makes_the_rest_wait_again_with_another_intent() {
    let mut story = Story::new();
    story.make("network");
    story.make("fence");
    story.find("proof");
    story.make("restore");
    let scope = Scope::From(vec![id("fence")]);
    story.tell(Event::Unwinding {
        why: UnwindWhy::Unconfirmed(id("cut")),
        scope,
        reach: Reach::BeforeCut,
    });
    story.tell(Event::Undone { step: id("fence") });
    story.tell(Event::Undone {
        step: id("restore"),
    });
    story.tell(Event::Forward {
        why: "resumed".into(),
    });
    let phases: Vec<Phase> = story.0.steps().iter().map(|step| step.phase).collect();
    assert_eq!(
        phases[..4],
        [Phase::Made, Phase::Waiting, Phase::Waiting, Phase::Waiting]
    );
    assert_eq!(story.0.steps()[3].attempt, 1);
    assert_eq!(story.0.take_opened(), [1]);
}

#[test]
fn a_new_life_tries_again_what_failed_and_keeps_what_may_have_been_sent() {
    let mut story = Story::new();
    story.tell(Event::Started {
        step: id("network"),
    });
    story.intend("network");
    story.tell(Event::Failed {
        step: id("network"),
        fault: Fault::from(&crate::step::StepError::fail("E4012", "refused")),
    });
    story.tell(Event::Leased {
        epoch: 2,
        holder: holder(),
    });
    assert_eq!(story.0.steps()[0].phase, Phase::Intended);
    assert_eq!(story.0.take_opened(), [0]);
}
