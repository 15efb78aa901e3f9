//! Subnets, and the zones and regions that they can stand in.

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
pub struct Subnet {
    pub id: String,
    pub vpc: String,
    pub cidr: String,
    pub zone: String,
    pub zone_id: String,
    pub state: String,
    pub public_addresses: bool,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    pub name: String,
    pub id: String,
}

/// Looks.
impl Cloud {
    list!(
        subnets,
        describe_subnets,
        "DescribeSubnets",
        Subnet,
        |s: &aws::Subnet| Subnet {
            id: text(s.subnet_id()),
            vpc: text(s.vpc_id()),
            cidr: text(s.cidr_block()),
            zone: text(s.availability_zone()),
            zone_id: text(s.availability_zone_id()),
            state: s.state().map(|s| s.as_str().to_owned()).unwrap_or_default(),
            public_addresses: s.map_public_ip_on_launch().unwrap_or_default(),
            tags: tags_of(s.tags()),
        }
    );

    /// The zones of a region that this account can use, in name order. Names differ by account, ids do not.
    pub async fn zones(&self, region: &str, look: Look) -> Result<Arc<Vec<Zone>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("ec2/zones/{region}"), look, async {
                let answer = self
                    .ec2(region)
                    .describe_availability_zones()
                    .send()
                    .await
                    .map_err(refused(
                        SERVICE,
                        "DescribeAvailabilityZones",
                        region,
                        "all zones",
                    ))?;
                let mut zones: Vec<Zone> = answer
                    .availability_zones()
                    .iter()
                    .filter(|z| z.zone_type().unwrap_or("availability-zone") == "availability-zone")
                    .map(|z| Zone {
                        name: text(z.zone_name()),
                        id: text(z.zone_id()),
                    })
                    .collect();
                zones.sort_by(|a, b| a.name.cmp(&b.name));
                Ok(zones)
            })
            .await
    }

    /// The opt-in status of a region for this account: `opt-in-not-required`, `opted-in`, `not-opted-in`; `None` if unknown to AWS.
    pub async fn region_status(
        &self,
        from: &str,
        region: &str,
    ) -> Result<Option<String>, CloudError> {
        let answer = self
            .ec2(from)
            .describe_regions()
            .all_regions(true)
            .send()
            .await
            .map_err(refused(SERVICE, "DescribeRegions", from, region))?;
        Ok(answer
            .regions()
            .iter()
            .find(|r| r.region_name() == Some(region))
            .map(|r| text(r.opt_in_status())))
    }
}

/// Calls.
impl Cloud {
    pub fn create_subnet(
        &self,
        region: &str,
        name: &str,
        vpc: &str,
        cidr: &str,
        zone: &str,
        tags: &Tags,
    ) -> Outgoing {
        let request = json!({
            "VpcId": vpc, "CidrBlock": cidr, "AvailabilityZone": zone,
            "TagSpecifications": json_specification("subnet", tags),
        });
        let call = self
            .ec2_writer(region)
            .create_subnet()
            .vpc_id(vpc)
            .cidr_block(cidr)
            .availability_zone(zone)
            .tag_specifications(specification(aws::ResourceType::Subnet, tags));
        outgoing!(SERVICE, "CreateSubnet", region, name, request, call, |a| a
            .subnet()
            .and_then(|s| s.subnet_id())
            .map(str::to_owned))
    }

    pub fn map_public_addresses(&self, region: &str, subnet: &str, on: bool) -> Outgoing {
        let request = json!({ "SubnetId": subnet, "MapPublicIpOnLaunch": { "Value": on } });
        let call = self
            .ec2_writer(region)
            .modify_subnet_attribute()
            .subnet_id(subnet)
            .map_public_ip_on_launch(aws::AttributeBooleanValue::builder().value(on).build());
        outgoing!(
            SERVICE,
            "ModifySubnetAttribute",
            region,
            subnet,
            request,
            call
        )
    }

    pub fn delete_subnet(&self, region: &str, subnet: &str) -> Outgoing {
        let call = self.ec2_writer(region).delete_subnet().subnet_id(subnet);
        outgoing!(
            SERVICE,
            "DeleteSubnet",
            region,
            subnet,
            json!({ "SubnetId": subnet }),
            call
        )
    }
}
