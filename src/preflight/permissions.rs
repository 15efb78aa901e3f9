//! Permissions: every action of the plan, asked of IAM's simulator, and where AWS offers a dry run, of AWS itself. What was
//! shown, what was only simulated and what nobody can see beforehand are told apart.

use std::collections::{BTreeMap, BTreeSet};

use drtool_engine::plan::Planned;
use drtool_engine::step::Mark;
use serde::Serialize;
use serde_json::Value as Json;

use super::{Depth, Ground, Report, dry_runs};
use crate::expand::permissions;
use crate::steps;

/// How each action is known, by place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// AWS judged the request itself: EC2's dry runs, and looks that were really sent.
    pub shown: BTreeSet<String>,
    /// IAM's simulator says yes: a hint.
    pub simulated: BTreeSet<String>,
    /// Nobody said anything.
    pub unknown: BTreeSet<String>,
    /// What neither sees.
    pub blind: Vec<String>,
}

/// Who the simulator is asked about.
pub enum Principal {
    /// The account's root: no identity policy binds it.
    Root,
    Named(String),
    Unknown(String),
}

/// The policy holder behind the caller: a session's role, or the user itself.
pub async fn principal(ground: &Ground<'_>) -> Principal {
    let who = &ground.subject.who;
    let Some((kind, name)) = holder(&who.arn) else {
        return Principal::Unknown(who.arn.clone());
    };
    match kind {
        Holder::Root => Principal::Root,
        Holder::User => Principal::Named(who.arn.clone()),
        // A session's ARN says the role's name and not its path.
        Holder::Role => match ground.cloud().role(name).await {
            Ok(Some(arn)) => Principal::Named(arn),
            _ => Principal::Named(format!(
                "arn:{}:iam::{}:role/{name}",
                who.partition, who.account
            )),
        },
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Holder {
    Root,
    User,
    Role,
}

fn holder(arn: &str) -> Option<(Holder, &str)> {
    let resource = arn.splitn(6, ':').nth(5)?;
    if resource == "root" {
        return Some((Holder::Root, resource));
    }
    let (kind, rest) = resource.split_once('/')?;
    match kind {
        "user" => Some((Holder::User, rest)),
        "assumed-role" => Some((Holder::Role, rest.split('/').next()?)),
        _ => None,
    }
}

pub async fn check(ground: &Ground<'_>, report: &mut Report) {
    report.permissions.blind = vec![
        "service control policies with conditions (region denials are such)".into(),
        "resource control policies".into(),
        "key policies: a key must let the caller create grants for RDS and Secrets Manager".into(),
        "bucket, secret and repository policies".into(),
    ];
    let asks = asks(ground);
    match principal(ground).await {
        Principal::Root => {
            for ask in &asks {
                report.permissions.simulated.extend(ask.labels());
            }
            report.note("the caller is the account's root, whom no identity policy binds: run it as a role with the policy that `drtool iam` prints");
        }
        Principal::Unknown(arn) => {
            for ask in &asks {
                report.permissions.unknown.extend(ask.labels());
            }
            report.unseen.push(format!(
                "permissions: IAM's simulator knows no policies of {arn}"
            ));
        }
        Principal::Named(arn) => {
            for ask in &asks {
                simulate(ground, &arn, ask, report).await;
            }
        }
    }
    if ground.subject.depth == Depth::DryRuns {
        dry_runs::ask(ground, report).await;
    }
}

/// Actions that are asked together: in one place, on the same resources, with the same facts about the request.
struct Ask {
    place: String,
    actions: BTreeSet<String>,
    resources: Vec<String>,
    context: BTreeMap<String, Vec<String>>,
}

impl Ask {
    fn label(&self, action: &str) -> String {
        format!("{} {action}", self.place)
    }

    fn labels(&self) -> Vec<String> {
        self.actions.iter().map(|a| self.label(a)).collect()
    }
}

/// Every action of the plan, as it will be asked.
fn asks(ground: &Ground<'_>) -> Vec<Ask> {
    let mut plain: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut asks = vec![];
    for (place, (looks, acts)) in permissions::by_place(ground.plan()) {
        let own = |a: &&&str| !special(a);
        plain.entry(place).or_default().extend(
            looks
                .iter()
                .chain(&acts)
                .filter(own)
                .map(|a| (*a).to_owned()),
        );
    }
    for (place, actions) in plain {
        asks.push(Ask {
            context: context(ground, &place),
            place,
            actions,
            resources: vec!["*".into()],
        });
    }
    asks.extend(named(ground));
    asks.retain(|ask| !ask.actions.is_empty() && !ask.resources.is_empty());
    asks
}

/// Actions that policies usually tie to named resources.
fn special(action: &str) -> bool {
    [
        "iam:PassRole",
        "iam:PutRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:GetRolePolicy",
        "route53:ChangeResourceRecordSets",
        "secretsmanager:GetSecretValue",
    ]
    .contains(&action)
        || action.starts_with("kms:")
}

fn context(ground: &Ground<'_>, place: &str) -> BTreeMap<String, Vec<String>> {
    let region = match place {
        "global" => "us-east-1",
        other => other,
    };
    let lineage = ground.plan().lineage.clone();
    BTreeMap::from([
        ("aws:RequestedRegion".to_owned(), vec![region.to_owned()]),
        (
            format!("aws:ResourceTag/{}", Mark::LINEAGE),
            vec![lineage.clone()],
        ),
        (format!("aws:RequestTag/{}", Mark::LINEAGE), vec![lineage]),
    ])
}

/// Roles, records and keys, by the names that the plan knows.
fn named(ground: &Ground<'_>) -> Vec<Ask> {
    let who = &ground.subject.who;
    let mut roles = BTreeSet::new();
    let mut passed = BTreeSet::new();
    let mut zones: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for step in ground.plan().steps.iter().filter(|s| !s.hold) {
        let text = |at: &str| step.params.pointer(at).and_then(Json::as_str);
        match step.kind.as_str() {
            steps::role_access::KIND => roles.extend(
                text("/role")
                    .map(|r| format!("arn:{}:iam::{}:role/{r}", who.partition, who.account)),
            ),
            steps::task_definition::KIND | steps::probe_task::KIND => passed.extend(
                [text("/executionRoleArn"), text("/taskRoleArn")]
                    .into_iter()
                    .flatten()
                    .map(str::to_owned),
            ),
            steps::dns_cut::KIND => {
                let cut = step.params.pointer("/records").and_then(Json::as_array);
                for record in cut.into_iter().flatten().filter_map(|r| r.get("record")) {
                    let member = |name: &str| record.get(name).and_then(Json::as_str);
                    if let (Some(zone), Some(name)) = (member("zoneId"), member("name")) {
                        zones
                            .entry(zone.to_owned())
                            .or_default()
                            .insert(name.to_owned());
                    }
                }
            }
            steps::dns_ttl::KIND | "dns-ttl-restored" => {
                if let (Some(zone), Some(name)) = (text("/record/zoneId"), text("/record/name")) {
                    zones
                        .entry(zone.to_owned())
                        .or_default()
                        .insert(name.to_owned());
                }
            }
            steps::validation_record::KIND => {
                if let (Some(zone), Some(name)) = (text("/zoneId"), text("/domainName")) {
                    let proof = format!("_0123456789abcdef.{}", name.trim_start_matches("*."));
                    zones.entry(zone.to_owned()).or_default().insert(proof);
                }
            }
            _ => {}
        }
    }
    let global = |actions: &[&str], resources: BTreeSet<String>| Ask {
        place: "global".into(),
        actions: actions.iter().map(|a| (*a).to_owned()).collect(),
        resources: resources.into_iter().collect(),
        context: context(ground, "global"),
    };
    let mut asks = vec![
        global(
            &[
                "iam:GetRolePolicy",
                "iam:PutRolePolicy",
                "iam:DeleteRolePolicy",
            ],
            roles,
        ),
        global(&["iam:PassRole"], passed),
    ];
    asks[1].context.insert(
        "iam:PassedToService".into(),
        vec!["ecs-tasks.amazonaws.com".into()],
    );
    for (zone, names) in zones {
        let arn = format!("arn:{}:route53:::hostedzone/{zone}", who.partition);
        let mut ask = global(&["route53:ChangeResourceRecordSets"], BTreeSet::from([arn]));
        ask.context.insert(
            "route53:ChangeResourceRecordSetsNormalizedRecordNames".into(),
            names.into_iter().collect(),
        );
        asks.push(ask);
    }
    asks.extend(parameters(ground));
    asks.extend(keys(ground));
    asks
}

/// Parameters whose values are read, each in the region where it is.
fn parameters(ground: &Ground<'_>) -> Vec<Ask> {
    let who = &ground.subject.who;
    permissions::copied(ground.plan(), &who.account, &who.partition)
        .into_iter()
        .map(|(place, parameters)| Ask {
            context: context(ground, &place),
            place,
            actions: BTreeSet::from(["ssm:GetParameter".to_owned()]),
            resources: parameters.into_iter().collect(),
        })
        .collect()
}

/// Keys are asked through the services that use them.
fn keys(ground: &Ground<'_>) -> Vec<Ask> {
    let who = &ground.subject.who;
    let mut services: BTreeMap<(String, &str), BTreeSet<String>> = BTreeMap::new();
    for step in ground.plan().steps.iter() {
        let (looks, acts) = permissions::of(step);
        let via = via(step);
        for action in looks.iter().chain(acts).filter(|a| a.starts_with("kms:")) {
            services
                .entry((step.region.to_string(), via))
                .or_default()
                .insert((*action).to_owned());
        }
    }
    services
        .into_iter()
        .map(|((place, via), actions)| {
            let mut context = context(ground, &place);
            if !via.is_empty() {
                context.insert(
                    "kms:ViaService".into(),
                    vec![format!("{via}.{place}.amazonaws.com")],
                );
            }
            let key = format!("arn:{}:kms:{place}:{}:key/*", who.partition, who.account);
            Ask {
                place,
                actions,
                resources: vec![key],
                context,
            }
        })
        .collect()
}

fn via(step: &Planned) -> &'static str {
    match step.kind.as_str() {
        steps::secret_replica::KIND | steps::secret_rewrite::KIND => "secretsmanager",
        steps::db_snapshot_copy::KIND | steps::db_instance::KIND => "rds",
        steps::parameter::KIND => "ssm",
        _ => "",
    }
}

async fn simulate(ground: &Ground<'_>, principal: &str, ask: &Ask, report: &mut Report) {
    let actions: Vec<String> = ask.actions.iter().cloned().collect();
    let cloud = ground.cloud();
    let said = cloud
        .simulate(principal, &actions, &ask.resources, &ask.context)
        .await;
    let what = format!("permissions in {}", ask.place);
    let Some(said) = report.seen(&what, said) else {
        report.permissions.unknown.extend(ask.labels());
        return;
    };
    let mut denied: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for decision in &said {
        if decision.decision != "allowed" {
            denied
                .entry(decision.action.clone())
                .or_default()
                .push(decision.resource.clone());
        }
    }
    // A policy may name resources: before it is called denied, the action is asked on the plan's own.
    let mut refused = BTreeMap::new();
    for (action, on) in denied {
        let own = owned(ground, &ask.place, &action);
        if on != ["*"] || own.is_empty() {
            refused.insert(action, on);
            continue;
        }
        let again = cloud
            .simulate(principal, std::slice::from_ref(&action), &own, &ask.context)
            .await;
        let Some(again) = report.seen(&what, again) else {
            report.permissions.unknown.insert(ask.label(&action));
            continue;
        };
        let on: Vec<String> = again
            .into_iter()
            .filter(|d| d.decision != "allowed")
            .map(|d| d.resource)
            .collect();
        if !on.is_empty() {
            refused.insert(action, on);
        }
    }
    for action in &ask.actions {
        let label = ask.label(action);
        let unknown = report.permissions.unknown.contains(&label);
        if !refused.contains_key(action) && !unknown {
            report.permissions.simulated.insert(label);
        }
    }
    for (action, on) in refused {
        judge(
            &ask.place,
            &action,
            &on,
            principal,
            "IAM's simulator",
            report,
        );
    }
}

pub(super) fn judge(
    place: &str,
    action: &str,
    on: &[String],
    principal: &str,
    by: &str,
    report: &mut Report,
) {
    let on = match on {
        [one] if one == "*" => String::new(),
        [] => String::new(),
        all => format!(" on {}", all.join(", ")),
    };
    report.finding(
        "E2090",
        format!("{place} {action}"),
        format!("{principal} may not do it{on}, says {by}"),
        "`drtool iam` prints the policy that the caller needs",
    );
}

/// ARNs of the plan's own things that an action is about, as far as the plan knows their names.
fn owned(ground: &Ground<'_>, place: &str, action: &str) -> Vec<String> {
    let who = &ground.subject.who;
    let (partition, account) = (&who.partition, &who.account);
    let region = if place == "global" { "" } else { place };
    let mut all = BTreeSet::new();
    for step in &ground.plan().steps {
        let (looks, acts) = permissions::of(step);
        let asks = looks.iter().chain(acts).any(|a| *a == action);
        if !asks || step.region.as_str() != place {
            continue;
        }
        let Some((service, kind, name)) = resource(step) else {
            // Without a name of its own the thing is any of its service.
            let service = action.split(':').next().unwrap_or_default();
            all.insert(format!("arn:{partition}:{service}:{region}:{account}:*"));
            continue;
        };
        all.insert(format!(
            "arn:{partition}:{service}:{region}:{account}:{kind}{name}"
        ));
    }
    all.into_iter().collect()
}

/// The service, the resource part before the name, and the name that a step gives its thing.
fn resource(step: &Planned) -> Option<(&'static str, &'static str, &str)> {
    let text = |name: &str| step.params.get(name).and_then(Json::as_str);
    Some(match step.kind.as_str() {
        steps::db_instance::KIND => ("rds", "db:", text("identifier")?),
        steps::db_snapshot::KIND | steps::db_snapshot_copy::KIND => {
            ("rds", "snapshot:", text("snapshot")?)
        }
        steps::db_subnet_group::KIND => ("rds", "subgrp:", text("name")?),
        steps::db_parameter_group::KIND => ("rds", "pg:", text("name")?),
        steps::db_option_group::KIND => ("rds", "og:", text("name")?),
        steps::repository::KIND => ("ecr", "repository/", text("name")?),
        steps::cluster::KIND => ("ecs", "cluster/", text("name")?),
        steps::parameter::KIND => ("ssm", "parameter/", text("name")?.trim_start_matches('/')),
        steps::log_group::KIND => ("logs", "log-group:", text("name")?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_is_known_by_its_arn() {
        for (arn, wanted) in [
            (
                "arn:aws:iam::111122223333:root",
                Some((Holder::Root, "root")),
            ),
            (
                "arn:aws:iam::111122223333:user/ops/anna",
                Some((Holder::User, "ops/anna")),
            ),
            (
                "arn:aws:sts::111122223333:assumed-role/mover/session-1",
                Some((Holder::Role, "mover")),
            ),
            ("arn:aws:sts::111122223333:federated-user/anna", None),
            ("nonsense", None),
        ] {
            assert_eq!(holder(arn), wanted, "{arn}");
        }
    }

    #[test]
    fn a_denial_names_the_action_the_resource_and_who_said_so() {
        let mut report = Report::default();
        judge(
            "eu-west-1",
            "rds:CopyDBSnapshot",
            &["arn:aws:rds:eu-west-1:111122223333:snapshot:x".to_owned()],
            "arn:aws:iam::111122223333:role/mover",
            "IAM's simulator",
            &mut report,
        );
        let finding = &report.findings[0];
        assert_eq!(finding.code, "E2090");
        assert_eq!(finding.place, "eu-west-1 rds:CopyDBSnapshot");
        assert!(finding.what.contains("snapshot:x") && finding.what.contains("IAM's simulator"));
    }
}
