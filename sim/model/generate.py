#!/usr/bin/env python3
"""Writes data/<service>.json from the service models that the installed botocore carries.

Only the operations named in operations.txt, and the shapes that they reach; additions.json holds what botocore lacks.
Prose is left out: what remains are facts (members, types, bounds, locations, error codes). The models are Amazon's, under the Apache License 2.0: see NOTICE.

    python3 sim/model/generate.py
"""

import gzip
import json
import pathlib
import sys

import botocore

HERE = pathlib.Path(__file__).parent
MODELS = pathlib.Path(botocore.__file__).parent / "data"

METADATA = [
    "apiVersion", "endpointPrefix", "globalEndpoint", "protocols", "jsonVersion", "targetPrefix", "signingName",
    "xmlNamespace", "awsQueryCompatible", "serviceId",
]
SHAPE = [
    "type", "required", "enum", "min", "max", "pattern", "sensitive", "payload", "exception", "error", "fault",
    "flattened", "locationName", "timestampFormat", "streaming", "union", "document", "eventstream", "xmlNamespace",
]
MEMBER = [
    "shape", "location", "locationName", "queryName", "flattened", "xmlNamespace", "xmlAttribute", "timestampFormat",
    "streaming", "jsonvalue", "idempotencyToken",
]
TEXT_WITH_LENGTH = ("string", "blob", "list", "map", "integer", "long", "float", "double")


def read(path):
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return json.load(file)
    return json.loads(path.read_text(encoding="utf-8"))


def newest(service, name):
    versions = sorted(d for d in (MODELS / service).iterdir() if d.is_dir())
    for version in reversed(versions):
        for suffix in (".json.gz", ".json"):
            path = version / (name + suffix)
            if path.exists():
                return read(path)
    return None


def only(facts, wanted):
    return {key: facts[key] for key in wanted if key in facts}


def shape_facts(shape):
    facts = only(shape, SHAPE)
    if facts["type"] not in TEXT_WITH_LENGTH:
        facts.pop("min", None)
        facts.pop("max", None)
    if "members" in shape:
        facts["members"] = {name: only(member, MEMBER) for name, member in shape["members"].items()}
    for part in ("member", "key", "value"):
        if part in shape:
            facts[part] = only(shape[part], MEMBER)
    return facts


def reach(shapes, name, into):
    if name in into:
        return
    into[name] = shape_facts(shapes[name])
    shape = shapes[name]
    inner = list(shape.get("members", {}).values())
    inner += [shape[part] for part in ("member", "key", "value") if part in shape]
    for member in inner:
        reach(shapes, member["shape"], into)


def operation_facts(operation):
    http = operation["http"]
    facts = {"method": http["method"], "uri": http["requestUri"]}
    if "responseCode" in http:
        facts["status"] = http["responseCode"]
    if "input" in operation:
        facts["input"] = operation["input"]["shape"]
        facts.update(only(operation["input"], ["locationName", "xmlNamespace"]))
    if "output" in operation:
        facts["output"] = operation["output"]["shape"]
        facts.update(only(operation["output"], ["resultWrapper"]))
    if operation.get("errors"):
        facts["errors"] = [error["shape"] for error in operation["errors"]]
    if operation.get("authtype") == "none" or operation.get("auth") == ["smithy.api#noAuth"]:
        facts["unsigned"] = True
    return facts


def generate(service, wanted):
    model = newest(service, "service-2")
    pages = newest(service, "paginators-1") or {"pagination": {}}
    # Operations that AWS has and the installed botocore does not know yet, from AWS's API reference.
    newer = json.loads((HERE / "additions.json").read_text()).get(service, {})
    for name, operation in newer.get("operations", {}).items():
        model["operations"].setdefault(name, operation)
    for name, shape in newer.get("shapes", {}).items():
        model["shapes"].setdefault(name, shape)
    for name, page in newer.get("pagination", {}).items():
        pages["pagination"].setdefault(name, page)
    unknown = sorted(set(wanted) - set(model["operations"]))
    if unknown:
        sys.exit(f"operations.txt: {service} has no {', '.join(unknown)}")
    shapes, operations = {}, {}
    for name in sorted(wanted):
        operation = model["operations"][name]
        operations[name] = operation_facts(operation)
        for part in ("input", "output"):
            if part in operation:
                reach(model["shapes"], operation[part]["shape"], shapes)
    # Every error that the service knows: services answer with some that an operation does not list.
    for name, shape in model["shapes"].items():
        if shape.get("exception") or "error" in shape:
            reach(model["shapes"], name, shapes)
    rest = any(p.startswith("rest") for p in model["metadata"]["protocols"])
    others = {}
    for name in sorted(set(model["operations"]) - set(wanted)):
        http = model["operations"][name]["http"]
        others[name] = f"{http['method']} {http['requestUri']}" if rest else ""
    paginators = {}
    for name, page in sorted(pages.get("pagination", {}).items()):
        if name in operations:
            paginators[name] = only(page, ["input_token", "output_token", "limit_key", "result_key", "more_results"])
    return {
        "metadata": only(model["metadata"], METADATA),
        "operations": operations,
        "paginators": paginators,
        "others": others,
        "shapes": dict(sorted(shapes.items())),
    }


def write(path, model):
    """One fact per line, so that a change of a model is a readable difference."""
    def text(value):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=True)

    lines = ["{", f'"metadata":{text(model["metadata"])},']
    for section in ("operations", "paginators", "others", "shapes"):
        rows = [f"{text(key)}:{text(value)}" for key, value in model[section].items()]
        lines.append(f'"{section}":{{')
        lines.append(",\n".join(rows))
        lines.append("}" if section == "shapes" else "},")
    lines.append("}")
    path.write_text("\n".join(line for line in lines if line) + "\n", encoding="ascii")


def main():
    wanted = {}
    for number, line in enumerate((HERE / "operations.txt").read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        service, colon, names = line.partition(":")
        if not colon:
            sys.exit(f"operations.txt:{number}: expected `service: Operation …`")
        wanted.setdefault(service.strip(), set()).update(names.split())
    (HERE / "data").mkdir(exist_ok=True)
    for service, names in sorted(wanted.items()):
        write(HERE / "data" / f"{service}.json", generate(service, names))


main()
