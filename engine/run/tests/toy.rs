//! A toy world for the engine's own tests: a cloud with named, token-guarded and unguarded things, settings, slow creation,
//! and replies that get lost. What it does is an event of virtual time, never part of the caller's future.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::clock::{Clock, Nanos, VirtualClock};
use crate::event::{Holder, Outcome};
use crate::journal::{MemoryDisk, Place as Files};
use crate::name::{Place, RunId, StepId};
use crate::plan::{
    Confirm, Expected, FORMAT, Finish, Milestone, Need, OnFailure, OnTimeout, Passes, Phase, Plan,
    Planned, Profile, Proof,
};
use crate::run::{Ended, Fleet, Pace, Run, RunError};
use crate::step::{
    Call, CallError, CallKind, CallRecord, Claim, Class, Cx, Effect, Handle, Kind, Kinds, Made,
    Mark, Observed, Owner, Ref, Slice, Step, StepError, Undo, Work, Yields,
};

const SECOND: Nanos = 1_000_000_000;
/// A request's way there, and its answer's way back.
const WAY: Nanos = SECOND / 20;

#[derive(Clone, Debug)]
pub struct Thing {
    pub id: String,
    pub tags: BTreeMap<String, String>,
    /// Lists show it from here.
    pub seen_from: Nanos,
    pub ready_at: Nanos,
    pub deleting_at: Option<Nanos>,
}

/// What happens to the n-th request that changes something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mishap {
    /// Carried out, and the answer is lost.
    ReplyLost,
    /// Lost on its way.
    RequestLost,
    /// Carried out so many seconds after the caller gave up.
    Late(u64),
    Throttled,
    NotYet,
    Denied,
    Scarce,
    /// Carried out, and while it was, the power failed.
    PowerLost,
}

#[derive(Default)]
pub struct Cloud {
    pub things: BTreeMap<String, Thing>,
    pub settings: BTreeMap<String, String>,
    tokens: BTreeMap<String, String>,
    /// How often each name was made.
    pub made: BTreeMap<String, u32>,
    pub deleted: BTreeMap<String, u32>,
    pub requests: u64,
    pub mishaps: BTreeMap<u64, Mishap>,
    /// Settings that change by themselves, and when.
    pub meddling: Vec<(Nanos, String, String)>,
    /// Every change, in order.
    pub log: Vec<(Nanos, String)>,
    pub looks: u64,
    /// Answers to requests and looks so far, and what is done in the moment of the n-th one.
    pub answers: u64,
    pub meanwhile: Option<(u64, Box<dyn FnOnce() + Send>)>,
    /// How long lists lag behind what was made.
    pub lag: Nanos,
    next_id: u32,
}

/// The environment of the toy's steps.
pub struct World {
    pub clock: VirtualClock,
    cloud: Mutex<Cloud>,
}

