//! What RDS offers in a region: engine versions, classes and the zones they can be ordered in, options.

use super::SERVICE;
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, refused};
use std::collections::BTreeSet;

/// An engine version that a region offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion {
    /// The family of its parameter groups: `postgres15`.
    pub family: String,
    pub major: String,
    /// `available`, or `deprecated`: then nothing new is made of it.
    pub status: String,
}

/// Where a class can be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassOffer {
    pub zones: BTreeSet<String>,
    pub multi_az: bool,
    pub storage: String,
}

/// Looks.
impl Cloud {
    /// The engine version, if the region offers it.
    pub async fn db_engine_version(
        &self,
        region: &str,
        engine: &str,
        version: &str,
    ) -> Result<Option<EngineVersion>, CloudError> {
        let mut pages = self
            .rds(region)
            .describe_db_engine_versions()
            .engine(engine)
            .engine_version(version)
            .include_all(true)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            let found = item.map_err(refused(
                SERVICE,
                "DescribeDBEngineVersions",
                region,
                version,
            ));
            let found = match found {
                Ok(found) => found,
                Err(error) if error.not_found() || error.is("InvalidParameterValue") => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            if found.engine_version() == Some(version) {
                return Ok(Some(EngineVersion {
                    family: found
                        .db_parameter_group_family()
                        .unwrap_or_default()
                        .to_owned(),
                    major: found.major_engine_version().unwrap_or_default().to_owned(),
                    status: found.status().unwrap_or("available").to_owned(),
                }));
            }
        }
        Ok(None)
    }

    /// How a class can be ordered with an engine version: one offer for each type of storage.
    pub async fn db_class_offers(
        &self,
        region: &str,
        engine: &str,
        version: &str,
        class: &str,
    ) -> Result<Vec<ClassOffer>, CloudError> {
        let mut pages = self
            .rds(region)
            .describe_orderable_db_instance_options()
            .engine(engine)
            .engine_version(version)
            .db_instance_class(class)
            .vpc(true)
            .into_paginator()
            .items()
            .send();
        let mut all = Vec::new();
        while let Some(item) = pages.next().await {
            let offer = item.map_err(refused(
                SERVICE,
                "DescribeOrderableDBInstanceOptions",
                region,
                class,
            ))?;
            all.push(ClassOffer {
                zones: offer
                    .availability_zones()
                    .iter()
                    .filter_map(|zone| zone.name().map(str::to_owned))
                    .collect(),
                multi_az: offer.multi_az_capable().unwrap_or_default(),
                storage: offer.storage_type().unwrap_or_default().to_owned(),
            });
        }
        Ok(all)
    }

    /// The names of the options that option groups of an engine's major version can hold.
    pub async fn db_option_names(
        &self,
        region: &str,
        engine: &str,
        major: &str,
    ) -> Result<BTreeSet<String>, CloudError> {
        let mut pages = self
            .rds(region)
            .describe_option_group_options()
            .engine_name(engine)
            .major_engine_version(major)
            .into_paginator()
            .items()
            .send();
        let mut all = BTreeSet::new();
        while let Some(item) = pages.next().await {
            let option = item.map_err(refused(
                SERVICE,
                "DescribeOptionGroupOptions",
                region,
                engine,
            ))?;
            all.extend(option.name().map(str::to_owned));
        }
        Ok(all)
    }
}
