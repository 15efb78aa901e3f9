//! Members of a promoted secret's JSON, written anew. The only step that reads a secret's value; it does so inside the vault.

use crate::cloud::secrets::Secret;
use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::composed::Composed;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "secret-rewrite";
pub const SUMMARY: &str = "members of a secret, written anew in the target";
pub const EXAMPLE: &str = "\
id: secret-rewrite
use: secret-rewrite
with:
  name: redmine/db
  arn: arn:aws:secretsmanager:eu-west-1:111122223333:secret:redmine/db-a1b2c3
  members: { host: [redmine-db-7f3a.c9akciq32.eu-west-1.rds.amazonaws.com] }
";

/// What to write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretRewrite {
    pub name: String,
    pub arn: Value<String>,
    /// Member of the JSON, and its new value.
    pub members: BTreeMap<String, Composed>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretRewritten {
    pub arn: String,
    pub version_id: String,
}

impl Yields for SecretRewritten {
    const NAME: &'static str = "secret rewrite";
}

impl SecretRewrite {
    async fn staged(&self, cx: &Cx<'_, Env>, arn: &str) -> Result<Option<Secret>, StepError> {
        Ok(cx
            .env
            .cloud
            .secret(cx.place().as_str(), arn, cx.look())
            .await?
            .as_ref()
            .clone())
    }
}

impl Step for SecretRewrite {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = SecretRewritten;
    type Before = Option<String>;

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    /// The version's id is the token that wrote it, so it shows without reading any value whether it was written.
    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<SecretRewritten>, StepError> {
        let arn = cx.value(&self.arn)?;
        let Some(secret) = self.staged(cx, &arn).await? else {
            return Ok(Observed::Unseen(format!(
                "secret {} is not visible in {}",
                self.name,
                cx.place()
            )));
        };
        if secret.primary_region.is_some() {
            return Ok(Observed::Unseen(format!(
                "secret {} is a replica still: it cannot be written",
                self.name
            )));
        }
        Ok(if secret.current.as_deref() == Some(cx.token().as_str()) {
            Observed::Ready(
                SecretRewritten {
                    arn,
                    version_id: cx.token(),
                },
                Claim::Ours,
            )
        } else {
            Observed::Absent
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<Option<String>>, StepError> {
        let arn = cx.value(&self.arn)?;
        let before = self.staged(cx, &arn).await?.and_then(|s| s.current);
        let mut members = BTreeMap::new();
        for (name, text) in &self.members {
            members.insert(name.clone(), text.resolve(|piece| cx.value(piece))?);
        }
        let call = crate::vault::rewrite_secret(
            &cx.env.cloud,
            cx.place().as_str(),
            &arn,
            members,
            &cx.token(),
        );
        // The token is the version's id, and lasts as long as the version.
        Ok(call.with_before(
            CallKind::Token {
                ttl: Duration::from_secs(24 * 3600),
            },
            before,
        ))
    }

    /// The secret itself is deleted with its promotion; its older version stands until then.
    async fn undo(
        &self,
        _: &Cx<'_, Env>,
        _: &Made<SecretRewritten, Option<String>>,
    ) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
