//! What only the whole manifest can show: names that refer to nothing, promises that contradict each other, settings that are
//! not safe together. Every fault is told at once, each at its place.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::text::Reference;
use super::typed::nearest;
use super::{API_VERSION, Manifest, Network, Region, Text, Tier, Way};
use crate::failure::{At, Failure, Failures, Sources};
use crate::manifest::Located;
use crate::printable::Printable;

/// Checks a manifest that was read.
pub fn check(manifest: &Manifest, sources: &Sources) -> Result<(), Failures> {
    let mut check = Checking {
        manifest,
        sources,
        found: vec![],
    };
    check.header();
    check.targets();
    check.names();
    check.databases();
    check.services();
    check.records();
    check.checks();
    check.texts();
    if check.found.is_empty() {
        Ok(())
    } else {
        Err(Failures(check.found))
    }
}

struct Checking<'a> {
    manifest: &'a Manifest,
    sources: &'a Sources,
    found: Vec<Failure>,
}

impl Checking<'_> {
    fn fault(
        &mut self,
        code: &'static str,
        at: At,
        message: impl Into<String>,
        label: &str,
        hint: impl Into<String>,
    ) {
        let mut failure = Failure::input(code, message.into()).at(self.sources, at, label);
        let hint = hint.into();
        if !hint.is_empty() {
            failure = failure.hint(hint);
        }
        self.found.push(failure);
    }

    fn header(&mut self) {
        let manifest = self.manifest;
        if manifest.api_version.value != API_VERSION {
            let message = format!(
                "apiVersion is `{}`; this drtool reads `{API_VERSION}`",
                Printable(&manifest.api_version.value)
            );
            self.fault("E1021", manifest.api_version.at, message, "here", "");
        }
        if manifest.kind.value != "Stack" {
            self.fault(
                "E1021",
                manifest.kind.at,
                format!(
                    "kind is `{}`; a manifest is a `Stack`",
                    Printable(&manifest.kind.value)
                ),
                "here",
                "write `kind: Stack`",
            );
        }
    }

    fn targets(&mut self) {
        let manifest = self.manifest;
        if manifest.targets.is_empty() {
            self.fault(
                "E1031",
                manifest.source.at,
                "no target region is listed",
                "the source is here",
                "name at least one under `targets:`",
            );
        }
        for (region, target) in &manifest.targets {
            if *region == manifest.source.region.value {
                self.fault(
                    "E1030",
                    target.at,
                    format!("{region} is the source: a stack does not move to where it is"),
                    "this target",
                    "",
                );
            } else if region.partition() != manifest.source.region.partition() {
                let message = format!(
                    "{region} is in partition {}, the source in {}",
                    region.partition(),
                    manifest.source.region.partition()
                );
                self.fault(
                    "E1032",
                    target.at,
                    message,
                    "this target",
                    "snapshots, images and keys do not cross partitions",
                );
            }
            self.network(region, &target.network);
        }
    }

    fn network(&mut self, region: &Region, network: &Located<Network>) {
        match (&network.cidr, &network.vpc) {
            (Some(cidr), None) => {
                if !(16..=24).contains(&cidr.prefix) {
                    self.fault(
                        "E1033",
                        cidr.at,
                        format!("a VPC of /{} cannot hold this stack's subnets", cidr.prefix),
                        "here",
                        "use a block between /16 and /24",
                    );
                }
                if let Some(ids) = network.subnets.values().flatten().next() {
                    self.fault(
                        "E1033",
                        ids.at,
                        "subnets are named for a network that will be made",
                        "these",
                        "name a `vpc` to adopt one, or leave `subnets` out",
                    );
                }
            }
            (None, Some(_)) => {
                for tier in [Tier::Public, Tier::Private, Tier::Isolated] {
                    let count = network.subnets.get(&tier).map_or(0, Vec::len);
                    if count < 2 && tier != Tier::Private || count == 0 {
                        let message = format!(
                            "the adopted network of {region} names {count} {} subnets",
                            tier.word()
                        );
                        self.fault(
                            "E1033",
                            network.at,
                            message,
                            "this network",
                            "load balancers and databases need two, in two zones",
                        );
                    }
                }
            }
            _ => self.fault(
                "E1033",
                network.at,
                "a network is made (`cidr`) or adopted (`vpc`), not both and not neither",
                "this network",
                "",
            ),
        }
    }

    /// Things of one kind have different names.
    fn names(&mut self) {
        let manifest = self.manifest;
        let mut lists: Vec<(&str, Vec<(String, At)>)> = vec![
            (
                "database",
                manifest
                    .databases
                    .iter()
                    .map(|d| (d.name.to_string(), d.name.at))
                    .collect(),
            ),
            (
                "service",
                manifest
                    .services
                    .iter()
                    .map(|s| (s.name.to_string(), s.name.at))
                    .collect(),
            ),
            (
                "secret",
                manifest
                    .secrets
                    .iter()
                    .map(|s| (s.name.to_string(), s.at))
                    .collect(),
            ),
            (
                "parameter",
                manifest
                    .parameters
                    .iter()
                    .map(|p| (p.name.to_string(), p.at))
                    .collect(),
            ),
            (
                "image",
                manifest
                    .images
                    .iter()
                    .map(|i| (i.repository.to_string(), i.at))
                    .collect(),
            ),
            (
                "record",
                manifest
                    .dns
                    .iter()
                    .map(|r| {
                        (
                            format!(
                                "{} in {}{}",
                                r.record,
                                r.zone,
                                if r.private { " (private)" } else { "" }
                            ),
                            r.record.at,
                        )
                    })
                    .collect(),
            ),
            (
                "left-behind thing",
                manifest
                    .leave_behind
                    .iter()
                    .map(|l| (l.what.to_string(), l.what.at))
                    .collect(),
            ),
        ];
        for (kind, names) in &mut lists {
            let mut first: BTreeMap<&str, At> = BTreeMap::new();
            for (name, at) in names.iter() {
                match first.get(name.as_str()) {
                    Some(earlier) => {
                        let failure = Failure::input(
                            "E1017",
                            format!("the {kind} `{}` is listed twice", Printable(name)),
                        )
                        .at(self.sources, *earlier, "first here")
                        .at(self.sources, *at, "and again here");
                        self.found.push(failure);
                    }
                    None => {
                        first.insert(name, *at);
                    }
                }
            }
        }
    }

    fn databases(&mut self) {
        let manifest = self.manifest;
        for database in &manifest.databases {
            if database.way.value == Way::Global
                || database.way.value == Way::Replica
                || database.way.value == Way::Pitr
            {
                let word = match database.way.value {
                    Way::Global => "global",
                    Way::Replica => "replica",
                    _ => "pitr",
                };
                let message =
                    format!("`move: {word}` is not offered for an RDS instance by this version");
                self.fault(
                    "E1046",
                    database.way.at,
                    message,
                    "here",
                    "use `move: snapshot`",
                );
            }
            let instance = database.instance.as_str();
            if instance.contains("--") || instance.ends_with('-') {
                self.fault(
                    "E1081",
                    database.instance.at,
                    format!("`{instance}` cannot be an RDS instance: no `--`, no `-` at the end"),
                    "here",
                    "",
                );
            }
            let classes = &database.class_alternatives;
            for class in classes {
                if !class.starts_with("db.") {
                    self.fault(
                        "E1081",
                        class.at,
                        format!("`{}` is not an instance class", Printable(class)),
                        "here",
                        "for instance db.m6g.large",
                    );
                }
            }
        }
        if !manifest.databases.is_empty() && manifest.objectives.accept_data_loss.is_none() {
            let at = manifest.databases[0].at;
            self.fault(
                "E1045",
                at,
                "no bound on data loss is given for a stack with a database",
                "this database moves",
                "a planned move says `objectives: { acceptDataLoss: 0s }`",
            );
        }
        if !manifest.databases.is_empty() && manifest.probe.is_none() {
            let at = manifest.databases[0].at;
            let hint =
                "name an image with a client for the database and a shell: `probe: { image: … }`";
            self.fault(
                "E1047",
                at,
                "nothing can ask the database from inside its network",
                "this database is checked by SQL before the cut",
                hint,
            );
        }
    }

    fn services(&mut self) {
        let manifest = self.manifest;
        for service in &manifest.services {
            if !service.service.has_both() {
                self.fault(
                    "E1081",
                    service.service.at,
                    format!("`{}` does not say which cluster", service.service.value),
                    "here",
                    "write `cluster/service`",
                );
            }
            if service
                .desired_count
                .as_ref()
                .is_some_and(|count| count.value == 0)
            {
                self.fault(
                    "E1084",
                    service.desired_count.as_ref().map_or(service.at, |c| c.at),
                    "a service with no tasks passes no check",
                    "here",
                    "",
                );
            }
            if let Some(health) = &service.health_check {
                let interval = health
                    .interval
                    .is_none_or(|i| (5..=300).contains(&i.as_secs()));
                let counts = [health.healthy, health.unhealthy]
                    .into_iter()
                    .flatten()
                    .all(|n| (2..=10).contains(&n));
                let path = health.path.as_ref().is_none_or(|p| p.starts_with('/'));
                let matcher = health.matcher.as_ref().is_none_or(|m| matcher_fits(m));
                if !(interval && counts && path && matcher) {
                    let hint = "interval 5s to 300s, counts 2 to 10, a path that begins with `/`, a matcher within 200-499";
                    self.fault(
                        "E1084",
                        health.at,
                        "no balancer takes this health check",
                        "here",
                        hint,
                    );
                }
            }
        }
    }

    fn records(&mut self) {
        let manifest = self.manifest;
        let services: Vec<&str> = manifest.services.iter().map(|s| s.name.as_str()).collect();
        for record in &manifest.dns {
            if manifest.service(record.to.as_str()).is_none() {
                let hint = unknown_hint(record.to.as_str(), &services);
                self.fault(
                    "E1061",
                    record.to.at,
                    format!("no service is called `{}`", record.to.value),
                    "the record leads here",
                    hint,
                );
            }
            let (zone, name) = (record.zone.as_str(), record.record.as_str());
            if name != zone && !name.ends_with(&format!(".{zone}")) {
                self.fault(
                    "E1035",
                    record.record.at,
                    format!("{name} is not inside the zone {zone}"),
                    "this record",
                    "",
                );
            }
            if record.record.as_str().starts_with("*.") {
                self.fault(
                    "E1034",
                    record.record.at,
                    "a wildcard record is not cut: it answers for names that nobody listed",
                    "this record",
                    "list each name",
                );
            }
        }
    }

    fn checks(&mut self) {
        let manifest = self.manifest;
        let services: Vec<&str> = manifest.services.iter().map(|s| s.name.as_str()).collect();
        let databases: Vec<&str> = manifest.databases.iter().map(|d| d.name.as_str()).collect();
        if !manifest.dns.is_empty()
            && !manifest
                .checks
                .iter()
                .any(|c| c.http.is_some() || c.tcp.is_some())
        {
            self.fault(
                "E1084",
                manifest.dns[0].at,
                "DNS would be cut without one check of the target",
                "this record",
                "add a check: `checks: [ { http: { path: /, expect: 200 } } ]`",
            );
        }
        for check in &manifest.checks {
            let kinds = usize::from(check.http.is_some())
                + usize::from(check.tcp.is_some())
                + usize::from(check.sql.is_some());
            if kinds != 1 {
                self.fault(
                    "E1084",
                    check.at,
                    "a check is exactly one of http, tcp and sql",
                    "this check",
                    "",
                );
            }
            if check.passes == 0 || check.every.as_secs() == 0 || check.every.as_secs() > 300 {
                self.fault(
                    "E1084",
                    check.at,
                    "a check passes at least once, with 1s to 300s between two passes",
                    "this check",
                    "",
                );
            }
            if let Some(http) = &check.http {
                if !(100..=599).contains(&http.expect.value)
                    || (500..=599).contains(&http.expect.value)
                {
                    self.fault(
                        "E1084",
                        http.expect.at,
                        format!("{} is not a status that shows health", http.expect.value),
                        "here",
                        "",
                    );
                }
                if !http.path.starts_with('/')
                    || http
                        .path
                        .contains(|c: char| c.is_whitespace() || c.is_control())
                {
                    self.fault(
                        "E1072",
                        http.path.at,
                        format!("`{}` is not a path", Printable(&http.path)),
                        "here",
                        "only the path is given: the address is the target's balancer",
                    );
                }
                if let Some(host) = &http.host
                    && literal_address(host.as_str())
                {
                    self.fault(
                        "E1072",
                        host.at,
                        "an address is not a host name",
                        "here",
                        "checks go to the target's balancer and nowhere else",
                    );
                }
                if let Some(service) = &http.service
                    && manifest.service(service.as_str()).is_none()
                {
                    self.fault(
                        "E1061",
                        service.at,
                        format!("no service is called `{}`", service.value),
                        "here",
                        unknown_hint(service.as_str(), &services),
                    );
                }
            }
            if let Some(tcp) = &check.tcp
                && manifest.service(tcp.service.as_str()).is_none()
            {
                self.fault(
                    "E1061",
                    tcp.service.at,
                    format!("no service is called `{}`", tcp.service.value),
                    "here",
                    unknown_hint(tcp.service.as_str(), &services),
                );
            }
            if let Some(sql) = &check.sql {
                if manifest.database(sql.database.as_str()).is_none() {
                    let message = format!("no database is called `{}`", sql.database.value);
                    self.fault(
                        "E1061",
                        sql.database.at,
                        message,
                        "here",
                        unknown_hint(sql.database.as_str(), &databases),
                    );
                }
                let query = sql.query.trim();
                let select = query
                    .get(..6)
                    .is_some_and(|head| head.eq_ignore_ascii_case("select"));
                if !select || query.trim_end_matches(';').contains(';') {
                    self.fault(
                        "E1084",
                        sql.query.at,
                        "a check asks one SELECT",
                        "this is something else",
                        "",
                    );
                }
            }
        }
    }

    fn texts(&mut self) {
        let manifest = self.manifest;
        for service in &manifest.services {
            for text in service.environment.values() {
                self.references(text);
            }
            for (name, text) in &service.environment {
                let upper = name.to_uppercase();
                let secretive = [
                    "PASSWORD",
                    "PASSWD",
                    "SECRET",
                    "PRIVATE_KEY",
                    "API_KEY",
                    "ACCESS_KEY",
                ]
                .iter()
                .any(|word| upper.contains(word));
                if secretive && text.references().next().is_none() {
                    let message = format!(
                        "`{}` looks like a secret written into the manifest",
                        Printable(name)
                    );
                    self.fault(
                        "E1050",
                        text.at,
                        message,
                        "this value",
                        "keep it in Secrets Manager and let the task definition name it by ARN",
                    );
                }
                if name.is_empty() || name.contains(|c: char| c == '=' || c.is_control()) {
                    self.fault(
                        "E1084",
                        text.at,
                        format!(
                            "`{}` is not the name of an environment variable",
                            Printable(name)
                        ),
                        "here",
                        "",
                    );
                }
            }
        }
        for secret in &manifest.secrets {
            for text in secret.rewrite.values() {
                self.references(text);
            }
        }
        for parameter in &manifest.parameters {
            let stated: &super::Parameter = parameter;
            for text in stated.value.iter().chain(parameter.rewrite.values()) {
                self.references(text);
            }
            if stated.value.is_some() && !parameter.rewrite.is_empty() {
                self.fault(
                    "E1022",
                    parameter.at,
                    format!(
                        "parameter {} gets a new value and new members of its value",
                        parameter.name.value
                    ),
                    "here",
                    "say `value` for the whole, or `rewrite` for members of its JSON",
                );
            }
        }
    }

    fn references(&mut self, text: &Located<Text>) {
        let manifest = self.manifest;
        for reference in text.references() {
            let (kind, name, known): (&str, &str, Vec<&str>) = match reference {
                Reference::Database { name, .. } => (
                    "database",
                    name,
                    manifest.databases.iter().map(|d| d.name.as_str()).collect(),
                ),
                Reference::Balancer { service } => (
                    "service",
                    service,
                    manifest.services.iter().map(|s| s.name.as_str()).collect(),
                ),
                Reference::Secret { name } => (
                    "secret",
                    name,
                    manifest.secrets.iter().map(|s| s.name.as_str()).collect(),
                ),
                Reference::TargetRegion | Reference::TargetAccount | Reference::StackName => {
                    continue;
                }
            };
            if !known.contains(&name) {
                self.fault(
                    "E1061",
                    text.at,
                    format!("{reference}: no {kind} is called `{}`", Printable(name)),
                    "here",
                    unknown_hint(name, &known),
                );
            }
        }
    }
}

fn unknown_hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "the manifest lists none".to_owned(),
        None => format!("the manifest lists: {}", known.join(", ")),
    }
}

/// `200`, `200,302`, `200-399`, within what a balancer accepts.
fn matcher_fits(matcher: &str) -> bool {
    let code = |text: &str| text.parse::<u16>().ok().filter(|c| (200..=499).contains(c));
    !matcher.is_empty()
        && matcher.split(',').all(|part| match part.split_once('-') {
            Some((low, high)) => code(low)
                .zip(code(high))
                .is_some_and(|(low, high)| low <= high),
            None => code(part).is_some(),
        })
}

fn literal_address(host: &str) -> bool {
    host.parse::<Ipv4Addr>().is_ok()
        || host.parse::<Ipv6Addr>().is_ok()
        || host.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
