//! An ECS cluster.

use crate::cloud::ecs;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, tags};
use drtool_engine::step::{Call, CallKind, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::Yields;

pub const KIND: &str = "cluster";
pub const SUMMARY: &str = "an ECS cluster";
pub const EXAMPLE: &str = "\
id: cluster
use: cluster
with:
  name: redmine
  containerInsights: disabled
  capacityProviders: []
";

/// The cluster to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cluster {
    pub name: String,
    pub container_insights: String,
    #[serde(default)]
    pub capacity_providers: Vec<String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ClusterMade {
    pub arn: String,
    pub name: String,
}

impl Yields for ClusterMade {
    const NAME: &'static str = "cluster";
}

impl Cluster {
    async fn found(&self, cx: &Cx<'_, Env>) -> Result<Option<ecs::Cluster>, StepError> {
        Ok(cx
            .env
            .cloud
            .cluster(cx.place().as_str(), &self.name, cx.look())
            .await?
            .as_ref()
            .clone())
    }
}

impl Step for Cluster {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ClusterMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ClusterMade>, StepError> {
        let Some(cluster) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        Ok(
            match claim(
                cx,
                &cluster.tags,
                &cluster.name,
                &format!("cluster `{}`", self.name),
            ) {
                Err(why) => Observed::Foreign(why),
                Ok(_) if cluster.status != "ACTIVE" => Observed::underway(cluster.status),
                Ok(claimed) => Observed::Ready(
                    ClusterMade {
                        arn: cluster.arn,
                        name: cluster.name,
                    },
                    claimed,
                ),
            },
        )
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let tags = tags(cx, &self.tags);
        Ok(cx
            .env
            .cloud
            .create_cluster(
                cx.place().as_str(),
                &self.name,
                &self.container_insights,
                &self.capacity_providers,
                &tags,
            )
            .call(CallKind::Named))
    }

    async fn undo(&self, cx: &Cx<'_, Env>, _: &Made<ClusterMade, ()>) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some(cluster) if made_here(cx, &cluster.tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_cluster(cx.place().as_str(), &cluster.name)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
