//! Route tables, their routes and the subnets that they are for.

use super::{SERVICE, json_specification, list, specification, tags_of, text};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::{Cloud, Tags};
use aws_sdk_ec2::types as aws;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteTable {
    pub id: String,
    pub vpc: String,
    pub main: bool,
    pub routes: Vec<Route>,
    pub associations: Vec<Association>,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    pub destination: String,
    /// Internet gateway, NAT gateway, endpoint…: whatever the route names.
    pub target: String,
    pub state: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Association {
    pub id: String,
    pub subnet: Option<String>,
}

/// Looks.
impl Cloud {
    list!(
        route_tables,
        describe_route_tables,
        "DescribeRouteTables",
        RouteTable,
        |t: &aws::RouteTable| RouteTable {
            id: text(t.route_table_id()),
            vpc: text(t.vpc_id()),
            main: t
                .associations()
                .iter()
                .any(|a| a.main().unwrap_or_default()),
            routes: t
                .routes()
                .iter()
                .map(|r| Route {
                    destination: r
                        .destination_cidr_block()
                        .or(r.destination_ipv6_cidr_block())
                        .or(r.destination_prefix_list_id())
                        .unwrap_or_default()
                        .to_owned(),
                    target: r
                        .nat_gateway_id()
                        .or(r.gateway_id())
                        .or(r.transit_gateway_id())
                        .or(r.vpc_peering_connection_id())
                        .or(r.network_interface_id())
                        .unwrap_or_default()
                        .to_owned(),
                    state: r.state().map(|s| s.as_str().to_owned()).unwrap_or_default(),
                })
                .collect(),
            associations: t
                .associations()
                .iter()
                .map(|a| Association {
                    id: text(a.route_table_association_id()),
                    subnet: a.subnet_id().map(str::to_owned),
                })
                .collect(),
            tags: tags_of(t.tags()),
        }
    );
}

/// Calls.
impl Cloud {
    pub fn create_route_table(
        &self,
        region: &str,
        name: &str,
        vpc: &str,
        token: &str,
        tags: &Tags,
    ) -> Outgoing {
        let request = json!({
            "VpcId": vpc, "ClientToken": token, "TagSpecifications": json_specification("route-table", tags),
        });
        let call = self
            .ec2_writer(region)
            .create_route_table()
            .vpc_id(vpc)
            .client_token(token)
            .tag_specifications(specification(aws::ResourceType::RouteTable, tags));
        outgoing!(
            SERVICE,
            "CreateRouteTable",
            region,
            name,
            request,
            call,
            |a| a
                .route_table()
                .and_then(|t| t.route_table_id())
                .map(str::to_owned)
        )
        .token(token)
    }

    /// A route to an internet gateway (`igw-…`) or a NAT gateway (`nat-…`).
    pub fn create_route(
        &self,
        region: &str,
        table: &str,
        destination: &str,
        target: &str,
    ) -> Outgoing {
        let mut request = json!({ "RouteTableId": table, "DestinationCidrBlock": destination });
        let mut call = self
            .ec2_writer(region)
            .create_route()
            .route_table_id(table)
            .destination_cidr_block(destination);
        if target.starts_with("nat-") {
            request["NatGatewayId"] = target.into();
            call = call.nat_gateway_id(target);
        } else {
            request["GatewayId"] = target.into();
            call = call.gateway_id(target);
        }
        outgoing!(SERVICE, "CreateRoute", region, table, request, call)
    }

    pub fn associate_route_table(&self, region: &str, table: &str, subnet: &str) -> Outgoing {
        let request = json!({ "RouteTableId": table, "SubnetId": subnet });
        let call = self
            .ec2_writer(region)
            .associate_route_table()
            .route_table_id(table)
            .subnet_id(subnet);
        outgoing!(SERVICE, "AssociateRouteTable", region, table, request, call)
    }

    pub fn disassociate_route_table(&self, region: &str, association: &str) -> Outgoing {
        let request = json!({ "AssociationId": association });
        let call = self
            .ec2_writer(region)
            .disassociate_route_table()
            .association_id(association);
        outgoing!(
            SERVICE,
            "DisassociateRouteTable",
            region,
            association,
            request,
            call
        )
    }

    pub fn delete_route_table(&self, region: &str, table: &str) -> Outgoing {
        let call = self
            .ec2_writer(region)
            .delete_route_table()
            .route_table_id(table);
        outgoing!(
            SERVICE,
            "DeleteRouteTable",
            region,
            table,
            json!({ "RouteTableId": table }),
            call
        )
    }
}
