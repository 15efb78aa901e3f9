//! Which IAM permissions an operation of EC2 needs: on what it makes, and on what it names.

use super::tags::{self, Tags};
use crate::services::Wanted;
use crate::world::{Cx, Input};
use serde_json::Value;

/// The kind of resource that an operation makes, as it stands in ARNs.
fn made(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "CreateVpc" => "vpc",
        "CreateSubnet" => "subnet",
        "CreateInternetGateway" => "internet-gateway",
        "AllocateAddress" => "elastic-ip",
        "CreateNatGateway" => "natgateway",
        "CreateRouteTable" => "route-table",
        "CreateSecurityGroup" => "security-group",
        "AuthorizeSecurityGroupIngress" | "AuthorizeSecurityGroupEgress" => "security-group-rule",
        "CreateNetworkAcl" => "network-acl",
        "CreateVpcEndpoint" => "vpc-endpoint",
        "CreateNetworkInterface" => "network-interface",
        "CreateVpcPeeringConnection" => "vpc-peering-connection",
        "CreateFlowLogs" => "vpc-flow-log",
        "CreateDhcpOptions" => "dhcp-options",
        _ => return None,
    })
}

/// Reading has no resources in IAM. Everything else is asked for on each resource it names, and for a create on what
/// it makes; tags given with a create need `ec2:CreateTags` besides.
pub(super) fn wants(cx: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let region = ("ec2:Region".to_owned(), cx.region.clone());
    let wanted = |resource: String, mut context: Vec<(String, String)>| {
        context.push(region.clone());
        Wanted {
            action: format!("ec2:{operation}"),
            resource,
            context,
        }
    };
    if operation.starts_with("Describe") || operation.starts_with("Get") {
        return vec![wanted("*".into(), vec![])];
    }
    let requested = request_tags(input);
    let mut all = vec![];
    let kind = made(operation);
    if let Some(kind) =
        kind.filter(|_| operation.starts_with("Create") || operation.starts_with("Allocate"))
    {
        all.push(wanted(
            cx.arn("ec2", &format!("{kind}/*")),
            requested.clone(),
        ));
    }
    for id in named(operation, input) {
        let Some(kind) = tags::kind_of(&id) else {
            continue;
        };
        let mut context = if operation == "CreateTags" || operation == "DeleteTags" {
            requested.clone()
        } else {
            vec![]
        };
        context.extend(held_tags(cx, &id));
        all.push(wanted(cx.arn("ec2", &format!("{kind}/{id}")), context));
    }
    if let (Some(kind), true) = (kind, input.has("TagSpecifications")) {
        let mut context = requested;
        context.push(("ec2:CreateAction".to_owned(), operation.to_owned()));
        context.push(region.clone());
        let resource = cx.arn("ec2", &format!("{kind}/*"));
        all.push(Wanted {
            action: "ec2:CreateTags".into(),
            resource,
            context,
        });
    }
    if all.is_empty() {
        all.push(wanted("*".into(), vec![]));
    }
    all
}

/// The resources that the members of an input name: each once, in order.
fn named(operation: &str, input: &Input) -> Vec<String> {
    let mut ids: Vec<String> = vec![];
    let Some(members) = input.value.as_object() else {
        return ids;
    };
    for (name, value) in members {
        // Routes are asked for on their table alone, whatever they lead to. Rules name other groups too, and only the
        // group that is changed counts.
        let counts = match operation {
            "CreateRoute" | "ReplaceRoute" | "DeleteRoute" => name == "RouteTableId",
            _ => {
                name.ends_with("Id")
                    || name.ends_with("Ids")
                    || name == "Resources"
                    || name == "Groups"
            }
        };
        match value {
            Value::String(id) if counts => ids.push(id.clone()),
            Value::Array(list) if counts => {
                ids.extend(list.iter().filter_map(Value::as_str).map(str::to_owned))
            }
            _ => {}
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}

fn context_of(tags: &Tags) -> Vec<(String, String)> {
    tags.iter()
        .flat_map(|(key, value)| {
            [
                (format!("aws:RequestTag/{key}"), value.clone()),
                ("aws:TagKeys".to_owned(), key.clone()),
            ]
        })
        .collect()
}

fn request_tags(input: &Input) -> Vec<(String, String)> {
    let in_specifications = input
        .list("TagSpecifications")
        .iter()
        .filter_map(|s| s["Tags"].as_array())
        .flatten();
    let tags: Tags = in_specifications
        .chain(input.list("Tags"))
        .filter_map(|t| {
            Some((
                t["Key"].as_str()?.to_owned(),
                t["Value"].as_str().unwrap_or_default().to_owned(),
            ))
        })
        .collect();
    context_of(&tags)
}

fn held_tags(cx: &Cx<'_>, id: &str) -> Vec<(String, String)> {
    let tags = cx
        .world
        .seen_place(cx.account_id(), &cx.region)
        .and_then(|p| p.ec2.tags.get(id));
    tags.into_iter()
        .flatten()
        .flat_map(|(key, value)| {
            [
                (format!("aws:ResourceTag/{key}"), value.clone()),
                (format!("ec2:ResourceTag/{key}"), value.clone()),
            ]
        })
        .collect()
}
