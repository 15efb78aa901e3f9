//! Route 53: zones and records. A change is a batch, all or nothing; deleting the exact old value and creating the new
//! one in the same batch is the compare-and-swap that Route 53 does not have by itself.

use super::call::{Outgoing, outgoing};
use super::error::CloudError;
use super::{Cloud, refused};
use aws_sdk_route53::types as aws;
use drtool_engine::step::Look;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

const SERVICE: &str = "route53";
/// Route 53 is global; its endpoint is signed for this region.
pub const REGION: &str = "us-east-1";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    pub id: String,
    /// Without the final dot.
    pub name: String,
    pub private: bool,
}

/// A record set, as exactly as a delete has to name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// Lower case, without the final dot, escapes as Route 53 writes them.
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub ttl: Option<i64>,
    pub values: Vec<String>,
    pub alias: Option<Alias>,
    pub set: Option<String>,
    /// `PRIMARY` or `SECONDARY`.
    pub failover: Option<String>,
    pub weight: Option<i64>,
    pub region: Option<String>,
    pub multi_value: Option<bool>,
    pub health_check: Option<String>,
    /// Routing that drtool does not carry (geolocation, geoproximity, CIDR): named, and refused by the plan.
    pub other_routing: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alias {
    pub zone: String,
    /// Without the final dot.
    pub name: String,
    pub evaluate_health: bool,
}

fn trimmed(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

impl From<&aws::ResourceRecordSet> for Record {
    fn from(r: &aws::ResourceRecordSet) -> Record {
        let other = [
            ("geolocation", r.geo_location().is_some()),
            ("geoproximity", r.geo_proximity_location().is_some()),
            ("cidr", r.cidr_routing_config().is_some()),
        ];
        Record {
            name: trimmed(r.name()),
            kind: r.r#type().as_str().to_owned(),
            ttl: r.ttl(),
            values: r
                .resource_records()
                .iter()
                .map(|v| v.value().to_owned())
                .collect(),
            alias: r.alias_target().map(|a| Alias {
                zone: a.hosted_zone_id().to_owned(),
                name: trimmed(a.dns_name()),
                evaluate_health: a.evaluate_target_health(),
            }),
            set: r.set_identifier().map(str::to_owned),
            failover: r.failover().map(|f| f.as_str().to_owned()),
            weight: r.weight(),
            region: r.region().map(|x| x.as_str().to_owned()),
            multi_value: r.multi_value_answer(),
            health_check: r.health_check_id().map(str::to_owned),
            other_routing: other
                .iter()
                .find(|(_, there)| *there)
                .map(|(name, _)| (*name).to_owned()),
        }
    }
}

impl Record {
    fn to_aws(&self) -> Option<aws::ResourceRecordSet> {
        let mut b = aws::ResourceRecordSet::builder()
            .name(&self.name)
            .r#type(aws::RrType::from(self.kind.as_str()))
            .set_ttl(self.ttl)
            .set_set_identifier(self.set.clone())
            .set_failover(
                self.failover
                    .as_deref()
                    .map(aws::ResourceRecordSetFailover::from),
            )
            .set_weight(self.weight)
            .set_region(
                self.region
                    .as_deref()
                    .map(aws::ResourceRecordSetRegion::from),
            )
            .set_multi_value_answer(self.multi_value)
            .set_health_check_id(self.health_check.clone());
        for value in &self.values {
            b = b.resource_records(aws::ResourceRecord::builder().value(value).build().ok()?);
        }
        if let Some(a) = &self.alias {
            b = b.alias_target(
                aws::AliasTarget::builder()
                    .hosted_zone_id(&a.zone)
                    .dns_name(&a.name)
                    .evaluate_target_health(a.evaluate_health)
                    .build()
                    .ok()?,
            );
        }
        b.build().ok()
    }

    fn to_json(&self) -> Value {
        let mut out = json!({ "Name": self.name, "Type": self.kind });
        for (member, value) in [
            ("TTL", self.ttl.map(Value::from)),
            ("SetIdentifier", self.set.clone().map(Value::from)),
            ("Failover", self.failover.clone().map(Value::from)),
            ("Weight", self.weight.map(Value::from)),
            ("Region", self.region.clone().map(Value::from)),
            ("MultiValueAnswer", self.multi_value.map(Value::from)),
            ("HealthCheckId", self.health_check.clone().map(Value::from)),
        ] {
            if let Some(value) = value {
                out[member] = value;
            }
        }
        match &self.alias {
            Some(a) => {
                out["AliasTarget"] = json!({ "HostedZoneId": a.zone, "DNSName": a.name, "EvaluateTargetHealth": a.evaluate_health });
            }
            None => {
                out["ResourceRecords"] = self.values.iter().map(|v| json!({ "Value": v })).collect()
            }
        }
        out
    }

    /// A record with one value and no routing.
    pub fn plain(name: &str, kind: &str, ttl: i64, value: &str) -> Record {
        Record {
            name: trimmed(name),
            kind: kind.to_owned(),
            ttl: Some(ttl),
            values: vec![value.to_owned()],
            alias: None,
            set: None,
            failover: None,
            weight: None,
            region: None,
            multi_value: None,
            health_check: None,
            other_routing: None,
        }
    }

    /// Whether two records occupy the same seat: name, type and set identifier.
    pub fn same_seat(&self, other: &Record) -> bool {
        self.name == other.name && self.kind == other.kind && self.set == other.set
    }

    /// What it answers, in one line.
    pub fn answer(&self) -> String {
        match &self.alias {
            Some(a) => format!("alias {}", a.name),
            None => format!(
                "{} (TTL {} s)",
                self.values.join(", "),
                self.ttl.unwrap_or_default()
            ),
        }
    }
}

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    Create(Record),
    Delete(Record),
}

