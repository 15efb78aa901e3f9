"""ACM: certificates that wait for their records, as AWS documents them."""

import subprocess
import tempfile
import pathlib

WEST, IRELAND = "us-west-2", "eu-west-1"


def checks(world):
    west, ireland = world.client("acm", WEST), world.client("acm", IRELAND)
    route53 = world.client("route53", "us-east-1")
    zone = route53.create_hosted_zone(Name="example.com", CallerReference="zone")["HostedZone"]["Id"]
    world.wait(120)
    requests(world, west)
    issued(world, west, ireland, route53, zone)
    caa(world, west, route53, zone)
    use(world, west)
    imports(world, west)
    lists(world, west)
    command_line(world)


def put(route53, zone, name, kind, value):
    record = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]})


def described(client, arn):
    return client.describe_certificate(CertificateArn=arn)["Certificate"]


def requests(world, west):
    token = dict(DomainName="token.example.com", ValidationMethod="DNS", IdempotencyToken="once")
    first = west.request_certificate(**token)["CertificateArn"]
    world.same("one token, one certificate", west.request_certificate(**token)["CertificateArn"], first)
    world.wait(3601)
    world.that("for an hour", west.request_certificate(**token)["CertificateArn"] != first)
    names = [f"n{n}.example.com" for n in range(10)]
    world.refused("eleven names", "LimitExceededException", west.request_certificate, 400, DomainName="a.example.com", SubjectAlternativeNames=names, ValidationMethod="DNS")
    world.refused("one label", "InvalidParameterException", west.request_certificate, 400, DomainName="localhost", ValidationMethod="DNS")
    world.refused("an unknown one", "ResourceNotFoundException", west.describe_certificate, 400, CertificateArn=first[:-1] + ("0" if first[-1] != "0" else "1"))
    world.refused("no ARN of a certificate", "InvalidArnException", west.describe_certificate, 400, CertificateArn="arn:aws:s3:::some-bucket-name")
    world.refused("not issued", "RequestInProgressException", west.get_certificate, 400, CertificateArn=first)
    world.wait(73 * 3600)
    world.same("three days are too long", described(west, first)["Status"], "VALIDATION_TIMED_OUT")


def issued(world, west, ireland, route53, zone):
    ask = dict(DomainName="example.com", SubjectAlternativeNames=["*.example.com"], ValidationMethod="DNS", Tags=[{"Key": "stack", "Value": "redmine"}])
    one, two = west.request_certificate(**ask)["CertificateArn"], ireland.request_certificate(**ask)["CertificateArn"]
    world.wait(15)
    facts = described(west, one)
    world.same("pending", facts["Status"], "PENDING_VALIDATION")
    world.same("names", facts["SubjectAlternativeNames"], ["example.com", "*.example.com"])
    options = facts["DomainValidationOptions"]
    world.same("one record for name and wildcard", options[0]["ResourceRecord"], options[1]["ResourceRecord"])
    world.same("and for both regions", described(ireland, two)["DomainValidationOptions"][0]["ResourceRecord"], options[0]["ResourceRecord"])
    world.wait(1800)
    world.same("still pending without it", described(west, one)["Status"], "PENDING_VALIDATION")
    record = options[0]["ResourceRecord"]
    world.that("its form", record["Name"].startswith("_") and record["Value"].endswith(".acm-validations.aws."), record)
    put(route53, zone, record["Name"], "CNAME", record["Value"])
    world.wait(900)
    west.get_waiter("certificate_validated").wait(CertificateArn=one)
    facts = described(west, one)
    world.same("issued", (facts["Status"], facts["Type"]), ("ISSUED", "AMAZON_ISSUED"))
    world.same("proven", {o["ValidationStatus"] for o in facts["DomainValidationOptions"]}, {"SUCCESS"})
    world.that("valid for months", (facts["NotAfter"] - facts["NotBefore"]).days > 150)
    world.same("in the other region too", described(ireland, two)["Status"], "ISSUED")
    text = west.get_certificate(CertificateArn=one)
    world.that("a certificate's text", text["Certificate"].startswith("-----BEGIN CERTIFICATE-----") and "CertificateChain" in text)
    world.refused("elsewhere unknown", "ResourceNotFoundException", ireland.describe_certificate, 400, CertificateArn=one)
    west.add_tags_to_certificate(CertificateArn=one, Tags=[{"Key": "a", "Value": "1"}])
    west.remove_tags_from_certificate(CertificateArn=one, Tags=[{"Key": "stack"}])
    world.same("tags", west.list_tags_for_certificate(CertificateArn=one)["Tags"], [{"Key": "a", "Value": "1"}])
    world.refused("AWS's own tags", "InvalidTagException", west.add_tags_to_certificate, 400, CertificateArn=one, Tags=[{"Key": "aws:x", "Value": "1"}])
    ireland.delete_certificate(CertificateArn=two)
    world.refused("gone", "ResourceNotFoundException", ireland.describe_certificate, 400, CertificateArn=two)


