//! What can be asked of one registry, one request each.

use super::error::chain;
use super::manifest::{ACCEPTED, Manifest, is_digest};
use super::{Broken, Content, Failure, RegistryError, Transport, empty, whole};
use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, LOCATION, USER_AGENT,
};
use http::{Method, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The largest manifest that registries take.
const MANIFEST: usize = 4 * 1024 * 1024;

/// An error's body is read up to here.
const COMPLAINT: usize = 16 * 1024;

/// Blobs are usually kept elsewhere, one hop away.
const HOPS: usize = 4;

const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// A whole body that is not longer than that.
async fn read(mut body: Content, limit: usize) -> Result<Bytes, Broken> {
    let mut out = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if out.len() + data.len() > limit {
            return Err(format!("the answer is longer than {limit} bytes").into());
        }
        out.extend_from_slice(&data);
    }
    Ok(out.freeze())
}

/// One registry, and the password for it.
#[derive(Clone)]
pub struct Registry {
    transport: Arc<dyn Transport>,
    /// `https://HOST`.
    base: String,
    authority: String,
    /// The value of a Basic authorization.
    basic: Arc<Zeroizing<String>>,
}

/// Where a blob that is being pushed goes: a URL that the registry chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload(String);

/// One request, before it is sent.
struct Ask<'a> {
    method: Method,
    url: &'a str,
    headers: Vec<(HeaderName, String)>,
    length: Option<u64>,
    body: Content,
    /// What it is about, for errors.
    about: String,
}

impl<'a> Ask<'a> {
    fn new(method: Method, url: &'a str, about: String) -> Ask<'a> {
        Ask {
            method,
            url,
            headers: Vec::new(),
            length: None,
            body: empty(),
            about,
        }
    }

    fn header(mut self, name: HeaderName, value: impl Into<String>) -> Ask<'a> {
        self.headers.push((name, value.into()));
        self
    }

    fn content(mut self, length: u64, body: Content) -> Ask<'a> {
        self.length = Some(length);
        self.body = body;
        self
    }
}

impl Registry {
    /// `base` is `https://HOST`; `basic` is what ECR's `GetAuthorizationToken` answers.
    pub fn new(
        transport: Arc<dyn Transport>,
        base: &str,
        basic: Zeroizing<String>,
    ) -> Result<Registry, String> {
        let base = base.trim_end_matches('/');
        let uri: Uri = base
            .parse()
            .map_err(|e| format!("`{base}` is not a registry's address: {e}"))?;
        let authority = uri
            .authority()
            .filter(|_| uri.scheme().is_some())
            .ok_or_else(|| format!("`{base}` is not a registry's address"))?;
        Ok(Registry {
            transport,
            base: base.to_owned(),
            authority: authority.as_str().to_owned(),
            basic: Arc::new(basic),
        })
    }

    /// Whether both are the same registry, so that a blob need not travel.
    pub fn is(&self, other: &Registry) -> bool {
        self.base == other.base
    }

    pub(super) fn failed(&self, about: &str, failure: Failure) -> RegistryError {
        RegistryError {
            doing: about.to_owned(),
            host: self.authority.clone(),
            failure,
        }
    }

    fn broken(&self, about: &str, error: &Broken) -> RegistryError {
        self.failed(about, Failure::Unreachable(chain(error.as_ref())))
    }

