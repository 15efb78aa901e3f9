"""Route 53: zones, batches, routing, health checks, as AWS documents them."""

import json
import pathlib
import tempfile

from botocore.exceptions import ClientError


def checks(world):
    r53 = world.client("route53", "us-east-1")
    zone = zones(world, r53)
    changes(world, r53, zone)
    values(world, r53, zone)
    names(world, r53, zone)
    policies(world, r53, zone)
    aliases(world, r53, zone)
    lists(world, r53, zone)
    health_checks(world, r53)
    private(world, r53)
    collections(world, r53)
    permissions(world, r53, zone)
    command_line(world, zone)
    removal(world, r53, zone)


def record(name, kind="A", values=("192.0.2.1",), ttl=60, **more):
    return {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": v} for v in values], **more}


def batch(r53, zone, *changes):
    rows = [{"Action": action, "ResourceRecordSet": what} for action, what in changes]
    return r53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": rows})["ChangeInfo"]


def says(world, what, code, message, r53, zone, *changes):
    """The batch is refused, in these words."""
    try:
        batch(r53, zone, *changes)
    except ClientError as error:
        world.same(what, error.response["Error"]["Code"], code)
        world.same(f"{what} (status)", error.response["ResponseMetadata"]["HTTPStatusCode"], 400)
        world.that(f"{what} (message)", message in error.response["Error"]["Message"], error.response["Error"]["Message"])
        return
    world.that(what, False, "not refused")


def zones(world, r53):
    made = r53.create_hosted_zone(Name="Example.com", CallerReference="one", HostedZoneConfig={"Comment": "why"})
    zone = made["HostedZone"]["Id"]
    world.same("status of a birth", made["ResponseMetadata"]["HTTPStatusCode"], 201)
    world.that("an id", zone.startswith("/hostedzone/Z"), zone)
    world.that("a location", made["Location"].endswith(zone), made["Location"])
    world.same("a name with its dot", made["HostedZone"]["Name"], "example.com.")
    world.same("four servers", len(made["DelegationSet"]["NameServers"]), 4)
    world.same("pending at first", made["ChangeInfo"]["Status"], "PENDING")
    world.refused("the same reference", "HostedZoneAlreadyExists", r53.create_hosted_zone, 409, Name="example.org", CallerReference="one")
    world.refused("no name", "InvalidDomainName", r53.create_hosted_zone, 400, Name="bad..name", CallerReference="two")
    r53.get_waiter("resource_record_sets_changed").wait(Id=made["ChangeInfo"]["Id"])
    seen = r53.get_hosted_zone(Id=zone)
    world.same("as made", (seen["HostedZone"]["ResourceRecordSetCount"], seen["HostedZone"]["Config"]["Comment"]), (2, "why"))
    world.same("same servers", seen["DelegationSet"]["NameServers"], made["DelegationSet"]["NameServers"])
    world.refused("an unknown zone", "NoSuchHostedZone", r53.get_hosted_zone, 404, Id="Z0000000000000")
    world.refused("an unknown change", "NoSuchChange", r53.get_change, 404, Id="C0000000000000")
    r53.update_hosted_zone_comment(Id=zone, Comment="because")
    world.same("comment", r53.get_hosted_zone(Id=zone)["HostedZone"]["Config"]["Comment"], "because")
    world.same("count", r53.get_hosted_zone_count()["HostedZoneCount"], 1)
    world.same("limit", r53.get_hosted_zone_limit(Type="MAX_RRSETS_BY_ZONE", HostedZoneId=zone)["Count"], 2)
    r53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone.split("/")[-1], AddTags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    r53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone.split("/")[-1], RemoveTagKeys=["a"])
    tags = r53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone.split("/")[-1])["ResourceTagSet"]["Tags"]
    world.same("tags", tags, [{"Key": "b", "Value": "2"}])
    return zone


