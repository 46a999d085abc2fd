"""What a rolling restart interrupts is said by name, and nothing is said that nobody knows."""

from model import roll
from model.health import Partition, Sample

from .samples import cluster

CLUSTER = cluster(5)
ALL = tuple(node.name for node in CLUSTER.nodes)
PARTITIONS = (
    Partition("strict", 0, 1, (1, 2, 3), (1, 2, 3), 3),
    Partition("strict", 1, 2, (2, 3, 1), (1, 2, 3), 3),
    Partition("single", 0, 4, (4,), (4,), 1),
    Partition("sound", 0, 1, (1, 2, 3), (1, 2, 3), 2),
)


def told(names: tuple[str, ...], *partitions: Partition, faults: tuple[str, ...] = ()) -> list[str]:
    return roll.interruptions(CLUSTER, names, Sample(frozenset({1, 2, 3, 4, 5}), 1, partitions, faults=faults))


def test_topics_that_can_spare_no_broker_are_named_apart() -> None:
    strict, single = told(ALL, *PARTITIONS)
    assert strict.endswith("min.insync.replicas: strict"), "each topic once, and none that can spare a broker"
    assert single.endswith("until each is back: single")


def test_a_topic_is_named_only_where_its_brokers_are_restarted() -> None:
    (strict,) = told(("n1",), *PARTITIONS)
    assert "strict" in strict
    (single,) = told(("n4",), *PARTITIONS)
    assert "single" in single


def test_where_every_topic_can_spare_a_broker_nothing_is_said() -> None:
    assert told(ALL, PARTITIONS[-1]) == []


def test_of_a_cluster_that_does_not_answer_nothing_is_known() -> None:
    (sentence,) = told(("n1", "n2"), faults=("no broker listens",))
    assert sentence == "which topics the restart of n1, n2 interrupts is not known: no broker listens"


def test_topics_that_a_higher_min_isr_stops_are_named() -> None:
    seen = Sample(frozenset({1, 2, 3}), 1, (Partition("one", 0, 1, (1,), (1,)), Partition("two", 0, 1, (1, 2), (1, 2))))
    (said,) = roll.stopped(2, 1, seen)
    assert said.endswith("of their own: one"), "acknowledged by all of one replica is by fewer than two"
    assert roll.stopped(2, 1, Sample(frozenset({1}), 1, PARTITIONS[:2])) == []
    (unknown,) = roll.stopped(2, 1, Sample(frozenset(), -1, (), faults=("no broker listens",)))
    assert unknown.endswith("is not known: no broker listens")
