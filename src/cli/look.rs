//! Commands about runs that exist: `resume`, `undo`, `approve`, `status`, `runs`, `report`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use drtool_engine::RunId;
use drtool_engine::event::{Answer, Event, Outcome, Reach, Record};
use drtool_engine::journal::{self, Letter, Place, RealDisk, Wish};
use drtool_engine::plan::Plan;
use drtool_engine::report::{html, picture, words};
use drtool_engine::run::Run;
use drtool_engine::state::RunState;
use drtool_engine::{StepId, Timestamp};

use super::difference::Differences;
use super::summary::Summary;
use super::{Shared, carry};
use crate::env::Env;
use crate::failure::{Exit, Failure, Failures};
use crate::session::Session;

#[derive(Debug, Args)]
pub struct Resume {
    /// The run's id; the newest run that can go on where it is left out.
    pub run: Option<String>,
}

#[derive(Debug, Args)]
pub struct Undo {
    /// The run's id.
    pub run: String,
}

#[derive(Debug, Args)]
pub struct Approve {
    /// The run's id.
    pub run: String,
    /// The step that waits.
    pub step: String,
    /// Refuse instead.
    #[arg(long)]
    pub decline: bool,
}

#[derive(Debug, Args)]
pub struct Status {
    /// The run's id; the newest run where it is left out.
    pub run: Option<String>,
}

#[derive(Debug, Args)]
pub struct Runs {}

#[derive(Debug, Args)]
pub struct Report {
    /// The run's id; the newest run where it is left out.
    pub run: Option<String>,
    /// Write the whole report as one HTML file instead, timeline drawn.
    #[arg(long, value_name = "FILE", visible_alias = "out")]
    pub html: Option<PathBuf>,
}

/// A run id that was typed.
pub fn id(text: &str) -> Result<RunId, Failures> {
    RunId::new(text).map_err(|bad| Failure::input("E1040", bad).into())
}

fn journal_failed(error: journal::JournalError) -> Failures {
    Failure::new(
        error.code(),
        Exit::State,
        "the run's journal cannot be read",
    )
    .cause(error)
    .hint("nothing was touched. If there is a copy of the journal, put it back; its records say what the run has made")
    .into()
}

/// Every record of a run.
pub fn records(place: &Place) -> Result<Vec<Record>, Failures> {
    if !place.journal().is_file() {
        return Err(
            Failure::input("E1095", format!("there is no run {}", place.run()))
                .hint("`drtool runs` lists them; those of the sandbox with --sandbox")
                .into(),
        );
    }
    journal::read(place).map_err(journal_failed)
}

/// The plan in a run's first record.
pub fn plan(records: &[Record]) -> Result<Plan, Failures> {
    match records.first().map(|r| &r.event) {
        Some(Event::Planned { plan, .. }) => Ok((**plan).clone()),
        _ => Err(Failure::new(
            "E3005",
            Exit::State,
            "the journal does not begin with a plan",
        )
        .into()),
    }
}

fn state(records: &[Record]) -> Result<RunState, Failures> {
    RunState::fold(records).map_err(|error| {
        Failure::new("E3009", Exit::State, "the journal contradicts itself")
            .cause(error)
            .into()
    })
}

/// Whether a run took back everything that it had made.
pub fn clean(records: &[Record]) -> Result<bool, Failures> {
    let outcome = state(records)?.outcome;
    Ok(matches!(outcome, Some(Outcome::Unwound { left, .. }) if left.is_empty()))
}

/// All runs with their records, the newest last.
fn all(shared: &Shared) -> Result<Vec<(Place, Vec<Record>)>, Failures> {
    let folder = shared.whither.runs();
    let mut found = Vec::new();
    for run in journal::runs(&RealDisk, &folder).map_err(journal_failed)? {
        let place = carry::place(&folder, &run);
        let records = records(&place)?;
        found.push((place, records));
    }
    found.sort_by_key(|(_, records)| records.first().map(|r| r.at));
    Ok(found)
}

/// The run that is meant: the one named, or the newest that fits.
fn meant(
    shared: &Shared,
    run: Option<&str>,
    fits: impl Fn(&RunState) -> bool,
) -> Result<(Place, Vec<Record>), Failures> {
    if let Some(run) = run {
        let place = carry::place(&shared.whither.runs(), &id(run)?);
        let records = records(&place)?;
        return Ok((place, records));
    }
    for (place, records) in all(shared)?.into_iter().rev() {
        if fits(&state(&records)?) {
            return Ok((place, records));
        }
    }
    Err(Failure::input("E1095", "there is no such run")
        .hint("`drtool runs` lists them; those of the sandbox with --sandbox")
        .into())
}

