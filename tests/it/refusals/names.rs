//! A stranger's database under our name, ready: before the plan, between plan and run, and during the run.

use super::*;

/// Somebody's database under the name that the run would restore to.
fn strangers_database(sandbox: &Sandbox) {
    let there = |service: &str, operation: &str, input: Value| {
        call(sandbox, "eu-west-1", service, operation, input)
    };
    let vpc = there("ec2", "CreateVpc", json!({ "CidrBlock": "10.90.0.0/16" }));
    let vpc = &vpc["Vpc"]["VpcId"];
    let subnets: Vec<Value> = [("a", "10.90.0.0/24"), ("b", "10.90.1.0/24")]
        .map(|(zone, cidr)| {
            let input = json!({ "VpcId": vpc, "CidrBlock": cidr, "AvailabilityZone": format!("eu-west-1{zone}") });
            there("ec2", "CreateSubnet", input)["Subnet"]["SubnetId"].clone()
        })
        .into();
    let input = json!({ "DBSubnetGroupName": "theirs", "DBSubnetGroupDescription": "theirs", "SubnetIds": subnets });
    there("rds", "CreateDBSubnetGroup", input);
    let input = json!({
        "DBSubnetGroupName": "theirs", "DBInstanceIdentifier": "redmine-db-7f3a", "Engine": "postgres", "EngineVersion": "15.7",
        "DBInstanceClass": "db.t4g.medium", "AllocatedStorage": 20, "MasterUsername": "theirs",
        "MasterUserPassword": "theirs-0123456789",
    });
    there("rds", "CreateDBInstance", input);
}

fn status(bench: &Bench) -> String {
    let input = json!({ "DBInstanceIdentifier": "redmine-db-7f3a" });
    let found = bench.call("eu-west-1", "rds", "DescribeDBInstances", input);
    let database = &found["DBInstances"][0];
    assert_eq!(database["MasterUsername"], "theirs", "it is still theirs");
    database["DBInstanceStatus"].as_str().unwrap().to_owned()
}

#[test]
fn before_the_plan_preflight_refuses() {
    let bench = Bench::new();
    strangers_database(bench.session.world().unwrap());
    bench.wait(3_600);
    assert_eq!(status(&bench), "available");
    let report = preflight(&bench, Rehearsal::Real, Depth::Reads);
    assert_eq!(codes(&report), ["E2070"], "{:#?}", report.findings);
    assert!(report.findings[0].place.contains("redmine-db-7f3a"));
}

#[test]
fn between_plan_and_run_nothing_is_cut_and_the_source_is_given_back() {
    let bench = Bench::new();
    bench.wait(3_600);
    let plan = bench.plan(Rehearsal::Real);
    strangers_database(bench.session.world().unwrap());
    bench.wait(3_600);
    let before = standing(&bench);
    let led = record(&bench);
    let ended = bench.live(bench.begin(plan.clone())).expect("it ends");
    let (step, why) = stopped(&ended);
    assert!(step.ends_with("restore"), "{step}");
    assert!(why.starts_with("E4090"), "{why}");
    assert_eq!(ended.result.unwrap().exit(), 4);
    assert_eq!(record(&bench), led, "nothing is cut");
    undo(&bench, &plan);
    assert_eq!(status(&bench), "available", "what is not ours stays");
    bench.wait(3_600);
    given_back(&before, &standing(&bench));
}

#[test]
fn during_the_run_before_its_step_it_is_the_same() {
    let bench = Bench::new();
    bench.wait(3_600);
    let led = record(&bench);
    let plan = bench.plan(Rehearsal::Real);
    let run = bench.begin(plan.clone());
    let ended = live_and(
        &bench,
        run,
        called("CreateDBSubnetGroup"),
        strangers_database,
    );
    let (step, why) = stopped(&ended);
    assert!(step.ends_with("restore"), "{step}");
    assert!(why.starts_with("E4090"), "{why}");
    assert_eq!(record(&bench), led, "nothing is cut");
    undo(&bench, &plan);
    assert_eq!(status(&bench), "available", "what is not ours stays");
}