impl World {
    pub fn cloud(&self) -> MutexGuard<'_, Cloud> {
        let mut cloud = self.cloud.lock().unwrap();
        let now = self.clock.nanos();
        cloud
            .things
            .retain(|_, thing| thing.deleting_at.is_none_or(|at| now < at));
        while let Some(at) = cloud.meddling.iter().position(|(at, ..)| *at <= now) {
            let (_, name, value) = cloud.meddling.remove(at);
            cloud.settings.insert(name, value);
        }
        cloud
    }

    /// What is there, without what differs from run to run.
    pub fn canonical(&self) -> String {
        let cloud = self.cloud();
        let things: BTreeSet<String> = cloud
            .things
            .iter()
            .filter(|(_, thing)| thing.deleting_at.is_none())
            .map(|(key, thing)| {
                let name = key.split('#').next().unwrap_or(key);
                format!(
                    "{name} by {}",
                    thing.tags.get(Mark::STEP).cloned().unwrap_or_default()
                )
            })
            .collect();
        format!("{things:?} {:?}", cloud.settings)
    }

    fn send(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Cloud, Nanos) -> Result<Handle, CallError> + Send + 'static,
    ) -> BoxFuture<'static, Result<Handle, CallError>> {
        let world = self.clone();
        let mishap = {
            let mut cloud = world.cloud();
            cloud.requests += 1;
            let number = cloud.requests;
            cloud.mishaps.get(&number).copied()
        };
        Box::pin(async move {
            let clock = world.clock.clone();
            if clock.dead() {
                std::future::pending::<()>().await;
            }
            let refused = |class, code: &str| {
                Err(CallError::Refused {
                    class,
                    code: code.into(),
                    message: "the toy says so".into(),
                    request_id: None,
                })
            };
            let lost = Err(CallError::Unknown {
                what: "connection reset".into(),
            });
            let answer = Arc::new(Mutex::new(None));
            let (slot, there) = (answer.clone(), world.clone());
            let execute = move || {
                let now = there.clock.nanos();
                let result = change(&mut there.cloud(), now);
                *slot.lock().unwrap() = Some(result);
            };
            let arrival = clock.nanos() + WAY;
            match mishap {
                Some(Mishap::Throttled) => {
                    clock.sleep_until(arrival).await;
                    return refused(Class::Retry, "Throttling");
                }
                Some(Mishap::NotYet) => {
                    clock.sleep_until(arrival).await;
                    return refused(Class::Wait, "InvalidState");
                }
                Some(Mishap::Denied) => {
                    clock.sleep_until(arrival).await;
                    return refused(Class::Fail, "Denied");
                }
                Some(Mishap::Scarce) => {
                    clock.sleep_until(arrival).await;
                    return refused(Class::Scarce, "NoCapacity");
                }
                Some(Mishap::RequestLost) => {
                    clock.sleep_until(arrival + 20 * SECOND).await;
                    return lost;
                }
                Some(Mishap::Late(seconds)) => {
                    clock.at(arrival + seconds * SECOND, execute);
                    clock.sleep_until(arrival + 20 * SECOND).await;
                    return lost;
                }
                Some(Mishap::ReplyLost) => {
                    clock.at(arrival, execute);
                    clock.sleep_until(arrival + 20 * SECOND).await;
                    return lost;
                }
                Some(Mishap::PowerLost) => {
                    clock.at(arrival, execute);
                    clock.crash_now();
                    std::future::pending::<()>().await;
                }
                None => clock.at(arrival, execute),
            }
            clock.sleep_until(arrival + WAY).await;
            world.cloud().answered();
            let result = answer.lock().unwrap().take();
            result.unwrap_or(lost)
        })
    }

    async fn look(&self) -> MutexGuard<'_, Cloud> {
        self.clock.sleep_until(self.clock.nanos() + WAY).await;
        let mut cloud = self.cloud();
        cloud.looks += 1;
        cloud.answered();
        cloud
    }
}

impl Cloud {
    fn answered(&mut self) {
        self.answers += 1;
        let due = self.meanwhile.take_if(|(at, _)| *at == self.answers);
        if let Some((_, meanwhile)) = due {
            meanwhile();
        }
    }
}

fn exists(code: &str) -> CallError {
    CallError::Refused {
        class: Class::Wait,
        code: code.into(),
        message: String::new(),
        request_id: None,
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Toy {
    pub id: String,
}

impl Yields for Toy {
    const NAME: &'static str = "toy";
}

/// How the cloud guards against making a thing twice.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    Name,
    Token,
    Nothing,
}

/// A thing that takes its time to be made.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thingy {
    pub name: String,
    pub guard: Guard,
    pub takes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Ref<Toy>>,
}

fn record(cx: &Cx<'_, Arc<World>>, operation: &str, name: &str) -> CallRecord {
    CallRecord {
        service: "toy".into(),
        operation: operation.into(),
        region: cx.place().clone(),
        resource: name.into(),
        token: None,
        request: json!({ "Name": name }),
        cli: format!("toy {operation} --name {name}"),
    }
}

