"""CloudWatch Logs: groups, streams, events, filters, as AWS documents them."""

from world import ACCOUNT

GROUP = "/ecs/redmine"


def checks(world):
    logs = world.client("logs")
    groups(world, logs)
    streams(world, logs)
    events(world, logs)
    filters(world, logs)
    removal(world, logs)


def groups(world, logs):
    logs.create_log_group(logGroupName=GROUP, tags={"stack": "redmine"})
    world.refused("a group twice", "ResourceAlreadyExistsException", logs.create_log_group, 400, logGroupName=GROUP)
    world.refused("a bad name", "InvalidParameterException", logs.create_log_group, 400, logGroupName="a b")
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=30)
    world.refused("a retention that is not offered", "InvalidParameterException", logs.put_retention_policy, 400,
                  logGroupName=GROUP, retentionInDays=31)
    seen = logs.describe_log_groups(logGroupNamePrefix="/ecs/")["logGroups"][0]
    world.same("described", [seen["logGroupName"], seen["retentionInDays"], seen["arn"]],
               [GROUP, 30, f"arn:aws:logs:us-west-2:{ACCOUNT}:log-group:{GROUP}:*"])
    arn = seen["arn"].removesuffix(":*")
    logs.tag_resource(resourceArn=arn, tags={"a": "1"})
    logs.untag_resource(resourceArn=arn, tagKeys=["stack"])
    world.same("tags", logs.list_tags_for_resource(resourceArn=arn)["tags"], {"a": "1"})
    logs.delete_retention_policy(logGroupName=GROUP)
    world.that("no retention", "retentionInDays" not in logs.describe_log_groups()["logGroups"][0])
    world.refused("a group not there", "ResourceNotFoundException", logs.put_retention_policy, 400, logGroupName="none",
                  retentionInDays=1)
    world.refused("a key not there", "InvalidParameterException", logs.associate_kms_key, 400, logGroupName=GROUP,
                  kmsKeyId=f"arn:aws:kms:us-west-2:{ACCOUNT}:key/none")
    for n in range(3):
        logs.create_log_group(logGroupName=f"page/{n}")
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="page/", PaginationConfig={"PageSize": 2})
    world.same("pages of two", [len(p["logGroups"]) for p in pages], [2, 1])


def streams(world, logs):
    logs.create_log_stream(logGroupName=GROUP, logStreamName="app/1")
    world.refused("a stream twice", "ResourceAlreadyExistsException", logs.create_log_stream, 400, logGroupName=GROUP,
                  logStreamName="app/1")
    world.refused("in no group", "ResourceNotFoundException", logs.create_log_stream, 400, logGroupName="none", logStreamName="s")
    world.refused("a bad name", "InvalidParameterException", logs.create_log_stream, 400, logGroupName=GROUP, logStreamName="a:b")
    rows = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    world.same("streams", [row["logStreamName"] for row in rows], ["app/1"])


def events(world, logs):
    now = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]["creationTime"]
    rows = [{"timestamp": now + n, "message": f"line {n}"} for n in range(5)]
    target = dict(logGroupName=GROUP, logStreamName="app/1")
    logs.put_log_events(**target, logEvents=rows)
    world.refused("in no order", "InvalidParameterException", logs.put_log_events, 400, **target, logEvents=rows[::-1])
    world.refused("in no stream", "ResourceNotFoundException", logs.put_log_events, 400, logGroupName=GROUP,
                  logStreamName="none", logEvents=rows)
    late = logs.put_log_events(**target, logEvents=[{"timestamp": now + 9 * 3_600_000, "message": "late"}])
    world.same("too new", late["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"], 0)
    text = lambda answer: [event["message"] for event in answer["events"]]
    tail = logs.get_log_events(**target, limit=2)
    world.same("the tail", text(tail), ["line 3", "line 4"])
    before = logs.get_log_events(**target, limit=2, nextToken=tail["nextBackwardToken"])
    world.same("before it", text(before), ["line 1", "line 2"])
    head = logs.get_log_events(**target, limit=3, startFromHead=True)
    rest = logs.get_log_events(**target, nextToken=head["nextForwardToken"])
    world.same("from the head", [text(head), text(rest)], [["line 0", "line 1", "line 2"], ["line 3", "line 4"]])
    end = logs.get_log_events(**target, nextToken=rest["nextForwardToken"])
    world.same("the end repeats its token", [text(end), end["nextForwardToken"]], [[], rest["nextForwardToken"]])
    span = logs.get_log_events(**target, startTime=now + 1, endTime=now + 3, startFromHead=True)
    world.same("a span", text(span), ["line 1", "line 2"])
    found = logs.filter_log_events(logGroupName=GROUP, filterPattern='?"line 1" ?"line 4"')
    world.same("filtered", text(found), ["line 1", "line 4"])
    world.refused("a pattern that is none", "InvalidParameterException", logs.filter_log_events, 400, logGroupName=GROUP,
                  filterPattern="{ broken")


def filters(world, logs):
    logs.put_metric_filter(logGroupName=GROUP, filterName="errors", filterPattern='{ $.level = "error" }',
                           metricTransformations=[{"metricName": "Errors", "metricNamespace": "App", "metricValue": "1"}])
    now = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]["creationTime"]
    logs.put_log_events(logGroupName=GROUP, logStreamName="app/1", logEvents=[
        {"timestamp": now + 10, "message": '{"level": "error"}'}, {"timestamp": now + 11, "message": '{"level": "info"}'}])
    metrics = world.client("cloudwatch").list_metrics(Namespace="App")["Metrics"]
    world.same("a filter publishes", [m["MetricName"] for m in metrics], ["Errors"])
    rows = logs.describe_metric_filters(logGroupName=GROUP)["metricFilters"]
    world.same("metric filters", [row["filterName"] for row in rows], ["errors"])
    matches = logs.test_metric_filter(filterPattern="ERROR -debug", logEventMessages=["ERROR x", "ERROR debug"])["matches"]
    world.same("tried out", [m["eventNumber"] for m in matches], [1])
    for name in ("a", "b"):
        logs.put_subscription_filter(logGroupName=GROUP, filterName=name, filterPattern="",
                                     destinationArn=f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:f")
    world.refused("a third subscription", "LimitExceededException", logs.put_subscription_filter, 400, logGroupName=GROUP,
                  filterName="c", filterPattern="", destinationArn=f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:f")
    logs.delete_metric_filter(logGroupName=GROUP, filterName="errors")
    world.refused("a filter not there", "ResourceNotFoundException", logs.delete_metric_filter, 400, logGroupName=GROUP,
                  filterName="errors")


def removal(world, logs):
    logs.delete_log_stream(logGroupName=GROUP, logStreamName="app/1")
    world.refused("a stream not there", "ResourceNotFoundException", logs.get_log_events, 400, logGroupName=GROUP,
                  logStreamName="app/1")
    logs.delete_log_group(logGroupName=GROUP)
    world.refused("a group not there", "ResourceNotFoundException", logs.delete_log_group, 400, logGroupName=GROUP)
    code, output, errors = world.cli("logs", "describe-log-groups", "--log-group-name-prefix", "page/")
    world.that("the command line lists groups", code == 0 and len(output["logGroups"]) == 3, errors)
