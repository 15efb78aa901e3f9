//! What AWS was in the middle of waits in the dark and goes on in the light; what runs goes on running.

use crate::clock::{HOUR, MINUTE};
use crate::faults::Rule;
use crate::plane::{Endpoint, HttpRequest};
use crate::services::ServiceId;
use crate::services::ecs::tests::Site;
use crate::services::ecs::{TaskAnswer, answer};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "eu-west-1";
const ECHO: &str = "public.ecr.aws/docker/library/http-echo:1.0";

fn dark(site: &mut Site, region: &str, plane: &str) {
    let rule = json!({"id": "dark", "region": region, "fault": {"blackout": {"plane": plane}}});
    let rule = Rule::from_json(&rule.to_string()).unwrap();
    site.world.faults.add(rule);
}

/// Begins something, and looks at it before, during and after an hour in which a control plane is dark.
fn waits_and_goes_on(
    begin: impl Fn(&mut Site) -> String,
    look: impl Fn(&mut Site, &str) -> Value,
    region: &str,
    plane: &str,
    (before, after): (Value, Value),
) {
    let mut site = Site::new();
    let id = begin(&mut site);
    dark(&mut site, region, plane);
    site.pass(HOUR);
    assert_eq!(look(&mut site, &id), before, "in the dark: {id}");
    site.world.faults.remove("dark");
    site.pass(HOUR);
    assert_eq!(look(&mut site, &id), after, "in the light: {id}");
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("{pointer} of {value}"))
        .to_owned()
}

#[test]
fn a_service_gets_no_tasks_while_its_control_plane_is_dark() {
    waits_and_goes_on(
        |site| {
            let definition = site.define("web", ECHO, json!({}));
            site.service("web", &definition, 2);
            "web".into()
        },
        |site, id| site.seen(id)["runningCount"].clone(),
        "us-west-2",
        "control",
        (json!(0), json!(2)),
    );
}

#[test]
fn a_task_that_runs_goes_on_and_answers_while_the_control_plane_is_dark() {
    let mut site = Site::new();
    let definition = site.define("web", ECHO, json!({}));
    site.service("web", &definition, 1);
    site.pass(5 * MINUTE);
    let listed = site.ecs(
        "ListTasks",
        json!({ "cluster": "main", "serviceName": "web" }),
    );
    let task = site.task(&listed["taskArns"][0].clone());
    let details = task["attachments"][0]["details"].as_array().unwrap();
    let address = details.iter().find(|d| d["name"] == "privateIPv4Address");
    let at = Endpoint {
        account: ACCOUNT.into(),
        region: "us-west-2".into(),
        vpc: site.vpc.clone(),
        ip: text(address.unwrap(), "/value"),
        port: 8080,
    };
    dark(&mut site, "us-west-2", "control");
    site.pass(HOUR);
    let answered = answer(&site.world, &at, &HttpRequest::get("x", "/"));
    assert!(
        matches!(answered, TaskAnswer::Answer { status: 200, .. }),
        "{answered:?}"
    );
}

#[test]
fn a_balancer_becomes_active_in_the_light() {
    waits_and_goes_on(
        |site| site.balancer().0,
        |site, arn| {
            let input = json!({ "LoadBalancerArns": [arn] });
            let seen = site.ok(ServiceId::Elbv2, "DescribeLoadBalancers", input);
            seen["LoadBalancers"][0]["State"]["Code"].clone()
        },
        "us-west-2",
        "control",
        (json!("provisioning"), json!("active")),
    );
}

