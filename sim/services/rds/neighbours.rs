//! What RDS asks of other services: networks, keys, quotas, secrets, metrics. Their refusals become RDS's own.

use super::refusal::{combination, key_not_accessible, refuse, value};
use crate::error::AwsError;
use crate::services::{ServiceId, Wanted, cloudwatch, ec2, iam, kms, quotas};
use crate::world::{Cx, World};

/// RDS's quotas, by their codes in Service Quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    Instances,
    Clusters,
    ManualSnapshots,
    ManualClusterSnapshots,
    ParameterGroups,
    OptionGroups,
    SubnetGroups,
    ReplicasPerPrimary,
    TotalStorage,
}

impl Quota {
    fn code(self) -> (&'static str, f64) {
        match self {
            Quota::Instances => ("L-7B6409FD", 40.0),
            Quota::Clusters => ("L-952B80B8", 40.0),
            Quota::ManualSnapshots => ("L-272F1212", 100.0),
            Quota::ManualClusterSnapshots => ("L-9B510759", 100.0),
            Quota::ParameterGroups => ("L-DE55804A", 50.0),
            Quota::OptionGroups => ("L-9FA33840", 20.0),
            Quota::SubnetGroups => ("L-48C6BF61", 50.0),
            Quota::ReplicasPerPrimary => ("L-5BC124EF", 15.0),
            Quota::TotalStorage => ("L-7ADDB58A", 100_000.0),
        }
    }
}

/// How many of something the account may have here.
pub fn limit(cx: &Cx<'_>, quota: Quota) -> f64 {
    let (code, default) = quota.code();
    let applied = quotas::limit(cx.world, &cx.caller.account, &cx.region, code);
    if applied.is_finite() {
        applied
    } else {
        default
    }
}

/// The VPC and zone of a subnet.
pub fn subnet(cx: &Cx<'_>, id: &str) -> Option<(String, String)> {
    let subnet = ec2::subnet(cx.world, &cx.caller.account, &cx.region, id)?;
    Some((subnet.vpc_id.clone(), subnet.zone.clone()))
}

/// The names of the region's zones.
pub fn zones(cx: &Cx<'_>) -> Vec<String> {
    ec2::zones(&cx.caller.account, &cx.region)
        .into_iter()
        .map(|zone| zone.name)
        .collect()
}

/// The security groups that a database in `vpc` shall have: those named, each of that VPC, or the VPC's default.
pub fn security_groups(cx: &Cx<'_>, vpc: &str, named: &[String]) -> Result<Vec<String>, AwsError> {
    let (account, region) = (&cx.caller.account, &cx.region);
    if named.is_empty() {
        let default = ec2::default_group(cx.world, account, region, vpc);
        return Ok(default.map(|group| group.id.clone()).into_iter().collect());
    }
    for id in named {
        let Some(group) = ec2::security_group(cx.world, account, region, id) else {
            return Err(value(format!(
                "Invalid security group , groupId= {id}, groupName=."
            )));
        };
        if group.vpc_id != vpc {
            return Err(combination(format!(
                "The DB instance and EC2 security group are in different VPCs. The DB instance is in {vpc} and the EC2 \
                 security group is in {}",
                group.vpc_id
            )));
        }
    }
    let mut groups = named.to_vec();
    groups.sort();
    groups.dedup();
    Ok(groups)
}

/// Puts a database's interface into a subnet: its id, private address and public address.
pub fn attach(
    cx: &mut Cx<'_>,
    subnet: &str,
    groups: &[String],
    public: bool,
) -> Result<(String, String, Option<String>), AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    attach_in(cx.world, &account, &region, subnet, groups, public)
}

pub fn attach_in(
    world: &mut World,
    account: &str,
    region: &str,
    subnet: &str,
    groups: &[String],
    public: bool,
) -> Result<(String, String, Option<String>), AwsError> {
    let wanted = ec2::Attachment {
        subnet_id: subnet.to_owned(),
        groups: groups.to_vec(),
        description: "RDSNetworkInterface".to_owned(),
        requester: "amazon-rds".to_owned(),
        kind: "interface".to_owned(),
        public,
        private_address: None,
    };
    match ec2::attach(world, account, region, &wanted) {
        Ok(interface) => Ok((
            interface.id,
            interface.private_address,
            interface.public_address,
        )),
        Err(error) if error.code == "InsufficientFreeAddressesInSubnet" => Err(refuse(
            "InsufficientAvailableIPsInSubnetFault",
            format!("The subnet {subnet} does not have enough free addresses."),
        )),
        Err(error) => Err(refuse("InvalidVPCNetworkStateFault", error.message)),
    }
}

/// Other security groups for an interface: new connections see them at once, open ones live on.
pub fn regroup(world: &mut World, account: &str, region: &str, interface: &str, groups: &[String]) {
    ec2::regroup(world, account, region, interface, groups);
}

pub fn release(world: &mut World, account: &str, region: &str, interface: &str) {
    if !interface.is_empty() {
        ec2::release_interface(world, account, region, interface);
    }
}

