//! What a database instance is.

use super::facts::Facts;
use crate::clock::Nanos;
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
    /// Destination regions of replicated automated backups.
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

    /// The resource id under which its contents are kept: the cluster's for a member of one.
    pub fn contents_key<'a>(&'a self, cluster_resource: Option<&'a str>) -> &'a str {
        cluster_resource.unwrap_or(&self.resource)
    }
}
