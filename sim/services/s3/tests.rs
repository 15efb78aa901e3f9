//! S3's promises, without a wire.

use super::*;
use crate::clock::MINUTE;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

const ACCOUNT: &str = "111122223333";
const WEST: &str = "us-west-2";
const IRELAND: &str = "eu-west-1";

fn world() -> World {
    let mut world = World::new(5);
    world.settings.read_lag = 0;
    make(&mut world, ACCOUNT, WEST, "source").unwrap();
    make(&mut world, ACCOUNT, IRELAND, "target").unwrap();
    world
}

fn make(world: &mut World, account: &str, region: &str, name: &str) -> Result<Value, AwsError> {
    let mut input = json!({"Bucket": name});
    if region != "us-east-1" {
        input["CreateBucketConfiguration"] = json!({"LocationConstraint": region});
    }
    world.invoke(account, region, ServiceId::S3, "CreateBucket", input)
}

fn call(world: &mut World, operation: &str, input: Value) -> Result<Value, AwsError> {
    let bucket = input["Bucket"].as_str().unwrap_or("source").to_owned();
    let region = if bucket == "target" { IRELAND } else { WEST };
    let mut input = input;
    input["Bucket"] = json!(bucket);
    world.invoke(ACCOUNT, region, ServiceId::S3, operation, input)
}

fn put(world: &mut World, key: &str, text: &str) -> Value {
    call(
        world,
        "PutObject",
        json!({"Key": key, "Body": STANDARD.encode(text)}),
    )
    .unwrap()
}

fn version(world: &mut World, bucket: &str) {
    let config = json!({"Status": "Enabled"});
    call(
        world,
        "PutBucketVersioning",
        json!({"Bucket": bucket, "VersioningConfiguration": config}),
    )
    .unwrap();
}

fn refusal(result: Result<Value, AwsError>) -> (String, Option<u16>) {
    let error = result.unwrap_err();
    (error.code, error.status)
}

fn body(world: &World, bucket: &str, key: &str) -> String {
    String::from_utf8(object(world, bucket, key).unwrap().body.to_vec()).unwrap()
}

#[test]
fn a_bucket_is_made_where_its_endpoint_is() {
    let mut world = World::new(1);
    let invoke = |world: &mut World, account: &str, region: &str, input: Value| {
        world.invoke(account, region, ServiceId::S3, "CreateBucket", input)
    };
    let bare = json!({"Bucket": "some-bucket"});
    let located = |c: &str| json!({"Bucket": "some-bucket", "CreateBucketConfiguration": {"LocationConstraint": c}});
    let unspecified = refusal(invoke(&mut world, ACCOUNT, IRELAND, bare.clone()));
    assert_eq!(unspecified.0, "IllegalLocationConstraintException");
    assert_eq!(
        refusal(invoke(&mut world, ACCOUNT, IRELAND, located(WEST))).0,
        "IllegalLocationConstraintException"
    );
    assert_eq!(
        refusal(invoke(
            &mut world,
            ACCOUNT,
            "us-east-1",
            located("us-east-1")
        ))
        .0,
        "InvalidLocationConstraint"
    );
    invoke(&mut world, ACCOUNT, IRELAND, located(IRELAND)).unwrap();
    assert_eq!(
        refusal(invoke(&mut world, ACCOUNT, IRELAND, located(IRELAND))),
        ("BucketAlreadyOwnedByYou".into(), Some(409))
    );
    assert_eq!(
        refusal(invoke(&mut world, "444455556666", "us-east-1", bare)).0,
        "BucketAlreadyExists"
    );
    assert_eq!(
        refusal(make(&mut world, ACCOUNT, "us-east-1", "Bad_Name")).0,
        "InvalidBucketName"
    );
    assert_eq!(
        refusal(make(&mut world, ACCOUNT, "us-east-1", "192.168.5.4")).0,
        "InvalidBucketName"
    );
}

#[test]
fn a_request_to_the_wrong_region_is_redirected() {
    let mut world = world();
    let error = world
        .invoke(
            ACCOUNT,
            IRELAND,
            ServiceId::S3,
            "GetObject",
            json!({"Bucket": "source", "Key": "k"}),
        )
        .unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.status),
        ("PermanentRedirect", Some(301))
    );
    assert_eq!(error.fields["x-amz-bucket-region"], WEST);
    let location = world
        .invoke(
            ACCOUNT,
            IRELAND,
            ServiceId::S3,
            "GetBucketLocation",
            json!({"Bucket": "source"}),
        )
        .unwrap();
    assert_eq!(location["LocationConstraint"], WEST);
    let stranger = call(
        &mut world,
        "HeadBucket",
        json!({"ExpectedBucketOwner": "444455556666"}),
    );
    assert_eq!(refusal(stranger), ("AccessDenied".into(), Some(403)));
}

