//! The calls of route tables and of security group rules.

use super::Command;
use serde_json::{Value as Json, json};

pub(super) fn route_table(params: &Json, tags: Json) -> Vec<Command> {
    let mut all = vec![Command {
        service: "ec2",
        operation: "CreateRouteTable",
        input: json!({ "VpcId": params.get("vpc"), "TagSpecifications": tags }),
    }];
    for route in params
        .get("routes")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        let input = json!({ "RouteTableId": "<RouteTableId>", "DestinationCidrBlock": route.get("destination"), "GatewayId": route.pointer("/through/internetGateway"), "NatGatewayId": route.pointer("/through/natGateway") });
        all.push(Command {
            service: "ec2",
            operation: "CreateRoute",
            input,
        });
    }
    for subnet in params
        .get("subnets")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        all.push(Command {
            service: "ec2",
            operation: "AssociateRouteTable",
            input: json!({ "RouteTableId": "<RouteTableId>", "SubnetId": subnet }),
        });
    }
    all
}

/// One captured or planned rule as an `IpPermission`.
pub(super) fn permission(rule: &Json) -> Json {
    let peer = |name: &str| rule.get("peer").and_then(|p| p.get(name));
    let group = peer("group").or_else(|| peer("securityGroup"));
    json!({
        "IpProtocol": rule.get("protocol"), "FromPort": rule.get("fromPort"), "ToPort": rule.get("toPort"),
        "IpRanges": peer("cidr").map(|c| json!([{ "CidrIp": c }])), "Ipv6Ranges": peer("cidr6").map(|c| json!([{ "CidrIpv6": c }])),
        "UserIdGroupPairs": group.map(|g| json!([{ "GroupId": g }])), "PrefixListIds": peer("prefixList").map(|p| json!([{ "PrefixListId": p }])),
    })
}

pub(super) fn rules(params: &Json) -> Vec<Command> {
    let mut all = vec![];
    // Whether the group is the run's own, so that no other rule belongs there.
    let exactly = params.get("exactly").and_then(Json::as_bool) == Some(true);
    for (direction, operation) in [
        ("ingress", "AuthorizeSecurityGroupIngress"),
        ("egress", "AuthorizeSecurityGroupEgress"),
    ] {
        let rules = params
            .get("rules")
            .and_then(Json::as_array)
            .into_iter()
            .flatten();
        let wanted: Vec<&Json> = rules
            .filter(|r| r.get("direction").and_then(Json::as_str) == Some(direction))
            .collect();
        // A new group lets everything out.
        let born = |rule: &Json| {
            exactly
                && direction == "egress"
                && rule.get("protocol").and_then(Json::as_str) == Some("-1")
                && rule.pointer("/peer/cidr").and_then(Json::as_str) == Some("0.0.0.0/0")
        };
        if direction == "egress" && exactly && !wanted.iter().any(|rule| born(rule)) {
            all.push(Command {
                service: "ec2",
                operation: "RevokeSecurityGroupEgress",
                input: json!({ "GroupId": params.get("group"), "IpPermissions": [{ "IpProtocol": "-1", "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }] }),
            });
        }
        let permissions: Vec<Json> = wanted
            .into_iter()
            .filter(|rule| !born(rule))
            .map(permission)
            .collect();
        if !permissions.is_empty() {
            all.push(Command {
                service: "ec2",
                operation,
                input: json!({ "GroupId": params.get("group"), "IpPermissions": permissions }),
            });
        }
    }
    all
}
