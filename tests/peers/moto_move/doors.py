"""The balancers' own addresses: a server for each that moto knows, which answers by its listeners, its targets and the
application behind them. Certificates are of an authority of this suite, one for each that ACM has issued."""

import datetime
import http.server
import ipaddress
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from postgres import psql
from tasks import instance_of, lets_in, secret_value


class Authority:
    """Signs certificates; trusted by whoever reads `file`."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "moto move authority")])
        own = self._builder(self.name, self.key).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(own.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        self.contexts = {}

    def _builder(self, subject, key):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=2))

    def context(self, arn, names):
        """The TLS side of a certificate that ACM has issued."""
        if arn not in self.contexts:
            key = ec.generate_private_key(ec.SECP256R1())
            # The certificate's ARN is its subject, so that a client can tell which one it met.
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, arn.rsplit("/", 1)[-1][:60])])
            alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            signed = self._builder(subject, key).add_extension(alternatives, False).sign(self.key, hashes.SHA256())
            file = self.folder / f"door-{len(self.contexts)}.pem"
            file.write_bytes(
                key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
                + signed.public_bytes(serialization.Encoding.PEM)
            )
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
            self.contexts[arn] = context
        return self.contexts[arn]


class Application:
    """Redmine, as far as users need it: a page, and a write into its database by the way that its tasks have."""

    def __init__(self, aws, databases):
        self.aws, self.databases = aws, databases

    def sql(self, region, group, statement):
        ecs = self.aws.client("ecs", region)
        for cluster in ecs.list_clusters()["clusterArns"]:
            names = ecs.list_services(cluster=cluster)["serviceArns"]
            for service in ecs.describe_services(cluster=cluster, services=names)["services"] if names else []:
                if any(b["targetGroupArn"] == group for b in service["loadBalancers"]):
                    return self._sql(region, service, statement)
        raise RuntimeError("no service has this target group")

    def _sql(self, region, service, statement):
        definition = self.aws.client("ecs", region).describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        return self._by(region, definition, service["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"], statement)

    def _by(self, region, definition, groups, statement):
        """A statement by the way that a task of this definition with these groups has."""
        container = definition["containerDefinitions"][0]
        environment = {item["name"]: item["value"] for item in container["environment"]}
        password = next(s["valueFrom"] for s in container["secrets"] if s["name"] == "DB_PASS")
        instance, where = instance_of(environment["DB_HOST"])
        if where != region or not lets_in(self.aws, region, instance, groups):
            raise RuntimeError(f"no way to {environment['DB_HOST']}")
        server = self.databases.servers[region, instance]
        return psql(server.port, environment["DB_NAME"], environment["DB_USER"], secret_value(self.aws, region, password), statement)

    def one_off(self, region, definition, groups, command):
        """What a task with a command of its own does before it ends."""
        if command != ["app:rake", "db:fixtures:load"]:
            raise RuntimeError(f"Redmine has no command {command}")
        self._by(
            region, definition, groups,
            "create table schema_migrations (version text primary key); insert into schema_migrations values ('20240101000000');"
            "create table issues (id integer primary key, subject text not null);"
            "create table users (id serial primary key, login text); insert into users (login) values ('admin'), ('anna')",
        )

    def answer(self, region, group, method, path):
        try:
            if method == "POST" and path.startswith("/issues/"):
                number = int(path.rsplit("/", 1)[-1])
                self.sql(region, group, f"insert into issues (id, subject) values ({number}, 'issue {number}')")
                return 201, {}, f"issue {number}"
            self.sql(region, group, "select 1")
        except Exception as error:
            return 500, {}, str(error)
        if path == "/":
            return 302, {"Location": "/login"}, ""
        return 200, {}, "<title>Redmine</title>"


class Doors:
    """One address of this machine for each balancer, by its name."""

    def __init__(self, aws, gaps, authority, application):
        self.aws, self.gaps, self.authority, self.application = aws, gaps, authority, application
        self.addresses = {}
        self.servers = []
        self.lock = threading.Lock()

    def address_of(self, name):
        """The address of a balancer that moto knows, opened when it is first asked for."""
        if not name.endswith(".elb.amazonaws.com"):
            return None
        region = name.split(".")[1]
        found = [b for b in self.aws.client("elbv2", region).describe_load_balancers()["LoadBalancers"] if b["DNSName"].lower() == name]
        if not found:
            return None
        arn = found[0]["LoadBalancerArn"]
        with self.lock:
            if arn not in self.addresses:
                address = str(ipaddress.ip_address("127.0.80.1") + len(self.addresses))
                self._open(address, region, arn)
                self.addresses[arn] = address
            return self.addresses[arn]

    def _listener(self, region, arn, port):
        listeners = self.aws.client("elbv2", region).describe_listeners(LoadBalancerArn=arn)["Listeners"]
        return next((listener for listener in listeners if listener["Port"] == port), None)

    def _respond(self, region, arn, port, method, path):
        self.gaps.met("elb-doors")
        listener = self._listener(region, arn, port)
        if listener is None:
            return None
        elb = self.aws.client("elbv2", region)
        action = listener["DefaultActions"][-1]
        if action["Type"] == "fixed-response":
            fixed = action["FixedResponseConfig"]
            return int(fixed["StatusCode"]), {}, fixed.get("MessageBody", "")
        if action["Type"] == "redirect":
            to = action["RedirectConfig"]
            return 301, {"Location": f"{to['Protocol'].lower()}://HOST:{to['Port']}{path}"}, ""
        group = action.get("TargetGroupArn") or action["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"]
        targets = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        if not any(t["TargetHealth"]["State"] == "healthy" for t in targets):
            return 503, {}, "no healthy target"
        return self.application.answer(region, group, method, path)

    def _open(self, address, region, arn):
        doors = self
        for port in (80, 443):

            class Handler(http.server.BaseHTTPRequestHandler):
                its_port = port

                def handle_one(self):
                    self.rfile.read(int(self.headers.get("Content-Length") or 0))
                    try:
                        answered = doors._respond(region, arn, self.its_port, self.command, self.path)
                    except Exception as error:
                        answered = 500, {}, f"{type(error).__name__}: {error}"
                    if answered is None:
                        self.close_connection = True
                        return
                    status, headers, body = answered
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value.replace("HOST", self.headers.get("Host", "")))
                    self.send_header("Content-Length", str(len(body.encode())))
                    self.send_header("Connection", "close")
                    self.end_headers()
                    self.wfile.write(body.encode())

                do_GET = do_POST = do_HEAD = handle_one

                def log_message(self, *_):
                    pass

            class Server(http.server.ThreadingHTTPServer):
                daemon_threads = True
                its_port = port

                def finish_request(self, request, client):
                    # In the connection's own thread: a slow handshake keeps nobody else waiting.
                    if self.its_port == 443:
                        listener = doors._listener(region, arn, 443)
                        if listener is None:
                            return
                        certificate = listener["Certificates"][0]["CertificateArn"]
                        found = doors.aws.client("acm", region).describe_certificate(CertificateArn=certificate)["Certificate"]
                        if found["Status"] != "ISSUED":
                            return
                        names = [found["DomainName"], *found.get("SubjectAlternativeNames", [])]
                        request = doors.authority.context(certificate, sorted(set(names))).wrap_socket(request, server_side=True)
                    super().finish_request(request, client)
                    request.close()

                def handle_error(self, *_):
                    # A client that gives up, or does not trust us, has said all there is to say.
                    pass

            server = Server((address, port), Handler)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.servers.append(server)

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