/// The ARN of a key that can be used here now. `whose` names it in the refusal: `source snapshot`, `target snapshot`…
pub fn key(
    world: &World,
    account: &str,
    region: &str,
    any: &str,
    whose: &str,
) -> Result<String, AwsError> {
    kms::usable(world, account, region, any).map_err(|_| key_not_accessible(whose, any))
}

/// The key for new storage: the named one, or the account's `aws/rds` key.
pub fn key_or_default(cx: &mut Cx<'_>, named: Option<&str>) -> Result<String, AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    match named {
        Some(any) => key(cx.world, &account, &region, any, "specified"),
        None => Ok(kms::aws_managed(cx.world, &account, &region, "rds")),
    }
}

/// Publishes one value of a metric of an instance.
pub fn metric(world: &mut World, account: &str, region: &str, id: &str, name: &str, value: f64) {
    let dimensions = [("DBInstanceIdentifier".to_owned(), id.to_owned())];
    cloudwatch::put(world, account, region, "AWS/RDS", name, &dimensions, value);
}

/// Whether the VPC has an internet gateway: databases in it are public unless told otherwise.
pub fn public_by_default(cx: &Cx<'_>, vpc: &str) -> bool {
    has_gateway(cx, vpc) && has_names(cx, vpc)
}

fn has_gateway(cx: &Cx<'_>, vpc: &str) -> bool {
    let place = cx.world.seen_place(&cx.caller.account, &cx.region);
    place.is_some_and(|place| {
        place
            .ec2
            .internet_gateways
            .iter()
            .any(|(_, gateway)| gateway.vpc_id.as_deref() == Some(vpc))
    })
}

fn has_names(cx: &Cx<'_>, vpc: &str) -> bool {
    let place = cx.world.seen_place(&cx.caller.account, &cx.region);
    place
        .and_then(|place| place.ec2.vpcs.get(vpc))
        .is_some_and(|vpc| vpc.dns_support && vpc.dns_hostnames)
}

/// Refuses a public database where the VPC cannot have one.
pub fn can_be_public(cx: &Cx<'_>, vpc: &str) -> Result<(), AwsError> {
    if !has_names(cx, vpc) {
        return Err(refuse(
            "InvalidVPCNetworkStateFault",
            "Cannot create a publicly accessible DBInstance. The specified VPC does not support DNS resolution, DNS \
             hostnames, or both. Update the VPC and then try again",
        ));
    }
    if !has_gateway(cx, vpc) {
        return Err(refuse(
            "InvalidVPCNetworkStateFault",
            "Cannot create a publicly accessible DBInstance. The specified VPC has no internet gateway attached. Update \
             the VPC and then try again",
        ));
    }
    Ok(())
}

/// The default VPC and its subnets, if the account has one here.
pub fn default_subnets(cx: &Cx<'_>) -> Option<(String, Vec<super::subnet_group::Place>)> {
    let ec2 = &cx.world.seen_place(&cx.caller.account, &cx.region)?.ec2;
    let (vpc, _) = ec2.vpcs.iter().find(|(_, vpc)| vpc.default)?;
    let subnets = ec2
        .subnets
        .iter()
        .filter(|(_, subnet)| subnet.vpc_id == vpc);
    let subnets: Vec<_> = subnets
        .map(|(id, subnet)| super::subnet_group::Place {
            subnet: id.to_owned(),
            zone: subnet.zone.clone(),
        })
        .collect();
    (!subnets.is_empty()).then(|| (vpc.to_owned(), subnets))
}

/// Whether names cannot be published now: new endpoints of databases need the control plane in us-east-1.
pub fn publishing_is_dark(world: &World) -> bool {
    world
        .faults
        .control_dark(ServiceId::Route53, "us-east-1", world.now())
        .is_some()
}

/// Whether a region's data plane is dark: what is stored there cannot be read.
pub fn data_dark(world: &World, region: &str) -> bool {
    world.faults.data_dark(region, world.now()).is_some()
}

/// RDS acts through a role of its own, made with the first database: the caller must be allowed to have it made, and
/// IAM must be there to make it.
pub fn service_role(cx: &mut Cx<'_>) -> Result<(), AwsError> {
    const RDS: &str = "rds.amazonaws.com";
    let account = cx.caller.account.clone();
    if iam::has_service_linked_role(cx.world, &account, RDS) {
        return Ok(());
    }
    let wanted = Wanted {
        action: "iam:CreateServiceLinkedRole".into(),
        resource: format!(
            "arn:aws:iam::{account}:role/aws-service-role/{RDS}/AWSServiceRoleForRDS"
        ),
        context: vec![("iam:AWSServiceName".into(), RDS.into())],
    };
    let allowed = iam::authorize(cx.world, &cx.caller, &wanted, &cx.region).is_ok();
    let dark = cx
        .world
        .faults
        .control_dark(ServiceId::Iam, "us-east-1", cx.now())
        .is_some();
    if !allowed || dark {
        return Err(value(
            "Unable to create the resource. Verify that you have permission to create service linked role. Otherwise wait \
             and try again later",
        ));
    }
    iam::ensure_service_linked_role(cx, RDS)
}
