//! What every command that carries a run out shares: reading the stack, the capture, Ctrl-C, the reporters, the end.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;

use drtool_engine::RunId;
use drtool_engine::event::{Outcome, exit};
use drtool_engine::journal::{Place, RealDisk};
use drtool_engine::plan::{Approval, Plan};
use drtool_engine::report::bar::Bar;
use drtool_engine::report::json::Json;
use drtool_engine::report::lines::{Detail, Lines};
use drtool_engine::report::words;
use drtool_engine::run::{Controls, Ended, Fleet, Pace, Run, RunError};
use drtool_engine::state::RunState;
use drtool_engine::step::Effect;

use tokio::signal::unix::{SignalKind, signal};

use super::ask::Asking;
use super::summary::Summary;
use super::{Shared, stack, tell};
use crate::capture::Capture;
use crate::cloud::place::Identity;
use crate::discover::{self, Named};
use crate::env::Env;
use crate::expand::{self, Asked, Rehearsal};
use crate::failure::{Exit, Failure, Failures};
use crate::manifest::{Manifest, Region};
use crate::preflight::{self, Depth, Report, Subject};
use crate::session::Session;

/// What a manifest names, for discovery.
pub fn named(manifest: &Manifest, partition: &str) -> Named {
    let split = |text: &str| match text.split_once('/') {
        Some((cluster, service)) => (cluster.to_owned(), service.to_owned()),
        None => ("default".to_owned(), text.to_owned()),
    };
    Named {
        stack: manifest.name.as_str().to_owned(),
        region: manifest.source.region.as_str().to_owned(),
        account: manifest.source.account.as_str().to_owned(),
        partition: partition.to_owned(),
        databases: manifest
            .databases
            .iter()
            .map(|d| d.instance.to_string())
            .collect(),
        secrets: manifest
            .secrets
            .iter()
            .map(|s| s.name.to_string())
            .collect(),
        parameters: manifest
            .parameters
            .iter()
            .map(|p| p.name.to_string())
            .collect(),
        repositories: manifest
            .images
            .iter()
            .map(|i| i.repository.to_string())
            .collect(),
        services: manifest
            .services
            .iter()
            .map(|s| split(&s.service.to_string()))
            .collect(),
        records: manifest
            .dns
            .iter()
            .map(|r| (r.zone.to_string(), r.record.to_string()))
            .collect(),
    }
}

/// Asks AWS what the source stack is.
pub fn captured(session: &Session, manifest: &Manifest) -> Result<Capture, Failures> {
    Ok(looked(session, manifest)?.0)
}

/// Asks AWS who we are, and what the source stack is.
fn looked(session: &Session, manifest: &Manifest) -> Result<(Capture, Identity), Failures> {
    let region = manifest.source.region.as_str().to_owned();
    let account = manifest.source.account.as_str().to_owned();
    let cloud = session.cloud();
    let named = named(manifest, "aws");
    let taken = session.clock().now();
    let found = session.block_on(async move {
        let cloud = cloud.await;
        let who = cloud.identity(&region).await.map_err(|error| {
            Failure::new(
                "E2002",
                Exit::Refused,
                format_args!("AWS does not say who we are"),
            )
            .cause(error)
            .hint("are there credentials? aws sts get-caller-identity tells; then try again")
        })?;
        if who.account != account {
            return Err(Failure::new(
                "E2001",
                Exit::Refused,
                format_args!(
                    "these credentials are of account {}, the manifest is for {account}",
                    who.account
                ),
            )
            .hint("say --profile, or correct source.account in the manifest"));
        }
        let named = Named {
            partition: who.partition.clone(),
            ..named
        };
        let capture = discover::discover(&cloud, &named, taken, 0).await?;
        Ok((capture, who))
    })??;
    Ok(found)
}

/// A plan from the live stack, with what it was made from.
pub struct Live {
    pub plan: Plan,
    pub capture: Capture,
    pub who: Identity,
}

