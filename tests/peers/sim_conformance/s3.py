"""S3: buckets, objects, conditions, versions, uploads in parts, copies across regions, as AWS documents them."""

import base64
import hashlib
import io
import json
import pathlib
import tempfile
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from world import ACCESS_KEY, SECRET_KEY

WEST, IRELAND = "us-west-2", "eu-west-1"


def checks(world):
    west, ireland = world.client("s3", WEST), world.client("s3", IRELAND)
    buckets(world, west, ireland)
    objects(world, west)
    conditions(world, west)
    lists(world, west)
    versions(world, west)
    parts(world, west, ireland)
    copies(world, west, ireland)
    settings(world, west)
    replication(world, west, ireland)
    links(world, west)
    permissions(world, west)
    command_line(world)


def make(client, name, region):
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    return name


def buckets(world, west, ireland):
    here = {"LocationConstraint": WEST}
    world.refused("a region's endpoint wants its constraint", "IllegalLocationConstraintException", west.create_bucket, 400, Bucket="plain-bucket")
    world.refused("another region's constraint", "IllegalLocationConstraintException", ireland.create_bucket, 400, Bucket="plain-bucket", CreateBucketConfiguration=here)
    made = west.create_bucket(Bucket="plain-bucket", CreateBucketConfiguration=here)
    world.that("a location", made["Location"].endswith("plain-bucket/") or "plain-bucket" in made["Location"], made)
    world.refused("one's own bucket again", "BucketAlreadyOwnedByYou", west.create_bucket, 409, Bucket="plain-bucket", CreateBucketConfiguration=here)
    world.refused("a bad name", "InvalidBucketName", west.create_bucket, 400, Bucket="Bad", CreateBucketConfiguration=here)
    east = world.client("s3", "us-east-1")
    east.create_bucket(Bucket="eastern-bucket")
    east.create_bucket(Bucket="eastern-bucket")
    world.same("the eldest region has no name", east.get_bucket_location(Bucket="eastern-bucket").get("LocationConstraint"), None)
    world.refused("us-east-1 is no constraint", "InvalidLocationConstraint", east.create_bucket, 400, Bucket="other-bucket", CreateBucketConfiguration={"LocationConstraint": "us-east-1"})
    world.same("location", west.get_bucket_location(Bucket="plain-bucket")["LocationConstraint"], WEST)
    head = west.head_bucket(Bucket="plain-bucket")
    world.same("region of a head", head["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"], WEST)
    world.refused("absent bucket", "404", west.head_bucket, 404, Bucket="absent-bucket")
    world.refused("absent bucket's objects", "NoSuchBucket", west.list_objects_v2, 404, Bucket="absent-bucket")
    names = [b["Name"] for b in west.list_buckets()["Buckets"]]
    world.same("list of buckets", names, ["eastern-bucket", "plain-bucket"])
    world.same("owner checked", west.head_bucket(Bucket="plain-bucket", ExpectedBucketOwner="111122223333")["ResponseMetadata"]["HTTPStatusCode"], 200)
    world.refused("another owner expected", "403", west.head_bucket, 403, Bucket="plain-bucket", ExpectedBucketOwner="444455556666")
    # boto3 follows the redirect by itself: what it follows is the header.
    seen = ireland.list_objects_v2(Bucket="plain-bucket")
    world.same("redirected to the bucket's region", seen["KeyCount"], 0)
    tags = {"TagSet": [{"Key": "stack", "Value": "redmine"}]}
    world.refused("no tags yet", "NoSuchTagSet", west.get_bucket_tagging, 404, Bucket="plain-bucket")
    west.put_bucket_tagging(Bucket="plain-bucket", Tagging=tags)
    world.same("tags", west.get_bucket_tagging(Bucket="plain-bucket")["TagSet"], tags["TagSet"])
    west.delete_bucket_tagging(Bucket="plain-bucket")
    world.refused("tags gone", "NoSuchTagSet", west.get_bucket_tagging, 404, Bucket="plain-bucket")
    make(ireland, "short-bucket", IRELAND)
    ireland.delete_bucket(Bucket="short-bucket")
    world.refused("gone", "404", ireland.head_bucket, 404, Bucket="short-bucket")


