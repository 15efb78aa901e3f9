//! A KMS key of the target, found by its alias. A move makes no keys: this step is never begun.

use crate::env::Env;
use drtool_engine::step::{Call, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use drtool_engine::step::Yields;

pub const KIND: &str = "kms-key";
pub const SUMMARY: &str = "a KMS key of the target, found by its alias";
pub const EXAMPLE: &str = "\
id: kms-key
use: kms-key
with:
  alias: alias/redmine-eu
";

/// The key to find: enabled, and for encryption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KmsKey {
    pub alias: String,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KmsKeyFound {
    pub arn: String,
    pub key_id: String,
}

impl Yields for KmsKeyFound {
    const NAME: &'static str = "kms key";
}

impl Step for KmsKey {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = KmsKeyFound;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<KmsKeyFound>, StepError> {
        let region = cx.place().as_str();
        let key = cx.env.cloud.key(region, &self.alias, cx.look()).await?;
        let Some(key) = key.as_ref() else {
            return Err(StepError::fail(
                "E4320",
                format!("there is no key {} in {region}", self.alias),
            )
            .hint("make the key and its alias (a move makes no keys), then resume"));
        };
        match (key.state.as_str(), key.usage.as_str()) {
            ("Enabled", "ENCRYPT_DECRYPT") => Ok(Observed::Ready(
                KmsKeyFound {
                    arn: key.arn.clone(),
                    key_id: key.id.clone(),
                },
                Claim::AsWanted,
            )),
            ("Creating" | "Updating", _) => {
                Ok(Observed::underway(format!("the key is {}", key.state)))
            }
            (
                state @ ("Disabled"
                | "PendingDeletion"
                | "PendingImport"
                | "PendingReplicaDeletion"
                | "Unavailable"
                | "Enabled"),
                usage,
            ) => {
                let usage = match usage {
                    "" => "for what it does not say",
                    known => &format!("for {known}"),
                };
                Err(StepError::pause(
                    "E4321",
                    format!(
                        "key {} in {region} is {state}, {usage}: it cannot encrypt the data",
                        self.alias
                    ),
                ))
            }
            (other, _) => Ok(Observed::underway(other)),
        }
    }

    async fn begin(&self, _: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Err(StepError::fail(
            "E4320",
            format!("key {} is missing, and a move makes no keys", self.alias),
        ))
    }

    async fn undo(&self, _: &Cx<'_, Env>, _: &Made<KmsKeyFound, ()>) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