/// Looks at the live stack and plans from what is seen.
pub fn live(
    session: &Session,
    found: &mut stack::Stack,
    to: &Region,
    profile: Rehearsal,
    runbook: &str,
    wanted: Wanted,
    shared: &Shared,
) -> Result<Live, Failures> {
    build(session, found)?;
    let (capture, who) = looked(session, &found.manifest)?;
    let runbook = found.runbook(shared, runbook)?;
    let asked = Asked {
        to: to.clone(),
        profile,
        lineage: super::plan::lineage(&capture.account, &capture.stack),
        seed: wanted.seed.unwrap_or_else(|| unused(session)),
        recovery_points: wanted.recovery_points,
    };
    let mut plan = expand::expand(&found.manifest, &capture, &runbook, &asked, &found.sources)?;
    found.note(&mut plan);
    Ok(Live { plan, capture, who })
}

/// Asks AWS whether anything would stop a plan. Nothing is touched.
pub fn preflight(
    session: &Session,
    manifest: &Manifest,
    live: &Live,
    to: &Region,
    depth: Depth,
) -> Result<Report, Failures> {
    let Some(target) = manifest.targets.get(to) else {
        return Ok(Report::default());
    };
    let env = environment(session, &live.plan)?;
    let subject = Subject {
        plan: live.plan.clone(),
        capture: live.capture.clone(),
        network: target.network.value.clone(),
        to: to.clone(),
        who: live.who.clone(),
        depth,
    };
    Ok(session.block_on(preflight::run(env, subject))?)
}

/// A plan that is about to be carried out: nothing that AWS could show beforehand stops it.
pub fn passed(
    session: &Session,
    manifest: &Manifest,
    live: &Live,
    to: &Region,
    shared: &Shared,
) -> Result<(), Failures> {
    let report = preflight(session, manifest, live, to, Depth::DryRuns)?;
    if report.refuses() {
        return Err(report.failures());
    }
    if !shared.json && !shared.quiet {
        eprint!("{}", super::show::preflight::line(&report, shared.colour()));
    }
    Ok(())
}

/// A plan from the live stack that passes preflight.
pub fn planned(
    session: &Session,
    found: &mut stack::Stack,
    to: Region,
    profile: Rehearsal,
    shared: &Shared,
) -> Result<Plan, Failures> {
    planned_from(session, found, to, profile, Wanted::default(), shared)
}

/// What else may be said about a plan.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The snapshot that each database instance is recovered from.
    pub recovery_points: BTreeMap<String, String>,
    /// The names of an earlier plan, to compare with it.
    pub seed: Option<String>,
}

/// A plan from the live stack that passes preflight.
pub fn planned_from(
    session: &Session,
    found: &mut stack::Stack,
    to: Region,
    profile: Rehearsal,
    wanted: Wanted,
    shared: &Shared,
) -> Result<Plan, Failures> {
    let live = live(session, found, &to, profile, "migrate", wanted, shared)?;
    passed(session, &found.manifest, &live, &to, shared)?;
    Ok(live.plan)
}

/// A run id that no run has yet.
fn unused(session: &Session) -> String {
    let mut seed = super::plan::seed();
    while session.state().join("runs").join(&seed).exists() {
        seed = super::plan::seed();
    }
    seed
}

/// In the sandbox: the source world of the stack, built when it is not there.
pub fn build(session: &Session, found: &stack::Stack) -> Result<(), Failures> {
    let stack = found.manifest.name.as_str();
    session.ensure(stack, &found.overlays).map_err(|why| {
        Failure::input(
            "E2020",
            format_args!("the sandbox cannot build `{stack}`: {why}"),
        )
        .into()
    })
}

/// A person agrees to everything in advance.
pub fn agree(plan: &mut Plan, by: &str, why: &str) {
    let asked: Vec<String> = plan
        .steps
        .iter()
        .filter(|s| s.confirm.is_some())
        .map(|s| s.id.to_string())
        .collect();
    for what in asked {
        plan.approvals.push(Approval {
            what,
            by: by.to_owned(),
            why: why.to_owned(),
        });
    }
}

