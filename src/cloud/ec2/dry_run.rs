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

/// What AWS's refusal of a dry run says, which never succeeds as a call; nothing where it is about something else.
fn judged(error: &CloudError) -> Option<DryRun> {
    if error.is("DryRunOperation") {
        Some(DryRun::Allowed)
    } else if error.denied() {
        Some(DryRun::Denied)
    } else {
        None
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
        match answer.map_err(refused(SERVICE, "CreateVpc", region, cidr)) {
            Ok(_) => Ok(DryRun::Allowed),
            Err(error) => judged(&error).ok_or(error),
        }
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
        match answer.map_err(refused(
            SERVICE,
            "CreateInternetGateway",
            region,
            "a dry run",
        )) {
            Ok(_) => Ok(DryRun::Allowed),
            Err(error) => judged(&error).ok_or(error),
        }
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
        match answer.map_err(refused(SERVICE, "AllocateAddress", region, "a dry run")) {
            Ok(_) => Ok(DryRun::Allowed),
            Err(error) => judged(&error).ok_or(error),
        }
    }
}
