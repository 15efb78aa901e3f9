"""EC2's networks: every kind made, read, changed, refused and removed, as AWS documents it."""

from botocore.exceptions import WaiterError


def tags(kind, **pairs):
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in pairs.items()]}]


def by(name, *values):
    return [{"Name": name, "Values": list(values)}]


def tcp(port, cidr):
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}]


NOBODY = "0123456789abcdef0"


def checks(world):
    ec2 = world.client("ec2")
    zones(world, ec2)
    vpc = vpcs(world, ec2)
    subnets_ = subnets(world, ec2, vpc)
    gateway = gateways(world, ec2, vpc)
    nat(world, ec2, vpc, subnets_, gateway)
    groups(world, ec2, vpc)
    acls(world, ec2, vpc, subnets_)
    endpoints(world, ec2, vpc, subnets_)
    interfaces(world, ec2, vpc, subnets_)
    odds_and_ends(world, ec2, vpc)
    pages(world, ec2, vpc)
    command_line(world)
    removal(world, ec2, vpc, subnets_, gateway)


def zones(world, ec2):
    seen = ec2.describe_availability_zones()["AvailabilityZones"]
    world.same("us-west-2 has four zones", [z["ZoneName"][-1] for z in seen], ["a", "b", "c", "d"])
    world.same("zone ids are AWS's", sorted(z["ZoneId"] for z in seen), [f"usw2-az{n}" for n in range(1, 5)])
    world.that("all are available", all(z["State"] == "available" for z in seen))
    few = world.client("ec2", "us-west-1").describe_availability_zones()["AvailabilityZones"]
    world.same("us-west-1 has two usable zones", len(few), 2)
    world.refused("a zone of another region", "InvalidParameterValue", ec2.describe_availability_zones, 400, ZoneNames=["eu-west-1a"])
    regions = {r["RegionName"]: r["OptInStatus"] for r in ec2.describe_regions()["Regions"]}
    world.same("eu-west-1 needs no opting in", regions.get("eu-west-1"), "opt-in-not-required")
    world.that("af-south-1 is not listed", "af-south-1" not in regions)
    every = {r["RegionName"]: r["OptInStatus"] for r in ec2.describe_regions(AllRegions=True)["Regions"]}
    world.same("af-south-1 waits to be opted into", every.get("af-south-1"), "not-opted-in")
    limits = {a["AttributeName"]: a["AttributeValues"][0]["AttributeValue"] for a in ec2.describe_account_attributes()["AccountAttributes"]}
    world.same("five Elastic IPs", limits["vpc-max-elastic-ips"], "5")
    world.same("no default VPC", limits["default-vpc"], "none")
    world.same("no instances", ec2.describe_instances()["Reservations"], [])
    world.refused("an instance", "InvalidInstanceID.NotFound", ec2.describe_instances, 400, InstanceIds=[f"i-{NOBODY}"])


