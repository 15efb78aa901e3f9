//! EC2's dry runs: AWS judges a request as if it were meant, and makes nothing. The only way to *see* a permission, with
//! every policy that IAM's simulator does not know.

use super::{SERVICE, specification};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_ec2::types as aws;

/// What a dry run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    Allowed,
    Denied,
}

/// What AWS says of a dry run. It never succeeds as a call; a refusal that is about something else judges nothing.
fn judged<T>(answer: Result<T, CloudError>) -> Result<DryRun, CloudError> {
    match answer {
        Ok(_) => Ok(DryRun::Allowed),
        Err(error) if error.is("DryRunOperation") => Ok(DryRun::Allowed),
        Err(error) if error.denied() => Ok(DryRun::Denied),
        Err(error) => Err(error),
    }
}

impl Cloud {
    pub async fn may_create_vpc(
        &self,
        region: &str,
        cidr: &str,
        tags: &Tags,
    ) -> Result<DryRun, CloudError> {
        let answer = self
            .ec2_writer(region)
            .create_vpc()
            .dry_run(true)
            .cidr_block(cidr)
            .tag_specifications(specification(aws::ResourceType::Vpc, tags))
            .send()
            .await;
        judged(answer.map_err(refused(SERVICE, "CreateVpc", region, cidr)))
    }

    pub async fn may_create_internet_gateway(
        &self,
        region: &str,
        tags: &Tags,
    ) -> Result<DryRun, CloudError> {
        let answer = self
            .ec2_writer(region)
            .create_internet_gateway()
            .dry_run(true)
            .tag_specifications(specification(aws::ResourceType::InternetGateway, tags))
            .send()
            .await;
        judged(answer.map_err(refused(
            SERVICE,
            "CreateInternetGateway",
            region,
            "a dry run",
        )))
    }

    pub async fn may_allocate_address(
        &self,
        region: &str,
        tags: &Tags,
    ) -> Result<DryRun, CloudError> {
        let answer = self
            .ec2_writer(region)
            .allocate_address()
            .dry_run(true)
            .domain(aws::DomainType::Vpc)
            .tag_specifications(specification(aws::ResourceType::ElasticIp, tags))
            .send()
            .await;
        judged(answer.map_err(refused(SERVICE, "AllocateAddress", region, "a dry run")))
    }
}
