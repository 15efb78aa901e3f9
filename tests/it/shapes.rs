//! Redmine as others may run it: groups that refer to each other, a network that stands, no certificate, a second service,
//! another database. Each is moved and undone, or refused with a code.

use std::collections::BTreeMap;

use aws_sim::oracle;
use aws_sim::world::World;
use drtool::expand::Rehearsal;
use drtool_engine::step::Effect;
use serde_json::Value;

use crate::kill::{self, When};
use crate::world::{Bench, done};

/// The source's groups, by their names.
const GROUPS: &str = r#"
    { call: "ec2 DescribeSecurityGroups", with: { Filters: [{ Name: group-name, Values: [redmine-service] }] }, keep: { service: /SecurityGroups/0/GroupId } },
    { call: "ec2 DescribeSecurityGroups", with: { Filters: [{ Name: group-name, Values: [redmine-database] }] }, keep: { database: /SecurityGroups/0/GroupId } }
"#;

fn unchanged(base: &str, _: &BTreeMap<String, String>) -> String {
    base.to_owned()
}

/// Moves with users who write, and loses nothing.
fn moves(bench: &Bench) -> World {
    bench.users();
    bench.wait(300);
    done(bench.live(bench.begin(bench.plan(Rehearsal::Real))));
    bench.wait(3_600);
    let world = bench.fork();
    let lost = oracle::lost(&world, &bench.database("eu-west-1"));
    assert!(lost.is_empty(), "{lost:?}");
    world
}

