//! Listeners and their rules.

use super::action::{Action, action_of, aws_action, json_action};
use super::condition::{aws_condition, json_condition};
use super::{SERVICE, aws_tags, json_tags, text};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_elasticloadbalancingv2::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    pub arn: String,
    pub balancer: String,
    pub protocol: String,
    pub port: i32,
    /// The default certificate first.
    pub certificates: Vec<String>,
    pub ssl_policy: Option<String>,
    pub action: Action,
    pub tags: Tags,
}

/// A rule of a listener.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListenerRule {
    pub arn: String,
    pub priority: u32,
    /// In AWS's member names.
    pub conditions: Vec<Value>,
    pub action: Action,
    /// How many rewrites of host or URL it makes on the way.
    pub transforms: usize,
    pub tags: Tags,
}

/// Looks.
impl Cloud {
    /// The listeners of one balancer, by port. A balancer that is gone has none.
    pub async fn listeners(
        &self,
        region: &str,
        balancer: &str,
        look: Look,
    ) -> Result<Arc<Vec<Listener>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("elb/listeners/{balancer}"), look, async {
                let mut pages = self
                    .elb(region)
                    .describe_listeners()
                    .load_balancer_arn(balancer)
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let l =
                        match item.map_err(refused(SERVICE, "DescribeListeners", region, balancer))
                        {
                            Ok(l) => l,
                            Err(e) if e.is("LoadBalancerNotFound") => return Ok(Vec::new()),
                            Err(e) => return Err(e),
                        };
                    all.push(Listener {
                        arn: text(l.listener_arn()),
                        balancer: text(l.load_balancer_arn()),
                        protocol: l
                            .protocol()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        port: l.port().unwrap_or_default(),
                        certificates: l
                            .certificates()
                            .iter()
                            .filter_map(|c| c.certificate_arn())
                            .map(str::to_owned)
                            .collect(),
                        ssl_policy: l.ssl_policy().map(str::to_owned),
                        action: action_of(l.default_actions()),
                        tags: Tags::new(),
                    });
                }
                let tags = self
                    .elb_tags(region, all.iter().map(|l| l.arn.clone()).collect())
                    .await?;
                for l in &mut all {
                    l.tags = tags.get(&l.arn).cloned().unwrap_or_default();
                }
                all.sort_by_key(|l| l.port);
                Ok(all)
            })
            .await
    }

    /// The rules of a listener besides the default one, by priority. A listener that is gone has none.
    pub async fn listener_rules(
        &self,
        region: &str,
        listener: &str,
        look: Look,
    ) -> Result<Arc<Vec<ListenerRule>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("elb/rules/{listener}"), look, async {
                let mut pages = self
                    .elb(region)
                    .describe_rules()
                    .listener_arn(listener)
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let r = match item.map_err(refused(SERVICE, "DescribeRules", region, listener))
                    {
                        Ok(r) => r,
                        Err(e) if e.not_found() => return Ok(Vec::new()),
                        Err(e) => return Err(e),
                    };
                    // The default rule has `default` for a priority; it is the listener's own action.
                    let Some(priority) = r.priority().and_then(|p| p.parse().ok()) else {
                        continue;
                    };
                    all.push(ListenerRule {
                        arn: text(r.rule_arn()),
                        priority,
                        conditions: r.conditions().iter().map(json_condition).collect(),
                        action: action_of(r.actions()),
                        transforms: r.transforms().len(),
                        tags: Tags::new(),
                    });
                }
                let tags = self
                    .elb_tags(region, all.iter().map(|r| r.arn.clone()).collect())
                    .await?;
                for r in &mut all {
                    r.tags = tags.get(&r.arn).cloned().unwrap_or_default();
                }
                all.sort_by_key(|r| r.priority);
                Ok(all)
            })
            .await
    }
}

/// Calls.
impl Cloud {
    pub fn create_listener(
        &self,
        region: &str,
        balancer: &str,
        (protocol, port): (&str, i32),
        tls: Option<(&str, &str)>,
        action: &Action,
        tags: &Tags,
    ) -> Outgoing {
        let mut request = json!({
            "LoadBalancerArn": balancer, "Protocol": protocol, "Port": port,
            "DefaultActions": json_action(action), "Tags": json_tags(tags),
        });
        let mut call = self
            .elb_writer(region)
            .create_listener()
            .load_balancer_arn(balancer)
            .protocol(aws::ProtocolEnum::from(protocol))
            .port(port)
            .default_actions(aws_action(action))
            .set_tags(Some(aws_tags(tags)));
        if let Some((certificate, policy)) = tls {
            request["Certificates"] = json!([{ "CertificateArn": certificate }]);
            request["SslPolicy"] = json!(policy);
            call = call
                .certificates(
                    aws::Certificate::builder()
                        .certificate_arn(certificate)
                        .build(),
                )
                .ssl_policy(policy);
        }
        let resource = format!("{balancer}:{port}");
        outgoing!(
            SERVICE,
            "CreateListener",
            region,
            resource,
            request,
            call,
            |a| a
                .listeners()
                .first()
                .and_then(|l| l.listener_arn())
                .map(str::to_owned)
        )
    }

    /// Replaces what a listener does by default: how a balancer is fenced, and given back.
    pub fn set_listener_action(&self, region: &str, listener: &str, action: &Action) -> Outgoing {
        let request = json!({ "ListenerArn": listener, "DefaultActions": json_action(action) });
        let call = self
            .elb_writer(region)
            .modify_listener()
            .listener_arn(listener)
            .default_actions(aws_action(action));
        outgoing!(SERVICE, "ModifyListener", region, listener, request, call)
    }

    pub fn delete_listener(&self, region: &str, listener: &str) -> Outgoing {
        let call = self
            .elb_writer(region)
            .delete_listener()
            .listener_arn(listener);
        outgoing!(
            SERVICE,
            "DeleteListener",
            region,
            listener,
            json!({ "ListenerArn": listener }),
            call
        )
    }

    /// Makes a rule. A condition that cannot be said in full is an error: nothing is made then.
    pub fn create_listener_rule(
        &self,
        region: &str,
        listener: &str,
        priority: u32,
        conditions: &[Value],
        action: &Action,
        tags: &Tags,
    ) -> Result<Outgoing, String> {
        let said = conditions
            .iter()
            .map(aws_condition)
            .collect::<Result<Vec<_>, _>>()?;
        let request = json!({
            "ListenerArn": listener, "Priority": priority, "Conditions": conditions,
            "Actions": json_action(action), "Tags": json_tags(tags),
        });
        let call = self
            .elb_writer(region)
            .create_rule()
            .listener_arn(listener)
            .priority(i32::try_from(priority).map_err(|_| format!("{priority} is no priority"))?)
            .set_conditions(Some(said))
            .actions(aws_action(action))
            .set_tags(Some(aws_tags(tags)));
        let resource = format!("rule {priority} of {listener}");
        Ok(outgoing!(
            SERVICE,
            "CreateRule",
            region,
            resource,
            request,
            call,
            |a| a
                .rules()
                .first()
                .and_then(|r| r.rule_arn())
                .map(str::to_owned)
        ))
    }

    pub fn delete_listener_rule(&self, region: &str, rule: &str) -> Outgoing {
        let call = self.elb_writer(region).delete_rule().rule_arn(rule);
        outgoing!(
            SERVICE,
            "DeleteRule",
            region,
            rule,
            json!({ "RuleArn": rule }),
            call
        )
    }
}
