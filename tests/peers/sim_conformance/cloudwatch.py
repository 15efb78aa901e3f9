"""CloudWatch: metrics by the minute and alarms that follow them, as AWS documents them."""

import datetime

LAG = dict(Namespace="App", MetricName="Lag", Dimensions=[{"Name": "Database", "Value": "redmine"}])


def checks(world):
    cloudwatch = world.client("cloudwatch")
    metrics(world, cloudwatch)
    alarms(world, cloudwatch)
    dashboards(world, cloudwatch)


def put(cloudwatch, value, **more):
    datum = {"MetricName": "Lag", "Dimensions": LAG["Dimensions"], "Value": value, **more}
    cloudwatch.put_metric_data(Namespace="App", MetricData=[datum])


def now(world):
    return datetime.datetime.fromtimestamp(1_800_000_000 + world.control("clock")["now"] / 1e9, datetime.timezone.utc)


def metrics(world, cloudwatch):
    put(cloudwatch, 2.0, Unit="Seconds")
    world.wait(120)
    put(cloudwatch, 8.0, Unit="Seconds")
    put(cloudwatch, 4.0, Unit="Seconds")
    world.wait(60)
    end = now(world)
    ask = dict(**LAG, StartTime=end - datetime.timedelta(minutes=30), EndTime=end, Period=60)
    points = cloudwatch.get_metric_statistics(**ask, Statistics=["Average", "Maximum", "SampleCount"])["Datapoints"]
    points.sort(key=lambda point: point["Timestamp"])
    world.same("a point for a minute with values", [p["Average"] for p in points], [2.0, 6.0])
    world.same("its other statistics", [points[1]["Maximum"], points[1]["SampleCount"], points[1]["Unit"]], [8.0, 2.0, "Seconds"])
    data = cloudwatch.get_metric_data(StartTime=ask["StartTime"], EndTime=end, ScanBy="TimestampAscending", MetricDataQueries=[
        {"Id": "lag", "MetricStat": {"Metric": LAG, "Period": 60, "Stat": "Sum"}}])["MetricDataResults"][0]
    world.same("metric data", [data["Id"], data["Values"], data["StatusCode"]], ["lag", [2.0, 12.0], "Complete"])
    world.same("metrics listed", cloudwatch.list_metrics(Namespace="App")["Metrics"],
               [{"Namespace": "App", "MetricName": "Lag", "Dimensions": LAG["Dimensions"]}])
    world.same("nothing elsewhere", world.client("cloudwatch", "eu-west-1").list_metrics()["Metrics"], [])
    world.refused("AWS's namespace", "InvalidParameterValue", cloudwatch.put_metric_data, 400, Namespace="AWS/RDS",
                  MetricData=[{"MetricName": "x", "Value": 1.0}])
    world.refused("no statistic", "InvalidParameterCombination", cloudwatch.get_metric_statistics, 400, **ask)
    world.refused("backwards", "InvalidParameterValue", cloudwatch.get_metric_statistics, 400,
                  **{**ask, "EndTime": ask["StartTime"]}, Statistics=["Sum"])
    world.refused("too many points", "InvalidParameterCombination", cloudwatch.get_metric_statistics, 400,
                  **{**ask, "StartTime": end - datetime.timedelta(days=3)}, Statistics=["Sum"])


def alarms(world, cloudwatch):
    settings = dict(AlarmName="lag", **LAG, Statistic="Maximum", Period=60, EvaluationPeriods=1, Threshold=10.0,
                    ComparisonOperator="GreaterThanThreshold")
    cloudwatch.put_metric_alarm(**settings, Tags=[{"Key": "stack", "Value": "redmine"}])
    seen = cloudwatch.describe_alarms(AlarmNames=["lag"])["MetricAlarms"][0]
    world.same("a new alarm", [seen["StateValue"], seen["ActionsEnabled"], seen["Threshold"]], ["INSUFFICIENT_DATA", True, 10.0])
    state = lambda: cloudwatch.describe_alarms(AlarmNames=["lag"])["MetricAlarms"][0]["StateValue"]
    put(cloudwatch, 1.0)
    world.wait(120)
    seen = set()
    for value, expected in ((1.0, "OK"), (50.0, "ALARM")):
        for _ in range(3):
            put(cloudwatch, value)
            world.wait(60)
        seen.add(state())
        world.same(f"at {value}", state(), expected)
    world.wait(300)
    world.same("without data", state(), "INSUFFICIENT_DATA")
    cloudwatch.set_alarm_state(AlarmName="lag", StateValue="ALARM", StateReason="drill")
    world.same("set by hand", state(), "ALARM")
    world.same("by state", len(cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]), 1)
    history = cloudwatch.describe_alarm_history(AlarmName="lag", HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    world.that("its history", len(history) >= 4, len(history))
    world.same("for a metric", len(cloudwatch.describe_alarms_for_metric(**LAG)["MetricAlarms"]), 1)
    arn = cloudwatch.describe_alarms()["MetricAlarms"][0]["AlarmArn"]
    world.same("tags", cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"], [{"Key": "stack", "Value": "redmine"}])
    world.refused("more points than periods", "InvalidParameterValue", cloudwatch.put_metric_alarm, 400,
                  **{**settings, "DatapointsToAlarm": 2})
    cloudwatch.disable_alarm_actions(AlarmNames=["lag"])
    world.same("actions off", cloudwatch.describe_alarms()["MetricAlarms"][0]["ActionsEnabled"], False)
    cloudwatch.delete_alarms(AlarmNames=["lag"])
    world.refused("an alarm not there", "ResourceNotFound", cloudwatch.delete_alarms, 404, AlarmNames=["lag"])


def dashboards(world, cloudwatch):
    cloudwatch.put_dashboard(DashboardName="redmine", DashboardBody='{"widgets": []}')
    world.same("listed anywhere", len(world.client("cloudwatch", "eu-west-1").list_dashboards()["DashboardEntries"]), 1)
    cloudwatch.delete_dashboards(DashboardNames=["redmine"])
    world.refused("a dashboard not there", "ResourceNotFound", cloudwatch.get_dashboard, 404, DashboardName="redmine")
    code, output, errors = world.cli("cloudwatch", "list-metrics", "--namespace", "App")
    world.that("the command line lists metrics", code == 0 and len(output["Metrics"]) == 1, errors)
