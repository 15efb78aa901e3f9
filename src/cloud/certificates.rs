//! ACM: certificates, which are regional, and their validation records, which are one per name and account.

use super::call::{Outgoing, outgoing};
use super::error::CloudError;
use super::{Cloud, Tags, refused};
use aws_sdk_acm::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

const SERVICE: &str = "acm";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    pub arn: String,
    pub domain: String,
    pub names: Vec<String>,
    pub status: String,
    pub failure: Option<String>,
    pub kind: String,
    pub key_algorithm: String,
    pub in_use_by: Vec<String>,
    pub validation: Vec<Validation>,
    pub tags: Tags,
}

/// The record that proves control of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Validation {
    pub domain: String,
    pub name: String,
    pub value: String,
}

impl Certificate {
    /// Whether the certificate covers a host name: exactly, or by a wildcard for one label.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.names.iter().chain([&self.domain]).any(|name| {
            let name = name.to_ascii_lowercase();
            match name.strip_prefix("*.") {
                Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => name == host,
            }
        })
    }
}

/// Looks.
impl Cloud {
    /// Every certificate of the region, described, with its tags.
    pub async fn certificates(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<Certificate>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("acm/certificates/{region}"), look, async {
                // Without key types ACM lists only RSA 1024 and 2048 certificates.
                let filters = aws::Filters::builder()
                    .key_types(aws::KeyAlgorithm::Rsa2048)
                    .key_types(aws::KeyAlgorithm::Rsa3072)
                    .key_types(aws::KeyAlgorithm::Rsa4096)
                    .key_types(aws::KeyAlgorithm::EcPrime256v1)
                    .key_types(aws::KeyAlgorithm::EcSecp384r1)
                    .build();
                let mut pages = self
                    .acm(region)
                    .list_certificates()
                    .includes(filters)
                    .into_paginator()
                    .items()
                    .send();
                let mut arns = Vec::new();
                while let Some(item) = pages.next().await {
                    let summary = item.map_err(refused(
                        SERVICE,
                        "ListCertificates",
                        region,
                        "all certificates",
                    ))?;
                    arns.extend(summary.certificate_arn().map(str::to_owned));
                }
                let mut all = Vec::new();
                for arn in arns {
                    all.extend(self.tagged_certificate(region, &arn).await?);
                }
                Ok(all)
            })
            .await
    }

    /// One certificate that is known by its ARN, without its tags.
    pub async fn certificate(
        &self,
        region: &str,
        arn: &str,
        look: Look,
    ) -> Result<Arc<Option<Certificate>>, CloudError> {
        let key = format!("acm/certificate/{region}/{arn}");
        let described = self.describe_certificate(region, arn);
        self.looks().shared(SERVICE, key, look, described).await
    }

    async fn tagged_certificate(
        &self,
        region: &str,
        arn: &str,
    ) -> Result<Option<Certificate>, CloudError> {
        let Some(described) = self.describe_certificate(region, arn).await? else {
            return Ok(None);
        };
        let tags = self
            .acm(region)
            .list_tags_for_certificate()
            .certificate_arn(arn)
            .send()
            .await
            .map_err(refused(SERVICE, "ListTagsForCertificate", region, arn));
        // Gone between the two questions: not there.
        let tags = match tags {
            Ok(tags) => tags,
            Err(e) if e.not_found() => return Ok(None),
            Err(e) => return Err(e),
        };
        let tags = tags
            .tags()
            .iter()
            .map(|t| (t.key().to_owned(), t.value().unwrap_or_default().to_owned()))
            .collect();
        Ok(Some(Certificate { tags, ..described }))
    }

    async fn describe_certificate(
        &self,
        region: &str,
        arn: &str,
    ) -> Result<Option<Certificate>, CloudError> {
        let answer = self
            .acm(region)
            .describe_certificate()
            .certificate_arn(arn)
            .send()
            .await
            .map_err(refused(SERVICE, "DescribeCertificate", region, arn));
        let answer = match answer {
            Ok(answer) => answer,
            Err(e) if e.not_found() => return Ok(None),
            Err(e) => return Err(e),
        };
        Ok(answer.certificate().map(|c| Certificate {
            arn: c.certificate_arn().unwrap_or_default().to_owned(),
            domain: c.domain_name().unwrap_or_default().to_owned(),
            names: c.subject_alternative_names().to_vec(),
            status: c
                .status()
                .map(|s| s.as_str().to_owned())
                .unwrap_or_default(),
            failure: c.failure_reason().map(|r| r.as_str().to_owned()),
            kind: c
                .r#type()
                .map(|t| t.as_str().to_owned())
                .unwrap_or_default(),
            // ACM describes `RSA-2048` and takes `RSA_2048`.
            key_algorithm: c
                .key_algorithm()
                .map(|k| k.as_str().replace('-', "_"))
                .unwrap_or_default(),
            in_use_by: c.in_use_by().to_vec(),
            validation: c
                .domain_validation_options()
                .iter()
                .filter_map(|v| {
                    let record = v.resource_record()?;
                    Some(Validation {
                        domain: v.domain_name().to_owned(),
                        name: record.name().to_owned(),
                        value: record.value().to_owned(),
                    })
                })
                .collect(),
            tags: Tags::new(),
        }))
    }
}

/// Calls.
impl Cloud {
    /// The token is good for one hour; after that only the tags find the certificate again.
    pub fn request_certificate(
        &self,
        region: &str,
        domain: &str,
        names: &[String],
        key_algorithm: &str,
        token: &str,
        tags: &Tags,
    ) -> Outgoing {
        let others: Vec<String> = names.iter().filter(|n| *n != domain).cloned().collect();
        let mut request = json!({
            "DomainName": domain, "ValidationMethod": "DNS", "KeyAlgorithm": key_algorithm, "IdempotencyToken": token,
            "Tags": tags.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect::<Vec<_>>(),
        });
        let list = tags
            .iter()
            .filter_map(|(k, v)| aws::Tag::builder().key(k).value(v).build().ok())
            .collect();
        let mut call = self
            .acm_writer(region)
            .request_certificate()
            .domain_name(domain)
            .validation_method(aws::ValidationMethod::Dns)
            .key_algorithm(aws::KeyAlgorithm::from(key_algorithm))
            .idempotency_token(token)
            .set_tags(Some(list));
        if !others.is_empty() {
            request["SubjectAlternativeNames"] = json!(others);
            call = call.set_subject_alternative_names(Some(others));
        }
        outgoing!(
            SERVICE,
            "RequestCertificate",
            region,
            domain,
            request,
            call,
            |a| a.certificate_arn().map(str::to_owned)
        )
        .token(token)
    }

    pub fn delete_certificate(&self, region: &str, arn: &str) -> Outgoing {
        let call = self
            .acm_writer(region)
            .delete_certificate()
            .certificate_arn(arn);
        outgoing!(
            SERVICE,
            "DeleteCertificate",
            region,
            arn,
            json!({ "CertificateArn": arn }),
            call
        )
    }
}
