//! A DB option group: it does not travel with a snapshot.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use crate::capture::database::DatabaseOption;
use crate::cloud::rds;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, tags};
use drtool_engine::step::Yields;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};

pub const KIND: &str = "db-option-group";
pub const SUMMARY: &str = "a DB option group with the source's options";
pub const EXAMPLE: &str = "\
id: db-option-group
use: db-option-group
with:
  name: redmine-mysql
  engine: mysql
  majorVersion: \"8.0\"
  description: audit
  options: [{ name: MARIADB_AUDIT_PLUGIN, version: null, port: null, settings: { SERVER_AUDIT_EVENTS: CONNECT }, securityGroupIds: [] }]
";

/// The group to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbOptionGroup {
    pub name: String,
    pub engine: String,
    pub major_version: String,
    pub description: String,
    #[serde(default)]
    pub options: Vec<DatabaseOption>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbOptionGroupMade {
    pub name: String,
}

impl Yields for DbOptionGroupMade {
    const NAME: &'static str = "db option group";
}

impl DbOptionGroup {
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<(rds::DbOptionGroup, Tags)>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let all = cloud.db_option_groups(region, cx.look()).await?;
        let Some(group) = all
            .iter()
            .find(|g| g.name.eq_ignore_ascii_case(&self.name))
            .cloned()
        else {
            return Ok(None);
        };
        let tags = cloud.db_tags(region, &group.arn, cx.look()).await?;
        Ok(Some((group, (*tags).clone())))
    }

    /// The options that are not there as they are wanted.
    fn missing(&self, there: &[rds::DbOption]) -> Vec<rds::DbOption> {
        self.options
            .iter()
            .filter(|wanted| !there.iter().any(|option| stands(option, wanted)))
            .map(|wanted| rds::DbOption {
                name: wanted.name.clone(),
                version: wanted.version.clone(),
                port: wanted.port.map(i32::from),
                settings: Default::default(),
                changed: wanted.settings.clone(),
                security_groups: wanted.security_group_ids.clone(),
            })
            .collect()
    }
}

/// Whether an option is as it is wanted. What is not said is AWS's to choose.
fn stands(option: &rds::DbOption, wanted: &DatabaseOption) -> bool {
    option.name == wanted.name
        && (wanted.version.is_none() || option.version == wanted.version)
        && wanted
            .port
            .is_none_or(|port| option.port == Some(i32::from(port)))
        && wanted
            .settings
            .iter()
            .all(|(name, value)| option.settings.get(name) == Some(value))
        && wanted
            .security_group_ids
            .iter()
            .all(|id| option.security_groups.contains(id))
}

impl Step for DbOptionGroup {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DbOptionGroupMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DbOptionGroupMade>, StepError> {
        let Some((group, tags)) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        match claim(
            cx,
            &tags,
            &group.name,
            &format!("DB option group `{}`", self.name),
        ) {
            Err(why) => Ok(Observed::Foreign(why)),
            Ok(Claim::Ours) if !self.missing(&group.options).is_empty() => Ok(Observed::Partial {
                note: "not every option is in it yet".into(),
            }),
            Ok(claimed) => Ok(Observed::Ready(
                DbOptionGroupMade { name: group.name },
                claimed,
            )),
        }
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        Ok(match self.found(cx).await? {
            Some((group, _)) => cloud
                .include_db_options(region, &self.name, &self.missing(&group.options))
                .call(CallKind::Upsert),
            None => cloud
                .create_db_option_group(
                    region,
                    &rds::DbOptionGroup {
                        name: self.name.clone(),
                        arn: String::new(),
                        engine: self.engine.clone(),
                        major_version: self.major_version.clone(),
                        description: self.description.clone(),
                        options: Vec::new(),
                    },
                    &tags(cx, &self.tags),
                )
                .call(CallKind::Named),
        })
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<DbOptionGroupMade, ()>,
    ) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some((group, tags)) if made_here(cx, &tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_db_option_group(cx.place().as_str(), &group.name)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
