//! A replica of a secret in the target. Asked for in the source region, where the primary is; no value is read.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "secret-replica";
pub const SUMMARY: &str = "a replica of a secret in the target region";
pub const EXAMPLE: &str = "\
id: secret-replica
use: secret-replica
with:
  name: redmine/db
  primary: arn:aws:secretsmanager:us-west-2:111122223333:secret:redmine/db-a1b2c3
  region: eu-west-1
  kmsKey: arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
";

/// The replica to ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretReplica {
    pub name: String,
    /// The primary's ARN.
    pub primary: String,
    /// Where to.
    pub region: String,
    /// The replica's key; `aws/secretsmanager` of the target by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Value<String>>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretReplicaMade {
    /// The replica's ARN: the primary's, with another region.
    pub arn: String,
}

impl Yields for SecretReplicaMade {
    const NAME: &'static str = "secret replica";
}
