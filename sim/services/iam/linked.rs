//! Service-linked roles: made on a service's first use, changed by nobody but AWS.

use super::policy::{Policy, Use};
use super::principal::{Kind, RoleFacts};
use super::roles::{made, write};
use super::{absent, exists};
use crate::call::refusal;
use crate::clock::Pert;
use crate::error::AwsError;
use crate::protocol::address::GLOBAL_REGION;
use crate::services::{Account, ServiceId};
use crate::world::{Caller, Cx, Input, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Deletion {
    pub role: String,
    pub done: bool,
}

/// Service principal, role name, the AWS-managed policy it carries (with its path below `policy/`).
const LINKED: &[(&str, &str, &str)] = &[
    (
        "ecs.amazonaws.com",
        "AWSServiceRoleForECS",
        "aws-service-role/AmazonECSServiceRolePolicy",
    ),
    (
        "rds.amazonaws.com",
        "AWSServiceRoleForRDS",
        "aws-service-role/AmazonRDSServiceRolePolicy",
    ),
    (
        "elasticloadbalancing.amazonaws.com",
        "AWSServiceRoleForElasticLoadBalancing",
        "aws-service-role/AWSElasticLoadBalancingServiceRolePolicy",
    ),
    (
        "ecs.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        "aws-service-role/AWSApplicationAutoscalingECSServicePolicy",
    ),
    (
        "rds.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_RDSCluster",
        "aws-service-role/AWSApplicationAutoscalingRDSClusterPolicy",
    ),
    (
        "replication.ecr.amazonaws.com",
        "AWSServiceRoleForECRReplication",
        "aws-service-role/ECRReplicationServiceRolePolicy",
    ),
    (
        "pullthroughcache.ecr.amazonaws.com",
        "AWSServiceRoleForECRPullThroughCache",
        "aws-service-role/AWSECRPullThroughCache_ServiceRolePolicy",
    ),
    (
        "ecr.amazonaws.com",
        "AWSServiceRoleForECRTemplate",
        "aws-service-role/ECRTemplateServiceRolePolicy",
    ),
    (
        "mrk.kms.amazonaws.com",
        "AWSServiceRoleForKMSMultiRegionKeys",
        "aws-service-role/AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy",
    ),
    (
        "autoscaling.amazonaws.com",
        "AWSServiceRoleForAutoScaling",
        "aws-service-role/AutoScalingServiceRolePolicy",
    ),
    (
        "elasticache.amazonaws.com",
        "AWSServiceRoleForElastiCache",
        "aws-service-role/ElastiCacheServiceRolePolicy",
    ),
    (
        "backup.amazonaws.com",
        "AWSServiceRoleForBackup",
        "aws-service-role/AWSBackupServiceLinkedRolePolicyForBackup",
    ),
    (
        "events.amazonaws.com",
        "AWSServiceRoleForCloudWatchEvents",
        "aws-service-role/CloudWatchEventsServiceRolePolicy",
    ),
    (
        "servicequotas.amazonaws.com",
        "AWSServiceRoleForServiceQuotas",
        "aws-service-role/ServiceQuotasServiceRolePolicy",
    ),
];

fn row(service: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    LINKED.iter().find(|(principal, ..)| *principal == service)
}

/// Whether an account has the service-linked role of a service (`ecs.amazonaws.com`).
pub fn has_service_linked_role(world: &World, account: &str, service_principal: &str) -> bool {
    let Some((_, name, _)) = row(service_principal) else {
        return false;
    };
    world
        .accounts
        .get(account)
        .is_some_and(|a| a.iam.principal(Kind::Role, name).is_some())
}

/// Makes the service-linked role of a service if the account has none, as services do on first use.
///
/// # Errors
/// It is not there, and IAM's control plane, the one in us-east-1, is dark: in the service's own words.
pub fn ensure_service_linked_role(cx: &mut Cx<'_>, service: &str) -> Result<(), AwsError> {
    let account = cx.caller.account.clone();
    if has_service_linked_role(cx.world, &account, service) {
        return Ok(());
    }
    let dark = cx
        .world
        .faults
        .control_dark(ServiceId::Iam, GLOBAL_REGION, cx.now());
    if dark.is_some() {
        let why = format!(
            "Unable to assume the service linked role. Please verify that the service linked role for {service} exists."
        );
        return Err(match cx.service {
            ServiceId::Ecs => AwsError::new("InvalidParameterException", why),
            other => refusal::unavailable(other, &why),
        });
    }
    make_for(cx.world, &account, service);
    Ok(())
}

/// Makes a service's role as the service itself does.
pub(super) fn make_for(world: &mut World, account: &str, service_principal: &str) {
    let mut cx = Cx {
        caller: Caller {
            account: account.to_owned(),
            arn: format!("arn:aws:iam::{account}:root"),
            id: account.to_owned(),
            access_key: String::new(),
        },
        world,
        region: "us-east-1".to_owned(),
        service: ServiceId::Iam,
        operation: "CreateServiceLinkedRole".to_owned(),
        request_id: String::new(),
    };
    if let Some(row) = row(service_principal) {
        make(&mut cx, row, None);
    }
}

fn make(cx: &mut Cx<'_>, row: &(&str, &str, &str), description: Option<String>) -> Value {
    let (service, name, policy) = row;
    let text = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": [service]},
            "Action": ["sts:AssumeRole"],
        }],
    })
    .to_string();
    let Ok(trust) = Policy::parse(&text, Use::Trust) else {
        unreachable!("a trust policy of ours is well-formed")
    };
    let facts = RoleFacts {
        trust,
        description,
        max_session_seconds: 3600,
        linked_to: Some((*service).to_owned()),
    };
    let path = format!("/aws-service-role/{service}/");
    let mut role = made(
        cx,
        Kind::Role,
        name,
        &path,
        Some(facts),
        BTreeMap::new(),
        None,
    );
    role.attached
        .insert(format!("arn:aws:iam::aws:policy/{policy}"));
    let shown = role.json(false);
    write(cx, &Kind::Role.key(name), |_| Some(role));
    shown
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let service = input.str("AWSServiceName").unwrap_or_default();
    let Some(row) = row(service) else {
        return Err(AwsError::new(
            "InvalidInput",
            format!("Service {service} is not a valid service-linked role service principal."),
        ));
    };
    if input.has("CustomSuffix") && row.0 != "autoscaling.amazonaws.com" {
        return Err(AwsError::new(
            "InvalidInput",
            format!("Custom suffix is not allowed for {service}"),
        ));
    }
    if cx.account().iam.principal(Kind::Role, row.1).is_some() {
        return Err(AwsError::new(
            "InvalidInput",
            format!(
                "Service role name {} has been taken in this account, please try a different suffix.",
                row.1
            ),
        ));
    }
    if cx.account().iam.principals.contains(&Kind::Role.key(row.1)) {
        return Err(exists("Role", row.1));
    }
    let role = make(cx, row, input.str("Description").map(str::to_owned));
    Ok(object! {"Role": role})
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("RoleName").unwrap_or_default().to_owned();
    let role = cx
        .account()
        .iam
        .principal(Kind::Role, &name)
        .ok_or_else(|| absent("role", &name))?;
    let linked = role.role.as_ref().and_then(|r| r.linked_to.clone());
    let Some(service) = linked else {
        return Err(AwsError::new(
            "InvalidInput",
            format!("The role {name} is not a service-linked role."),
        ));
    };
    let id = format!(
        "task/aws-service-role/{service}/{name}/{}",
        cx.uuid("deletion")
    );
    let now = cx.now();
    cx.account().iam.deletions.put(
        id.clone(),
        Deletion {
            role: name,
            done: false,
        },
        now,
    );
    let after = cx.world.sample(Pert(2.0, 5.0, 20.0), &id, "delete");
    cx.later(after, "delete service-linked role", &id);
    Ok(json!({"DeletionTaskId": id}))
}

/// The deletion task has run.
pub fn deleted(world: &mut World, account: &str, id: &str) {
    let state: &mut Account = world.account(account);
    let Some(task) = state.iam.deletions.get(id).cloned() else {
        return;
    };
    state.iam.deletions.settle(id, |t| t.done = true);
    let key = Kind::Role.key(&task.role);
    state.iam.principals.remove(&key, 0);
    state.iam.believed.remove(&key);
}

pub fn deletion_status(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.str("DeletionTaskId").unwrap_or_default();
    let task = cx.account().iam.deletions.get(id).ok_or_else(|| {
        AwsError::new(
            "NoSuchEntity",
            format!("Deletion task {id} cannot be found."),
        )
    })?;
    Ok(json!({"Status": if task.done { "SUCCEEDED" } else { "IN_PROGRESS" }}))
}
