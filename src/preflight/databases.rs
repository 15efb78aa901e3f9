//! Whether the target offers what the databases are: engine version, parameter family, options, and a class that can be ordered
//! in the zones where the database will stand.

use std::collections::{BTreeMap, BTreeSet};

use drtool_engine::plan::Planned;
use drtool_engine::step::Value;

use super::{Ground, Report};
use crate::capture::database::Settings;
use crate::cloud::rds::{ClassOffer, EngineVersion};
use crate::steps;

pub async fn check(ground: &Ground<'_>, report: &mut Report) {
    let zones = zones(ground, report).await;
    for (step, database) in ground.steps::<steps::db_instance::DbInstance>(steps::db_instance::KIND)
    {
        let region = step.region.as_str();
        let settings = &database.settings;
        let (engine, version) = (settings.engine.as_str(), settings.engine_version.as_str());
        let found = ground
            .cloud()
            .db_engine_version(region, engine, version)
            .await;
        let what = format!("engine version {engine} {version} in {region}");
        if let Some(found) = report.seen(&what, found) {
            let families = families(ground, &database.parameter_group);
            judge_version(region, engine, version, found.as_ref(), &families, report);
        }
        let mut offers: BTreeMap<String, Vec<ClassOffer>> = BTreeMap::new();
        let classes = classes(step, settings);
        for class in &classes {
            let offered = ground
                .cloud()
                .db_class_offers(region, engine, version, class)
                .await;
            let what = format!("whether {class} can be ordered in {region}");
            match report.seen(&what, offered) {
                Some(offered) => offers.insert(class.clone(), offered),
                None => return,
            };
        }
        let wanted = Wanted {
            identifier: &database.identifier,
            settings,
            classes: &classes,
            zones: &zones,
        };
        judge_class(region, &wanted, &offers, report);
    }
    options(ground, report).await;
    copies(ground, report).await;
}

/// The class, and the manifest's alternatives in their order.
fn classes(step: &Planned, settings: &Settings) -> Vec<String> {
    let others = step
        .alternatives
        .iter()
        .filter_map(|other| other.pointer("/settings/class")?.as_str())
        .map(str::to_owned);
    let mut classes = vec![settings.class.clone()];
    classes.extend(others);
    classes
}

/// The zones that the databases' subnets will stand in, as the account names them.
async fn zones(ground: &Ground<'_>, report: &mut Report) -> BTreeSet<String> {
    let to = ground.to().to_owned();
    let all = ground.cloud().zones(&to, ground.look).await;
    let Some(all) = report.seen(&format!("the zones of {to}"), all) else {
        return BTreeSet::new();
    };
    let mut by_id = (*all).clone();
    by_id.sort_by(|a, b| a.id.cmp(&b.id));
    let subnets = ground.steps::<steps::subnet::Subnet>(steps::subnet::KIND);
    let standing = ground.cloud().subnets(&to, ground.look).await;
    let standing = report.seen(&format!("the subnets of {to}"), standing);
    let groups =
        ground.steps::<steps::db_subnet_group::DbSubnetGroup>(steps::db_subnet_group::KIND);
    groups
        .iter()
        .flat_map(|(_, group)| &group.subnets)
        .filter_map(|subnet| match subnet {
            Value::Known(id) => standing
                .as_ref()?
                .iter()
                .find(|s| s.id == *id)
                .map(|s| s.zone.clone()),
            Value::Later(step, _) => {
                let (_, subnet) = subnets.iter().find(|(planned, _)| planned.id == *step)?;
                let zone = by_id.get(subnet.zone).or(by_id.last())?;
                Some(zone.name.clone())
            }
        })
        .collect()
}

/// The family of the parameter group that a database will use, where the plan makes it.
fn families(ground: &Ground<'_>, group: &Value<String>) -> Vec<(String, String)> {
    let Value::Later(step, _) = group else {
        return vec![];
    };
    ground
        .steps::<steps::db_parameter_group::DbParameterGroup>(steps::db_parameter_group::KIND)
        .into_iter()
        .filter(|(planned, _)| planned.id == *step)
        .map(|(_, group)| (group.name, group.family))
        .collect()
}

fn judge_version(
    region: &str,
    engine: &str,
    version: &str,
    found: Option<&EngineVersion>,
    families: &[(String, String)],
    report: &mut Report,
) {
    let place = format!("{region} engine {engine} {version}");
    let Some(found) = found else {
        report.finding(
            "E2061",
            place,
            "the region does not offer this version: the snapshot could not be restored",
            format!(
                "aws rds describe-db-engine-versions --region {region} --engine {engine}; upgrade the source to one of them first"
            ),
        );
        return;
    };
    if found.status == "deprecated" {
        report.note(format!(
            "{place} is deprecated: AWS may refuse or upgrade it soon"
        ));
    }
    for (name, family) in families {
        if *family != found.family && !found.family.is_empty() {
            report.finding(
                "E2062",
                format!("{region} parameter group {name}"),
                format!(
                    "its family {family} does not fit {engine} {version}, which takes {}",
                    found.family
                ),
                "give the source's database a parameter group of its version's family, then: drtool capture",
            );
        }
    }
    report.shown(format!("{place} is offered (family {})", found.family));
}

