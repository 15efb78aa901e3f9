//! A replica made a secret of its own. Called in the target region, so it works with the source down; the tasks of the target can then be given new values.

use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "secret-promotion";
pub const SUMMARY: &str = "a replicated secret, made to stand alone";
pub const EXAMPLE: &str = "\
id: secret-promotion
use: secret-promotion
with:
  name: redmine/db
  arn: arn:aws:secretsmanager:eu-west-1:111122223333:secret:redmine/db-a1b2c3
";

/// The replica to promote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretPromotion {
    pub name: String,
    /// The replica's ARN.
    pub arn: Value<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretPromoted {
    pub arn: String,
}

impl Yields for SecretPromoted {
    const NAME: &'static str = "secret promotion";
}

impl Step for SecretPromotion {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = SecretPromoted;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<SecretPromoted>, StepError> {
        let arn = cx.value(&self.arn)?;
        let secret = cx
            .env
            .cloud
            .secret(cx.place().as_str(), &arn, cx.look())
            .await?;
        Ok(match secret.as_ref() {
            None => Observed::Unseen(format!(
                "secret {} is not visible in {}",
                self.name,
                cx.place()
            )),
            Some(secret) if secret.primary_region.is_some() => Observed::Absent,
            Some(_) => Observed::Ready(SecretPromoted { arn }, Claim::AsWanted),
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let arn = cx.value(&self.arn)?;
        Ok(cx
            .env
            .cloud
            .promote_secret(cx.place().as_str(), &arn)
            .call(CallKind::Upsert))
    }

    /// A promoted secret cannot become a replica again: what this run promoted is deleted, which frees its name.
    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<SecretPromoted, ()>,
    ) -> Result<Undo, StepError> {
        let arn = cx.value(&self.arn)?;
        let secret = cx
            .env
            .cloud
            .secret(cx.place().as_str(), &arn, cx.look())
            .await?;
        Ok(match secret.as_ref() {
            Some(secret) if secret.primary_region.is_none() && !secret.deleted => Undo::Call(
                cx.env
                    .cloud
                    .delete_secret(cx.place().as_str(), &arn)
                    .call(CallKind::Upsert),
            ),
            Some(secret) if secret.deleted => Undo::Wait("the secret is going".into()),
            _ => Undo::Done,
        })
    }
}