def changes(world, r53, zone):
    info = batch(r53, zone, ("CREATE", record("www.example.com", values=("192.0.2.1", "192.0.2.2"))))
    world.same("a change is pending", r53.get_change(Id=info["Id"])["ChangeInfo"]["Status"], "PENDING")
    world.wait(61)
    world.same("and in sync within a minute", r53.get_change(Id=info["Id"])["ChangeInfo"]["Status"], "INSYNC")
    answer = r53.test_dns_answer(HostedZoneId=zone, RecordName="www.example.com", RecordType="A")
    world.same("the answer", (answer["ResponseCode"], sorted(answer["RecordData"])), ("NOERROR", ["192.0.2.1", "192.0.2.2"]))
    exists = "[Tried to create resource record set [name='www.example.com.', type='A'] but it already exists]"
    says(world, "created twice", "InvalidChangeBatch", exists, r53, zone, ("CREATE", record("www.example.com")))
    differs = "[Tried to delete resource record set [name='www.example.com.', type='A'] but the values provided do not match the current values]"
    says(world, "deleted with one value", "InvalidChangeBatch", differs, r53, zone, ("DELETE", record("www.example.com")))
    says(world, "deleted with another TTL", "InvalidChangeBatch", differs, r53, zone, ("DELETE", record("www.example.com", ttl=61, values=("192.0.2.1", "192.0.2.2"))))
    missing = "[Tried to delete resource record set [name='no.example.com.', type='A'] but it was not found]"
    says(world, "deleted before it is there", "InvalidChangeBatch", missing, r53, zone, ("CREATE", record("new.example.com")), ("DELETE", record("no.example.com")))
    world.same("nothing of a refused batch stays", r53.test_dns_answer(HostedZoneId=zone, RecordName="new.example.com", RecordType="A")["ResponseCode"], "NXDOMAIN")
    two = record("www.example.com", values=("192.0.2.2", "192.0.2.1"))
    batch(r53, zone, ("DELETE", two), ("CREATE", record("www.example.com", values=("192.0.2.9",))))
    says(world, "swapped against what was", "InvalidChangeBatch", differs.rstrip("]"), r53, zone, ("DELETE", two), ("CREATE", record("www.example.com")))
    batch(r53, zone, ("UPSERT", record("www.example.com", values=("192.0.2.10",))), ("UPSERT", record("fresh.example.com")))
    world.wait(61)
    seen = r53.list_resource_record_sets(HostedZoneId=zone, StartRecordName="www.example.com", StartRecordType="A", MaxItems="1")
    world.same("upserted", seen["ResourceRecordSets"][0]["ResourceRecords"], [{"Value": "192.0.2.10"}])
    many = [("UPSERT", record(f"n{n}.example.com")) for n in range(501)]
    says(world, "an UPSERT counts twice", "InvalidChangeBatch", "Number of records limit of 1000 exceeded.", r53, zone, *many)
    long = [("CREATE", record(f"t{n}.example.com", "TXT", ('"' + "x" * 250 + '"',))) for n in range(130)]
    says(world, "too many characters", "InvalidChangeBatch", "Number of characters limit of 32000 exceeded.", r53, zone, *long)


def values(world, r53, zone):
    expected = "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none"
    without = record("x.example.com")
    del without["TTL"]
    says(world, "values need a TTL", "InvalidInput", expected, r53, zone, ("CREATE", without))
    alias = {"Name": "x.example.com", "Type": "A", "TTL": 60, "AliasTarget": {"HostedZoneId": zone.split("/")[-1], "DNSName": "www.example.com", "EvaluateTargetHealth": False}}
    says(world, "an alias has none", "InvalidInput", "found more than one", r53, zone, ("CREATE", alias))
    for kind, good, bad in (
        ("A", "192.0.2.1", "example.com"),
        ("AAAA", "2001:db8::1", "192.0.2.1"),
        ("CNAME", "target.example.org", "two words"),
        ("MX", "10 mail.example.org.", "mail.example.org."),
        ("TXT", '"one" "two"', "bare"),
        ("SRV", "1 1 443 a.example.org", "a.example.org"),
        ("CAA", '0 issue "amazon.com"', "issue amazon.com"),
        ("PTR", "a.example.org", ""),
        ("NS", "ns.example.org.", "ns one"),
    ):
        name = f"kind-{kind.lower()}.example.com"
        if bad:
            says(world, f"a bad {kind}", "InvalidChangeBatch", "Invalid Resource Record: 'FATAL problem: ", r53, zone, ("CREATE", record(name, kind, (bad,))))
        batch(r53, zone, ("CREATE", record(name, kind, (good,))), ("DELETE", record(name, kind, (good,))))
        world.that(f"a good {kind}", True)
    says(world, "a value twice", "InvalidChangeBatch", "Duplicate Resource Record: '192.0.2.1'", r53, zone, ("CREATE", record("x.example.com", values=("192.0.2.1", "192.0.2.1"))))


