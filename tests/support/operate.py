"""What `operations/` does to a stack's cluster, as `pulumi up` has it done, with its waits of minutes cut short.

Knows the document that is handed over. Refuses to know what should come of it.
"""

import json
import subprocess
import sys
from typing import Any

from computer import places
from computer.waiting import wait_for
from tests.support.stack import Stack

_PROGRAM = """
import asyncio, sys
from model import health
from model.handover import Handover
from operations import gates, running
from operations.ways import DIRECT
gates._SPARE_SECONDS = gates._WHOLE_SECONDS = int(sys.argv[2])

async def led(planned):
    found = health.off_preferred_leader(await gates.Gates(planned, DIRECT).view.sample())
    assert not found, found

act = {"bring": running.bring, "whole": lambda planned: gates.Gates(planned, DIRECT).whole(), "led": led}[sys.argv[1]]
asyncio.run(act(Handover.model_validate_json(sys.stdin.read())))
"""


def operate(stack: Stack, verb: str, seconds: float) -> "subprocess.CompletedProcess[str]":
    """`bring` the cluster there, wait until it is `whole`, or look whether all partitions are `led` by those that should
    lead them."""
    planned = stack.handover()
    assert planned is not None, f"stack {stack.name} was never up"
    return subprocess.run(
        [*stack.prefix, sys.executable, "-c", _PROGRAM, verb, str(round(seconds))],
        input=planned.model_dump_json(),
        env=stack.environment,
        cwd=places.CHECKOUT,
        capture_output=True,
        text=True,
    )


def wait_until_whole(stack: Stack, seconds: float) -> None:
    """Returns when the cluster is whole."""
    done = operate(stack, "whole", seconds)
    assert done.returncode == 0, f"the cluster did not become whole: {done.stdout[-2000:]}{done.stderr[-2000:]}"


def status(stack: Stack) -> dict[str, Any]:
    """What `kafka-cluster status --json` says, whatever its verdict."""
    command = [
        *stack.prefix,
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "operations",
        "status",
        "--stack",
        stack.name,
        "--json",
    ]
    environment = {**(stack.environment or {}), "PYTHONPATH": str(places.CHECKOUT)}
    done = subprocess.run(command, cwd=stack.project, env=environment, capture_output=True, text=True)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["exit_status"] == done.returncode, "a script goes by the one, and a program by the other"
    return found


def becomes(stack: Stack, verdict: str, seconds: float = 60) -> dict[str, Any]:
    """The status once it has that verdict. One look on a busy computer may miss an answer that is there."""
    found: dict[str, Any] = {}

    def so() -> bool:
        found.update(status(stack))
        return bool(found["verdict"] == verdict)

    wait_for(f"the status to say {verdict}", so, seconds, lambda: json.dumps(found["missing"]))
    return found


def drift(stack: Stack) -> tuple[int, str]:
    """How `kafka-cluster drift` ends, and what it prints."""
    stack.pulumi("stack", "select")
    done = subprocess.run(
        [*stack.prefix, sys.executable, "-m", "operations", "drift"],
        cwd=stack.project,
        env={**(stack.environment or {}), "PYTHONPATH": str(places.CHECKOUT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout, done.stderr
    return done.returncode, done.stdout
