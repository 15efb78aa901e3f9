//! Where tasks stand in a network.

use aws_sdk_ecs::types as aws;
use serde_json::{Value, json};

pub(super) fn awsvpc(
    subnets: &[String],
    groups: &[String],
    public: bool,
) -> Option<aws::NetworkConfiguration> {
    let inner = aws::AwsVpcConfiguration::builder()
        .set_subnets(Some(subnets.to_vec()))
        .set_security_groups(Some(groups.to_vec()))
        .assign_public_ip(if public {
            aws::AssignPublicIp::Enabled
        } else {
            aws::AssignPublicIp::Disabled
        })
        .build()
        .ok()?;
    Some(
        aws::NetworkConfiguration::builder()
            .awsvpc_configuration(inner)
            .build(),
    )
}

pub(super) fn json_awsvpc(subnets: &[String], groups: &[String], public: bool) -> Value {
    json!({ "awsvpcConfiguration": {
        "subnets": subnets, "securityGroups": groups, "assignPublicIp": if public { "ENABLED" } else { "DISABLED" },
    } })
}
