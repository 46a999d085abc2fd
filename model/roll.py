"""What a rolling restart interrupts, although it takes down one node at a time.

Knows which configuration each node was left with, and which topics can't spare a broker. Refuses to know how a cluster
is asked.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from model import health
from model.health import Sample
from model.kafka_keys import Mode
from model.topology import Cluster

NODE = "kafka-cluster:index:KafkaNode"


def left_with(resources: Iterable[Mapping[str, Any]], mode: Mode) -> dict[str, str]:
    """The fingerprint of each node's configuration after the last `up`, from a state's resources. Nothing when that was
    in the other mode: a switch stops all nodes, and rolls none."""
    nodes = [one for one in resources if one["type"] == NODE and one.get("inputs", {}).get("mode") == mode.value]
    known = {one["urn"].rpartition("::")[2]: one.get("outputs", {}).get("fingerprint") for one in nodes}
    return {name: fingerprint for name, fingerprint in known.items() if isinstance(fingerprint, str)}


def restarted(before: Mapping[str, str], planned: Mapping[str, str]) -> tuple[str, ...]:
    """The nodes that run something else than planned."""
    return tuple(name for name, fingerprint in planned.items() if before.get(name, fingerprint) != fingerprint)


def interruptions(cluster: Cluster, names: Iterable[str], sample: Sample) -> list[str]:
    """A sentence for each way in which clients notice that these nodes are restarted one at a time."""
    names = tuple(names)
    one_by_one = ", ".join(names)
    if sample.faults:
        return [f"which topics the restart of {one_by_one} interrupts is not known: {'; '.join(sample.faults)}"]
    ids = {node.id for node in cluster.nodes if node.name in names}
    concerned = [part for part in sample.partitions if ids & set(part.replicas)]
    found = []
    if strict := health.unspareable(concerned):
        found.append(
            f"the restart of {one_by_one}, one at a time, holds up producers with acks=all until each is back, on topics"
            f" with no more replicas than min.insync.replicas: {', '.join(strict)}"
        )
    if single := sorted({part.topic for part in concerned if len(part.replicas) == 1}):
        found.append(
            f"the restart of {one_by_one}, one at a time, takes away topics with one replica until each is back:"
            f" {', '.join(single)}"
        )
    return found
