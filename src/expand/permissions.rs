//! The permissions that a plan needs, by kind of step: what it looks with, what it acts with, what it takes back with.
//!
//! Pure data and a fold over a plan. That no call goes beyond it is shown in the simulated AWS, which evaluates IAM at each call.

use std::collections::{BTreeMap, BTreeSet};

use drtool_engine::plan::{Plan, Planned};
use serde_json::{Value as Json, json};

use super::facts::Facts;

/// What one kind of step asks of IAM.
struct Row {
    kind: &'static str,
    looks: &'static [&'static str],
    acts: &'static [&'static str],
}

const fn row(
    kind: &'static str,
    looks: &'static [&'static str],
    acts: &'static [&'static str],
) -> Row {
    Row { kind, looks, acts }
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    row("vpc", &["ec2:DescribeVpcs", "ec2:DescribeVpcAttribute"], &["ec2:CreateVpc", "ec2:ModifyVpcAttribute", "ec2:CreateTags", "ec2:DeleteVpc"]),
    row("internet-gateway", &["ec2:DescribeInternetGateways"], &["ec2:CreateInternetGateway", "ec2:AttachInternetGateway", "ec2:CreateTags", "ec2:DetachInternetGateway", "ec2:DeleteInternetGateway"]),
    row("subnet", &["ec2:DescribeSubnets", "ec2:DescribeAvailabilityZones"], &["ec2:CreateSubnet", "ec2:ModifySubnetAttribute", "ec2:CreateTags", "ec2:DeleteSubnet"]),
    row("elastic-ip", &["ec2:DescribeAddresses"], &["ec2:AllocateAddress", "ec2:CreateTags", "ec2:ReleaseAddress"]),
    row("nat-gateway", &["ec2:DescribeNatGateways"], &["ec2:CreateNatGateway", "ec2:CreateTags", "ec2:DeleteNatGateway"]),
    row("route-table", &["ec2:DescribeRouteTables"], &["ec2:CreateRouteTable", "ec2:CreateRoute", "ec2:AssociateRouteTable", "ec2:CreateTags", "ec2:DisassociateRouteTable", "ec2:DeleteRouteTable"]),
    row("security-group", &["ec2:DescribeSecurityGroups", "ec2:DescribeNetworkInterfaces"], &["ec2:CreateSecurityGroup", "ec2:CreateTags", "ec2:DeleteSecurityGroup"]),
    row("security-group-rules", &["ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules"], &["ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"]),
    row("kms-key", &["kms:ListAliases", "kms:DescribeKey"], &[]),
    row("role-access", &["iam:GetRolePolicy"], &["iam:PutRolePolicy", "iam:DeleteRolePolicy"]),
    row("secret-replica", &["secretsmanager:DescribeSecret"], &["secretsmanager:ReplicateSecretToRegions", "secretsmanager:RemoveRegionsFromReplication", "kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt"]),
    row("secret-promotion", &["secretsmanager:DescribeSecret"], &["secretsmanager:StopReplicationToReplica", "secretsmanager:DeleteSecret"]),
    row("secret-rewrite", &["secretsmanager:DescribeSecret"], &["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]),
    row("parameter", &["ssm:DescribeParameters", "ssm:ListTagsForResource"], &["ssm:PutParameter", "ssm:AddTagsToResource", "ssm:DeleteParameter", "kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"]),
    row("log-group", &["logs:DescribeLogGroups", "logs:ListTagsForResource"], &["logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:TagResource", "logs:DeleteLogGroup"]),
    row("repository", &["ecr:DescribeRepositories", "ecr:ListTagsForResource", "ecr:GetRepositoryPolicy", "ecr:GetLifecyclePolicy"], &["ecr:CreateRepository", "ecr:TagResource", "ecr:SetRepositoryPolicy", "ecr:PutLifecyclePolicy", "ecr:DeleteRepository"]),
    row("image", &["ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer"], &["ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage", "ecr:BatchDeleteImage"]),
    row("certificate", &["acm:ListCertificates", "acm:DescribeCertificate", "acm:ListTagsForCertificate"], &["acm:RequestCertificate", "acm:AddTagsToCertificate", "acm:DeleteCertificate"]),
    row("validation-record", &["acm:DescribeCertificate", "route53:ListResourceRecordSets", "route53:GetChange"], &["route53:ChangeResourceRecordSets"]),
    row("certificate-issued", &["acm:DescribeCertificate"], &[]),
    row("load-balancer", &["elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeTags"], &["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:AddTags", "elasticloadbalancing:DeleteLoadBalancer"]),
    row("target-group", &["elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTags"], &["elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:AddTags", "elasticloadbalancing:DeleteTargetGroup"]),
    row("listener", &["elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeListenerCertificates", "elasticloadbalancing:DescribeTags"], &["elasticloadbalancing:CreateListener", "elasticloadbalancing:AddListenerCertificates", "elasticloadbalancing:AddTags", "elasticloadbalancing:DeleteListener"]),
    row("listener-rule", &["elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags"], &["elasticloadbalancing:CreateRule", "elasticloadbalancing:AddTags", "elasticloadbalancing:DeleteRule"]),
    row("db-subnet-group", &["rds:DescribeDBSubnetGroups", "rds:ListTagsForResource"], &["rds:CreateDBSubnetGroup", "rds:AddTagsToResource", "rds:DeleteDBSubnetGroup"]),
    row("db-parameter-group", &["rds:DescribeDBParameterGroups", "rds:DescribeDBParameters", "rds:ListTagsForResource"], &["rds:CreateDBParameterGroup", "rds:ModifyDBParameterGroup", "rds:AddTagsToResource", "rds:DeleteDBParameterGroup"]),
    row("db-option-group", &["rds:DescribeOptionGroups", "rds:ListTagsForResource"], &["rds:CreateOptionGroup", "rds:ModifyOptionGroup", "rds:AddTagsToResource", "rds:DeleteOptionGroup"]),
    row("db-snapshot", &["rds:DescribeDBSnapshots", "rds:DescribeDBInstances"], &["rds:CreateDBSnapshot", "rds:AddTagsToResource", "rds:DeleteDBSnapshot"]),
    row("db-snapshot-copy", &["rds:DescribeDBSnapshots"], &["rds:CopyDBSnapshot", "rds:AddTagsToResource", "rds:DeleteDBSnapshot", "kms:DescribeKey", "kms:CreateGrant"]),
    row("db-instance", &["rds:DescribeDBInstances"], &["rds:RestoreDBInstanceFromDBSnapshot", "rds:AddTagsToResource", "rds:ModifyDBInstance", "rds:DeleteDBInstance", "kms:DescribeKey", "kms:CreateGrant"]),
    row("db-instance-settings", &["rds:DescribeDBInstances"], &["rds:ModifyDBInstance", "iam:PassRole"]),
    row("cluster", &["ecs:DescribeClusters"], &["ecs:CreateCluster", "ecs:TagResource", "ecs:DeleteCluster"]),
    row("task-definition", &["ecs:ListTaskDefinitions", "ecs:DescribeTaskDefinition"], &["ecs:RegisterTaskDefinition", "ecs:TagResource", "ecs:DeregisterTaskDefinition", "iam:PassRole"]),
    row("service", &["ecs:DescribeServices", "ecs:ListTasks", "ecs:DescribeTasks"], &["ecs:CreateService", "ecs:TagResource", "ecs:UpdateService", "ecs:DeleteService", "iam:PassRole"]),
    row("target-health", &["elasticloadbalancing:DescribeTargetHealth"], &[]),
    row("scalable-target", &["application-autoscaling:DescribeScalableTargets"], &["application-autoscaling:RegisterScalableTarget", "application-autoscaling:DeregisterScalableTarget"]),
    row("scaling-policy", &["application-autoscaling:DescribeScalingPolicies"], &["application-autoscaling:PutScalingPolicy", "application-autoscaling:DeleteScalingPolicy"]),
    row("dns-ttl", &["route53:ListResourceRecordSets", "route53:GetChange"], &["route53:ChangeResourceRecordSets"]),
    row("dns-ttl-restored", &["route53:ListResourceRecordSets", "route53:GetChange"], &["route53:ChangeResourceRecordSets"]),
    row("scaling-suspension", &["application-autoscaling:DescribeScalableTargets"], &["application-autoscaling:RegisterScalableTarget"]),
    row("listener-fence", &["elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules"], &["elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyRule"]),
    row("target-group-drain", &["elasticloadbalancing:DescribeTargetGroupAttributes"], &["elasticloadbalancing:ModifyTargetGroupAttributes"]),
    row("service-scale", &["ecs:DescribeServices", "ecs:ListTasks", "ecs:DescribeTasks"], &["ecs:UpdateService"]),
    row("database-fence", &["ec2:DescribeSecurityGroups"], &["ec2:RevokeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupIngress"]),
    row("probe-task", &["ecs:DescribeTasks", "ecs:ListTasks", "ecs:ListTaskDefinitions", "ecs:DescribeTaskDefinition", "logs:GetLogEvents"], &["ecs:RegisterTaskDefinition", "ecs:RunTask", "ecs:TagResource", "ecs:StopTask", "ecs:DeregisterTaskDefinition", "iam:PassRole"]),
    row("probe-removal", &["ecs:DescribeTasks", "ecs:ListTasks", "ecs:DescribeTaskDefinition"], &["ecs:StopTask", "ecs:DeregisterTaskDefinition"]),
    row("security-group-removal", &["ec2:DescribeSecurityGroups"], &["ec2:DeleteSecurityGroup"]),
    row("security-group-rules-removal", &["ec2:DescribeSecurityGroups"], &["ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"]),
    row("write-refused", &["ecs:DescribeTasks", "logs:GetLogEvents"], &[]),
    row("watermark", &["ecs:DescribeTasks", "logs:GetLogEvents"], &[]),
    row("sql-check", &["ecs:DescribeTasks", "logs:GetLogEvents"], &[]),
    row("settings-diff", &["rds:DescribeDBInstances", "rds:DescribeDBParameters"], &[]),
    row("http-check", &[], &[]),
    row("tcp-check", &[], &[]),
    row("dns-in-sync", &["route53:GetChange"], &[]),
    row("dns-cut", &["route53:ListResourceRecordSets"], &["route53:ChangeResourceRecordSets"]),
    row("outside-check", &[], &[]),
    row("watch", &[], &[]),
];

/// The actions of a step: looking, and acting unless it is held.
pub fn of(step: &Planned) -> (&'static [&'static str], &'static [&'static str]) {
    TABLE
        .iter()
        .find(|row| row.kind == step.kind)
        .map_or((&[], &[]), |row| {
            (row.looks, if step.hold { &[] } else { row.acts })
        })
}

