"""ECR and its registries: the API, the distribution protocol, and skopeo between two regions.

skopeo is needed for the last part; without it that part fails, saying so.
"""

import base64
import gzip
import hashlib
import io
import json
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from world import ACCESS_KEY, SECRET_KEY

WEST, IRELAND = "us-west-2", "eu-west-1"
ACCOUNT = "111122223333"
OPTIONS = ["--no-throttle", "--read-lag", "0", "--region", WEST, "--region", IRELAND]
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def checks(world):
    west, ireland = world.client("ecr", WEST), world.client("ecr", IRELAND)
    repositories(world, west)
    pushes(world, west)
    uploads(world, west)
    rules(world, west)
    replication(world, west, ireland)
    backfill(world, west, ireland)
    lifecycle(world, west)
    registry(world, west, ireland)
    permissions(world, west)
    skopeo(world, west, ireland)
    command_line(world)


def digest(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def image(word):
    """Configuration, layer and manifest of an image that container tools accept."""
    inside = io.BytesIO()
    with tarfile.open(fileobj=inside, mode="w") as tar:
        content = word.encode() * 1000
        info = tarfile.TarInfo("file")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    plain = inside.getvalue()
    layer = gzip.compress(plain, mtime=0)
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": [word]}, "rootfs": {"type": "layers", "diff_ids": [digest(plain)]}}).encode()
    part = lambda kind, data: {"mediaType": kind, "digest": digest(data), "size": len(data)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": part(CONFIG, config), "layers": [part(LAYER, layer)]}).encode()
    return config, layer, manifest


def index_of(manifests):
    rows = [
        {"mediaType": MANIFEST, "digest": digest(m), "size": len(m), "platform": {"os": "linux", "architecture": a}}
        for m, a in zip(manifests, ("amd64", "arm64"))
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": rows}).encode()


def upload(client, name, data):
    begun = client.initiate_layer_upload(repositoryName=name)
    at = dict(repositoryName=name, uploadId=begun["uploadId"])
    client.upload_layer_part(**at, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data)
    return client.complete_layer_upload(**at, layerDigests=[digest(data)])["layerDigest"]


def push(client, name, tag, word):
    config, layer, manifest = image(word)
    upload(client, name, config)
    upload(client, name, layer)
    client.put_image(repositoryName=name, imageManifest=manifest.decode(), imageTag=tag)
    return manifest


def repositories(world, west):
    made = west.create_repository(repositoryName="redmine", tags=[{"Key": "stack", "Value": "redmine"}], imageScanningConfiguration={"scanOnPush": True})["repository"]
    world.same("its ARN", made["repositoryArn"], f"arn:aws:ecr:{WEST}:{ACCOUNT}:repository/redmine")
    world.same("its URI", made["repositoryUri"], f"{ACCOUNT}.dkr.ecr.{WEST}.amazonaws.com/redmine")
    world.same("as AWS makes them", (made["imageTagMutability"], made["encryptionConfiguration"]["encryptionType"]), ("MUTABLE", "AES256"))
    world.refused("twice", "RepositoryAlreadyExistsException", west.create_repository, 400, repositoryName="redmine")
    world.refused("a bad name", "InvalidParameterException", west.create_repository, 400, repositoryName="Red Mine")
    world.refused("an absent one", "RepositoryNotFoundException", west.describe_repositories, 400, repositoryNames=["absent"])
    world.refused("a key of nowhere", "KmsException", west.create_repository, 400, repositoryName="keyed", encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "alias/none"})
    for n in range(3):
        west.create_repository(repositoryName=f"team/app{n}")
    for size in (1, 2, 1000):
        pages = west.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": size})
        world.same(f"by pages of {size}", [r["repositoryName"] for page in pages for r in page["repositories"]], ["redmine", "team/app0", "team/app1", "team/app2"])
    arn = made["repositoryArn"]
    west.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "1"}])
    west.untag_resource(resourceArn=arn, tagKeys=["stack"])
    world.same("tags", west.list_tags_for_resource(resourceArn=arn)["tags"], [{"Key": "a", "Value": "1"}])
    world.refused("no policy", "RepositoryPolicyNotFoundException", west.get_repository_policy, 400, repositoryName="redmine")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "pull", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Action": ["ecr:BatchGetImage"]}]})
    west.set_repository_policy(repositoryName="redmine", policyText=policy)
    world.same("policy", json.loads(west.get_repository_policy(repositoryName="redmine")["policyText"]), json.loads(policy))
    west.delete_repository_policy(repositoryName="redmine")
    west.delete_repository(repositoryName="team/app2")
    world.refused("gone", "RepositoryNotFoundException", west.list_images, 400, repositoryName="team/app2")


