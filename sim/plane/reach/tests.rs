use super::{Blocked, Flow, To, reach, reach_service, still_flows};
use crate::plane::From;
use crate::services::ServiceId;
use crate::services::ec2::{attach_interface, interface, release_interface};
use crate::world::World;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-west-2";

/// The three tiers of a usual stack: public with an internet gateway, private behind NAT, isolated.
struct Tiers {
    world: World,
    vpc: String,
    public: String,
    private: String,
    isolated: String,
    gateway: String,
    private_table: String,
}

impl Tiers {
    fn new() -> Tiers {
        let mut world = World::new(11);
        world.settings.read_lag = 0;
        let mut tiers = Tiers {
            world,
            vpc: String::new(),
            public: String::new(),
            private: String::new(),
            isolated: String::new(),
            gateway: String::new(),
            private_table: String::new(),
        };
        tiers.vpc = tiers.make(
            "CreateVpc",
            json!({"CidrBlock": "10.0.0.0/16"}),
            "/Vpc/VpcId",
        );
        tiers.public = tiers.subnet("10.0.0.0/24");
        tiers.private = tiers.subnet("10.0.1.0/24");
        tiers.isolated = tiers.subnet("10.0.2.0/24");
        tiers.gateway = tiers.make(
            "CreateInternetGateway",
            json!({}),
            "/InternetGateway/InternetGatewayId",
        );
        tiers.call(
            "AttachInternetGateway",
            json!({"InternetGatewayId": tiers.gateway, "VpcId": tiers.vpc}),
        );
        let public_table = tiers.table(&tiers.public.clone());
        tiers.route(&public_table, "GatewayId", &tiers.gateway.clone());
        let allocation = tiers.make("AllocateAddress", json!({}), "/AllocationId");
        let nat = tiers.make(
            "CreateNatGateway",
            json!({"SubnetId": tiers.public, "AllocationId": allocation}),
            "/NatGateway/NatGatewayId",
        );
        tiers.private_table = tiers.table(&tiers.private.clone());
        tiers.route(&tiers.private_table.clone(), "NatGatewayId", &nat);
        tiers
    }

    fn call(&mut self, operation: &str, input: Value) -> Value {
        self.world
            .invoke(ACCOUNT, REGION, ServiceId::Ec2, operation, input)
            .unwrap_or_else(|e| panic!("{operation}: {e}"))
    }

    fn make(&mut self, operation: &str, input: Value, pointer: &str) -> String {
        self.call(operation, input)
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap()
            .to_owned()
    }

    fn subnet(&mut self, cidr: &str) -> String {
        let input = json!({"VpcId": self.vpc, "CidrBlock": cidr, "AvailabilityZone": "us-west-2a"});
        self.make("CreateSubnet", input, "/Subnet/SubnetId")
    }

    fn table(&mut self, subnet: &str) -> String {
        let table = self.make(
            "CreateRouteTable",
            json!({"VpcId": self.vpc}),
            "/RouteTable/RouteTableId",
        );
        self.call(
            "AssociateRouteTable",
            json!({"RouteTableId": table, "SubnetId": subnet}),
        );
        table
    }

    fn route(&mut self, table: &str, member: &str, target: &str) {
        let mut input = json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"});
        input[member] = target.into();
        self.call("CreateRoute", input);
    }

    fn nat_ready(&mut self) {
        let now = self.world.now();
        self.world.advance_to(now + 200 * crate::clock::SECOND);
    }

    fn group(&mut self, name: &str) -> String {
        let input = json!({"VpcId": self.vpc, "GroupName": name, "Description": name});
        self.make("CreateSecurityGroup", input, "/GroupId")
    }

