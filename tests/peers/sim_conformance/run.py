"""Checks the simulated AWS against what AWS's documentation says, with boto3 and the AWS CLI as they are.

    python3 tests/peers/sim_conformance/run.py [service ...]

A service is a module beside this file with a function `checks(world)`; each gets a world of its own.
"""

import importlib
import pathlib
import sys
import traceback

import coverage
from world import World

HERE = pathlib.Path(__file__).resolve().parent
NOT_SERVICES = {"run", "world", "coverage", "excuses"}


def main(names):
    services = names or sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_SERVICES)
    total, failed = 0, 0
    for name in services:
        module = importlib.import_module(name)
        with World(*getattr(module, "OPTIONS", ["--no-throttle", "--read-lag", "0"])) as world:
            try:
                module.checks(world)
            except Exception:  # A check that breaks off is a failure, and the other services still have theirs.
                world.failures.append(f"broke off:\n{traceback.format_exc()}")
            total += world.passed
            failed += len(world.failures)
            print(f"{name}: {world.passed} passed, {len(world.failures)} failed")
            for failure in world.failures:
                print(f"  {failure}")
    if not names:
        wrong = coverage.report()
        print(f"coverage: {len(wrong)} wrong")
        for what in wrong:
            print(f"  {what}")
        failed += len(wrong)
    print(f"{total} checks passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
