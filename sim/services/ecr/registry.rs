//! The registry of one region, as container engines speak to it: the distribution API, version 2.
//!
//! It is a second face of the same repositories: what is pushed here is seen by the API, and the other way round. It
//! takes the tokens of its own region only, and asks IAM for each request as AWS does.

use super::images::{Destination, Push};
use super::layers::Upload;
use super::token::Login;
use super::{Repository, images, layers, manifest, replication, repositories, rules, token};
use crate::error::AwsError;
use crate::services::{Wanted, iam};
use crate::world::{Caller, Request, Response, World};
use bytes::Bytes;
use serde_json::{Value, json};

/// Serves one request to the registry of `region`.
pub fn serve(world: &mut World, region: &str, request: &Request) -> Response {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let query = Query::parse(query);
    let mut response = match answer(world, region, request, path, &query) {
        Ok(response) => response,
        Err(fault) => fault.response(),
    };
    response.headers.push((
        "Docker-Distribution-Api-Version".into(),
        "registry/2.0".into(),
    ));
    if request.method == "HEAD" {
        // The length of what a GET would bring stays in the header.
        response.body = Bytes::new();
    }
    response
}

/// An error of the distribution API.
struct Fault {
    status: u16,
    code: &'static str,
    message: String,
    headers: Vec<(String, String)>,
}

impl Fault {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Fault {
        Fault {
            status,
            code,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    fn response(self) -> Response {
        let body = json!({"errors": [{"code": self.code, "message": self.message}]}).to_string();
        let mut headers = self.headers;
        headers.push((
            "Content-Type".into(),
            "application/json; charset=utf-8".into(),
        ));
        respond(self.status, headers, body)
    }
}

/// A refusal of the shared doors, in this API's words.
impl From<AwsError> for Fault {
    fn from(error: AwsError) -> Fault {
        let (status, code) = match error.code.as_str() {
            "RepositoryNotFoundException" => (404, "NAME_UNKNOWN"),
            "LayersNotFoundException" => (404, "MANIFEST_BLOB_UNKNOWN"),
            "ReferencedImagesNotFoundException" => (404, "MANIFEST_UNKNOWN"),
            "ImageTagAlreadyExistsException" => (400, "TAG_INVALID"),
            "ImageDigestDoesNotMatchException" => (400, "DIGEST_INVALID"),
            "AccessDeniedException" | "AccessDenied" => (403, "DENIED"),
            _ => (400, "MANIFEST_INVALID"),
        };
        Fault::new(status, code, error.message)
    }
}

fn respond(status: u16, mut headers: Vec<(String, String)>, body: impl Into<Bytes>) -> Response {
    let body = body.into();
    if !headers.iter().any(|(name, _)| name == "Content-Length") && status != 204 {
        headers.push(("Content-Length".into(), body.len().to_string()));
    }
    Response {
        status,
        headers,
        body,
    }
}

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request
        .headers
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.as_str())
}

struct Query(Vec<(String, String)>);

