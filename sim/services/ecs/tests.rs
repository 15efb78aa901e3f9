//! ECS through its operations and the passing of time.

use crate::clock::{HOUR, MINUTE, Nanos, SECOND};
use crate::error::AwsError;
use crate::plane::{Endpoint, HttpRequest};
use crate::services::ServiceId;
use crate::services::ecs::{TaskAnswer, answer};
use crate::world::World;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-west-2";
const ROLE: &str = "arn:aws:iam::111122223333:role/execution";

/// A world with a VPC that leads to the internet, a role, a cluster, and what belongs to them.
pub(crate) struct Site {
    pub world: World,
    pub vpc: String,
    pub subnets: Vec<String>,
    pub group: String,
}

impl Site {
    pub fn new() -> Site {
        let mut world = World::new(7);
        world.settings.read_lag = 0;
        let mut site = Site {
            world,
            vpc: String::new(),
            subnets: vec![],
            group: String::new(),
        };
        let vpc = site.ok(
            ServiceId::Ec2,
            "CreateVpc",
            json!({ "CidrBlock": "10.0.0.0/16" }),
        );
        site.vpc = vpc["Vpc"]["VpcId"].as_str().unwrap().to_owned();
        let gateway = site.ok(ServiceId::Ec2, "CreateInternetGateway", json!({}));
        let gateway = gateway["InternetGateway"]["InternetGatewayId"].clone();
        let vpc = site.vpc.clone();
        site.ok(
            ServiceId::Ec2,
            "AttachInternetGateway",
            json!({ "InternetGatewayId": gateway, "VpcId": vpc }),
        );
        let tables = site.ok(
            ServiceId::Ec2,
            "DescribeRouteTables",
            json!({ "Filters": [{ "Name": "vpc-id", "Values": [vpc] }] }),
        );
        let table = tables["RouteTables"][0]["RouteTableId"].clone();
        site.ok(
            ServiceId::Ec2,
            "CreateRoute",
            json!({ "RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway }),
        );
        for (n, zone) in ["us-west-2a", "us-west-2b"].iter().enumerate() {
            let subnet = site.ok(
                ServiceId::Ec2,
                "CreateSubnet",
                json!({ "VpcId": vpc, "CidrBlock": format!("10.0.{n}.0/24"), "AvailabilityZone": zone }),
            );
            site.subnets
                .push(subnet["Subnet"]["SubnetId"].as_str().unwrap().to_owned());
        }
        let group = site.ok(
            ServiceId::Ec2,
            "CreateSecurityGroup",
            json!({ "GroupName": "tasks", "Description": "tasks", "VpcId": vpc }),
        );
        site.group = group["GroupId"].as_str().unwrap().to_owned();
        let group = site.group.clone();
        site.ok(
            ServiceId::Ec2,
            "AuthorizeSecurityGroupIngress",
            json!({ "GroupId": group, "IpPermissions": [{ "IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535,
                "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }] }),
        );
        let trust = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
            "Principal": { "Service": "ecs-tasks.amazonaws.com" }, "Action": "sts:AssumeRole" }] });
        site.ok(
            ServiceId::Iam,
            "CreateRole",
            json!({ "RoleName": "execution", "AssumeRolePolicyDocument": trust.to_string() }),
        );
        let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
            "Action": ["logs:*", "ssm:GetParameters", "ecr:*"], "Resource": "*" }] });
        site.ok(
            ServiceId::Iam,
            "PutRolePolicy",
            json!({ "RoleName": "execution", "PolicyName": "p", "PolicyDocument": policy.to_string() }),
        );
        site.pass(MINUTE);
        site.ok(
            ServiceId::Ecs,
            "CreateCluster",
            json!({ "clusterName": "main", "capacityProviders": ["FARGATE", "FARGATE_SPOT"] }),
        );
        site
    }

    pub fn call(
        &mut self,
        service: ServiceId,
        operation: &str,
        input: Value,
    ) -> Result<Value, AwsError> {
        self.world
            .invoke(ACCOUNT, REGION, service, operation, input)
    }

    pub fn ok(&mut self, service: ServiceId, operation: &str, input: Value) -> Value {
        match self.call(service, operation, input) {
            Ok(value) => value,
            Err(error) => panic!("{operation}: {error}"),
        }
    }

    pub fn ecs(&mut self, operation: &str, input: Value) -> Value {
        self.ok(ServiceId::Ecs, operation, input)
    }

    pub fn refused(&mut self, operation: &str, input: Value) -> (String, String) {
        match self.call(ServiceId::Ecs, operation, input) {
            Ok(value) => panic!("{operation} was not refused: {value}"),
            Err(error) => (error.code, error.message),
        }
    }

    pub fn pass(&mut self, time: Nanos) {
        let until = self.world.now() + time;
        self.world.advance_to(until);
    }

    pub fn network(&self) -> Value {
        json!({ "awsvpcConfiguration": { "subnets": self.subnets, "securityGroups": [self.group],
            "assignPublicIp": "ENABLED" } })
    }

    pub fn define(&mut self, family: &str, image: &str, more: Value) -> String {
        let mut container =
            json!({ "name": "app", "image": image, "portMappings": [{ "containerPort": 8080 }] });
        for (member, value) in more.as_object().unwrap() {
            container[member] = value.clone();
        }
        let out = self.ecs(
            "RegisterTaskDefinition",
            json!({ "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
                "memory": "512", "executionRoleArn": ROLE, "containerDefinitions": [container] }),
        );
        out["taskDefinition"]["taskDefinitionArn"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub fn service(&mut self, name: &str, definition: &str, desired: i64) -> Value {
        let network = self.network();
        self.ecs(
            "CreateService",
            json!({ "cluster": "main", "serviceName": name, "taskDefinition": definition, "desiredCount": desired,
                "launchType": "FARGATE", "networkConfiguration": network }),
        )
    }

    pub fn seen(&mut self, name: &str) -> Value {
        self.ecs(
            "DescribeServices",
            json!({ "cluster": "main", "services": [name] }),
        )["services"][0]
            .clone()
    }

    pub fn run(&mut self, definition: &str, more: Value) -> Value {
        let network = self.network();
        let mut input = json!({ "cluster": "main", "taskDefinition": definition, "launchType": "FARGATE",
            "networkConfiguration": network });
        for (member, value) in more.as_object().unwrap() {
            input[member] = value.clone();
        }
        self.ecs("RunTask", input)
    }

    pub fn task(&mut self, arn: &Value) -> Value {
        self.ecs(
            "DescribeTasks",
            json!({ "cluster": "main", "tasks": [arn] }),
        )["tasks"][0]
            .clone()
    }

    pub fn balancer(&mut self) -> (String, String) {
        let (subnets, group, vpc) = (self.subnets.clone(), self.group.clone(), self.vpc.clone());
        let balancer = self.ok(
            ServiceId::Elbv2,
            "CreateLoadBalancer",
            json!({ "Name": "web", "Subnets": subnets, "SecurityGroups": [group] }),
        );
        let target = self.ok(
            ServiceId::Elbv2,
            "CreateTargetGroup",
            json!({ "Name": "web", "Protocol": "HTTP", "Port": 8080, "VpcId": vpc, "TargetType": "ip",
                "HealthCheckIntervalSeconds": 10, "HealthyThresholdCount": 2, "HealthCheckPath": "/" }),
        );
        (
            balancer["LoadBalancers"][0]["LoadBalancerArn"]
                .as_str()
                .unwrap()
                .to_owned(),
            target["TargetGroups"][0]["TargetGroupArn"]
                .as_str()
                .unwrap()
                .to_owned(),
        )
    }

    pub fn listen(&mut self, balancer: &str, target: &str) {
        self.ok(
            ServiceId::Elbv2,
            "CreateListener",
            json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80,
                "DefaultActions": [{ "Type": "forward", "TargetGroupArn": target }] }),
        );
    }
}

