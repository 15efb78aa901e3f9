//! An image, copied by digest with the tags that are on it, all its platforms byte for byte.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cloud::images;
use crate::env::Env;
use crate::registry::copy::{self, Side};
use crate::registry::{Blob, Manifest, Name, Registry};
use crate::steps::ownership::made_in_run;
use drtool_engine::step::{
    CallKind, CallRecord, Claim, Cx, Effect, Made, Observed, Slice, StepError, Undo, Work,
};
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "image";
pub const SUMMARY: &str = "an image, copied by digest";
pub const EXAMPLE: &str = "\
id: image
use: image
with:
  repository: redmine
  from: 111122223333.dkr.ecr.us-west-2.amazonaws.com/redmine
  to: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/redmine
  digest: sha256:0f3c5ca25fc1ad23e2b2f5f1d7a8f4a2d1f9c3f1b9d0c7b1a9e8d7c6b5a49382
  tags: [latest]
  size: 412000000
";

/// The image to copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Image {
    pub repository: String,
    /// The source's repository, without a tag.
    pub from: String,
    /// The target's repository, without a tag.
    pub to: Value<String>,
    pub digest: String,
    pub tags: Vec<String>,
    /// Bytes, for the estimate.
    pub size: u64,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImageCopied {
    /// `repository@digest`.
    pub uri: String,
    pub digest: String,
}

impl Yields for ImageCopied {
    const NAME: &'static str = "image";
}

/// How much is copied before the journal hears of it. A single blob is never divided.
const SLICE: u64 = 64 * 1024 * 1024;

/// Clocks differ: an image is taken for older than this run only if it is older by more than this.
const CLOCKS: i64 = 300;

/// How far the copy has come, for people. What is really there is asked anew in every slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Copied {
    pub blobs: usize,
    pub of: usize,
}

/// A repository's address, and a way into its registry.
struct Door {
    name: Name,
    registry: Registry,
}

impl Door {
    async fn open(cx: &Cx<'_, Env>, uri: &str) -> Result<Door, StepError> {
        let wrong = |why: String| StepError::fail("E4423", why);
        let name = Name::read(uri).map_err(wrong)?;
        let cloud = &cx.env.cloud;
        let token = cloud.registry_token(&name.region).await?;
        let base = cloud
            .registry_override(&name.region)
            .map_or_else(|| format!("https://{}", name.host), str::to_owned);
        let transport = Arc::clone(&cx.env.registries);
        let registry = Registry::new(transport, &base, token.basic).map_err(wrong)?;
        Ok(Door { name, registry })
    }

    fn side(&self) -> Side<'_> {
        Side {
            registry: &self.registry,
            repository: &self.name.repository,
        }
    }
}

impl Image {
    fn target(&self, cx: &Cx<'_, Env>) -> Result<(String, Name), StepError> {
        let uri = cx.value(&self.to)?;
        let name = Name::read(&uri).map_err(|why| StepError::fail("E4423", why))?;
        Ok((uri, name))
    }

    async fn there(
        &self,
        cx: &Cx<'_, Env>,
        to: &Name,
    ) -> Result<Arc<Vec<images::Image>>, StepError> {
        Ok(cx
            .env
            .cloud
            .images(&to.region, &to.repository, cx.look())
            .await?)
    }

    /// Puts the image itself, once all that it names is there, under each tag that is not on it yet.
    async fn name(&self, to: &Door, image: &Manifest) -> Result<(), StepError> {
        let side = to.side();
        if self.tags.is_empty() {
            return Ok(side
                .registry
                .put_manifest(side.repository, &image.digest, image)
                .await?);
        }
        for tag in &self.tags {
            let on = side.registry.tagged(side.repository, tag).await?;
            if on.as_deref() != Some(image.digest.as_str()) {
                side.registry
                    .put_manifest(side.repository, tag, image)
                    .await?;
            }
        }
        Ok(())
    }

    /// The images that the index led to and that nothing else in the repository needs: they were put with it, and
    /// ECR keeps them when it goes.
    async fn left_behind(
        &self,
        cx: &Cx<'_, Env>,
        there: &[images::Image],
        first: i64,
    ) -> Result<Option<String>, StepError> {
        let (uri, _) = self.target(cx)?;
        let untagged = |i: &&images::Image| i.tags.is_empty() && pushed_since(i, first);
        if !there.iter().any(|i| untagged(&i)) {
            return Ok(None);
        }
        let (from, to) = (
            Door::open(cx, &self.from).await?,
            Door::open(cx, &uri).await?,
        );
        let family = copy::family(from.side(), &self.digest).await?;
        let mut needed = std::collections::BTreeSet::new();
        for index in there.iter().filter(|i| {
            let kind = i.media_type.as_deref().unwrap_or_default();
            kind.contains("index") || kind.contains("list")
        }) {
            let others = copy::family(to.side(), &index.digest).await?;
            needed.extend(
                others
                    .into_iter()
                    .map(|m| m.digest)
                    .filter(|d| *d != index.digest),
            );
        }
        // An index before what it leads to, if one lies within another.
        Ok(family
            .iter()
            .rev()
            .map(|manifest| &manifest.digest)
            .filter(|digest| !needed.contains(*digest))
            .find(|digest| there.iter().any(|i| i.digest == **digest && untagged(&i)))
            .cloned())
    }
}

fn pushed_since(image: &images::Image, first: i64) -> bool {
    image.pushed.is_some_and(|pushed| pushed >= first - CLOCKS)
}

