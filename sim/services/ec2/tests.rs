use super::{attach_interface, release_interface, zones};
use crate::AwsError;
use crate::clock::{HOUR, MINUTE, SECOND};
use crate::services::ServiceId;
use crate::world::World;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-west-2";

/// A world in which reads do not lag, seen by one account in one region.
struct Net(World);

impl Net {
    fn new() -> Net {
        let mut world = World::new(7);
        world.settings.read_lag = 0;
        Net(world)
    }

    fn ask(&mut self, operation: &str, input: Value) -> Result<Value, AwsError> {
        self.0
            .invoke(ACCOUNT, REGION, ServiceId::Ec2, operation, input)
    }

    fn call(&mut self, operation: &str, input: Value) -> Value {
        self.ask(operation, input)
            .unwrap_or_else(|e| panic!("{operation}: {e}"))
    }

    fn code(&mut self, operation: &str, input: Value) -> String {
        match self.ask(operation, input) {
            Ok(output) => panic!("{operation} was not refused: {output}"),
            Err(error) => error.code,
        }
    }

    fn wait(&mut self, nanos: u64) {
        let now = self.0.now();
        self.0.advance_to(now + nanos);
    }

    fn vpc(&mut self, cidr: &str) -> String {
        text(
            &self.call("CreateVpc", json!({"CidrBlock": cidr})),
            "/Vpc/VpcId",
        )
    }

    fn subnet(&mut self, vpc: &str, cidr: &str, zone: &str) -> String {
        let input =
            json!({"VpcId": vpc, "CidrBlock": cidr, "AvailabilityZone": format!("{REGION}{zone}")});
        text(&self.call("CreateSubnet", input), "/Subnet/SubnetId")
    }

    fn gateway(&mut self, vpc: &str) -> String {
        let id = text(
            &self.call("CreateInternetGateway", json!({})),
            "/InternetGateway/InternetGatewayId",
        );
        self.call(
            "AttachInternetGateway",
            json!({"InternetGatewayId": id, "VpcId": vpc}),
        );
        id
    }

    fn group(&mut self, vpc: &str, name: &str) -> String {
        let input = json!({"VpcId": vpc, "GroupName": name, "Description": name});
        text(&self.call("CreateSecurityGroup", input), "/GroupId")
    }

    fn address(&mut self) -> String {
        text(
            &self.call("AllocateAddress", json!({"Domain": "vpc"})),
            "/AllocationId",
        )
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{pointer} in {value}"))
        .to_owned()
}

fn tags(kind: &str, pairs: &[(&str, &str)]) -> Value {
    let tags: Vec<Value> = pairs
        .iter()
        .map(|(k, v)| json!({"Key": k, "Value": v}))
        .collect();
    json!([{"ResourceType": kind, "Tags": tags}])
}

fn filter(name: &str, values: &[&str]) -> Value {
    json!([{"Name": name, "Values": values}])
}

fn port(port: i64, cidr: &str) -> Value {
    json!([{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}])
}

#[test]
fn a_vpc_is_born_with_a_default_group_an_acl_and_a_main_route_table() {
    let mut net = Net::new();
    let made = net.call(
        "CreateVpc",
        json!({"CidrBlock": "10.0.0.7/16", "TagSpecifications": tags("vpc", &[("Name", "redmine")])}),
    );
    assert_eq!(
        text(&made, "/Vpc/CidrBlock"),
        "10.0.0.0/16",
        "AWS writes blocks canonically"
    );
    assert_eq!(text(&made, "/Vpc/State"), "pending");
    let vpc = text(&made, "/Vpc/VpcId");
    net.wait(6 * SECOND);
    let seen = net.call(
        "DescribeVpcs",
        json!({"Filters": filter("tag:Name", &["red*"])}),
    );
    assert_eq!(text(&seen, "/Vpcs/0/VpcId"), vpc);
    assert_eq!(text(&seen, "/Vpcs/0/State"), "available");
    assert_eq!(text(&seen, "/Vpcs/0/Tags/0/Value"), "redmine");

    let of_vpc = json!({"Filters": filter("vpc-id", &[&vpc])});
    let groups = net.call("DescribeSecurityGroups", of_vpc.clone());
    assert_eq!(text(&groups, "/SecurityGroups/0/GroupName"), "default");
    assert_eq!(
        text(
            &groups,
            "/SecurityGroups/0/IpPermissionsEgress/0/IpRanges/0/CidrIp"
        ),
        "0.0.0.0/0"
    );
    let own = text(
        &groups,
        "/SecurityGroups/0/IpPermissions/0/UserIdGroupPairs/0/GroupId",
    );
    assert_eq!(own, text(&groups, "/SecurityGroups/0/GroupId"));
    let acls = net.call("DescribeNetworkAcls", of_vpc.clone());
    assert_eq!(acls["NetworkAcls"][0]["IsDefault"], json!(true));
    assert_eq!(
        acls["NetworkAcls"][0]["Entries"].as_array().unwrap().len(),
        4
    );
    let tables = net.call("DescribeRouteTables", of_vpc);
    assert_eq!(
        tables["RouteTables"][0]["Associations"][0]["Main"],
        json!(true)
    );
    assert_eq!(text(&tables, "/RouteTables/0/Routes/0/GatewayId"), "local");
}

#[test]
fn a_vpc_needs_a_block_between_16_and_28_and_there_are_five_at_most() {
    let mut net = Net::new();
    assert_eq!(
        net.code("CreateVpc", json!({"CidrBlock": "10.0.0.0/8"})),
        "InvalidVpc.Range"
    );
    assert_eq!(
        net.code("CreateVpc", json!({"CidrBlock": "10.0.0.0"})),
        "InvalidParameterValue"
    );
    for n in 0..5 {
        net.vpc(&format!("10.{n}.0.0/16"));
    }
    assert_eq!(
        net.code("CreateVpc", json!({"CidrBlock": "10.9.0.0/16"})),
        "VpcLimitExceeded"
    );
}

#[test]
fn a_vpc_is_removed_only_when_it_is_empty() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let subnet = net.subnet(&vpc, "10.0.0.0/24", "a");
    let group = net.group(&vpc, "app");
    let gateway = net.gateway(&vpc);
    let delete = json!({"VpcId": vpc});
    assert_eq!(net.code("DeleteVpc", delete.clone()), "DependencyViolation");
    net.call("DeleteSubnet", json!({"SubnetId": subnet}));
    assert_eq!(net.code("DeleteVpc", delete.clone()), "DependencyViolation");
    net.call("DeleteSecurityGroup", json!({"GroupId": group}));
    assert_eq!(net.code("DeleteVpc", delete.clone()), "DependencyViolation");
    assert_eq!(
        net.code(
            "DeleteInternetGateway",
            json!({"InternetGatewayId": gateway})
        ),
        "DependencyViolation"
    );
    net.call(
        "DetachInternetGateway",
        json!({"InternetGatewayId": gateway, "VpcId": vpc}),
    );
    net.call("DeleteVpc", delete.clone());
    assert_eq!(net.code("DeleteVpc", delete), "InvalidVpcID.NotFound");
    for (operation, list) in [
        ("DescribeSecurityGroups", "SecurityGroups"),
        ("DescribeNetworkAcls", "NetworkAcls"),
        ("DescribeRouteTables", "RouteTables"),
    ] {
        assert_eq!(
            net.call(operation, json!({}))[list],
            json!([]),
            "{operation}"
        );
    }
}

