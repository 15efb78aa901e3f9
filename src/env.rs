//! What every step is handed: the ways to AWS and to the stack itself.
//!
//! Must not know: which step is asking.

use crate::cloud::Cloud;
use crate::probe::Probe;
use crate::registry::Transport;
use std::sync::Arc;

/// The engine passes this through without looking inside.
pub struct Env {
    pub cloud: Cloud,
    pub probe: Probe,
    /// The way to container registries.
    pub registries: Arc<dyn Transport>,
    pub account: String,
    /// `aws`, `aws-us-gov`, `aws-cn`.
    pub partition: String,
}

impl Env {
    /// An ARN in this account.
    pub fn arn(&self, service: &str, region: &str, resource: &str) -> String {
        format!(
            "arn:{}:{service}:{region}:{}:{resource}",
            self.partition, self.account
        )
    }
}