/// Who types: for journals.
pub fn who() -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "somebody".to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match host.trim() {
        "" => user,
        host => format!("{user}@{host}"),
    }
}

/// The files of a run.
pub fn place(state: &std::path::Path, run: &RunId) -> Place {
    Place::new(Arc::new(RealDisk), state, run.clone())
}

/// Begins a run of `plan`.
pub fn begin(session: &Session, plan: Plan) -> Result<(RunId, Run<Env>), Failures> {
    let run = RunId::new(&plan.seed).map_err(|bad| Failure::input("E1040", bad))?;
    let env = environment(session, &plan)?;
    let holder = crate::session::holder(who());
    let begun = Run::begin(
        place(session.state(), &run),
        plan,
        &crate::steps::kinds(),
        env,
        holder,
        session.clock().now(),
    );
    begun
        .map(|r| (run, r))
        .map_err(|error| refused(error, "the run cannot begin"))
}

/// What the steps of a plan are handed.
pub fn environment(session: &Session, plan: &Plan) -> Result<Arc<Env>, Failures> {
    let text = |name: &str| {
        plan.facts
            .get(name)
            .and_then(|v| v.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let cloud = session.cloud();
    let cloud = session.block_on(cloud)?;
    let partition = Some(text("partition"))
        .filter(|p| !p.is_empty())
        .unwrap_or_else(|| "aws".to_owned());
    Ok(Arc::new(session.env(
        cloud,
        &text("account"),
        &partition,
    )?))
}

/// A run that cannot go on, as a failure.
pub fn refused(error: RunError, what: &str) -> Failures {
    if let RunError::Plan { flaws } = &error {
        let failures = flaws
            .iter()
            .map(|flaw| {
                let failure = Failure::new(flaw.code, Exit::Input, &flaw.what);
                match &flaw.hint {
                    Some(hint) => failure.hint(hint.clone()),
                    None => failure,
                }
            })
            .collect();
        return Failures(failures);
    }
    let exit = match error.exit() {
        exit::INPUT => Exit::Input,
        exit::STOPPED => Exit::Stopped,
        _ => Exit::State,
    };
    Failure::new(error.code(), exit, what).cause(error).into()
}

/// Carries a run out to the end of this life, and says how it ended.
pub fn carry(session: &Session, run: Run<Env>, shared: &Shared) -> Result<Ended, Failures> {
    let detail = match (shared.quiet, shared.verbose) {
        (true, _) => Detail::Quiet,
        (false, 0) => Detail::Normal,
        _ => Detail::Verbose,
    };
    let mut picture = None;
    let run = if shared.json {
        run.reporter(Json(std::io::stdout()))
    } else if std::io::stderr().is_terminal() {
        let bar = Bar::stderr(detail);
        picture = Some(bar.multi());
        run.reporter(bar)
    } else {
        run.reporter(Lines::new(std::io::stderr(), detail))
    };
    let asking = Asking::new(shared.whither.again(), picture);
    let fleet = Fleet::new(session.clock(), Pace::default());
    let controls = fleet.controls();
    asking.listen(controls.clone(), who());
    let run = if shared.json {
        run
    } else {
        run.reporter(asking)
    };
    let fleet = fleet.with(run);
    interruptible(controls);
    let mut ended = session.block_on(fleet.run())?;
    ended.pop().ok_or_else(|| {
        Failure::new("E9003", Exit::Bug, "a fleet of one run ended without it").into()
    })
}

/// Ctrl-C once stops after the calls in flight, twice at once. A thread of its own: it must work whatever the run does.
fn interruptible(controls: Controls) {
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        else {
            return;
        };
        runtime.block_on(async move {
            let (Ok(mut terminate), Ok(mut hangup)) = (
                signal(SignalKind::terminate()),
                signal(SignalKind::hangup()),
            ) else {
                return;
            };
            let mut times = 0;
            loop {
                tokio::select! {
                    biased;
                    _ = terminate.recv() => {}
                    // The terminal is gone and nobody reads: that is no reason to leave a stack half moved.
                    _ = hangup.recv() => continue,
                    heard = tokio::signal::ctrl_c() => if heard.is_err() { return },
                }
                times += 1;
                if times == 1 {
                    tell("stopping after the calls in flight; once more stops at once\n");
                }
                controls.interrupt(times);
            }
        });
    });
}

