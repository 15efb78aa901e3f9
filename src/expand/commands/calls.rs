//! Which calls bring a step about, kind by kind, with their input in AWS's member names.

use super::edge::{action, change};
use super::network::{permission, route_table, rules};
use super::{Command, shown, whole};
use drtool_engine::plan::{Plan, Planned};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// The calls that bring a step about; none for one that only looks.
pub(super) fn commands(step: &Planned, plan: &Plan) -> Vec<Command> {
    let params = shown(&step.params);
    let p = |name: &str| params.get(name).cloned().unwrap_or(Json::Null);
    let one = |service, operation, input| {
        vec![Command {
            service,
            operation,
            input,
        }]
    };
    let marks = marks(step, plan);
    let tags = || pairs(&marks, "Key", "Value");
    let small_tags = || pairs(&marks, "key", "value");
    let of = |kind: &str| {
        let mut marks = marks.clone();
        if let Some(name) = p("name").as_str() {
            marks.insert("Name".to_owned(), name.to_owned());
        }
        json!([{ "ResourceType": kind, "Tags": pairs(&marks, "Key", "Value") }])
    };
    let actions = |value: &Json| -> Json {
        value
            .as_array()
            .map(|all| all.iter().map(action).collect::<Vec<_>>())
            .unwrap_or_default()
            .into()
    };
    match step.kind.as_str() {
        "vpc" => {
            let mut all = one(
                "ec2",
                "CreateVpc",
                json!({ "CidrBlock": p("cidr"), "TagSpecifications": of("vpc") }),
            );
            // A new VPC resolves names; only giving names has to be switched on.
            all.extend(one(
                "ec2",
                "ModifyVpcAttribute",
                json!({ "VpcId": "<VpcId>", "EnableDnsHostnames": { "Value": true } }),
            ));
            all
        }
        "internet-gateway" => vec![
            Command {
                service: "ec2",
                operation: "CreateInternetGateway",
                input: json!({ "TagSpecifications": of("internet-gateway") }),
            },
            Command {
                service: "ec2",
                operation: "AttachInternetGateway",
                input: json!({ "InternetGatewayId": "<InternetGatewayId>", "VpcId": p("vpc") }),
            },
        ],
        "subnet" => one(
            "ec2",
            "CreateSubnet",
            json!({ "VpcId": p("vpc"), "CidrBlock": p("cidr"), "AvailabilityZone": format!("<zone {}>", p("zone")), "TagSpecifications": of("subnet") }),
        ),
        "elastic-ip" => one(
            "ec2",
            "AllocateAddress",
            json!({ "Domain": "vpc", "TagSpecifications": of("elastic-ip") }),
        ),
        "nat-gateway" => one(
            "ec2",
            "CreateNatGateway",
            json!({ "SubnetId": p("subnet"), "AllocationId": p("allocation"), "TagSpecifications": of("natgateway") }),
        ),
        "route-table" => route_table(&params, of("route-table")),
        "security-group" => one(
            "ec2",
            "CreateSecurityGroup",
            json!({ "GroupName": p("name"), "Description": p("description"), "VpcId": p("vpc"), "TagSpecifications": of("security-group") }),
        ),
        "security-group-rules" => rules(&params),
        "role-access" => one(
            "iam",
            "PutRolePolicy",
            json!({ "RoleName": p("role"), "PolicyName": p("policy"), "PolicyDocument": policy(&params).to_string() }),
        ),
        "secret-replica" => one(
            "secretsmanager",
            "ReplicateSecretToRegions",
            json!({ "SecretId": p("primary"), "AddReplicaRegions": [{ "Region": p("region"), "KmsKeyId": p("kmsKey") }], "ForceOverwriteReplicaSecret": false }),
        ),
        "secret-promotion" => one(
            "secretsmanager",
            "StopReplicationToReplica",
            json!({ "SecretId": p("arn") }),
        ),
        "secret-rewrite" => one(
            "secretsmanager",
            "PutSecretValue",
            json!({ "SecretId": p("arn"), "SecretString": "<the value with its members written anew>" }),
        ),
        "parameter" => {
            let stands_for = match params.get("value") {
                Some(value) => whole(value),
                None => format!(
                    "<its value in {}>",
                    p("sourceRegion").as_str().unwrap_or_default()
                )
                .into(),
            };
            one(
                "ssm",
                "PutParameter",
                json!({ "Name": p("name"), "Type": p("type"), "Value": stands_for, "Tier": p("tier"), "DataType": p("dataType"), "KeyId": p("kmsKey"), "Description": p("description"), "AllowedPattern": p("allowedPattern"), "Tags": tags() }),
            )
        }
        "log-group" => {
            let mut all = one(
                "logs",
                "CreateLogGroup",
                json!({ "logGroupName": p("name"), "kmsKeyId": p("kmsKey"), "tags": marks }),
            );
            if !p("retentionDays").is_null() {
                all.extend(one(
                    "logs",
                    "PutRetentionPolicy",
                    json!({ "logGroupName": p("name"), "retentionInDays": p("retentionDays") }),
                ));
            }
            all
        }
        "repository" => one(
            "ecr",
            "CreateRepository",
            json!({ "repositoryName": p("name"), "imageTagMutability": p("tagMutability"), "imageScanningConfiguration": { "scanOnPush": p("scanOnPush") }, "tags": tags() }),
        ),
        "certificate" => one(
            "acm",
            "RequestCertificate",
            json!({ "DomainName": p("domainName"), "SubjectAlternativeNames": p("alternativeNames"), "ValidationMethod": "DNS", "KeyAlgorithm": p("keyAlgorithm"), "Tags": tags() }),
        ),
        "validation-record" => one(
            "route53",
            "ChangeResourceRecordSets",
            json!({ "HostedZoneId": p("zoneId"), "ChangeBatch": { "Changes": [{ "Action": "UPSERT", "ResourceRecordSet": { "Name": "<name that ACM asks for>", "Type": "CNAME", "TTL": 300, "ResourceRecords": [{ "Value": "<value that ACM asks for>" }] } }] } }),
        ),
        "load-balancer" => with_attributes(
            "CreateLoadBalancer",
            "LoadBalancer",
            json!({ "Name": p("name"), "Type": p("type"), "Scheme": p("scheme"), "IpAddressType": p("ipAddressType"), "Subnets": p("subnets"), "SecurityGroups": p("securityGroups"), "Tags": tags() }),
            &p("attributes"),
        ),
        "target-group" => with_attributes(
            "CreateTargetGroup",
            "TargetGroup",
            json!({
                "Name": p("name"), "Protocol": p("protocol"), "Port": p("port"), "VpcId": p("vpc"), "TargetType": p("targetType"), "ProtocolVersion": p("protocolVersion"),
                "HealthCheckProtocol": params.pointer("/healthCheck/protocol"), "HealthCheckPort": params.pointer("/healthCheck/port"),
                "HealthCheckPath": params.pointer("/healthCheck/path"), "HealthCheckIntervalSeconds": params.pointer("/healthCheck/intervalSeconds"), "HealthCheckTimeoutSeconds": params.pointer("/healthCheck/timeoutSeconds"),
                "HealthyThresholdCount": params.pointer("/healthCheck/healthyThreshold"), "UnhealthyThresholdCount": params.pointer("/healthCheck/unhealthyThreshold"),
                "Matcher": params.pointer("/healthCheck/matcher").filter(|m| !m.is_null()).map(|m| json!({ "HttpCode": m })), "Tags": tags(),
            }),
            &p("attributes"),
        ),
        "listener" => {
            let certificates: Vec<Json> = p("certificates")
                .as_array()
                .map(|all| {
                    all.iter()
                        .take(1)
                        .map(|c| json!({ "CertificateArn": c }))
                        .collect()
                })
                .unwrap_or_default();
            one(
                "elbv2",
                "CreateListener",
                json!({ "LoadBalancerArn": p("balancer"), "Port": p("port"), "Protocol": p("protocol"), "SslPolicy": p("sslPolicy"), "Certificates": certificates, "DefaultActions": actions(&p("actions")), "Tags": tags() }),
            )
        }
        "listener-rule" => one(
            "elbv2",
            "CreateRule",
            json!({ "ListenerArn": p("listener"), "Priority": p("priority"), "Conditions": p("conditions"), "Actions": actions(&p("actions")), "Tags": tags() }),
        ),
        "db-subnet-group" => one(
            "rds",
            "CreateDBSubnetGroup",
            json!({ "DBSubnetGroupName": p("name"), "DBSubnetGroupDescription": p("description"), "SubnetIds": p("subnets"), "Tags": tags() }),
        ),
        "db-parameter-group" => parameter_group(&params, tags()),
        "db-option-group" => option_group(&params, tags()),
        "db-snapshot" => one(
            "rds",
            "CreateDBSnapshot",
            json!({ "DBInstanceIdentifier": p("instance"), "DBSnapshotIdentifier": p("snapshot"), "Tags": tags() }),
        ),
        "db-snapshot-copy" => one(
            "rds",
            "CopyDBSnapshot",
            json!({ "SourceDBSnapshotIdentifier": p("source"), "TargetDBSnapshotIdentifier": p("snapshot"), "KmsKeyId": p("kmsKey"), "OptionGroupName": p("optionGroup"), "SourceRegion": p("sourceRegion"), "CopyTags": false, "Tags": tags() }),
        ),
        "db-instance" => restore(&params, tags()),
        "db-instance-settings" => one(
            "rds",
            "ModifyDBInstance",
            json!({ "DBInstanceIdentifier": p("instance"), "PreferredMaintenanceWindow": p("maintenanceWindow"), "CACertificateIdentifier": p("caCertificate"), "MaxAllocatedStorage": p("maxAllocatedStorageGib"), "EnablePerformanceInsights": p("performanceInsights"), "MonitoringInterval": p("monitoringInterval"), "MonitoringRoleArn": p("monitoringRoleArn"), "ApplyImmediately": true }),
        ),
        "cluster" => one(
            "ecs",
            "CreateCluster",
            json!({ "clusterName": p("name"), "tags": small_tags() }),
        ),
        "task-definition" => one(
            "ecs",
            "RegisterTaskDefinition",
            json!({ "family": p("family"), "cpu": p("cpu"), "memory": p("memory"), "networkMode": p("networkMode"), "requiresCompatibilities": p("requiresCompatibilities"), "executionRoleArn": p("executionRoleArn"), "taskRoleArn": p("taskRoleArn"), "containerDefinitions": p("containerDefinitions"), "volumes": p("volumes"), "tags": small_tags() }),
        ),
        "service" => service(&params, small_tags()),
        "scalable-target" => one(
            "application-autoscaling",
            "RegisterScalableTarget",
            json!({ "ServiceNamespace": "ecs", "ResourceId": p("resource"), "ScalableDimension": p("dimension"), "MinCapacity": p("min"), "MaxCapacity": p("max"), "SuspendedState": suspended(&p("suspended")), "Tags": marks }),
        ),
        "scaling-policy" => one(
            "application-autoscaling",
            "PutScalingPolicy",
            json!({ "ServiceNamespace": "ecs", "ResourceId": p("resource"), "ScalableDimension": p("dimension"), "PolicyName": p("name"), "PolicyType": p("policyType"), "TargetTrackingScalingPolicyConfiguration": p("configuration") }),
        ),
        "scaling-suspension" => one(
            "application-autoscaling",
            "RegisterScalableTarget",
            json!({ "ServiceNamespace": "ecs", "ResourceId": p("resource"), "ScalableDimension": p("dimension"), "SuspendedState": { "DynamicScalingInSuspended": true, "DynamicScalingOutSuspended": true, "ScheduledScalingSuspended": true } }),
        ),
        "listener-fence" => one(
            "elbv2",
            "ModifyListener",
            json!({ "ListenerArn": p("listener"), "DefaultActions": [{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "503", "ContentType": "text/plain", "MessageBody": p("body") } }] }),
        ),
        "target-group-drain" => one(
            "elbv2",
            "ModifyTargetGroupAttributes",
            json!({ "TargetGroupArn": p("targetGroup"), "Attributes": [{ "Key": "deregistration_delay.timeout_seconds", "Value": p("seconds").to_string() }] }),
        ),
        "service-scale" => one(
            "ecs",
            "UpdateService",
            json!({ "cluster": p("cluster"), "service": p("service"), "desiredCount": p("desiredCount") }),
        ),
        "database-fence" => {
            let permissions: Vec<Json> = p("revoke")
                .as_array()
                .map(|all| all.iter().map(permission).collect())
                .unwrap_or_default();
            one(
                "ec2",
                "RevokeSecurityGroupIngress",
                json!({ "GroupId": p("group"), "IpPermissions": permissions }),
            )
        }
        "probe-task" => one(
            "ecs",
            "RunTask",
            json!({ "cluster": p("cluster"), "taskDefinition": format!("<a task of {} that asks {}>", p("image").as_str().unwrap_or_default(), whole(&p("host")).as_str().unwrap_or_default()), "launchType": "FARGATE", "networkConfiguration": { "awsvpcConfiguration": { "subnets": p("subnets"), "securityGroups": p("securityGroups") } } }),
        ),
        "dns-ttl" | "dns-ttl-restored" => change(&[&params]),
        "dns-cut" => {
            let records = p("records");
            let records: Vec<&Json> = records.as_array().into_iter().flatten().collect();
            change(&records)
        }
        "probe-removal" => vec![
            Command {
                service: "ecs",
                operation: "StopTask",
                input: json!({ "cluster": p("cluster"), "task": p("task"), "reason": "the probe is not needed any more" }),
            },
            Command {
                service: "ecs",
                operation: "DeregisterTaskDefinition",
                input: json!({ "taskDefinition": format!("<the revision of {}>", p("family").as_str().unwrap_or_default()) }),
            },
        ],
        "security-group-removal" => one(
            "ec2",
            "DeleteSecurityGroup",
            json!({ "GroupId": p("group") }),
        ),
        "security-group-rules-removal" => one(
            "ec2",
            "RevokeSecurityGroupIngress",
            json!({ "GroupId": p("group"), "IpPermissions": p("rules").as_array().map(|all| all.iter().map(permission).collect::<Vec<_>>()) }),
        ),
        _ => vec![],
    }
}