const ECHO: &str = "public.ecr.aws/docker/library/http-echo:1.0";

fn detail(task: &Value, name: &str) -> String {
    let details = task["attachments"][0]["details"].as_array().unwrap();
    let found = details.iter().find(|d| d["name"] == name).unwrap();
    found["value"].as_str().unwrap().to_owned()
}

#[test]
fn a_cluster_of_an_active_name_is_given_back_and_a_deleted_one_lingers() {
    let mut site = Site::new();
    let again = site.ecs("CreateCluster", json!({ "clusterName": "main" }));
    assert_eq!(
        again["cluster"]["capacityProviders"],
        json!(["FARGATE", "FARGATE_SPOT"])
    );
    site.ecs("CreateCluster", json!({ "clusterName": "other" }));
    let gone = site.ecs("DeleteCluster", json!({ "cluster": "other" }));
    assert_eq!(gone["cluster"]["status"], "INACTIVE");
    let seen = site.ecs("DescribeClusters", json!({ "clusters": ["other", "none"] }));
    assert_eq!(seen["clusters"][0]["status"], "INACTIVE");
    assert_eq!(seen["failures"][0]["reason"], "MISSING");
    let refused = site.refused("ListTasks", json!({ "cluster": "other" }));
    assert_eq!(refused.0, "ClusterNotFoundException");
}

#[test]
fn fargate_refuses_sizes_that_it_does_not_offer() {
    let mut site = Site::new();
    let refused = site.refused(
        "RegisterTaskDefinition",
        json!({ "family": "x", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "4096", "containerDefinitions": [{ "name": "a", "image": "nginx" }] }),
    );
    assert_eq!(refused.0, "ClientException");
    assert!(
        refused
            .1
            .starts_with("No Fargate configuration exists for given values: 256 CPU, 4096 memory")
    );
}