#[test]
fn ids_are_refused_by_form_and_then_by_existence() {
    let mut net = Net::new();
    for (operation, member, missing, malformed, not_found) in [
        (
            "DeleteVpc",
            "VpcId",
            "vpc-0123456789abcdef0",
            "InvalidVpcId.Malformed",
            "InvalidVpcID.NotFound",
        ),
        (
            "DeleteSubnet",
            "SubnetId",
            "subnet-0123456789abcdef0",
            "InvalidSubnetId.Malformed",
            "InvalidSubnetID.NotFound",
        ),
        (
            "DeleteSecurityGroup",
            "GroupId",
            "sg-0123456789abcdef0",
            "InvalidGroupId.Malformed",
            "InvalidGroup.NotFound",
        ),
        (
            "DeleteNatGateway",
            "NatGatewayId",
            "nat-0123456789abcdef0",
            "NatGatewayMalformed",
            "NatGatewayNotFound",
        ),
        (
            "DeleteRouteTable",
            "RouteTableId",
            "rtb-0123456789abcdef0",
            "InvalidRouteTableId.Malformed",
            "InvalidRouteTableID.NotFound",
        ),
        (
            "DeleteNetworkInterface",
            "NetworkInterfaceId",
            "eni-0123456789abcdef0",
            "InvalidNetworkInterfaceId.Malformed",
            "InvalidNetworkInterfaceID.NotFound",
        ),
    ] {
        let mut input = json!({});
        input[member] = missing.into();
        assert_eq!(net.code(operation, input.clone()), not_found, "{operation}");
        input[member] = "nonsense".into();
        assert_eq!(net.code(operation, input), malformed, "{operation}");
    }
}

#[test]
fn dns_attributes_change_one_at_a_time() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let read = |net: &mut Net, name: &str| {
        net.call(
            "DescribeVpcAttribute",
            json!({"VpcId": vpc, "Attribute": name}),
        )
    };
    assert_eq!(
        read(&mut net, "enableDnsSupport")["EnableDnsSupport"]["Value"],
        json!(true)
    );
    assert_eq!(
        read(&mut net, "enableDnsHostnames")["EnableDnsHostnames"]["Value"],
        json!(false)
    );
    let both = json!({"VpcId": vpc, "EnableDnsSupport": {"Value": true}, "EnableDnsHostnames": {"Value": true}});
    assert_eq!(
        net.code("ModifyVpcAttribute", both),
        "InvalidParameterCombination"
    );
    net.call(
        "ModifyVpcAttribute",
        json!({"VpcId": vpc, "EnableDnsHostnames": {"Value": true}}),
    );
    assert_eq!(
        read(&mut net, "enableDnsHostnames")["EnableDnsHostnames"]["Value"],
        json!(true)
    );
}

#[test]
fn a_vpc_takes_further_blocks_and_gives_them_back_when_no_subnet_is_in_them() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let conflict = json!({"VpcId": vpc, "CidrBlock": "10.0.128.0/20"});
    assert_eq!(
        net.code("AssociateVpcCidrBlock", conflict),
        "InvalidVpc.Conflict"
    );
    let added = net.call(
        "AssociateVpcCidrBlock",
        json!({"VpcId": vpc, "CidrBlock": "10.1.0.0/16"}),
    );
    let association = text(&added, "/CidrBlockAssociation/AssociationId");
    let subnet = net.subnet(&vpc, "10.1.0.0/24", "a");
    let undo = json!({"AssociationId": association});
    assert_eq!(
        net.code("DisassociateVpcCidrBlock", undo.clone()),
        "InvalidCidrBlock.InUse"
    );
    net.call("DeleteSubnet", json!({"SubnetId": subnet}));
    net.call("DisassociateVpcCidrBlock", undo);
    let seen = net.call("DescribeVpcs", json!({"VpcIds": [vpc]}));
    assert_eq!(
        seen["Vpcs"][0]["CidrBlockAssociationSet"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_subnet_lies_in_its_vpc_in_one_zone_and_overlaps_no_other() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let create =
        |cidr: &str, zone: &str| json!({"VpcId": vpc, "CidrBlock": cidr, "AvailabilityZone": zone});
    let made = net.call("CreateSubnet", create("10.0.1.0/24", "us-west-2a"));
    assert_eq!(
        made["Subnet"]["AvailableIpAddressCount"],
        json!(251),
        "five addresses are AWS's"
    );
    assert_eq!(
        text(&made, "/Subnet/AvailabilityZoneId"),
        zones::zone(ACCOUNT, REGION, "us-west-2a").unwrap().id
    );
    assert_eq!(
        net.code("CreateSubnet", create("10.0.1.128/25", "us-west-2b")),
        "InvalidSubnet.Conflict"
    );
    assert_eq!(
        net.code("CreateSubnet", create("10.1.0.0/24", "us-west-2b")),
        "InvalidSubnet.Range"
    );
    assert_eq!(
        net.code("CreateSubnet", create("10.0.2.0/29", "us-west-2b")),
        "InvalidSubnet.Range"
    );
    assert_eq!(
        net.code("CreateSubnet", create("10.0.2.0/24", "eu-west-1a")),
        "InvalidParameterValue"
    );
    let by_id = json!({"VpcId": vpc, "CidrBlock": "10.0.2.0/24", "AvailabilityZoneId": "usw2-az1"});
    let made = net.call("CreateSubnet", by_id);
    assert_eq!(
        text(&made, "/Subnet/AvailabilityZone"),
        zones::zone(ACCOUNT, REGION, "usw2-az1").unwrap().name
    );
    let id = text(&made, "/Subnet/SubnetId");
    net.call(
        "ModifySubnetAttribute",
        json!({"SubnetId": id, "MapPublicIpOnLaunch": {"Value": true}}),
    );
    let seen = net.call(
        "DescribeSubnets",
        json!({"Filters": filter("map-public-ip-on-launch", &["true"])}),
    );
    assert_eq!(seen["Subnets"].as_array().unwrap().len(), 1);
}

#[test]
fn an_internet_gateway_belongs_to_one_vpc() {
    let mut net = Net::new();
    let (one, two) = (net.vpc("10.0.0.0/16"), net.vpc("10.1.0.0/16"));
    let gateway = net.gateway(&one);
    let again = json!({"InternetGatewayId": gateway, "VpcId": two});
    assert_eq!(
        net.code("AttachInternetGateway", again.clone()),
        "Resource.AlreadyAssociated"
    );
    assert_eq!(
        net.code("DetachInternetGateway", again),
        "Gateway.NotAttached"
    );
    let seen = net.call(
        "DescribeInternetGateways",
        json!({"Filters": filter("attachment.vpc-id", &[&one])}),
    );
    assert_eq!(
        text(&seen, "/InternetGateways/0/Attachments/0/State"),
        "available"
    );
}

#[test]
fn addresses_are_five_and_differ() {
    let mut net = Net::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        seen.insert(text(&net.call("AllocateAddress", json!({})), "/PublicIp"));
    }
    assert_eq!(seen.len(), 5);
    assert_eq!(
        net.code("AllocateAddress", json!({})),
        "AddressLimitExceeded"
    );
}

