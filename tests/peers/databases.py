"""What drtool's probes ask, asked of real databases: every question of a plan parses there and answers what it should.

    python3 tests/peers/databases.py

PostgreSQL and MariaDB are started here, on ports of 127.0.0.1, and stopped by their ids. The questions are read from
`drtool plan --json`: nothing is repeated here.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE / "moto_move"))

from machine import Machine, answers, free_port, ran  # noqa: E402
from postgres import Server, psql  # noqa: E402

# Names that a careless query trips over, and how many rows each table has.
TABLES = {"issues": 3, "Users": 2, "order": 0, "it's": 1}


def questions(folder, engine, version, family):
    """Every question of Redmine's plan, by name, as for a database of this engine; or why there is no plan."""
    capture = json.loads((ROOT / "manifests/redmine.capture.json").read_text())
    settings = capture["databases"][0]["settings"]
    if engine != "postgres":
        settings.update(engine=engine, engineVersion=version, licenseModel="general-public-license", port=3306, optionGroup=f"default:{family}")
        capture["parameterGroups"][0].update(family=family, parameters={})
    (folder / "redmine.capture.json").write_text(json.dumps(capture))
    (folder / "redmine.yaml").write_text((ROOT / "manifests/redmine.yaml").read_text())
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = os.environ.get("DRTOOL", str(target / "release" / "drtool"))
    command = [binary, "plan", "--manifest", folder / "redmine.yaml", "--directory", ROOT, "--to", "eu-west-1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        return None, done.stderr
    found = {}
    for step in json.loads(done.stdout)["steps"]:
        found.update(step["params"].get("questions", {}) if step["kind"] == "probe-task" else {})
    return found, ""


class Checks:
    def __init__(self):
        self.passed, self.failures = 0, []

    def same(self, what, seen, expected):
        if seen == expected:
            self.passed += 1
        else:
            self.failures.append(f"{what}: {seen!r}, expected {expected!r}")

    def refused(self, what, call, word):
        try:
            seen = call()
        except RuntimeError as error:
            seen = str(error)
            if word in seen:
                self.passed += 1
                return
        self.failures.append(f"{what}: not refused with `{word}`: {seen!r}")


def rows(quote):
    for name, count in TABLES.items():
        table = quote + name.replace(quote, quote * 2) + quote
        yield f"create table {table} (n integer)"
        for number in range(count):
            yield f"insert into {table} values ({number})"


def on_postgres(machine, checks):
    asked, why = questions(machine.folder, "postgres", "15.7", "postgres15")
    if asked is None:
        raise SystemExit(why)
    server = Server(machine, "asked", "redmine_production", "master", "a word of the master's")
    # An application's role: owner of its tables, nothing more.
    server.ask("create role redmine login password 'word'")
    server.ask("grant create on schema public to redmine")
    ask = lambda sql: psql(server.port, "redmine_production", "redmine", "word", sql)  # noqa: E731
    for statement in [*rows('"'), "create table schema_migrations (version text)", "insert into schema_migrations values ('1')"]:
        ask(statement)
    checks.same("PostgreSQL: alive", ask(asked["alive"]), "1")
    before = ask(asked["position"])
    high, low = before.split("/")
    checks.same("PostgreSQL: a position in the log", int(high, 16) >= 0 and int(low, 16) > 0, True)
    ask("create table parts (n integer) partition by range (n)")
    ask("create table parts_low partition of parts for values from (0) to (10)")
    ask("insert into parts values (1), (2)")
    counted = {**TABLES, "schema_migrations": 1, "parts": 2, "parts_low": 2}
    seen = ask(asked["content"])
    tables = lambda text: dict(part.split("=") for part in text.split(","))  # noqa: E731
    checks.same("PostgreSQL: every table and its rows", {k: v.split("/")[0] for k, v in tables(seen).items()}, {k: str(v) for k, v in counted.items()})
    checks.same("PostgreSQL: asked twice, the same", ask(asked["content"]), seen)
    # What the comparison of source, snapshot and restored database rests on.
    for statement in ["vacuum freeze issues", "vacuum full issues", "analyze issues"]:
        ask(statement)
    checks.same("PostgreSQL: keeping house changes nothing", ask(asked["content"]), seen)
    restored = Server(machine, "restored", "redmine_production", "master", "a word of the master's", server.files("snapshot"))
    checks.same("PostgreSQL: a server from its files says the same", psql(restored.port, "redmine_production", "redmine", "word", asked["content"]), seen)
    restored.stop()
    changed = []
    for table in ["issues", "Users", "parts"]:
        ask(f'update "{table}" set n = n where n = 1')
        now = ask(asked["content"])
        changed.append([name for name, was in tables(seen).items() if tables(now)[name] != was])
        seen = now
    checks.same("PostgreSQL: a changed row shows", changed, [["issues"], ["Users"], ["parts", "parts_low"]])
    checks.same("PostgreSQL: a write that leaves nothing", (ask(asked["write"]), ask(asked["content"])), ("CREATE TABLE", seen))
    ask("insert into issues values (9)")
    checks.same("PostgreSQL: one row more shows", "issues=4/" in ask(asked["content"]), True)
    checks.same("PostgreSQL: and the position moves", ask(asked["position"]) != before, True)
    for name, query in asked.items():
        if name.startswith("check-"):
            checks.same(f"PostgreSQL: {query}", ask(query), "t")
    server.ask("alter database redmine_production set default_transaction_read_only = on")
    checks.refused("PostgreSQL: a write into a read-only database", lambda: ask(asked["write"]), "read-only")
    server.stop()
    checks.refused("PostgreSQL: a database that is away", lambda: ask(asked["write"]), "connection to server")


def mariadb(port, database, user, password, sql):
    environment = {**os.environ, "MYSQL_PWD": password}
    command = ["mysql", "--no-defaults", "-N", "-B", "-h", "127.0.0.1", "-P", str(port), "-u", user, "-e", sql, database]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()


def on_mariadb(machine, checks):
    asked, why = questions(machine.folder, "mysql", "8.0.39", "mysql8.0")
    if asked is None:
        if "E1118" not in why:
            raise SystemExit(why)
        return "skipped MariaDB: drtool refuses to ask a MySQL database so far (E1118)"
    folder = machine.folder / "mariadb"
    folder.mkdir()
    machine.folder.chmod(0o755)
    folder.chmod(0o777)
    ran(["mariadb-install-db", "--no-defaults", f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal", "--skip-test-db"], user="mysql", group="mysql", cwd=folder)
    port, socket = free_port(), folder / "socket"
    command = ["mariadbd", "--no-defaults", f"--datadir={folder / 'data'}", f"--port={port}", "--bind-address=127.0.0.1", f"--socket={socket}", f"--pid-file={folder / 'pid'}"]
    process = machine.start("mariadb", command, user="mysql", group="mysql", cwd=folder)
    answers(port)
    ran(["mysql", "--no-defaults", "-S", socket, "-u", "root", "-e", "create database redmine_production; create user redmine@'127.0.0.1' identified by 'word'; grant all on redmine_production.* to redmine@'127.0.0.1'"])
    ask = lambda sql: mariadb(port, "redmine_production", "redmine", "word", sql)  # noqa: E731
    for statement in [*rows("`"), "create table schema_migrations (version text)", "insert into schema_migrations values ('1')"]:
        ask(statement)
    checks.same("MariaDB: alive", ask(asked["alive"]), "1")
    seen = ask(asked["content"])
    counted = {**TABLES, "schema_migrations": 1}
    checks.same("MariaDB: every table and its rows", dict(part.split("=") for part in seen.split(",")), {k: str(v) for k, v in counted.items()})
    checks.same("MariaDB: a write that leaves nothing", (ask(asked["write"]), ask(asked["content"])), ("", seen))
    ask("insert into issues values (9)")
    checks.same("MariaDB: one row more shows", "issues=4" in ask(asked["content"]), True)
    machine.stop_one(process)
    checks.refused("MariaDB: a database that is away", lambda: ask(asked["write"]), "ERROR")
    return "skipped MariaDB's position: @@gtid_executed is MySQL's own, MariaDB has another name for it"


def main():
    checks, said = Checks(), None
    machine = Machine(tempfile.mkdtemp(prefix="drtool-databases-"))
    try:
        on_postgres(machine, checks)
        said = on_mariadb(machine, checks)
    finally:
        machine.stop()
    if said:
        print(f"  {said}")
    print(f"databases: {checks.passed} passed, {len(checks.failures)} failed")
    for failure in checks.failures:
        print(f"  {failure}")
    return 1 if checks.failures else 0


if __name__ == "__main__":
    sys.exit(main())