def vpcs(world, ec2):
    world.refused("a VPC too large", "InvalidVpc.Range", ec2.create_vpc, 400, CidrBlock="10.0.0.0/8")
    world.refused("a VPC without a block", "InvalidParameterValue", ec2.create_vpc, 400, CidrBlock="ten")
    world.refused("a dry run", "DryRunOperation", ec2.create_vpc, 412, CidrBlock="10.0.0.0/16", DryRun=True)
    world.same("a dry run makes nothing", ec2.describe_vpcs()["Vpcs"], [])
    world.refused(
        "tags of another kind", "InvalidParameterValue", ec2.create_vpc, 400,
        CidrBlock="10.0.0.0/16", TagSpecifications=tags("subnet", a="b"),
    )
    made = ec2.create_vpc(CidrBlock="10.0.0.9/16", TagSpecifications=tags("vpc", Name="redmine", stack="r"))["Vpc"]
    vpc = made["VpcId"]
    world.same("the block is canonical", made["CidrBlock"], "10.0.0.0/16")
    world.same("a VPC begins pending", made["State"], "pending")
    ec2.get_waiter("vpc_available").wait(VpcIds=[vpc])
    seen = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]
    world.same("it becomes available", seen["State"], "available")
    world.same("its tags", {t["Key"]: t["Value"] for t in seen["Tags"]}, {"Name": "redmine", "stack": "r"})
    world.same("its owner", seen["OwnerId"], "111122223333")
    world.same("not the default", seen["IsDefault"], False)
    for name, value in [("tag:Name", "red*"), ("tag-key", "stack"), ("cidr", "10.0.0.0/16"), ("vpc-id", vpc), ("state", "available")]:
        world.same(f"found by {name}", len(ec2.describe_vpcs(Filters=by(name, value))["Vpcs"]), 1)
    world.same("not found by another tag", ec2.describe_vpcs(Filters=by("tag:Name", "other"))["Vpcs"], [])
    world.refused("an unknown filter", "InvalidParameterValue", ec2.describe_vpcs, 400, Filters=by("nonsense", "x"))
    world.refused("a VPC that is not", "InvalidVpcID.NotFound", ec2.describe_vpcs, 400, VpcIds=[f"vpc-{NOBODY}"])
    attribute = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
    world.same("no DNS host names at first", attribute["EnableDnsHostnames"], {"Value": False})
    world.refused(
        "two attributes at once", "InvalidParameterCombination", ec2.modify_vpc_attribute, 400,
        VpcId=vpc, EnableDnsHostnames={"Value": True}, EnableDnsSupport={"Value": True},
    )
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    attribute = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
    world.same("DNS host names on", attribute["EnableDnsHostnames"], {"Value": True})
    world.refused("an overlapping block", "InvalidVpc.Conflict", ec2.associate_vpc_cidr_block, 400, VpcId=vpc, CidrBlock="10.0.0.0/20")
    added = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.1.0.0/16")["CidrBlockAssociation"]
    world.same("a second block", len(ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlockAssociationSet"]), 2)
    ec2.disassociate_vpc_cidr_block(AssociationId=added["AssociationId"])
    others = [ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in range(2, 6)]
    world.refused("a sixth VPC", "VpcLimitExceeded", ec2.create_vpc, 400, CidrBlock="10.9.0.0/16")
    for other in others:
        ec2.delete_vpc(VpcId=other)
    world.refused("a VPC removed twice", "InvalidVpcID.NotFound", ec2.delete_vpc, 400, VpcId=others[0])
    for kind, call, listed in [
        ("group", ec2.describe_security_groups, "SecurityGroups"),
        ("network ACL", ec2.describe_network_acls, "NetworkAcls"),
        ("route table", ec2.describe_route_tables, "RouteTables"),
    ]:
        world.same(f"one {kind} at birth", len(call(Filters=by("vpc-id", vpc))[listed]), 1)
    return vpc


def subnets(world, ec2, vpc):
    def create(cidr, zone, **more):
        return ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone, **more)["Subnet"]

    public = create("10.0.0.0/24", "us-west-2a", TagSpecifications=tags("subnet", tier="public"))
    world.same("five addresses are reserved", public["AvailableIpAddressCount"], 251)
    world.that("the ARN", public["SubnetArn"].endswith(f":subnet/{public['SubnetId']}"))
    second = create("10.0.1.0/24", "us-west-2b", TagSpecifications=tags("subnet", tier="public"))
    private = create("10.0.2.0/24", "us-west-2a", TagSpecifications=tags("subnet", tier="private"))
    isolated = create("10.0.3.0/24", "us-west-2b", TagSpecifications=tags("subnet", tier="isolated"))
    for what, code, cidr, zone in [
        ("an overlap", "InvalidSubnet.Conflict", "10.0.0.128/25", "us-west-2b"),
        ("outside of the VPC", "InvalidSubnet.Range", "10.7.0.0/24", "us-west-2b"),
        ("too small", "InvalidSubnet.Range", "10.0.9.0/29", "us-west-2b"),
        ("another region's zone", "InvalidParameterValue", "10.0.9.0/24", "eu-west-1a"),
    ]:
        world.refused(what, code, ec2.create_subnet, 400, VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)
    world.refused(
        "a subnet of no VPC", "InvalidVpcID.NotFound", ec2.create_subnet, 400,
        VpcId=f"vpc-{NOBODY}", CidrBlock="10.0.9.0/24",
    )
    ec2.get_waiter("subnet_available").wait(SubnetIds=[public["SubnetId"]])
    by_id = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/24", AvailabilityZoneId="usw2-az1")["Subnet"]
    world.same("by the zone's id", by_id["AvailabilityZoneId"], "usw2-az1")
    ec2.delete_subnet(SubnetId=by_id["SubnetId"])
    ec2.modify_subnet_attribute(SubnetId=public["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    mapped = ec2.describe_subnets(Filters=by("map-public-ip-on-launch", "true"))["Subnets"]
    world.same("public addresses on launch", [s["SubnetId"] for s in mapped], [public["SubnetId"]])
    tiers = ec2.describe_subnets(Filters=by("tag:tier", "public", "private") + by("vpc-id", vpc))["Subnets"]
    world.same("filters are and, values are or", len(tiers), 3)
    return [s["SubnetId"] for s in (public, second, private, isolated)]


def gateways(world, ec2, vpc):
    gateway = ec2.create_internet_gateway(TagSpecifications=tags("internet-gateway", Name="g"))["InternetGateway"]
    world.same("a gateway begins unattached", gateway["Attachments"], [])
    gateway = gateway["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    world.refused(
        "attached twice", "Resource.AlreadyAssociated", ec2.attach_internet_gateway, 400,
        InternetGatewayId=gateway, VpcId=vpc,
    )
    ec2.get_waiter("internet_gateway_exists").wait(InternetGatewayIds=[gateway])
    found = ec2.describe_internet_gateways(Filters=by("attachment.vpc-id", vpc))["InternetGateways"]
    world.same("found by its VPC", found[0]["Attachments"], [{"State": "available", "VpcId": vpc}])
    world.refused("removed while attached", "DependencyViolation", ec2.delete_internet_gateway, 400, InternetGatewayId=gateway)
    world.refused(
        "a gateway that is not", "InvalidInternetGatewayID.NotFound", ec2.delete_internet_gateway, 400,
        InternetGatewayId=f"igw-{NOBODY}",
    )
    return gateway


def nat(world, ec2, vpc, subnets_, gateway):
    public, second, private, isolated = subnets_
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=tags("route-table", tier="public"))["RouteTable"]
    world.same("a local route at birth", table["Routes"][0]["GatewayId"], "local")
    table = table["RouteTableId"]
    world.same("a route", ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)["Return"], True)
    world.refused(
        "the same route", "RouteAlreadyExists", ec2.create_route, 400,
        RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway,
    )
    world.refused(
        "a route to no gateway", "InvalidGatewayID.NotFound", ec2.create_route, 400,
        RouteTableId=table, DestinationCidrBlock="10.8.0.0/16", GatewayId=f"igw-{NOBODY}",
    )
    world.refused(
        "a route without a target", "MissingParameter", ec2.create_route, 400,
        RouteTableId=table, DestinationCidrBlock="10.8.0.0/16",
    )
    world.refused(
        "a route that is not, removed", "InvalidRoute.NotFound", ec2.delete_route, 400,
        RouteTableId=table, DestinationCidrBlock="10.8.0.0/16",
    )
    world.refused(
        "a route that is not, replaced", "InvalidParameterValue", ec2.replace_route, 400,
        RouteTableId=table, DestinationCidrBlock="10.8.0.0/16", GatewayId=gateway,
    )
    associations = [ec2.associate_route_table(RouteTableId=table, SubnetId=s)["AssociationId"] for s in (public, second)]
    again = ec2.associate_route_table(RouteTableId=table, SubnetId=public)["AssociationId"]
    world.same("associated again with the same table", again, associations[0])
    other = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    world.refused(
        "associated with another", "Resource.AlreadyAssociated", ec2.associate_route_table, 400,
        RouteTableId=other, SubnetId=public,
    )
    world.refused("a table in use", "DependencyViolation", ec2.delete_route_table, 400, RouteTableId=table)
    main = ec2.describe_route_tables(Filters=by("association.main", "true") + by("vpc-id", vpc))["RouteTables"][0]
    world.refused(
        "the main association parted", "InvalidParameterValue", ec2.disassociate_route_table, 400,
        AssociationId=main["Associations"][0]["RouteTableAssociationId"],
    )

    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tags("elastic-ip", Name="nat"))
    allocation = address["AllocationId"]
    rest = [ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(4)]
    world.refused("a sixth address", "AddressLimitExceeded", ec2.allocate_address, 400, Domain="vpc")
    for spare in rest[1:]:
        ec2.release_address(AllocationId=spare)
    world.refused("an address released twice", "InvalidAllocationID.NotFound", ec2.release_address, 400, AllocationId=rest[1])
    world.refused("a NAT gateway without an address", "MissingParameter", ec2.create_nat_gateway, 400, SubnetId=public)
    made = ec2.create_nat_gateway(SubnetId=public, AllocationId=allocation, TagSpecifications=tags("natgateway", Name="n"))
    gateway_id = made["NatGateway"]["NatGatewayId"]
    world.same("a NAT gateway begins pending", made["NatGateway"]["State"], "pending")
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[gateway_id])
    seen = ec2.describe_nat_gateways(Filter=by("vpc-id", vpc))["NatGateways"][0]
    world.same("it becomes available", seen["State"], "available")
    world.same("with its address", seen["NatGatewayAddresses"][0]["PublicIp"], address["PublicIp"])
    world.refused("its address released", "InvalidIPAddress.InUse", ec2.release_address, 400, AllocationId=allocation)
    world.refused("its subnet removed", "DependencyViolation", ec2.delete_subnet, 400, SubnetId=public)
    twin = ec2.create_nat_gateway(SubnetId=public, AllocationId=allocation)["NatGateway"]["NatGatewayId"]
    try:
        ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[twin])
        world.that("a taken address fails the gateway", False)
    except WaiterError as error:
        world.that("a taken address fails the gateway", "Waiter encountered a terminal failure state" in str(error), str(error))
    failed = ec2.describe_nat_gateways(NatGatewayIds=[twin])["NatGateways"][0]
    world.same("and says why", (failed["State"], failed["FailureCode"]), ("failed", "Resource.AlreadyAssociated"))
    private_table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=private_table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway_id)
    association = ec2.associate_route_table(RouteTableId=private_table, SubnetId=private)["AssociationId"]
    seen = ec2.describe_route_tables(Filters=by("route.nat-gateway-id", gateway_id))["RouteTables"][0]
    world.same("found by its NAT gateway", seen["RouteTableId"], private_table)
    ec2.delete_nat_gateway(NatGatewayId=gateway_id)
    seen = ec2.describe_route_tables(RouteTableIds=[private_table])["RouteTables"][0]
    world.same("a route into the dark", seen["Routes"][1]["State"], "blackhole")
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[gateway_id])
    world.same(
        "a deleted gateway stays listed",
        ec2.describe_nat_gateways(NatGatewayIds=[gateway_id])["NatGateways"][0]["State"], "deleted",
    )
    world.wait(2 * 3600)
    world.refused("for about an hour", "NatGatewayNotFound", ec2.describe_nat_gateways, 400, NatGatewayIds=[gateway_id])
    ec2.release_address(AllocationId=allocation)
    ec2.release_address(AllocationId=rest[0])
    moved = ec2.replace_route_table_association(AssociationId=association, RouteTableId=other)["NewAssociationId"]
    world.that("a moved association has a new id", moved != association)
    ec2.disassociate_route_table(AssociationId=moved)
    ec2.delete_route_table(RouteTableId=private_table)
    ec2.delete_route_table(RouteTableId=other)
    first = ec2.create_route_table(VpcId=vpc, ClientToken="drexample1")["RouteTable"]["RouteTableId"]
    again = ec2.create_route_table(VpcId=vpc, ClientToken="drexample1")["RouteTable"]["RouteTableId"]
    world.same("one token, one table", again, first)
    world.refused(
        "one token, another request", "IdempotentParameterMismatch", ec2.create_route_table, 400,
        VpcId=vpc, ClientToken="drexample1", TagSpecifications=tags("route-table", a="b"),
    )
    ec2.delete_route_table(RouteTableId=first)