#[test]
fn a_nat_gateway_becomes_available_in_the_light() {
    waits_and_goes_on(
        |site| {
            let address = site.ok(
                ServiceId::Ec2,
                "AllocateAddress",
                json!({ "Domain": "vpc" }),
            );
            let subnet = site.subnets[0].clone();
            let input = json!({ "SubnetId": subnet, "AllocationId": address["AllocationId"] });
            let made = site.ok(ServiceId::Ec2, "CreateNatGateway", input);
            text(&made, "/NatGateway/NatGatewayId")
        },
        |site, id| {
            let input = json!({ "NatGatewayIds": [id] });
            let seen = site.ok(ServiceId::Ec2, "DescribeNatGateways", input);
            seen["NatGateways"][0]["State"].clone()
        },
        "us-west-2",
        "control",
        (json!("pending"), json!("available")),
    );
}

fn database(site: &mut Site) -> String {
    let subnets = site.subnets.clone();
    site.ok(
        ServiceId::Rds,
        "CreateDBSubnetGroup",
        json!({ "DBSubnetGroupName": "g", "DBSubnetGroupDescription": "g", "SubnetIds": subnets }),
    );
    site.ok(
        ServiceId::Rds,
        "CreateDBInstance",
        json!({ "DBInstanceIdentifier": "db", "DBInstanceClass": "db.t4g.medium", "Engine": "postgres",
            "AllocatedStorage": 20, "MasterUsername": "redmine", "MasterUserPassword": "correct-horse",
            "DBSubnetGroupName": "g" }),
    );
    "db".into()
}

#[test]
fn a_database_is_made_in_the_light() {
    waits_and_goes_on(
        database,
        |site, id| {
            let input = json!({ "DBInstanceIdentifier": id });
            let seen = site.ok(ServiceId::Rds, "DescribeDBInstances", input);
            seen["DBInstances"][0]["DBInstanceStatus"].clone()
        },
        "us-west-2",
        "control",
        (json!("creating"), json!("available")),
    );
}

#[test]
fn a_snapshot_is_taken_in_the_light() {
    waits_and_goes_on(
        |site| {
            database(site);
            site.pass(HOUR);
            let input = json!({ "DBInstanceIdentifier": "db", "DBSnapshotIdentifier": "s" });
            site.ok(ServiceId::Rds, "CreateDBSnapshot", input);
            "s".into()
        },
        |site, id| {
            let input = json!({ "DBSnapshotIdentifier": id });
            let seen = site.ok(ServiceId::Rds, "DescribeDBSnapshots", input);
            seen["DBSnapshots"][0]["Status"].clone()
        },
        "us-west-2",
        "control",
        (json!("creating"), json!("available")),
    );
}

#[test]
fn a_secret_reaches_a_region_only_while_both_ends_have_light() {
    for region in ["us-west-2", OTHER] {
        waits_and_goes_on(
            |site| {
                let input = json!({ "Name": "s", "SecretString": "one",
                    "AddReplicaRegions": [{ "Region": OTHER }] });
                site.ok(ServiceId::Secrets, "CreateSecret", input);
                "s".into()
            },
            |site, id| {
                let input = json!({ "SecretId": id });
                let seen = site.ok(ServiceId::Secrets, "DescribeSecret", input);
                seen["ReplicationStatus"][0]["Status"].clone()
            },
            region,
            "data",
            (json!("InProgress"), json!("InSync")),
        );
    }
}

#[test]
fn a_key_reaches_a_region_whose_control_plane_has_light() {
    waits_and_goes_on(
        |site| {
            let made = site.ok(ServiceId::Kms, "CreateKey", json!({ "MultiRegion": true }));
            let id = text(&made, "/KeyMetadata/KeyId");
            let input = json!({ "KeyId": id, "ReplicaRegion": OTHER });
            site.ok(ServiceId::Kms, "ReplicateKey", input);
            id
        },
        |site, id| {
            let input = json!({ "KeyId": id });
            let seen = site
                .world
                .invoke(ACCOUNT, OTHER, ServiceId::Kms, "DescribeKey", input);
            seen.unwrap()["KeyMetadata"]["KeyState"].clone()
        },
        OTHER,
        "control",
        (json!("Creating"), json!("Enabled")),
    );
}