def objects(world, west):
    bucket = make(west, "objects", WEST)
    body = b"hello \x00\xff world"
    made = west.put_object(Bucket=bucket, Key="a b/ü.txt", Body=body, ContentType="text/plain", CacheControl="max-age=60", Metadata={"Stack": "redmine"}, StorageClass="STANDARD_IA", Tagging="k=v")
    world.same("an etag is the md5", made["ETag"], f'"{hashlib.md5(body).hexdigest()}"')
    got = west.get_object(Bucket=bucket, Key="a b/ü.txt")
    world.same("body", got["Body"].read(), body)
    world.same("type", got["ContentType"], "text/plain")
    world.same("length", got["ContentLength"], len(body))
    world.same("cache control", got["CacheControl"], "max-age=60")
    world.same("metadata in lower case", got["Metadata"], {"stack": "redmine"})
    world.same("storage class", got["StorageClass"], "STANDARD_IA")
    world.same("encrypted by default", got["ServerSideEncryption"], "AES256")
    head = west.head_object(Bucket=bucket, Key="a b/ü.txt")
    world.same("head's length", head["ContentLength"], len(body))
    world.same("head's etag", head["ETag"], made["ETag"])
    world.same("tags", west.get_object_tagging(Bucket=bucket, Key="a b/ü.txt")["TagSet"], [{"Key": "k", "Value": "v"}])
    west.put_object_tagging(Bucket=bucket, Key="a b/ü.txt", Tagging={"TagSet": []})
    world.same("tags replaced", west.get_object_tagging(Bucket=bucket, Key="a b/ü.txt")["TagSet"], [])
    world.refused("absent key", "NoSuchKey", west.get_object, 404, Bucket=bucket, Key="absent")
    world.refused("absent key's head", "404", west.head_object, 404, Bucket=bucket, Key="absent")
    for text, part, content_range in (("bytes=0-4", body[:5], "bytes 0-4/14"), ("bytes=-3", body[-3:], "bytes 11-13/14"), ("bytes=8-", body[8:], "bytes 8-13/14")):
        got = west.get_object(Bucket=bucket, Key="a b/ü.txt", Range=text)
        world.same(f"range {text}", got["Body"].read(), part)
        world.same(f"content range {text}", got["ContentRange"], content_range)
        world.same(f"status {text}", got["ResponseMetadata"]["HTTPStatusCode"], 206)
    world.refused("range beyond the end", "InvalidRange", west.get_object, 416, Bucket=bucket, Key="a b/ü.txt", Range="bytes=14-")
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        made = west.put_object(Bucket=bucket, Key=algorithm, Body=body, ChecksumAlgorithm=algorithm)
        seen = west.head_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")
        world.same(f"checksum {algorithm}", seen[f"Checksum{algorithm}"], made[f"Checksum{algorithm}"])
    wrong = hashlib.sha256(b"other").digest()


    world.refused("a wrong checksum", "BadDigest", west.put_object, 400, Bucket=bucket, Key="wrong", Body=body, ChecksumSHA256=base64.b64encode(wrong).decode())
    facts = west.get_object_attributes(Bucket=bucket, Key="SHA256", ObjectAttributes=["ETag", "ObjectSize", "Checksum", "StorageClass"])
    world.same("attributes", (facts["ObjectSize"], facts["StorageClass"], facts["ETag"]), (14, "STANDARD", hashlib.md5(body).hexdigest()))
    west.put_object(Bucket=bucket, Key="empty")
    world.same("an empty object", west.get_object(Bucket=bucket, Key="empty")["Body"].read(), b"")
    overridden = west.get_object(Bucket=bucket, Key="empty", ResponseContentType="text/x")
    world.same("overridden type", overridden["ContentType"], "text/x")
    world.refused("not empty", "BucketNotEmpty", west.delete_bucket, 409, Bucket=bucket)
    out = west.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "empty"}, {"Key": "absent"}]})
    world.same("deleted at once", sorted(d["Key"] for d in out["Deleted"]), ["absent", "empty"])
    west.delete_object(Bucket=bucket, Key="absent")


