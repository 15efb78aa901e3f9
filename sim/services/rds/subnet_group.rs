//! Subnet groups: in which subnets a database may stand.

use super::instance::Tags;
use super::names;
use super::neighbours;
use super::refusal::{refuse, subnet_group_not_found, value};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubnetGroup {
    pub name: String,
    pub arn: String,
    pub description: String,
    pub vpc: String,
    pub subnets: Vec<Place>,
    pub tags: Tags,
}

/// A subnet and its zone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    pub subnet: String,
    pub zone: String,
}

impl SubnetGroup {
    /// The zones, each once, in order.
    pub fn zones(&self) -> Vec<String> {
        self.subnets
            .iter()
            .map(|place| place.zone.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    pub fn subnet_in(&self, zone: &str) -> Option<&str> {
        self.subnets
            .iter()
            .find(|place| place.zone == zone)
            .map(|place| place.subnet.as_str())
    }

    pub fn shown(&self) -> Value {
        let subnets: Vec<Value> = self
            .subnets
            .iter()
            .map(|place| {
                object! {
                    "SubnetIdentifier": place.subnet.as_str(),
                    "SubnetAvailabilityZone": object! { "Name": place.zone.as_str() },
                    "SubnetOutpost": Map::new(),
                    "SubnetStatus": "Active",
                }
            })
            .collect();
        object! {
            "DBSubnetGroupName": self.name.as_str(),
            "DBSubnetGroupDescription": self.description.as_str(),
            "VpcId": self.vpc.as_str(),
            "SubnetGroupStatus": "Complete",
            "Subnets": subnets,
            "DBSubnetGroupArn": self.arn.as_str(),
            "SupportedNetworkTypes": vec!["IPV4"],
        }
    }
}

/// The subnets, found, in one VPC and in two zones at least.
fn places(cx: &Cx<'_>, ids: &[String]) -> Result<(String, Vec<Place>), AwsError> {
    let mut vpc = String::new();
    let mut places: Vec<Place> = Vec::new();
    for id in ids {
        let Some((its_vpc, zone)) = neighbours::subnet(cx, id) else {
            return Err(refuse(
                "InvalidSubnet",
                format!("Some input subnets in :[{id}] are invalid."),
            ));
        };
        if !vpc.is_empty() && vpc != its_vpc {
            return Err(refuse(
                "InvalidSubnet",
                "The DB Subnet Group cannot contain subnets of different VPCs.",
            ));
        }
        vpc = its_vpc;
        if !places.iter().any(|place| place.subnet == *id) {
            places.push(Place {
                subnet: id.clone(),
                zone,
            });
        }
    }
    let zones: BTreeSet<&str> = places.iter().map(|place| place.zone.as_str()).collect();
    if zones.len() < 2 {
        return Err(refuse(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            format!(
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: {}. \
                 Add subnets to cover at least 2 AZs.",
                zones.into_iter().collect::<Vec<_>>().join(", ")
            ),
        ));
    }
    Ok((vpc, places))
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let name = input
        .str("DBSubnetGroupName")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let fits = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || " ._-".contains(c));
    if name.is_empty() || name.len() > 255 || !fits || name == "default" {
        return Err(value(format!(
            "The parameter DBSubnetGroupName is not valid: {name}"
        )));
    }
    if cx.place().rds.subnet_groups.contains(&name) {
        return Err(refuse(
            "DBSubnetGroupAlreadyExists",
            format!("The DB subnet group '{name}' already exists."),
        ));
    }
    let limit = neighbours::limit(cx, neighbours::Quota::SubnetGroups);
    if cx.place().rds.subnet_groups.len() as f64 >= limit {
        return Err(refuse(
            "DBSubnetGroupQuotaExceeded",
            format!("Subnet group limit of {limit} exceeded"),
        ));
    }
    let (vpc, subnets) = places(cx, &input.strings("SubnetIds"))?;
    let group = SubnetGroup {
        arn: cx.arn("rds", &format!("subgrp:{name}")),
        description: input
            .str("DBSubnetGroupDescription")
            .unwrap_or_default()
            .to_owned(),
        tags: names::tags(input)?,
        name: name.clone(),
        vpc,
        subnets,
    };
    let shown = group.shown();
    let now = cx.now();
    cx.place().rds.subnet_groups.put(name, group, now);
    Ok(object! {"DBSubnetGroup": shown}.into())
}

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let now = cx.now();
    let table = &cx.place().rds.subnet_groups;
    let groups: Vec<Value> = match input.str("DBSubnetGroupName") {
        Some(given) => {
            let name = names::identifier(given, "subgrp");
            vec![
                table
                    .seen(&name, now)
                    .ok_or_else(|| subnet_group_not_found(&name))?
                    .shown(),
            ]
        }
        None => table
            .seen_all(now)
            .map(|(_, group)| group.shown())
            .collect(),
    };
    Ok(object! {"DBSubnetGroups": groups}.into())
}

pub fn modify(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let name = input
        .str("DBSubnetGroupName")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut group = cx
        .place()
        .rds
        .subnet_groups
        .get(&name)
        .cloned()
        .ok_or_else(|| subnet_group_not_found(&name))?;
    let (vpc, subnets) = places(cx, &input.strings("SubnetIds"))?;
    if vpc != group.vpc {
        return Err(refuse(
            "InvalidSubnet",
            "The new subnets are not in the same VPC as the existing subnet group",
        ));
    }
    for (id, instance) in cx
        .place()
        .rds
        .instances
        .iter()
        .filter(|(_, i)| i.subnet_group == name)
    {
        let zone = instance.facts.str("AvailabilityZone");
        if !zone.is_empty() && !subnets.iter().any(|place| place.zone == zone) {
            return Err(refuse(
                "SubnetAlreadyInUse",
                format!("The subnet in {zone} is currently in use by {id}."),
            ));
        }
    }
    group.subnets = subnets;
    if let Some(description) = input.str("DBSubnetGroupDescription") {
        description.clone_into(&mut group.description);
    }
    let shown = group.shown();
    let now = cx.now();
    cx.place().rds.subnet_groups.put(name, group, now);
    Ok(object! {"DBSubnetGroup": shown}.into())
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let name = input
        .str("DBSubnetGroupName")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let now = cx.now();
    let state = &mut cx.place().rds;
    if !state.subnet_groups.contains(&name) {
        return Err(subnet_group_not_found(&name));
    }
    let used = state
        .instances
        .iter()
        .any(|(_, instance)| instance.subnet_group == name)
        || state
            .clusters
            .iter()
            .any(|(_, cluster)| cluster.subnet_group == name);
    if used {
        return Err(refuse(
            "InvalidDBSubnetGroupStateFault",
            format!(
                "Cannot delete the subnet group '{name}' because at least one database instance: is still using it."
            ),
        ));
    }
    state.subnet_groups.remove(&name, now);
    Ok(Output::default())
}