impl Thingy {
    /// Ours by tags, or anybody's by name.
    fn find<'c>(&self, cx: &Cx<'_, Arc<World>>, cloud: &'c Cloud) -> Vec<(&'c Thing, Owner)> {
        let owned = |thing: &'c Thing| {
            (
                thing,
                cx.mark()
                    .owner(|key| thing.tags.get(key).map(String::as_str)),
            )
        };
        cloud
            .things
            .iter()
            .filter(|(_, thing)| thing.seen_from <= cx.env.clock.nanos())
            .filter(|(key, _)| key.split('#').next() == Some(self.name.as_str()))
            .map(|(_, thing)| owned(thing))
            .filter(|(_, owner)| self.guard == Guard::Name || *owner == Owner::ThisStep)
            .collect()
    }
}

impl Step for Thingy {
    type Env = Arc<World>;
    const KIND: &'static str = "thing";
    const SUMMARY: &'static str = "Makes a thing";
    const EXAMPLE: &'static str = "use: thing";
    type Output = Toy;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Arc<World>>) -> Result<Observed<Toy>, StepError> {
        if let Some(from) = &self.from {
            cx.output(from)?;
        }
        let now = cx.env.clock.nanos() + WAY;
        let cloud = cx.env.look().await;
        let found = self.find(cx, &cloud);
        Ok(match found.as_slice() {
            [] => Observed::Absent,
            [(_, owner)] if *owner != Owner::ThisStep => Observed::Foreign(format!("{owner:?}")),
            [(thing, _)] if now < thing.ready_at => {
                let left = (thing.ready_at - now) / SECOND;
                Observed::Underway {
                    percent: Some(
                        u8::try_from(100 - (left * 100 / self.takes.max(1)).min(100)).unwrap(),
                    ),
                    note: "creating".into(),
                }
            }
            [(thing, _)] if thing.deleting_at.is_some() => Observed::underway("deleting"),
            [(thing, _)] => Observed::Ready(
                Toy {
                    id: thing.id.clone(),
                },
                Claim::Ours,
            ),
            more => Observed::Foreign(format!("{} of them", more.len())),
        })
    }

    async fn begin(&self, cx: &Cx<'_, Arc<World>>) -> Result<Call<()>, StepError> {
        let kind = match self.guard {
            Guard::Name => CallKind::Named,
            Guard::Token => CallKind::Token {
                ttl: Duration::from_secs(600),
            },
            Guard::Nothing => CallKind::Bare {
                window: Duration::from_secs(100),
            },
        };
        let tags: BTreeMap<String, String> = cx
            .mark()
            .tags()
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let (name, guard, takes, token) = (self.name.clone(), self.guard, self.takes, cx.token());
        let world = cx.env.clone();
        Ok(Call::new(
            record(cx, "Make", &self.name),
            kind,
            (),
            move || {
                world.send(move |cloud, now| {
                    if guard == Guard::Token
                        && let Some(id) = cloud.tokens.get(&token)
                    {
                        return Ok(Handle::of(id.clone()));
                    }
                    if guard == Guard::Name && cloud.things.contains_key(&name) {
                        return Err(exists("AlreadyExists"));
                    }
                    cloud.next_id += 1;
                    let id = format!("{name}-{}", cloud.next_id);
                    let key = if guard == Guard::Name {
                        name.clone()
                    } else {
                        format!("{name}#{}", cloud.next_id)
                    };
                    if guard == Guard::Token {
                        cloud.tokens.insert(token, id.clone());
                    }
                    *cloud.made.entry(name.clone()).or_default() += 1;
                    cloud.log.push((now, format!("make {name}")));
                    let thing = Thing {
                        id: id.clone(),
                        tags,
                        seen_from: now + cloud.lag,
                        ready_at: now + takes * SECOND,
                        deleting_at: None,
                    };
                    cloud.things.insert(key, thing);
                    Ok(Handle::of(id))
                })
            },
        ))
    }

    async fn undo(&self, cx: &Cx<'_, Arc<World>>, _: &Made<Toy, ()>) -> Result<Undo, StepError> {
        let now = cx.env.clock.nanos() + WAY;
        let cloud = cx.env.look().await;
        let ours: Vec<&Thing> = self
            .find(cx, &cloud)
            .into_iter()
            .filter(|(_, owner)| *owner == Owner::ThisStep)
            .map(|(thing, _)| thing)
            .collect();
        let Some(thing) = ours.first() else {
            return Ok(Undo::Done);
        };
        if thing.deleting_at.is_some() {
            return Ok(Undo::Wait("deleting".into()));
        }
        if now < thing.ready_at {
            return Ok(Undo::Wait("creating; cannot be deleted yet".into()));
        }
        let id = thing.id.clone();
        drop(cloud);
        let (world, name) = (cx.env.clone(), self.name.clone());
        Ok(Undo::Call(Call::new(
            record(cx, "Delete", &self.name),
            CallKind::Upsert,
            (),
            move || {
                world.send(move |cloud, now| {
                    let thing = cloud.things.values_mut().find(|thing| thing.id == id);
                    let Some(thing) = thing else {
                        return Err(exists("NotFound"));
                    };
                    thing.deleting_at.get_or_insert(now + 10 * SECOND);
                    *cloud.deleted.entry(name.clone()).or_default() += 1;
                    cloud.log.push((now, format!("delete {name}")));
                    Ok(Handle::default())
                })
            },
        )))
    }
}

