//! Application Auto Scaling through its operations and the passing of time.

use crate::clock::{MINUTE, SECOND};
use crate::services::ServiceId;
use crate::services::ecs::tests::Site;
use serde_json::{Value, json};

const RESOURCE: &str = "service/main/web";

fn site(desired: i64) -> Site {
    let mut site = Site::new();
    let definition = site.define(
        "web",
        "public.ecr.aws/docker/library/http-echo:1.0",
        json!({}),
    );
    site.service("web", &definition, desired);
    site.pass(3 * MINUTE);
    site
}

fn scaling(site: &mut Site, operation: &str, more: Value) -> Value {
    let mut input = json!({ "ServiceNamespace": "ecs", "ResourceId": RESOURCE, "ScalableDimension": "ecs:service:DesiredCount" });
    for (member, value) in more.as_object().unwrap() {
        input[member] = value.clone();
    }
    site.ok(ServiceId::Autoscaling, operation, input)
}

fn register(site: &mut Site, min: i64, max: i64) {
    scaling(
        site,
        "RegisterScalableTarget",
        json!({ "MinCapacity": min, "MaxCapacity": max }),
    );
}

fn desired(site: &mut Site) -> i64 {
    site.seen("web")["desiredCount"].as_i64().unwrap()
}

fn suspend(site: &mut Site, on: bool) {
    let all = json!({ "DynamicScalingInSuspended": on, "DynamicScalingOutSuspended": on, "ScheduledScalingSuspended": on });
    scaling(
        site,
        "RegisterScalableTarget",
        json!({ "SuspendedState": all }),
    );
}

fn track(site: &mut Site) {
    scaling(
        site,
        "PutScalingPolicy",
        json!({ "PolicyName": "cpu", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 60.0, "ScaleOutCooldown": 60, "ScaleInCooldown": 60,
            "PredefinedMetricSpecification": { "PredefinedMetricType": "ECSServiceAverageCPUUtilization" } } }),
    );
}

#[test]
fn registering_moves_capacity_into_the_limits_at_once() {
    let mut site = site(1);
    register(&mut site, 2, 6);
    assert_eq!(desired(&mut site), 2);
    let activities = site.ok(
        ServiceId::Autoscaling,
        "DescribeScalingActivities",
        json!({ "ServiceNamespace": "ecs" }),
    );
    assert_eq!(
        activities["ScalingActivities"][0]["Cause"],
        "minimum capacity was set to 2"
    );
    register(&mut site, 0, 1);
    assert_eq!(desired(&mut site), 1);
}

#[test]
fn a_fence_by_desired_count_is_undone_within_a_minute_unless_suspended() {
    let mut site = site(2);
    register(&mut site, 2, 6);
    site.ecs(
        "UpdateService",
        json!({ "cluster": "main", "service": "web", "desiredCount": 0 }),
    );
    site.pass(61 * SECOND);
    assert_eq!(desired(&mut site), 2);
    suspend(&mut site, true);
    site.ecs(
        "UpdateService",
        json!({ "cluster": "main", "service": "web", "desiredCount": 0 }),
    );
    site.pass(30 * MINUTE);
    assert_eq!(desired(&mut site), 0);
    suspend(&mut site, false);
    assert_eq!(
        desired(&mut site),
        2,
        "what was suspended is made good at once"
    );
}

#[test]
fn tracking_follows_the_load_out_and_in_again() {
    let mut site = site(2);
    register(&mut site, 2, 6);
    track(&mut site);
    site.world
        .set_load("111122223333", "us-west-2", RESOURCE, 300.0, 0.0);
    site.pass(15 * MINUTE);
    let out = desired(&mut site);
    assert!((5..=6).contains(&out), "{out}");
    site.world
        .set_load("111122223333", "us-west-2", RESOURCE, 10.0, 0.0);
    site.pass(40 * MINUTE);
    assert_eq!(desired(&mut site), 2);
}

#[test]
fn what_is_not_registered_has_no_policies() {
    let mut site = site(1);
    let input = json!({ "ServiceNamespace": "ecs", "ResourceId": RESOURCE, "ScalableDimension": "ecs:service:DesiredCount",
        "PolicyName": "cpu", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 60.0, "PredefinedMetricSpecification": { "PredefinedMetricType": "ECSServiceAverageCPUUtilization" } } });
    let refused = site
        .call(ServiceId::Autoscaling, "PutScalingPolicy", input)
        .unwrap_err();
    assert_eq!(refused.code, "ObjectNotFoundException");
    let absent = json!({ "ServiceNamespace": "ecs", "ResourceId": "service/main/none",
        "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 1, "MaxCapacity": 2 });
    let refused = site
        .call(ServiceId::Autoscaling, "RegisterScalableTarget", absent)
        .unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        (
            "ValidationException",
            "ECS service doesn't exist: service/main/none"
        )
    );
    register(&mut site, 1, 2);
    track(&mut site);
    let policies = site.ok(
        ServiceId::Autoscaling,
        "DescribeScalingPolicies",
        json!({ "ServiceNamespace": "ecs" }),
    );
    assert_eq!(
        policies["ScalingPolicies"][0]["Alarms"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    scaling(&mut site, "DeregisterScalableTarget", json!({}));
    let policies = site.ok(
        ServiceId::Autoscaling,
        "DescribeScalingPolicies",
        json!({ "ServiceNamespace": "ecs" }),
    );
    assert_eq!(policies["ScalingPolicies"], json!([]));
}

#[test]
fn a_scheduled_action_moves_the_limits_at_its_time() {
    let mut site = site(1);
    register(&mut site, 1, 6);
    let action = json!({ "ScheduledActionName": "night", "Schedule": "at(2027-01-15T09:00:00)",
        "ScalableTargetAction": { "MinCapacity": 3 } });
    scaling(&mut site, "PutScheduledAction", action);
    site.world.advance_to(59 * MINUTE);
    assert_eq!(desired(&mut site), 1);
    site.world.advance_to(61 * MINUTE);
    assert_eq!(desired(&mut site), 3);
}

#[test]
fn tags_of_a_target_are_changed_by_its_arn() {
    let mut site = site(1);
    let made = scaling(
        &mut site,
        "RegisterScalableTarget",
        json!({ "MinCapacity": 1, "MaxCapacity": 2, "Tags": { "a": "1" } }),
    );
    let arn = made["ScalableTargetARN"].clone();
    site.ok(
        ServiceId::Autoscaling,
        "TagResource",
        json!({ "ResourceARN": arn, "Tags": { "b": "2" } }),
    );
    site.ok(
        ServiceId::Autoscaling,
        "UntagResource",
        json!({ "ResourceARN": arn, "TagKeys": ["a"] }),
    );
    let tags = site.ok(
        ServiceId::Autoscaling,
        "ListTagsForResource",
        json!({ "ResourceARN": arn }),
    );
    assert_eq!(tags["Tags"], json!({ "b": "2" }));
}