    async fn send(&self, ask: Ask<'_>) -> Result<Response<Content>, RegistryError> {
        let wrong = |why: String| self.failed(&ask.about, Failure::Wrong(why));
        let uri: Uri = ask
            .url
            .parse()
            .map_err(|e| wrong(format!("`{}` is not an address: {e}", ask.url)))?;
        let mut headers = HeaderMap::new();
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("drtool/", env!("CARGO_PKG_VERSION"))),
        );
        for (name, value) in &ask.headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| wrong(format!("`{value}` is not a value of header {name}")))?;
            headers.insert(name.clone(), value);
        }
        // The password is this registry's: wherever else it sends us, we come without.
        if uri.authority().map(http::uri::Authority::as_str) == Some(self.authority.as_str()) {
            let basic = Zeroizing::new(format!("Basic {}", self.basic.as_str()));
            let mut value = HeaderValue::from_str(&basic)
                .map_err(|_| wrong("its token cannot be sent in a header".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(length) = ask.length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let mut request = http::Request::new(ask.body);
        *request.method_mut() = ask.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        self.transport
            .send(request)
            .await
            .map_err(|error| self.broken(&ask.about, &error))
    }

    /// What a registry says when it says no.
    async fn refused(&self, about: &str, response: Response<Content>) -> RegistryError {
        let status = response.status().as_u16();
        let body = read(response.into_body(), COMPLAINT)
            .await
            .unwrap_or_default();
        let json: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let text = |member: &str| {
            json["errors"][0][member]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        self.failed(
            about,
            Failure::Refused {
                status,
                code: text("code"),
                message: text("message"),
            },
        )
    }

    /// A repository's name and a digest go into URLs: nothing else may.
    fn url(&self, repository: &str, rest: &str) -> String {
        format!("{}/v2/{repository}/{rest}", self.base)
    }

    fn checked(&self, about: &str, digest: &str) -> Result<(), RegistryError> {
        if is_digest(digest) {
            return Ok(());
        }
        Err(self.failed(
            about,
            Failure::Wrong(format!("`{digest}` is not a sha256 digest")),
        ))
    }

    /// Whether a repository has a blob.
    pub async fn has_blob(&self, repository: &str, digest: &str) -> Result<bool, RegistryError> {
        let about = format!("HEAD blob {digest} of {repository}");
        self.checked(&about, digest)?;
        let url = self.url(repository, &format!("blobs/{digest}"));
        let response = self
            .send(Ask::new(Method::HEAD, &url, about.clone()))
            .await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            // A registry that keeps blobs elsewhere says where, which it could not if it had none.
            status if status.is_success() || status.is_redirection() => Ok(true),
            _ => Err(self.refused(&about, response).await),
        }
    }

    /// A blob's bytes, as they come, and how many they are if the registry says so. Nobody has checked them yet.
    pub async fn blob(
        &self,
        repository: &str,
        digest: &str,
    ) -> Result<(Option<u64>, Content), RegistryError> {
        let about = format!("GET blob {digest} of {repository}");
        self.checked(&about, digest)?;
        let mut url = self.url(repository, &format!("blobs/{digest}"));
        for _ in 0..HOPS {
            let response = self
                .send(Ask::new(Method::GET, &url, about.clone()))
                .await?;
            if response.status().is_redirection() {
                url = self.location(&response).ok_or_else(|| {
                    self.failed(
                        &about,
                        Failure::Wrong("it redirects without saying where".into()),
                    )
                })?;
                continue;
            }
            if response.status() != StatusCode::OK {
                return Err(self.refused(&about, response).await);
            }
            let length = response
                .headers()
                .get(CONTENT_LENGTH)
                .and_then(|value| value.to_str().ok()?.parse().ok());
            return Ok((length, response.into_body()));
        }
        Err(self.failed(
            &about,
            Failure::Wrong(format!("more than {HOPS} redirects")),
        ))
    }

    fn location(&self, response: &Response<Content>) -> Option<String> {
        let to = response.headers().get(LOCATION)?.to_str().ok()?;
        Some(if to.starts_with('/') {
            format!("{}{to}", self.base)
        } else {
            to.to_owned()
        })
    }

    /// Begins to push a blob.
    pub async fn begin(&self, repository: &str) -> Result<Upload, RegistryError> {
        let about = format!("POST upload to {repository}");
        let url = self.url(repository, "blobs/uploads/");
        let response = self
            .send(Ask::new(Method::POST, &url, about.clone()).content(0, empty()))
            .await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.refused(&about, response).await);
        }
        self.upload(&about, &response)
    }

    fn upload(&self, about: &str, response: &Response<Content>) -> Result<Upload, RegistryError> {
        self.location(response).map(Upload).ok_or_else(|| {
            self.failed(
                about,
                Failure::Wrong("it takes an upload without saying where".into()),
            )
        })
    }

    /// Asks for a blob of another repository of this registry. A registry that does not lend it begins an upload
    /// instead, which is answered.
    pub async fn mount(
        &self,
        repository: &str,
        digest: &str,
        from: &str,
    ) -> Result<Option<Upload>, RegistryError> {
        let about = format!("POST mount of blob {digest} of {from} into {repository}");
        self.checked(&about, digest)?;
        let url = self.url(
            repository,
            &format!("blobs/uploads/?mount={digest}&from={from}"),
        );
        let response = self
            .send(Ask::new(Method::POST, &url, about.clone()).content(0, empty()))
            .await?;
        match response.status() {
            StatusCode::CREATED => Ok(None),
            StatusCode::ACCEPTED => self.upload(&about, &response).map(Some),
            _ => Err(self.refused(&about, response).await),
        }
    }

    /// Ends an upload: all the bytes that are not there yet, and the digest that they must have.
    pub async fn finish(
        &self,
        upload: &Upload,
        digest: &str,
        length: u64,
        body: Content,
    ) -> Result<(), RegistryError> {
        let about = format!("PUT blob {digest}");
        self.checked(&about, digest)?;
        let mark = if upload.0.contains('?') { '&' } else { '?' };
        let url = format!("{}{mark}digest={digest}", upload.0);
        let ask = Ask::new(Method::PUT, &url, about.clone())
            .header(CONTENT_TYPE, "application/octet-stream")
            .content(length, body);
        let response = self.send(ask).await?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(self.refused(&about, response).await)
    }

    /// Adds a piece to an upload; answers where the next one goes.
    pub async fn append(
        &self,
        upload: &Upload,
        first: u64,
        piece: Bytes,
    ) -> Result<Upload, RegistryError> {
        let length = piece.len() as u64;
        let last = (first + length).saturating_sub(1);
        let about = format!("PATCH bytes {first}-{last} of an upload");
        let ask = Ask::new(Method::PATCH, &upload.0, about.clone())
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_RANGE, format!("{first}-{last}"))
            .content(length, whole(piece));
        let response = self.send(ask).await?;
        if !response.status().is_success() {
            return Err(self.refused(&about, response).await);
        }
        self.upload(&about, &response)
    }

    /// A manifest, byte for byte. `None` if the repository has no such image.
    pub async fn manifest(
        &self,
        repository: &str,
        digest: &str,
    ) -> Result<Option<Manifest>, RegistryError> {
        let about = format!("GET manifest {digest} of {repository}");
        self.checked(&about, digest)?;
        let url = self.url(repository, &format!("manifests/{digest}"));
        let ask = Ask::new(Method::GET, &url, about.clone()).header(ACCEPT, ACCEPTED);
        let response = self.send(ask).await?;
        if response.status() != StatusCode::OK {
            let refused = self.refused(&about, response).await;
            return match &refused.failure {
                Failure::Refused {
                    status: 404, code, ..
                } if code != "NAME_UNKNOWN" => Ok(None),
                _ => Err(refused),
            };
        }
        let media_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .unwrap_or_default()
            .trim()
            .to_owned();
        let body = read(response.into_body(), MANIFEST)
            .await
            .map_err(|error| self.broken(&about, &error))?;
        let manifest = Manifest::new(media_type, body);
        if manifest.digest != digest {
            let why = format!("it answers a manifest whose digest is {}", manifest.digest);
            return Err(self.failed(&about, Failure::Wrong(why)));
        }
        Ok(Some(manifest))
    }

    /// The digest that a tag is on.
    pub async fn tagged(
        &self,
        repository: &str,
        tag: &str,
    ) -> Result<Option<String>, RegistryError> {
        let about = format!("HEAD tag {tag} of {repository}");
        let url = self.url(repository, &format!("manifests/{tag}"));
        let ask = Ask::new(Method::HEAD, &url, about.clone()).header(ACCEPT, ACCEPTED);
        let response = self.send(ask).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => Ok(response
                .headers()
                .get(DIGEST)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)),
            _ => Err(self.refused(&about, response).await),
        }
    }

    /// Puts a manifest under a tag or under its digest. Everything that it names must be there.
    pub async fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        let about = format!("PUT manifest {reference} of {repository}");
        let url = self.url(repository, &format!("manifests/{reference}"));
        let ask = Ask::new(Method::PUT, &url, about.clone())
            .header(CONTENT_TYPE, manifest.media_type.clone())
            .content(manifest.bytes.len() as u64, whole(manifest.bytes.clone()));
        let response = self.send(ask).await?;
        if !response.status().is_success() {
            return Err(self.refused(&about, response).await);
        }
        match response.headers().get(DIGEST) {
            Some(digest) if digest != manifest.digest.as_str() => Err(self.failed(
                &about,
                Failure::Wrong(format!(
                    "it keeps the manifest under {digest:?} instead of {}",
                    manifest.digest
                )),
            )),
            _ => Ok(()),
        }
    }
}
