//! Manifest, capture and runbook, expanded into a plan: one step per AWS resource, every identifier rewritten, every decision
//! made. Pure: no I/O, no clock, no chance.
//!
//! Modules in reading order: [`runbook`] (what a person wrote), [`order`] (what it may not say), this file (the walk over its
//! lines), the uses by topic ([`access`], [`network`], [`images`], [`edge`], [`databases`], [`services`], [`fence`], [`checks`]),
//! [`questions`] (what databases are asked), [`times`] and [`estimate`] (how long it takes), [`facts`] (what people read first).

use std::collections::{BTreeMap, BTreeSet};

use drtool_engine::plan::{
    self, Expect, Expected, Finish, Limits, Need, OnFailure, OnTimeout, Plan, Planned, Profile,
};
use drtool_engine::step::{Effect, Value, references};
use drtool_engine::{Place, StepId};
use serde::Serialize;
use serde_json::Value as Json;

use crate::capture::rewrite::Rewriter;
use crate::capture::{self, Capture};
use crate::composed::Composed;
use crate::failure::{At, Failure, Failures, Sources};
use crate::manifest::text::{DatabaseField, Part, Reference};
use crate::manifest::{Condition, Consent, Manifest, Name, Region, Target, Text};
use crate::printable::Printable;

mod access;
mod checks;
pub mod commands;
mod databases;
mod edge;
pub mod estimate;
pub mod facts;
mod fence;
mod images;
mod network;
mod order;
pub mod permissions;
mod questions;
pub mod runbook;
mod services;
pub mod times;

use facts::{Accepted, Facts, Lint, Quota};
use runbook::{Line, List, Runbook};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub to: Region,
    pub profile: Rehearsal,
    /// The lineage that stable names carry.
    pub lineage: String,
    /// What run-scoped names carry: four to eight hexadecimal digits.
    pub seed: String,
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

/// What a line may be used for.
struct Use {
    name: &'static str,
    /// The list that `for_each` goes over; nothing for a use that stands for the whole stack.
    list: Option<List>,
    expand: fn(&mut Expansion<'_>, usize),
}

const USES: &[Use] = &[
    Use {
        name: "keys",
        list: None,
        expand: access::keys,
    },
    Use {
        name: "network",
        list: None,
        expand: network::network,
    },
    Use {
        name: "access",
        list: None,
        expand: access::access,
    },
    Use {
        name: "secrets",
        list: Some(List::Secrets),
        expand: access::secret,
    },
    Use {
        name: "secret-promotion",
        list: Some(List::Secrets),
        expand: access::promotion,
    },
    Use {
        name: "images",
        list: Some(List::Images),
        expand: images::images,
    },
    Use {
        name: "logs",
        list: None,
        expand: images::logs,
    },
    Use {
        name: "certificates",
        list: None,
        expand: edge::certificates,
    },
    Use {
        name: "balancers",
        list: None,
        expand: edge::balancers,
    },
    Use {
        name: "dns-ttl",
        list: Some(List::Dns),
        expand: edge::lower_ttl,
    },
    Use {
        name: "dns-cut",
        list: Some(List::Dns),
        expand: edge::cut,
    },
    Use {
        name: "outside-check",
        list: Some(List::Dns),
        expand: checks::outside,
    },
    Use {
        name: "database-settings",
        list: Some(List::Databases),
        expand: databases::settings,
    },
    Use {
        name: "database-seed",
        list: Some(List::Databases),
        expand: databases::seed,
    },
    Use {
        name: "database-move",
        list: Some(List::Databases),
        expand: databases::restore,
    },
    Use {
        name: "database-checks",
        list: Some(List::Databases),
        expand: databases::verify,
    },
    Use {
        name: "database-finish",
        list: Some(List::Databases),
        expand: databases::finish,
    },
    Use {
        name: "probe",
        list: Some(List::Databases),
        expand: fence::probe,
    },
    Use {
        name: "fence",
        list: None,
        expand: fence::fence,
    },
    Use {
        name: "write-refused",
        list: Some(List::Databases),
        expand: fence::write_refused,
    },
    Use {
        name: "watermark",
        list: Some(List::Databases),
        expand: fence::watermark,
    },
    Use {
        name: "compute",
        list: None,
        expand: services::clusters,
    },
    Use {
        name: "services",
        list: Some(List::Services),
        expand: services::service,
    },
    Use {
        name: "checks",
        list: None,
        expand: checks::checks,
    },
    Use {
        name: "watch",
        list: None,
        expand: checks::watch,
    },
];

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

/// Whether the three belong together.
fn fits<'a>(
    manifest: &'a Manifest,
    capture: &Capture,
    asked: &Asked,
    sources: &Sources,
) -> Result<&'a Target, Failures> {
    if capture.stack != manifest.name.as_str()
        || capture.region != manifest.source.region.as_str()
        || capture.account != manifest.source.account.as_str()
    {
        let message = format!(
            "the capture is of {} in {} of account {}",
            Printable(&capture.stack),
            Printable(&capture.region),
            Printable(&capture.account)
        );
        let failure = Failure::input("E1102", message).at(
            sources,
            manifest.source.at,
            "the manifest says this",
        );
        return Err(failure
            .hint("`drtool capture` writes the capture of this manifest")
            .into());
    }
    if asked.to == manifest.source.region.value {
        let failure = Failure::input("E1030", format!("{} is where the stack stands", asked.to))
            .at(sources, manifest.source.region.at, "the source");
        return Err(failure.into());
    }
    match manifest.targets.get(&asked.to) {
        Some(target) => Ok(target),
        None => {
            let known: Vec<&str> = manifest.targets.keys().map(Region::as_str).collect();
            let failure = Failure::input(
                "E1031",
                format!("{} is not a target of this stack", asked.to),
            )
            .at(sources, manifest.name.at, "this stack");
            Err(failure
                .hint(format!(
                    "targets are: {}; another one is added under `targets:`",
                    known.join(", ")
                ))
                .into())
        }
    }
}

