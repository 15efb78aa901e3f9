//! ECR's promises, without a wire.

use super::*;
use crate::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::world::{Request, Response};
use base64::{Engine, engine::general_purpose::STANDARD};

const ACCOUNT: &str = "111122223333";
const WEST: &str = "us-west-2";
const IRELAND: &str = "eu-west-1";

fn world() -> World {
    let mut world = World::new(11);
    world.settings.read_lag = 0;
    world.account(ACCOUNT);
    for region in [WEST, IRELAND] {
        call(
            &mut world,
            region,
            "CreateRepository",
            json!({"repositoryName": "redmine"}),
        )
        .unwrap();
    }
    world
}

fn call(world: &mut World, region: &str, operation: &str, input: Value) -> Result<Value, AwsError> {
    world.invoke(ACCOUNT, region, ServiceId::Ecr, operation, input)
}

fn upload(world: &mut World, region: &str, name: &str, bytes: &[u8]) -> String {
    let begun = call(
        world,
        region,
        "InitiateLayerUpload",
        json!({"repositoryName": name}),
    )
    .unwrap();
    let part = json!({
        "repositoryName": name,
        "uploadId": begun["uploadId"],
        "partFirstByte": 0,
        "partLastByte": bytes.len() - 1,
        "layerPartBlob": STANDARD.encode(bytes),
    });
    call(world, region, "UploadLayerPart", part).unwrap();
    let digest = manifest::digest_of(bytes);
    let done =
        json!({"repositoryName": name, "uploadId": begun["uploadId"], "layerDigests": [digest]});
    call(world, region, "CompleteLayerUpload", done).unwrap();
    digest
}

fn image_text(config: &[u8], layer: &[u8]) -> String {
    json!({
        "schemaVersion": 2,
        "mediaType": manifest::OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": manifest::digest_of(config),
            "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": manifest::digest_of(layer),
            "size": layer.len(),
        }],
    })
    .to_string()
}

