//! The runs that exist, read from their journals. Nothing is touched.

use std::path::Path;
use std::sync::Arc;

use drtool_engine::RunId;
use drtool_engine::event::{Event, Outcome, Record};
use drtool_engine::journal::{self, Place, RealDisk};
use drtool_engine::plan::Plan;
use drtool_engine::report::words;
use drtool_engine::state::RunState;

use super::Shared;
use crate::failure::{Exit, Failure, Failures};

/// A run id that was typed.
pub fn id(text: &str) -> Result<RunId, Failures> {
    RunId::new(text).map_err(|bad| Failure::input("E1040", bad).into())
}

/// The files of a run.
pub fn place(state: &Path, run: &RunId) -> Place {
    Place::new(Arc::new(RealDisk), state, run.clone())
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
pub fn read(place: &Place) -> Result<Vec<Record>, Failures> {
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

/// How a run stands after all that its journal tells.
pub fn state(records: &[Record]) -> Result<RunState, Failures> {
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
pub fn all(shared: &Shared) -> Result<Vec<(Place, Vec<Record>)>, Failures> {
    let folder = shared.whither.runs();
    let mut found = Vec::new();
    for run in journal::runs(&RealDisk, &folder).map_err(journal_failed)? {
        let place = place(&folder, &run);
        let records = read(&place)?;
        found.push((place, records));
    }
    found.sort_by_key(|(_, records)| records.first().map(|r| r.at));
    Ok(found)
}

/// The run that is meant: the one named, or the newest that fits.
pub fn meant(
    shared: &Shared,
    run: Option<&str>,
    fits: impl Fn(&RunState) -> bool,
) -> Result<(Place, Vec<Record>), Failures> {
    if let Some(run) = run {
        let place = place(&shared.whither.runs(), &id(run)?);
        let records = read(&place)?;
        return Ok((place, records));
    }
    let mut newest = None;
    for (place, records) in all(shared)?.into_iter().rev() {
        let state = state(&records)?;
        if fits(&state) {
            return Ok((place, records));
        }
        newest.get_or_insert((place, state));
    }
    let what = match &newest {
        Some((
            place,
            RunState {
                outcome: Some(outcome),
                ..
            },
        )) => format!(
            "no run can go on: the newest, {}, has ended: {}",
            place.run(),
            words::outcome(outcome).text
        ),
        _ => "there is no run yet".to_owned(),
    };
    Err(Failure::input("E1095", what)
        .hint("`drtool runs` lists them; those of the sandbox with --sandbox")
        .into())
}
