//! The ways out: internet gateways, addresses, NAT gateways.

use super::{SERVICE, json_specification, list, specification, tags_of, text};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_ec2::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InternetGateway {
    pub id: String,
    pub vpcs: Vec<String>,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Address {
    pub allocation: String,
    pub ip: String,
    pub association: Option<String>,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NatGateway {
    pub id: String,
    pub vpc: String,
    pub subnet: String,
    pub state: String,
    pub failure: Option<String>,
    pub ip: Option<String>,
    pub tags: Tags,
}

/// Looks.
impl Cloud {
    list!(
        internet_gateways,
        describe_internet_gateways,
        "DescribeInternetGateways",
        InternetGateway,
        |g: &aws::InternetGateway| InternetGateway {
            id: text(g.internet_gateway_id()),
            vpcs: g
                .attachments()
                .iter()
                .filter_map(|a| a.vpc_id())
                .map(str::to_owned)
                .collect(),
            tags: tags_of(g.tags()),
        }
    );

    list!(
        nat_gateways,
        describe_nat_gateways,
        "DescribeNatGateways",
        NatGateway,
        |n: &aws::NatGateway| NatGateway {
            id: text(n.nat_gateway_id()),
            vpc: text(n.vpc_id()),
            subnet: text(n.subnet_id()),
            state: n.state().map(|s| s.as_str().to_owned()).unwrap_or_default(),
            failure: n.failure_message().map(str::to_owned),
            ip: n
                .nat_gateway_addresses()
                .first()
                .and_then(|a| a.public_ip())
                .map(str::to_owned),
            tags: tags_of(n.tags()),
        }
    );

    pub async fn addresses(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<Address>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("ec2/addresses/{region}"), look, async {
                let answer =
                    self.ec2(region)
                        .describe_addresses()
                        .send()
                        .await
                        .map_err(refused(
                            SERVICE,
                            "DescribeAddresses",
                            region,
                            "all addresses",
                        ))?;
                Ok(answer
                    .addresses()
                    .iter()
                    .map(|a| Address {
                        allocation: text(a.allocation_id()),
                        ip: text(a.public_ip()),
                        association: a.association_id().map(str::to_owned),
                        tags: tags_of(a.tags()),
                    })
                    .collect())
            })
            .await
    }
}

/// Calls.
impl Cloud {
    /// Bare, as a VPC is.
    pub fn create_internet_gateway(&self, region: &str, name: &str, tags: &Tags) -> Outgoing {
        let request = json!({ "TagSpecifications": json_specification("internet-gateway", tags) });
        let call = self
            .ec2_writer(region)
            .create_internet_gateway()
            .tag_specifications(specification(aws::ResourceType::InternetGateway, tags));
        outgoing!(
            SERVICE,
            "CreateInternetGateway",
            region,
            name,
            request,
            call,
            |a| a
                .internet_gateway()
                .and_then(|g| g.internet_gateway_id())
                .map(str::to_owned)
        )
    }

    pub fn attach_internet_gateway(&self, region: &str, gateway: &str, vpc: &str) -> Outgoing {
        let call = self
            .ec2_writer(region)
            .attach_internet_gateway()
            .internet_gateway_id(gateway)
            .vpc_id(vpc);
        let request = json!({ "InternetGatewayId": gateway, "VpcId": vpc });
        outgoing!(
            SERVICE,
            "AttachInternetGateway",
            region,
            gateway,
            request,
            call
        )
    }

    pub fn detach_internet_gateway(&self, region: &str, gateway: &str, vpc: &str) -> Outgoing {
        let call = self
            .ec2_writer(region)
            .detach_internet_gateway()
            .internet_gateway_id(gateway)
            .vpc_id(vpc);
        let request = json!({ "InternetGatewayId": gateway, "VpcId": vpc });
        outgoing!(
            SERVICE,
            "DetachInternetGateway",
            region,
            gateway,
            request,
            call
        )
    }

    pub fn delete_internet_gateway(&self, region: &str, gateway: &str) -> Outgoing {
        let call = self
            .ec2_writer(region)
            .delete_internet_gateway()
            .internet_gateway_id(gateway);
        outgoing!(
            SERVICE,
            "DeleteInternetGateway",
            region,
            gateway,
            json!({ "InternetGatewayId": gateway }),
            call
        )
    }

    /// Bare, as a VPC is.
    pub fn allocate_address(&self, region: &str, name: &str, tags: &Tags) -> Outgoing {
        let request =
            json!({ "Domain": "vpc", "TagSpecifications": json_specification("elastic-ip", tags) });
        let call = self
            .ec2_writer(region)
            .allocate_address()
            .domain(aws::DomainType::Vpc)
            .tag_specifications(specification(aws::ResourceType::ElasticIp, tags));
        outgoing!(
            SERVICE,
            "AllocateAddress",
            region,
            name,
            request,
            call,
            |a| a.allocation_id().map(str::to_owned)
        )
    }

    pub fn release_address(&self, region: &str, allocation: &str) -> Outgoing {
        let call = self
            .ec2_writer(region)
            .release_address()
            .allocation_id(allocation);
        outgoing!(
            SERVICE,
            "ReleaseAddress",
            region,
            allocation,
            json!({ "AllocationId": allocation }),
            call
        )
    }

    pub fn create_nat_gateway(
        &self,
        region: &str,
        name: &str,
        subnet: &str,
        allocation: &str,
        token: &str,
        tags: &Tags,
    ) -> Outgoing {
        let request = json!({
            "SubnetId": subnet, "AllocationId": allocation, "ClientToken": token,
            "TagSpecifications": json_specification("natgateway", tags),
        });
        let call = self
            .ec2_writer(region)
            .create_nat_gateway()
            .subnet_id(subnet)
            .allocation_id(allocation)
            .client_token(token)
            .tag_specifications(specification(aws::ResourceType::Natgateway, tags));
        outgoing!(
            SERVICE,
            "CreateNatGateway",
            region,
            name,
            request,
            call,
            |a| a
                .nat_gateway()
                .and_then(|n| n.nat_gateway_id())
                .map(str::to_owned)
        )
        .token(token)
    }

    pub fn delete_nat_gateway(&self, region: &str, gateway: &str) -> Outgoing {
        let call = self
            .ec2_writer(region)
            .delete_nat_gateway()
            .nat_gateway_id(gateway);
        outgoing!(
            SERVICE,
            "DeleteNatGateway",
            region,
            gateway,
            json!({ "NatGatewayId": gateway }),
            call
        )
    }
}
