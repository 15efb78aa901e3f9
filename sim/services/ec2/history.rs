//! Random histories of networks and balancers: after every call, answered or refused, what there is holds together.

use super::state::{Peer, State};
use crate::clock::SECOND;
use crate::services::ServiceId;
use crate::services::elbv2;
use crate::world::World;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";

/// One step: what is done, and with which of the things there are.
type Step = (u8, u8, u8, u8);

struct History {
    world: World,
}

impl History {
    fn new() -> History {
        let mut world = World::new(1);
        world.settings.read_lag = 0;
        History { world }
    }

    fn state(&self) -> Option<&State> {
        self.world.seen_place(ACCOUNT, REGION).map(|p| &p.ec2)
    }

    fn balancing(&self) -> Option<&elbv2::State> {
        self.world.seen_place(ACCOUNT, REGION).map(|p| &p.elbv2)
    }

    /// One of the ids that there are, or one that names nothing.
    fn pick(&self, kind: &str, number: u8) -> String {
        let ids = self.state().map_or(vec![], |s| match kind {
            "vpc" => s.vpcs.keys(),
            "subnet" => s.subnets.keys(),
            "igw" => s.internet_gateways.keys(),
            "eipalloc" => s.addresses.keys(),
            "nat" => s.nat_gateways.keys(),
            "rtb" => s.route_tables.keys(),
            "sg" => s.groups.keys(),
            "acl" => s.acls.keys(),
            "eni" => s.interfaces.keys(),
            _ => vec![],
        });
        let ids = match kind {
            "balancer" => self.balancing().map_or(vec![], |s| s.balancers.keys()),
            "target group" => self.balancing().map_or(vec![], |s| s.groups.keys()),
            "listener" => self.balancing().map_or(vec![], |s| s.listeners.keys()),
            _ => ids,
        };
        let at = number as usize % (ids.len() + 1);
        ids.get(at)
            .cloned()
            .unwrap_or_else(|| format!("{kind}-0123456789abcdef0"))
    }

    fn call(&mut self, service: ServiceId, operation: &str, input: Value) {
        // Most of it is refused: that is half of what is tried.
        let _ = self
            .world
            .invoke(ACCOUNT, REGION, service, operation, input);
    }

