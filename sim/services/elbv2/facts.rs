//! What AWS publishes about its balancers: hosted zones, TLS policies, limits.

use super::state::Kind;
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

/// The hosted zone in which a balancer's DNS name lives, as AWS publishes it: region, application, network.
const ZONES: &[(&str, &str, &str)] = &[
    ("af-south-1", "Z268VQBMOI5EKX", "Z203XCE67M25HM"),
    ("ap-east-1", "Z3DQVH9N71FHZ0", "Z12Y7K3UBGUAD1"),
    ("ap-northeast-1", "Z14GRHDCWA56QT", "Z31USIVHYNEOWT"),
    ("ap-northeast-2", "ZWKZPGTI48KDX", "ZIBE1TIR4HY56"),
    ("ap-northeast-3", "Z5LXEXXYW11ES", "Z1GWIQ4HH19I5X"),
    ("ap-south-1", "ZP97RAFLXTNZK", "ZVDDRBQ08TROA"),
    (
        "ap-south-2",
        "Z0173938T07WNTVAEPZN",
        "Z0711778386UTO08407HT",
    ),
    ("ap-southeast-1", "Z1LMS91P8CMLE5", "ZKVM4W9LS7TM"),
    ("ap-southeast-2", "Z1GM3OXH4ZPM65", "ZCT6FZBF4DROD"),
    (
        "ap-southeast-3",
        "Z08888821HLRG5A9ZRTER",
        "Z01971771FYVNCOVWJU1G",
    ),
    (
        "ap-southeast-4",
        "Z09517862IB2WZLPXG76F",
        "Z01156963G8MIIL7X90IV",
    ),
    (
        "ap-southeast-5",
        "Z06010284QMVVW7WO5J",
        "Z026317210H9ACVTRO6FB",
    ),
    ("ca-central-1", "ZQSVJUPU6J1EY", "Z2EPGBW3API2WT"),
    (
        "ca-west-1",
        "Z06473681N0SF6OS049SD",
        "Z02754302KBB00W2LKWZ9",
    ),
    ("eu-central-1", "Z215JYRZR1TBD5", "Z3F0SRJ5LGBH90"),
    (
        "eu-central-2",
        "Z06391101F2ZOEP8P5EB3",
        "Z02239872DOALSIDCX66S",
    ),
    ("eu-north-1", "Z23TAZ6LKFMNIO", "Z1UDT6IFJ4EJM"),
    ("eu-south-1", "Z3ULH7SSC9OV64", "Z23146JA1KNAFP"),
    (
        "eu-south-2",
        "Z0956581394HF5D5LXGAP",
        "Z1011216NVTVYADP1SSV",
    ),
    ("eu-west-1", "Z32O12XQLNTSW2", "Z2IFOLAFXWLO4F"),
    ("eu-west-2", "ZHURV8PSTC4K8", "ZD4D7Y8KGAS4G"),
    ("eu-west-3", "Z3Q77PNBQS71R4", "Z1CMS0P5QUZ6D5"),
    (
        "il-central-1",
        "Z09170902867EHPV2DABU",
        "Z0313266YDI6ZRHTGQY4",
    ),
    (
        "me-central-1",
        "Z08230872XQRWHG2XF6I",
        "Z00282643NTTLPANJJG2P",
    ),
    ("me-south-1", "ZS929ML54UICD", "Z3QSRYVP46NYYV"),
    (
        "mx-central-1",
        "Z023552324OKD1BB28BH5",
        "Z02031231H3ID6HYJ9A7U",
    ),
    ("sa-east-1", "Z2P70J7HTTTPLU", "ZTK26PT1VY4CU"),
    ("us-east-1", "Z35SXDOTRQ7X7K", "Z26RNL4JYFTOTI"),
    ("us-east-2", "Z3AADJGX6KTTL2", "ZLMOA37VPKANP"),
    ("us-west-1", "Z368ELLRRE2KJ0", "Z24FKFUX50B4VW"),
    ("us-west-2", "Z1H1FL5HABSF5", "Z18D5FSROUN65G"),
];

pub fn hosted_zone(region: &str, kind: Kind) -> &'static str {
    let found = ZONES.iter().find(|(name, _, _)| *name == region);
    match (found, kind) {
        (Some((_, application, _)), Kind::Application) => application,
        (Some((_, _, network)), Kind::Network) => network,
        (None, _) => "",
    }
}

