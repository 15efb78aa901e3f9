"""What is the same for every service: signatures, errors, pages, throttling, faults, S3's bodies, STS."""

import base64
import hashlib
import json
import threading
import urllib.error
import urllib.request
import zlib

import boto3
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from world import ACCESS_KEY, ACCOUNT, SECRET_KEY

OPTIONS = ["--read-lag", "0", "--check-signatures", "--odd-statuses", "0"]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]})
ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def checks(world):
    signatures(world)
    raw(world)
    validation(world)
    pages(world)
    sessions(world)
    bodies(world)
    faults(world)
    throttles(world)
    command_line(world)
    three_protocols(world)


def with_keys(world, service, key, secret, token=None, region="us-west-2", **config):
    return boto3.client(
        service, region_name=region, endpoint_url=world.endpoint, aws_access_key_id=key, aws_secret_access_key=secret,
        aws_session_token=token, config=Config(retries={"max_attempts": 0}, **config),
    )


def lax(world, service, region="us-west-2"):
    """A client that does not check parameters itself."""
    return with_keys(world, service, ACCESS_KEY, SECRET_KEY, region=region, parameter_validation=False)


def send(world, service, body, headers=None, method="POST", path="/", region="us-west-2", host=None):
    """A signed request by hand: status, headers, body."""
    request = AWSRequest(method=method, url=world.endpoint + path, data=body, headers=headers or {})
    if host:
        request.headers["Host"] = host
    if service == "s3":
        request.headers["x-amz-content-sha256"] = hashlib.sha256(body or b"").hexdigest()
    SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), service, region).add_auth(request)
    plain = urllib.request.Request(world.endpoint + path, data=body, headers=dict(request.headers), method=method)
    try:
        with urllib.request.urlopen(plain, timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def signatures(world):
    world.same("the root is known by its signature", world.client("sts").get_caller_identity()["Arn"], f"arn:aws:iam::{ACCOUNT}:root")
    wrong = {
        "sts": ("get_caller_identity", "SignatureDoesNotMatch", 403),
        "rds": ("describe_db_instances", "SignatureDoesNotMatch", 403),
        "ec2": ("describe_vpcs", "AuthFailure", 401),
        "ecs": ("list_clusters", "InvalidSignatureException", 400),
        "kms": ("list_keys", "InvalidSignatureException", 400),
        "s3": ("list_buckets", "SignatureDoesNotMatch", 403),
        "route53": ("list_hosted_zones", "SignatureDoesNotMatch", 403),
    }
    for service, (operation, code, status) in wrong.items():
        client = with_keys(world, service, ACCESS_KEY, "not-the-secret")
        world.refused(f"{service}: a wrong secret", code, getattr(client, operation), status)
    unknown = {
        "sts": ("get_caller_identity", "InvalidClientTokenId", 403),
        "ec2": ("describe_vpcs", "AuthFailure", 401),
        "ecs": ("list_clusters", "UnrecognizedClientException", 400),
        "s3": ("list_buckets", "InvalidAccessKeyId", 403),
    }
    for service, (operation, code, status) in unknown.items():
        client = with_keys(world, service, ACCESS_KEY.replace("7EXAMPLE", "8EXAMPLE"), "x")
        world.refused(f"{service}: an unknown key", code, getattr(client, operation), status)
    unsigned = {
        "rds": ("describe_db_instances", "MissingAuthenticationToken", 403),
        "ecs": ("list_clusters", "MissingAuthenticationTokenException", 400),
    }
    for service, (operation, code, status) in unsigned.items():
        client = boto3.client(service, region_name="us-west-2", endpoint_url=world.endpoint, config=Config(signature_version=UNSIGNED))
        world.refused(f"{service}: no signature", code, getattr(client, operation), status)
    mars = with_keys(world, "rds", ACCESS_KEY, SECRET_KEY, region="mars-1")
    world.refused("a region that does not exist", "InvalidClientTokenId", mars.describe_db_instances, 403)


def raw(world):
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    status, headers, body = send(world, "rds", b"Action=DescribeColours&Version=2014-10-31", form)
    world.same("an unknown action (status)", status, 400)
    world.that("an unknown action", "<Code>InvalidAction</Code>" in body and "<Type>Sender</Type>" in body, body)
    world.that("query errors are XML with a request id", "<RequestId>" in body and headers["x-amzn-RequestId"] in body, body)
    world.that("every answer has a date of the world", headers["Date"].endswith("2027 " + headers["Date"][-12:]), headers["Date"])
    status, _, body = send(world, "rds", b"Version=2014-10-31", form)
    world.that("no action", status == 400 and "<Code>MissingAction</Code>" in body, body)
    status, _, body = send(world, "rds", b"Action=CreateDBProxy&Version=2014-10-31", form)
    world.that("what is not simulated names itself", status == 501 and "rds CreateDBProxy is not simulated" in body, body)
    status, _, body = send(world, "rds", b"Action=DescribeDBInstances&Version=2014-10-31&Colour=red", form)
    world.that("an unknown parameter", status == 400 and "<Code>MalformedInput</Code>" in body, body)
    status, headers, body = send(world, "ec2", b"Action=DescribeVpcs&Version=2016-11-15&VpcId.1=vpc-0123456789abcdef0", form)
    world.that("EC2's error format", status == 400 and "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code>" in body and "<RequestID>" in body, body)
    world.same("EC2's content type", headers["Content-Type"], "text/xml;charset=UTF-8")
    target = "AmazonEC2ContainerServiceV20141113"
    amz = {"Content-Type": "application/x-amz-json-1.1"}
    status, _, body = send(world, "ecs", b"{}", {**amz, "X-Amz-Target": f"{target}.PaintClusters"})
    world.that("an unknown JSON operation", status == 400 and json.loads(body)["__type"] == "UnknownOperationException", body)
    status, headers, body = send(world, "ecs", b"{}", {**amz, "X-Amz-Target": f"{target}.ListClusters"})
    world.that("JSON answers", status == 200 and json.loads(body) == {"clusterArns": []}, body)
    world.same("JSON's content type", headers["Content-Type"], "application/x-amz-json-1.1")
    status, _, body = send(world, "ecs", b"{", {**amz, "X-Amz-Target": f"{target}.ListClusters"})
    world.that("broken JSON", status == 400 and json.loads(body)["__type"] == "SerializationException", body)
    status, _, body = send(world, "ecs", b'{"maxResults":"x"}', {**amz, "X-Amz-Target": f"{target}.ListClusters"})
    world.that("a wrong type", status == 400 and json.loads(body)["__type"] == "SerializationException", body)
    # Hosts name service, region and bucket.
    status, _, body = send(world, "rds", b"Action=DescribeDBInstances&Version=2014-10-31", form, host="rds.eu-west-1.amazonaws.com", region="eu-west-1")
    world.that("an AWS-style host", status == 200 and "<DescribeDBInstancesResult>" in body, body)
    status, headers, body = send(world, "s3", None, method="GET", path="/nothing", host="nobodys-bucket.s3.us-west-2.amazonaws.com")
    world.that("S3's error format", status == 404 and "<Error><Code>NoSuchBucket</Code>" in body and "<HostId>" in body, body)
    world.that("S3's request ids", bool(headers["x-amz-request-id"] and headers["x-amz-id-2"]), dict(headers))
    status, _, body = send(world, "s3", None, method="HEAD", path="/nobodys-bucket/key")
    world.same("HEAD has no body", (status, body), (404, ""))


def validation(world):
    missing = {
        "rds": ("delete_db_snapshot", "MissingParameter"),
        "ec2": ("create_subnet", "MissingParameter"),
        "iam": ("get_role", "ValidationError"),
        "elbv2": ("create_listener", "ValidationError"),
        "kms": ("describe_key", "ValidationException"),
        "ssm": ("get_parameter", "ValidationException"),
        "acm": ("describe_certificate", "ValidationException"),
        "application-autoscaling": ("describe_scalable_targets", "ValidationException"),
        "ecr": ("delete_repository", "InvalidParameterException"),
        "ecs": ("delete_service", "InvalidParameterException"),
        "logs": ("delete_log_group", "InvalidParameterException"),
    }
    for service, (operation, code) in missing.items():
        world.refused(f"{service}: a missing parameter", code, getattr(lax(world, service), operation), 400)
    world.refused("too short", "ValidationException", lax(world, "kms").describe_key, 400, KeyId="")
    world.refused("an enum's stranger", "ValidationException", lax(world, "kms").create_key, 400, KeyUsage="DANCE")
    world.refused("a number out of range", "ValidationException", lax(world, "kms").list_keys, 400, Limit=5000)
    world.refused("a page too small for RDS", "InvalidParameterValue", lax(world, "rds").describe_db_instances, 400, MaxRecords=19)
    try:
        lax(world, "kms").list_keys(Limit=5000)
    except Exception as error:
        message = error.response["Error"]["Message"]
        expected = "1 validation error detected: Value '5000' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000"
        world.same("a constraint's words", message, expected)


def pages(world):
    iam, ecr, kms, ecs = (world.client(s) for s in ("iam", "ecr", "kms", "ecs"))
    for n in range(7):
        iam.create_user(UserName=f"page-{n}")
        ecr.create_repository(repositoryName=f"page-{n}")
        kms.create_key(Description=f"page {n}")
        ecs.create_cluster(clusterName=f"page-{n}")
        world.wait(2)
    world.wait(60)
    lists = [
        (iam, "list_users", "Users", {}),
        (ecr, "describe_repositories", "repositories", {}),
        (kms, "list_keys", "Keys", {}),
        (ecs, "list_clusters", "clusterArns", {}),
        (world.client("ec2"), "describe_regions", "Regions", None),
    ]
    for client, operation, key, arguments in lists:
        if arguments is None:
            continue
        whole = getattr(client, operation)()[key]
        world.that(f"{operation}: seven at least", len(whole) >= 7, len(whole))
        for size in (1, 2, 3, 7, 50):
            paginator = client.get_paginator(operation).paginate(PaginationConfig={"PageSize": size})
            found = []
            for page in paginator:
                world.that(f"{operation}: pages of {size}", len(page[key]) <= size, len(page[key]))
                found += page[key]
                world.wait(1)
            world.same(f"{operation}: pages of {size} are the whole", [str(f) for f in found], [str(w) for w in whole])
    world.refused("iam: a strange marker", "ValidationError", iam.list_users, 400, Marker="nonsense")
    world.refused("kms: a strange marker", "InvalidMarkerException", kms.list_keys, 400, Marker="nonsense")
    world.refused("ecr: a strange token", "InvalidParameterException", ecr.describe_repositories, 400, nextToken="nonsense")
    token = iam.list_users(MaxItems=1)["Marker"]
    world.refused("a token of another list", "ValidationError", iam.list_roles, 400, Marker=token)


def sessions(world):
    iam = world.client("iam")
    iam.create_role(RoleName="operator", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="operator", PolicyName="all", PolicyDocument=ALL)
    iam.create_user(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=ALL)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    world.wait(60)
    ann = with_keys(world, "sts", key["AccessKeyId"], key["SecretAccessKey"])
    world.same("a user is known by her key", ann.get_caller_identity()["Arn"], f"arn:aws:iam::{ACCOUNT}:user/ann")
    role = f"arn:aws:iam::{ACCOUNT}:role/operator"
    world.refused("root assumes no role", "AccessDenied", world.client("sts").assume_role, 403, RoleArn=role, RoleSessionName="root")
    world.refused("a role that is not", "AccessDenied", ann.assume_role, 403, RoleArn=role + "s", RoleSessionName="none")
    world.refused("too long", "ValidationError", ann.assume_role, 400, RoleArn=role, RoleSessionName="long", DurationSeconds=7200)
    answer = ann.assume_role(RoleArn=role, RoleSessionName="night")
    world.same("who it is now", answer["AssumedRoleUser"]["Arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/operator/night")
    session = answer["Credentials"]
    keys = (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    night = with_keys(world, "sts", *keys)
    world.same("a session is known by its key", night.get_caller_identity()["Arn"], answer["AssumedRoleUser"]["Arn"])
    bare = with_keys(world, "sts", *keys[:2])
    world.refused("a session without its token", "InvalidClientTokenId", bare.get_caller_identity, 403)
    world.refused("a chained session is an hour at most", "ValidationError", night.assume_role, 400, RoleArn=role, RoleSessionName="chain", DurationSeconds=3601)
    world.wait(3_601)
    for service, (operation, code) in {
        "sts": ("get_caller_identity", "ExpiredToken"), "ecs": ("list_clusters", "ExpiredTokenException"),
        "ec2": ("describe_vpcs", "RequestExpired"), "s3": ("list_buckets", "ExpiredToken"),
    }.items():
        client = with_keys(world, service, *keys)
        world.refused(f"{service}: a session that is over", code, getattr(client, operation))
    iam.create_user(UserName="bob")
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    world.wait(60)
    for service, (operation, code, status) in {
        "rds": ("describe_db_instances", "AccessDenied", 403), "ecs": ("list_clusters", "AccessDeniedException", 400),
        "ec2": ("describe_vpcs", "UnauthorizedOperation", 403), "s3": ("list_buckets", "AccessDenied", 403),
    }.items():
        client = with_keys(world, service, key["AccessKeyId"], key["SecretAccessKey"])
        world.refused(f"{service}: who may nothing", code, getattr(client, operation), status)


def bodies(world):
    s3 = world.client("s3")
    s3.create_bucket(Bucket="wire-bucket", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    data = bytes(range(256)) * 300
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        s3.put_object(Bucket="wire-bucket", Key=algorithm, Body=data, ChecksumAlgorithm=algorithm)
        found = s3.get_object(Bucket="wire-bucket", Key=algorithm, ChecksumMode="ENABLED")
        world.same(f"a body with {algorithm}", found["Body"].read(), data)
    good = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    bad = base64.b64encode(bytes(4)).decode()
    status, _, body = send(world, "s3", data, {"x-amz-checksum-crc32": good}, "PUT", "/wire-bucket/good")
    world.same("a right checksum", (status, body), (200, ""))
    status, _, body = send(world, "s3", data, {"x-amz-checksum-crc32": bad}, "PUT", "/wire-bucket/bad")
    world.that("a wrong checksum", status == 400 and "<Code>BadDigest</Code>" in body, body)
    status, _, body = send(world, "s3", data, {"Content-MD5": base64.b64encode(bytes(16)).decode()}, "PUT", "/wire-bucket/bad")
    world.that("a wrong MD5", status == 400 and "<Code>BadDigest</Code>" in body, body)
    world.refused("nothing was stored", "404", s3.head_object, 404, Bucket="wire-bucket", Key="bad")
    # Frames with a trailer, not signed one by one: what clients send over TLS.
    trailer = f"{len(data):x}\r\n".encode() + data + f"\r\n0\r\nx-amz-checksum-crc32:{good}\r\n\r\n".encode()
    for name, payload, expected in (("framed", trailer, 200), ("torn", trailer[:-5].replace(good.encode(), bad.encode()) + b"\r\n\r\n", 400)):
        request = AWSRequest(method="PUT", url=f"{world.endpoint}/wire-bucket/{name}", data=payload, headers={
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": str(len(data)), "x-amz-trailer": "x-amz-checksum-crc32",
        })
        auth = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", "us-west-2")
        auth.payload = lambda _: "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        auth.add_auth(request)
        plain = urllib.request.Request(request.url, data=payload, headers=dict(request.headers), method="PUT")
        try:
            status = urllib.request.urlopen(plain, timeout=30).status
        except urllib.error.HTTPError as error:
            status = error.code
        world.same(f"an aws-chunked body ({name})", status, expected)
    world.same("frames are not stored", s3.get_object(Bucket="wire-bucket", Key="framed")["Body"].read(), data)
    v4 = with_keys(world, "s3", ACCESS_KEY, SECRET_KEY, signature_version="s3v4", s3={"addressing_style": "path"})
    url = v4.generate_presigned_url("get_object", Params={"Bucket": "wire-bucket", "Key": "good"}, ExpiresIn=60)
    world.same("a presigned URL", urllib.request.urlopen(url, timeout=30).read(), data)
    try:
        urllib.request.urlopen(url.replace("good", "framed"), timeout=30)
        world.that("a presigned URL is for one key", False)
    except urllib.error.HTTPError as error:
        world.same("a presigned URL is for one key", error.code, 403)


def faults(world):
    iam = with_keys(world, "iam", ACCESS_KEY, SECRET_KEY)
    rule = lambda fault, **match: world.control("faults", {"count": 1, **match, "fault": fault})
    rule("reply-lost", service="iam", operation="CreateUser")
    try:
        iam.create_user(UserName="lost")
        world.that("a lost reply", False)
    except ConnectionClosedError:
        world.that("a lost reply", True)
    world.same("and yet it was done", iam.get_user(UserName="lost")["User"]["UserName"], "lost")
    rule("reset", service="iam", operation="CreateUser")
    try:
        iam.create_user(UserName="reset")
    except ConnectionClosedError:
        pass
    world.refused("a reset comes before the fact", "NoSuchEntity", iam.get_user, 404, UserName="reset")
    rule({"late": {"seconds": 300}}, service="iam", operation="CreateUser")
    try:
        iam.create_user(UserName="late")
    except ConnectionClosedError:
        pass
    world.refused("a late request is not there at once", "NoSuchEntity", iam.get_user, 404, UserName="late")
    world.wait(301)
    world.same("and is there later", iam.get_user(UserName="late")["User"]["UserName"], "late")
    rule({"broken": {"status": 503, "executed": True}}, service="iam", operation="CreateUser")
    world.refused("a 503 after the fact", "ServiceUnavailable", iam.create_user, 503, UserName="after")
    world.same("which was done", iam.get_user(UserName="after")["User"]["UserName"], "after")
    rule("throttle", service="ec2")
    world.refused("EC2 throttles", "RequestLimitExceeded", with_keys(world, "ec2", ACCESS_KEY, SECRET_KEY).describe_vpcs, 503)
    rule("throttle", service="ecs")
    world.refused("ECS throttles", "ThrottlingException", with_keys(world, "ecs", ACCESS_KEY, SECRET_KEY).list_clusters, 400)
    rule({"error": {"code": "InsufficientDBInstanceCapacity", "message": "none left"}}, service="rds")
    world.refused("a lack of capacity", "InsufficientDBInstanceCapacity", with_keys(world, "rds", ACCESS_KEY, SECRET_KEY).describe_db_instances, 400)
    ec2 = with_keys(world, "ec2", ACCESS_KEY, SECRET_KEY)
    ec2.create_vpc(CidrBlock="10.0.0.0/16")
    world.wait(60)
    rule({"unknown-status": {}}, service="ec2", operation="DescribeVpcs")
    world.same("a status that nobody knows", ec2.describe_vpcs()["Vpcs"][0]["State"], "reconsidering")
    world.same("once", ec2.describe_vpcs()["Vpcs"][0]["State"], "available")
    world.control("faults", {"id": "dark", "region": "eu-west-1", "fault": {"blackout": {"fails_fast": True}}})
    far = with_keys(world, "rds", ACCESS_KEY, SECRET_KEY, region="eu-west-1")
    try:
        far.describe_db_instances()
        world.that("a dark region", False)
    except ConnectionClosedError:
        world.that("a dark region", True)
    world.same("the others are not", with_keys(world, "rds", ACCESS_KEY, SECRET_KEY).describe_db_instances()["DBInstances"], [])
    world.control("faults", {"id": "dark", "region": "eu-west-1", "fault": {"blackout": {}}})
    far = with_keys(world, "rds", ACCESS_KEY, SECRET_KEY, region="eu-west-1", read_timeout=1)
    try:
        far.describe_db_instances()
        world.that("a black hole", False)
    except ReadTimeoutError:
        world.that("a black hole", True)
    world.control("faults", {"id": "dark", "region": "eu-west-1", "until": 0, "fault": {"blackout": {}}})
    far = with_keys(world, "rds", ACCESS_KEY, SECRET_KEY, region="eu-west-1")
    world.same("a region that healed", far.describe_db_instances()["DBInstances"], [])


def throttles(world):
    world.wait(60)
    route53 = with_keys(world, "route53", ACCESS_KEY, SECRET_KEY)
    codes = []

    def call():
        try:
            route53.list_hosted_zones()
            codes.append("ok")
        except Exception as error:
            codes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.that("Route 53 lets five a second pass", 5 <= codes.count("ok") <= 10, codes)
    world.that("and throttles the others", codes.count("Throttling") == 20 - codes.count("ok"), codes)
    world.wait(2)
    world.same("until there are tokens again", route53.list_hosted_zones()["HostedZones"], [])


def command_line(world):
    code, output, errors = world.cli("sts", "get-caller-identity")
    world.that("aws sts get-caller-identity", code == 0 and output["Account"] == ACCOUNT, errors)
    code, output, errors = world.cli("iam", "list-users", "--page-size", "1", "--query", "length(Users)")
    world.that("aws iam list-users, a page size of 1", code == 0 and output >= 7, errors)
    code, output, errors = world.cli("iam", "list-users", "--max-items", "2")
    world.that("aws iam list-users, two of them", code == 0 and len(output["Users"]) == 2 and "NextToken" in output, errors)
    code, output, errors = world.cli("rds", "describe-db-instances", "--db-instance-identifier", "none")
    world.that("an error on the command line", code != 0 and "(DBInstanceNotFound)" in errors, errors)


def three_protocols(world):
    """CloudWatch's clients speak CBOR now, JSON or query before."""
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    status, _, body = send(world, "monitoring", b"Action=ListMetrics&Version=2010-08-01", form)
    world.that("CloudWatch speaks query", status == 200 and "<ListMetricsResult>" in body, body)
    status, _, body = send(world, "monitoring", b"{}", {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.ListMetrics"})
    world.that("CloudWatch speaks JSON", status == 200 and json.loads(body)["Metrics"] == [], body)
    world.same("CloudWatch speaks CBOR", world.client("cloudwatch").list_metrics()["Metrics"], [])
