//! A parameter of Systems Manager in the target, with the source's value. There is no replication: the value is read in the
//! source and written in the target, inside the vault.

use crate::cloud::parameters::{self, NewParameter};
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, tags};
use drtool_engine::step::{Call, CallKind, Cx, Effect, Made, Observed, Step, StepError, Undo};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use crate::composed::Composed;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "parameter";
pub const SUMMARY: &str = "an SSM parameter with the source's value";
pub const EXAMPLE: &str = "\
id: parameter
use: parameter
with:
  name: /redmine/mail/password
  sourceRegion: us-west-2
  type: SecureString
  tier: Standard
  dataType: text
  kmsKey: arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
";

/// The parameter to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Parameter {
    pub name: String,
    /// Where its value is read. The name is the same there.
    pub source_region: String,
    /// `String`, `StringList` or `SecureString`.
    #[serde(rename = "type")]
    pub kind: String,
    pub tier: String,
    pub data_type: String,
    /// A SecureString's key; `alias/aws/ssm` of the target by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Value<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_pattern: Option<String>,
    /// Another value than the source's. Never for a SecureString: it would stand in the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Composed>,
    /// Members of the value's JSON, written anew.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Composed>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ParameterMade {
    pub name: String,
    pub arn: String,
}

impl Yields for ParameterMade {
    const NAME: &'static str = "parameter";
}

impl Parameter {
    async fn found(&self, cx: &Cx<'_, Env>) -> Result<Option<parameters::Parameter>, StepError> {
        let found = cx
            .env
            .cloud
            .parameter(cx.place().as_str(), &self.name, cx.look())
            .await?;
        Ok(found.as_ref().clone())
    }
}

impl Step for Parameter {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ParameterMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    /// Its tags are part of the call that makes it, and no call of ours writes a second version: there and ours is as wanted.
    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ParameterMade>, StepError> {
        let Some(parameter) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let what = format!("parameter `{}`", self.name);
        Ok(match claim(cx, &parameter.tags, &parameter.name, &what) {
            Err(why) => Observed::Foreign(why),
            Ok(_) if parameter.kind != self.kind => Observed::Foreign(format!(
                "{what} is a {}, the source's a {}",
                parameter.kind, self.kind
            )),
            Ok(claimed) => Observed::Ready(
                ParameterMade {
                    name: parameter.name,
                    arn: parameter.arn,
                },
                claimed,
            ),
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let text = |text: &Composed| text.resolve(|piece| cx.value(piece));
        let mut members = BTreeMap::new();
        for (name, new) in &self.members {
            members.insert(name.clone(), text(new)?);
        }
        let new = NewParameter {
            name: self.name.clone(),
            kind: self.kind.clone(),
            tier: self.tier.clone(),
            data_type: self.data_type.clone(),
            key: self.kms_key.as_ref().map(|key| cx.value(key)).transpose()?,
            description: self.description.clone(),
            allowed_pattern: self.allowed_pattern.clone(),
            tags: tags(cx, &self.tags),
        };
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let call = match &self.value {
            Some(value) => crate::vault::new_parameter(cloud, region, new, text(value)?),
            None => crate::vault::copy_parameter(cloud, &self.source_region, region, new, members),
        };
        Ok(call.call(CallKind::Named))
    }

    async fn undo(&self, cx: &Cx<'_, Env>, _: &Made<ParameterMade, ()>) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some(parameter) if made_here(cx, &parameter.tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_parameter(cx.place().as_str(), &parameter.name)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
