"""RDS: instances, snapshots and their copies, restores, replicas, groups, Aurora, as AWS documents them."""

import datetime

from botocore.exceptions import ClientError, WaiterError

# Statuses that no client knows are the kernel's own subject; here they would only blur the paths.
OPTIONS = ["--no-throttle", "--read-lag", "0", "--odd-statuses", "0"]

SOURCE, TARGET = "us-west-2", "eu-west-1"
ACCOUNT = "111122223333"


def network(ec2, region):
    """A VPC without a way out, with subnets in two zones and a group that lets PostgreSQL in."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{region}{zone}")["Subnet"]["SubnetId"]
        for n, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="database", Description="database", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    return vpc, subnets, group


def until(world, rds, name, status, seconds=14400):
    """The states that an instance goes through until it has this one."""
    seen = []
    for _ in range(seconds // 10):
        now = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DBInstanceStatus"]
        if not seen or seen[-1] != now:
            seen.append(now)
        if now == status:
            return seen
        world.wait(10)
    raise AssertionError(f"{name} never became {status}: {seen}")


def copied(world, rds, name, status="available"):
    for _ in range(2000):
        found = rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0]
        if found["Status"] == status:
            return found
        world.wait(10)
    raise AssertionError(f"{name} never became {status}: {found}")


def checks(world):
    rds, there = world.client("rds", SOURCE), world.client("rds", TARGET)
    sites = {}
    for region, client in ((SOURCE, rds), (TARGET, there)):
        ec2, kms = world.client("ec2", region), world.client("kms", region)
        vpc, subnets, group = network(ec2, region)
        key = kms.create_key(Description="databases")["KeyMetadata"]["Arn"]
        sites[region] = {"vpc": vpc, "subnets": subnets, "group": group, "key": key}
    subnet_groups(world, rds, there, sites)
    parameter_groups(world, rds)
    option_groups(world, rds)
    orders(world, rds)
    instances(world, rds, sites)
    snapshots(world, rds)
    copies(world, rds, there, sites)
    restores(world, there, sites)
    points_in_time(world, rds)
    changes(world, rds)
    replicas(world, rds, there, sites)
    backups(world, rds, there, sites)
    clusters(world, rds, there, sites)
    pages(world, rds)
    tags(world, rds)
    command_line(world)
    removal(world, rds)


def subnet_groups(world, rds, there, sites):
    for region, client in ((SOURCE, rds), (TARGET, there)):
        made = client.create_db_subnet_group(
            DBSubnetGroupName="Isolated",
            DBSubnetGroupDescription="no way out",
            SubnetIds=sites[region]["subnets"],
            Tags=[{"Key": "stack", "Value": "redmine"}],
        )["DBSubnetGroup"]
        world.same("a subnet group's name is in lower case", made["DBSubnetGroupName"], "isolated")
        world.same("its VPC is its subnets'", made["VpcId"], sites[region]["vpc"])
        world.same("it is complete", made["SubnetGroupStatus"], "Complete")
        world.same("its zones", sorted(s["SubnetAvailabilityZone"]["Name"] for s in made["Subnets"]), [f"{region}a", f"{region}b"])
    one = sites[SOURCE]["subnets"][:1]
    create = dict(DBSubnetGroupName="x", DBSubnetGroupDescription="x")
    world.refused("one zone is not enough", "DBSubnetGroupDoesNotCoverEnoughAZs", rds.create_db_subnet_group, 400, **create, SubnetIds=one)
    world.refused("an absent subnet", "InvalidSubnet", rds.create_db_subnet_group, 400, **create, SubnetIds=one + ["subnet-0123456789abcdef0"])
    world.refused(
        "a taken name", "DBSubnetGroupAlreadyExists", rds.create_db_subnet_group, 400,
        DBSubnetGroupName="isolated", DBSubnetGroupDescription="x", SubnetIds=sites[SOURCE]["subnets"],
    )
    world.refused("an absent group", "DBSubnetGroupNotFoundFault", rds.describe_db_subnet_groups, 404, DBSubnetGroupName="none")
    world.refused("an absent group is not deleted", "DBSubnetGroupNotFoundFault", rds.delete_db_subnet_group, 404, DBSubnetGroupName="none")


def parameter_groups(world, rds):
    rds.create_db_parameter_group(DBParameterGroupName="redmine", DBParameterGroupFamily="postgres15", Description="slow")
    world.refused(
        "a taken parameter group", "DBParameterGroupAlreadyExists", rds.create_db_parameter_group, 400,
        DBParameterGroupName="redmine", DBParameterGroupFamily="postgres15", Description="slow",
    )
    world.refused(
        "an unknown family", "InvalidParameterValue", rds.create_db_parameter_group, 400,
        DBParameterGroupName="x", DBParameterGroupFamily="postgres3", Description="x",
    )

    def change(name, value, method):
        return rds.modify_db_parameter_group(
            DBParameterGroupName="redmine",
            Parameters=[{"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}],
        )

    change("log_min_duration_statement", "500", "immediate")
    for name, value, method, code in (
        ("log_min_duration_statement", "never", "immediate", "InvalidParameterValue"),
        ("max_connections", "100", "immediate", "InvalidParameterCombination"),
        ("wal_level", "logical", "pending-reboot", "InvalidParameterValue"),
        ("not_a_parameter", "1", "immediate", "InvalidParameterValue"),
    ):
        world.refused(f"parameter {name}={value}", code, change, 400, name=name, value=value, method=method)
    pages = rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName="redmine", Source="user")
    user = [parameter for page in pages for parameter in page["Parameters"]]
    world.same("one parameter is the user's", [(p["ParameterName"], p["ParameterValue"]) for p in user], [("log_min_duration_statement", "500")])
    world.same("it is dynamic", user[0]["ApplyType"], "dynamic")
    pages = rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName="redmine", PaginationConfig={"PageSize": 20})
    everything = [p["ParameterName"] for page in pages for p in page["Parameters"]]
    world.that("pages give every parameter once", len(everything) == len(set(everything)) > 50, len(everything))
    defaults = rds.describe_engine_default_parameters(DBParameterGroupFamily="mysql8.0", MaxRecords=100)
    world.that("an engine has defaults", defaults["EngineDefaults"]["Parameters"])
    world.refused("an absent parameter group", "DBParameterGroupNotFound", rds.describe_db_parameters, 404, DBParameterGroupName="none")


def option_groups(world, rds):
    rds.create_option_group(OptionGroupName="audit", EngineName="mysql", MajorEngineVersion="8.0", OptionGroupDescription="audit")
    changed = rds.modify_option_group(
        OptionGroupName="audit",
        OptionsToInclude=[{"OptionName": "MARIADB_AUDIT_PLUGIN", "OptionSettings": [{"Name": "SERVER_AUDIT_EVENTS", "Value": "CONNECT"}]}],
        ApplyImmediately=True,
    )["OptionGroup"]
    world.same("an option is in its group", [o["OptionName"] for o in changed["Options"]], ["MARIADB_AUDIT_PLUGIN"])
    world.refused(
        "an option that the engine has not", "InvalidParameterValue", rds.modify_option_group, 400,
        OptionGroupName="audit", OptionsToInclude=[{"OptionName": "TDE"}],
    )
    world.refused("an absent option group", "OptionGroupNotFoundFault", rds.describe_option_groups, 404, OptionGroupName="none")
    world.refused(
        "a taken option group", "OptionGroupAlreadyExistsFault", rds.create_option_group, 400,
        OptionGroupName="audit", EngineName="mysql", MajorEngineVersion="8.0", OptionGroupDescription="x",
    )


def orders(world, rds):
    versions = rds.describe_db_engine_versions(Engine="postgres", EngineVersion="15", DefaultOnly=True)["DBEngineVersions"]
    world.same("one default version", len(versions), 1)
    world.same("its family", versions[0]["DBParameterGroupFamily"], "postgres15")
    pages = rds.get_paginator("describe_orderable_db_instance_options").paginate(
        Engine="postgres", EngineVersion=versions[0]["EngineVersion"], DBInstanceClass="db.t4g.medium",
    )
    options = [option for page in pages for option in page["OrderableDBInstanceOptions"]]
    world.same("storage types of a class", sorted(o["StorageType"] for o in options), ["gp2", "gp3", "io1", "io2"])
    world.that("they can be Multi-AZ", all(o["MultiAZCapable"] for o in options))
    world.refused("an unknown engine", "InvalidParameterValue", rds.describe_orderable_db_instance_options, 400, Engine="db2000")
    world.same("authorities", len(rds.describe_certificates()["Certificates"]), 3)
    names = {quota["AccountQuotaName"] for quota in rds.describe_account_attributes()["AccountQuotas"]}
    world.that("quotas are named", {"DBInstances", "ManualSnapshots"} <= names, names)
    world.that("backups come from other regions", TARGET in {r["RegionName"] for r in rds.describe_source_regions()["SourceRegions"]})


def wanted(sites, **more):
    site = sites[SOURCE]
    return {
        **dict(
            DBInstanceIdentifier="redmine-db", DBInstanceClass="db.t4g.medium", Engine="postgres", EngineVersion="15.8",
            AllocatedStorage=100, StorageType="gp3", MasterUsername="redmine", MasterUserPassword="correct-horse",
            DBName="redmine_production", DBSubnetGroupName="isolated", VpcSecurityGroupIds=[site["group"]],
            DBParameterGroupName="redmine", BackupRetentionPeriod=7, StorageEncrypted=True, KmsKeyId=site["key"],
            MultiAZ=True, PubliclyAccessible=False, CopyTagsToSnapshot=True,
            Tags=[{"Key": "stack", "Value": "redmine"}],
        ),
        **more,
    }


def instances(world, rds, sites):
    for what, code, more in (
        ("an identifier with two hyphens", "InvalidParameterValue", dict(DBInstanceIdentifier="a--b")),
        ("a class that is none", "InvalidParameterValue", dict(DBInstanceClass="medium")),
        ("a class not offered", "InvalidParameterCombination", dict(DBInstanceClass="db.z9.huge")),
        ("a version not offered", "InvalidParameterCombination", dict(EngineVersion="9.6")),
        ("too little storage", "InvalidParameterValue", dict(AllocatedStorage=5)),
        ("a short password", "InvalidParameterValue", dict(MasterUserPassword="short")),
        ("a reserved user", "InvalidParameterValue", dict(MasterUsername="rdsadmin")),
        ("an absent subnet group", "DBSubnetGroupNotFoundFault", dict(DBSubnetGroupName="none")),
        ("an absent parameter group", "DBParameterGroupNotFound", dict(DBParameterGroupName="none")),
        ("an absent security group", "InvalidParameterValue", dict(VpcSecurityGroupIds=["sg-0123456789abcdef0"])),
        ("a key of another region", "KMSKeyNotAccessibleFault", dict(KmsKeyId=sites[TARGET]["key"])),
        ("a zone with Multi-AZ", "InvalidParameterCombination", dict(AvailabilityZone="us-west-2a")),
        ("a retention too long", "InvalidParameterValue", dict(BackupRetentionPeriod=36)),
    ):
        world.refused(what, code, rds.create_db_instance, None, **wanted(sites, **more))
    made = rds.create_db_instance(**wanted(sites))["DBInstance"]
    world.same("it is being created", made["DBInstanceStatus"], "creating")
    world.that("it has no endpoint yet", "Endpoint" not in made)
    world.same("its ARN", made["DBInstanceArn"], f"arn:aws:rds:{SOURCE}:{ACCOUNT}:db:redmine-db")
    world.refused("a taken identifier", "DBInstanceAlreadyExists", rds.create_db_instance, 400, **wanted(sites))
    world.same("its states", until(world, rds, "redmine-db", "backing-up"), ["creating", "backing-up"])
    shown = rds.describe_db_instances(DBInstanceIdentifier="redmine-db")["DBInstances"][0]
    world.that("the endpoint appears with backing-up", shown["Endpoint"]["Address"].endswith(f".{SOURCE}.rds.amazonaws.com"), shown.get("Endpoint"))
    world.refused("no change while backing-up", "InvalidDBInstanceState", rds.modify_db_instance, 400, DBInstanceIdentifier="redmine-db", MultiAZ=False)
    world.refused(
        "no snapshot while backing-up", "InvalidDBInstanceState", rds.create_db_snapshot, 400,
        DBInstanceIdentifier="redmine-db", DBSnapshotIdentifier="early",
    )
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="redmine-db")
    shown = rds.describe_db_instances(DBInstanceIdentifier="redmine-db")["DBInstances"][0]
    for member, value in (
        ("MultiAZ", True), ("StorageEncrypted", True), ("KmsKeyId", sites[SOURCE]["key"]), ("BackupRetentionPeriod", 7),
        ("EngineVersion", "15.8"), ("DBName", "redmine_production"), ("Iops", 3000), ("StorageThroughput", 125),
        ("DeletionProtection", False), ("CACertificateIdentifier", "rds-ca-rsa2048-g1"), ("TagList", [{"Key": "stack", "Value": "redmine"}]),
    ):
        world.same(f"its {member}", shown[member], value)
    world.same("its group of parameters", shown["DBParameterGroups"], [{"DBParameterGroupName": "redmine", "ParameterApplyStatus": "in-sync"}])
    world.same("its group of options", shown["OptionGroupMemberships"][0]["OptionGroupName"], "default:postgres-15")
    world.that("it stands in two zones", shown["AvailabilityZone"] != shown["SecondaryAvailabilityZone"])
    world.that("it can be restored", isinstance(shown["LatestRestorableTime"], datetime.datetime))
    by_resource = rds.describe_db_instances(Filters=[{"Name": "dbi-resource-id", "Values": [shown["DbiResourceId"]]}])
    world.same("a filter finds it", len(by_resource["DBInstances"]), 1)
    world.refused("an absent instance", "DBInstanceNotFound", rds.describe_db_instances, 404, DBInstanceIdentifier="none")
    world.refused("an unknown filter", "InvalidParameterValue", rds.describe_db_instances, 400, Filters=[{"Name": "colour", "Values": ["red"]}])


def snapshots(world, rds):
    made = rds.create_db_snapshot(DBInstanceIdentifier="redmine-db", DBSnapshotIdentifier="Before", Tags=[{"Key": "run", "Value": "7"}])["DBSnapshot"]
    world.same("a snapshot's name is in lower case", made["DBSnapshotIdentifier"], "before")
    world.same("it is being created", (made["Status"], made["PercentProgress"], made["SnapshotType"]), ("creating", 0, "manual"))
    world.same("it has the instance's tags and its own", {t["Key"] for t in made["TagList"]}, {"stack", "run"})
    world.refused("a taken name", "DBSnapshotAlreadyExists", rds.create_db_snapshot, 400, DBInstanceIdentifier="redmine-db", DBSnapshotIdentifier="before")
    world.refused("it cannot be deleted yet", "InvalidDBSnapshotState", rds.delete_db_snapshot, 400, DBSnapshotIdentifier="before")
    rds.get_waiter("db_snapshot_completed").wait(DBSnapshotIdentifier="before")
    shown = rds.describe_db_snapshots(DBSnapshotIdentifier="before")["DBSnapshots"][0]
    world.same("it is done", (shown["Status"], shown["PercentProgress"]), ("available", 100))
    world.same("its times", (shown["SnapshotCreateTime"], shown["OriginalSnapshotCreateTime"]), (shown["SnapshotDatabaseTime"],) * 2)
    automated = rds.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"]
    world.that("there is an automated one", automated and automated[0]["DBSnapshotIdentifier"].startswith("rds:redmine-db-"), automated)
    world.refused(
        "an automated one is not deleted", "InvalidDBSnapshotState", rds.delete_db_snapshot, 400,
        DBSnapshotIdentifier=automated[0]["DBSnapshotIdentifier"],
    )
    world.refused("an absent snapshot", "DBSnapshotNotFound", rds.describe_db_snapshots, 404, DBSnapshotIdentifier="none")
    world.refused("an unknown type", "InvalidParameterValue", rds.describe_db_snapshots, 400, SnapshotType="hourly")
    shared = rds.modify_db_snapshot_attribute(DBSnapshotIdentifier="before", AttributeName="restore", ValuesToAdd=["444455556666"])
    world.same(
        "it is shared", shared["DBSnapshotAttributesResult"]["DBSnapshotAttributes"][0]["AttributeValues"], ["444455556666"]
    )
    world.refused(
        "an encrypted one is never public", "InvalidParameterCombination", rds.modify_db_snapshot_attribute, 400,
        DBSnapshotIdentifier="before", AttributeName="restore", ValuesToAdd=["all"],
    )


def copies(world, rds, there, sites):
    source = f"arn:aws:rds:{SOURCE}:{ACCOUNT}:snapshot:before"
    base = dict(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="copied", SourceRegion=SOURCE)
    world.refused("an encrypted copy needs a key", "InvalidParameterValue", there.copy_db_snapshot, 400, **base)
    world.refused("a key of the other region", "KMSKeyNotAccessibleFault", there.copy_db_snapshot, 400, **base, KmsKeyId=sites[SOURCE]["key"])
    world.refused(
        "an absent source", "DBSnapshotNotFound", there.copy_db_snapshot, 404,
        **{**base, "SourceDBSnapshotIdentifier": source + "x"}, KmsKeyId=sites[TARGET]["key"],
    )
    made = there.copy_db_snapshot(**base, KmsKeyId=sites[TARGET]["key"], CopyTags=True)["DBSnapshot"]
    world.same("the copy names its source", (made["SourceDBSnapshotIdentifier"], made["SourceRegion"]), (source, SOURCE))
    world.same("the copy's key", made["KmsKeyId"], sites[TARGET]["key"])
    world.same("the copy's tags", {t["Key"] for t in made["TagList"]}, {"stack", "run"})
    world.refused("a taken name", "DBSnapshotAlreadyExists", there.copy_db_snapshot, 400, **base, KmsKeyId=sites[TARGET]["key"])
    second = there.copy_db_snapshot(**{**base, "TargetDBSnapshotIdentifier": "queued"}, KmsKeyId=sites[TARGET]["key"])["DBSnapshot"]
    world.same("the second of the same source waits", (second["Status"], second["PercentProgress"]), ("pending", 0))
    world.refused(
        "a copy that is not done is not restored", "InvalidDBSnapshotState", there.restore_db_instance_from_db_snapshot, 400,
        DBInstanceIdentifier="redmine-db", DBSnapshotIdentifier="copied", DBSubnetGroupName="isolated",
    )
    done = copied(world, there, "copied")
    original = rds.describe_db_snapshots(DBSnapshotIdentifier="before")["DBSnapshots"][0]
    world.same("the copy keeps the original's time", done["OriginalSnapshotCreateTime"], original["SnapshotCreateTime"])
    world.that("and has its own", done["SnapshotCreateTime"] > original["SnapshotCreateTime"])
    copied(world, there, "queued")
    there.delete_db_snapshot(DBSnapshotIdentifier="queued")
    there.get_waiter("db_snapshot_deleted").wait(DBSnapshotIdentifier="queued")
    # A key that is disabled while the copy is under way fails it minutes later.
    kms = world.client("kms", TARGET)
    there.copy_db_snapshot(**{**base, "TargetDBSnapshotIdentifier": "doomed"}, KmsKeyId=sites[TARGET]["key"])
    kms.disable_key(KeyId=sites[TARGET]["key"])
    copied(world, there, "doomed", "failed")
    world.refused(
        "a disabled key is refused", "KMSKeyNotAccessibleFault", there.copy_db_snapshot, 400,
        **{**base, "TargetDBSnapshotIdentifier": "again"}, KmsKeyId=sites[TARGET]["key"],
    )
    kms.enable_key(KeyId=sites[TARGET]["key"])
    there.delete_db_snapshot(DBSnapshotIdentifier="doomed")


def restores(world, there, sites):
    base = dict(
        DBInstanceIdentifier="redmine-db", DBSnapshotIdentifier="copied", DBSubnetGroupName="isolated",
        VpcSecurityGroupIds=[sites[TARGET]["group"]], PubliclyAccessible=False,
    )
    for what, code, more in (
        ("an absent snapshot", "DBSnapshotNotFound", dict(DBSnapshotIdentifier="none")),
        ("an absent subnet group", "DBSubnetGroupNotFoundFault", dict(DBSubnetGroupName="none")),
        ("a parameter group of the other region", "DBParameterGroupNotFound", dict(DBParameterGroupName="redmine")),
        ("an option group of the other region", "OptionGroupNotFoundFault", dict(OptionGroupName="audit")),
        ("an unknown storage type", "StorageTypeNotSupported", dict(StorageType="floppy")),
        ("another engine", "InvalidParameterCombination", dict(Engine="mysql")),
    ):
        world.refused(what, code, there.restore_db_instance_from_db_snapshot, None, **{**base, **more})
    there.restore_db_instance_from_db_snapshot(**base)
    path = until(world, there, "redmine-db", "available")
    world.same("a restore's states", path, ["creating", "backing-up", "available"])
    shown = there.describe_db_instances(DBInstanceIdentifier="redmine-db")["DBInstances"][0]
    for member, value in (
        ("MultiAZ", False), ("DeletionProtection", False), ("BackupRetentionPeriod", 7), ("KmsKeyId", sites[TARGET]["key"]),
        ("AllocatedStorage", 100), ("DBInstanceClass", "db.t4g.medium"), ("MasterUsername", "redmine"), ("CopyTagsToSnapshot", False),
    ):
        world.same(f"a restored instance's {member}", shown[member], value)
    world.same("a restore takes the default parameters", shown["DBParameterGroups"][0]["DBParameterGroupName"], "default.postgres15")
    world.that("it stands in the target", shown["AvailabilityZone"].startswith(TARGET))


def points_in_time(world, rds):
    world.wait(3600)
    shown = rds.describe_db_instances(DBInstanceIdentifier="redmine-db")["DBInstances"][0]
    base = dict(SourceDBInstanceIdentifier="redmine-db", TargetDBInstanceIdentifier="then", DBSubnetGroupName="isolated")
    latest = shown["LatestRestorableTime"]
    hour = datetime.timedelta(hours=1)
    world.refused("a time to come", "InvalidParameterValue", rds.restore_db_instance_to_point_in_time, 400, **base, RestoreTime=latest + hour)
    world.refused(
        "both ways at once", "InvalidParameterCombination", rds.restore_db_instance_to_point_in_time, 400,
        **base, RestoreTime=latest, UseLatestRestorableTime=True,
    )
    rds.restore_db_instance_to_point_in_time(**base, RestoreTime=latest - datetime.timedelta(minutes=10))
    world.same("restored", until(world, rds, "then", "available")[-1], "available")
    rds.delete_db_instance(DBInstanceIdentifier="then", SkipFinalSnapshot=True)
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="then")


def changes(world, rds):
    deferred = rds.modify_db_instance(DBInstanceIdentifier="redmine-db", DBInstanceClass="db.t4g.large")["DBInstance"]
    world.same("a change waits for its window", deferred["PendingModifiedValues"], {"DBInstanceClass": "db.t4g.large"})
    now = rds.modify_db_instance(DBInstanceIdentifier="redmine-db", DBInstanceClass="db.t4g.large", ApplyImmediately=True)["DBInstance"]
    world.same("it is available for a moment still", now["DBInstanceStatus"], "available")
    until(world, rds, "redmine-db", "modifying")
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="redmine-db")
    shown = rds.describe_db_instances(DBInstanceIdentifier="redmine-db")["DBInstances"][0]
    world.same("it is done", (shown["DBInstanceClass"], shown["PendingModifiedValues"]), ("db.t4g.large", {}))
    world.refused("smaller storage", "InvalidParameterValue", rds.modify_db_instance, 400, DBInstanceIdentifier="redmine-db", AllocatedStorage=20)
    rds.modify_db_parameter_group(
        DBParameterGroupName="redmine",
        Parameters=[{"ParameterName": "max_connections", "ParameterValue": "200", "ApplyMethod": "pending-reboot"}],
    )
    world.wait(120)
    status = rds.describe_db_instances(DBInstanceIdentifier="redmine-db")["DBInstances"][0]["DBParameterGroups"][0]
    world.same("a static parameter waits for a reboot", status["ParameterApplyStatus"], "pending-reboot")
    world.same("rebooting", rds.reboot_db_instance(DBInstanceIdentifier="redmine-db")["DBInstance"]["DBInstanceStatus"], "rebooting")
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="redmine-db")
    status = rds.describe_db_instances(DBInstanceIdentifier="redmine-db")["DBInstances"][0]["DBParameterGroups"][0]
    world.same("then it is in effect", status["ParameterApplyStatus"], "in-sync")
    rds.stop_db_instance(DBInstanceIdentifier="redmine-db")
    rds.get_waiter("db_instance_stopped").wait(DBInstanceIdentifier="redmine-db") if "db_instance_stopped" in rds.waiter_names else until(world, rds, "redmine-db", "stopped")
    shown = rds.describe_db_instances(DBInstanceIdentifier="redmine-db")["DBInstances"][0]
    world.that("it will start by itself", "AutomaticRestartTime" in shown)
    world.refused("a stopped one is not stopped", "InvalidDBInstanceState", rds.stop_db_instance, 400, DBInstanceIdentifier="redmine-db")
    rds.start_db_instance(DBInstanceIdentifier="redmine-db")
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="redmine-db")


def replicas(world, rds, there, sites):
    base = dict(
        DBInstanceIdentifier="replica", SourceDBInstanceIdentifier=f"arn:aws:rds:{SOURCE}:{ACCOUNT}:db:redmine-db",
        SourceRegion=SOURCE, DBSubnetGroupName="isolated", PubliclyAccessible=False,
    )
    world.refused("an encrypted replica needs a key", "InvalidParameterCombination", there.create_db_instance_read_replica, 400, **base)
    there.create_db_instance_read_replica(**base, KmsKeyId=sites[TARGET]["key"])
    until(world, there, "replica", "available")
    shown = there.describe_db_instances(DBInstanceIdentifier="replica")["DBInstances"][0]
    world.same("it names its source", shown["ReadReplicaSourceDBInstanceIdentifier"], base["SourceDBInstanceIdentifier"])
    world.same("it replicates", shown["StatusInfos"][0]["Status"], "replicating")
    source = rds.describe_db_instances(DBInstanceIdentifier="redmine-db")["DBInstances"][0]
    world.same("its source names it", source["ReadReplicaDBInstanceIdentifiers"], [shown["DBInstanceArn"]])
    world.refused("a source with replicas is not stopped", "InvalidDBInstanceState", rds.stop_db_instance, 400, DBInstanceIdentifier="redmine-db")
    world.wait(600)
    lag_is_measured(world)
    world.refused("a source is not promoted", "InvalidDBInstanceState", rds.promote_read_replica, 400, DBInstanceIdentifier="redmine-db")
    there.promote_read_replica(DBInstanceIdentifier="replica")
    path = until(world, there, "replica", "available")
    world.that("promotion restarts and backs up", "backing-up" in path, path)
    shown = there.describe_db_instances(DBInstanceIdentifier="replica")["DBInstances"][0]
    world.that("it stands alone", "ReadReplicaSourceDBInstanceIdentifier" not in shown)
    world.same("it has backups from now on", shown["BackupRetentionPeriod"], 1)
    there.delete_db_instance(DBInstanceIdentifier="replica", SkipFinalSnapshot=True)


def lag_is_measured(world):
    metrics = world.client("cloudwatch", TARGET)
    began = datetime.datetime.fromtimestamp(1_800_000_000, datetime.timezone.utc)
    try:
        points = metrics.get_metric_statistics(
            Namespace="AWS/RDS", MetricName="ReplicaLag", Dimensions=[{"Name": "DBInstanceIdentifier", "Value": "replica"}],
            StartTime=began, EndTime=began + datetime.timedelta(days=30), Period=86400, Statistics=["Maximum", "SampleCount"],
        )["Datapoints"]
    except ClientError as error:
        world.that("lag is measured by the minute", False, str(error))
        return
    world.that("lag is measured by the minute", sum(point["SampleCount"] for point in points) >= 5, points)


def backups(world, rds, there, sites):
    arn = f"arn:aws:rds:{SOURCE}:{ACCOUNT}:db:redmine-db"
    base = dict(SourceDBInstanceArn=arn, SourceRegion=SOURCE)
    world.refused("encrypted backups need a key", "InvalidParameterCombination", there.start_db_instance_automated_backups_replication, 400, **base)
    made = there.start_db_instance_automated_backups_replication(**base, KmsKeyId=sites[TARGET]["key"], BackupRetentionPeriod=3)
    world.same("backups are to be replicated", made["DBInstanceAutomatedBackup"]["Status"], "pending")
    world.wait(4 * 3600)
    found = there.describe_db_instance_automated_backups(Filters=[{"Name": "status", "Values": ["replicating"]}])["DBInstanceAutomatedBackups"]
    world.same("they are", [(b["DBInstanceIdentifier"], b["Region"]) for b in found], [("redmine-db", SOURCE)])
    stopped = there.stop_db_instance_automated_backups_replication(SourceDBInstanceArn=arn)["DBInstanceAutomatedBackup"]
    world.same("what is there is retained", stopped["Status"], "retained")
    world.refused("stopped once", "DBInstanceAutomatedBackupNotFound", there.stop_db_instance_automated_backups_replication, 404, SourceDBInstanceArn=arn)


def clusters(world, rds, there, sites):
    rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="app", DBParameterGroupFamily="aurora-postgresql15", Description="app")
    rds.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName="app",
        Parameters=[{"ParameterName": "rds.force_ssl", "ParameterValue": "0", "ApplyMethod": "immediate"}],
    )
    made = rds.create_db_cluster(
        DBClusterIdentifier="app", Engine="aurora-postgresql", EngineVersion="15.8", MasterUsername="app",
        MasterUserPassword="correct-horse", DBSubnetGroupName="isolated", StorageEncrypted=True, KmsKeyId=sites[SOURCE]["key"],
        DBClusterParameterGroupName="app", VpcSecurityGroupIds=[sites[SOURCE]["group"]], DatabaseName="app",
    )["DBCluster"]
    world.that("two names", made["Endpoint"].startswith("app.cluster-") and made["ReaderEndpoint"].startswith("app.cluster-ro-"), made)
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier="app")
    for n in (1, 2):
        rds.create_db_instance(
            DBInstanceIdentifier=f"app-{n}", DBInstanceClass="db.t4g.medium", Engine="aurora-postgresql",
            DBClusterIdentifier="app", PromotionTier=n,
        )
    for n in (1, 2):
        rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=f"app-{n}")
    members = rds.describe_db_clusters(DBClusterIdentifier="app")["DBClusters"][0]["DBClusterMembers"]
    world.same("one writes", [(m["DBInstanceIdentifier"], m["IsClusterWriter"]) for m in members], [("app-1", True), ("app-2", False)])
    rds.failover_db_cluster(DBClusterIdentifier="app")
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier="app")
    members = rds.describe_db_clusters(DBClusterIdentifier="app")["DBClusters"][0]["DBClusterMembers"]
    world.same("then the other", [m["DBInstanceIdentifier"] for m in members if m["IsClusterWriter"]], ["app-2"])
    world.refused("a cluster with members stays", "InvalidDBClusterStateFault", rds.delete_db_cluster, 400, DBClusterIdentifier="app", SkipFinalSnapshot=True)
    rds.create_db_cluster_snapshot(DBClusterIdentifier="app", DBClusterSnapshotIdentifier="app-1")
    rds.get_waiter("db_cluster_snapshot_available").wait(DBClusterSnapshotIdentifier="app-1")
    source = f"arn:aws:rds:{SOURCE}:{ACCOUNT}:cluster-snapshot:app-1"
    base = dict(SourceDBClusterSnapshotIdentifier=source, TargetDBClusterSnapshotIdentifier="app-1", SourceRegion=SOURCE)
    world.refused("an encrypted copy needs a key", "InvalidParameterValue", there.copy_db_cluster_snapshot, 400, **base)
    copy = there.copy_db_cluster_snapshot(**base, KmsKeyId=sites[TARGET]["key"])["DBClusterSnapshot"]
    world.same("it is copied", (copy["Status"], copy["SourceDBClusterSnapshotArn"]), ("copying", source))
    world.wait(2 * 3600)
    there.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="app", SnapshotIdentifier="app-1", Engine="aurora-postgresql", DBSubnetGroupName="isolated",
    )
    there.get_waiter("db_cluster_available").wait(DBClusterIdentifier="app")
    world.same("a restored cluster has no members", there.describe_db_clusters(DBClusterIdentifier="app")["DBClusters"][0]["DBClusterMembers"], [])
    there.delete_db_cluster(DBClusterIdentifier="app", SkipFinalSnapshot=True)
    there.get_waiter("db_cluster_deleted").wait(DBClusterIdentifier="app")
    world.refused("an absent cluster", "DBClusterNotFoundFault", there.describe_db_clusters, 404, DBClusterIdentifier="app")
    for n in (1, 2):
        rds.delete_db_instance(DBInstanceIdentifier=f"app-{n}")
    for n in (1, 2):
        rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier=f"app-{n}")
    rds.delete_db_cluster(DBClusterIdentifier="app", SkipFinalSnapshot=True)
    rds.get_waiter("db_cluster_deleted").wait(DBClusterIdentifier="app")


def pages(world, rds):
    for operation, member, name in (
        ("describe_db_snapshots", "DBSnapshots", "DBSnapshotIdentifier"),
        ("describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
        ("describe_db_parameter_groups", "DBParameterGroups", "DBParameterGroupName"),
    ):
        whole = [item[name] for item in getattr(rds, operation)()[member]]
        paged = rds.get_paginator(operation).paginate(PaginationConfig={"PageSize": 20})
        world.same(f"pages of {operation}", [item[name] for page in paged for item in page[member]], whole)
    world.refused("a page too small", "InvalidParameterValue", rds.describe_db_instances, 400, MaxRecords=5)
    world.refused("a marker of nobody's", "InvalidParameterValue", rds.describe_db_instances, 400, Marker="nonsense")


def tags(world, rds):
    arn = f"arn:aws:rds:{SOURCE}:{ACCOUNT}:db:redmine-db"
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "owner", "Value": "ops"}])
    listed = {t["Key"]: t["Value"] for t in rds.list_tags_for_resource(ResourceName=arn)["TagList"]}
    world.same("tags", listed, {"stack": "redmine", "owner": "ops"})
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["owner"])
    world.same("fewer tags", [t["Key"] for t in rds.list_tags_for_resource(ResourceName=arn)["TagList"]], ["stack"])
    world.refused("reserved keys", "InvalidParameterValue", rds.add_tags_to_resource, 400, ResourceName=arn, Tags=[{"Key": "aws:x", "Value": "1"}])
    world.refused("an absent resource", "DBInstanceNotFound", rds.list_tags_for_resource, 404, ResourceName=arn + "x")
    events = rds.describe_events(SourceIdentifier="redmine-db", SourceType="db-instance", Duration=20160)["Events"]
    world.that("events tell of its creation", "DB instance created" in [event["Message"] for event in events], events[:3])


def command_line(world):
    code, answer, error = world.cli("rds", "describe-db-instances", "--db-instance-identifier", "redmine-db")
    world.that("the AWS CLI reads it", code == 0 and answer["DBInstances"][0]["Engine"] == "postgres", error)
    code, _, error = world.cli("rds", "describe-db-instances", "--db-instance-identifier", "none")
    world.that("and its errors", code != 0 and "DBInstanceNotFound" in error, error)
    code, answer, error = world.cli("rds", "describe-db-snapshots", "--query", "DBSnapshots[?SnapshotType=='manual'].DBSnapshotIdentifier")
    world.that("and lists", code == 0 and "before" in answer, (answer, error))
    code, _, error = world.cli("rds", "wait", "db-instance-available", "--db-instance-identifier", "redmine-db")
    world.same("and waits", code, 0)


def removal(world, rds):
    world.refused("a last snapshot is asked for", "InvalidParameterCombination", rds.delete_db_instance, 400, DBInstanceIdentifier="redmine-db")
    rds.modify_db_instance(DBInstanceIdentifier="redmine-db", DeletionProtection=True)
    world.refused(
        "a protected instance stays", "InvalidParameterCombination", rds.delete_db_instance, 400,
        DBInstanceIdentifier="redmine-db", SkipFinalSnapshot=True,
    )
    rds.modify_db_instance(DBInstanceIdentifier="redmine-db", DeletionProtection=False)
    world.refused("a group in use stays", "InvalidDBParameterGroupState", rds.delete_db_parameter_group, 400, DBParameterGroupName="redmine")
    world.refused("a subnet group in use stays", "InvalidDBSubnetGroupStateFault", rds.delete_db_subnet_group, 400, DBSubnetGroupName="isolated")
    rds.delete_db_instance(DBInstanceIdentifier="redmine-db", FinalDBSnapshotIdentifier="last", DeleteAutomatedBackups=False)
    try:
        rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="redmine-db")
        world.that("deleted", True)
    except WaiterError as error:
        world.that("deleted", False, error)
    world.same("its last snapshot", rds.describe_db_snapshots(DBSnapshotIdentifier="last")["DBSnapshots"][0]["Status"], "available")
    retained = rds.describe_db_instance_automated_backups(DBInstanceIdentifier="redmine-db")["DBInstanceAutomatedBackups"]
    world.same("its backups are retained", [b["Status"] for b in retained], ["retained"])
    rds.delete_db_instance_automated_backup(DbiResourceId=retained[0]["DbiResourceId"])
    rds.delete_db_parameter_group(DBParameterGroupName="redmine")
    rds.delete_db_subnet_group(DBSubnetGroupName="isolated")
    rds.delete_option_group(OptionGroupName="audit")