def caa(world, west, route53, zone):
    put(route53, zone, "example.com", "CAA", '0 issue "ca.example.net"')
    world.wait(120)
    arn = west.request_certificate(DomainName="caa.example.com", ValidationMethod="DNS")["CertificateArn"]
    world.wait(15)
    record = described(west, arn)["DomainValidationOptions"][0]["ResourceRecord"]
    put(route53, zone, record["Name"], "CNAME", record["Value"])
    world.wait(900)
    facts = described(west, arn)
    world.same("another authority only", (facts["Status"], facts["FailureReason"]), ("FAILED", "CAA_ERROR"))


def use(world, west):
    from elbv2 import network, says

    ec2, elb = world.client("ec2"), world.client("elbv2")
    _, subnets, group = network(ec2)
    arn = next(c["CertificateArn"] for c in west.list_certificates(CertificateStatuses=["ISSUED"])["CertificateSummaryList"])
    balancer = elb.create_load_balancer(Name="front", Subnets=subnets[:2], SecurityGroups=[group])["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": arn}], DefaultActions=says("200"))["Listeners"][0]["ListenerArn"]
    world.same("in use by", described(west, arn)["InUseBy"], [balancer])
    world.same("to be renewed", described(west, arn)["RenewalEligibility"], "ELIGIBLE")
    world.refused("in use", "ResourceInUseException", west.delete_certificate, 400, CertificateArn=arn)
    elb.delete_listener(ListenerArn=listener)
    world.same("free", described(west, arn)["InUseBy"], [])


def imports(world, west):
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500", "-subj", "/CN=imported.example.com", "-addext", "subjectAltName=DNS:imported.example.com,DNS:other.example.com", "-keyout", str(here / "key.pem"), "-out", str(here / "cert.pem")]
        subprocess.run(command, check=True, capture_output=True)
        body, key = (here / "cert.pem").read_bytes(), (here / "key.pem").read_bytes()
    arn = west.import_certificate(Certificate=body, PrivateKey=key)["CertificateArn"]
    facts = described(west, arn)
    world.same("read from it", (facts["DomainName"], facts["SubjectAlternativeNames"], facts["Type"]), ("imported.example.com", ["imported.example.com", "other.example.com"], "IMPORTED"))
    world.same("as given", west.get_certificate(CertificateArn=arn)["Certificate"], body.decode())
    world.same("replaced in place", west.import_certificate(CertificateArn=arn, Certificate=body, PrivateKey=key)["CertificateArn"], arn)
    world.refused("no certificate", "ValidationException", west.import_certificate, 400, Certificate=b"no", PrivateKey=key)
    west.delete_certificate(CertificateArn=arn)


def lists(world, west):
    whole = [c["CertificateArn"] for c in west.list_certificates()["CertificateSummaryList"]]
    for size in (1, 2, 100):
        pages = west.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": size})
        world.same(f"by pages of {size}", [c["CertificateArn"] for page in pages for c in page["CertificateSummaryList"]], whole)
    issued = west.list_certificates(CertificateStatuses=["ISSUED"])["CertificateSummaryList"]
    world.same("by status", {c["Status"] for c in issued}, {"ISSUED"})


def command_line(world):
    code, out, errors = world.cli("acm", "list-certificates")
    world.same(f"aws acm list-certificates: {errors}", code, 0)
    code, _, errors = world.cli("acm", "describe-certificate", "--certificate-arn", "arn:aws:acm:us-west-2:111122223333:certificate/none")
    world.that("an error by its code", code != 0 and "ResourceNotFoundException" in errors, (code, errors))