fn pushed(world: &mut World, region: &str, tag: &str, word: &str) -> String {
    let (config, layer) = (format!("config {word}"), format!("layer {word}"));
    upload(world, region, "redmine", config.as_bytes());
    upload(world, region, "redmine", layer.as_bytes());
    let text = image_text(config.as_bytes(), layer.as_bytes());
    let input = json!({"repositoryName": "redmine", "imageManifest": text, "imageTag": tag});
    let out = call(world, region, "PutImage", input).unwrap();
    out["image"]["imageId"]["imageDigest"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn index_text(children: &[(&str, usize)]) -> String {
    let rows: Vec<Value> = children
        .iter()
        .map(|(digest, size)| {
            json!({
                "mediaType": manifest::OCI_MANIFEST,
                "digest": digest,
                "size": size,
                "platform": {"os": "linux", "architecture": "amd64"},
            })
        })
        .collect();
    json!({"schemaVersion": 2, "mediaType": manifest::OCI_INDEX, "manifests": rows}).to_string()
}

fn pass(world: &mut World, time: Nanos) {
    world.advance_to(world.now() + time);
}

fn code(result: Result<Value, AwsError>) -> String {
    result.unwrap_err().code
}

#[test]
fn a_digest_is_the_hash_of_the_manifest_as_sent() {
    let mut world = world();
    let digest = pushed(&mut world, WEST, "5.1", "a");
    let (config, layer) = ("config a".as_bytes(), "layer a".as_bytes());
    assert_eq!(
        digest,
        manifest::digest_of(image_text(config, layer).as_bytes())
    );
    let ids = json!([{"imageTag": "5.1"}]);
    let out = call(
        &mut world,
        WEST,
        "DescribeImages",
        json!({"repositoryName": "redmine", "imageIds": ids}),
    )
    .unwrap();
    let row = &out["imageDetails"][0];
    assert_eq!(
        (&row["imageDigest"], &row["imageTags"]),
        (&json!(digest), &json!(["5.1"]))
    );
    assert_eq!(row["imageSizeInBytes"], config.len() + layer.len());
}

#[test]
fn an_image_needs_its_layers_in_its_own_repository() {
    let mut world = world();
    pushed(&mut world, WEST, "5.1", "a");
    call(
        &mut world,
        WEST,
        "CreateRepository",
        json!({"repositoryName": "other"}),
    )
    .unwrap();
    let text = image_text(b"config a", b"layer a");
    for (region, name) in [(WEST, "other"), (IRELAND, "redmine")] {
        let input = json!({"repositoryName": name, "imageManifest": text, "imageTag": "x"});
        assert_eq!(
            code(call(&mut world, region, "PutImage", input)),
            "LayersNotFoundException"
        );
    }
}

#[test]
fn an_index_needs_its_children() {
    let mut world = world();
    let child = manifest::digest_of(image_text(b"config a", b"layer a").as_bytes());
    let index = index_text(&[(&child, 10)]);
    let input = json!({"repositoryName": "redmine", "imageManifest": index, "imageTag": "multi"});
    assert_eq!(
        code(call(&mut world, WEST, "PutImage", input.clone())),
        "ReferencedImagesNotFoundException"
    );
    pushed(&mut world, WEST, "5.1", "a");
    let out = call(&mut world, WEST, "PutImage", input).unwrap();
    assert_eq!(out["image"]["imageManifestMediaType"], manifest::OCI_INDEX);
    let gone = json!({"repositoryName": "redmine", "imageIds": [{"imageDigest": child}]});
    let out = call(&mut world, WEST, "BatchDeleteImage", gone).unwrap();
    assert_eq!(
        out["failures"][0]["failureCode"],
        "ImageReferencedByManifestList"
    );
}

#[test]
fn the_same_image_and_tag_exist_once_and_an_immutable_tag_stays() {
    let mut world = world();
    let first = pushed(&mut world, WEST, "5.1", "a");
    let text = image_text(b"config a", b"layer a");
    let again = json!({"repositoryName": "redmine", "imageManifest": text, "imageTag": "5.1"});
    assert_eq!(
        code(call(&mut world, WEST, "PutImage", again)),
        "ImageAlreadyExistsException"
    );
    let latest = json!({"repositoryName": "redmine", "imageManifest": text, "imageTag": "latest"});
    call(&mut world, WEST, "PutImage", latest).unwrap();
    let immutable = json!({"repositoryName": "redmine", "imageTagMutability": "IMMUTABLE"});
    call(&mut world, WEST, "PutImageTagMutability", immutable).unwrap();
    upload(&mut world, WEST, "redmine", b"config b");
    upload(&mut world, WEST, "redmine", b"layer b");
    let other = image_text(b"config b", b"layer b");
    let moved = json!({"repositoryName": "redmine", "imageManifest": other, "imageTag": "5.1"});
    assert_eq!(
        code(call(&mut world, WEST, "PutImage", moved)),
        "ImageTagAlreadyExistsException"
    );
    let ids = json!({"repositoryName": "redmine", "imageIds": [{"imageTag": "latest"}, {"imageTag": "no"}]});
    let out = call(&mut world, WEST, "BatchGetImage", ids).unwrap();
    assert_eq!(out["images"][0]["imageId"]["imageDigest"], json!(first));
    assert_eq!(out["failures"][0]["failureCode"], "ImageNotFound");
}

#[test]
fn layers_come_in_order_and_by_their_digest() {
    let mut world = world();
    let begun = call(
        &mut world,
        WEST,
        "InitiateLayerUpload",
        json!({"repositoryName": "redmine"}),
    )
    .unwrap();
    let part = |first: u64, last: u64| {
        json!({
            "repositoryName": "redmine",
            "uploadId": begun["uploadId"],
            "partFirstByte": first,
            "partLastByte": last,
            "layerPartBlob": STANDARD.encode(vec![7_u8; (last - first + 1) as usize]),
        })
    };
    let wrong = call(&mut world, WEST, "UploadLayerPart", part(5, 9)).unwrap_err();
    assert_eq!(
        (wrong.code.as_str(), &wrong.fields["lastValidByteReceived"]),
        ("InvalidLayerPartException", &json!(-1))
    );
    let complete = |digest: &str| json!({"repositoryName": "redmine", "uploadId": begun["uploadId"], "layerDigests": [digest]});
    let digest = manifest::digest_of(&[7; 20]);
    assert_eq!(
        code(call(
            &mut world,
            WEST,
            "CompleteLayerUpload",
            complete(&digest)
        )),
        "EmptyUploadException"
    );
    call(&mut world, WEST, "UploadLayerPart", part(0, 9)).unwrap();
    call(&mut world, WEST, "UploadLayerPart", part(10, 19)).unwrap();
    assert_eq!(
        code(call(
            &mut world,
            WEST,
            "CompleteLayerUpload",
            complete(&digest)
        )),
        "LayerPartTooSmallException"
    );
    upload(&mut world, WEST, "redmine", b"layer");
    let ask = json!({"repositoryName": "redmine", "layerDigests": [manifest::digest_of(b"layer"), digest, "x"]});
    let out = call(&mut world, WEST, "BatchCheckLayerAvailability", ask).unwrap();
    assert_eq!(out["layers"][0]["layerSize"], 5);
    assert_eq!(out["layers"][1]["layerAvailability"], "UNAVAILABLE");
    assert_eq!(out["failures"][0]["failureCode"], "InvalidLayerDigest");
}

#[test]
fn deleting_needs_force_while_there_are_images() {
    let mut world = world();
    let digest = pushed(&mut world, WEST, "5.1", "a");
    let name = json!({"repositoryName": "redmine"});
    assert_eq!(
        code(call(&mut world, WEST, "DeleteRepository", name.clone())),
        "RepositoryNotEmptyException"
    );
    let ids = json!({"repositoryName": "redmine", "imageIds": [{"imageTag": "5.1"}]});
    let out = call(&mut world, WEST, "BatchDeleteImage", ids).unwrap();
    assert_eq!(
        out["imageIds"],
        json!([{"imageDigest": digest, "imageTag": "5.1"}])
    );
    call(&mut world, WEST, "DeleteRepository", name.clone()).unwrap();
    assert_eq!(
        code(call(&mut world, WEST, "DescribeImages", name)),
        "RepositoryNotFoundException"
    );
}

fn replicate(world: &mut World, prefix: Option<&str>) {
    let mut rule = json!({"destinations": [{"region": IRELAND, "registryId": ACCOUNT}]});
    if let Some(prefix) = prefix {
        rule["repositoryFilters"] = json!([{"filter": prefix, "filterType": "PREFIX_MATCH"}]);
    }
    let input = json!({"replicationConfiguration": {"rules": [rule]}});
    call(world, WEST, "PutReplicationConfiguration", input).unwrap();
}

fn replica_status(world: &mut World, tag: &str) -> Value {
    let input = json!({"repositoryName": "redmine", "imageId": {"imageTag": tag}});
    call(world, WEST, "DescribeImageReplicationStatus", input).unwrap()["replicationStatuses"]
        .clone()
}

#[test]
fn only_pushes_after_the_rule_are_replicated() {
    let mut world = world();
    call(
        &mut world,
        IRELAND,
        "DeleteRepository",
        json!({"repositoryName": "redmine"}),
    )
    .unwrap();
    pushed(&mut world, WEST, "before", "a");
    replicate(&mut world, Some("red"));
    let after = pushed(&mut world, WEST, "after", "b");
    assert_eq!(replica_status(&mut world, "before"), json!([]));
    assert_eq!(
        replica_status(&mut world, "after")[0]["status"],
        "IN_PROGRESS"
    );
    pass(&mut world, 6 * MINUTE);
    assert_eq!(replica_status(&mut world, "after")[0]["status"], "COMPLETE");
    let out = call(
        &mut world,
        IRELAND,
        "ListImages",
        json!({"repositoryName": "redmine"}),
    )
    .unwrap();
    assert_eq!(
        out["imageIds"],
        json!([{"imageDigest": after, "imageTag": "after"}])
    );
}

#[test]
fn a_backfill_brings_what_was_pushed_before_the_rule() {
    let mut world = world();
    let digest = pushed(&mut world, WEST, "5.1", "a");
    let to = json!({"destination": {"region": IRELAND, "registryId": ACCOUNT}});
    assert_eq!(
        code(call(
            &mut world,
            WEST,
            "StartReplicationBackfill",
            to.clone()
        )),
        "ValidationException"
    );
    replicate(&mut world, None);
    let started = call(&mut world, WEST, "StartReplicationBackfill", to.clone()).unwrap();
    assert_eq!(started["status"], "PREPARING");
    assert_eq!(
        code(call(
            &mut world,
            WEST,
            "StartReplicationBackfill",
            to.clone()
        )),
        "ReplicationBackfillInProgressException"
    );
    let id = json!({"replicationBackfillId": started["replicationBackfillId"]});
    let early = call(
        &mut world,
        WEST,
        "DescribeReplicationBackfillResults",
        id.clone(),
    )
    .unwrap();
    assert!(early["progress"].is_null() && early["results"].is_null());
    pass(&mut world, 10 * MINUTE);
    let done = call(
        &mut world,
        WEST,
        "DescribeReplicationBackfillResults",
        id.clone(),
    )
    .unwrap();
    assert_eq!(
        (
            &done["status"],
            &done["progress"]["completedReplicationCount"]
        ),
        (&json!("COMPLETE"), &json!(1))
    );
    assert_eq!(
        done["results"][0]["imageId"],
        json!({"imageDigest": digest, "imageTag": "5.1"})
    );
    assert_eq!(replica_status(&mut world, "5.1")[0]["status"], "COMPLETE");
    let there = call(
        &mut world,
        IRELAND,
        "ListImages",
        json!({"repositoryName": "redmine"}),
    )
    .unwrap();
    assert_eq!(
        there["imageIds"],
        json!([{"imageDigest": digest, "imageTag": "5.1"}])
    );
    assert_eq!(
        code(call(&mut world, WEST, "StopReplicationBackfill", id)),
        "ReplicationBackfillInvalidStatusException"
    );
    let again = call(&mut world, WEST, "StartReplicationBackfill", to).unwrap();
    let id = json!({"replicationBackfillId": again["replicationBackfillId"]});
    assert_eq!(
        call(&mut world, WEST, "StopReplicationBackfill", id).unwrap()["status"],
        "STOPPED"
    );
    let listed = call(&mut world, WEST, "ListReplicationBackfills", json!({})).unwrap();
    assert_eq!(listed["backfills"].as_array().unwrap().len(), 2);
}

#[test]
fn a_backfill_says_which_images_failed() {
    let mut world = world();
    pushed(&mut world, WEST, "5.1", "a");
    pushed(&mut world, WEST, "5.2", "b");
    pushed(&mut world, IRELAND, "5.1", "other");
    let stays = json!({"repositoryName": "redmine", "imageTagMutability": "IMMUTABLE"});
    call(&mut world, IRELAND, "PutImageTagMutability", stays).unwrap();
    replicate(&mut world, None);
    let to = json!({"destination": {"region": IRELAND, "registryId": ACCOUNT}});
    let started = call(&mut world, WEST, "StartReplicationBackfill", to).unwrap();
    pass(&mut world, 10 * MINUTE);
    let only = json!({"replicationBackfillId": started["replicationBackfillId"], "resultStatusFilter": "FAILED"});
    let done = call(&mut world, WEST, "DescribeReplicationBackfillResults", only).unwrap();
    assert_eq!(
        done["progress"]["failureCodes"],
        json!(["ImageTagAlreadyExists"])
    );
    assert_eq!(done["results"].as_array().unwrap().len(), 1);
    assert_eq!(done["status"], "COMPLETE");
}

#[test]
fn a_prefix_keeps_other_repositories_at_home() {
    let mut world = world();
    replicate(&mut world, Some("blue"));
    pushed(&mut world, WEST, "5.1", "a");
    assert_eq!(replica_status(&mut world, "5.1"), json!([]));
    let itself = json!({"replicationConfiguration": {"rules": [{"destinations": [{"region": WEST, "registryId": ACCOUNT}]}]}});
    assert_eq!(
        code(call(
            &mut world,
            WEST,
            "PutReplicationConfiguration",
            itself
        )),
        "ValidationException"
    );
}

#[test]
fn an_index_is_replicated_with_its_children() {
    let mut world = world();
    let child = pushed(&mut world, WEST, "5.1", "a");
    replicate(&mut world, None);
    let index = index_text(&[(&child, 10)]);
    let input = json!({"repositoryName": "redmine", "imageManifest": index, "imageTag": "multi"});
    call(&mut world, WEST, "PutImage", input).unwrap();
    pass(&mut world, 6 * MINUTE);
    let out = call(
        &mut world,
        IRELAND,
        "ListImages",
        json!({"repositoryName": "redmine"}),
    )
    .unwrap();
    assert_eq!(out["imageIds"].as_array().unwrap().len(), 2);
}

#[test]
fn a_lifecycle_policy_expires_once_a_day() {
    let mut world = world();
    pushed(&mut world, WEST, "1", "a");
    pass(&mut world, SECOND);
    pushed(&mut world, WEST, "2", "b");
    let selection =
        json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1});
    let rules = json!({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]});
    let put = json!({"repositoryName": "redmine", "lifecyclePolicyText": rules.to_string()});
    call(&mut world, WEST, "PutLifecyclePolicy", put).unwrap();
    pass(&mut world, DAY - SECOND);
    let list = |world: &mut World| {
        call(
            world,
            WEST,
            "ListImages",
            json!({"repositoryName": "redmine"}),
        )
        .unwrap()["imageIds"]
            .as_array()
            .unwrap()
            .clone()
    };
    assert_eq!(list(&mut world).len(), 2);
    pass(&mut world, 2 * SECOND);
    let left = list(&mut world);
    assert_eq!((left.len(), &left[0]["imageTag"]), (1, &json!("2")));
    let bad = json!({"repositoryName": "redmine", "lifecyclePolicyText": "{\"rules\": []}"});
    assert_eq!(
        code(call(&mut world, WEST, "PutLifecyclePolicy", bad)),
        "InvalidParameterException"
    );
}