def groups(world, ec2, vpc):
    made = ec2.create_security_group(
        GroupName="app", Description="the application", VpcId=vpc, TagSpecifications=tags("security-group", Name="app")
    )
    app = made["GroupId"]
    world.same("a group's tags come back", made["Tags"], [{"Key": "Name", "Value": "app"}])
    database = ec2.create_security_group(GroupName="database", Description="d", VpcId=vpc)["GroupId"]
    ec2.get_waiter("security_group_exists").wait(GroupIds=[app])
    world.refused("a name taken", "InvalidGroup.Duplicate", ec2.create_security_group, 400, GroupName="app", Description="x", VpcId=vpc)
    world.refused("a reserved name", "InvalidParameterValue", ec2.create_security_group, 400, GroupName="default", Description="x", VpcId=vpc)
    world.refused("no VPC and no default", "VPCIdNotSpecified", ec2.create_security_group, 400, GroupName="x", Description="x")
    seen = ec2.describe_security_groups(GroupIds=[app])["SecurityGroups"][0]
    world.same("nothing comes in", seen["IpPermissions"], [])
    world.same("everything goes out", seen["IpPermissionsEgress"][0]["IpRanges"], [{"CidrIp": "0.0.0.0/0"}])
    world.that("-1 has no ports", "FromPort" not in seen["IpPermissionsEgress"][0])
    pair = [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": app, "Description": "the app"}]}]
    answer = ec2.authorize_security_group_ingress(GroupId=database, IpPermissions=pair)
    rule = answer["SecurityGroupRules"][0]
    world.same("a rule names its group", rule["ReferencedGroupInfo"]["GroupId"], app)
    world.same("and its ports", (rule["FromPort"], rule["ToPort"], rule["IsEgress"]), (5432, 5432, False))
    world.refused("the same rule", "InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, 400, GroupId=database, IpPermissions=pair)
    world.refused(
        "a group that is not", "InvalidGroup.NotFound", ec2.authorize_security_group_ingress, 400, GroupId=database,
        IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": f"sg-{NOBODY}"}]}],
    )
    world.refused(
        "ports the wrong way round", "InvalidParameterValue", ec2.authorize_security_group_ingress, 400, GroupId=database,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 90, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    world.refused(
        "a malformed block", "InvalidParameterValue", ec2.authorize_security_group_ingress, 400,
        GroupId=database, IpPermissions=tcp(80, "0.0.0.0"),
    )
    ec2.authorize_security_group_egress(
        GroupId=app, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": database}]}]
    )
    for one in (app, database):
        world.refused("removed while referred to", "DependencyViolation", ec2.delete_security_group, 400, GroupId=one)
    many = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": f"192.0.2.{n}/32"} for n in range(60)]}]
    web = ec2.create_security_group(GroupName="web", Description="w", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=many)
    world.refused(
        "a sixty-first rule", "RulesPerSecurityGroupLimitExceeded", ec2.authorize_security_group_ingress, 400,
        GroupId=web, IpPermissions=tcp(80, "0.0.0.0/0"),
    )
    rules = ec2.get_paginator("describe_security_group_rules").paginate(Filters=by("group-id", web), PaginationConfig={"PageSize": 7})
    world.same("sixty-one rules by sevens", sum(len(p["SecurityGroupRules"]) for p in rules), 61)
    ec2.revoke_security_group_ingress(GroupId=web, IpPermissions=many)
    world.refused("a rule revoked twice", "InvalidPermission.NotFound", ec2.revoke_security_group_ingress, 400, GroupId=web, IpPermissions=many)
    made = ec2.authorize_security_group_ingress(
        GroupId=web, IpPermissions=tcp(80, "10.0.0.1/8"), TagSpecifications=tags("security-group-rule", why="test")
    )["SecurityGroupRules"][0]
    world.same("a rule's block is canonical", made["CidrIpv4"], "10.0.0.0/8")
    world.same("a rule has tags", made["Tags"], [{"Key": "why", "Value": "test"}])
    ec2.modify_security_group_rules(
        GroupId=web,
        SecurityGroupRules=[{
            "SecurityGroupRuleId": made["SecurityGroupRuleId"],
            "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "10.0.0.0/16", "Description": "in"},
        }],
    )
    seen = ec2.describe_security_group_rules(SecurityGroupRuleIds=[made["SecurityGroupRuleId"]])["SecurityGroupRules"][0]
    world.same("a rule changed in place", (seen["FromPort"], seen["CidrIpv4"], seen["Description"]), (443, "10.0.0.0/16", "in"))
    ec2.update_security_group_rule_descriptions_ingress(
        GroupId=web, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": made["SecurityGroupRuleId"], "Description": "new"}]
    )
    seen = ec2.describe_security_groups(Filters=by("ip-permission.cidr", "10.0.0.0/16"))["SecurityGroups"][0]
    world.same("and its description", seen["IpPermissions"][0]["IpRanges"][0]["Description"], "new")
    ec2.revoke_security_group_ingress(GroupId=web, SecurityGroupRuleIds=[made["SecurityGroupRuleId"]])
    lists = {p["PrefixListName"]: p["PrefixListId"] for p in ec2.describe_managed_prefix_lists()["PrefixLists"]}
    abroad = {p["PrefixListName"]: p["PrefixListId"] for p in world.client("ec2", "eu-west-1").describe_managed_prefix_lists()["PrefixLists"]}
    edge = "com.amazonaws.global.cloudfront.origin-facing"
    world.that("prefix lists have another id in another region", lists[edge] != abroad[edge])
    world.refused(
        "another region's prefix list", "InvalidPrefixListID.NotFound", ec2.authorize_security_group_ingress, 400, GroupId=web,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": abroad[edge]}]}],
    )
    world.same("S3 has a prefix list", len(ec2.describe_prefix_lists(Filters=by("prefix-list-name", "com.amazonaws.us-west-2.s3"))["PrefixLists"]), 1)
    default = ec2.describe_security_groups(Filters=by("group-name", "default") + by("vpc-id", vpc))["SecurityGroups"][0]["GroupId"]
    world.refused("the default group removed", "CannotDelete", ec2.delete_security_group, 400, GroupId=default)
    ec2.revoke_security_group_ingress(GroupId=database, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": app}]}])
    for one in (app, database, web):
        ec2.delete_security_group(GroupId=one)
    world.refused("a group removed twice", "InvalidGroup.NotFound", ec2.delete_security_group, 400, GroupId=app)


def acls(world, ec2, vpc, subnets_):
    isolated = subnets_[3]
    acl = ec2.create_network_acl(VpcId=vpc, TagSpecifications=tags("network-acl", Name="fence"))["NetworkAcl"]
    world.same("an ACL denies all at birth", {(e["RuleNumber"], e["RuleAction"]) for e in acl["Entries"]}, {(32767, "deny")})
    acl = acl["NetworkAclId"]
    entry = dict(NetworkAclId=acl, Protocol="6", RuleAction="allow", CidrBlock="10.0.0.0/16", PortRange={"From": 5432, "To": 5432})
    ec2.create_network_acl_entry(RuleNumber=100, Egress=False, **entry)
    world.refused("a number taken", "NetworkAclEntryAlreadyExists", ec2.create_network_acl_entry, 400, RuleNumber=100, Egress=False, **entry)
    ec2.create_network_acl_entry(RuleNumber=100, Egress=True, **entry)
    world.refused("a number that is not", "InvalidNetworkAclEntry.NotFound", ec2.replace_network_acl_entry, 400, RuleNumber=9, Egress=False, **entry)
    world.refused("a number out of range", "InvalidParameterValue", ec2.create_network_acl_entry, 400, RuleNumber=40000, Egress=False, **entry)
    ec2.replace_network_acl_entry(RuleNumber=100, Egress=False, **{**entry, "RuleAction": "deny"})
    seen = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]["Entries"]
    first = next(e for e in seen if e["RuleNumber"] == 100 and not e["Egress"])
    world.same("an entry replaced", (first["RuleAction"], first["PortRange"]), ("deny", {"From": 5432, "To": 5432}))
    held = ec2.describe_network_acls(Filters=by("association.subnet-id", isolated))["NetworkAcls"][0]
    world.same("a subnet begins with the default", held["IsDefault"], True)
    association = next(a for a in held["Associations"] if a["SubnetId"] == isolated)["NetworkAclAssociationId"]
    new = ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)["NewAssociationId"]
    world.refused("the old association", "InvalidAssociationID.NotFound", ec2.replace_network_acl_association, 400, AssociationId=association, NetworkAclId=acl)
    world.refused("an ACL in use", "DependencyViolation", ec2.delete_network_acl, 400, NetworkAclId=acl)
    world.refused("the default ACL", "InvalidParameterValue", ec2.delete_network_acl, 400, NetworkAclId=held["NetworkAclId"])
    ec2.replace_network_acl_association(AssociationId=new, NetworkAclId=held["NetworkAclId"])
    ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Egress=True)
    ec2.delete_network_acl(NetworkAclId=acl)
    world.refused("an ACL that is not", "InvalidNetworkAclID.NotFound", ec2.describe_network_acls, 400, NetworkAclIds=[acl])


def endpoints(world, ec2, vpc, subnets_):
    names = ec2.describe_vpc_endpoint_services()["ServiceNames"]
    world.that("the services of the region", "com.amazonaws.us-west-2.ecr.dkr" in names)
    made = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-west-2.secretsmanager", VpcEndpointType="Interface",
        SubnetIds=[subnets_[2]], TagSpecifications=tags("vpc-endpoint", Name="secrets"),
    )["VpcEndpoint"]
    world.same("an endpoint begins pending", made["State"], "pending")
    world.same("one interface a subnet", len(made["NetworkInterfaceIds"]), 1)
    world.wait(180)
    seen = ec2.describe_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])["VpcEndpoints"][0]
    world.same("it becomes available", seen["State"], "available")
    world.refused(
        "a second with private DNS", "InvalidParameter", ec2.create_vpc_endpoint, 400, VpcId=vpc,
        ServiceName="com.amazonaws.us-west-2.secretsmanager", VpcEndpointType="Interface", SubnetIds=[subnets_[3]],
    )
    world.refused("no such service", "InvalidServiceName", ec2.create_vpc_endpoint, 400, VpcId=vpc, ServiceName="com.amazonaws.eu-west-1.s3")
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    s3 = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-west-2.s3", RouteTableIds=[table])["VpcEndpoint"]
    world.same("a gateway endpoint", (s3["VpcEndpointType"], s3["State"]), ("Gateway", "available"))
    route = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"][1]
    world.same("is a route", route["GatewayId"], s3["VpcEndpointId"])
    answer = ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"], s3["VpcEndpointId"], f"vpce-{NOBODY}"])
    world.same("failures are told per endpoint", [u["Error"]["Code"] for u in answer["Unsuccessful"]], ["InvalidVpcEndpointId.NotFound"])
    world.wait(240)
    world.same("both gone", ec2.describe_vpc_endpoints()["VpcEndpoints"], [])
    ec2.delete_route_table(RouteTableId=table)


