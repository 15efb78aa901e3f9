//! Option groups: extras of an engine. They do not travel with a snapshot to another region.

use super::engines;
use super::instance::Tags;
use super::names;
use super::neighbours;
use super::refusal::{check_identifier, combination, option_group_not_found, refuse, value};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptionGroup {
    pub name: String,
    pub arn: String,
    pub engine: String,
    pub major: String,
    pub description: String,
    pub tags: Tags,
    pub options: BTreeMap<String, Chosen>,
}

/// An option that was put into a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chosen {
    pub settings: BTreeMap<String, String>,
    pub port: Option<i64>,
    pub security_groups: Vec<String>,
}

/// An option that an engine has.
struct Offer {
    engine: &'static str,
    majors: &'static [&'static str],
    name: &'static str,
    about: &'static str,
    port: Option<i64>,
    /// Once in a group of an instance it cannot leave it, and a copy in another region needs it too.
    persistent: bool,
    /// Name, default, allowed, what it is.
    settings: &'static [(&'static str, &'static str, &'static str, &'static str)],
}

const OFFERS: &[Offer] = &[
    Offer {
        engine: "mysql",
        majors: &["8.0", "8.4"],
        name: "MARIADB_AUDIT_PLUGIN",
        about: "MariaDB Audit Plugin",
        port: None,
        persistent: false,
        settings: &[
            (
                "SERVER_AUDIT",
                "FORCE_PLUS_PERMANENT",
                "FORCE_PLUS_PERMANENT",
                "Whether the plugin is active",
            ),
            (
                "SERVER_AUDIT_EVENTS",
                "CONNECT,QUERY",
                "CONNECT,QUERY,QUERY_DDL,QUERY_DML,QUERY_DML_NO_SELECT,QUERY_DCL",
                "Kinds of activity recorded",
            ),
            (
                "SERVER_AUDIT_EXCL_USERS",
                "rdsadmin",
                "",
                "Users whose activity is not recorded",
            ),
            (
                "SERVER_AUDIT_INCL_USERS",
                "",
                "",
                "Users whose activity is recorded",
            ),
            (
                "SERVER_AUDIT_LOGGING",
                "ON",
                "ON,OFF",
                "Whether recording is on",
            ),
            ("SERVER_AUDIT_FILE_ROTATIONS", "9", "0-100", "Files kept"),
            (
                "SERVER_AUDIT_FILE_ROTATE_SIZE",
                "1000000",
                "1-1000000000",
                "Bytes per file",
            ),
            (
                "SERVER_AUDIT_QUERY_LOG_LIMIT",
                "1024",
                "0-2147483647",
                "Bytes of a query recorded",
            ),
        ],
    },
    Offer {
        engine: "mysql",
        majors: &["8.0"],
        name: "MEMCACHED",
        about: "Innodb Memcached for MySQL",
        port: Some(11_211),
        persistent: false,
        settings: &[
            (
                "DAEMON_MEMCACHED_R_BATCH_SIZE",
                "1",
                "1-4294967295",
                "Reads per commit",
            ),
            (
                "DAEMON_MEMCACHED_W_BATCH_SIZE",
                "1",
                "1-4294967295",
                "Writes per commit",
            ),
            (
                "INNODB_API_ENABLE_BINLOG",
                "0",
                "0,1",
                "Writes go to the binary log",
            ),
        ],
    },
];

fn offer(engine: &str, major: &str, name: &str) -> Option<&'static Offer> {
    OFFERS
        .iter()
        .find(|offer| offer.engine == engine && offer.majors.contains(&major) && offer.name == name)
}

impl OptionGroup {
    fn shown(&self) -> Value {
        let options: Vec<Value> = self
            .options
            .iter()
            .filter_map(|(name, chosen)| Some((offer(&self.engine, &self.major, name)?, chosen)))
            .map(|(offer, chosen)| shown_option(offer, chosen))
            .collect();
        json!({
            "OptionGroupName": self.name,
            "OptionGroupDescription": self.description,
            "EngineName": self.engine,
            "MajorEngineVersion": self.major,
            "Options": options,
            "AllowsVpcAndNonVpcInstanceMemberships": true,
            "OptionGroupArn": self.arn,
        })
    }

    /// Options that a copy in another region needs too.
    pub fn persistent(&self) -> Vec<&str> {
        let persistent = |name: &&String| {
            offer(&self.engine, &self.major, name).is_some_and(|offer| offer.persistent)
        };
        self.options
            .keys()
            .filter(persistent)
            .map(String::as_str)
            .collect()
    }
}

