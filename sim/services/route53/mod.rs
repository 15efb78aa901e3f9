//! Route 53: hosted zones, record sets, health checks, and the answers that authoritative servers give.
//!
//! What the API accepts is the control plane's truth ([`zones`], [`change`]); what a name server answers follows it
//! seconds later, each server in its own time ([`answer`]). Nothing here opens a connection but a health check's probe.

mod alias;
mod answer;
mod change;
mod cidr;
mod health;
mod name;
mod probe;
mod records;
mod region;
mod tags;
mod value;
mod vpcs;
mod zones;

#[cfg(test)]
mod tests;

pub use answer::{Asker, Lookup, lookup, lookup_as};
pub use health::is_healthy;
pub use tags::tagged;

use super::{Service, ServiceId, Wanted};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Cx, Event, Input, Output, World};
use records::Records;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub const SERVICE: Service = Service {
    id: ServiceId::Route53,
    handle,
    happen,
    wants,
};

/// What an account has in Route 53.
#[derive(Clone, Default)]
pub struct State {
    /// By bare id (`Z…`).
    zones: Table<Zone>,
    checks: Table<health::HealthCheck>,
    /// Caller references of health checks that are gone: they stay taken.
    spent_references: BTreeMap<String, ()>,
    changes: Table<Change>,
    collections: Table<cidr::Collection>,
}

/// How many name servers a zone has.
const SERVERS: usize = 4;

