"""Real PostgreSQL behind moto's database instances: an instance is a server, a snapshot is a copy of its files."""

import os
import pathlib
import subprocess
import threading

from machine import answers, free_port, ran

# Where Debian keeps the server's programs; the newest.
BIN = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))


def psql(port, database, user, password, sql, patience=60):
    """One statement; answers its rows as text, or raises RuntimeError with what the server said."""
    environment = {**os.environ, "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "3"}
    done = subprocess.run(
        [BIN / "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U", user, "-d", database, "-c", sql],
        env=environment, capture_output=True, text=True, timeout=patience,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()


class Server:
    """One PostgreSQL server with one database and its owner: a new one, or one that starts from a copy of another's files."""

    def __init__(self, machine, name, database, user, password, copy=None):
        self.machine, self.name = machine, name
        self.database, self.user, self.password = database, user, password
        self.folder = machine.folder / f"pg-{name}"
        self.folder.mkdir()
        os.chmod(machine.folder, 0o755)
        os.chmod(self.folder, 0o777)
        self.as_postgres = {"user": "postgres", "group": "postgres", "cwd": self.folder, "env": {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}}
        data = self.folder / "data"
        if copy:
            ran(["cp", "-a", copy, data], **self.as_postgres)
        else:
            word = self.folder / "word"
            word.write_text(password)
            os.chmod(word, 0o644)
            ran([BIN / "initdb", "-D", data, "-U", user, "--pwfile", word, "-A", "scram-sha-256", "--no-sync", "-E", "UTF8"], **self.as_postgres)
            word.unlink()
        self.port = free_port()
        self.process = machine.start(
            f"pg-{name}",
            [BIN / "postgres", "-D", data, "-p", str(self.port), "-h", "127.0.0.1", "-k", self.folder, "-F"],
            **self.as_postgres,
        )
        answers(self.port)
        self._until_ready()
        if not copy:
            psql(self.port, "postgres", user, password, f'create database "{database}"')

    def _until_ready(self):
        # The port opens before the server has started up.
        for _ in range(200):
            try:
                psql(self.port, "postgres", self.user, self.password, "select 1")
                return
            except RuntimeError as error:
                if "starting up" not in str(error):
                    raise
        raise SystemExit(f"{self.name} does not start")

    def ask(self, sql):
        return psql(self.port, self.database, self.user, self.password, sql)

    def files(self, name):
        """A copy of its files at this instant, as a snapshot has them: rows keep the transactions that wrote them."""
        copy = self.folder / name
        as_user = {**self.as_postgres, "env": {**self.as_postgres["env"], "PGPASSWORD": self.password}}
        ran([BIN / "pg_basebackup", "-h", "127.0.0.1", "-p", str(self.port), "-U", self.user, "-D", copy, "-X", "fetch", "-c", "fast", "--no-sync"], **as_user)
        return copy

    def stop(self):
        self.machine.stop_one(self.process)


class Databases:
    """Instances and snapshots by region and name, as RDS names them."""

    def __init__(self, machine):
        self.machine = machine
        self.servers = {}
        self.snapshots = {}
        self.lock = threading.Lock()
        self.made = 0

    def _server(self, region, instance, database, user, password, copy=None):
        self.made += 1
        server = Server(self.machine, f"{region}-{instance}-{self.made}", database, user, password, copy)
        self.servers[region, instance] = server
        return server

    def create(self, region, instance, database, user, password):
        with self.lock:
            self._server(region, instance, database, user, password)

    def snapshot(self, region, instance, snapshot):
        with self.lock:
            server = self.servers[region, instance]
            self.made += 1
            copy = server.files(f"snapshot-{self.made}")
            self.snapshots[region, snapshot] = (server.database, server.user, server.password, copy)

    def copy(self, source_region, source, region, snapshot):
        with self.lock:
            self.snapshots[region, snapshot] = self.snapshots[source_region, source]

    def restore(self, region, snapshot, instance):
        with self.lock:
            self._server(region, instance, *self.snapshots[region, snapshot])

    def delete(self, region, instance):
        with self.lock:
            server = self.servers.pop((region, instance), None)
            if server:
                server.stop()