def pushes(world, west):
    config, layer, manifest = image("one")
    put = dict(repositoryName="redmine", imageManifest=manifest.decode(), imageTag="5.1")
    world.refused("layers first", "LayersNotFoundException", west.put_image, 400, **put)
    upload(west, "redmine", config)
    upload(west, "redmine", layer)
    world.refused("another digest", "ImageDigestDoesNotMatchException", west.put_image, 400, **put, imageDigest=digest(b"other"))
    made = west.put_image(**put)["image"]
    world.same("the digest of the manifest", made["imageId"], {"imageDigest": digest(manifest), "imageTag": "5.1"})
    world.refused("the same again", "ImageAlreadyExistsException", west.put_image, 400, **put)
    west.put_image(**{**put, "imageTag": "latest"})
    world.refused("the layers of another repository", "LayersNotFoundException", west.put_image, 400, **{**put, "repositoryName": "team/app0"})
    facts = west.describe_images(repositoryName="redmine", imageIds=[{"imageTag": "latest"}])["imageDetails"][0]
    world.same("both tags", facts["imageTags"], ["5.1", "latest"])
    world.same("its size", facts["imageSizeInBytes"], len(config) + len(layer))
    world.same("its type", facts["imageManifestMediaType"], MANIFEST)
    world.refused("an absent tag", "ImageNotFoundException", west.describe_images, 400, repositoryName="redmine", imageIds=[{"imageTag": "no"}])
    got = west.batch_get_image(repositoryName="redmine", imageIds=[{"imageTag": "5.1"}, {"imageTag": "no"}])
    world.same("byte for byte", got["images"][0]["imageManifest"].encode(), manifest)
    world.same("and a failure", got["failures"][0]["failureCode"], "ImageNotFound")
    index = index_of([manifest, image("arm")[2]])
    multi = dict(repositoryName="redmine", imageManifest=index.decode(), imageManifestMediaType=INDEX, imageTag="multi")
    world.refused("an index without a child", "ReferencedImagesNotFoundException", west.put_image, 400, **multi)
    push(west, "redmine", "arm", "arm")
    west.put_image(**multi)
    got = west.batch_delete_image(repositoryName="redmine", imageIds=[{"imageDigest": digest(manifest)}])
    world.same("a child of an index stays", got["failures"][0]["failureCode"], "ImageReferencedByManifestList")
    west.put_image_tag_mutability(repositoryName="redmine", imageTagMutability="IMMUTABLE")
    world.refused("a tag that stays", "ImageTagAlreadyExistsException", west.put_image, 400, repositoryName="redmine", imageManifest=index.decode(), imageManifestMediaType=INDEX, imageTag="5.1")
    west.put_image_tag_mutability(repositoryName="redmine", imageTagMutability="MUTABLE")
    for size in (1, 2, 1000):
        pages = west.get_paginator("list_images").paginate(repositoryName="redmine", PaginationConfig={"PageSize": size})
        world.same(f"images by pages of {size}", sorted(i["imageTag"] for page in pages for i in page["imageIds"]), ["5.1", "arm", "latest", "multi"])
    world.wait(120)
    scan = west.describe_image_scan_findings(repositoryName="redmine", imageId={"imageTag": "5.1"})
    world.same("scanned", scan["imageScanStatus"]["status"], "COMPLETE")
    world.refused("not empty", "RepositoryNotEmptyException", west.delete_repository, 400, repositoryName="redmine")