#[test]
fn secrets_logs_and_private_images_want_an_execution_role() {
    let mut site = Site::new();
    for more in [
        json!({ "secrets": [{ "name": "A", "valueFrom": "/a" }] }),
        json!({ "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "g", "awslogs-region": "us-west-2",
            "awslogs-stream-prefix": "p" } } }),
        json!({ "image": "111122223333.dkr.ecr.us-west-2.amazonaws.com/a:1" }),
    ] {
        let mut container = json!({ "name": "a", "image": "nginx" });
        for (k, v) in more.as_object().unwrap() {
            container[k] = v.clone();
        }
        let refused = site.refused(
            "RegisterTaskDefinition",
            json!({ "family": "x", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
                "memory": "512", "containerDefinitions": [container] }),
        );
        assert_eq!(refused.0, "ClientException");
        assert!(refused.1.contains("ecution"), "{}", refused.1);
    }
}

#[test]
fn revisions_count_up_and_are_not_given_back() {
    let mut site = Site::new();
    assert!(
        site.define("web", ECHO, json!({}))
            .ends_with("task-definition/web:1")
    );
    assert!(site.define("web", ECHO, json!({})).ends_with("web:2"));
    site.ecs(
        "DeregisterTaskDefinition",
        json!({ "taskDefinition": "web:2" }),
    );
    assert!(site.define("web", ECHO, json!({})).ends_with("web:3"));
    let listed = site.ecs("ListTaskDefinitions", json!({ "familyPrefix": "web" }));
    assert_eq!(listed["taskDefinitionArns"].as_array().unwrap().len(), 2);
    let latest = site.ecs("DescribeTaskDefinition", json!({ "taskDefinition": "web" }));
    assert_eq!(latest["taskDefinition"]["revision"], 3);
    let failed = site.ecs(
        "DeleteTaskDefinitions",
        json!({ "taskDefinitions": ["web:1"] }),
    );
    assert_eq!(failed["failures"].as_array().unwrap().len(), 1);
    let gone = site.ecs(
        "DeleteTaskDefinitions",
        json!({ "taskDefinitions": ["web:2"] }),
    );
    assert_eq!(gone["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
    site.pass(5 * MINUTE);
    assert_eq!(
        site.refused(
            "DescribeTaskDefinition",
            json!({ "taskDefinition": "web:2" })
        )
        .0,
        "ClientException"
    );
}

#[test]
fn a_service_converges_and_says_so() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    let made = site.service("web", &definition, 2);
    assert_eq!(
        made["service"]["deployments"][0]["rolloutState"],
        "IN_PROGRESS"
    );
    site.pass(3 * MINUTE);
    let seen = site.seen("web");
    assert_eq!(
        (&seen["runningCount"], &seen["pendingCount"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(seen["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(seen["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!(
        seen["events"][0]["message"],
        "(service web) has reached a steady state."
    );
    let arns = site.ecs(
        "ListTasks",
        json!({ "cluster": "main", "serviceName": "web" }),
    )["taskArns"]
        .clone();
    let zones: Vec<Value> = arns
        .as_array()
        .unwrap()
        .iter()
        .map(|arn| site.task(arn)["availabilityZone"].clone())
        .collect();
    assert_ne!(zones[0], zones[1], "the tasks are spread over the zones");
    let deployments = site.ecs(
        "ListServiceDeployments",
        json!({ "cluster": "main", "service": "web" }),
    );
    assert_eq!(deployments["serviceDeployments"][0]["status"], "SUCCESSFUL");
}

#[test]
fn a_second_service_of_a_name_is_not_idempotent_unless_the_token_says_so() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    let network = site.network();
    let mut input = json!({ "cluster": "main", "serviceName": "web", "taskDefinition": definition, "desiredCount": 1,
        "launchType": "FARGATE", "networkConfiguration": network, "clientToken": "t-1" });
    let first = site.ecs("CreateService", input.clone());
    let again = site.ecs("CreateService", input.clone());
    assert_eq!(
        first["service"]["serviceArn"],
        again["service"]["serviceArn"]
    );
    input["clientToken"] = json!("t-2");
    let refused = site.refused("CreateService", input.clone());
    assert_eq!(
        refused,
        (
            "InvalidParameterException".into(),
            "Creation of service was not idempotent.".into()
        )
    );
    site.pass(3 * MINUTE);
    site.ecs(
        "DeleteService",
        json!({ "cluster": "main", "service": "web", "force": true }),
    );
    assert_eq!(
        site.refused("CreateService", input.clone()).1,
        "Unable to Start a service that is still Draining."
    );
    site.pass(5 * MINUTE);
    assert_eq!(site.seen("web")["status"], "INACTIVE");
    site.ecs("CreateService", input);
}

#[test]
fn a_service_above_zero_is_deleted_only_by_force() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    site.service("web", &definition, 1);
    let refused = site.refused(
        "DeleteService",
        json!({ "cluster": "main", "service": "web" }),
    );
    assert_eq!(
        refused.1,
        "The service cannot be stopped while it is scaled above 0."
    );
    let refused = site.refused("DeleteCluster", json!({ "cluster": "main" }));
    assert_eq!(refused.0, "ClusterContainsServicesException");
    site.ecs(
        "UpdateService",
        json!({ "cluster": "main", "service": "web", "desiredCount": 0 }),
    );
    site.ecs(
        "DeleteService",
        json!({ "cluster": "main", "service": "web" }),
    );
    site.pass(3 * MINUTE);
    site.ecs("DeleteCluster", json!({ "cluster": "main" }));
}

#[test]
fn what_does_not_exist_is_refused_at_creation() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    let base = json!({ "cluster": "main", "serviceName": "web", "taskDefinition": definition, "desiredCount": 1,
        "launchType": "FARGATE" });
    assert_eq!(
        site.refused("CreateService", base.clone()).1,
        "Network Configuration must be provided when networkMode 'awsvpc' is specified."
    );
    let mut wrong = base.clone();
    wrong["networkConfiguration"] =
        json!({ "awsvpcConfiguration": { "subnets": ["subnet-0123456789abcdef0"] } });
    assert!(
        site.refused("CreateService", wrong)
            .1
            .contains("InvalidSubnetID.NotFound")
    );
    let mut wrong = base.clone();
    let mut network = site.network();
    network["awsvpcConfiguration"]["securityGroups"] = json!(["sg-0123456789abcdef0"]);
    wrong["networkConfiguration"] = network;
    assert!(
        site.refused("CreateService", wrong)
            .1
            .contains("InvalidGroup.NotFound")
    );
    let mut wrong = base;
    wrong["taskDefinition"] = json!("nothing");
    assert_eq!(
        site.refused("CreateService", wrong),
        ("ClientException".into(), "TaskDefinition not found.".into())
    );
}

#[test]
fn a_target_group_without_a_listener_is_refused_and_with_one_the_service_serves() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    let (balancer, target) = site.balancer();
    let network = site.network();
    let input = json!({ "cluster": "main", "serviceName": "web", "taskDefinition": definition, "desiredCount": 2,
        "launchType": "FARGATE", "networkConfiguration": network, "healthCheckGracePeriodSeconds": 30,
        "loadBalancers": [{ "targetGroupArn": target, "containerName": "app", "containerPort": 8080 }] });
    let refused = site.refused("CreateService", input.clone());
    assert_eq!(
        refused.1,
        format!(
            "The target group with targetGroupArn {target} does not have an associated load balancer."
        )
    );
    site.listen(&balancer, &target);
    site.ecs("CreateService", input);
    site.pass(10 * MINUTE);
    let seen = site.seen("web");
    assert_eq!(
        seen["deployments"][0]["rolloutState"], "COMPLETED",
        "{seen:#}"
    );
    let health = site.ok(
        ServiceId::Elbv2,
        "DescribeTargetHealth",
        json!({ "TargetGroupArn": target }),
    );
    let states: Vec<&Value> = health["TargetHealthDescriptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["TargetHealth"]["State"])
        .collect();
    assert_eq!(states, [&json!("healthy"), &json!("healthy")]);
    // A task that is stopped leaves its target group first, and is replaced.
    let arns = site.ecs(
        "ListTasks",
        json!({ "cluster": "main", "serviceName": "web" }),
    )["taskArns"]
        .clone();
    site.ecs(
        "StopTask",
        json!({ "cluster": "main", "task": arns[0], "reason": "because" }),
    );
    let task = site.task(&arns[0]);
    assert_eq!(
        (&task["lastStatus"], &task["desiredStatus"]),
        (&json!("DEACTIVATING"), &json!("STOPPED"))
    );
    assert_eq!(
        (&task["stopCode"], &task["stoppedReason"]),
        (&json!("UserInitiated"), &json!("because"))
    );
    site.pass(4 * MINUTE);
    assert_eq!(
        site.task(&arns[0])["lastStatus"],
        "DEACTIVATING",
        "connections drain for 300 s"
    );
    site.pass(4 * MINUTE);
    let task = site.task(&arns[0]);
    assert_eq!(task["lastStatus"], "STOPPED");
    assert_eq!(task["containers"][0]["exitCode"], 0);
    assert_eq!(site.seen("web")["runningCount"], 2);
}

#[test]
fn a_task_that_nobody_finds_healthy_is_killed_after_its_grace_period() {
    let mut site = Site::new();
    let definition = site.define(
        "web",
        "public.ecr.aws/acme/notejam:1",
        json!({ "portMappings": [{ "containerPort": 8080 }] }),
    );
    let (balancer, target) = site.balancer();
    site.listen(&balancer, &target);
    let network = site.network();
    site.ecs(
        "CreateService",
        json!({ "cluster": "main", "serviceName": "web", "taskDefinition": definition, "desiredCount": 1,
            "launchType": "FARGATE", "networkConfiguration": network,
            "loadBalancers": [{ "targetGroupArn": target, "containerName": "app", "containerPort": 8080 }],
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } } }),
    );
    // Nothing listens on 8080 in that image.
    site.pass(10 * MINUTE);
    let seen = site.seen("web");
    let messages = seen["events"].to_string();
    assert!(
        messages.contains("is unhealthy in (target-group"),
        "{messages}"
    );
    site.pass(40 * MINUTE);
    let seen = site.seen("web");
    assert_eq!(seen["deployments"][0]["rolloutState"], "FAILED", "{seen:#}");
    let stopped = site.ecs(
        "ListTasks",
        json!({ "cluster": "main", "desiredStatus": "STOPPED" }),
    );
    let task = site.task(&stopped["taskArns"][0].clone());
    assert!(
        task["stoppedReason"]
            .as_str()
            .unwrap()
            .starts_with("Task failed ELB health checks in")
    );
}

#[test]
fn the_circuit_breaker_rolls_back_to_what_ran() {
    let mut site = Site::new();
    let good = site.define("web", ECHO, json!({}));
    let network = site.network();
    site.ecs(
        "CreateService",
        json!({ "cluster": "main", "serviceName": "web", "taskDefinition": good, "desiredCount": 2,
            "launchType": "FARGATE", "networkConfiguration": network,
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } } }),
    );
    site.pass(3 * MINUTE);
    let bad = site.define(
        "web",
        ECHO,
        json!({ "secrets": [{ "name": "A", "valueFrom": "/none" }] }),
    );
    site.ecs(
        "UpdateService",
        json!({ "cluster": "main", "service": "web", "taskDefinition": bad }),
    );
    site.pass(MINUTE);
    assert_eq!(
        site.seen("web")["runningCount"],
        2,
        "the old tasks go on meanwhile"
    );
    site.pass(20 * MINUTE);
    let seen = site.seen("web");
    assert_eq!(seen["taskDefinition"], good.as_str());
    assert_eq!(seen["deployments"].as_array().unwrap().len(), 1, "{seen:#}");
    assert_eq!(seen["deployments"][0]["rolloutState"], "COMPLETED");
    assert!(
        seen["events"]
            .to_string()
            .contains("deployment failed: tasks failed to start.")
    );
    let deployments = site.ecs(
        "ListServiceDeployments",
        json!({ "cluster": "main", "service": "web" }),
    );
    assert_eq!(
        deployments["serviceDeployments"][0]["status"],
        "ROLLBACK_SUCCESSFUL"
    );
}