    fn allow(&mut self, group: &str, port: i64, peer: Value) {
        let mut permission = json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port});
        for (name, value) in peer.as_object().unwrap() {
            permission[name] = value.clone();
        }
        self.call(
            "AuthorizeSecurityGroupIngress",
            json!({"GroupId": group, "IpPermissions": [permission]}),
        );
    }

    fn place(&mut self, subnet: &str, group: &str, public: bool) -> String {
        let groups = [group.to_owned()];
        attach_interface(
            &mut self.world,
            ACCOUNT,
            REGION,
            subnet,
            &groups,
            "test",
            "ecs",
            public,
        )
        .unwrap()
        .id
    }

    fn reach(&self, from: &str, to: &str, port: u16) -> Result<(), Blocked> {
        reach(&self.world, &at(from), &to_interface(to), port)
    }

    fn deny(&mut self, subnet: &str, number: i64, egress: bool, port: (i64, i64), cidr: &str) {
        let filters = json!([{"Name": "association.subnet-id", "Values": [subnet]}]);
        let acl = self.make(
            "DescribeNetworkAcls",
            json!({"Filters": filters}),
            "/NetworkAcls/0/NetworkAclId",
        );
        self.call(
            "CreateNetworkAclEntry",
            json!({"NetworkAclId": acl, "RuleNumber": number, "Protocol": "6", "RuleAction": "deny", "Egress": egress,
                "CidrBlock": cidr, "PortRange": {"From": port.0, "To": port.1}}),
        );
    }
}

fn at(id: &str) -> From {
    From::Interface {
        account: ACCOUNT.into(),
        region: REGION.into(),
        id: id.into(),
    }
}

fn to_interface(id: &str) -> To {
    To::Interface {
        account: ACCOUNT.into(),
        region: REGION.into(),
        id: id.into(),
    }
}

fn outside() -> From {
    From::Internet {
        ip: "203.0.113.9".into(),
    }
}

fn anywhere() -> Value {
    json!({"IpRanges": [{"CidrIp": "0.0.0.0/0"}]})
}

#[test]
fn the_internet_reaches_what_is_public_on_an_open_port_and_nothing_else() {
    let mut tiers = Tiers::new();
    let web = tiers.group("web");
    tiers.allow(&web, 443, anywhere());
    let (public, private) = (tiers.public.clone(), tiers.private.clone());
    let front = tiers.place(&public, &web, true);
    assert_eq!(
        reach(&tiers.world, &outside(), &to_interface(&front), 443),
        Ok(())
    );
    let address = interface(&tiers.world, ACCOUNT, REGION, &front)
        .unwrap()
        .public_address
        .clone()
        .unwrap();
    assert_eq!(
        reach(&tiers.world, &outside(), &To::Address(address), 443),
        Ok(())
    );
    assert_eq!(
        reach(&tiers.world, &outside(), &to_interface(&front), 80),
        Err(Blocked::SecurityGroup {
            interface: front,
            egress: false,
            port: 80
        })
    );
    let inner = tiers.place(&private, &web, false);
    assert_eq!(
        reach(&tiers.world, &outside(), &to_interface(&inner), 443),
        Err(Blocked::NotPublic(inner))
    );
    // A public address in a subnet whose way out is NAT is of no use.
    let odd = tiers.place(&private, &web, true);
    let blocked = reach(&tiers.world, &outside(), &to_interface(&odd), 443);
    assert!(
        matches!(blocked, Err(Blocked::NoRoute { .. })),
        "{blocked:?}"
    );
    assert_eq!(
        reach(
            &tiers.world,
            &outside(),
            &To::Address("198.18.0.1".into()),
            443
        ),
        Err(Blocked::NobodyThere("198.18.0.1".into()))
    );
}