def names(world, r53, zone):
    says(world, "a CNAME at the apex", "InvalidChangeBatch", "RRSet of type CNAME with DNS name example.com. is not permitted at apex in zone example.com.", r53, zone, ("CREATE", record("example.com", "CNAME", ("a.example.org",))))
    says(world, "a CNAME beside others", "InvalidChangeBatch", "is not permitted", r53, zone, ("CREATE", record("www.example.com", "CNAME", ("a.example.org",))))
    says(world, "outside the zone", "InvalidChangeBatch", "RRSet with DNS name www.example.org. is not permitted in zone example.com.", r53, zone, ("CREATE", record("www.example.org")))
    soa = next(r for r in r53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"] if r["Type"] == "SOA")
    says(world, "the zone keeps its SOA", "InvalidChangeBatch", "A HostedZone must contain exactly one SOA record.", r53, zone, ("DELETE", soa))
    batch(r53, zone, ("CREATE", record("*.Wild.example.com")))
    seen = [r["Name"] for r in r53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]]
    world.that("stars are escaped", "\\052.wild.example.com." in seen, seen)
    world.wait(61)
    answer = lambda name: r53.test_dns_answer(HostedZoneId=zone, RecordName=name, RecordType="A")["ResponseCode"]
    world.same("a wildcard covers", answer("any.wild.example.com"), "NOERROR")
    world.same("an absent name", answer("absent.example.com"), "NXDOMAIN")
    batch(r53, zone, ("DELETE", record("\\052.wild.example.com")))


