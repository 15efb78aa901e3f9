//! Quotas are kept: whatever is made and removed in whatever order, there is never more than may be, what would be too much
//! is refused in the service's own words, and what has room is not.

use crate::services::{ServiceId, quotas};
use crate::world::World;
use proptest::prelude::*;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-west-2";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// What a quota is on: how one of them is made, listed and removed, and what is said when there are enough.
struct Kind {
    quota: &'static str,
    service: ServiceId,
    make: &'static str,
    input: fn(u8, &Base) -> Value,
    refused: &'static str,
    list: (&'static str, fn(&Base) -> Value, &'static str),
    /// The input that removes one of the list.
    remove: (&'static str, fn(&Value) -> Value),
    /// Whether it counts: lists hold what AWS made, too.
    ours: fn(&Value) -> bool,
}

/// What some of them stand on.
struct Base {
    vpc: String,
    subnets: Vec<Value>,
    key: Value,
}

fn any(_: &Value) -> bool {
    true
}

fn named(member: &str, item: &Value) -> Value {
    json!({ member: item[member] })
}

fn whole(_: &Base) -> Value {
    json!({})
}

const KINDS: &[Kind] = &[
    Kind {
        quota: "L-F678F1CE",
        service: ServiceId::Ec2,
        make: "CreateVpc",
        input: |n, _| json!({ "CidrBlock": format!("10.{n}.0.0/16") }),
        refused: "VpcLimitExceeded",
        list: ("DescribeVpcs", whole, "Vpcs"),
        remove: ("DeleteVpc", |v| named("VpcId", v)),
        ours: |v| v["CidrBlock"] != "172.20.0.0/16",
    },
    Kind {
        quota: "L-A4707A72",
        service: ServiceId::Ec2,
        make: "CreateInternetGateway",
        input: |_, _| json!({}),
        refused: "InternetGatewayLimitExceeded",
        list: ("DescribeInternetGateways", whole, "InternetGateways"),
        remove: ("DeleteInternetGateway", |v| named("InternetGatewayId", v)),
        ours: any,
    },
    Kind {
        quota: "L-0263D0A3",
        service: ServiceId::Ec2,
        make: "AllocateAddress",
        input: |_, _| json!({ "Domain": "vpc" }),
        refused: "AddressLimitExceeded",
        list: ("DescribeAddresses", whole, "Addresses"),
        remove: ("ReleaseAddress", |v| named("AllocationId", v)),
        ours: any,
    },
    Kind {
        quota: "L-B22855CB",
        service: ServiceId::Elbv2,
        make: "CreateTargetGroup",
        input: |n, base| json!({ "Name": format!("t{n}"), "Protocol": "HTTP", "Port": 80, "VpcId": base.vpc, "TargetType": "ip" }),
        refused: "TooManyTargetGroups",
        list: ("DescribeTargetGroups", whole, "TargetGroups"),
        remove: ("DeleteTargetGroup", |v| named("TargetGroupArn", v)),
        ours: any,
    },
    Kind {
        quota: "L-CFEB8E8D",
        service: ServiceId::Ecr,
        make: "CreateRepository",
        input: |n, _| json!({ "repositoryName": format!("r{n}") }),
        refused: "LimitExceededException",
        list: ("DescribeRepositories", whole, "repositories"),
        remove: ("DeleteRepository", |v| named("repositoryName", v)),
        ours: any,
    },
    Kind {
        quota: "L-21C621EB",
        service: ServiceId::Ecs,
        make: "CreateCluster",
        input: |n, _| json!({ "clusterName": format!("c{n}") }),
        refused: "ClientException",
        list: ("ListClusters", whole, "clusterArns"),
        remove: ("DeleteCluster", |v| json!({ "cluster": v })),
        ours: any,
    },
    Kind {
        quota: "L-C7B9AAAB",
        service: ServiceId::Logs,
        make: "CreateLogGroup",
        input: |n, _| json!({ "logGroupName": format!("g{n}") }),
        refused: "LimitExceededException",
        list: ("DescribeLogGroups", whole, "logGroups"),
        remove: ("DeleteLogGroup", |v| named("logGroupName", v)),
        ours: any,
    },
    Kind {
        quota: "L-340F62FB",
        service: ServiceId::Kms,
        make: "CreateAlias",
        input: |n, base| json!({ "AliasName": format!("alias/a{n}"), "TargetKeyId": base.key }),
        refused: "LimitExceededException",
        list: (
            "ListAliases",
            |base| json!({ "KeyId": base.key }),
            "Aliases",
        ),
        remove: ("DeleteAlias", |v| named("AliasName", v)),
        ours: any,
    },
    Kind {
        quota: "L-4EA4796A",
        service: ServiceId::Route53,
        make: "CreateHostedZone",
        input: |n, _| json!({ "Name": format!("z{}.example.com", n % 64), "CallerReference": n.to_string() }),
        refused: "TooManyHostedZones",
        list: ("ListHostedZones", whole, "HostedZones"),
        remove: (
            "DeleteHostedZone",
            |v| json!({ "Id": v["Id"].as_str().and_then(|id| id.rsplit('/').next()) }),
        ),
        ours: any,
    },
    Kind {
        quota: "L-FE177D64",
        service: ServiceId::Iam,
        make: "CreateRole",
        input: |n, _| json!({ "RoleName": format!("r{n}"), "AssumeRolePolicyDocument": TRUST }),
        refused: "LimitExceeded",
        list: ("ListRoles", whole, "Roles"),
        remove: ("DeleteRole", |v| named("RoleName", v)),
        ours: any,
    },
    Kind {
        quota: "L-48C6BF61",
        service: ServiceId::Rds,
        make: "CreateDBSubnetGroup",
        input: |n, base| json!({ "DBSubnetGroupName": format!("s{n}"), "DBSubnetGroupDescription": "s", "SubnetIds": base.subnets }),
        refused: "DBSubnetGroupQuotaExceeded",
        list: ("DescribeDBSubnetGroups", whole, "DBSubnetGroups"),
        remove: ("DeleteDBSubnetGroup", |v| named("DBSubnetGroupName", v)),
        ours: any,
    },
    Kind {
        quota: "L-DE55804A",
        service: ServiceId::Rds,
        make: "CreateDBParameterGroup",
        input: |n, _| json!({ "DBParameterGroupName": format!("p{n}"), "DBParameterGroupFamily": "postgres15", "Description": "p" }),
        refused: "DBParameterGroupQuotaExceeded",
        list: ("DescribeDBParameterGroups", whole, "DBParameterGroups"),
        remove: ("DeleteDBParameterGroup", |v| {
            named("DBParameterGroupName", v)
        }),
        ours: |v| {
            !v["DBParameterGroupName"]
                .as_str()
                .unwrap_or_default()
                .starts_with("default.")
        },
    },
    Kind {
        quota: "L-9FA33840",
        service: ServiceId::Rds,
        make: "CreateOptionGroup",
        input: |n, _| json!({ "OptionGroupName": format!("o{n}"), "EngineName": "postgres", "MajorEngineVersion": "15", "OptionGroupDescription": "o" }),
        refused: "OptionGroupQuotaExceededFault",
        list: ("DescribeOptionGroups", whole, "OptionGroupsList"),
        remove: ("DeleteOptionGroup", |v| named("OptionGroupName", v)),
        ours: |v| {
            !v["OptionGroupName"]
                .as_str()
                .unwrap_or_default()
                .starts_with("default:")
        },
    },
];

struct History<'k> {
    world: World,
    base: Base,
    kind: &'k Kind,
    most: usize,
}