#[test]
fn a_nat_gateway_becomes_available_in_minutes_and_is_listed_after_its_deletion() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let subnet = net.subnet(&vpc, "10.0.0.0/24", "a");
    net.gateway(&vpc);
    let allocation = net.address();
    let made = net.call(
        "CreateNatGateway",
        json!({"SubnetId": subnet, "AllocationId": allocation}),
    );
    let nat = text(&made, "/NatGateway/NatGatewayId");
    let ids = json!({"NatGatewayIds": [nat]});
    net.wait(59 * SECOND);
    assert_eq!(
        text(
            &net.call("DescribeNatGateways", ids.clone()),
            "/NatGateways/0/State"
        ),
        "pending"
    );
    net.wait(121 * SECOND);
    let seen = net.call("DescribeNatGateways", ids.clone());
    assert_eq!(text(&seen, "/NatGateways/0/State"), "available");
    assert!(
        seen.pointer("/NatGateways/0/NatGatewayAddresses/0/PublicIp")
            .is_some()
    );
    assert_eq!(
        net.code("ReleaseAddress", json!({"AllocationId": allocation})),
        "InvalidIPAddress.InUse"
    );
    assert_eq!(
        net.code("DeleteSubnet", json!({"SubnetId": subnet})),
        "DependencyViolation"
    );
    net.call("DeleteNatGateway", json!({"NatGatewayId": nat}));
    assert_eq!(
        text(
            &net.call("DescribeNatGateways", ids.clone()),
            "/NatGateways/0/State"
        ),
        "deleting"
    );
    net.wait(2 * MINUTE);
    assert_eq!(
        text(
            &net.call("DescribeNatGateways", ids.clone()),
            "/NatGateways/0/State"
        ),
        "deleted"
    );
    net.call("ReleaseAddress", json!({"AllocationId": allocation}));
    net.call("DeleteSubnet", json!({"SubnetId": subnet}));
    net.wait(2 * HOUR);
    assert_eq!(net.code("DescribeNatGateways", ids), "NatGatewayNotFound");
}

#[test]
fn a_nat_gateway_in_a_vpc_without_an_internet_gateway_fails_for_good() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let subnet = net.subnet(&vpc, "10.0.0.0/24", "a");
    let allocation = net.address();
    let made = net.call(
        "CreateNatGateway",
        json!({"SubnetId": subnet, "AllocationId": allocation}),
    );
    assert_eq!(text(&made, "/NatGateway/State"), "pending");
    net.wait(3 * MINUTE);
    net.gateway(&vpc);
    net.wait(10 * MINUTE);
    let seen = net.call(
        "DescribeNatGateways",
        json!({"Filter": filter("vpc-id", &[&vpc])}),
    );
    assert_eq!(text(&seen, "/NatGateways/0/State"), "failed");
    assert_eq!(
        text(&seen, "/NatGateways/0/FailureCode"),
        "Gateway.NotAttached"
    );
    net.call("ReleaseAddress", json!({"AllocationId": allocation}));
}

#[test]
fn an_address_of_another_nat_gateway_is_refused_in_the_gateways_state() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let subnet = net.subnet(&vpc, "10.0.0.0/24", "a");
    net.gateway(&vpc);
    let allocation = net.address();
    net.call(
        "CreateNatGateway",
        json!({"SubnetId": subnet, "AllocationId": allocation}),
    );
    let second = net.call(
        "CreateNatGateway",
        json!({"SubnetId": subnet, "AllocationId": allocation}),
    );
    net.wait(4 * MINUTE);
    let id = text(&second, "/NatGateway/NatGatewayId");
    let seen = net.call("DescribeNatGateways", json!({"NatGatewayIds": [id]}));
    assert_eq!(
        text(&seen, "/NatGateways/0/FailureCode"),
        "Resource.AlreadyAssociated"
    );
    let working = net.call(
        "DescribeNatGateways",
        json!({"Filter": filter("state", &["available"])}),
    );
    assert_eq!(working["NatGateways"].as_array().unwrap().len(), 1);
}

