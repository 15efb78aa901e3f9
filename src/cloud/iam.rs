//! IAM: the roles that a stack uses. Roles are global; what they may do is bound to regions by ARNs.

use super::call::{Outgoing, outgoing};
use super::error::CloudError;
use super::{Cloud, refused};
use aws_sdk_iam::types as aws;
use drtool_engine::step::Look;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const SERVICE: &str = "iam";
/// IAM is global; its endpoint is signed for this region.
pub const REGION: &str = "us-east-1";

/// What a simulated permission came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub action: String,
    pub resource: String,
    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub decision: String,
}

/// Looks.
impl Cloud {
    /// The ARN of a role, if it exists.
    pub async fn role(&self, name: &str) -> Result<Option<String>, CloudError> {
        let answer = self
            .iam(REGION)
            .get_role()
            .role_name(name)
            .send()
            .await
            .map_err(refused(SERVICE, "GetRole", REGION, name));
        match answer {
            Ok(answer) => Ok(answer.role().map(|r| r.arn().to_owned())),
            Err(e) if e.not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// An inline policy of a role, as JSON.
    pub async fn role_policy(
        &self,
        role: &str,
        policy: &str,
        look: Look,
    ) -> Result<Arc<Option<Value>>, CloudError> {
        self.looks()
            .shared(
                SERVICE,
                format!("iam/policy/{role}/{policy}"),
                look,
                async {
                    let answer = self
                        .iam(REGION)
                        .get_role_policy()
                        .role_name(role)
                        .policy_name(policy)
                        .send()
                        .await
                        .map_err(refused(SERVICE, "GetRolePolicy", REGION, role));
                    match answer {
                        // IAM answers the document percent-encoded.
                        Ok(answer) => Ok(serde_json::from_str(&percent_decoded(
                            answer.policy_document(),
                        ))
                        .ok()),
                        Err(e) if e.not_found() => Ok(None),
                        Err(e) => Err(e),
                    }
                },
            )
            .await
    }

    /// Every policy document that a role carries: inline ones, and attached ones that are the account's own. AWS's managed
    /// policies name no regions and are left out.
    pub async fn role_documents(&self, role: &str) -> Result<Vec<Value>, CloudError> {
        let client = self.iam(REGION);
        let mut documents = Vec::new();
        let mut names = client
            .list_role_policies()
            .role_name(role)
            .into_paginator()
            .items()
            .send();
        while let Some(name) = names.next().await {
            let name = name.map_err(refused(SERVICE, "ListRolePolicies", REGION, role))?;
            let answer = client
                .get_role_policy()
                .role_name(role)
                .policy_name(name)
                .send()
                .await
                .map_err(refused(SERVICE, "GetRolePolicy", REGION, role))?;
            documents.extend(
                serde_json::from_str::<Value>(&percent_decoded(answer.policy_document())).ok(),
            );
        }
        let mut attached = client
            .list_attached_role_policies()
            .role_name(role)
            .into_paginator()
            .items()
            .send();
        while let Some(policy) = attached.next().await {
            let policy =
                policy.map_err(refused(SERVICE, "ListAttachedRolePolicies", REGION, role))?;
            let arn = policy.policy_arn().unwrap_or_default();
            if arn.split(':').nth(4) == Some("aws") {
                continue;
            }
            let described = client
                .get_policy()
                .policy_arn(arn)
                .send()
                .await
                .map_err(refused(SERVICE, "GetPolicy", REGION, arn))?;
            let version = described
                .policy()
                .and_then(|p| p.default_version_id())
                .unwrap_or("v1")
                .to_owned();
            let answer = client
                .get_policy_version()
                .policy_arn(arn)
                .version_id(version)
                .send()
                .await
                .map_err(refused(SERVICE, "GetPolicyVersion", REGION, arn))?;
            let text = answer
                .policy_version()
                .and_then(|v| v.document())
                .map(percent_decoded);
            documents.extend(text.and_then(|t| serde_json::from_str::<Value>(&t).ok()));
        }
        Ok(documents)
    }

    /// What IAM's simulator says, told `context` (condition keys and their values). It does not know conditional SCPs, nor
    /// resource policies: a hint, never a proof.
    pub async fn simulate(
        &self,
        principal: &str,
        actions: &[String],
        resources: &[String],
        context: &BTreeMap<String, Vec<String>>,
    ) -> Result<Vec<Decision>, CloudError> {
        let context = context
            .iter()
            .map(|(key, values)| {
                aws::ContextEntry::builder()
                    .context_key_name(key)
                    .context_key_type(match values.len() {
                        1 => aws::ContextKeyTypeEnum::String,
                        _ => aws::ContextKeyTypeEnum::StringList,
                    })
                    .set_context_key_values(Some(values.clone()))
                    .build()
            })
            .collect();
        let mut pages = self
            .iam(REGION)
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(Some(actions.to_vec()))
            .set_resource_arns(Some(resources.to_vec()))
            .set_context_entries(Some(context))
            .into_paginator()
            .items()
            .send();
        let mut all = Vec::new();
        while let Some(item) = pages.next().await {
            let result = item.map_err(refused(
                SERVICE,
                "SimulatePrincipalPolicy",
                REGION,
                principal,
            ))?;
            all.push(Decision {
                action: result.eval_action_name().to_owned(),
                resource: result.eval_resource_name().unwrap_or("*").to_owned(),
                decision: result.eval_decision().as_str().to_owned(),
            });
        }
        Ok(all)
    }
}

/// Calls.
impl Cloud {
    pub fn put_role_policy(&self, role: &str, policy: &str, document: &Value) -> Outgoing {
        let text = document.to_string();
        let request = json!({ "RoleName": role, "PolicyName": policy, "PolicyDocument": text });
        let call = self
            .iam_writer(REGION)
            .put_role_policy()
            .role_name(role)
            .policy_name(policy)
            .policy_document(text);
        let resource = format!("{role}/{policy}");
        outgoing!(SERVICE, "PutRolePolicy", REGION, resource, request, call)
    }

    pub fn delete_role_policy(&self, role: &str, policy: &str) -> Outgoing {
        let request = json!({ "RoleName": role, "PolicyName": policy });
        let call = self
            .iam_writer(REGION)
            .delete_role_policy()
            .role_name(role)
            .policy_name(policy);
        let resource = format!("{role}/{policy}");
        outgoing!(SERVICE, "DeleteRolePolicy", REGION, resource, request, call)
    }

    pub fn create_service_linked_role(&self, service: &str) -> Outgoing {
        let call = self
            .iam_writer(REGION)
            .create_service_linked_role()
            .aws_service_name(service);
        let request = json!({ "AWSServiceName": service });
        outgoing!(
            SERVICE,
            "CreateServiceLinkedRole",
            REGION,
            service,
            request,
            call,
            |a| a.role().map(|r| r.arn().to_owned())
        )
    }
}

/// The service-linked role of a service, by the name that AWS gives it.
pub fn service_linked_role(service: &str) -> &'static str {
    match service {
        "ecs.amazonaws.com" => "AWSServiceRoleForECS",
        "rds.amazonaws.com" => "AWSServiceRoleForRDS",
        "elasticloadbalancing.amazonaws.com" => "AWSServiceRoleForElasticLoadBalancing",
        "ecs.application-autoscaling.amazonaws.com" => {
            "AWSServiceRoleForApplicationAutoScaling_ECSService"
        }
        "replication.ecr.amazonaws.com" => "AWSServiceRoleForECRReplication",
        _ => "",
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = (bytes[i] == b'%').then(|| text.get(i + 1..i + 3)).flatten();
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