fn parameter_group(params: &Json, tags: Json) -> Vec<Command> {
    let name = params.get("name");
    let mut all = vec![Command {
        service: "rds",
        operation: "CreateDBParameterGroup",
        input: json!({ "DBParameterGroupName": name, "DBParameterGroupFamily": params.get("family"), "Description": params.get("description"), "Tags": tags }),
    }];
    let parameters: Vec<Json> = params
        .get("parameters")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
        .map(|(parameter, value)| {
            let method = if value.get("needsRestart") == Some(&Json::Bool(true)) { "pending-reboot" } else { "immediate" };
            json!({ "ParameterName": parameter, "ParameterValue": value.get("value"), "ApplyMethod": method })
        })
        .collect();
    if !parameters.is_empty() {
        all.push(Command {
            service: "rds",
            operation: "ModifyDBParameterGroup",
            input: json!({ "DBParameterGroupName": name, "Parameters": parameters }),
        });
    }
    all
}

fn option_group(params: &Json, tags: Json) -> Vec<Command> {
    let name = params.get("name");
    let options: Vec<Json> = members(params, "options")
        .map(|option| {
            let settings = option.get("settings").and_then(Json::as_object);
            let settings: Vec<Json> = settings
                .into_iter()
                .flatten()
                .map(|(name, value)| json!({ "Name": name, "Value": value }))
                .collect();
            json!({
                "OptionName": option.get("name"), "OptionVersion": option.get("version"), "Port": option.get("port"), "OptionSettings": settings,
                "VpcSecurityGroupMemberships": option.get("securityGroupIds"),
            })
        })
        .collect();
    let create = Command {
        service: "rds",
        operation: "CreateOptionGroup",
        input: json!({ "OptionGroupName": name, "EngineName": params.get("engine"), "MajorEngineVersion": params.get("majorVersion"), "OptionGroupDescription": params.get("description"), "Tags": tags }),
    };
    let fill = (!options.is_empty()).then(|| Command {
        service: "rds",
        operation: "ModifyOptionGroup",
        input: json!({ "OptionGroupName": name, "OptionsToInclude": options, "ApplyImmediately": true }),
    });
    std::iter::once(create).chain(fill).collect()
}