def conditions(world, west):
    bucket = make(west, "conditions", WEST)
    first = west.put_object(Bucket=bucket, Key="lock", Body=b"1", IfNoneMatch="*")
    world.refused("created twice", "PreconditionFailed", west.put_object, 412, Bucket=bucket, Key="lock", Body=b"2", IfNoneMatch="*")
    second = west.put_object(Bucket=bucket, Key="lock", Body=b"2", IfMatch=first["ETag"])
    world.refused("swapped against the old", "PreconditionFailed", west.put_object, 412, Bucket=bucket, Key="lock", Body=b"3", IfMatch=first["ETag"])
    world.refused("swapped against nothing", "NoSuchKey", west.put_object, 404, Bucket=bucket, Key="none", Body=b"3", IfMatch=first["ETag"])
    unchanged(world, west, bucket, second["ETag"])
    world.refused("a read of another", "PreconditionFailed", west.get_object, 412, Bucket=bucket, Key="lock", IfMatch=first["ETag"])
    world.refused("deleted against the old", "PreconditionFailed", west.delete_object, 412, Bucket=bucket, Key="lock", IfMatch=first["ETag"])
    west.delete_object(Bucket=bucket, Key="lock", IfMatch=second["ETag"])
    world.refused("gone", "NoSuchKey", west.get_object, 404, Bucket=bucket, Key="lock")


def unchanged(world, west, bucket, etag):
    for call in (west.get_object, west.head_object):
        try:
            call(Bucket=bucket, Key="lock", IfNoneMatch=etag)
            world.that("a read of what is known is not served", False)
        except ClientError as error:
            world.same("not modified", error.response["ResponseMetadata"]["HTTPStatusCode"], 304)
            world.same("its code", error.response["Error"]["Code"], "304")


