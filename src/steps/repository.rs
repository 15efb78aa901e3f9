//! An ECR repository with its settings, which replication does not carry.

use crate::cloud::images;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, tags};
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "repository";
pub const SUMMARY: &str = "an ECR repository with its settings and policies";
pub const EXAMPLE: &str = "\
id: repository
use: repository
with:
  name: redmine
  tagMutability: MUTABLE
  scanOnPush: false
";

/// The repository to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Repository {
    pub name: String,
    pub tag_mutability: String,
    pub scan_on_push: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Value<String>>,
    /// JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_policy: Option<String>,
    /// JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle_policy: Option<String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RepositoryMade {
    pub arn: String,
    pub uri: String,
}

impl Yields for RepositoryMade {
    const NAME: &'static str = "repository";
}

impl Repository {
    async fn found(&self, cx: &Cx<'_, Env>) -> Result<Option<images::Repository>, StepError> {
        Ok(cx
            .env
            .cloud
            .repository(cx.place().as_str(), &self.name, cx.look())
            .await?
            .as_ref()
            .clone())
    }
}

impl Step for Repository {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = RepositoryMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<RepositoryMade>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let Some(repository) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let claimed = match claim(
            cx,
            &repository.tags,
            &repository.name,
            &format!("repository `{}`", self.name),
        ) {
            Ok(claimed) => claimed,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        if claimed == Claim::Ours {
            if self.lifecycle_policy.is_some()
                && cloud.lifecycle_policy(region, &self.name).await?.is_none()
            {
                return Ok(Observed::Partial {
                    note: "its lifecycle policy is not set yet".into(),
                });
            }
            if self.repository_policy.is_some()
                && cloud.repository_policy(region, &self.name).await?.is_none()
            {
                return Ok(Observed::Partial {
                    note: "its policy is not set yet".into(),
                });
            }
        }
        Ok(Observed::Ready(
            RepositoryMade {
                arn: repository.arn,
                uri: repository.uri,
            },
            claimed,
        ))
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        if self.found(cx).await?.is_some() {
            if let Some(policy) = &self.lifecycle_policy
                && cloud.lifecycle_policy(region, &self.name).await?.is_none()
            {
                return Ok(cloud
                    .put_lifecycle_policy(region, &self.name, policy)
                    .call(CallKind::Upsert));
            }
            if let Some(policy) = &self.repository_policy {
                return Ok(cloud
                    .put_repository_policy(region, &self.name, policy)
                    .call(CallKind::Upsert));
            }
        }
        let key = self.kms_key.as_ref().map(|key| cx.value(key)).transpose()?;
        let new = images::Repository {
            name: self.name.clone(),
            arn: String::new(),
            uri: String::new(),
            immutable: self.tag_mutability.starts_with("IMMUTABLE"),
            scan_on_push: self.scan_on_push,
            encryption: key.as_ref().map(|_| "KMS".to_owned()),
            key,
            tags: tags(cx, &self.tags),
        };
        Ok(cloud.create_repository(region, &new).call(CallKind::Named))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<RepositoryMade, ()>,
    ) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some(repository) if made_here(cx, &repository.tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_repository(cx.place().as_str(), &repository.name)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