#[test]
fn a_task_pulls_by_tag_or_digest_from_the_region_that_the_name_says() {
    let mut world = world();
    let digest = pushed(&mut world, WEST, "5.1", "a");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/execution");
    let uri = |region: &str, rest: &str| {
        format!("{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/redmine{rest}")
    };
    let forbidden = pull(&world, &role, IRELAND, &uri(WEST, ":5.1")).unwrap_err();
    assert!(
        forbidden.ends_with("403 Forbidden"),
        "a role that nobody made: {forbidden}"
    );
    let trust = json!({"Statement": [{
        "Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole",
    }]});
    let may = json!({"Statement": [{
        "Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Resource": format!("arn:aws:ecr:*:{ACCOUNT}:repository/redmine"),
    }]});
    for (operation, input) in [
        (
            "CreateRole",
            json!({"RoleName": "execution", "AssumeRolePolicyDocument": trust.to_string()}),
        ),
        (
            "PutRolePolicy",
            json!({"RoleName": "execution", "PolicyName": "p", "PolicyDocument": may.to_string()}),
        ),
    ] {
        world
            .invoke(ACCOUNT, "us-east-1", ServiceId::Iam, operation, input)
            .unwrap();
    }
    pass(&mut world, MINUTE);
    assert_eq!(
        pull(&world, &role, IRELAND, &uri(WEST, ":5.1"))
            .unwrap()
            .digest,
        digest
    );
    assert_eq!(
        pull(&world, &role, IRELAND, &uri(WEST, &format!("@{digest}")))
            .unwrap()
            .digest,
        digest
    );
    let absent = pull(&world, &role, IRELAND, &uri(IRELAND, ":5.1")).unwrap_err();
    assert!(absent.ends_with(": not found"), "{absent}");
    assert_eq!(
        pull(&world, &role, IRELAND, "public.ecr.aws/x/y:1")
            .unwrap()
            .registry,
        "public.ecr.aws"
    );
}

