"""Service Quotas: defaults, applied values, requests to raise them, as AWS documents them."""

from world import ACCOUNT


def checks(world):
    quotas = world.client("service-quotas")
    vpcs = quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-F678F1CE")["Quota"]
    world.same("VPCs", [vpcs["QuotaName"], vpcs["Value"], vpcs["Adjustable"], vpcs["GlobalQuota"]],
               ["VPCs per Region", 5.0, True, False])
    world.same("its ARN", vpcs["QuotaArn"], f"arn:aws:servicequotas:us-west-2:{ACCOUNT}:vpc/L-F678F1CE")
    for service, code, name, value in (
        ("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", 5.0),
        ("vpc", "L-FE5A380F", "NAT gateways per Availability Zone", 5.0),
        ("fargate", "L-3032A538", "Fargate On-Demand vCPU resource count", 6.0),
        ("elasticloadbalancing", "L-53DA6B97", "Application Load Balancers per Region", 50.0),
        ("rds", "L-7B6409FD", "DB instances", 40.0),
        ("rds", "L-272F1212", "Manual DB instance snapshots", 100.0),
    ):
        seen = quotas.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]
        world.same(f"{service} {code}", [seen["QuotaName"], seen["Value"]], [name, value])
    world.refused("a quota not there", "NoSuchResourceException", quotas.get_service_quota, 400, ServiceCode="vpc",
                  QuotaCode="L-00000000")
    world.refused("a service not there", "NoSuchResourceException", quotas.list_service_quotas, 400, ServiceCode="none")
    services = [s["ServiceCode"] for page in quotas.get_paginator("list_services").paginate() for s in page["Services"]]
    world.that("services", {"vpc", "ec2", "rds", "fargate", "ecs", "elasticloadbalancing"} <= set(services), services)
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="rds", PaginationConfig={"PageSize": 4})
    rds = [q["QuotaCode"] for page in pages for q in page["Quotas"]]
    world.that("quotas of a service, page by page", "L-7B6409FD" in rds and len(rds) == len(set(rds)), rds)
    raised = quotas.request_service_quota_increase(ServiceCode="vpc", QuotaCode="L-F678F1CE", DesiredValue=10)["RequestedQuota"]
    world.same("a request waits", raised["Status"], "PENDING")
    world.refused("a second one", "ResourceAlreadyExistsException", quotas.request_service_quota_increase, 400,
                  ServiceCode="vpc", QuotaCode="L-F678F1CE", DesiredValue=11)
    world.refused("less than there is", "IllegalArgumentException", quotas.request_service_quota_increase, 400,
                  ServiceCode="rds", QuotaCode="L-7B6409FD", DesiredValue=1)
    ec2 = world.client("ec2")
    for n in range(5):
        ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")
    world.refused("it is enforced", "VpcLimitExceeded", ec2.create_vpc, 400, CidrBlock="10.9.0.0/16")
    world.wait(7200)
    world.same("it is approved", quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-F678F1CE")["Quota"]["Value"], 10.0)
    world.that("and enforced so", ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"])
    history = quotas.list_requested_service_quota_change_history(ServiceCode="vpc")["RequestedQuotas"]
    world.same("history", [(r["QuotaCode"], r["Status"]) for r in history], [("L-F678F1CE", "APPROVED")])
    elsewhere = world.client("service-quotas", "eu-west-1")
    world.same("the other region's is its own",
               elsewhere.get_service_quota(ServiceCode="vpc", QuotaCode="L-F678F1CE")["Quota"]["Value"], 5.0)
    code, output, errors = world.cli("service-quotas", "get-service-quota", "--service-code", "vpc", "--quota-code", "L-F678F1CE")
    world.that("the command line reads a quota", code == 0 and output["Quota"]["Value"] == 10.0, errors)
