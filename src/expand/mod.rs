//! Manifest, capture and runbook, expanded into a plan: one step per AWS resource, every identifier rewritten, every decision
//! made. Pure: no I/O, no clock, no chance.
//!
//! Modules in reading order: [`runbook`] (what a person wrote), [`order`] (what it may not say), [`uses`] (the walk over its
//! lines), [`expansion`] (the plan in the making) and [`target`] (what stands for the source's things in it), the uses by topic
//! ([`access`], [`parameters`], [`network`], [`images`], [`edge`], [`databases`], [`services`], [`fence`], [`checks`]), [`questions`] (what databases
//! are asked), [`acknowledged`] (what may not go unseen), [`connect`] (needs, gates, order), [`times`] and [`estimate`] (how long it
//! takes), [`facts`] (what people read first), [`finish`].

mod access;
mod acknowledged;
mod checks;
pub mod commands;
mod connect;
pub mod cost;
mod databases;
mod edge;
pub mod estimate;
mod expansion;
pub mod facts;
mod fence;
mod finish;
mod fits;
mod images;
mod network;
mod order;
mod parameters;
pub mod permissions;
mod questions;
pub mod runbook;
mod services;
mod target;
pub mod times;
mod uses;

use crate::capture::Capture;
use crate::failure::{Failure, Failures, Sources};
use crate::manifest::{Manifest, Name, Region};
use crate::printable::Printable;
use drtool_engine::plan::Plan;
use expansion::Expansion;
use fits::fits;
use runbook::Runbook;
use std::collections::{BTreeMap, BTreeSet};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub to: Region,
    pub profile: Rehearsal,
    /// The lineage that stable names carry.
    pub lineage: String,
    /// What run-scoped names carry: four to eight hexadecimal digits.
    pub seed: String,
    /// Of a rehearsal: the snapshot that each database instance is recovered from; a fresh one where none is named.
    pub recovery_points: BTreeMap<String, String>,
}

/// How much of the plan is real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rehearsal {
    /// Every step is held: nothing is changed.
    DryRun,
    /// What users or the source would notice is held; names are the run's own; everything is taken back.
    Drill,
    /// Nothing is held.
    Real,
}

/// Expands everything into a plan.
pub fn expand(
    manifest: &Manifest,
    capture: &Capture,
    runbook: &Runbook,
    asked: &Asked,
    sources: &Sources,
) -> Result<Plan, Failures> {
    let target = fits(manifest, capture, asked, sources)?;
    let mut expansion = Expansion::new(manifest, capture, target, asked, sources);
    expansion.found.extend(order::unsafe_orders(
        runbook,
        sources,
        !manifest.databases.is_empty(),
        !manifest.secrets.is_empty(),
        !manifest.parameters.is_empty(),
    ));
    for (phase, line) in runbook.lines() {
        expansion.line(phase.name.as_str(), line);
    }
    expansion.acknowledged();
    let found = first_causes(std::mem::take(&mut expansion.found));
    if !found.is_empty() {
        return Err(Failures(found));
    }
    expansion.connect(runbook);
    expansion.finish(runbook)
}

/// Each fault once, and without those that only follow from others: a line that could not be read leaves others without what it
/// makes, which would be told over and over.
fn first_causes(found: Vec<Failure>) -> Vec<Failure> {
    let causes = found.iter().any(|failure| failure.code != "E1060");
    let mut seen = BTreeSet::new();
    found
        .into_iter()
        .filter(|failure| !(causes && failure.code == "E1060"))
        .filter(|failure| {
            seen.insert((
                failure.code,
                failure.to_string(),
                failure.place().map(str::to_owned),
            ))
        })
        .collect()
}

/// A name as a part of a step's id: lower case, with dashes for everything else.
fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            out.push(c);
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() {
        "x".to_owned()
    } else {
        out.to_owned()
    }
}

/// The name of a service or database, for messages.
fn shown(name: &Name) -> String {
    Printable(name.as_str()).to_string()
}

#[cfg(test)]
mod tests;
