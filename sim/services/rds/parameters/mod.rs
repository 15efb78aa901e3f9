//! Parameter groups of instances and of clusters, and the engines' defaults.

use super::State;
use super::instance::Tags;
use super::names;
use super::refusal::{check_identifier, combination, parameter_group_not_found, refuse, value};
use crate::clock::{Pert, SECOND};
use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub mod catalogue;

/// A group of parameters; the same for instances and clusters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParameterGroup {
    pub name: String,
    pub arn: String,
    pub family: String,
    pub description: String,
    pub tags: Tags,
    /// The values that a user set, by the parameter's name, with their apply method.
    pub values: BTreeMap<String, Set>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    pub value: String,
    pub method: String,
}

/// Which of the two kinds of groups an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Instance,
    Cluster,
}

impl Kind {
    pub fn table(self, state: &State) -> &Table<ParameterGroup> {
        match self {
            Kind::Instance => &state.parameter_groups,
            Kind::Cluster => &state.cluster_parameter_groups,
        }
    }

    fn table_mut(self, state: &mut State) -> &mut Table<ParameterGroup> {
        match self {
            Kind::Instance => &mut state.parameter_groups,
            Kind::Cluster => &mut state.cluster_parameter_groups,
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Kind::Instance => "DBParameterGroup",
            Kind::Cluster => "DBClusterParameterGroup",
        }
    }

    fn arn_kind(self) -> &'static str {
        match self {
            Kind::Instance => "pg",
            Kind::Cluster => "cluster-pg",
        }
    }

    fn name_member(self) -> String {
        format!("{}Name", self.prefix())
    }
}

impl ParameterGroup {
    fn shown(&self, kind: Kind) -> Value {
        let prefix = kind.prefix();
        json!({
            format!("{prefix}Name"): self.name,
            "DBParameterGroupFamily": self.family,
            "Description": self.description,
            format!("{prefix}Arn"): self.arn,
        })
    }
}

/// The family of an engine version.
pub fn family(engine: &str, version: &str) -> String {
    let mut parts = version.split('.');
    let (major, minor) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    match engine {
        "mysql" => format!("mysql{major}.{minor}"),
        "aurora-mysql" => format!("aurora-mysql{major}.{minor}"),
        other => format!("{other}{major}"),
    }
}

/// The group that an instance gets when none is named. It exists from its first use on.
pub fn default_group(cx: &mut Cx<'_>, kind: Kind, family: &str) -> String {
    let name = format!("default.{family}");
    let now = cx.now();
    if !kind.table(&cx.place().rds).contains(&name) {
        let arn = cx.arn("rds", &format!("{}:{name}", kind.arn_kind()));
        let group = ParameterGroup {
            name: name.clone(),
            arn,
            family: family.to_owned(),
            description: format!("Default parameter group for {family}"),
            ..ParameterGroup::default()
        };
        kind.table_mut(&mut cx.place().rds).put(&name, group, now);
    }
    name
}

/// The group that an instance or cluster shall use: the named one, of the right family, or the default.
pub fn choose(
    cx: &mut Cx<'_>,
    kind: Kind,
    named: Option<&str>,
    family: &str,
) -> Result<String, AwsError> {
    let Some(named) = named else {
        return Ok(default_group(cx, kind, family));
    };
    let named = named.to_ascii_lowercase();
    if named == format!("default.{family}") {
        return Ok(default_group(cx, kind, family));
    }
    let Some(group) = kind.table(&cx.place().rds).get(&named) else {
        return Err(not_found(kind, &named));
    };
    if group.family != family {
        return Err(combination(format!(
            "The parameter group {named} with DBParameterGroupFamily {} can't be used for this instance. Please use a \
             parameter group with DBParameterGroupFamily {family}.",
            group.family
        )));
    }
    Ok(named)
}

fn not_found(kind: Kind, name: &str) -> AwsError {
    match kind {
        Kind::Instance => parameter_group_not_found(name),
        // The cluster's operations answer with the same code as the instance's.
        Kind::Cluster => refuse(
            "DBParameterGroupNotFound",
            format!("DBClusterParameterGroup not found: {name}"),
        )
        .status(404),
    }
}

/// The values of a group that differ from the defaults.
pub fn values(state: &State, kind: Kind, name: &str) -> BTreeMap<String, String> {
    let group = kind.table(state).get(name);
    group
        .map(|group| {
            group
                .values
                .iter()
                .map(|(k, v)| (k.clone(), v.value.clone()))
                .collect()
        })
        .unwrap_or_default()
}

