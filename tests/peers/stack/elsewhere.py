"""The same stack in another region, by hand: snapshots, images, secrets and files are copied, the database is restored, and
the rest of the list of calls is played there with the target's names.

The reviewer's runbook, in a way: what drtool does must lead to the same end.
"""

import base64
import hashlib
import json
import urllib.request

from play import play

SOURCE, TARGET = "us-west-2", "eu-west-1"
# Botocore's waiters for snapshots give up after ten minutes; a hundred gigabytes take longer.
PATIENT = {"Delay": 30, "MaxAttempts": 400}
# Keys stand in the target already; roles and zones belong to no region; what is copied is not made again.
NOT_AGAIN = {
    "kms CreateKey", "kms CreateAlias", "secretsmanager CreateSecret", "secretsmanager PutSecretValue", "iam CreateRole",
    "iam AttachRolePolicy", "route53 CreateHostedZone", "ecr CreateRepository", "ecr InitiateLayerUpload",
    "ecr UploadLayerPart", "ecr CompleteLayerUpload", "ecr PutImage", "s3 PutObject", "ecs RunTask", "ecs DescribeTasks",
}
# The databases of the stacks: engine's port, user, password, database, and a question whose answer must not change.
DATABASES = {
    "redmine": (5432, "redmine", "sandbox-Redmine-db-5.1", "redmine_production", "select id, subject from issues order by id"),
    "notejam": (3306, "notejam", "sandbox-Notejam-db-1", "notejam_db", "select id, name from notes_note order by id"),
    "techchallenge": (5432, "vtt", "sandbox-TechChallenge-db-1", "app", "select id, title from tasks order by id"),
    "vikunja": (3306, "vikunja", "sandbox-Vikunja-db-1", "vikunja", "select id, title from tasks order by id"),
}


def there(value):
    """A value of the source in the target's words."""
    if isinstance(value, str):
        value = value.replace(SOURCE, TARGET)
        return value.replace("-frontend-111122223333", "-frontend-eu").replace("-artefacts-111122223333", "-artefacts-eu")
    if isinstance(value, list):
        return [there(v) for v in value]
    if isinstance(value, dict):
        return {k: there(v) for k, v in value.items()}
    return value


def rows(world, stack, made, host, region):
    """Asks the database from a task's interface, where it can be reached."""
    port, user, password, database, sql = DATABASES[stack]
    service = next(c.asked for c in made if c.name == "ecs CreateService")
    ecs = world.client("ecs", region)
    tasks = ecs.list_tasks(cluster=service["cluster"], serviceName=service["serviceName"])["taskArns"]
    task = ecs.describe_tasks(cluster=service["cluster"], tasks=tasks)["tasks"][0]
    interface = next(d["value"] for d in task["attachments"][0]["details"] if d["name"] == "networkInterfaceId")
    answer = world.control("sql", {
        "from": {"from": "interface", "account": "111122223333", "region": region, "id": interface}, "host": host, "port": port,
        "user": user, "password": password, "database": database, "tls": port == 5432, "sql": sql,
    })
    return answer.get("rows", answer)


def page(world, name, path, port=80, host=None, tls=False):
    internet = {"from": "internet", "ip": "198.51.100.7"}
    resolved = world.control("resolve", {"name": name, "type": "A", "from": internet})
    address = next(iter(addresses(resolved)), None)
    if address is None:
        return resolved
    request = {"method": "GET", "host": host or name, "path": path}
    dial = {"from": internet, "address": address, "port": port, "request": request}
    if tls:
        dial["tls_name"] = name
    return world.control("dial", dial)


def addresses(answer):
    """Whatever looks like an IPv4 address in an answer."""
    if isinstance(answer, str):
        return [answer] if answer.count(".") == 3 and answer.replace(".", "").isdigit() else []
    values = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else []
    return [found for value in values for found in addresses(value)]


