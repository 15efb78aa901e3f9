//! What drtool asks of AWS, in its own words. The only place that names `aws_sdk_*`.
//!
//! A service has one file or folder: its looks (lists shared within a tick), its calls (described for the engine, sent once,
//! never retried here) and the conversion of AWS's shapes into ours. Errors are classified in [`error`], once.

pub mod autoscaling;
pub mod call;
pub mod certificates;
pub mod dns;
#[cfg(feature = "network")]
pub mod ec2;
pub mod ecs;
pub mod elb;
pub mod error;
pub mod iam;
pub mod images;
pub mod jitter;
pub mod keys;
pub mod logs;
pub mod looks;
pub mod parameters;
pub mod place;
pub mod quotas;
pub mod rds;
pub mod seams;
pub mod secrets;
pub mod usage;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use error::CloudError;
use looks::Looks;
use seams::Seams;
use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A resource's tags, in key order.
pub type Tags = BTreeMap<String, String>;

/// Tags as those services tell them that have them as a map.
fn tags_of(map: Option<&HashMap<String, String>>) -> Tags {
    let pairs = map.into_iter().flatten();
    pairs.map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// How long one attempt of a call may take, and a call with its attempts. The SDK sets no such limits of its own.
const ATTEMPT: Duration = Duration::from_secs(20);
const OPERATION: Duration = Duration::from_secs(90);

/// The ways to AWS: one pair of clients per service and region, made when first used.
#[derive(Clone)]
pub struct Cloud(Arc<Inner>);

struct Inner {
    base: aws_config::SdkConfig,
    /// Set where the SDK's chance must repeat: in process, in virtual time.
    pinned: Option<u64>,
    /// The registry to use instead of the one that ECR names (a sandbox's, a test's), per region.
    registries: BTreeMap<String, String>,
    clients: Mutex<Clients>,
    looks: Looks,
}

/// By service, region, and whether it writes.
type Clients = BTreeMap<(&'static str, String, bool), Arc<dyn Any + Send + Sync>>;

impl Cloud {
    /// Loads configuration and credentials as the AWS CLI does, with `seams` in their place where given.
    pub async fn load(seams: Seams) -> Cloud {
        let behavior = aws_config::BehaviorVersion::v2026_01_12();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(3_100))
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION)
            .build();
        let base = match seams.credentials {
            // Nothing of the environment may leak into a sandbox: no profile, no endpoint, no credential chain.
            Some((key, secret)) => {
                let credentials =
                    aws_credential_types::Credentials::new(key, secret, None, None, "drtool");
                let mut builder = aws_config::SdkConfig::builder()
                    .behavior_version(behavior)
                    .timeout_config(timeouts)
                    .credentials_provider(
                        aws_credential_types::provider::SharedCredentialsProvider::new(credentials),
                    );
                builder.set_http_client(seams.http.map(seams::Http::client));
                builder.set_sleep_impl(match &seams.clock {
                    Some(clock) => Some(seams::sleep(clock)),
                    None => aws_smithy_async::rt::sleep::default_async_sleep(),
                });
                builder.set_time_source(Some(
                    seams.clock.as_ref().map(seams::time).unwrap_or_default(),
                ));
                builder.set_endpoint_url(seams.endpoint);
                builder.build()
            }
            None => {
                let mut loader = aws_config::defaults(behavior).timeout_config(timeouts);
                if let Some(profile) = seams.profile {
                    loader = loader.profile_name(profile);
                }
                if let Some(endpoint) = seams.endpoint {
                    loader = loader.endpoint_url(endpoint);
                }
                if let Some(http) = seams.http {
                    loader = loader.http_client(http.client());
                }
                if let Some(clock) = &seams.clock {
                    loader = loader
                        .sleep_impl(seams::sleep(clock))
                        .time_source(seams::time(clock));
                }
                loader.load().await
            }
        };
        if let Some(seed) = seams.pinned {
            fastrand::seed(seed);
        }
        Cloud(Arc::new(Inner {
            base,
            pinned: seams.pinned,
            registries: seams.registries,
            clients: Mutex::default(),
            looks: Looks::default(),
        }))
    }

    pub fn looks(&self) -> &Looks {
        &self.0.looks
    }

    /// Where the registry of a region answers, if not where ECR says.
    pub fn registry_override(&self, region: &str) -> Option<&str> {
        self.0.registries.get(region).map(String::as_str)
    }

    fn client<C: Send + Sync + 'static>(
        &self,
        service: &'static str,
        region: &str,
        writes: bool,
        make: impl FnOnce(&aws_config::SdkConfig) -> C,
    ) -> Arc<C> {
        let key = (service, region.to_owned(), writes);
        let mut clients = self
            .0
            .clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = clients
            .get(&key)
            .and_then(|c| Arc::clone(c).downcast::<C>().ok())
        {
            return held;
        }
        // A mutating call is one attempt: a second one would be a call that no journal knows of.
        let retry = if writes {
            RetryConfig::disabled()
        } else {
            RetryConfig::standard().with_max_attempts(3)
        };
        let config = self
            .0
            .base
            .to_builder()
            .retry_config(retry)
            .region(aws_config::Region::new(region.to_owned()))
            .build();
        let made = Arc::new(make(&config));
        clients.insert(key, Arc::clone(&made) as Arc<dyn Any + Send + Sync>);
        made
    }
}