/// The rules of the target's groups by name, with the names of the groups that they refer to.
fn rules(world: &World, region: &str) -> BTreeMap<String, Vec<String>> {
    let described = world.described();
    let place = &described[format!("111122223333 {region}")];
    let all: Vec<Value> = place["ec2 DescribeSecurityGroups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|a| a["is"]["SecurityGroups"].as_array().unwrap())
        .cloned()
        .collect();
    let named = |id: &Value| {
        all.iter()
            .find(|g| g["GroupId"] == *id)
            .map_or("?", |g| g["GroupName"].as_str().unwrap())
            .to_owned()
    };
    all.iter()
        .map(|group| {
            let mut words = vec![];
            for (direction, member) in [("in", "IpPermissions"), ("out", "IpPermissionsEgress")] {
                for permission in group[member].as_array().into_iter().flatten() {
                    let ports = format!(
                        "{direction} {} {}",
                        permission["IpProtocol"].as_str().unwrap(),
                        permission["FromPort"]
                    );
                    for range in permission["IpRanges"].as_array().into_iter().flatten() {
                        words.push(format!("{ports} {}", range["CidrIp"].as_str().unwrap()));
                    }
                    for pair in permission["UserIdGroupPairs"]
                        .as_array()
                        .into_iter()
                        .flatten()
                    {
                        words.push(format!("{ports} {}", named(&pair["GroupId"])));
                    }
                }
            }
            words.sort();
            (group["GroupName"].as_str().unwrap().to_owned(), words)
        })
        .filter(|(name, _)| name.starts_with("redmine"))
        .collect()
}

fn mutual() -> Bench {
    let calls = format!(
        r#"{GROUPS},
    {{ call: "ec2 RevokeSecurityGroupIngress", with: {{ GroupId: "${{database}}", IpPermissions: [{{ IpProtocol: tcp, FromPort: 5432, ToPort: 5432, IpRanges: [{{ CidrIp: 0.0.0.0/0 }}] }}] }} }},
    {{ call: "ec2 AuthorizeSecurityGroupIngress", with: {{ GroupId: "${{database}}", IpPermissions: [{{ IpProtocol: tcp, FromPort: 5432, ToPort: 5432, UserIdGroupPairs: [{{ GroupId: "${{service}}" }}] }}] }} }},
    {{ call: "ec2 RevokeSecurityGroupEgress", with: {{ GroupId: "${{service}}", IpPermissions: [{{ IpProtocol: "-1", IpRanges: [{{ CidrIp: 0.0.0.0/0 }}] }}] }} }},
    {{ call: "ec2 AuthorizeSecurityGroupEgress", with: {{ GroupId: "${{service}}", IpPermissions: [{{ IpProtocol: tcp, FromPort: 5432, ToPort: 5432, UserIdGroupPairs: [{{ GroupId: "${{database}}" }}] }}, {{ IpProtocol: tcp, FromPort: 443, ToPort: 443, IpRanges: [{{ CidrIp: 0.0.0.0/0 }}] }}] }} }},
    {{ call: "ec2 AuthorizeSecurityGroupIngress", with: {{ GroupId: "${{service}}", IpPermissions: [{{ IpProtocol: tcp, FromPort: 7000, ToPort: 7999, UserIdGroupPairs: [{{ GroupId: "${{service}}" }}] }}] }} }}"#
    );
    Bench::changed(&calls, unchanged)
}

#[test]
fn groups_that_refer_to_each_other_and_to_themselves_are_made_again() {
    let bench = mutual();
    let before = rules(&bench.fork(), "us-west-2");
    let world = moves(&bench);
    let after = rules(&world, "eu-west-1");
    assert_eq!(after, before, "the same rules among the target's groups");
    assert_eq!(after["redmine-database"].len(), 2);
    assert_eq!(after["redmine-service"].len(), 4);
}

#[test]
fn groups_that_refer_to_each_other_are_taken_back() {
    kill::is_taken_back(&mutual(), Rehearsal::Real, When::Events(3_000));
}

/// A network in the target that stands, as somebody else has made it.
const STANDING: &str = r#"
    { call: "ec2 CreateVpc", region: eu-west-1, with: { CidrBlock: 10.77.0.0/16 }, keep: { vpc: /Vpc/VpcId } },
    { call: "ec2 ModifyVpcAttribute", region: eu-west-1, with: { VpcId: "${vpc}", EnableDnsHostnames: { Value: true } } },
    { call: "ec2 CreateInternetGateway", region: eu-west-1, keep: { igw: /InternetGateway/InternetGatewayId } },
    { call: "ec2 AttachInternetGateway", region: eu-west-1, with: { InternetGatewayId: "${igw}", VpcId: "${vpc}" } },
    { call: "ec2 CreateSubnet", region: eu-west-1, with: { VpcId: "${vpc}", CidrBlock: 10.77.0.0/24, AvailabilityZone: eu-west-1a }, keep: { public_a: /Subnet/SubnetId } },
    { call: "ec2 CreateSubnet", region: eu-west-1, with: { VpcId: "${vpc}", CidrBlock: 10.77.1.0/24, AvailabilityZone: eu-west-1b }, keep: { public_b: /Subnet/SubnetId } },
    { call: "ec2 CreateSubnet", region: eu-west-1, with: { VpcId: "${vpc}", CidrBlock: 10.77.2.0/24, AvailabilityZone: eu-west-1a }, keep: { private_a: /Subnet/SubnetId } },
    { call: "ec2 CreateSubnet", region: eu-west-1, with: { VpcId: "${vpc}", CidrBlock: 10.77.3.0/24, AvailabilityZone: eu-west-1b }, keep: { private_b: /Subnet/SubnetId } },
    { call: "ec2 CreateSubnet", region: eu-west-1, with: { VpcId: "${vpc}", CidrBlock: 10.77.4.0/24, AvailabilityZone: eu-west-1a }, keep: { isolated_a: /Subnet/SubnetId } },
    { call: "ec2 CreateSubnet", region: eu-west-1, with: { VpcId: "${vpc}", CidrBlock: 10.77.5.0/24, AvailabilityZone: eu-west-1b }, keep: { isolated_b: /Subnet/SubnetId } },
    { call: "ec2 CreateRouteTable", region: eu-west-1, with: { VpcId: "${vpc}" }, keep: { out: /RouteTable/RouteTableId } },
    { call: "ec2 CreateRoute", region: eu-west-1, with: { RouteTableId: "${out}", DestinationCidrBlock: 0.0.0.0/0, GatewayId: "${igw}" } },
    { call: "ec2 AssociateRouteTable", region: eu-west-1, with: { RouteTableId: "${out}", SubnetId: "${public_a}" } },
    { call: "ec2 AssociateRouteTable", region: eu-west-1, with: { RouteTableId: "${out}", SubnetId: "${public_b}" } },
    { call: "ec2 AllocateAddress", region: eu-west-1, with: { Domain: vpc }, keep: { address: /AllocationId } },
    { call: "ec2 CreateNatGateway", region: eu-west-1, with: { SubnetId: "${public_a}", AllocationId: "${address}" }, keep: { nat: /NatGateway/NatGatewayId } },
    { call: "ec2 DescribeNatGateways", region: eu-west-1, with: { NatGatewayIds: ["${nat}"] }, until: { at: /NatGateways/0/State, is: available } },
    { call: "ec2 CreateRouteTable", region: eu-west-1, with: { VpcId: "${vpc}" }, keep: { through: /RouteTable/RouteTableId } },
    { call: "ec2 CreateRoute", region: eu-west-1, with: { RouteTableId: "${through}", DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: "${nat}" } },
    { call: "ec2 AssociateRouteTable", region: eu-west-1, with: { RouteTableId: "${through}", SubnetId: "${private_a}" } },
    { call: "ec2 AssociateRouteTable", region: eu-west-1, with: { RouteTableId: "${through}", SubnetId: "${private_b}" } }
"#;

fn adopted() -> Bench {
    Bench::changed(STANDING, |base, kept| {
        let id = |name: &str| kept[name].clone();
        base.replace(
            "network: { cidr: 10.20.0.0/16 }",
            &format!(
                "network: {{ vpc: {}, subnets: {{ public: [{}, {}], private: [{}, {}], isolated: [{}, {}] }} }}",
                id("vpc"),
                id("public_a"),
                id("public_b"),
                id("private_a"),
                id("private_b"),
                id("isolated_a"),
                id("isolated_b")
            ),
        )
    })
}

#[test]
fn a_network_that_stands_is_used_and_nothing_is_added_to_it_but_groups() {
    let bench = adopted();
    let plan = bench.plan(Rehearsal::Real);
    for kind in [
        "vpc",
        "subnet",
        "nat-gateway",
        "internet-gateway",
        "route-table",
    ] {
        assert!(plan.steps.iter().all(|s| s.kind != kind), "{kind}");
    }
    let count = |world: &World, read: &str, list: &str| {
        world.described()["111122223333 eu-west-1"][read][0]["is"][list]
            .as_array()
            .map_or(0, Vec::len)
    };
    let before = bench.fork();
    let world = moves(&bench);
    for (read, list) in [
        ("ec2 DescribeVpcs", "Vpcs"),
        ("ec2 DescribeSubnets", "Subnets"),
        ("ec2 DescribeRouteTables", "RouteTables"),
    ] {
        assert_eq!(
            count(&before, read, list),
            count(&world, read, list),
            "{read}"
        );
    }
}

#[test]
fn a_network_that_stands_is_left_as_it_was() {
    kill::is_taken_back(&adopted(), Rehearsal::Real, When::Events(2_500));
}

#[test]
fn a_stack_without_a_certificate_moves_over_plain_http() {
    let calls = r#"
    { call: "elbv2 DescribeLoadBalancers", with: { Names: [redmine] }, keep: { balancer: /LoadBalancers/0/LoadBalancerArn } },
    { call: "elbv2 DescribeTargetGroups", with: { Names: [redmine] }, keep: { group: /TargetGroups/0/TargetGroupArn } },
    { call: "elbv2 DescribeListeners", with: { LoadBalancerArn: "${balancer}" }, keep: { plain: "/Listeners/[Port=80]/ListenerArn", secure: "/Listeners/[Port=443]/ListenerArn" } },
    { call: "elbv2 ModifyListener", with: { ListenerArn: "${plain}", DefaultActions: [{ Type: forward, TargetGroupArn: "${group}" }] } },
    { call: "elbv2 DeleteListener", with: { ListenerArn: "${secure}" } }
"#;
    let bench = Bench::changed(calls, unchanged);
    let plan = bench.plan(Rehearsal::Real);
    assert!(plan.steps.iter().all(|s| s.kind != "certificate"));
    bench.act(&aws_sim::action::Action::AddUsers {
        name: "plain".into(),
        host: "redmine.sidpotti.infracourse.cloud".into(),
        https: false,
        path: "/login".into(),
        count: 5,
        every: 10.0,
    });
    bench.wait(300);
    done(bench.live(bench.begin(plan)));
    let moved = bench.session.world().unwrap().clock().nanos();
    bench.wait(3_600);
    let world = bench.fork();
    let target = bench.database("eu-west-1");
    assert_eq!(oracle::lost(&world, &target), []);
    assert!(
        oracle::accepted_after(&world, &target, moved)
            .iter()
            .any(|row| row.client == "plain-1")
    );
}

/// A worker beside the web service, without a balancer.
fn worker() -> Bench {
    let calls = r#"
    { call: "ecs DescribeServices", with: { cluster: redmine, services: [web] }, keep: { definition: /services/0/taskDefinition, subnet: /services/0/networkConfiguration/awsvpcConfiguration/subnets/0, group: /services/0/networkConfiguration/awsvpcConfiguration/securityGroups/0 } },
    { call: "ecs CreateService", with: { cluster: redmine, serviceName: worker, taskDefinition: "${definition}", desiredCount: 1, launchType: FARGATE, networkConfiguration: { awsvpcConfiguration: { subnets: ["${subnet}"], securityGroups: ["${group}"], assignPublicIp: DISABLED } } } },
    { call: "ecs DescribeServices", with: { cluster: redmine, services: [worker] }, until: { at: /services/0/runningCount, is: "1" } }
"#;
    Bench::changed(calls, |base, _| {
        base.replace(
            "# The only records that a cut may change.",
            "  - name: worker\n    service: redmine/worker\n    environment: { DB_HOST: \"${database.main.endpoint}\" }\n\n# The only records that a cut may change.",
        )
    })
}

#[test]
fn a_second_service_is_fenced_and_moved_with_the_first() {
    let bench = worker();
    let plan = bench.plan(Rehearsal::Real);
    let fenced: Vec<&str> = plan
        .steps
        .iter()
        .filter(|s| s.effect == Effect::Fences && s.kind == "service-scale")
        .map(|s| s.id.as_str())
        .collect();
    assert_eq!(fenced.len(), 2, "{fenced:?}");
    let world = moves(&bench);
    let described = world.described();
    let services = |region: &str| -> BTreeMap<String, u64> {
        described[format!("111122223333 {region}")]["ecs DescribeServices"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|a| a["is"]["services"].as_array().unwrap())
            .map(|s| {
                (
                    s["serviceName"].as_str().unwrap().to_owned(),
                    s["runningCount"].as_u64().unwrap(),
                )
            })
            .collect()
    };
    let both = |web: u64, worker: u64| {
        BTreeMap::from([("web".to_owned(), web), ("worker".to_owned(), worker)])
    };
    assert_eq!(services("eu-west-1"), both(2, 1));
    assert_eq!(services("us-west-2"), both(0, 0));
}

#[test]
fn a_second_service_is_given_back() {
    kill::is_taken_back(&worker(), Rehearsal::Real, When::Events(3_000));
}

#[test]
fn a_secret_that_the_manifest_asks_to_rewrite_names_the_target() {
    let bench = Bench::changed("", |base, _| {
        base.replace(
            "secrets: [redmine/db, redmine/app]",
            "secrets:\n  - { name: redmine/db, rewrite: { host: \"${database.main.endpoint}\" } }\n  - redmine/app",
        )
    });
    let world = moves(&bench);
    let described = world.described();
    let values: Vec<&str> = described["111122223333 eu-west-1"]["secretsmanager GetSecretValue"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|a| a["is"]["SecretString"].as_str())
        .collect();
    let value: Value = values
        .iter()
        .filter_map(|v| serde_json::from_str::<Value>(v).ok())
        .find(|v| v["host"].is_string())
        .unwrap();
    assert!(value["host"].as_str().unwrap().contains("eu-west-1"));
    assert_eq!(value["password"], "sandbox-Redmine-db-5.1");
    assert!(values.iter().all(|v| !v.contains("us-west-2")));
}

#[test]
fn a_database_that_nobody_can_compare_is_refused() {
    let calls = format!(
        r#"{GROUPS},
    {{ call: "rds CreateDBInstance", with: {{ DBInstanceIdentifier: redmine-my, DBName: redmine, Engine: mysql, EngineVersion: "8.0.40", DBInstanceClass: db.t4g.medium, AllocatedStorage: 20, MasterUsername: redmine, MasterUserPassword: sandbox-Redmine-db-5.1, DBSubnetGroupName: redmine, VpcSecurityGroupIds: ["${{database}}"] }} }},
    {{ call: "rds DescribeDBInstances", with: {{ DBInstanceIdentifier: redmine-my }}, until: {{ at: /DBInstances/0/DBInstanceStatus, is: available }} }}"#
    );
    let bench = Bench::changed(&calls, |base, _| {
        base.replace("instance: redmine-db", "instance: redmine-my")
    });
    let told = bench
        .planned(Rehearsal::Real)
        .expect_err("it cannot be compared")
        .render(false);
    assert!(told.contains("E1118"), "{told}");
}

#[test]
fn a_stack_without_a_record_is_refused_or_moved_without_a_cut() {
    let bench = Bench::changed("", |base, _| {
        base.replace(
            "dns:\n  - { zone: infracourse.cloud, record: redmine.sidpotti.infracourse.cloud, to: web }\n",
            "",
        )
    });
    let told = bench
        .planned(Rehearsal::Real)
        .expect_err("its certificate has nobody to prove it")
        .render(false);
    assert!(told.contains("E1114"), "{told}");
}
