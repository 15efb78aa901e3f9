//! The CNAME that proves a name to ACM. ACM uses the same one for an account and name in every region: it is nearly always found, and never taken away while any certificate may use it.

use crate::cloud::dns;
use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "validation-record";
pub const SUMMARY: &str = "the DNS record that proves a name to ACM";
pub const EXAMPLE: &str = "\
id: validation-record
use: validation-record
with:
  zoneId: Z0123456789ABCDEFGHIJ
  certificate: arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012
  domainName: redmine.sidpotti.infracourse.cloud
";

/// The record that ACM asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ValidationRecord {
    pub zone_id: String,
    /// The certificate that says what the record is.
    pub certificate: Value<String>,
    pub domain_name: String,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ValidationRecordMade {
    pub name: String,
}

impl Yields for ValidationRecordMade {
    const NAME: &'static str = "validation record";
}

impl ValidationRecord {
    /// What ACM asks for: name and value.
    async fn wanted(&self, cx: &Cx<'_, Env>) -> Result<Option<dns::Record>, StepError> {
        let arn = cx.value(&self.certificate)?;
        // The certificate is regional, the record is not: the region is in the certificate's ARN.
        let region = arn.split(':').nth(3).unwrap_or_default().to_owned();
        let found = cx.env.cloud.certificate(&region, &arn, cx.look()).await?;
        Ok(found
            .as_ref()
            .as_ref()
            .and_then(|c| {
                c.validation
                    .iter()
                    .find(|v| v.domain.eq_ignore_ascii_case(&self.domain_name))
            })
            .map(|v| dns::Record::plain(&v.name, "CNAME", 300, &v.value)))
    }

    async fn there(
        &self,
        cx: &Cx<'_, Env>,
        wanted: &dns::Record,
    ) -> Result<Option<dns::Record>, StepError> {
        let records = cx.env.cloud.records(&self.zone_id, cx.look()).await?;
        Ok(records.iter().find(|r| r.same_seat(wanted)).cloned())
    }
}

impl Step for ValidationRecord {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ValidationRecordMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ValidationRecordMade>, StepError> {
        let Some(wanted) = self.wanted(cx).await? else {
            return Ok(Observed::Unseen(
                "ACM has not said yet what the record is".into(),
            ));
        };
        let same = |a: &str, b: &str| {
            a.trim_end_matches('.')
                .eq_ignore_ascii_case(b.trim_end_matches('.'))
        };
        Ok(match self.there(cx, &wanted).await? {
            None => Observed::Absent,
            Some(there) if there.values.len() == 1 && same(&there.values[0], &wanted.values[0]) => {
                Observed::Ready(ValidationRecordMade { name: wanted.name }, Claim::AsWanted)
            }
            Some(there) => Observed::Foreign(format!(
                "{} exists and answers {}",
                there.name,
                there.answer()
            )),
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let wanted = self
            .wanted(cx)
            .await?
            .ok_or_else(|| StepError::wait("E4343", "ACM has not said yet what the record is"))?;
        let what = format!("drtool: proves {} to ACM", self.domain_name);
        Ok(cx
            .env
            .cloud
            .change_records(&self.zone_id, &what, &[dns::Change::Create(wanted)])
            .call(CallKind::Named))
    }

    /// Stays: ACM uses one record per account and name in every region, so the source's certificate needs it too.
    async fn undo(
        &self,
        _: &Cx<'_, Env>,
        _: &Made<ValidationRecordMade, ()>,
    ) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