/// A value that is to be so.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    pub name: String,
    pub value: String,
    pub effect: Effect,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Was {
    pub moment: Option<Timestamp>,
}

impl Yields for Was {
    const NAME: &'static str = "setting";
}

impl Step for Setting {
    type Env = Arc<World>;
    const KIND: &'static str = "setting";
    const SUMMARY: &'static str = "Sets a value";
    const EXAMPLE: &'static str = "use: setting";
    type Output = Was;
    type Before = Option<String>;

    fn effect(&self) -> Effect {
        self.effect
    }

    async fn observe(&self, cx: &Cx<'_, Arc<World>>) -> Result<Observed<Was>, StepError> {
        let cloud = cx.env.look().await;
        Ok(match cloud.settings.get(&self.name) {
            Some(value) if *value == self.value => {
                Observed::Ready(Was { moment: None }, Claim::AsWanted)
            }
            _ => Observed::Absent,
        })
    }

    async fn begin(&self, cx: &Cx<'_, Arc<World>>) -> Result<Call<Option<String>>, StepError> {
        let before = cx.env.look().await.settings.get(&self.name).cloned();
        let (world, name, value) = (cx.env.clone(), self.name.clone(), self.value.clone());
        Ok(Call::new(
            record(cx, "Set", &self.name),
            CallKind::Upsert,
            before,
            move || {
                world.send(move |cloud, now| {
                    cloud.log.push((now, format!("set {name}={value}")));
                    cloud.settings.insert(name, value);
                    Ok(Handle::default())
                })
            },
        ))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Arc<World>>,
        made: &Made<Was, Option<String>>,
    ) -> Result<Undo, StepError> {
        if self.effect == Effect::Cuts {
            return Ok(Undo::Irreversible {
                why: "users are there".into(),
                instead: "failback".into(),
            });
        }
        let Some(before) = made.before().cloned() else {
            return Ok(Undo::Done);
        };
        if cx.env.look().await.settings.get(&self.name) == before.as_ref() {
            return Ok(Undo::Done);
        }
        let (world, name) = (cx.env.clone(), self.name.clone());
        Ok(Undo::Call(Call::new(
            record(cx, "Restore", &self.name),
            CallKind::Upsert,
            (),
            move || {
                world.send(move |cloud, now| {
                    let value = before.as_deref().unwrap_or("nothing");
                    cloud.log.push((now, format!("restore {name}={value}")));
                    match before {
                        Some(value) => cloud.settings.insert(name, value),
                        None => cloud.settings.remove(&name),
                    };
                    Ok(Handle::default())
                })
            },
        )))
    }
}