impl<'k> History<'k> {
    fn new(kind: &'k Kind, most: usize) -> History<'k> {
        let mut world = World::new(1);
        world.settings.read_lag = 0;
        let mut history = History {
            world,
            base: Base {
                vpc: String::new(),
                subnets: Vec::new(),
                key: Value::Null,
            },
            kind,
            most,
        };
        let vpc = history.ok(
            ServiceId::Ec2,
            "CreateVpc",
            json!({ "CidrBlock": "172.20.0.0/16" }),
        );
        history.base.vpc = vpc["Vpc"]["VpcId"].as_str().unwrap().to_owned();
        for (n, zone) in ["a", "b"].iter().enumerate() {
            let input = json!({ "VpcId": history.base.vpc, "CidrBlock": format!("172.20.{n}.0/24"),
                "AvailabilityZone": format!("{REGION}{zone}") });
            let subnet = history.ok(ServiceId::Ec2, "CreateSubnet", input);
            history
                .base
                .subnets
                .push(subnet["Subnet"]["SubnetId"].clone());
        }
        let key = history.ok(ServiceId::Kms, "CreateKey", json!({}));
        history.base.key = key["KeyMetadata"]["KeyId"].clone();
        // The network that the others stand on is one of the VPCs.
        let own = usize::from(kind.quota == "L-F678F1CE");
        let most = (most + own) as f64;
        quotas::set(&mut history.world, ACCOUNT, REGION, kind.quota, most);
        history
    }

    fn ok(&mut self, service: ServiceId, operation: &str, input: Value) -> Value {
        self.world
            .invoke(ACCOUNT, REGION, service, operation, input)
            .unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    fn there(&mut self) -> Vec<Value> {
        let (operation, input, member) = &self.kind.list;
        let listed = self.ok(self.kind.service, operation, input(&self.base));
        let all = listed[*member].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(self.kind.ours).collect()
    }

    /// Makes one, or removes one.
    fn step(&mut self, n: u8, makes: bool) {
        let kind = self.kind;
        let before = self.there();
        if makes {
            let input = (kind.input)(n, &self.base);
            let made = self
                .world
                .invoke(ACCOUNT, REGION, kind.service, kind.make, input);
            match made {
                Ok(_) => assert!(
                    before.len() < self.most,
                    "{} beyond {}",
                    kind.make,
                    self.most
                ),
                Err(error) => {
                    assert_eq!(error.code, kind.refused, "{}: {error}", kind.make);
                    assert_eq!(before.len(), self.most, "{} has room", kind.make);
                }
            }
        } else if let Some(one) = before.get(usize::from(n) % before.len().max(1)) {
            let (operation, input) = kind.remove;
            self.ok(kind.service, operation, input(one));
            assert_eq!(self.there().len(), before.len() - 1, "{operation}");
        }
        let count = self.there().len();
        assert!(count <= self.most, "{count} of {}", self.most);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_122), ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_made_and_removed_there_is_never_more_than_may_be(
        most in 1..4_usize,
        steps in prop::collection::vec(prop::bool::weighted(0.7), 1..24),
    ) {
        for kind in KINDS {
            let mut history = History::new(kind, most);
            for (n, makes) in steps.iter().enumerate() {
                history.step(n as u8, *makes);
            }
        }
    }
}
