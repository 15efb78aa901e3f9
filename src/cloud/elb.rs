//! Elastic Load Balancing v2: balancers, listeners, target groups.

use super::call::{Outgoing, outgoing};
use super::error::CloudError;
use super::{Cloud, Tags, refused};
use aws_sdk_elasticloadbalancingv2::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const SERVICE: &str = "elasticloadbalancing";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancer {
    pub arn: String,
    pub name: String,
    pub dns_name: String,
    /// The hosted zone that alias records to this balancer name.
    pub zone_id: String,
    pub scheme: String,
    pub kind: String,
    pub state: String,
    pub ip_address_type: String,
    pub vpc: String,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetGroup {
    pub arn: String,
    pub name: String,
    pub protocol: String,
    pub port: i32,
    pub protocol_version: Option<String>,
    pub vpc: String,
    pub target_type: String,
    pub health: HealthCheck,
    pub balancers: Vec<String>,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    pub protocol: String,
    /// `traffic-port` or a number.
    pub port: String,
    pub path: Option<String>,
    /// HTTP status codes that count as healthy, as AWS writes them: `200-399`.
    pub matcher: Option<String>,
    /// Seconds.
    pub interval: i32,
    /// Seconds.
    pub timeout: i32,
    pub healthy: i32,
    pub unhealthy: i32,
}

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

/// What a listener does by default. A kind that drtool does not know is kept as it is named, and refused by the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Target groups and their weights.
    Forward(Vec<(String, i32)>),
    Redirect {
        protocol: String,
        port: String,
        host: String,
        path: String,
        query: String,
        status: String,
    },
    FixedResponse {
        status: String,
        content_type: Option<String>,
        body: Option<String>,
    },
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetHealth {
    pub target: String,
    pub port: Option<i32>,
    pub state: String,
    pub reason: Option<String>,
    pub description: Option<String>,
}

fn text(s: Option<&str>) -> String {
    s.unwrap_or_default().to_owned()
}

fn aws_tags(tags: &Tags) -> Vec<aws::Tag> {
    tags.iter()
        .map(|(k, v)| aws::Tag::builder().key(k).value(v).build())
        .collect()
}

fn json_tags(tags: &Tags) -> Value {
    tags.iter()
        .map(|(k, v)| json!({ "Key": k, "Value": v }))
        .collect()
}

fn action_of(actions: &[aws::Action]) -> Action {
    let Some(action) = actions.last() else {
        return Action::Other("none".into());
    };
    if actions.len() > 1 {
        return Action::Other(format!("{} actions", actions.len()));
    }
    match action.r#type() {
        Some(aws::ActionTypeEnum::Forward) => {
            let mut groups: Vec<(String, i32)> = action
                .forward_config()
                .map(|f| {
                    f.target_groups()
                        .iter()
                        .map(|g| (text(g.target_group_arn()), g.weight().unwrap_or(1)))
                        .collect()
                })
                .unwrap_or_default();
            if groups.is_empty() {
                groups.extend(action.target_group_arn().map(|arn| (arn.to_owned(), 1)));
            }
            Action::Forward(groups)
        }
        Some(aws::ActionTypeEnum::Redirect) => match action.redirect_config() {
            Some(r) => Action::Redirect {
                protocol: r.protocol().unwrap_or("#{protocol}").to_owned(),
                port: r.port().unwrap_or("#{port}").to_owned(),
                host: r.host().unwrap_or("#{host}").to_owned(),
                path: r.path().unwrap_or("/#{path}").to_owned(),
                query: r.query().unwrap_or("#{query}").to_owned(),
                status: r
                    .status_code()
                    .map(|s| s.as_str().to_owned())
                    .unwrap_or_default(),
            },
            None => Action::Other("redirect".into()),
        },
        Some(aws::ActionTypeEnum::FixedResponse) => match action.fixed_response_config() {
            Some(r) => Action::FixedResponse {
                status: text(r.status_code()),
                content_type: r.content_type().map(str::to_owned),
                body: r.message_body().map(str::to_owned),
            },
            None => Action::Other("fixed-response".into()),
        },
        Some(other) => Action::Other(other.as_str().to_owned()),
        None => Action::Other("none".into()),
    }
}

