//! S3: buckets, objects, versions, uploads in parts, replication, websites.
//!
//! Bucket names are global: the state belongs to the world, not to an account or a region. Reads see writes at once, as
//! with the real one. A request to the wrong region is redirected, never served.

mod access;
mod buckets;
mod conditions;
mod copies;
mod deletes;
mod listing;
mod multipart;
mod object_tags;
mod objects;
mod replication;
mod settings;
mod website;

#[cfg(test)]
mod tests;

pub use objects::Object;
pub use website::{Page, website};

use super::{Service, ServiceId};
use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::Value;
use std::collections::BTreeMap;

pub const SERVICE: Service = Service {
    id: ServiceId::S3,
    handle,
    happen,
    wants: access::wants,
};

/// Every bucket of the world.
#[derive(Clone, Default)]
pub struct State {
    /// By name.
    buckets: Table<Bucket>,
    /// By bucket, then by key.
    objects: BTreeMap<String, Table<objects::Versions>>,
    /// By upload id.
    uploads: Table<multipart::Upload>,
}

#[derive(Clone, Debug)]
struct Bucket {
    name: String,
    owner: String,
    region: String,
    created: f64,
    versioning: Option<String>,
    tags: Vec<(String, String)>,
    /// What `Put…` operations have stored, by the name of the thing.
    settings: BTreeMap<&'static str, Value>,
}

impl Bucket {
    fn versioned(&self) -> bool {
        self.versioning.as_deref() == Some("Enabled")
    }
}

/// The region that a bucket is in.
pub fn bucket_region<'w>(world: &'w World, bucket: &str) -> Option<&'w str> {
    world.s3.buckets.get(bucket).map(|b| b.region.as_str())
}

/// The current version of an object.
pub fn object<'w>(world: &'w World, bucket: &str, key: &str) -> Option<&'w Object> {
    let versions = world.s3.objects.get(bucket)?.get(key)?;
    versions.current()
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    match operation {
        "ListBuckets" => return buckets::list(cx, input),
        "CreateBucket" => return buckets::create(cx, input),
        _ => {}
    }
    let bucket = gate(cx, operation, input)?;
    if let Some(answer) = settings::setting(cx, operation, input, &bucket) {
        return answer;
    }
    match operation {
        "HeadBucket" => buckets::head(&bucket),
        "DeleteBucket" => buckets::delete(cx, &bucket),
        "GetBucketLocation" => Ok(buckets::location(&bucket)),
        "GetBucketVersioning" => Ok(buckets::get_versioning(&bucket)),
        "PutBucketVersioning" => buckets::put_versioning(cx, input, &bucket),
        "GetBucketTagging" => buckets::get_tags(&bucket),
        "PutBucketTagging" => buckets::put_tags(cx, input, &bucket),
        "DeleteBucketTagging" => buckets::delete_tags(cx, &bucket),
        "GetBucketAcl" | "GetObjectAcl" => buckets::get_acl(cx, operation, input, &bucket),
        "PutBucketAcl" | "PutObjectAcl" => buckets::put_acl(cx, operation, input, &bucket),
        "GetBucketPolicyStatus" => Ok(access::policy_status(&bucket)),
        "PutObject" => objects::put(cx, input, &bucket),
        "GetObject" | "HeadObject" => objects::get(cx, operation, input, &bucket),
        "GetObjectAttributes" => objects::attributes(cx, input, &bucket),
        "DeleteObject" => deletes::delete(cx, input, &bucket),
        "DeleteObjects" => deletes::delete_many(cx, input, &bucket),
        "CopyObject" => copies::copy(cx, input, &bucket),
        "GetObjectTagging" => object_tags::get_tags(cx, input, &bucket),
        "PutObjectTagging" => object_tags::put_tags(cx, input, &bucket),
        "DeleteObjectTagging" => object_tags::delete_tags(cx, input, &bucket),
        "ListObjects" => listing::objects(cx, input, &bucket),
        "ListObjectsV2" => listing::objects_v2(cx, input, &bucket),
        "ListObjectVersions" => listing::versions(cx, input, &bucket),
        "CreateMultipartUpload" => multipart::create(cx, input, &bucket),
        "UploadPart" => multipart::upload_part(cx, input, &bucket),
        "UploadPartCopy" => multipart::copy_part(cx, input, &bucket),
        "CompleteMultipartUpload" => multipart::complete(cx, input, &bucket),
        "AbortMultipartUpload" => multipart::abort(cx, input, &bucket),
        "ListParts" => multipart::list_parts(cx, input, &bucket),
        "ListMultipartUploads" => multipart::list(cx, input, &bucket),
        _ => Err(cx.not_simulated()),
    }
}

fn happen(world: &mut World, event: &Event) {
    if event.what == "replicate" {
        replication::arrive(world, event);
    }
}

fn no_such_bucket(name: &str) -> AwsError {
    AwsError::new("NoSuchBucket", "The specified bucket does not exist")
        .status(404)
        .field("BucketName", name)
}

/// The bucket of a request: it must exist, lie in the called region, belong to whom the caller expects, and let the
/// caller in.
fn gate(cx: &Cx<'_>, operation: &str, input: &Input) -> Result<Bucket, AwsError> {
    let name = input.str("Bucket").unwrap_or_default();
    let bucket = cx
        .world
        .s3
        .buckets
        .get(name)
        .ok_or_else(|| no_such_bucket(name))?;
    if bucket.region != cx.region && operation != "GetBucketLocation" {
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please \
                       send all future requests to this endpoint.";
        return Err(AwsError::new("PermanentRedirect", message)
            .status(301)
            .field(
                "Endpoint",
                format!("{name}.s3.{}.amazonaws.com", bucket.region),
            )
            .field("Bucket", name)
            .field("x-amz-bucket-region", bucket.region.as_str()));
    }
    if input
        .str("ExpectedBucketOwner")
        .is_some_and(|owner| owner != bucket.owner)
    {
        return Err(access::denied());
    }
    access::admit(cx, operation, input, bucket)?;
    Ok(bucket.clone())
}

/// Every tagged bucket of an account in a region as the tagging service lists them: ARN and tags.
pub fn tagged(world: &World, account: &str, region: &str) -> Vec<(String, Vec<(String, String)>)> {
    let buckets = world.s3.buckets.iter().map(|(_, bucket)| bucket);
    buckets
        .filter(|b| b.owner == account && b.region == region && !b.tags.is_empty())
        .map(|b| (format!("arn:aws:s3:::{}", b.name), b.tags.clone()))
        .collect()
}
