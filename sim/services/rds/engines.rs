//! What can be ordered: engines, their versions, classes by region, certificate authorities.

use super::names;
use super::neighbours;
use super::parameters;
use super::refusal::{combination, refuse, value};
use crate::error::AwsError;
use crate::plane::database::Dialect;
use crate::world::{Cx, Input, Output};
use serde_json::{Value, json};

pub struct Engine {
    pub name: &'static str,
    pub about: &'static str,
    pub dialect: Dialect,
    pub port: u16,
    pub license: &'static str,
    pub aurora: bool,
    /// Oldest first; the last one of a major version is its default.
    pub versions: &'static [&'static str],
    pub logs: &'static [&'static str],
}

pub const ENGINES: &[Engine] = &[
    Engine {
        name: "postgres",
        about: "PostgreSQL",
        dialect: Dialect::Postgres,
        port: 5432,
        license: "postgresql-license",
        aurora: false,
        versions: &[
            "13.18", "13.20", "14.12", "14.15", "14.17", "15.4", "15.5", "15.7", "15.8", "15.10",
            "15.12", "16.3", "16.4", "16.6", "16.8", "17.2", "17.4",
        ],
        logs: &["postgresql", "upgrade"],
    },
    Engine {
        name: "mysql",
        about: "MySQL Community Edition",
        dialect: Dialect::Mysql,
        port: 3306,
        license: "general-public-license",
        aurora: false,
        versions: &[
            "8.0.35", "8.0.36", "8.0.37", "8.0.39", "8.0.40", "8.0.41", "8.4.3", "8.4.4",
        ],
        logs: &["audit", "error", "general", "slowquery"],
    },
    Engine {
        name: "aurora-mysql",
        about: "Aurora MySQL",
        dialect: Dialect::Mysql,
        port: 3306,
        license: "general-public-license",
        aurora: true,
        versions: &[
            "8.0.mysql_aurora.3.04.2",
            "8.0.mysql_aurora.3.05.2",
            "8.0.mysql_aurora.3.07.1",
            "8.0.mysql_aurora.3.08.0",
        ],
        logs: &["audit", "error", "general", "slowquery"],
    },
    Engine {
        name: "aurora-postgresql",
        about: "Aurora PostgreSQL",
        dialect: Dialect::Postgres,
        port: 5432,
        license: "postgresql-license",
        aurora: true,
        versions: &["14.12", "14.15", "15.4", "15.8", "15.10", "16.4", "16.6"],
        logs: &["postgresql"],
    },
];

/// Class families, their sizes, and which kinds of engine they serve.
struct Family {
    name: &'static str,
    sizes: &'static [&'static str],
    aurora: Option<&'static [&'static str]>,
}

const FAMILIES: &[Family] = &[
    Family {
        name: "t3",
        sizes: &["micro", "small", "medium", "large", "xlarge", "2xlarge"],
        aurora: Some(&["medium", "large"]),
    },
    Family {
        name: "t4g",
        sizes: &["micro", "small", "medium", "large", "xlarge", "2xlarge"],
        aurora: Some(&["medium", "large"]),
    },
    Family {
        name: "m5",
        sizes: LARGE,
        aurora: None,
    },
    Family {
        name: "m6g",
        sizes: LARGE,
        aurora: None,
    },
    Family {
        name: "m6i",
        sizes: LARGE,
        aurora: None,
    },
    Family {
        name: "m7g",
        sizes: LARGE,
        aurora: None,
    },
    Family {
        name: "r5",
        sizes: LARGE,
        aurora: Some(LARGE),
    },
    Family {
        name: "r6g",
        sizes: LARGE,
        aurora: Some(LARGE),
    },
    Family {
        name: "r6i",
        sizes: LARGE,
        aurora: Some(LARGE),
    },
    Family {
        name: "r7g",
        sizes: LARGE,
        aurora: Some(LARGE),
    },
];

const LARGE: &[&str] = &[
    "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge",
];

/// Families that a region does not offer. AWS's own gaps change; these stand for them.
const GAPS: &[(&str, &str)] = &[
    ("eu-west-3", "m7g"),
    ("eu-west-3", "r7g"),
    ("eu-west-3", "r6i"),
    ("us-west-1", "r6i"),
    ("sa-east-1", "m7g"),
    ("sa-east-1", "r7g"),
    ("eu-south-1", "t4g"),
    ("eu-south-1", "m6g"),
    ("eu-south-1", "r6g"),
    ("ap-northeast-3", "m7g"),
];