/// A plan in the making.
struct Expansion<'a> {
    manifest: &'a Manifest,
    capture: &'a Capture,
    target: &'a Target,
    asked: &'a Asked,
    sources: &'a Sources,
    rewriter: Rewriter,
    /// What stands for a source identifier in the target. A `#` sets a field apart: `arn#dnsName`.
    made: BTreeMap<String, Value<String>>,
    /// Steps that other lines refer to by role: `restore main`, `watermark main`.
    roles: BTreeMap<String, StepId>,
    steps: Vec<Planned>,
    found: Vec<Failure>,
    lints: Vec<Lint>,
    notes: Vec<String>,
    quotas: BTreeMap<&'static str, (u32, u32)>,
    /// Lines that were refused for what they lack.
    wanting: BTreeSet<String>,
    now: Now,
}

/// The line that is being expanded.
struct Now {
    phase: String,
    line: String,
    at: At,
    deadline: Option<u32>,
    confirm: bool,
    /// Goes before the names of its steps when it is one of several.
    item: Option<String>,
}

impl<'a> Expansion<'a> {
    fn new(
        manifest: &'a Manifest,
        capture: &'a Capture,
        target: &'a Target,
        asked: &'a Asked,
        sources: &'a Sources,
    ) -> Self {
        let (from, to, account, partition) = (
            &capture.region,
            asked.to.as_str(),
            &capture.account,
            &capture.partition,
        );
        let mut rewriter = Rewriter::new(from, to);
        for secret in manifest
            .secrets
            .iter()
            .filter_map(|s| capture.secret(s.name.as_str()))
        {
            rewriter.becomes(
                &secret.arn,
                secret.arn.replacen(from, to, 1),
                "the secret's replica",
            );
        }
        for service in ["logs", "ssm"] {
            rewriter.prefix_becomes(
                &format!("arn:{partition}:{service}:{from}:{account}:"),
                format!("arn:{partition}:{service}:{to}:{account}:"),
                "the target region",
            );
        }
        for repository in manifest
            .images
            .iter()
            .filter_map(|i| capture.repository(i.repository.as_str()))
        {
            let moved = repository.uri.replacen(from, to, 1);
            for image in &repository.images {
                let by_digest = format!("{moved}@{}", image.digest);
                rewriter.becomes(
                    &format!("{}@{}", repository.uri, image.digest),
                    by_digest.clone(),
                    "the image's copy",
                );
                for tag in &image.tags {
                    rewriter.becomes(
                        &format!("{}:{tag}", repository.uri),
                        by_digest.clone(),
                        "the image's copy, by the digest that the tag stands for",
                    );
                }
            }
            rewriter.becomes(
                &repository.arn,
                repository.arn.replacen(from, to, 1),
                "the repository",
            );
        }
        Expansion {
            manifest,
            capture,
            target,
            asked,
            sources,
            rewriter,
            made: BTreeMap::new(),
            roles: BTreeMap::new(),
            steps: vec![],
            found: vec![],
            lints: vec![],
            notes: vec![],
            quotas: BTreeMap::new(),
            wanting: BTreeSet::new(),
            now: Now {
                phase: String::new(),
                line: String::new(),
                at: At::default(),
                deadline: None,
                confirm: false,
                item: None,
            },
        }
    }

