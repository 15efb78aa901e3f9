//! A replica made a secret of its own. Called in the target region, so it works with the source down; the tasks of the target can then be given new values.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "secret-promotion";
pub const SUMMARY: &str = "a replicated secret, made to stand alone";
pub const EXAMPLE: &str = "\
id: secret-promotion
use: secret-promotion
with:
  name: redmine/db
  arn: arn:aws:secretsmanager:eu-west-1:111122223333:secret:redmine/db-a1b2c3
";

/// The replica to promote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretPromotion {
    pub name: String,
    /// The replica's ARN.
    pub arn: Value<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretPromoted {
    pub arn: String,
}

impl Yields for SecretPromoted {
    const NAME: &'static str = "secret promotion";
}