fn open(session: &Session, place: Place, records: &[Record]) -> Result<Run<Env>, Failures> {
    let env: Arc<Env> = carry::environment(session, &plan(records)?)?;
    Run::take_over(
        place,
        &crate::steps::kinds(),
        env,
        crate::session::holder(carry::who()),
    )
    .map_err(|error| carry::refused(error, "the run cannot be taken over"))
}

pub fn resume(command: &Resume, shared: &Shared) -> Result<Exit, Failures> {
    let session = shared.whither.session()?;
    let can_go_on = |state: &RunState| {
        state
            .outcome
            .as_ref()
            .is_none_or(|outcome| outcome.resumable())
    };
    let (place, records) = meant(shared, command.run.as_deref(), can_go_on)?;
    let id = place.run().clone();
    if let Some((file, changed)) = super::stack::edited(&plan(&records)?) {
        let changed = Differences(changed).to_string().replace('\n', "\n  ");
        super::tell(&format!(
            "{file} has been changed since this run was planned; the run goes on as it was planned:\n  {changed}\n"
        ));
    }
    let run = open(&session, place, &records)?
        .resume()
        .map_err(|error| carry::refused(error, "the run cannot go on"))?;
    let ended = carry::carry(&session, run, shared)?;
    carry::close(&id, &ended, shared)
}

pub fn undo(command: &Undo, shared: &Shared) -> Result<Exit, Failures> {
    let session = shared.whither.session()?;
    let place = carry::place(session.state(), &id(&command.run)?);
    let id = place.run().clone();
    let records = records(&place)?;
    let run = open(&session, place, &records)?
        .undo(carry::who(), Reach::BeforeCut)
        .map_err(|error| {
            let past = matches!(error, drtool_engine::run::RunError::PastTheCut { .. });
            let mut failures = carry::refused(error, "the run cannot be taken back");
            if past && let Some(first) = failures.0.pop() {
                failures.0.push(first.hint(
                    "users are on the target: the way home is a new move, back to the source",
                ));
            }
            failures
        })?;
    let ended = carry::carry(&session, run, shared)?;
    carry::close(&id, &ended, shared)
}

pub fn approve(command: &Approve, shared: &Shared) -> Result<Exit, Failures> {
    let place = carry::place(&shared.whither.runs(), &id(&command.run)?);
    let records = records(&place)?;
    let step = StepId::new(&command.step).map_err(|bad| Failure::input("E1040", bad))?;
    // An answer belongs to one question: a later one is asked anew.
    let asked = records
        .iter()
        .rev()
        .find(|r| matches!(&r.event, Event::Asked { step: of, .. } if *of == step));
    let Some(asked) = asked else {
        return Err(Failure::input(
            "E1042",
            format!(
                "step `{step}` of run {} has not asked anything",
                place.run()
            ),
        )
        .hint(format!("drtool status {}", place.run()))
        .into());
    };
    let answer = if command.decline {
        Answer::No
    } else {
        Answer::Yes
    };
    let letter = Letter {
        by: carry::who(),
        at: Timestamp::now(),
        wish: Wish::Answer {
            step,
            asked: asked.number,
            answer,
        },
    };
    place.post(&letter).map_err(|error| {
        Failure::new(
            "E3032",
            Exit::State,
            "the answer cannot be left beside the journal",
        )
        .cause(error)
    })?;
    if !place.held() {
        super::tell(&format!(
            "nobody carries the run out now; it hears the answer when it goes on: drtool resume {}{}\n",
            place.run(),
            shared.whither.again()
        ));
    }
    Ok(Exit::Done)
}