#[derive(Clone, Debug)]
struct Zone {
    id: String,
    /// Canonical.
    name: String,
    reference: String,
    comment: Option<String>,
    private: bool,
    vpcs: Vec<Vpc>,
    /// VPCs of other accounts that may be associated.
    authorized: Vec<Vpc>,
    name_servers: Vec<String>,
    created: Nanos,
    /// The control plane's truth.
    records: Arc<Records>,
    /// What each name server answers.
    served: Vec<Arc<Records>>,
    /// The version that each name server answers from, so that an older one never replaces a newer.
    served_version: Vec<u64>,
    version: u64,
    /// A batch is being processed until then.
    busy_until: Nanos,
    tags: Vec<(String, String)>,
    /// `ENABLED` and so on, once accelerated recovery was asked for.
    accelerated: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Vpc {
    region: String,
    id: String,
}

impl Vpc {
    fn json(&self) -> Value {
        json!({"VPCRegion": self.region, "VPCId": self.id})
    }
}

/// A change on its way to the name servers.
#[derive(Clone, Debug)]
struct Change {
    zone: String,
    insync: bool,
    submitted: f64,
    comment: Option<String>,
    version: u64,
    /// What the servers are to answer; none once they do.
    records: Option<Arc<Records>>,
}

impl Change {
    fn json(&self, id: &str) -> Value {
        let status = if self.insync { "INSYNC" } else { "PENDING" };
        let mut info =
            json!({"Id": format!("/change/{id}"), "Status": status, "SubmittedAt": self.submitted});
        if let Some(comment) = &self.comment {
            info["Comment"] = json!(comment);
        }
        info
    }
}

/// An id without the `/hostedzone/`, `/change/` or `/healthcheck/` before it.
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn no_such_zone(id: &str) -> AwsError {
    AwsError::new(
        "NoSuchHostedZone",
        format!("No hosted zone found with ID: {id}"),
    )
    .status(404)
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    let output = match operation {
        "CreateHostedZone" => zones::create(cx, input)?,
        "GetHostedZone" => zones::get(cx, input)?,
        "GetHostedZoneCount" => json!({"HostedZoneCount": cx.account().route53.zones.len()}),
        "GetHostedZoneLimit" => zones::limit(cx, input)?,
        "GetAccountLimit" => zones::account_limit(cx, input)?,
        "DeleteHostedZone" => zones::delete(cx, input)?,
        "ListHostedZones" => zones::list(cx, input)?,
        "ListHostedZonesByName" => zones::list_by_name(cx, input)?,
        "ListHostedZonesByVPC" => zones::list_by_vpc(cx, input)?,
        "UpdateHostedZoneComment" => zones::comment(cx, input)?,
        "UpdateHostedZoneFeatures" => zones::features(cx, input)?,
        "AssociateVPCWithHostedZone" => vpcs::associate(cx, input)?,
        "DisassociateVPCFromHostedZone" => vpcs::disassociate(cx, input)?,
        "CreateVPCAssociationAuthorization" => vpcs::authorize(cx, input)?,
        "DeleteVPCAssociationAuthorization" => vpcs::unauthorize(cx, input)?,
        "ListVPCAssociationAuthorizations" => vpcs::authorizations(cx, input)?,
        "ChangeResourceRecordSets" => change::change(cx, input)?,
        "ListResourceRecordSets" => zones::record_sets(cx, input)?,
        "GetChange" => change::get(cx, input)?,
        "TestDNSAnswer" => answer::test(cx, input)?,
        "CreateHealthCheck" => health::create(cx, input)?,
        "GetHealthCheck" => health::get(cx, input)?,
        "UpdateHealthCheck" => health::update(cx, input)?,
        "DeleteHealthCheck" => health::delete(cx, input)?,
        "ListHealthChecks" => health::list(cx, input)?,
        "GetHealthCheckCount" => json!({"HealthCheckCount": cx.account().route53.checks.len()}),
        "GetHealthCheckStatus" => health::status(cx, input)?,
        "GetHealthCheckLastFailureReason" => health::last_failure(cx, input)?,
        "GetCheckerIpRanges" => json!({"CheckerIpRanges": health::CHECKER_RANGES}),
        "ChangeTagsForResource" => tags::change(cx, input)?,
        "ListTagsForResource" => tags::list(cx, input)?,
        "ListTagsForResources" => tags::list_many(cx, input)?,
        "CreateCidrCollection" => cidr::create(cx, input)?,
        "ChangeCidrCollection" => cidr::change(cx, input)?,
        "DeleteCidrCollection" => cidr::delete(cx, input)?,
        "ListCidrCollections" => cidr::list(cx),
        "ListCidrLocations" => cidr::locations(cx, input)?,
        "ListCidrBlocks" => cidr::blocks(cx, input)?,
        "ListTrafficPolicies" => {
            json!({"TrafficPolicySummaries": [], "IsTruncated": false, "TrafficPolicyIdMarker": "", "MaxItems": "100"})
        }
        _ => return Err(cx.not_simulated()),
    };
    Ok(output.into())
}

fn happen(world: &mut World, event: &Event) {
    match event.what {
        "serve" => change::serve(world, event),
        "insync" => change::insync(world, event),
        "associated" => vpcs::associated(world, event),
        "accelerated" => zones::accelerated(world, event),
        "probe" => probe::probe(world, event),
        _ => {}
    }
}

fn wants(_: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let resource = match operation {
        "GetChange" => format!(
            "arn:aws:route53:::change/{}",
            bare(input.str("Id").unwrap_or_default())
        ),
        "GetHostedZone"
        | "DeleteHostedZone"
        | "UpdateHostedZoneComment"
        | "UpdateHostedZoneFeatures" => zone_arn(input, "Id"),
        "ChangeResourceRecordSets"
        | "ListResourceRecordSets"
        | "AssociateVPCWithHostedZone"
        | "DisassociateVPCFromHostedZone"
        | "GetHostedZoneLimit"
        | "CreateVPCAssociationAuthorization"
        | "DeleteVPCAssociationAuthorization"
        | "ListVPCAssociationAuthorizations" => zone_arn(input, "HostedZoneId"),
        "GetHealthCheck"
        | "UpdateHealthCheck"
        | "DeleteHealthCheck"
        | "GetHealthCheckStatus"
        | "GetHealthCheckLastFailureReason" => {
            format!(
                "arn:aws:route53:::healthcheck/{}",
                input.str("HealthCheckId").unwrap_or_default()
            )
        }
        "ChangeTagsForResource" | "ListTagsForResource" => {
            let kind = input.str("ResourceType").unwrap_or_default();
            format!(
                "arn:aws:route53:::{kind}/{}",
                bare(input.str("ResourceId").unwrap_or_default())
            )
        }
        "ChangeCidrCollection" | "DeleteCidrCollection" => {
            format!(
                "arn:aws:route53:::cidrcollection/{}",
                input.str("Id").unwrap_or_default()
            )
        }
        "ListCidrLocations" | "ListCidrBlocks" => {
            format!(
                "arn:aws:route53:::cidrcollection/{}",
                input.str("CollectionId").unwrap_or_default()
            )
        }
        _ => "*".to_owned(),
    };
    let mut context = Vec::new();
    if operation == "ChangeResourceRecordSets" {
        let changes = input.value["ChangeBatch"]["Changes"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        for change in changes {
            let set = &change["ResourceRecordSet"];
            let raw = set["Name"].as_str().unwrap_or_default();
            let normal = name::canonical(raw).unwrap_or_else(|_| raw.to_owned());
            let keys = [
                (
                    "NormalizedRecordNames",
                    normal.trim_end_matches('.').to_owned(),
                ),
                (
                    "RecordTypes",
                    set["Type"].as_str().unwrap_or_default().to_owned(),
                ),
                (
                    "Actions",
                    change["Action"].as_str().unwrap_or_default().to_owned(),
                ),
            ];
            for (key, value) in keys {
                context.push((format!("route53:ChangeResourceRecordSets{key}"), value));
            }
        }
    }
    vec![Wanted {
        action: format!("route53:{operation}"),
        resource,
        context,
    }]
}

fn zone_arn(input: &Input, member: &str) -> String {
    format!(
        "arn:aws:route53:::hostedzone/{}",
        bare(input.str(member).unwrap_or_default())
    )
}