#[test]
fn a_change_of_records_is_in_sync_when_us_east_1_has_light() {
    waits_and_goes_on(
        |site| {
            let input = json!({ "Name": "example.com", "CallerReference": "one" });
            let made = site.ok(ServiceId::Route53, "CreateHostedZone", input);
            text(&made, "/ChangeInfo/Id")
        },
        |site, id| {
            let seen = site.ok(ServiceId::Route53, "GetChange", json!({ "Id": id }));
            seen["ChangeInfo"]["Status"].clone()
        },
        "us-east-1",
        "control",
        (json!("PENDING"), json!("INSYNC")),
    );
}

#[test]
fn a_certificate_is_issued_in_the_light() {
    waits_and_goes_on(
        |site| {
            let input = json!({ "Name": "example.com", "CallerReference": "one" });
            let zone = site.ok(ServiceId::Route53, "CreateHostedZone", input);
            let zone = text(&zone, "/HostedZone/Id");
            let zone = zone.rsplit('/').next().unwrap().to_owned();
            let input = json!({ "DomainName": "example.com", "ValidationMethod": "DNS" });
            let asked = site.ok(ServiceId::Acm, "RequestCertificate", input);
            let arn = text(&asked, "/CertificateArn");
            site.pass(MINUTE);
            let seen = site.ok(
                ServiceId::Acm,
                "DescribeCertificate",
                json!({ "CertificateArn": arn }),
            );
            let record = &seen["Certificate"]["DomainValidationOptions"][0]["ResourceRecord"];
            let change = json!({ "Action": "CREATE", "ResourceRecordSet": { "Name": record["Name"], "Type": "CNAME",
                "TTL": 60, "ResourceRecords": [{ "Value": record["Value"] }] } });
            let input = json!({ "HostedZoneId": zone, "ChangeBatch": { "Changes": [change] } });
            site.ok(ServiceId::Route53, "ChangeResourceRecordSets", input);
            arn
        },
        |site, arn| {
            let input = json!({ "CertificateArn": arn });
            let seen = site.ok(ServiceId::Acm, "DescribeCertificate", input);
            seen["Certificate"]["Status"].clone()
        },
        "us-west-2",
        "control",
        (json!("PENDING_VALIDATION"), json!("ISSUED")),
    );
}

#[test]
fn a_first_service_cannot_have_its_role_made_while_us_east_1_is_dark() {
    let mut site = Site::new();
    dark(&mut site, "us-east-1", "control");
    let (subnets, group) = (site.subnets.clone(), site.group.clone());
    let input = json!({ "Name": "web", "Subnets": subnets, "SecurityGroups": [group] });
    let refused = site.call(ServiceId::Elbv2, "CreateLoadBalancer", input.clone());
    let refused = refused.unwrap_err();
    assert!(refused.message.contains("service linked role"), "{refused}");
    site.world.faults.remove("dark");
    site.ok(ServiceId::Elbv2, "CreateLoadBalancer", input);
}

#[test]
fn what_is_stuck_does_not_go_on_and_its_neighbour_does() {
    let mut site = Site::new();
    let rule = r#"{"id":"stuck","service":"rds","operation":"snapshot-*","resource":"one","fault":"stuck"}"#;
    site.world.faults.add(Rule::from_json(rule).unwrap());
    database(&mut site);
    site.pass(HOUR);
    for name in ["other", "one"] {
        let input = json!({ "DBInstanceIdentifier": "db", "DBSnapshotIdentifier": name });
        site.ok(ServiceId::Rds, "CreateDBSnapshot", input);
        site.pass(2 * HOUR);
    }
    let mut status = |name: &str| {
        let input = json!({ "DBSnapshotIdentifier": name });
        let seen = site.ok(ServiceId::Rds, "DescribeDBSnapshots", input);
        seen["DBSnapshots"][0]["Status"].clone()
    };
    assert_eq!(status("one"), "creating");
    assert_eq!(status("other"), "available");
}