/// Actions by place, for people: the region, or `global`.
pub fn by_place(plan: &Plan) -> BTreeMap<String, (BTreeSet<&'static str>, BTreeSet<&'static str>)> {
    let mut found: BTreeMap<String, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for step in &plan.steps {
        let (looks, acts) = of(step);
        let entry = found.entry(step.region.to_string()).or_default();
        entry.0.extend(looks);
        entry.1.extend(acts);
    }
    found
}

/// Actions on resources that carry drtool's own tags or names: everything else of the same kind is out of reach.
const DESTROYS: &[&str] = &[
    "Delete",
    "Deregister",
    "Detach",
    "Disassociate",
    "Release",
    "Remove",
    "Stop",
];

/// What preflight looks at, beside what the steps look with.
pub const PREFLIGHT: &[&str] = &[
    "acm:DescribeCertificate",
    "acm:ListCertificates",
    "acm:ListTagsForCertificate",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeRegions",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcPeeringConnections",
    "ecr:DescribeRepositories",
    "ecs:DescribeTasks",
    "ecs:ListClusters",
    "ecs:ListServices",
    "ecs:ListTasks",
    "elasticloadbalancing:DescribeTargetHealth",
    "iam:GetRole",
    "iam:SimulatePrincipalPolicy",
    "kms:DescribeKey",
    "logs:DescribeLogGroups",
    "rds:DescribeDBEngineVersions",
    "rds:DescribeDBSnapshots",
    "rds:DescribeOptionGroupOptions",
    "rds:DescribeOrderableDBInstanceOptions",
    "route53:ListHostedZones",
    "route53:ListResourceRecordSets",
    "secretsmanager:DescribeSecret",
    "secretsmanager:ListSecrets",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:GetServiceQuota",
];

