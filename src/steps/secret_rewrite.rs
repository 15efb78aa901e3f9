//! Members of a promoted secret's JSON, written anew. The only step that reads a secret's value; it does so inside the vault.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::composed::Composed;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "secret-rewrite";
pub const SUMMARY: &str = "members of a secret, written anew in the target";
pub const EXAMPLE: &str = "\
id: secret-rewrite
use: secret-rewrite
with:
  name: redmine/db
  arn: arn:aws:secretsmanager:eu-west-1:111122223333:secret:redmine/db-a1b2c3
  members: { host: [redmine-db-7f3a.c9akciq32.eu-west-1.rds.amazonaws.com] }
";

/// What to write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretRewrite {
    pub name: String,
    pub arn: Value<String>,
    /// Member of the JSON, and its new value.
    pub members: BTreeMap<String, Composed>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretRewritten {
    pub arn: String,
    pub version_id: String,
}

impl Yields for SecretRewritten {
    const NAME: &'static str = "secret rewrite";
}
