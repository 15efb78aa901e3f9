//! What RDS promises, one sentence per test.

use super::{ConnectError, DatabaseRef, Login};
use crate::clock::{DAY, HOUR, MINUTE, Nanos, SECOND};
use crate::error::AwsError;
use crate::plane::From;
use crate::services::ServiceId;
use crate::services::ec2::cidr::Cidr;
use crate::services::ec2::{SecurityGroup, Subnet, Vpc};
use crate::world::World;
use serde_json::{Value, json};

mod clusters;
mod groups;
mod histories;
mod instances;
mod moves;
mod queries;
mod replicas;

pub const ACCOUNT: &str = "111122223333";
pub const SOURCE: &str = "us-west-2";
pub const TARGET: &str = "eu-west-1";

/// A world with a network, a subnet group and a key in each of two regions.
pub struct Ground {
    pub world: World,
}

impl Ground {
    pub fn new() -> Ground {
        let mut world = World::new(7);
        world.settings.read_lag = 0;
        let mut ground = Ground { world };
        for region in [SOURCE, TARGET] {
            ground.network(region);
            ground.ok(
                region,
                "CreateDBSubnetGroup",
                json!({
                    "DBSubnetGroupName": "isolated",
                    "DBSubnetGroupDescription": "isolated subnets",
                    "SubnetIds": ["subnet-a", "subnet-b"],
                }),
            );
        }
        ground
    }

    fn network(&mut self, region: &str) {
        let place = self.world.place(ACCOUNT, region);
        let cidr = |text: &str| Cidr::parse(text).unwrap();
        for (vpc, block) in [("vpc-a", "10.0.0.0/16"), ("vpc-z", "10.9.0.0/16")] {
            place.ec2.vpcs.put(
                vpc,
                Vpc {
                    id: vpc.into(),
                    cidrs: vec![("a".into(), cidr(block))],
                    dns_support: true,
                    dns_hostnames: true,
                    address_metrics: false,
                    tenancy: "default".into(),
                    dhcp_options: "default".into(),
                    default: false,
                    available_at: 0,
                },
                0,
            );
            place.ec2.groups.put(
                format!("sg-{vpc}"),
                SecurityGroup {
                    id: format!("sg-{vpc}"),
                    name: "default".into(),
                    description: "default".into(),
                    vpc_id: vpc.into(),
                    rules: vec![],
                },
                0,
            );
        }
        for (name, zone, block, vpc) in [
            ("subnet-a", "a", "10.0.1.0/24", "vpc-a"),
            ("subnet-b", "b", "10.0.2.0/24", "vpc-a"),
            ("subnet-z", "a", "10.9.1.0/24", "vpc-z"),
        ] {
            place.ec2.subnets.put(
                name,
                Subnet {
                    id: name.into(),
                    vpc_id: vpc.into(),
                    cidr: cidr(block),
                    zone: format!("{region}{zone}"),
                    zone_id: format!("{region}-az-{zone}"),
                    map_public_address: false,
                    default_for_zone: false,
                    attributes: Default::default(),
                    available_at: 0,
                },
                0,
            );
        }
    }

    pub fn call(&mut self, region: &str, operation: &str, input: Value) -> Result<Value, AwsError> {
        self.world
            .invoke(ACCOUNT, region, ServiceId::Rds, operation, input)
    }