#[test]
fn a_route_is_made_once_replaced_and_goes_dark_with_its_target() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let gateway = net.gateway(&vpc);
    let table = text(
        &net.call("CreateRouteTable", json!({"VpcId": vpc})),
        "/RouteTable/RouteTableId",
    );
    let route =
        json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway});
    net.call("CreateRoute", route.clone());
    assert_eq!(net.code("CreateRoute", route.clone()), "RouteAlreadyExists");
    let local =
        json!({"RouteTableId": table, "DestinationCidrBlock": "10.0.0.0/16", "GatewayId": gateway});
    assert_eq!(net.code("CreateRoute", local), "RouteAlreadyExists");
    let none =
        json!({"RouteTableId": table, "DestinationCidrBlock": "10.9.0.0/16", "GatewayId": gateway});
    assert_eq!(
        net.code("ReplaceRoute", none.clone()),
        "InvalidParameterValue"
    );
    let none = json!({"RouteTableId": table, "DestinationCidrBlock": "10.9.0.0/16"});
    assert_eq!(net.code("DeleteRoute", none), "InvalidRoute.NotFound");
    net.call("ReplaceRoute", route);
    let subnet = net.subnet(&vpc, "10.0.0.0/24", "a");
    net.call(
        "AssociateRouteTable",
        json!({"RouteTableId": table, "SubnetId": subnet}),
    );
    assert!(super::is_public_subnet(&net.0, ACCOUNT, REGION, &subnet));
    net.call(
        "DetachInternetGateway",
        json!({"InternetGatewayId": gateway, "VpcId": vpc}),
    );
    let seen = net.call("DescribeRouteTables", json!({"RouteTableIds": [table]}));
    assert_eq!(text(&seen, "/RouteTables/0/Routes/1/State"), "blackhole");
    assert_eq!(text(&seen, "/RouteTables/0/Routes/0/State"), "active");
}

#[test]
fn a_gateway_of_another_vpc_is_no_route_target() {
    let mut net = Net::new();
    let (one, two) = (net.vpc("10.0.0.0/16"), net.vpc("10.1.0.0/16"));
    let gateway = net.gateway(&two);
    let table = text(
        &net.call("CreateRouteTable", json!({"VpcId": one})),
        "/RouteTable/RouteTableId",
    );
    let mut route =
        json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway});
    assert_eq!(
        net.code("CreateRoute", route.clone()),
        "InvalidParameterValue"
    );
    route["NatGatewayId"] = "nat-0123456789abcdef0".into();
    assert_eq!(
        net.code("CreateRoute", route.clone()),
        "InvalidParameterCombination"
    );
    route["GatewayId"] = Value::Null;
    assert_eq!(
        net.code("CreateRoute", route),
        "InvalidNatGatewayID.NotFound"
    );
}

#[test]
fn a_subnet_goes_by_one_route_table() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let subnet = net.subnet(&vpc, "10.0.0.0/24", "a");
    let table = |net: &mut Net| {
        text(
            &net.call("CreateRouteTable", json!({"VpcId": vpc})),
            "/RouteTable/RouteTableId",
        )
    };
    let (one, two) = (table(&mut net), table(&mut net));
    let made = net.call(
        "AssociateRouteTable",
        json!({"RouteTableId": one, "SubnetId": subnet}),
    );
    let association = text(&made, "/AssociationId");
    let other = json!({"RouteTableId": two, "SubnetId": subnet});
    assert_eq!(
        net.code("AssociateRouteTable", other),
        "Resource.AlreadyAssociated"
    );
    assert_eq!(
        net.code("DeleteRouteTable", json!({"RouteTableId": one})),
        "DependencyViolation"
    );
    let moved = net.call(
        "ReplaceRouteTableAssociation",
        json!({"AssociationId": association, "RouteTableId": two}),
    );
    let new = text(&moved, "/NewAssociationId");
    assert_ne!(new, association);
    net.call("DeleteRouteTable", json!({"RouteTableId": one}));
    net.call("DisassociateRouteTable", json!({"AssociationId": new}));
    net.call("DeleteRouteTable", json!({"RouteTableId": two}));
    let main = net.call(
        "DescribeRouteTables",
        json!({"Filters": filter("association.main", &["true"])}),
    );
    let id = text(&main, "/RouteTables/0/RouteTableId");
    assert_eq!(
        net.code("DeleteRouteTable", json!({"RouteTableId": id})),
        "DependencyViolation"
    );
}

#[test]
fn a_group_name_is_taken_once_per_vpc_and_default_is_never_given() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    net.group(&vpc, "app");
    let input = |name: &str| json!({"VpcId": vpc, "GroupName": name, "Description": "x"});
    assert_eq!(
        net.code("CreateSecurityGroup", input("app")),
        "InvalidGroup.Duplicate"
    );
    assert_eq!(
        net.code("CreateSecurityGroup", input("default")),
        "InvalidParameterValue"
    );
    assert_eq!(
        net.code("CreateSecurityGroup", input("sg-1")),
        "InvalidParameterValue"
    );
    let nowhere = json!({"GroupName": "x", "Description": "x"});
    assert_eq!(
        net.code("CreateSecurityGroup", nowhere),
        "VPCIdNotSpecified"
    );
    let default = net.call(
        "DescribeSecurityGroups",
        json!({"Filters": filter("group-name", &["default"])}),
    );
    let id = text(&default, "/SecurityGroups/0/GroupId");
    assert_eq!(
        net.code("DeleteSecurityGroup", json!({"GroupId": id})),
        "CannotDelete"
    );
}