/// A balancer or a target group, then its attributes.
fn with_attributes(
    operation: &'static str,
    what: &'static str,
    input: Json,
    attributes: &Json,
) -> Vec<Command> {
    let attributes: Vec<Json> = attributes
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    let arn = format!("{what}Arn");
    let modify = match what {
        "LoadBalancer" => "ModifyLoadBalancerAttributes",
        _ => "ModifyTargetGroupAttributes",
    };
    let change = (!attributes.is_empty()).then(|| Command {
        service: "elbv2",
        operation: modify,
        input: json!({ (arn.as_str()): format!("<{arn}>"), "Attributes": attributes }),
    });
    let create = Command {
        service: "elbv2",
        operation,
        input,
    };
    std::iter::once(create).chain(change).collect()
}

pub(super) fn restore(params: &Json, tags: Json) -> Vec<Command> {
    let p = |name: &str| params.get(name);
    let s = |name: &str| params.pointer(&format!("/settings/{name}"));
    // RDS chooses its default groups by itself.
    let own = |name: &str| {
        p(name).filter(|group| {
            !group
                .as_str()
                .is_some_and(|g| g.starts_with("default:") || g.starts_with("default."))
        })
    };
    vec![Command {
        service: "rds",
        operation: "RestoreDBInstanceFromDBSnapshot",
        input: json!({
            "DBInstanceIdentifier": p("identifier"), "DBSnapshotIdentifier": p("snapshot"), "DBSubnetGroupName": p("subnetGroup"), "VpcSecurityGroupIds": p("securityGroups"),
            "DBParameterGroupName": own("parameterGroup"), "OptionGroupName": own("optionGroup"), "DBInstanceClass": s("class"), "LicenseModel": s("licenseModel"),
            "StorageType": s("storageType"), "MultiAZ": s("multiAz"), "PubliclyAccessible": s("publiclyAccessible"), "Port": s("port"),
            "BackupRetentionPeriod": s("backupRetentionDays"), "PreferredBackupWindow": s("backupWindow"), "AutoMinorVersionUpgrade": s("autoMinorVersionUpgrade"),
            "DeletionProtection": s("deletionProtection"), "CopyTagsToSnapshot": s("copyTagsToSnapshot"), "EnableIAMDatabaseAuthentication": s("iamAuthentication"),
            "EnableCloudwatchLogsExports": s("logExports"), "CACertificateIdentifier": s("caCertificate"), "NetworkType": s("networkType"), "Tags": tags,
        }),
    }]
}

