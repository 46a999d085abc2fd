"""Virtual machines: a first `up`, beside bare guests of the same image that are booted and set up by hand.

Knows the lab's libvirt and the dev stack's configuration. Emulated guests want the computer for themselves, so each turn
has a libvirt of its own, which is up before the clock runs.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import yaml

from bench import hand, scene
from bench.rounds import Result, beside, play
from computer import places
from images import recipe
from lab.libvirt import Libvirt
from model import topology
from model.settings import read
from model.times import EMULATED_PROPERTIES, patience
from operations import hypervisor
from tests.support.virtual import libvirt_of_its_own, stack_inside

_OURS, _BY_HAND = "pulumi up, virtual machines", "bare guests and the hand script"


def _config() -> dict[str, object]:
    """The dev stack's, as it is committed."""
    text = (places.CHECKOUT / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    return {key.partition(":")[2]: value for key, value in yaml.safe_load(text)["config"].items()}


def _by_hand(lab: Libvirt, folder: Path) -> float:
    """How long it takes until a cluster is whole that is made by two scripts: one for the machines, one for Kafka."""
    settings = read(_config())
    cluster = topology.plan(settings)
    kind = hypervisor.domain_type("auto", lab.uri)
    emulated = kind == "qemu"
    planned = [f"{node.name}={node.address}" for node in cluster.nodes]
    machines = (folder, recipe.path(), kind, settings.memory, settings.gateway)
    kafka = (folder / "ssh_config", scene.kafka_archive(), scene.CLUSTER_ID, settings.heap, "/dev/vdb")
    # Without it an emulated broker gives up before it is registered.
    more = "\n".join(f"{key}={value}" for key, value in EMULATED_PROPERTIES.items()) if emulated else ""

    def run(script: str, *arguments: object) -> None:
        words = [str(word) for word in (hand.SCRIPTS / script, *arguments, *planned)]
        scene.run(lab.namespace.inside(words), **lab.environment(), KAFKA_PROPERTIES=more)

    def up() -> None:
        run("guests.sh", *machines)
        run("up.sh", *kafka)

    with scene.watching(lab.namespace.inside(scene.WATCH), cluster, patience(emulated)) as watcher:
        return scene.until_whole(up, watcher)


def measure(rounds: int) -> Result:
    """From a libvirt without anything in it to a whole cluster."""

    def ours() -> Iterable[tuple[str, float]]:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, libvirt_of_its_own("bench") as lab:
            yield _OURS, scene.timed(stack_inside(lab, Path(folder), "bench", _config()).up)

    def by_hand() -> Iterable[tuple[str, float]]:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, libvirt_of_its_own("bench") as lab:
            yield _BY_HAND, _by_hand(lab, Path(folder))

    recipe.image().manifest()  # who has no image is told before anything is measured
    seconds = play([ours, by_hand], rounds, print)
    return {"vm_up_vs_boot": beside(seconds, _OURS, _BY_HAND)}