pub fn create(cx: &mut Cx<'_>, kind: Kind, input: &Input) -> Result<Output, AwsError> {
    let member = kind.name_member();
    let name = input.str(&member).unwrap_or_default().to_ascii_lowercase();
    check_identifier(&member, &name, 255)?;
    let family = input
        .str("DBParameterGroupFamily")
        .unwrap_or_default()
        .to_owned();
    if !catalogue::FAMILIES
        .iter()
        .any(|(known, _)| *known == family)
    {
        return Err(value(format!(
            "ParameterGroupFamily {family} is not a valid parameter group family"
        )));
    }
    if kind.table(&cx.place().rds).contains(&name) {
        return Err(refuse(
            "DBParameterGroupAlreadyExists",
            format!("Parameter group {name} already exists"),
        ));
    }
    let limit = super::neighbours::limit(cx, super::neighbours::Quota::ParameterGroups);
    let own = kind
        .table(&cx.place().rds)
        .iter()
        .filter(|(name, _)| !name.starts_with("default."))
        .count();
    if own as f64 >= limit {
        return Err(refuse(
            "DBParameterGroupQuotaExceeded",
            format!("Parameter group limit of {limit} exceeded"),
        ));
    }
    let group = ParameterGroup {
        arn: cx.arn("rds", &format!("{}:{name}", kind.arn_kind())),
        family,
        description: input.str("Description").unwrap_or_default().to_owned(),
        tags: names::tags(input)?,
        values: BTreeMap::new(),
        name: name.clone(),
    };
    let shown = group.shown(kind);
    let now = cx.now();
    kind.table_mut(&mut cx.place().rds).put(name, group, now);
    Ok(json!({ kind.prefix(): shown }).into())
}

pub fn copy(cx: &mut Cx<'_>, kind: Kind, input: &Input) -> Result<Output, AwsError> {
    let prefix = kind.prefix();
    let source = input
        .str(&format!("Source{prefix}Identifier"))
        .unwrap_or_default();
    let target = input
        .str(&format!("Target{prefix}Identifier"))
        .unwrap_or_default()
        .to_ascii_lowercase();
    if names::Arn::read(source).is_some_and(|arn| arn.region != cx.region) {
        return Err(value("Parameter groups cannot be copied across Regions."));
    }
    let source = names::identifier(source, kind.arn_kind());
    let found = kind
        .table(&cx.place().rds)
        .get(&source)
        .cloned()
        .ok_or_else(|| not_found(kind, &source))?;
    if source.starts_with("default.") {
        return Err(value("Default parameter groups cannot be copied."));
    }
    check_identifier(&format!("Target{prefix}Identifier"), &target, 255)?;
    if kind.table(&cx.place().rds).contains(&target) {
        return Err(refuse(
            "DBParameterGroupAlreadyExists",
            format!("Parameter group {target} already exists"),
        ));
    }
    let group = ParameterGroup {
        name: target.clone(),
        arn: cx.arn("rds", &format!("{}:{target}", kind.arn_kind())),
        description: input
            .str(&format!("Target{prefix}Description"))
            .unwrap_or_default()
            .to_owned(),
        tags: names::tags(input)?,
        ..found
    };
    let shown = group.shown(kind);
    let now = cx.now();
    kind.table_mut(&mut cx.place().rds).put(target, group, now);
    Ok(json!({ prefix: shown }).into())
}

pub fn describe_groups(cx: &mut Cx<'_>, kind: Kind, input: &Input) -> Result<Output, AwsError> {
    let now = cx.now();
    let table = kind.table(&cx.place().rds);
    let groups: Vec<Value> = match input.str(&kind.name_member()) {
        Some(given) => {
            let name = names::identifier(given, kind.arn_kind());
            vec![
                table
                    .seen(&name, now)
                    .ok_or_else(|| not_found(kind, &name))?
                    .shown(kind),
            ]
        }
        None => table
            .seen_all(now)
            .map(|(_, group)| group.shown(kind))
            .collect(),
    };
    Ok(json!({ format!("{}s", kind.prefix()): groups }).into())
}

fn shown_parameter(parameter: &catalogue::Parameter, set: Option<&Set>, kind: Kind) -> Value {
    let mut shown = json!({
        "ParameterName": parameter.name,
        "Description": parameter.about,
        "Source": parameter.source(set.is_some()),
        "ApplyType": if parameter.dynamic { "dynamic" } else { "static" },
        "DataType": parameter.kind,
        "IsModifiable": parameter.modifiable,
        "ApplyMethod": set.map_or("pending-reboot", |set| set.method.as_str()),
    });
    let current = set.map_or(parameter.default, |set| set.value.as_str());
    if !current.is_empty() {
        shown["ParameterValue"] = current.into();
    }
    if !parameter.allowed.is_empty() {
        shown["AllowedValues"] = parameter.allowed.into();
    }
    if kind == Kind::Cluster {
        shown["SupportedEngineModes"] = json!(["provisioned"]);
    }
    shown
}

