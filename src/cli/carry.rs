//! What every command that carries a run out shares: its begin or its taking over, Ctrl-C, the reporters.

use std::io::IsTerminal;

use drtool_engine::RunId;
use drtool_engine::event::{Record, exit};
use drtool_engine::journal::Place;
use drtool_engine::plan::{Approval, Plan};
use drtool_engine::report::bar::Bar;
use drtool_engine::report::json::Json;
use drtool_engine::report::lines::{Detail, Lines};
use drtool_engine::run::{Controls, Ended, Fleet, Pace, Run, RunError};
use tokio::signal::unix::{SignalKind, signal};

use super::ask::Asking;
use super::{Shared, live, records, tell};
use crate::env::Env;
use crate::failure::{Exit, Failure, Failures};
use crate::session::Session;

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

/// Begins a run of `plan`.
pub fn begin(session: &Session, plan: Plan) -> Result<(RunId, Run<Env>), Failures> {
    let run = RunId::new(&plan.seed).map_err(|bad| Failure::input("E1040", bad))?;
    let env = live::environment(session, &plan)?;
    let holder = session.holder(who());
    let begun = Run::begin(
        records::place(session.state(), &run),
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

/// Takes a run over that exists: nobody else carries it out from here on.
pub fn take_over(session: &Session, place: Place, of: &[Record]) -> Result<Run<Env>, Failures> {
    session.is_where(place.run(), of)?;
    let env = live::environment(session, &records::plan(of)?)?;
    Run::take_over(place, &crate::steps::kinds(), env, session.holder(who()))
        .map_err(|error| refused(error, "the run cannot be taken over"))
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