def copy_snapshot(world, stack, made, kept):
    """A snapshot of the source's database, copied; answers its ARN in the target."""
    cluster = next((c.asked["DBClusterIdentifier"] for c in made if c.name == "rds CreateDBCluster"), None)
    here, far = world.client("rds", SOURCE), world.client("rds", TARGET)
    name = f"{stack['stack']}-move"
    more = {"KmsKeyId": kept["target_key"]} if "target_key" in kept else {}
    if cluster:
        arn = here.create_db_cluster_snapshot(DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier=name)["DBClusterSnapshot"]["DBClusterSnapshotArn"]
        world.refused("a copy of a snapshot that is not ready", "InvalidDBClusterSnapshotStateFault", far.copy_db_cluster_snapshot, 400,
                      SourceDBClusterSnapshotIdentifier=arn, TargetDBClusterSnapshotIdentifier=name, SourceRegion=SOURCE, **more)
        here.get_waiter("db_cluster_snapshot_available").wait(DBClusterSnapshotIdentifier=name, WaiterConfig=PATIENT)
        if more:
            world.refused("an encrypted copy without a key of the region", "InvalidParameterValue", far.copy_db_cluster_snapshot, 400,
                          SourceDBClusterSnapshotIdentifier=arn, TargetDBClusterSnapshotIdentifier=name, SourceRegion=SOURCE)
        far.copy_db_cluster_snapshot(SourceDBClusterSnapshotIdentifier=arn, TargetDBClusterSnapshotIdentifier=name, SourceRegion=SOURCE, **more)
        far.get_waiter("db_cluster_snapshot_available").wait(DBClusterSnapshotIdentifier=name, WaiterConfig=PATIENT)
        shown = far.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)["DBClusterSnapshots"][0]
        world.same("the copy names its source", shown["SourceDBClusterSnapshotArn"], arn)
        return shown["DBClusterSnapshotArn"]
    instance = next(c.asked["DBInstanceIdentifier"] for c in made if c.name == "rds CreateDBInstance")
    arn = here.create_db_snapshot(DBInstanceIdentifier=instance, DBSnapshotIdentifier=name)["DBSnapshot"]["DBSnapshotArn"]
    world.refused("a second snapshot of its name", "DBSnapshotAlreadyExists", here.create_db_snapshot, 400, DBInstanceIdentifier=instance, DBSnapshotIdentifier=name)
    here.get_waiter("db_snapshot_completed").wait(DBSnapshotIdentifier=name, WaiterConfig=PATIENT)
    if more:
        world.refused("an encrypted copy without a key of the region", "InvalidParameterValue", far.copy_db_snapshot, 400,
                      SourceDBSnapshotIdentifier=arn, TargetDBSnapshotIdentifier=name, SourceRegion=SOURCE)
    # An option group of the source's region is not known in the target: the copy takes the target's own.
    far.copy_db_snapshot(SourceDBSnapshotIdentifier=arn, TargetDBSnapshotIdentifier=name, SourceRegion=SOURCE, CopyTags=True, **more)
    far.get_waiter("db_snapshot_completed").wait(DBSnapshotIdentifier=name, WaiterConfig=PATIENT)
    shown = far.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0]
    world.same("the copy names its source", (shown["SourceDBSnapshotIdentifier"], shown["SourceRegion"]), (arn, SOURCE))
    if more:
        world.same("the copy is under the target's key", shown["KmsKeyId"], kept["target_key"])
    return shown["DBSnapshotArn"]


