//! A change of records, on every name server of Route 53. Users reach the target from the first of them on: nothing waits for this but the watch.

use crate::env::Env;
use drtool_engine::step::{Call, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "dns-in-sync";
pub const SUMMARY: &str = "a change of records, on every name server";
pub const EXAMPLE: &str = "\
id: dns-in-sync
use: dns-in-sync
with:
  change: C2682N5HXP0BZ4
";

/// The change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsInSync {
    /// Route 53's id of it. Empty where the answer of the call was lost, or the records led to the target already: the
    /// outside check then is the only word on it.
    pub change: Value<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsIsInSync {
    pub change_id: String,
}

impl Yields for DnsIsInSync {
    const NAME: &'static str = "dns in sync";
}

impl Step for DnsInSync {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DnsIsInSync;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DnsIsInSync>, StepError> {
        let change_id = cx.value(&self.change)?;
        if !change_id.is_empty() && !cx.env.cloud.change_in_sync(&change_id).await? {
            return Ok(Observed::underway("PENDING: not on every name server yet"));
        }
        Ok(Observed::Ready(DnsIsInSync { change_id }, Claim::AsWanted))
    }

    async fn begin(&self, _: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Err(StepError::wait("E4400", "a check is only looked at"))
    }

    async fn undo(&self, _: &Cx<'_, Env>, _: &Made<DnsIsInSync, ()>) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
