//! VPCs and how names are resolved in them.

use super::{SERVICE, json_specification, list, specification, tags_of, text};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_ec2::operation::describe_vpc_attribute::DescribeVpcAttributeOutput;
use aws_sdk_ec2::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vpc {
    pub id: String,
    pub cidr: String,
    pub state: String,
    pub tags: Tags,
}

/// Looks.
impl Cloud {
    list!(vpcs, describe_vpcs, "DescribeVpcs", Vpc, |v: &aws::Vpc| {
        Vpc {
            id: text(v.vpc_id()),
            cidr: text(v.cidr_block()),
            state: v.state().map(|s| s.as_str().to_owned()).unwrap_or_default(),
            tags: tags_of(v.tags()),
        }
    });

    /// Whether a VPC resolves names (`enableDnsSupport`), and gives names to what stands in it (`enableDnsHostnames`).
    pub async fn vpc_dns(
        &self,
        region: &str,
        vpc: &str,
        look: Look,
    ) -> Result<(bool, bool), CloudError> {
        self.looks()
            .shared(SERVICE, format!("ec2/dns/{region}/{vpc}"), look, async {
                let on = |value: Option<&aws::AttributeBooleanValue>| {
                    value.and_then(|v| v.value()).unwrap_or_default()
                };
                let of = |name| self.vpc_attribute(region, vpc, name);
                let support = of(aws::VpcAttributeName::EnableDnsSupport).await?;
                let hostnames = of(aws::VpcAttributeName::EnableDnsHostnames).await?;
                Ok((
                    on(support.enable_dns_support()),
                    on(hostnames.enable_dns_hostnames()),
                ))
            })
            .await
            .map(|dns| *dns)
    }

    /// AWS tells one attribute a call.
    async fn vpc_attribute(
        &self,
        region: &str,
        vpc: &str,
        name: aws::VpcAttributeName,
    ) -> Result<DescribeVpcAttributeOutput, CloudError> {
        self.ec2(region)
            .describe_vpc_attribute()
            .vpc_id(vpc)
            .attribute(name)
            .send()
            .await
            .map_err(refused(SERVICE, "DescribeVpcAttribute", region, vpc))
    }
}

/// Calls.
impl Cloud {
    /// Bare: AWS takes no token here. Its tags are the only way to find it again.
    pub fn create_vpc(&self, region: &str, name: &str, cidr: &str, tags: &Tags) -> Outgoing {
        let request =
            json!({ "CidrBlock": cidr, "TagSpecifications": json_specification("vpc", tags) });
        let call = self
            .ec2_writer(region)
            .create_vpc()
            .cidr_block(cidr)
            .tag_specifications(specification(aws::ResourceType::Vpc, tags));
        outgoing!(SERVICE, "CreateVpc", region, name, request, call, |a| a
            .vpc()
            .and_then(|v| v.vpc_id())
            .map(str::to_owned))
    }

    /// AWS takes one of the two attributes a call.
    pub fn set_vpc_dns_support(&self, region: &str, vpc: &str, on: bool) -> Outgoing {
        let request = json!({ "VpcId": vpc, "EnableDnsSupport": { "Value": on } });
        let value = aws::AttributeBooleanValue::builder().value(on).build();
        let call = self
            .ec2_writer(region)
            .modify_vpc_attribute()
            .vpc_id(vpc)
            .enable_dns_support(value);
        outgoing!(SERVICE, "ModifyVpcAttribute", region, vpc, request, call)
    }

    pub fn set_vpc_dns_hostnames(&self, region: &str, vpc: &str, on: bool) -> Outgoing {
        let request = json!({ "VpcId": vpc, "EnableDnsHostnames": { "Value": on } });
        let value = aws::AttributeBooleanValue::builder().value(on).build();
        let call = self
            .ec2_writer(region)
            .modify_vpc_attribute()
            .vpc_id(vpc)
            .enable_dns_hostnames(value);
        outgoing!(SERVICE, "ModifyVpcAttribute", region, vpc, request, call)
    }

    pub fn delete_vpc(&self, region: &str, vpc: &str) -> Outgoing {
        let call = self.ec2_writer(region).delete_vpc().vpc_id(vpc);
        outgoing!(
            SERVICE,
            "DeleteVpc",
            region,
            vpc,
            json!({ "VpcId": vpc }),
            call
        )
    }
}
