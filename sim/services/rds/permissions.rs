//! The IAM permissions that an operation needs, with the resources that it touches.

use super::names::Arn;
use crate::services::Wanted;
use crate::world::{Cx, Input};

/// Members that name resources, with the kind in their ARN.
const NAMED: &[(&str, &str)] = &[
    ("DBInstanceIdentifier", "db"),
    ("SourceDBInstanceIdentifier", "db"),
    ("TargetDBInstanceIdentifier", "db"),
    ("SourceDBInstanceArn", "db"),
    ("DBSnapshotIdentifier", "snapshot"),
    ("SourceDBSnapshotIdentifier", "snapshot"),
    ("TargetDBSnapshotIdentifier", "snapshot"),
    ("FinalDBSnapshotIdentifier", "snapshot"),
    ("DBClusterIdentifier", "cluster"),
    ("SourceDBClusterIdentifier", "cluster"),
    ("DBClusterSnapshotIdentifier", "cluster-snapshot"),
    ("SnapshotIdentifier", "cluster-snapshot"),
    ("SourceDBClusterSnapshotIdentifier", "cluster-snapshot"),
    ("TargetDBClusterSnapshotIdentifier", "cluster-snapshot"),
    ("DBSubnetGroupName", "subgrp"),
    ("DBParameterGroupName", "pg"),
    ("DBClusterParameterGroupName", "cluster-pg"),
    ("OptionGroupName", "og"),
    ("SourceDBInstanceAutomatedBackupsArn", "auto-backup"),
    ("DBInstanceAutomatedBackupsArn", "auto-backup"),
];

/// Operations whose permission is not bound to a resource.
const UNBOUND: &[&str] = &[
    "DescribeAccountAttributes",
    "DescribeCertificates",
    "DescribeDBEngineVersions",
    "DescribeEngineDefaultParameters",
    "DescribeEngineDefaultClusterParameters",
    "DescribeEventCategories",
    "DescribeEvents",
    "DescribeOptionGroupOptions",
    "DescribeOrderableDBInstanceOptions",
    "DescribeSourceRegions",
];

pub fn wants(cx: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let action = format!("rds:{operation}");
    let mut context = Vec::new();
    for tag in input.list("Tags") {
        if let (Some(key), Some(value)) = (tag["Key"].as_str(), tag["Value"].as_str()) {
            context.push((format!("aws:RequestTag/{key}"), value.to_owned()));
        }
    }
    let mut resources: Vec<String> = Vec::new();
    if !UNBOUND.contains(&operation) {
        for (member, kind) in NAMED {
            if let Some(given) = input.str(member) {
                resources.push(match Arn::read(given) {
                    Some(_) => given.to_owned(),
                    None => cx.arn("rds", &format!("{kind}:{}", given.to_ascii_lowercase())),
                });
            }
        }
        for member in ["ResourceName", "ResourceArn"] {
            resources.extend(input.str(member).map(str::to_owned));
        }
    }
    if resources.is_empty() {
        resources.push("*".into());
    }
    let mut wanted: Vec<Wanted> = resources
        .iter()
        .map(|resource| Wanted {
            action: action.clone(),
            resource: resource.clone(),
            context: context.clone(),
        })
        .collect();
    // Tags in a call that makes something need their own permission, on what is made.
    if !input.list("Tags").is_empty() && operation != "AddTagsToResource" {
        wanted.push(Wanted {
            action: "rds:AddTagsToResource".into(),
            resource: resources[0].clone(),
            context,
        });
    }
    wanted
}
