"""Which topics can be listed: everything that is wrong is told at once, with key, value, expectation and example."""

from typing import Any

import pytest

from model import advice
from model.errors import ConfigurationError
from model.kafka_keys import SUPPORTED_VERSIONS
from model.kafka_table import lookup, topic_keys
from model.kafka_values import topic_fault

from .samples import settings

TABLE = topic_keys(SUPPORTED_VERSIONS[0])


def topic(**changes: Any) -> dict[str, Any]:
    return {"name": "orders", "partitions": 3, **changes}


def problems(*topics: dict[str, Any], **others: Any) -> list[str]:
    """What is said of a list of topics on three brokers."""
    try:
        settings(3, topics=list(topics), **others)
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []


GOOD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (topic(), {}),
    (topic(name="a" * 249), {}),
    (topic(name="_schemas"), {}),
    (topic(partitions=10_000, replicationFactor=1), {}),
    (topic(settings={"min.insync.replicas": 3}), {}),
    (topic(settings={"retention.ms": -1, "retention.bytes": -1, "cleanup.policy": "compact, delete"}), {}),
    (topic(settings={"preallocate": True, "min.cleanable.dirty.ratio": 0.1}), {}),
    (topic(settings={"min.compaction.lag.ms": 5, "max.compaction.lag.ms": 5}), {}),
    ({"name": "orders", "state": "absent"}, {}),
    (topic(state="absent", replicationFactor=3, settings={"retention.ms": 1}), {}),
]


@pytest.mark.parametrize(("listed", "others"), GOOD)
def test_what_can_be_is_taken(listed: dict[str, Any], others: dict[str, Any]) -> None:
    assert problems(listed, **others) == []


BAD: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    (topic(name=""), {}, "topics[].name", "letters, digits"),
    (topic(name="a b"), {}, "topics[].name", "letters, digits"),
    (topic(name="a\n"), {}, "topics[].name", "letters, digits"),
    (topic(name=".."), {}, "topics[].name", "not . or .."),
    (topic(name="a" * 250), {}, "topics[].name", "at most 249"),
    (topic(name="__consumer_offsets"), {}, "topics[].name", "not Kafka's own"),
    ({"name": "orders"}, {}, "topics[orders].partitions", "from 1 to 10000"),
    (topic(partitions=0), {}, "topics[orders].partitions", "from 1 to 10000"),
    (topic(partitions=10_001), {}, "topics[orders].partitions", "from 1 to 10000"),
    (topic(partitions="many"), {}, "topics[0].partitions", "integer"),
    (topic(replicationFactor=4), {}, "topics[orders].replicationFactor", "from 1 to 3, the number of brokers"),
    (topic(replicationFactor=0), {}, "topics[orders].replicationFactor", "from 1 to 3, the number of brokers"),
    (topic(state="gone"), {}, "topics[0].state", "'present' or 'absent'"),
    (topic(replicas=3), {}, "topics[0].replicas", "one of the keys name, partitions, replicationFactor"),
    (topic(settings={"retention.mss": 1}), {}, "topics[orders].settings.retention.mss", "perhaps retention.ms"),
    (topic(settings={"log.retention.ms": 1}), {}, "topics[orders].settings.log.retention.ms", "a setting of topics"),
    (topic(settings={"retention.ms": "a week"}), {}, "topics[orders].settings.retention.ms", "a whole number"),
    (topic(settings={"retention.ms": -2}), {}, "topics[orders].settings.retention.ms", "from -1 on"),
    (topic(settings={"segment.bytes": 100}), {}, "topics[orders].settings.segment.bytes", "from 1024 on"),
    (topic(settings={"cleanup.policy": "keep"}), {}, "topics[orders].settings.cleanup.policy", "compact, delete"),
    (topic(settings={"preallocate": "yes"}), {}, "topics[orders].settings.preallocate", "true or false"),
    (topic(settings={"retention.ms": None}), {}, "topics[0].settings.retention.ms", "string"),
    (topic(settings={"min.insync.replicas": 4}), {}, "topics[orders].settings.min.insync.replicas", "from 1 to 3"),
    (
        topic(replicationFactor=1, settings={"min.insync.replicas": 2}),
        {},
        "topics[orders].settings.min.insync.replicas",
        "from 1 to 1, the number of replicas",
    ),
    (
        topic(replicationFactor=1),
        {"settings": {"min.insync.replicas": 2, "default.replication.factor": 3}},
        "topics[orders].settings.min.insync.replicas",
        "or another settings.min.insync.replicas, which is every topic's default",
    ),
    (
        topic(settings={"min.compaction.lag.ms": 6, "max.compaction.lag.ms": 5}),
        {},
        "topics[orders].settings.min.compaction.lag.ms",
        "at most max.compaction.lag.ms, which is 5",
    ),
    (
        topic(settings={"leader.replication.throttled.replicas": "*"}),
        {},
        "topics[orders].settings.leader.replication.throttled.replicas",
        "a reassignment",
    ),
    (
        topic(settings={"remote.storage.enable": True}),
        {},
        "topics[orders].settings.remote.storage.enable",
        "remote.log.storage.system.enable",
    ),
    (
        {"name": "orders", "state": "absent"},
        {"settings": {"delete.topic.enable": False}},
        "topics[orders].state",
        "settings.delete.topic.enable is false",
    ),
]


