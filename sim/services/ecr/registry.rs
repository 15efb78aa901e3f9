//! The registry of one region, as container engines speak to it: the distribution API, version 2.
//!
//! It is a second face of the same repositories: what is pushed here is seen by the API, and the other way round. It
//! takes the tokens of its own region only, and asks IAM for each request as AWS does.

mod uploads;
mod wire;

use super::images::{Destination, Push};
use super::token::Login;
use super::{Repository, images, manifest, replication, repositories, rules, token};
use crate::services::{Wanted, iam};
use crate::world::{Caller, Request, Response, World};
use bytes::Bytes;
use serde_json::{Value, json};
use wire::{Fault, Query, byte_range, cut, decode, header, paged, respond};

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
        let found = super::lists::referrers_of(self.repository(name)?, digest);
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
