use super::*;
use crate::clock::{MINUTE, SECOND};
use serde_json::json;

const ACCOUNT: &str = "111122223333";
const HERE: &str = "us-west-2";
const START: f64 = 1_800_000_000.0;

fn call(world: &mut World, operation: &str, input: Value) -> Result<Value, AwsError> {
    world.invoke(ACCOUNT, HERE, ServiceId::Cloudwatch, operation, input)
}

fn code(result: Result<Value, AwsError>) -> String {
    result.unwrap_err().code
}

fn of_database() -> Vec<(String, String)> {
    vec![("DBInstanceIdentifier".to_owned(), "redmine".to_owned())]
}

fn lag(world: &mut World, value: f64) {
    put(
        world,
        ACCOUNT,
        HERE,
        "AWS/RDS",
        "ReplicaLag",
        &of_database(),
        value,
    );
}

fn statistics(world: &mut World, period: i64) -> Vec<(f64, f64)> {
    let answer = call(world, "GetMetricStatistics", json!({
        "Namespace": "AWS/RDS", "MetricName": "ReplicaLag",
        "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "redmine"}],
        "StartTime": START, "EndTime": START + 600.0, "Period": period, "Statistics": ["Average"],
    }))
    .unwrap();
    answer["Datapoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| {
            (
                d["Timestamp"].as_f64().unwrap(),
                d["Average"].as_f64().unwrap(),
            )
        })
        .collect()
}

#[test]
fn values_are_joined_by_the_minute_and_seen_when_it_is_over() {
    let mut world = World::new(1);
    lag(&mut world, 2.0);
    world.advance_to(30 * SECOND);
    lag(&mut world, 4.0);
    assert!(statistics(&mut world, 60).is_empty());
    world.advance_to(MINUTE);
    assert_eq!(statistics(&mut world, 60), [(START, 3.0)]);
    world.advance_to(3 * MINUTE);
    lag(&mut world, 9.0);
    world.advance_to(4 * MINUTE);
    assert_eq!(
        statistics(&mut world, 60),
        [(START, 3.0), (START + 180.0, 9.0)],
        "a minute without a value is a gap"
    );
    assert_eq!(statistics(&mut world, 300).len(), 1);
}

