//! A plan as commands of the AWS CLI: the paper fallback, for the day on which drtool itself cannot run.
//!
//! Pure. What only another step will yield stands in angle brackets: the person who types fills it in. Secrets have no place here:
//! their values are in no plan.

use drtool_engine::plan::{Plan, Planned};
use serde_json::{Value as Json, json};

use crate::printable::Printable;

/// One command: service, operation as AWS names it, input in AWS's member names.
struct Command {
    service: &'static str,
    operation: &'static str,
    input: Json,
}

/// The whole plan, one step after the other.
pub fn script(plan: &Plan) -> String {
    let mut out = String::from("# What stands in <…> is what the step named there has yielded.\n");
    for phase in &plan.phases {
        out.push_str(&format!("\n# {}\n", phase.title));
        for step in plan
            .steps
            .iter()
            .filter(|s| s.phase == phase.name && !s.hold)
        {
            out.push_str(&format!("\n# {}: {}\n", step.id, Printable(&step.title)));
            let commands = commands(step, plan);
            if step.kind == "image" {
                out.push_str(&copy(step));
            } else if commands.is_empty() {
                out.push_str(&format!("#   look: {}\n", looks(step)));
            }
            for command in commands {
                out.push_str(&line(step, &command));
            }
        }
    }
    out
}

