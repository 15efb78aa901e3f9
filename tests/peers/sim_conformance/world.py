"""A simulated AWS for one run of checks: started, driven through its clock, asked by unmodified clients.

The world's time stands still while a check computes and jumps when it waits: botocore's own waiters, with their own
delays, take no real time.
"""

import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request

import boto3
import botocore.waiter
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = pathlib.Path(__file__).resolve().parents[3]
ACCOUNT = "111122223333"
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def binary():
    """The simulator's binary: `AWS_SIM`, or the newest that cargo has built here."""
    if "AWS_SIM" in os.environ:
        return os.environ["AWS_SIM"]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [target / profile / "aws-sim" for profile in ("release", "debug")]
    built = [path for path in built if path.exists()]
    if not built:
        raise SystemExit("build the simulator first (cargo build -p aws-sim), or set AWS_SIM to its path")
    return str(max(built, key=lambda path: path.stat().st_mtime))


# What each world was asked, from its own log: for the table of coverage.
SEEN = {}

# These come without a message, as everybody who has met them knows.
SILENT = {"InvalidCiphertextException", "ParameterNotFound"}


class World:
    """One simulated AWS. Use it as a context manager."""

    def __init__(self, *options):
        # Statuses that no client knows are a fault like others: checks of what AWS documents go without.
        self.options = ["--port", "0", "--speed", "instant", "--odd-statuses", "0", *options]
        self.passed = 0
        self.failures = []

    def __enter__(self):
        self.process = subprocess.Popen([binary(), *self.options], stdout=subprocess.PIPE, text=True)
        self.addresses = json.loads(self.process.stdout.readline())
        self.endpoint = self.addresses["aws"]
        self.control("clock/register", {"client": "conformance"})
        self.slept = botocore.waiter.time.sleep
        # The waiters' own sleeps pass in the world's time. The module is shared, so only that name is replaced.
        botocore.waiter.time = _Sleeping(self)
        return self

    def __exit__(self, *_):
        botocore.waiter.time = time
        SEEN[self.endpoint] = self.control("log?last=10000000")["entries"]
        self.process.terminate()
        self.process.wait(10)

    def control(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_sandbox/{path}", data=data)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {error.read().decode()}") from error

    def wait(self, seconds):
        """Lets time pass in the world."""
        until = self.control("clock")["now"] + int(seconds * 1e9)
        self.control("clock/wait", {"client": "conformance", "until": until})

    def client(self, service, region="us-west-2"):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"max_attempts": 1, "mode": "standard"}, parameter_validation=True),
        )

    def cli(self, *arguments, region="us-west-2"):
        """Runs the AWS CLI against this world; answers its exit code, its output as JSON if it is, and its errors."""
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_PAGER": "",
            "AWS_MAX_ATTEMPTS": "1",
        }
        done = subprocess.run(["aws", *arguments], env=environment, capture_output=True, text=True, timeout=120)
        try:
            output = json.loads(done.stdout)
        except ValueError:
            output = done.stdout
        return done.returncode, output, done.stderr

    # What checks say.

    def that(self, what, holds, seen=None):
        if holds:
            self.passed += 1
        else:
            self.failures.append(f"{what}: {seen!r}" if seen is not None else what)

    def same(self, what, seen, expected):
        self.that(what, seen == expected, f"{seen!r}, expected {expected!r}")

    def refused(self, what, code, call, status=None, **arguments):
        """The call is refused with AWS's code, and with that HTTP status if one is given."""
        try:
            seen = call(**arguments)
        except ClientError as error:
            answer = error.response
            self.same(what, answer["Error"]["Code"], code)
            if status is not None:
                self.same(f"{what} (status)", answer["ResponseMetadata"]["HTTPStatusCode"], status)
            self.that(f"{what} (message)", bool(answer["Error"].get("Message")) or code in SILENT)
            return
        self.that(what, False, f"not refused: {seen!r}")


class _Sleeping:
    def __init__(self, world):
        self.world = world

    def sleep(self, seconds):
        self.world.wait(seconds)

    def __getattr__(self, name):
        return getattr(time, name)