const STORAGE: &[&str] = &["gp2", "gp3", "io1", "io2"];

pub fn engine(name: &str) -> Result<&'static Engine, AwsError> {
    ENGINES
        .iter()
        .find(|engine| engine.name == name)
        .ok_or_else(|| value(format!("Invalid DB engine: {name}")))
}

impl Engine {
    /// The major version, as families and option groups name it: `15`, `8.0`.
    pub fn major(&self, version: &str) -> String {
        let parts = if self.dialect == Dialect::Mysql { 2 } else { 1 };
        version.split('.').take(parts).collect::<Vec<_>>().join(".")
    }

    /// The full version that a full or partial one means, or the newest where none is given.
    pub fn version(&self, given: Option<&str>) -> Result<&'static str, AwsError> {
        let found =
            match given {
                None => self.versions.last(),
                Some(given) => self.versions.iter().rev().find(|version| {
                    **version == given || version.starts_with(&format!("{given}."))
                }),
            };
        found.copied().ok_or_else(|| {
            combination(format!(
                "Cannot find version {} for {}",
                given.unwrap_or_default(),
                self.name
            ))
        })
    }

    /// Whether a full version leads on to another.
    pub fn upgrades(&self, from: &str) -> Vec<&'static str> {
        let at = self.versions.iter().position(|version| *version == from);
        at.map(|at| self.versions[at + 1..].to_vec())
            .unwrap_or_default()
    }

    pub fn family(&self, version: &str) -> String {
        parameters::family(self.name, version)
    }

    pub fn option_group(&self, version: &str) -> String {
        format!(
            "default:{}-{}",
            self.name,
            self.major(version).replace('.', "-")
        )
    }

    /// The classes that a region offers for this engine.
    fn classes(&self, region: &str) -> Vec<String> {
        let mut classes = Vec::new();
        for family in FAMILIES
            .iter()
            .filter(|family| !GAPS.contains(&(region, family.name)))
        {
            let sizes = if self.aurora {
                family.aurora
            } else {
                Some(family.sizes)
            };
            classes.extend(
                sizes
                    .into_iter()
                    .flatten()
                    .map(|size| format!("db.{}.{size}", family.name)),
            );
        }
        if self.aurora {
            classes.push("db.serverless".into());
        }
        classes
    }
}

/// The classes that an account can order in a region: what the region offers, without what the world has withdrawn.
pub fn classes(cx: &mut Cx<'_>, engine: &Engine) -> Vec<String> {
    let region = cx.region.clone();
    let mut classes = engine.classes(&region);
    let withdrawn = &cx.place().rds.withdrawn;
    classes.retain(|class| {
        !withdrawn
            .iter()
            .any(|gone| gone == class || class.split('.').nth(1) == Some(gone))
    });
    classes
}

/// Refuses a class that is none, or that is not offered here for the engine.
pub fn check_class(
    cx: &mut Cx<'_>,
    engine: &Engine,
    version: &str,
    class: &str,
) -> Result<(), AwsError> {
    if classes(cx, engine).iter().any(|known| known == class) {
        return Ok(());
    }
    if !class.starts_with("db.") {
        return Err(value(format!("Invalid DB Instance class: {class}")));
    }
    Err(combination(format!(
        "RDS does not support creating a DB instance with the following combination: DBInstanceClass={class}, Engine={}, \
         EngineVersion={version}, LicenseModel={}. For supported combinations of instance class and database engine \
         version, see the documentation.",
        engine.name, engine.license
    )))
}

/// Takes a class (`db.t4g.medium`) or a family (`t4g`) out of what a region offers, or gives it back.
pub fn withdraw(world: &mut crate::World, account: &str, region: &str, class: &str, offered: bool) {
    let withdrawn = &mut world.place(account, region).rds.withdrawn;
    if offered {
        withdrawn.remove(class);
    } else {
        withdrawn.insert(class.to_owned());
    }
}

