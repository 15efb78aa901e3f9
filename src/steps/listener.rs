//! A listener with its default actions.

use crate::capture::Tags;
use crate::cloud::elb;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, tags};
use drtool_engine::step::{Call, CallKind, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "listener";
pub const SUMMARY: &str = "a listener with its certificate and default action";
pub const EXAMPLE: &str = "\
id: listener
use: listener
with:
  balancer: arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/redmine/50dc6c495c0c9188
  port: 443
  protocol: HTTPS
  sslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06
  certificates: [arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012]
  actions: [{ forward: { targetGroups: [{ targetGroup: arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/redmine-web/6d0ecf831eec9f09, weight: 1 }] } }]
";

/// The listener to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Listener {
    pub balancer: Value<String>,
    pub port: u16,
    pub protocol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_policy: Option<String>,
    /// The default certificate first.
    #[serde(default)]
    pub certificates: Vec<Value<String>>,
    /// The default actions.
    pub actions: Vec<Action>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListenerMade {
    pub arn: String,
}

impl Yields for ListenerMade {
    const NAME: &'static str = "listener";
}

/// What a listener or rule does with a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    #[serde(rename_all = "camelCase")]
    Forward { target_groups: Vec<Weighted> },
    #[serde(rename_all = "camelCase")]
    Redirect {
        protocol: String,
        port: String,
        host: String,
        path: String,
        query: String,
        status: String,
    },
    #[serde(rename_all = "camelCase")]
    FixedResponse {
        status: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_type: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Weighted {
    pub target_group: Value<String>,
    pub weight: u32,
}

impl Listener {
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
        balancer: &str,
    ) -> Result<Option<elb::Listener>, StepError> {
        let all = cx
            .env
            .cloud
            .listeners(cx.place().as_str(), balancer, cx.look())
            .await?;
        Ok(all.iter().find(|l| l.port == i32::from(self.port)).cloned())
    }
}

/// The one action of `whose`, with what is known only now.
pub(super) fn action(
    cx: &Cx<'_, Env>,
    actions: &[Action],
    whose: &str,
) -> Result<elb::Action, StepError> {
    let [action] = actions else {
        return Err(StepError::fail(
            "E4351",
            format!("{whose} has {} actions; drtool carries one", actions.len()),
        ));
    };
    Ok(match action {
        Action::Forward { target_groups } => elb::Action::Forward(
            target_groups
                .iter()
                .map(|w| {
                    Ok((
                        cx.value(&w.target_group)?,
                        i32::try_from(w.weight).unwrap_or(i32::MAX),
                    ))
                })
                .collect::<Result<_, StepError>>()?,
        ),
        Action::Redirect {
            protocol,
            port,
            host,
            path,
            query,
            status,
        } => elb::Action::Redirect {
            protocol: protocol.clone(),
            port: port.clone(),
            host: host.clone(),
            path: path.clone(),
            query: query.clone(),
            status: status.clone(),
        },
        Action::FixedResponse {
            status,
            content_type,
            body,
        } => elb::Action::FixedResponse {
            status: status.clone(),
            content_type: content_type.clone(),
            body: body.clone(),
        },
    })
}

impl Step for Listener {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ListenerMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ListenerMade>, StepError> {
        let balancer = cx.value(&self.balancer)?;
        let Some(listener) = self.found(cx, &balancer).await? else {
            return Ok(Observed::Absent);
        };
        Ok(
            match claim(
                cx,
                &listener.tags,
                &listener.arn,
                &format!("the listener on port {}", self.port),
            ) {
                Err(why) => Observed::Foreign(why),
                Ok(claimed) => Observed::Ready(ListenerMade { arn: listener.arn }, claimed),
            },
        )
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let balancer = cx.value(&self.balancer)?;
        let certificates: Vec<String> = self
            .certificates
            .iter()
            .map(|c| cx.value(c))
            .collect::<Result<_, _>>()?;
        let policy = self
            .ssl_policy
            .as_deref()
            .unwrap_or("ELBSecurityPolicy-TLS13-1-2-2021-06");
        let tls = certificates
            .first()
            .map(|certificate| (certificate.as_str(), policy));
        let protocol = (self.protocol.as_str(), i32::from(self.port));
        let tags = tags(cx, &Tags::new());
        Ok(cx
            .env
            .cloud
            .create_listener(
                cx.place().as_str(),
                &balancer,
                protocol,
                tls,
                &action(cx, &self.actions, &format!("listener {}", self.port))?,
                &tags,
            )
            .call(CallKind::Named))
    }

    async fn undo(&self, cx: &Cx<'_, Env>, _: &Made<ListenerMade, ()>) -> Result<Undo, StepError> {
        let Ok(balancer) = cx.value(&self.balancer) else {
            return Ok(Undo::Done);
        };
        Ok(match self.found(cx, &balancer).await? {
            Some(listener) if made_here(cx, &listener.tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_listener(cx.place().as_str(), &listener.arn)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
