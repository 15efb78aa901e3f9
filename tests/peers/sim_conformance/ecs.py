"""ECS: clusters, task definitions, services, tasks, as AWS documents them."""

import json

ECHO = "public.ecr.aws/docker/library/http-echo:1.0"
CLIENT = "public.ecr.aws/docker/library/postgres:16"
ROLE = "execution"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def ground(world):
    """A VPC that leads to the internet, two subnets, a group that lets all in, and an execution role."""
    ec2, iam = world.client("ec2"), world.client("iam", "us-east-1")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-west-2{zone}")["Subnet"]["SubnetId"]
        for n, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="tasks", Description="tasks", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName=ROLE, PolicyName="all", PolicyDocument=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["logs:*", "ssm:GetParameters", "ecr:*"], "Resource": "*"}]}))
    world.wait(60)
    network = {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group], "assignPublicIp": "ENABLED"}}
    return vpc, subnets, group, role, network


def definition(role, family, image=ECHO, **more):
    container = {"name": "app", "image": image, "portMappings": [{"containerPort": 8080}], **more}
    return dict(family=family, networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
                executionRoleArn=role, containerDefinitions=[container])


def checks(world):
    ecs = world.client("ecs")
    vpc, subnets, group, role, network = ground(world)
    clusters(world, ecs)
    task_definitions(world, ecs, role)
    services(world, ecs, role, network)
    balanced(world, ecs, role, network, vpc, subnets, group)
    tasks(world, ecs, role, network)
    failures(world, ecs, role, network)
    controllers(world, ecs, role, network, vpc)
    tags_and_settings(world, ecs)
    command_line(world)
    removal(world, ecs)


def clusters(world, ecs):
    made = ecs.create_cluster(clusterName="main", capacityProviders=["FARGATE", "FARGATE_SPOT"],
                              settings=[{"name": "containerInsights", "value": "enabled"}],
                              tags=[{"key": "stack", "value": "redmine"}])["cluster"]
    world.same("a new cluster is active", made["status"], "ACTIVE")
    world.same("its ARN", made["clusterArn"], "arn:aws:ecs:us-west-2:111122223333:cluster/main")
    again = ecs.create_cluster(clusterName="main")["cluster"]
    world.same("an active name gives the cluster back", again["capacityProviders"], ["FARGATE", "FARGATE_SPOT"])
    seen = ecs.describe_clusters(clusters=["main"])["clusters"][0]
    world.same("tags only when asked for", seen["tags"], [])
    seen = ecs.describe_clusters(clusters=["main"], include=["TAGS", "SETTINGS", "STATISTICS"])["clusters"][0]
    world.same("tags when asked for", seen["tags"], [{"key": "stack", "value": "redmine"}])
    world.same("settings when asked for", seen["settings"], [{"name": "containerInsights", "value": "enabled"}])
    world.that("statistics when asked for", {s["name"] for s in seen["statistics"]} >= {"runningFargateTasksCount"})
    answer = ecs.describe_clusters(clusters=["nothing"])
    world.same("an absent cluster is a failure with 200", answer["failures"][0]["reason"], "MISSING")
    world.refused("an unknown provider", "InvalidParameterException", ecs.create_cluster, 400,
                  clusterName="x", capacityProviders=["NONE"])
    world.refused("an odd name", "InvalidParameterException", ecs.create_cluster, clusterName="a b")
    world.refused("tasks of an absent cluster", "ClusterNotFoundException", ecs.list_tasks, 400, cluster="nothing")
    ecs.create_cluster(clusterName="brief")
    world.same("a deleted cluster is inactive", ecs.delete_cluster(cluster="brief")["cluster"]["status"], "INACTIVE")
    world.same("and lingers", ecs.describe_clusters(clusters=["brief"])["clusters"][0]["status"], "INACTIVE")
    world.that("but is not listed", all("brief" not in arn for arn in ecs.list_clusters()["clusterArns"]))
    world.refused("a service in it", "ClusterNotFoundException", ecs.create_service, cluster="brief", serviceName="x",
                  taskDefinition="x", desiredCount=0)
    for n in range(3):
        ecs.create_cluster(clusterName=f"page-{n}")
    pages = ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 1})
    listed = [arn for page in pages for arn in page["clusterArns"]]
    world.same("a page size of 1 gives the same list", listed, ecs.list_clusters()["clusterArns"])
    for n in range(3):
        ecs.delete_cluster(cluster=f"page-{n}")
    providers = ecs.describe_capacity_providers()["capacityProviders"]
    world.same("the providers of Fargate", sorted(p["name"] for p in providers), ["FARGATE", "FARGATE_SPOT"])