def uploads(world, west):
    begun = west.initiate_layer_upload(repositoryName="team/app0")["uploadId"]
    at = dict(repositoryName="team/app0", uploadId=begun)
    world.refused("a gap", "InvalidLayerPartException", west.upload_layer_part, 400, **at, partFirstByte=5, partLastByte=9, layerPartBlob=b"hello")
    world.refused("nothing", "EmptyUploadException", west.complete_layer_upload, 400, **at, layerDigests=[digest(b"")])
    world.refused("an unknown upload", "UploadNotFoundException", west.complete_layer_upload, 400, repositoryName="team/app0", uploadId="00000000-0000-0000-0000-000000000000", layerDigests=[digest(b"")])
    big = b"x" * (5 * 1024 * 1024)
    west.upload_layer_part(**at, partFirstByte=0, partLastByte=len(big) - 1, layerPartBlob=big)
    west.upload_layer_part(**at, partFirstByte=len(big), partLastByte=len(big) + 2, layerPartBlob=b"end")
    world.refused("another digest", "InvalidLayerException", west.complete_layer_upload, 400, **at, layerDigests=[digest(b"other")])
    world.same("two parts", west.complete_layer_upload(**at, layerDigests=[digest(big + b"end")])["layerDigest"], digest(big + b"end"))
    there = west.batch_check_layer_availability(repositoryName="team/app0", layerDigests=[digest(big + b"end"), digest(b"no"), "x"])
    world.same("availability", [l["layerAvailability"] for l in there["layers"]], ["AVAILABLE", "UNAVAILABLE"])
    world.same("and a failure", there["failures"][0]["failureCode"], "InvalidLayerDigest")
    url = west.get_download_url_for_layer(repositoryName="team/app0", layerDigest=digest(big + b"end"))["downloadUrl"]
    # A pre-signed link: it is fetched as it is, without any credentials.
    with urllib.request.urlopen(url, timeout=60) as answer:
        world.same("a link to the layer", digest(answer.read()), digest(big + b"end"))
    world.refused("of what is not there", "LayersNotFoundException", west.get_download_url_for_layer, 400, repositoryName="team/app0", layerDigest=digest(b"no"))


def rules(world, west):
    world.refused("no registry policy", "RegistryPolicyNotFoundException", west.get_registry_policy, 400)
    rule = dict(ecrRepositoryPrefix="public", upstreamRegistryUrl="public.ecr.aws")
    west.create_pull_through_cache_rule(**rule)
    world.refused("a prefix twice", "PullThroughCacheRuleAlreadyExistsException", west.create_pull_through_cache_rule, 400, **rule)
    world.refused("an unknown registry", "UnsupportedUpstreamRegistryException", west.create_pull_through_cache_rule, 400, ecrRepositoryPrefix="other", upstreamRegistryUrl="registry.example.com")
    world.same("listed", west.describe_pull_through_cache_rules()["pullThroughCacheRules"][0]["upstreamRegistryUrl"], "public.ecr.aws")
    west.delete_pull_through_cache_rule(ecrRepositoryPrefix="public")
    world.refused("gone", "PullThroughCacheRuleNotFoundException", west.describe_pull_through_cache_rules, 400, ecrRepositoryPrefixes=["public"])
    west.create_repository_creation_template(prefix="made", appliedFor=["REPLICATION"], imageTagMutability="IMMUTABLE")
    world.refused("a template twice", "TemplateAlreadyExistsException", west.create_repository_creation_template, 400, prefix="made", appliedFor=["REPLICATION"])
    world.same("a template", west.describe_repository_creation_templates()["repositoryCreationTemplates"][0]["prefix"], "made")
    west.delete_repository_creation_template(prefix="made")
    world.same("scanning", west.get_registry_scanning_configuration()["scanningConfiguration"]["scanType"], "BASIC")


def replication(world, west, ireland):
    config = {"rules": [{"destinations": [{"region": IRELAND, "registryId": ACCOUNT}], "repositoryFilters": [{"filter": "red", "filterType": "PREFIX_MATCH"}]}]}
    itself = {"rules": [{"destinations": [{"region": WEST, "registryId": ACCOUNT}]}]}
    world.refused("to itself", "ValidationException", west.put_replication_configuration, 400, replicationConfiguration=itself)
    west.put_replication_configuration(replicationConfiguration=config)
    world.same("as put", west.describe_registry()["replicationConfiguration"], config)
    status = lambda tag: [s["status"] for s in west.describe_image_replication_status(repositoryName="redmine", imageId={"imageTag": tag})["replicationStatuses"]]
    manifest = push(west, "redmine", "replicated", "replicated")
    world.same("on its way", status("replicated"), ["IN_PROGRESS"])
    world.wait(600)
    world.same("arrived", status("replicated"), ["COMPLETE"])
    world.same("nothing from before the rule", status("5.1"), [])
    seen = ireland.list_images(repositoryName="redmine")["imageIds"]
    world.same("the same digest there", seen, [{"imageDigest": digest(manifest), "imageTag": "replicated"}])
    west.put_replication_configuration(replicationConfiguration={"rules": []})