#[test]
fn a_first_deployment_that_fails_has_nothing_to_roll_back_to_and_is_final() {
    let mut site = Site::new();
    let bad = site.define(
        "web",
        ECHO,
        json!({ "secrets": [{ "name": "A", "valueFrom": "/none" }] }),
    );
    let network = site.network();
    site.ecs(
        "CreateService",
        json!({ "cluster": "main", "serviceName": "web", "taskDefinition": bad, "desiredCount": 1,
            "launchType": "FARGATE", "networkConfiguration": network,
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } } }),
    );
    site.pass(30 * MINUTE);
    let seen = site.seen("web");
    assert_eq!(seen["deployments"][0]["rolloutState"], "FAILED");
    assert_eq!(
        (&seen["runningCount"], &seen["pendingCount"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(seen["deployments"][0]["failedTasks"], 3);
}

#[test]
fn without_a_breaker_starts_that_fail_back_off() {
    let mut site = Site::new();
    let bad = site.define(
        "web",
        ECHO,
        json!({ "secrets": [{ "name": "A", "valueFrom": "/none" }] }),
    );
    site.service("web", &bad, 1);
    site.pass(55 * MINUTE);
    let stopped = site.ecs(
        "ListTasks",
        json!({ "cluster": "main", "desiredStatus": "STOPPED" }),
    );
    let count = stopped["taskArns"].as_array().unwrap().len();
    assert!((6..20).contains(&count), "{count} tasks in an hour");
    assert!(
        site.seen("web")["events"]
            .to_string()
            .contains("is unable to consistently start tasks successfully")
    );
    let task = site.task(&stopped["taskArns"][0].clone());
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    let reason = task["stoppedReason"].as_str().unwrap();
    assert!(
        reason.starts_with("ResourceInitializationError: unable to pull secrets or registry auth"),
        "{reason}"
    );
}

#[test]
fn a_task_without_a_way_out_fails_late_and_says_why() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    let mut network = site.network();
    network["awsvpcConfiguration"]["assignPublicIp"] = json!("DISABLED");
    let run = site.run(&definition, json!({ "networkConfiguration": network }));
    let arn = run["tasks"][0]["taskArn"].clone();
    site.pass(MINUTE);
    assert_eq!(site.task(&arn)["lastStatus"], "PENDING");
    site.pass(5 * MINUTE);
    let task = site.task(&arn);
    assert_eq!(task["lastStatus"], "STOPPED");
    assert!(
        task["stoppedReason"]
            .as_str()
            .unwrap()
            .starts_with("CannotPullContainerError: "),
        "{task:#}"
    );
}

#[test]
fn a_run_task_token_repeats_for_an_hour_after_the_task_and_then_runs_again() {
    let mut site = Site::new();
    let definition = site.define(
        "job",
        "public.ecr.aws/docker/library/postgres:16",
        json!({ "command": ["sh", "-c", "true"] }),
    );
    let first = site.run(&definition, json!({ "clientToken": "t" }))["tasks"][0]["taskArn"].clone();
    site.pass(20 * MINUTE);
    let again = site.run(&definition, json!({ "clientToken": "t" }));
    assert_eq!(again["tasks"][0]["taskArn"], first);
    let network = site.network();
    let (code, _) = site.refused(
        "RunTask",
        json!({ "cluster": "main", "taskDefinition": definition, "launchType": "FARGATE", "networkConfiguration": network,
            "clientToken": "t", "startedBy": "other" }),
    );
    assert_eq!(code, "ConflictException");
    site.pass(90 * MINUTE);
    let third = site.run(&definition, json!({ "clientToken": "t" }));
    assert_ne!(
        third["tasks"][0]["taskArn"], first,
        "the token has expired, and the task runs again"
    );
}

#[test]
fn capacity_and_quota_come_as_failures_with_an_answer_of_200() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    site.world.limit_capacity(REGION, "FARGATE", Some(1));
    let out = site.run(&definition, json!({ "count": 2 }));
    assert_eq!(out["tasks"].as_array().unwrap().len(), 1);
    assert!(
        out["failures"][0]["reason"]
            .as_str()
            .unwrap()
            .starts_with("Capacity is unavailable at this time.")
    );
}