@pytest.mark.parametrize(("listed", "others", "key", "expected"), BAD)
def test_what_cannot_be_is_refused_in_words(
    listed: dict[str, Any], others: dict[str, Any], key: str, expected: str
) -> None:
    (said,) = problems(listed, **others)
    assert said.startswith(f"{key}: got ")
    assert expected in said.partition("; expected ")[2]
    assert "; for example " in said


def test_everything_is_told_at_once() -> None:
    said = problems(
        topic(name="a b", partitions=0),
        topic(replicationFactor=9, settings={"min.insync.replicas": 7, "unknown": 1}),
        topic(name="x.y"),
        topic(name="x_y"),
        topic(name="x_y"),
    )
    assert [line.partition(": ")[0] for line in said] == [
        *["topics[].name"] * 3,
        "topics['a b'].partitions",
        "topics[orders].replicationFactor",
        "topics[orders].settings.unknown",
        "topics[orders].settings.min.insync.replicas",
    ]


def test_a_deleted_name_leaves_room_for_one_alike() -> None:
    assert problems(topic(name="x.y", state="absent"), topic(name="x_y")) == []


@pytest.mark.parametrize("version", SUPPORTED_VERSIONS)
def test_kafkas_own_defaults_are_right(version: str) -> None:
    defaults = {key: known.default for key, known in topic_keys(version).items() if known.default}
    assert {key: value for key, value in defaults.items() if topic_fault(version, key, value)} == {}
    assert len(defaults) == 29, "a test that sees no default would pass, too"


@pytest.mark.parametrize("key", sorted(key for key, known in TABLE.items() if known.least is not None))
def test_kafkas_ranges_are_kept_to(key: str) -> None:
    assert topic_fault(SUPPORTED_VERSIONS[0], key, str((TABLE[key].least or 0) - 1)), "Kafka would refuse the topic"


def test_every_default_comes_from_a_brokers_key_that_exists() -> None:
    assert {known.server for known in TABLE.values() if known.server} <= lookup(SUPPORTED_VERSIONS[0]).keys()


def test_what_is_unwise_is_said() -> None:
    def said(*topics: dict[str, Any], brokers: int = 3) -> str:
        return " ".join(advice.warnings(settings(brokers, topics=list(topics), protectData=True)))

    assert "topic orders has one replica" in said(topic(replicationFactor=1))
    assert "topic orders has min.insync.replicas 3, as many as" in said(topic(settings={"min.insync.replicas": 3}))
    assert said(topic(settings={"min.insync.replicas": 2})) == ""
    assert said(topic(), brokers=1) == "", "one broker can have no more"
    assert said(topic(replicationFactor=1, state="absent")) == ""
