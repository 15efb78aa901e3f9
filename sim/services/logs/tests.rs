use super::*;
use crate::clock;
use serde_json::json;

const ACCOUNT: &str = "111122223333";
const HERE: &str = "us-west-2";

fn call(world: &mut World, operation: &str, input: Value) -> Result<Value, AwsError> {
    world.invoke(ACCOUNT, HERE, ServiceId::Logs, operation, input)
}

fn world() -> World {
    let mut world = World::new(1);
    world.settings.read_lag = 0;
    call(
        &mut world,
        "CreateLogGroup",
        json!({"logGroupName": "/ecs/redmine", "tags": {"stack": "redmine"}}),
    )
    .unwrap();
    world
}

fn code(result: Result<Value, AwsError>) -> String {
    result.unwrap_err().code
}

/// A task's line in the stream `s`.
fn print(world: &mut World, line: &str) {
    put(world, ACCOUNT, HERE, "/ecs/redmine", "s", vec![line.into()]);
}

#[test]
fn a_group_is_made_described_tagged_and_deleted() {
    let mut world = world();
    assert!(group_exists(&world, ACCOUNT, HERE, "/ecs/redmine"));
    assert!(!group_exists(&world, ACCOUNT, "eu-west-1", "/ecs/redmine"));
    assert_eq!(
        code(call(
            &mut world,
            "CreateLogGroup",
            json!({"logGroupName": "/ecs/redmine"})
        )),
        "ResourceAlreadyExistsException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "CreateLogGroup",
            json!({"logGroupName": "bad name"})
        )),
        "InvalidParameterException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "CreateLogGroup",
            json!({"logGroupName": "k", "kmsKeyId": "arn:aws:kms:us-west-2:111122223333:key/none"})
        )),
        "InvalidParameterException"
    );
    call(
        &mut world,
        "PutRetentionPolicy",
        json!({"logGroupName": "/ecs/redmine", "retentionInDays": 30}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "PutRetentionPolicy",
            json!({"logGroupName": "/ecs/redmine", "retentionInDays": 31})
        )),
        "InvalidParameterException"
    );
    let shown = call(
        &mut world,
        "DescribeLogGroups",
        json!({"logGroupNamePrefix": "/ecs/"}),
    )
    .unwrap();
    let group = &shown["logGroups"][0];
    assert_eq!(
        group["arn"],
        "arn:aws:logs:us-west-2:111122223333:log-group:/ecs/redmine:*"
    );
    assert_eq!(
        (&group["retentionInDays"], &group["creationTime"]),
        (&json!(30), &json!(1_800_000_000_000_i64))
    );
    let arn = group["logGroupArn"].clone();
    call(
        &mut world,
        "TagResource",
        json!({"resourceArn": arn, "tags": {"b": "2"}}),
    )
    .unwrap();
    call(
        &mut world,
        "UntagResource",
        json!({"resourceArn": arn, "tagKeys": ["stack"]}),
    )
    .unwrap();
    assert_eq!(
        call(
            &mut world,
            "ListTagsForResource",
            json!({"resourceArn": arn})
        )
        .unwrap()["tags"],
        json!({"b": "2"})
    );
    assert_eq!(
        call(
            &mut world,
            "ListTagsLogGroup",
            json!({"logGroupName": "/ecs/redmine"})
        )
        .unwrap()["tags"],
        json!({"b": "2"})
    );
    call(
        &mut world,
        "PutLogGroupDeletionProtection",
        json!({"logGroupIdentifier": "/ecs/redmine", "deletionProtectionEnabled": true}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "DeleteLogGroup",
            json!({"logGroupName": "/ecs/redmine"})
        )),
        "ValidationException"
    );
    call(
        &mut world,
        "PutLogGroupDeletionProtection",
        json!({"logGroupIdentifier": "/ecs/redmine", "deletionProtectionEnabled": false}),
    )
    .unwrap();
    call(
        &mut world,
        "DeleteLogGroup",
        json!({"logGroupName": "/ecs/redmine"}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "DeleteLogGroup",
            json!({"logGroupName": "/ecs/redmine"})
        )),
        "ResourceNotFoundException"
    );
}