/// Whose names lead to the target and whose do not, where some zones are cut and others are not.
pub fn half_cut(state: &RunState) -> Option<String> {
    let (mut cut, mut waiting) = (vec![], vec![]);
    for (at, planned) in state.plan.steps.iter().enumerate() {
        if planned.effect != Effect::Cuts || planned.hold {
            continue;
        }
        let zone = planned
            .params
            .get("zone")
            .and_then(|zone| zone.as_str())
            .unwrap_or(planned.id.as_str());
        if state.steps()[at].phase.done() {
            cut.push(zone);
        } else {
            waiting.push(zone);
        }
    }
    if cut.is_empty() || waiting.is_empty() {
        return None;
    }
    Some(format!(
        "half cut: users of {} are in the target, users of {} read the maintenance page",
        cut.join(", "),
        waiting.join(", ")
    ))
}

/// The last lines: how it ended, and what to type next.
pub fn close(run: &RunId, ended: &Ended, shared: &Shared) -> Result<Exit, Failures> {
    let outcome = match &ended.result {
        Ok(outcome) => outcome,
        Err(error) => {
            let exit = if error.exit() == exit::STOPPED {
                Exit::Stopped
            } else {
                Exit::State
            };
            return Err(Failure::new(
                error.code(),
                exit,
                format_args!("run {run} ended early: {error}"),
            )
            .hint(format!("drtool status {run}"))
            .into());
        }
    };
    let records = super::look::records(&place(&shared.whither.runs(), run))?;
    let summary = Summary::of(&records, &ended.state);
    if !shared.json {
        let again = shared.whither.again();
        tell(&format!("{}\n", words::outcome(outcome).text));
        for line in summary.lines(Some(outcome)) {
            tell(&format!("{line}\n"));
        }
        if let Outcome::Refused { fault, .. } | Outcome::Failed { fault, .. } = outcome {
            for line in words::fault(fault) {
                tell(&format!("  {line}\n"));
            }
        }
        let half = half_cut(&ended.state);
        if let Some(half) = &half {
            tell(&format!("{half}\n"));
        }
        if outcome.resumable() {
            tell(&format!("go on:        drtool resume {run}{again}\n"));
        }
        // Past a cut there is only the way on.
        if outcome.resumable() && ended.state.cut().is_none() {
            tell(&format!("take it back: drtool undo {run}{again}\n"));
        }
        tell(&format!(
            "report:       drtool report {run} --html {run}.html{again}\n"
        ));
        tell(&format!("run {run}\n"));
    }
    Ok(match summary.status(outcome) {
        exit::DONE => Exit::Done,
        exit::BUG => Exit::Bug,
        exit::INPUT => Exit::Input,
        exit::REFUSED => Exit::Refused,
        exit::STOPPED => Exit::Stopped,
        exit::LEFT => Exit::LeftBehind,
        exit::MISSED => Exit::Missed,
        _ => Exit::State,
    })
}

/// Nobody to ask and no agreement: nothing may be fenced or cut.
pub fn attended(shared: &Shared) -> Result<(), Failures> {
    if shared.whither.agreed() || shared.whither.ask || std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::input(
        "E1094",
        "there is no terminal to ask, and nothing is fenced or cut unasked",
    )
    .hint("run it in a terminal, or agree in advance with --yes")
    .into())
}