def interfaces(world, ec2, vpc, subnets_):
    made = ec2.create_network_interface(SubnetId=subnets_[2], Description="probe", TagSpecifications=tags("network-interface", a="b"))
    made = made["NetworkInterface"]
    identity = made["NetworkInterfaceId"]
    ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[identity])
    world.same("in the default group", made["Groups"][0]["GroupName"], "default")
    address = ec2.allocate_address(Domain="vpc")
    joined = ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=identity)["AssociationId"]
    seen = ec2.describe_network_interfaces(Filters=by("association.public-ip", address["PublicIp"]))["NetworkInterfaces"][0]
    world.same("found by its address", seen["NetworkInterfaceId"], identity)
    world.refused("a joined address released", "InvalidIPAddress.InUse", ec2.release_address, 400, AllocationId=address["AllocationId"])
    ec2.disassociate_address(AssociationId=joined)
    world.refused("parted twice", "InvalidAssociationID.NotFound", ec2.disassociate_address, 400, AssociationId=joined)
    ec2.release_address(AllocationId=address["AllocationId"])
    world.refused("its subnet removed", "DependencyViolation", ec2.delete_subnet, 400, SubnetId=subnets_[2])
    ec2.modify_network_interface_attribute(NetworkInterfaceId=identity, Description={"Value": "changed"})
    seen = ec2.describe_network_interface_attribute(NetworkInterfaceId=identity, Attribute="description")
    world.same("a new description", seen["Description"], {"Value": "changed"})
    world.refused(
        "an address out of the subnet", "InvalidParameterValue", ec2.create_network_interface, 400,
        SubnetId=subnets_[2], PrivateIpAddress="10.0.3.9",
    )
    world.refused(
        "an address taken", "InvalidIPAddress.InUse", ec2.create_network_interface, 400,
        SubnetId=subnets_[2], PrivateIpAddress=made["PrivateIpAddress"],
    )
    ec2.delete_network_interface(NetworkInterfaceId=identity)


