//! What a database instance is.

use super::facts::Facts;
use crate::clock::Nanos;
use crate::world::World;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Tags, in the order in which they were given.
pub type Tags = Vec<(String, String)>;

#[derive(Clone, Debug, Default)]
pub struct Instance {
    pub id: String,
    pub arn: String,
    /// `db-…`: survives renames, and is never used again.
    pub resource: String,
    pub status: String,
    /// Whether the port answers. It does during `backing-up`, and not during `rebooting`.
    pub up: bool,
    /// Members of `DBInstance` that are kept as given or defaulted.
    pub facts: Facts,
    /// `PendingModifiedValues`.
    pub pending: Facts,
    pub subnet_group: String,
    pub vpc: String,
    pub security_groups: Vec<String>,
    pub parameter_group: String,
    /// `in-sync`, `pending-reboot` or `applying`.
    pub parameter_apply: String,
    /// Parameters in effect in the running server: those that differ from the engine's defaults.
    pub parameters: BTreeMap<String, String>,
    pub option_group: String,
    pub tags: Tags,
    pub created: Option<Nanos>,
    pub endpoint: Option<Endpoint>,
    /// The cluster it is a member of.
    pub cluster: Option<String>,
    /// The resource id under which its contents are kept: its own, or its cluster's.
    pub contents: String,
    pub source: Option<Source>,
    /// Identifiers (same region) or ARNs (others) of its read replicas.
    pub replicas: Vec<String>,
    /// Since when there are automated backups to restore from.
    pub backups_since: Option<Nanos>,
    /// Snapshots taken of this instance so far: the first one is full.
    pub snapshots_taken: u32,
    /// The master user's secret, where RDS manages it.
    pub secret: Option<MasterSecret>,
    /// Until when blocks still come from S3 after a restore.
    pub lazy_until: Option<Nanos>,
    pub automatic_restart: Option<Nanos>,
    /// ARNs of its automated backups in other regions.
    pub backup_replications: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MasterSecret {
    pub arn: String,
    pub key: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoint {
    pub host: String,
    pub port: u16,
    /// Whether the name is in DNS: a name made while us-east-1's control plane is dark is not.
    pub published: bool,
    pub interface: String,
    pub ip: String,
    pub public_ip: Option<String>,
}

/// What a replica replicates.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The identifier in the same region, or an ARN.
    pub shown: String,
    pub region: String,
    pub id: String,
}

impl Instance {
    pub fn engine(&self) -> &str {
        self.facts.str("Engine")
    }

    pub fn retention(&self) -> i64 {
        self.facts.i64("BackupRetentionPeriod")
    }
}

/// `DBInstance`, as it is shown now.
pub fn shown(world: &World, account: &str, region: &str, instance: &Instance) -> Value {
    // Two dozen members beside the facts.
    let mut members = Map::with_capacity(instance.facts.0.len() + 32);
    let mut put = |name: &str, value: Value| {
        members.insert(name.to_owned(), value);
    };
    put("DBInstanceIdentifier", json!(instance.id));
    put("DBInstanceStatus", json!(instance.status));
    for (name, value) in &instance.facts.0 {
        put(name, value.clone());
    }
    let at = |nanos: Nanos| json!(world.unix(nanos));
    if let (Some(endpoint), Some(created)) = (&instance.endpoint, instance.created) {
        put("InstanceCreateTime", at(created));
        put(
            "Endpoint",
            json!({
                "Address": endpoint.host,
                "Port": endpoint.port,
                "HostedZoneId": hosted_zone(region),
            }),
        );
    }
    put("DBSecurityGroups", json!([]));
    let active = |id: &String| json!({ "VpcSecurityGroupId": id, "Status": "active" });
    put(
        "VpcSecurityGroups",
        instance.security_groups.iter().map(active).collect(),
    );
    put(
        "DBParameterGroups",
        json!([{
            "DBParameterGroupName": instance.parameter_group,
            "ParameterApplyStatus": instance.parameter_apply,
        }]),
    );
    put(
        "OptionGroupMemberships",
        json!([{ "OptionGroupName": instance.option_group, "Status": "in-sync" }]),
    );
    let place = world.seen_place(account, region);
    if let Some(group) = place.and_then(|place| place.rds.subnet_groups.get(&instance.subnet_group))
    {
        put("DBSubnetGroup", group.shown());
    }
    let mut pending = instance.pending.clone();
    if pending.has("MasterUserPassword") {
        pending.set("MasterUserPassword", "****");
    }
    put("PendingModifiedValues", Value::Object(pending.0));
    if let Some(latest) = super::backup::latest_restorable(world, instance) {
        put("LatestRestorableTime", at(latest));
    }
    if let Some(source) = &instance.source {
        put("ReadReplicaSourceDBInstanceIdentifier", json!(source.shown));
        let healthy = instance.up;
        put(
            "StatusInfos",
            json!([{
                "StatusType": "read replication",
                "Normal": healthy,
                "Status": if healthy { "replicating" } else { "stopped" },
            }]),
        );
        if instance.engine() == "postgres" {
            put("ReplicaMode", json!("open-read-only"));
        }
    } else {
        put("StatusInfos", json!([]));
    }
    put("ReadReplicaDBInstanceIdentifiers", json!(instance.replicas));
    put("DbiResourceId", json!(instance.resource));
    put("DomainMemberships", json!([]));
    put("DBInstanceArn", json!(instance.arn));
    put("AssociatedRoles", json!([]));
    put("TagList", super::names::shown_tags(&instance.tags));
    if let Some(cluster) = &instance.cluster {
        put("DBClusterIdentifier", json!(cluster));
    }
    if let Some(at_restart) = instance.automatic_restart {
        put("AutomaticRestartTime", at(at_restart));
    }
    if let Some(secret) = &instance.secret {
        put(
            "MasterUserSecret",
            json!({ "SecretArn": secret.arn, "SecretStatus": "active", "KmsKeyId": secret.key }),
        );
    }
    let replications: Vec<Value> = instance
        .backup_replications
        .iter()
        .map(|arn| json!({ "DBInstanceAutomatedBackupsArn": arn }))
        .collect();
    if !replications.is_empty() {
        put(
            "DBInstanceAutomatedBackupsReplications",
            json!(replications),
        );
    }
    put(
        "CertificateDetails",
        json!({
            "CAIdentifier": instance.facts.str("CACertificateIdentifier"),
            "ValidTill": instance.created.map_or(0.0, |created| world.unix(created)) + 365.0 * 86_400.0,
        }),
    );
    Value::Object(members)
}

/// The hosted zone in which a region's endpoints are.
pub fn hosted_zone(region: &str) -> &'static str {
    match region {
        "us-east-1" => "Z2R2ITUGPM61AM",
        "us-east-2" => "Z2XHWR1WZ565X2",
        "us-west-1" => "Z10WI91S59XXQN",
        "us-west-2" => "Z1PVIF0B656C1W",
        "eu-west-1" => "Z29XKXDKYMONMX",
        "eu-west-2" => "Z1TTGA775OQIYO",
        "eu-west-3" => "Z2ESVGYDPJFXDX",
        "eu-central-1" => "Z1RLNUO7B9Q6NB",
        "eu-north-1" => "Z2C90GVXVDBDQV",
        "ap-southeast-1" => "Z2G0U3KFCY8NZ5",
        "ap-southeast-2" => "Z32T0VRHXEXS0V",
        "ap-northeast-1" => "Z24O6O9L7SGTNB",
        "ca-central-1" => "ZAPCKYFAJWBX0",
        _ => "Z00000000000RDS0000",
    }
}
