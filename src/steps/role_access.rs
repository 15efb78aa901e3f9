//! An inline policy on a role of the stack, so that its tasks may read what stands in the target. Roles are global: this is an addition to the source's role, named so that undo finds it.

use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::composed::Composed;
use drtool_engine::step::Yields;

pub const KIND: &str = "role-access";
pub const SUMMARY: &str = "an inline policy that lets a role of the stack use the target";
pub const EXAMPLE: &str = "\
id: role-access
use: role-access
with:
  role: redmine-execution
  policy: drtool-eu-west-1
  statements:
    - { actions: [secretsmanager:GetSecretValue], resources: [arn:aws:secretsmanager:eu-west-1:111122223333:secret:redmine/db-a1b2c3] }
";

/// The policy to put.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RoleAccess {
    /// The role's name.
    pub role: String,
    /// The inline policy's name.
    pub policy: String,
    pub statements: Vec<Statement>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RoleAccessMade {
    pub policy: String,
}

impl Yields for RoleAccessMade {
    const NAME: &'static str = "role access";
}

/// What the policy allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Statement {
    pub actions: Vec<String>,
    /// ARNs and patterns.
    pub resources: Vec<Composed>,
}

impl RoleAccess {
    fn document(&self, cx: &Cx<'_, Env>) -> Result<Json, StepError> {
        let mut statements = Vec::new();
        for statement in &self.statements {
            let resources: Vec<String> = statement
                .resources
                .iter()
                .map(|r| r.resolve(|piece| cx.value(piece)))
                .collect::<Result<_, _>>()?;
            statements.push(
                json!({ "Effect": "Allow", "Action": statement.actions, "Resource": resources }),
            );
        }
        Ok(json!({ "Version": "2012-10-17", "Statement": statements }))
    }
}

impl Step for RoleAccess {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = RoleAccessMade;
    type Before = Option<Json>;

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<RoleAccessMade>, StepError> {
        let there = cx
            .env
            .cloud
            .role_policy(&self.role, &self.policy, cx.look())
            .await?;
        Ok(match there.as_ref() {
            None => Observed::Absent,
            Some(document) if *document == self.document(cx)? => Observed::Ready(
                RoleAccessMade {
                    policy: self.policy.clone(),
                },
                Claim::AsWanted,
            ),
            // The policy's name is drtool's own; an earlier move to the same region may have left other statements.
            Some(_) => Observed::Partial {
                note: "the policy says something else".into(),
            },
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<Option<Json>>, StepError> {
        let before = cx
            .env
            .cloud
            .role_policy(&self.role, &self.policy, cx.look())
            .await?;
        Ok(cx
            .env
            .cloud
            .put_role_policy(&self.role, &self.policy, &self.document(cx)?)
            .with_before(CallKind::Upsert, before.as_ref().clone()))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        made: &Made<RoleAccessMade, Option<Json>>,
    ) -> Result<Undo, StepError> {
        let cloud = &cx.env.cloud;
        // The policy's name is drtool's own and this run's: where nothing was before, what is there is ours.
        let before = made.before().cloned().flatten();
        let there = cloud
            .role_policy(&self.role, &self.policy, cx.look())
            .await?;
        Ok(match before {
            before if before == *there => Undo::Done,
            Some(document) => Undo::Call(
                cloud
                    .put_role_policy(&self.role, &self.policy, &document)
                    .call(CallKind::Upsert),
            ),
            None => Undo::Call(
                cloud
                    .delete_role_policy(&self.role, &self.policy)
                    .call(CallKind::Upsert),
            ),
        })
    }
}
