//! An image travels between registries byte for byte, under its digest and its tags.

use aws_sim::action::Action;
use aws_sim::world::Settings;
use drtool::cloud::{Cloud, images};
use drtool::env::Env;
use drtool::registry::copy::{self, Side};
use drtool::registry::{Broken, Content, Registry, Transport};
use drtool::sandbox::Sandbox;
use drtool::steps::image::{Copied, Image};
use drtool_engine::step::{Claim, Cx, Look, Made, Mark, Observed, Seat, Slice, Undo, Value, Work};
use drtool_engine::{Place, RunId, StepId, Timestamp};
use futures_util::future::BoxFuture;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const ACCOUNT: &str = "111122223333";
const FROM: &str = "us-west-2";
const TO: &str = "eu-west-1";

fn uri(region: &str) -> String {
    format!("{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/redmine")
}

fn look(epoch: u64) -> Look {
    Look::shared(epoch)
}

/// The source stack, and an empty repository in the target that carries `tags`.
fn sandbox(tags: &serde_json::Value) -> Sandbox {
    let settings = Settings {
        read_lag: 0,
        ..Settings::default()
    };
    let sandbox = Sandbox::in_memory(1, settings);
    sandbox.build("redmine").unwrap();
    let action = Action::Call {
        account: ACCOUNT.into(),
        region: TO.into(),
        service: "ecr".into(),
        operation: "CreateRepository".into(),
        input: json!({ "repositoryName": "redmine", "tags": tags }),
    };
    let answer = sandbox
        .world()
        .act(sandbox.clock().nanos(), &action)
        .unwrap();
    assert!(answer.get("output").is_some(), "{answer}");
    sandbox
}

async fn env(sandbox: &Sandbox, registries: Arc<dyn Transport>) -> Env {
    Env {
        cloud: Cloud::load(sandbox.seams()).await,
        probe: sandbox.probe(),
        registries,
        account: ACCOUNT.into(),
        partition: "aws".into(),
    }
}

fn seat(epoch: u64) -> Seat {
    Seat {
        place: Place::new(TO).unwrap(),
        mark: Mark {
            stack: "redmine".into(),
            lineage: "redmine-1".into(),
            run: RunId::new("2f9c").unwrap(),
            step: StepId::new("image").unwrap(),
            intent: "0123456789abcdef".into(),
        },
        outputs: BTreeMap::new(),
        attempt: 0,
        handles: Vec::new(),
        first_sent: None,
        since: drtool_engine::Timestamp::UNIX_EPOCH,
        now: drtool_engine::Timestamp::UNIX_EPOCH,
        adopt: None,
        look: look(epoch),
    }
}

/// The stack's image, as the source lists it.
async fn source(env: &Env) -> images::Image {
    let all = env.cloud.images(FROM, "redmine", look(1)).await.unwrap();
    all.iter()
        .find(|i| i.tags.iter().any(|t| t == "latest"))
        .cloned()
        .unwrap()
}

fn step(image: &images::Image) -> Image {
    Image {
        repository: "redmine".into(),
        from: uri(FROM),
        to: Value::Known(uri(TO)),
        digest: image.digest.clone(),
        tags: image.tags.clone(),
        size: u64::try_from(image.bytes).unwrap(),
    }
}

/// Works until it is done; how many slices it took.
async fn carry_out(env: &Env, step: &Image) -> usize {
    let mut cursor = Copied::default();
    for slices in 1..100 {
        let seat = seat(10);
        match step.work(&Cx::new(env, &seat), cursor).await.unwrap() {
            Slice::Done => return slices,
            Slice::More { cursor: next, .. } => cursor = next,
        }
    }
    panic!("the copy never ends");
}

/// Counts the requests that carry bytes to a registry.
struct Counted {
    inner: Arc<dyn Transport>,
    puts: AtomicU64,
}

impl Counted {
    fn around(inner: Arc<dyn Transport>) -> Arc<Counted> {
        Arc::new(Counted {
            inner,
            puts: AtomicU64::new(0),
        })
    }
}

impl Transport for Counted {
    fn send(
        &self,
        request: http::Request<Content>,
    ) -> BoxFuture<'_, Result<http::Response<Content>, Broken>> {
        if request.method() == http::Method::PUT {
            self.puts.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.send(request)
    }
}

/// Refuses blobs that come whole, as some registries do behind a proxy.
struct InPieces(Arc<dyn Transport>);

impl Transport for InPieces {
    fn send(
        &self,
        request: http::Request<Content>,
    ) -> BoxFuture<'_, Result<http::Response<Content>, Broken>> {
        let whole = request.method() == http::Method::PUT
            && request.uri().path().contains("/blobs/uploads/")
            && request.headers()["content-length"] != "0";
        if whole {
            return Box::pin(async {
                let mut refused = http::Response::new(drtool::registry::empty());
                *refused.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
                Ok(refused)
            });
        }
        self.0.send(request)
    }
}

