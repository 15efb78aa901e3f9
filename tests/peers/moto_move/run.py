"""The whole move against moto: drtool's own binary in real time, through `--endpoint-url`, two real registries, real
PostgreSQL behind the databases, real DNS and TLS in front of the balancers.

    python3 tests/peers/moto_move/run.py

The account: moto's is 123456789012, Redmine's manifest is for 111122223333. An overlay, `redmine.moto.yaml`, is laid over
the manifest as it is and says so; nothing else is changed by it.
"""

import base64
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.append(str(HERE.parent / "stack"))

import image  # noqa: E402
import witness  # noqa: E402
from aws import ACCESS_KEY, SECRET_KEY, Aws  # noqa: E402
from doors import Application, Authority, Doors  # noqa: E402
from gaps import Gaps  # noqa: E402
from machine import Machine, free_port  # noqa: E402
from names import ADDRESS, Names  # noqa: E402
from play import play  # noqa: E402
from postgres import Databases  # noqa: E402
from proxy import READS, Proxy  # noqa: E402
from registry import Registry  # noqa: E402
from supplied import Supplied  # noqa: E402
from users import Users  # noqa: E402

ACCOUNT = "123456789012"
SOURCE, TARGET = "us-west-2", "eu-west-1"
NAME = "redmine.sidpotti.infracourse.cloud"
# Layers of 32 MB in the image, and the memory that drtool may have at most while it copies them.
LARGE, MEMORY = 14, 96
LAYERS = {"ecr InitiateLayerUpload", "ecr UploadLayerPart", "ecr CompleteLayerUpload", "ecr PutImage"}


def binary():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return os.environ.get("DRTOOL", str(target / "release" / "drtool"))


class Killed(Exception):
    pass


class Drtool:
    """drtool's binary, as somebody types it."""

    def __init__(self, folder, proxy, registries, authority):
        self.folder, self.proxy = folder, proxy
        self.flags = ["--state", str(folder / "state"), "--directory", str(ROOT), "--endpoint-url", proxy.url, "--resolver", ADDRESS]
        for region, registry in registries.items():
            self.flags += ["--registry-endpoint", f"{region}={registry.url}"]
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "USER": "operator", "SSL_CERT_FILE": str(authority.file),
            "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }
        self.stack = ["--manifest", str(folder / "redmine.yaml"), "--overlay", "moto"]

    def __call__(self, *arguments, expect=0, kill_at=None, patience=600):
        """Runs it to its end, or kills it when moto has carried out `kill_at` and before the answer arrives; `kill_at` may
        also be something to be asked until it is true."""
        command = [binary(), *arguments, "-v", *self.flags]
        process = subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.peak = 0
        threading.Thread(target=self._watch, args=(process, kill_at if callable(kill_at) else None), daemon=True).start()
        if kill_at and not callable(kill_at):
            self.proxy.after(kill_at, process.kill)
        try:
            out, err = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            shown = subprocess.run([binary(), "status", "-v", *self.flags], env=self.environment, cwd=self.folder, capture_output=True, text=True)
            raise SystemExit(f"drtool {' '.join(arguments)} is not done after {patience} s\n{out}\n{err}\n{shown.stdout}{shown.stderr}\n{self._last_calls()}")
        finally:
            self.proxy.after(None, None)
        if kill_at:
            if process.returncode != -9:
                raise SystemExit(f"drtool {' '.join(arguments)} never came to {kill_at}: exit {process.returncode}\n{err}")
        elif process.returncode != expect:
            raise SystemExit(f"drtool {' '.join(arguments)}: exit {process.returncode}, expected {expect}\n{out}\n{err}")
        return out, err


    def _watch(self, process, until):
        """Keeps the most memory that it ever had; kills it when it is time to."""
        while process.poll() is None:
            try:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                return
            high = re.search(r"VmHWM:\s+(\d+) kB", status)
            self.peak = max(self.peak, int(high.group(1)) if high else 0)
            if until and until():
                process.kill()
                return
            time.sleep(0.005)

    def _last_calls(self):
        """What it asked again and again, for whoever reads a failure."""
        return "\n".join(sorted({" ".join(map(str, call)) for call in self.proxy.calls[-40:]}))