    fn line(&mut self, phase: &str, line: &crate::manifest::Located<Line>) {
        let Some(row) = USES.iter().find(|row| row.name == line.uses.value) else {
            let known: Vec<&str> = USES.iter().map(|row| row.name).collect();
            let failure = Failure::input(
                "E1041",
                format!("nothing is called `{}`", Printable(&line.uses.value)),
            )
            .at(self.sources, line.uses.at, "used here");
            self.found.push(
                match crate::manifest::typed::nearest(&line.uses.value, &known) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure.hint(format!("uses are: {}", known.join(", "))),
                },
            );
            return;
        };
        let each = line.for_each.as_ref().map(|list| list.value);
        if each != row.list {
            let at = line.for_each.as_ref().map_or(line.uses.at, |list| list.at);
            let message = match row.list {
                Some(list) => format!("`{}` is for one of the {} at a time", row.name, list.word()),
                None => format!("`{}` is for the whole stack", row.name),
            };
            let hint = row.list.map_or_else(
                || "leave `for_each` out".to_owned(),
                |list| format!("write `for_each: {}`", list.word()),
            );
            self.found.push(
                Failure::input("E1048", message)
                    .at(self.sources, at, "here")
                    .hint(hint),
            );
            return;
        }
        let items: Vec<Option<String>> = match row.list {
            None => vec![None],
            Some(List::Databases) => self
                .manifest
                .databases
                .iter()
                .map(|d| Some(d.name.to_string()))
                .collect(),
            Some(List::Secrets) => self
                .manifest
                .secrets
                .iter()
                .map(|s| Some(slug(s.name.as_str())))
                .collect(),
            Some(List::Images) => self
                .manifest
                .images
                .iter()
                .map(|i| Some(slug(i.repository.as_str())))
                .collect(),
            Some(List::Services) => self
                .manifest
                .services
                .iter()
                .map(|s| Some(s.name.to_string()))
                .collect(),
            Some(List::Dns) => self
                .manifest
                .dns
                .iter()
                .map(|r| Some(slug(r.record.as_str())))
                .collect(),
        };
        for (index, item) in items.into_iter().enumerate() {
            self.now = Now {
                phase: phase.to_owned(),
                line: line.id.to_string(),
                at: line.id.at,
                deadline: line
                    .deadline
                    .as_ref()
                    .map(|d| d.as_secs().min(u64::from(u32::MAX)) as u32),
                confirm: line.confirm.is_some(),
                item,
            };
            (row.expand)(self, index);
        }
    }

    /// Adds a step of the current line and returns its id.
    fn step<P: Serialize>(
        &mut self,
        name: &str,
        kind: &str,
        region: &str,
        effect: Effect,
        title: impl Into<String>,
        params: &P,
    ) -> StepId {
        let name = match &self.now.item {
            Some(item) if name.is_empty() => item.clone(),
            Some(item) => format!("{item}-{}", slug(name)),
            None => slug(name),
        };
        let id = self.id(&name);
        if self.steps.iter().any(|step| step.id == id) {
            let failure = Failure::input("E1082", format!("two steps would be called `{id}`")).at(
                self.sources,
                self.now.at,
                "of this line",
            );
            self.found.push(failure.hint("two resources of the source have names that differ only in their marks: rename one"));
        }
        let place = Place::new(region)
            .unwrap_or_else(|_| unreachable!("regions are checked when they are read"));
        let json = serde_json::to_value(params).unwrap_or(Json::Null);
        let needs = references(params)
            .into_iter()
            .map(|r| r.step)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(Need::on)
            .collect();
        let expected = times::expected(kind);
        let mut step = Planned::new(id.clone(), kind, json, place, effect);
        step.phase = self.now.phase.clone();
        step.line = self.now.line.clone();
        step.title = title.into();
        step.needs = needs;
        step.hold = self.held(effect);
        step.limits = self.limits(expected);
        step.expected = Some(expected);
        self.steps.push(step);
        id
    }

    fn id(&self, name: &str) -> StepId {
        let text = format!("{}/{name}", self.now.line);
        StepId::new(&text).unwrap_or_else(|_| {
            let short: String = text.chars().take(110).collect();
            StepId::new(short.trim_end_matches('-'))
                .unwrap_or_else(|_| unreachable!("lines are names and slugs are names"))
        })
    }

    fn limits(&self, expected: Expected) -> Limits {
        let patient = (expected.p95 * 4.0).max(600.0) as u32;
        Limits {
            deadline: self.now.deadline.unwrap_or(patient),
            ..Limits::default()
        }
    }

    fn held(&self, effect: Effect) -> bool {
        match self.asked.profile {
            Rehearsal::DryRun => true,
            Rehearsal::Real => false,
            Rehearsal::Drill => matches!(effect, Effect::Changes | Effect::Fences | Effect::Cuts),
        }
    }

    /// The step that was added last.
    fn last(&mut self) -> &mut Planned {
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    fn last_id(&self) -> StepId {
        self.steps[self.steps.len() - 1].id.clone()
    }

    fn expect(&mut self, expected: Expected) {
        let limits = self.limits(expected);
        let step = self.last();
        step.expected = Some(expected);
        step.limits = limits;
    }

    /// Holds the last step, whatever its effect: it speaks of a fence that a drill does not set.
    fn hold_in_drill(&mut self, stand_in: Json) {
        if self.asked.profile == Rehearsal::Drill {
            self.last().hold = true;
        }
        self.last().stand_in = Some(stand_in);
    }

    fn need(&mut self, step: StepId) {
        let last = self.last();
        if last.id != step && !last.needs.iter().any(|need| need.step == step) {
            last.needs.push(Need::on(step));
        }
    }

    fn adopt(&mut self, what: &str) {
        self.last().expect = Expect::Adopt(what.to_owned());
    }

    /// What stands for `source` in the target. Where nothing does, the line is refused: once, for its first want.
    fn of(&mut self, source: &str, what: &str) -> Value<String> {
        match self.made.get(source) {
            Some(value) => value.clone(),
            None => {
                if self.wanting.insert(self.now.line.clone()) {
                    let bare = source.split('#').next().unwrap_or(source);
                    let message = format!(
                        "`{}` needs {what} {}, and no line before it makes that",
                        self.now.line,
                        Printable(bare)
                    );
                    self.found.push(
                        Failure::input("E1060", message)
                            .at(self.sources, self.now.at, "this line")
                            .hint("lines that make things stand before lines that use them"),
                    );
                }
                Value::Known(source.to_owned())
            }
        }
    }

    fn all_of(&mut self, sources: &[String], what: &str) -> Vec<Value<String>> {
        sources.iter().map(|source| self.of(source, what)).collect()
    }

    fn becomes(&mut self, source: &str, step: &StepId, field: &str, why: &str) {
        self.made
            .insert(source.to_owned(), Value::later(step.clone(), field));
        if !source.contains('#') {
            self.rewriter
                .becomes_later(source, step.clone(), field, why);
        }
    }

    fn role(&mut self, role: String, step: &StepId) {
        self.roles.insert(role, step.clone());
    }

    /// The target's key for a source key; nothing for AWS's own.
    fn key(&mut self, source: &Option<String>) -> Option<Value<String>> {
        let arn = source.as_ref()?;
        let key = self.capture.key(arn);
        if key.is_some_and(|key| key.aws_managed) {
            return None;
        }
        if let Some(value) = self.made.get(arn) {
            return Some(value.clone());
        }
        let name = key
            .and_then(|key| key.aliases.first())
            .map_or(arn.as_str(), String::as_str);
        let failure = Failure::input(
            "E1113",
            format!("no key of {} stands for {}", self.asked.to, Printable(name)),
        );
        let failure = failure
            .at(self.sources, self.target.network.at, "this target")
            .hint(format!("add `keys: {{ {name}: alias/… }}`"));
        if !self
            .found
            .iter()
            .any(|f| f.to_string() == failure.to_string())
        {
            self.found.push(failure);
        }
        None
    }

    /// A name that is the source's own in a move, and this run's in a drill.
    fn name(&self, source: &str, longest: usize) -> String {
        if self.asked.profile == Rehearsal::Drill {
            self.of_run(source, longest)
        } else {
            source.chars().take(longest).collect()
        }
    }

    /// A name that is this run's.
    fn of_run(&self, source: &str, longest: usize) -> String {
        let room = longest.saturating_sub(self.asked.seed.len() + 1);
        let base: String = source.chars().take(room).collect();
        format!("{}-{}", base.trim_end_matches('-'), self.asked.seed)
    }

    fn text(&mut self, text: &Text) -> Composed {
        let mut out = Composed(vec![]);
        for part in &text.parts {
            let piece = match part {
                Part::Literal(text) => Value::Known(text.clone()),
                Part::Reference(reference) => self.reference(reference),
            };
            out.push(piece);
        }
        if out.0.is_empty() {
            Composed::known("")
        } else {
            out
        }
    }

    fn reference(&mut self, reference: &Reference) -> Value<String> {
        match reference {
            Reference::Database { name, field } => {
                let instance = self
                    .manifest
                    .database(name)
                    .map(|d| d.instance.to_string())
                    .unwrap_or_default();
                let settings = self.capture.database(&instance).map(|d| &d.settings);
                match field {
                    DatabaseField::Endpoint => {
                        self.of(&format!("database {name}#endpoint"), "the database")
                    }
                    DatabaseField::Port => {
                        Value::Known(settings.map(|s| s.port.to_string()).unwrap_or_default())
                    }
                    DatabaseField::Name => Value::Known(
                        settings
                            .and_then(|s| s.database_name.clone())
                            .unwrap_or_default(),
                    ),
                    DatabaseField::Username => Value::Known(
                        settings
                            .map(|s| s.master_username.clone())
                            .unwrap_or_default(),
                    ),
                }
            }
            Reference::Balancer { service } => match self.balancer(service) {
                Some(arn) => self.of(&format!("{arn}#dnsName"), "the balancer"),
                None => Value::Known(String::new()),
            },
            Reference::Secret { name } => {
                let arn = self.capture.secret(name).map(|s| {
                    s.arn
                        .replacen(&self.capture.region, self.asked.to.as_str(), 1)
                });
                Value::Known(arn.unwrap_or_default())
            }
            Reference::TargetRegion => Value::Known(self.asked.to.to_string()),
            Reference::TargetAccount => Value::Known(self.capture.account.clone()),
            Reference::StackName => Value::Known(self.manifest.name.to_string()),
        }
    }

    /// The ARN of the source's balancer in front of a service of the manifest.
    fn balancer(&self, service: &str) -> Option<&'a str> {
        let service = self.captured_service(service)?;
        let group = service.load_balancers.first()?;
        self.capture
            .balancer_of(&group.target_group_arn)
            .map(|b| b.arn.as_str())
    }

    fn captured_service(&self, name: &str) -> Option<&'a capture::Service> {
        let (cluster, service) = self.manifest.service(name)?.service.split();
        self.capture.service(cluster, service)
    }

    fn fault(
        &mut self,
        code: &'static str,
        at: At,
        message: impl Into<String>,
        label: &str,
        hint: impl Into<String>,
    ) {
        self.found.push(
            Failure::input(code, message.into())
                .at(self.sources, at, label)
                .hint(hint),
        );
    }

    /// So many of a thing that AWS limits, with AWS's default.
    fn quota(&mut self, what: &'static str, count: u32, default: u32) {
        let entry = self.quotas.entry(what).or_insert((0, default));
        entry.0 += count;
    }

    fn lint(
        &mut self,
        what: impl Into<String>,
        costs: impl Into<String>,
        instead: impl Into<String>,
    ) {
        let lint = Lint {
            what: what.into(),
            costs: costs.into(),
            instead: instead.into(),
        };
        if !self.lints.contains(&lint) {
            self.lints.push(lint);
        }
    }

    /// Everything that does not move was seen by somebody, and no string of the source region is left unawares.
    fn acknowledged(&mut self) {
        let manifest = self.manifest;
        let at = manifest.name.at;
        for thing in &self.capture.unhandled {
            if !manifest
                .leave_behind
                .iter()
                .any(|l| l.what.as_str() == thing.what)
            {
                let failure = Failure::input(
                    "E1111",
                    format!(
                        "{} belongs to the stack and would not move ({})",
                        Printable(&thing.what),
                        Printable(&thing.why)
                    ),
                );
                let hint = format!(
                    "if it may stay: `leaveBehind: [ {{ what: {}, why: … }} ]`",
                    thing.what
                );
                self.found
                    .push(failure.at(self.sources, at, "this stack").hint(hint));
            }
        }
        for written in &self.capture.written_paths {
            if !manifest
                .accepted_loss
                .iter()
                .any(|a| a.path.value == written.path)
            {
                let message = format!(
                    "container `{}` writes to {}, which no volume keeps ({})",
                    Printable(&written.container),
                    Printable(&written.path),
                    Printable(&written.known_from)
                );
                let hint = format!(
                    "if that may be lost: `acceptedLoss: [ {{ path: {}, why: … }} ]`",
                    written.path
                );
                self.found.push(
                    Failure::input("E1112", message)
                        .at(self.sources, at, "this stack")
                        .hint(hint),
                );
            }
        }
        for left in self.rewriter.remaining().to_vec() {
            if !manifest
                .allow_source_region_in
                .iter()
                .any(|a| a.field.value == left.field)
            {
                let message = format!(
                    "{} would still name {}: {}",
                    Printable(&left.field),
                    self.capture.region,
                    Printable(&left.text)
                );
                let hint = format!(
                    "override it, or if it is meant: `allowSourceRegionIn: [ {{ field: \"{}\", why: … }} ]`",
                    left.field
                );
                self.found.push(
                    Failure::input("E1110", message)
                        .at(self.sources, at, "this stack")
                        .hint(hint),
                );
            }
        }
        if manifest.protect && self.asked.profile == Rehearsal::Real {
            self.found.push(
                Failure::input(
                    "E1115",
                    "this stack is protected: no run may fence or cut it",
                )
                .at(self.sources, at, "`protect: true`")
                .hint("plan and drill work; to move it, take `protect` away"),
            );
        }
    }

    /// Lines that need other lines: the first steps of the one wait for the last steps of the other.
    fn connect(&mut self, runbook: &Runbook) {
        let of_line = |steps: &[Planned], line: &str| -> Vec<usize> {
            (0..steps.len())
                .filter(|i| steps[*i].line == line)
                .collect()
        };
        let mut added: Vec<(usize, StepId)> = vec![];
        for (_, line) in runbook.lines() {
            let mine = of_line(&self.steps, line.id.as_str());
            let ids: BTreeSet<&StepId> = mine.iter().map(|i| &self.steps[*i].id).collect();
            let first: Vec<usize> = mine
                .iter()
                .copied()
                .filter(|i| {
                    !self.steps[*i]
                        .needs
                        .iter()
                        .any(|need| ids.contains(&need.step))
                })
                .collect();
            for need in &line.needs {
                let other = runbook.line(need.as_str());
                let theirs = of_line(&self.steps, need.as_str());
                let needed: BTreeSet<&StepId> = theirs
                    .iter()
                    .flat_map(|i| self.steps[*i].needs.iter().map(|n| &n.step))
                    .collect();
                let last: Vec<usize> = theirs
                    .iter()
                    .copied()
                    .filter(|i| !needed.contains(&self.steps[*i].id))
                    .collect();
                // Two lines over the same list go item by item: one database does not wait for another's copy.
                let paired = line.for_each.is_some()
                    && line.for_each == other.and_then(|o| o.for_each.clone());
                for from in &first {
                    for to in &last {
                        if !paired
                            || self.item(&self.steps[*from].id) == self.item(&self.steps[*to].id)
                        {
                            added.push((*from, self.steps[*to].id.clone()));
                        }
                    }
                }
            }
        }
        for (index, step) in added {
            let needs = &mut self.steps[index].needs;
            if !needs.iter().any(|need| need.step == step) {
                needs.push(Need::on(step));
            }
        }
    }

    /// Which thing of a list a step belongs to: the longest item that its name begins with.
    fn item(&self, id: &StepId) -> String {
        let name = id.as_str().split('/').nth(1).unwrap_or_default();
        let manifest = self.manifest;
        let databases = manifest.databases.iter().map(|d| d.name.to_string());
        let services = manifest.services.iter().map(|s| s.name.to_string());
        let secrets = manifest.secrets.iter().map(|s| slug(s.name.as_str()));
        let images = manifest.images.iter().map(|i| slug(i.repository.as_str()));
        let records = manifest.dns.iter().map(|r| slug(r.record.as_str()));
        let all = databases
            .chain(services)
            .chain(secrets)
            .chain(images)
            .chain(records);
        all.filter(|item| name == item || name.starts_with(&format!("{item}-")))
            .max_by_key(String::len)
            .unwrap_or_default()
    }

    fn finish(mut self, runbook: &Runbook) -> Result<Plan, Failures> {
        self.gates();
        let steps = sorted(std::mem::take(&mut self.steps));
        let manifest = self.manifest;
        let (name, finish, on_failure) = match self.asked.profile {
            Rehearsal::DryRun => ("plan", Finish::Keep, OnFailure::Stop),
            Rehearsal::Drill => ("drill", Finish::Unwind, OnFailure::Unwind),
            Rehearsal::Real => ("migrate", Finish::Keep, OnFailure::Stop),
        };
        let accepted = |what: &str, why: &str| Accepted {
            what: what.to_owned(),
            why: why.to_owned(),
        };
        let loss = manifest
            .accepted_loss
            .iter()
            .map(|a| accepted(&a.path.value, &a.why));
        let allowed = manifest
            .allow_source_region_in
            .iter()
            .map(|a| accepted(&a.field.value, &a.why));
        let differences = manifest.databases.iter().flat_map(|d| {
            d.accept_difference
                .iter()
                .map(|a| accepted(&format!("{}: {}", d.name.value, a.setting), &a.why))
        });
        let mut facts = Facts {
            stack: manifest.name.to_string(),
            account: self.capture.account.clone(),
            partition: self.capture.partition.clone(),
            from: self.capture.region.clone(),
            to: self.asked.to.to_string(),
            objectives: manifest.objectives.clone(),
            captured: self.capture.taken,
            changes: self.rewriter.changes().to_vec(),
            lints: self.lints.clone(),
            accepted: loss.chain(allowed).chain(differences).collect(),
            left_behind: manifest
                .leave_behind
                .iter()
                .map(|l| accepted(l.what.as_str(), &l.why))
                .collect(),
            notes: self.notes.clone(),
            quotas: self
                .quotas
                .iter()
                .map(|(what, (needed, default))| Quota {
                    what: (*what).to_owned(),
                    needed: *needed,
                    default: *default,
                })
                .collect(),
            estimate: estimate::Estimate::default(),
        };
        let mut plan = Plan {
            format: plan::FORMAT,
            stack: manifest.name.to_string(),
            lineage: self.asked.lineage.clone(),
            seed: self.asked.seed.clone(),
            profile: Profile {
                name: name.to_owned(),
                finish,
                on_failure,
            },
            facts: Json::Null,
            phases: runbook
                .phases
                .iter()
                .map(|phase| plan::Phase {
                    name: phase.name.to_string(),
                    title: phase.title.clone(),
                })
                .collect(),
            steps,
            approvals: vec![],
        };
        // Times are those of the plan carried out: a dry run's steps are all held and take none.
        let mut real = plan.clone();
        if self.asked.profile == Rehearsal::DryRun {
            real.steps.iter_mut().for_each(|step| step.hold = false);
        }
        facts.estimate = estimate::estimate(&real);
        plan.facts = serde_json::to_value(&facts).unwrap_or_default();
        Ok(plan)
    }

    /// What a cut is gated on: health seen a moment ago, the fence held until it is over.
    fn gates(&mut self) {
        let proofs: Vec<(StepId, plan::Proof)> = self
            .steps
            .iter()
            .filter_map(|s| s.proof.map(|p| (s.id.clone(), p)))
            .collect();
        let cuts: Vec<usize> = (0..self.steps.len())
            .filter(|i| self.steps[*i].effect == Effect::Cuts)
            .collect();
        for index in cuts {
            let id = self.steps[index].id.clone();
            for (step, proof) in &proofs {
                let mut need = Need::on(step.clone());
                match proof {
                    plan::Proof::Health => {
                        need.fresh = Some(10);
                        need.settle = self.settles(step);
                    }
                    plan::Proof::Fence => {
                        need.fresh = Some(10);
                        need.keep_until = Some(id.clone());
                    }
                    plan::Proof::Data => {}
                }
                let needs = &mut self.steps[index].needs;
                needs.retain(|n| n.step != *step);
                needs.push(need);
            }
        }
    }

    /// How often in a row a check must pass, as the manifest says of it.
    fn settles(&self, step: &StepId) -> Option<plan::Passes> {
        let checks = &self.manifest.checks;
        let number = step
            .as_str()
            .rsplit('-')
            .next()
            .and_then(|n| n.parse::<usize>().ok());
        let check = number.and_then(|n| checks.get(n.checked_sub(1)?))?;
        let count = u32::from(check.passes);
        Some(plan::Passes {
            count,
            over: count.saturating_sub(1) * check.every.as_secs() as u32,
        })
    }

    /// The manifest's answer to the question before the cut.
    fn confirm(&self, text: String) -> Option<plan::Confirm> {
        if !self.now.confirm {
            return None;
        }
        let confirm = &self.manifest.confirm;
        let given = match &confirm.cut.value {
            Consent::Ask => None,
            Consent::Given(Condition::AllChecksPassAndNothingLost) => {
                Some("all checks pass and loss is 0".to_owned())
            }
        };
        Some(plan::Confirm {
            text,
            timeout: confirm.timeout.as_secs() as u32,
            on_timeout: OnTimeout::Unfence,
            given,
        })
    }
}

/// The steps in an order that satisfies all needs, else as they were: phases stay together as far as they can.
fn sorted(steps: Vec<Planned>) -> Vec<Planned> {
    let mut waiting: Vec<Option<Planned>> = steps.into_iter().map(Some).collect();
    let known: BTreeSet<StepId> = waiting.iter().flatten().map(|s| s.id.clone()).collect();
    let mut done: BTreeSet<StepId> = BTreeSet::new();
    let mut out = vec![];
    while out.len() < waiting.len() {
        let ready = waiting.iter().position(|step| {
            step.as_ref().is_some_and(|step| {
                step.needs
                    .iter()
                    .all(|need| done.contains(&need.step) || !known.contains(&need.step))
            })
        });
        // A circle cannot come out of lines without one; were it there, the order would stay as written.
        let next = ready.or_else(|| waiting.iter().position(Option::is_some));
        let Some(step) = next.and_then(|index| waiting[index].take()) else {
            break;
        };
        done.insert(step.id.clone());
        out.push(step);
    }
    out
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