#[test]
fn a_role_that_does_not_trust_tasks_is_not_assumed() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    let network = site.network();
    let (code, message) = site.refused(
        "RunTask",
        json!({ "cluster": "main", "taskDefinition": definition, "launchType": "FARGATE", "networkConfiguration": network,
            "overrides": { "executionRoleArn": "arn:aws:iam::111122223333:role/none" } }),
    );
    assert_eq!(code, "ClientException");
    assert!(
        message
            .starts_with("ECS was unable to assume the role 'arn:aws:iam::111122223333:role/none'"),
        "{message}"
    );
}

#[test]
fn a_task_answers_on_its_address_only_while_it_runs() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    let arn = site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
    site.pass(2 * MINUTE);
    let task = site.task(&arn);
    assert_eq!(task["lastStatus"], "RUNNING");
    let at = Endpoint {
        account: ACCOUNT.into(),
        region: REGION.into(),
        vpc: site.vpc.clone(),
        ip: detail(&task, "privateIPv4Address"),
        port: 8080,
    };
    let get = HttpRequest::get("x", "/hello");
    assert!(matches!(
        answer(&site.world, &at, &get),
        TaskAnswer::Answer { status: 200, .. }
    ));
    let other = Endpoint {
        port: 81,
        ..at.clone()
    };
    assert_eq!(answer(&site.world, &other, &get), TaskAnswer::Refused);
    site.ecs("StopTask", json!({ "cluster": "main", "task": arn }));
    site.pass(2 * MINUTE);
    assert_eq!(answer(&site.world, &at, &get), TaskAnswer::Refused);
    assert_eq!(site.task(&arn)["lastStatus"], "STOPPED");
    site.pass(2 * HOUR);
    let seen = site.ecs(
        "DescribeTasks",
        json!({ "cluster": "main", "tasks": [arn] }),
    );
    assert_eq!(
        seen["failures"][0]["reason"], "MISSING",
        "a stopped task is forgotten after an hour"
    );
}