/// A reader that retries, or a writer that does not. There is no common trait of the generated builders, hence a macro.
macro_rules! clients {
    ($($accessor:ident $sdk:ident $name:literal $writes:literal;)*) => {
        impl Cloud {
            $(
                pub(crate) fn $accessor(&self, region: &str) -> Arc<$sdk::Client> {
                    self.client($name, region, $writes, |config| $sdk::Client::from_conf(configured!(self, $sdk, config, $name)))
                }
            )*
        }
    };
}

macro_rules! configured {
    ($cloud:ident, $sdk:ident, $config:ident, $name:literal) => {{
        let mut builder = $sdk::config::Builder::from($config);
        if let Some(seed) = $cloud.0.pinned {
            builder = builder
                .interceptor(jitter::PinnedJitter::new(seed))
                .retry_partition(
                    $sdk::config::retry::RetryPartition::custom(format!("{}-{seed}", $name))
                        .build(),
                );
        }
        builder.build()
    }};
}

clients! {
    acm aws_sdk_acm "acm" false;
    acm_writer aws_sdk_acm "acm" true;
    autoscaling aws_sdk_applicationautoscaling "application-autoscaling" false;
    autoscaling_writer aws_sdk_applicationautoscaling "application-autoscaling" true;
    ecr aws_sdk_ecr "ecr" false;
    ecr_writer aws_sdk_ecr "ecr" true;
    ecs aws_sdk_ecs "ecs" false;
    ecs_writer aws_sdk_ecs "ecs" true;
    elb aws_sdk_elasticloadbalancingv2 "elasticloadbalancing" false;
    elb_writer aws_sdk_elasticloadbalancingv2 "elasticloadbalancing" true;
    iam aws_sdk_iam "iam" false;
    iam_writer aws_sdk_iam "iam" true;
    logs aws_sdk_cloudwatchlogs "logs" false;
    logs_writer aws_sdk_cloudwatchlogs "logs" true;
    rds aws_sdk_rds "rds" false;
    rds_writer aws_sdk_rds "rds" true;
    route53 aws_sdk_route53 "route53" false;
    route53_writer aws_sdk_route53 "route53" true;
    secrets aws_sdk_secretsmanager "secretsmanager" false;
    secrets_writer aws_sdk_secretsmanager "secretsmanager" true;
    kms aws_sdk_kms "kms" false;
    quotas aws_sdk_servicequotas "servicequotas" false;
    ssm aws_sdk_ssm "ssm" false;
    ssm_writer aws_sdk_ssm "ssm" true;
    sts aws_sdk_sts "sts" false;
}

#[cfg(feature = "network")]
clients! {
    ec2 aws_sdk_ec2 "ec2" false;
    ec2_writer aws_sdk_ec2 "ec2" true;
}

/// Turns the SDK's refusal of a call into ours.
pub(crate) fn refused<E>(
    service: &'static str,
    operation: &'static str,
    region: &str,
    resource: &str,
) -> impl FnOnce(SdkError<E, HttpResponse>) -> CloudError + use<E>
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata
        + std::error::Error
        + Send
        + Sync
        + 'static,
{
    let (region, resource) = (region.to_owned(), resource.to_owned());
    move |error| CloudError::from_sdk(service, operation, &region, &resource, error)
}