#[test]
fn groups_that_refer_to_each_other_are_parted_before_they_can_go() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let (app, database) = (net.group(&vpc, "app"), net.group(&vpc, "database"));
    let pair = |id: &str| json!([{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": id}]}]);
    let made = net.call(
        "AuthorizeSecurityGroupIngress",
        json!({"GroupId": database, "IpPermissions": pair(&app)}),
    );
    assert_eq!(
        text(&made, "/SecurityGroupRules/0/ReferencedGroupInfo/GroupId"),
        app
    );
    net.call(
        "AuthorizeSecurityGroupEgress",
        json!({"GroupId": app, "IpPermissions": pair(&database)}),
    );
    assert_eq!(
        net.code("DeleteSecurityGroup", json!({"GroupId": app})),
        "DependencyViolation"
    );
    assert_eq!(
        net.code("DeleteSecurityGroup", json!({"GroupId": database})),
        "DependencyViolation"
    );
    net.call(
        "RevokeSecurityGroupEgress",
        json!({"GroupId": app, "IpPermissions": pair(&database)}),
    );
    assert_eq!(
        net.code("DeleteSecurityGroup", json!({"GroupId": app})),
        "DependencyViolation"
    );
    net.call("DeleteSecurityGroup", json!({"GroupId": database}));
    net.call("DeleteSecurityGroup", json!({"GroupId": app}));
}

#[test]
fn a_rule_is_granted_once_and_revoked_by_what_it_says_or_by_its_id() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let group = net.group(&vpc, "web");
    let https = json!({"GroupId": group, "IpPermissions": port(443, "0.0.0.0/0")});
    net.call("AuthorizeSecurityGroupIngress", https.clone());
    assert_eq!(
        net.code("AuthorizeSecurityGroupIngress", https.clone()),
        "InvalidPermission.Duplicate"
    );
    let twice = json!({"GroupId": group, "IpPermissions": [port(80, "0.0.0.0/0")[0], port(80, "0.0.0.0/0")[0]]});
    assert_eq!(
        net.code("AuthorizeSecurityGroupIngress", twice),
        "InvalidParameterValue"
    );
    // All or nothing: the new rule beside the old one is not made either.
    let mixed = json!({"GroupId": group, "IpPermissions": [port(80, "0.0.0.0/0")[0], port(443, "0.0.0.0/0")[0]]});
    assert_eq!(
        net.code("AuthorizeSecurityGroupIngress", mixed),
        "InvalidPermission.Duplicate"
    );
    let rules = net.call(
        "DescribeSecurityGroupRules",
        json!({"Filters": filter("group-id", &[&group])}),
    );
    assert_eq!(rules["SecurityGroupRules"].as_array().unwrap().len(), 2);
    net.call("RevokeSecurityGroupIngress", https.clone());
    assert_eq!(
        net.code("RevokeSecurityGroupIngress", https),
        "InvalidPermission.NotFound"
    );
    let egress = rules["SecurityGroupRules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["IsEgress"] == json!(true))
        .unwrap();
    let id = text(egress, "/SecurityGroupRuleId");
    net.call(
        "RevokeSecurityGroupEgress",
        json!({"GroupId": group, "SecurityGroupRuleIds": [id]}),
    );
    let seen = net.call("DescribeSecurityGroups", json!({"GroupIds": [group]}));
    assert_eq!(seen["SecurityGroups"][0]["IpPermissionsEgress"], json!([]));
    assert_eq!(seen["SecurityGroups"][0]["IpPermissions"], json!([]));
}

#[test]
fn a_group_holds_sixty_rules_each_way_and_a_prefix_list_counts_with_its_size() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let group = net.group(&vpc, "web");
    let ranges: Vec<Value> = (0..60)
        .map(|n| json!({"CidrIp": format!("192.0.2.{n}/32")}))
        .collect();
    let all = json!([{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": ranges}]);
    net.call(
        "AuthorizeSecurityGroupIngress",
        json!({"GroupId": group, "IpPermissions": all}),
    );
    let more = json!({"GroupId": group, "IpPermissions": port(443, "0.0.0.0/0")});
    assert_eq!(
        net.code("AuthorizeSecurityGroupIngress", more),
        "RulesPerSecurityGroupLimitExceeded"
    );
    let other = net.group(&vpc, "edge");
    let lists = net.call(
        "DescribeManagedPrefixLists",
        json!({"Filters": filter("prefix-list-name", &["com.amazonaws.global.cloudfront.origin-facing"])}),
    );
    let list = text(&lists, "/PrefixLists/0/PrefixListId");
    let with = |port: i64| {
        json!({"GroupId": other, "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "PrefixListIds": [{"PrefixListId": list}]}]})
    };
    net.call("AuthorizeSecurityGroupIngress", with(443));
    assert_eq!(
        net.code("AuthorizeSecurityGroupIngress", with(80)),
        "RulesPerSecurityGroupLimitExceeded"
    );
}

#[test]
fn rules_are_changed_in_place_and_keep_the_kind_of_their_other_end() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let group = net.group(&vpc, "web");
    let made = net.call(
        "AuthorizeSecurityGroupIngress",
        json!({"GroupId": group, "IpPermissions": port(80, "10.0.0.0/8")}),
    );
    let id = text(&made, "/SecurityGroupRules/0/SecurityGroupRuleId");
    let change = |rule: Value| json!({"GroupId": group, "SecurityGroupRules": [{"SecurityGroupRuleId": id, "SecurityGroupRule": rule}]});
    let narrow = json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "10.0.0.0/16", "Description": "inside"});
    net.call("ModifySecurityGroupRules", change(narrow));
    let seen = net.call(
        "DescribeSecurityGroupRules",
        json!({"SecurityGroupRuleIds": [id]}),
    );
    assert_eq!(text(&seen, "/SecurityGroupRules/0/CidrIpv4"), "10.0.0.0/16");
    assert_eq!(text(&seen, "/SecurityGroupRules/0/Description"), "inside");
    let other =
        json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "ReferencedGroupId": group});
    assert_eq!(
        net.code("ModifySecurityGroupRules", change(other)),
        "InvalidParameterValue"
    );
}

#[test]
fn acl_entries_are_known_by_number_and_way() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let subnet = net.subnet(&vpc, "10.0.0.0/24", "a");
    let acl = text(
        &net.call("CreateNetworkAcl", json!({"VpcId": vpc})),
        "/NetworkAcl/NetworkAclId",
    );
    let entry = |number: i64, egress: bool| {
        json!({"NetworkAclId": acl, "RuleNumber": number, "Protocol": "6", "RuleAction": "allow", "Egress": egress,
            "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 443, "To": 443}})
    };
    net.call("CreateNetworkAclEntry", entry(100, false));
    assert_eq!(
        net.code("CreateNetworkAclEntry", entry(100, false)),
        "NetworkAclEntryAlreadyExists"
    );
    net.call("CreateNetworkAclEntry", entry(100, true));
    assert_eq!(
        net.code("ReplaceNetworkAclEntry", entry(110, true)),
        "InvalidNetworkAclEntry.NotFound"
    );
    assert_eq!(
        net.code("CreateNetworkAclEntry", entry(32_767, true)),
        "InvalidParameterValue"
    );
    let seen = net.call(
        "DescribeNetworkAcls",
        json!({"Filters": filter("association.subnet-id", &[&subnet])}),
    );
    let association = text(
        &seen,
        "/NetworkAcls/0/Associations/0/NetworkAclAssociationId",
    );
    let moved = net.call(
        "ReplaceNetworkAclAssociation",
        json!({"AssociationId": association, "NetworkAclId": acl}),
    );
    assert_ne!(text(&moved, "/NewAssociationId"), association);
    assert_eq!(
        net.code("DeleteNetworkAcl", json!({"NetworkAclId": acl})),
        "DependencyViolation"
    );
    let default = text(&seen, "/NetworkAcls/0/NetworkAclId");
    assert_eq!(
        net.code("DeleteNetworkAcl", json!({"NetworkAclId": default})),
        "InvalidParameterValue"
    );
    net.call("DeleteSubnet", json!({"SubnetId": subnet}));
    net.call("DeleteNetworkAcl", json!({"NetworkAclId": acl}));
}

#[test]
fn a_released_interface_holds_its_subnet_and_group_for_minutes() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let subnet = net.subnet(&vpc, "10.0.0.0/24", "a");
    let group = net.group(&vpc, "app");
    let made = attach_interface(
        &mut net.0,
        ACCOUNT,
        REGION,
        &subnet,
        std::slice::from_ref(&group),
        "ELB app/x/1",
        "amazon-elb",
        true,
    )
    .unwrap();
    let seen = net.call(
        "DescribeNetworkInterfaces",
        json!({"Filters": filter("description", &["ELB app/x/*"])}),
    );
    assert_eq!(text(&seen, "/NetworkInterfaces/0/Status"), "in-use");
    assert_eq!(
        net.code(
            "DeleteNetworkInterface",
            json!({"NetworkInterfaceId": made.id})
        ),
        "InvalidParameterValue"
    );
    release_interface(&mut net.0, ACCOUNT, REGION, &made.id);
    net.wait(59 * SECOND);
    assert_eq!(
        net.code("DeleteSubnet", json!({"SubnetId": subnet})),
        "DependencyViolation"
    );
    assert_eq!(
        net.code("DeleteSecurityGroup", json!({"GroupId": group})),
        "DependencyViolation"
    );
    net.wait(10 * MINUTE);
    net.call("DeleteSecurityGroup", json!({"GroupId": group}));
    net.call("DeleteSubnet", json!({"SubnetId": subnet}));
}

#[test]
fn a_full_subnet_gives_no_more_addresses() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let subnet = net.subnet(&vpc, "10.0.0.0/28", "a");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..11 {
        let made = net.call("CreateNetworkInterface", json!({"SubnetId": subnet}));
        seen.insert(text(&made, "/NetworkInterface/PrivateIpAddress"));
    }
    assert_eq!(seen.len(), 11);
    assert!(!seen.contains("10.0.0.3") && !seen.contains("10.0.0.15"));
    assert_eq!(
        net.code("CreateNetworkInterface", json!({"SubnetId": subnet})),
        "InsufficientFreeAddressesInSubnet"
    );
}