/// A look at a setting.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    pub name: String,
    pub value: String,
}

impl Step for Check {
    type Env = Arc<World>;
    const KIND: &'static str = "check";
    const SUMMARY: &'static str = "Looks whether a value is so";
    const EXAMPLE: &'static str = "use: check";
    type Output = Was;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Arc<World>>) -> Result<Observed<Was>, StepError> {
        let cloud = cx.env.look().await;
        let value = cloud.settings.get(&self.name).cloned().unwrap_or_default();
        Ok(if value == self.value {
            Observed::Ready(
                Was {
                    moment: Some(cx.env.clock.now()),
                },
                Claim::AsWanted,
            )
        } else {
            Observed::underway(format!("{} is {value}", self.name))
        })
    }

    async fn begin(&self, _: &Cx<'_, Arc<World>>) -> Result<Call<()>, StepError> {
        Err(StepError::fail("E4100", "a check has nothing to begin"))
    }

    async fn undo(&self, _: &Cx<'_, Arc<World>>, _: &Made<Was, ()>) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}

/// Blobs, copied by this process.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blobs {
    pub count: u32,
}

impl Work for Blobs {
    type Env = Arc<World>;
    const KIND: &'static str = "blobs";
    const SUMMARY: &'static str = "Copies blobs";
    const EXAMPLE: &'static str = "use: blobs";
    type Output = ();
    type Cursor = u32;

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Arc<World>>) -> Result<Observed<()>, StepError> {
        let cloud = cx.env.look().await;
        let there = (0..self.count)
            .filter(|n| cloud.settings.contains_key(&format!("blob {n}")))
            .count();
        Ok(match there {
            0 => Observed::Absent,
            all if all == self.count as usize => Observed::Ready((), Claim::Ours),
            some => Observed::Partial {
                note: format!("{some} of {}", self.count),
            },
        })
    }

    fn record(&self, cx: &Cx<'_, Arc<World>>) -> Result<CallRecord, StepError> {
        Ok(record(cx, "PutBlobs", "blobs"))
    }

    async fn work(&self, cx: &Cx<'_, Arc<World>>, cursor: u32) -> Result<Slice<u32>, StepError> {
        let sent = cx.env.send(move |cloud, now| {
            cloud.log.push((now, format!("blob {cursor}")));
            cloud
                .settings
                .insert(format!("blob {cursor}"), String::new());
            Ok(Handle::default())
        });
        match sent.await {
            Ok(_) if cursor + 1 == self.count => Ok(Slice::Done),
            Ok(_) => {
                let percent = u8::try_from((cursor + 1) * 100 / self.count).ok();
                Ok(Slice::More {
                    cursor: cursor + 1,
                    percent,
                    note: format!("blob {}", cursor + 1),
                })
            }
            Err(error) => {
                Err(StepError::new("E4200", Class::Retry, "a blob was not taken").because(error))
            }
        }
    }

    async fn undo(&self, cx: &Cx<'_, Arc<World>>, _: &Made<(), ()>) -> Result<Undo, StepError> {
        if !cx
            .env
            .look()
            .await
            .settings
            .keys()
            .any(|name| name.starts_with("blob "))
        {
            return Ok(Undo::Done);
        }
        let world = cx.env.clone();
        Ok(Undo::Call(Call::new(
            record(cx, "DeleteBlobs", "blobs"),
            CallKind::Upsert,
            (),
            move || {
                world.send(move |cloud, now| {
                    cloud.log.push((now, "delete blobs".into()));
                    cloud.settings.retain(|name, _| !name.starts_with("blob "));
                    Ok(Handle::default())
                })
            },
        )))
    }
}

pub static KINDS: [Kind<Arc<World>>; 4] = [
    Kind::of::<Thingy>(),
    Kind::of::<Setting>(),
    Kind::of::<Check>(),
    Kind::of_work::<Blobs>(),
];