/// The policy document.
pub fn policy(plan: &Plan, read_only: bool) -> Json {
    let facts: Option<Facts> = serde_json::from_value(plan.facts.clone()).ok();
    let (from, to, account, partition) =
        facts.map_or_else(Default::default, |f| (f.from, f.to, f.account, f.partition));
    let mut statements = vec![
        json!({ "Sid": "WhoAmI", "Effect": "Allow", "Action": ["sts:GetCallerIdentity"], "Resource": "*" }),
    ];
    statements.push(
        json!({ "Sid": "Preflight", "Effect": "Allow", "Action": PREFLIGHT, "Resource": "*" }),
    );
    let title = |text: &str| {
        text.split(['-', '_'])
            .map(|w| {
                w.chars()
                    .take(1)
                    .flat_map(char::to_uppercase)
                    .chain(w.chars().skip(1))
                    .collect::<String>()
            })
            .collect::<String>()
    };
    for (place, (looks, acts)) in by_place(plan) {
        let region = if place == "global" {
            "us-east-1"
        } else {
            &place
        };
        let here = json!({ "StringEquals": { "aws:RequestedRegion": region } });
        let plain: Vec<&&str> = looks.iter().collect();
        if !plain.is_empty() {
            let condition = if place == "global" {
                json!({})
            } else {
                here.clone()
            };
            statements.push(statement(
                &format!("Look{}", title(&place)),
                plain,
                json!("*"),
                condition,
            ));
        }
        if read_only {
            continue;
        }
        let special = |a: &str| {
            [
                "iam:PassRole",
                "iam:PutRolePolicy",
                "iam:DeleteRolePolicy",
                "route53:ChangeResourceRecordSets",
                "secretsmanager:GetSecretValue",
            ]
            .contains(&a)
                || a.starts_with("kms:")
        };
        let destroys = |a: &str| {
            a.split_once(':').is_some_and(|(_, operation)| {
                DESTROYS.iter().any(|word| operation.starts_with(word))
            })
        };
        let makes: Vec<&&str> = acts
            .iter()
            .filter(|a| !special(a) && !destroys(a))
            .collect();
        if !makes.is_empty() {
            statements.push(statement(
                &format!("Act{}", title(&place)),
                makes,
                json!("*"),
                here.clone(),
            ));
        }
        let ours: Vec<&&str> = acts.iter().filter(|a| !special(a) && destroys(a)).collect();
        if !ours.is_empty() {
            let condition = json!({ "StringEquals": { "aws:RequestedRegion": region, "aws:ResourceTag/drtool:lineage": plan.lineage } });
            statements.push(statement(
                &format!("TakeBack{}", title(&place)),
                ours,
                json!("*"),
                condition,
            ));
        }
        let keys: Vec<&&str> = acts.iter().filter(|a| a.starts_with("kms:")).collect();
        if !keys.is_empty() {
            let parameters = plan.steps.iter().any(|s| s.kind == "parameter" && !s.hold);
            let via: Vec<String> = ["rds", "secretsmanager"]
                .iter()
                .chain(parameters.then_some(&"ssm"))
                .flat_map(|s| {
                    [
                        format!("{s}.{from}.amazonaws.com"),
                        format!("{s}.{to}.amazonaws.com"),
                    ]
                })
                .collect();
            statements.push(statement(
                &format!("Keys{}", title(&place)),
                keys,
                json!(format!("arn:{partition}:kms:*:{account}:key/*")),
                json!({ "StringEquals": { "kms:ViaService": via } }),
            ));
        }
    }
    if !read_only {
        named(plan, &mut statements, &account, &partition);
    }
    let denied = json!({
        "Sid": "NoSecretValueBut", "Effect": "Deny", "Action": ["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"],
        "NotResource": rewritten(plan).into_iter().chain([format!("arn:{partition}:secretsmanager:*:000000000000:secret:none")]).collect::<Vec<_>>(),
    });
    statements.push(denied);
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Roles, records and secrets by name: nothing beside them.
fn named(plan: &Plan, statements: &mut Vec<Json>, account: &str, partition: &str) {
    let mut roles: BTreeSet<String> = BTreeSet::new();
    let mut passed: BTreeSet<String> = BTreeSet::new();
    let mut records: BTreeSet<String> = BTreeSet::new();
    let mut zones: BTreeSet<String> = BTreeSet::new();
    for step in plan.steps.iter().filter(|s| !s.hold) {
        let text = |name: &str| {
            step.params
                .get(name)
                .and_then(Json::as_str)
                .map(str::to_owned)
        };
        match step.kind.as_str() {
            "role-access" => roles.extend(
                text("role").map(|role| format!("arn:{partition}:iam::{account}:role/{role}")),
            ),
            "task-definition" | "probe-task" => passed.extend(
                [text("executionRoleArn"), text("taskRoleArn")]
                    .into_iter()
                    .flatten(),
            ),
            "db-instance-settings" => passed.extend(text("monitoringRoleArn")),
            "dns-cut" => {
                let cut = step.params.get("records").and_then(Json::as_array);
                for record in cut.into_iter().flatten().filter_map(|r| r.get("record")) {
                    let member = |name: &str| record.get(name).and_then(Json::as_str);
                    records.extend(member("name").map(str::to_owned));
                    zones.extend(member("zoneId").map(str::to_owned));
                }
            }
            "dns-ttl" | "dns-ttl-restored" => {
                let record = |name: &str| {
                    step.params
                        .pointer(&format!("/record/{name}"))
                        .and_then(Json::as_str)
                };
                records.extend(record("name").map(str::to_owned));
                zones.extend(record("zoneId").map(str::to_owned));
            }
            "validation-record" => {
                zones.extend(text("zoneId"));
                records.extend(
                    text("domainName").map(|name| format!("_*.{}", name.trim_start_matches("*."))),
                );
            }
            _ => {}
        }
    }
    if !roles.is_empty() {
        statements.push(json!({ "Sid": "GrantToTheStacksRoles", "Effect": "Allow", "Action": ["iam:PutRolePolicy", "iam:DeleteRolePolicy"], "Resource": roles }));
    }
    let read: BTreeSet<String> = copied(plan, account, partition)
        .into_values()
        .flatten()
        .collect();
    if !read.is_empty() {
        statements.push(json!({ "Sid": "CopyTheseParameters", "Effect": "Allow", "Action": ["ssm:GetParameter"], "Resource": read }));
    }
    if !passed.is_empty() {
        statements.push(json!({
            "Sid": "PassTheStacksRoles", "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": passed,
            "Condition": { "StringEquals": { "iam:PassedToService": ["ecs-tasks.amazonaws.com", "monitoring.rds.amazonaws.com"] } },
        }));
    }
    if !zones.is_empty() {
        let resources: Vec<String> = zones
            .iter()
            .map(|z| format!("arn:{partition}:route53:::hostedzone/{z}"))
            .collect();
        statements.push(json!({
            "Sid": "TheseRecordsOnly", "Effect": "Allow", "Action": ["route53:ChangeResourceRecordSets"], "Resource": resources,
            "Condition": { "ForAllValues:StringLike": { "route53:ChangeResourceRecordSetsNormalizedRecordNames": records } },
        }));
    }
    let secrets = rewritten(plan);
    if !secrets.is_empty() {
        statements.push(json!({ "Sid": "RewriteTheseSecrets", "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": secrets }));
    }
}

/// The ARNs of the parameters whose values are copied, by the region where they are read.
pub fn copied(plan: &Plan, account: &str, partition: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for step in &plan.steps {
        if step.kind != "parameter" || step.hold || step.params.get("value").is_some() {
            continue;
        }
        let text = |name: &str| step.params.get(name).and_then(Json::as_str);
        if let (Some(name), Some(region)) = (text("name"), text("sourceRegion")) {
            let name = name.trim_start_matches('/');
            found.entry(region.to_owned()).or_default().insert(format!(
                "arn:{partition}:ssm:{region}:{account}:parameter/{name}"
            ));
        }
    }
    found
}

/// The ARNs of the secrets whose values the manifest asks to be rewritten.
fn rewritten(plan: &Plan) -> Vec<String> {
    let rewrites = plan
        .steps
        .iter()
        .filter(|s| s.kind == "secret-rewrite" && !s.hold);
    let names: Vec<&str> = rewrites
        .filter_map(|s| s.params.get("name").and_then(Json::as_str))
        .collect();
    let promotions = plan.steps.iter().filter(|s| s.kind == "secret-promotion");
    promotions
        .filter(|s| {
            s.params
                .get("name")
                .and_then(Json::as_str)
                .is_some_and(|n| names.contains(&n))
        })
        .filter_map(|s| {
            s.params
                .get("arn")
                .and_then(Json::as_str)
                .map(str::to_owned)
        })
        .collect()
}

fn statement(sid: &str, actions: Vec<&&str>, resource: Json, condition: Json) -> Json {
    let mut statement =
        json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource });
    if condition.as_object().is_some_and(|c| !c.is_empty()) {
        statement["Condition"] = condition;
    }
    statement
}