#[test]
fn interface_endpoints_need_dns_in_the_vpc_and_gateway_endpoints_are_routes() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let subnet = net.subnet(&vpc, "10.0.0.0/24", "a");
    let secrets = json!({"VpcId": vpc, "ServiceName": "com.amazonaws.us-west-2.secretsmanager",
        "VpcEndpointType": "Interface", "SubnetIds": [subnet]});
    assert_eq!(
        net.code("CreateVpcEndpoint", secrets.clone()),
        "InvalidParameter"
    );
    net.call(
        "ModifyVpcAttribute",
        json!({"VpcId": vpc, "EnableDnsHostnames": {"Value": true}}),
    );
    let made = net.call("CreateVpcEndpoint", secrets.clone());
    assert_eq!(net.code("CreateVpcEndpoint", secrets), "InvalidParameter");
    let id = text(&made, "/VpcEndpoint/VpcEndpointId");
    net.wait(3 * MINUTE);
    let seen = net.call("DescribeVpcEndpoints", json!({"VpcEndpointIds": [id]}));
    assert_eq!(text(&seen, "/VpcEndpoints/0/State"), "available");
    assert_eq!(
        net.code("DeleteSubnet", json!({"SubnetId": subnet})),
        "DependencyViolation"
    );
    net.call("DeleteVpcEndpoints", json!({"VpcEndpointIds": [id]}));
    net.wait(4 * MINUTE);
    net.call("DeleteSubnet", json!({"SubnetId": subnet}));

    let table = text(
        &net.call("CreateRouteTable", json!({"VpcId": vpc})),
        "/RouteTable/RouteTableId",
    );
    let storage = json!({"VpcId": vpc, "ServiceName": "com.amazonaws.us-west-2.s3", "RouteTableIds": [table]});
    let made = net.call("CreateVpcEndpoint", storage);
    let seen = net.call("DescribeRouteTables", json!({"RouteTableIds": [table]}));
    assert!(text(&seen, "/RouteTables/0/Routes/1/DestinationPrefixListId").starts_with("pl-"));
    assert_eq!(
        text(&seen, "/RouteTables/0/Routes/1/GatewayId"),
        text(&made, "/VpcEndpoint/VpcEndpointId")
    );
    let elsewhere = json!({"VpcId": vpc, "ServiceName": "com.amazonaws.eu-west-1.s3"});
    assert_eq!(
        net.code("CreateVpcEndpoint", elsewhere),
        "InvalidServiceName"
    );
}

#[test]
fn a_dry_run_makes_nothing_and_says_that_it_would_have() {
    let mut net = Net::new();
    let refused = net
        .ask(
            "CreateVpc",
            json!({"CidrBlock": "10.0.0.0/16", "DryRun": true}),
        )
        .unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.status),
        ("DryRunOperation", Some(412))
    );
    assert_eq!(net.call("DescribeVpcs", json!({}))["Vpcs"], json!([]));
}

