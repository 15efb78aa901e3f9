//! VPC peerings: which other networks a network talks to.

use super::{list, text};
use crate::cloud::Cloud;
use aws_sdk_ec2::types as aws;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Peering {
    pub id: String,
    pub status: String,
    /// VPC and address block of both ends.
    pub ends: Vec<(String, String)>,
}

/// Looks.
impl Cloud {
    list!(
        peerings,
        describe_vpc_peering_connections,
        "DescribeVpcPeeringConnections",
        Peering,
        |p: &aws::VpcPeeringConnection| Peering {
            id: text(p.vpc_peering_connection_id()),
            status: p
                .status()
                .and_then(|s| s.code())
                .map(|c| c.as_str().to_owned())
                .unwrap_or_default(),
            ends: [p.requester_vpc_info(), p.accepter_vpc_info()]
                .into_iter()
                .flatten()
                .map(|end| (text(end.vpc_id()), text(end.cidr_block())))
                .collect(),
        }
    );
}
