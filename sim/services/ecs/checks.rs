//! What a service or a task must name rightly before it is accepted: networks, balancers, launch types, percents.

use super::{Definition, clusters, invalid, rows, text};
use crate::error::AwsError;
use crate::services::{ec2, elbv2};
use crate::world::Cx;
use serde_json::{Value, json};

/// Subnets and security groups must be there, and all of one VPC.
pub(super) fn check_network(
    cx: &mut Cx<'_>,
    definition: &Definition,
    network: &Value,
) -> Result<(), AwsError> {
    let vpc_mode = definition.network_mode() == "awsvpc";
    let given = &network["awsvpcConfiguration"];
    if !vpc_mode {
        return if given.is_null() {
            Ok(())
        } else {
            Err(invalid(
                "Network Configuration is not valid for the given networkMode of this task definition.",
            ))
        };
    }
    if given.is_null() {
        return Err(invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ));
    }
    let subnets = rows(given, "subnets");
    if subnets.is_empty() {
        return Err(invalid("subnets can not be empty."));
    }
    if subnets.len() > 16 {
        return Err(invalid("subnets can have at most 16 items."));
    }
    if rows(given, "securityGroups").len() > 5 {
        return Err(invalid("securityGroups can have at most 5 items."));
    }
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let mut vpc: Option<String> = None;
    for subnet in subnets.iter().filter_map(Value::as_str) {
        let Some(found) = ec2::subnet(cx.world, &account, &region, subnet) else {
            return Err(invalid(format!(
                "Error retrieving subnet information for [{subnet}]: The subnet ID '{subnet}' does not exist (ErrorCode: \
                 InvalidSubnetID.NotFound)"
            )));
        };
        match &vpc {
            Some(vpc) if *vpc != found.vpc_id => {
                return Err(invalid("Subnets must belong to the same VPC."));
            }
            _ => vpc = Some(found.vpc_id.clone()),
        }
    }
    for group in rows(given, "securityGroups")
        .iter()
        .filter_map(Value::as_str)
    {
        match ec2::security_group(cx.world, &account, &region, group) {
            None => {
                return Err(invalid(format!(
                    "Error retrieving security group information for [{group}]: The security group '{group}' does not \
                     exist (ErrorCode: InvalidGroup.NotFound)"
                )));
            }
            Some(found) if Some(&found.vpc_id) != vpc.as_ref() => {
                return Err(invalid(
                    "Security groups and subnets must belong to the same VPC.",
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Each target group must be there, be of the right target type and belong to a listener.
pub(super) fn check_balancers(
    cx: &mut Cx<'_>,
    definition: &Definition,
    balancers: &[Value],
) -> Result<(), AwsError> {
    for balancer in balancers {
        let arn = text(balancer, "targetGroupArn");
        if arn.is_empty() {
            return Err(invalid("targetGroupArn should not be null or empty."));
        }
        let (container, port) = (
            text(balancer, "containerName"),
            balancer["containerPort"].as_i64(),
        );
        let Some(found) = definition
            .containers()
            .iter()
            .find(|c| text(c, "name") == container)
        else {
            return Err(invalid(format!(
                "The container {container} does not exist in the task definition."
            )));
        };
        let Some(port) = port else {
            return Err(invalid("containerPort should not be null."));
        };
        if !rows(found, "portMappings")
            .iter()
            .any(|p| p["containerPort"].as_i64() == Some(port))
        {
            return Err(invalid(format!(
                "The container {container} did not have a container port {port} defined."
            )));
        }
        let here = super::arn_place(arn) == Some((cx.account_id(), cx.region.as_str()));
        let Some(group) = elbv2::target_group(cx.world, arn).filter(|_| here) else {
            return Err(invalid(
                "Unable to assume role and validate the specified targetGroupArn. Please verify that the ECS service \
                 role being passed has the proper permissions.",
            ));
        };
        if definition.network_mode() == "awsvpc" && group.target_type != "ip" {
            return Err(invalid(format!(
                "The provided target group {arn} has target type {}, which is incompatible with the awsvpc network mode \
                 specified in the task definition.",
                group.target_type
            )));
        }
        if !elbv2::is_in_use(cx.world, arn) {
            return Err(invalid(format!(
                "The target group with targetGroupArn {arn} does not have an associated load balancer."
            )));
        }
    }
    Ok(())
}

/// Fargate needs a definition made for it.
pub(super) fn check_launch(
    cx: &mut Cx<'_>,
    cluster: &str,
    input: &Value,
    definition: &Definition,
) -> Result<(), AwsError> {
    let launch = text(input, "launchType");
    let strategy = &input["capacityProviderStrategy"];
    let named = strategy.as_array().is_some_and(|s| !s.is_empty());
    if !launch.is_empty() && named {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one \
             and try again.",
        ));
    }
    if named {
        let providers = cx
            .place()
            .ecs
            .clusters
            .get(cluster)
            .map(|c| c.providers.clone())
            .unwrap_or_default();
        clusters::check_strategy(strategy, Some(&providers))?;
    }
    let default = cx
        .place()
        .ecs
        .clusters
        .get(cluster)
        .is_some_and(|c| c.strategy.as_array().is_some_and(|s| !s.is_empty()));
    let fargate = launch == "FARGATE" || named || (launch.is_empty() && default);
    if !fargate {
        return Err(invalid(
            "No Container Instances were found in your cluster.",
        ));
    }
    if !definition.is_fargate() {
        return Err(invalid(
            "Task definition does not support launch_type FARGATE.",
        ));
    }
    let platform = text(input, "platformVersion");
    if !matches!(platform, "" | "LATEST" | "1.4.0" | "1.3.0") {
        return Err(AwsError::new(
            "PlatformUnknownException",
            "The specified platform version does not exist.",
        ));
    }
    Ok(())
}

pub(super) fn configured(given: Option<&Value>) -> Result<Value, AwsError> {
    let mut configuration = given
        .cloned()
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({}));
    let (min, max) = (
        configuration["minimumHealthyPercent"].as_i64(),
        configuration["maximumPercent"].as_i64(),
    );
    let (min, max) = (min.unwrap_or(100), max.unwrap_or(200));
    if max <= min && max <= 100 {
        return Err(invalid(
            "maximumPercent must be greater than minimumHealthyPercent when it is 100 or less.",
        ));
    }
    if min < 0 || max <= 0 || min > max {
        return Err(invalid(
            "The deployment configuration's percentages are not valid.",
        ));
    }
    configuration["minimumHealthyPercent"] = json!(min);
    configuration["maximumPercent"] = json!(max);
    if configuration.get("deploymentCircuitBreaker").is_none() {
        configuration["deploymentCircuitBreaker"] = json!({ "enable": false, "rollback": false });
    }
    if !matches!(text(&configuration, "strategy"), "" | "ROLLING") {
        return Err(AwsError::not_simulated(
            "ecs",
            "deployment strategies other than ROLLING",
        ));
    }
    configuration["strategy"] = json!("ROLLING");
    configuration["bakeTimeInMinutes"] = configuration
        .get("bakeTimeInMinutes")
        .cloned()
        .unwrap_or(json!(0));
    Ok(configuration)
}