def signed(world, operation, **members):
    """A call that the installed boto3 does not know: status, error code and answer."""
    request = AWSRequest(
        "POST",
        world.endpoint,
        data=json.dumps(members),
        headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}"},
    )
    SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "ecr", WEST).add_auth(request)
    sent = urllib.request.Request(world.endpoint, data=request.data.encode(), headers=dict(request.headers), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return answer.status, None, json.load(answer)
    except urllib.error.HTTPError as error:
        body = json.load(error)
        return error.code, body["__type"].split("#")[-1], body


def backfill(world, west, ireland):
    to = {"region": IRELAND, "registryId": ACCOUNT}
    status, code, _ = signed(world, "StartReplicationBackfill", destination=to)
    world.same("a destination of no rule", (status, code), (400, "ValidationException"))
    rules = [{"destinations": [to], "repositoryFilters": [{"filter": "red", "filterType": "PREFIX_MATCH"}]}]
    west.put_replication_configuration(replicationConfiguration={"rules": rules})
    status, _, started = signed(world, "StartReplicationBackfill", destination=to)
    world.same("started", (status, started["status"], started["destination"]), (200, "PREPARING", to))
    world.same("one at a time", signed(world, "StartReplicationBackfill", destination=to)[1], "ReplicationBackfillInProgressException")
    backfill_id = started["replicationBackfillId"]
    world.wait(900)
    _, _, done = signed(world, "DescribeReplicationBackfillResults", replicationBackfillId=backfill_id)
    images = west.list_images(repositoryName="redmine")["imageIds"]
    world.same("complete", (done["status"], done["progress"]["completedReplicationCount"]), ("COMPLETE", len(images)))
    key = lambda i: (i["imageDigest"], i.get("imageTag", ""))
    world.same("every image there", sorted(map(key, ireland.list_images(repositoryName="redmine")["imageIds"])), sorted(map(key, images)))
    first = signed(world, "DescribeReplicationBackfillResults", replicationBackfillId=backfill_id, maxResults=1)[2]
    rest = signed(world, "DescribeReplicationBackfillResults", replicationBackfillId=backfill_id, nextToken=first["nextToken"])[2]
    world.same("results by pages", len(first["results"] + rest["results"]), len(images))
    world.same("an unknown one", signed(world, "DescribeReplicationBackfillResults", replicationBackfillId="none")[1], "ReplicationBackfillNotFoundException")
    world.same("too late to stop", signed(world, "StopReplicationBackfill", replicationBackfillId=backfill_id)[1], "ReplicationBackfillInvalidStatusException")
    world.same("listed", [b["replicationBackfillId"] for b in signed(world, "ListReplicationBackfills")[2]["backfills"]], [backfill_id])
    west.put_replication_configuration(replicationConfiguration={"rules": []})


def lifecycle(world, west):
    name = "team/app1"
    for n in (1, 2, 3):
        push(west, name, str(n), f"life {n}")
        world.wait(1)
    policy = json.dumps({"rules": [{"rulePriority": 1, "description": "keep two", "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2}, "action": {"type": "expire"}}]})
    world.refused("no policy", "LifecyclePolicyNotFoundException", west.get_lifecycle_policy, 400, repositoryName=name)
    west.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=policy)
    west.start_lifecycle_policy_preview(repositoryName=name)
    west.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName=name)
    preview = west.get_lifecycle_policy_preview(repositoryName=name)
    world.same("what it would expire", [r["imageTags"] for r in preview["previewResults"]], [["1"]])
    world.wait(24 * 3600)
    world.same("and has expired a day later", sorted(i["imageTag"] for i in west.list_images(repositoryName=name)["imageIds"]), ["2", "3"])
    world.refused("a bad policy", "InvalidParameterException", west.put_lifecycle_policy, 400, repositoryName=name, lifecyclePolicyText=policy.replace("imageCountMoreThan", "moonPhase"))


class Registry:
    """One region's registry, asked as a container engine asks."""

    def __init__(self, world, client, region):
        data = client.get_authorization_token()["authorizationData"][0]
        self.token, self.endpoint = data["authorizationToken"], data["proxyEndpoint"]
        self.address = world.addresses["registries"][region]

    def password(self):
        return base64.b64decode(self.token).decode().partition(":")[2]

    def send(self, method, path, data=None, kind="application/octet-stream", token=None, **headers):
        request = urllib.request.Request(f"http://{self.address}{path}", data=data, method=method)
        request.add_header("Content-Type", kind)
        if token != "":
            request.add_header("Authorization", f"Basic {token or self.token}")
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def code(self, body):
        return json.loads(body)["errors"][0]["code"]


def registry(world, west, ireland):
    here, there = Registry(world, west, WEST), Registry(world, ireland, IRELAND)
    world.same("its own host", here.endpoint, f"https://{ACCOUNT}.dkr.ecr.{WEST}.amazonaws.com")
    status, headers, _ = here.send("GET", "/v2/", token="")
    world.that("a challenge", status == 401 and headers["WWW-Authenticate"].startswith("Basic "), (status, headers))
    world.same("its version", headers["Docker-Distribution-Api-Version"], "registry/2.0")
    world.same("a token", here.send("GET", "/v2/")[0], 200)
    world.same("of another region", there.send("GET", "/v2/", token=here.token)[0], 401)
    config, layer, manifest = image("by hand")
    status, _, body = here.send("PUT", "/v2/redmine/manifests/hand", manifest, MANIFEST)
    world.same("layers first", (status, here.code(body)), (404, "MANIFEST_BLOB_UNKNOWN"))
    status, _, body = here.send("POST", "/v2/absent/blobs/uploads/", b"")
    world.same("an absent repository", (status, here.code(body)), (404, "NAME_UNKNOWN"))
    status, headers, _ = here.send("POST", "/v2/redmine/blobs/uploads/", b"")
    at = headers["Location"]
    world.same("an upload", status, 202)
    status, headers, _ = here.send("PATCH", at, layer[:10], **{"Content-Range": "0-9"})
    world.same("its first chunk", (status, headers["Range"]), (202, "0-9"))
    world.same("a gap", here.send("PATCH", at, b"x", **{"Content-Range": "20-20"})[0], 416)
    here.send("PATCH", at, layer[10:], **{"Content-Range": f"10-{len(layer) - 1}"})
    status, _, body = here.send("PUT", f"{at}?digest={digest(b'no')}", b"")
    world.same("another digest", (status, here.code(body)), (400, "DIGEST_INVALID"))
    world.same("complete", here.send("PUT", f"{at}?digest={digest(layer)}", b"")[0], 201)
    world.same("at once", here.send("POST", f"/v2/redmine/blobs/uploads/?digest={digest(config)}", config)[0], 201)
    status, headers, _ = here.send("HEAD", f"/v2/redmine/blobs/{digest(layer)}")
    world.same("a head", (status, headers["Content-Length"]), (200, str(len(layer))))
    status, _, body = here.send("GET", f"/v2/redmine/blobs/{digest(layer)}", Range="bytes=5-9")
    world.same("a range", (status, body), (206, layer[5:10]))
    status, headers, _ = here.send("PUT", "/v2/redmine/manifests/hand", manifest, MANIFEST)
    world.same("an image", (status, headers["Docker-Content-Digest"]), (201, digest(manifest)))
    status, headers, body = here.send("GET", "/v2/redmine/manifests/hand")
    world.same("byte for byte", (status, body, headers["Content-Type"]), (200, manifest, MANIFEST))
    world.same("seen by the API", west.describe_images(repositoryName="redmine", imageIds=[{"imageTag": "hand"}])["imageDetails"][0]["imageDigest"], digest(manifest))
    status, _, body = here.send("PUT", "/v2/redmine/manifests/broken", index_of([b"{}", b"[]"]), INDEX)
    world.same("an index without its children", (status, here.code(body)), (404, "MANIFEST_UNKNOWN"))
    status, headers, body = here.send("GET", "/v2/redmine/tags/list?n=2")
    world.that("tags by pages", json.loads(body)["tags"] == ["5.1", "arm"] and "rel=\"next\"" in headers["Link"], (body, headers.get("Link")))
    for client in (west, ireland):
        client.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    world.same("a mount", here.send("POST", f"/v2/team/app0/blobs/uploads/?mount={digest(layer)}&from=redmine", b"")[0], 201)
    world.same("a mount from another region's registry", there.send("POST", f"/v2/redmine/blobs/uploads/?mount={digest(layer)}&from=redmine", b"")[0], 202)
    world.wait(12 * 3600)
    status, _, body = here.send("GET", "/v2/")
    world.same("twelve hours later", (status, here.code(body)), (403, "DENIED"))


def permissions(world, west):
    from s3 import user

    may = user(
        world,
        "puller",
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": f"arn:aws:ecr:{WEST}:{ACCOUNT}:repository/redmine"},
    )("ecr")
    pull = Registry(world, may, WEST)
    world.same("may pull", pull.send("GET", "/v2/redmine/manifests/5.1")[0], 200)
    status, _, body = pull.send("POST", "/v2/redmine/blobs/uploads/", b"")
    world.that("may not push", status == 403 and b"ecr:InitiateLayerUpload" in body, (status, body))
    world.same("nor pull another", pull.send("GET", "/v2/team/app0/manifests/1")[0], 403)
    world.refused("nor describe", "AccessDeniedException", may.describe_images, 400, repositoryName="redmine")


def skopeo(world, west, ireland):
    if shutil.which("skopeo") is None:
        world.that("skopeo is installed", False)
        return
    ireland.create_repository(repositoryName="copied")
    login = {}
    for region in (WEST, IRELAND):
        code, password, errors = world.cli("ecr", "get-login-password", region=region)
        world.same(f"aws ecr get-login-password: {errors}", code, 0)
        login[region] = f"AWS:{str(password).strip()}"
    here, there = (world.addresses["registries"][region] for region in (WEST, IRELAND))

    def run(*arguments):
        done = subprocess.run(["skopeo", "--insecure-policy", *arguments], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout, done.stderr

    with tempfile.TemporaryDirectory() as folder:
        layout = pathlib.Path(folder) / "layout"
        blobs = layout / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        parts = [image("skopeo amd64"), image("skopeo arm64")]
        index = index_of([manifest for *_, manifest in parts])
        for data in [piece for part in parts for piece in part] + [index]:
            (blobs / digest(data).split(":")[1]).write_bytes(data)
        (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        named = {"mediaType": INDEX, "digest": digest(index), "size": len(index), "annotations": {"org.opencontainers.image.ref.name": "5.1"}}
        (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
        code, _, errors = run("copy", "--all", "--dest-tls-verify=false", "--dest-creds", login[WEST], f"oci:{layout}:5.1", f"docker://{here}/redmine:skopeo")
        world.same(f"skopeo pushes an index: {errors}", code, 0)
        seen = west.describe_images(repositoryName="redmine", imageIds=[{"imageTag": "skopeo"}])["imageDetails"][0]
        world.same("by its digest", (seen["imageDigest"], seen["imageManifestMediaType"]), (digest(index), INDEX))
        both = ["--src-tls-verify=false", "--dest-tls-verify=false", "--src-creds", login[WEST], "--dest-creds", login[IRELAND]]
        code, _, errors = run("copy", "--all", *both, f"docker://{here}/redmine:skopeo", f"docker://{there}/copied:skopeo")
        world.same(f"skopeo copies between regions: {errors}", code, 0)
        seen = ireland.describe_images(repositoryName="copied", imageIds=[{"imageTag": "skopeo"}])["imageDetails"][0]
        world.same("the same digest", seen["imageDigest"], digest(index))
        back = pathlib.Path(folder) / "back"
        code, _, errors = run("copy", "--all", "--src-tls-verify=false", "--src-creds", login[IRELAND], f"docker://{there}/copied:skopeo", f"oci:{back}:5.1")
        world.same(f"skopeo pulls: {errors}", code, 0)
        world.that("every byte came back", all((back / "blobs" / "sha256" / digest(p).split(":")[1]).read_bytes() == p for part in parts for p in part))
        code, out, errors = run("inspect", "--raw", "--tls-verify=false", "--creds", login[IRELAND], f"docker://{there}/copied@{digest(index)}")
        world.same(f"skopeo inspects: {errors}", out.encode(), index)
        code, _, errors = run("inspect", "--tls-verify=false", "--creds", login[WEST], f"docker://{there}/copied:skopeo")
        world.that("the other region's token is refused", code != 0 and "unauthorized" in errors.lower(), errors)
        code, _, errors = run("copy", "--dest-tls-verify=false", "--dest-creds", login[WEST], "--all", f"oci:{layout}:5.1", f"docker://{here}/absent:1")
        world.that("an absent repository is not made", code != 0 and "does not exist" in errors, errors)


def command_line(world):
    code, out, errors = world.cli("ecr", "describe-images", "--repository-name", "redmine", "--max-items", "1")
    world.that(f"aws ecr describe-images: {errors}", code == 0 and len(out["imageDetails"]) == 1, out)
    code, _, errors = world.cli("ecr", "describe-images", "--repository-name", "absent")
    world.that("an error by its code", code != 0 and "RepositoryNotFoundException" in errors, (code, errors))
    code, _, errors = world.cli("ecr", "delete-repository", "--repository-name", "redmine", "--force")
    world.same(f"aws ecr delete-repository: {errors}", code, 0)