/// Looks.
impl Cloud {
    pub async fn hosted_zones(&self, look: Look) -> Result<Arc<Vec<Zone>>, CloudError> {
        self.looks()
            .shared(SERVICE, "dns/zones".to_owned(), look, async {
                let mut pages = self
                    .route53(REGION)
                    .list_hosted_zones()
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let z =
                        item.map_err(refused(SERVICE, "ListHostedZones", REGION, "all zones"))?;
                    all.push(Zone {
                        id: z.id().trim_start_matches("/hostedzone/").to_owned(),
                        name: trimmed(z.name()),
                        private: z.config().is_some_and(|c| c.private_zone()),
                    });
                }
                Ok(all)
            })
            .await
    }

    /// Every record of a zone. The list is paged by name, not by token.
    pub async fn records(&self, zone: &str, look: Look) -> Result<Arc<Vec<Record>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("dns/records/{zone}"), look, async {
                let mut all = Vec::new();
                let mut next: Option<(String, aws::RrType, Option<String>)> = None;
                loop {
                    let mut list = self
                        .route53(REGION)
                        .list_resource_record_sets()
                        .hosted_zone_id(zone);
                    if let Some((name, kind, set)) = next.take() {
                        list = list
                            .start_record_name(name)
                            .start_record_type(kind)
                            .set_start_record_identifier(set);
                    }
                    let page = list.send().await.map_err(refused(
                        SERVICE,
                        "ListResourceRecordSets",
                        REGION,
                        zone,
                    ))?;
                    all.extend(page.resource_record_sets().iter().map(Record::from));
                    match (
                        page.is_truncated(),
                        page.next_record_name(),
                        page.next_record_type(),
                    ) {
                        (true, Some(name), Some(kind)) => {
                            next = Some((
                                name.to_owned(),
                                kind.clone(),
                                page.next_record_identifier().map(str::to_owned),
                            ));
                        }
                        _ => break,
                    }
                }
                Ok(all)
            })
            .await
    }

    /// Whether a change has reached every name server of Route 53.
    pub async fn change_in_sync(&self, id: &str) -> Result<bool, CloudError> {
        let answer = self
            .route53(REGION)
            .get_change()
            .id(id)
            .send()
            .await
            .map_err(refused(SERVICE, "GetChange", REGION, id))?;
        Ok(answer
            .change_info()
            .is_some_and(|c| c.status() == &aws::ChangeStatus::Insync))
    }

    /// The name servers that Route 53 delegates a public zone to.
    /// The name servers of the public zone that `host` is in, if there is one. A zone keeps its servers for life: they are asked
    /// for once.
    pub async fn name_servers(
        &self,
        host: &str,
        look: Look,
    ) -> Result<Arc<Option<Vec<String>>>, CloudError> {
        let key = format!("dns/servers/{host}");
        let fetched = async {
            let zones = self.hosted_zones(look).await?;
            let Some(zone) = zones
                .iter()
                .filter(|z| {
                    !z.private && (host == z.name || host.ends_with(&format!(".{}", z.name)))
                })
                .max_by_key(|z| z.name.len())
            else {
                return Ok(None);
            };
            let answer = self
                .route53(REGION)
                .get_hosted_zone()
                .id(&zone.id)
                .send()
                .await
                .map_err(refused(SERVICE, "GetHostedZone", REGION, &zone.id))?;
            Ok(Some(
                answer
                    .delegation_set()
                    .map(|d| d.name_servers().to_vec())
                    .unwrap_or_default(),
            ))
        };
        self.looks().once(key, fetched).await
    }
}

/// Calls.
impl Cloud {
    /// One batch, all or nothing. `what` names it for people.
    pub fn change_records(&self, zone: &str, what: &str, changes: &[Change]) -> Outgoing {
        let request = json!({
            "HostedZoneId": zone,
            "ChangeBatch": { "Comment": what, "Changes": changes.iter().map(|c| match c {
                Change::Create(r) => json!({ "Action": "CREATE", "ResourceRecordSet": r.to_json() }),
                Change::Delete(r) => json!({ "Action": "DELETE", "ResourceRecordSet": r.to_json() }),
            }).collect::<Vec<_>>() },
        });
        let list: Vec<aws::Change> = changes
            .iter()
            .filter_map(|c| {
                let (action, record) = match c {
                    Change::Create(r) => (aws::ChangeAction::Create, r),
                    Change::Delete(r) => (aws::ChangeAction::Delete, r),
                };
                aws::Change::builder()
                    .action(action)
                    .resource_record_set(record.to_aws()?)
                    .build()
                    .ok()
            })
            .collect();
        let batch = aws::ChangeBatch::builder()
            .comment(what)
            .set_changes(Some(list))
            .build()
            .ok();
        let call = self
            .route53_writer(REGION)
            .change_resource_record_sets()
            .hosted_zone_id(zone)
            .set_change_batch(batch);
        let name = changes
            .first()
            .map(|c| match c {
                Change::Create(r) | Change::Delete(r) => r.name.clone(),
            })
            .unwrap_or_default();
        outgoing!(
            SERVICE,
            "ChangeResourceRecordSets",
            REGION,
            name,
            request,
            call,
            |a| a
                .change_info()
                .map(|c| c.id().trim_start_matches("/change/").to_owned())
        )
    }
}
