//! Service-linked roles: a service makes its own on its first use, if whoever uses it may let it.

use super::{Ground, Report};
use crate::cloud::iam::service_linked_role;
use crate::steps;
use std::collections::{BTreeMap, BTreeSet};

/// The kinds whose first use in an account makes a role.
const FIRST_USE: &[(&str, &str)] = &[
    (steps::cluster::KIND, "ecs.amazonaws.com"),
    (steps::service::KIND, "ecs.amazonaws.com"),
    (steps::db_instance::KIND, "rds.amazonaws.com"),
    (
        steps::load_balancer::KIND,
        "elasticloadbalancing.amazonaws.com",
    ),
    (
        steps::scalable_target::KIND,
        "ecs.application-autoscaling.amazonaws.com",
    ),
];

pub async fn check(ground: &Ground<'_>, report: &mut Report) {
    let services: BTreeSet<&str> = FIRST_USE
        .iter()
        .filter(|(kind, _)| {
            let mut steps = ground.plan().steps.iter();
            steps.any(|step| step.kind == *kind && !step.hold)
        })
        .map(|(_, service)| *service)
        .collect();
    let mut absent = vec![];
    for service in services {
        let role = service_linked_role(service);
        let found = ground.cloud().role(role).await;
        match report.seen(&format!("service-linked role {role}"), found) {
            Some(Some(_)) => report.shown(format!("service-linked role {role} is there")),
            Some(None) => absent.push((service, role)),
            None => {}
        }
    }
    for (service, role) in absent {
        let may = may_be_made(ground, service, role, report).await;
        judge(service, role, may, report);
    }
}

/// What IAM's simulator says about making the role; nothing where it cannot be asked.
async fn may_be_made(
    ground: &Ground<'_>,
    service: &str,
    role: &str,
    report: &mut Report,
) -> Option<bool> {
    let who = &ground.subject.who;
    let principal = match super::permissions::principal(ground).await {
        super::permissions::Principal::Root => return Some(true),
        super::permissions::Principal::Named(arn) => arn,
        super::permissions::Principal::Unknown(_) => return None,
    };
    let arn = format!(
        "arn:{}:iam::{}:role/aws-service-role/{service}/{role}",
        who.partition, who.account
    );
    let context = BTreeMap::from([("iam:AWSServiceName".to_owned(), vec![service.to_owned()])]);
    let action = ["iam:CreateServiceLinkedRole".to_owned()];
    let said = ground
        .cloud()
        .simulate(&principal, &action, &[arn], &context)
        .await;
    let said = report.seen(&format!("whether role {role} may be made"), said)?;
    Some(said.iter().all(|decision| decision.decision == "allowed"))
}

fn judge(service: &str, role: &str, may: Option<bool>, report: &mut Report) {
    let command = format!("aws iam create-service-linked-role --aws-service-name {service}");
    match may {
        Some(true) => report.note(format!(
            "service-linked role {role} is not there: {service} makes it on its first use, which takes seconds; or before: {command}"
        )),
        Some(false) => {
            report.finding(
                "E2091",
                format!("global role {role}"),
                format!("the service-linked role of {service} is not there, and the caller may not let it be made"),
                format!("let an administrator run once: {command}"),
            );
        }
        None => report.note(format!(
            "service-linked role {role} is not there, and whether the caller may let it be made was not seen; an administrator makes it with: {command}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_role_refuses_only_if_nobody_here_may_make_it() {
        let of = |may| {
            let mut report = Report::default();
            judge(
                "rds.amazonaws.com",
                "AWSServiceRoleForRDS",
                may,
                &mut report,
            );
            report.findings.first().map(|f| f.code)
        };
        assert_eq!(of(Some(false)), Some("E2091"));
        assert_eq!(of(Some(true)), None);
        assert_eq!(of(None), None);
    }
}
