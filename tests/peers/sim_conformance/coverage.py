"""Which operations the checks have seen succeed, and which they have seen refused.

Taken from the worlds' own access logs, not from what the checks say they do. Every operation that the simulation has the
facts of (`sim/model/operations.txt`) must have been seen in both ways, or `excuses` says why not. An excuse that is no longer
needed has to go, and `MOST` with it: the list only becomes shorter.
"""

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from excuses import MOST, NO_ERROR, NO_SUCCESS, NOT_SIMULATED
from world import ACCESS_KEY, ROOT, SECRET_KEY, SEEN, World

GONE = "NotSimulated"


def modelled():
    """The operations of the model, by service, in its order."""
    out = {}
    for line in (ROOT / "sim/model/operations.txt").read_text().splitlines():
        service, colon, names = line.partition(":")
        if colon and not line.startswith("#"):
            out.setdefault(service, []).extend(names.split())
    return out


def unanswered(world, operations):
    """The operations that answer 501 and name themselves when they are given what they require."""
    out = set()
    for service, names in operations.items():
        client = boto3.client(
            service, region_name="us-west-2", endpoint_url=world.endpoint, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"max_attempts": 0}, parameter_validation=False, connect_timeout=30),
        )
        model = client.meta.service_model
        for method, operation in client.meta.method_to_api_mapping.items():
            if operation not in names:
                continue
            shape = model.operation_model(operation).input_shape
            try:
                getattr(client, method)(**{name: sample(shape.members[name]) for name in (shape.required_members if shape else [])})
            except ClientError as error:
                if error.response["Error"]["Code"] == GONE and operation in error.response["Error"]["Message"]:
                    out.add((service, operation))
            except (BotoCoreError, TypeError, KeyError, AttributeError, ValueError):
                # The client itself cannot send it like this; what it answers shows elsewhere, or not.
                continue
    return out


def sample(shape, depth=0):
    """Something of that shape."""
    kind = shape.type_name
    if kind == "structure":
        return {name: sample(shape.members[name], depth + 1) for name in shape.required_members} if depth < 6 else {}
    if kind == "list":
        return [sample(shape.member, depth + 1)]
    if kind == "map":
        return {"k": "v"}
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if kind in ("float", "double"):
        return 1.0
    if kind == "boolean":
        return True
    if kind == "blob":
        return b"x" * max(1, shape.metadata.get("min", 1))
    if kind == "timestamp":
        return 1800000000
    if shape.metadata.get("enum"):
        return shape.metadata["enum"][0]
    return "x" * max(12, shape.metadata.get("min", 1))


def report():
    """Prints the table; answers what is wrong with it."""
    operations = modelled()
    seen = list(SEEN.values())
    with World("--no-throttle") as world:
        gone = unanswered(world, operations)
    # What was only asked above checks nothing.
    del SEEN[world.endpoint]
    good, bad = set(), set()
    for entry in (entry for entries in seen for entry in entries):
        if entry["fault"] is not None:
            continue
        what = (entry["service"], entry["operation"])
        if entry["error"] is None and entry["status"] < 400:
            good.add(what)
        elif entry["error"] != GONE:
            bad.add(what)
    every = {(service, name) for service, names in operations.items() for name in names}
    wrong = []
    for table, name in ((NO_SUCCESS, "NO_SUCCESS"), (NO_ERROR, "NO_ERROR"), (NOT_SIMULATED, "NOT_SIMULATED")):
        wrong += [f"{name} names {' '.join(what)}, which the model does not have" for what in sorted(set(table) - every)]
        if len(table) > MOST[name]:
            wrong.append(f"{name} has {len(table)} entries; it had {MOST[name]}, and only becomes shorter: write the check instead")
        if len(table) < MOST[name]:
            wrong.append(f"{name} has become shorter, well done: set its figure in MOST to {len(table)}")
    print("service                   operations  succeeded  refused  not simulated")
    for service, names in operations.items():
        mine = [(service, name) for name in names]
        print(f"{service:26}{len(mine):10}{len(good.intersection(mine)):11}{len(bad.intersection(mine)):9}{len(set(NOT_SIMULATED).intersection(mine)):15}")
    for what in sorted(every):
        shown = " ".join(what)
        if what in NOT_SIMULATED:
            if what in good:
                wrong.append(f"{shown} is listed as not simulated, and was seen to succeed")
            continue
        if what in gone:
            wrong.append(f"{shown} answers 501 and is not listed")
            continue
        for seen_so, table, word in ((good, NO_SUCCESS, "seen to succeed"), (bad, NO_ERROR, "seen to be refused")):
            if what not in seen_so and what not in table:
                wrong.append(f"{shown} was never {word}")
            if what in seen_so and what in table:
                wrong.append(f"{shown} needs no excuse any more: it was {word}")
    return wrong