#[test]
fn what_a_task_prints_can_be_read_from_either_end() {
    let mut world = world();
    for n in 0..5 {
        put(
            &mut world,
            ACCOUNT,
            HERE,
            "/ecs/redmine",
            "app/redmine/1",
            vec![format!("line {n}")],
        );
        let then = world.now() + clock::SECOND;
        world.advance_to(then);
    }
    put(&mut world, ACCOUNT, HERE, "/none", "s", vec!["lost".into()]);
    let messages = |answer: &Value| -> Vec<String> {
        answer["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["message"].as_str().unwrap().to_owned())
            .collect()
    };
    let stream = json!({"logGroupName": "/ecs/redmine", "logStreamName": "app/redmine/1"});
    let with = |more: Value| {
        let mut input = stream.clone();
        for (key, value) in more.as_object().unwrap() {
            input[key] = value.clone();
        }
        input
    };
    let tail = call(&mut world, "GetLogEvents", with(json!({"limit": 2}))).unwrap();
    assert_eq!(messages(&tail), ["line 3", "line 4"]);
    let before = call(
        &mut world,
        "GetLogEvents",
        with(json!({"limit": 2, "nextToken": tail["nextBackwardToken"]})),
    )
    .unwrap();
    assert_eq!(messages(&before), ["line 1", "line 2"]);
    let head = call(
        &mut world,
        "GetLogEvents",
        with(json!({"startFromHead": true, "limit": 4})),
    )
    .unwrap();
    let rest = call(
        &mut world,
        "GetLogEvents",
        with(json!({"nextToken": head["nextForwardToken"]})),
    )
    .unwrap();
    assert_eq!(messages(&rest), ["line 4"]);
    let end = call(
        &mut world,
        "GetLogEvents",
        with(json!({"nextToken": rest["nextForwardToken"]})),
    )
    .unwrap();
    assert_eq!(
        (messages(&end).len(), &end["nextForwardToken"]),
        (0, &rest["nextForwardToken"]),
        "the end repeats its token"
    );
    let found = call(
        &mut world,
        "FilterLogEvents",
        json!({"logGroupName": "/ecs/redmine", "filterPattern": "?\"line 1\" ?\"line 3\""}),
    )
    .unwrap();
    assert_eq!(messages(&found), ["line 1", "line 3"]);
    let shown = call(
        &mut world,
        "DescribeLogStreams",
        json!({"logGroupName": "/ecs/redmine", "orderBy": "LastEventTime", "descending": true}),
    )
    .unwrap();
    assert_eq!(
        shown["logStreams"][0]["lastEventTimestamp"],
        json!(1_800_000_004_000_i64)
    );
    assert_eq!(
        super::messages(&world, ACCOUNT, HERE, "/ecs/redmine").len(),
        5
    );
}

#[test]
fn events_must_be_in_order_recent_and_for_a_stream_that_exists() {
    let mut world = world();
    let now = 1_800_000_000_000_i64;
    let put = |world: &mut World, times: &[i64]| {
        let events: Vec<Value> = times
            .iter()
            .map(|t| json!({"timestamp": t, "message": "m"}))
            .collect();
        call(
            world,
            "PutLogEvents",
            json!({"logGroupName": "/ecs/redmine", "logStreamName": "s", "logEvents": events}),
        )
    };
    assert_eq!(code(put(&mut world, &[now])), "ResourceNotFoundException");
    call(
        &mut world,
        "CreateLogStream",
        json!({"logGroupName": "/ecs/redmine", "logStreamName": "s"}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "CreateLogStream",
            json!({"logGroupName": "/ecs/redmine", "logStreamName": "s"})
        )),
        "ResourceAlreadyExistsException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "CreateLogStream",
            json!({"logGroupName": "/ecs/redmine", "logStreamName": "a:b"})
        )),
        "InvalidParameterException"
    );
    assert_eq!(
        code(put(&mut world, &[now, now - 1])),
        "InvalidParameterException"
    );
    assert_eq!(
        code(put(&mut world, &[now - 90_000_000, now])),
        "InvalidParameterException"
    );
    assert!(
        put(&mut world, &[now - 5, now])
            .unwrap()
            .get("rejectedLogEventsInfo")
            .is_none()
    );
    let late = put(&mut world, &[now + 1, now + 3 * 3_600_000]).unwrap();
    assert_eq!(late["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"], 1);
    let old = put(&mut world, &[now - 15 * 86_400_000]).unwrap();
    assert_eq!(old["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"], 1);
    call(
        &mut world,
        "DeleteLogStream",
        json!({"logGroupName": "/ecs/redmine", "logStreamName": "s"}),
    )
    .unwrap();
}