def odds_and_ends(world, ec2, vpc):
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "drtool:run", "Value": "1"}])
    found = ec2.describe_tags(Filters=by("resource-id", vpc) + by("key", "drtool:*"))["Tags"]
    world.same("a tag across kinds", [(t["ResourceType"], t["Value"]) for t in found], [("vpc", "1")])
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "drtool:run"}])
    world.same("a tag removed", ec2.describe_tags(Filters=by("key", "drtool:run"))["Tags"], [])
    world.refused("a reserved key", "InvalidParameterValue", ec2.create_tags, 400, Resources=[vpc], Tags=[{"Key": "aws:x", "Value": ""}])
    world.refused("tags on nothing", "InvalidSubnetID.NotFound", ec2.create_tags, 400, Resources=[f"subnet-{NOBODY}"], Tags=[{"Key": "a", "Value": ""}])
    there = world.client("ec2", "eu-west-1")
    other = there.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    world.refused("a VPC of another region", "InvalidVpcID.NotFound", ec2.describe_vpcs, 400, VpcIds=[other])
    peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other, PeerRegion="eu-west-1")["VpcPeeringConnection"]
    identity = peering["VpcPeeringConnectionId"]
    world.same("a peering waits", peering["Status"]["Code"], "pending-acceptance")
    world.refused("accepted by the wrong side", "OperationNotPermitted", ec2.accept_vpc_peering_connection, 400, VpcPeeringConnectionId=identity)
    there.accept_vpc_peering_connection(VpcPeeringConnectionId=identity)
    seen = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[identity])["VpcPeeringConnections"][0]
    world.same("active on both sides", seen["Status"]["Code"], "active")
    world.refused("a peered VPC removed", "DependencyViolation", there.delete_vpc, 400, VpcId=other)
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=identity)
    there.delete_vpc(VpcId=other)
    options = ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["example.com"]}])["DhcpOptions"]
    ec2.associate_dhcp_options(DhcpOptionsId=options["DhcpOptionsId"], VpcId=vpc)
    world.refused("options in use", "DependencyViolation", ec2.delete_dhcp_options, 400, DhcpOptionsId=options["DhcpOptionsId"])
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    ec2.delete_dhcp_options(DhcpOptionsId=options["DhcpOptionsId"])
    logs = ec2.create_flow_logs(ResourceType="VPC", ResourceIds=[vpc], TrafficType="ALL", LogDestinationType="s3", LogDestination="arn:aws:s3:::logs")
    world.same("a flow log", len(logs["FlowLogIds"]), 1)
    ec2.delete_flow_logs(FlowLogIds=logs["FlowLogIds"])
    world.same("a flow log removed", ec2.describe_flow_logs()["FlowLogs"], [])