def lists(world, west):
    bucket = make(west, "lists", WEST)
    keys = sorted(["a", "b/1", "b/2", "c/x/1", "d e+f", "ü"], key=lambda k: k.encode())
    for key in keys:
        west.put_object(Bucket=bucket, Key=key, Body=b"x")
    for size in (1, 2, 3, 1000):
        pages = west.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
        world.same(f"keys by pages of {size}", [o["Key"] for page in pages for o in page.get("Contents", [])], keys)
        pages = west.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
        world.same(f"old list by pages of {size}", [o["Key"] for page in pages for o in page.get("Contents", [])], keys)
        seen = []
        for page in west.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size}):
            seen += [o["Key"] for o in page.get("Contents", [])] + [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        world.same(f"folded by pages of {size}", sorted(seen), sorted(["a", "b/", "c/", "d e+f", "ü"]))
    world.same("prefix", [o["Key"] for o in west.list_objects_v2(Bucket=bucket, Prefix="b/")["Contents"]], ["b/1", "b/2"])
    world.same("start after", west.list_objects_v2(Bucket=bucket, StartAfter="c/x/1")["KeyCount"], 2)
    world.same("no keys asked for", west.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"], 0)
    world.refused("a token of one's own", "InvalidArgument", west.list_objects_v2, 400, Bucket=bucket, ContinuationToken="***")


def versions(world, west):
    bucket = make(west, "versions", WEST)
    world.same("never versioned", west.get_bucket_versioning(Bucket=bucket).get("Status"), None)
    west.put_object(Bucket=bucket, Key="k", Body=b"0")
    west.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    world.same("versioned", west.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
    ids = [west.put_object(Bucket=bucket, Key="k", Body=b"%d" % n)["VersionId"] for n in (1, 2)]
    marker = west.delete_object(Bucket=bucket, Key="k")
    world.that("a marker", marker["DeleteMarker"] and marker["VersionId"])
    try:
        west.get_object(Bucket=bucket, Key="k")
    except ClientError as error:
        world.same("behind a marker", error.response["Error"]["Code"], "NoSuchKey")
        world.same("the marker shows", error.response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-delete-marker"), "true")
    world.same("an old version", west.get_object(Bucket=bucket, Key="k", VersionId=ids[0])["Body"].read(), b"1")
    world.same("the one before all", west.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read(), b"0")
    world.refused("an unknown version", "NoSuchVersion", west.get_object, 404, Bucket=bucket, Key="k", VersionId="0" * 32)
    world.refused("a marker cannot be read", "MethodNotAllowed", west.get_object, 405, Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    for size in (1, 2, 1000):
        seen = []
        for page in west.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": size}):
            seen += [v["VersionId"] for v in page.get("Versions", []) + page.get("DeleteMarkers", [])]
        world.same(f"versions by pages of {size}", sorted(seen), sorted([*ids, "null", marker["VersionId"]]))
    west.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    world.same("back again", west.get_object(Bucket=bucket, Key="k")["Body"].read(), b"2")
    west.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": v} for v in [*ids, "null"]]})
    west.delete_bucket(Bucket=bucket)


def parts(world, west, ireland):
    bucket = make(west, "parts", WEST)
    big = bytes(range(256)) * 4096 * 6
    upload = west.create_multipart_upload(Bucket=bucket, Key="big", Metadata={"a": "1"})["UploadId"]
    given = lambda number, body: {"PartNumber": number, "ETag": west.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=number, Body=body)["ETag"]}
    one, two = given(1, big), given(2, b"end")
    listed = west.list_parts(Bucket=bucket, Key="big", UploadId=upload)
    world.same("parts", [(p["PartNumber"], p["Size"]) for p in listed["Parts"]], [(1, len(big)), (2, 3)])
    world.same("parts by pages", [p["PartNumber"] for page in west.get_paginator("list_parts").paginate(Bucket=bucket, Key="big", UploadId=upload, PaginationConfig={"PageSize": 1}) for p in page["Parts"]], [1, 2])
    world.same("uploads", [u["UploadId"] for u in west.list_multipart_uploads(Bucket=bucket)["Uploads"]], [upload])
    finish = lambda parts, **more: dict(Bucket=bucket, Key="big", UploadId=upload, MultipartUpload={"Parts": parts}, **more)
    world.refused("out of order", "InvalidPartOrder", west.complete_multipart_upload, 400, **finish([two, one]))
    world.refused("a wrong tag", "InvalidPart", west.complete_multipart_upload, 400, **finish([{"PartNumber": 1, "ETag": '"0"'}]))
    small = given(1, b"small")
    world.refused("too small", "EntityTooSmall", west.complete_multipart_upload, 400, **finish([small, two]))
    one = given(1, big)
    done = west.complete_multipart_upload(**finish([one, two], IfNoneMatch="*"))
    tags = b"".join(bytes.fromhex(p["ETag"].strip('"')) for p in (one, two))
    world.same("the whole's tag", done["ETag"], f'"{hashlib.md5(tags).hexdigest()}-2"')
    head = west.head_object(Bucket=bucket, Key="big", PartNumber=2)
    world.same("one part", (head["ContentLength"], head["PartsCount"]), (3, 2))
    world.refused("twice", "NoSuchUpload", west.complete_multipart_upload, 404, **finish([one, two]))
    make(ireland, "parts-copy", IRELAND)
    upload2 = ireland.create_multipart_upload(Bucket="parts-copy", Key="copy")["UploadId"]
    etags = []
    for number, span in enumerate((f"bytes=0-{len(big) - 1}", f"bytes={len(big)}-{len(big) + 2}"), 1):
        out = ireland.upload_part_copy(Bucket="parts-copy", Key="copy", UploadId=upload2, PartNumber=number, CopySource=f"{bucket}/big", CopySourceRange=span)
        etags.append({"PartNumber": number, "ETag": out["CopyPartResult"]["ETag"]})
    ireland.complete_multipart_upload(Bucket="parts-copy", Key="copy", UploadId=upload2, MultipartUpload={"Parts": etags})
    world.same("copied by parts across regions", ireland.get_object(Bucket="parts-copy", Key="copy")["Body"].read(), big + b"end")
    third = west.create_multipart_upload(Bucket=bucket, Key="x")["UploadId"]
    west.abort_multipart_upload(Bucket=bucket, Key="x", UploadId=third)
    world.refused("aborted", "NoSuchUpload", west.list_parts, 404, Bucket=bucket, Key="x", UploadId=third)
    west.upload_fileobj(io.BytesIO(big * 2), bucket, "managed")
    world.same("the transfer manager", west.head_object(Bucket=bucket, Key="managed")["ContentLength"], len(big) * 2)


def copies(world, west, ireland):
    west.put_object(Bucket="objects", Key="from", Body=b"text", Metadata={"a": "1"}, ContentType="text/x", Tagging="t=1")
    make(ireland, "copies", IRELAND)
    out = ireland.copy_object(Bucket="copies", Key="to", CopySource={"Bucket": "objects", "Key": "from"})
    world.same("copied across regions", out["CopyObjectResult"]["ETag"], f'"{hashlib.md5(b"text").hexdigest()}"')
    head = ireland.head_object(Bucket="copies", Key="to")
    world.same("with what it said of itself", (head["Metadata"], head["ContentType"]), ({"a": "1"}, "text/x"))
    world.same("and its tags", ireland.get_object_tagging(Bucket="copies", Key="to")["TagSet"], [{"Key": "t", "Value": "1"}])
    ireland.copy_object(Bucket="copies", Key="to", CopySource="objects/from", MetadataDirective="REPLACE", Metadata={"b": "2"})
    world.same("or with something else", ireland.head_object(Bucket="copies", Key="to")["Metadata"], {"b": "2"})
    world.refused("onto itself", "InvalidRequest", west.copy_object, 400, Bucket="objects", Key="from", CopySource="objects/from")
    world.refused("from nothing", "NoSuchKey", west.copy_object, 404, Bucket="objects", Key="x", CopySource="objects/none")
    world.refused("from nowhere", "NoSuchBucket", west.copy_object, 404, Bucket="objects", Key="x", CopySource="absent-bucket/none")
    world.refused("on a condition", "PreconditionFailed", west.copy_object, 412, Bucket="objects", Key="x", CopySource="objects/from", CopySourceIfMatch='"0"')
    world.refused("only if new", "PreconditionFailed", ireland.copy_object, 412, Bucket="copies", Key="to", CopySource="objects/from", IfNoneMatch="*")


def settings(world, west):
    bucket = make(west, "settings", WEST)
    for call, code in (
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_cors", "NoSuchCORSConfiguration"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
    ):
        world.refused(call, code, getattr(west, call), 404, Bucket=bucket)
    rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]
    west.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    world.same("cors", west.get_bucket_cors(Bucket=bucket)["CORSRules"], rules)
    rules = [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}}]
    west.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    world.same("lifecycle", west.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"], rules)
    website = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
    west.put_bucket_website(Bucket=bucket, WebsiteConfiguration=website)
    seen = west.get_bucket_website(Bucket=bucket)
    world.same("website", {k: seen[k] for k in website}, website)
    world.same("encryption", west.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256")
    block = west.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    world.that("public access is blocked from birth", all(block.values()) and len(block) == 4, block)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}]}
    world.refused("a public policy", "AccessDenied", west.put_bucket_policy, 403, Bucket=bucket, Policy=json.dumps(policy))
    world.refused("a policy of another bucket", "MalformedPolicy", west.put_bucket_policy, 400, Bucket=bucket, Policy=json.dumps(policy).replace(bucket, "objects"))
    west.delete_public_access_block(Bucket=bucket)
    world.refused("no block", "NoSuchPublicAccessBlockConfiguration", west.get_public_access_block, 404, Bucket=bucket)
    west.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    world.same("policy", json.loads(west.get_bucket_policy(Bucket=bucket)["Policy"]), policy)
    world.same("public", west.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"], True)
    west.delete_bucket_policy(Bucket=bucket)
    world.refused("policy gone", "NoSuchBucketPolicy", west.get_bucket_policy, 404, Bucket=bucket)
    world.same("owner's rules", west.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"][0]["ObjectOwnership"], "BucketOwnerEnforced")
    world.refused("no access lists", "AccessControlListNotSupported", west.put_bucket_acl, 400, Bucket=bucket, ACL="public-read")
    world.same("the owner's own", west.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"], "FULL_CONTROL")


def replication(world, west, ireland):
    iam = world.client("iam", "us-east-1")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="replication", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="replication", PolicyName="may", PolicyDocument=json.dumps(may))
    make(west, "replicated", WEST)
    make(ireland, "replica", IRELAND)
    rule = {"ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": "arn:aws:s3:::replica"}}
    config = {"Role": role, "Rules": [rule]}
    world.refused("without versions", "InvalidRequest", west.put_bucket_replication, 400, Bucket="replicated", ReplicationConfiguration=config)
    for client, bucket in ((west, "replicated"), (ireland, "replica")):
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    west.put_object(Bucket="replicated", Key="before", Body=b"1")
    west.put_bucket_replication(Bucket="replicated", ReplicationConfiguration=config)
    after = west.put_object(Bucket="replicated", Key="after", Body=b"2")
    world.same("on its way", west.head_object(Bucket="replicated", Key="after")["ReplicationStatus"], "PENDING")
    world.wait(600)
    world.same("arrived", west.head_object(Bucket="replicated", Key="after")["ReplicationStatus"], "COMPLETED")
    replica = ireland.head_object(Bucket="replica", Key="after")
    world.same("a replica, of the same version", (replica["ReplicationStatus"], replica["VersionId"]), ("REPLICA", after["VersionId"]))
    world.refused("nothing from before the rule", "404", ireland.head_object, 404, Bucket="replica", Key="before")


def links(world, west):
    # The older signature of presigned links is not what newer regions take.
    west = boto3.client(
        "s3", WEST, endpoint_url=world.endpoint, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
        config=Config(signature_version="s3v4"),
    )
    west.put_object(Bucket="objects", Key="linked", Body=b"by link")
    url = west.generate_presigned_url("get_object", Params={"Bucket": "objects", "Key": "linked"})
    with urllib.request.urlopen(url, timeout=30) as answer:
        world.same("a presigned read", answer.read(), b"by link")
    url = west.generate_presigned_url("put_object", Params={"Bucket": "objects", "Key": "written"})
    request = urllib.request.Request(url, data=b"written", method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        world.same("a presigned write", answer.status, 200)
    world.same("it is there", west.get_object(Bucket="objects", Key="written")["Body"].read(), b"written")


def user(world, name, *statements):
    """A user of IAM with an access key; answers what makes clients that call as they."""
    iam = world.client("iam", "us-east-1")
    iam.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    world.wait(60)

    def client(service, region=WEST):
        return boto3.client(
            service, region, endpoint_url=world.endpoint, aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"], config=Config(retries={"max_attempts": 1, "mode": "standard"}),
        )

    return client


def permissions(world, west):
    make(west, "permitted", WEST)
    west.put_object(Bucket="permitted", Key="open/a", Body=b"a")
    west.put_object(Bucket="permitted", Key="shut/b", Body=b"b")
    may = user(
        world,
        "reader",
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::permitted/open/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::permitted", "Condition": {"StringLike": {"s3:prefix": "open/*"}}},
    )("s3")
    world.same("what is allowed", may.get_object(Bucket="permitted", Key="open/a")["Body"].read(), b"a")
    world.refused("another key", "AccessDenied", may.get_object, 403, Bucket="permitted", Key="shut/b")
    world.refused("its head", "403", may.head_object, 403, Bucket="permitted", Key="shut/b")
    world.refused("another verb", "AccessDenied", may.put_object, 403, Bucket="permitted", Key="open/a", Body=b"x")
    world.same("a list by its prefix", may.list_objects_v2(Bucket="permitted", Prefix="open/")["KeyCount"], 1)
    world.refused("the whole list", "AccessDenied", may.list_objects_v2, 403, Bucket="permitted")
    world.refused("a copy of what it may not read", "AccessDenied", may.copy_object, 403, Bucket="permitted", Key="open/c", CopySource="permitted/shut/b")
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::permitted/open/*"}]}
    west.put_bucket_policy(Bucket="permitted", Policy=json.dumps(deny))
    world.refused("the bucket's own no", "AccessDenied", may.get_object, 403, Bucket="permitted", Key="open/a")


def command_line(world):
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        (here / "tree" / "deep").mkdir(parents=True)
        (here / "tree" / "one.txt").write_text("one")
        (here / "tree" / "deep" / "two.txt").write_text("two")
        for arguments in (
            ("s3", "mb", "s3://cli-bucket"),
            ("s3", "sync", str(here / "tree"), "s3://cli-bucket/tree"),
            ("s3", "cp", "s3://cli-bucket/tree/one.txt", "s3://cli-bucket/copy.txt"),
            ("s3", "mv", "s3://cli-bucket/copy.txt", "s3://cli-bucket/moved.txt"),
            ("s3", "cp", "s3://cli-bucket/tree/deep/two.txt", str(here / "back.txt")),
        ):
            code, _, errors = world.cli(*arguments)
            world.same(f"aws {' '.join(arguments[:2])}: {errors}", code, 0)
        world.same("it came back", (here / "back.txt").read_text(), "two")
        code, listed, _ = world.cli("s3", "ls", "--recursive", "s3://cli-bucket")
        world.same("aws s3 ls", [line.split()[-1] for line in listed.splitlines()], ["moved.txt", "tree/deep/two.txt", "tree/one.txt"])
        code, _, errors = world.cli("s3", "rb", "--force", "s3://cli-bucket")
        world.same(f"aws s3 rb: {errors}", code, 0)
        code, _, errors = world.cli("s3api", "wait", "bucket-not-exists", "--bucket", "cli-bucket")
        world.same(f"waiter: {errors}", code, 0)
