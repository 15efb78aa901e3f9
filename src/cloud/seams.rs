//! What a [`super::Cloud`] can be given in place of the network and the machine's clock: a plain function from request to
//! answer, and a clock of the engine's. The SDK's own words for these stay in here.
//!
//! Must not know: what stands behind the function.

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use drtool_engine::clock::Clock;
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a [`super::Cloud`] is made of, beyond the ordinary configuration of the environment.
#[derive(Default)]
pub struct Seams {
    pub http: Option<Http>,
    pub clock: Option<Arc<dyn Clock>>,
    /// A fixed identity instead of the credential chain: access key and secret key.
    pub credentials: Option<(String, String)>,
    pub endpoint: Option<String>,
    pub profile: Option<String>,
    pub registries: BTreeMap<String, String>,
    /// The seed of the SDK's chance; `None` outside virtual time.
    pub pinned: Option<u64>,
}

/// The whole answer to a whole request. An error is a connection that was lost before the answer was there.
pub type Exchange = BoxFuture<'static, std::io::Result<http::Response<Bytes>>>;

type Answers = dyn Fn(http::Request<Bytes>) -> Exchange + Send + Sync;

/// A way to AWS that is a function.
#[derive(Clone)]
pub struct Http(Arc<Answers>);

impl Http {
    pub fn of(answers: impl Fn(http::Request<Bytes>) -> Exchange + Send + Sync + 'static) -> Http {
        Http(Arc::new(answers))
    }

    pub(super) fn client(self) -> SharedHttpClient {
        http_client_fn(move |_, _| SharedHttpConnector::new(self.clone()))
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Http")
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answers = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let answer = answers(whole(request).await?).await;
            let answer = answer.map_err(|e| ConnectorError::io(e.into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from))
                .map_err(|e| ConnectorError::other(e.into(), None))
        })
    }
}

/// The request with its body read to the end, or the SDK takes the upload for stalled.
async fn whole(mut request: HttpRequest) -> Result<http::Request<Bytes>, ConnectorError> {
    let body = std::mem::replace(request.body_mut(), SdkBody::taken());
    let body = match body.bytes() {
        Some(whole) => Bytes::copy_from_slice(whole),
        None => ByteStream::new(body)
            .collect()
            .await
            .map_err(|e| ConnectorError::io(e.into()))?
            .into_bytes(),
    };
    let request = request
        .try_into_http1x()
        .map_err(|e| ConnectorError::user(e.into()))?;
    Ok(request.map(|_| body))
}

/// The engine's clock, as the SDK wants it.
#[derive(Clone)]
struct SdkClock(Arc<dyn Clock>);

impl std::fmt::Debug for SdkClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SdkClock")
    }
}

impl AsyncSleep for SdkClock {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(Alone(Mutex::new(self.0.sleep(duration))))
    }
}

/// The SDK wants a sleep that could be shared between threads. Nobody shares one: the lock is never taken.
struct Alone(Mutex<BoxFuture<'static, ()>>);

impl Future for Alone {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        sleep.as_mut().poll(cx)
    }
}

impl TimeSource for SdkClock {
    fn now(&self) -> SystemTime {
        let nanos = self.0.now().as_nanosecond();
        UNIX_EPOCH + Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
    }
}

pub(super) fn sleep(clock: &Arc<dyn Clock>) -> SharedAsyncSleep {
    SharedAsyncSleep::new(SdkClock(Arc::clone(clock)))
}

pub(super) fn time(clock: &Arc<dyn Clock>) -> SharedTimeSource {
    SharedTimeSource::new(SdkClock(Arc::clone(clock)))
}