#[test]
fn a_service_under_code_deploy_refuses_what_deployments_are_for() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    let (balancer, target) = site.balancer();
    site.listen(&balancer, &target);
    let network = site.network();
    let made = site.ecs(
        "CreateService",
        json!({ "cluster": "main", "serviceName": "web", "taskDefinition": definition, "desiredCount": 1,
            "launchType": "FARGATE", "networkConfiguration": network, "deploymentController": { "type": "CODE_DEPLOY" },
            "loadBalancers": [{ "targetGroupArn": target, "containerName": "app", "containerPort": 8080 }] }),
    );
    assert_eq!(made["service"]["taskSets"][0]["status"], "PRIMARY");
    for change in [
        json!({ "taskDefinition": definition }),
        json!({ "forceNewDeployment": true }),
    ] {
        let mut input = json!({ "cluster": "main", "service": "web" });
        for (k, v) in change.as_object().unwrap() {
            input[k] = v.clone();
        }
        let (code, message) = site.refused("UpdateService", input);
        assert_eq!(code, "InvalidParameterException");
        assert!(
            message.ends_with("Use AWS CodeDeploy to trigger a new deployment."),
            "{message}"
        );
    }
    site.ecs(
        "UpdateService",
        json!({ "cluster": "main", "service": "web", "desiredCount": 2 }),
    );
    site.pass(8 * MINUTE);
    let seen = site.seen("web");
    assert_eq!(
        seen["taskSets"][0]["stabilityStatus"], "STEADY_STATE",
        "{seen:#}"
    );
    assert_eq!(seen["runningCount"], 2);
}