#[test]
fn an_image_arrives_with_its_digest_and_all_its_tags() {
    let sandbox = sandbox(&json!([]));
    let clock = sandbox.clock().clone();
    let (before, slices, after, wanted) = clock
        .run(async move {
            let env = env(&sandbox, sandbox.registries()).await;
            let wanted = source(&env).await;
            let step = step(&wanted);
            let first = seat(2);
            let before = step.observe(&Cx::new(&env, &first)).await.unwrap();
            let slices = carry_out(&env, &step).await;
            let last = seat(20);
            let after = step.observe(&Cx::new(&env, &last)).await.unwrap();
            (before, slices, after, wanted)
        })
        .unwrap();
    assert_eq!(before, Observed::Absent);
    assert_eq!(slices, 1);
    assert!(wanted.tags.len() >= 2);
    match after {
        Observed::Ready(copied, Claim::AsWanted) => {
            assert_eq!(copied.digest, wanted.digest);
            assert_eq!(copied.uri, format!("{}@{}", uri(TO), wanted.digest));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn manifests_are_the_same_bytes_on_both_sides() {
    let sandbox = sandbox(&json!([]));
    let clock = sandbox.clock().clone();
    let (source, target) = clock
        .run(async move {
            let env = env(&sandbox, sandbox.registries()).await;
            let image = source(&env).await;
            carry_out(&env, &step(&image)).await;
            let mut both = Vec::new();
            for region in [FROM, TO] {
                let token = env.cloud.registry_token(region).await.unwrap();
                let transport = Arc::clone(&env.registries);
                let registry = Registry::new(transport, &token.endpoint, token.basic).unwrap();
                let side = Side {
                    registry: &registry,
                    repository: "redmine",
                };
                let family = copy::family(side, &image.digest).await.unwrap();
                let blobs = copy::blobs(side, &family).unwrap();
                assert!(copy::missing(side, blobs).await.unwrap().is_empty());
                both.push(family);
            }
            (both.remove(0), both.remove(0))
        })
        .unwrap();
    assert_eq!(source, target);
}

#[test]
fn what_is_there_is_not_sent_again() {
    let sandbox = sandbox(&json!([]));
    let clock = sandbox.clock().clone();
    let (first, second) = clock
        .run(async move {
            let counted = Counted::around(sandbox.registries());
            let env = env(&sandbox, Arc::<Counted>::clone(&counted)).await;
            let step = step(&source(&env).await);
            carry_out(&env, &step).await;
            let first = counted.puts.load(Ordering::Relaxed);
            carry_out(&env, &step).await;
            (first, counted.puts.load(Ordering::Relaxed))
        })
        .unwrap();
    assert!(first > 0);
    assert_eq!(first, second);
}

#[test]
fn a_registry_that_takes_no_blob_whole_gets_it_in_pieces() {
    let sandbox = sandbox(&json!([]));
    let clock = sandbox.clock().clone();
    let (there, wanted) = clock
        .run(async move {
            let pieces = Arc::new(InPieces(sandbox.registries()));
            let env = env(&sandbox, pieces).await;
            let wanted = source(&env).await;
            carry_out(&env, &step(&wanted)).await;
            let there = env.cloud.images(TO, "redmine", look(30)).await.unwrap();
            (there, wanted)
        })
        .unwrap();
    assert_eq!(
        there.iter().map(|i| &i.digest).collect::<Vec<_>>(),
        [&wanted.digest]
    );
}

#[test]
fn undo_takes_the_image_out_of_a_repository_that_stood_before() {
    let sandbox = sandbox(&json!([]));
    let clock = sandbox.clock().clone();
    let left = clock
        .run(async move {
            let env = env(&sandbox, sandbox.registries()).await;
            let step = step(&source(&env).await);
            let first_sent = Timestamp::from_second(
                aws_sim::clock::EPOCH
                    + i64::try_from(sandbox.clock().nanos() / 1_000_000_000).unwrap(),
            )
            .unwrap();
            carry_out(&env, &step).await;
            let made = Made {
                output: None,
                befores: vec![()],
                handles: Vec::new(),
                first_sent: Some(first_sent),
            };
            for epoch in 40..50 {
                let seat = seat(epoch);
                match step.undo(&Cx::new(&env, &seat), &made).await.unwrap() {
                    Undo::Done => break,
                    Undo::Call(call) => drop((call.send)().await.unwrap()),
                    other => panic!("{other:?}"),
                }
            }
            env.cloud.images(TO, "redmine", look(60)).await.unwrap()
        })
        .unwrap();
    assert!(left.is_empty());
}

#[test]
fn an_image_in_a_repository_of_this_run_goes_with_it() {
    let seat = seat(1);
    let tags: Vec<_> = seat
        .mark
        .tags()
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    let sandbox = sandbox(&json!(tags));
    let clock = sandbox.clock().clone();
    let undo = clock
        .run(async move {
            let env = env(&sandbox, sandbox.registries()).await;
            let step = step(&source(&env).await);
            carry_out(&env, &step).await;
            let made = Made {
                output: None,
                befores: vec![()],
                handles: Vec::new(),
                first_sent: Some(Timestamp::UNIX_EPOCH),
            };
            let seat = self::seat(40);
            step.undo(&Cx::new(&env, &seat), &made).await.unwrap()
        })
        .unwrap();
    assert!(matches!(undo, Undo::Done));
}