#[test]
fn a_client_token_gives_the_same_answer_for_eight_minutes_and_only_to_the_same_request() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let create = json!({"VpcId": vpc, "ClientToken": "drabc"});
    let first = net.call("CreateRouteTable", create.clone());
    assert_eq!(net.call("CreateRouteTable", create.clone()), first);
    let other = json!({"VpcId": vpc, "ClientToken": "drabc", "TagSpecifications": tags("route-table", &[("a", "b")])});
    assert_eq!(
        net.code("CreateRouteTable", other),
        "IdempotentParameterMismatch"
    );
    net.wait(9 * MINUTE);
    assert_ne!(net.call("CreateRouteTable", create), first);
}

#[test]
fn tags_are_set_changed_removed_and_found_across_kinds() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let group = net.group(&vpc, "app");
    net.call(
        "CreateTags",
        json!({"Resources": [vpc, group], "Tags": [{"Key": "stack", "Value": "redmine"}]}),
    );
    let seen = net.call(
        "DescribeTags",
        json!({"Filters": filter("key", &["stack"])}),
    );
    assert_eq!(seen["Tags"].as_array().unwrap().len(), 2);
    let kinds = net.call(
        "DescribeTags",
        json!({"Filters": filter("resource-type", &["security-group"])}),
    );
    assert_eq!(text(&kinds, "/Tags/0/ResourceId"), group);
    net.call(
        "DeleteTags",
        json!({"Resources": [vpc], "Tags": [{"Key": "stack", "Value": "other"}]}),
    );
    assert_eq!(
        super::tagged(&net.0, ACCOUNT, REGION).len(),
        2,
        "a tag with another value stays"
    );
    net.call(
        "DeleteTags",
        json!({"Resources": [vpc], "Tags": [{"Key": "stack"}]}),
    );
    assert_eq!(
        super::tagged(&net.0, ACCOUNT, REGION)[0].0,
        format!("arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{group}")
    );
    let reserved = json!({"Resources": [vpc], "Tags": [{"Key": "aws:x", "Value": ""}]});
    assert_eq!(net.code("CreateTags", reserved), "InvalidParameterValue");
    let wrong =
        json!({"CidrBlock": "10.1.0.0/16", "TagSpecifications": tags("subnet", &[("a", "b")])});
    assert_eq!(net.code("CreateVpc", wrong), "InvalidParameterValue");
    let nobody =
        json!({"Resources": ["vpc-0123456789abcdef0"], "Tags": [{"Key": "a", "Value": ""}]});
    assert_eq!(net.code("CreateTags", nobody), "InvalidVpcID.NotFound");
}

#[test]
fn an_unknown_filter_is_an_error() {
    let mut net = Net::new();
    assert_eq!(
        net.code(
            "DescribeVpcs",
            json!({"Filters": filter("nonsense", &["x"])})
        ),
        "InvalidParameterValue"
    );
    assert_eq!(
        net.code("DescribeSubnets", json!({"Filters": filter("vpc-id", &[])})),
        "InvalidParameterValue"
    );
}

#[test]
fn reads_lag_writes_and_the_control_plane_does_not() {
    let mut world = World::new(3);
    world.settings.read_lag = 20 * SECOND;
    let mut net = Net(world);
    let vpc = net.vpc("10.0.0.0/16");
    let unseen = net.ask("DescribeVpcs", json!({"VpcIds": [vpc]}));
    assert_eq!(unseen.unwrap_err().code, "InvalidVpcID.NotFound");
    net.subnet(&vpc, "10.0.0.0/24", "a");
    net.wait(20 * SECOND);
    net.call("DescribeVpcs", json!({"VpcIds": [vpc]}));
}

#[test]
fn zone_names_are_an_accounts_own_in_old_regions() {
    let names = |account: &str| -> Vec<(String, String)> {
        zones::zones(account, "us-east-1")
            .into_iter()
            .map(|z| (z.name, z.id))
            .collect()
    };
    assert_eq!(names(ACCOUNT), names(ACCOUNT));
    let differing = (0..20)
        .filter(|n| names(&format!("1111222233{n:02}")) != names(ACCOUNT))
        .count();
    assert!(differing > 15);
    assert_eq!(zones::zones(ACCOUNT, "us-west-1").len(), 2);
    assert_eq!(zones::zones(ACCOUNT, "eu-central-1")[0].id, "euc1-az1");
    assert!(zones::zones(ACCOUNT, "mars-1").is_empty());
}

#[test]
fn regions_that_must_be_opted_into_are_listed_on_request() {
    let mut net = Net::new();
    let seen = net.call("DescribeRegions", json!({}));
    let named = |seen: &Value, name: &str| {
        seen["Regions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["RegionName"] == name)
            .map(|r| r["OptInStatus"].clone())
    };
    assert_eq!(
        named(&seen, "eu-west-1"),
        Some(json!("opt-in-not-required"))
    );
    assert_eq!(named(&seen, "af-south-1"), None);
    let all = net.call("DescribeRegions", json!({"AllRegions": true}));
    assert_eq!(named(&all, "af-south-1"), Some(json!("not-opted-in")));
    assert!(!super::region_enabled(&net.0, ACCOUNT, "af-south-1"));
    super::opt_into(&mut net.0, ACCOUNT, "af-south-1", true);
    assert_eq!(
        named(&net.call("DescribeRegions", json!({})), "af-south-1"),
        Some(json!("opted-in"))
    );
    let zones = net.call(
        "DescribeAvailabilityZones",
        json!({"Filters": filter("zone-name", &["us-west-2a"])}),
    );
    assert_eq!(zones["AvailabilityZones"].as_array().unwrap().len(), 1);
}

#[test]
fn a_default_vpc_has_a_public_subnet_in_every_zone() {
    let mut net = Net::new();
    let made = net.call("CreateDefaultVpc", json!({}));
    assert_eq!(made["Vpc"]["IsDefault"], json!(true));
    assert_eq!(
        net.code("CreateDefaultVpc", json!({})),
        "DefaultVpcAlreadyExists"
    );
    let subnets = net.call(
        "DescribeSubnets",
        json!({"Filters": filter("default-for-az", &["true"])}),
    );
    assert_eq!(subnets["Subnets"].as_array().unwrap().len(), 4);
    assert!(super::is_public_subnet(
        &net.0,
        ACCOUNT,
        REGION,
        &text(&subnets, "/Subnets/0/SubnetId")
    ));
    net.call(
        "CreateSecurityGroup",
        json!({"GroupName": "x", "Description": "x"}),
    );
}

#[test]
fn a_peering_waits_for_the_other_side_and_is_seen_by_both() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let there = net
        .0
        .invoke(
            ACCOUNT,
            "eu-west-1",
            ServiceId::Ec2,
            "CreateVpc",
            json!({"CidrBlock": "10.1.0.0/16"}),
        )
        .unwrap();
    let peer = text(&there, "/Vpc/VpcId");
    let made = net.call(
        "CreateVpcPeeringConnection",
        json!({"VpcId": vpc, "PeerVpcId": peer, "PeerRegion": "eu-west-1"}),
    );
    let id = text(&made, "/VpcPeeringConnection/VpcPeeringConnectionId");
    let accept = json!({"VpcPeeringConnectionId": id});
    assert_eq!(
        net.code("AcceptVpcPeeringConnection", accept.clone()),
        "OperationNotPermitted"
    );
    net.0
        .invoke(
            ACCOUNT,
            "eu-west-1",
            ServiceId::Ec2,
            "AcceptVpcPeeringConnection",
            accept,
        )
        .unwrap();
    let seen = net.call(
        "DescribeVpcPeeringConnections",
        json!({"Filters": filter("status-code", &["active"])}),
    );
    assert_eq!(
        text(&seen, "/VpcPeeringConnections/0/AccepterVpcInfo/Region"),
        "eu-west-1"
    );
    let same = net.call(
        "CreateVpcPeeringConnection",
        json!({"VpcId": vpc, "PeerVpcId": "vpc-0123456789abcdef0"}),
    );
    assert_eq!(text(&same, "/VpcPeeringConnection/Status/Code"), "failed");
}

