"""The hand-written scripts of `bench/hand/`: what a careful person would type, all machines side by side.

Knows how they are called. Refuses to know what they are compared with.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bench import scene
from lab.machines import Machines
from lab.nspawn_root import DATA_LINK
from model.kafka_keys import Mode

SCRIPTS = scene.HERE / "hand"


def up(machines: Machines) -> None:
    """From bare machines to brokers that were started."""
    planned = [f"{machine.name}={machine.address}" for machine in machines.machines.values()]
    plan = (machines.ssh_config, scene.kafka_archive(), scene.CLUSTER_ID, scene.HEAP, DATA_LINK)
    scene.run(machines.segment.inside(*map(str, (SCRIPTS / "up.sh", *plan, *planned))))


def look(machines: Machines) -> None:
    """Whether everything is there that `up` made: what it would take to run it again and change nothing."""
    scene.run(machines.segment.inside(str(SCRIPTS / "look.sh"), str(machines.ssh_config), *machines.machines))


def restart(machines: Machines, name: str) -> None:
    """A clean restart of one node."""
    scene.run(machines.segment.inside(str(SCRIPTS / "restart.sh"), str(machines.ssh_config), name))


def alter(machines: Machines, tool: str, key: str, value: int) -> None:
    """Kafka's own tool on a node, for one broker: what all brokers share is the plan's, and the next `up` would mend it."""
    _on_the_first(machines, tool, f"--alter --entity-type brokers --entity-name 1 --add-config {key}={value}")


def delete(machines: Machines, topic: str) -> None:
    """Deletes a topic by Kafka's own tool on a node."""
    _on_the_first(machines, "kafka-topics.sh", f"--delete --topic {topic}")


def _on_the_first(machines: Machines, tool: str, options: str) -> None:
    first = next(iter(machines.machines.values()))
    command = f"{tool} --bootstrap-server {first.address}:9092 {options}"
    scene.run(machines.segment.inside("ssh", "-F", str(machines.ssh_config), first.name, command))


def switch(machines: Machines, mode: Mode) -> None:
    """From the other mode to this one, where both were before."""
    command = (str(SCRIPTS / "switch.sh"), str(machines.ssh_config), str(mode), *machines.machines)
    scene.run(machines.segment.inside(*command))


@contextmanager
def cluster(count: int, lab: str = scene.LAB) -> Iterator[tuple[Machines, float]]:
    """A cluster made by hand, and how long it took until it was whole."""
    with scene.bare(count, lab) as machines, scene.watcher(machines) as watching:
        yield machines, scene.until_whole(lambda: up(machines), watching)
