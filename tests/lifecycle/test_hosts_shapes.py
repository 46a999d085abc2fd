"""Clusters of other shapes than the guide's, from the same model: each is brought up once and verified live."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from tests.support.look import verify
from tests.support.machines import Ground, ground, hosts_config, on

pytestmark = pytest.mark.lifecycle

# What no node can be started with.
_CLASS = "authorizer.class.name"
# What is said of a roll that waits, at 2, 7 and 12 s: longer than the quorum counts one that is away.
_HELD_UP, _LOOKS = "waiting for the cluster to be healthy: ", 3
COMBINED = ["broker", "controller"]
# Each node's roles, and the mode.
SHAPES = {
    "one node": ([COMBINED], "kraft"),
    "one node on ZooKeeper": ([COMBINED], "zookeeper"),
    "five nodes": ([COMBINED] * 5, "kraft"),
}
# Controllers on machines of their own.
APART = [["controller"]] * 3 + [["broker"]] * 2


@pytest.mark.parametrize("shape", SHAPES)
def test_a_cluster_of_another_shape_is_whole(shape: str, tmp_path: Path) -> None:
    roles, mode = SHAPES[shape]
    with shaped(roles, mode, tmp_path):
        pass


@contextmanager
def shaped(roles: list[list[str]], mode: str, folder: Path) -> Iterator[Ground]:
    """A cluster of that shape, which was looked at."""
    with ground(f"shape-{os.getpid()}", folder, count=len(roles), config={"heap": "256M", "mode": mode}) as made:
        nodes = hosts_config(made.machines.inventory())["nodes"]
        made.stack.configure(nodes=[{**node, "roles": each} for node, each in zip(nodes, roles, strict=True)])
        made.stack.up()
        made.stack.up("--expect-no-changes")
        verify(made.stack)
        yield made


def test_a_controller_that_does_not_come_back_holds_the_roll_up(tmp_path: Path) -> None:
    """For some seconds the quorum counts one that is away, and a controller that is no broker shows nothing else."""
    with shaped(APART, "kraft", tmp_path) as made:
        made.stack.configure(settings={"queued.max.requests": 400})
        back = re.findall(r"(\S+) is back, the cluster is healthy", made.stack.up())
        assert set(back) == set(made.machines.machines)
        before = _starts(made)
        made.stack.configure(settings={_CLASS: "no.such.Authorizer"}, unchecked=[_CLASS])
        with _begun(made, "up") as lines:
            told = [*islice((line for line in lines if _HELD_UP in line or "is back" in line), _LOOKS)]
        assert not [line for line in told if "is back" in line], "the next would be taken down, and the quorum with it"
        restarted = [name for name, started in _starts(made).items() if started != before[name]]
        assert len(restarted) == 1, "a node that does not come back stops everything before the next one is touched"


def _starts(made: Ground) -> dict[str, str]:
    """When systemd last started each node's Kafka, and how often by itself."""
    shown = "systemctl show kafka --property InactiveExitTimestampMonotonic --property NRestarts"
    return {name: on(made, name, shown) for name in made.machines.machines}


@contextmanager
def _begun(made: Ground, verb: str) -> Iterator[Iterator[str]]:
    """The lines of a verb that is interrupted in the end."""
    command = [*made.stack.prefix, "pulumi", "--non-interactive", "--cwd", str(made.stack.project), verb]
    with subprocess.Popen(
        [*command, "--yes", "--skip-preview", "--stack", made.stack.name],
        env=made.stack.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        try:
            yield iter(running.stdout)
        finally:
            os.killpg(running.pid, signal.SIGINT)
            running.communicate()
