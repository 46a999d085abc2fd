"""The Ansible plays of `bench/play/`, with an Ansible of its own: pinned, in the cache, and no part of the product.

Knows how Ansible is made fast without changing what it does: pipelining, a kept connection, a fork for each machine.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import scene
from computer import places
from lab.machines import Machines
from lab.nspawn_root import DATA_LINK
from model.paths import Paths

PACKAGE = "ansible-core==2.19.14"
_SETTINGS = """\
[defaults]
forks = 20
gathering = explicit
interpreter_python = /usr/bin/python3
retry_files_enabled = False
[ssh_connection]
pipelining = True
ssh_args = -F {config} -o ControlMaster=auto -o ControlPersist=60s
control_path_dir = {folder}/c
"""


def program() -> Path:
    """`ansible-playbook`, installed once."""
    home = places.cache() / "bench" / PACKAGE
    if not (home / "installed").exists():
        scene.run([sys.executable, "-m", "venv", "--clear", home])
        scene.run([home / "bin" / "pip", "install", "--quiet", PACKAGE])
        (home / "installed").touch()
    return home / "bin" / "ansible-playbook"


class Plays:
    """The plays, ready to be run on the machines as often as one likes."""

    def __init__(self, machines: Machines, folder: Path) -> None:
        self._machines, self._folder = machines, folder
        self._program = program()
        (folder / "ansible.cfg").write_text(_SETTINGS.format(config=machines.ssh_config, folder=folder))
        (folder / "inventory.ini").write_text(_inventory(machines))

    def bring_up(self) -> None:
        """From machines in whatever state to brokers that were started."""
        self._run("kafka.yml")

    def roll(self, turn: int) -> None:
        """A static change, one machine after the other; another one each turn."""
        self._run("roll.yml", "-e", f"turn={turn}")

    def _run(self, play: str, *options: str) -> None:
        command = (self._program, "-i", self._folder / "inventory.ini", *options, scene.HERE / "play" / play)
        settings = str(self._folder / "ansible.cfg")
        scene.run(self._machines.segment.inside(*map(str, command)), ANSIBLE_CONFIG=settings)

    def end_connections(self) -> None:
        """Ends the kept connections, which would outlive their machines."""
        for socket in (self._folder / "c").glob("*"):
            command = ("ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any")
            subprocess.run(command, capture_output=True, check=False)


def _inventory(machines: Machines) -> str:
    cluster = scene.cluster_on(machines)
    hosts = [f"{node.name} ansible_host={node.address} node_id={node.id}" for node in cluster.nodes]
    shared = {
        "archive": scene.kafka_archive(),
        "home": Paths(scene.VERSION).home,
        "properties": Paths(scene.VERSION).properties(cluster.mode),
        "cluster": scene.CLUSTER_ID,
        "voters": cluster.quorum_voters,
        "device": DATA_LINK,
        "heap": scene.HEAP,
    }
    return "\n".join(["[kafka]", *hosts, "[kafka:vars]", *(f"{key}={value}" for key, value in shared.items())]) + "\n"


@contextmanager
def plays(machines: Machines) -> Iterator[Plays]:
    """The plays on machines that exist."""
    with tempfile.TemporaryDirectory(prefix="play-") as folder:
        made = Plays(machines, Path(folder))
        try:
            yield made
        finally:
            made.end_connections()


@contextmanager
def cluster(count: int) -> Iterator[tuple[Plays, float]]:
    """A cluster made by the play, and how long it took until it was whole."""
    with scene.bare(count) as machines, scene.watcher(machines) as watching, plays(machines) as made:
        yield made, scene.until_whole(made.bring_up, watching)
