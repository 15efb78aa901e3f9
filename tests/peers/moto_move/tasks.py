"""Tasks with a command of their own, carried out on this machine: their script, their secrets, their way to a database."""

import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

from postgres import BIN


def lets_in(aws, region, instance, groups):
    """Whether the security groups of a database instance let in a task that has these groups, by moto's own rules."""
    found = aws.client("rds", region).describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"][0]
    port = found["Endpoint"]["Port"]
    ids = [group["VpcSecurityGroupId"] for group in found["VpcSecurityGroups"]]
    for group in aws.client("ec2", region).describe_security_groups(GroupIds=ids)["SecurityGroups"]:
        network = aws.client("ec2", region).describe_vpcs(VpcIds=[group["VpcId"]])["Vpcs"][0]["CidrBlock"]
        for rule in group["IpPermissions"]:
            every = rule["IpProtocol"] == "-1"
            if not every and not (rule["IpProtocol"] == "tcp" and rule["FromPort"] <= port <= rule["ToPort"]):
                continue
            if any(pair.get("GroupId") in groups for pair in rule["UserIdGroupPairs"]):
                return True
            blocks = (ipaddress.ip_network(r["CidrIp"]) for r in rule["IpRanges"])
            if any(block.supernet_of(ipaddress.ip_network(network)) for block in blocks):
                return True
    return False


def instance_of(host):
    """`redmine-db.aaaaaaaaaa.us-west-2.rds.amazonaws.com`: the instance's name and its region."""
    parts = host.split(".")
    return parts[0], parts[2]


class Way:
    """A port of this machine that leads to a database, connection by connection, as long as the groups let it."""

    def __init__(self, aws, databases, host, groups):
        self.aws, self.databases, self.groups = aws, databases, groups
        self.instance, self.region = instance_of(host)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near):
        server = self.databases.servers.get((self.region, self.instance))
        try:
            if server is None or not lets_in(self.aws, self.region, self.instance, self.groups):
                near.close()
                return
            far = socket.create_connection(("127.0.0.1", server.port), 5)
        except Exception:
            near.close()
            return
        back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
        back.start()
        self._pump(near, far)
        back.join()
        near.close()
        far.close()

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()


def secret_value(aws, region, reference):
    """What `valueFrom` names: a secret's ARN, and after it a member of its JSON."""
    import json

    arn, _, rest = reference.partition(":secret:")
    name, _, member = rest.partition(":")
    text = aws.client("secretsmanager", region).get_secret_value(SecretId=f"{arn}:secret:{name}")["SecretString"]
    return json.loads(text)[member.split(":")[0]] if member else text


class Ended:
    """A task that did its work while it was started."""

    running = False

    def stop(self):
        pass


class Task:
    """One task's process."""

    def __init__(self, aws, databases, region, arn, definition, groups):
        self.arn = arn
        container = definition["containerDefinitions"][0]
        environment = {item["name"]: item["value"] for item in container.get("environment", [])}
        for secret in container.get("secrets", []):
            environment[secret["name"]] = secret_value(aws, region, secret["valueFrom"])
        self.way = Way(aws, databases, environment["PGHOST"], groups)
        environment.update(PGHOST="127.0.0.1", PGPORT=str(self.way.port))
        environment["PATH"] = f"{BIN}:{os.environ['PATH']}"
        options = container["logConfiguration"]["options"]
        self.logs = aws.client("logs", options["awslogs-region"])
        self.group = options["awslogs-group"]
        self.stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{arn.rsplit('/', 1)[-1]}"
        self.logs.create_log_stream(logGroupName=self.group, logStreamName=self.stream)
        command = [shutil.which(container["entryPoint"][0]), *container["entryPoint"][1:], *container["command"]]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1, start_new_session=True
        )
        self.pending, self.lock = [], threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._tell, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self.lock:
                self.pending.append({"timestamp": int(time.time() * 1000), "message": line.rstrip("\n")})

    def _tell(self):
        while self.process.poll() is None or self.pending:
            time.sleep(0.2)
            with self.lock:
                lines, self.pending = self.pending, []
            if lines:
                self.logs.put_log_events(logGroupName=self.group, logStreamName=self.stream, logEvents=lines)

    @property
    def running(self):
        return self.process.poll() is None

    def stop(self):
        if self.running:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)
        self.way.close()
