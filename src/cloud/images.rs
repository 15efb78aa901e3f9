//! ECR: repositories, image digests, replication, and tokens for the registry itself.

use super::call::{Outgoing, outgoing};
use super::error::CloudError;
use super::{Cloud, Tags, refused};
use aws_sdk_ecr::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

const SERVICE: &str = "ecr";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repository {
    pub name: String,
    pub arn: String,
    pub uri: String,
    pub immutable: bool,
    pub scan_on_push: bool,
    pub encryption: Option<String>,
    pub key: Option<String>,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub digest: String,
    pub tags: Vec<String>,
    pub bytes: i64,
    pub media_type: Option<String>,
    /// Unix seconds.
    pub pushed: Option<i64>,
}

/// A way into the registry of one region.
pub struct RegistryToken {
    /// `AWS:password`, base64: the value of a Basic authorization.
    pub basic: zeroize::Zeroizing<String>,
    /// `https://ACCOUNT.dkr.ecr.REGION.amazonaws.com`.
    pub endpoint: String,
}

/// Looks.
impl Cloud {
    pub async fn repository(
        &self,
        region: &str,
        name: &str,
        look: Look,
    ) -> Result<Arc<Option<Repository>>, CloudError> {
        self.looks()
            .shared(
                SERVICE,
                format!("ecr/repository/{region}/{name}"),
                look,
                async {
                    let answer = self
                        .ecr(region)
                        .describe_repositories()
                        .repository_names(name)
                        .send()
                        .await
                        .map_err(refused(SERVICE, "DescribeRepositories", region, name));
                    let answer = match answer {
                        Ok(answer) => answer,
                        Err(e) if e.not_found() => return Ok(None),
                        Err(e) => return Err(e),
                    };
                    let Some(r) = answer.repositories().first() else {
                        return Ok(None);
                    };
                    let arn = r.repository_arn().unwrap_or_default().to_owned();
                    let tags = self
                        .ecr(region)
                        .list_tags_for_resource()
                        .resource_arn(&arn)
                        .send()
                        .await
                        .map_err(refused(SERVICE, "ListTagsForResource", region, name));
                    // Gone between the two questions: not there.
                    let tags = match tags {
                        Ok(tags) => tags,
                        Err(e) if e.not_found() => return Ok(None),
                        Err(e) => return Err(e),
                    };
                    Ok(Some(Repository {
                        name: r.repository_name().unwrap_or_default().to_owned(),
                        arn,
                        uri: r.repository_uri().unwrap_or_default().to_owned(),
                        immutable: r.image_tag_mutability()
                            == Some(&aws::ImageTagMutability::Immutable),
                        scan_on_push: r
                            .image_scanning_configuration()
                            .is_some_and(|s| s.scan_on_push()),
                        encryption: r
                            .encryption_configuration()
                            .map(|e| e.encryption_type().as_str().to_owned()),
                        key: r
                            .encryption_configuration()
                            .and_then(|e| e.kms_key())
                            .map(str::to_owned),
                        tags: tags
                            .tags()
                            .iter()
                            .map(|t| (t.key().to_owned(), t.value().to_owned()))
                            .collect(),
                    }))
                },
            )
            .await
    }

    /// Every image of a repository. A repository that is not there has none.
    pub async fn images(
        &self,
        region: &str,
        repository: &str,
        look: Look,
    ) -> Result<Arc<Vec<Image>>, CloudError> {
        self.looks()
            .shared(
                SERVICE,
                format!("ecr/images/{region}/{repository}"),
                look,
                async {
                    let mut pages = self
                        .ecr(region)
                        .describe_images()
                        .repository_name(repository)
                        .into_paginator()
                        .items()
                        .send();
                    let mut all = Vec::new();
                    while let Some(item) = pages.next().await {
                        match item.map_err(refused(SERVICE, "DescribeImages", region, repository)) {
                            Ok(i) => all.push(Image {
                                digest: i.image_digest().unwrap_or_default().to_owned(),
                                tags: i.image_tags().to_vec(),
                                bytes: i.image_size_in_bytes().unwrap_or_default(),
                                media_type: i.image_manifest_media_type().map(str::to_owned),
                                pushed: i.image_pushed_at().map(|at| at.secs()),
                            }),
                            Err(e) if e.not_found() => return Ok(Vec::new()),
                            Err(e) => return Err(e),
                        }
                    }
                    Ok(all)
                },
            )
            .await
    }