#[test]
fn tags_travel_from_the_service_to_its_tasks_when_told() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    let network = site.network();
    let made = site.ecs(
        "CreateService",
        json!({ "cluster": "main", "serviceName": "web", "taskDefinition": definition, "desiredCount": 1,
            "launchType": "FARGATE", "networkConfiguration": network, "propagateTags": "SERVICE",
            "enableECSManagedTags": true, "tags": [{ "key": "team", "value": "a" }] }),
    );
    site.pass(2 * MINUTE);
    let arns = site.ecs("ListTasks", json!({ "cluster": "main" }))["taskArns"].clone();
    let task = site.ecs(
        "DescribeTasks",
        json!({ "cluster": "main", "tasks": arns, "include": ["TAGS"] }),
    );
    assert!(task["tasks"][0]["tags"].to_string().contains("team"));
    assert!(
        task["tasks"][0]["tags"]
            .to_string()
            .contains("aws:ecs:serviceName")
    );
    let arn = made["service"]["serviceArn"].clone();
    site.ecs("TagResource", json!({ "resourceArn": arn, "tags": [{ "key": "team", "value": "b" }, { "key": "x", "value": "y" }] }));
    site.ecs(
        "UntagResource",
        json!({ "resourceArn": arn, "tagKeys": ["x"] }),
    );
    let tags = site.ecs("ListTagsForResource", json!({ "resourceArn": arn }));
    assert_eq!(tags["tags"], json!([{ "key": "team", "value": "b" }]));
}

#[test]
fn providers_share_tasks_by_base_and_weight() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    let network = site.network();
    site.ecs(
        "CreateService",
        json!({ "cluster": "main", "serviceName": "web", "taskDefinition": definition, "desiredCount": 5,
            "networkConfiguration": network, "capacityProviderStrategy": [
                { "capacityProvider": "FARGATE", "base": 1, "weight": 1 },
                { "capacityProvider": "FARGATE_SPOT", "weight": 3 }] }),
    );
    site.pass(3 * MINUTE);
    let arns = site.ecs("ListTasks", json!({ "cluster": "main" }))["taskArns"].clone();
    let tasks = site.ecs("DescribeTasks", json!({ "cluster": "main", "tasks": arns }));
    let spot = tasks["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|t| t["capacityProviderName"] == "FARGATE_SPOT")
        .count();
    assert_eq!(spot, 3);
}

#[test]
fn a_new_deployment_replaces_tasks_without_falling_below_the_minimum() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    site.service("web", &definition, 3);
    site.pass(3 * MINUTE);
    let before = site.ecs("ListTasks", json!({ "cluster": "main" }))["taskArns"].clone();
    site.ecs(
        "UpdateService",
        json!({ "cluster": "main", "service": "web", "forceNewDeployment": true }),
    );
    for _ in 0..60 {
        site.pass(5 * SECOND);
        assert!(site.seen("web")["runningCount"].as_u64().unwrap() >= 3);
    }
    let seen = site.seen("web");
    assert_eq!(seen["deployments"].as_array().unwrap().len(), 1);
    let after = site.ecs("ListTasks", json!({ "cluster": "main" }))["taskArns"].clone();
    assert!(
        after
            .as_array()
            .unwrap()
            .iter()
            .all(|arn| !before.as_array().unwrap().contains(arn))
    );
}