fn shown_option(offer: &Offer, chosen: &Chosen) -> Value {
    let settings: Vec<Value> = offer
        .settings
        .iter()
        .filter_map(|(name, default, allowed, about)| {
            let current = chosen.settings.get(*name).map_or(*default, String::as_str);
            if current.is_empty() {
                return None;
            }
            Some(json!({
                "Name": name,
                "Value": current,
                "DefaultValue": default,
                "Description": about,
                "ApplyType": "DYNAMIC",
                "DataType": "STRING",
                "AllowedValues": allowed,
                "IsModifiable": allowed != default,
                "IsCollection": false,
            }))
        })
        .collect();
    let groups: Vec<Value> = chosen
        .security_groups
        .iter()
        .map(|id| json!({ "VpcSecurityGroupId": id, "Status": "active" }))
        .collect();
    let mut shown = json!({
        "OptionName": offer.name,
        "OptionDescription": offer.about,
        "Persistent": offer.persistent,
        "Permanent": false,
        "OptionSettings": settings,
        "DBSecurityGroupMemberships": [],
        "VpcSecurityGroupMemberships": groups,
    });
    if let Some(port) = chosen.port.or(offer.port) {
        shown["Port"] = port.into();
    }
    shown
}

/// The group that an instance shall use: the named one, fitting its engine, or the default.
pub fn choose(
    cx: &mut Cx<'_>,
    named: Option<&str>,
    engine: &engines::Engine,
    version: &str,
) -> Result<String, AwsError> {
    let default = engine.option_group(version);
    let Some(named) = named else {
        return Ok(make_default(cx, engine, version));
    };
    let named = named.to_ascii_lowercase();
    if named == default {
        return Ok(make_default(cx, engine, version));
    }
    let Some(group) = cx.place().rds.option_groups.get(&named) else {
        return Err(option_group_not_found(&named));
    };
    if group.engine != engine.name || group.major != engine.major(version) {
        return Err(combination(format!(
            "The option group {named} is for {} {}, which is not that of the DB instance: {} {}",
            group.engine,
            group.major,
            engine.name,
            engine.major(version)
        )));
    }
    Ok(named)
}

fn make_default(cx: &mut Cx<'_>, engine: &engines::Engine, version: &str) -> String {
    let (name, now) = (engine.option_group(version), cx.now());
    if !cx.place().rds.option_groups.contains(&name) {
        let major = engine.major(version);
        let group = OptionGroup {
            name: name.clone(),
            arn: cx.arn("rds", &format!("og:{name}")),
            engine: engine.name.to_owned(),
            description: format!("Default option group for {} {major}", engine.name),
            major,
            ..OptionGroup::default()
        };
        cx.place().rds.option_groups.put(&name, group, now);
    }
    name
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let name = input
        .str("OptionGroupName")
        .unwrap_or_default()
        .to_ascii_lowercase();
    check_identifier("OptionGroupName", &name, 255)?;
    let engine = engines::engine(input.str("EngineName").unwrap_or_default())?;
    let major = input
        .str("MajorEngineVersion")
        .unwrap_or_default()
        .to_owned();
    if !engine
        .versions
        .iter()
        .any(|version| engine.major(version) == major)
    {
        return Err(combination(format!(
            "Cannot find major version {major} for {}",
            engine.name
        )));
    }
    if cx.place().rds.option_groups.contains(&name) {
        return Err(refuse(
            "OptionGroupAlreadyExistsFault",
            format!("An option group with the name {name} already exists."),
        ));
    }
    let limit = neighbours::limit(cx, neighbours::Quota::OptionGroups);
    let own = cx
        .place()
        .rds
        .option_groups
        .iter()
        .filter(|(name, _)| !name.starts_with("default:"))
        .count();
    if own as f64 >= limit {
        return Err(refuse(
            "OptionGroupQuotaExceededFault",
            format!("Cannot create more than {limit} option groups"),
        ));
    }
    let group = OptionGroup {
        arn: cx.arn("rds", &format!("og:{name}")),
        engine: engine.name.to_owned(),
        major,
        description: input
            .str("OptionGroupDescription")
            .unwrap_or_default()
            .to_owned(),
        tags: names::tags(input)?,
        options: BTreeMap::new(),
        name: name.clone(),
    };
    let shown = group.shown();
    let now = cx.now();
    cx.place().rds.option_groups.put(name, group, now);
    Ok(object! {"OptionGroup": shown}.into())
}

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let now = cx.now();
    let table = &cx.place().rds.option_groups;
    let groups: Vec<Value> = match input.str("OptionGroupName") {
        Some(given) => {
            // The default's own name has a colon in it.
            let name = names::identifier(given, "og");
            vec![
                table
                    .seen(&name, now)
                    .ok_or_else(|| option_group_not_found(&name))?
                    .shown(),
            ]
        }
        None => table
            .seen_all(now)
            .filter(|(_, group)| {
                input
                    .str("EngineName")
                    .is_none_or(|wanted| wanted == group.engine)
            })
            .filter(|(_, group)| {
                input
                    .str("MajorEngineVersion")
                    .is_none_or(|wanted| wanted == group.major)
            })
            .map(|(_, group)| group.shown())
            .collect(),
    };
    Ok(object! {"OptionGroupsList": groups}.into())
}