def copy_images(world, made):
    """Repositories with all their images, through ECR's API: digests stay."""
    here, far = world.client("ecr", SOURCE), world.client("ecr", TARGET)
    uri = None
    for name in [c.asked["repositoryName"] for c in made if c.name == "ecr CreateRepository"]:
        uri = far.create_repository(repositoryName=name)["repository"]["repositoryUri"]
        images = here.get_paginator("list_images").paginate(repositoryName=name).build_full_result()["imageIds"]
        for image in here.batch_get_image(repositoryName=name, imageIds=images)["images"]:
            manifest = json.loads(image["imageManifest"])
            arguments = dict(repositoryName=name, imageManifest=image["imageManifest"], imageTag=image["imageId"]["imageTag"],
                             imageManifestMediaType=image["imageManifestMediaType"])
            for blob in [manifest["config"], *manifest["layers"]]:
                there = far.batch_check_layer_availability(repositoryName=name, layerDigests=[blob["digest"]])
                if there["layers"] and there["layers"][0].get("layerAvailability") == "AVAILABLE":
                    continue
                if blob is manifest["config"]:
                    world.refused("an image before its layers", "LayersNotFoundException", far.put_image, 400, **arguments)
                url = here.get_download_url_for_layer(repositoryName=name, layerDigest=blob["digest"])["downloadUrl"]
                data = download(url)
                world.same("a layer's digest", "sha256:" + hashlib.sha256(data).hexdigest(), blob["digest"])
                upload = far.initiate_layer_upload(repositoryName=name)["uploadId"]
                far.upload_layer_part(repositoryName=name, uploadId=upload, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data)
                far.complete_layer_upload(repositoryName=name, uploadId=upload, layerDigests=[blob["digest"]])
            pushed = far.put_image(**arguments)["image"]["imageId"]
            world.same("the same image by the same digest", pushed["imageDigest"], image["imageId"]["imageDigest"])
    return uri