struct Wanted<'a> {
    identifier: &'a str,
    settings: &'a Settings,
    classes: &'a [String],
    zones: &'a BTreeSet<String>,
}

fn judge_class(
    region: &str,
    wanted: &Wanted<'_>,
    offers: &BTreeMap<String, Vec<ClassOffer>>,
    report: &mut Report,
) {
    let place = format!("{region} database {}", wanted.identifier);
    let fits = |class: &&String| {
        offers
            .get(class.as_str())
            .is_some_and(|offers| offers.iter().any(|offer| orderable(offer, wanted)))
    };
    let own = wanted.classes.first().map_or("", String::as_str);
    match wanted.classes.iter().find(fits) {
        Some(class) if class == own => {
            report.shown(format!("{place}: {class} can be ordered in its zones"));
        }
        Some(class) => report.note(format!(
            "{place}: {own} cannot be ordered there; {class} will be taken, the manifest's first alternative that can be"
        )),
        None => {
            let zones: Vec<&str> = wanted.zones.iter().map(String::as_str).collect();
            let zones = match zones.as_slice() {
                [] => String::new(),
                zones => format!(" in {}", zones.join(", ")),
            };
            report.finding(
                "E2060",
                place,
                format!(
                    "{} can be ordered{zones} with {} {}, {}{}",
                    match wanted.classes {
                        [only] => format!("no {only}"),
                        all => format!("none of {}", all.join(", ")),
                    },
                    wanted.settings.engine,
                    wanted.settings.engine_version,
                    wanted.settings.storage_type,
                    if wanted.settings.multi_az {
                        ", Multi-AZ"
                    } else {
                        ""
                    }
                ),
                "name one that can be under `classAlternatives:` of the database in the manifest",
            );
            report.hint(format!(
                "aws rds describe-orderable-db-instance-options --region {region} --engine {} --engine-version {} lists them",
                wanted.settings.engine, wanted.settings.engine_version
            ));
        }
    }
}

/// Multi-AZ wants two of the subnets' zones; where the subnets are not known, any two.
fn orderable(offer: &ClassOffer, wanted: &Wanted<'_>) -> bool {
    let settings = wanted.settings;
    let needed = if settings.multi_az { 2 } else { 1 };
    let zones = match wanted.zones.is_empty() || offer.zones.is_empty() {
        true => usize::MAX,
        false => offer.zones.intersection(wanted.zones).count(),
    };
    let storage = offer.storage.is_empty()
        || settings.storage_type.is_empty()
        || offer.storage == settings.storage_type;
    // A subnet group in one zone is its own finding, made by AWS's own words.
    let enough = zones >= needed.min(wanted.zones.len().max(1));
    storage && enough && (!settings.multi_az || offer.multi_az)
}

async fn options(ground: &Ground<'_>, report: &mut Report) {
    for (step, group) in
        ground.steps::<steps::db_option_group::DbOptionGroup>(steps::db_option_group::KIND)
    {
        let region = step.region.as_str();
        let offered = ground
            .cloud()
            .db_option_names(region, &group.engine, &group.major_version)
            .await;
        let what = format!("the options of {} in {region}", group.engine);
        let Some(offered) = report.seen(&what, offered) else {
            continue;
        };
        let missing: Vec<&str> = group
            .options
            .iter()
            .map(|option| option.name.as_str())
            .filter(|name| !offered.contains(*name))
            .collect();
        if missing.is_empty() {
            report.shown(format!(
                "{region} option group {}: its options are offered",
                group.name
            ));
        } else {
            report.finding(
                "E2062",
                format!("{region} option group {}", group.name),
                format!(
                    "{} {} is not offered with {}",
                    group.engine,
                    group.major_version,
                    missing.join(", ")
                ),
                "take the option out of the source's group first, or choose another region",
            );
        }
    }
}

/// RDS copies 20 snapshots at a time into a region, of all stacks together; it queues none beyond.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html>
const COPIES: usize = 20;

async fn copies(ground: &Ground<'_>, report: &mut Report) {
    let to = ground.to().to_owned();
    let kind = steps::db_snapshot_copy::KIND;
    let mut steps = ground.plan().steps.iter();
    if !steps.any(|step| step.kind == kind && !step.hold) {
        return;
    }
    let snapshots = ground.cloud().db_snapshots(&to, ground.look).await;
    let Some(snapshots) = report.seen(&format!("the snapshots of {to}"), snapshots) else {
        return;
    };
    let busy = snapshots
        .iter()
        .filter(|s| s.source.is_some() && ["creating", "copying", "pending"].contains(&&*s.status))
        .count();
    judge_copies(&to, busy, report);
}

fn judge_copies(to: &str, busy: usize, report: &mut Report) {
    if busy >= COPIES {
        report.finding(
            "E2051",
            format!("{to} snapshot copies"),
            format!(
                "{busy} copies are on their way into the region, and RDS takes {COPIES} at a time"
            ),
            format!("wait until one is done: aws rds describe-db-snapshots --region {to}"),
        );
    }
}

#[cfg(test)]
mod tests;