#[test]
fn dhcp_options_in_use_stay() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let made = net.call(
        "CreateDhcpOptions",
        json!({"DhcpConfigurations": [{"Key": "domain-name", "Values": ["example.com"]}]}),
    );
    let id = text(&made, "/DhcpOptions/DhcpOptionsId");
    net.call(
        "AssociateDhcpOptions",
        json!({"DhcpOptionsId": id, "VpcId": vpc}),
    );
    assert_eq!(
        net.code("DeleteDhcpOptions", json!({"DhcpOptionsId": id})),
        "DependencyViolation"
    );
    net.call(
        "AssociateDhcpOptions",
        json!({"DhcpOptionsId": "default", "VpcId": vpc}),
    );
    net.call("DeleteDhcpOptions", json!({"DhcpOptionsId": id}));
}

#[test]
fn flow_logs_are_kept_per_resource() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    let create = json!({"ResourceType": "VPC", "ResourceIds": [vpc], "TrafficType": "ALL",
        "LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::logs"});
    let made = net.call("CreateFlowLogs", create.clone());
    let again = net.call("CreateFlowLogs", create);
    assert_eq!(
        text(&again, "/Unsuccessful/0/Error/Code"),
        "FlowLogAlreadyExists"
    );
    let id = text(&made, "/FlowLogIds/0");
    let gone = net.call("DeleteFlowLogs", json!({"FlowLogIds": [id]}));
    assert_eq!(gone["Unsuccessful"], json!([]));
    assert_eq!(
        net.call("DescribeFlowLogs", json!({}))["FlowLogs"],
        json!([])
    );
}

#[test]
fn the_same_history_gives_the_same_ids_and_another_seed_other_durations() {
    let history = |seed: u64| {
        let mut world = World::new(seed);
        world.settings.read_lag = 0;
        let mut net = Net(world);
        let vpc = net.vpc("10.0.0.0/16");
        let subnet = net.subnet(&vpc, "10.0.0.0/24", "a");
        net.gateway(&vpc);
        let allocation = net.address();
        net.call(
            "CreateNatGateway",
            json!({"SubnetId": subnet, "AllocationId": allocation}),
        );
        (vpc, net.0.next_event())
    };
    assert_eq!(history(1), history(1));
    assert_ne!(history(1).1, history(2).1);
}

#[test]
fn a_create_with_tags_needs_the_permission_to_tag_and_a_change_names_its_resource() {
    let mut net = Net::new();
    let vpc = net.vpc("10.0.0.0/16");
    net.call(
        "CreateTags",
        json!({"Resources": [vpc], "Tags": [{"Key": "stack", "Value": "redmine"}]}),
    );
    let wants = |net: &mut Net, operation: &str, input: Value| {
        let cx = crate::world::Cx {
            world: &mut net.0,
            caller: crate::world::Caller {
                account: ACCOUNT.into(),
                arn: format!("arn:aws:iam::{ACCOUNT}:root"),
                id: ACCOUNT.into(),
                access_key: String::new(),
            },
            region: REGION.into(),
            service: ServiceId::Ec2,
            operation: operation.into(),
            request_id: String::new(),
        };
        let input = crate::world::Input {
            value: input,
            ..Default::default()
        };
        super::permissions::wants(&cx, operation, &input)
    };
    let arn = |rest: &str| format!("arn:aws:ec2:{REGION}:{ACCOUNT}:{rest}");
    let create = json!({"VpcId": vpc, "CidrBlock": "10.0.0.0/24", "TagSpecifications": tags("subnet", &[("a", "b")])});
    let wanted = wants(&mut net, "CreateSubnet", create);
    let named: Vec<(&str, &str)> = wanted
        .iter()
        .map(|w| (w.action.as_str(), w.resource.as_str()))
        .collect();
    assert_eq!(
        named,
        [
            ("ec2:CreateSubnet", arn("subnet/*").as_str()),
            ("ec2:CreateSubnet", arn(&format!("vpc/{vpc}")).as_str()),
            ("ec2:CreateTags", arn("subnet/*").as_str()),
        ]
    );
    assert!(
        wanted[1]
            .context
            .contains(&("aws:ResourceTag/stack".into(), "redmine".into()))
    );
    assert!(
        wanted[2]
            .context
            .contains(&("ec2:CreateAction".into(), "CreateSubnet".into()))
    );
    assert_eq!(
        wants(&mut net, "DescribeVpcs", json!({"VpcIds": [vpc]}))[0].resource,
        "*"
    );
}