#[test]
fn what_is_put_is_read_with_its_tag_and_metadata() {
    let mut world = world();
    let input = json!({
        "Key": "a/b c",
        "Body": STANDARD.encode("hello"),
        "Metadata": {"Owner": "ops"},
        "ContentType": "text/plain",
        "CacheControl": "no-store",
        "Tagging": "k=v&x=1%202",
    });
    let made = call(&mut world, "PutObject", input).unwrap();
    assert_eq!(made["ETag"], "\"5d41402abc4b2a76b9719d911017c592\"");
    let seen = call(&mut world, "HeadObject", json!({"Key": "a/b c"})).unwrap();
    assert_eq!(
        (&seen["ContentLength"], &seen["Metadata"]["owner"]),
        (&json!(5), &json!("ops"))
    );
    assert_eq!(
        (&seen["CacheControl"], &seen["TagCount"]),
        (&json!("no-store"), &json!(2))
    );
    let tags = call(&mut world, "GetObjectTagging", json!({"Key": "a/b c"})).unwrap();
    assert_eq!(tags["TagSet"][1], json!({"Key": "x", "Value": "1 2"}));
    assert_eq!(
        refusal(call(&mut world, "GetObject", json!({"Key": "no"}))),
        ("NoSuchKey".into(), Some(404))
    );
}

#[test]
fn ranges_and_conditions_of_a_read() {
    let mut world = world();
    put(&mut world, "k", "0123456789");
    let range =
        |world: &mut World, r: &str| call(world, "GetObject", json!({"Key": "k", "Range": r}));
    assert_eq!(
        range(&mut world, "bytes=2-4").unwrap()["ContentRange"],
        "bytes 2-4/10"
    );
    assert_eq!(
        range(&mut world, "bytes=-3").unwrap()["ContentRange"],
        "bytes 7-9/10"
    );
    assert_eq!(range(&mut world, "bytes=8-99").unwrap()["ContentLength"], 2);
    assert_eq!(
        refusal(range(&mut world, "bytes=10-")),
        ("InvalidRange".into(), Some(416))
    );
    let wrong = call(
        &mut world,
        "GetObject",
        json!({"Key": "k", "IfMatch": "\"x\""}),
    );
    assert_eq!(refusal(wrong), ("PreconditionFailed".into(), Some(412)));
    let same = format!("\"{}\"", object(&world, "source", "k").unwrap().etag);
    let unchanged = call(
        &mut world,
        "GetObject",
        json!({"Key": "k", "IfNoneMatch": same}),
    )
    .unwrap();
    assert!(unchanged["ContentLength"].is_null(), "304 has no body");
}

#[test]
fn a_conditional_write_is_won_once() {
    let mut world = world();
    let create =
        |text: &str| json!({"Key": "lock", "Body": STANDARD.encode(text), "IfNoneMatch": "*"});
    let made = call(&mut world, "PutObject", create("one")).unwrap();
    assert_eq!(
        refusal(call(&mut world, "PutObject", create("two"))),
        ("PreconditionFailed".into(), Some(412))
    );
    let swap =
        |tag: &Value| json!({"Key": "lock", "Body": STANDARD.encode("next"), "IfMatch": tag});
    let next = call(&mut world, "PutObject", swap(&made["ETag"])).unwrap();
    assert_eq!(
        refusal(call(&mut world, "PutObject", swap(&made["ETag"]))).0,
        "PreconditionFailed"
    );
    assert_eq!(
        refusal(call(
            &mut world,
            "DeleteObject",
            json!({"Key": "lock", "IfMatch": made["ETag"]})
        ))
        .0,
        "PreconditionFailed"
    );
    call(
        &mut world,
        "DeleteObject",
        json!({"Key": "lock", "IfMatch": next["ETag"]}),
    )
    .unwrap();
    assert_eq!(
        refusal(call(&mut world, "PutObject", swap(&next["ETag"]))).0,
        "NoSuchKey"
    );
}