    pub fn ok(&mut self, region: &str, operation: &str, input: Value) -> Value {
        self.call(region, operation, input)
            .unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    pub fn code(&mut self, region: &str, operation: &str, input: Value) -> String {
        match self.call(region, operation, input) {
            Ok(answer) => panic!("{operation} went through: {answer}"),
            Err(error) => error.code,
        }
    }

    pub fn pass(&mut self, time: Nanos) {
        let until = self.world.now() + time;
        self.world.advance_to(until);
    }

    /// To when something happens next.
    pub fn pass_until_next(&mut self) {
        let next = self.world.next_event().unwrap_or(self.world.now() + SECOND);
        self.world.advance_to(next);
    }

    pub fn key(&mut self, region: &str) -> String {
        let made = self
            .world
            .invoke(ACCOUNT, region, ServiceId::Kms, "CreateKey", json!({}))
            .unwrap();
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    pub fn disable(&mut self, region: &str, key: &str) {
        self.world
            .invoke(
                ACCOUNT,
                region,
                ServiceId::Kms,
                "DisableKey",
                json!({ "KeyId": key }),
            )
            .unwrap();
    }

    /// The Redmine database, creating.
    pub fn postgres(&mut self, id: &str, more: Value) -> Value {
        let mut input = json!({
            "DBInstanceIdentifier": id,
            "DBInstanceClass": "db.t4g.medium",
            "Engine": "postgres",
            "EngineVersion": "15",
            "AllocatedStorage": 100,
            "StorageType": "gp3",
            "MasterUsername": "redmine",
            "MasterUserPassword": "correct-horse",
            "DBName": "redmine_production",
            "DBSubnetGroupName": "isolated",
            "BackupRetentionPeriod": 7,
            "PubliclyAccessible": false,
        });
        for (member, value) in more.as_object().into_iter().flatten() {
            input[member] = value.clone();
        }
        self.ok(SOURCE, "CreateDBInstance", input)["DBInstance"].clone()
    }

    /// The same, waited for.
    pub fn ready(&mut self, id: &str, more: Value) -> Value {
        self.postgres(id, more);
        self.until(SOURCE, id, "available");
        self.instance(SOURCE, id)
    }

    pub fn instance(&mut self, region: &str, id: &str) -> Value {
        self.ok(
            region,
            "DescribeDBInstances",
            json!({ "DBInstanceIdentifier": id }),
        )["DBInstances"][0]
            .clone()
    }

    pub fn snapshot(&mut self, region: &str, id: &str) -> Value {
        self.ok(
            region,
            "DescribeDBSnapshots",
            json!({ "DBSnapshotIdentifier": id }),
        )["DBSnapshots"][0]
            .clone()
    }

    /// Lets time pass until an instance has a status, and answers the statuses on the way.
    pub fn until(&mut self, region: &str, id: &str, status: &str) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        for _ in 0..100_000 {
            let now = self.instance(region, id)["DBInstanceStatus"]
                .as_str()
                .unwrap()
                .to_owned();
            if seen.last() != Some(&now) {
                seen.push(now.clone());
            }
            if now == status {
                return seen;
            }
            self.pass_until_next();
        }
        panic!("{id} never became {status}: {seen:?}");
    }

    pub fn until_snapshot(&mut self, region: &str, id: &str, status: &str) {
        for _ in 0..100_000 {
            if self.snapshot(region, id)["Status"] == status {
                return;
            }
            self.pass_until_next();
        }
        panic!("{id} never became {status}: {}", self.snapshot(region, id));
    }

    pub fn gone(&mut self, region: &str, id: &str) {
        for _ in 0..10_000 {
            if self
                .call(
                    region,
                    "DescribeDBInstances",
                    json!({ "DBInstanceIdentifier": id }),
                )
                .is_err()
            {
                return;
            }
            self.pass_until_next();
        }
        panic!("{id} never went");
    }

    pub fn at(&self, region: &str, id: &str) -> DatabaseRef {
        DatabaseRef {
            account: ACCOUNT.into(),
            region: region.into(),
            instance: id.into(),
        }
    }

    pub fn write(&mut self, region: &str, id: &str, number: u64) -> Result<(), String> {
        let at = self.at(region, id);
        super::write_row(&mut self.world, &at, "user-1", number)
    }

    pub fn rows(&self, region: &str, id: &str) -> Vec<u64> {
        super::rows(&self.world, &self.at(region, id))
            .remove("user-1")
            .unwrap_or_default()
    }

    pub fn query(&mut self, region: &str, id: &str, sql: &str) -> Result<Vec<Vec<String>>, String> {
        let at = self.at(region, id);
        super::query(&mut self.world, &at, "redmine", sql)
    }

    /// Logs in from inside the VPC, over an interface in the first subnet.
    pub fn login(
        &mut self,
        region: &str,
        id: &str,
        password: &str,
    ) -> Result<DatabaseRef, ConnectError> {
        let host = self.instance(region, id)["Endpoint"]["Address"]
            .as_str()
            .unwrap_or("nowhere")
            .to_owned();
        let from = self.client(region);
        let login = Login {
            from: &from,
            host: &host,
            port: 5432,
            user: "redmine",
            password,
            database: "redmine_production",
            tls: true,
            application: "test",
        };
        super::connect(&self.world, &login)
    }

    /// An interface whose traffic the default group lets through.
    pub fn client(&mut self, region: &str) -> From {
        let wanted = crate::services::ec2::Attachment {
            subnet_id: "subnet-a".into(),
            groups: vec![],
            kind: "interface".into(),
            ..Default::default()
        };
        let interface =
            crate::services::ec2::attach(&mut self.world, ACCOUNT, region, &wanted).unwrap();
        From::Interface {
            account: ACCOUNT.into(),
            region: region.into(),
            id: interface.id,
        }
    }

    /// Nothing filters in front of a database any more.
    pub fn unfilter(&mut self, region: &str, id: &str) {
        let interface = self
            .world
            .place(ACCOUNT, region)
            .rds
            .instances
            .get(id)
            .unwrap()
            .endpoint
            .clone()
            .unwrap();
        super::neighbours::regroup(&mut self.world, ACCOUNT, region, &interface.interface, &[]);
    }
}
