//! Tags on any resource of RDS, by its ARN.

use super::instance::Tags;
use super::names::{self, Arn};
use super::refusal::{
    cluster_not_found, cluster_snapshot_not_found, instance_not_found, option_group_not_found,
    parameter_group_not_found, refuse, snapshot_not_found, subnet_group_not_found, value,
};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};
use serde_json::json;

/// Changes the tags of the resource that an ARN names, or reads them by changing nothing.
fn with_tags<R>(
    cx: &mut Cx<'_>,
    input: &Input,
    act: impl FnOnce(&mut Tags) -> R,
) -> Result<R, AwsError> {
    let given = input.str("ResourceName").unwrap_or_default();
    let Some(arn) = Arn::read(given) else {
        return Err(value(format!(
            "The specified resource name does not match an RDS resource in this region: {given}"
        )));
    };
    if arn.region != cx.region || arn.account != cx.caller.account {
        return Err(value(
            "The specified resource name does not match an RDS resource in this region.",
        ));
    }
    let now = cx.now();
    let state = &mut cx.place().rds;
    let mut answer = None;
    let mut act = Some(act);
    macro_rules! on {
        ($table:ident) => {
            state.$table.change(&arn.id, now, |row| {
                answer = act.take().map(|act| act(&mut row.tags))
            })
        };
    }
    match arn.kind.as_str() {
        "db" => on!(instances),
        "snapshot" => on!(snapshots),
        "cluster" => on!(clusters),
        "cluster-snapshot" => on!(cluster_snapshots),
        "subgrp" => on!(subnet_groups),
        "pg" => on!(parameter_groups),
        "cluster-pg" => on!(cluster_parameter_groups),
        "og" => on!(option_groups),
        "auto-backup" => on!(automated_backups),
        _ => false,
    };
    answer.ok_or_else(|| match arn.kind.as_str() {
        "db" => instance_not_found(&arn.id),
        "snapshot" => snapshot_not_found(&arn.id),
        "cluster" => cluster_not_found(&arn.id),
        "cluster-snapshot" => cluster_snapshot_not_found(&arn.id),
        "subgrp" => subnet_group_not_found(&arn.id),
        "pg" | "cluster-pg" => parameter_group_not_found(&arn.id),
        "og" => option_group_not_found(&arn.id),
        _ => refuse(
            "InvalidParameterValue",
            format!("Unknown resource: {given}"),
        ),
    })
}

pub fn add(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let wanted = names::tags(input)?;
    with_tags(cx, input, |tags| {
        let mut result = wanted
            .iter()
            .try_for_each(|(key, text)| names::put_tag(tags, key, text));
        if tags.len() > 50 {
            result = Err(value("A resource cannot have more than 50 tags."));
        }
        result
    })??;
    Ok(Output::default())
}

pub fn remove(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let gone = input.strings("TagKeys");
    with_tags(cx, input, |tags| {
        tags.retain(|(key, _)| !gone.contains(key))
    })?;
    Ok(Output::default())
}

pub fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let tags = with_tags(cx, input, |tags| tags.clone())?;
    Ok(json!({ "TagList": names::shown_tags(&tags) }).into())
}

/// Every resource of RDS in a place that has tags, by ARN: what Resource Groups Tagging shows.
pub fn tagged(world: &World, account: &str, region: &str) -> Vec<(String, Tags)> {
    let Some(place) = world.seen_place(account, region) else {
        return vec![];
    };
    let state = &place.rds;
    let mut all: Vec<(String, Tags)> = Vec::new();
    macro_rules! every {
        ($($table:ident),*) => {
            $(all.extend(state.$table.iter().map(|(_, row)| (row.arn.clone(), row.tags.clone())));)*
        };
    }
    every!(
        instances,
        snapshots,
        clusters,
        cluster_snapshots,
        subnet_groups,
        parameter_groups,
        cluster_parameter_groups,
        option_groups,
        automated_backups
    );
    all.retain(|(_, tags)| !tags.is_empty());
    all
}
