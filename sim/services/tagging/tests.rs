use super::*;

const ACCOUNT: &str = "111122223333";
const HERE: &str = "us-west-2";

fn call(world: &mut World, operation: &str, input: Value) -> Result<Value, AwsError> {
    world.invoke(ACCOUNT, HERE, ServiceId::Tagging, operation, input)
}

fn make(world: &mut World, service: ServiceId, operation: &str, input: Value) -> Value {
    world
        .invoke(ACCOUNT, HERE, service, operation, input)
        .unwrap()
}

fn arns(answer: &Value) -> Vec<String> {
    answer["ResourceTagMappingList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["ResourceARN"].as_str().unwrap().to_owned())
        .collect()
}

/// A world with something tagged `stack=redmine` in many services.
fn world() -> World {
    let mut world = World::new(1);
    world.settings.read_lag = 0;
    let tag = json!([{"Key": "stack", "Value": "redmine"}]);
    make(
        &mut world,
        ServiceId::Secrets,
        "CreateSecret",
        json!({"Name": "redmine/db", "SecretString": "x", "Tags": tag}),
    );
    make(
        &mut world,
        ServiceId::Ssm,
        "PutParameter",
        json!({"Name": "/redmine/url", "Value": "x", "Type": "String", "Tags": tag}),
    );
    make(
        &mut world,
        ServiceId::Kms,
        "CreateKey",
        json!({"Tags": [{"TagKey": "stack", "TagValue": "redmine"}]}),
    );
    make(
        &mut world,
        ServiceId::Logs,
        "CreateLogGroup",
        json!({"logGroupName": "/ecs/redmine", "tags": {"stack": "redmine"}}),
    );
    make(
        &mut world,
        ServiceId::Ecs,
        "CreateCluster",
        json!({"clusterName": "redmine", "tags": [{"key": "stack", "value": "redmine"}]}),
    );
    make(
        &mut world,
        ServiceId::Ecr,
        "CreateRepository",
        json!({"repositoryName": "redmine", "tags": tag}),
    );
    make(
        &mut world,
        ServiceId::Ec2,
        "CreateVpc",
        json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": [{"ResourceType": "vpc", "Tags": tag}]}),
    );
    make(
        &mut world,
        ServiceId::Ssm,
        "PutParameter",
        json!({"Name": "/other", "Value": "x", "Type": "String", "Tags": [{"Key": "stack", "Value": "other"}]}),
    );
    world
}

#[test]
fn resources_are_found_by_tag_and_type_over_all_services() {
    let mut world = world();
    let ours = json!([{"Key": "stack", "Values": ["redmine"]}]);
    let found = arns(&call(&mut world, "GetResources", json!({"TagFilters": ours})).unwrap());
    assert_eq!(found.len(), 7, "{found:?}");
    let typed = arns(
        &call(
            &mut world,
            "GetResources",
            json!({"TagFilters": ours, "ResourceTypeFilters": ["ecs:cluster", "ec2:vpc"]}),
        )
        .unwrap(),
    );
    assert_eq!(typed.len(), 2, "{typed:?}");
    assert_eq!(
        arns(
            &call(
                &mut world,
                "GetResources",
                json!({"ResourceTypeFilters": ["ssm"]})
            )
            .unwrap()
        )
        .len(),
        2
    );
    assert_eq!(
        arns(
            &call(
                &mut world,
                "GetResources",
                json!({"TagFilters": [{"Key": "stack"}]})
            )
            .unwrap()
        )
        .len(),
        8
    );
    let there = world
        .invoke(
            ACCOUNT,
            "eu-west-1",
            ServiceId::Tagging,
            "GetResources",
            json!({}),
        )
        .unwrap();
    assert!(arns(&there).is_empty());
    assert_eq!(
        call(&mut world, "GetTagKeys", json!({})).unwrap()["TagKeys"],
        json!(["stack"])
    );
    assert_eq!(
        call(&mut world, "GetTagValues", json!({"Key": "stack"})).unwrap()["TagValues"],
        json!(["other", "redmine"])
    );
    let refused = call(
        &mut world,
        "GetResources",
        json!({"ResourceARNList": found, "TagFilters": ours}),
    )
    .unwrap_err();
    assert_eq!(refused.code, "InvalidParameterException");
}

#[test]
fn tags_are_set_and_removed_by_the_services_themselves() {
    let mut world = world();
    let all = arns(&call(&mut world, "GetResources", json!({})).unwrap());
    let done = call(
        &mut world,
        "TagResources",
        json!({"ResourceARNList": all, "Tags": {"run": "7f3a"}}),
    )
    .unwrap();
    assert_eq!(done["FailedResourcesMap"], json!({}));
    let tagged = arns(
        &call(
            &mut world,
            "GetResources",
            json!({"TagFilters": [{"Key": "run", "Values": ["7f3a"]}]}),
        )
        .unwrap(),
    );
    assert_eq!(tagged, all);
    call(
        &mut world,
        "UntagResources",
        json!({"ResourceARNList": all, "TagKeys": ["stack"]}),
    )
    .unwrap();
    assert!(
        arns(
            &call(
                &mut world,
                "GetResources",
                json!({"TagFilters": [{"Key": "stack"}]})
            )
            .unwrap()
        )
        .is_empty()
    );
    let missing = "arn:aws:secretsmanager:us-west-2:111122223333:secret:none-AbCdEf";
    let failed = call(
        &mut world,
        "TagResources",
        json!({"ResourceARNList": [missing], "Tags": {"a": "b"}}),
    )
    .unwrap();
    assert_eq!(
        failed["FailedResourcesMap"][missing]["ErrorCode"],
        "InvalidParameterException"
    );
    assert_eq!(
        call(
            &mut world,
            "TagResources",
            json!({"ResourceARNList": [missing], "Tags": {"aws:a": "b"}})
        )
        .unwrap_err()
        .code,
        "InvalidParameterException"
    );
}
