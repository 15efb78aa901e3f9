//! The TTL of a record, lowered before the fence and put back by undo. An alias has none: for it this step is not applicable, which is not the same as made.

use crate::cloud::dns;
use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::edge::Record;
use drtool_engine::step::Yields;

pub const KIND: &str = "dns-ttl";
pub const SUMMARY: &str = "the TTL of a record, lowered beforehand";
pub const EXAMPLE: &str = "\
id: dns-ttl
use: dns-ttl
with:
  record: { zoneId: Z0123456789ABCDEFGHIJ, zone: infracourse.cloud, private: false, name: tracker.infracourse.cloud, type: CNAME, ttl: 300, values: [redmine-123.us-west-2.elb.amazonaws.com] }
  ttl: 60
";

/// The record, verbatim, and its TTL until the cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsTtl {
    /// As it is now: the change deletes exactly this.
    pub record: Record,
    /// Seconds.
    pub ttl: u32,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsTtlLowered {
    /// Seconds; nothing for an alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<u32>,
}

impl Yields for DnsTtlLowered {
    const NAME: &'static str = "dns ttl";
}

impl DnsTtl {
    async fn there(&self, cx: &Cx<'_, Env>) -> Result<Option<dns::Record>, StepError> {
        let wanted = record(&self.record);
        let all = cx
            .env
            .cloud
            .records(&self.record.zone_id, cx.look())
            .await?;
        Ok(all.iter().find(|r| r.same_seat(&wanted)).cloned())
    }
}

/// A captured record, as the cloud module has it.
pub fn record(r: &Record) -> dns::Record {
    dns::Record {
        name: r.name.trim_end_matches('.').to_ascii_lowercase(),
        kind: r.kind.clone(),
        ttl: r.ttl.map(i64::from),
        values: r.values.clone(),
        alias: r.alias.as_ref().map(|a| dns::Alias {
            zone: a.hosted_zone_id.clone(),
            name: a.dns_name.trim_end_matches('.').to_ascii_lowercase(),
            evaluate_health: a.evaluate_target_health,
        }),
        set: r.set_identifier.clone(),
        failover: r.failover.clone(),
        weight: r.weight.map(i64::from),
        region: None,
        multi_value: None,
        health_check: r.health_check_id.clone(),
        other_routing: None,
    }
}

/// Whether two records are the same but for how long they may be kept.
pub fn same_but_ttl(a: &dns::Record, b: &dns::Record) -> bool {
    let without = |r: &dns::Record| {
        let alias = r.alias.clone().map(|alias| dns::Alias {
            // Route 53 stores an alias to a balancer with `dualstack.` in front where the console made it.
            name: alias.name.trim_start_matches("dualstack.").to_owned(),
            ..alias
        });
        dns::Record {
            ttl: None,
            alias,
            ..r.clone()
        }
    };
    without(a) == without(b)
}

impl Step for DnsTtl {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DnsTtlLowered;
    type Before = dns::Record;

    fn effect(&self) -> Effect {
        Effect::Changes
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DnsTtlLowered>, StepError> {
        let old = self.record.ttl;
        if self.record.alias.is_some() {
            return Ok(Observed::Ready(
                DnsTtlLowered { old: None },
                Claim::AsWanted,
            ));
        }
        let Some(there) = self.there(cx).await? else {
            return Ok(Observed::Foreign(format!(
                "record {} is gone",
                self.record.name
            )));
        };
        if !same_but_ttl(&there, &record(&self.record)) {
            return Ok(Observed::Foreign(format!(
                "record {} was changed by somebody: it answers {}",
                there.name,
                there.answer()
            )));
        }
        if there.ttl.is_some_and(|ttl| ttl > i64::from(self.ttl)) {
            return Ok(Observed::Absent);
        }
        if let Some(change) = cx.handles().last()
            && !cx.env.cloud.change_in_sync(change).await?
        {
            return Ok(Observed::underway("PENDING: not on every name server yet"));
        }
        Ok(Observed::Ready(DnsTtlLowered { old }, Claim::AsWanted))
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<dns::Record>, StepError> {
        let there = self.there(cx).await?.ok_or_else(|| {
            StepError::fail("E4390", format!("record {} is gone", self.record.name))
        })?;
        let lowered = dns::Record {
            ttl: Some(i64::from(self.ttl)),
            ..there.clone()
        };
        let what = format!("drtool: TTL of {} to {} s", there.name, self.ttl);
        let batch = [
            dns::Change::Delete(there.clone()),
            dns::Change::Create(lowered),
        ];
        Ok(cx
            .env
            .cloud
            .change_records(&self.record.zone_id, &what, &batch)
            .with_before(CallKind::Named, there))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        made: &Made<DnsTtlLowered, dns::Record>,
    ) -> Result<Undo, StepError> {
        let Some(before) = made.before() else {
            return Ok(Undo::Done);
        };
        Ok(match self.there(cx).await? {
            Some(there) if there.ttl != before.ttl && same_but_ttl(&there, before) => {
                let what = format!(
                    "drtool: TTL of {} back to {} s",
                    there.name,
                    before.ttl.unwrap_or_default()
                );
                let batch = [
                    dns::Change::Delete(there),
                    dns::Change::Create(before.clone()),
                ];
                Undo::Call(
                    cx.env
                        .cloud
                        .change_records(&self.record.zone_id, &what, &batch)
                        .call(CallKind::Named),
                )
            }
            _ => Undo::Done,
        })
    }
}