#[test]
fn metrics_are_listed_by_name_and_dimension() {
    let mut world = World::new(1);
    lag(&mut world, 1.0);
    call(
        &mut world,
        "PutMetricData",
        json!({"Namespace": "App", "MetricData": [{"MetricName": "Users", "Value": 3.0}]}),
    )
    .unwrap();
    let count = |world: &mut World, input: Value| {
        call(world, "ListMetrics", input).unwrap()["Metrics"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(&mut world, json!({})), 2);
    assert_eq!(count(&mut world, json!({"Namespace": "AWS/RDS"})), 1);
    assert_eq!(
        count(
            &mut world,
            json!({"Dimensions": [{"Name": "DBInstanceIdentifier"}]})
        ),
        1
    );
    assert_eq!(
        count(
            &mut world,
            json!({"Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "other"}]})
        ),
        0
    );
}

#[test]
fn data_that_cannot_be_is_refused() {
    let mut world = World::new(1);
    let put = |world: &mut World, namespace: &str, datum: Value| {
        code(call(
            world,
            "PutMetricData",
            json!({"Namespace": namespace, "MetricData": [datum]}),
        ))
    };
    assert_eq!(
        put(
            &mut world,
            "AWS/RDS",
            json!({"MetricName": "a", "Value": 1.0})
        ),
        "InvalidParameterValue"
    );
    assert_eq!(
        put(&mut world, "App", json!({"MetricName": "a"})),
        "MissingParameter"
    );
    assert_eq!(
        put(
            &mut world,
            "App",
            json!({"MetricName": "a", "Value": 1.0, "Values": [1.0]})
        ),
        "InvalidParameterCombination"
    );
    assert_eq!(
        put(
            &mut world,
            "App",
            json!({"MetricName": "a", "Value": 1.0, "Timestamp": START - 20.0 * 86_400.0})
        ),
        "InvalidParameterValue"
    );
    let backwards = json!({"Namespace": "App", "MetricName": "a", "StartTime": START, "EndTime": START, "Period": 60, "Statistics": ["Sum"]});
    assert_eq!(
        code(call(&mut world, "GetMetricStatistics", backwards)),
        "InvalidParameterValue"
    );
    let long = json!({"Namespace": "App", "MetricName": "a", "StartTime": START - 200_000.0, "EndTime": START, "Period": 60, "Statistics": ["Sum"]});
    assert_eq!(
        code(call(&mut world, "GetMetricStatistics", long)),
        "InvalidParameterCombination"
    );
}

#[test]
fn metric_data_answers_newest_first_with_the_statistic_asked_for() {
    let mut world = World::new(1);
    call(&mut world, "PutMetricData", json!({"Namespace": "App", "MetricData": [
        {"MetricName": "ms", "Values": [10.0, 20.0], "Counts": [3.0, 1.0], "Timestamp": START - 120.0},
        {"MetricName": "ms", "StatisticValues": {"SampleCount": 2.0, "Sum": 6.0, "Minimum": 1.0, "Maximum": 5.0}, "Timestamp": START - 60.0},
    ]}))
    .unwrap();
    let ask = |stat: &str| {
        json!({"StartTime": START - 600.0, "EndTime": START, "MetricDataQueries": [
        {"Id": "m1", "MetricStat": {"Metric": {"Namespace": "App", "MetricName": "ms"}, "Period": 60, "Stat": stat}}]})
    };
    let values = |world: &mut World, stat: &str| {
        call(world, "GetMetricData", ask(stat)).unwrap()["MetricDataResults"][0]["Values"].clone()
    };
    assert_eq!(values(&mut world, "Average"), json!([3.0, 12.5]));
    assert_eq!(values(&mut world, "Maximum"), json!([5.0, 20.0]));
    assert_eq!(values(&mut world, "SampleCount"), json!([2.0, 4.0]));
    assert_eq!(values(&mut world, "p50"), json!([3.0, 15.0]));
    let bad = json!({"StartTime": START - 60.0, "EndTime": START, "MetricDataQueries": [{"Id": "M1", "MetricStat": {"Metric": {}, "Period": 60, "Stat": "Sum"}}]});
    assert_eq!(
        code(call(&mut world, "GetMetricData", bad)),
        "ValidationError"
    );
}

fn alarm(world: &mut World, more: Value) -> Result<Value, AwsError> {
    let mut input = json!({
        "AlarmName": "lag", "Namespace": "AWS/RDS", "MetricName": "ReplicaLag", "Statistic": "Maximum", "Period": 60,
        "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "redmine"}],
        "EvaluationPeriods": 2, "Threshold": 10.0, "ComparisonOperator": "GreaterThanThreshold",
        "Tags": [{"Key": "stack", "Value": "redmine"}],
    });
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    call(world, "PutMetricAlarm", input)
}

fn state(world: &mut World) -> String {
    call(world, "DescribeAlarms", json!({"AlarmNames": ["lag"]})).unwrap()["MetricAlarms"][0]["StateValue"].as_str().unwrap().to_owned()
}

#[test]
fn an_alarm_follows_its_metric() {
    let mut world = World::new(1);
    alarm(&mut world, json!({})).unwrap();
    assert_eq!(state(&mut world), "INSUFFICIENT_DATA");
    let pass = |world: &mut World, value: Option<f64>| {
        if let Some(value) = value {
            lag(world, value);
        }
        let then = world.now() + MINUTE;
        world.advance_to(then);
        state(world)
    };
    assert_eq!(pass(&mut world, Some(1.0)), "OK");
    assert_eq!(pass(&mut world, Some(20.0)), "OK", "one of two");
    assert_eq!(pass(&mut world, Some(20.0)), "ALARM");
    for _ in 0..3 {
        pass(&mut world, None);
    }
    assert_eq!(state(&mut world), "INSUFFICIENT_DATA");
    let history = call(
        &mut world,
        "DescribeAlarmHistory",
        json!({"AlarmName": "lag", "HistoryItemType": "StateUpdate"}),
    )
    .unwrap();
    assert_eq!(
        history["AlarmHistoryItems"][0]["HistorySummary"],
        "Alarm updated from OK to INSUFFICIENT_DATA"
    );
    call(&mut world, "DeleteAlarms", json!({"AlarmNames": ["lag"]})).unwrap();
    assert_eq!(world.next_event(), None);
    assert_eq!(
        code(call(
            &mut world,
            "DeleteAlarms",
            json!({"AlarmNames": ["lag"]})
        )),
        "ResourceNotFound"
    );
}

#[test]
fn missing_data_counts_as_asked() {
    for (treat, expected) in [
        ("breaching", "ALARM"),
        ("notBreaching", "OK"),
        ("ignore", "INSUFFICIENT_DATA"),
        ("missing", "INSUFFICIENT_DATA"),
    ] {
        let mut world = World::new(1);
        alarm(&mut world, json!({"TreatMissingData": treat})).unwrap();
        world.advance_to(5 * MINUTE);
        assert_eq!(state(&mut world), expected, "{treat}");
    }
}

#[test]
fn an_alarm_is_set_by_hand_tagged_and_checked() {
    let mut world = World::new(1);
    assert_eq!(
        code(alarm(&mut world, json!({"DatapointsToAlarm": 3}))),
        "InvalidParameterValue"
    );
    assert_eq!(
        code(alarm(&mut world, json!({"ExtendedStatistic": "p90"}))),
        "InvalidParameterCombination"
    );
    assert_eq!(
        code(alarm(&mut world, json!({"Period": 61}))),
        "InvalidParameterValue"
    );
    alarm(&mut world, json!({})).unwrap();
    call(
        &mut world,
        "SetAlarmState",
        json!({"AlarmName": "lag", "StateValue": "ALARM", "StateReason": "drill"}),
    )
    .unwrap();
    assert_eq!(state(&mut world), "ALARM");
    assert_eq!(
        code(call(
            &mut world,
            "SetAlarmState",
            json!({"AlarmName": "none", "StateValue": "OK", "StateReason": "x"})
        )),
        "ResourceNotFound"
    );
    let arn = "arn:aws:cloudwatch:us-west-2:111122223333:alarm:lag";
    assert_eq!(
        call(
            &mut world,
            "ListTagsForResource",
            json!({"ResourceARN": arn})
        )
        .unwrap()["Tags"],
        json!([{"Key": "stack", "Value": "redmine"}])
    );
    call(
        &mut world,
        "UntagResource",
        json!({"ResourceARN": arn, "TagKeys": ["stack"]}),
    )
    .unwrap();
    call(
        &mut world,
        "TagResource",
        json!({"ResourceARN": arn, "Tags": [{"Key": "a", "Value": "b"}]}),
    )
    .unwrap();
    assert_eq!(tagged(&world, ACCOUNT, HERE)[0].1["a"], "b");
    call(
        &mut world,
        "DisableAlarmActions",
        json!({"AlarmNames": ["lag"]}),
    )
    .unwrap();
    let shown = call(&mut world, "DescribeAlarmsForMetric", json!({"Namespace": "AWS/RDS", "MetricName": "ReplicaLag", "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "redmine"}]})).unwrap();
    assert_eq!(shown["MetricAlarms"][0]["ActionsEnabled"], false);
}

#[test]
fn dashboards_have_no_region() {
    let mut world = World::new(1);
    call(
        &mut world,
        "PutDashboard",
        json!({"DashboardName": "d", "DashboardBody": "{\"widgets\":[]}"}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "PutDashboard",
            json!({"DashboardName": "d", "DashboardBody": "{"})
        )),
        "InvalidParameterInput"
    );
    let there = world
        .invoke(
            ACCOUNT,
            "eu-west-1",
            ServiceId::Cloudwatch,
            "ListDashboards",
            json!({}),
        )
        .unwrap();
    assert_eq!(there["DashboardEntries"][0]["DashboardName"], "d");
    call(
        &mut world,
        "DeleteDashboards",
        json!({"DashboardNames": ["d"]}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "GetDashboard",
            json!({"DashboardName": "d"})
        )),
        "ResourceNotFound"
    );
}