fn aws_action(action: &Action) -> aws::Action {
    let builder = aws::Action::builder();
    match action {
        Action::Forward(groups) => builder.r#type(aws::ActionTypeEnum::Forward).forward_config(
            aws::ForwardActionConfig::builder()
                .set_target_groups(Some(
                    groups
                        .iter()
                        .map(|(arn, weight)| {
                            aws::TargetGroupTuple::builder()
                                .target_group_arn(arn)
                                .weight(*weight)
                                .build()
                        })
                        .collect(),
                ))
                .build(),
        ),
        Action::Redirect {
            protocol,
            port,
            host,
            path,
            query,
            status,
        } => builder
            .r#type(aws::ActionTypeEnum::Redirect)
            .redirect_config(
                aws::RedirectActionConfig::builder()
                    .protocol(protocol)
                    .port(port)
                    .host(host)
                    .path(path)
                    .query(query)
                    .status_code(aws::RedirectActionStatusCodeEnum::from(status.as_str()))
                    .build(),
            ),
        Action::FixedResponse {
            status,
            content_type,
            body,
        } => builder
            .r#type(aws::ActionTypeEnum::FixedResponse)
            .fixed_response_config(
                aws::FixedResponseActionConfig::builder()
                    .status_code(status)
                    .set_content_type(content_type.clone())
                    .set_message_body(body.clone())
                    .build(),
            ),
        Action::Other(kind) => builder.r#type(aws::ActionTypeEnum::from(kind.as_str())),
    }
    .build()
}

fn json_action(action: &Action) -> Value {
    match action {
        Action::Forward(groups) => json!([{ "Type": "forward", "ForwardConfig": {
            "TargetGroups": groups.iter().map(|(arn, weight)| json!({ "TargetGroupArn": arn, "Weight": weight })).collect::<Vec<_>>() } }]),
        Action::Redirect {
            protocol,
            port,
            host,
            path,
            query,
            status,
        } => json!([{ "Type": "redirect", "RedirectConfig": {
            "Protocol": protocol, "Port": port, "Host": host, "Path": path, "Query": query, "StatusCode": status } }]),
        Action::FixedResponse {
            status,
            content_type,
            body,
        } => json!([{ "Type": "fixed-response",
            "FixedResponseConfig": { "StatusCode": status, "ContentType": content_type, "MessageBody": body } }]),
        Action::Other(kind) => json!([{ "Type": kind }]),
    }
}

/// A condition in AWS's member names. AWS answers paths and hosts twice; the newer form says all.
fn json_condition(c: &aws::RuleCondition) -> Value {
    let mut out = json!({ "Field": text(c.field()) });
    let lists = [
        (
            "HostHeaderConfig",
            c.host_header_config()
                .map(|h| json!({ "Values": h.values(), "RegexValues": h.regex_values() })),
        ),
        (
            "PathPatternConfig",
            c.path_pattern_config()
                .map(|p| json!({ "Values": p.values(), "RegexValues": p.regex_values() })),
        ),
        (
            "HttpHeaderConfig",
            c.http_header_config().map(|h| {
                json!({ "HttpHeaderName": text(h.http_header_name()), "Values": h.values(), "RegexValues": h.regex_values() })
            }),
        ),
        (
            "HttpRequestMethodConfig",
            c.http_request_method_config()
                .map(|m| json!({ "Values": m.values() })),
        ),
        (
            "QueryStringConfig",
            c.query_string_config().map(|q| {
                let pairs: Vec<Value> = q
                    .values()
                    .iter()
                    .map(|pair| match pair.key() {
                        Some(key) => json!({ "Key": key, "Value": text(pair.value()) }),
                        None => json!({ "Value": text(pair.value()) }),
                    })
                    .collect();
                json!({ "Values": pairs })
            }),
        ),
        (
            "SourceIpConfig",
            c.source_ip_config().map(|s| json!({ "Values": s.values() })),
        ),
    ];
    for (member, config) in lists {
        if let Some(mut config) = config {
            for list in ["Values", "RegexValues"] {
                if config[list].as_array().is_some_and(Vec::is_empty)
                    && let Some(config) = config.as_object_mut()
                {
                    config.shift_remove(list);
                }
            }
            out[member] = config;
        }
    }
    // The older form only where there is no newer one: AWS refuses both at once.
    if out.as_object().is_some_and(|o| o.len() == 1) {
        if !c.values().is_empty() {
            out["Values"] = json!(c.values());
        }
        if !c.regex_values().is_empty() {
            out["RegexValues"] = json!(c.regex_values());
        }
    }
    out
}