impl Query {
    fn parse(text: &str) -> Query {
        let pairs = text.split('&').filter(|p| !p.is_empty());
        Query(
            pairs
                .map(|p| p.split_once('=').unwrap_or((p, "")))
                .map(|(k, v)| (decode(k), decode(v)))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// Percent-decoding.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten();
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// One request of one caller to one registry.
struct Session<'a> {
    world: &'a mut World,
    /// The account whose registry it is.
    registry: String,
    region: &'a str,
    caller: Caller,
}

/// What a path names.
enum Target<'p> {
    Root,
    Catalog,
    Tags(&'p str),
    Manifest(&'p str, String),
    Blob(&'p str, String),
    Uploads(&'p str),
    Upload(&'p str, &'p str),
    Referrers(&'p str, String),
}

fn target(path: &str) -> Option<Target<'_>> {
    let rest = path.strip_prefix("/v2")?.trim_start_matches('/');
    match rest {
        "" => return Some(Target::Root),
        "_catalog" => return Some(Target::Catalog),
        _ => {}
    }
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return Some(Target::Tags(name));
    }
    if let Some(at) = rest.rfind("/blobs/uploads") {
        let upload = rest[at + "/blobs/uploads".len()..].trim_matches('/');
        return Some(if upload.is_empty() {
            Target::Uploads(&rest[..at])
        } else {
            Target::Upload(&rest[..at], upload)
        });
    }
    for word in ["manifests", "blobs", "referrers"] {
        let Some(at) = rest.rfind(&format!("/{word}/")) else {
            continue;
        };
        let (name, reference) = (&rest[..at], decode(&rest[at + word.len() + 2..]));
        return Some(match word {
            "manifests" => Target::Manifest(name, reference),
            "blobs" => Target::Blob(name, reference),
            _ => Target::Referrers(name, reference),
        });
    }
    None
}

fn answer(
    world: &mut World,
    region: &str,
    request: &Request,
    path: &str,
    query: &Query,
) -> Result<Response, Fault> {
    let target = target(path)
        .ok_or_else(|| Fault::new(404, "UNSUPPORTED", "The operation is unsupported."))?;
    let of_host = request
        .host
        .split_once(".dkr.ecr.")
        .map(|(account, _)| account.to_owned());
    if let (Target::Blob(name, digest), Some(ticket)) = (&target, query.get("ticket")) {
        let registry = of_host.clone().unwrap_or_default();
        let method = request.method.as_str();
        if matches!(method, "GET" | "HEAD")
            && token::is_ticket(world, region, &registry, digest, ticket)
        {
            return blob(world, &registry, region, name, digest, request);
        }
    }
    let login =
        header(request, "authorization").map_or(Login::Unknown, |h| token::login(world, region, h));
    let caller = match login {
        Login::Caller(caller) => caller,
        Login::Expired => {
            let message = "Your authorization token has expired. Reauthenticate and try again.";
            return Err(Fault::new(403, "DENIED", message));
        }
        Login::Unknown => {
            let mut fault = Fault::new(401, "UNAUTHORIZED", "Not Authorized");
            let realm = format!(
                "Basic realm=\"https://{}/\",service=\"ecr.amazonaws.com\"",
                request.host
            );
            fault.headers.push(("WWW-Authenticate".into(), realm));
            return Err(fault);
        }
    };
    let registry = of_host.unwrap_or_else(|| caller.account.clone());
    let mut session = Session {
        world,
        registry,
        region,
        caller,
    };
    match (request.method.as_str(), target) {
        ("GET" | "HEAD", Target::Root) => Ok(respond(
            200,
            vec![("Content-Type".into(), "application/json".into())],
            "{}",
        )),
        ("GET", Target::Catalog) => session.catalog(query),
        ("GET", Target::Tags(name)) => session.tags(name, query),
        ("GET" | "HEAD", Target::Manifest(name, reference)) => session.manifest(name, &reference),
        ("PUT", Target::Manifest(name, reference)) => {
            session.put_manifest(name, &reference, request)
        }
        ("DELETE", Target::Manifest(name, reference)) => session.delete_manifest(name, &reference),
        ("GET" | "HEAD", Target::Blob(name, digest)) => {
            let action = if request.method == "GET" {
                "GetDownloadUrlForLayer"
            } else {
                "BatchCheckLayerAvailability"
            };
            session.allow(action, name)?;
            session.repository(name)?;
            blob(
                session.world,
                &session.registry,
                region,
                name,
                &digest,
                request,
            )
        }
        ("DELETE", Target::Blob(..)) => Err(Fault::new(
            405,
            "UNSUPPORTED",
            "Layers are deleted with their images.",
        )),
        ("POST", Target::Uploads(name)) => session.begin_upload(name, request, query),
        ("GET", Target::Upload(name, id)) => session.upload_progress(name, id),
        ("PATCH", Target::Upload(name, id)) => session.patch_upload(name, id, request),
        ("PUT", Target::Upload(name, id)) => session.finish_upload(name, id, request, query),
        ("DELETE", Target::Upload(name, id)) => session.cancel_upload(name, id),
        ("GET", Target::Referrers(name, digest)) => session.referrers(name, &digest, query),
        _ => Err(Fault::new(
            405,
            "UNSUPPORTED",
            "The operation is unsupported.",
        )),
    }
}

fn blob(
    world: &World,
    registry: &str,
    region: &str,
    name: &str,
    digest: &str,
    request: &Request,
) -> Result<Response, Fault> {
    let found = world
        .seen_place(registry, region)
        .and_then(|p| p.ecr.layer(name, digest));
    let bytes = found
        .cloned()
        .ok_or_else(|| Fault::new(404, "BLOB_UNKNOWN", "blob unknown to registry"))?;
    let mut headers = vec![
        (
            "Content-Type".to_owned(),
            "application/octet-stream".to_owned(),
        ),
        ("Docker-Content-Digest".to_owned(), digest.to_owned()),
        ("Accept-Ranges".to_owned(), "bytes".to_owned()),
    ];
    let Some(range) = header(request, "range") else {
        return Ok(respond(200, headers, bytes));
    };
    let size = bytes.len();
    match byte_range(range, size) {
        Some((first, last)) => {
            headers.push((
                "Content-Range".into(),
                format!("bytes {first}-{last}/{size}"),
            ));
            Ok(respond(206, headers, bytes.slice(first..=last)))
        }
        None => {
            let mut fault = Fault::new(
                416,
                "SIZE_INVALID",
                "The requested range is not satisfiable",
            );
            fault
                .headers
                .push(("Content-Range".into(), format!("bytes */{size}")));
            Err(fault)
        }
    }
}

/// The first and last byte of `bytes=a-b`, `bytes=a-` or `bytes=-n`.
fn byte_range(range: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = size.checked_sub(1)?;
    let (first, last) = match (first, last) {
        ("", n) => (size.saturating_sub(n.parse().ok()?), end),
        (a, "") => (a.parse().ok()?, end),
        (a, b) => (a.parse().ok()?, b.parse::<usize>().ok()?.min(end)),
    };
    (first <= last && first < size).then_some((first, last))
}

impl Session<'_> {
    /// Asks IAM, and for another account's registry its repository's policy.
    fn allow(&self, operation: &str, name: &str) -> Result<(), Fault> {
        let action = format!("ecr:{operation}");
        let resource = format!(
            "arn:aws:ecr:{}:{}:repository/{name}",
            self.region, self.registry
        );
        let wanted = Wanted {
            action: action.clone(),
            resource: resource.clone(),
            context: vec![],
        };
        iam::authorize(self.world, &self.caller, &wanted, self.region)
            .map_err(|e| Fault::new(403, "DENIED", e.message))?;
        if self.registry != self.caller.account {
            let place = self.world.seen_place(&self.registry, self.region);
            let policy = place
                .and_then(|p| p.ecr.repositories.get(name))
                .and_then(|r| r.policy.as_deref());
            if !repositories::lets(policy, &self.caller.account, &action) {
                let message = format!(
                    "User: {} is not authorized to perform: {action} on resource: {resource} because no resource-based \
                     policy allows the {action} action",
                    self.caller.arn
                );
                return Err(Fault::new(403, "DENIED", message));
            }
        }
        Ok(())
    }

    fn repository(&self, name: &str) -> Result<&Repository, Fault> {
        let place = self.world.seen_place(&self.registry, self.region);
        place
            .and_then(|p| p.ecr.repositories.get(name))
            .ok_or_else(|| {
                let message = format!(
                    "The repository with name '{name}' does not exist in the registry with id '{}'",
                    self.registry
                );
                Fault::new(404, "NAME_UNKNOWN", message)
            })
    }

    /// The repository that a push goes to; a template may make it.
    fn repository_to_push(&mut self, name: &str) -> Result<(), Fault> {
        if self.repository(name).is_err()
            && rules::makes_on_push(self.world, &self.registry, self.region, name)
        {
            let registry = self.registry.clone();
            repositories::make_by_template(
                self.world,
                &registry,
                self.region,
                name,
                "CREATE_ON_PUSH",
            )?;
        }
        self.repository(name).map(drop)
    }

    fn catalog(&self, query: &Query) -> Result<Response, Fault> {
        self.allow("DescribeRepositories", "*")?;
        let place = self.world.seen_place(&self.registry, self.region);
        let names: Vec<String> = place.map(|p| p.ecr.repositories.keys()).unwrap_or_default();
        let (page, next) = cut(names, query)?;
        paged(json!({"repositories": page}), "/v2/_catalog", next)
    }

    fn tags(&self, name: &str, query: &Query) -> Result<Response, Fault> {
        self.allow("ListImages", name)?;
        let tags: Vec<String> = self.repository(name)?.tagged.keys().cloned().collect();
        let (page, next) = cut(tags, query)?;
        paged(
            json!({"name": name, "tags": page}),
            &format!("/v2/{name}/tags/list"),
            next,
        )
    }

    fn manifest(&self, name: &str, reference: &str) -> Result<Response, Fault> {
        self.allow("BatchGetImage", name)?;
        let repository = self.repository(name)?;
        let digest = if reference.starts_with("sha256:") {
            Some(reference)
        } else {
            repository.tagged.get(reference).map(String::as_str)
        };
        let found = digest.and_then(|d| Some((d, repository.images.get(d)?)));
        let (digest, stored) = found
            .ok_or_else(|| Fault::new(404, "MANIFEST_UNKNOWN", "Requested image not found"))?;
        let headers = vec![
            ("Content-Type".into(), stored.media_type.clone()),
            ("Docker-Content-Digest".into(), digest.to_owned()),
            ("ETag".into(), format!("\"{digest}\"")),
        ];
        Ok(respond(200, headers, stored.manifest.to_string()))
    }

    fn put_manifest(
        &mut self,
        name: &str,
        reference: &str,
        request: &Request,
    ) -> Result<Response, Fault> {
        self.allow("PutImage", name)?;
        self.repository_to_push(name)?;
        let text = std::str::from_utf8(&request.body)
            .map_err(|_| Fault::new(400, "MANIFEST_INVALID", "The manifest is not text"))?;
        if text.len() > 4 * 1024 * 1024 {
            return Err(Fault::new(
                413,
                "MANIFEST_INVALID",
                "The manifest is larger than 4 MiB",
            ));
        }
        let kind = header(request, "content-type").map(|t| t.split(';').next().unwrap_or(t).trim());
        let digest = reference.starts_with("sha256:").then_some(reference);
        let tag = if digest.is_some() {
            None
        } else {
            Some(reference)
        };
        let registry = self.registry.clone();
        // The protocol is consistent; the lag of readers is the API's.
        let visible = self.world.now();
        let to = Destination {
            registry: &registry,
            region: self.region,
            repository: name,
            visible,
        };
        let pushed = images::put(
            self.world,
            &to,
            &Push {
                text,
                media_type: kind,
                tag,
                digest,
            },
        )?;
        if !pushed.existed {
            replication::pushed(
                self.world,
                &registry,
                self.region,
                name,
                &pushed.digest,
                tag,
            );
        }
        let mut headers = vec![
            (
                "Location".to_owned(),
                format!("/v2/{name}/manifests/{}", pushed.digest),
            ),
            ("Docker-Content-Digest".to_owned(), pushed.digest),
        ];
        if let Some(subject) = pushed.subject {
            headers.push(("OCI-Subject".to_owned(), subject));
        }
        Ok(respond(201, headers, Bytes::new()))
    }

    fn delete_manifest(&mut self, name: &str, reference: &str) -> Result<Response, Fault> {
        self.allow("BatchDeleteImage", name)?;
        let repository = self.repository(name)?;
        let by_digest = reference.starts_with("sha256:");
        let there = if by_digest {
            repository.images.contains_key(reference)
        } else {
            repository.tagged.contains_key(reference)
        };
        if !there {
            return Err(Fault::new(
                404,
                "MANIFEST_UNKNOWN",
                "Requested image not found",
            ));
        }
        if by_digest && images::referenced(repository, reference) {
            return Err(Fault::new(
                400,
                "DENIED",
                "Requested image referenced by manifest list",
            ));
        }
        let (now, registry) = (self.world.now(), self.registry.clone());
        self.world
            .place(&registry, self.region)
            .ecr
            .repositories
            .change(name, now, |r| {
                if by_digest {
                    r.images.remove(reference);
                    r.tagged.retain(|_, digest| digest != reference);
                } else if let Some(digest) = r.tagged.remove(reference)
                    && r.tags_of(&digest).is_empty()
                {
                    r.images.remove(&digest);
                }
            });
        Ok(respond(202, Vec::new(), Bytes::new()))
    }

    fn begin_upload(
        &mut self,
        name: &str,
        request: &Request,
        query: &Query,
    ) -> Result<Response, Fault> {
        self.allow("InitiateLayerUpload", name)?;
        self.repository_to_push(name)?;
        let registry = self.registry.clone();
        if let (Some(digest), Some(from)) = (query.get("mount"), query.get("from"))
            && rules::is_on(self.world, &registry, self.region, rules::BLOB_MOUNTING)
            && self.allow("GetDownloadUrlForLayer", from).is_ok()
            && self
                .world
                .seen_place(&registry, self.region)
                .is_some_and(|p| p.ecr.layer(from, digest).is_some())
        {
            self.world
                .place(&registry, self.region)
                .ecr
                .link(name, digest);
            return Ok(uploaded(name, digest));
        }
        if let Some(digest) = query.get("digest") {
            let bytes = request.body.clone();
            return self.keep(name, digest, bytes);
        }
        let id = self.new_upload_id();
        let now = self.world.now();
        let upload = Upload {
            repository: name.to_owned(),
            parts: Vec::new(),
        };
        self.world
            .place(&registry, self.region)
            .ecr
            .uploads
            .put(id.clone(), upload, now);
        Ok(accepted(name, &id, 0))
    }

    fn new_upload_id(&mut self) -> String {
        let key = format!("id/{}/{}/registry-upload", self.registry, self.region);
        let ordinal = self.world.ordinal(&key);
        let (a, b) = (
            self.world.dice.hash(&[&key], ordinal),
            self.world.dice.hash(&[&key, "low"], ordinal),
        );
        let h = format!("{a:016x}{b:016x}");
        format!(
            "{}-{}-4{}-8{}-{}",
            &h[0..8],
            &h[8..12],
            &h[13..16],
            &h[17..20],
            &h[20..32]
        )
    }

    /// Keeps a complete blob, if it is what its digest says.
    fn keep(&mut self, name: &str, digest: &str, bytes: Bytes) -> Result<Response, Fault> {
        if !manifest::is_digest(digest) {
            return Err(Fault::new(
                400,
                "DIGEST_INVALID",
                "provided digest is not a sha256 digest",
            ));
        }
        let found = manifest::digest_of(&bytes);
        if found != digest {
            let message = format!("provided digest did not match uploaded content: {found}");
            return Err(Fault::new(400, "DIGEST_INVALID", message));
        }
        let registry = self.registry.clone();
        layers::store(self.world, &registry, self.region, name, digest, bytes);
        Ok(uploaded(name, digest))
    }

    fn upload(&self, name: &str, id: &str) -> Result<&Upload, Fault> {
        let place = self.world.seen_place(&self.registry, self.region);
        let found = place
            .and_then(|p| p.ecr.uploads.get(id))
            .filter(|u| u.repository == name);
        found.ok_or_else(|| {
            Fault::new(
                404,
                "BLOB_UPLOAD_UNKNOWN",
                "blob upload unknown to registry",
            )
        })
    }

    fn upload_progress(&self, name: &str, id: &str) -> Result<Response, Fault> {
        self.allow("UploadLayerPart", name)?;
        let mut response = accepted(name, id, self.upload(name, id)?.size());
        response.status = 204;
        Ok(response)
    }

    /// Takes a piece; one that says where it belongs must follow what is there.
    fn add(&mut self, name: &str, id: &str, request: &Request) -> Result<u64, Fault> {
        let size = self.upload(name, id)?.size();
        let first = header(request, "content-range").map(|r| {
            r.trim_start_matches("bytes ")
                .split('-')
                .next()
                .unwrap_or_default()
                .parse::<u64>()
                .unwrap_or(u64::MAX)
        });
        if first.is_some_and(|f| f != size) {
            let mut fault = Fault::new(
                416,
                "BLOB_UPLOAD_INVALID",
                "The part does not follow what has been received",
            );
            fault.headers = accepted(name, id, size).headers;
            fault.headers.retain(|(n, _)| n != "Content-Length");
            return Err(fault);
        }
        let (now, registry, bytes) = (
            self.world.now(),
            self.registry.clone(),
            request.body.clone(),
        );
        let added = bytes.len() as u64;
        if added > 0 {
            self.world
                .place(&registry, self.region)
                .ecr
                .uploads
                .change(id, now, |u| u.parts.push(bytes));
        }
        Ok(size + added)
    }

    fn patch_upload(&mut self, name: &str, id: &str, request: &Request) -> Result<Response, Fault> {
        self.allow("UploadLayerPart", name)?;
        let size = self.add(name, id, request)?;
        Ok(accepted(name, id, size))
    }

    fn finish_upload(
        &mut self,
        name: &str,
        id: &str,
        request: &Request,
        query: &Query,
    ) -> Result<Response, Fault> {
        self.allow("CompleteLayerUpload", name)?;
        let digest = query
            .get("digest")
            .ok_or_else(|| Fault::new(400, "DIGEST_INVALID", "digest parameter missing"))?;
        self.add(name, id, request)?;
        let bytes = self.upload(name, id)?.bytes();
        let response = self.keep(name, digest, bytes)?;
        let (now, registry) = (self.world.now(), self.registry.clone());
        self.world
            .place(&registry, self.region)
            .ecr
            .uploads
            .remove(id, now);
        Ok(response)
    }

    fn cancel_upload(&mut self, name: &str, id: &str) -> Result<Response, Fault> {
        self.allow("UploadLayerPart", name)?;
        self.upload(name, id)?;
        let (now, registry) = (self.world.now(), self.registry.clone());
        self.world
            .place(&registry, self.region)
            .ecr
            .uploads
            .remove(id, now);
        Ok(respond(204, Vec::new(), Bytes::new()))
    }

    fn referrers(&self, name: &str, digest: &str, query: &Query) -> Result<Response, Fault> {
        self.allow("BatchGetImage", name)?;
        if !manifest::is_digest(digest) {
            return Err(Fault::new(
                400,
                "DIGEST_INVALID",
                "provided digest is not a sha256 digest",
            ));
        }
        let kind = query.get("artifactType");
        let found = images::referrers_of(self.repository(name)?, digest);
        let rows: Vec<Value> = found
            .into_iter()
            .filter(|(_, read, _)| kind.is_none() || read.artifact_type.as_deref() == kind)
            .map(|(digest, read, size)| {
                let mut row = json!({"mediaType": read.media_type, "digest": digest, "size": size});
                if let Some(kind) = read.artifact_type {
                    row["artifactType"] = json!(kind);
                }
                if let Some(annotations) = read.annotations {
                    row["annotations"] = annotations;
                }
                row
            })
            .collect();
        let index =
            json!({"schemaVersion": 2, "mediaType": manifest::OCI_INDEX, "manifests": rows});
        let mut headers = vec![("Content-Type".to_owned(), manifest::OCI_INDEX.to_owned())];
        if kind.is_some() {
            headers.push(("OCI-Filters-Applied".into(), "artifactType".into()));
        }
        Ok(respond(200, headers, index.to_string()))
    }
}

fn accepted(name: &str, id: &str, size: u64) -> Response {
    let headers = vec![
        (
            "Location".to_owned(),
            format!("/v2/{name}/blobs/uploads/{id}"),
        ),
        ("Docker-Upload-UUID".to_owned(), id.to_owned()),
        ("Range".to_owned(), format!("0-{}", size.saturating_sub(1))),
    ];
    respond(202, headers, Bytes::new())
}

fn uploaded(name: &str, digest: &str) -> Response {
    let headers = vec![
        ("Location".to_owned(), format!("/v2/{name}/blobs/{digest}")),
        ("Docker-Content-Digest".to_owned(), digest.to_owned()),
    ];
    respond(201, headers, Bytes::new())
}

/// A page of names by `n` and `last`, and what the next one begins after.
fn cut(names: Vec<String>, query: &Query) -> Result<(Vec<String>, Option<String>), Fault> {
    let most = match query.get("n") {
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| (1..=1_000).contains(n))
            .ok_or_else(|| {
                Fault::new(
                    400,
                    "PAGINATION_NUMBER_INVALID",
                    "n must be between 1 and 1000",
                )
            })?,
        None => 1_000,
    };
    let last = query.get("last").unwrap_or_default();
    let mut rest = names.into_iter().filter(|name| name.as_str() > last);
    let page: Vec<String> = rest.by_ref().take(most).collect();
    let next = rest
        .next()
        .and_then(|_| page.last().map(|l| format!("n={most}&last={l}")));
    Ok((page, next))
}

fn paged(body: Value, path: &str, next: Option<String>) -> Result<Response, Fault> {
    let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    if let Some(next) = next {
        headers.push(("Link".into(), format!("<{path}?{next}>; rel=\"next\"")));
    }
    Ok(respond(200, headers, body.to_string()))
}
