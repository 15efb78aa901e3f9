"""Processes of this machine: started by the suite, stopped by their ids."""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time


def free_port(address="127.0.0.1"):
    """A port that stays free until a server takes it: none of those that the system gives to whoever connects."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as s:
            try:
                s.bind((address, port))
                return port
            except OSError:
                continue
    raise SystemExit(f"no port of {address} is free")


def answers(port, address="127.0.0.1", within=30.0):
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            socket.create_connection((address, port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing answers at {address}:{port}")


class Machine:
    """Everything that was started, to be stopped in reverse."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.started = []
        self.ended = []

    def start(self, name, command, port=None, **options):
        log = open(self.folder / f"{name}.log", "ab")
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **options)
        log.close()
        self.started.append(process)
        if port:
            answers(port)
        return process

    def at_end(self, what):
        self.ended.append(what)

    def stop_one(self, process):
        if process.poll() is None:
            try:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
            except ProcessLookupError:
                pass

    def stop(self):
        for what in reversed(self.ended):
            what()
        for process in reversed(self.started):
            self.stop_one(process)
        # For whoever wants to read journals and logs of a failure.
        if "DRTOOL_KEEP" not in os.environ:
            shutil.rmtree(self.folder, ignore_errors=True)


def ran(command, **options):
    """Runs to the end; answers stdout, and stops the suite with stderr if it failed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=options.pop("timeout", 120), **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout
