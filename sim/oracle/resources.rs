//! Every live resource, with its tags and who made it.

use super::Birth;
use crate::services::ServiceId::{
    Acm, Autoscaling, Cloudwatch, Ec2, Ecr, Ecs, Elbv2, Iam, Kms, Logs, Rds, Route53, S3, Secrets,
    Ssm,
};
use crate::services::{ServiceId, ecs};
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One thing that exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    pub account: String,
    /// `global` for what belongs to no region.
    pub region: String,
    pub service: String,
    /// In AWS's words: `vpc`, `db-instance`, `record-set`…
    pub kind: String,
    pub id: String,
    pub arn: Option<String>,
    /// Its status, where it has one.
    pub status: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub made: Option<Birth>,
}

/// A kind that one call lists whole: operation, fixed parameters, list, id, ARN and status members, tags.
struct Kind(
    ServiceId,
    &'static str,
    &'static str,
    &'static str,
    [&'static str; 4],
    Tags,
);

/// Where the tags of a resource are.
enum Tags {
    None,
    /// A member of the resource.
    Own(&'static str),
    /// Another call: operation, the parameter that takes the ARN (or id), the list.
    Ask(&'static str, &'static str, &'static str),
}

const RDS_TAGS: Tags = Tags::Ask("ListTagsForResource", "ResourceName", "TagList");

/// In each region.
const REGIONAL: &[Kind] = &[
    Kind(
        Ec2,
        "vpc",
        "DescribeVpcs",
        "Vpcs",
        ["VpcId", "", "State", ""],
        Tags::Own("Tags"),
    ),
    Kind(
        Ec2,
        "subnet",
        "DescribeSubnets",
        "Subnets",
        ["SubnetId", "SubnetArn", "State", ""],
        Tags::Own("Tags"),
    ),
    Kind(
        Ec2,
        "route-table",
        "DescribeRouteTables",
        "RouteTables",
        ["RouteTableId", "", "", ""],
        Tags::Own("Tags"),
    ),
    Kind(
        Ec2,
        "internet-gateway",
        "DescribeInternetGateways",
        "InternetGateways",
        ["InternetGatewayId", "", "", ""],
        Tags::Own("Tags"),
    ),
    Kind(
        Ec2,
        "nat-gateway",
        "DescribeNatGateways",
        "NatGateways",
        ["NatGatewayId", "", "State", ""],
        Tags::Own("Tags"),
    ),
    Kind(
        Ec2,
        "elastic-ip",
        "DescribeAddresses",
        "Addresses",
        ["AllocationId", "", "", ""],
        Tags::Own("Tags"),
    ),
    Kind(
        Ec2,
        "security-group",
        "DescribeSecurityGroups",
        "SecurityGroups",
        ["GroupId", "", "", ""],
        Tags::Own("Tags"),
    ),
    Kind(
        Ec2,
        "network-acl",
        "DescribeNetworkAcls",
        "NetworkAcls",
        ["NetworkAclId", "", "", ""],
        Tags::Own("Tags"),
    ),
    Kind(
        Ec2,
        "network-interface",
        "DescribeNetworkInterfaces",
        "NetworkInterfaces",
        ["NetworkInterfaceId", "", "Status", ""],
        Tags::Own("TagSet"),
    ),
    Kind(
        Ec2,
        "vpc-endpoint",
        "DescribeVpcEndpoints",
        "VpcEndpoints",
        ["VpcEndpointId", "", "State", ""],
        Tags::Own("Tags"),
    ),
    Kind(
        Rds,
        "db-instance",
        "DescribeDBInstances",
        "DBInstances",
        [
            "DBInstanceIdentifier",
            "DBInstanceArn",
            "DBInstanceStatus",
            "",
        ],
        Tags::Own("TagList"),
    ),
    Kind(
        Rds,
        "db-cluster",
        "DescribeDBClusters",
        "DBClusters",
        ["DBClusterIdentifier", "DBClusterArn", "Status", ""],
        Tags::Own("TagList"),
    ),
    Kind(
        Rds,
        "db-snapshot",
        "DescribeDBSnapshots",
        "DBSnapshots",
        ["DBSnapshotIdentifier", "DBSnapshotArn", "Status", ""],
        Tags::Own("TagList"),
    ),
    Kind(
        Rds,
        "db-cluster-snapshot",
        "DescribeDBClusterSnapshots",
        "DBClusterSnapshots",
        [
            "DBClusterSnapshotIdentifier",
            "DBClusterSnapshotArn",
            "Status",
            "",
        ],
        Tags::Own("TagList"),
    ),
    Kind(
        Rds,
        "db-subnet-group",
        "DescribeDBSubnetGroups",
        "DBSubnetGroups",
        [
            "DBSubnetGroupName",
            "DBSubnetGroupArn",
            "SubnetGroupStatus",
            "",
        ],
        RDS_TAGS,
    ),
    Kind(
        Rds,
        "db-parameter-group",
        "DescribeDBParameterGroups",
        "DBParameterGroups",
        ["DBParameterGroupName", "DBParameterGroupArn", "", ""],
        RDS_TAGS,
    ),
    Kind(
        Rds,
        "db-cluster-parameter-group",
        "DescribeDBClusterParameterGroups",
        "DBClusterParameterGroups",
        [
            "DBClusterParameterGroupName",
            "DBClusterParameterGroupArn",
            "",
            "",
        ],
        RDS_TAGS,
    ),
    Kind(
        Rds,
        "option-group",
        "DescribeOptionGroups",
        "OptionGroupsList",
        ["OptionGroupName", "OptionGroupArn", "", ""],
        RDS_TAGS,
    ),
    Kind(
        Rds,
        "automated-backup",
        "DescribeDBInstanceAutomatedBackups",
        "DBInstanceAutomatedBackups",
        [
            "DbiResourceId",
            "DBInstanceAutomatedBackupsArn",
            "Status",
            "",
        ],
        Tags::None,
    ),
    Kind(
        Elbv2,
        "load-balancer",
        "DescribeLoadBalancers",
        "LoadBalancers",
        ["LoadBalancerName", "LoadBalancerArn", "", ""],
        Tags::Ask("DescribeTags", "[ResourceArns", "TagDescriptions/0/Tags"),
    ),
    Kind(
        Elbv2,
        "target-group",
        "DescribeTargetGroups",
        "TargetGroups",
        ["TargetGroupName", "TargetGroupArn", "", ""],
        Tags::Ask("DescribeTags", "[ResourceArns", "TagDescriptions/0/Tags"),
    ),
    Kind(
        Ecr,
        "repository",
        "DescribeRepositories",
        "repositories",
        ["repositoryName", "repositoryArn", "", ""],
        Tags::Ask("ListTagsForResource", "resourceArn", "tags"),
    ),
    Kind(
        Kms,
        "key",
        "ListKeys",
        "Keys",
        ["KeyId", "KeyArn", "", ""],
        Tags::Ask("ListResourceTags", "KeyId", "Tags"),
    ),
    Kind(
        Kms,
        "alias",
        "ListAliases",
        "Aliases",
        ["AliasName", "AliasArn", "", ""],
        Tags::None,
    ),
    Kind(
        Secrets,
        "secret",
        "ListSecrets",
        "SecretList",
        ["Name", "ARN", "", ""],
        Tags::Own("Tags"),
    ),
    Kind(
        Ssm,
        "parameter",
        "DescribeParameters",
        "Parameters",
        ["Name", "ARN", "", ""],
        Tags::None,
    ),
    Kind(
        Logs,
        "log-group",
        "DescribeLogGroups",
        "logGroups",
        ["logGroupName", "logGroupArn", "", ""],
        Tags::Ask("ListTagsForResource", "resourceArn", "tags"),
    ),
    Kind(
        Acm,
        "certificate",
        "ListCertificates",
        "CertificateSummaryList",
        ["DomainName", "CertificateArn", "Status", ""],
        Tags::Ask("ListTagsForCertificate", "CertificateArn", "Tags"),
    ),
    Kind(
        Autoscaling,
        "scalable-target",
        "DescribeScalableTargets",
        "ScalableTargets",
        [
            "ResourceId",
            "ScalableTargetARN",
            "",
            "ServiceNamespace=ecs",
        ],
        Tags::Ask("ListTagsForResource", "ResourceARN", "Tags"),
    ),
    Kind(
        Autoscaling,
        "scaling-policy",
        "DescribeScalingPolicies",
        "ScalingPolicies",
        ["PolicyName", "PolicyARN", "", "ServiceNamespace=ecs"],
        Tags::None,
    ),
    Kind(
        Cloudwatch,
        "alarm",
        "DescribeAlarms",
        "MetricAlarms",
        ["AlarmName", "AlarmArn", "", ""],
        Tags::Ask("ListTagsForResource", "ResourceARN", "Tags"),
    ),
];

const GLOBAL: &[Kind] = &[
    Kind(
        Iam,
        "role",
        "ListRoles",
        "Roles",
        ["RoleName", "Arn", "", ""],
        Tags::Ask("ListRoleTags", "RoleName", "Tags"),
    ),
    Kind(
        Iam,
        "policy",
        "ListPolicies",
        "Policies",
        ["PolicyName", "Arn", "", "Scope=Local"],
        Tags::None,
    ),
    Kind(
        Iam,
        "user",
        "ListUsers",
        "Users",
        ["UserName", "Arn", "", ""],
        Tags::None,
    ),
    Kind(
        Route53,
        "hosted-zone",
        "ListHostedZones",
        "HostedZones",
        ["Id", "", "", ""],
        Tags::None,
    ),
    Kind(
        Route53,
        "health-check",
        "ListHealthChecks",
        "HealthChecks",
        ["Id", "", "", ""],
        Tags::None,
    ),
    Kind(
        S3,
        "bucket",
        "ListBuckets",
        "Buckets",
        ["Name", "", "", ""],
        Tags::None,
    ),
];

/// Everything there is, in a fixed order.
pub fn resources(world: &World) -> Vec<Resource> {
    // Nothing happens meanwhile; only what was written becomes readable.
    let mut world = world.fork();
    world.recording = false;
    world.now += world.settings.read_lag + crate::clock::SECOND;
    let mut accounts: Vec<String> = world
        .accounts
        .keys()
        .filter(|a| !a.is_empty())
        .cloned()
        .collect();
    let places: Vec<(String, String)> = world
        .places
        .keys()
        .filter(|(a, _)| !a.is_empty())
        .cloned()
        .collect();
    accounts.extend(places.iter().map(|(a, _)| a.clone()));
    accounts.sort();
    accounts.dedup();
    let mut found = vec![];
    for account in &accounts {
        let mut look = Look {
            world: &mut world,
            account,
            region: "us-east-1",
            global: true,
            found: &mut found,
        };
        GLOBAL.iter().for_each(|kind| look.list(kind));
        look.record_sets();
    }
    for (account, region) in &places {
        let mut look = Look {
            world: &mut world,
            account,
            region,
            global: false,
            found: &mut found,
        };
        REGIONAL.iter().for_each(|kind| look.list(kind));
        look.containers();
        look.listeners();
    }
    found
}

/// How many resources carry a tag, by account, region and kind.
pub fn count_by_tag(world: &World, key: &str, value: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for resource in resources(world)
        .iter()
        .filter(|r| r.tags.get(key).is_some_and(|v| v == value))
    {
        let name = format!("{} {} {}", resource.account, resource.region, resource.kind);
        *counts.entry(name).or_default() += 1;
    }
    counts
}

struct Look<'a> {
    world: &'a mut World,
    account: &'a str,
    region: &'a str,
    global: bool,
    found: &'a mut Vec<Resource>,
}

fn text<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    if member.is_empty() {
        None
    } else {
        value.get(member)?.as_str()
    }
}

fn rows(value: &Value, path: &str) -> Vec<Value> {
    let pointer = format!("/{path}");
    value
        .pointer(&pointer)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// Tags in any of the forms that AWS writes them in.
fn tags_of(value: &Value) -> BTreeMap<String, String> {
    let word = |v: &Value| v.as_str().unwrap_or("").to_owned();
    match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), word(v))).collect(),
        Value::Array(list) => list
            .iter()
            .map(|tag| {
                let one = |names: [&str; 3]| {
                    names
                        .iter()
                        .find_map(|n| tag.get(*n))
                        .map(&word)
                        .unwrap_or_default()
                };
                (
                    one(["Key", "key", "TagKey"]),
                    one(["Value", "value", "TagValue"]),
                )
            })
            .collect(),
        _ => BTreeMap::new(),
    }
}

impl Look<'_> {
    /// The whole answer; nothing where the operation refuses (or is not simulated).
    fn ask(&mut self, service: ServiceId, operation: &str, input: Value) -> Value {
        let answer = crate::call::invoke(
            self.world,
            self.account,
            self.region,
            service,
            operation,
            input,
        );
        answer.unwrap_or(Value::Null)
    }

    fn put(
        &mut self,
        service: ServiceId,
        kind: &str,
        id: &str,
        arn: Option<&str>,
        status: Option<&str>,
        tags: &Value,
    ) {
        let births = &self.world.births;
        let made = arn
            .and_then(|arn| births.get(arn))
            .or_else(|| births.get(id))
            .cloned();
        self.found.push(Resource {
            account: self.account.to_owned(),
            region: if self.global {
                "global".into()
            } else {
                self.region.to_owned()
            },
            service: service.id().to_owned(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            arn: arn.map(str::to_owned),
            status: status.map(str::to_owned),
            tags: tags_of(tags),
            made,
        });
    }

    fn list(&mut self, kind: &Kind) {
        let Kind(service, name, operation, list, [id, arn, status, fixed], tags) = kind;
        let input = match fixed.split_once('=') {
            Some((member, value)) => json!({ member: value }),
            None => json!({}),
        };
        let answer = self.ask(*service, operation, input);
        for row in rows(&answer, list) {
            let own = text(&row, id).unwrap_or("").to_owned();
            let full = match (*service, text(&row, arn)) {
                (S3, _) => Some(format!("arn:aws:s3:::{own}")),
                (_, given) => given.map(str::to_owned),
            };
            let tags = match tags {
                Tags::None => Value::Null,
                Tags::Own(member) => row.get(*member).cloned().unwrap_or(Value::Null),
                Tags::Ask(operation, parameter, path) => {
                    let named = match *parameter {
                        "KeyId" | "RoleName" => own.clone(),
                        _ => full.clone().unwrap_or_default(),
                    };
                    let input = match parameter.strip_prefix('[') {
                        Some(parameter) => json!({ parameter: [named] }),
                        None => json!({ *parameter: named }),
                    };
                    let answer = self.ask(*service, operation, input);
                    answer
                        .pointer(&format!("/{path}"))
                        .cloned()
                        .unwrap_or(Value::Null)
                }
            };
            self.put(
                *service,
                name,
                &own,
                full.as_deref(),
                text(&row, status),
                &tags,
            );
        }
    }

    fn record_sets(&mut self) {
        let zones = self.ask(Route53, "ListHostedZones", json!({}));
        for zone in rows(&zones, "HostedZones") {
            let zone = text(&zone, "Id")
                .unwrap_or("")
                .trim_start_matches("/hostedzone/")
                .to_owned();
            let sets = self.ask(
                Route53,
                "ListResourceRecordSets",
                json!({ "HostedZoneId": zone }),
            );
            for set in rows(&sets, "ResourceRecordSets") {
                let id = super::births::record_set(&zone, &set);
                self.put(Route53, "record-set", &id, None, None, &Value::Null);
            }
        }
    }

    fn containers(&mut self) {
        let clusters = self.ask(Ecs, "ListClusters", json!({}));
        for arn in rows(&clusters, "clusterArns") {
            let described = self.ask(
                Ecs,
                "DescribeClusters",
                json!({ "clusters": [arn], "include": ["TAGS"] }),
            );
            for cluster in rows(&described, "clusters") {
                self.put_ecs(
                    "cluster",
                    &cluster,
                    "clusterName",
                    "clusterArn",
                    "status",
                    None,
                );
            }
            let arn = arn.as_str().unwrap_or_default();
            for one in ecs::living(self.world, self.account, self.region, arn).chunks(10) {
                let input = json!({ "cluster": arn, "services": one, "include": ["TAGS"] });
                let described = self.ask(Ecs, "DescribeServices", input);
                for service in rows(&described, "services") {
                    self.put_ecs(
                        "service",
                        &service,
                        "serviceName",
                        "serviceArn",
                        "status",
                        None,
                    );
                }
            }
            for desired in ["RUNNING", "STOPPED"] {
                let listed = self.ask(
                    Ecs,
                    "ListTasks",
                    json!({ "cluster": arn, "desiredStatus": desired }),
                );
                for some in rows(&listed, "taskArns").chunks(100) {
                    let input = json!({ "cluster": arn, "tasks": some, "include": ["TAGS"] });
                    let described = self.ask(Ecs, "DescribeTasks", input);
                    // A task that has stopped is a memory, not a resource.
                    for task in rows(&described, "tasks")
                        .iter()
                        .filter(|t| t["lastStatus"] != "STOPPED")
                    {
                        self.put_ecs("task", task, "taskArn", "taskArn", "lastStatus", None);
                    }
                }
            }
        }
        let listed = self.ask(Ecs, "ListTaskDefinitions", json!({}));
        for arn in rows(&listed, "taskDefinitionArns") {
            let input = json!({ "taskDefinition": arn, "include": ["TAGS"] });
            let described = self.ask(Ecs, "DescribeTaskDefinition", input);
            let tags = described.get("tags").cloned();
            let definition = described
                .get("taskDefinition")
                .cloned()
                .unwrap_or(Value::Null);
            self.put_ecs(
                "task-definition",
                &definition,
                "taskDefinitionArn",
                "taskDefinitionArn",
                "status",
                tags,
            );
        }
    }

    fn put_ecs(
        &mut self,
        kind: &str,
        value: &Value,
        id: &str,
        arn: &str,
        status: &str,
        tags: Option<Value>,
    ) {
        let tags = tags
            .or_else(|| value.get("tags").cloned())
            .unwrap_or(Value::Null);
        let id = text(value, id)
            .unwrap_or("")
            .rsplit('/')
            .next()
            .unwrap_or("")
            .to_owned();
        self.put(Ecs, kind, &id, text(value, arn), text(value, status), &tags);
    }

    fn listeners(&mut self) {
        let balancers = self.ask(Elbv2, "DescribeLoadBalancers", json!({}));
        for balancer in rows(&balancers, "LoadBalancers") {
            let input = json!({ "LoadBalancerArn": balancer["LoadBalancerArn"] });
            let listeners = self.ask(Elbv2, "DescribeListeners", input);
            for listener in rows(&listeners, "Listeners") {
                let arn = text(&listener, "ListenerArn").unwrap_or("").to_owned();
                self.put_balancing("listener", &arn);
                let rules = self.ask(Elbv2, "DescribeRules", json!({ "ListenerArn": arn }));
                // The default rule belongs to its listener.
                for rule in rows(&rules, "Rules")
                    .iter()
                    .filter(|r| r["IsDefault"] != true)
                {
                    self.put_balancing("listener-rule", text(rule, "RuleArn").unwrap_or(""));
                }
            }
        }
    }

    fn put_balancing(&mut self, kind: &str, arn: &str) {
        let answer = self.ask(Elbv2, "DescribeTags", json!({ "ResourceArns": [arn] }));
        let tags = answer
            .pointer("/TagDescriptions/0/Tags")
            .cloned()
            .unwrap_or(Value::Null);
        let id = arn.rsplit('/').next().unwrap_or("").to_owned();
        self.put(Elbv2, kind, &id, Some(arn), None, &tags);
    }
}
