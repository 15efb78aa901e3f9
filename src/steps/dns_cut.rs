//! DNS, pointed at the target by compare and swap: one batch deletes exactly the old record and creates the new one, so a change by anybody else meanwhile makes it fail. It waits for INSYNC. It is taken back only by failback.

use crate::cloud::dns;
use crate::env::Env;
use crate::steps::dns_ttl::{record, same_but_ttl};
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::edge::Record;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "dns-cut";
pub const SUMMARY: &str = "a DNS record, pointed at the target by compare and swap";
pub const EXAMPLE: &str = "\
id: dns-cut
use: dns-cut
with:
  record: { zoneId: Z0123456789ABCDEFGHIJ, zone: infracourse.cloud, private: false, name: redmine.sidpotti.infracourse.cloud, type: A, values: [], alias: { hostedZoneId: Z1H1FL5HABSF5, dnsName: redmine-123.us-west-2.elb.amazonaws.com, evaluateTargetHealth: true } }
  to: { dnsName: redmine-456.eu-west-1.elb.amazonaws.com, zoneId: Z32O12XQLNTSW2 }
";

/// The record, and what it shall lead to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsCut {
    /// As it is now: the change deletes exactly this.
    pub record: Record,
    /// The target's balancer.
    pub to: Destination,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsIsCut {
    pub change_id: String,
}

impl Yields for DnsIsCut {
    const NAME: &'static str = "dns cut";
}

/// A balancer, as an alias or a CNAME names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Destination {
    pub dns_name: Value<String>,
    pub zone_id: Value<String>,
}

impl DnsCut {
    async fn there(&self, cx: &Cx<'_, Env>) -> Result<Option<dns::Record>, StepError> {
        let seat = record(&self.record);
        let all = cx
            .env
            .cloud
            .records(&self.record.zone_id, cx.look())
            .await?;
        Ok(all.iter().find(|r| r.same_seat(&seat)).cloned())
    }

    /// The record as it will be: the same seat and routing, leading to the target.
    fn cut(&self, cx: &Cx<'_, Env>, there: &dns::Record) -> Result<dns::Record, StepError> {
        let name = cx
            .value(&self.to.dns_name)?
            .trim_end_matches('.')
            .to_ascii_lowercase();
        Ok(match &there.alias {
            Some(alias) => dns::Record {
                alias: Some(dns::Alias {
                    zone: cx.value(&self.to.zone_id)?,
                    name,
                    evaluate_health: alias.evaluate_health,
                }),
                // A health check of the old record watches the source, which is fenced: kept, it would send users away.
                health_check: None,
                ..there.clone()
            },
            None => dns::Record {
                values: vec![name],
                health_check: None,
                ..there.clone()
            },
        })
    }

    fn leads_to_target(&self, cx: &Cx<'_, Env>, there: &dns::Record) -> Result<bool, StepError> {
        Ok(same_but_ttl(there, &self.cut(cx, there)?))
    }
}

impl Step for DnsCut {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DnsIsCut;
    type Before = dns::Record;

    fn effect(&self) -> Effect {
        Effect::Cuts
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DnsIsCut>, StepError> {
        let Some(there) = self.there(cx).await? else {
            return Ok(Observed::Foreign(format!(
                "record {} is gone",
                self.record.name
            )));
        };
        if self.leads_to_target(cx, &there)? {
            let change = cx.handles().last().cloned().unwrap_or_default();
            if !change.is_empty() && !cx.env.cloud.change_in_sync(&change).await? {
                return Ok(Observed::underway("PENDING: not on every name server yet"));
            }
            return Ok(Observed::Ready(
                DnsIsCut { change_id: change },
                Claim::AsWanted,
            ));
        }
        if same_but_ttl(&there, &record(&self.record)) {
            return Ok(Observed::Absent);
        }
        Ok(Observed::Foreign(format!(
            "record {} was changed by somebody since the plan was made: it answers {}",
            there.name,
            there.answer()
        )))
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<dns::Record>, StepError> {
        let there = self
            .there(cx)
            .await?
            .filter(|there| same_but_ttl(there, &record(&self.record)))
            .ok_or_else(|| {
                StepError::fail(
                    "E4391",
                    format!("record {} is not as the plan knows it", self.record.name),
                )
            })?;
        let cut = self.cut(cx, &there)?;
        let what = format!("drtool: {} to {}", there.name, cut.answer());
        let batch = [dns::Change::Delete(there.clone()), dns::Change::Create(cut)];
        Ok(cx
            .env
            .cloud
            .change_records(&self.record.zone_id, &what, &batch)
            .with_before(CallKind::Named, there))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<DnsIsCut, dns::Record>,
    ) -> Result<Undo, StepError> {
        Ok(match self.there(cx).await? {
            Some(there) if self.leads_to_target(cx, &there)? => Undo::Irreversible {
                why: format!(
                    "{} leads users to the target, which may have taken writes",
                    there.name
                ),
                instead: "drtool failback".into(),
            },
            _ => Undo::Done,
        })
    }
}
