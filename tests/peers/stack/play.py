"""Plays a stack's list of calls with boto3, and remembers what was asked and answered."""

import base64
import copy
import hashlib
import re

from botocore.exceptions import ClientError


class Failed(Exception):
    pass


class Call:
    """One call as it was made."""

    def __init__(self, service, operation, region, asked, answer):
        self.service, self.operation, self.region, self.asked, self.answer = service, operation, region, asked, answer

    @property
    def name(self):
        return f"{self.service} {self.operation}"


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


def method(client, operation):
    return getattr(client, next(m for m, op in client.meta.method_to_api_mapping.items() if op == operation))


def one(world, stack, step, kept):
    """Makes one call, again and again until it shows what it waits for."""
    service, operation = step["call"].split()
    region = step.get("region", stack["region"])
    client = world.client(service, region)
    for _ in range(2000):
        asked = filled(step.get("with", {}), kept)
        for blob in {"layerPartBlob", "Body"} & set(asked):
            asked[blob] = base64.b64decode(asked[blob])
        try:
            answer = method(client, operation)(**copy.deepcopy(asked))
        except ClientError as error:
            raise Failed(f"{stack['stack']}: {step['call']} in {region}: {error}") from error
        until = step.get("until")
        try:
            if until is None or str(pointed(answer, until["at"])) == until["is"]:
                break
        except (KeyError, IndexError):
            pass
        world.wait(5)
    else:
        raise Failed(f"{stack['stack']}: {step['call']} in {region}: never {until['is']}")
    for name, pointer in step.get("keep", {}).items():
        kept[name] = pointed(answer, pointer)
    # What was just written is seen by then.
    world.wait(4)
    return Call(service, operation, region, asked, answer)


def play(world, stack, kept=None):
    """All calls of a stack: what was kept by name, and the calls."""
    kept = {} if kept is None else kept
    made = []
    for step in stack["calls"]:
        if "text" in step:
            for name, text in step["text"].items():
                keep_text(kept, name, filled(text, kept))
        else:
            made.append(one(world, stack, step, kept))
    return kept, made