/// A condition out of AWS's member names. One with members that drtool does not know is refused: without them the rule
/// would fit other requests.
fn aws_condition(c: &Value) -> Result<aws::RuleCondition, String> {
    let object = c.as_object().ok_or("a condition is not an object")?;
    let wrong =
        |member: &str| format!("condition `{c}` has a member {member} that drtool cannot set");
    let words = |value: &Value| -> Option<Vec<String>> {
        value
            .as_array()?
            .iter()
            .map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    let mut builder = aws::RuleCondition::builder();
    for (member, value) in object {
        let known: &[&str] = match member.as_str() {
            "HostHeaderConfig" | "PathPatternConfig" => &["Values", "RegexValues"],
            "HttpHeaderConfig" => &["HttpHeaderName", "Values", "RegexValues"],
            "HttpRequestMethodConfig" | "QueryStringConfig" | "SourceIpConfig" => &["Values"],
            _ => &[],
        };
        if let Some(config) = value.as_object()
            && let Some(strange) = config.keys().find(|key| !known.contains(&key.as_str()))
        {
            return Err(wrong(&format!("{member}.{strange}")));
        }
        let list = |name: &str| match value.get(name) {
            None => Ok(None),
            Some(list) => words(list)
                .map(Some)
                .ok_or_else(|| wrong(&format!("{member}.{name}"))),
        };
        builder = match member.as_str() {
            "Field" => builder.set_field(value.as_str().map(str::to_owned)),
            "Values" => builder.set_values(Some(words(value).ok_or_else(|| wrong(member))?)),
            "RegexValues" => {
                builder.set_regex_values(Some(words(value).ok_or_else(|| wrong(member))?))
            }
            "HostHeaderConfig" => builder.host_header_config(
                aws::HostHeaderConditionConfig::builder()
                    .set_values(list("Values")?)
                    .set_regex_values(list("RegexValues")?)
                    .build(),
            ),
            "PathPatternConfig" => builder.path_pattern_config(
                aws::PathPatternConditionConfig::builder()
                    .set_values(list("Values")?)
                    .set_regex_values(list("RegexValues")?)
                    .build(),
            ),
            "HttpHeaderConfig" => builder.http_header_config(
                aws::HttpHeaderConditionConfig::builder()
                    .set_http_header_name(value["HttpHeaderName"].as_str().map(str::to_owned))
                    .set_values(list("Values")?)
                    .set_regex_values(list("RegexValues")?)
                    .build(),
            ),
            "HttpRequestMethodConfig" => builder.http_request_method_config(
                aws::HttpRequestMethodConditionConfig::builder()
                    .set_values(list("Values")?)
                    .build(),
            ),
            "QueryStringConfig" => {
                let pairs = value["Values"].as_array().ok_or_else(|| wrong(member))?;
                let pairs = pairs
                    .iter()
                    .map(|pair| {
                        aws::QueryStringKeyValuePair::builder()
                            .set_key(pair["Key"].as_str().map(str::to_owned))
                            .set_value(pair["Value"].as_str().map(str::to_owned))
                            .build()
                    })
                    .collect();
                builder.query_string_config(
                    aws::QueryStringConditionConfig::builder()
                        .set_values(Some(pairs))
                        .build(),
                )
            }
            "SourceIpConfig" => builder.source_ip_config(
                aws::SourceIpConditionConfig::builder()
                    .set_values(list("Values")?)
                    .build(),
            ),
            other => return Err(wrong(other)),
        };
    }
    Ok(builder.build())
}

/// Looks.
impl Cloud {
    /// Every balancer of the region, with its tags.
    pub async fn load_balancers(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<LoadBalancer>>, CloudError> {
        self.looks()
            .shared(format!("elb/balancers/{region}"), look, async {
                let mut pages = self
                    .elb(region)
                    .describe_load_balancers()
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let b = item.map_err(refused(
                        SERVICE,
                        "DescribeLoadBalancers",
                        region,
                        "all balancers",
                    ))?;
                    all.push(LoadBalancer {
                        arn: text(b.load_balancer_arn()),
                        name: text(b.load_balancer_name()),
                        dns_name: text(b.dns_name()),
                        zone_id: text(b.canonical_hosted_zone_id()),
                        scheme: b
                            .scheme()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        kind: b
                            .r#type()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        state: b
                            .state()
                            .and_then(|s| s.code())
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        ip_address_type: b
                            .ip_address_type()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        vpc: text(b.vpc_id()),
                        subnets: b
                            .availability_zones()
                            .iter()
                            .filter_map(|z| z.subnet_id())
                            .map(str::to_owned)
                            .collect(),
                        security_groups: b.security_groups().to_vec(),
                        tags: Tags::new(),
                    });
                }
                let tags = self
                    .elb_tags(region, all.iter().map(|b| b.arn.clone()).collect())
                    .await?;
                for b in &mut all {
                    b.tags = tags.get(&b.arn).cloned().unwrap_or_default();
                }
                Ok(all)
            })
            .await
    }

    /// Every target group of the region, with its tags.
    pub async fn target_groups(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<TargetGroup>>, CloudError> {
        self.looks()
            .shared(format!("elb/target-groups/{region}"), look, async {
                let mut pages = self
                    .elb(region)
                    .describe_target_groups()
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let g = item.map_err(refused(
                        SERVICE,
                        "DescribeTargetGroups",
                        region,
                        "all target groups",
                    ))?;
                    all.push(TargetGroup {
                        arn: text(g.target_group_arn()),
                        name: text(g.target_group_name()),
                        protocol: g
                            .protocol()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        port: g.port().unwrap_or_default(),
                        protocol_version: g.protocol_version().map(str::to_owned),
                        vpc: text(g.vpc_id()),
                        target_type: g
                            .target_type()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        health: HealthCheck {
                            protocol: g
                                .health_check_protocol()
                                .map(|s| s.as_str().to_owned())
                                .unwrap_or_default(),
                            port: text(g.health_check_port()),
                            path: g.health_check_path().map(str::to_owned),
                            matcher: g.matcher().and_then(|m| m.http_code()).map(str::to_owned),
                            interval: g.health_check_interval_seconds().unwrap_or_default(),
                            timeout: g.health_check_timeout_seconds().unwrap_or_default(),
                            healthy: g.healthy_threshold_count().unwrap_or_default(),
                            unhealthy: g.unhealthy_threshold_count().unwrap_or_default(),
                        },
                        balancers: g.load_balancer_arns().to_vec(),
                        tags: Tags::new(),
                    });
                }
                let tags = self
                    .elb_tags(region, all.iter().map(|g| g.arn.clone()).collect())
                    .await?;
                for g in &mut all {
                    g.tags = tags.get(&g.arn).cloned().unwrap_or_default();
                }
                Ok(all)
            })
            .await
    }

    /// The listeners of one balancer, by port. A balancer that is gone has none.
    pub async fn listeners(
        &self,
        region: &str,
        balancer: &str,
        look: Look,
    ) -> Result<Arc<Vec<Listener>>, CloudError> {
        self.looks()
            .shared(format!("elb/listeners/{balancer}"), look, async {
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
            .shared(format!("elb/rules/{listener}"), look, async {
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

    pub async fn target_health(
        &self,
        region: &str,
        group: &str,
        look: Look,
    ) -> Result<Arc<Vec<TargetHealth>>, CloudError> {
        self.looks()
            .shared(format!("elb/health/{group}"), look, async {
                let answer = self
                    .elb(region)
                    .describe_target_health()
                    .target_group_arn(group)
                    .send()
                    .await
                    .map_err(refused(SERVICE, "DescribeTargetHealth", region, group))?;
                Ok(answer
                    .target_health_descriptions()
                    .iter()
                    .map(|d| TargetHealth {
                        target: d
                            .target()
                            .and_then(|t| t.id())
                            .unwrap_or_default()
                            .to_owned(),
                        port: d.target().and_then(|t| t.port()),
                        state: d
                            .target_health()
                            .and_then(|h| h.state())
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        reason: d
                            .target_health()
                            .and_then(|h| h.reason())
                            .map(|r| r.as_str().to_owned()),
                        description: d
                            .target_health()
                            .and_then(|h| h.description())
                            .map(str::to_owned),
                    })
                    .collect())
            })
            .await
    }

    pub async fn balancer_attributes(
        &self,
        region: &str,
        balancer: &str,
        look: Look,
    ) -> Result<Arc<BTreeMap<String, String>>, CloudError> {
        self.looks()
            .shared(format!("elb/attributes/{balancer}"), look, async {
                let answer = self
                    .elb(region)
                    .describe_load_balancer_attributes()
                    .load_balancer_arn(balancer)
                    .send()
                    .await
                    .map_err(refused(
                        SERVICE,
                        "DescribeLoadBalancerAttributes",
                        region,
                        balancer,
                    ))?;
                Ok(answer
                    .attributes()
                    .iter()
                    .map(|a| (text(a.key()), text(a.value())))
                    .collect())
            })
            .await
    }

    pub async fn target_group_attributes(
        &self,
        region: &str,
        group: &str,
        look: Look,
    ) -> Result<Arc<BTreeMap<String, String>>, CloudError> {
        self.looks()
            .shared(format!("elb/attributes/{group}"), look, async {
                let answer = self
                    .elb(region)
                    .describe_target_group_attributes()
                    .target_group_arn(group)
                    .send()
                    .await
                    .map_err(refused(
                        SERVICE,
                        "DescribeTargetGroupAttributes",
                        region,
                        group,
                    ))?;
                Ok(answer
                    .attributes()
                    .iter()
                    .map(|a| (text(a.key()), text(a.value())))
                    .collect())
            })
            .await
    }

    /// Tags of many resources: AWS takes 20 ARNs a call. What has vanished meanwhile has no tags.
    async fn elb_tags(
        &self,
        region: &str,
        arns: Vec<String>,
    ) -> Result<BTreeMap<String, Tags>, CloudError> {
        let mut all = BTreeMap::new();
        for chunk in arns.chunks(20) {
            let answer = self
                .elb(region)
                .describe_tags()
                .set_resource_arns(Some(chunk.to_vec()))
                .send()
                .await
                .map_err(refused(
                    SERVICE,
                    "DescribeTags",
                    region,
                    "balancers and target groups",
                ));
            let answer = match answer {
                Ok(answer) => answer,
                Err(e) if e.not_found() => continue,
                Err(e) => return Err(e),
            };
            for d in answer.tag_descriptions() {
                let tags = d
                    .tags()
                    .iter()
                    .map(|t| (text(t.key()), text(t.value())))
                    .collect();
                all.insert(text(d.resource_arn()), tags);
            }
        }
        Ok(all)
    }
}

/// What a balancer is made with.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLoadBalancer<'a> {
    pub name: &'a str,
    pub kind: &'a str,
    pub scheme: &'a str,
    pub subnets: &'a [String],
    pub security_groups: &'a [String],
    pub tags: &'a Tags,
}

/// What a target group is made with.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTargetGroup<'a> {
    pub name: &'a str,
    pub protocol: &'a str,
    pub port: i32,
    pub protocol_version: Option<&'a str>,
    pub vpc: &'a str,
    pub target_type: &'a str,
    pub health: &'a HealthCheck,
    pub tags: &'a Tags,
}

/// Calls.
impl Cloud {
    pub fn create_load_balancer(&self, region: &str, new: &NewLoadBalancer<'_>) -> Outgoing {
        let mut request = json!({
            "Name": new.name, "Type": new.kind, "Scheme": new.scheme, "Subnets": new.subnets, "Tags": json_tags(new.tags),
        });
        let mut call = self
            .elb_writer(region)
            .create_load_balancer()
            .name(new.name)
            .r#type(aws::LoadBalancerTypeEnum::from(new.kind))
            .scheme(aws::LoadBalancerSchemeEnum::from(new.scheme))
            .set_subnets(Some(new.subnets.to_vec()))
            .set_tags(Some(aws_tags(new.tags)));
        if !new.security_groups.is_empty() {
            request["SecurityGroups"] = json!(new.security_groups);
            call = call.set_security_groups(Some(new.security_groups.to_vec()));
        }
        outgoing!(
            SERVICE,
            "CreateLoadBalancer",
            region,
            new.name,
            request,
            call,
            |a| a
                .load_balancers()
                .first()
                .and_then(|b| b.load_balancer_arn())
                .map(str::to_owned)
        )
    }

    pub fn modify_balancer_attributes(
        &self,
        region: &str,
        balancer: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Outgoing {
        let request = json!({
            "LoadBalancerArn": balancer,
            "Attributes": attributes.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect::<Vec<_>>(),
        });
        let list = attributes
            .iter()
            .map(|(k, v)| {
                aws::LoadBalancerAttribute::builder()
                    .key(k)
                    .value(v)
                    .build()
            })
            .collect();
        let call = self
            .elb_writer(region)
            .modify_load_balancer_attributes()
            .load_balancer_arn(balancer)
            .set_attributes(Some(list));
        outgoing!(
            SERVICE,
            "ModifyLoadBalancerAttributes",
            region,
            balancer,
            request,
            call
        )
    }

    pub fn delete_load_balancer(&self, region: &str, balancer: &str) -> Outgoing {
        let call = self
            .elb_writer(region)
            .delete_load_balancer()
            .load_balancer_arn(balancer);
        outgoing!(
            SERVICE,
            "DeleteLoadBalancer",
            region,
            balancer,
            json!({ "LoadBalancerArn": balancer }),
            call
        )
    }

    pub fn create_target_group(&self, region: &str, new: &NewTargetGroup<'_>) -> Outgoing {
        let h = new.health;
        let mut request = json!({
            "Name": new.name, "Protocol": new.protocol, "Port": new.port, "VpcId": new.vpc, "TargetType": new.target_type,
            "HealthCheckProtocol": h.protocol, "HealthCheckPort": h.port, "HealthCheckIntervalSeconds": h.interval,
            "HealthCheckTimeoutSeconds": h.timeout, "HealthyThresholdCount": h.healthy,
            "UnhealthyThresholdCount": h.unhealthy, "Tags": json_tags(new.tags),
        });
        let mut call = self
            .elb_writer(region)
            .create_target_group()
            .name(new.name)
            .protocol(aws::ProtocolEnum::from(new.protocol))
            .port(new.port)
            .vpc_id(new.vpc)
            .target_type(aws::TargetTypeEnum::from(new.target_type))
            .health_check_protocol(aws::ProtocolEnum::from(h.protocol.as_str()))
            .health_check_port(&h.port)
            .health_check_interval_seconds(h.interval)
            .health_check_timeout_seconds(h.timeout)
            .healthy_threshold_count(h.healthy)
            .unhealthy_threshold_count(h.unhealthy)
            .set_tags(Some(aws_tags(new.tags)));
        if let Some(version) = new.protocol_version {
            request["ProtocolVersion"] = json!(version);
            call = call.protocol_version(version);
        }
        if let Some(path) = &h.path {
            request["HealthCheckPath"] = json!(path);
            call = call.health_check_path(path);
        }
        if let Some(matcher) = &h.matcher {
            request["Matcher"] = json!({ "HttpCode": matcher });
            call = call.matcher(aws::Matcher::builder().http_code(matcher).build());
        }
        outgoing!(
            SERVICE,
            "CreateTargetGroup",
            region,
            new.name,
            request,
            call,
            |a| a
                .target_groups()
                .first()
                .and_then(|g| g.target_group_arn())
                .map(str::to_owned)
        )
    }

    pub fn modify_target_group_attributes(
        &self,
        region: &str,
        group: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Outgoing {
        let request = json!({
            "TargetGroupArn": group,
            "Attributes": attributes.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect::<Vec<_>>(),
        });
        let list = attributes
            .iter()
            .map(|(k, v)| aws::TargetGroupAttribute::builder().key(k).value(v).build())
            .collect();
        let call = self
            .elb_writer(region)
            .modify_target_group_attributes()
            .target_group_arn(group)
            .set_attributes(Some(list));
        outgoing!(
            SERVICE,
            "ModifyTargetGroupAttributes",
            region,
            group,
            request,
            call
        )
    }

    pub fn delete_target_group(&self, region: &str, group: &str) -> Outgoing {
        let call = self
            .elb_writer(region)
            .delete_target_group()
            .target_group_arn(group);
        outgoing!(
            SERVICE,
            "DeleteTargetGroup",
            region,
            group,
            json!({ "TargetGroupArn": group }),
            call
        )
    }

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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_the_same_after_a_round_trip() {
        for condition in [
            json!({ "Field": "path-pattern", "PathPatternConfig": { "Values": ["/old/*"] } }),
            json!({ "Field": "host-header", "HostHeaderConfig": { "Values": ["*.example.com"] } }),
            json!({ "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "X-Probe", "Values": ["yes*"] } }),
            json!({ "Field": "http-request-method", "HttpRequestMethodConfig": { "Values": ["POST"] } }),
            json!({ "Field": "query-string", "QueryStringConfig": { "Values": [{ "Key": "v", "Value": "2" }, { "Value": "x" }] } }),
            json!({ "Field": "source-ip", "SourceIpConfig": { "Values": ["198.51.100.0/24"] } }),
        ] {
            let said = aws_condition(&condition).unwrap();
            assert_eq!(json_condition(&said), condition);
        }
    }

    #[test]
    fn a_condition_with_an_unknown_member_is_refused() {
        let odd = json!({ "Field": "weather", "WeatherConfig": { "Values": ["fine"] } });
        assert!(aws_condition(&odd).is_err());
        let odd = json!({ "Field": "path-pattern", "PathPatternConfig": { "Values": ["/"], "Case": "any" } });
        assert!(aws_condition(&odd).is_err());
    }
}
