"""What the proxy answers or does where moto cannot, operation by operation. `gaps.py` says why."""

import json
import threading
import time

import tasks
from proxy import Answer, json_answer, xml_answer

REPOSITORY_TYPES = ", ".join(
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
)


class Supplied:
    def __init__(self, proxy, aws, gaps, databases, registries, application):
        """`aws` asks moto itself, past the proxy; `registries` by region."""
        self.aws, self.gaps, self.databases, self.registries = aws, gaps, databases, registries
        self.application = application
        self.memory_added = set()
        self.running = {}
        self.pushed = {}
        self.promoted = set()
        self.lock = threading.Lock()
        for service, operation, supplier in [
            ("kms", "CreateKey", self.create_key),
            ("acm", "DescribeCertificate", self.describe_certificate),
            ("ec2", "CreateVpc", self.create_vpc),
            ("ec2", "DeleteNatGateway", self.delete_nat_gateway),
            ("ecr", "DescribeImages", self.describe_images),
            ("ecr", "DeleteRepository", self.delete_repository),
            ("ecs", "RegisterTaskDefinition", self.register_task_definition),
            ("ecs", "DescribeTaskDefinition", self.describe_task_definition),
            ("ecs", "RunTask", self.run_task),
            ("ecs", "StopTask", self.stop_task),
            ("ecs", "ListTasks", self.list_tasks),
            ("ecs", "DescribeTasks", self.describe_tasks),
            ("ecs", "CreateService", self.change_service),
            ("ecs", "UpdateService", self.change_service),
            ("ecs", "DescribeServices", self.describe_services),
            ("rds", "DescribeDBEngineVersions", self.describe_engine_versions),
            ("rds", "DescribeOrderableDBInstanceOptions", self.describe_classes),
            ("rds", "CreateDBInstance", self.create_instance),
            ("rds", "CreateDBSnapshot", self.create_snapshot),
            ("rds", "CopyDBSnapshot", self.copy_snapshot),
            ("rds", "RestoreDBInstanceFromDBSnapshot", self.restore_instance),
            ("rds", "DeleteDBInstance", self.delete_instance),
            ("secretsmanager", "DescribeSecret", self.describe_secret),
            ("secretsmanager", "StopReplicationToReplica", self.stop_replication),
            ("secretsmanager", "DeleteSecret", self.delete_secret),
        ]:
            proxy.supply(service, operation, supplier)
        proxy.lacks("servicequotas", "GetAWSDefaultServiceQuota", "quotas-defaults")
        proxy.lacks("iam", "SimulatePrincipalPolicy", "iam-simulation")

    # Keys

    def create_key(self, request, pass_on):
        if "KeyUsage" in request.input:
            return pass_on(request)
        self.gaps.met("kms-usage")
        return pass_on(request, json.dumps({**request.input, "KeyUsage": "ENCRYPT_DECRYPT"}).encode())

    # Certificates

    def describe_certificate(self, request, pass_on):
        answer = pass_on(request)
        if not answer.ok or not answer.json["Certificate"].get("InUseBy"):
            return answer
        value = answer.json
        elb = self.aws.client("elbv2", request.region)
        using = []
        for balancer in elb.describe_load_balancers()["LoadBalancers"]:
            arn = balancer["LoadBalancerArn"]
            listeners = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
            if any(c["CertificateArn"] == value["Certificate"]["CertificateArn"] for item in listeners for c in item.get("Certificates", [])):
                using.append(arn)
        self.gaps.met("acm-in-use")
        value["Certificate"]["InUseBy"] = using
        return answer.with_json(value)

    # Networks

    def create_vpc(self, request, pass_on):
        if request.form.get("DryRun") != "true":
            return pass_on(request)
        self.gaps.met("ec2-dry-run")
        said = "<Code>DryRunOperation</Code><Message>Request would have succeeded, but DryRun flag is set.</Message>"
        return Answer(412, [("Content-Type", "text/xml")], f"<Response><Errors><Error>{said}</Error></Errors><RequestID>supplied</RequestID></Response>".encode())

    def delete_nat_gateway(self, request, pass_on):
        ec2 = self.aws.client("ec2", request.region)
        found = ec2.describe_nat_gateways(NatGatewayIds=[request.form["NatGatewayId"]])["NatGateways"]
        answer = pass_on(request)
        if answer.ok:
            for address in (a for gateway in found for a in gateway["NatGatewayAddresses"] if a.get("AssociationId")):
                self.gaps.met("ec2-nat-address")
                ec2.disassociate_address(AssociationId=address["AssociationId"])
        return answer

    # Images

    def describe_images(self, request, pass_on):
        answer = pass_on(request)
        if not answer.ok:
            return answer
        self.gaps.met("ecr-images")
        name = request.input["repositoryName"]
        registry = self.registries[request.region]
        found = {}
        for tag in registry.tags(name):
            manifest = registry.manifest(name, tag)
            found.setdefault(manifest.digest, (manifest, []))[1].append(tag)
        for manifest, _ in list(found.values()):
            for child in manifest.children:
                found.setdefault(child, (registry.manifest(name, child), []))
        details = []
        for digest, (manifest, tags) in sorted(found.items()):
            pushed = self.pushed.setdefault((request.region, name, digest), time.time())
            details.append(
                {
                    "registryId": "123456789012", "repositoryName": name, "imageDigest": digest, "imageSizeInBytes": manifest.size,
                    "imagePushedAt": pushed, "imageManifestMediaType": manifest.media_type, **({"imageTags": sorted(tags)} if tags else {}),
                }
            )
        return json_answer({"imageDetails": details})

    def delete_repository(self, request, pass_on):
        answer = pass_on(request)
        if answer.ok:
            name = request.input["repositoryName"]
            self.registries[request.region].clear(name)
            self.pushed = {key: at for key, at in self.pushed.items() if key[:2] != (request.region, name)}
        return answer

    # Task definitions

    def register_task_definition(self, request, pass_on):
        asked = request.input
        bare = [c["name"] for c in asked["containerDefinitions"] if "memory" not in c and "memoryReservation" not in c]
        for container in asked["containerDefinitions"]:
            if container["name"] in bare:
                container["memory"] = int(asked["memory"]) // len(asked["containerDefinitions"])
        if bare:
            self.gaps.met("ecs-memory")
        answer = pass_on(request, json.dumps(asked).encode())
        if not answer.ok:
            return answer
        arn = answer.json["taskDefinition"]["taskDefinitionArn"]
        self.memory_added.update((arn, name) for name in bare)
        return self._without_memory(answer)

    def _without_memory(self, answer):
        value = answer.json
        definition = value["taskDefinition"]
        for container in definition["containerDefinitions"]:
            if (definition["taskDefinitionArn"], container["name"]) in self.memory_added:
                del container["memory"]
        return answer.with_json(value)

    def describe_task_definition(self, request, pass_on):
        answer = pass_on(request)
        return self._without_memory(answer) if answer.ok else answer

    # Tasks

    def run_task(self, request, pass_on):
        answer = pass_on(request)
        if not answer.ok:
            return answer
        for task in answer.json["tasks"]:
            definition = self.aws.client("ecs", request.region).describe_task_definition(taskDefinition=task["taskDefinitionArn"])
            groups = request.input["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"]
            self.gaps.met("ecs-tasks")
            overrides = request.input.get("overrides", {}).get("containerOverrides", [])
            if overrides:
                self.application.one_off(request.region, definition["taskDefinition"], groups, overrides[0]["command"])
                self.running[task["taskArn"]] = tasks.Ended()
                continue
            running = tasks.Task(self.aws, self.databases, request.region, task["taskArn"], definition["taskDefinition"], groups)
            with self.lock:
                self.running[task["taskArn"]] = running
        return answer.with_json({**answer.json, "tasks": [self._worded(task) for task in answer.json["tasks"]]})

    def _worded(self, task):
        """Cpu and memory of a task's containers are strings."""
        for container in task["containers"]:
            self.gaps.met("ecs-numbers")
            container.update({name: str(container[name]) for name in ("cpu", "memory") if name in container})
        return task

    def stop_task(self, request, pass_on):
        answer = pass_on(request)
        if not answer.ok:
            return answer
        task = answer.json["task"]
        if task["taskArn"] in self.running:
            self.running[task["taskArn"]].stop()
        return answer.with_json({"task": self._worded(task)})

    def list_tasks(self, request, pass_on):
        """Moto's list, of those whose process runs or has ended, as asked."""
        if "startedBy" not in request.input and "family" not in request.input:
            return pass_on(request)
        wanted = request.input.pop("desiredStatus", "RUNNING") == "RUNNING"
        found = []
        # Moto forgets nothing, but moves tasks on with every look: both lists are the whole one.
        for status in ("RUNNING", "STOPPED"):
            answer = pass_on(request, json.dumps({**request.input, "desiredStatus": status}).encode())
            if not answer.ok:
                return answer
            found += answer.json["taskArns"]
        self.gaps.met("ecs-task-started")
        mine = [arn for arn in dict.fromkeys(found) if arn in self.running and self.running[arn].running == wanted]
        return answer.with_json({"taskArns": mine})

    def describe_tasks(self, request, pass_on):
        answer = pass_on(request)
        if not answer.ok:
            return answer
        value = answer.json
        for task in map(self._worded, value["tasks"]):
            if task["taskArn"] in self.running:
                status = "RUNNING" if self.running[task["taskArn"]].running else "STOPPED"
                task.update(lastStatus=status, desiredStatus=status)
        return answer.with_json(value)

    # Services

    def change_service(self, request, pass_on):
        answer = pass_on(request)
        if answer.ok:
            self._targets(request.region, answer.json["service"])
            return answer.with_json({"service": self._steady(answer.json["service"])})
        return answer

    def _targets(self, region, service):
        """As many targets in the service's groups as it wants tasks."""
        elb = self.aws.client("elbv2", region)
        for balancer in service.get("loadBalancers", []):
            group, port = balancer["targetGroupArn"], balancer["containerPort"]
            there = {t["Target"]["Id"] for t in elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"] if t["TargetHealth"]["State"] == "healthy"}
            wanted = {f"10.0.10.{20 + number}" for number in range(service["desiredCount"])}
            for names, change in ((wanted - there, elb.register_targets), (there - wanted, elb.deregister_targets)):
                if names:
                    self.gaps.met("elb-targets")
                    change(TargetGroupArn=group, Targets=[{"Id": name, "Port": port} for name in sorted(names)])

    def _steady(self, service):
        service.update(runningCount=service["desiredCount"], pendingCount=0)
        for deployment in service.get("deployments", []):
            if deployment["status"] == "PRIMARY":
                deployment.update(rolloutState="COMPLETED", runningCount=service["desiredCount"], pendingCount=0)
        return service

    def describe_services(self, request, pass_on):
        answer = pass_on(request)
        if not answer.ok:
            return answer
        self.gaps.met("ecs-steady")
        value = answer.json
        for service in value["services"]:
            if service["status"] == "ACTIVE":
                self._steady(service)
        return answer.with_json(value)

    # Databases

    def describe_engine_versions(self, request, _pass_on):
        self.gaps.met("rds-engine-versions")
        engine, version = request.form["Engine"], request.form["EngineVersion"]
        major = version.split(".")[0]
        return xml_answer(
            "DescribeDBEngineVersions",
            f"<DBEngineVersions><DBEngineVersion><Engine>{engine}</Engine><EngineVersion>{version}</EngineVersion>"
            f"<MajorEngineVersion>{major}</MajorEngineVersion><DBParameterGroupFamily>{engine}{major}</DBParameterGroupFamily>"
            "<Status>available</Status></DBEngineVersion></DBEngineVersions>",
        )

    def describe_classes(self, request, _pass_on):
        self.gaps.met("rds-classes")
        form, wanted = request.form, "db.t4g.medium"
        offers = ""
        if form.get("DBInstanceClass", wanted) == wanted:
            zones = self.aws.client("ec2", request.region).describe_availability_zones()["AvailabilityZones"]
            named = "".join(f"<AvailabilityZone><Name>{zone['ZoneName']}</Name></AvailabilityZone>" for zone in zones)
            offers = (
                f"<OrderableDBInstanceOption><Engine>{form['Engine']}</Engine><EngineVersion>{form['EngineVersion']}</EngineVersion>"
                f"<DBInstanceClass>{wanted}</DBInstanceClass><AvailabilityZones>{named}</AvailabilityZones><StorageType>gp3</StorageType>"
                "<MultiAZCapable>true</MultiAZCapable><Vpc>true</Vpc></OrderableDBInstanceOption>"
            )
        return xml_answer("DescribeOrderableDBInstanceOptions", f"<OrderableDBInstanceOptions>{offers}</OrderableDBInstanceOptions>")

    def create_instance(self, request, pass_on):
        answer = pass_on(request)
        if answer.ok:
            self.gaps.met("rds-data")
            form = request.form
            self.databases.create(request.region, form["DBInstanceIdentifier"], form["DBName"], form["MasterUsername"], form["MasterUserPassword"])
        return answer

    def create_snapshot(self, request, pass_on):
        answer = pass_on(request)
        if answer.ok:
            self.databases.snapshot(request.region, request.form["DBInstanceIdentifier"], request.form["DBSnapshotIdentifier"])
        return answer

    def copy_snapshot(self, request, pass_on):
        answer = pass_on(request)
        if answer.ok:
            source = request.form["SourceDBSnapshotIdentifier"].split(":")
            region = source[3] if len(source) > 6 else request.region
            self.databases.copy(region, source[-1], request.region, request.form["TargetDBSnapshotIdentifier"])
        return answer

    def restore_instance(self, request, pass_on):
        answer = pass_on(request)
        if answer.ok:
            self.databases.restore(request.region, request.form["DBSnapshotIdentifier"], request.form["DBInstanceIdentifier"])
        return answer

    def delete_instance(self, request, pass_on):
        answer = pass_on(request)
        if answer.ok:
            self.databases.delete(request.region, request.form["DBInstanceIdentifier"])
        return answer

    # Secrets

    def describe_secret(self, request, pass_on):
        answer = pass_on(request)
        if not answer.ok:
            return answer
        value = answer.json
        region = value["ARN"].split(":")[3]
        name = value["Name"]
        if "ReplicationStatus" in value:
            value["ReplicationStatus"] = [r for r in value["ReplicationStatus"] if (r["Region"], name) not in self.promoted]
        if (region, name) in self.promoted:
            value.pop("PrimaryRegion", None)
        return answer.with_json(value)

    def stop_replication(self, request, pass_on):
        self.gaps.met("secret-promotion")
        found = self.aws.client("secretsmanager", request.region).describe_secret(SecretId=request.input["SecretId"])
        self.promoted.add((request.region, found["Name"]))
        return json_answer({"ARN": found["ARN"]})

    def delete_secret(self, request, pass_on):
        """A promoted secret is a replica to moto, which it takes away through its primary."""
        there = self.aws.client("secretsmanager", request.region)
        try:
            found = there.describe_secret(SecretId=request.input["SecretId"])
        except there.exceptions.ResourceNotFoundException:
            return pass_on(request)
        seat = (request.region, found["Name"])
        if seat not in self.promoted:
            return pass_on(request)
        primary = self.aws.client("secretsmanager", found["PrimaryRegion"])
        primary.remove_regions_from_replication(SecretId=found["Name"], RemoveReplicaRegions=[request.region])
        self.promoted.discard(seat)
        return json_answer({"ARN": found["ARN"], "Name": found["Name"], "DeletionDate": time.time()})

    def stop(self):
        for task in self.running.values():
            task.stop()
