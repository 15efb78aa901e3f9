//! A replica of a secret in the target. Asked for in the source region, where the primary is; no value is read.

use crate::cloud::secrets::Secret;
use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "secret-replica";
pub const SUMMARY: &str = "a replica of a secret in the target region";
pub const EXAMPLE: &str = "\
id: secret-replica
use: secret-replica
with:
  name: redmine/db
  primary: arn:aws:secretsmanager:us-west-2:111122223333:secret:redmine/db-a1b2c3
  region: eu-west-1
  kmsKey: arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
";

/// The replica to ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretReplica {
    pub name: String,
    /// The primary's ARN.
    pub primary: String,
    /// Where to.
    pub region: String,
    /// The replica's key; `aws/secretsmanager` of the target by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Value<String>>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretReplicaMade {
    /// The replica's ARN: the primary's, with another region.
    pub arn: String,
}

impl Yields for SecretReplicaMade {
    const NAME: &'static str = "secret replica";
}

impl SecretReplica {
    async fn primary(&self, cx: &Cx<'_, Env>) -> Result<Secret, StepError> {
        let secret = cx
            .env
            .cloud
            .secret(cx.place().as_str(), &self.primary, cx.look())
            .await?;
        secret.as_ref().clone().ok_or_else(|| {
            StepError::fail(
                "E4330",
                format!("secret {} is not in {}", self.name, cx.place()),
            )
        })
    }

    fn replica_arn(&self) -> String {
        let mut parts: Vec<&str> = self.primary.split(':').collect();
        if let Some(region) = parts.get_mut(3) {
            *region = &self.region;
        }
        parts.join(":")
    }
}

impl Step for SecretReplica {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = SecretReplicaMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    /// A replica inherits its primary's tags, so tags prove nothing here: the primary's own list of replicas does.
    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<SecretReplicaMade>, StepError> {
        let primary = self.primary(cx).await?;
        if primary.pending_version {
            return Ok(Observed::Unseen(
                "a rotation is under way: a version is still AWSPENDING".into(),
            ));
        }
        let Some(replica) = primary.replicas.iter().find(|r| r.region == self.region) else {
            return Ok(Observed::Absent);
        };
        match replica.status.as_str() {
            "InSync" => Ok(Observed::Ready(
                SecretReplicaMade {
                    arn: self.replica_arn(),
                },
                Claim::AsWanted,
            )),
            "Failed" => Ok(Observed::Foreign(format!(
                "secret {} cannot be replicated to {}: {}",
                self.name,
                self.region,
                replica.message.as_deref().unwrap_or("AWS gives no reason"),
            ))),
            other => Ok(Observed::underway(other)),
        }
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let key = self.kms_key.as_ref().map(|key| cx.value(key)).transpose()?;
        Ok(cx
            .env
            .cloud
            .replicate_secret(
                cx.place().as_str(),
                &self.primary,
                &self.region,
                key.as_deref(),
            )
            .call(CallKind::Named))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<SecretReplicaMade, ()>,
    ) -> Result<Undo, StepError> {
        let cloud = &cx.env.cloud;
        if self
            .primary(cx)
            .await?
            .replicas
            .iter()
            .any(|r| r.region == self.region)
        {
            let call =
                cloud.remove_secret_replica(cx.place().as_str(), &self.primary, &self.region);
            return Ok(Undo::Call(call.call(CallKind::Upsert)));
        }
        // Removed from the primary's list; the secret itself goes a moment later.
        Ok(
            match cloud
                .secret(&self.region, &self.replica_arn(), cx.look())
                .await?
                .as_ref()
            {
                Some(replica) if replica.primary_region.is_some() => {
                    Undo::Wait("the replica is going".into())
                }
                _ => Undo::Done,
            },
        )
    }
}