impl Work for Image {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ImageCopied;
    type Cursor = Copied;

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ImageCopied>, StepError> {
        let (uri, to) = self.target(cx)?;
        let there = self.there(cx, &to).await?;
        let Some(image) = there.iter().find(|i| i.digest == self.digest) else {
            return Ok(Observed::Absent);
        };
        let untagged: Vec<&str> = self
            .tags
            .iter()
            .filter(|tag| !image.tags.contains(tag))
            .map(String::as_str)
            .collect();
        Ok(if untagged.is_empty() {
            // The repository is ours, its own step has proven it; and a digest cannot be somebody else's image.
            Observed::Ready(
                ImageCopied {
                    uri: format!("{uri}@{}", self.digest),
                    digest: self.digest.clone(),
                },
                Claim::AsWanted,
            )
        } else {
            Observed::Partial {
                note: format!("it is there without the tags {}", untagged.join(", ")),
            }
        })
    }

    fn record(&self, cx: &Cx<'_, Env>) -> Result<CallRecord, StepError> {
        let (uri, to) = self.target(cx)?;
        let mut cli = format!(
            "skopeo copy --all docker://{}@{} docker://{uri}@{}",
            self.from, self.digest, self.digest
        );
        for tag in &self.tags {
            cli.push_str(&format!(
                " && skopeo copy --all docker://{uri}@{} docker://{uri}:{tag}",
                self.digest
            ));
        }
        Ok(CallRecord {
            service: "ecr".into(),
            operation: "PutImage".into(),
            region: cx.place().clone(),
            resource: format!("{uri}@{}", self.digest),
            token: None,
            request: serde_json::json!({
                "repositoryName": to.repository, "imageDigest": self.digest, "imageTags": self.tags, "from": self.from,
            }),
            cli,
        })
    }

    async fn work(&self, cx: &Cx<'_, Env>, _: Copied) -> Result<Slice<Copied>, StepError> {
        let (uri, _) = self.target(cx)?;
        let to = Door::open(cx, &uri).await?;
        // It may have come by itself, by ECR's own replication: then only names are missing, and the source, which may
        // be dark, is not asked.
        let present = to
            .registry
            .manifest(&to.name.repository, &self.digest)
            .await?;
        if let Some(image) = present {
            self.name(&to, &image).await?;
            return Ok(Slice::Done);
        }
        let from = Door::open(cx, &self.from).await?;
        let family = copy::family(from.side(), &self.digest).await?;
        let blobs = copy::blobs(from.side(), &family)?;
        let (of, bytes) = (blobs.len(), size(&blobs));
        let missing = copy::missing(to.side(), blobs).await?;
        let (now, later) = slice(missing);
        copy::copy(from.side(), to.side(), now).await?;
        if !later.is_empty() {
            let cursor = Copied {
                blobs: of - later.len(),
                of,
            };
            let done = bytes - size(&later);
            return Ok(Slice::More {
                cursor,
                percent: (done * 100)
                    .checked_div(bytes)
                    .and_then(|p| u8::try_from(p).ok()),
                note: format!("{} of {of} layers", cursor.blobs),
            });
        }
        // What is referred to before what refers to it, the image that was asked for last of all.
        if let Some((image, children)) = family.split_last() {
            for child in children {
                to.registry
                    .put_manifest(&to.name.repository, &child.digest, child)
                    .await?;
            }
            self.name(&to, image).await?;
        }
        Ok(Slice::Done)
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        made: &Made<ImageCopied, ()>,
    ) -> Result<Undo, StepError> {
        let Some(first) = made.first_sent.map(|at| at.as_second()) else {
            return Ok(Undo::Done);
        };
        let Ok((_, to)) = self.target(cx) else {
            return Ok(Undo::Done);
        };
        let cloud = &cx.env.cloud;
        let repository = cloud
            .repository(&to.region, &to.repository, cx.look())
            .await?;
        match repository.as_ref() {
            // What this run made goes as a whole, by its own step.
            Some(found) if !made_in_run(cx, &found.tags) => {}
            _ => return Ok(Undo::Done),
        }
        let there = self.there(cx, &to).await?;
        let digest = match there.iter().find(|i| i.digest == self.digest) {
            Some(image) if pushed_since(image, first) => Some(self.digest.clone()),
            // It was there before this run came.
            Some(_) => None,
            None => self.left_behind(cx, &there, first).await?,
        };
        Ok(match digest {
            Some(digest) => Undo::Call(
                cloud
                    .delete_image(&to.region, &to.repository, &digest)
                    .call(CallKind::Upsert),
            ),
            None => Undo::Done,
        })
    }
}

fn size(blobs: &[Blob]) -> u64 {
    blobs.iter().map(|blob| blob.size).sum()
}

/// The blobs of this slice, at least one, and those of later ones.
fn slice(mut blobs: Vec<Blob>) -> (Vec<Blob>, Vec<Blob>) {
    let mut room = SLICE;
    let mut count = 0;
    for blob in &blobs {
        if count > 0 && blob.size > room {
            break;
        }
        room = room.saturating_sub(blob.size);
        count += 1;
    }
    let later = blobs.split_off(count);
    (blobs, later)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs(sizes: &[u64]) -> Vec<Blob> {
        sizes
            .iter()
            .map(|size| Blob {
                digest: String::new(),
                size: *size,
            })
            .collect()
    }

    #[test]
    fn a_slice_holds_at_least_one_blob_and_no_more_than_its_bytes() {
        let lengths = |sizes: &[u64]| {
            let (now, later) = slice(blobs(sizes));
            (now.len(), later.len())
        };
        assert_eq!(lengths(&[]), (0, 0));
        assert_eq!(lengths(&[SLICE * 9, 1]), (1, 1));
        assert_eq!(lengths(&[1, 2, SLICE, 4]), (2, 2));
        assert_eq!(lengths(&[1, 2, 3]), (3, 0));
    }
}
