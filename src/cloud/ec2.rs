//! EC2: the network of a stack, from the VPC to the NAT gateway.

use super::call::{Outgoing, outgoing};
use super::error::CloudError;
use super::{Cloud, Tags, refused};
use aws_sdk_ec2::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

const SERVICE: &str = "ec2";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vpc {
    pub id: String,
    pub cidr: String,
    pub state: String,
    pub tags: Tags,
}

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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroup {
    pub id: String,
    pub name: String,
    pub description: String,
    pub vpc: String,
    pub ingress: Vec<Rule>,
    pub egress: Vec<Rule>,
    pub tags: Tags,
}

/// One source of one permission: AWS's permissions are flattened so that they can be compared and taken back singly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// `tcp`, `udp`, `icmp`, a number, or `-1` for everything.
    pub protocol: String,
    pub from: Option<i32>,
    pub to: Option<i32>,
    pub peer: Peer,
    pub description: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Peer {
    Cidr(String),
    Cidr6(String),
    Group(String),
    PrefixList(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    pub name: String,
    pub id: String,
}

fn tags_of(list: &[aws::Tag]) -> Tags {
    list.iter()
        .filter_map(|t| {
            Some((
                t.key()?.to_owned(),
                t.value().unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}

fn specification(kind: aws::ResourceType, tags: &Tags) -> aws::TagSpecification {
    let mut builder = aws::TagSpecification::builder().resource_type(kind);
    for (k, v) in tags {
        builder = builder.tags(aws::Tag::builder().key(k).value(v).build());
    }
    builder.build()
}

fn json_specification(kind: &str, tags: &Tags) -> Value {
    json!([{ "ResourceType": kind, "Tags": tags.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect::<Vec<_>>() }])
}

fn text(s: Option<&str>) -> String {
    s.unwrap_or_default().to_owned()
}

fn rules_of(permissions: &[aws::IpPermission]) -> Vec<Rule> {
    let mut rules = Vec::new();
    for p in permissions {
        let rule = |peer: Peer, description: Option<&str>| Rule {
            protocol: text(p.ip_protocol()),
            from: p.from_port(),
            to: p.to_port(),
            peer,
            description: description.map(str::to_owned),
        };
        rules.extend(
            p.ip_ranges()
                .iter()
                .map(|r| rule(Peer::Cidr(text(r.cidr_ip())), r.description())),
        );
        rules.extend(
            p.ipv6_ranges()
                .iter()
                .map(|r| rule(Peer::Cidr6(text(r.cidr_ipv6())), r.description())),
        );
        rules.extend(
            p.user_id_group_pairs()
                .iter()
                .map(|r| rule(Peer::Group(text(r.group_id())), r.description())),
        );
        rules.extend(
            p.prefix_list_ids()
                .iter()
                .map(|r| rule(Peer::PrefixList(text(r.prefix_list_id())), r.description())),
        );
    }
    rules.sort();
    rules
}

fn permission(rule: &Rule) -> aws::IpPermission {
    let builder = aws::IpPermission::builder()
        .ip_protocol(&rule.protocol)
        .set_from_port(rule.from)
        .set_to_port(rule.to);
    let description = rule.description.clone();
    match &rule.peer {
        Peer::Cidr(c) => builder.ip_ranges(
            aws::IpRange::builder()
                .cidr_ip(c)
                .set_description(description)
                .build(),
        ),
        Peer::Cidr6(c) => builder.ipv6_ranges(
            aws::Ipv6Range::builder()
                .cidr_ipv6(c)
                .set_description(description)
                .build(),
        ),
        Peer::Group(g) => builder.user_id_group_pairs(
            aws::UserIdGroupPair::builder()
                .group_id(g)
                .set_description(description)
                .build(),
        ),
        Peer::PrefixList(l) => builder.prefix_list_ids(
            aws::PrefixListId::builder()
                .prefix_list_id(l)
                .set_description(description)
                .build(),
        ),
    }
    .build()
}

fn json_permission(rule: &Rule) -> Value {
    let mut out = json!({ "IpProtocol": rule.protocol });
    if let Some(from) = rule.from {
        out["FromPort"] = from.into();
    }
    if let Some(to) = rule.to {
        out["ToPort"] = to.into();
    }
    let (list, member, id) = match &rule.peer {
        Peer::Cidr(c) => ("IpRanges", "CidrIp", c),
        Peer::Cidr6(c) => ("Ipv6Ranges", "CidrIpv6", c),
        Peer::Group(g) => ("UserIdGroupPairs", "GroupId", g),
        Peer::PrefixList(l) => ("PrefixListIds", "PrefixListId", l),
    };
    out[list] = match &rule.description {
        Some(description) => json!([{ member: id, "Description": description }]),
        None => json!([{ member: id }]),
    };
    out
}

/// One shared look of a whole list.
macro_rules! list {
    ($(#[$doc:meta])* $name:ident, $describe:ident, $operation:literal, $item:ty, $convert:expr) => {
        $(#[$doc])*
        pub async fn $name(&self, region: &str, look: Look) -> Result<Arc<Vec<$item>>, CloudError> {
            let key = concat!("ec2/", stringify!($name), "/").to_owned() + region;
            self.looks()
                .shared(key, look, async {
                    let mut pages = self.ec2(region).$describe().into_paginator().items().send();
                    let mut all = Vec::new();
                    while let Some(item) = pages.next().await {
                        let item = item.map_err(refused(SERVICE, $operation, region, "the whole list"))?;
                        all.push($convert(&item));
                    }
                    Ok(all)
                })
                .await
        }
    };
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

    list!(
        security_groups,
        describe_security_groups,
        "DescribeSecurityGroups",
        SecurityGroup,
        |g: &aws::SecurityGroup| SecurityGroup {
            id: text(g.group_id()),
            name: text(g.group_name()),
            description: text(g.description()),
            vpc: text(g.vpc_id()),
            ingress: rules_of(g.ip_permissions()),
            egress: rules_of(g.ip_permissions_egress()),
            tags: tags_of(g.tags()),
        }
    );

    pub async fn addresses(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<Address>>, CloudError> {
        self.looks()
            .shared(format!("ec2/addresses/{region}"), look, async {
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

    /// The zones of a region that this account can use, in name order. Names differ by account, ids do not.
    pub async fn zones(&self, region: &str, look: Look) -> Result<Arc<Vec<Zone>>, CloudError> {
        self.looks()
            .shared(format!("ec2/zones/{region}"), look, async {
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

    /// Whether a VPC resolves names (`enableDnsSupport`), and gives names to what stands in it (`enableDnsHostnames`).
    pub async fn vpc_dns(&self, region: &str, vpc: &str) -> Result<(bool, bool), CloudError> {
        let support = self
            .ec2(region)
            .describe_vpc_attribute()
            .vpc_id(vpc)
            .attribute(aws::VpcAttributeName::EnableDnsSupport)
            .send()
            .await
            .map_err(refused(SERVICE, "DescribeVpcAttribute", region, vpc))?
            .enable_dns_support()
            .and_then(|v| v.value())
            .unwrap_or_default();
        Ok((support, self.vpc_dns_hostnames(region, vpc).await?))
    }

    async fn vpc_dns_hostnames(&self, region: &str, vpc: &str) -> Result<bool, CloudError> {
        let answer = self
            .ec2(region)
            .describe_vpc_attribute()
            .vpc_id(vpc)
            .attribute(aws::VpcAttributeName::EnableDnsHostnames)
            .send()
            .await
            .map_err(refused(SERVICE, "DescribeVpcAttribute", region, vpc))?;
        Ok(answer
            .enable_dns_hostnames()
            .and_then(|v| v.value())
            .unwrap_or_default())
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

    pub fn create_security_group(
        &self,
        region: &str,
        name: &str,
        description: &str,
        vpc: &str,
        tags: &Tags,
    ) -> Outgoing {
        let request = json!({
            "GroupName": name, "Description": description, "VpcId": vpc,
            "TagSpecifications": json_specification("security-group", tags),
        });
        let call = self
            .ec2_writer(region)
            .create_security_group()
            .group_name(name)
            .description(description)
            .vpc_id(vpc)
            .tag_specifications(specification(aws::ResourceType::SecurityGroup, tags));
        outgoing!(
            SERVICE,
            "CreateSecurityGroup",
            region,
            name,
            request,
            call,
            |a| a.group_id().map(str::to_owned)
        )
    }

    pub fn delete_security_group(&self, region: &str, group: &str) -> Outgoing {
        let call = self
            .ec2_writer(region)
            .delete_security_group()
            .group_id(group);
        outgoing!(
            SERVICE,
            "DeleteSecurityGroup",
            region,
            group,
            json!({ "GroupId": group }),
            call
        )
    }

    pub fn authorize_ingress(&self, region: &str, group: &str, rules: &[Rule]) -> Outgoing {
        let request = json!({ "GroupId": group, "IpPermissions": rules.iter().map(json_permission).collect::<Vec<_>>() });
        let call = self
            .ec2_writer(region)
            .authorize_security_group_ingress()
            .group_id(group)
            .set_ip_permissions(Some(rules.iter().map(permission).collect()));
        outgoing!(
            SERVICE,
            "AuthorizeSecurityGroupIngress",
            region,
            group,
            request,
            call
        )
    }

    pub fn revoke_ingress(&self, region: &str, group: &str, rules: &[Rule]) -> Outgoing {
        let request = json!({ "GroupId": group, "IpPermissions": rules.iter().map(json_permission).collect::<Vec<_>>() });
        let call = self
            .ec2_writer(region)
            .revoke_security_group_ingress()
            .group_id(group)
            .set_ip_permissions(Some(rules.iter().map(permission).collect()));
        outgoing!(
            SERVICE,
            "RevokeSecurityGroupIngress",
            region,
            group,
            request,
            call
        )
    }

    pub fn authorize_egress(&self, region: &str, group: &str, rules: &[Rule]) -> Outgoing {
        let request = json!({ "GroupId": group, "IpPermissions": rules.iter().map(json_permission).collect::<Vec<_>>() });
        let call = self
            .ec2_writer(region)
            .authorize_security_group_egress()
            .group_id(group)
            .set_ip_permissions(Some(rules.iter().map(permission).collect()));
        outgoing!(
            SERVICE,
            "AuthorizeSecurityGroupEgress",
            region,
            group,
            request,
            call
        )
    }

    pub fn revoke_egress(&self, region: &str, group: &str, rules: &[Rule]) -> Outgoing {
        let request = json!({ "GroupId": group, "IpPermissions": rules.iter().map(json_permission).collect::<Vec<_>>() });
        let call = self
            .ec2_writer(region)
            .revoke_security_group_egress()
            .group_id(group)
            .set_ip_permissions(Some(rules.iter().map(permission).collect()));
        outgoing!(
            SERVICE,
            "RevokeSecurityGroupEgress",
            region,
            group,
            request,
            call
        )
    }
}