// ------------------------------------------------------------------------------------------------- the other face

struct Docker {
    region: &'static str,
    login: String,
}

impl Docker {
    fn new(world: &mut World, region: &'static str) -> Docker {
        let out = call(world, region, "GetAuthorizationToken", json!({})).unwrap();
        let token = out["authorizationData"][0]["authorizationToken"]
            .as_str()
            .unwrap();
        Docker {
            region,
            login: format!("Basic {token}"),
        }
    }

    fn send(
        &self,
        world: &mut World,
        method: &str,
        target: &str,
        kind: &str,
        body: &[u8],
    ) -> Response {
        self.send_to(world, self.region, method, target, kind, body)
    }

    fn send_to(
        &self,
        world: &mut World,
        region: &str,
        method: &str,
        target: &str,
        kind: &str,
        body: &[u8],
    ) -> Response {
        let request = Request {
            method: method.into(),
            host: format!("{ACCOUNT}.dkr.ecr.{region}.amazonaws.com"),
            target: target.into(),
            headers: vec![
                ("Authorization".into(), self.login.clone()),
                ("Content-Type".into(), kind.into()),
            ],
            body: Bytes::copy_from_slice(body),
        };
        registry::serve(world, region, &request)
    }

    fn push_blob(&self, world: &mut World, name: &str, bytes: &[u8]) {
        let digest = manifest::digest_of(bytes);
        let target = format!(
            "/v2/{name}/blobs/uploads/?digest={}",
            digest.replace(':', "%3A")
        );
        assert_eq!(
            self.send(world, "POST", &target, "application/octet-stream", bytes)
                .status,
            201
        );
    }
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response
        .headers
        .iter()
        .find(|(n, _)| n == name)
        .map_or("", |(_, v)| v.as_str())
}

