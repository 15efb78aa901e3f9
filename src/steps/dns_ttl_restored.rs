//! The TTL of a record that was lowered for the cut, put back to what it was once users are in the target and stay there.

use crate::cloud::dns;
use crate::env::Env;
use crate::steps::dns_ttl::{record, same_but_ttl};
use crate::wanted::Destination;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::edge::Record;
use drtool_engine::step::Yields;

pub const KIND: &str = "dns-ttl-restored";
pub const SUMMARY: &str = "the TTL of a record after its cut, put back";
pub const EXAMPLE: &str = "\
id: dns-ttl-restored
use: dns-ttl-restored
with:
  record: { zoneId: Z0123456789ABCDEFGHIJ, zone: infracourse.cloud, private: false, name: tracker.infracourse.cloud, type: CNAME, ttl: 300, values: [redmine-123.us-west-2.elb.amazonaws.com] }
  to: { dnsName: redmine-456.eu-west-1.elb.amazonaws.com, zoneId: Z32O12XQLNTSW2 }
  lowered: 60
";

/// The record, and where it leads by now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsTtlRestored {
    /// As it was before the run: its TTL is the one that is put back.
    pub record: Record,
    pub to: Destination,
    /// Seconds: what it was lowered to.
    pub lowered: u32,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsTtlIsRestored {
    /// Seconds.
    pub ttl: i64,
}

impl Yields for DnsTtlIsRestored {
    const NAME: &'static str = "dns ttl restored";
}

impl DnsTtlRestored {
    fn ttl(&self) -> i64 {
        i64::from(self.record.ttl.unwrap_or_default())
    }

    /// The record as it stands, if it leads to the target; else what it does instead.
    async fn there(&self, cx: &Cx<'_, Env>) -> Result<Result<dns::Record, String>, StepError> {
        let planned = record(&self.record);
        let all = cx
            .env
            .cloud
            .records(&self.record.zone_id, cx.look())
            .await?;
        let cut = self.to.of(cx, &planned)?;
        Ok(match all.iter().find(|r| r.same_seat(&planned)) {
            None => Err(format!("record {} is gone", planned.name)),
            Some(there) if same_but_ttl(there, &cut) => Ok(there.clone()),
            Some(there) => Err(format!(
                "record {} was changed by somebody since the cut: it answers {}",
                there.name,
                there.answer()
            )),
        })
    }
}

impl Step for DnsTtlRestored {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DnsTtlIsRestored;
    type Before = dns::Record;

    fn effect(&self) -> Effect {
        Effect::Changes
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DnsTtlIsRestored>, StepError> {
        let there = match self.there(cx).await? {
            Ok(there) => there,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        if there.ttl != Some(self.ttl()) {
            return Ok(Observed::Absent);
        }
        if let Some(change) = cx.handles().last()
            && !cx.env.cloud.change_in_sync(change).await?
        {
            return Ok(Observed::underway("PENDING: not on every name server yet"));
        }
        Ok(Observed::Ready(
            DnsTtlIsRestored { ttl: self.ttl() },
            Claim::AsWanted,
        ))
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<dns::Record>, StepError> {
        let there = self
            .there(cx)
            .await?
            .map_err(|why| StepError::fail("E4390", why))?;
        let restored = dns::Record {
            ttl: Some(self.ttl()),
            ..there.clone()
        };
        let what = format!("drtool: TTL of {} back to {} s", there.name, self.ttl());
        let batch = [
            dns::Change::Delete(there.clone()),
            dns::Change::Create(restored),
        ];
        Ok(cx
            .env
            .cloud
            .change_records(&self.record.zone_id, &what, &batch)
            .with_before(CallKind::Named, there))
    }

    /// It comes after the cut, which is not taken back: neither is this.
    async fn undo(
        &self,
        _: &Cx<'_, Env>,
        _: &Made<DnsTtlIsRestored, dns::Record>,
    ) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