def pages(world, ec2, vpc):
    for n in range(12):
        ec2.create_security_group(GroupName=f"page-{n}", Description="x", VpcId=vpc)
    whole = [g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]]
    paged, sizes = [], []
    for page in ec2.get_paginator("describe_security_groups").paginate(PaginationConfig={"PageSize": 5}):
        paged += [g["GroupId"] for g in page["SecurityGroups"]]
        sizes.append(len(page["SecurityGroups"]))
    world.same("pages give the same list", paged, whole)
    world.same("pages of five", sizes, [5, 5, 3])
    for group in ec2.describe_security_groups(Filters=by("group-name", "page-*"))["SecurityGroups"]:
        ec2.delete_security_group(GroupId=group["GroupId"])


def command_line(world):
    code, seen, _ = world.cli("ec2", "describe-vpcs", "--filters", "Name=tag:Name,Values=redmine")
    world.same("the CLI reads", (code, len(seen["Vpcs"])), (0, 1))
    code, _, errors = world.cli("ec2", "delete-vpc", "--vpc-id", f"vpc-{NOBODY}")
    world.that("the CLI is told of errors", code != 0 and "(InvalidVpcID.NotFound)" in errors, errors)
    code, seen, _ = world.cli("ec2", "describe-subnets", "--page-size", "5", "--query", "Subnets[].SubnetId")
    world.same("the CLI pages", (code, len(seen)), (0, 4))


def removal(world, ec2, vpc, subnets_, gateway):
    world.refused("a VPC that holds something", "DependencyViolation", ec2.delete_vpc, 400, VpcId=vpc)
    for subnet in subnets_:
        ec2.delete_subnet(SubnetId=subnet)
    for table in ec2.describe_route_tables(Filters=by("vpc-id", vpc))["RouteTables"]:
        if not any(a["Main"] for a in table["Associations"]):
            ec2.delete_route_table(RouteTableId=table["RouteTableId"])
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_vpc(VpcId=vpc)
    for kind, call, listed in [
        ("VPCs", ec2.describe_vpcs, "Vpcs"),
        ("subnets", ec2.describe_subnets, "Subnets"),
        ("groups", ec2.describe_security_groups, "SecurityGroups"),
        ("ACLs", ec2.describe_network_acls, "NetworkAcls"),
        ("tables", ec2.describe_route_tables, "RouteTables"),
        ("interfaces", ec2.describe_network_interfaces, "NetworkInterfaces"),
        ("addresses", ec2.describe_addresses, "Addresses"),
        ("tags", ec2.describe_tags, "Tags"),
    ]:
        world.same(f"no {kind} left", call()[listed], [])
