//! Quotas that only Service Quotas knows, and permissions: what preflight sees of a caller.

use aws_sim::services::quotas;
use drtool::expand::permissions::policy;

use super::*;

#[test]
fn every_kind_of_quota_is_summed() {
    for (service, code, value, name) in [
        ("vpc", "L-F678F1CE", 0.0, "VPCs per Region"),
        ("rds", "L-7B6409FD", 0.0, "DB instances"),
        ("rds", "L-272F1212", 1.0, "Manual DB instance snapshots"),
        (
            "rds",
            "L-7ADDB58A",
            99.0,
            "Total storage for all DB instances",
        ),
        (
            "fargate",
            "L-3032A538",
            2.0,
            "Fargate On-Demand vCPU resource count",
        ),
        (
            "secretsmanager",
            "L-2F66C23C",
            1.0,
            "Secrets in each supported Region",
        ),
        ("ecr", "L-CFEB8E8D", 0.0, "Registered repositories"),
        (
            "elasticloadbalancing",
            "L-53DA6B97",
            0.0,
            "Application Load Balancers per Region",
        ),
        (
            "elasticloadbalancing",
            "L-B22855CB",
            0.0,
            "Target Groups per Region",
        ),
        (
            "vpc",
            "L-FE5A380F",
            0.0,
            "NAT gateways per Availability Zone",
        ),
        (
            "vpc",
            "L-0EA8095F",
            1.0,
            "Inbound or outbound rules per security group",
        ),
        ("acm", "L-F141DD1D", 0.0, "ACM certificates"),
        ("rds", "L-DE55804A", 0.0, "Parameter groups"),
    ] {
        let mut world = Bench::new().fork();
        quotas::set(&mut world, "111122223333", "eu-west-1", code, value);
        let bench = Bench::of(world, None);
        let report = preflight(&bench, Rehearsal::Real, Depth::Reads);
        assert_eq!(
            codes(&report),
            ["E2050"],
            "{service} {name}: {:#?}",
            report.findings
        );
        assert_eq!(report.findings[0].place, format!("eu-west-1 quota {name}"));
        let next = &report.findings[0].hints[0];
        assert!(next.contains(code) && next.contains(service), "{next}");
    }
}

/// A user with these statements, one managed policy each, and its access key.
pub fn user(bench: &Bench, statements: &[Value]) -> (String, String) {
    let iam = |operation: &str, input: Value| bench.call("us-east-1", "iam", operation, input);
    iam("CreateUser", json!({ "UserName": "mover" }));
    for (number, statement) in statements.iter().enumerate() {
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        let name = format!("mover-{number}");
        let made = iam(
            "CreatePolicy",
            json!({ "PolicyName": name, "PolicyDocument": document }),
        );
        let arn = &made["Policy"]["Arn"];
        // Ten policies to a user, ten more to each of its groups.
        let group = format!("movers-{}", number / 10);
        if number % 10 == 0 {
            iam("CreateGroup", json!({ "GroupName": group }));
            iam(
                "AddUserToGroup",
                json!({ "GroupName": group, "UserName": "mover" }),
            );
        }
        iam(
            "AttachGroupPolicy",
            json!({ "GroupName": group, "PolicyArn": arn }),
        );
    }
    let made = iam("CreateAccessKey", json!({ "UserName": "mover" }));
    let text = |name: &str| made["AccessKey"][name].as_str().unwrap().to_owned();
    bench.wait(60);
    (text("AccessKeyId"), text("SecretAccessKey"))
}

/// A caller that may look at everything, and do what `drtool iam` prints but for what is taken out.
fn caller(without: &str) -> Bench {
    let bench = Bench::new();
    let policy = policy(&bench.plan(Rehearsal::Real), false);
    let mut statements: Vec<Value> = policy["Statement"].as_array().unwrap().clone();
    for statement in &mut statements {
        if let Some(actions) = statement["Action"].as_array_mut() {
            actions.retain(|action| action != without);
        }
    }
    statements.retain(|s| s["Action"] != json!([]));
    statements.push(json!({ "Effect": "Allow", "Action": ["*:Describe*", "*:List*", "*:Get*"], "Resource": "*" }));
    let (key, secret) = user(&bench, &statements);
    Bench::of(bench.fork(), Some((&key, &secret)))
}

#[test]
fn the_policy_that_drtool_prints_is_enough() {
    let bench = caller("nothing");
    let report = preflight(&bench, Rehearsal::Real, Depth::DryRuns);
    assert_eq!(codes(&report), [""; 0], "{:#?}", report.findings);
    assert_eq!(report.permissions.unknown.len(), 0);
    assert!(report.permissions.simulated.len() > 100);
    assert_eq!(report.permissions.shown.len(), 3);
}

#[test]
fn a_permission_that_is_missing_is_named() {
    for (action, place) in [
        ("rds:RestoreDBInstanceFromDBSnapshot", "eu-west-1"),
        ("ec2:RevokeSecurityGroupIngress", "us-west-2"),
        ("ec2:CreateVpc", "eu-west-1"),
        ("route53:ChangeResourceRecordSets", "global"),
        ("iam:PassRole", "global"),
        ("kms:CreateGrant", "eu-west-1"),
    ] {
        let bench = caller(action);
        let report = preflight(&bench, Rehearsal::Real, Depth::DryRuns);
        let wanted = format!("{place} {action}");
        assert!(
            report
                .findings
                .iter()
                .any(|f| f.code == "E2090" && f.place == wanted),
            "{wanted}: {:#?}",
            report.findings
        );
        assert!(
            report
                .findings
                .iter()
                .all(|f| f.code == "E2090" && f.place.ends_with(action)),
            "{:#?}",
            report.findings
        );
    }
}
