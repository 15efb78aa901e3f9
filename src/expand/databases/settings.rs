//! The settings groups that a database needs in the target, and the settings that a restore does not take.

use super::captured;
use crate::capture;
use crate::composed::Composed;
use crate::expand::{Expansion, shown};
use crate::steps;
use drtool_engine::step::{Effect, Value};

pub(in crate::expand) fn settings(e: &mut Expansion<'_>, index: usize) {
    let Some((database, source)) = captured(e, index) else {
        return;
    };
    let to = e.asked.to.to_string();
    let subnets = e.all_of(&source.subnet_group.subnet_ids, "the subnet");
    let name = e.name(&source.subnet_group.name, 255);
    let step = e.step(
        "subnet-group",
        steps::db_subnet_group::KIND,
        &to,
        Effect::Adds,
        format!("DB subnet group {name}"),
        &steps::db_subnet_group::DbSubnetGroup {
            name,
            description: source.subnet_group.description.clone(),
            subnets,
            tags: source.tags.clone(),
        },
    );
    e.made.insert(
        format!("{}#subnetGroup", source.arn),
        Value::later(step, "name"),
    );

    let mut group = e
        .capture
        .parameter_groups
        .iter()
        .find(|g| g.name == source.settings.parameter_group)
        .cloned();
    if let Some(group) = &mut group {
        for (name, value) in &database.parameters {
            let from = group
                .parameters
                .get(name)
                .map_or_else(|| "AWS's default".to_owned(), |p| p.value.clone());
            e.rewriter.note(
                &format!("parameter {name} of {}", database.name.value),
                &from,
                &Composed::known(value.clone()),
                "the manifest",
            );
            let needs_restart = group.parameters.get(name).is_some_and(|p| p.needs_restart);
            group.parameters.insert(
                name.clone(),
                capture::database::ParameterValue {
                    value: value.clone(),
                    needs_restart,
                },
            );
        }
    }
    match group {
        Some(group) if group.is_default() && database.parameters.is_empty() => {
            e.made.insert(
                format!("{}#parameterGroup", source.arn),
                Value::Known(group.name),
            );
        }
        Some(group) => {
            let own = if group.is_default() {
                format!("{}-{}", e.manifest.name.value, group.family)
            } else {
                group.name.clone()
            };
            let name = e.name(&own, 255);
            let words: Vec<String> = group
                .parameters
                .iter()
                .map(|(name, p)| format!("{name}={}", p.value))
                .collect();
            let title = format!("DB parameter group {name} ({})", words.join(", "));
            let step = e.step(
                "parameter-group",
                steps::db_parameter_group::KIND,
                &to,
                Effect::Adds,
                title,
                &steps::db_parameter_group::DbParameterGroup {
                    name,
                    family: group.family,
                    description: group.description,
                    parameters: group.parameters,
                    tags: group.tags,
                },
            );
            e.made.insert(
                format!("{}#parameterGroup", source.arn),
                Value::later(step, "name"),
            );
        }
        None => e.fault(
            "E1103",
            database.at,
            format!(
                "the capture lacks parameter group {}",
                source.settings.parameter_group
            ),
            "this database",
            "`drtool capture` refreshes it",
        ),
    }

    match e
        .capture
        .option_groups
        .iter()
        .find(|g| g.name == source.settings.option_group)
    {
        Some(group) if !group.is_default() => {
            let name = e.name(&group.name, 255);
            let mut options = group.options.clone();
            for option in &mut options {
                // An option's own groups are named in the instance's network; RDS takes those of the instance where none are given.
                option.security_group_ids.clear();
            }
            let words: Vec<&str> = options.iter().map(|o| o.name.as_str()).collect();
            let title = format!("DB option group {name} ({})", words.join(", "));
            let step = e.step(
                "option-group",
                steps::db_option_group::KIND,
                &to,
                Effect::Adds,
                title,
                &steps::db_option_group::DbOptionGroup {
                    name,
                    engine: group.engine.clone(),
                    major_version: group.major_version.clone(),
                    description: group.description.clone(),
                    options,
                    tags: group.tags.clone(),
                },
            );
            e.made.insert(
                format!("{}#optionGroup", source.arn),
                Value::later(step, "name"),
            );
        }
        // AWS's own, `default:postgres-15`, stands in every region.
        _ => {
            e.made.insert(
                format!("{}#optionGroup", source.arn),
                Value::Known(source.settings.option_group.clone()),
            );
        }
    }
}

/// The settings that a restore takes from nowhere: they are set after the cut, since an instance that backs up takes none.
pub(super) const DEFERRED: &[&str] = &[
    "maintenanceWindow",
    "maxAllocatedStorageGib",
    "performanceInsights",
    "performanceInsightsRetentionDays",
    "monitoringInterval",
    "monitoringRoleArn",
];

/// What a restore does not take, set once users are served.
pub(in crate::expand) fn finish(e: &mut Expansion<'_>, index: usize) {
    let Some((database, source)) = captured(e, index) else {
        return;
    };
    let to = e.asked.to.to_string();
    let Some(restored) = e
        .roles
        .get(&format!("restore {}", database.name.value))
        .cloned()
    else {
        return;
    };
    let s = &source.settings;
    let key = e.key(&source.kms_key).filter(|_| s.performance_insights);
    let title = format!(
        "{}: maintenance window, monitoring and what else a restore does not take",
        shown(&database.name.value)
    );
    e.step(
        "settings",
        steps::db_instance_settings::KIND,
        &to,
        Effect::Adds,
        title,
        &steps::db_instance_settings::DbInstanceSettings {
            instance: Value::later(restored, "identifier"),
            backup_retention_days: s.backup_retention_days,
            backup_window: s.backup_window.clone(),
            maintenance_window: s.maintenance_window.clone(),
            ca_certificate: s.ca_certificate.clone(),
            max_allocated_storage_gib: s.max_allocated_storage_gib,
            performance_insights: s.performance_insights,
            performance_insights_retention_days: s.performance_insights_retention_days,
            performance_insights_kms_key: key,
            monitoring_interval: s.monitoring_interval,
            monitoring_role_arn: s.monitoring_role_arn.clone(),
        },
    );
}
