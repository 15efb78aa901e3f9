"""Builds the sandbox's source stacks with boto3, by the same lists of calls that drtool plays in process; reads everything
back; builds each again in another region from copies; removes all of it. The AWS CLI does the same for a part.

    python3 tests/peers/stacks.py [stack ...]
"""

import pathlib
import sys
import traceback

import yaml

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "sim_conformance"), str(HERE / "stack")]

import command_line  # noqa: E402
import elsewhere  # noqa: E402
import removal  # noqa: E402
from play import play  # noqa: E402
from readback import read_back  # noqa: E402
from world import World  # noqa: E402

STACKS = HERE.parents[1] / "src" / "sandbox" / "stacks"


def story(world, stack):
    """One stack's life, in two regions."""
    before = removal.resources(world)
    kept, made = play(world, stack)
    world.same("the one-off task ended well", kept["one_off_exit"], 0)
    read_back(world, made)
    elsewhere.check_service(world, stack, kept, made)
    far_kept, far_made = elsewhere.build(world, stack, made, kept)
    read_back(world, far_made)
    elsewhere.check_service(world, stack, far_kept, far_made)
    removal.wrong_orders(world, made)
    removal.wrong_orders(world, far_made)
    # What was copied to the target was made by no call of the list there.
    copied = [c for c in made if c.name in ("secretsmanager CreateSecret", "ecr CreateRepository")]
    copied = [type(c)(c.service, c.operation, elsewhere.TARGET, c.asked, c.answer) for c in copied]
    snapshots = [f"{stack['stack']}-move"]
    removal.remove(world, copied + far_made, snapshots)
    removal.remove(world, made, snapshots)
    # Definitions that are deleted, and automated backups, take their time.
    world.wait(2 * 86_400)
    left = removal.resources(world) - before
    world.same("nothing is left", sorted(left), [])
    return len(made), len(far_made)


def main(names):
    passed, failed = 0, 0
    stories = {path.stem: path for path in sorted(STACKS.glob("*.yaml"))}
    for name in names or [*stories, "command-line"]:
        with World("--read-lag", "0") as world:
            said = ""
            try:
                if name == "command-line":
                    command_line.checks(world)
                else:
                    here, there = story(world, yaml.safe_load(stories[name].read_text()))
                    said = f", {here} calls in the source and {there} in the target"
            except Exception:  # The other stacks still have theirs.
                world.failures.append(f"broke off:\n{traceback.format_exc()}")
            print(f"stack {name}: {world.passed} passed, {len(world.failures)} failed{said}", flush=True)
            for failure in world.failures:
                print(f"  {failure}", flush=True)
            passed, failed = passed + world.passed, failed + len(world.failures)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