pub fn describe_offers(input: &Input) -> Result<Output, AwsError> {
    let engine = engines::engine(input.str("EngineName").unwrap_or_default())?;
    let mut options = Vec::new();
    for offer in OFFERS.iter().filter(|offer| offer.engine == engine.name) {
        for major in offer.majors {
            if input
                .str("MajorEngineVersion")
                .is_some_and(|wanted| wanted != *major)
            {
                continue;
            }
            let settings: Vec<Value> = offer
                .settings
                .iter()
                .map(|(name, default, allowed, about)| {
                    json!({
                        "SettingName": name,
                        "SettingDescription": about,
                        "DefaultValue": default,
                        "ApplyType": "DYNAMIC",
                        "AllowedValues": allowed,
                        "IsModifiable": allowed != default,
                        "IsRequired": false,
                    })
                })
                .collect();
            let mut shown = json!({
                "Name": offer.name,
                "Description": offer.about,
                "EngineName": offer.engine,
                "MajorEngineVersion": major,
                "PortRequired": offer.port.is_some(),
                "OptionsDependedOn": [],
                "OptionsConflictsWith": [],
                "Persistent": offer.persistent,
                "Permanent": false,
                "RequiresAutoMinorEngineVersionUpgrade": false,
                "VpcOnly": false,
                "OptionGroupOptionSettings": settings,
            });
            if let Some(port) = offer.port {
                shown["DefaultPort"] = port.into();
            }
            options.push(shown);
        }
    }
    Ok(object! {"OptionGroupOptions": options}.into())
}

pub fn modify(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let name = input
        .str("OptionGroupName")
        .unwrap_or_default()
        .to_ascii_lowercase();
    if name.starts_with("default:") {
        return Err(refuse(
            "InvalidOptionGroupStateFault",
            "The default option group cannot be modified.",
        ));
    }
    let mut group = cx
        .place()
        .rds
        .option_groups
        .get(&name)
        .cloned()
        .ok_or_else(|| option_group_not_found(&name))?;
    if input.list("OptionsToInclude").is_empty() && input.list("OptionsToRemove").is_empty() {
        return Err(value(
            "At least one option must be added, modified or removed.",
        ));
    }
    for wanted in input.list("OptionsToInclude") {
        let option = wanted["OptionName"].as_str().unwrap_or_default();
        let Some(offer) = offer(&group.engine, &group.major, option) else {
            return Err(value(format!(
                "Option {option} is not available for engine {} version {}",
                group.engine, group.major
            )));
        };
        let chosen = group.options.entry(option.to_owned()).or_default();
        for setting in wanted["OptionSettings"].as_array().into_iter().flatten() {
            let (setting, new) = (
                setting["Name"].as_str().unwrap_or_default(),
                setting["Value"].as_str().unwrap_or_default(),
            );
            let Some((.., allowed, _)) =
                offer.settings.iter().find(|(known, ..)| *known == setting)
            else {
                return Err(value(format!("Invalid option setting name: {setting}")));
            };
            let listed = allowed.contains(',') || *allowed == offer.settings[0].1;
            if listed
                && !new
                    .split(',')
                    .all(|one| allowed.split(',').any(|known| known == one.trim()))
            {
                return Err(value(format!(
                    "Invalid value for option setting {setting}: {new}"
                )));
            }
            chosen.settings.insert(setting.to_owned(), new.to_owned());
        }
        if let Some(port) = wanted["Port"].as_i64() {
            chosen.port = Some(port);
        }
        if let Some(groups) = wanted["VpcSecurityGroupMemberships"].as_array() {
            chosen.security_groups = groups
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
        }
    }
    for gone in input.strings("OptionsToRemove") {
        if group.options.remove(&gone).is_none() {
            return Err(value(format!(
                "Option {gone} is not in option group {name}"
            )));
        }
    }
    let shown = group.shown();
    let now = cx.now();
    cx.place().rds.option_groups.put(name, group, now);
    Ok(object! {"OptionGroup": shown}.into())
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let name = input
        .str("OptionGroupName")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let now = cx.now();
    let state = &mut cx.place().rds;
    if name.starts_with("default:") {
        return Err(refuse(
            "InvalidOptionGroupStateFault",
            "The default option group cannot be deleted.",
        ));
    }
    if !state.option_groups.contains(&name) {
        return Err(option_group_not_found(&name));
    }
    let used = state
        .instances
        .iter()
        .any(|(_, instance)| instance.option_group == name)
        || state
            .snapshots
            .iter()
            .any(|(_, snapshot)| snapshot.facts.str("OptionGroupName") == name);
    if used {
        return Err(refuse(
            "InvalidOptionGroupStateFault",
            format!("The option group {name} cannot be deleted because it is in use."),
        ));
    }
    state.option_groups.remove(&name, now);
    Ok(Output::default())
}
