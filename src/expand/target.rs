//! What stands for a thing of the source in the target: resources, keys, names, and the references of a manifest.

use super::Rehearsal;
use super::expansion::Expansion;
use crate::capture;
use crate::composed::Composed;
use crate::failure::Failure;
use crate::manifest::Text;
use crate::manifest::text::{DatabaseField, Part, Reference};
use crate::printable::Printable;
use drtool_engine::StepId;
use drtool_engine::step::Value;

impl<'a> Expansion<'a> {
    /// What stands for `source` in the target. Where nothing does, the line is refused: once, for its first want.
    pub(super) fn of(&mut self, source: &str, what: &str) -> Value<String> {
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

    pub(super) fn all_of(&mut self, sources: &[String], what: &str) -> Vec<Value<String>> {
        sources.iter().map(|source| self.of(source, what)).collect()
    }

    pub(super) fn becomes(&mut self, source: &str, step: &StepId, field: &str, why: &str) {
        self.made
            .insert(source.to_owned(), Value::later(step.clone(), field));
        if !source.contains('#') {
            self.rewriter
                .becomes_later(source, step.clone(), field, why);
        }
    }

    /// The target's key for a source key; nothing for AWS's own.
    pub(super) fn key(&mut self, source: &Option<String>) -> Option<Value<String>> {
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
    pub(super) fn name(&self, source: &str, longest: usize) -> String {
        if self.asked.profile == Rehearsal::Drill {
            self.of_run(source, longest)
        } else {
            source.chars().take(longest).collect()
        }
    }

    /// A name that is this run's.
    pub(super) fn of_run(&self, source: &str, longest: usize) -> String {
        let room = longest.saturating_sub(self.asked.seed.len() + 1);
        let base: String = source.chars().take(room).collect();
        format!("{}-{}", base.trim_end_matches('-'), self.asked.seed)
    }

    pub(super) fn text(&mut self, text: &Text) -> Composed {
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
    pub(super) fn balancer(&self, service: &str) -> Option<&'a str> {
        let service = self.captured_service(service)?;
        let group = service.load_balancers.first()?;
        self.capture
            .balancer_of(&group.target_group_arn)
            .map(|b| b.arn.as_str())
    }

    pub(super) fn captured_service(&self, name: &str) -> Option<&'a capture::Service> {
        let (cluster, service) = self.manifest.service(name)?.service.split();
        self.capture.service(cluster, service)
    }
}
