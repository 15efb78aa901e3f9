//! The VPCs that see a private zone.

use super::records::invalid;
use super::zones::{id_of, named};
use super::{Change, Vpc, Zone, bare, no_such_zone};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::services::{ServiceId, ec2};
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};

pub(super) fn vpc_of(input: &Input) -> Option<Vpc> {
    let vpc = input.value.get("VPC").filter(|v| v.is_object())?;
    let text = |member: &str| vpc[member].as_str().unwrap_or_default().to_owned();
    Some(Vpc {
        region: text("VPCRegion"),
        id: text("VPCId"),
    })
}

/// Whether a VPC exists in the caller's account.
pub(super) fn check_vpc(cx: &mut Cx<'_>, vpc: &Vpc) -> Result<(), AwsError> {
    let account = cx.caller.account.clone();
    let found = ec2::vpc(cx.world, &account, &vpc.region, &vpc.id).is_some();
    if found {
        return Ok(());
    }
    let message = format!(
        "The VPC: {} in region {} that you provided is not valid.",
        vpc.id, vpc.region
    );
    Err(AwsError::new("InvalidVPCId", message).status(400))
}

/// Refuses a second private zone of a name for one VPC.
pub(super) fn check_conflict(world: &World, zone_name: &str, vpc: &Vpc) -> Result<(), AwsError> {
    let taken = world.accounts.values().any(|account| {
        account
            .route53
            .zones
            .iter()
            .any(|(_, z)| z.private && z.name == zone_name && z.vpcs.contains(vpc))
    });
    if taken {
        let message = format!(
            "The VPC {} in region {} has already been associated with the hosted zone with the same domain name.",
            vpc.id, vpc.region
        );
        return Err(AwsError::new("ConflictingDomainExists", message).status(400));
    }
    Ok(())
}

/// The zone of an association: the caller's own, or another account's that has authorized the VPC.
pub(super) fn associable(cx: &mut Cx<'_>, id: &str, vpc: &Vpc) -> Result<(String, Zone), AwsError> {
    let caller = cx.caller.account.clone();
    for (owner, account) in &cx.world.accounts {
        let Some(zone) = account.route53.zones.get(id) else {
            continue;
        };
        if *owner != caller && !zone.authorized.contains(vpc) {
            let message = format!(
                "The VPC: {} has not authorized to associate with your hosted zone.",
                vpc.id
            );
            return Err(AwsError::new("NotAuthorizedException", message).status(401));
        }
        return Ok((owner.clone(), zone.clone()));
    }
    Err(no_such_zone(id))
}

pub(super) fn associate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = bare(input.str("HostedZoneId").unwrap_or_default()).to_owned();
    let vpc = vpc_of(input).ok_or_else(|| invalid("A VPC is required."))?;
    let (owner, zone) = associable(cx, &id, &vpc)?;
    if !zone.private {
        let message =
            "The hosted zone is a public hosted zone, which cannot be associated with a VPC.";
        return Err(AwsError::new("PublicZoneVPCAssociation", message).status(400));
    }
    check_vpc(cx, &vpc)?;
    check_conflict(cx.world, &zone.name, &vpc)?;
    if zone.vpcs.len() >= 300 {
        return Err(AwsError::new(
            "LimitsExceeded",
            "A hosted zone can be associated with at most 300 VPCs.",
        )
        .status(400));
    }
    let comment = input.str("Comment").map(str::to_owned);
    let after = cx
        .world
        .sample(Pert(10.0, 35.0, 60.0), &id, "AssociateVPCWithHostedZone");
    let event = Event {
        service: ServiceId::Route53,
        account: owner,
        region: cx.region.clone(),
        what: "associated",
        id: id.clone(),
        detail: vpc.json(),
    };
    cx.world.schedule(after, event);
    Ok(json!({"ChangeInfo": association_change(cx, after, comment)}))
}

/// A change that is about a VPC, not about records.
pub(super) fn association_change(cx: &mut Cx<'_>, after: u64, comment: Option<String>) -> Value {
    let id = id_of(cx, 'C');
    let submitted = cx.unix_now();
    let change = Change {
        zone: String::new(),
        insync: false,
        submitted,
        comment,
        version: 0,
        records: None,
    };
    let info = change.json(&id);
    let now = cx.now();
    cx.account().route53.changes.put(id.clone(), change, now);
    cx.later(after, "insync", &id);
    info
}

/// The association reaches the VPC's resolver.
pub(super) fn associated(world: &mut World, event: &Event) {
    let text = |member: &str| event.detail[member].as_str().unwrap_or_default().to_owned();
    let vpc = Vpc {
        region: text("VPCRegion"),
        id: text("VPCId"),
    };
    world
        .account(&event.account)
        .route53
        .zones
        .settle(&event.id, |z| {
            if !z.vpcs.contains(&vpc) {
                z.vpcs.push(vpc);
            }
        });
}

pub(super) fn disassociate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let zone = named(cx, input, "HostedZoneId")?;
    let (id, vpcs) = (zone.id.clone(), zone.vpcs.clone());
    let vpc = vpc_of(input).ok_or_else(|| invalid("A VPC is required."))?;
    if !vpcs.contains(&vpc) {
        let message = format!(
            "The VPC: {} is not associated with the hosted zone.",
            vpc.id
        );
        return Err(AwsError::new("VPCAssociationNotFound", message).status(404));
    }
    if vpcs.len() == 1 {
        let message = "The VPC that you're trying to disassociate from the private hosted zone is the last VPC that is \
                       associated with the hosted zone.";
        return Err(AwsError::new("LastVPCAssociation", message).status(400));
    }
    let now = cx.now();
    cx.account()
        .route53
        .zones
        .change(&id, now, |z| z.vpcs.retain(|v| *v != vpc));
    let comment = input.str("Comment").map(str::to_owned);
    let after = cx
        .world
        .sample(Pert(10.0, 35.0, 60.0), &id, "DisassociateVPCFromHostedZone");
    Ok(json!({"ChangeInfo": association_change(cx, after, comment)}))
}

pub(super) fn authorize(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let zone = named(cx, input, "HostedZoneId")?;
    let (id, private) = (zone.id.clone(), zone.private);
    let vpc = vpc_of(input).ok_or_else(|| invalid("A VPC is required."))?;
    if !private {
        return Err(invalid(
            "Only a private hosted zone can be associated with a VPC.",
        ));
    }
    let now = cx.now();
    cx.account().route53.zones.change(&id, now, |z| {
        if !z.authorized.contains(&vpc) {
            z.authorized.push(vpc.clone());
        }
    });
    Ok(json!({"HostedZoneId": id, "VPC": vpc.json()}))
}

pub(super) fn unauthorize(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let zone = named(cx, input, "HostedZoneId")?;
    let (id, authorized) = (zone.id.clone(), zone.authorized.clone());
    let vpc = vpc_of(input).ok_or_else(|| invalid("A VPC is required."))?;
    if !authorized.contains(&vpc) {
        let message =
            "The VPC that you specified is not authorized to be associated with the hosted zone.";
        return Err(AwsError::new("VPCAssociationAuthorizationNotFound", message).status(404));
    }
    let now = cx.now();
    cx.account()
        .route53
        .zones
        .change(&id, now, |z| z.authorized.retain(|v| *v != vpc));
    Ok(json!({}))
}

pub(super) fn authorizations(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let zone = named(cx, input, "HostedZoneId")?;
    let rows: Vec<Value> = zone.authorized.iter().map(Vpc::json).collect();
    Ok(json!({"HostedZoneId": zone.id, "VPCs": rows}))
}
