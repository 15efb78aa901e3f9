use super::*;
use crate::clock::HOUR;

const ACCOUNT: &str = "111122223333";

fn call(world: &mut World, operation: &str, input: Value) -> Result<Value, AwsError> {
    world.invoke(ACCOUNT, "eu-west-1", ServiceId::Quotas, operation, input)
}

#[test]
fn a_quota_is_awss_default_until_it_is_set() {
    let mut world = World::new(1);
    assert_eq!(limit(&world, ACCOUNT, "eu-west-1", "L-F678F1CE"), 5.0);
    assert!(limit(&world, ACCOUNT, "eu-west-1", "L-00000000").is_infinite());
    set(&mut world, ACCOUNT, "eu-west-1", "L-F678F1CE", 1.0);
    let applied = call(
        &mut world,
        "GetServiceQuota",
        json!({"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}),
    )
    .unwrap();
    assert_eq!(applied["Quota"]["Value"], 1.0);
    assert_eq!(
        applied["Quota"]["QuotaArn"],
        "arn:aws:servicequotas:eu-west-1:111122223333:vpc/L-F678F1CE"
    );
    let default = call(
        &mut world,
        "GetAWSDefaultServiceQuota",
        json!({"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}),
    )
    .unwrap();
    assert_eq!(default["Quota"]["Value"], 5.0);
    assert_eq!(
        limit(&world, ACCOUNT, "us-west-2", "L-F678F1CE"),
        5.0,
        "the other region's is its own"
    );
    set(&mut world, ACCOUNT, "eu-west-1", "L-FE177D64", 7.0);
    assert_eq!(
        limit(&world, ACCOUNT, "us-west-2", "L-FE177D64"),
        7.0,
        "a global quota is one"
    );
}

#[test]
fn unknown_services_and_quotas_are_refused() {
    let mut world = World::new(1);
    for input in [
        json!({"ServiceCode": "none", "QuotaCode": "L-F678F1CE"}),
        json!({"ServiceCode": "vpc", "QuotaCode": "L-7B6409FD"}),
    ] {
        assert_eq!(
            call(&mut world, "GetServiceQuota", input).unwrap_err().code,
            "NoSuchResourceException"
        );
    }
    assert_eq!(
        call(
            &mut world,
            "ListServiceQuotas",
            json!({"ServiceCode": "none"})
        )
        .unwrap_err()
        .code,
        "NoSuchResourceException"
    );
    let rds = call(
        &mut world,
        "ListServiceQuotas",
        json!({"ServiceCode": "rds"}),
    )
    .unwrap();
    assert!(rds["Quotas"].as_array().unwrap().len() > 10);
    assert_eq!(
        call(&mut world, "ListServices", json!({})).unwrap()["Services"]
            .as_array()
            .unwrap()
            .len(),
        facts::SERVICES.len()
    );
}

#[test]
fn every_quota_belongs_to_a_service_and_no_code_is_twice() {
    let mut codes = std::collections::BTreeSet::new();
    for quota in facts::QUOTAS {
        assert!(
            facts::service_name(quota.service).is_some(),
            "{}",
            quota.code
        );
        assert!(codes.insert(quota.code), "{}", quota.code);
    }
}

#[test]
fn a_moderate_request_is_approved_soon_and_a_large_one_after_days() {
    let mut world = World::new(1);
    let ask = |world: &mut World, code: &str, service: &str, value: f64| {
        call(
            world,
            "RequestServiceQuotaIncrease",
            json!({"ServiceCode": service, "QuotaCode": code, "DesiredValue": value}),
        )
    };
    let small = ask(&mut world, "L-F678F1CE", "vpc", 10.0).unwrap();
    assert_eq!(small["RequestedQuota"]["Status"], "PENDING");
    assert_eq!(
        ask(&mut world, "L-F678F1CE", "vpc", 11.0).unwrap_err().code,
        "ResourceAlreadyExistsException"
    );
    assert_eq!(
        ask(&mut world, "L-7B6409FD", "rds", 40.0).unwrap_err().code,
        "IllegalArgumentException"
    );
    assert_eq!(
        ask(&mut world, "L-EBC0C08B", "elasticloadbalancing", 40.0)
            .unwrap_err()
            .code,
        "IllegalArgumentException"
    );
    ask(&mut world, "L-3032A538", "fargate", 400.0).unwrap();
    world.advance_to(2 * HOUR);
    assert_eq!(limit(&world, ACCOUNT, "eu-west-1", "L-F678F1CE"), 10.0);
    assert_eq!(limit(&world, ACCOUNT, "eu-west-1", "L-3032A538"), 6.0);
    let open = call(
        &mut world,
        "ListRequestedServiceQuotaChangeHistory",
        json!({"Status": "CASE_OPENED"}),
    )
    .unwrap();
    assert_eq!(open["RequestedQuotas"][0]["QuotaCode"], "L-3032A538");
    world.advance_to(5 * DAY);
    assert_eq!(limit(&world, ACCOUNT, "eu-west-1", "L-3032A538"), 400.0);
    let by_quota = call(
        &mut world,
        "ListRequestedServiceQuotaChangeHistoryByQuota",
        json!({"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}),
    )
    .unwrap();
    assert_eq!(by_quota["RequestedQuotas"][0]["Status"], "APPROVED");
    let one = call(
        &mut world,
        "GetRequestedServiceQuotaChange",
        json!({"RequestId": small["RequestedQuota"]["Id"]}),
    )
    .unwrap();
    assert_eq!(one["RequestedQuota"]["DesiredValue"], 10.0);
}
