"""The heaps of a node's Java processes, and what a machine needs for them.

Knows which processes a mode has. Refuses to know how they are started.
"""

from model.jvm import parse_heap
from model.kafka_keys import Mode

ZOOKEEPER_HEAP = "256M"
ENOUGH_BESIDE_HEAPS_MIB = 256


def heaps(mode: Mode, heap: str) -> tuple[str, ...]:
    """What a node's Java processes are started with, Kafka's `heap` first."""
    return (heap, ZOOKEEPER_HEAP) if mode is Mode.ZOOKEEPER else (heap,)


def memory_mib(mode: Mode, heap: str) -> int:
    """What a machine needs for those heaps, the system and the page cache."""
    return sum(parse_heap(each) or 0 for each in heaps(mode, heap)) + ENOUGH_BESIDE_HEAPS_MIB
