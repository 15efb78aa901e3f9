//! The capture: what the source stack is, as plain data, kept beside the manifest as a lock file.
//!
//! Discovery writes it from live resources; a plan is made from it and nothing else, so a move is possible (from what already
//! stands in the target) when the source cannot be asked any more. Values of secrets and parameters are never in it.
//!
//! Modules in reading order: this file (the data), [`network`], [`compute`], [`database`], [`edge`] (the data by topic),
//! [`rewrite`] (source identifiers to target identifiers), [`drift`] (what changed between two captures).
//!
//! Must not know: how anything is asked for, the manifest, the engine.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};

pub mod compute;
pub mod database;
pub mod drift;
pub mod edge;
pub mod network;
pub mod rewrite;

pub use compute::{
    Cluster, LogGroup, Repository, Role, ScalableTarget, ScalingPolicy, Service, TaskDefinition,
};
pub use database::{Database, OptionGroup, ParameterGroup};
pub use edge::{Balancer, Certificate, Record, TargetGroup};
pub use network::Network;

/// The version of the format. A capture of another version is refused: capture again.
pub const VERSION: u32 = 1;

/// Tags, without those whose keys begin with `aws:` (AWS's own, which no call may set).
pub type Tags = BTreeMap<String, String>;

/// What the source stack is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Capture {
    pub version: u32,
    pub stack: String,
    pub partition: String,
    pub account: String,
    pub region: String,
    /// When discovery finished.
    pub taken: Timestamp,
    pub network: Network,
    pub keys: Vec<Key>,
    pub roles: Vec<Role>,
    pub certificates: Vec<Certificate>,
    pub balancers: Vec<Balancer>,
    pub target_groups: Vec<TargetGroup>,
    pub clusters: Vec<Cluster>,
    pub task_definitions: Vec<TaskDefinition>,
    pub services: Vec<Service>,
    pub scalable_targets: Vec<ScalableTarget>,
    pub scaling_policies: Vec<ScalingPolicy>,
    pub databases: Vec<Database>,
    pub parameter_groups: Vec<ParameterGroup>,
    pub option_groups: Vec<OptionGroup>,
    pub secrets: Vec<Secret>,
    pub parameters: Vec<Parameter>,
    pub repositories: Vec<Repository>,
    pub log_groups: Vec<LogGroup>,
    /// The records that the manifest lists, verbatim, and those that answer for the same names.
    pub records: Vec<Record>,
    /// What stands in the source and belongs to the stack by tag, name or reference, and that drtool does not move.
    pub unhandled: Vec<Unhandled>,
    /// Paths that containers of the stack write to without a volume, as the image declares or drtool knows them.
    pub written_paths: Vec<WrittenPath>,
}

/// A KMS key that something of the stack is encrypted under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Key {
    pub arn: String,
    /// `alias/redmine`; empty for a key without one.
    pub aliases: Vec<String>,
    pub multi_region: bool,
    /// `aws/…` keys are AWS's own: they cannot be mapped, the target has its own.
    pub aws_managed: bool,
}

/// A secret's metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Secret {
    pub name: String,
    pub arn: String,
    /// The key's ARN, or nothing for `aws/secretsmanager`.
    pub kms_key: Option<String>,
    pub rotation_enabled: bool,
    /// Set where a service (RDS) owns the secret: such a secret cannot be replicated.
    pub owning_service: Option<String>,
    /// Regions it is replicated to already.
    pub replica_regions: Vec<String>,
    pub tags: Tags,
}

/// An SSM parameter's metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Parameter {
    pub name: String,
    pub arn: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    pub tier: String,
    pub kms_key: Option<String>,
    pub version: i64,
    #[serde(default = "text_type")]
    pub data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_pattern: Option<String>,
    /// It expires or notifies by policies, which do not move.
    #[serde(default)]
    pub has_policies: bool,
    /// Its value names the source region. Never asked of a SecureString.
    #[serde(default)]
    pub names_source_region: bool,
    pub tags: Tags,
}

fn text_type() -> String {
    "text".to_owned()
}

/// What drtool found and does not move. The plan wants each left behind by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Unhandled {
    /// `service/name`, as `leaveBehind` names it.
    pub what: String,
    pub arn: Option<String>,
    /// Why it is believed to belong to the stack.
    pub why: String,
}

/// A path that a container writes to and that no volume keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WrittenPath {
    pub container: String,
    pub path: String,
    /// How it is known: the image's `VOLUME`, or a known image.
    pub known_from: String,
}

impl Capture {
    /// Reads a capture file.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Capture, Failure> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        if bytes.len() > 16 * 1024 * 1024 {
            return Err(Failure::new(
                "E1100",
                Exit::Input,
                format_args!("{name} is larger than 16 MiB"),
            ));
        }
        let refuse = |error: serde_json::Error| {
            Failure::input(
                "E1100",
                format_args!(
                    "{name}:{}:{} is not a capture",
                    error.line(),
                    error.column()
                ),
            )
            .hint("`drtool capture` writes it anew from the live stack")
            .cause(error)
        };
        let head: Head = serde_json::from_slice(bytes).map_err(refuse)?;
        if head.version != VERSION {
            return Err(Failure::input(
                "E1101",
                format_args!(
                    "{name} has format version {}; this drtool reads {VERSION}",
                    head.version
                ),
            )
            .hint("`drtool capture` writes it anew from the live stack"));
        }
        serde_json::from_slice(bytes).map_err(refuse)
    }

    /// The file's text: pretty, so that a diff in review shows what changed.
    pub fn write(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    pub fn database(&self, instance: &str) -> Option<&Database> {
        self.databases.iter().find(|d| d.identifier == instance)
    }

    pub fn service(&self, cluster: &str, service: &str) -> Option<&Service> {
        self.services
            .iter()
            .find(|s| s.cluster == cluster && s.name == service)
    }

    pub fn secret(&self, name: &str) -> Option<&Secret> {
        self.secrets.iter().find(|s| s.name == name)
    }

    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|p| p.name == name)
    }

    pub fn repository(&self, name: &str) -> Option<&Repository> {
        self.repositories.iter().find(|r| r.name == name)
    }

    pub fn task_definition(&self, arn: &str) -> Option<&TaskDefinition> {
        self.task_definitions.iter().find(|t| t.arn == arn)
    }

    pub fn target_group(&self, arn: &str) -> Option<&TargetGroup> {
        self.target_groups.iter().find(|t| t.arn == arn)
    }

    /// The balancer whose listener forwards to `target_group`.
    pub fn balancer_of(&self, target_group: &str) -> Option<&Balancer> {
        self.balancers.iter().find(|b| {
            b.listeners
                .iter()
                .any(|l| l.forwards_to().iter().any(|t| t == target_group))
        })
    }

    pub fn key(&self, any: &str) -> Option<&Key> {
        self.keys.iter().find(|k| {
            k.arn == any
                || k.arn.rsplit('/').next() == Some(any)
                || k.aliases.iter().any(|a| a == any)
        })
    }
}
