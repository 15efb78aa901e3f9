//! Copying content from one registry to another with bounded memory, every digest checked on its way.

use super::manifest::written;
use super::{Blob, Broken, Content, Failure, Manifest, Registry, RegistryError, Upload, empty};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Requests at a time.
const FLIGHT: usize = 8;

/// A piece of an upload where a registry does not take it whole. Registries refuse smaller ones than 5 MiB.
const PIECE: usize = 8 * 1024 * 1024;

/// A repository of a registry.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub registry: &'a Registry,
    pub repository: &'a str,
}

/// A manifest and all that it leads to, each once, what is referred to before what refers to it.
pub async fn family(side: Side<'_>, digest: &str) -> Result<Vec<Manifest>, RegistryError> {
    let (mut seen, mut out) = (BTreeSet::new(), Vec::new());
    visit(side, digest.to_owned(), &mut seen, &mut out).await?;
    Ok(out)
}

fn visit<'a>(
    side: Side<'a>,
    digest: String,
    seen: &'a mut BTreeSet<String>,
    out: &'a mut Vec<Manifest>,
) -> BoxFuture<'a, Result<(), RegistryError>> {
    Box::pin(async move {
        if !seen.insert(digest.clone()) {
            return Ok(());
        }
        let about = format!("GET manifest {digest} of {}", side.repository);
        let manifest = side
            .registry
            .manifest(side.repository, &digest)
            .await?
            .ok_or_else(|| {
                side.registry.failed(
                    &about,
                    Failure::Refused {
                        status: 404,
                        code: "MANIFEST_UNKNOWN".into(),
                        message: "the repository has no such image".into(),
                    },
                )
            })?;
        for child in parts(side, &manifest)?.children {
            visit(side, child, seen, out).await?;
        }
        out.push(manifest);
        Ok(())
    })
}

fn parts(side: Side<'_>, manifest: &Manifest) -> Result<super::Parts, RegistryError> {
    manifest.parts().map_err(|why| {
        side.registry.failed(
            &format!("GET manifest {} of {}", manifest.digest, side.repository),
            Failure::Wrong(why),
        )
    })
}

/// The blobs of all those manifests, each once.
pub fn blobs(side: Side<'_>, family: &[Manifest]) -> Result<Vec<Blob>, RegistryError> {
    let (mut seen, mut out) = (BTreeSet::new(), Vec::new());
    for manifest in family {
        for blob in parts(side, manifest)?.blobs {
            if seen.insert(blob.digest.clone()) {
                out.push(blob);
            }
        }
    }
    Ok(out)
}

/// Those of the blobs that a repository does not have.
pub async fn missing(side: Side<'_>, blobs: Vec<Blob>) -> Result<Vec<Blob>, RegistryError> {
    let asked = blobs.into_iter().map(|blob| async move {
        let there = side
            .registry
            .has_blob(side.repository, &blob.digest)
            .await?;
        Ok::<_, RegistryError>((!there).then_some(blob))
    });
    let answers: Vec<Option<Blob>> = stream::iter(asked).buffered(FLIGHT).try_collect().await?;
    Ok(answers.into_iter().flatten().collect())
}

/// Copies blobs, several at a time.
pub async fn copy(from: Side<'_>, to: Side<'_>, blobs: Vec<Blob>) -> Result<(), RegistryError> {
    let copies = blobs
        .into_iter()
        .map(|blob| async move { blob_to(from, to, &blob).await });
    stream::iter(copies)
        .buffered(FLIGHT)
        .try_collect::<Vec<()>>()
        .await
        .map(drop)
}

async fn blob_to(from: Side<'_>, to: Side<'_>, blob: &Blob) -> Result<(), RegistryError> {
    let mut upload = None;
    if from.registry.is(to.registry) {
        let lent = to
            .registry
            .mount(to.repository, &blob.digest, from.repository)
            .await?;
        match lent {
            None => return Ok(()),
            begun => upload = begun,
        }
    }
    let upload = match upload {
        Some(begun) => begun,
        None => to.registry.begin(to.repository).await?,
    };
    let body = fetched(from, blob).await?;
    match to
        .registry
        .finish(&upload, &blob.digest, blob.size, body)
        .await
    {
        // Too large for one request, or not taken whole at all: in pieces then, from the beginning.
        Err(error)
            if matches!(
                error.status(),
                Some(404 | 405 | 411 | 413 | 415 | 416 | 501)
            ) =>
        {
            let upload = to.registry.begin(to.repository).await?;
            pieces(from, to, blob, upload).await
        }
        other => other,
    }
}

