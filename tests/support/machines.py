"""A stack of the tests' own on native-speed machines of the tests' own.

Knows how the lab's inventory becomes a configuration for `platform: hosts`. Refuses to know what is tested.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from computer import places
from lab.machines import Machines, take_down
from tests.support.stack import Stack, stack_of_its_own
from toolchain import programs

FIRST_ADDRESS = 131
# A broker of a test has ended before Java's second compiler has paid for itself: 7 s of a processor until a quarter of a
# minute after its start, 4.5 s without.
QUICK = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1"}


@dataclass(frozen=True)
class Ground:
    """Machines, and a stack whose nodes they are. The stack is not up yet."""

    machines: Machines
    stack: Stack

    @property
    def servers(self) -> str:
        """Where clients begin."""
        return ",".join(f"{machine.address}:9092" for machine in self.machines.machines.values())


def on(ground: Ground, name: str, command: str) -> str:
    """What a command on a machine prints; its failure is the test's."""
    done = ground.machines.ssh(name, command)
    assert done.returncode == 0, f"{name}: {command}: {done.stdout}{done.stderr}"
    return done.stdout


def refused(ground: Ground, verb: str = "up") -> str:
    """What the verb says when it fails, on one line."""
    done = ground.stack.pulumi(verb, "--yes", "--skip-preview", "--suppress-outputs", check=False)
    assert done.returncode != 0, done.stdout
    return " ".join(f"{done.stdout}\n{done.stderr}".split())


@contextmanager
def away(ground: Ground, *names: str) -> Iterator[None]:
    """Machines that lose every frame meanwhile."""
    for name in names:
        ground.machines.cut(name)
    try:
        yield
    finally:
        for name in names:
            ground.machines.mend(name)


def hosts_config(inventory: dict[str, Any]) -> dict[str, Any]:
    """The configuration that makes a lab's machines the nodes of a cluster, by the keys of Pulumi.yaml."""
    nodes = [
        {
            "name": machine["name"],
            "id": number,
            "address": machine["address"],
            "port": machine["port"],
            "user": machine["user"],
            "privateKeyFile": machine["private_key_path"],
            "hostKey": machine["host_key"],
            "dataDevice": machine["data_device"] or "",
        }
        for number, machine in enumerate(inventory["machines"], 1)
    ]
    return {"platform": "hosts", "heap": "512M", "nodes": nodes}


@contextmanager
def ground(
    lab: str,
    folder: Path,
    *,
    count: int = 3,
    config: dict[str, Any] | None = None,
    program: Path = places.CHECKOUT,
    environment: Mapping[str, str] = QUICK,
) -> Iterator[Ground]:
    """Machines and a stack for the time of a test, without a trace afterwards. The machines' end is the end of all that
    `up` made on them, so nothing is destroyed first. `environment` is what every service on the machines finds."""
    if os.geteuid() != 0:
        pytest.skip("test machines need root: they are containers in a network namespace")
    try:
        programs.bin_dir()
    except programs.ProgramsError as missing:
        pytest.skip(str(missing))
    take_down(lab)  # what a killed run left
    with Machines(lab, _addresses(count), environment=environment) as machines:
        inside: Sequence[str] = machines.segment.inside()
        wanted = {**hosts_config(machines.inventory()), **(config or {})}
        yield Ground(machines, stack_of_its_own(folder, lab, wanted, tuple(inside), program))


def _addresses(count: int) -> list[str]:
    return [f"172.25.254.{FIRST_ADDRESS + number}" for number in range(count)]