    fn step(&mut self, (what, a, b, c): Step) {
        let ec2 = |h: &mut History, operation: &str, input: Value| {
            h.call(ServiceId::Ec2, operation, input)
        };
        let elb = |h: &mut History, operation: &str, input: Value| {
            h.call(ServiceId::Elbv2, operation, input)
        };
        let (vpc, subnet, group) = (
            self.pick("vpc", a),
            self.pick("subnet", b),
            self.pick("sg", c),
        );
        let (table, gateway) = (self.pick("rtb", b), self.pick("igw", b));
        let pair = json!([{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80,
            "UserIdGroupPairs": [{"GroupId": self.pick("sg", a)}]}]);
        match what % 34 {
            0 => ec2(
                self,
                "CreateVpc",
                json!({"CidrBlock": format!("10.{}.0.0/16", a % 4)}),
            ),
            1 => ec2(self, "DeleteVpc", json!({"VpcId": vpc})),
            2..=4 => {
                let zone = ["a", "b", "c"][c as usize % 3];
                let cidr = format!("10.{}.{}.0/{}", a % 4, b % 8, 24 + c % 3);
                let input = json!({"VpcId": vpc, "CidrBlock": cidr, "AvailabilityZone": format!("{REGION}{zone}")});
                ec2(self, "CreateSubnet", input);
            }
            5 => ec2(self, "DeleteSubnet", json!({"SubnetId": subnet})),
            6 => ec2(self, "CreateInternetGateway", json!({})),
            7 | 8 => ec2(
                self,
                "AttachInternetGateway",
                json!({"InternetGatewayId": gateway, "VpcId": vpc}),
            ),
            9 => ec2(
                self,
                "DetachInternetGateway",
                json!({"InternetGatewayId": gateway, "VpcId": vpc}),
            ),
            10 => ec2(
                self,
                "DeleteInternetGateway",
                json!({"InternetGatewayId": gateway}),
            ),
            11 => ec2(self, "AllocateAddress", json!({})),
            12 => ec2(
                self,
                "ReleaseAddress",
                json!({"AllocationId": self.pick("eipalloc", a)}),
            ),
            13 => {
                let input = json!({"SubnetId": subnet, "AllocationId": self.pick("eipalloc", a)});
                ec2(self, "CreateNatGateway", input);
            }
            14 => ec2(
                self,
                "DeleteNatGateway",
                json!({"NatGatewayId": self.pick("nat", a)}),
            ),
            15 => ec2(self, "CreateRouteTable", json!({"VpcId": vpc})),
            16 => ec2(
                self,
                "AssociateRouteTable",
                json!({"RouteTableId": table, "SubnetId": self.pick("subnet", c)}),
            ),
            17 => ec2(self, "DeleteRouteTable", json!({"RouteTableId": table})),
            18 => {
                let association = self.state().and_then(|s| {
                    let table = s.route_tables.get(&table)?;
                    Some(
                        table
                            .associations
                            .get(c as usize % table.associations.len().max(1))?
                            .id
                            .clone(),
                    )
                });
                let other = self.pick("rtb", a);
                if let Some(id) = association {
                    ec2(
                        self,
                        "ReplaceRouteTableAssociation",
                        json!({"AssociationId": id, "RouteTableId": other}),
                    );
                }
            }
            19 => {
                let input = json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0",
                    "GatewayId": self.pick("igw", c)});
                ec2(self, "CreateRoute", input);
            }
            20 => {
                let input =
                    json!({"VpcId": vpc, "GroupName": format!("g{}", b % 4), "Description": "x"});
                ec2(self, "CreateSecurityGroup", input);
            }
            21 => ec2(self, "DeleteSecurityGroup", json!({"GroupId": group})),
            22 => ec2(
                self,
                "AuthorizeSecurityGroupIngress",
                json!({"GroupId": group, "IpPermissions": pair}),
            ),
            23 => ec2(
                self,
                "RevokeSecurityGroupIngress",
                json!({"GroupId": group, "IpPermissions": pair}),
            ),
            24 => ec2(self, "CreateNetworkAcl", json!({"VpcId": vpc})),
            25 => {
                let association = self.state().and_then(|s| {
                    let (_, acl) = s.acls.iter().nth(b as usize % s.acls.len().max(1))?;
                    Some(acl.associations.first()?.0.clone())
                });
                let acl = self.pick("acl", a);
                if let Some(id) = association {
                    ec2(
                        self,
                        "ReplaceNetworkAclAssociation",
                        json!({"AssociationId": id, "NetworkAclId": acl}),
                    );
                }
            }
            26 => ec2(
                self,
                "DeleteNetworkAcl",
                json!({"NetworkAclId": self.pick("acl", a)}),
            ),
            27 => {
                let input = json!({"SubnetId": subnet, "Groups": [group]});
                ec2(self, "CreateNetworkInterface", input);
            }
            28 => ec2(
                self,
                "DeleteNetworkInterface",
                json!({"NetworkInterfaceId": self.pick("eni", a)}),
            ),
            29 => {
                let (one, two) = (self.pick("subnet", a), self.pick("subnet", b));
                let input = json!({"Name": format!("b{}", c % 3), "Subnets": [one, two],
                    "SecurityGroups": [group], "Scheme": if a % 2 == 0 { "internal" } else { "internet-facing" }});
                elb(self, "CreateLoadBalancer", input);
            }
            30 => elb(
                self,
                "DeleteLoadBalancer",
                json!({"LoadBalancerArn": self.pick("balancer", a)}),
            ),
            31 => {
                let input = json!({"Name": format!("t{}", b % 3), "Protocol": "HTTP", "Port": 80, "VpcId": vpc,
                    "TargetType": "ip"});
                elb(self, "CreateTargetGroup", input);
                let arn = self.pick("target group", c);
                elb(
                    self,
                    "RegisterTargets",
                    json!({"TargetGroupArn": arn, "Targets": [{"Id": "10.0.0.9"}]}),
                );
            }
            32 => {
                let action =
                    json!([{"Type": "forward", "TargetGroupArn": self.pick("target group", b)}]);
                let input = json!({"LoadBalancerArn": self.pick("balancer", a), "Protocol": "HTTP",
                    "Port": 80 + c % 3, "DefaultActions": action});
                elb(self, "CreateListener", input);
            }
            _ => {
                elb(
                    self,
                    "DeleteTargetGroup",
                    json!({"TargetGroupArn": self.pick("target group", a)}),
                );
                if b % 3 == 0 {
                    elb(
                        self,
                        "DeleteListener",
                        json!({"ListenerArn": self.pick("listener", a)}),
                    );
                }
                let now = self.world.now();
                self.world.advance_to(now + u64::from(c) * 5 * SECOND);
            }
        }
    }

    fn check(&self) {
        let (Some(s), Some(lb)) = (self.state(), self.balancing()) else {
            return;
        };
        assert!(
            s.vpcs.len() <= 5 && s.addresses.len() <= 5 && s.internet_gateways.len() <= 5,
            "quotas"
        );
        for (id, vpc) in s.vpcs.iter() {
            let of_vpc = || s.route_tables.iter().filter(|(_, t)| t.vpc_id == id);
            assert_eq!(
                of_vpc().filter(|(_, t)| t.is_main()).count(),
                1,
                "{id} has one main table"
            );
            let defaults = s
                .groups
                .iter()
                .filter(|(_, g)| g.vpc_id == id && g.name == "default")
                .count();
            assert_eq!(defaults, 1, "{id} has one default group");
            let gateways = s
                .internet_gateways
                .iter()
                .filter(|(_, g)| g.vpc_id.as_deref() == Some(id))
                .count();
            assert!(gateways <= 1, "{id} has one gateway at most");
            let inside: Vec<_> = s
                .subnets
                .iter()
                .filter(|(_, n)| n.vpc_id == id)
                .map(|(_, n)| n.cidr)
                .collect();
            for (n, one) in inside.iter().enumerate() {
                assert!(
                    vpc.cidrs.iter().any(|(_, block)| block.contains(*one)),
                    "{one} lies in {id}"
                );
                assert!(
                    !inside[n + 1..].iter().any(|other| other.overlaps(*one)),
                    "{one} overlaps nothing"
                );
            }
        }
        for (id, subnet) in s.subnets.iter() {
            assert!(s.vpcs.contains(&subnet.vpc_id), "{id} has its VPC");
            let acls = s
                .acls
                .iter()
                .flat_map(|(_, a)| &a.associations)
                .filter(|(_, n)| n == id)
                .count();
            assert_eq!(acls, 1, "{id} has one ACL");
            let tables = s.route_tables.iter().flat_map(|(_, t)| &t.associations);
            assert!(
                tables
                    .filter(|a| a.subnet_id.as_deref() == Some(id))
                    .count()
                    <= 1,
                "{id} goes by one table"
            );
        }
        for (id, table) in s.route_tables.iter() {
            assert!(s.vpcs.contains(&table.vpc_id), "{id} has its VPC");
            assert!(
                table
                    .associations
                    .iter()
                    .filter_map(|a| a.subnet_id.as_ref())
                    .all(|n| s.subnets.contains(n))
            );
        }
        for (id, group) in s.groups.iter() {
            assert!(s.vpcs.contains(&group.vpc_id), "{id} has its VPC");
            for rule in &group.rules {
                if let Peer::Group { id: named, .. } = &rule.peer {
                    assert!(
                        s.groups.contains(named),
                        "{id} names {named}, which is gone"
                    );
                }
            }
        }
        assert!(s.acls.iter().all(|(_, a)| s.vpcs.contains(&a.vpc_id)));
        let mut addresses = BTreeSet::new();
        for (id, interface) in s.interfaces.iter() {
            assert!(
                s.subnets.contains(&interface.subnet_id),
                "{id} has its subnet"
            );
            assert!(
                interface.groups.iter().all(|g| s.groups.contains(g)),
                "{id} has its groups"
            );
            assert!(
                addresses.insert((&interface.vpc_id, &interface.private_address)),
                "{id} has its own address"
            );
            if let Some(allocation) = &interface.allocation_id {
                let back = s
                    .addresses
                    .get(allocation)
                    .and_then(|a| a.association.as_ref());
                assert_eq!(
                    back.map(|h| h.interface_id.as_str()),
                    Some(id),
                    "{allocation} knows {id}"
                );
            }
        }
        assert_eq!(
            s.private.len(),
            s.interfaces.len(),
            "every address is held by an interface"
        );
        for (id, address) in s.addresses.iter() {
            if let Some(held) = &address.association {
                let there = s.interfaces.get(&held.interface_id);
                assert_eq!(
                    there.and_then(|i| i.allocation_id.as_deref()),
                    Some(id),
                    "the holder of {id} knows it"
                );
            }
        }
        for (id, nat) in s.nat_gateways.iter() {
            if matches!(nat.state, "pending" | "available" | "deleting") {
                assert!(
                    s.subnets.contains(&nat.subnet_id) && s.interfaces.contains(&nat.interface_id),
                    "{id} stands"
                );
            }
        }
        for (arn, balancer) in lb.balancers.iter() {
            assert!(
                balancer
                    .nodes
                    .iter()
                    .all(|n| s.interfaces.contains(&n.interface_id)),
                "{arn} has its nodes"
            );
        }
        let mut ports = BTreeSet::new();
        for (arn, listener) in lb.listeners.iter() {
            assert!(
                lb.balancers.contains(&listener.balancer_arn),
                "{arn} has its balancer"
            );
            assert!(
                ports.insert((&listener.balancer_arn, listener.port)),
                "{arn} has its own port"
            );
            for action in &listener.actions {
                let group = action["TargetGroupArn"].as_str().unwrap_or_default();
                assert!(lb.groups.contains(group), "{arn} forwards to {group}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_nothing_dangles_and_no_quota_is_passed(steps in prop::collection::vec(any::<Step>(), 1..160)) {
        let mut history = History::new();
        for step in steps {
            history.step(step);
            history.check();
        }
    }
}

/// A fixed, long history: what random ones reach only by luck.
#[test]
fn a_long_history_holds_together_too() {
    let mut history = History::new();
    let mut answered = 0;
    for n in 0..6_000_u64 {
        let hash = history.world.dice.hash(&["history"], n);
        let bytes = hash.to_be_bytes();
        let before = history
            .state()
            .map(|s| s.interfaces.len() + s.subnets.len() + s.groups.len());
        history.step((bytes[0], bytes[1], bytes[2], bytes[3]));
        let after = history
            .state()
            .map(|s| s.interfaces.len() + s.subnets.len() + s.groups.len());
        answered += usize::from(before != after);
        if n % 8 == 0 {
            history.check();
        }
    }
    assert!(
        answered > 200,
        "the history made and removed things {answered} times"
    );
    let balancers = history.balancing().map_or(0, |s| {
        s.listeners.len() + s.groups.len() + s.balancers.len()
    });
    assert!(balancers > 0, "and balancers among them");
}