#[test]
fn the_registry_asks_for_a_token_of_its_own_region() {
    let mut world = world();
    let docker = Docker::new(&mut world, WEST);
    assert_eq!(docker.send(&mut world, "GET", "/v2/", "", b"").status, 200);
    let elsewhere = docker.send_to(&mut world, IRELAND, "GET", "/v2/", "", b"");
    assert_eq!(elsewhere.status, 401);
    assert!(header(&elsewhere, "WWW-Authenticate").starts_with("Basic realm="));
    pass(&mut world, 12 * HOUR);
    assert_eq!(docker.send(&mut world, "GET", "/v2/", "", b"").status, 403);
}

#[test]
fn an_image_pushed_to_the_registry_is_seen_by_the_api() {
    let mut world = world();
    let docker = Docker::new(&mut world, WEST);
    let text = image_text(b"{}", b"layer");
    let put = |world: &mut World| {
        docker.send(
            world,
            "PUT",
            "/v2/redmine/manifests/5.1",
            manifest::OCI_MANIFEST,
            text.as_bytes(),
        )
    };
    let early = put(&mut world);
    assert_eq!(early.status, 404);
    assert!(String::from_utf8_lossy(&early.body).contains("MANIFEST_BLOB_UNKNOWN"));
    docker.push_blob(&mut world, "redmine", b"{}");
    docker.push_blob(&mut world, "redmine", b"layer");
    let done = put(&mut world);
    assert_eq!(done.status, 201);
    let digest = header(&done, "Docker-Content-Digest").to_owned();
    let ids = json!({"repositoryName": "redmine", "imageIds": [{"imageTag": "5.1"}]});
    let out = call(&mut world, WEST, "DescribeImages", ids).unwrap();
    assert_eq!(out["imageDetails"][0]["imageDigest"], json!(digest));
    let head = docker.send(&mut world, "HEAD", "/v2/redmine/manifests/5.1", "", b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(header(&head, "Content-Length"), text.len().to_string());
    let got = docker.send(
        &mut world,
        "GET",
        &format!("/v2/redmine/manifests/{digest}"),
        "",
        b"",
    );
    assert_eq!(got.body, text.as_bytes());
    let tags = docker.send(&mut world, "GET", "/v2/redmine/tags/list", "", b"");
    assert_eq!(tags.body, r#"{"name":"redmine","tags":["5.1"]}"#.as_bytes());
}

#[test]
fn blobs_come_in_chunks_and_go_out_in_ranges() {
    let mut world = world();
    let docker = Docker::new(&mut world, WEST);
    let begun = docker.send(&mut world, "POST", "/v2/redmine/blobs/uploads/", "", b"");
    assert_eq!(begun.status, 202);
    let at = header(&begun, "Location").to_owned();
    assert_eq!(
        header(
            &docker.send(&mut world, "PATCH", &at, "", b"hello "),
            "Range"
        ),
        "0-5"
    );
    assert_eq!(
        header(
            &docker.send(&mut world, "PATCH", &at, "", b"world"),
            "Range"
        ),
        "0-10"
    );
    let wrong = format!("{at}?digest={}", manifest::digest_of(b"x"));
    assert_eq!(docker.send(&mut world, "PUT", &wrong, "", b"").status, 400);
    let right = format!("{at}?digest={}", manifest::digest_of(b"hello world"));
    assert_eq!(docker.send(&mut world, "PUT", &right, "", b"").status, 201);
    let target = format!("/v2/redmine/blobs/{}", manifest::digest_of(b"hello world"));
    let mut request = Request {
        method: "GET".into(),
        host: format!("{ACCOUNT}.dkr.ecr.{WEST}.amazonaws.com"),
        target: target.clone(),
        headers: vec![
            ("authorization".into(), docker.login.clone()),
            ("Range".into(), "bytes=6-".into()),
        ],
        body: Bytes::new(),
    };
    let part = registry::serve(&mut world, WEST, &request);
    assert_eq!((part.status, part.body.as_ref()), (206, b"world".as_ref()));
    request.headers[1].1 = "bytes=11-".into();
    assert_eq!(registry::serve(&mut world, WEST, &request).status, 416);
    assert_eq!(
        header(
            &docker.send(&mut world, "HEAD", &target, "", b""),
            "Content-Length"
        ),
        "11"
    );
}

#[test]
fn a_mount_needs_the_setting_and_the_same_registry() {
    let mut world = world();
    call(
        &mut world,
        WEST,
        "CreateRepository",
        json!({"repositoryName": "other"}),
    )
    .unwrap();
    let docker = Docker::new(&mut world, WEST);
    docker.push_blob(&mut world, "redmine", b"layer");
    let digest = manifest::digest_of(b"layer");
    let mount =
        |repository: &str| format!("/v2/{repository}/blobs/uploads/?mount={digest}&from=redmine");
    assert_eq!(
        docker
            .send(&mut world, "POST", &mount("other"), "", b"")
            .status,
        202
    );
    for region in [WEST, IRELAND] {
        let on = json!({"name": "BLOB_MOUNTING", "value": "ENABLED"});
        call(&mut world, region, "PutAccountSetting", on).unwrap();
    }
    assert_eq!(
        docker
            .send(&mut world, "POST", &mount("other"), "", b"")
            .status,
        201
    );
    assert_eq!(
        docker
            .send(
                &mut world,
                "HEAD",
                &format!("/v2/other/blobs/{digest}"),
                "",
                b""
            )
            .status,
        200
    );
    let ireland = Docker::new(&mut world, IRELAND);
    assert_eq!(
        ireland
            .send(&mut world, "POST", &mount("redmine"), "", b"")
            .status,
        202,
        "not in that registry"
    );
    let absent = docker.send(&mut world, "POST", "/v2/absent/blobs/uploads/", "", b"");
    assert_eq!(absent.status, 404);
    assert!(String::from_utf8_lossy(&absent.body).contains("NAME_UNKNOWN"));
}

#[test]
fn a_template_makes_repositories_on_push() {
    let mut world = world();
    let template = json!({"prefix": "team", "appliedFor": ["CREATE_ON_PUSH"], "imageTagMutability": "IMMUTABLE"});
    call(
        &mut world,
        WEST,
        "CreateRepositoryCreationTemplate",
        template,
    )
    .unwrap();
    let docker = Docker::new(&mut world, WEST);
    docker.push_blob(&mut world, "team/app", b"layer");
    let names = json!({"repositoryNames": ["team/app"]});
    let out = call(&mut world, WEST, "DescribeRepositories", names).unwrap();
    assert_eq!(out["repositories"][0]["imageTagMutability"], "IMMUTABLE");
}

#[test]
fn patterns_match_with_stars() {
    for (pattern, text, matches) in [
        ("v*", "v1", true),
        ("*-rc", "1-rc", true),
        ("a*b*c", "a1b2c", true),
        ("v*", "x", false),
        ("v", "v1", false),
    ] {
        assert_eq!(wildcard(pattern, text), matches, "{pattern} {text}");
    }
}