pub fn describe_versions(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    names::check_filters(
        input,
        &[
            "db-parameter-group-family",
            "engine",
            "engine-mode",
            "engine-version",
            "status",
        ],
    )?;
    let mut versions = Vec::new();
    let wanted_engines = names::filter(input, "engine");
    let wanted_versions = names::filter(input, "engine-version");
    let wanted_families = names::filter(input, "db-parameter-group-family");
    for engine in ENGINES {
        if input
            .str("Engine")
            .is_some_and(|wanted| wanted != engine.name)
            || wanted_engines
                .as_ref()
                .is_some_and(|wanted| !wanted.iter().any(|w| w == engine.name))
        {
            continue;
        }
        let wanted = input.str("EngineVersion");
        let newest = engine.versions.last().copied().unwrap_or_default();
        for version in engine.versions {
            let family = engine.family(version);
            let fits = wanted
                .is_none_or(|w| *version == w || version.starts_with(&format!("{w}.")))
                && wanted_versions
                    .as_ref()
                    .is_none_or(|w| w.iter().any(|w| w == version))
                && wanted_families.as_ref().is_none_or(|w| w.contains(&family))
                && input
                    .str("DBParameterGroupFamily")
                    .is_none_or(|w| w == family)
                && (input.bool("DefaultOnly") != Some(true)
                    || match wanted {
                        Some(wanted) => engine
                            .version(Some(wanted))
                            .is_ok_and(|default| default == *version),
                        None => *version == newest,
                    });
            if fits {
                versions.push(shown_version(cx, engine, version, &family));
            }
        }
    }
    Ok(object! {"DBEngineVersions": versions}.into())
}

fn shown_version(cx: &Cx<'_>, engine: &Engine, version: &str, family: &str) -> Value {
    let targets: Vec<Value> = engine
        .upgrades(version)
        .iter()
        .map(|target| {
            json!({
                "Engine": engine.name,
                "EngineVersion": target,
                "Description": format!("{} {target}", engine.about),
                "AutoUpgrade": false,
                "IsMajorVersionUpgrade": engine.major(target) != engine.major(version),
            })
        })
        .collect();
    let mut shown = json!({
        "Engine": engine.name,
        "MajorEngineVersion": engine.major(version),
        "EngineVersion": version,
        "DBParameterGroupFamily": family,
        "DBEngineDescription": engine.about,
        "DBEngineVersionDescription": format!("{} {version}", engine.about),
        "ValidUpgradeTarget": targets,
        "ExportableLogTypes": engine.logs,
        "SupportsLogExportsToCloudwatchLogs": true,
        "SupportsReadReplica": !engine.aurora,
        "SupportedFeatureNames": if engine.dialect == Dialect::Postgres { json!(["Lambda", "s3Export", "s3Import"]) } else { json!([]) },
        "Status": "available",
        "SupportsParallelQuery": false,
        "SupportsGlobalDatabases": engine.aurora,
        "SupportsBabelfish": false,
        "SupportsLimitlessDatabase": false,
        "SupportsCertificateRotationWithoutRestart": true,
        "SupportedCACertificateIdentifiers": ["rds-ca-rsa2048-g1", "rds-ca-ecc384-g1", "rds-ca-rsa4096-g1"],
        "SupportsLocalWriteForwarding": engine.aurora,
        "SupportsIntegrations": engine.aurora,
        "TagList": [],
    });
    if engine.aurora {
        shown["SupportedEngineModes"] = json!(["provisioned"]);
        shown["ServerlessV2FeaturesSupport"] = json!({ "MinCapacity": 0.0, "MaxCapacity": 256.0 });
    }
    let _ = cx;
    shown
}

pub fn describe_orderable(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let engine = engine(input.str("Engine").unwrap_or_default())?;
    let zones: Vec<Value> = neighbours::zones(cx)
        .into_iter()
        .map(|zone| json!({ "Name": zone }))
        .collect();
    let classes = classes(cx, engine);
    let mut options = Vec::new();
    let storage: &[&str] = if engine.aurora {
        &["aurora", "aurora-iopt1"]
    } else {
        STORAGE
    };
    for version in engine.versions {
        if input
            .str("EngineVersion")
            .is_some_and(|wanted| wanted != *version)
            || input
                .str("LicenseModel")
                .is_some_and(|wanted| wanted != engine.license)
            || input.bool("Vpc") == Some(false)
        {
            continue;
        }
        for class in classes.iter().filter(|class| {
            input
                .str("DBInstanceClass")
                .is_none_or(|wanted| wanted == *class)
        }) {
            for storage in storage {
                options.push(shown_option(engine, version, class, storage, &zones));
            }
        }
    }
    Ok(object! {"OrderableDBInstanceOptions": options}.into())
}