#[test]
fn a_metric_filter_publishes_what_it_finds() {
    let mut world = world();
    call(&mut world, "PutMetricFilter", json!({
        "logGroupName": "/ecs/redmine", "filterName": "errors", "filterPattern": "{ $.level = \"error\" && $.ms >= 100 }",
        "metricTransformations": [{"metricName": "Slow", "metricNamespace": "App", "metricValue": "$.ms"}],
    }))
    .unwrap();
    print(&mut world, r#"{"level":"error","ms":250}"#);
    print(&mut world, r#"{"level":"error","ms":20}"#);
    let metrics = world
        .invoke(
            ACCOUNT,
            HERE,
            ServiceId::Cloudwatch,
            "ListMetrics",
            json!({"Namespace": "App"}),
        )
        .unwrap();
    assert_eq!(metrics["Metrics"].as_array().unwrap().len(), 1);
    let shown = call(
        &mut world,
        "DescribeMetricFilters",
        json!({"logGroupName": "/ecs/redmine"}),
    )
    .unwrap();
    assert_eq!(shown["metricFilters"][0]["filterName"], "errors");
    let tested = call(&mut world, "TestMetricFilter", json!({"filterPattern": "ERROR -debug", "logEventMessages": ["ERROR one", "ERROR debug", "fine"]})).unwrap();
    assert_eq!(tested["matches"].as_array().unwrap().len(), 1);
    assert_eq!(
        code(call(
            &mut world,
            "TestMetricFilter",
            json!({"filterPattern": "{ broken", "logEventMessages": ["x"]})
        )),
        "InvalidParameterException"
    );
    call(
        &mut world,
        "DeleteMetricFilter",
        json!({"logGroupName": "/ecs/redmine", "filterName": "errors"}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "DeleteMetricFilter",
            json!({"logGroupName": "/ecs/redmine", "filterName": "errors"})
        )),
        "ResourceNotFoundException"
    );
}

#[test]
fn a_group_has_at_most_two_subscription_filters() {
    let mut world = world();
    let make = |world: &mut World, name: &str| {
        call(
            world,
            "PutSubscriptionFilter",
            json!({"logGroupName": "/ecs/redmine", "filterName": name, "filterPattern": "", "destinationArn": "arn:aws:lambda:us-west-2:111122223333:function:f"}),
        )
    };
    make(&mut world, "a").unwrap();
    make(&mut world, "b").unwrap();
    make(&mut world, "a").unwrap();
    assert_eq!(code(make(&mut world, "c")), "LimitExceededException");
    assert_eq!(
        call(
            &mut world,
            "DescribeSubscriptionFilters",
            json!({"logGroupName": "/ecs/redmine"})
        )
        .unwrap()["subscriptionFilters"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    call(
        &mut world,
        "DeleteSubscriptionFilter",
        json!({"logGroupName": "/ecs/redmine", "filterName": "a"}),
    )
    .unwrap();
}

#[test]
fn expired_events_are_not_read_any_more() {
    let mut world = world();
    print(&mut world, "old");
    call(
        &mut world,
        "PutRetentionPolicy",
        json!({"logGroupName": "/ecs/redmine", "retentionInDays": 1}),
    )
    .unwrap();
    world.advance_to(2 * clock::DAY);
    assert_eq!(
        call(
            &mut world,
            "FilterLogEvents",
            json!({"logGroupName": "/ecs/redmine"})
        )
        .unwrap()["events"],
        json!([])
    );
}

#[test]
fn policies_and_stored_queries_are_kept() {
    let mut world = world();
    let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "es.amazonaws.com"}, "Action": "logs:PutLogEvents", "Resource": "*"}]}).to_string();
    call(
        &mut world,
        "PutResourcePolicy",
        json!({"policyName": "p", "policyDocument": document}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "PutResourcePolicy",
            json!({"policyName": "p", "policyDocument": "{"})
        )),
        "InvalidParameterException"
    );
    assert_eq!(
        call(&mut world, "DescribeResourcePolicies", json!({})).unwrap()["resourcePolicies"][0]["policyName"],
        "p"
    );
    call(
        &mut world,
        "DeleteResourcePolicy",
        json!({"policyName": "p"}),
    )
    .unwrap();
    let made = call(
        &mut world,
        "PutQueryDefinition",
        json!({"name": "q", "queryString": "fields @message"}),
    )
    .unwrap();
    assert_eq!(
        call(&mut world, "DescribeQueryDefinitions", json!({})).unwrap()["queryDefinitions"][0]["name"],
        "q"
    );
    call(
        &mut world,
        "DeleteQueryDefinition",
        json!({"queryDefinitionId": made["queryDefinitionId"]}),
    )
    .unwrap();
}
