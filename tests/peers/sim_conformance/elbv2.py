"""Elastic Load Balancing: balancers, listeners, rules, target groups, health, as AWS documents them."""

from ec2 import by


def network(ec2):
    """A VPC with an internet gateway and subnets in two zones, and a group."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-west-2{zone}")["Subnet"]["SubnetId"]
        for n, zone in enumerate("abc")
    ]
    group = ec2.create_security_group(GroupName="front", Description="front", VpcId=vpc)["GroupId"]
    return vpc, subnets, group


def certificate(world, names, region="us-west-2"):
    """A certificate, proven in DNS."""
    acm, route53 = world.client("acm", region), world.client("route53", "us-east-1")
    zones = route53.list_hosted_zones()["HostedZones"]
    if not zones:
        route53.create_hosted_zone(Name="example.com", CallerReference="zone")
        zones = route53.list_hosted_zones()["HostedZones"]
    arguments = {"SubjectAlternativeNames": names[1:]} if names[1:] else {}
    arn = acm.request_certificate(DomainName=names[0], ValidationMethod="DNS", **arguments)["CertificateArn"]
    world.wait(60)
    for option in acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]:
        record = option["ResourceRecord"]
        route53.change_resource_record_sets(
            HostedZoneId=zones[0]["Id"],
            ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": {
                "Name": record["Name"], "Type": record["Type"], "TTL": 60, "ResourceRecords": [{"Value": record["Value"]}],
            }}]},
        )
    # The waiter gives up after five minutes, and ACM may take ten.
    world.wait(900)
    acm.get_waiter("certificate_validated").wait(CertificateArn=arn)
    return arn


def says(status, body=""):
    return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": status, "ContentType": "text/plain", "MessageBody": body}}]


def checks(world):
    ec2, elb = world.client("ec2"), world.client("elbv2")
    vpc, subnets, group = network(ec2)
    balancer = balancers(world, ec2, elb, subnets, group)
    target_group = target_groups(world, elb, vpc)
    listener = listeners(world, elb, balancer, target_group)
    rules(world, elb, listener, target_group)
    secure(world, elb, balancer)
    targets(world, ec2, elb, vpc, subnets, group, target_group)
    served(world, ec2, elb, vpc, subnets, group, target_group)
    network_balancer(world, ec2, elb, vpc, subnets)
    facts(world, elb)
    command_line(world)
    removal(world, ec2, elb, vpc, subnets, group, balancer, target_group)


def balancers(world, ec2, elb, subnets, group):
    wanted = dict(Name="redmine", Subnets=subnets[:2], SecurityGroups=[group], Tags=[{"Key": "stack", "Value": "redmine"}])
    for what, code, change in [
        ("one zone", "ValidationError", {"Subnets": subnets[:1]}),
        ("a subnet that is not", "SubnetNotFound", {"Subnets": [subnets[0], "subnet-0123456789abcdef0"]}),
        ("a group that is not", "InvalidSecurityGroup", {"SecurityGroups": ["sg-0123456789abcdef0"]}),
        ("a long name", "ValidationError", {"Name": "x" * 33}),
        ("a reserved name", "ValidationError", {"Name": "internal-x"}),
        ("a name with a dash at the end", "ValidationError", {"Name": "x-"}),
    ]:
        world.refused(what, code, elb.create_load_balancer, 400, **{**wanted, **change})
    made = elb.create_load_balancer(**wanted)["LoadBalancers"][0]
    arn = made["LoadBalancerArn"]
    world.same("a balancer begins provisioning", made["State"]["Code"], "provisioning")
    world.same("its hosted zone is the region's", made["CanonicalHostedZoneId"], "Z1H1FL5HABSF5")
    world.that("its name", made["DNSName"].startswith("redmine-") and made["DNSName"].endswith(".us-west-2.elb.amazonaws.com"), made["DNSName"])
    world.same("made once", elb.create_load_balancer(**wanted)["LoadBalancers"][0]["LoadBalancerArn"], arn)
    world.refused("another of its name", "DuplicateLoadBalancerName", elb.create_load_balancer, 400, **{**wanted, "Scheme": "internal"})
    elb.get_waiter("load_balancer_exists").wait(LoadBalancerArns=[arn])
    elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn])
    world.same("it becomes active", elb.describe_load_balancers(Names=["redmine"])["LoadBalancers"][0]["State"]["Code"], "active")
    world.refused("a balancer that is not", "LoadBalancerNotFound", elb.describe_load_balancers, 400, Names=["none"])
    found = ec2.describe_network_interfaces(Filters=by("description", "ELB app/redmine/*"))["NetworkInterfaces"]
    world.same("an interface in each subnet", sorted(i["SubnetId"] for i in found), sorted(subnets[:2]))
    world.that("with public addresses", all(i.get("Association", {}).get("PublicIp") for i in found))
    world.that("of the service's", all(i["RequesterManaged"] and i["RequesterId"] == "amazon-elb" for i in found))
    attributes = {a["Key"]: a["Value"] for a in elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]}
    for key, value in [
        ("deletion_protection.enabled", "false"), ("idle_timeout.timeout_seconds", "60"),
        ("client_keep_alive.seconds", "3600"), ("routing.http2.enabled", "true"),
    ]:
        world.same(f"default of {key}", attributes.get(key), value)

    def put(key, value):
        return elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": value}])

    changed = {a["Key"]: a["Value"] for a in put("client_keep_alive.seconds", "180")["Attributes"]}
    world.same("keep-alive lowered", changed["client_keep_alive.seconds"], "180")
    world.refused("an unknown attribute", "ValidationError", lambda: put("nonsense", "1"), 400)
    world.refused("a bad value", "InvalidConfigurationRequest", lambda: put("idle_timeout.timeout_seconds", "0"), 400)
    put("deletion_protection.enabled", "true")
    world.refused("a protected balancer removed", "OperationNotPermitted", elb.delete_load_balancer, 400, LoadBalancerArn=arn)
    put("deletion_protection.enabled", "false")
    zones = elb.set_subnets(LoadBalancerArn=arn, Subnets=[subnets[0], subnets[2]])["AvailabilityZones"]
    world.same("moved to other subnets", sorted(z["SubnetId"] for z in zones), sorted([subnets[0], subnets[2]]))
    world.same("its groups set", elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[group])["SecurityGroupIds"], [group])
    tags = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    world.same("its tags", tags, [{"Key": "stack", "Value": "redmine"}])
    elb.add_tags(ResourceArns=[arn], Tags=[{"Key": "more", "Value": "1"}])
    elb.remove_tags(ResourceArns=[arn], TagKeys=["stack"])
    tags = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    world.same("its tags changed", tags, [{"Key": "more", "Value": "1"}])
    return arn


def target_groups(world, elb, vpc):
    wanted = dict(Name="redmine", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
    for what, change in [
        ("a long name", {"Name": "x" * 33}),
        ("a path without a slash", {"HealthCheckPath": "health"}),
        ("a bad matcher", {"Matcher": {"HttpCode": "900"}}),
        ("a time-out above the interval", {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 10}),
        ("a VPC that is not", {"VpcId": "vpc-0123456789abcdef0"}),
        ("a bad port to check", {"HealthCheckPort": "some"}),
    ]:
        world.refused(what, "ValidationError", elb.create_target_group, 400, **{**wanted, **change})
    made = elb.create_target_group(**wanted)["TargetGroups"][0]
    arn = made["TargetGroupArn"]
    for member, value in [
        ("HealthCheckIntervalSeconds", 30), ("HealthCheckTimeoutSeconds", 5), ("HealthyThresholdCount", 5),
        ("UnhealthyThresholdCount", 2), ("HealthCheckPath", "/"), ("HealthCheckPort", "traffic-port"),
        ("HealthCheckProtocol", "HTTP"), ("Matcher", {"HttpCode": "200"}), ("ProtocolVersion", "HTTP1"), ("TargetType", "ip"),
    ]:
        world.same(f"default of {member}", made.get(member), value)
    world.same("made once", elb.create_target_group(**wanted)["TargetGroups"][0]["TargetGroupArn"], arn)
    world.refused("another of its name", "DuplicateTargetGroupName", elb.create_target_group, 400, **{**wanted, "Port": 81})
    tuned = elb.modify_target_group(
        TargetGroupArn=arn, HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2, Matcher={"HttpCode": "200-399"}
    )["TargetGroups"][0]
    world.same("tuned", (tuned["HealthCheckIntervalSeconds"], tuned["Matcher"]["HttpCode"]), (5, "200-399"))
    attributes = {a["Key"]: a["Value"] for a in elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]}
    for key, value in [
        ("deregistration_delay.timeout_seconds", "300"), ("stickiness.enabled", "false"), ("slow_start.duration_seconds", "0"),
        ("load_balancing.algorithm.type", "round_robin"),
    ]:
        world.same(f"default of {key}", attributes.get(key), value)
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}])
    world.refused("a target group that is not", "TargetGroupNotFound", elb.describe_target_groups, 400, Names=["none"])
    return arn


def listeners(world, elb, balancer, target_group):
    wanted = dict(LoadBalancerArn=balancer, Protocol="HTTP", Port=80)
    forward = [{"Type": "forward", "TargetGroupArn": target_group}]
    nobody = target_group[:-1] + "z"
    for what, code, change in [
        ("a protocol of the other kind", "ValidationError", {"Protocol": "TCP", "DefaultActions": forward}),
        ("no target group", "TargetGroupNotFound", {"DefaultActions": [{"Type": "forward", "TargetGroupArn": nobody}]}),
        ("a fixed 302", "ValidationError", {"DefaultActions": says("302")}),
        ("two actions", "InvalidLoadBalancerAction", {"DefaultActions": says("200") + forward}),
        ("a redirect to itself", "InvalidLoadBalancerAction", {"DefaultActions": [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}]}),
        ("a certificate on HTTP", "ValidationError", {"DefaultActions": forward, "Certificates": [{"CertificateArn": "arn:aws:acm:us-west-2:111122223333:certificate/x"}]}),
    ]:
        world.refused(what, code, elb.create_listener, 400, **{**wanted, **change})
    made = elb.create_listener(**wanted, DefaultActions=forward, Tags=[{"Key": "a", "Value": "b"}])["Listeners"][0]
    arn = made["ListenerArn"]
    world.same("a forward in full", made["DefaultActions"][0]["ForwardConfig"]["TargetGroups"], [{"TargetGroupArn": target_group, "Weight": 1}])
    world.refused("a port taken", "DuplicateListener", elb.create_listener, 400, **wanted, DefaultActions=forward)
    world.same("found by its balancer", [l["ListenerArn"] for l in elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]], [arn])
    world.refused("neither balancer nor listener", "ValidationError", elb.describe_listeners, 400)
    world.refused("a listener that is not", "ListenerNotFound", elb.describe_listeners, 400, ListenerArns=[arn[:-1] + "z"])
    fenced = elb.modify_listener(ListenerArn=arn, DefaultActions=says("503", "moving"))["Listeners"][0]
    world.same("fenced", fenced["DefaultActions"][0]["FixedResponseConfig"]["StatusCode"], "503")
    elb.modify_listener(ListenerArn=arn, DefaultActions=forward)
    seen = elb.describe_target_groups(LoadBalancerArn=balancer)["TargetGroups"]
    world.same("a target group knows its balancer", seen[0]["LoadBalancerArns"], [balancer])
    world.refused("a target group in use", "ResourceInUse", elb.delete_target_group, 400, TargetGroupArn=target_group)
    attributes = {a["Key"] for a in elb.describe_listener_attributes(ListenerArn=arn)["Attributes"]}
    world.that("listener attributes", "routing.http.response.server.enabled" in attributes)
    return arn


def rules(world, elb, listener, target_group):
    path = [{"Field": "path-pattern", "Values": ["/api/*"]}]
    made = elb.create_rule(ListenerArn=listener, Priority=10, Conditions=path, Actions=says("200", "api"))["Rules"][0]
    world.same("a condition in both spellings", made["Conditions"][0]["PathPatternConfig"], {"Values": ["/api/*"]})
    host = [{"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}}]
    other = elb.create_rule(ListenerArn=listener, Priority=20, Conditions=host, Actions=[{"Type": "forward", "TargetGroupArn": target_group}])["Rules"][0]
    for what, code, change in [
        ("a priority taken", "PriorityInUse", {"Priority": 20}),
        ("a field that is not", "ValidationError", {"Conditions": [{"Field": "weather", "Values": ["fine"]}]}),
        ("no value", "ValidationError", {"Conditions": [{"Field": "path-pattern", "Values": []}]}),
    ]:
        world.refused(what, code, elb.create_rule, 400, **{**dict(ListenerArn=listener, Priority=30, Conditions=path, Actions=says("200")), **change})
    world.refused("a listener that is not", "ListenerNotFound", elb.create_rule, 400, ListenerArn=listener[:-1] + "z", Priority=1, Conditions=path, Actions=says("200"))
    elb.set_rule_priorities(RulePriorities=[{"RuleArn": made["RuleArn"], "Priority": 20}, {"RuleArn": other["RuleArn"], "Priority": 10}])
    seen = elb.describe_rules(ListenerArn=listener)["Rules"]
    world.same("they changed places", [r["RuleArn"] for r in seen[:2]], [other["RuleArn"], made["RuleArn"]])
    world.same("the default comes last", (seen[2]["Priority"], seen[2]["IsDefault"]), ("default", True))
    world.refused("the default removed", "OperationNotPermitted", elb.delete_rule, 400, RuleArn=seen[2]["RuleArn"])
    changed = elb.modify_rule(RuleArn=made["RuleArn"], Actions=says("404"))["Rules"][0]
    world.same("a rule changed", changed["Actions"][0]["FixedResponseConfig"]["StatusCode"], "404")
    for rule in (made, other):
        elb.delete_rule(RuleArn=rule["RuleArn"])
    world.refused("a rule removed twice", "RuleNotFound", elb.delete_rule, 400, RuleArn=made["RuleArn"])


def secure(world, elb, balancer):
    wanted = dict(LoadBalancerArn=balancer, Protocol="HTTPS", Port=443, DefaultActions=says("200"))
    world.refused("no certificate", "ValidationError", elb.create_listener, 400, **wanted)
    abroad = certificate(world, ["redmine.example.com"], "eu-west-1")
    world.refused("another region's", "CertificateNotFound", elb.create_listener, 400, **wanted, Certificates=[{"CertificateArn": abroad}])
    acm = world.client("acm")
    pending = acm.request_certificate(DomainName="pending.example.org", ValidationMethod="DNS")["CertificateArn"]
    world.refused("not yet issued", "UnsupportedCertificate", elb.create_listener, 400, **wanted, Certificates=[{"CertificateArn": pending}])
    issued, other = certificate(world, ["redmine.example.com"]), certificate(world, ["*.example.com"])
    world.refused("no such policy", "SSLPolicyNotFound", elb.create_listener, 400, **wanted, Certificates=[{"CertificateArn": issued}], SslPolicy="none")
    made = elb.create_listener(**wanted, Certificates=[{"CertificateArn": issued}])["Listeners"][0]
    world.same("the default policy", made["SslPolicy"], "ELBSecurityPolicy-2016-08")
    arn = made["ListenerArn"]
    elb.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": other}])
    seen = elb.describe_listener_certificates(ListenerArn=arn)["Certificates"]
    world.same("the default first", [(c["CertificateArn"], c["IsDefault"]) for c in seen], [(issued, True), (other, False)])
    world.refused("the default taken away", "OperationNotPermitted", elb.remove_listener_certificates, 400, ListenerArn=arn, Certificates=[{"CertificateArn": issued}])
    world.refused("a certificate in use", "ResourceInUseException", acm.delete_certificate, 400, CertificateArn=issued)
    elb.remove_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": other}])
    elb.delete_listener(ListenerArn=arn)
    world.refused("a listener removed twice", "ListenerNotFound", elb.delete_listener, 400, ListenerArn=arn)


def targets(world, ec2, elb, vpc, subnets, group, target_group):
    def health(**more):
        return elb.describe_target_health(TargetGroupArn=target_group, **more)["TargetHealthDescriptions"]

    world.refused("a public target", "ValidationError", elb.register_targets, 400, TargetGroupArn=target_group, Targets=[{"Id": "8.8.8.8"}])
    world.same("one that was never there", health(Targets=[{"Id": "10.0.0.99"}])[0]["TargetHealth"]["Reason"], "Target.NotRegistered")
    elb.register_targets(TargetGroupArn=target_group, Targets=[{"Id": "10.0.0.50", "Port": 80}])
    seen = health()[0]
    world.same("it begins", (seen["TargetHealth"]["State"], seen["TargetHealth"]["Reason"]), ("initial", "Elb.RegistrationInProgress"))
    world.same("checked where it serves", seen["HealthCheckPort"], "80")
    world.wait(30)
    seen = health()[0]["TargetHealth"]
    world.same("nobody is there", (seen["State"], seen["Reason"]), ("unhealthy", "Target.Timeout"))
    elb.deregister_targets(TargetGroupArn=target_group, Targets=[{"Id": "10.0.0.50", "Port": 80}])
    world.same("it drains", health()[0]["TargetHealth"]["State"], "draining")
    elb.get_waiter("target_deregistered").wait(TargetGroupArn=target_group, Targets=[{"Id": "10.0.0.50", "Port": 80}])
    world.same("and is gone", health(), [])
    unused = elb.create_target_group(Name="unused", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=unused, Targets=[{"Id": "10.0.0.51"}])
    seen = elb.describe_target_health(TargetGroupArn=unused)["TargetHealthDescriptions"][0]["TargetHealth"]
    world.same("without a listener", (seen["State"], seen["Reason"]), ("unused", "Target.NotInUse"))
    elb.delete_target_group(TargetGroupArn=unused)


def served(world, ec2, elb, vpc, subnets, group, target_group):
    """Tasks behind the balancer: healthy when they answer and are let through, reached by name from outside."""
    ecs = world.client("ecs")
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    gateway = ec2.describe_internet_gateways(Filters=by("attachment.vpc-id", vpc))["InternetGateways"][0]["InternetGatewayId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    associations = [ec2.associate_route_table(RouteTableId=table, SubnetId=s)["AssociationId"] for s in subnets]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    tasks = ec2.create_security_group(GroupName="tasks", Description="tasks", VpcId=vpc)["GroupId"]
    from_balancer = [{"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": group}]}]
    ecs.create_cluster(clusterName="main")
    ecs.register_task_definition(
        family="echo", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[{
            "name": "echo", "image": "public.ecr.aws/docker/library/http-echo:1.0", "portMappings": [{"containerPort": 8080}],
        }],
    )
    task = ecs.run_task(
        cluster="main", taskDefinition="echo", launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnets[0]], "securityGroups": [tasks], "assignPublicIp": "ENABLED"}},
    )["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_running").wait(cluster="main", tasks=[task])
    details = ecs.describe_tasks(cluster="main", tasks=[task])["tasks"][0]["attachments"][0]["details"]
    address = next(d["value"] for d in details if d["name"] == "privateIPv4Address")
    target = [{"Id": address, "Port": 8080}]
    elb.register_targets(TargetGroupArn=target_group, Targets=target)
    world.wait(60)

    def health():
        return elb.describe_target_health(TargetGroupArn=target_group, Targets=target)["TargetHealthDescriptions"][0]["TargetHealth"]

    world.same("not let through", (health()["State"], health()["Reason"]), ("unhealthy", "Target.Timeout"))
    ec2.authorize_security_group_ingress(GroupId=tasks, IpPermissions=from_balancer)
    elb.get_waiter("target_in_service").wait(TargetGroupArn=target_group, Targets=target)
    world.same("let through, it is healthy", health(), {"State": "healthy"})
    name = elb.describe_load_balancers(Names=["redmine"])["LoadBalancers"][0]["DNSName"]
    outside = {"from": "internet", "ip": "203.0.113.9"}
    found = world.control("resolve", {"name": name, "type": "A", "from": outside})
    world.same("its name is found outside", (found.get("resolved"), len(found.get("records", []))), ("records", 2))
    answer = world.control("dial", {
        "from": outside, "address": found["records"][0], "port": 80, "request": {"host": name, "path": "/hello"},
    })
    world.same("and the task answers", (answer.get("dial"), answer.get("status"), answer.get("by")), ("answer", 200, task))
    elb.deregister_targets(TargetGroupArn=target_group, Targets=target)
    elb.get_waiter("target_deregistered").wait(TargetGroupArn=target_group, Targets=target)
    ecs.stop_task(cluster="main", task=task)
    ecs.get_waiter("tasks_stopped").wait(cluster="main", tasks=[task])
    world.wait(300)
    ecs.delete_cluster(cluster="main")
    ec2.delete_security_group(GroupId=tasks)
    for association in associations:
        ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route_table(RouteTableId=table)


def network_balancer(world, ec2, elb, vpc, subnets):
    address = ec2.allocate_address(Domain="vpc")
    made = elb.create_load_balancer(
        Name="edge", Type="network", SubnetMappings=[{"SubnetId": subnets[0], "AllocationId": address["AllocationId"]}]
    )["LoadBalancers"][0]
    world.same("the zone of network balancers", made["CanonicalHostedZoneId"], "Z18D5FSROUN65G")
    world.that("its name", made["DNSName"].endswith(".elb.us-west-2.amazonaws.com"), made["DNSName"])
    world.same("its own address", made["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"], address["PublicIp"])
    arn = made["LoadBalancerArn"]
    elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn])
    group = elb.create_target_group(Name="tcp", Protocol="TCP", Port=5432, VpcId=vpc, TargetType="ip")["TargetGroups"][0]
    world.same("TCP checks by TCP", (group["HealthCheckProtocol"], group["HealthCheckTimeoutSeconds"]), ("TCP", 10))
    forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    world.refused("HTTP", "ValidationError", elb.create_listener, 400, LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward)
    world.refused("a fixed response", "InvalidLoadBalancerAction", elb.create_listener, 400, LoadBalancerArn=arn, Protocol="TCP", Port=80, DefaultActions=says("200"))
    listener = elb.create_listener(LoadBalancerArn=arn, Protocol="TCP", Port=5432, DefaultActions=forward)["Listeners"][0]["ListenerArn"]
    path = [{"Field": "path-pattern", "Values": ["/"]}]
    world.refused("rules", "UnsupportedProtocol", elb.create_rule, 400, ListenerArn=listener, Priority=1, Conditions=path, Actions=forward)
    world.refused("its address released", "InvalidIPAddress.InUse", ec2.release_address, 400, AllocationId=address["AllocationId"])
    elb.delete_load_balancer(LoadBalancerArn=arn)
    elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
    world.wait(700)
    ec2.release_address(AllocationId=address["AllocationId"])


def facts(world, elb):
    limits = {l["Name"]: l["Max"] for l in elb.describe_account_limits()["Limits"]}
    world.same("fifty balancers", limits["application-load-balancers"], "50")
    policies = elb.describe_ssl_policies(Names=["ELBSecurityPolicy-TLS13-1-2-2021-06"])["SslPolicies"]
    world.same("a policy's protocols", policies[0]["SslProtocols"], ["TLSv1.2", "TLSv1.3"])
    world.refused("no such policy", "SSLPolicyNotFound", elb.describe_ssl_policies, 400, Names=["none"])


def command_line(world):
    code, seen, _ = world.cli("elbv2", "describe-load-balancers", "--names", "redmine", "--query", "LoadBalancers[0].State.Code")
    world.same("the CLI reads", (code, seen), (0, "active"))
    code, _, errors = world.cli("elbv2", "describe-load-balancers", "--names", "none")
    world.that("the CLI is told of errors", code != 0 and "(LoadBalancerNotFound)" in errors, errors)


def removal(world, ec2, elb, vpc, subnets, group, balancer, target_group):
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    elb.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[balancer])
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    elb.delete_target_group(TargetGroupArn=target_group)
    elb.delete_target_group(TargetGroupArn=target_group)
    world.refused("its subnet at once", "DependencyViolation", ec2.delete_subnet, 400, SubnetId=subnets[0])
    world.refused("its group at once", "DependencyViolation", ec2.delete_security_group, 400, GroupId=group)
    world.wait(601)
    ec2.delete_security_group(GroupId=group)
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    world.same("no interface left", ec2.describe_network_interfaces()["NetworkInterfaces"], [])
