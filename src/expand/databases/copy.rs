//! The first copy of a database beside the running source, the last one, and the restore from it.

use super::captured;
use crate::capture;
use crate::expand::{Expansion, Rehearsal, times};
use crate::steps;
use drtool_engine::plan::{Lane, Milestone};
use drtool_engine::step::{Effect, Value};

/// A snapshot and its copy: the first time nearly the whole database, later only what changed since.
fn copy(
    e: &mut Expansion<'_>,
    source: &capture::Database,
    word: &str,
    first: bool,
) -> drtool_engine::StepId {
    let to = e.asked.to.to_string();
    let from = e.capture.region.clone();
    let gib = source.settings.allocated_storage_gib;
    let name = e.of_run(&format!("{}-{word}", source.identifier), 200);
    let kind = if first { "whole" } else { "the difference" };
    let existing = e.asked.recovery_points.get(&source.identifier).cloned();
    let (taken_name, effect, title) = match &existing {
        Some(id) => (
            id.clone(),
            Effect::Reads,
            format!("snapshot {id} of {}, which exists", source.identifier),
        ),
        None => (
            name.clone(),
            Effect::Adds,
            format!("snapshot {name} of {}", source.identifier),
        ),
    };
    let taken = e.step(
        &format!("{word}-snapshot"),
        steps::db_snapshot::KIND,
        &from,
        effect,
        title,
        &steps::db_snapshot::DbSnapshot {
            instance: source.identifier.clone(),
            snapshot: taken_name,
            tags: Default::default(),
        },
    );
    match existing {
        Some(id) => e.adopt(&id),
        None => e.expect(times::snapshot(gib, first)),
    }
    let key = e.key(&source.kms_key);
    let own_options = !source.settings.option_group.starts_with("default:");
    let option_group =
        own_options.then(|| e.of(&format!("{}#optionGroup", source.arn), "the option group"));
    let title = format!("copy of snapshot {name} to {to} ({gib} GiB, {kind})");
    let copied = e.step(
        &format!("{word}-copy"),
        steps::db_snapshot_copy::KIND,
        &to,
        Effect::Adds,
        title,
        &steps::db_snapshot_copy::DbSnapshotCopy {
            source: Value::later(taken.clone(), "arn"),
            source_region: from,
            snapshot: name,
            kms_key: key,
            option_group,
            tags: Default::default(),
        },
    );
    e.expect(times::snapshot_copy(gib, first));
    // AWS lets so many copies into one region at a time; the twenty-first would be refused, not queued.
    e.last().lane = Some(Lane {
        name: format!("rds-snapshot-copies-{to}"),
        width: 20,
    });
    e.quota("manual DB snapshots", 1, 100);
    e.role(format!("{word} snapshot {}", source.identifier), &taken);
    copied
}

pub(in crate::expand) fn seed(e: &mut Expansion<'_>, index: usize) {
    // A rehearsal restores from one snapshot: a second copy would show nothing and cost an hour.
    if e.asked.profile == Rehearsal::Drill {
        return;
    }
    let Some((_, source)) = captured(e, index) else {
        return;
    };
    copy(e, source, "seed", true);
}

/// The last snapshot, its difference, the restore with every setting named.
pub(in crate::expand) fn restore(e: &mut Expansion<'_>, index: usize) {
    let Some((database, source)) = captured(e, index) else {
        return;
    };
    let to = e.asked.to.to_string();
    let copied = copy(e, source, "final", e.asked.profile == Rehearsal::Drill);
    // A rehearsal has no last write to compare with: there the snapshot's own word says up to where data is kept.
    if e.asked.profile == Rehearsal::Drill
        && let Some(taken) = e
            .roles
            .get(&format!("final snapshot {}", source.identifier))
            .cloned()
        && let Some(step) = e.steps.iter_mut().find(|s| s.id == taken)
    {
        step.milestone = Some(Milestone::RecoveryPoint);
    }
    let subnet_group = e.of(
        &format!("{}#subnetGroup", source.arn),
        "the subnet group of",
    );
    let parameter_group = e.of(
        &format!("{}#parameterGroup", source.arn),
        "the parameter group of",
    );
    let option_group = e.of(
        &format!("{}#optionGroup", source.arn),
        "the option group of",
    );
    let security_groups = e.all_of(&source.security_group_ids, "the security group");
    let identifier = e.of_run(&source.identifier, 63);
    let settings = source.settings.clone();
    let params = steps::db_instance::DbInstance {
        identifier: identifier.clone(),
        snapshot: Value::later(copied, "identifier"),
        subnet_group,
        security_groups,
        parameter_group,
        option_group,
        settings: settings.clone(),
        tags: source.tags.clone(),
    };
    let words = format!(
        "{} {}, {}, {} GiB {}{}",
        settings.engine,
        settings.engine_version,
        settings.class,
        settings.allocated_storage_gib,
        settings.storage_type,
        if settings.multi_az { ", Multi-AZ" } else { "" }
    );
    let step = e.step(
        "restore",
        steps::db_instance::KIND,
        &to,
        Effect::Adds,
        format!("database {identifier} ({words})"),
        &params,
    );
    e.last().alternatives = database
        .class_alternatives
        .iter()
        .map(|class| {
            let mut other = params.clone();
            other.settings.class = class.value.clone();
            serde_json::to_value(&other).unwrap_or_default()
        })
        .collect();
    e.becomes(
        &format!("database {}#endpoint", database.name.value),
        &step,
        "endpoint",
        "",
    );
    e.becomes(&source.endpoint, &step, "endpoint", "the restored database");
    e.rewriter.becomes(
        &source.arn,
        source
            .arn
            .replacen(&e.capture.region, &to, 1)
            .replace(&source.identifier, &identifier),
        "the restored database",
    );
    e.role(format!("restore {}", database.name.value), &step);
    e.quota("DB instances", 1, 40);
    e.quota("DB storage, GiB", settings.allocated_storage_gib, 100_000);
}
