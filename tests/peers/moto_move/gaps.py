"""What moto lacks, gap by gap, each with its reason and with what stands in for it here.

A gap is either *supplied* (the proxy between drtool and moto answers, or acts, as AWS does) or *skipped* (something is
not checked). Both are counted where they happen, and one that never happens fails the suite: when moto learns it, its
line here has to go.
"""

SUPPLIED = {
    "kms-usage": "moto's keys have no usage unless one was asked for: CreateKey asks for AWS's default, ENCRYPT_DECRYPT",
    "acm-in-use": "a certificate stays in use in moto after its listener was deleted: InUseBy names the balancers that have it",
    "ec2-dry-run": "moto makes a network even when CreateVpc is a dry run: a dry run is answered as AWS does",
    "ec2-nat-address": "a NAT gateway that moto deletes keeps its elastic address: the address is disassociated",
    "ecr-images": "moto's image digests are hashes of layer digests and it has no layers: DescribeImages answers from the registry behind it, as ECR's does",
    "ecs-memory": "moto's RunTask needs `memory` in every container, which Fargate does not: it is added on the way in and taken off on the way out",
    "ecs-numbers": "moto's tasks have numbers where AWS has strings (cpu and memory of containers), which a client made from AWS's model cannot read: strings",
    "ecs-tasks": "moto runs nothing: a task with a command runs here, as a process of this machine, and writes into moto's log group",
    "ecs-task-started": "moto's tasks stop by themselves after some looks: a task has the status of its process",
    "ecs-steady": "moto's services stay IN_PROGRESS for ever: a service has as many running tasks as it wants, and is steady",
    "elb-targets": "moto's services register no targets: as many as tasks are registered, and deregistered",
    "rds-engine-versions": "moto has no DescribeDBEngineVersions: the version asked for is there and available",
    "rds-classes": "moto knows no orderable options of PostgreSQL: the source's class, in every zone, Multi-AZ, with gp3",
    "rds-data": "moto's databases hold nothing: each instance is a PostgreSQL server of this machine, each snapshot a copy of its files",
    "route53-servers": "moto's zones are served by nobody: a name server answers from moto's records",
    "elb-doors": "moto's balancers listen nowhere: a server answers on each one's own address by its listeners in moto",
    "secret-promotion": "moto has no StopReplicationToReplica: from then on the replica is shown as a secret of its own, and its primary without it",
}

SKIPPED = {
    "ecr-layer-upload": "moto has no layer upload: the image is pushed into the registry behind ECR, by skopeo",
    "rds-option-groups": "moto's DescribeOptionGroups breaks without a name: option groups are not compared before and after",
    "quotas-defaults": "moto has no GetAWSDefaultServiceQuota: quotas that it does not list are not compared with what is needed",
    "iam-simulation": "moto has no SimulatePrincipalPolicy: permissions are unknown before the run, and refused to nobody in it",
    "ec2-task-addresses": "moto's stopped tasks keep their addresses: the free addresses of subnets are not compared before and after",
    "elb-forward-forms": "moto shows a listener's forward in the spelling that was used last, AWS in both: they are compared as one",
    "scaling-suspended-form": "moto shows no SuspendedState until one was set, AWS one that suspends nothing: they are compared as one",
}


class Gaps:
    """Counts how often each gap was met."""

    def __init__(self):
        self.counts = dict.fromkeys([*SUPPLIED, *SKIPPED], 0)
        self.unknown = {}

    def met(self, name):
        self.counts[name] += 1

    def unnamed(self, what):
        """Something that moto could not do and no line above names."""
        self.unknown[what] = self.unknown.get(what, 0) + 1

    def table(self):
        for kind, table in (("supplied", SUPPLIED), ("skipped", SKIPPED)):
            for name, reason in table.items():
                yield f"{kind} {name} ({self.counts[name]} times): {reason}"

    def failures(self):
        never = [f"gap {name} was never met: does moto have it now? take its line away" for name, n in self.counts.items() if n == 0]
        return never + [f"moto cannot do {what} ({n} times), and no gap names it" for what, n in self.unknown.items()]
