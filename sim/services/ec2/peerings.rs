//! VPC peering: held by both sides under one id.

use super::filters::{Question, one};
use super::state::{PeerVpc, Peering, State};
use super::tags::{self, Tags};
use super::{invalid, not_found, required};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "vpc-peering-connection")?;
    let (vpc_id, peer_id) = (
        required(input, "VpcId")?.to_owned(),
        required(input, "PeerVpcId")?.to_owned(),
    );
    let own_account = cx.account_id().to_owned();
    let account = input.str("PeerOwnerId").unwrap_or(&own_account).to_owned();
    let region = input.str("PeerRegion").unwrap_or(&cx.region).to_owned();
    let Some(vpc) = cx.place().ec2.vpcs.get(&vpc_id).cloned() else {
        return Err(not_found("vpc", &vpc_id));
    };
    let blocks = |vpc: &super::Vpc| vpc.cidrs.iter().map(|(_, cidr)| *cidr).collect::<Vec<_>>();
    let peer = super::vpc(cx.world, &account, &region, &peer_id).map(blocks);
    let requester = PeerVpc {
        account: own_account,
        region: cx.region.clone(),
        vpc_id,
        cidrs: blocks(&vpc),
    };
    let accepter = PeerVpc {
        account,
        region,
        vpc_id: peer_id,
        cidrs: peer.clone().unwrap_or_default(),
    };
    // AWS takes the request in any case and tells in the connection's state what was wrong with it.
    let overlap = accepter
        .cidrs
        .iter()
        .any(|theirs| requester.cidrs.iter().any(|ours| ours.overlaps(*theirs)));
    let status = if peer.is_none() || overlap {
        "failed"
    } else {
        "pending-acceptance"
    };
    let peering = Peering {
        id: cx.new_id("pcx-"),
        requester,
        accepter,
        status,
    };
    let at = cx.visible_at(&peering.id);
    let output = json!({"VpcPeeringConnection": shown(&peering, &given)});
    if status != "failed" {
        let (account, region) = (
            peering.accepter.account.clone(),
            peering.accepter.region.clone(),
        );
        cx.world
            .place(&account, &region)
            .ec2
            .peerings
            .put(peering.id.clone(), peering.clone(), at);
    }
    let state = &mut cx.place().ec2;
    state.tags.put(peering.id.clone(), given, at);
    state.peerings.put(peering.id.clone(), peering, at);
    Ok(output)
}

fn existing(state: &State, id: &str) -> Result<Peering, AwsError> {
    state
        .peerings
        .get(id)
        .cloned()
        .ok_or_else(|| not_found("vpc-peering-connection", id))
}

/// Writes a status into both sides.
fn set(cx: &mut Cx<'_>, peering: &Peering, status: &'static str) {
    let at = cx.visible_at(&peering.id);
    for side in [&peering.requester, &peering.accepter] {
        cx.world
            .place(&side.account, &side.region)
            .ec2
            .peerings
            .change(&peering.id, at, |p| p.status = status);
    }
}

fn awaited(cx: &mut Cx<'_>, input: &Input) -> Result<Peering, AwsError> {
    let peering = existing(&cx.place().ec2, required(input, "VpcPeeringConnectionId")?)?;
    if (peering.accepter.account.as_str(), &peering.accepter.region)
        != (cx.account_id(), &cx.region)
    {
        return Err(AwsError::new(
            "OperationNotPermitted",
            format!(
                "Only the accepter of the VPC peering connection {} can do this, in its own region",
                peering.id
            ),
        ));
    }
    if peering.status != "pending-acceptance" {
        return Err(AwsError::new(
            "InvalidStateTransition",
            format!(
                "Invalid state transition for {}, attempted to transition from {}",
                peering.id, peering.status
            ),
        ));
    }
    Ok(peering)
}

pub(super) fn accept(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let peering = awaited(cx, input)?;
    set(cx, &peering, "active");
    let now = cx.now();
    let tags = cx.place().ec2.seen_tags(&peering.id, now);
    Ok(json!({"VpcPeeringConnection": shown(&Peering { status: "active", ..peering }, &tags)}))
}

pub(super) fn reject(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let peering = awaited(cx, input)?;
    set(cx, &peering, "rejected");
    Ok(json!({"Return": true}))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let peering = existing(&cx.place().ec2, required(input, "VpcPeeringConnectionId")?)?;
    if matches!(peering.status, "deleted" | "rejected" | "failed") {
        return Err(invalid(format!(
            "The VPC peering connection {} is {}",
            peering.id, peering.status
        )));
    }
    set(cx, &peering, "deleted");
    Ok(json!({"Return": true}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let question = Question::read(
        cx,
        input,
        "vpc-peering-connection",
        "VpcPeeringConnectionIds",
        "Filters",
    )?;
    let state = &cx.place().ec2;
    let names = [
        "vpc-peering-connection-id",
        "status-code",
        "requester-vpc-info.vpc-id",
        "requester-vpc-info.owner-id",
        "requester-vpc-info.cidr-block",
        "accepter-vpc-info.vpc-id",
        "accepter-vpc-info.owner-id",
        "accepter-vpc-info.cidr-block",
    ];
    let facts = |p: &Peering, name: &str| {
        let side = if name.starts_with("requester") {
            &p.requester
        } else {
            &p.accepter
        };
        match name.rsplit_once('.').map_or(name, |(_, last)| last) {
            "vpc-peering-connection-id" => one(p.id.as_str()),
            "status-code" => one(p.status),
            "vpc-id" => one(side.vpc_id.as_str()),
            "owner-id" => one(side.account.as_str()),
            _ => side.cidrs.iter().map(ToString::to_string).collect(),
        }
    };
    let found = question.answer(state, &state.peerings, &names, facts, shown)?;
    Ok(object! {"VpcPeeringConnections": found})
}

fn shown(p: &Peering, tags: &Tags) -> Value {
    let side = |side: &PeerVpc| {
        let blocks: Vec<Value> = side
            .cidrs
            .iter()
            .map(|cidr| json!({"CidrBlock": cidr.to_string()}))
            .collect();
        let mut shown = json!({
            "OwnerId": side.account, "VpcId": side.vpc_id, "Region": side.region, "CidrBlockSet": blocks,
        });
        if let Some(first) = side.cidrs.first() {
            shown["CidrBlock"] = first.to_string().into();
        }
        shown
    };
    let message = match p.status {
        "pending-acceptance" => format!("Pending Acceptance by {}", p.accepter.account),
        "active" => "Active".to_owned(),
        "rejected" => "Rejected".to_owned(),
        "deleted" => "Deleted".to_owned(),
        _ => "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range".to_owned(),
    };
    json!({
        "VpcPeeringConnectionId": p.id, "RequesterVpcInfo": side(&p.requester), "AccepterVpcInfo": side(&p.accepter),
        "Status": {"Code": p.status, "Message": message}, "Tags": tags::listed(tags),
    })
}
