//! The SDK's chance, pinned: back-off depends on the call alone, not on what other tasks did before, and what is sent is
//! the same to the byte.
//!
//! The SDK draws its retry jitter from a thread-local generator. Re-seeding that generator before each attempt from
//! the call itself keeps a world the same when one call more is made elsewhere. Maps in its requests are hash maps, whose
//! order nobody can seed: the members of a JSON body are put in order before it is signed.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextMut, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

#[derive(Debug)]
struct CallKey(u64);

impl Storable for CallKey {
    type Storer = StoreReplace<Self>;
}

/// Seeds the generator per call and attempt.
#[derive(Debug)]
pub struct PinnedJitter {
    seed: u64,
    seen: Mutex<BTreeMap<u64, u64>>,
}

impl PinnedJitter {
    pub fn new(seed: u64) -> PinnedJitter {
        PinnedJitter {
            seed,
            seen: Mutex::default(),
        }
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for PinnedJitter {
    fn name(&self) -> &'static str {
        "PinnedJitter"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let kind = request.headers().get("content-type");
        if kind.is_some_and(|kind| kind.contains("json"))
            && let Some(ordered) = request.body().bytes().and_then(ordered)
        {
            *request.body_mut() = SdkBody::from(ordered);
        }
        let mut key = mix(self.seed, request.uri().as_bytes());
        if let Some(metadata) = config.load::<Metadata>() {
            key = mix(
                mix(key, metadata.service().as_bytes()),
                metadata.name().as_bytes(),
            );
        }
        key = mix(key, request.body().bytes().unwrap_or_default());
        let nth = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let nth = seen.entry(key).or_default();
            *nth += 1;
            *nth
        };
        config
            .interceptor_state()
            .store_put(CallKey(mix(key, &nth.to_le_bytes())));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Some(key), Some(attempts)) =
            (config.load::<CallKey>(), config.load::<RequestAttempts>())
        {
            fastrand::seed(mix(key.0, &u64::from(attempts.attempts()).to_le_bytes()));
        }
        Ok(())
    }
}

/// A JSON document with the members of its objects in order; `None` if it is flat, as the SDK writes structures in the
/// model's order, or would not keep the length that is announced.
fn ordered(body: &[u8]) -> Option<Vec<u8>> {
    body.get(1..)?.contains(&b'{').then_some(())?;
    let mut value: Value = serde_json::from_slice(body).ok()?;
    value.sort_all_objects();
    let ordered = serde_json::to_vec(&value).ok()?;
    (ordered.len() == body.len()).then_some(ordered)
}

/// FNV-1a with a finaliser: a fixed hash, the same in every build.
fn mix(start: u64, bytes: &[u8]) -> u64 {
    let mut hash = start ^ 0xcbf2_9ce4_8422_2325;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
