//! Systems Manager's Parameter Store: metadata, new parameters, their removal. A SecureString's value passes through here
//! only for the vault.

use super::call::{Outgoing, outgoing};
use super::error::CloudError;
use super::{Cloud, Tags, refused};
use aws_sdk_ssm::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use zeroize::Zeroizing;

pub(crate) const SERVICE: &str = "ssm";

/// What a parameter is, without its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    pub name: String,
    pub arn: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    pub tier: String,
    pub data_type: String,
    /// Of a SecureString: the key as it was given, an alias, id or ARN.
    pub key: Option<String>,
    pub version: i64,
    pub description: Option<String>,
    pub allowed_pattern: Option<String>,
    /// How many policies (expiration, notification) it has.
    pub policies: usize,
    pub tags: Tags,
}

/// A parameter to make. Its value is not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewParameter {
    pub name: String,
    pub kind: String,
    pub tier: String,
    pub data_type: String,
    pub key: Option<String>,
    pub description: Option<String>,
    pub allowed_pattern: Option<String>,
    pub tags: Tags,
}

impl NewParameter {
    /// The input in AWS's member names; `value` says where the value comes from.
    pub fn request(&self, value: &str) -> Value {
        let mut request = json!({
            "Name": self.name, "Type": self.kind, "Value": value, "Tier": self.tier, "DataType": self.data_type,
        });
        for (member, value) in [
            ("KeyId", &self.key),
            ("Description", &self.description),
            ("AllowedPattern", &self.allowed_pattern),
        ] {
            if let Some(value) = value {
                request[member] = value.as_str().into();
            }
        }
        request["Tags"] = self
            .tags
            .iter()
            .map(|(k, v)| json!({ "Key": k, "Value": v }))
            .collect();
        request
    }
}

/// Looks.
impl Cloud {
    pub async fn parameter(
        &self,
        region: &str,
        name: &str,
        look: Look,
    ) -> Result<Arc<Option<Parameter>>, CloudError> {
        self.looks()
            .shared(
                SERVICE,
                format!("ssm/parameter/{region}/{name}"),
                look,
                async {
                    let filter = aws::ParameterStringFilter::builder()
                        .key("Name")
                        .option("Equals")
                        .values(name)
                        .build()
                        .ok();
                    let mut pages = self
                        .ssm(region)
                        .describe_parameters()
                        .set_parameter_filters(filter.map(|f| vec![f]))
                        .into_paginator()
                        .send();
                    let mut found = None;
                    while let Some(page) = pages.next().await {
                        let page =
                            page.map_err(refused(SERVICE, "DescribeParameters", region, name))?;
                        found = found.or_else(|| page.parameters().first().cloned());
                    }
                    let Some(found) = found else {
                        return Ok(None);
                    };
                    let full = found.name().unwrap_or(name);
                    let tags = match self.parameter_tags(region, full).await {
                        Ok(tags) => tags,
                        // Two reads, and the second was answered by a replica that has not heard of it.
                        Err(e) if e.is("InvalidResourceId") => return Ok(None),
                        Err(e) => return Err(e),
                    };
                    let text = |t: Option<&str>| t.unwrap_or_default().to_owned();
                    Ok(Some(Parameter {
                        name: full.to_owned(),
                        arn: text(found.arn()),
                        kind: text(found.r#type().map(|t| t.as_str())),
                        tier: text(found.tier().map(|t| t.as_str())),
                        data_type: found.data_type().unwrap_or("text").to_owned(),
                        key: found.key_id().map(str::to_owned),
                        version: found.version(),
                        description: found.description().map(str::to_owned),
                        allowed_pattern: found.allowed_pattern().map(str::to_owned),
                        policies: found.policies().len(),
                        tags,
                    }))
                },
            )
            .await
    }

    async fn parameter_tags(&self, region: &str, name: &str) -> Result<Tags, CloudError> {
        let answer = self
            .ssm(region)
            .list_tags_for_resource()
            .resource_type(aws::ResourceTypeForTagging::Parameter)
            .resource_id(name)
            .send()
            .await
            .map_err(refused(SERVICE, "ListTagsForResource", region, name))?;
        Ok(answer
            .tag_list()
            .iter()
            .map(|t| (t.key().to_owned(), t.value().to_owned()))
            .collect())
    }

    /// Whether the value of a String or StringList has `text` in it. Not for a SecureString: it comes encrypted.
    pub async fn plain_parameter_contains(
        &self,
        region: &str,
        name: &str,
        text: &str,
    ) -> Result<bool, CloudError> {
        let answer = self
            .ssm(region)
            .get_parameter()
            .name(name)
            .with_decryption(false)
            .send()
            .await
            .map_err(refused(SERVICE, "GetParameter", region, name))?;
        Ok(answer
            .parameter()
            .and_then(|p| p.value())
            .is_some_and(|value| value.contains(text)))
    }
}

/// For the vault alone: these two carry a parameter's value.
impl Cloud {
    pub(crate) async fn parameter_value(
        &self,
        region: &str,
        name: &str,
    ) -> Result<Zeroizing<String>, CloudError> {
        let answer = self
            .ssm(region)
            .get_parameter()
            .name(name)
            .with_decryption(true)
            .send()
            .await
            .map_err(refused(SERVICE, "GetParameter", region, name))?;
        let value = answer.parameter().and_then(|p| p.value());
        Ok(Zeroizing::new(value.unwrap_or_default().to_owned()))
    }

    /// Makes a parameter; refused where one of that name stands. The answer is its version.
    pub(crate) async fn put_parameter(
        &self,
        region: &str,
        new: &NewParameter,
        value: &str,
    ) -> Result<i64, CloudError> {
        let tags = new
            .tags
            .iter()
            .filter_map(|(k, v)| aws::Tag::builder().key(k).value(v).build().ok())
            .collect();
        let answer = self
            .ssm_writer(region)
            .put_parameter()
            .name(&new.name)
            .value(value)
            .r#type(aws::ParameterType::from(new.kind.as_str()))
            .tier(aws::ParameterTier::from(new.tier.as_str()))
            .data_type(&new.data_type)
            .set_key_id(new.key.clone())
            .set_description(new.description.clone())
            .set_allowed_pattern(new.allowed_pattern.clone())
            .set_tags(Some(tags))
            .send()
            .await
            .map_err(refused(SERVICE, "PutParameter", region, &new.name))?;
        Ok(answer.version())
    }
}

/// Calls.
impl Cloud {
    pub fn delete_parameter(&self, region: &str, name: &str) -> Outgoing {
        let call = self.ssm_writer(region).delete_parameter().name(name);
        let request = json!({ "Name": name });
        outgoing!(SERVICE, "DeleteParameter", region, name, request, call)
    }
}