pub fn describe(cx: &mut Cx<'_>, kind: Kind, input: &Input) -> Result<Output, AwsError> {
    let now = cx.now();
    let name = names::identifier(
        input.str(&kind.name_member()).unwrap_or_default(),
        kind.arn_kind(),
    );
    let table = kind.table(&cx.place().rds);
    let group = table
        .seen(&name, now)
        .ok_or_else(|| not_found(kind, &name))?;
    let wanted = input.str("Source");
    let parameters: Vec<Value> = catalogue::parameters(&group.family)
        .iter()
        .map(|parameter| (parameter, group.values.get(parameter.name)))
        .filter(|(parameter, set)| {
            wanted.is_none_or(|wanted| parameter.source(set.is_some()) == wanted)
        })
        .map(|(parameter, set)| shown_parameter(parameter, set, kind))
        .collect();
    Ok(object! {"Parameters": parameters}.into())
}

pub fn describe_defaults(kind: Kind, input: &Input) -> Result<Output, AwsError> {
    let family = input.str("DBParameterGroupFamily").unwrap_or_default();
    let all = catalogue::parameters(family);
    if all.is_empty() {
        return Err(value(format!(
            "ParameterGroupFamily {family} is not a valid parameter group family"
        )));
    }
    let parameters: Vec<Value> = all
        .iter()
        .map(|parameter| shown_parameter(parameter, None, kind))
        .collect();
    Ok(
        json!({ "EngineDefaults": { "DBParameterGroupFamily": family, "Parameters": parameters } })
            .into(),
    )
}

/// The named group, if it may be changed.
fn changeable(cx: &mut Cx<'_>, kind: Kind, input: &Input) -> Result<ParameterGroup, AwsError> {
    let name = input
        .str(&kind.name_member())
        .unwrap_or_default()
        .to_ascii_lowercase();
    if name.starts_with("default.") {
        return Err(value("The default parameter group cannot be modified.").status(400));
    }
    kind.table(&cx.place().rds)
        .get(&name)
        .cloned()
        .ok_or_else(|| not_found(kind, &name))
}

fn method(given: Option<&str>, parameter: &catalogue::Parameter) -> Result<String, AwsError> {
    let method = given.unwrap_or("pending-reboot");
    if method == "immediate" && !parameter.dynamic {
        return Err(combination(format!(
            "cannot use immediate apply method for static parameter: {}",
            parameter.name
        )));
    }
    Ok(method.to_owned())
}

pub fn modify(cx: &mut Cx<'_>, kind: Kind, input: &Input) -> Result<Output, AwsError> {
    let mut group = changeable(cx, kind, input)?;
    let given = input.list("Parameters");
    if given.is_empty() {
        return Err(value(
            "The parameter Parameters must be provided and must not be blank.",
        ));
    }
    if given.len() > 20 {
        return Err(value(
            "A maximum of 20 parameters can be modified in a single request.",
        ));
    }
    let mut changed = Vec::new();
    for parameter in given {
        let name = parameter["ParameterName"].as_str().unwrap_or_default();
        let Some(known) = catalogue::parameter(&group.family, name) else {
            return Err(value(format!("Could not find parameter with name: {name}")));
        };
        if !known.modifiable {
            return Err(value(format!("The parameter {name} cannot be modified.")));
        }
        let new = parameter["ParameterValue"].as_str().unwrap_or_default();
        if !known.accepts(new) {
            return Err(value(format!(
                "Value: {new} is outside of range or the list of allowed values for parameter: {name}; allowed values are: {}",
                known.allowed
            )));
        }
        let method = method(parameter["ApplyMethod"].as_str(), &known)?;
        group.values.insert(
            known.name.to_owned(),
            Set {
                value: new.to_owned(),
                method: method.clone(),
            },
        );
        changed.push((known.name, method == "immediate"));
    }
    Ok(store(cx, kind, group, &changed))
}