/// An image is copied from registry to registry, which the AWS CLI does not do.
fn copy(step: &Planned) -> String {
    let text = |name: &str| {
        step.params
            .get(name)
            .map(shown)
            .and_then(|v| v.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let tags = step
        .params
        .get("tags")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    let tag = tags.first().and_then(Json::as_str).unwrap_or("latest");
    format!(
        "skopeo copy --all docker://{}@{} 'docker://{}:{tag}'\n",
        text("from"),
        text("digest"),
        text("to")
    )
}

fn line(step: &Planned, command: &Command) -> String {
    let region = match step.region.as_str() {
        "global" => String::new(),
        region => format!(" --region {region}"),
    };
    let input = pruned(command.input.clone())
        .to_string()
        .replace('\'', "'\\''");
    format!(
        "aws {} {}{region} --cli-input-json '{input}'\n",
        command.service,
        kebab(command.operation)
    )
}

/// `CopyDBSnapshot` → `copy-db-snapshot`, as botocore does it.
fn kebab(operation: &str) -> String {
    let chars: Vec<char> = operation.chars().collect();
    let mut out = String::new();
    for (index, c) in chars.iter().enumerate() {
        let starts = c.is_ascii_uppercase()
            && index > 0
            && (!chars[index - 1].is_ascii_uppercase()
                || chars.get(index + 1).is_some_and(|next| {
                    next.is_ascii_lowercase() && !(*next == 's' && index + 2 == chars.len())
                }));
        if starts {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Without members that say nothing.
fn pruned(value: Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .map(|(name, inner)| (name, pruned(inner)))
                .filter(|(_, inner)| {
                    !inner.is_null() && inner.as_array().is_none_or(|a| !a.is_empty())
                })
                .collect(),
        ),
        Json::Array(items) => Json::Array(items.into_iter().map(pruned).collect()),
        other => other,
    }
}

/// Values that are known later, as a person reads them.
fn shown(value: &Json) -> Json {
    match value {
        Json::Object(members) => match (
            members.get("$later").and_then(Json::as_str),
            members.get("field").and_then(Json::as_str),
        ) {
            (Some(step), Some(field)) => Json::String(format!("<{field} of {step}>")),
            _ => Json::Object(
                members
                    .iter()
                    .map(|(name, inner)| (name.clone(), shown(inner)))
                    .collect(),
            ),
        },
        Json::Array(items) => Json::Array(items.iter().map(shown).collect()),
        other => other.clone(),
    }
}

/// A text in pieces, as one.
fn whole(value: &Json) -> Json {
    match shown(value) {
        Json::Array(pieces) => Json::String(
            pieces
                .iter()
                .map(|p| p.as_str().unwrap_or_default())
                .collect(),
        ),
        other => other,
    }
}

fn looks(step: &Planned) -> &'static str {
    match step.kind.as_str() {
        "kms-key" => "the key is enabled and encrypts",
        "certificate-issued" => "aws acm describe-certificate says ISSUED",
        "target-health" => "aws elbv2 describe-target-health says healthy, as often as wanted",
        "write-refused" => "try a write from the application's subnets and groups: it must fail",
        "watermark" => "note the position and the row counts that the probe logs",
        "sql-check" => "the probe's log answers as wanted",
        "settings-diff" => "aws rds describe-db-instances, compared with the source's",
        "http-check" | "tcp-check" => "curl --connect-to … with the real host name",
        "outside-check" | "watch" => "curl the name from somewhere else",
        _ => "it is as wanted",
    }
}

/// The calls that bring a step about; none for one that only looks.
fn commands(step: &Planned, plan: &Plan) -> Vec<Command> {
    let params = shown(&step.params);
    let p = |name: &str| params.get(name).cloned().unwrap_or(Json::Null);
    let one = |service, operation, input| {
        vec![Command {
            service,
            operation,
            input,
        }]
    };
    let tags = || json!([{ "Key": "drtool:lineage", "Value": plan.lineage }, { "Key": "drtool:step", "Value": step.id.to_string() }]);
    let of = |kind: &str| json!([{ "ResourceType": kind, "Tags": [{ "Key": "Name", "Value": p("name") }, { "Key": "drtool:lineage", "Value": plan.lineage }] }]);
    let actions = |value: &Json| -> Json {
        value
            .as_array()
            .map(|all| all.iter().map(action).collect::<Vec<_>>())
            .unwrap_or_default()
            .into()
    };
    match step.kind.as_str() {
        "vpc" => one(
            "ec2",
            "CreateVpc",
            json!({ "CidrBlock": p("cidr"), "TagSpecifications": of("vpc") }),
        ),
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
            json!({ "SecretId": p("primary"), "AddReplicaRegions": [{ "Region": p("region"), "KmsKeyId": p("kmsKey") }] }),
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
        "log-group" => {
            let mut all = one(
                "logs",
                "CreateLogGroup",
                json!({ "logGroupName": p("name"), "kmsKeyId": p("kmsKey") }),
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
            json!({ "repositoryName": p("name"), "imageTagMutability": p("tagMutability"), "imageScanningConfiguration": { "scanOnPush": p("scanOnPush") } }),
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
        "load-balancer" => one(
            "elbv2",
            "CreateLoadBalancer",
            json!({ "Name": p("name"), "Type": p("type"), "Scheme": p("scheme"), "IpAddressType": p("ipAddressType"), "Subnets": p("subnets"), "SecurityGroups": p("securityGroups"), "Tags": tags() }),
        ),
        "target-group" => one(
            "elbv2",
            "CreateTargetGroup",
            json!({
                "Name": p("name"), "Protocol": p("protocol"), "Port": p("port"), "VpcId": p("vpc"), "TargetType": p("targetType"), "ProtocolVersion": p("protocolVersion"),
                "HealthCheckPath": params.pointer("/healthCheck/path"), "HealthCheckIntervalSeconds": params.pointer("/healthCheck/intervalSeconds"), "HealthCheckTimeoutSeconds": params.pointer("/healthCheck/timeoutSeconds"),
                "HealthyThresholdCount": params.pointer("/healthCheck/healthyThreshold"), "UnhealthyThresholdCount": params.pointer("/healthCheck/unhealthyThreshold"),
                "Matcher": params.pointer("/healthCheck/matcher").filter(|m| !m.is_null()).map(|m| json!({ "HttpCode": m })), "Tags": tags(),
            }),
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
                json!({ "LoadBalancerArn": p("balancer"), "Port": p("port"), "Protocol": p("protocol"), "SslPolicy": p("sslPolicy"), "Certificates": certificates, "DefaultActions": actions(&p("actions")) }),
            )
        }
        "listener-rule" => one(
            "elbv2",
            "CreateRule",
            json!({ "ListenerArn": p("listener"), "Priority": p("priority"), "Conditions": p("conditions"), "Actions": actions(&p("actions")) }),
        ),
        "db-subnet-group" => one(
            "rds",
            "CreateDBSubnetGroup",
            json!({ "DBSubnetGroupName": p("name"), "DBSubnetGroupDescription": p("description"), "SubnetIds": p("subnets"), "Tags": tags() }),
        ),
        "db-parameter-group" => parameter_group(&params, tags()),
        "db-option-group" => one(
            "rds",
            "CreateOptionGroup",
            json!({ "OptionGroupName": p("name"), "EngineName": p("engine"), "MajorEngineVersion": p("majorVersion"), "OptionGroupDescription": p("description"), "Tags": tags() }),
        ),
        "db-snapshot" => one(
            "rds",
            "CreateDBSnapshot",
            json!({ "DBInstanceIdentifier": p("instance"), "DBSnapshotIdentifier": p("snapshot"), "Tags": tags() }),
        ),
        "db-snapshot-copy" => one(
            "rds",
            "CopyDBSnapshot",
            json!({ "SourceDBSnapshotIdentifier": p("source"), "TargetDBSnapshotIdentifier": p("snapshot"), "KmsKeyId": p("kmsKey"), "OptionGroupName": p("optionGroup"), "SourceRegion": p("sourceRegion"), "Tags": tags() }),
        ),
        "db-instance" => restore(&params, tags()),
        "db-instance-settings" => one(
            "rds",
            "ModifyDBInstance",
            json!({ "DBInstanceIdentifier": p("instance"), "PreferredMaintenanceWindow": p("maintenanceWindow"), "CACertificateIdentifier": p("caCertificate"), "MaxAllocatedStorage": p("maxAllocatedStorageGib"), "EnablePerformanceInsights": p("performanceInsights"), "MonitoringInterval": p("monitoringInterval"), "MonitoringRoleArn": p("monitoringRoleArn"), "ApplyImmediately": true }),
        ),
        "cluster" => one("ecs", "CreateCluster", json!({ "clusterName": p("name") })),
        "task-definition" => one(
            "ecs",
            "RegisterTaskDefinition",
            json!({ "family": p("family"), "cpu": p("cpu"), "memory": p("memory"), "networkMode": p("networkMode"), "requiresCompatibilities": p("requiresCompatibilities"), "executionRoleArn": p("executionRoleArn"), "taskRoleArn": p("taskRoleArn"), "containerDefinitions": p("containerDefinitions"), "volumes": p("volumes") }),
        ),
        "service" => service(&params),
        "scalable-target" => one(
            "application-autoscaling",
            "RegisterScalableTarget",
            json!({ "ServiceNamespace": "ecs", "ResourceId": p("resource"), "ScalableDimension": p("dimension"), "MinCapacity": p("min"), "MaxCapacity": p("max") }),
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
        "dns-ttl" | "dns-cut" => change(&params),
        _ => vec![],
    }
}

/// `{ forward: … }` as AWS writes it.
fn action(action: &Json) -> Json {
    let Some((kind, inner)) = action.as_object().and_then(|a| a.iter().next()) else {
        return Json::Null;
    };
    let get = |name: &str| inner.get(name).cloned().unwrap_or(Json::Null);
    match kind.as_str() {
        "forward" => {
            let groups: Vec<Json> = get("targetGroups").as_array().map(|all| all.iter().map(|g| json!({ "TargetGroupArn": g.get("targetGroup"), "Weight": g.get("weight") })).collect()).unwrap_or_default();
            json!({ "Type": "forward", "ForwardConfig": { "TargetGroups": groups } })
        }
        "redirect" => {
            json!({ "Type": "redirect", "RedirectConfig": { "Protocol": get("protocol"), "Port": get("port"), "Host": get("host"), "Path": get("path"), "Query": get("query"), "StatusCode": get("status") } })
        }
        _ => {
            json!({ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": get("status"), "ContentType": get("contentType"), "MessageBody": get("body") } })
        }
    }
}

fn route_table(params: &Json, tags: Json) -> Vec<Command> {
    let mut all = vec![Command {
        service: "ec2",
        operation: "CreateRouteTable",
        input: json!({ "VpcId": params.get("vpc"), "TagSpecifications": tags }),
    }];
    for route in params
        .get("routes")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        let input = json!({ "RouteTableId": "<RouteTableId>", "DestinationCidrBlock": route.get("destination"), "GatewayId": route.pointer("/through/internetGateway"), "NatGatewayId": route.pointer("/through/natGateway") });
        all.push(Command {
            service: "ec2",
            operation: "CreateRoute",
            input,
        });
    }
    for subnet in params
        .get("subnets")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        all.push(Command {
            service: "ec2",
            operation: "AssociateRouteTable",
            input: json!({ "RouteTableId": "<RouteTableId>", "SubnetId": subnet }),
        });
    }
    all
}

/// One captured or planned rule as an `IpPermission`.
fn permission(rule: &Json) -> Json {
    let peer = |name: &str| rule.get("peer").and_then(|p| p.get(name));
    let group = peer("group").or_else(|| peer("securityGroup"));
    json!({
        "IpProtocol": rule.get("protocol"), "FromPort": rule.get("fromPort"), "ToPort": rule.get("toPort"),
        "IpRanges": peer("cidr").map(|c| json!([{ "CidrIp": c }])), "Ipv6Ranges": peer("cidr6").map(|c| json!([{ "CidrIpv6": c }])),
        "UserIdGroupPairs": group.map(|g| json!([{ "GroupId": g }])), "PrefixListIds": peer("prefixList").map(|p| json!([{ "PrefixListId": p }])),
    })
}

fn rules(params: &Json) -> Vec<Command> {
    let mut all = vec![];
    for (direction, operation) in [
        ("ingress", "AuthorizeSecurityGroupIngress"),
        ("egress", "AuthorizeSecurityGroupEgress"),
    ] {
        let rules = params
            .get("rules")
            .and_then(Json::as_array)
            .into_iter()
            .flatten();
        let permissions: Vec<Json> = rules
            .filter(|r| r.get("direction").and_then(Json::as_str) == Some(direction))
            .map(permission)
            .collect();
        if !permissions.is_empty() {
            all.push(Command {
                service: "ec2",
                operation,
                input: json!({ "GroupId": params.get("group"), "IpPermissions": permissions }),
            });
        }
    }
    all
}

fn policy(params: &Json) -> Json {
    let statements = params
        .get("statements")
        .and_then(Json::as_array)
        .into_iter()
        .flatten();
    let statements: Vec<Json> = statements
        .map(|s| {
            let resources: Vec<Json> = s
                .get("resources")
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
                .map(whole)
                .collect();
            json!({ "Effect": "Allow", "Action": s.get("actions"), "Resource": resources })
        })
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
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

fn restore(params: &Json, tags: Json) -> Vec<Command> {
    let p = |name: &str| params.get(name);
    let s = |name: &str| params.pointer(&format!("/settings/{name}"));
    vec![Command {
        service: "rds",
        operation: "RestoreDBInstanceFromDBSnapshot",
        input: json!({
            "DBInstanceIdentifier": p("identifier"), "DBSnapshotIdentifier": p("snapshot"), "DBSubnetGroupName": p("subnetGroup"), "VpcSecurityGroupIds": p("securityGroups"),
            "DBParameterGroupName": p("parameterGroup"), "OptionGroupName": p("optionGroup"), "DBInstanceClass": s("class"), "Engine": s("engine"), "LicenseModel": s("licenseModel"),
            "AllocatedStorage": s("allocatedStorageGib"), "StorageType": s("storageType"), "MultiAZ": s("multiAz"), "PubliclyAccessible": s("publiclyAccessible"), "Port": s("port"),
            "BackupRetentionPeriod": s("backupRetentionDays"), "PreferredBackupWindow": s("backupWindow"), "AutoMinorVersionUpgrade": s("autoMinorVersionUpgrade"),
            "DeletionProtection": s("deletionProtection"), "CopyTagsToSnapshot": s("copyTagsToSnapshot"), "EnableIAMDatabaseAuthentication": s("iamAuthentication"),
            "EnableCloudwatchLogsExports": s("logExports"), "CACertificateIdentifier": s("caCertificate"), "NetworkType": s("networkType"), "Tags": tags,
        }),
    }]
}

fn service(params: &Json) -> Vec<Command> {
    let p = |name: &str| params.get(name);
    let balancers: Vec<Json> = params
        .get("loadBalancers")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .map(|b| json!({ "targetGroupArn": b.get("targetGroup"), "containerName": b.get("containerName"), "containerPort": b.get("containerPort") }))
        .collect();
    let public = if p("assignPublicIp") == Some(&Json::Bool(true)) {
        "ENABLED"
    } else {
        "DISABLED"
    };
    vec![Command {
        service: "ecs",
        operation: "CreateService",
        input: json!({
            "cluster": p("cluster"), "serviceName": p("name"), "taskDefinition": p("taskDefinition"), "desiredCount": p("desiredCount"),
            "launchType": p("launchType").filter(|l| l.as_str() != Some("")), "platformVersion": p("platformVersion").filter(|l| l.as_str() != Some("")),
            "healthCheckGracePeriodSeconds": p("healthCheckGracePeriodSeconds"), "loadBalancers": balancers,
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": p("subnets"), "securityGroups": p("securityGroups"), "assignPublicIp": public } },
            "deploymentConfiguration": {
                "minimumHealthyPercent": p("minimumHealthyPercent"), "maximumPercent": p("maximumPercent"),
                "deploymentCircuitBreaker": p("circuitBreaker").map(|rollback| json!({ "enable": true, "rollback": rollback })),
            },
        }),
    }]
}

/// The old record deleted exactly, the new one created: one batch.
fn change(params: &Json) -> Vec<Command> {
    let record = |name: &str| {
        params
            .pointer(&format!("/record/{name}"))
            .filter(|v| !v.is_null())
            .cloned()
    };
    let set = |ttl: Option<Json>, values: Option<Json>, alias: Option<Json>| json!({ "Name": record("name"), "Type": record("type"), "TTL": ttl, "ResourceRecords": values, "AliasTarget": alias, "SetIdentifier": record("setIdentifier"), "Failover": record("failover"), "HealthCheckId": record("healthCheckId") });
    let values = record("values")
        .and_then(|v| {
            v.as_array().map(|all| {
                all.iter()
                    .map(|v| json!({ "Value": v }))
                    .collect::<Vec<_>>()
            })
        })
        .filter(|v| !v.is_empty())
        .map(Json::from);
    let alias = record("alias").map(|a| json!({ "HostedZoneId": a.get("hostedZoneId"), "DNSName": a.get("dnsName"), "EvaluateTargetHealth": a.get("evaluateTargetHealth") }));
    let new = match (params.get("ttl"), params.get("to")) {
        (Some(ttl), _) => set(Some(ttl.clone()), values.clone(), alias.clone()),
        (None, Some(to)) if alias.is_some() => {
            let target = json!({ "HostedZoneId": to.get("zoneId"), "DNSName": to.get("dnsName"), "EvaluateTargetHealth": alias.as_ref().and_then(|a| a.get("EvaluateTargetHealth")) });
            set(None, None, Some(target))
        }
        (None, to) => set(
            record("ttl"),
            to.map(|to| json!([{ "Value": to.get("dnsName") }])),
            None,
        ),
    };
    let changes = json!([{ "Action": "DELETE", "ResourceRecordSet": set(record("ttl"), values, alias) }, { "Action": "CREATE", "ResourceRecordSet": new }]);
    vec![Command {
        service: "route53",
        operation: "ChangeResourceRecordSets",
        input: json!({ "HostedZoneId": record("zoneId"), "ChangeBatch": { "Changes": changes } }),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_written_as_the_cli_writes_them() {
        for (operation, command) in [
            ("CopyDBSnapshot", "copy-db-snapshot"),
            (
                "RestoreDBInstanceFromDBSnapshot",
                "restore-db-instance-from-db-snapshot",
            ),
            ("CreateVpc", "create-vpc"),
            ("ModifyDBInstance", "modify-db-instance"),
            ("ChangeResourceRecordSets", "change-resource-record-sets"),
        ] {
            assert_eq!(kebab(operation), command);
        }
    }
}
