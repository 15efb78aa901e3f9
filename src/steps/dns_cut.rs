//! The records of a zone, pointed at the target by compare and swap: one batch deletes exactly the old records and creates the new ones, so a change by anybody else meanwhile makes all of it fail. It is taken back only by failback.

use crate::cloud::dns;
use crate::env::Env;
use crate::steps::dns_ttl::{record, same_but_ttl};
pub use crate::wanted::Destination;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::edge::Record;
use drtool_engine::step::Yields;

pub const KIND: &str = "dns-cut";
pub const SUMMARY: &str = "the records of a zone, pointed at the target by compare and swap";
pub const EXAMPLE: &str = "\
id: dns-cut
use: dns-cut
with:
  zoneId: Z0123456789ABCDEFGHIJ
  zone: infracourse.cloud
  records:
    - record: { zoneId: Z0123456789ABCDEFGHIJ, zone: infracourse.cloud, private: false, name: redmine.sidpotti.infracourse.cloud, type: A, values: [], alias: { hostedZoneId: Z1H1FL5HABSF5, dnsName: redmine-123.us-west-2.elb.amazonaws.com, evaluateTargetHealth: true } }
      to: { dnsName: redmine-456.eu-west-1.elb.amazonaws.com, zoneId: Z32O12XQLNTSW2 }
";

/// The records of one zone, and what they shall lead to: cut together or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsCut {
    pub zone_id: String,
    /// By name, for people.
    pub zone: String,
    pub records: Vec<RecordCut>,
    /// Zones that are cut before this one: if this one fails, their users are in the target already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Records of the zones that are cut after this one: as long as one of them is not as planned, nothing is cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<RecordCut>,
}

/// One record, and what it shall lead to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RecordCut {
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

/// Where a record leads now.
enum Leads {
    /// As the plan knows it.
    ToSource(dns::Record),
    ToTarget,
    Gone(String),
    Elsewhere(dns::Record),
}

impl RecordCut {
    async fn leads(&self, cx: &Cx<'_, Env>) -> Result<Leads, StepError> {
        let planned = record(&self.record);
        let all = cx
            .env
            .cloud
            .records(&self.record.zone_id, cx.look())
            .await?;
        Ok(match all.iter().find(|r| r.same_seat(&planned)) {
            None => Leads::Gone(planned.name),
            Some(there) if same_but_ttl(there, &self.to.of(cx, &planned)?) => Leads::ToTarget,
            Some(there) if same_but_ttl(there, &planned) => Leads::ToSource(there.clone()),
            Some(there) => Leads::Elsewhere(there.clone()),
        })
    }
}

impl DnsCut {
    /// Where the records of this zone lead, or what somebody else has done to them or to those of the zones to come.
    async fn now(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Result<Vec<(Leads, &RecordCut)>, String>, StepError> {
        let mut now = Vec::new();
        let mut meddled = Vec::new();
        for (cut, mine) in self
            .records
            .iter()
            .map(|cut| (cut, true))
            .chain(self.then.iter().map(|cut| (cut, false)))
        {
            match cut.leads(cx).await? {
                Leads::Gone(name) => meddled.push(format!("record {name} is gone")),
                Leads::Elsewhere(there) => meddled.push(format!(
                    "record {} was changed by somebody since the plan was made: it answers {}",
                    there.name,
                    there.answer()
                )),
                leads if mine => now.push((leads, cut)),
                _ => {}
            }
        }
        if meddled.is_empty() {
            return Ok(Ok(now));
        }
        let mut said = meddled.join("; ");
        if !self.after.is_empty() {
            said.push_str(&format!(
                " ({} is cut already, {} is not: put the record back as it was, or point it at the target, then resume)",
                self.after.join(", "),
                self.zone
            ));
        }
        Ok(Err(said))
    }
}

impl Step for DnsCut {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DnsIsCut;
    type Before = Vec<dns::Record>;

    fn effect(&self) -> Effect {
        Effect::Cuts
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DnsIsCut>, StepError> {
        let now = match self.now(cx).await? {
            Ok(now) => now,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        if now
            .iter()
            .any(|(leads, _)| matches!(leads, Leads::ToSource(_)))
        {
            return Ok(Observed::Absent);
        }
        let change_id = cx.handles().last().cloned().unwrap_or_default();
        Ok(Observed::Ready(DnsIsCut { change_id }, Claim::AsWanted))
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<Vec<dns::Record>>, StepError> {
        let now = self
            .now(cx)
            .await?
            .map_err(|why| StepError::fail("E4391", why))?;
        let mut batch = Vec::new();
        let mut before = Vec::new();
        let mut names = Vec::new();
        for (leads, cut) in now {
            // What leads to the target already was put there by hand.
            let Leads::ToSource(there) = leads else {
                continue;
            };
            let new = cut.to.of(cx, &there)?;
            names.push(format!("{} to {}", there.name, new.answer()));
            batch.push(dns::Change::Delete(there.clone()));
            batch.push(dns::Change::Create(new));
            before.push(there);
        }
        if batch.is_empty() {
            return Err(StepError::wait("E4391", "the records were cut meanwhile"));
        }
        // Route 53 takes 256 characters of comment.
        let what: String = format!("drtool: {}", names.join(", "))
            .chars()
            .take(256)
            .collect();
        Ok(cx
            .env
            .cloud
            .change_records(&self.zone_id, &what, &batch)
            .with_before(CallKind::Named, before))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<DnsIsCut, Vec<dns::Record>>,
    ) -> Result<Undo, StepError> {
        let mut names = Vec::new();
        for cut in &self.records {
            if matches!(cut.leads(cx).await?, Leads::ToTarget) {
                names.push(cut.record.name.as_str());
            }
        }
        Ok(if names.is_empty() {
            Undo::Done
        } else {
            Undo::Irreversible {
                why: format!(
                    "{} leads users to the target, which may have taken writes",
                    names.join(", ")
                ),
                instead: "drtool failback".into(),
            }
        })
    }
}