    /// The lifecycle policy of a repository, verbatim. It does not replicate, and acts in its own region only.
    pub async fn lifecycle_policy(
        &self,
        region: &str,
        repository: &str,
    ) -> Result<Option<String>, CloudError> {
        let answer = self
            .ecr(region)
            .get_lifecycle_policy()
            .repository_name(repository)
            .send()
            .await
            .map_err(refused(SERVICE, "GetLifecyclePolicy", region, repository));
        match answer {
            Ok(answer) => Ok(answer.lifecycle_policy_text().map(str::to_owned)),
            Err(e) if e.not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The resource policy of a repository, verbatim. It does not replicate.
    pub async fn repository_policy(
        &self,
        region: &str,
        repository: &str,
    ) -> Result<Option<String>, CloudError> {
        let answer = self
            .ecr(region)
            .get_repository_policy()
            .repository_name(repository)
            .send()
            .await
            .map_err(refused(SERVICE, "GetRepositoryPolicy", region, repository));
        match answer {
            Ok(answer) => Ok(answer.policy_text().map(str::to_owned)),
            Err(e) if e.not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    pub async fn registry_token(&self, region: &str) -> Result<RegistryToken, CloudError> {
        let answer = self
            .ecr(region)
            .get_authorization_token()
            .send()
            .await
            .map_err(refused(
                SERVICE,
                "GetAuthorizationToken",
                region,
                "the registry",
            ))?;
        let data = answer.authorization_data().first();
        Ok(RegistryToken {
            basic: zeroize::Zeroizing::new(
                data.and_then(|d| d.authorization_token())
                    .unwrap_or_default()
                    .to_owned(),
            ),
            endpoint: data
                .and_then(|d| d.proxy_endpoint())
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

/// Calls.
impl Cloud {
    pub fn create_repository(&self, region: &str, new: &Repository) -> Outgoing {
        let mutability = if new.immutable {
            "IMMUTABLE"
        } else {
            "MUTABLE"
        };
        let mut request = json!({
            "repositoryName": new.name, "imageTagMutability": mutability,
            "imageScanningConfiguration": { "scanOnPush": new.scan_on_push },
            "tags": new.tags.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect::<Vec<_>>(),
        });
        let list = new
            .tags
            .iter()
            .filter_map(|(k, v)| aws::Tag::builder().key(k).value(v).build().ok())
            .collect();
        let mut call = self
            .ecr_writer(region)
            .create_repository()
            .repository_name(&new.name)
            .image_tag_mutability(aws::ImageTagMutability::from(mutability))
            .image_scanning_configuration(
                aws::ImageScanningConfiguration::builder()
                    .scan_on_push(new.scan_on_push)
                    .build(),
            )
            .set_tags(Some(list));
        if let (Some(kind), Some(key)) = (&new.encryption, &new.key) {
            request["encryptionConfiguration"] = json!({ "encryptionType": kind, "kmsKey": key });
            let configuration = aws::EncryptionConfiguration::builder()
                .encryption_type(aws::EncryptionType::from(kind.as_str()))
                .kms_key(key)
                .build()
                .ok();
            call = call.set_encryption_configuration(configuration);
        }
        outgoing!(SERVICE, "CreateRepository", region, new.name, request, call)
    }

    pub fn put_lifecycle_policy(&self, region: &str, repository: &str, policy: &str) -> Outgoing {
        let request = json!({ "repositoryName": repository, "lifecyclePolicyText": policy });
        let call = self
            .ecr_writer(region)
            .put_lifecycle_policy()
            .repository_name(repository)
            .lifecycle_policy_text(policy);
        outgoing!(
            SERVICE,
            "PutLifecyclePolicy",
            region,
            repository,
            request,
            call
        )
    }

    pub fn put_repository_policy(&self, region: &str, repository: &str, policy: &str) -> Outgoing {
        let request = json!({ "repositoryName": repository, "policyText": policy });
        let call = self
            .ecr_writer(region)
            .set_repository_policy()
            .repository_name(repository)
            .policy_text(policy);
        outgoing!(
            SERVICE,
            "SetRepositoryPolicy",
            region,
            repository,
            request,
            call
        )
    }

    /// Deletes a repository that this run made, with the images in it.
    pub fn delete_repository(&self, region: &str, repository: &str) -> Outgoing {
        let request = json!({ "repositoryName": repository, "force": true });
        let call = self
            .ecr_writer(region)
            .delete_repository()
            .repository_name(repository)
            .force(true);
        outgoing!(
            SERVICE,
            "DeleteRepository",
            region,
            repository,
            request,
            call
        )
    }

    /// Deletes one image, with every tag on it.
    pub fn delete_image(&self, region: &str, repository: &str, digest: &str) -> Outgoing {
        let request =
            json!({ "repositoryName": repository, "imageIds": [{ "imageDigest": digest }] });
        let call = self
            .ecr_writer(region)
            .batch_delete_image()
            .repository_name(repository)
            .image_ids(aws::ImageIdentifier::builder().image_digest(digest).build());
        outgoing!(SERVICE, "BatchDeleteImage", region, digest, request, call)
    }
}