#[test]
fn versions_are_kept_and_a_delete_leaves_a_marker() {
    let mut world = world();
    put(&mut world, "k", "before");
    version(&mut world, "source");
    let one = put(&mut world, "k", "one")["VersionId"].clone();
    put(&mut world, "k", "two");
    let gone = call(&mut world, "DeleteObject", json!({"Key": "k"})).unwrap();
    assert_eq!(gone["DeleteMarker"], true);
    assert_eq!(
        refusal(call(&mut world, "GetObject", json!({"Key": "k"}))).0,
        "NoSuchKey"
    );
    call(
        &mut world,
        "GetObject",
        json!({"Key": "k", "VersionId": one}),
    )
    .unwrap();
    let marker = json!({"Key": "k", "VersionId": gone["VersionId"]});
    assert_eq!(
        refusal(call(&mut world, "GetObject", marker.clone())),
        ("MethodNotAllowed".into(), Some(405))
    );
    let listed = call(&mut world, "ListObjectVersions", json!({})).unwrap();
    assert_eq!(
        (
            listed["Versions"].as_array().unwrap().len(),
            listed["DeleteMarkers"][0]["IsLatest"].clone()
        ),
        (3, json!(true))
    );
    assert_eq!(listed["Versions"][2]["VersionId"], "null");
    call(&mut world, "DeleteObject", marker).unwrap();
    assert_eq!(body(&world, "source", "k"), "two");
    let not_empty = call(&mut world, "DeleteBucket", json!({}));
    assert_eq!(refusal(not_empty), ("BucketNotEmpty".into(), Some(409)));
    let mut input = json!({"MaxKeys": 1});
    let mut versions = Vec::new();
    loop {
        let page = call(&mut world, "ListObjectVersions", input.clone()).unwrap();
        versions.push(
            page["Versions"][0]["VersionId"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
        if page["IsTruncated"] == json!(false) {
            break;
        }
        input["KeyMarker"] = page["NextKeyMarker"].clone();
        input["VersionIdMarker"] = page["NextVersionIdMarker"].clone();
    }
    assert_eq!(versions.len(), 3);
}

#[test]
fn keys_are_listed_with_prefixes_and_pages() {
    let mut world = world();
    for key in ["a", "b/1", "b/2", "c/x/1", "d e"] {
        put(&mut world, key, "");
    }
    let top = call(&mut world, "ListObjectsV2", json!({"Delimiter": "/"})).unwrap();
    let keys = |out: &Value| -> Vec<String> {
        out["Contents"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["Key"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(keys(&top), ["a", "d e"]);
    assert_eq!(
        top["CommonPrefixes"],
        json!([{"Prefix": "b/"}, {"Prefix": "c/"}])
    );
    assert_eq!(top["KeyCount"], 4);
    let mut input = json!({"Delimiter": "/", "MaxKeys": 1, "EncodingType": "url"});
    let mut seen = Vec::new();
    loop {
        let page = call(&mut world, "ListObjectsV2", input.clone()).unwrap();
        seen.extend(keys(&page));
        let prefixes = page["CommonPrefixes"].as_array().unwrap().iter();
        seen.extend(prefixes.map(|p| p["Prefix"].as_str().unwrap().to_owned()));
        if page["IsTruncated"] == json!(false) {
            break;
        }
        input["ContinuationToken"] = page["NextContinuationToken"].clone();
    }
    assert_eq!(seen, ["a", "b/", "c/", "d+e"]);
    let old = call(&mut world, "ListObjects", json!({"MaxKeys": 2})).unwrap();
    assert_eq!(
        (keys(&old), &old["IsTruncated"]),
        (vec!["a".into(), "b/1".into()], &json!(true))
    );
    let rest = call(
        &mut world,
        "ListObjects",
        json!({"Marker": "b/1", "Prefix": "b/"}),
    )
    .unwrap();
    assert_eq!(keys(&rest), ["b/2"]);
}

#[test]
fn a_copy_crosses_regions_and_keeps_what_it_is_not_told_to_replace() {
    let mut world = world();
    let input = json!({"Key": "k", "Body": STANDARD.encode("text"), "Metadata": {"a": "1"}, "ContentType": "text/x"});
    call(&mut world, "PutObject", input).unwrap();
    let copied = call(
        &mut world,
        "CopyObject",
        json!({"Bucket": "target", "Key": "k2", "CopySource": "source/k"}),
    )
    .unwrap();
    assert_eq!(
        copied["CopyObjectResult"]["ETag"],
        format!("\"{}\"", objects::hex_md5(b"text"))
    );
    let seen = call(
        &mut world,
        "HeadObject",
        json!({"Bucket": "target", "Key": "k2"}),
    )
    .unwrap();
    assert_eq!(
        (&seen["Metadata"]["a"], &seen["ContentType"]),
        (&json!("1"), &json!("text/x"))
    );
    let itself = call(
        &mut world,
        "CopyObject",
        json!({"Key": "k", "CopySource": "source/k"}),
    );
    assert_eq!(refusal(itself).0, "InvalidRequest");
    let replaced = json!({"Key": "k", "CopySource": "/source/k", "MetadataDirective": "REPLACE"});
    call(&mut world, "CopyObject", replaced).unwrap();
    assert!(object(&world, "source", "k").unwrap().metadata.is_empty());
    let missing = call(
        &mut world,
        "CopyObject",
        json!({"Key": "x", "CopySource": "source/none"}),
    );
    assert_eq!(refusal(missing).0, "NoSuchKey");
}

#[test]
fn parts_come_together_in_order_and_size() {
    let mut world = world();
    let begun = call(&mut world, "CreateMultipartUpload", json!({"Key": "big"})).unwrap();
    let id = begun["UploadId"].clone();
    let big = vec![7_u8; 5 * 1024 * 1024];
    let part = |world: &mut World, number: u64, bytes: &[u8]| {
        let input = json!({"Key": "big", "UploadId": id, "PartNumber": number, "Body": STANDARD.encode(bytes)});
        let out = call(world, "UploadPart", input).unwrap();
        json!({"PartNumber": number, "ETag": out["ETag"]})
    };
    let (one, two, small) = (
        part(&mut world, 1, &big),
        part(&mut world, 2, b"end"),
        part(&mut world, 3, b"x"),
    );
    let complete =
        |parts: Value| json!({"Key": "big", "UploadId": id, "MultipartUpload": {"Parts": parts}});
    let finish =
        |world: &mut World, parts: Value| call(world, "CompleteMultipartUpload", complete(parts));
    assert_eq!(
        refusal(finish(&mut world, json!([two, one]))).0,
        "InvalidPartOrder"
    );
    assert_eq!(
        refusal(finish(&mut world, json!([{"PartNumber": 1, "ETag": "no"}]))).0,
        "InvalidPart"
    );
    assert_eq!(
        refusal(finish(&mut world, json!([one, two, small]))).0,
        "EntityTooSmall"
    );
    let listed = call(
        &mut world,
        "ListParts",
        json!({"Key": "big", "UploadId": id, "MaxParts": 2}),
    )
    .unwrap();
    assert_eq!(
        (&listed["IsTruncated"], &listed["NextPartNumberMarker"]),
        (&json!(true), &json!(2))
    );
    let done = finish(&mut world, json!([one, two])).unwrap();
    assert!(done["ETag"].as_str().unwrap().ends_with("-2\""));
    assert_eq!(
        object(&world, "source", "big").unwrap().body.len(),
        big.len() + 3
    );
    let second = call(
        &mut world,
        "GetObject",
        json!({"Key": "big", "PartNumber": 2}),
    )
    .unwrap();
    assert_eq!(
        (&second["ContentLength"], &second["PartsCount"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(
        refusal(finish(&mut world, json!([one]))),
        ("NoSuchUpload".into(), Some(404))
    );
    let again =
        call(&mut world, "CreateMultipartUpload", json!({"Key": "copy"})).unwrap()["UploadId"]
            .clone();
    let copied = json!({
        "Key": "copy", "UploadId": again, "PartNumber": 1, "CopySource": "source/big", "CopySourceRange": "bytes=0-9",
    });
    call(&mut world, "UploadPartCopy", copied).unwrap();
    assert_eq!(
        call(&mut world, "ListMultipartUploads", json!({})).unwrap()["Uploads"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    call(
        &mut world,
        "AbortMultipartUpload",
        json!({"Key": "copy", "UploadId": again}),
    )
    .unwrap();
}

#[test]
fn only_what_is_put_after_the_rule_is_replicated() {
    let mut world = world();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/replication");
    let rule = json!({
        "ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": "arn:aws:s3:::target"},
    });
    let config = json!({"ReplicationConfiguration": {"Role": role, "Rules": [rule]}});
    let refused = call(&mut world, "PutBucketReplication", config.clone());
    assert_eq!(
        refusal(refused).0,
        "InvalidRequest",
        "versioning comes first"
    );
    version(&mut world, "source");
    version(&mut world, "target");
    put(&mut world, "old", "1");
    call(&mut world, "PutBucketReplication", config).unwrap();
    let status = |world: &mut World, key: &str| {
        call(world, "HeadObject", json!({"Key": key})).unwrap()["ReplicationStatus"].clone()
    };
    put(&mut world, "denied", "2");
    assert_eq!(status(&mut world, "denied"), "PENDING");
    world.advance_to(world.now() + 6 * MINUTE);
    assert_eq!(
        status(&mut world, "denied"),
        "FAILED",
        "nobody has made the role"
    );
    let trust = json!({"Statement": [{
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole",
    }]});
    let may = json!({"Statement": [{
        "Effect": "Allow", "Action": "s3:ReplicateObject", "Resource": "arn:aws:s3:::target/*",
    }]});
    for (operation, input) in [
        (
            "CreateRole",
            json!({"RoleName": "replication", "AssumeRolePolicyDocument": trust.to_string()}),
        ),
        (
            "PutRolePolicy",
            json!({"RoleName": "replication", "PolicyName": "p", "PolicyDocument": may.to_string()}),
        ),
    ] {
        world
            .invoke(ACCOUNT, "us-east-1", ServiceId::Iam, operation, input)
            .unwrap();
    }
    world.advance_to(world.now() + MINUTE);
    put(&mut world, "new", "3");
    world.advance_to(world.now() + 6 * MINUTE);
    assert_eq!(status(&mut world, "new"), "COMPLETED");
    assert_eq!(
        object(&world, "target", "new").unwrap().replication,
        Some("REPLICA")
    );
    assert!(object(&world, "target", "old").is_none());
}

#[test]
fn settings_are_absent_until_they_are_put() {
    let mut world = world();
    for (operation, code) in [
        ("GetBucketPolicy", "NoSuchBucketPolicy"),
        ("GetBucketWebsite", "NoSuchWebsiteConfiguration"),
        ("GetBucketCors", "NoSuchCORSConfiguration"),
        (
            "GetBucketLifecycleConfiguration",
            "NoSuchLifecycleConfiguration",
        ),
        (
            "GetBucketReplication",
            "ReplicationConfigurationNotFoundError",
        ),
        ("GetBucketTagging", "NoSuchTagSet"),
    ] {
        assert_eq!(
            refusal(call(&mut world, operation, json!({}))),
            (code.into(), Some(404)),
            "{operation}"
        );
    }
    assert_eq!(
        call(&mut world, "GetBucketVersioning", json!({})).unwrap(),
        json!({})
    );
    let block = call(&mut world, "GetPublicAccessBlock", json!({})).unwrap();
    assert_eq!(
        block["PublicAccessBlockConfiguration"]["BlockPublicPolicy"],
        true
    );
    let tags = json!({"Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}});
    call(&mut world, "PutBucketTagging", tags).unwrap();
    assert_eq!(
        call(&mut world, "GetBucketTagging", json!({})).unwrap()["TagSet"][0]["Value"],
        "b"
    );
}

#[test]
fn a_website_needs_a_public_policy() {
    let mut world = world();
    put(&mut world, "index.html", "home");
    let config =
        json!({"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "oops.html"}});
    call(
        &mut world,
        "PutBucketWebsite",
        json!({"WebsiteConfiguration": config}),
    )
    .unwrap();
    assert_eq!(website(&world, "source", "/").status, 403);
    let policy = json!({"Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::source/*",
    }]});
    let input = json!({"Policy": policy.to_string()});
    assert_eq!(
        refusal(call(&mut world, "PutBucketPolicy", input.clone())).0,
        "AccessDenied"
    );
    call(&mut world, "DeletePublicAccessBlock", json!({})).unwrap();
    call(&mut world, "PutBucketPolicy", input).unwrap();
    assert_eq!(website(&world, "source", "/").body, "home".as_bytes());
    assert_eq!(website(&world, "source", "/none").status, 404);
    assert_eq!(website(&world, "target", "/").status, 404);
}

#[test]
fn many_keys_are_deleted_at_once() {
    let mut world = world();
    put(&mut world, "a", "1");
    put(&mut world, "b", "2");
    let rows = json!({"Objects": [{"Key": "a"}, {"Key": "absent"}]});
    let out = call(&mut world, "DeleteObjects", json!({"Delete": rows})).unwrap();
    assert_eq!(out["Deleted"].as_array().unwrap().len(), 2);
    assert!(object(&world, "source", "a").is_none());
    let quiet = json!({"Objects": [{"Key": "b"}], "Quiet": true});
    assert!(
        call(&mut world, "DeleteObjects", json!({"Delete": quiet})).unwrap()["Deleted"].is_null()
    );
    call(&mut world, "DeleteBucket", json!({})).unwrap();
    assert_eq!(
        refusal(call(&mut world, "HeadBucket", json!({}))),
        ("NoSuchBucket".into(), Some(404))
    );
}