def task_definitions(world, ecs, role):
    wanted = definition(role, "web")
    made = ecs.register_task_definition(**wanted, tags=[{"key": "a", "value": "b"}])
    first = made["taskDefinition"]
    world.same("the first revision", first["revision"], 1)
    world.same("its status", first["status"], "ACTIVE")
    world.same("host ports are filled in", first["containerDefinitions"][0]["portMappings"],
               [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}])
    world.same("what else is filled in", first["containerDefinitions"][0]["essential"], True)
    world.same("where it can run", first["compatibilities"], ["EC2", "FARGATE"])
    world.that("what it needs", {"name": "ecs.capability.task-eni"} in first["requiresAttributes"])
    world.same("its tags", made["tags"], [{"key": "a", "value": "b"}])
    second = ecs.register_task_definition(**wanted)["taskDefinition"]
    world.same("each call is a revision", second["revision"], 2)
    latest = ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]
    world.same("a family is its latest revision", latest["revision"], 2)
    for size, offered in [(("256", "512"), True), (("256", "4096"), False), (("512", "512"), False), (("1024", "2048"), True),
                          (("2048", "16384"), True), (("4096", "31000"), False), (("8192", "20480"), True), (("300", "512"), False)]:
        arguments = {**definition(role, "sizes"), "cpu": size[0], "memory": size[1]}
        if offered:
            world.same(f"Fargate offers {size}", ecs.register_task_definition(**arguments)["taskDefinition"]["cpu"], size[0])
        else:
            world.refused(f"Fargate does not offer {size}", "ClientException", ecs.register_task_definition, 400, **arguments)
    small = {**definition(role, "units"), "cpu": ".25 vCPU", "memory": "0.5 GB"}
    seen = ecs.register_task_definition(**small)["taskDefinition"]
    world.same("sizes with units", (seen["cpu"], seen["memory"]), ("256", "512"))
    without = {k: v for k, v in definition("", "x").items() if k != "executionRoleArn"}
    for what, container in [
        ("secrets", {"secrets": [{"name": "A", "valueFrom": "/a"}]}),
        ("awslogs", {"logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": "g", "awslogs-region": "us-west-2", "awslogs-stream-prefix": "p"}}}),
        ("a private image", {"image": "111122223333.dkr.ecr.us-west-2.amazonaws.com/a:1"}),
    ]:
        arguments = {**without, "containerDefinitions": [{"name": "a", "image": ECHO, **container}]}
        world.refused(f"{what} without an execution role", "ClientException", ecs.register_task_definition, 400, **arguments)
    for what, change in [
        ("bridge networks on Fargate", {"networkMode": "bridge"}),
        ("no container", {"containerDefinitions": []}),
        ("two containers of a name", {"containerDefinitions": [{"name": "a", "image": ECHO}, {"name": "a", "image": ECHO}]}),
        ("no essential container", {"containerDefinitions": [{"name": "a", "image": ECHO, "essential": False}]}),
        ("other host ports", {"containerDefinitions": [{"name": "a", "image": ECHO, "portMappings": [
            {"containerPort": 80, "hostPort": 81}]}]}),
        ("an odd family", {"family": "a b"}),
        ("an unknown volume", {"containerDefinitions": [{"name": "a", "image": ECHO, "mountPoints": [{"sourceVolume": "v"}]}]}),
    ]:
        world.refused(what, "ClientException", ecs.register_task_definition, 400, **{**definition(role, "x"), **change})
    gone = ecs.deregister_task_definition(taskDefinition="web:2")["taskDefinition"]
    world.same("a deregistered revision is inactive", gone["status"], "INACTIVE")
    world.same("then the family means the one before", ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["revision"], 1)
    world.same("and the next revision is a new number", ecs.register_task_definition(**wanted)["taskDefinition"]["revision"], 3)
    listed = ecs.list_task_definitions(familyPrefix="web")["taskDefinitionArns"]
    world.same("inactive ones are not listed", [arn.rsplit(":", 1)[1] for arn in listed], ["1", "3"])
    listed = ecs.list_task_definitions(familyPrefix="web", sort="DESC")["taskDefinitionArns"]
    world.same("in descending order", [arn.rsplit(":", 1)[1] for arn in listed], ["3", "1"])
    listed = ecs.list_task_definitions(status="INACTIVE")["taskDefinitionArns"]
    world.same("unless asked for", [arn.rsplit("/", 1)[1] for arn in listed], ["web:2"])
    families = ecs.list_task_definition_families(familyPrefix="we")["families"]
    world.same("families by prefix", families, ["web"])
    pages = ecs.get_paginator("list_task_definitions").paginate(PaginationConfig={"PageSize": 1})
    world.same("pages of one", [a for p in pages for a in p["taskDefinitionArns"]], ecs.list_task_definitions()["taskDefinitionArns"])
    answer = ecs.delete_task_definitions(taskDefinitions=["web:1", "web:2"])
    world.same("an active one is not deleted", len(answer["failures"]), 1)
    world.same("an inactive one is", answer["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS")
    world.refused("an absent definition", "ClientException", ecs.describe_task_definition, 400, taskDefinition="nothing")
    world.refused("no revision", "ClientException", ecs.deregister_task_definition, 400, taskDefinition="web")


def service(name, definition, network, **more):
    return dict(cluster="main", serviceName=name, taskDefinition=definition, desiredCount=2, launchType="FARGATE",
                networkConfiguration=network, **more)


def one(ecs, name):
    return ecs.describe_services(cluster="main", services=[name])["services"][0]


def services(world, ecs, role, network):
    wanted = service("plain", "web", network, clientToken="token-1", tags=[{"key": "k", "value": "v"}])
    made = ecs.create_service(**wanted)["service"]
    world.same("a new service is active", made["status"], "ACTIVE")
    world.same("its rollout", made["deployments"][0]["rolloutState"], "IN_PROGRESS")
    world.same("the default percents", {k: made["deploymentConfiguration"][k] for k in ("minimumHealthyPercent", "maximumPercent")},
               {"minimumHealthyPercent": 100, "maximumPercent": 200})
    world.same("the token repeats", ecs.create_service(**wanted)["service"]["serviceArn"], made["serviceArn"])
    try:
        ecs.create_service(**{**wanted, "clientToken": "token-2"})
        world.that("another token is refused", False)
    except ecs.exceptions.InvalidParameterException as error:
        world.same("another token is refused", error.response["Error"]["Message"], "Creation of service was not idempotent.")
    ecs.get_waiter("services_stable").wait(cluster="main", services=["plain"])
    seen = one(ecs, "plain")
    world.same("stable", (seen["runningCount"], seen["pendingCount"], seen["desiredCount"]), (2, 0, 2))
    world.same("rolled out", seen["deployments"][0]["rolloutState"], "COMPLETED")
    world.that("and says so", seen["events"][0]["message"].endswith("has reached a steady state."))
    world.that("which service-linked role", seen["roleArn"].endswith("AWSServiceRoleForECS"))
    arns = ecs.list_tasks(cluster="main", serviceName="plain")["taskArns"]
    listed = ecs.describe_tasks(cluster="main", tasks=arns)["tasks"]
    world.same("two zones", len({task["availabilityZone"] for task in listed}), 2)
    world.same("the group", {task["group"] for task in listed}, {"service:plain"})
    world.that("interfaces", all(task["attachments"][0]["status"] == "ATTACHED" for task in listed))
    world.that("digests", all(task["containers"][0]["imageDigest"].startswith("sha256:") for task in listed))

    for what, code, change in [
        ("no network", "InvalidParameterException", {"networkConfiguration": {}}),
        ("a subnet that is not", "InvalidParameterException", {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0123456789abcdef0"]}}}),
        ("a group that is not", "InvalidParameterException", {"networkConfiguration": {"awsvpcConfiguration": {
            "subnets": network["awsvpcConfiguration"]["subnets"], "securityGroups": ["sg-0123456789abcdef0"]}}}),
        ("a definition that is not", "ClientException", {"taskDefinition": "nothing"}),
        ("an inactive definition", "ClientException", {"taskDefinition": "web:2"}),
        ("a cluster that is not", "ClusterNotFoundException", {"cluster": "nothing"}),
        ("a grace period without a balancer", "InvalidParameterException", {"healthCheckGracePeriodSeconds": 10}),
        ("an odd platform", "PlatformUnknownException", {"platformVersion": "9.9.9"}),
        ("percents upside down", "InvalidParameterException", {"deploymentConfiguration": {"minimumHealthyPercent": 150, "maximumPercent": 100}}),
        ("a target group that is not", "InvalidParameterException", {"loadBalancers": [{
            "targetGroupArn": "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/x/0123456789abcdef",
            "containerName": "app", "containerPort": 8080}]}),
        ("a container that is not", "InvalidParameterException", {"loadBalancers": [{
            "targetGroupArn": "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/x/0123456789abcdef",
            "containerName": "none", "containerPort": 8080}]}),
    ]:
        world.refused(what, code, ecs.create_service, 400, **{**service("other", "web", network), **change})

    ecs.update_service(cluster="main", service="plain", desiredCount=3)
    ecs.get_waiter("services_stable").wait(cluster="main", services=["plain"])
    world.same("scaled out", one(ecs, "plain")["runningCount"], 3)
    before = set(ecs.list_tasks(cluster="main", serviceName="plain")["taskArns"])
    answer = ecs.update_service(cluster="main", service="plain", forceNewDeployment=True)["service"]
    world.same("a forced deployment stands before the old one", [d["status"] for d in answer["deployments"]], ["PRIMARY", "ACTIVE"])
    ecs.get_waiter("services_stable").wait(cluster="main", services=["plain"])
    after = set(ecs.list_tasks(cluster="main", serviceName="plain")["taskArns"])
    world.that("every task is a new one", not (before & after))
    deployments = ecs.list_service_deployments(cluster="main", service="plain")["serviceDeployments"]
    world.same("two service deployments, both well", [d["status"] for d in deployments], ["SUCCESSFUL", "SUCCESSFUL"])
    detail = ecs.describe_service_deployments(serviceDeploymentArns=[deployments[0]["serviceDeploymentArn"]])
    world.same("in detail", detail["serviceDeployments"][0]["targetServiceRevision"]["requestedTaskCount"], 3)
    revision = ecs.describe_service_revisions(serviceRevisionArns=[deployments[0]["targetServiceRevisionArn"]])
    world.that("its revision", revision["serviceRevisions"][0]["taskDefinition"].endswith("web:3"))
    ecs.update_service(cluster="main", service="plain", desiredCount=0)
    ecs.get_waiter("services_stable").wait(cluster="main", services=["plain"])
    world.same("scaled to nothing", one(ecs, "plain")["runningCount"], 0)
    world.refused("an absent service", "ServiceNotFoundException", ecs.update_service, 400, cluster="main", service="none")
    world.same("described as a failure", ecs.describe_services(cluster="main", services=["none"])["failures"][0]["reason"], "MISSING")
    world.refused("no service", "InvalidParameterException", ecs.describe_services, cluster="main", services=[])
    world.refused("eleven services", "InvalidParameterException", ecs.describe_services, cluster="main",
                  services=[f"s{n}" for n in range(11)])


def balanced(world, ecs, role, network, vpc, subnets, group):
    elb = world.client("elbv2")
    balancer = elb.create_load_balancer(Name="web", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]
    target = elb.create_target_group(Name="web", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip", HealthCheckPath="/",
                                     HealthCheckIntervalSeconds=10, HealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
    elb.modify_target_group_attributes(TargetGroupArn=target, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}])
    instances = elb.create_target_group(Name="hosts", Protocol="HTTP", Port=8080, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
    wanted = service("served", "web", network, healthCheckGracePeriodSeconds=30,
                     loadBalancers=[{"targetGroupArn": target, "containerName": "app", "containerPort": 8080}])
    world.refused("a target group without a listener", "InvalidParameterException", ecs.create_service, 400, **wanted)
    elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
                        DefaultActions=[{"Type": "forward", "TargetGroupArn": target}])
    world.refused("targets of another type", "InvalidParameterException", ecs.create_service, 400, **{
        **wanted, "loadBalancers": [{"targetGroupArn": instances, "containerName": "app", "containerPort": 8080}]})
    world.refused("a port that is not mapped", "InvalidParameterException", ecs.create_service, 400, **{
        **wanted, "loadBalancers": [{"targetGroupArn": target, "containerName": "app", "containerPort": 81}]})
    ecs.create_service(**wanted)
    ecs.get_waiter("services_stable").wait(cluster="main", services=["served"])
    elb.get_waiter("target_in_service").wait(TargetGroupArn=target)
    health = elb.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"]
    world.same("both tasks are healthy targets", [t["TargetHealth"]["State"] for t in health], ["healthy", "healthy"])
    arns = ecs.list_tasks(cluster="main", serviceName="served")["taskArns"]
    stopped = ecs.stop_task(cluster="main", task=arns[0], reason="a check")["task"]
    world.same("a stopped task leaves its group first", (stopped["lastStatus"], stopped["desiredStatus"]), ("DEACTIVATING", "STOPPED"))
    ecs.get_waiter("tasks_stopped").wait(cluster="main", tasks=[arns[0]])
    seen = ecs.describe_tasks(cluster="main", tasks=[arns[0]])["tasks"][0]
    world.same("why it stopped", (seen["stopCode"], seen["stoppedReason"]), ("UserInitiated", "a check"))
    ecs.get_waiter("services_stable").wait(cluster="main", services=["served"])
    messages = " ".join(event["message"] for event in one(ecs, "served")["events"])
    for words in ["registered 1 targets in (target-group", "deregistered 1 targets in", "has started 2 tasks: (task"]:
        world.that(f"an event says: {words}", words in messages, messages)
    ecs.delete_service(cluster="main", service="served", force=True)
    world.same("a deleted service drains", one(ecs, "served")["status"], "DRAINING")
    ecs.get_waiter("services_inactive").wait(cluster="main", services=["served"])
    world.that("an inactive service is not listed", all("served" not in arn for arn in ecs.list_services(cluster="main")["serviceArns"]))


def tasks(world, ecs, role, network):
    ecs.register_task_definition(**definition(role, "job", CLIENT, command=["sh", "-c", "exit 3"]))
    run = dict(cluster="main", taskDefinition="job", launchType="FARGATE", networkConfiguration=network)
    answer = ecs.run_task(**run, clientToken="once", startedBy="checks")
    task = answer["tasks"][0]
    world.same("a new task is provisioning", task["lastStatus"], "PROVISIONING")
    world.same("of its family's group", task["group"], "family:job")
    world.same("no failures", answer["failures"], [])
    world.same("the token repeats", ecs.run_task(**run, clientToken="once", startedBy="checks")["tasks"][0]["taskArn"], task["taskArn"])
    world.refused("with other parameters it conflicts", "ConflictException", ecs.run_task, 400, **run, clientToken="once", startedBy="x")
    ecs.get_waiter("tasks_stopped").wait(cluster="main", tasks=[task["taskArn"]])
    seen = ecs.describe_tasks(cluster="main", tasks=[task["taskArn"]])["tasks"][0]
    world.same("its exit code", seen["containers"][0].get("exitCode"), 3)
    world.same("its stop code", (seen["stopCode"], seen["stoppedReason"]), ("EssentialContainerExited", "Essential container in task exited"))
    overridden = ecs.run_task(**run, overrides={"containerOverrides": [{"name": "app", "command": ["sh", "-c", "exit $CODE"],
                                                                        "environment": [{"name": "CODE", "value": "7"}]}]})
    arn = overridden["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_stopped").wait(cluster="main", tasks=[arn])
    seen = ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0]
    world.same("overrides are honoured", seen["containers"][0].get("exitCode"), 7)
    world.refused("an override of nothing", "InvalidParameterException", ecs.run_task, 400, **run,
                  overrides={"containerOverrides": [{"name": "none"}]})
    world.refused("eleven at once", "InvalidParameterException", ecs.run_task, 400, **run, count=11)
    listed = ecs.list_tasks(cluster="main", desiredStatus="STOPPED", startedBy="checks")["taskArns"]
    world.same("listed by who started it", listed, [task["taskArn"]])
    ecs.register_task_definition(**definition(role, "long"))
    arn = ecs.run_task(**{**run, "taskDefinition": "long"})["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_running").wait(cluster="main", tasks=[arn])
    seen = ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0]
    world.that("its instants are in order", seen["createdAt"] < seen["pullStartedAt"] < seen["pullStoppedAt"] <= seen["startedAt"])
    ecs.stop_task(cluster="main", task=arn)
    ecs.get_waiter("tasks_stopped").wait(cluster="main", tasks=[arn])
    world.same("stopped by a user", ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0]["stoppedReason"], "Task stopped by user")
    world.refused("an absent task", "InvalidParameterException", ecs.stop_task, 400, cluster="main", task="0" * 32)
    world.same("described as a failure", ecs.describe_tasks(cluster="main", tasks=["0" * 32])["failures"][0]["reason"], "MISSING")
    world.wait(4000)
    world.same("forgotten after an hour", ecs.describe_tasks(cluster="main", tasks=[arn])["failures"][0]["reason"], "MISSING")
    again = ecs.run_task(**run, clientToken="once", startedBy="checks")["tasks"][0]["taskArn"]
    world.that("and its token with it: the task runs again", again != task["taskArn"])
    world.control("act", {"limit-capacity": {"region": "us-west-2", "provider": "FARGATE", "tasks": 0}})
    answer = ecs.run_task(**run)
    world.same("no capacity is a failure with 200", (answer["tasks"], len(answer["failures"])), ([], 1))
    world.control("act", {"limit-capacity": {"region": "us-west-2", "provider": "FARGATE"}})