def policies(world, r53, zone):
    routed = lambda name, identifier, **more: record(name, SetIdentifier=identifier, **more)
    says(world, "weight without identifier", "InvalidInput", "Missing field 'SetIdentifier'", r53, zone, ("CREATE", record("w.example.com", Weight=1)))
    says(world, "identifier without policy", "InvalidInput", "but found none", r53, zone, ("CREATE", routed("w.example.com", "a")))
    says(world, "two policies", "InvalidInput", "but found more than one", r53, zone, ("CREATE", routed("w.example.com", "a", Weight=1, Region="us-west-2")))
    batch(r53, zone, ("CREATE", routed("w.example.com", "a", Weight=1)), ("CREATE", routed("w.example.com", "b", Weight=0)))
    says(world, "simple beside weighted", "InvalidChangeBatch", "as other RRSets exist with the same name and type", r53, zone, ("CREATE", record("w.example.com")))
    says(world, "latency beside weighted", "InvalidChangeBatch", "because a non-latency RRSet with the same name and type already exists", r53, zone, ("CREATE", routed("w.example.com", "c", Region="us-west-2")))
    try:
        batch(r53, zone, ("CREATE", routed("f.example.com", "p", Failover="PRIMARY", HealthCheckId="00000000-0000-0000-0000-000000000000")))
        world.that("an unknown check", False)
    except ClientError as error:
        world.same("an unknown check", (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]), ("NoSuchHealthCheck", 404))
    check = r53.create_health_check(CallerReference="f", HealthCheckConfig={"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80, "Disabled": True})["HealthCheck"]["Id"]
    batch(
        r53,
        zone,
        ("CREATE", routed("f.example.com", "p", values=("192.0.2.1",), Failover="PRIMARY", HealthCheckId=check)),
        ("CREATE", routed("f.example.com", "s", values=("192.0.2.2",), Failover="SECONDARY")),
    )
    says(world, "a second primary", "InvalidChangeBatch", "already exists", r53, zone, ("CREATE", routed("f.example.com", "q", Failover="PRIMARY", HealthCheckId=check)))
    world.wait(61)
    answer = lambda name: r53.test_dns_answer(HostedZoneId=zone, RecordName=name, RecordType="A")["RecordData"]
    world.same("the primary", answer("f.example.com"), ["192.0.2.1"])
    r53.update_health_check(HealthCheckId=check, Inverted=True)
    world.same("the secondary", answer("f.example.com"), ["192.0.2.2"])
    r53.update_health_check(HealthCheckId=check, Inverted=False)
    world.same("weight zero is not drawn", {tuple(answer("w.example.com")) for _ in range(5)}, {("192.0.2.1",)})
    geo = lambda identifier, value, **place: routed("g.example.com", identifier, values=(value,), GeoLocation=place)
    batch(r53, zone, ("CREATE", geo("eu", "192.0.2.3", ContinentCode="EU")), ("CREATE", geo("all", "192.0.2.4", CountryCode="*")))
    says(world, "a place twice", "InvalidChangeBatch", "already exists", r53, zone, ("CREATE", geo("other", "192.0.2.5", ContinentCode="EU")))
    batch(r53, zone, *[("CREATE", routed("m.example.com", str(n), values=(f"192.0.2.{n}",), MultiValueAnswer=True)) for n in (1, 2)])
    world.wait(61)
    world.same("the default place", answer("g.example.com"), ["192.0.2.4"])
    world.same("several at once", sorted(answer("m.example.com")), ["192.0.2.1", "192.0.2.2"])
    swap = [("DELETE", routed("w.example.com", "a", Weight=1)), ("DELETE", routed("w.example.com", "b", Weight=0)), ("CREATE", record("w.example.com"))]
    batch(r53, zone, *swap)
    world.that("weighted becomes simple in one batch", True)


def aliases(world, r53, zone):
    own = zone.split("/")[-1]
    alias = lambda name, target, of=own: {"Name": name, "Type": "A", "AliasTarget": {"HostedZoneId": of, "DNSName": target, "EvaluateTargetHealth": True}}
    says(world, "an alias to nothing", "InvalidChangeBatch", "but that target was not found", r53, zone, ("CREATE", alias("example.com", "none.example.com")))
    elsewhere = "Tried to create an alias that targets a.example.org., type A in zone " + own + ", but the alias target name does not lie within the target zone"
    says(world, "an alias to elsewhere", "InvalidChangeBatch", elsewhere, r53, zone, ("CREATE", alias("example.com", "a.example.org")))
    batch(r53, zone, ("CREATE", alias("example.com", "www.example.com")))
    world.wait(61)
    answer = r53.test_dns_answer(HostedZoneId=zone, RecordName="example.com", RecordType="A")
    world.same("an alias at the apex", answer["RecordData"], ["192.0.2.10"])
    listed = next(r for r in r53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"] if "AliasTarget" in r)
    world.that("no TTL in the list", "TTL" not in listed, listed)
    from elbv2 import network

    ec2, elb = world.client("ec2"), world.client("elbv2")
    _, subnets, group = network(ec2)
    balancer = elb.create_load_balancer(Name="front", Subnets=subnets[:2], SecurityGroups=[group])["LoadBalancers"][0]
    target, of = balancer["DNSName"], balancer["CanonicalHostedZoneId"]
    says(world, "a balancer of another region's zone", "InvalidChangeBatch", "does not lie within the target zone", r53, zone, ("CREATE", alias("lb.example.com", target, "Z32O12XQLNTSW2")))
    batch(r53, zone, ("CREATE", alias("lb.example.com", f"dualstack.{target}", of)))
    elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[balancer["LoadBalancerArn"]])
    world.wait(61)
    answer = r53.test_dns_answer(HostedZoneId=zone, RecordName="lb.example.com", RecordType="A")
    world.same("a balancer's addresses", (answer["ResponseCode"], len(answer["RecordData"])), ("NOERROR", 2))


def lists(world, r53, zone):
    whole = r53.list_resource_record_sets(HostedZoneId=zone)
    key = lambda r: (r["Name"], r["Type"], r.get("SetIdentifier"))
    world.same("not cut", whole["IsTruncated"], False)
    for size in (1, 2, 300):
        pages = r53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone, PaginationConfig={"PageSize": size})
        world.same(f"records by pages of {size}", [key(r) for page in pages for r in page["ResourceRecordSets"]], [key(r) for r in whole["ResourceRecordSets"]])
    turned = [".".join(reversed(r["Name"].rstrip(".").split("."))) + "." for r in whole["ResourceRecordSets"]]
    world.same("sorted by turned names", turned, sorted(turned))
    world.refused("a type without a name", "InvalidInput", r53.list_resource_record_sets, 400, HostedZoneId=zone, StartRecordType="A")
    for n in range(3):
        r53.create_hosted_zone(Name=f"z{n}.org", CallerReference=f"z{n}")
    for size in (1, 2, 100):
        pages = r53.get_paginator("list_hosted_zones").paginate(PaginationConfig={"PageSize": size})
        world.same(f"zones by pages of {size}", len([z for page in pages for z in page["HostedZones"]]), 4)
    first = r53.list_hosted_zones_by_name(MaxItems="2")
    world.same("zones by name", [z["Name"] for z in first["HostedZones"]], ["example.com.", "z0.org."])
    second = r53.list_hosted_zones_by_name(DNSName=first["NextDNSName"], HostedZoneId=first["NextHostedZoneId"])
    world.same("and the rest", [z["Name"] for z in second["HostedZones"]], ["z1.org.", "z2.org."])


def health_checks(world, r53):
    config = {"Type": "HTTP", "IPAddress": "203.0.113.99", "Port": 80, "RequestInterval": 10, "FailureThreshold": 2}
    made = r53.create_health_check(CallerReference="h", HealthCheckConfig=config)
    world.same("status of a birth", made["ResponseMetadata"]["HTTPStatusCode"], 201)
    again = r53.create_health_check(CallerReference="h", HealthCheckConfig=config)
    world.same("once per reference", again["HealthCheck"]["Id"], made["HealthCheck"]["Id"])
    world.refused("another of that reference", "HealthCheckAlreadyExists", r53.create_health_check, 409, CallerReference="h", HealthCheckConfig={**config, "Port": 81})
    world.refused("an interval of its own", "InvalidInput", r53.create_health_check, 400, CallerReference="i", HealthCheckConfig={**config, "RequestInterval": 20})
    world.refused("no endpoint", "InvalidInput", r53.create_health_check, 400, CallerReference="i", HealthCheckConfig={"Type": "HTTP"})
    check = made["HealthCheck"]["Id"]
    world.wait(60)
    reports = [o["StatusReport"]["Status"] for o in r53.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"]]
    world.that("nobody is there", len(reports) >= 3 and all(r.startswith("Failure") for r in reports), reports)
    world.refused("an old version", "HealthCheckVersionMismatch", r53.update_health_check, 409, HealthCheckId=check, HealthCheckVersion=7, Port=81)
    changed = r53.update_health_check(HealthCheckId=check, HealthCheckVersion=1, ResourcePath="/up")
    world.same("changed", (changed["HealthCheck"]["HealthCheckVersion"], changed["HealthCheck"]["HealthCheckConfig"]["ResourcePath"]), (2, "/up"))
    whole = r53.create_health_check(CallerReference="c", HealthCheckConfig={"Type": "CALCULATED", "ChildHealthChecks": [check], "HealthThreshold": 1})
    pages = r53.get_paginator("list_health_checks").paginate(PaginationConfig={"PageSize": 1})
    world.same("all by pages", len([c for page in pages for c in page["HealthChecks"]]), r53.get_health_check_count()["HealthCheckCount"])
    r53.delete_health_check(HealthCheckId=whole["HealthCheck"]["Id"])
    r53.delete_health_check(HealthCheckId=check)
    world.refused("gone", "NoSuchHealthCheck", r53.get_health_check, 404, HealthCheckId=check)


def private(world, r53):
    ec2 = world.client("ec2")
    vpcs = [ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in (8, 9)]
    seat = [{"VPCRegion": "us-west-2", "VPCId": vpc} for vpc in vpcs]
    made = r53.create_hosted_zone(Name="inside.example", CallerReference="p", VPC=seat[0], HostedZoneConfig={"PrivateZone": True})
    zone = made["HostedZone"]["Id"]
    world.same("private", made["HostedZone"]["Config"]["PrivateZone"], True)
    world.refused("the name twice in a VPC", "ConflictingDomainExists", r53.create_hosted_zone, 400, Name="inside.example", CallerReference="q", VPC=seat[0])
    world.refused("an unknown VPC", "InvalidVPCId", r53.associate_vpc_with_hosted_zone, 400, HostedZoneId=zone, VPC={"VPCRegion": "us-west-2", "VPCId": "vpc-0123456789abcdef0"})
    world.refused("the last VPC", "LastVPCAssociation", r53.disassociate_vpc_from_hosted_zone, 400, HostedZoneId=zone, VPC=seat[0])
    r53.associate_vpc_with_hosted_zone(HostedZoneId=zone, VPC=seat[1])
    world.wait(61)
    world.same("two VPCs", len(r53.get_hosted_zone(Id=zone)["VPCs"]), 2)
    world.same("seen from a VPC", [z["Name"] for z in r53.list_hosted_zones_by_vpc(VPCId=vpcs[1], VPCRegion="us-west-2")["HostedZoneSummaries"]], ["inside.example."])
    r53.disassociate_vpc_from_hosted_zone(HostedZoneId=zone, VPC=seat[0])
    public = next(z for z in r53.list_hosted_zones()["HostedZones"] if z["Name"] == "example.com.")["Id"]
    world.refused("a public zone has no VPC", "PublicZoneVPCAssociation", r53.associate_vpc_with_hosted_zone, 400, HostedZoneId=public, VPC=seat[0])
    r53.delete_hosted_zone(Id=zone)


def collections(world, r53):
    made = r53.create_cidr_collection(Name="offices", CallerReference="c")["Collection"]
    r53.change_cidr_collection(Id=made["Id"], CollectionVersion=1, Changes=[{"LocationName": "one", "Action": "PUT", "CidrList": ["198.51.100.0/24"]}])
    world.refused("an old version", "CidrCollectionVersionMismatchException", r53.change_cidr_collection, 409, Id=made["Id"], CollectionVersion=1, Changes=[{"LocationName": "one", "Action": "PUT", "CidrList": ["192.0.2.0/24"]}])
    world.same("blocks", r53.list_cidr_blocks(CollectionId=made["Id"])["CidrBlocks"], [{"CidrBlock": "198.51.100.0/24", "LocationName": "one"}])
    world.refused("not empty", "CidrCollectionInUseException", r53.delete_cidr_collection, 400, Id=made["Id"])


def permissions(world, r53, zone):
    from s3 import user

    own = f"arn:aws:route53:::hostedzone/{zone.split('/')[-1]}"
    names = {"ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": ["mine.example.com"]}}
    may = user(
        world,
        "names",
        {"Effect": "Allow", "Action": "route53:ChangeResourceRecordSets", "Resource": own, "Condition": names},
        {"Effect": "Allow", "Action": "route53:GetChange", "Resource": "arn:aws:route53:::change/*"},
    )("route53", "us-east-1")
    info = batch(may, zone, ("UPSERT", record("Mine.example.com")))
    world.same("one's own name", may.get_change(Id=info["Id"])["ChangeInfo"]["Status"], "PENDING")
    one = lambda name: dict(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record(name)}]})
    world.refused("another's name", "AccessDenied", may.change_resource_record_sets, 403, **one("www.example.com"))
    world.refused("a list", "AccessDenied", may.list_resource_record_sets, 403, HostedZoneId=zone)


def command_line(world, zone):
    change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record("cli.example.com")}]}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "batch.json"
        path.write_text(json.dumps(change))
        code, out, errors = world.cli("route53", "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", f"file://{path}")
    world.same(f"aws route53 change: {errors}", code, 0)
    code, _, errors = world.cli("route53", "list-hosted-zones-by-name", "--dns-name", "example.com")
    world.same(f"aws route53 list: {errors}", code, 0)
    code, _, errors = world.cli("route53", "get-hosted-zone", "--id", "Z000000000000")
    world.that("an error by its code", code != 0 and "NoSuchHostedZone" in errors, (code, errors))


def removal(world, r53, zone):
    world.refused("not empty", "HostedZoneNotEmpty", r53.delete_hosted_zone, 400, Id=zone)
    pages = r53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
    rows = [r for page in pages for r in page["ResourceRecordSets"] if not (r["Name"] == "example.com." and r["Type"] in ("NS", "SOA"))]
    batch(r53, zone, *[("DELETE", r) for r in rows])
    r53.delete_hosted_zone(Id=zone)
    world.refused("gone", "NoSuchHostedZone", r53.get_hosted_zone, 404, Id=zone)