class World:
    """moto with what it lacks, and the source stack in it."""

    def __init__(self, machine):
        self.machine, self.gaps = machine, Gaps()
        port = free_port()
        environment = {**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_ACM_VALIDATION_WAIT": "1"}
        machine.start("moto", [pathlib.Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)], port, env=environment)
        self.moto = Aws(f"http://127.0.0.1:{port}")
        self.databases = Databases(machine)
        self.registries = {region: Registry(machine, region, self._password(region)) for region in (SOURCE, TARGET)}
        self.proxy = Proxy(port, self.gaps)
        machine.at_end(self.proxy.stop)
        self.aws = Aws(self.proxy.url)
        application = Application(self.moto, self.databases)
        self.supplied = Supplied(self.proxy, self.moto, self.gaps, self.databases, self.registries, application)
        machine.at_end(self.supplied.stop)
        self.authority = Authority(machine.folder)
        self.doors = Doors(self.moto, self.gaps, self.authority, application)
        machine.at_end(self.doors.stop)
        self.names = Names(self.moto, self.gaps, self.doors.address_of)
        machine.at_end(self.names.stop)
        self._source()

    def _password(self, region):
        """What moto's GetAuthorizationToken gives out is what the registry of that region takes."""
        token = self.moto.client("ecr", region).get_authorization_token()["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(token).decode().partition(":")
        assert user == "AWS", user
        return password

    def _source(self):
        stack = yaml.safe_load((ROOT / "src/sandbox/stacks/redmine.yaml").read_text())
        for call in stack["calls"]:
            if call.get("call") in LAYERS:
                self.gaps.met("ecr-layer-upload")
        stack["calls"] = [call for call in stack["calls"] if call.get("call") not in LAYERS]
        play(self.aws, stack)
        layout = self.machine.folder / "layout"
        self.digest = image.redmine(layout, large=LARGE)
        registry = self.registries[SOURCE]
        for tag in ("5.1", "latest"):
            registry.skopeo(
                "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds", registry.credentials,
                f"oci:{layout}", f"docker://{registry.host}/redmine:{tag}",
            )
        shutil.rmtree(layout)


def story(machine, say):
    world = World(machine)
    say("the source stack stands in moto, built by boto3")
    for name in ("redmine.yaml",):
        shutil.copy(ROOT / "manifests" / name, machine.folder / name)
    (machine.folder / "redmine.moto.yaml").write_text(f'source: {{ account: "{ACCOUNT}" }}\n')
    drtool = Drtool(machine.folder, world.proxy, world.registries, world.authority)
    checks = witness.Checks()
    users = Users(world, NAME)
    machine.at_end(users.stop)

    drtool("capture", *drtool.stack)
    world.proxy.calls.clear()
    out, _ = drtool("plan", *drtool.stack, "--to", TARGET)
    changing = [call for call in world.proxy.calls if not call[2].startswith(READS)]
    checks.that("a plan only reads", world.proxy.calls and not changing, changing)
    checks.that("a plan names the digest", world.digest in out, world.digest)
    say("captured and planned")

    before = witness.everything(world, (SOURCE, TARGET))
    users.start()
    _, err = drtool("migrate", *drtool.stack, "--to", TARGET, "--yes", kill_at=("rds", "RestoreDBInstanceFromDBSnapshot"))
    run = id_of(err)
    say(f"run {run} killed while the database was being restored, behind the fence")
    checks.that("nobody writes behind the fence", not users.accepted_within(2))
    drtool("undo", run, "--yes")
    users.until_accepted()
    after = witness.everything(world, (SOURCE, TARGET))
    for path, was, now in witness.differences(before, after):
        checks.that(f"undo gives back {path}", False, f"{was!r} became {now!r}")
    checks.that("undo gives everything back", True)
    say("undone: the source serves again, the target is empty")

    # The image again, and killed in the midst of it: some layers are there, others are not. Nothing else is under way: a
    # request without a name that was never answered would be searched for for 23 minutes, as it must.
    far = world.registries[TARGET]
    before = far.uploads()
    _, err = drtool("migrate", *drtool.stack, "--to", TARGET, "--yes", kill_at=lambda: world.proxy.quiet(0.5) and len(far.uploads() - before) >= 3)
    run = id_of(err)
    there = far.uploads() - before
    say(f"run {run} killed while its image was copied: {len(there)} blobs were there")
    drtool("resume", run, "--yes", kill_at=("rds", "CreateDBSnapshot"))
    checks.that(f"no more than {MEMORY} MB of memory while copying", 0 < drtool.peak < MEMORY * 1024, drtool.peak)
    say(f"the copy went on where it was; drtool had {drtool.peak // 1024} MB at most")
    again = [digest for digest in there if (far.uploads() - before)[digest] > there[digest]]
    checks.same("blobs that were there are not sent again", again, [])
    drtool("resume", run, "--yes", kill_at=("rds", "CopyDBSnapshot"))
    drtool("resume", run, "--yes", kill_at=("ecs", "CreateService"))
    drtool("resume", run, "--yes", kill_at=("route53", "ChangeResourceRecordSets"))
    say(f"run {run} killed four times more, each time with an answer lost")
    drtool("resume", run, "--yes")
    users.until_accepted()
    users.stop()
    say("moved")
    witness.moved(checks, world, users, run)
    return world, checks


def id_of(err):
    """The run's id, which is said first and last."""
    return re.search(r"^run (\w+)$", err, re.MULTILINE).group(1)


def main():
    began = time.monotonic()

    def say(what):
        print(f"moto move: {time.monotonic() - began:5.1f} s: {what}", flush=True)

    folder = tempfile.mkdtemp(prefix="drtool-moto-")
    machine = Machine(folder)
    try:
        world, checks = story(machine, say)
        failures = [*checks.failures, *world.gaps.failures()]
        for line in world.gaps.table():
            print(f"  {line}")
    except (Exception, SystemExit):
        traceback.print_exc()
        log = (machine.folder / "moto.log").read_text(errors="replace").splitlines()
        print("\n".join(line for line in log[-400:] if '" 200 -' not in line)[-6000:])
        return 1
    finally:
        machine.stop()
    print(f"moto move: {checks.passed} checks passed, {len(failures)} failed, in {time.monotonic() - began:.0f} s")
    for failure in failures:
        print(f"  {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