/// Names, protocols and ciphers of the TLS policies.
const POLICIES: &[(&str, &[&str], &[&str])] = &[
    (
        "ELBSecurityPolicy-2016-08",
        &["TLSv1", "TLSv1.1", "TLSv1.2"],
        TLS12_AND_OLDER,
    ),
    (
        "ELBSecurityPolicy-TLS13-1-2-2021-06",
        &["TLSv1.2", "TLSv1.3"],
        TLS13_AND_12,
    ),
    (
        "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
        &["TLSv1.2", "TLSv1.3"],
        TLS13_AND_12_RESTRICTED,
    ),
    (
        "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06",
        &["TLSv1.2", "TLSv1.3"],
        TLS13_AND_12,
    ),
    (
        "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06",
        &["TLSv1.2", "TLSv1.3"],
        TLS13_AND_12,
    ),
    (
        "ELBSecurityPolicy-TLS13-1-1-2021-06",
        &["TLSv1.1", "TLSv1.2", "TLSv1.3"],
        TLS13_AND_12,
    ),
    (
        "ELBSecurityPolicy-TLS13-1-0-2021-06",
        &["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
        TLS13_AND_12,
    ),
    ("ELBSecurityPolicy-TLS13-1-3-2021-06", &["TLSv1.3"], TLS13),
    (
        "ELBSecurityPolicy-TLS-1-0-2015-04",
        &["TLSv1", "TLSv1.1", "TLSv1.2"],
        TLS12_AND_OLDER,
    ),
    (
        "ELBSecurityPolicy-TLS-1-1-2017-01",
        &["TLSv1.1", "TLSv1.2"],
        TLS12_AND_OLDER,
    ),
    ("ELBSecurityPolicy-TLS-1-2-2017-01", &["TLSv1.2"], TLS12),
    (
        "ELBSecurityPolicy-TLS-1-2-Ext-2018-06",
        &["TLSv1.2"],
        TLS12_AND_OLDER,
    ),
    (
        "ELBSecurityPolicy-FS-2018-06",
        &["TLSv1", "TLSv1.1", "TLSv1.2"],
        TLS12,
    ),
    (
        "ELBSecurityPolicy-FS-1-1-2019-08",
        &["TLSv1.1", "TLSv1.2"],
        TLS12,
    ),
    ("ELBSecurityPolicy-FS-1-2-2019-08", &["TLSv1.2"], TLS12),
    ("ELBSecurityPolicy-FS-1-2-Res-2019-08", &["TLSv1.2"], TLS12),
    (
        "ELBSecurityPolicy-FS-1-2-Res-2020-10",
        &["TLSv1.2"],
        TLS12_RESTRICTED,
    ),
];

const TLS13: &[&str] = &[
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
];
const TLS12_RESTRICTED: &[&str] = &[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
];
const TLS12: &[&str] = &[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
];
const TLS12_AND_OLDER: &[&str] = &[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES128-SHA256",
    "AES128-SHA",
    "AES256-GCM-SHA384",
    "AES256-SHA256",
    "AES256-SHA",
];
const TLS13_AND_12: &[&str] = &[
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
];
const TLS13_AND_12_RESTRICTED: &[&str] = &[
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
];

pub(super) const DEFAULT_POLICY: &str = "ELBSecurityPolicy-2016-08";

pub(super) fn check_policy(name: &str) -> Result<(), AwsError> {
    if POLICIES.iter().any(|(known, _, _)| *known == name) {
        return Ok(());
    }
    Err(AwsError::new(
        "SSLPolicyNotFound",
        format!("SSL policy '{name}' not found"),
    ))
}

pub(super) fn describe_ssl_policies(_: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let names = input.strings("Names");
    names.iter().try_for_each(|name| check_policy(name))?;
    let policies: Vec<Value> = POLICIES
        .iter()
        .filter(|(name, _, _)| names.is_empty() || names.iter().any(|n| n == name))
        .map(|(name, protocols, ciphers)| {
            let ciphers: Vec<Value> = ciphers
                .iter()
                .enumerate()
                .map(|(n, c)| json!({"Name": c, "Priority": n + 1}))
                .collect();
            json!({
                "Name": name, "SslProtocols": protocols, "Ciphers": ciphers,
                "SupportedLoadBalancerTypes": ["application", "network"],
            })
        })
        .collect();
    Ok(json!({"SslPolicies": policies}))
}

/// The names of the limits with the quotas behind them and AWS's defaults.
pub(super) const LIMITS: &[(&str, &str, u64)] = &[
    ("application-load-balancers", "L-53DA6B97", 50),
    ("network-load-balancers", "L-69A177A2", 50),
    ("target-groups", "L-B22855CB", 3_000),
    ("targets-per-application-load-balancer", "L-7E6692B2", 1_000),
    ("listeners-per-application-load-balancer", "L-B6DF7632", 50),
    ("listeners-per-network-load-balancer", "L-57A373D6", 50),
    ("rules-per-application-load-balancer", "L-7EED9B64", 100),
    (
        "certificates-per-application-load-balancer",
        "L-9365A611",
        25,
    ),
    ("condition-values-per-alb-rule", "", 5),
    ("condition-wildcards-per-alb-rule", "", 5),
    (
        "target-groups-per-action-on-application-load-balancer",
        "",
        5,
    ),
];

/// The account's limit of that name.
pub(super) fn limit_of(cx: &Cx<'_>, name: &str) -> u64 {
    LIMITS
        .iter()
        .find(|(known, _, _)| *known == name)
        .map_or(u64::MAX, |(_, quota, default)| {
            if quota.is_empty() {
                *default
            } else {
                super::limit(cx, quota, *default)
            }
        })
}

pub(super) fn describe_account_limits(cx: &mut Cx<'_>, _: &Input) -> Result<Value, AwsError> {
    let limits: Vec<Value> = LIMITS
        .iter()
        .map(|(name, _, _)| json!({"Name": name, "Max": limit_of(cx, name).to_string()}))
        .collect();
    Ok(json!({"Limits": limits}))
}