#[test]
fn a_log_group_that_is_missing_stops_a_task_and_one_that_is_there_gets_its_lines() {
    let mut site = Site::new();
    let log = json!({ "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "/app",
        "awslogs-region": REGION, "awslogs-stream-prefix": "ecs" } }, "command": ["sh", "-c", "echo hello"] });
    let definition = site.define("job", "public.ecr.aws/docker/library/postgres:16", log);
    let arn = site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
    site.pass(3 * MINUTE);
    let reason = site.task(&arn)["stoppedReason"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        reason.contains("The specified log group does not exist."),
        "{reason}"
    );
    site.ok(
        ServiceId::Logs,
        "CreateLogGroup",
        json!({ "logGroupName": "/app" }),
    );
    let arn = site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
    site.pass(3 * MINUTE);
    let task = site.task(&arn);
    assert_eq!(
        (&task["stopCode"], &task["containers"][0]["exitCode"]),
        (&json!("EssentialContainerExited"), &json!(0))
    );
    let id = arn.as_str().unwrap().rsplit('/').next().unwrap();
    let events = site.ok(
        ServiceId::Logs,
        "GetLogEvents",
        json!({ "logGroupName": "/app", "logStreamName": format!("ecs/app/{id}") }),
    );
    assert_eq!(events["events"][0]["message"], "hello");
}

#[test]
fn a_secret_wants_its_role_its_json_key_and_its_kms_key() {
    let mut site = Site::new();
    let key = site.ok(ServiceId::Kms, "CreateKey", json!({}))["KeyMetadata"]["Arn"].clone();
    let secret = site.ok(
        ServiceId::Secrets,
        "CreateSecret",
        json!({ "Name": "app/db", "SecretString": "{\"password\":\"p\"}", "KmsKeyId": key }),
    );
    let arn = secret["ARN"].as_str().unwrap().to_owned();
    let outcome = |site: &mut Site, member: &str| {
        let from = format!("{arn}:{member}::");
        let definition = site.define(
            "web",
            ECHO,
            json!({ "secrets": [{ "name": "A", "valueFrom": from }] }),
        );
        let task = site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
        site.pass(3 * MINUTE);
        let task = site.task(&task);
        format!(
            "{} {}",
            task["lastStatus"].as_str().unwrap(),
            task["stoppedReason"].as_str().unwrap_or("")
        )
    };
    let seen = outcome(&mut site, "password");
    assert!(
        seen.starts_with("STOPPED ResourceInitializationError: ")
            && seen.contains("AccessDeniedException"),
        "{seen}"
    );
    let allow = |actions: Value| {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] }).to_string()
    };
    let policy = |actions: Value| json!({ "RoleName": "execution", "PolicyName": "s", "PolicyDocument": allow(actions) });
    site.ok(
        ServiceId::Iam,
        "PutRolePolicy",
        policy(json!(["secretsmanager:GetSecretValue"])),
    );
    site.pass(MINUTE);
    let seen = outcome(&mut site, "password");
    assert!(
        seen.starts_with("STOPPED ResourceInitializationError: ")
            && seen.to_lowercase().contains("kms"),
        "{seen}"
    );
    site.ok(
        ServiceId::Iam,
        "PutRolePolicy",
        policy(json!(["secretsmanager:GetSecretValue", "kms:Decrypt"])),
    );
    site.pass(MINUTE);
    assert_eq!(outcome(&mut site, "password"), "RUNNING ");
    let seen = outcome(&mut site, "absent");
    assert!(
        seen.starts_with("STOPPED ResourceInitializationError: "),
        "{seen}"
    );
    site.ok(ServiceId::Kms, "DisableKey", json!({ "KeyId": key }));
    let seen = outcome(&mut site, "password");
    assert!(
        seen.starts_with("STOPPED ResourceInitializationError: "),
        "{seen}"
    );
}

#[test]
fn a_private_image_is_pulled_from_the_region_that_its_uri_names() {
    let mut site = Site::new();
    let image = "111122223333.dkr.ecr.us-west-2.amazonaws.com/echo:1";
    let definition = site.define("web", image, json!({}));
    let run = |site: &mut Site| {
        let task = site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
        site.pass(3 * MINUTE);
        site.task(&task)
    };
    let seen = run(&mut site);
    assert!(
        seen["stoppedReason"]
            .as_str()
            .unwrap()
            .starts_with("CannotPullContainerError: "),
        "{seen:#}"
    );
    assert_eq!(seen["containers"][0]["reason"], seen["stoppedReason"]);
    // A repository of that name in another region does not help.
    let other = ("eu-west-1", ServiceId::Ecr);
    site.world
        .invoke(
            ACCOUNT,
            other.0,
            other.1,
            "CreateRepository",
            json!({ "repositoryName": "echo" }),
        )
        .unwrap();
    assert_eq!(run(&mut site)["stopCode"], "TaskFailedToStart");
}
