//! P9 and P1 for Redmine: whole moves per second of one core, and how much longer a move takes than what AWS's own durations
//! leave it no choice about. Through the real SDK, in this process, in virtual time.

mod measure;
mod redmine;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use aws_sim::world::{Settings, World};
use drtool_engine::run::Pace;
use measure::{Claims, Limit, Spread, Stopwatch};

/// Moves per measurement, and measurements: the kernel counts processor time coarsely.
const MOVES: usize = 5;
const MEASUREMENTS: usize = 7;
/// Worlds whose makespans are compared.
const SEEDS: u64 = 30;

fn main() -> ExitCode {
    let told = |word: &str| std::env::args().any(|given| given == word);
    let mut claims = Claims::default();
    let settings = Settings::default();
    if told("--calls") {
        let world = redmine::world(1, settings);
        asked(&world, Duration::from_secs(30));
        asked(&world, Duration::from_secs(1));
        return ExitCode::SUCCESS;
    }
    if !told("--p1") {
        rates(&settings, &mut claims);
    }
    if !told("--p9") {
        makespans(&settings, &mut claims);
    }
    claims.end()
}

fn rates(settings: &Settings, claims: &mut Claims) {
    let world = redmine::world(1, settings.clone());
    for (name, tick, limit) in [
        ("P9 moves per second, 30 s tick", 30, 20.0),
        ("P9 moves per second, production tick", 1, 4.0),
    ] {
        let rates = Spread::of((0..MEASUREMENTS).map(|_| rate(&world, Duration::from_secs(tick))));
        claims.claim(name, "1/s", rates.median(), &rates, Limit::AtLeast(limit));
    }
}

fn makespans(settings: &Settings, claims: &mut Claims) {
    let ratios = Spread::of((1..=SEEDS).map(|seed| {
        let world = redmine::world(seed, settings.clone());
        let took = makespan(&world, seed, settings, Pace::default());
        let least = possible(&world, seed, settings);
        println!(
            "  seed {seed}: {took:.0} s of {least:.0} s: {:.4}",
            took / least
        );
        took / least
    }));
    let name = "P1 makespan over the sampled critical path (virtual time)";
    let (middle, most) = (ratios.median(), ratios.at(0.95));
    claims.claim(
        &format!("{name}, p50"),
        "",
        middle,
        &ratios,
        Limit::AtMost(1.01),
    );
    claims.claim(
        &format!("{name}, p95"),
        "",
        most,
        &ratios,
        Limit::AtMost(1.02),
    );
}

/// Moves per second of processor time: the world forked, the source captured and planned, the plan carried out.
fn rate(world: &World, tick: Duration) -> f64 {
    let watch = Stopwatch::start();
    let mut calls = 0;
    for _ in 0..MOVES {
        let session = redmine::session(world.fork(), 1);
        let mut stack = redmine::stack();
        let capture = redmine::capture(&session, &stack);
        let plan = redmine::plan(&mut stack, &capture);
        redmine::carry_out(&session, plan, Pace::ticking(tick));
        calls += redmine::calls(&session) - world.log.calls;
    }
    let rate = MOVES as f64 / watch.seconds();
    println!(
        "  tick {tick:?}: {rate:.2} moves per second, {} calls each",
        calls / MOVES as u64
    );
    rate
}

/// What one move asks of AWS: how often each operation, most often first.
fn asked(world: &World, tick: Duration) {
    let session = redmine::session(world.fork(), 1);
    let mut stack = redmine::stack();
    let capture = redmine::capture(&session, &stack);
    let plan = redmine::plan(&mut stack, &capture);
    redmine::carry_out(&session, plan, Pace::ticking(tick));
    let sandbox = session.world().expect("a sandbox");
    let kept = sandbox.world().lock();
    let (all, before) = (kept.world().log.entries(), world.log.entries().count());
    let mut counts: BTreeMap<(bool, &str), u64> = BTreeMap::new();
    for access in all.skip(before) {
        *counts
            .entry((access.writes, access.operation.as_str()))
            .or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    println!("tick {tick:?}:");
    for ((writes, operation), count) in counts {
        println!(
            "{count:6} {operation}{}",
            if writes { " (writes)" } else { "" }
        );
    }
}

/// How long a move takes, in virtual seconds.
fn makespan(world: &World, seed: u64, settings: &Settings, pace: Pace) -> f64 {
    let mut world = world.fork();
    world.settings = settings.clone();
    let session = redmine::session(world, seed);
    let mut stack = redmine::stack();
    let capture = redmine::capture(&session, &stack);
    let plan = redmine::plan(&mut stack, &capture);
    let begun = session.clock().now();
    redmine::carry_out(&session, plan, pace);
    session.clock().now().duration_since(begun).as_secs_f64()
}

/// The critical path as sampled: the same plan in the same world with the same seed, whose durations are therefore the same,
/// looked at about as often as it could be (a tenth of a second, or a thousandth of the time something has been under way), so that
/// hardly any lateness is left, not even of what has time to spare; nothing is throttled.
fn possible(world: &World, seed: u64, settings: &Settings) -> f64 {
    let settings = Settings {
        throttle: false,
        ..settings.clone()
    };
    let pace = Pace {
        tick: Duration::from_millis(100),
        growth: 0.001,
        spare: 0.0,
        seldom: Duration::from_millis(1_500),
        rarely: Duration::from_millis(1_500),
        soon: Duration::from_millis(1),
        ..Pace::default()
    };
    makespan(world, seed, &settings, pace)
}