pub fn status(command: &Status, shared: &Shared) -> Result<Exit, Failures> {
    let (place, records) = meant(shared, command.run.as_deref(), |_| true)?;
    let state = state(&records)?;
    let now = records.last().map_or(Timestamp::UNIX_EPOCH, |r| r.at);
    let held = place.held();
    let waiting: Vec<_> = state
        .plan
        .steps
        .iter()
        .zip(state.steps())
        .filter(|(_, step)| step.asked.is_some() && step.answer.is_none())
        .map(|(planned, _)| planned.id.as_str())
        .collect();
    if shared.json {
        let document = serde_json::json!({
            "run": place.run().as_str(), "profile": state.plan.profile.name, "stack": state.plan.stack, "held": held,
            "outcome": state.outcome, "waiting": waiting, "report": Summary::of(&records, &state).json(),
        });
        super::say(&format!("{document}\n"));
        return Ok(Exit::Done);
    }
    let again = shared.whither.again();
    let mut text = format!(
        "run {}: {} of {}, {} after its begin\n",
        place.run(),
        state.plan.profile.name,
        state.plan.stack,
        words::duration(words::between(state.began, now))
    );
    for line in picture::picture(&state, now) {
        text.push_str(&line);
        text.push('\n');
    }
    for step in waiting {
        text.push_str(&format!(
            "waits for an answer: drtool approve {} {step}{again}\n",
            place.run()
        ));
    }
    text.push_str(&match (&state.outcome, held) {
        (Some(outcome), _) => format!("{}\n", words::outcome(outcome).text),
        (None, true) => "somebody carries it out now\n".to_owned(),
        (None, false) => format!("killed: drtool resume {}{again}\n", place.run()),
    });
    super::say(&text);
    Ok(Exit::Done)
}

pub fn runs(_: &Runs, shared: &Shared) -> Result<Exit, Failures> {
    let runs = all(shared)?;
    if runs.is_empty() && !shared.json {
        super::say(&format!("no runs in {}\n", shared.whither.runs().display()));
        return Ok(Exit::Done);
    }
    let mut rows = vec![["run", "began", "what", "stack", "how it stands"].map(str::to_owned)];
    for (place, records) in runs {
        let state = state(&records)?;
        let held = place.held();
        if shared.json {
            let document = serde_json::json!({
                "run": place.run().as_str(), "began": state.began, "profile": state.plan.profile.name, "stack": state.plan.stack,
                "held": held, "outcome": state.outcome,
            });
            super::say(&format!("{document}\n"));
            continue;
        }
        let how = match (&state.outcome, held) {
            (Some(outcome), _) => words::outcome(outcome).text,
            (None, true) => "running".to_owned(),
            (None, false) => "killed".to_owned(),
        };
        let second = state.began.round(jiff::Unit::Second).unwrap_or(state.began);
        rows.push([
            place.run().to_string(),
            second.to_string(),
            state.plan.profile.name.clone(),
            state.plan.stack.clone(),
            how,
        ]);
    }
    if !shared.json {
        super::say(&table(&rows));
    }
    Ok(Exit::Done)
}

/// Columns as wide as what stands in them; the last as it is.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

pub fn report(command: &Report, shared: &Shared) -> Result<Exit, Failures> {
    let (place, records) = meant(shared, command.run.as_deref(), |_| true)?;
    let state = state(&records)?;
    let Some(path) = &command.html else {
        super::say(&told(&place, &records, &state, shared));
        return Ok(Exit::Done);
    };
    let page = html::page(&records).map_err(|error| {
        Failure::new("E3009", Exit::State, "the journal contradicts itself").cause(error)
    })?;
    std::fs::write(path, page).map_err(|error| {
        Failure::input(
            "E1071",
            format!("the report cannot be written to {}", path.display()),
        )
        .cause(error)
    })?;
    super::say(&format!("{}\n", path.display()));
    Ok(Exit::Done)
}

/// The report as text, or as one JSON document.
fn told(place: &Place, records: &[Record], state: &RunState, shared: &Shared) -> String {
    let summary = Summary::of(records, state);
    let said = match (&state.outcome, place.held()) {
        (Some(outcome), _) => words::outcome(outcome).text,
        (None, true) => "running".to_owned(),
        (None, false) => "killed; `drtool resume` goes on".to_owned(),
    };
    if shared.json {
        let document = serde_json::json!({
            "run": place.run().as_str(), "profile": state.plan.profile.name, "stack": state.plan.stack, "plan": state.hash,
            "began": state.began, "outcome": state.outcome, "report": summary.json(),
        });
        return format!("{document}\n");
    }
    let mut lines = vec![
        format!(
            "run {}: {} of {}",
            place.run(),
            state.plan.profile.name,
            state.plan.stack
        ),
        format!("  {said}"),
        format!("  began {}", state.began),
        String::new(),
    ];
    lines.extend(summary.lines(state.outcome.as_ref()));
    lines.push(String::new());
    lines.extend(summary.counts());
    let faults = state.steps().iter().filter_map(|step| step.fault.as_ref());
    for fault in faults {
        lines.push(String::new());
        lines.extend(words::fault(fault));
    }
    lines.push(String::new());
    lines.push(format!(
        "every event, with the timeline drawn: drtool report {} --html {}.html{}",
        place.run(),
        place.run(),
        shared.whither.again()
    ));
    lines.join("\n") + "\n"
}