def stopped_reason(world, ecs, network, wanted):
    ecs.register_task_definition(**wanted)
    arn = ecs.run_task(cluster="main", taskDefinition=wanted["family"], launchType="FARGATE", networkConfiguration=network)["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_stopped").wait(cluster="main", tasks=[arn])
    task = ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0]
    return task["stopCode"], task["stoppedReason"]


def failures(world, ecs, role, network):
    private = {"awsvpcConfiguration": {**network["awsvpcConfiguration"], "assignPublicIp": "DISABLED"}}
    logs = {"logDriver": "awslogs", "options": {"awslogs-group": "/none", "awslogs-region": "us-west-2", "awslogs-stream-prefix": "p"}}
    for what, net, container, begins, words in [
        ("no route", private, {}, "CannotPullContainerError: ", "i/o timeout"),
        ("no parameter", network, {"secrets": [{"name": "A", "valueFrom": "/none"}]},
         "ResourceInitializationError: unable to pull secrets or registry auth: ", "ssm"),
        ("no right to the secret", network, {"secrets": [{
            "name": "A", "valueFrom": "arn:aws:secretsmanager:us-west-2:111122223333:secret:redmine/db-AbCdEf:password::"}]},
         "ResourceInitializationError: ", "secretsmanager:GetSecretValue"),
        ("no log group", network, {"logConfiguration": logs}, "ResourceInitializationError: failed to validate logger args", "log group"),
        ("no image", network, {"image": "111122223333.dkr.ecr.us-west-2.amazonaws.com/none:1"}, "CannotPullContainerError: ", ""),
    ]:
        code, reason = stopped_reason(world, ecs, net, definition(role, "failing", **container))
        world.same(f"{what}: stop code", code, "TaskFailedToStart")
        world.that(f"{what}: reason", reason.startswith(begins) and words in reason, reason)
    ecs.register_task_definition(**definition(role, "bad", secrets=[{"name": "A", "valueFrom": "/none"}]))
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    ecs.create_service(**{**service("breaking", "web", network), "deploymentConfiguration": breaker})
    ecs.get_waiter("services_stable").wait(cluster="main", services=["breaking"])
    good = one(ecs, "breaking")["taskDefinition"]
    ecs.update_service(cluster="main", service="breaking", taskDefinition="bad")
    world.wait(1800)
    seen = one(ecs, "breaking")
    world.same("the breaker rolls back", (seen["taskDefinition"], seen["runningCount"]), (good, 2))
    states = [d["status"] for d in ecs.list_service_deployments(cluster="main", service="breaking")["serviceDeployments"]]
    world.same("and its deployment says so", states, ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL"])
    ecs.create_service(**{**service("first", "bad", network), "deploymentConfiguration": breaker})
    world.wait(1800)
    seen = one(ecs, "first")["deployments"][0]
    world.same("a first deployment just fails", seen["rolloutState"], "FAILED")
    world.that("with the reason", seen["rolloutStateReason"].startswith("ECS deployment circuit breaker: "), seen["rolloutStateReason"])
    for name in ("breaking", "first"):
        ecs.delete_service(cluster="main", service=name, force=True)


def controllers(world, ecs, role, network, vpc):
    elb = world.client("elbv2")
    target = elb.describe_target_groups(Names=["web"])["TargetGroups"][0]["TargetGroupArn"]
    made = ecs.create_service(**service("blue", "web", network, deploymentController={"type": "CODE_DEPLOY"},
                                        loadBalancers=[{"targetGroupArn": target, "containerName": "app", "containerPort": 8080}]))["service"]
    world.same("a primary task set", made["taskSets"][0]["status"], "PRIMARY")
    world.same("no deployments", made["deployments"], [])
    for what, change in [("another definition", {"taskDefinition": "long"}), ("a forced deployment", {"forceNewDeployment": True}),
                         ("another network", {"networkConfiguration": network})]:
        world.refused(f"CODE_DEPLOY refuses {what}", "InvalidParameterException", ecs.update_service, 400,
                      cluster="main", service="blue", **change)
    ecs.update_service(cluster="main", service="blue", desiredCount=1)
    world.wait(900)
    sets = ecs.describe_task_sets(cluster="main", service="blue")["taskSets"]
    world.same("its set is steady", (sets[0]["stabilityStatus"], sets[0]["runningCount"]), ("STEADY_STATE", 1))
    world.refused("a set that is not", "TaskSetNotFoundException", ecs.update_task_set, 400, cluster="main", service="blue",
                  taskSet="ecs-svc/1", scale={"value": 50.0, "unit": "PERCENT"})
    ecs.delete_service(cluster="main", service="blue", force=True)
    world.wait(900)


def tags_and_settings(world, ecs):
    arn = one(ecs, "plain")["serviceArn"]
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "k", "value": "w"}, {"key": "x", "value": "y"}])
    ecs.untag_resource(resourceArn=arn, tagKeys=["x"])
    world.same("tags", ecs.list_tags_for_resource(resourceArn=arn)["tags"], [{"key": "k", "value": "w"}])
    world.refused("tags of nothing", "ServiceNotFoundException", ecs.list_tags_for_resource, 400, resourceArn=arn.replace("plain", "none"))
    world.refused("AWS's own tags", "InvalidParameterException", ecs.tag_resource, 400, resourceArn=arn, tags=[{"key": "aws:x", "value": "y"}])
    ecs.put_account_setting(name="containerInsights", value="enabled")
    seen = ecs.list_account_settings(name="containerInsights", effectiveSettings=True)["settings"]
    world.same("an account setting", seen[0]["value"], "enabled")
    ecs.delete_account_setting(name="containerInsights")
    seen = ecs.list_account_settings(name="containerInsights", effectiveSettings=True)["settings"]
    world.same("and its default again", seen[0]["value"], "disabled")


