"""Application Auto Scaling for ECS services, as AWS documents it."""

from ecs import ECHO, definition, ground

TARGET = dict(ServiceNamespace="ecs", ResourceId="service/main/web", ScalableDimension="ecs:service:DesiredCount")
CPU = {"TargetValue": 60.0, "ScaleOutCooldown": 60, "ScaleInCooldown": 60,
       "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}


def checks(world):
    ecs, scaling = world.client("ecs"), world.client("application-autoscaling")
    _, _, _, role, network = ground(world)
    ecs.create_cluster(clusterName="main")
    ecs.register_task_definition(**definition(role, "web", ECHO))
    ecs.create_service(cluster="main", serviceName="web", taskDefinition="web", desiredCount=1, launchType="FARGATE",
                       networkConfiguration=network)
    ecs.get_waiter("services_stable").wait(cluster="main", services=["web"])

    def desired():
        return ecs.describe_services(cluster="main", services=["web"])["services"][0]["desiredCount"]

    targets(world, ecs, scaling, desired)
    policies(world, scaling, desired)
    scheduled(world, scaling, desired)
    removal(world, scaling)


def targets(world, ecs, scaling, desired):
    register = scaling.register_scalable_target
    world.refused("no limits", "ValidationException", register, 400, **TARGET)
    world.refused("limits upside down", "ValidationException", register, 400, **TARGET, MinCapacity=3, MaxCapacity=2)
    world.refused("an absent service", "ValidationException", register, 400, **{**TARGET, "ResourceId": "service/main/none"},
                  MinCapacity=1, MaxCapacity=2)
    world.refused("a policy without a target", "ObjectNotFoundException", scaling.put_scaling_policy, 400, **TARGET,
                  PolicyName="cpu", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=CPU)
    arn = register(**TARGET, MinCapacity=2, MaxCapacity=6, Tags={"stack": "redmine"})["ScalableTargetARN"]
    world.that("an ARN", arn.startswith("arn:aws:application-autoscaling:us-west-2:111122223333:scalable-target/"), arn)
    world.same("capacity moves into the limits at once", desired(), 2)
    seen = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]
    world.same("the limits", (seen["MinCapacity"], seen["MaxCapacity"]), (2, 6))
    world.same("nothing suspended", set(seen["SuspendedState"].values()), {False})
    world.that("the service-linked role", seen["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_ECSService"))
    world.same("other resources have none", scaling.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=["service/main/none"])["ScalableTargets"], [])
    ecs.update_service(cluster="main", service="web", desiredCount=0)
    world.wait(61)
    world.same("a fence by desired count does not hold", desired(), 2)
    suspended = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True, "ScheduledScalingSuspended": True}
    world.same("registering again keeps the ARN", register(**TARGET, SuspendedState=suspended)["ScalableTargetARN"], arn)
    ecs.update_service(cluster="main", service="web", desiredCount=0)
    world.wait(1200)
    world.same("suspended, it holds", desired(), 0)
    world.same("and says so", scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]["SuspendedState"], suspended)
    register(**TARGET, SuspendedState={key: False for key in suspended})
    world.same("resumed, the limits count again", desired(), 2)
    activities = scaling.describe_scaling_activities(ServiceNamespace="ecs", ResourceId=TARGET["ResourceId"])["ScalingActivities"]
    world.that("activities say why", activities[0]["Cause"] == "minimum capacity was set to 2", activities[0])
    world.same("the newest first", activities, sorted(activities, key=lambda a: a["StartTime"], reverse=True))
    scaling.tag_resource(ResourceARN=arn, Tags={"a": "b"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["stack"])
    world.same("tags", scaling.list_tags_for_resource(ResourceARN=arn)["Tags"], {"a": "b"})
    world.refused("tags of nothing", "ResourceNotFoundException", scaling.list_tags_for_resource, 400, ResourceARN=arn[:-1] + "x")
    world.refused("tags when registering again", "ValidationException", register, 400, **TARGET, Tags={"x": "y"})


def policies(world, scaling, desired):
    put = dict(**TARGET, PolicyName="cpu", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=CPU)
    made = scaling.put_scaling_policy(**put)
    world.same("two alarms", len(made["Alarms"]), 2)
    world.same("putting again keeps the ARN", scaling.put_scaling_policy(**put)["PolicyARN"], made["PolicyARN"])
    world.refused("another type", "ValidationException", scaling.put_scaling_policy, 400, **TARGET, PolicyName="cpu",
                  PolicyType="StepScaling", StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity",
                                                                            "StepAdjustments": [{"ScalingAdjustment": 1}]})
    world.refused("a metric of another service", "ValidationException", scaling.put_scaling_policy, 400, **TARGET, PolicyName="x",
                  PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration={
                      "TargetValue": 1.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "RDSReaderAverageCPUUtilization"}})
    scaling.put_scaling_policy(**TARGET, PolicyName="memory", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration={
        "TargetValue": 80.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"}})
    pages = scaling.get_paginator("describe_scaling_policies").paginate(ServiceNamespace="ecs", PaginationConfig={"PageSize": 1})
    names = [p["PolicyName"] for page in pages for p in page["ScalingPolicies"]]
    world.same("policies, page by page", names, ["cpu", "memory"])
    seen = scaling.describe_scaling_policies(ServiceNamespace="ecs", PolicyNames=["cpu"])["ScalingPolicies"][0]
    world.same("the configuration as it was given", seen["TargetTrackingScalingPolicyConfiguration"], CPU)
    load = {"account": "111122223333", "region": "us-west-2", "resource": TARGET["ResourceId"], "memory": 0.0}
    world.control("act", {"set-load": {**load, "cpu": 300.0}})
    world.wait(1200)
    world.that("load scales out", desired() >= 5, desired())
    world.control("act", {"set-load": {**load, "cpu": 5.0}})
    world.wait(3000)
    world.same("and in again, to the least", desired(), 2)
    scaling.delete_scaling_policy(**TARGET, PolicyName="memory")
    world.refused("twice", "ObjectNotFoundException", scaling.delete_scaling_policy, 400, **TARGET, PolicyName="memory")


def scheduled(world, scaling, desired):
    put = scaling.put_scheduled_action
    world.refused("an odd schedule", "ValidationException", put, 400, **TARGET, ScheduledActionName="x", Schedule="now and then",
                  ScalableTargetAction={"MinCapacity": 3})
    put(**TARGET, ScheduledActionName="more", Schedule="rate(10 minutes)", ScalableTargetAction={"MinCapacity": 4})
    seen = scaling.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"][0]
    world.same("as it was given", (seen["Schedule"], seen["ScalableTargetAction"]), ("rate(10 minutes)", {"MinCapacity": 4}))
    world.wait(660)
    world.same("it acts at its time", desired(), 4)
    scaling.delete_scheduled_action(**TARGET, ScheduledActionName="more")
    world.refused("one that is not", "ObjectNotFoundException", scaling.delete_scheduled_action, 400, **TARGET, ScheduledActionName="more")


def removal(world, scaling):
    scaling.deregister_scalable_target(**TARGET)
    world.same("its policies go with it", scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"], [])
    world.refused("a target that is not", "ObjectNotFoundException", scaling.deregister_scalable_target, 400, **TARGET)
