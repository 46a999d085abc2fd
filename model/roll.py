"""Whom a change of a running cluster interrupts: a rolling restart, although it takes down one node at a time, and a
default that topics which are there can't keep.

Knows which topics can't spare a broker. Refuses to know how a cluster is asked, and what is changed (`model/left.py`).
"""

from collections.abc import Iterable

from model import health
from model.health import Sample
from model.topology import Cluster
from model.wording import some


def stopped(least: int, before: int, sample: Sample) -> list[str]:
    """A sentence when there are topics that take no record with acks=all any more once `least` replicas have to have it,
    where `before` were enough."""
    if sample.faults:
        return [
            f"min.insync.replicas becomes {least} instead of {before}, and which topics have fewer replicas is not known:"
            f" {'; '.join(sample.faults)}"
        ]
    few = sorted({part.topic for part in sample.partitions if part.min_isr == before and len(part.replicas) < least})
    if not few:
        return []
    return [
        f"min.insync.replicas becomes {least} instead of {before}: topics with fewer replicas take no record with acks=all"
        f" any more, unless they have a min.insync.replicas of their own: {some(few)}"
    ]


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
            f" with no more replicas than min.insync.replicas: {some(strict)}"
        )
    if single := sorted({part.topic for part in concerned if len(part.replicas) == 1}):
        found.append(
            f"the restart of {one_by_one}, one at a time, takes away topics with one replica until each is back:"
            f" {some(single)}"
        )
    return found