/// The bytes of a blob, checked while they pass.
async fn fetched(from: Side<'_>, blob: &Blob) -> Result<Content, RegistryError> {
    let (length, body) = from.registry.blob(from.repository, &blob.digest).await?;
    if let Some(length) = length.filter(|length| *length != blob.size) {
        return Err(from.registry.failed(
            &format!("GET blob {} of {}", blob.digest, from.repository),
            Failure::Wrong(format!(
                "it sends {length} bytes of a blob of {} bytes",
                blob.size
            )),
        ));
    }
    Ok(verified(body, blob))
}

async fn pieces(
    from: Side<'_>,
    to: Side<'_>,
    blob: &Blob,
    mut upload: Upload,
) -> Result<(), RegistryError> {
    let about = format!("GET blob {} of {}", blob.digest, from.repository);
    let mut body = fetched(from, blob).await?;
    let mut piece = BytesMut::new();
    let mut sent = 0;
    loop {
        let frame = body.frame().await.transpose().map_err(|error| {
            from.registry
                .failed(&about, Failure::Unreachable(error.to_string()))
        })?;
        let end = frame.is_none();
        if let Some(Ok(data)) = frame.map(Frame::into_data) {
            piece.extend_from_slice(&data);
        }
        while piece.len() >= PIECE || (end && !piece.is_empty()) {
            let now = piece.split_to(piece.len().min(PIECE)).freeze();
            let length = now.len() as u64;
            upload = to.registry.append(&upload, sent, now).await?;
            sent += length;
        }
        if end {
            return to.registry.finish(&upload, &blob.digest, 0, empty()).await;
        }
    }
}

/// What [`verified`] remembers between two frames.
struct Passing {
    body: Content,
    hash: Sha256,
    left: u64,
    /// The newest bytes. The last ones are let through only once all are known to be right: an upload of wrong bytes
    /// breaks off before its end.
    held: Option<Bytes>,
    digest: String,
    ended: bool,
}

/// The same bytes; an error in place of the last ones unless they are what the digest says.
fn verified(body: Content, blob: &Blob) -> Content {
    let start = Passing {
        body,
        hash: Sha256::new(),
        left: blob.size,
        held: None,
        digest: blob.digest.clone(),
        ended: false,
    };
    StreamBody::new(stream::try_unfold(start, |mut passing| async move {
        while !passing.ended {
            match passing.body.frame().await.transpose()? {
                Some(frame) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if data.is_empty() {
                        continue;
                    }
                    passing.hash.update(&data);
                    passing.left =
                        passing.left.checked_sub(data.len() as u64).ok_or_else(|| {
                            wrong(&passing.digest, "is longer than its manifest says")
                        })?;
                    if let Some(earlier) = passing.held.replace(data) {
                        return Ok(Some((Frame::data(earlier), passing)));
                    }
                }
                None => {
                    passing.ended = true;
                    if passing.left > 0 {
                        return Err(wrong(&passing.digest, "broke off before its end"));
                    }
                    let found = written(std::mem::take(&mut passing.hash).finalize().as_slice());
                    if found != passing.digest {
                        return Err(wrong(
                            &passing.digest,
                            "came with other bytes than its digest says",
                        ));
                    }
                    if let Some(last) = passing.held.take() {
                        return Ok(Some((Frame::data(last), passing)));
                    }
                }
            }
        }
        Ok(None)
    }))
    .boxed_unsync()
}

fn wrong(digest: &str, how: &str) -> Broken {
    format!("blob {digest} {how}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::whole;

    /// Reads a checked body to its end: the bytes that came through, and whether all was well.
    fn read(bytes: &'static [u8], blob: &Blob) -> (Vec<u8>, Result<(), String>) {
        let mut body = verified(whole(Bytes::from_static(bytes)), blob);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let mut out = Vec::new();
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => out.extend_from_slice(&frame.into_data().unwrap_or_default()),
                    Err(error) => return (out, Err(error.to_string())),
                }
            }
            (out, Ok(()))
        })
    }

    fn blob(bytes: &[u8]) -> Blob {
        Blob {
            digest: written(Sha256::digest(bytes).as_slice()),
            size: bytes.len() as u64,
        }
    }

    #[test]
    fn right_bytes_pass() {
        assert_eq!(
            read(b"a layer", &blob(b"a layer")),
            (b"a layer".to_vec(), Ok(()))
        );
        assert_eq!(read(b"", &blob(b"")), (Vec::new(), Ok(())));
    }

    #[test]
    fn wrong_bytes_never_arrive_whole() {
        for (bytes, how) in [
            (&b"another"[..], "other bytes"),
            (b"a lay", "broke off"),
            (b"a layer and more", "longer"),
        ] {
            let (passed, outcome) = read(bytes, &blob(b"a layer"));
            assert!(passed.len() < bytes.len());
            assert!(outcome.unwrap_err().contains(how));
        }
    }
}
