//! Which IAM permissions an operation of Elastic Load Balancing needs.

use crate::services::{Wanted, iam};
use crate::world::{Cx, Input};
use serde_json::Value;

const SERVICE: &str = "elasticloadbalancing.amazonaws.com";

/// Reading has no resources in IAM. Everything else is asked for on what it names or makes; tags given with a create
/// need `AddTags` besides, and the first balancer of an account needs its service-linked role made.
pub(super) fn wants(cx: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let wanted = |resource: String, context: Vec<(String, String)>| Wanted {
        action: format!("elasticloadbalancing:{operation}"),
        resource,
        context,
    };
    if operation.starts_with("Describe") {
        return vec![wanted("*".into(), vec![])];
    }
    let requested = request_tags(input);
    let makes = made(cx, operation, input);
    let mut all = vec![];
    match operation {
        // What is made under something is asked for on that.
        "CreateListener" => {
            all.extend(
                input
                    .str("LoadBalancerArn")
                    .map(|arn| wanted(arn.to_owned(), with_held(cx, arn, &requested))),
            );
        }
        "CreateRule" => {
            all.extend(
                input
                    .str("ListenerArn")
                    .map(|arn| wanted(arn.to_owned(), with_held(cx, arn, &requested))),
            );
        }
        _ if makes.is_some() => all.extend(makes.clone().map(|arn| wanted(arn, requested.clone()))),
        _ => {
            for arn in named(input) {
                let context = with_held(cx, &arn, &requested);
                all.push(wanted(arn, context));
            }
        }
    }
    if let (Some(arn), true) = (makes, !requested.is_empty()) {
        let mut context = requested;
        context.push((
            "elasticloadbalancing:CreateAction".to_owned(),
            operation.to_owned(),
        ));
        all.push(Wanted {
            action: "elasticloadbalancing:AddTags".into(),
            resource: arn,
            context,
        });
    }
    if operation == "CreateLoadBalancer"
        && !iam::has_service_linked_role(cx.world, cx.account_id(), SERVICE)
    {
        all.push(Wanted {
            action: "iam:CreateServiceLinkedRole".into(),
            resource: format!(
                "arn:aws:iam::{}:role/aws-service-role/{SERVICE}/AWSServiceRoleForElasticLoadBalancing",
                cx.account_id()
            ),
            context: vec![("iam:AWSServiceName".to_owned(), SERVICE.to_owned())],
        });
    }
    if all.is_empty() {
        all.push(wanted("*".into(), vec![]));
    }
    all
}

/// The ARN, as far as it is known beforehand, of what an operation makes.
fn made(cx: &Cx<'_>, operation: &str, input: &Input) -> Option<String> {
    let arn = |resource: &str| cx.arn("elasticloadbalancing", resource);
    match operation {
        "CreateLoadBalancer" => {
            let kind = if input.str("Type") == Some("network") {
                "net"
            } else {
                "app"
            };
            Some(arn(&format!(
                "loadbalancer/{kind}/{}/*",
                input.str("Name")?
            )))
        }
        "CreateTargetGroup" => Some(arn(&format!("targetgroup/{}/*", input.str("Name")?))),
        "CreateListener" => Some(format!(
            "{}/*",
            input
                .str("LoadBalancerArn")?
                .replace(":loadbalancer/", ":listener/")
        )),
        "CreateRule" => Some(format!(
            "{}/*",
            input
                .str("ListenerArn")?
                .replace(":listener/", ":listener-rule/")
        )),
        _ => None,
    }
}

fn named(input: &Input) -> Vec<String> {
    let single = [
        "LoadBalancerArn",
        "TargetGroupArn",
        "ListenerArn",
        "RuleArn",
    ];
    let mut arns: Vec<String> = single
        .iter()
        .filter_map(|name| input.str(name))
        .map(str::to_owned)
        .collect();
    arns.extend(input.strings("ResourceArns"));
    let rules = input
        .list("RulePriorities")
        .iter()
        .filter_map(|pair| pair["RuleArn"].as_str());
    arns.extend(rules.map(str::to_owned));
    arns
}

fn request_tags(input: &Input) -> Vec<(String, String)> {
    input
        .list("Tags")
        .iter()
        .filter_map(|tag| {
            Some((
                tag["Key"].as_str()?,
                tag["Value"].as_str().unwrap_or_default(),
            ))
        })
        .flat_map(|(key, value)| {
            [
                (format!("aws:RequestTag/{key}"), value.to_owned()),
                ("aws:TagKeys".to_owned(), key.to_owned()),
            ]
        })
        .chain(
            input
                .list("TagKeys")
                .iter()
                .filter_map(Value::as_str)
                .map(|k| ("aws:TagKeys".to_owned(), k.to_owned())),
        )
        .collect()
}

fn with_held(cx: &Cx<'_>, arn: &str, requested: &[(String, String)]) -> Vec<(String, String)> {
    let mut context = requested.to_vec();
    let tags = super::place_of(arn)
        .and_then(|(account, region)| cx.world.seen_place(account, region))
        .and_then(|place| place.elbv2.tags.get(arn));
    for (key, value) in tags.into_iter().flatten() {
        context.push((format!("aws:ResourceTag/{key}"), value.clone()));
        context.push((
            format!("elasticloadbalancing:ResourceTag/{key}"),
            value.clone(),
        ));
    }
    context
}
