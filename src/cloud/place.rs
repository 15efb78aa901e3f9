//! Who we are and where: account, partition, regions.

use super::Cloud;
use super::error::CloudError;
use super::refused;

/// The identity behind the credentials in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub account: String,
    pub arn: String,
    pub partition: String,
}

impl Cloud {
    /// STS GetCallerIdentity at a regional endpoint: needs no permission, so it is the first call of every command.
    pub async fn identity(&self, region: &str) -> Result<Identity, CloudError> {
        let answer = self
            .sts(region)
            .get_caller_identity()
            .send()
            .await
            .map_err(refused("sts", "GetCallerIdentity", region, "the caller"))?;
        let arn = answer.arn().unwrap_or_default().to_owned();
        Ok(Identity {
            account: answer.account().unwrap_or_default().to_owned(),
            partition: arn.split(':').nth(1).unwrap_or("aws").to_owned(),
            arn,
        })
    }
}
