//! The simulator's own promises: simple calls per second through the real SDK, its share of them, a thousand stacks in memory, the
//! price of a fork. `--cold` also builds it from nothing.

mod measure;
mod redmine;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use aws_sim::action::{self, Action};
use aws_sim::world::{Settings, World};
use drtool::sandbox::seed::{Player, STACKS, Seed};
use drtool::sandbox::{Sandbox, read};
use drtool_engine::step::Look;
use measure::{Claims, Limit, Spread, Stopwatch, resident};
use serde_json::Value;

const CALLS: u64 = 20_000;
const MEASUREMENTS: usize = 7;
const STACKS_HELD: usize = 1_000;
const FORKS: usize = 200;

fn main() -> ExitCode {
    let mut claims = Claims::default();
    let rates: Vec<(f64, f64)> = (0..MEASUREMENTS).map(|_| calls()).collect();
    let speed = Spread::of(rates.iter().map(|(rate, _)| *rate));
    let share = Spread::of(rates.iter().map(|(_, share)| *share));
    claims.claim(
        "simple calls through the SDK",
        "1/s",
        speed.median(),
        &speed,
        Limit::AtLeast(5_000.0),
    );
    claims.claim(
        "the simulator's share of a call",
        "",
        share.median(),
        &share,
        Limit::AtMost(0.2),
    );
    let forks = Spread::of(forks());
    claims.claim(
        "a fork of a world of three stacks",
        "ms",
        forks.median(),
        &forks,
        Limit::AtMost(1.0),
    );
    let held = Spread::of(held());
    claims.claim(
        "a thousand stacks in memory",
        "MB",
        held.median(),
        &held,
        Limit::AtMost(300.0),
    );
    if std::env::args().any(|word| word == "--cold") {
        let cold = Spread::of(cold());
        claims.claim(
            "aws-sim built from nothing",
            "s",
            cold.median(),
            &cold,
            Limit::AtMost(90.0),
        );
    }
    claims.end()
}

/// Calls per second of processor time with time-outs and retries on, and the part of it that the simulator takes.
fn calls() -> (f64, f64) {
    let settings = Settings {
        throttle: false,
        odd_statuses: 0.0,
        ..Settings::default()
    };
    let mut world = redmine::world(1, settings);
    world.log.keep_requests();
    let session = redmine::session(world, 1);
    let cloud = session.cloud();
    let watch = session
        .block_on(async move {
            let cloud = cloud.await;
            let ask = async |number: u64| {
                let look = Look::alone(number);
                let secret = cloud.secret("us-west-2", "redmine/db", look).await;
                assert!(secret.is_ok_and(|found| found.is_some()));
            };
            // The clients are built, and the simulator's models read, before the clock starts.
            ask(0).await;
            let watch = Stopwatch::start();
            for number in 1..=CALLS {
                ask(number).await;
            }
            watch.seconds()
        })
        .unwrap_or_else(|failure| panic!("{failure:?}"));
    // The same requests once more, without the SDK.
    let sandbox = session.world().expect("a sandbox");
    let (requests, mut world) = {
        let kept = sandbox.world().lock();
        (kept.world().log.requests().to_vec(), kept.world().fork())
    };
    let again = Stopwatch::start();
    for request in &requests {
        let now = world.now();
        world.call(request, now + 20_000_000);
    }
    (
        CALLS as f64 / watch,
        again.seconds() / watch * CALLS as f64 / requests.len() as f64,
    )
}

/// Plays source stacks straight into a world, each account its own.
struct Play<'w> {
    world: &'w mut World,
    account: String,
}

impl Player for Play<'_> {
    fn call(
        &mut self,
        _: &str,
        region: &str,
        service: &str,
        operation: &str,
        input: Value,
    ) -> Result<Value, String> {
        let now = self.world.now();
        self.world.advance_to(now + 4_000_000_000);
        let call = Action::Call {
            account: self.account.clone(),
            region: region.to_owned(),
            service: service.to_owned(),
            operation: operation.to_owned(),
            input,
        };
        let mut answer = action::act(self.world, &call);
        match answer.get_mut("output") {
            Some(output) => Ok(output.take()),
            None => Err(answer["error"].to_string()),
        }
    }

    fn wait(&mut self) {
        let now = self.world.now();
        self.world.advance_to(now + 5_000_000_000);
    }
}

/// The account that the stacks' policies, images and buckets name.
const WRITTEN_FOR: &str = "111122223333";

/// A source stack of another account: whatever names one names that.
fn seed((name, text): (&str, &str), account: &str) -> Seed {
    let text = text.replace(WRITTEN_FOR, account);
    read(&text).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// Milliseconds of a fork: of the values, and of the first change that follows.
fn forks() -> Vec<f64> {
    let sandbox = Sandbox::in_memory(1, Settings::default());
    for (name, _) in STACKS.iter().take(3) {
        sandbox
            .build(name)
            .unwrap_or_else(|why| panic!("{name}: {why}"));
    }
    let world = sandbox.world().lock().world().fork();
    let measured = (0..MEASUREMENTS).map(|_| {
        let began = Instant::now();
        let mut ends = 0;
        for _ in 0..FORKS {
            ends = ends.max(world.fork().now());
        }
        assert!(ends > 0);
        began.elapsed().as_secs_f64() * 1_000.0 / FORKS as f64
    });
    measured.collect()
}

/// Megabytes that a world of a thousand stacks takes: the stacks there are in turn, each in an account of its own.
fn held() -> Vec<f64> {
    let before = resident();
    let mut worlds = Vec::new();
    for number in 0..STACKS_HELD {
        // A world of each account: a thousand stacks in one world would share what a world has only once.
        let mut world = World::new(number as u64);
        let account = format!("{:012}", 100_000_000_000 + number);
        let seed = seed(STACKS[number % STACKS.len()], &account);
        let mut player = Play {
            world: &mut world,
            account,
        };
        played(&seed, &mut player);
        worlds.push(world);
    }
    let megabytes = before
        .zip(resident())
        .map(|(before, after)| (after - before) as f64 / 1e6);
    drop(worlds);
    megabytes.into_iter().collect()
}

fn played(seed: &Seed, player: &mut Play<'_>) {
    seed.play(player)
        .unwrap_or_else(|error| panic!("{}: {error}", seed.stack));
}

/// Seconds of a build of the simulator alone, from nothing.
fn cold() -> Vec<f64> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = root.join("target/cold");
    if target.exists() {
        std::fs::remove_dir_all(&target).expect("an old build can be removed");
    }
    let began = Instant::now();
    let status = Command::new("cargo")
        .args(["build", "-p", "aws-sim", "--locked", "--target-dir"])
        .arg(&target)
        .current_dir(root)
        .status()
        .expect("cargo runs");
    assert!(status.success());
    let seconds = began.elapsed().as_secs_f64();
    std::fs::remove_dir_all(&target).expect("the build can be removed");
    vec![seconds]
}
