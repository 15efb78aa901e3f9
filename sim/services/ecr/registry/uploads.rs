//! Blobs on their way in: at once, in chunks, or mounted from another repository.

use super::super::layers::Upload;
use super::super::{layers, manifest, rules};
use super::Session;
use super::wire::{Fault, Query, header, respond};
use crate::world::{Request, Response};
use bytes::Bytes;

impl Session<'_> {
    pub(super) fn begin_upload(
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

    pub(super) fn upload_progress(&self, name: &str, id: &str) -> Result<Response, Fault> {
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

    pub(super) fn patch_upload(
        &mut self,
        name: &str,
        id: &str,
        request: &Request,
    ) -> Result<Response, Fault> {
        self.allow("UploadLayerPart", name)?;
        let size = self.add(name, id, request)?;
        Ok(accepted(name, id, size))
    }

    pub(super) fn finish_upload(
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

    pub(super) fn cancel_upload(&mut self, name: &str, id: &str) -> Result<Response, Fault> {
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