pub fn id(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

pub fn planned(name: &str, kind: &str, params: Json, effect: Effect, needs: &[&str]) -> Planned {
    let mut step = Planned::new(
        id(name),
        kind,
        params,
        Place::new("eu-west-1").unwrap(),
        effect,
    );
    step.needs = needs.iter().map(|need| Need::on(id(need))).collect();
    step.phase = if effect >= Effect::Fences {
        "cutover".into()
    } else {
        "prepare".into()
    };
    step
}

pub fn thing(name: &str, guard: Guard, takes: u64, needs: &[&str]) -> Planned {
    let from = needs.first();
    let params = json!({ "name": name, "guard": guard, "takes": takes, "from": from });
    let mut step = planned(name, "thing", params, Effect::Adds, needs);
    step.expected = Some(Expected {
        p50: takes as f64,
        p95: takes as f64 * 2.0,
    });
    step
}

pub fn setting(name: &str, value: &str, effect: Effect, needs: &[&str]) -> Planned {
    planned(
        name,
        "setting",
        json!({ "name": name, "value": value, "effect": effect }),
        effect,
        needs,
    )
}

pub fn check(id: &str, name: &str, value: &str, needs: &[&str]) -> Planned {
    planned(
        id,
        "check",
        json!({ "name": name, "value": value }),
        Effect::Reads,
        needs,
    )
}

pub fn plan(steps: Vec<Planned>) -> Plan {
    Plan {
        format: FORMAT,
        stack: "toy".into(),
        lineage: "toy-1".into(),
        seed: "7f3a".into(),
        profile: Profile {
            name: "migrate".into(),
            finish: Finish::Keep,
            on_failure: OnFailure::Stop,
        },
        facts: json!({ "from": "us-west-2", "to": "eu-west-1" }),
        phases: vec![
            Phase {
                name: "prepare".into(),
                title: "Prepare the target".into(),
            },
            Phase {
                name: "cutover".into(),
                title: "Move".into(),
            },
        ],
        steps,
        approvals: vec![],
        objectives: Vec::new(),
    }
}

/// The move in small: an address, blobs, a first snapshot copied, a fence, its proof, the last copy, a restore, deep
/// checks, the cut, and a look from outside.
pub fn migrate() -> Plan {
    let mut cut = setting(
        "dns",
        "target",
        Effect::Cuts,
        &["restore", "blobs", "address"],
    );
    cut.needs.push(Need {
        fresh: Some(10),
        settle: Some(Passes { count: 2, over: 5 }),
        ..Need::on(id("healthy"))
    });
    cut.needs.push(Need {
        fresh: Some(10),
        keep_until: Some(id("dns")),
        ..Need::on(id("fenced"))
    });
    cut.confirm = Some(Confirm {
        text: "Move users?".into(),
        timeout: 600,
        on_timeout: OnTimeout::Unfence,
        given: Some("all checks pass".into()),
    });
    cut.milestone = Some(Milestone::Cut);
    let mut fenced = check("fenced", "desired", "0", &["desired"]);
    fenced.proof = Some(Proof::Fence);
    let mut healthy = check("healthy", "target", "up", &["restore"]);
    healthy.proof = Some(Proof::Health);
    let mut serving = check("serving", "dns", "target", &["dns"]);
    serving.milestone = Some(Milestone::Serving);
    let mut watermark = check("watermark", "desired", "0", &["fenced"]);
    watermark.milestone = Some(Milestone::RecoveryPoint);
    plan(vec![
        check("quota", "quota", "enough", &[]),
        thing("address", Guard::Nothing, 1, &[]),
        planned(
            "blobs",
            "blobs",
            json!({ "count": 3 }),
            Effect::Adds,
            &["quota"],
        ),
        thing("seed", Guard::Name, 6, &[]),
        setting("desired", "0", Effect::Fences, &["seed", "quota"]),
        fenced,
        watermark,
        thing("snapshot", Guard::Name, 4, &[]).needing("watermark"),
        thing("copy", Guard::Token, 8, &["snapshot"]),
        thing("restore", Guard::Name, 10, &["copy"]),
        healthy,
        cut,
        serving,
    ])
}

impl Planned {
    fn needing(mut self, step: &str) -> Self {
        self.needs.push(Need::on(id(step)));
        self
    }
}

/// A world, its clock, and a disk: everything that outlives a process.
#[derive(Clone)]
pub struct Bench {
    pub clock: VirtualClock,
    pub world: Arc<World>,
    pub disk: MemoryDisk,
    pub files: Files,
    pub pace: Pace,
}

pub fn holder() -> Holder {
    Holder {
        who: "ops@desk".into(),
        pid: 41,
        boot: "b".into(),
        binary: "test".into(),
        place: None,
    }
}

impl Bench {
    pub fn new() -> Self {
        let clock = VirtualClock::new(Timestamp::from_second(1_800_000_000).unwrap());
        let settings = [
            ("desired", "2"),
            ("dns", "source"),
            ("quota", "enough"),
            ("target", "up"),
        ];
        let cloud = Cloud {
            settings: settings
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            ..Cloud::default()
        };
        let world = Arc::new(World {
            clock: clock.clone(),
            cloud: Mutex::new(cloud),
        });
        let disk = MemoryDisk::default();
        let files = Files::new(
            Arc::new(disk.clone()),
            "/state",
            RunId::new("7f3a").unwrap(),
        );
        // Nothing in the toy is carried out later than 80 s after it was sent.
        let pace = Pace {
            late: Duration::from_secs(100),
            ..Pace::default()
        };
        Bench {
            clock,
            world,
            disk,
            files,
            pace,
        }
    }

    pub fn mishap(self, request: u64, mishap: Mishap) -> Self {
        self.world.cloud().mishaps.insert(request, mishap);
        self
    }

    pub fn begin(&self, plan: Plan) -> Result<Run<Arc<World>>, RunError> {
        let env = Arc::new(self.world.clone());
        Run::begin(
            self.files.clone(),
            plan,
            &Kinds::new(&KINDS),
            env,
            holder(),
            self.clock.now(),
        )
    }

    pub fn take_over(&self) -> Result<Run<Arc<World>>, RunError> {
        let env = Arc::new(self.world.clone());
        Run::take_over(self.files.clone(), &Kinds::new(&KINDS), env, holder())
    }

    /// One life of a run: to its end, or to a crash.
    pub fn live(&self, run: Run<Arc<World>>) -> Result<Ended, crate::clock::Stop> {
        let fleet = Fleet::new(Arc::new(self.clock.clone()), self.pace.clone()).with(run);
        let mut ended = self.clock.run(fleet.run())?;
        Ok(ended.remove(0))
    }

    /// After a crash: power is back.
    pub fn reboot(&self) {
        self.clock.reboot();
        self.disk.reboot();
    }

    pub fn finish(&self, plan: Plan) -> Ended {
        self.live(self.begin(plan).unwrap()).unwrap()
    }

    pub fn resume(&self) -> Ended {
        self.live(self.take_over().unwrap().resume().unwrap())
            .unwrap()
    }

    /// Resumes a run, or learns that it had ended: its last record may have been written before the lights went out.
    pub fn resume_or_done(&self) -> Outcome {
        match self.take_over().unwrap().resume() {
            Ok(run) => self.live(run).unwrap().result.unwrap(),
            Err(RunError::Over { outcome, .. }) => *outcome,
            Err(error) => panic!("{error}"),
        }
    }

    pub fn undo(&self) -> Ended {
        let run = self
            .take_over()
            .unwrap()
            .undo("ops", crate::event::Reach::BeforeCut)
            .unwrap();
        self.live(run).unwrap()
    }
}

impl Ended {
    pub fn outcome(&self) -> &Outcome {
        self.result.as_ref().unwrap()
    }
}