def command_line(world):
    code, seen, errors = world.cli("ecs", "describe-services", "--cluster", "main", "--services", "plain")
    world.that("the command line describes", code == 0 and seen["services"][0]["serviceName"] == "plain", errors)
    code, seen, errors = world.cli("ecs", "list-clusters", "--page-size", "1")
    world.that("and pages", code == 0 and len(seen["clusterArns"]) == 1, errors)
    code, _, errors = world.cli("ecs", "describe-task-definition", "--task-definition", "nothing")
    world.that("and is refused", code != 0 and "ClientException" in errors, (code, errors))


def removal(world, ecs):
    world.refused("a cluster with services", "ClusterContainsServicesException", ecs.delete_cluster, 400, cluster="main")
    ecs.delete_service(cluster="main", service="plain")
    world.wait(900)
    arns = ecs.list_tasks(cluster="main")["taskArns"]
    for arn in arns:
        ecs.stop_task(cluster="main", task=arn)
    if arns:
        world.refused("a cluster with tasks", "ClusterContainsTasksException", ecs.delete_cluster, 400, cluster="main")
    world.wait(900)
    world.same("an empty cluster goes", ecs.delete_cluster(cluster="main")["cluster"]["status"], "INACTIVE")
    ec2 = world.client("ec2")
    world.wait(900)
    left = [i for i in ec2.describe_network_interfaces()["NetworkInterfaces"] if "attachment" in i.get("Description", "")]
    world.same("no interface of a task is left", left, [])