#[test]
fn groups_that_name_each_other_let_each_other_through() {
    let mut tiers = Tiers::new();
    let (app, database) = (tiers.group("app"), tiers.group("database"));
    tiers.allow(
        &database,
        5432,
        json!({"UserIdGroupPairs": [{"GroupId": app}]}),
    );
    let (private, isolated) = (tiers.private.clone(), tiers.isolated.clone());
    let task = tiers.place(&private, &app, false);
    let instance = tiers.place(&isolated, &database, false);
    assert_eq!(tiers.reach(&task, &instance, 5432), Ok(()));
    let stranger = tiers.group("stranger");
    let other = tiers.place(&private, &stranger, false);
    assert_eq!(
        tiers.reach(&other, &instance, 5432),
        Err(Blocked::SecurityGroup {
            interface: instance.clone(),
            egress: false,
            port: 5432
        })
    );
    tiers.call(
        "RevokeSecurityGroupEgress",
        json!({"GroupId": app, "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}),
    );
    assert_eq!(
        tiers.reach(&task, &instance, 5432),
        Err(Blocked::SecurityGroup {
            interface: task,
            egress: true,
            port: 5432
        })
    );
}

#[test]
fn a_group_that_names_itself_joins_its_members() {
    let mut tiers = Tiers::new();
    let cluster = tiers.group("cluster");
    tiers.allow(
        &cluster,
        7946,
        json!({"UserIdGroupPairs": [{"GroupId": cluster}]}),
    );
    let private = tiers.private.clone();
    let (one, two) = (
        tiers.place(&private, &cluster, false),
        tiers.place(&private, &cluster, false),
    );
    assert_eq!(tiers.reach(&one, &two, 7946), Ok(()));
}

#[test]
fn network_acls_count_each_way_and_only_at_borders() {
    let mut tiers = Tiers::new();
    let open = tiers.group("open");
    tiers.allow(&open, 5432, anywhere());
    let (private, isolated) = (tiers.private.clone(), tiers.isolated.clone());
    let task = tiers.place(&private, &open, false);
    let neighbour = tiers.place(&private, &open, false);
    let instance = tiers.place(&isolated, &open, false);
    assert_eq!(tiers.reach(&task, &instance, 5432), Ok(()));
    tiers.deny(&isolated, 50, false, (5432, 5432), "10.0.1.0/24");
    let blocked = tiers.reach(&task, &instance, 5432);
    assert!(
        matches!(
            blocked,
            Err(Blocked::Acl {
                egress: false,
                port: 5432,
                rule: Some(50),
                ..
            })
        ),
        "{blocked:?}"
    );
    assert_eq!(
        tiers.reach(&task, &neighbour, 5432),
        Ok(()),
        "no border between neighbours"
    );
}

#[test]
fn answers_need_their_ephemeral_ports() {
    let mut tiers = Tiers::new();
    let open = tiers.group("open");
    tiers.allow(&open, 5432, anywhere());
    let (private, isolated) = (tiers.private.clone(), tiers.isolated.clone());
    let task = tiers.place(&private, &open, false);
    let instance = tiers.place(&isolated, &open, false);
    tiers.deny(&isolated, 50, true, (1024, 65_535), "10.0.1.0/24");
    let blocked = tiers.reach(&task, &instance, 5432);
    assert!(
        matches!(
            blocked,
            Err(Blocked::Acl {
                egress: true,
                port: 32_768,
                ..
            })
        ),
        "{blocked:?}"
    );
}

#[test]
fn the_private_tier_leaves_through_nat_and_the_isolated_one_does_not() {
    let mut tiers = Tiers::new();
    let app = tiers.group("app");
    let (private, isolated, public) = (
        tiers.private.clone(),
        tiers.isolated.clone(),
        tiers.public.clone(),
    );
    let task = tiers.place(&private, &app, false);
    let instance = tiers.place(&isolated, &app, false);
    let away = To::Address("192.0.2.10".into());
    let pending = reach(&tiers.world, &at(&task), &away, 443);
    assert!(
        matches!(pending, Err(Blocked::Blackhole { .. })),
        "NAT takes its minutes: {pending:?}"
    );
    tiers.nat_ready();
    assert_eq!(reach(&tiers.world, &at(&task), &away, 443), Ok(()));
    assert_eq!(reach_service(&tiers.world, &at(&task), "ecr.dkr"), Ok(()));
    let blocked = reach(&tiers.world, &at(&instance), &away, 443);
    assert!(
        matches!(blocked, Err(Blocked::NoRoute { .. })),
        "{blocked:?}"
    );
    assert!(reach_service(&tiers.world, &at(&instance), "secretsmanager").is_err());
    // A task in the public subnet needs an address of its own.
    let bare = tiers.place(&public, &app, false);
    assert_eq!(
        reach(&tiers.world, &at(&bare), &away, 443),
        Err(Blocked::NoPublicAddress(bare))
    );
    let addressed = tiers.place(&public, &app, true);
    assert_eq!(reach(&tiers.world, &at(&addressed), &away, 443), Ok(()));
}

#[test]
fn a_task_reaches_a_public_balancer_of_its_own_stack_by_nat_address() {
    let mut tiers = Tiers::new();
    tiers.nat_ready();
    let (app, web) = (tiers.group("app"), tiers.group("web"));
    let (private, public) = (tiers.private.clone(), tiers.public.clone());
    let task = tiers.place(&private, &app, false);
    let front = tiers.place(&public, &web, true);
    let address = interface(&tiers.world, ACCOUNT, REGION, &front)
        .unwrap()
        .public_address
        .clone()
        .unwrap();
    let to = To::Address(address);
    // From outside it is the NAT's address that counts, not the group of the task.
    tiers.allow(&web, 443, json!({"UserIdGroupPairs": [{"GroupId": app}]}));
    assert!(matches!(
        reach(&tiers.world, &at(&task), &to, 443),
        Err(Blocked::SecurityGroup { .. })
    ));
    tiers.allow(&web, 443, anywhere());
    assert_eq!(reach(&tiers.world, &at(&task), &to, 443), Ok(()));
}

#[test]
fn endpoints_lead_to_services_without_the_internet() {
    let mut tiers = Tiers::new();
    tiers.call(
        "ModifyVpcAttribute",
        json!({"VpcId": tiers.vpc, "EnableDnsHostnames": {"Value": true}}),
    );
    let (app, door) = (tiers.group("app"), tiers.group("door"));
    let isolated = tiers.isolated.clone();
    let task = tiers.place(&isolated, &app, false);
    tiers.call(
        "CreateVpcEndpoint",
        json!({"VpcId": tiers.vpc, "ServiceName": "com.amazonaws.us-west-2.secretsmanager",
            "VpcEndpointType": "Interface", "SubnetIds": [isolated], "SecurityGroupIds": [door]}),
    );
    tiers.nat_ready();
    assert!(matches!(
        reach_service(&tiers.world, &at(&task), "secretsmanager"),
        Err(Blocked::SecurityGroup { egress: false, .. })
    ));
    tiers.allow(&door, 443, json!({"UserIdGroupPairs": [{"GroupId": app}]}));
    assert_eq!(
        reach_service(&tiers.world, &at(&task), "secretsmanager"),
        Ok(())
    );
    assert!(reach_service(&tiers.world, &at(&task), "s3").is_err());
    let table = tiers.table(&isolated);
    tiers.call(
        "CreateVpcEndpoint",
        json!({"VpcId": tiers.vpc, "ServiceName": "com.amazonaws.us-west-2.s3", "RouteTableIds": [table]}),
    );
    assert_eq!(reach_service(&tiers.world, &at(&task), "s3"), Ok(()));
}

#[test]
fn an_established_flow_outlives_its_rule_and_not_its_acl() {
    let mut tiers = Tiers::new();
    let (app, database) = (tiers.group("app"), tiers.group("database"));
    tiers.allow(&database, 5432, anywhere());
    let (private, isolated) = (tiers.private.clone(), tiers.isolated.clone());
    let task = tiers.place(&private, &app, false);
    let instance = tiers.place(&isolated, &database, false);
    let flow = Flow {
        from: at(&task),
        to: to_interface(&instance),
        port: 5432,
    };
    let since = tiers.world.now();
    tiers.call(
        "RevokeSecurityGroupIngress",
        json!({"GroupId": database, "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}),
    );
    assert!(
        tiers.reach(&task, &instance, 5432).is_err(),
        "nothing new gets through"
    );
    assert_eq!(
        still_flows(&tiers.world, &flow, since),
        Ok(()),
        "what was open stays open"
    );
    tiers.deny(&isolated, 10, false, (5432, 5432), "0.0.0.0/0");
    assert!(matches!(
        still_flows(&tiers.world, &flow, since),
        Err(Blocked::Acl { .. })
    ));
}

#[test]
fn a_flow_ends_with_its_interface() {
    let mut tiers = Tiers::new();
    let open = tiers.group("open");
    tiers.allow(&open, 80, anywhere());
    let private = tiers.private.clone();
    let (one, two) = (
        tiers.place(&private, &open, false),
        tiers.place(&private, &open, false),
    );
    let flow = Flow {
        from: at(&one),
        to: to_interface(&two),
        port: 80,
    };
    release_interface(&mut tiers.world, ACCOUNT, REGION, &two);
    assert_eq!(
        still_flows(&tiers.world, &flow, 0),
        Err(Blocked::NobodyThere(two.clone()))
    );
    assert_eq!(
        tiers.reach(&one, &two, 80),
        Err(Blocked::NobodyThere(two.clone()))
    );
    assert_eq!(tiers.reach(&two, &one, 80), Err(Blocked::SourceGone(two)));
}

#[test]
fn peered_networks_reach_each_other_when_both_have_routes() {
    let mut tiers = Tiers::new();
    let other = tiers.make(
        "CreateVpc",
        json!({"CidrBlock": "10.9.0.0/16"}),
        "/Vpc/VpcId",
    );
    let input =
        json!({"VpcId": other, "CidrBlock": "10.9.0.0/24", "AvailabilityZone": "us-west-2a"});
    let there = tiers.make("CreateSubnet", input, "/Subnet/SubnetId");
    let input = json!({"VpcId": other, "GroupName": "there", "Description": "x"});
    let group = tiers.make("CreateSecurityGroup", input, "/GroupId");
    tiers.allow(&group, 80, json!({"IpRanges": [{"CidrIp": "10.0.0.0/16"}]}));
    let target = tiers.place(&there, &group, false);
    let open = tiers.group("open");
    let private = tiers.private.clone();
    let task = tiers.place(&private, &open, false);
    assert!(tiers.reach(&task, &target, 80).is_err());
    let input = json!({"VpcId": tiers.vpc, "PeerVpcId": other});
    let peering = tiers.make(
        "CreateVpcPeeringConnection",
        input,
        "/VpcPeeringConnection/VpcPeeringConnectionId",
    );
    tiers.call(
        "AcceptVpcPeeringConnection",
        json!({"VpcPeeringConnectionId": peering}),
    );
    let table = tiers.private_table.clone();
    tiers.call(
        "CreateRoute",
        json!({"RouteTableId": table, "DestinationCidrBlock": "10.9.0.0/16", "VpcPeeringConnectionId": peering}),
    );
    assert!(
        matches!(
            tiers.reach(&task, &target, 80),
            Err(Blocked::NoRoute { .. })
        ),
        "no way back"
    );
    let filters = json!([{"Name": "vpc-id", "Values": [other]}]);
    let back = tiers.make(
        "DescribeRouteTables",
        json!({"Filters": filters}),
        "/RouteTables/0/RouteTableId",
    );
    tiers.call(
        "CreateRoute",
        json!({"RouteTableId": back, "DestinationCidrBlock": "10.0.0.0/16", "VpcPeeringConnectionId": peering}),
    );
    assert_eq!(tiers.reach(&task, &target, 80), Ok(()));
    let address = interface(&tiers.world, ACCOUNT, REGION, &target)
        .unwrap()
        .private_address
        .clone();
    assert_eq!(
        reach(&tiers.world, &at(&task), &To::Address(address), 80),
        Ok(())
    );
}