pub fn reset(cx: &mut Cx<'_>, kind: Kind, input: &Input) -> Result<Output, AwsError> {
    let mut group = changeable(cx, kind, input)?;
    let mut changed = Vec::new();
    if input.bool("ResetAllParameters") == Some(true) {
        if !input.list("Parameters").is_empty() {
            return Err(combination(
                "ResetAllParameters and Parameters cannot be given together.",
            ));
        }
        for name in std::mem::take(&mut group.values).into_keys() {
            if let Some(known) = catalogue::parameter(&group.family, &name) {
                changed.push((known.name, known.dynamic));
            }
        }
    } else {
        for parameter in input.list("Parameters") {
            let name = parameter["ParameterName"].as_str().unwrap_or_default();
            let Some(known) = catalogue::parameter(&group.family, name) else {
                return Err(value(format!("Could not find parameter with name: {name}")));
            };
            let method = method(parameter["ApplyMethod"].as_str(), &known)?;
            group.values.remove(known.name);
            changed.push((known.name, method == "immediate"));
        }
    }
    Ok(store(cx, kind, group, &changed))
}

/// Keeps the group; what is immediate reaches the servers in a moment, the rest waits for their reboot.
fn store(cx: &mut Cx<'_>, kind: Kind, group: ParameterGroup, changed: &[(&str, bool)]) -> Output {
    let (name, now) = (group.name.clone(), cx.now());
    let immediate: Vec<&str> = changed
        .iter()
        .filter(|(_, now)| *now)
        .map(|(name, _)| *name)
        .collect();
    let waits = immediate.len() < changed.len();
    let values: BTreeMap<&str, Option<&str>> = immediate
        .iter()
        .map(|name| (*name, group.values.get(*name).map(|set| set.value.as_str())))
        .collect();
    let detail = json!({ "values": values, "waits": waits });
    kind.table_mut(&mut cx.place().rds).put(&name, group, now);
    for (id, user) in users(&cx.place().rds, kind, &name) {
        cx.place().rds.instances.settle(&id, |instance| {
            if kind == Kind::Instance {
                instance.parameter_apply = if immediate.is_empty() {
                    "pending-reboot"
                } else {
                    "applying"
                }
                .into();
            }
        });
        let after = cx
            .world
            .sample(Pert(2.0, 10.0, 40.0), &user, "apply-parameters")
            .max(SECOND);
        cx.later_with(after, "instance-parameters", &id, detail.clone());
    }
    json!({ kind.name_member(): name }).into()
}

/// The instances that run under a group, with their resource ids.
fn users(state: &State, kind: Kind, name: &str) -> Vec<(String, String)> {
    let uses = |cluster: Option<&str>, own: &str| match kind {
        Kind::Instance => own == name,
        Kind::Cluster => cluster
            .and_then(|cluster| state.clusters.get(cluster))
            .is_some_and(|cluster| cluster.parameter_group == name),
    };
    let instances = state.instances.iter();
    instances
        .filter(|(_, instance)| uses(instance.cluster.as_deref(), &instance.parameter_group))
        .map(|(id, instance)| (id.to_owned(), instance.resource.clone()))
        .collect()
}

/// Immediate parameters reach a running server.
pub fn applied(world: &mut World, event: &Event) {
    let state = &mut world.place(&event.account, &event.region).rds;
    state.instances.settle(&event.id, |instance| {
        for (name, value) in event.detail["values"].as_object().into_iter().flatten() {
            match value.as_str() {
                Some(value) => instance.parameters.insert(name.clone(), value.to_owned()),
                None => instance.parameters.remove(name),
            };
        }
        instance.parameter_apply = if event.detail["waits"] == true {
            "pending-reboot"
        } else {
            "in-sync"
        }
        .to_owned();
    });
}

pub fn delete(cx: &mut Cx<'_>, kind: Kind, input: &Input) -> Result<Output, AwsError> {
    let name = input
        .str(&kind.name_member())
        .unwrap_or_default()
        .to_ascii_lowercase();
    if name.starts_with("default.") {
        return Err(value(
            "Default DBParameterGroup cannot be deleted: ".to_owned() + &name,
        ));
    }
    let now = cx.now();
    let state = &mut cx.place().rds;
    if !kind.table(state).contains(&name) {
        return Err(not_found(kind, &name));
    }
    let used = match kind {
        Kind::Instance => state
            .instances
            .iter()
            .any(|(_, instance)| instance.parameter_group == name),
        Kind::Cluster => state
            .clusters
            .iter()
            .any(|(_, cluster)| cluster.parameter_group == name),
    };
    if used {
        return Err(refuse(
            "InvalidDBParameterGroupState",
            format!(
                "One or more database instances are still members of this parameter group {name}, so the group cannot be deleted"
            ),
        ));
    }
    kind.table_mut(state).remove(&name, now);
    Ok(Output::default())
}
