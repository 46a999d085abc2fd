"""Where a measurement takes place: bare machines, a watcher in their network, and programs of a competitor's run there.

Knows the lab. Refuses to know who competes.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archives import archive
from bench.watch import described
from computer import places
from lab.machines import Machines, take_down
from model.kafka_keys import Mode, Role
from model.topology import Cluster, Node

HERE = Path(__file__).resolve().parent
HEAP = "512M"
VERSION = archive.DEFAULT_VERSION
CLUSTER_ID = "A_D5kj5zTbi2EDTeXHDH3g"
LAB = f"bench-{os.getpid()}"
WATCH = (sys.executable, "-m", "bench.watch")


class CompetitorFailed(Exception):
    """A competitor's program ended with an error; the text is what it said last."""


def timed(act: Callable[[], Any]) -> float:
    """How many seconds it takes."""
    started = time.monotonic()
    act()
    return time.monotonic() - started


def run(command: Sequence[str | Path], **environment: str) -> str:
    """Runs a program to its end, and answers what it printed."""
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **environment},
        cwd=places.CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        words = f"{done.stdout}\n{done.stderr}".strip().splitlines()[-25:]
        raise CompetitorFailed(f"`{command[0]}` ended with {done.returncode}:\n" + "\n".join(words))
    return done.stdout


def kafka_archive() -> Path:
    """The same archive for everybody."""
    return archive.ensure(VERSION).path


def cluster_on(machines: Machines, mode: Mode = Mode.KRAFT) -> Cluster:
    """The cluster that stands on the machines in the end."""
    roles = (Role.BROKER, Role.CONTROLLER)
    names = enumerate(machines.machines.values(), 1)
    return Cluster(mode, VERSION, tuple(Node(each.name, number, each.address, roles) for number, each in names))


@contextmanager
def bare(count: int, lab: str = LAB) -> Iterator[Machines]:
    """Machines that nothing was done on."""
    take_down(lab)
    with Machines(lab, [f"172.25.254.{130 + number}" for number in range(1, count + 1)]) as machines:
        yield machines


@dataclass(frozen=True)
class Watcher:
    """Somebody who looks at a cluster from its network; made before the clock runs."""

    process: "subprocess.Popen[str]"

    def whole(self) -> float:
        """The clock's reading at the moment the cluster was whole, from now on."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise CompetitorFailed("the cluster did not become whole; the watcher's words stand above")
        return float(answer)


@contextmanager
def watcher(machines: Machines, mode: Mode = Mode.KRAFT) -> Iterator[Watcher]:
    """A watcher of the cluster on these machines."""
    with watching(machines.segment.inside(*WATCH), cluster_on(machines, mode)) as made:
        yield made


@contextmanager
def watching(command: Sequence[str], cluster: Cluster, patience: int = 1) -> Iterator[Watcher]:
    """A watcher of a cluster, by the command that runs it in the cluster's network."""
    with subprocess.Popen(
        command, cwd=places.CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        print(described(cluster, patience), file=process.stdin, flush=True)
        process.stdout.readline()
        yield Watcher(process)
        process.stdin.close()


def until_whole(act: Callable[[], Any], watching: Watcher) -> float:
    """How many seconds until an act is over and the cluster is whole."""
    started = time.monotonic()
    act()
    return max(time.monotonic(), watching.whole()) - started