fn shown_option(
    engine: &Engine,
    version: &str,
    class: &str,
    storage: &str,
    zones: &[Value],
) -> Value {
    let provisioned = matches!(storage, "io1" | "io2");
    let burstable = class.starts_with("db.t");
    let mut shown = json!({
        "Engine": engine.name,
        "EngineVersion": version,
        "DBInstanceClass": class,
        "LicenseModel": engine.license,
        "AvailabilityZones": zones,
        "MultiAZCapable": !engine.aurora,
        "ReadReplicaCapable": !engine.aurora,
        "Vpc": true,
        "SupportsStorageEncryption": true,
        "StorageType": storage,
        "SupportsIops": provisioned || storage == "gp3",
        "SupportsStorageThroughput": storage == "gp3",
        "SupportsEnhancedMonitoring": true,
        "SupportsIAMDatabaseAuthentication": true,
        "SupportsPerformanceInsights": !(burstable && (class.ends_with("micro") || class.ends_with("small"))),
        "AvailableProcessorFeatures": [],
        "SupportedEngineModes": ["provisioned"],
        "SupportsStorageAutoscaling": !engine.aurora,
        "SupportsKerberosAuthentication": true,
        "OutpostCapable": false,
        "SupportedActivityStreamModes": if engine.aurora && !burstable { json!(["async"]) } else { json!([]) },
        "SupportsGlobalDatabases": engine.aurora && !burstable,
        "SupportedNetworkTypes": ["IPV4", "DUAL"],
        "SupportsClusters": engine.aurora,
        "SupportsDedicatedLogVolume": provisioned,
        "SupportsHttpEndpoint": engine.aurora && !burstable,
    });
    if !engine.aurora {
        shown["MinStorageSize"] = if provisioned { 100 } else { 20 }.into();
        shown["MaxStorageSize"] = 65_536.into();
    }
    if provisioned {
        shown["MinIopsPerDbInstance"] = 1_000.into();
        shown["MaxIopsPerDbInstance"] = 256_000.into();
        shown["MinIopsPerGib"] = json!(0.5);
        shown["MaxIopsPerGib"] = json!(50.0);
    }
    shown
}

/// The certificate authorities, newest choice first.
const AUTHORITIES: &[(&str, &str)] = &[
    ("rds-ca-rsa2048-g1", "2061-05-26"),
    ("rds-ca-rsa4096-g1", "2121-05-26"),
    ("rds-ca-ecc384-g1", "2121-05-26"),
];

pub const DEFAULT_AUTHORITY: &str = "rds-ca-rsa2048-g1";

pub fn check_authority(id: &str) -> Result<(), AwsError> {
    if AUTHORITIES.iter().any(|(known, _)| *known == id) {
        return Ok(());
    }
    Err(certificate_not_found(id))
}

fn certificate_not_found(id: &str) -> AwsError {
    refuse(
        "CertificateNotFound",
        format!("Certificate not found: {id}"),
    )
    .status(404)
}

pub fn describe_certificates(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let wanted = input.str("CertificateIdentifier");
    if let Some(id) = wanted {
        check_authority(id)?;
    }
    let certificates: Vec<Value> = AUTHORITIES
        .iter()
        .filter(|(id, _)| wanted.is_none_or(|wanted| wanted == *id))
        .map(|(id, until)| {
            let thumb = cx.world.dice.hash(&["certificate", &cx.region, id], 0);
            json!({
                "CertificateIdentifier": id,
                "CertificateType": "CA",
                "Thumbprint": format!("{thumb:016x}{thumb:016x}{:08x}", thumb >> 32),
                // 2021-05-26 until the year in the table.
                "ValidFrom": 1_621_987_200.0,
                "ValidTill": if until.starts_with("2061") { 2_884_291_200.0 } else { 4_777_747_200.0 },
                "CertificateArn": format!("arn:aws:rds:{}::cert:{id}", cx.region),
                "CustomerOverride": false,
            })
        })
        .collect();
    Ok(json!({ "DefaultCertificateForNewLaunches": DEFAULT_AUTHORITY, "Certificates": certificates }).into())
}

/// Bytes of memory of a class.
pub fn memory(class: &str) -> u64 {
    let mut parts = class.split('.').skip(1);
    let (family, size) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let large: u64 = if family.starts_with('r') { 16 } else { 8 };
    let gigabytes = match size {
        "micro" => 1,
        "small" => 2,
        "medium" => 4,
        "large" => large,
        "xlarge" => large * 2,
        other => {
            let times = other
                .strip_suffix("xlarge")
                .and_then(|times| times.parse::<u64>().ok());
            // A serverless class grows to what it needs.
            times.map_or(512, |times| large * 2 * times)
        }
    };
    gigabytes << 30
}
