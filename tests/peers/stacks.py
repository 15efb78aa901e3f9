"""Plays the sandbox's source stacks with boto3: the same lists of calls that drtool plays in process.

    python3 tests/peers/stacks.py [stack ...]
"""

import base64
import hashlib
import pathlib
import re
import sys

import yaml
from botocore.exceptions import ClientError

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "sim_conformance"))

from world import World  # noqa: E402

STACKS = HERE.parents[1] / "src" / "sandbox" / "stacks"


def pointed(answer, pointer):
    for part in pointer.strip("/").split("/"):
        answer = answer[int(part)] if isinstance(answer, list) else answer[part]
    return answer


def filled(value, kept):
    if isinstance(value, str) and (number := re.fullmatch(r"\$\{number:(\w+)\}", value)):
        return int(kept[number[1]])
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", lambda m: str(kept[m.group(1)]), value)
    if isinstance(value, list):
        return [filled(v, kept) for v in value]
    if isinstance(value, dict):
        return {k: filled(v, kept) for k, v in value.items()}
    return value


def keep_text(kept, name, text):
    data = text.encode()
    kept.update({
        name: text,
        f"{name}_base64": base64.b64encode(data).decode(),
        f"{name}_digest": "sha256:" + hashlib.sha256(data).hexdigest(),
        f"{name}_size": len(data),
        f"{name}_last": len(data) - 1,
    })


def play(world, stack):
    kept = {}
    for number, step in enumerate(stack["calls"], 1):
        for name, text in step.get("text", {}).items():
            keep_text(kept, name, filled(text, kept))
        if "text" in step:
            continue
        service, operation = step["call"].split()
        client = world.client(service, step.get("region", stack["region"]))
        method = next(m for m, op in client.meta.method_to_api_mapping.items() if op == operation)
        for look in range(2000):
            arguments = filled(step.get("with", {}), kept)
            for blob in {"layerPartBlob", "Body"} & set(arguments):
                arguments[blob] = base64.b64decode(arguments[blob])
            try:
                answer = getattr(client, method)(**arguments)
            except ClientError as error:
                raise SystemExit(f"{stack['stack']}: call {number}, {step['call']}: {error}")
            until = step.get("until")
            try:
                if until is None or str(pointed(answer, until["at"])) == until["is"]:
                    break
            except (KeyError, IndexError):
                pass
            world.wait(5)
        else:
            raise SystemExit(f"{stack['stack']}: call {number}, {step['call']}: never {until['is']}")
        for name, pointer in step.get("keep", {}).items():
            kept[name] = pointed(answer, pointer)
        # What was just written is seen by then.
        world.wait(4)
    return kept


def main(names):
    played, failed = 0, 0
    for path in sorted(STACKS.glob("*.yaml")):
        stack = yaml.safe_load(path.read_text())
        if names and stack["stack"] not in names:
            continue
        with World() as world:
            play(world, stack)
            service = world.client("ecs", stack["region"]).describe_services(cluster=stack["stack"], services=["web"])
            played += 1
            running = service["services"][0]["runningCount"]
            if running != 2:
                failed += 1
            print(f"{stack['stack']}: {len(stack['calls'])} calls by boto3, {running} tasks running")
    print(f"{played - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
