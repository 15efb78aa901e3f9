//! Random histories over ECS, balancers, ECR, Secrets Manager, KMS, Route 53 and IAM together: after every call, answered or
//! refused, what the services say of each other holds together. Only the APIs are asked, as any client could.

use crate::action::Action;
use crate::keep::Kept;
use crate::world::{Settings, World};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const ACCOUNT: &str = "111122223333";
const HERE: &str = "us-west-2";
const THERE: &str = "eu-west-1";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// One step: what is done, and with which of the things there are.
type Step = (u8, u8, u8);

struct History {
    kept: Kept,
    /// The ids of what was made before the first step.
    made: BTreeMap<&'static str, String>,
}

fn settings() -> Settings {
    Settings {
        read_lag: 0,
        throttle: false,
        odd_statuses: 0.0,
        ..Settings::default()
    }
}

impl History {
    /// A network with a balancer, which the steps build on.
    fn on(kept: Kept) -> History {
        let mut history = History {
            kept,
            made: BTreeMap::new(),
        };
        let keep = |name: &'static str, pointer: &str, answer: Value| {
            let id = answer.pointer(pointer).and_then(Value::as_str);
            id.unwrap_or_else(|| panic!("{name}: {answer}")).to_owned()
        };
        let h = &mut history;
        let vpc = keep(
            "vpc",
            "/Vpc/VpcId",
            h.ok("ec2", "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"})),
        );
        let gateway = keep(
            "igw",
            "/InternetGateway/InternetGatewayId",
            h.ok("ec2", "CreateInternetGateway", json!({})),
        );
        h.ok(
            "ec2",
            "AttachInternetGateway",
            json!({"InternetGatewayId": gateway, "VpcId": vpc}),
        );
        let tables = h.ok(
            "ec2",
            "DescribeRouteTables",
            json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}]}),
        );
        let table = tables["RouteTables"][0]["RouteTableId"].clone();
        h.ok("ec2", "CreateRoute", json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}));
        for (name, n, zone) in [("a", 0, "a"), ("b", 1, "b")] {
            let input = json!({"VpcId": vpc, "CidrBlock": format!("10.0.{n}.0/24"), "AvailabilityZone": format!("{HERE}{zone}")});
            let answer = h.ok("ec2", "CreateSubnet", input);
            h.made.insert(name, keep(name, "/Subnet/SubnetId", answer));
        }
        let group = h.ok(
            "ec2",
            "CreateSecurityGroup",
            json!({"GroupName": "all", "Description": "all", "VpcId": vpc}),
        );
        h.made.insert("group", keep("group", "/GroupId", group));
        h.made.insert("vpc", vpc);
        let subnets = json!([h.made["a"], h.made["b"]]);
        let balancer = h.ok(
            "elbv2",
            "CreateLoadBalancer",
            json!({"Name": "all", "Subnets": subnets, "SecurityGroups": [h.made["group"]]}),
        );
        h.made.insert(
            "balancer",
            keep("balancer", "/LoadBalancers/0/LoadBalancerArn", balancer),
        );
        history
    }

    fn call(
        &mut self,
        region: &str,
        service: &str,
        operation: &str,
        input: Value,
    ) -> Result<Value, Value> {
        let action = Action::Call {
            account: ACCOUNT.into(),
            region: region.into(),
            service: service.into(),
            operation: operation.into(),
            input,
        };
        let mut answer = self.kept.act(&action).unwrap();
        match answer.get_mut("output") {
            Some(output) => Ok(output.take()),
            None => Err(answer["error"].take()),
        }
    }

    fn ok(&mut self, service: &str, operation: &str, input: Value) -> Value {
        let asked = input.clone();
        self.call(HERE, service, operation, input)
            .unwrap_or_else(|error| panic!("{service} {operation} {asked}: {error}"))
    }

    fn pass(&mut self, seconds: u64) {
        let until = self.kept.world().now() + seconds * crate::clock::SECOND;
        self.kept.advance_to(until).unwrap();
    }

    /// All of a list, by its name in the answer.
    fn list(&mut self, service: &str, operation: &str, input: Value, member: &str) -> Vec<Value> {
        let answer = self.ok(service, operation, input);
        answer[member].as_array().cloned().unwrap_or_default()
    }

    fn texts(&mut self, service: &str, operation: &str, input: Value, member: &str) -> Vec<String> {
        let list = self.list(service, operation, input, member);
        list.iter()
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect()
    }

    fn target_group(&mut self, number: u8) -> String {
        let found = self.list("elbv2", "DescribeTargetGroups", json!({}), "TargetGroups");
        let name = format!("tg-{}", number % 3);
        let arn = found.iter().find(|g| g["TargetGroupName"] == name);
        arn.and_then(|g| g["TargetGroupArn"].as_str())
            .unwrap_or("arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/none/0123456789abcdef")
            .to_owned()
    }

    fn step(&mut self, (what, a, b): Step) {
        let (x, y) = (a % 3, b % 3);
        let key = format!("alias/key-{x}");
        let zone = self.list("route53", "ListHostedZones", json!({}), "HostedZones");
        let zone = zone
            .get(a as usize % (zone.len() + 1))
            .map_or("ZNOTHING", |z| z["Id"].as_str().unwrap_or_default());
        let zone = zone.rsplit('/').next().unwrap_or_default().to_owned();
        let made = self.made.clone();
        let placed = json!({"awsvpcConfiguration": {"subnets": [made["a"], made["b"]], "securityGroups": [made["group"]], "assignPublicIp": "ENABLED"}});
        let record = |action: &str| {
            json!({"HostedZoneId": zone, "ChangeBatch": {"Changes": [{"Action": action, "ResourceRecordSet":
                {"Name": format!("r{y}.z{x}.example.com"), "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}}]}})
        };
        let user_policy = format!("arn:aws:iam::{ACCOUNT}:policy/policy-{y}");
        let calls: Vec<(&str, &str, &str, Value)> = match what % 44 {
            0 => vec![(
                HERE,
                "ecs",
                "CreateCluster",
                json!({"clusterName": format!("cluster-{x}")}),
            )],
            1 => vec![(
                HERE,
                "ecs",
                "DeleteCluster",
                json!({"cluster": format!("cluster-{x}")}),
            )],
            2 | 3 => vec![(
                HERE,
                "ecs",
                "RegisterTaskDefinition",
                json!({
                    "family": format!("family-{x}"), "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
                    "containerDefinitions": [{"name": "c", "image": "public.ecr.aws/acme/echo:1", "portMappings": [{"containerPort": 8080}]}]}),
            )],
            4 => vec![(
                HERE,
                "ecs",
                "DeregisterTaskDefinition",
                json!({"taskDefinition": format!("family-{x}:1")}),
            )],
            5 => vec![(
                HERE,
                "ecs",
                "DeleteTaskDefinitions",
                json!({"taskDefinitions": [format!("family-{x}:1")]}),
            )],
            6 | 7 => vec![(
                HERE,
                "ecs",
                "CreateService",
                json!({
                    "cluster": format!("cluster-{x}"), "serviceName": format!("service-{y}"), "taskDefinition": format!("family-{y}"),
                    "desiredCount": a % 4, "launchType": "FARGATE", "networkConfiguration": placed}),
            )],
            8 => {
                let group = self.target_group(b);
                vec![(
                    HERE,
                    "ecs",
                    "CreateService",
                    json!({
                    "cluster": format!("cluster-{x}"), "serviceName": "balanced", "taskDefinition": format!("family-{y}"), "desiredCount": 1,
                    "launchType": "FARGATE", "networkConfiguration": placed,
                    "loadBalancers": [{"targetGroupArn": group, "containerName": "c", "containerPort": 8080}]}),
                )]
            }
            9 | 10 => vec![(
                HERE,
                "ecs",
                "UpdateService",
                json!({"cluster": format!("cluster-{x}"), "service": format!("service-{y}"), "desiredCount": b % 4}),
            )],
            11 => vec![(
                HERE,
                "ecs",
                "DeleteService",
                json!({"cluster": format!("cluster-{x}"), "service": format!("service-{y}"), "force": b % 2 == 0}),
            )],
            12 => vec![(
                HERE,
                "ecs",
                "RunTask",
                json!({"cluster": format!("cluster-{x}"), "taskDefinition": format!("family-{y}"), "launchType": "FARGATE",
                       "networkConfiguration": placed}),
            )],
            13 => vec![(
                HERE,
                "ecs",
                "PutClusterCapacityProviders",
                json!({"cluster": format!("cluster-{x}"), "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
                       "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]}),
            )],
            14 => vec![(
                HERE,
                "elbv2",
                "CreateTargetGroup",
                json!({"Name": format!("tg-{x}"), "Protocol": "HTTP", "Port": 8080, "VpcId": made["vpc"], "TargetType": "ip"}),
            )],
            15 => {
                let group = self.target_group(a);
                vec![(
                    HERE,
                    "elbv2",
                    "CreateListener",
                    json!({"LoadBalancerArn": made["balancer"], "Protocol": "HTTP", "Port": 80 + u32::from(y),
                           "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}]}),
                )]
            }
            16 => {
                let found = self.list(
                    "elbv2",
                    "DescribeListeners",
                    json!({"LoadBalancerArn": made["balancer"]}),
                    "Listeners",
                );
                let arn = found.get(a as usize % (found.len() + 1));
                arn.map(|l| {
                    (
                        HERE,
                        "elbv2",
                        "DeleteListener",
                        json!({"ListenerArn": l["ListenerArn"]}),
                    )
                })
                .into_iter()
                .collect()
            }
            17 => {
                let group = self.target_group(a);
                vec![(
                    HERE,
                    "elbv2",
                    "DeleteTargetGroup",
                    json!({"TargetGroupArn": group}),
                )]
            }
            18 => vec![(
                HERE,
                "ecr",
                "CreateRepository",
                json!({"repositoryName": format!("repository-{x}")}),
            )],
            19 => vec![(
                HERE,
                "ecr",
                "DeleteRepository",
                json!({"repositoryName": format!("repository-{x}"), "force": b % 2 == 0}),
            )],
            20 | 21 => {
                self.push(&format!("repository-{x}"), y, b);
                vec![]
            }
            22 => vec![(
                HERE,
                "ecr",
                "BatchDeleteImage",
                json!({"repositoryName": format!("repository-{x}"), "imageIds": [{"imageTag": format!("tag-{y}")}]}),
            )],
            23 | 24 => {
                if let Ok(made) = self.call(HERE, "kms", "CreateKey", json!({})) {
                    let id = made["KeyMetadata"]["KeyId"].clone();
                    let _ = self.call(
                        HERE,
                        "kms",
                        "CreateAlias",
                        json!({"AliasName": key, "TargetKeyId": id}),
                    );
                }
                vec![]
            }
            25 => vec![(HERE, "kms", "DeleteAlias", json!({"AliasName": key}))],
            26 => {
                let found = self.list("kms", "ListKeys", json!({}), "Keys");
                let id = found.get(b as usize % (found.len() + 1));
                let operation = ["ScheduleKeyDeletion", "DisableKey", "EnableKey"][x as usize];
                id.map(|k| (HERE, "kms", operation, json!({"KeyId": k["KeyId"]})))
                    .into_iter()
                    .collect()
            }
            27 | 28 => vec![(
                HERE,
                "secretsmanager",
                "CreateSecret",
                json!({"Name": format!("secret-{y}"), "SecretString": "one", "KmsKeyId": key}),
            )],
            29 => vec![(
                HERE,
                "secretsmanager",
                "PutSecretValue",
                json!({"SecretId": format!("secret-{y}"), "SecretString": format!("{a}")}),
            )],
            30 => vec![(
                HERE,
                "secretsmanager",
                "DeleteSecret",
                json!({"SecretId": format!("secret-{y}"), "ForceDeleteWithoutRecovery": a % 2 == 0}),
            )],
            31 => vec![(
                HERE,
                "secretsmanager",
                "ReplicateSecretToRegions",
                json!({"SecretId": format!("secret-{y}"), "AddReplicaRegions": [{"Region": THERE}]}),
            )],
            32 => vec![(
                THERE,
                "secretsmanager",
                "StopReplicationToReplica",
                json!({"SecretId": format!("secret-{y}")}),
            )],
            33 => vec![(
                HERE,
                "secretsmanager",
                "RestoreSecret",
                json!({"SecretId": format!("secret-{y}")}),
            )],
            34 => vec![(
                HERE,
                "route53",
                "CreateHostedZone",
                json!({"Name": format!("z{x}.example.com"), "CallerReference": format!("{a}-{b}")}),
            )],
            35 => vec![(HERE, "route53", "DeleteHostedZone", json!({"Id": zone}))],
            36 => vec![(
                HERE,
                "route53",
                "ChangeResourceRecordSets",
                record(["CREATE", "UPSERT"][a as usize % 2]),
            )],
            37 => vec![(
                HERE,
                "route53",
                "ChangeResourceRecordSets",
                record("DELETE"),
            )],
            38 => vec![(
                HERE,
                "iam",
                "CreateRole",
                json!({"RoleName": format!("role-{x}"), "AssumeRolePolicyDocument": TRUST}),
            )],
            39 => vec![(
                HERE,
                "iam",
                "DeleteRole",
                json!({"RoleName": format!("role-{x}")}),
            )],
            40 => vec![
                (
                    HERE,
                    "iam",
                    "CreatePolicy",
                    json!({"PolicyName": format!("policy-{y}"), "PolicyDocument": POLICY}),
                ),
                (
                    HERE,
                    "iam",
                    "AttachRolePolicy",
                    json!({"RoleName": format!("role-{x}"), "PolicyArn": user_policy}),
                ),
            ],
            41 => vec![
                (
                    HERE,
                    "iam",
                    "DetachRolePolicy",
                    json!({"RoleName": format!("role-{x}"), "PolicyArn": user_policy}),
                ),
                (
                    HERE,
                    "iam",
                    "DeletePolicy",
                    json!({"PolicyArn": format!("arn:aws:iam::{ACCOUNT}:policy/policy-{x}")}),
                ),
            ],
            42 => {
                let profile = format!("profile-{y}");
                vec![
                    (
                        HERE,
                        "iam",
                        "CreateInstanceProfile",
                        json!({"InstanceProfileName": profile}),
                    ),
                    (
                        HERE,
                        "iam",
                        ["AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile"]
                            [a as usize % 2],
                        json!({"InstanceProfileName": profile, "RoleName": format!("role-{x}")}),
                    ),
                ]
            }
            _ => {
                self.pass([5, 60, 600][x as usize]);
                vec![]
            }
        };
        for (region, service, operation, input) in calls {
            // Most of it is refused: that is half of what is tried.
            let _ = self.call(region, service, operation, input);
        }
        self.pass(1);
    }

    /// Pushes an image, now and then without one of its layers.
    fn push(&mut self, repository: &str, tag: u8, whim: u8) {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let blobs = [format!("{{\"n\":{tag}}}"), format!("layer {}", whim % 4)];
        let digest = |text: &str| crate::services::ecr::digest(text.as_bytes());
        for blob in &blobs[..if whim.is_multiple_of(5) { 1 } else { 2 }] {
            let upload = self.call(
                HERE,
                "ecr",
                "InitiateLayerUpload",
                json!({"repositoryName": repository}),
            );
            let Ok(upload) = upload else { return };
            let id = upload["uploadId"].clone();
            let _ = self.call(
                HERE,
                "ecr",
                "UploadLayerPart",
                json!({"repositoryName": repository, "uploadId": id, "partFirstByte": 0,
                "partLastByte": blob.len() - 1, "layerPartBlob": STANDARD.encode(blob)}),
            );
            let _ = self.call(
                HERE,
                "ecr",
                "CompleteLayerUpload",
                json!({"repositoryName": repository, "uploadId": id, "layerDigests": [digest(blob)]}),
            );
        }
        let kind = "application/vnd.oci.image.";
        let manifest = json!({"schemaVersion": 2, "mediaType": format!("{kind}manifest.v1+json"),
            "config": {"mediaType": format!("{kind}config.v1+json"), "size": blobs[0].len(), "digest": digest(&blobs[0])},
            "layers": [{"mediaType": format!("{kind}layer.v1.tar"), "size": blobs[1].len(), "digest": digest(&blobs[1])}]});
        let _ = self.call(
            HERE,
            "ecr",
            "PutImage",
            json!({"repositoryName": repository, "imageManifest": manifest.to_string(),
            "imageTag": format!("tag-{tag}")}),
        );
    }

    // ---- what must hold ------------------------------------------------------------------------------------------------

    fn check(&mut self) {
        self.check_compute();
        self.check_balancing();
        self.check_images();
        self.check_keys_and_secrets();
        self.check_zones();
        self.check_identities();
    }

    fn check_compute(&mut self) {
        let families: BTreeSet<String> = ["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"]
            .iter()
            .flat_map(|s| {
                self.texts(
                    "ecs",
                    "ListTaskDefinitions",
                    json!({"status": s}),
                    "taskDefinitionArns",
                )
            })
            .collect();
        let groups: BTreeSet<String> = self
            .list("elbv2", "DescribeTargetGroups", json!({}), "TargetGroups")
            .iter()
            .filter_map(|g| g["TargetGroupArn"].as_str().map(str::to_owned))
            .collect();
        for cluster in self.texts("ecs", "ListClusters", json!({}), "clusterArns") {
            let named = json!({"clusters": [cluster]});
            let shown = self.list("ecs", "DescribeClusters", named, "clusters")[0].clone();
            let on = json!({"cluster": cluster, "maxResults": 100});
            let services = self.texts("ecs", "ListServices", on, "serviceArns");
            assert_eq!(shown["activeServicesCount"], services.len(), "{shown}");
            let mut counted = BTreeMap::new();
            for status in ["RUNNING", "STOPPED"] {
                let on = json!({"cluster": cluster, "desiredStatus": status});
                for arn in self.texts("ecs", "ListTasks", on, "taskArns") {
                    let on = json!({"cluster": cluster, "tasks": [arn]});
                    let task = self.list("ecs", "DescribeTasks", on, "tasks")[0].clone();
                    let definition = task["taskDefinitionArn"].as_str().unwrap();
                    assert!(families.contains(definition), "a task of {definition}");
                    let status = task["lastStatus"].as_str().unwrap().to_owned();
                    *counted.entry(status).or_insert(0) += 1;
                }
            }
            let running = counted.get("RUNNING").copied().unwrap_or(0);
            assert_eq!(shown["runningTasksCount"], running, "{shown} {counted:?}");
            for arn in services {
                let on = json!({"cluster": cluster, "services": [arn]});
                let service = self.list("ecs", "DescribeServices", on, "services")[0].clone();
                assert_eq!(service["status"], "ACTIVE", "{service}");
                let definition = service["taskDefinition"].as_str().unwrap();
                assert!(families.contains(definition), "a service of {definition}");
                let of_deployments: i64 = service["deployments"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|d| d["runningCount"].as_i64().unwrap())
                    .sum();
                assert_eq!(service["runningCount"], of_deployments, "{service}");
                for balancer in service["loadBalancers"].as_array().into_iter().flatten() {
                    let group = balancer["targetGroupArn"].as_str().unwrap();
                    assert!(
                        groups.contains(group),
                        "a service's target group is gone: {group}"
                    );
                }
            }
        }
    }

    fn check_balancing(&mut self) {
        let groups = self.list("elbv2", "DescribeTargetGroups", json!({}), "TargetGroups");
        let known: BTreeSet<&str> = groups
            .iter()
            .filter_map(|g| g["TargetGroupArn"].as_str())
            .collect();
        let on = json!({"LoadBalancerArn": self.made["balancer"]});
        let listeners = self.list("elbv2", "DescribeListeners", on, "Listeners");
        let mut used = BTreeSet::new();
        for listener in &listeners {
            let arn = listener["DefaultActions"][0]["TargetGroupArn"]
                .as_str()
                .unwrap();
            assert!(
                known.contains(arn),
                "a listener forwards to nothing: {listener}"
            );
            used.insert(arn);
        }
        for group in &groups {
            let arn = group["TargetGroupArn"].as_str().unwrap();
            let balancers = group["LoadBalancerArns"].as_array().map_or(0, Vec::len);
            assert_eq!(
                balancers > 0,
                used.contains(arn),
                "{group} and its listeners"
            );
        }
    }

    fn check_images(&mut self) {
        for repository in self.list("ecr", "DescribeRepositories", json!({}), "repositories") {
            let name = json!({"repositoryName": repository["repositoryName"]});
            let ids = self.list("ecr", "ListImages", name.clone(), "imageIds");
            let details = self.list("ecr", "DescribeImages", name, "imageDetails");
            let tags: usize = details
                .iter()
                .map(|d| d["imageTags"].as_array().map_or(0, Vec::len))
                .sum();
            let tagged = ids.iter().filter(|i| i["imageTag"].is_string()).count();
            assert_eq!(tags, tagged, "tags of {repository}");
            let digests: BTreeSet<&str> = ids
                .iter()
                .filter_map(|i| i["imageDigest"].as_str())
                .collect();
            assert_eq!(digests.len(), details.len(), "images of {repository}");
            for digest in digests {
                let input = json!({"repositoryName": repository["repositoryName"], "imageIds": [{"imageDigest": digest}]});
                let image = self.list("ecr", "BatchGetImage", input, "images")[0].clone();
                let text = image["imageManifest"].as_str().unwrap();
                assert_eq!(crate::services::ecr::digest(text.as_bytes()), digest);
                let manifest: Value = serde_json::from_str(text).unwrap();
                let layers =
                    [&manifest["config"], &manifest["layers"][0]].map(|l| l["digest"].clone());
                let input =
                    json!({"repositoryName": repository["repositoryName"], "layerDigests": layers});
                for layer in self.list("ecr", "BatchCheckLayerAvailability", input, "layers") {
                    assert_eq!(layer["layerAvailability"], "AVAILABLE", "{layer}");
                }
            }
        }
    }

    fn check_keys_and_secrets(&mut self) {
        let keys: BTreeSet<String> = self
            .list("kms", "ListKeys", json!({"Limit": 1000}), "Keys")
            .iter()
            .filter_map(|k| k["KeyId"].as_str().map(str::to_owned))
            .collect();
        for alias in self.list("kms", "ListAliases", json!({}), "Aliases") {
            if let Some(target) = alias["TargetKeyId"].as_str() {
                assert!(keys.contains(target), "an alias of nothing: {alias}");
            }
        }
        for secret in self.list("secretsmanager", "ListSecrets", json!({}), "SecretList") {
            let named = json!({"SecretId": secret["ARN"]});
            let shown = self.ok("secretsmanager", "DescribeSecret", named);
            let stages = shown["VersionIdsToStages"].as_object().cloned();
            let current = stages.unwrap_or_default();
            let current = current
                .values()
                .filter(|s| s.as_array().unwrap().contains(&json!("AWSCURRENT")));
            assert_eq!(current.count(), 1, "one version is current: {shown}");
            for replica in shown["ReplicationStatus"].as_array().into_iter().flatten() {
                let named = json!({"SecretId": secret["Name"]});
                let there = self.call(THERE, "secretsmanager", "DescribeSecret", named);
                if replica["Status"] == "InSync" {
                    let there = there.unwrap_or_else(|e| panic!("a replica is gone: {e}"));
                    assert_eq!(there["PrimaryRegion"], HERE, "{there}");
                    assert!(
                        shown["DeletedDate"].is_null(),
                        "a primary with replicas is deleted"
                    );
                }
            }
        }
    }

    fn check_zones(&mut self) {
        let zones = self.list("route53", "ListHostedZones", json!({}), "HostedZones");
        let count = self.ok("route53", "GetHostedZoneCount", json!({}));
        assert_eq!(count["HostedZoneCount"], zones.len());
        for zone in zones {
            let id = zone["Id"].as_str().unwrap().rsplit('/').next().unwrap();
            let named = json!({"HostedZoneId": id});
            let records = self.list(
                "route53",
                "ListResourceRecordSets",
                named,
                "ResourceRecordSets",
            );
            assert_eq!(zone["ResourceRecordSetCount"], records.len(), "{zone}");
            for kind in ["NS", "SOA"] {
                let own = records
                    .iter()
                    .filter(|r| r["Type"] == kind && r["Name"] == zone["Name"]);
                assert_eq!(own.count(), 1, "{zone} has its {kind}");
            }
            let name = zone["Name"].as_str().unwrap();
            assert!(
                records
                    .iter()
                    .all(|r| r["Name"].as_str().unwrap().ends_with(name))
            );
        }
    }

    fn check_identities(&mut self) {
        let mut attached: BTreeMap<String, i64> = BTreeMap::new();
        let roles = self.list("iam", "ListRoles", json!({"MaxItems": 1000}), "Roles");
        for role in &roles {
            let named = json!({"RoleName": role["RoleName"]});
            for policy in self.list("iam", "ListAttachedRolePolicies", named, "AttachedPolicies") {
                let arn = policy["PolicyArn"].as_str().unwrap();
                *attached.entry(arn.to_owned()).or_default() += 1;
            }
        }
        let local = json!({"Scope": "Local"});
        for policy in self.list("iam", "ListPolicies", local, "Policies") {
            let arn = policy["Arn"].as_str().unwrap();
            let count = attached.remove(arn).unwrap_or(0);
            assert_eq!(policy["AttachmentCount"], count, "{policy}");
        }
        let dangling: Vec<_> = attached.keys().filter(|a| a.contains(ACCOUNT)).collect();
        assert!(dangling.is_empty(), "attached and not there: {dangling:?}");
        for profile in self.list("iam", "ListInstanceProfiles", json!({}), "InstanceProfiles") {
            for held in profile["Roles"].as_array().into_iter().flatten() {
                assert!(
                    roles.iter().any(|r| r["RoleName"] == held["RoleName"]),
                    "a profile's role is gone: {profile}"
                );
            }
        }
    }
}

fn fresh() -> History {
    let mut world = World::new(1);
    world.settings = settings();
    History::on(Kept::in_memory(world))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_121), ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_called_the_services_hold_together(steps in prop::collection::vec(any::<Step>(), 1..80)) {
        let mut history = fresh();
        for step in steps {
            history.step(step);
            history.check();
        }
    }

    #[test]
    fn a_fork_equals_its_origin_and_goes_its_own_way(steps in prop::collection::vec(any::<Step>(), 1..60), more in prop::collection::vec(any::<Step>(), 1..20)) {
        let mut origin = fresh();
        steps.iter().for_each(|step| origin.step(*step));
        let before = origin.kept.world().canonical();
        let fork = || History { kept: Kept::in_memory(origin.kept.world().clone()), made: origin.made.clone() };
        let (mut one, mut other) = (fork(), fork());
        prop_assert_eq!(&one.kept.world().canonical(), &before);
        for step in &more {
            one.step(*step);
            other.step(*step);
        }
        prop_assert_eq!(one.kept.world().canonical(), other.kept.world().canonical());
        prop_assert_eq!(origin.kept.world().canonical(), before, "what a fork does is not done to its origin");
    }

    #[test]
    fn a_world_that_is_read_from_its_file_is_the_world_that_was_written(steps in prop::collection::vec(any::<Step>(), 1..60)) {
        let path = std::env::temp_dir().join(format!("aws-sim-{}-histories", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let mut history = History::on(Kept::open(&path, 3, settings()).unwrap());
        steps.iter().for_each(|step| history.step(*step));
        let (before, now) = (history.kept.world().canonical(), history.kept.world().now());
        drop(history);
        let mut again = Kept::open(&path, 1, settings()).unwrap();
        // What was only time passing may not be on disk.
        let until = now.max(again.world().now());
        again.advance_to(until).unwrap();
        let after = again.world().canonical();
        drop(again);
        std::fs::remove_file(&path).unwrap();
        prop_assert_eq!(after, before);
    }
}