def download(url):
    """A link to a layer is signed already: whoever has it needs no credentials."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


def replicate_secrets(world, made):
    """Replicas, promoted: the same values, each its own secret."""
    here, far = world.client("secretsmanager", SOURCE), world.client("secretsmanager", TARGET)
    for call in [c for c in made if c.name == "secretsmanager CreateSecret"]:
        name = call.asked["Name"]
        here.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": TARGET}])
        for _ in range(60):
            replicas = here.describe_secret(SecretId=name)["ReplicationStatus"]
            if replicas[0]["Status"] == "InSync":
                break
            world.wait(5)
        world.same("a replica is in sync", replicas[0]["Status"], "InSync")
        world.same("it has the primary's suffix", far.describe_secret(SecretId=name)["ARN"], call.answer["ARN"].replace(SOURCE, TARGET))
        world.refused("a replica is read-only", "InvalidRequestException", far.put_secret_value, 400, SecretId=name, SecretString="x")
        world.refused("a primary with replicas stays", "InvalidRequestException", here.delete_secret, 400, SecretId=name, ForceDeleteWithoutRecovery=True)
        far.stop_replication_to_replica(SecretId=name)
        world.wait(30)
        value = lambda client: client.get_secret_value(SecretId=name)["SecretString"]
        world.that("the same value", value(far) == value(here))


def copy_files(world, made):
    """Every object, with its content type, cache control and metadata."""
    here, far = world.client("s3", SOURCE), world.client("s3", TARGET)
    for call in [c for c in made if c.name == "s3 PutObject"]:
        bucket, key = call.asked["Bucket"], call.asked["Key"]
        far.copy_object(Bucket=there(bucket), Key=key, CopySource={"Bucket": bucket, "Key": key})
        one, other = here.head_object(Bucket=bucket, Key=key), far.head_object(Bucket=there(bucket), Key=key)
        for member in ("ContentType", "CacheControl", "Metadata", "ETag", "ContentLength"):
            world.same(f"{member} of a copied file", other[member], one[member])


def restored(world, step, snapshot):
    """The call that restores in place of the one that creates, with all of its settings that a restore takes; and what
    is left, for a modification."""
    kind = "Instance" if step["call"] == "rds CreateDBInstance" else "Cluster"
    operation = "RestoreDBInstanceFromDBSnapshot" if kind == "Instance" else "RestoreDBClusterFromSnapshot"
    model = world.client("rds").meta.service_model
    wanted = dict(step["with"])
    wanted["DBSnapshotIdentifier" if kind == "Instance" else "SnapshotIdentifier"] = snapshot
    takes = set(model.operation_model(operation).input_shape.members)
    # In the target both are the snapshot's; the database's name too.
    takes -= {"DBName", "DatabaseName", "StorageEncrypted", "AllocatedStorage"}
    if "KmsKeyId" in wanted:
        takes -= {"KmsKeyId"}
    restore = {k: v for k, v in wanted.items() if k in takes}
    modifies = set(model.operation_model(f"ModifyDB{kind}").input_shape.members)
    left = {k: v for k, v in wanted.items() if k not in takes and k in modifies and k not in {"MasterUserPassword", "AllocatedStorage", "KmsKeyId"}}
    return {"call": f"rds {operation}", "with": restore}, {f"DB{kind}Identifier": wanted[f"DB{kind}Identifier"], **left}


def calls_there(world, stack, snapshot):
    out = []
    cluster = any(s.get("call") == "rds CreateDBCluster" for s in stack["calls"])
    for step in stack["calls"]:
        name = step.get("call")
        if name is None or name in NOT_AGAIN or step.get("region"):
            continue
        step = there(step)
        if name == "iam PutRolePolicy":
            step["with"]["PolicyName"] += "-" + TARGET
        elif name == "route53 ChangeResourceRecordSets":
            change = step["with"]["ChangeBatch"]["Changes"][0]
            if change["ResourceRecordSet"]["Type"] == "CNAME":
                # One validation record serves every region.
                continue
            change["Action"] = "UPSERT"
        elif name == "rds CreateDBCluster" or (name == "rds CreateDBInstance" and not cluster):
            first, rest = restored(world, step, snapshot)
            out.append(first)
            kind = "Cluster" if name == "rds CreateDBCluster" else "Instance"
            id = {f"DB{kind}Identifier": rest[f"DB{kind}Identifier"]}
            status = f"/DB{kind}s/0/" + ("Status" if kind == "Cluster" else "DBInstanceStatus")
            ready = {"call": f"rds DescribeDB{kind}s", "with": id, "until": {"at": status, "is": "available"}}
            out.append(ready)
            if len(rest) > 1:
                out += [{"call": f"rds ModifyDB{kind}", "with": {**rest, "ApplyImmediately": True}}, ready]
            continue
        elif name == "ecs RegisterTaskDefinition" and stack["stack"] == "notejam":
            step["with"]["containerDefinitions"][0]["environment"] = [{"name": "DB_HOST", "value": "${db_host}"}]
        out.append(step)
    return {**stack, "region": TARGET, "calls": out}


def build(world, stack, made, kept):
    """The stack in the target; answers what was made there."""
    name = stack["stack"]
    before = rows(world, name, made, kept["db_host"], SOURCE)
    world.that("the source's database has rows", len(before) > 2, before)
    snapshot = copy_snapshot(world, stack, made, kept)
    uri = copy_images(world, made)
    replicate_secrets(world, made)
    carried = {k: there(v) for k, v in kept.items() if k.endswith("_secret")}
    carried |= {k: v for k, v in kept.items() if k.endswith("_role") or k == "zone"}
    carried |= {"repository": uri, "key": kept.get("target_key", "")}
    far_kept, far_made = play(world, calls_there(world, stack, snapshot), carried)
    copy_files(world, made)
    after = rows(world, name, far_made, far_kept["db_host"], TARGET)
    world.same("every row of the snapshot is there", after, before)
    return far_kept, far_made


def check_service(world, stack, kept, made):
    """Users get an answer that the database has a part in."""
    name = stack["stack"]
    balancer = kept.get("balancer_name")
    if name == "redmine":
        answer = page(world, "redmine.sidpotti.infracourse.cloud", "/login", 443, tls=True)
    elif name == "vikunja":
        answer = page(world, next(c.answer["LoadBalancers"][0]["DNSName"] for c in made if c.name == "elbv2 CreateLoadBalancer"), "/api/v1/info", 3456)
    else:
        answer = page(world, balancer, {"notejam": "/signin/", "techchallenge": "/healthcheck/"}[name])
    world.that("users are served", "200" in json.dumps(answer), answer)
