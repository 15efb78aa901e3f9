//! Internet gateways: what joins a VPC to the internet.

use super::filters::{Question, one};
use super::state::InternetGateway;
use super::tags::{self, Tags};
use super::{dependency, limit, not_found, required};
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};

/// Whether an internet gateway is attached to the VPC.
pub fn has_internet_gateway(world: &World, account: &str, region: &str, vpc_id: &str) -> bool {
    world.seen_place(account, region).is_some_and(|p| {
        p.ec2
            .internet_gateways
            .iter()
            .any(|(_, g)| g.vpc_id.as_deref() == Some(vpc_id))
    })
}

pub(super) fn make(cx: &mut Cx<'_>, given: &Tags) -> InternetGateway {
    let gateway = InternetGateway {
        id: cx.new_id("igw-"),
        vpc_id: None,
    };
    let at = cx.visible_at(&gateway.id);
    let state = &mut cx.place().ec2;
    state.tags.put(gateway.id.clone(), given.clone(), at);
    state
        .internet_gateways
        .put(gateway.id.clone(), gateway.clone(), at);
    gateway
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "internet-gateway")?;
    if cx.place().ec2.internet_gateways.len() as u64 >= limit(cx, "L-A4707A72", 5) {
        return Err(AwsError::new(
            "InternetGatewayLimitExceeded",
            "The maximum number of internet gateways has been reached.",
        ));
    }
    let gateway = make(cx, &given);
    let account = cx.account_id().to_owned();
    Ok(json!({"InternetGateway": shown(&gateway, &given, &account)}))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "InternetGatewayId")?;
    let Some(gateway) = cx.place().ec2.internet_gateways.get(id) else {
        return Err(not_found("internet-gateway", id));
    };
    if gateway.vpc_id.is_some() {
        return Err(dependency("internetGateway", id));
    }
    let at = cx.visible_at(id);
    let state = &mut cx.place().ec2;
    state.internet_gateways.remove(id, at);
    state.tags.remove(id, at);
    Ok(json!({}))
}

pub(super) fn attach(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (id, vpc_id) = (
        required(input, "InternetGatewayId")?,
        required(input, "VpcId")?,
    );
    let state = &cx.place().ec2;
    let Some(gateway) = state.internet_gateways.get(id) else {
        return Err(not_found("internet-gateway", id));
    };
    if !state.vpcs.contains(vpc_id) {
        return Err(not_found("vpc", vpc_id));
    }
    if let Some(other) = &gateway.vpc_id {
        return Err(AwsError::new(
            "Resource.AlreadyAssociated",
            format!("resource {id} is already attached to network {other}"),
        ));
    }
    if state
        .internet_gateways
        .iter()
        .any(|(_, g)| g.vpc_id.as_deref() == Some(vpc_id))
    {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Network {vpc_id} already has an internet gateway attached"),
        ));
    }
    let at = cx.visible_at(id);
    cx.place()
        .ec2
        .internet_gateways
        .change(id, at, |g| g.vpc_id = Some(vpc_id.to_owned()));
    Ok(json!({}))
}

pub(super) fn detach(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (id, vpc_id) = (
        required(input, "InternetGatewayId")?,
        required(input, "VpcId")?,
    );
    let state = &cx.place().ec2;
    let Some(gateway) = state.internet_gateways.get(id) else {
        return Err(not_found("internet-gateway", id));
    };
    if !state.vpcs.contains(vpc_id) {
        return Err(not_found("vpc", vpc_id));
    }
    if gateway.vpc_id.as_deref() != Some(vpc_id) {
        return Err(AwsError::new(
            "Gateway.NotAttached",
            format!("resource {id} is not attached to network {vpc_id}"),
        ));
    }
    if state
        .interfaces
        .iter()
        .any(|(_, i)| i.vpc_id == vpc_id && i.public_address.is_some())
    {
        return Err(AwsError::new(
            "DependencyViolation",
            format!(
                "Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
            ),
        ));
    }
    let at = cx.visible_at(id);
    cx.place()
        .ec2
        .internet_gateways
        .change(id, at, |g| g.vpc_id = None);
    Ok(json!({}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let question = Question::read(
        cx,
        input,
        "internet-gateway",
        "InternetGatewayIds",
        "Filters",
    )?;
    let account = cx.account_id().to_owned();
    let state = &cx.place().ec2;
    let names = [
        "internet-gateway-id",
        "attachment.vpc-id",
        "attachment.state",
        "owner-id",
    ];
    let facts = |g: &InternetGateway, name: &str| match name {
        "internet-gateway-id" => one(g.id.as_str()),
        "attachment.vpc-id" => g.vpc_id.clone().into_iter().collect(),
        "attachment.state" => g.vpc_id.iter().map(|_| "available".to_owned()).collect(),
        _ => one(account.as_str()),
    };
    let shown = |g: &InternetGateway, tags: &Tags| shown(g, tags, &account);
    let found = question.answer(state, &state.internet_gateways, &names, facts, shown)?;
    Ok(object! {"InternetGateways": found})
}

fn shown(g: &InternetGateway, tags: &Tags, account: &str) -> Value {
    let attachments: Vec<Value> = g
        .vpc_id
        .iter()
        .map(|vpc| json!({"State": "available", "VpcId": vpc}))
        .collect();
    json!({"InternetGatewayId": g.id, "Attachments": attachments, "OwnerId": account, "Tags": tags::listed(tags)})
}