/// What of a target's scaling is off.
fn suspended(state: &Json) -> Json {
    json!({
        "DynamicScalingInSuspended": state.get("dynamicIn"), "DynamicScalingOutSuspended": state.get("dynamicOut"),
        "ScheduledScalingSuspended": state.get("scheduled"),
    })
}

/// What a thing is tagged with: as it is in the source, and as drtool knows its own by.
fn marks(step: &Planned, plan: &Plan) -> BTreeMap<String, String> {
    let own = step.params.get("tags").and_then(Json::as_object);
    let own = own.into_iter().flatten();
    let mut marks: BTreeMap<String, String> = own
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    marks.insert("drtool:lineage".to_owned(), plan.lineage.clone());
    marks.insert("drtool:step".to_owned(), step.id.to_string());
    marks
}

fn pairs(marks: &BTreeMap<String, String>, key: &str, value: &str) -> Json {
    let all = marks.iter().map(|(k, v)| json!({ key: k, value: v }));
    all.collect()
}

pub(super) fn service(params: &Json, tags: Json) -> Vec<Command> {
    let p = |name: &str| params.get(name);
    let balancers: Vec<Json> = members(params, "loadBalancers")
        .map(|b| json!({ "targetGroupArn": b.get("targetGroup"), "containerName": b.get("containerName"), "containerPort": b.get("containerPort") }))
        .collect();
    let public = if p("assignPublicIp") == Some(&Json::Bool(true)) {
        "ENABLED"
    } else {
        "DISABLED"
    };
    // A strategy takes the launch type's place.
    let strategy: Vec<Json> = p("capacityProviders")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .map(|c| json!({ "capacityProvider": c.get("provider"), "weight": c.get("weight"), "base": c.get("base") }))
        .collect();
    let launch_type = p("launchType").filter(|l| strategy.is_empty() && l.as_str() != Some(""));
    vec![Command {
        service: "ecs",
        operation: "CreateService",
        input: json!({
            "cluster": p("cluster"), "serviceName": p("name"), "taskDefinition": p("taskDefinition"), "desiredCount": p("desiredCount"),
            "launchType": launch_type, "platformVersion": p("platformVersion").filter(|l| !matches!(l.as_str(), Some("" | "LATEST"))), "enableExecuteCommand": p("enableExecuteCommand"), "enableECSManagedTags": p("enableEcsManagedTags").filter(|on| on.as_bool() == Some(true)), "propagateTags": p("propagateTags").filter(|from| !matches!(from.as_str(), Some("" | "NONE"))),
            "capacityProviderStrategy": strategy, "tags": tags,
            "healthCheckGracePeriodSeconds": p("healthCheckGracePeriodSeconds"), "loadBalancers": balancers,
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": p("subnets"), "securityGroups": p("securityGroups"), "assignPublicIp": public } },
            "deploymentConfiguration": {
                "minimumHealthyPercent": p("minimumHealthyPercent"), "maximumPercent": p("maximumPercent"),
                "deploymentCircuitBreaker": p("circuitBreaker").map(|rollback| json!({ "enable": true, "rollback": rollback })),
            },
        }),
    }]
}

/// What a list holds; nothing where there is none.
fn members<'a>(of: &'a Json, list: &str) -> impl Iterator<Item = &'a Json> {
    of.get(list).and_then(Json::as_array).into_iter().flatten()
}

fn policy(params: &Json) -> Json {
    let statements: Vec<Json> = members(params, "statements")
        .map(|s| {
            let resources: Vec<Json> = members(s, "resources").map(whole).collect();
            json!({ "Effect": "Allow", "Action": s.get("actions"), "Resource": resources })
        })
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}
