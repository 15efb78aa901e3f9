//! What a listener or a rule does with a request.

use super::text;
use aws_sdk_elasticloadbalancingv2::types as aws;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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

pub(super) fn action_of(actions: &[aws::Action]) -> Action {
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

pub(super) fn aws_action(action: &Action) -> aws::Action {
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

pub(super) fn json_action(action: &Action) -> Value {
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
