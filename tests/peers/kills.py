"""Kills drtool, and now and then the sandbox's server with it, at random instants; then types what a user would type.

    python3 tests/peers/kills.py [--count N] [--seed N] [--what migrate|drill|undo] [--workers N]

For every seed: a fresh copy of a world in which Redmine stands, served by the real binary; a run by the real binary over
sockets; SIGKILL at a random instant (half of the seeds by elapsed time, half by the journal's length); then once
`resume` (`drill clean`, `undo`). It must end with exit 0, and the world must be, in canonical form, the one in which
nobody was killed: for `migrate` the moved one, for `drill` and `undo` the one before.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "moto_move"))

from machine import free_port  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
DRTOOL = os.environ.get("DRTOOL") or str(pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "drtool")
PATIENCE = 300


class Failed(Exception):
    pass


class Sandbox:
    """A world in a folder of its own, served on a port of its own."""

    def __init__(self, folder, world):
        self.folder = pathlib.Path(folder)
        self.world = self.folder / "world"
        self.state = self.folder / "state"
        shutil.copy(world, self.world)
        # Its own for as long as it lives: it is served again after it was killed.
        self.port = free_port()
        self.server = None

    def serve(self):
        self.server = subprocess.Popen(
            [DRTOOL, "sandbox", "serve", "--keep", str(self.world), "--port", str(self.port), "--sandbox-speed", "instant"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url = f"http://127.0.0.1:{self.port}"
        first = self.server.stdout.readline()
        if self.url not in first:
            raise Failed(f"the server does not start: {first!r}")

    def end(self, how=signal.SIGTERM):
        if self.server:
            self.server.send_signal(how)
            self.server.wait(30)
            self.server.stdout.close()
            self.server = None

    def begin(self, *words):
        return subprocess.Popen(
            [DRTOOL, *words, "--endpoint-url", self.url, "--state", str(self.state), "--directory", str(ROOT)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words):
        process = self.begin(*words)
        try:
            said, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            raise Failed(f"`{' '.join(words)}` does not end\n{said[-2000:]}") from None
        return process.returncode, said

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.url}/_sandbox/{path}", data, timeout=60) as answer:
            return json.load(answer)

    def truth(self):
        """The canonical world, after an hour in which lingering interfaces and the like have gone."""
        self.ask("clock/advance", {"seconds": 3600})
        return self.ask("canonical")

    def journal(self):
        """Bytes of all journals."""
        return sum(path.stat().st_size for path in self.state.glob("runs/*/journal.jsonl"))

    def runs(self):
        folder = self.state / "runs"
        return sorted(path.parent.name for path in folder.glob("*/journal.jsonl") if path.stat().st_size)


def differences(one, other, path=""):
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differences(one.get(key), other.get(key), f"{path}/{key}")
    elif isinstance(one, list) and isinstance(other, list):
        for n in range(max(len(one), len(other))):
            at = lambda items: items[n] if n < len(items) else None  # noqa: E731
            yield from differences(at(one), at(other), f"{path}/{n}")
    elif one != other:
        yield f"{path}: {json.dumps(one)} / {json.dumps(other)}"


def of_ours(world):
    """Without the default option groups: RDS makes one by itself when it is first needed, nobody can delete it, and so what is
    taken back cannot take it back. After a move it stands in both worlds, and is compared."""
    for place in world.values():
        looks = place.get("rds DescribeOptionGroups", []) if isinstance(place, dict) else []
        for look in looks:
            groups = look["is"].get("OptionGroupsList", [])
            groups[:] = [group for group in groups if not group["OptionGroupName"].startswith("default:")]
        looks[:] = [look for look in looks if look["is"].get("OptionGroupsList")]
        if not looks and isinstance(place, dict):
            place.pop("rds DescribeOptionGroups", None)
    return world


def started(what):
    """The command whose life is cut short."""
    command = "drill" if what == "drill" else "migrate"
    return [command, "--to", "eu-west-1", "--yes"]


def unkilled(world, what, folder):
    """How long a life is, in seconds and in bytes of its journal, and the world that must be in the end."""
    sandbox = Sandbox(folder, world)
    sandbox.serve()
    before = sandbox.truth()
    began = time.monotonic()
    code, said = sandbox.run(*started(what))
    life = time.monotonic() - began
    length = sandbox.journal()
    if code:
        raise SystemExit(f"unkilled, it ends with {code}\n{said[-3000:]}")
    after = sandbox.truth()
    sandbox.end()
    return life, length, after if what == "migrate" else of_ours(before)


def killed(sandbox, chance, life, length, what):
    """Begins, kills, and says when."""
    process = sandbox.begin(*started(what))
    part = chance.random()
    began = time.monotonic()
    by_length = chance.random() < 0.5
    while process.poll() is None:
        if by_length and sandbox.journal() >= part * length:
            break
        if not by_length and time.monotonic() - began >= part * life:
            break
        time.sleep(0.002)
    with_server = chance.random() < 0.15
    process.send_signal(signal.SIGKILL)
    if with_server:
        sandbox.end(signal.SIGKILL)
    process.communicate()
    if with_server:
        sandbox.serve()
    # It was quicker than the one that was not killed, and had ended.
    if process.returncode == 0:
        return None
    return f"{part:.3f} of its {'journal' if by_length else 'time'}{', with the server' if with_server else ''}"


def after(sandbox, what):
    """What a user types after the kill."""
    runs = sandbox.runs()
    if not runs:
        code, said = sandbox.run("runs")
        if code:
            raise Failed(f"`runs` without a run ends with {code}\n{said[-1000:]}")
        if what == "undo":
            return 0, "nothing had begun"
        return sandbox.run(*started(what))
    if what == "drill":
        return sandbox.run("drill", "clean", runs[-1])
    # The kill may have come after the run's last record: then there is nothing to go on with, and it says how the run ended.
    if what == "undo":
        code, said = sandbox.run("undo", runs[-1])
        ended = f"run `{runs[-1]}` has ended: there is nothing left to undo"
    else:
        code, said = sandbox.run("resume")
        ended = f"the newest, {runs[-1]}, has ended: done"
    return (0 if code == 2 and ended in said else code), said


def cut(sandbox):
    """Whether the run had sent users to the target: then there is no way back, and `undo` must say so."""
    for path in sandbox.state.glob("runs/*/journal.jsonl"):
        for line in path.read_text().splitlines():
            if '"step":"cut/' in line and '"intended"' in line:
                return True
    return False


def once(world, seed, life, length, wanted, what):
    """One kill. Answers when it was, and what is wrong."""
    chance = random.Random(f"{what} {seed}")
    with tempfile.TemporaryDirectory(prefix="drtool-kill-") as folder:
        sandbox = Sandbox(folder, world)
        try:
            sandbox.serve()
            when = killed(sandbox, chance, life, length, what)
            finished = when is None
            when = when or "the end"
            if what == "undo" and not finished and chance.random() < 0.5 and sandbox.runs() and not cut(sandbox):
                # Killed again, while it is taken back.
                process = sandbox.begin("undo", sandbox.runs()[-1])
                time.sleep(chance.random() * life)
                process.kill()
                process.communicate()
                # It was quicker: all of it had been taken back.
                finished = process.returncode == 0
                when += ", and while it was undone"
            had_cut = what == "undo" and cut(sandbox)
            code, said = (0, "") if finished else after(sandbox, what)
            if had_cut and code != 0:
                return when + ", after the cut: undo refuses", None
            if code:
                return when, f"then it ends with {code}\n{said[-3000:]}"
            if had_cut:
                return when, None
            found = sandbox.truth() if what == "migrate" else of_ours(sandbox.truth())
            differing = list(differences(wanted, found))
            if differing:
                shown = "\n  ".join(differing[:12])
                return when, f"{len(differing)} differences from the unkilled world:\n  {shown}\n{said[-600:]}"
            return when, None
        except Failed as failed:
            return "", str(failed)
        finally:
            sandbox.end(signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--what", choices=["migrate", "drill", "undo"], default="migrate")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="drtool-kills-") as folder:
        made = subprocess.run(
            [DRTOOL, "sandbox", "seed", "redmine", "--state", folder, "--sandbox-speed", "instant"], capture_output=True, text=True
        )
        if made.returncode:
            raise SystemExit(made.stdout + made.stderr)
        world = pathlib.Path(folder) / "sandbox" / "world"
        with tempfile.TemporaryDirectory() as other:
            life, length, wanted = unkilled(world, asked.what, other)
        print(f"{asked.what}: unkilled in {life:.1f} s, {length} bytes of journal", flush=True)
        failed = 0
        seeds = range(asked.seed, asked.seed + asked.count)
        with concurrent.futures.ThreadPoolExecutor(asked.workers) as pool:
            tries = {seed: pool.submit(once, world, seed, life, length, wanted, asked.what) for seed in seeds}
            for seed, result in tries.items():
                when, wrong = result.result()
                if wrong:
                    failed += 1
                    print(f"seed {seed}: killed at {when}: {wrong}", flush=True)
                done = seed - asked.seed + 1
                if done % 20 == 0 and done < asked.count:
                    print(f"{asked.what}: {done - failed} of {done} so far", flush=True)
        print(f"{asked.what}: {asked.count - failed} of {asked.count} kills end in the same world (seeds {seeds[0]} to {seeds[-1]})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
