"""The topics of the configuration, and whether each of them can be.

Knows what Kafka takes as a topic, and what it takes and nobody could write to. Refuses to know which topics there are
(`model/topics.py`).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from model.errors import Problem
from model.kafka_keys import KAFKAS_OWN
from model.kafka_table import topic_keys
from model.kafka_values import number, topic_fault
from model.shapes import PropertyText, Shape

TOPIC_EXAMPLE = "topics: [{name: orders, partitions: 3, settings: {retention.ms: 86400000}}]"
MOST_PARTITIONS = 10_000
MIN_ISR = "min.insync.replicas"
_USUAL_FACTOR = 3
_LONGEST_NAME = 249
_NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{_LONGEST_NAME}}}")
_OF_A_REASSIGNMENT = ("follower.replication.throttled.replicas", "leader.replication.throttled.replicas")


class TopicState(StrEnum):
    """Whether a topic is to be there, or to be deleted with all its records."""

    PRESENT = "present"
    ABSENT = "absent"


class TopicSettings(Shape):
    """One entry of `topics`."""

    name: str
    state: TopicState = TopicState.PRESENT
    partitions: int | None = None
    replication_factor: int | None = None
    settings: dict[str, PropertyText] = Field(default_factory=dict)

    @property
    def is_wanted(self) -> bool:
        """Whether it is to be there."""
        return self.state is TopicState.PRESENT

    def factor(self, brokers: int) -> int:
        """The number of replicas of each partition; that of Kafka's own topics where the entry says none."""
        return self.replication_factor or min(_USUAL_FACTOR, brokers)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a topic depends on: Kafka's version, the number of brokers, and the overrides of their properties."""

    version: str
    brokers: int
    overrides: Mapping[str, str]

    def text(self, topic: TopicSettings, key: str) -> str:
        """What a setting of a topic is in the end."""
        known = topic_keys(self.version)[key]
        return topic.settings.get(key, self.overrides.get(known.server, known.default or "")).strip(" ")

    def number(self, topic: TopicSettings, key: str) -> float | None:
        """The same as a number; None where it is none."""
        return number(topic_keys(self.version)[key].type, self.text(topic, key))


def topic_problems(topics: Sequence[TopicSettings], around: Surroundings) -> list[Problem]:
    """Everything that is wrong with the list."""
    return [
        *_names(topics),
        *(problem for topic in topics for judge in _JUDGES for problem in judge(topic, around)),
    ]


def _entry(topic: TopicSettings) -> str:
    return f"topics[{topic.name if _NAME.fullmatch(topic.name) else repr(topic.name)}]"


def _names(topics: Iterable[TopicSettings]) -> Iterator[Problem]:
    example = "name: orders"
    counts = Counter(topic.name for topic in topics)
    for name, count in counts.items():
        if not _NAME.fullmatch(name) or name in (".", ".."):
            expected = f"letters, digits, dots, underscores and hyphens, at most {_LONGEST_NAME}, and not . or .."
            yield Problem("topics[].name", name, expected, example)
        if name in KAFKAS_OWN:
            yield Problem("topics[].name", name, "a topic that is not Kafka's own", example)
        if count > 1:
            yield Problem("topics[].name", name, "one entry for every topic", example)
    alike = defaultdict(set)
    for topic in topics:
        if topic.is_wanted:
            alike[topic.name.replace(".", "_")].add(topic.name)
    for names in alike.values():
        if len(names) > 1:
            expected = "names that differ in more than a dot and an underscore, which Kafka's metrics spell alike"
            yield Problem("topics[].name", ", ".join(sorted(names)), expected, example)


def _partitions(topic: TopicSettings, _: Surroundings) -> Iterator[Problem]:
    least_said = topic.partitions is None and not topic.is_wanted
    if not least_said and not 1 <= (topic.partitions or 0) <= MOST_PARTITIONS:
        expected = f"a number from 1 to {MOST_PARTITIONS}"
        yield Problem(f"{_entry(topic)}.partitions", topic.partitions, expected, "partitions: 3")


def _replication_factor(topic: TopicSettings, around: Surroundings) -> Iterator[Problem]:
    factor = topic.replication_factor
    if factor is not None and not 1 <= factor <= around.brokers:
        expected = f"a number from 1 to {around.brokers}, the number of brokers"
        example = f"replicationFactor: {min(_USUAL_FACTOR, around.brokers)}"
        yield Problem(f"{_entry(topic)}.replicationFactor", factor, expected, example)


def _settings(topic: TopicSettings, around: Surroundings) -> Iterator[Problem]:
    for key, value in topic.settings.items():
        expected = _setting_fault(around.version, key, value)
        if expected:
            yield Problem(f"{_entry(topic)}.settings.{key}", value, expected, _setting_example(around.version, key))


def _setting_fault(version: str, key: str, value: str) -> str:
    if key in _OF_A_REASSIGNMENT:
        return "no such setting, as a reassignment of partitions sets and clears it"
    found = topic_fault(version, key, value)
    return found[1] if found else ""


def _setting_example(version: str, key: str) -> str:
    known = topic_keys(version).get(key)
    return f"{key}: {known.default}" if known and known.default else "retention.ms: 86400000"


def _right(topic: TopicSettings, around: Surroundings, *keys: str) -> bool:
    """Whether nothing else is said of these keys, so that they can be held against one another."""
    return not any(_setting_fault(around.version, key, topic.settings[key]) for key in keys if key in topic.settings)


def _min_isr(topic: TopicSettings, around: Surroundings) -> Iterator[Problem]:
    factor = min(topic.factor(around.brokers), around.brokers)
    least = around.number(topic, MIN_ISR) or 1
    if topic.is_wanted and _right(topic, around, MIN_ISR) and 1 <= factor < least:
        whose = "" if MIN_ISR in topic.settings else f", or another settings.{MIN_ISR}, which is every topic's default"
        expected = f"a number from 1 to {factor}, the number of replicas{whose}"
        example = f"{MIN_ISR}: {max(1, factor - 1)}"
        yield Problem(f"{_entry(topic)}.settings.{MIN_ISR}", around.text(topic, MIN_ISR), expected, example)


def _compaction(topic: TopicSettings, around: Surroundings) -> Iterator[Problem]:
    low, high = "min.compaction.lag.ms", "max.compaction.lag.ms"
    if not {low, high} & topic.settings.keys() or not _right(topic, around, low, high):
        return
    least, most = around.number(topic, low), around.number(topic, high)
    if least is not None and most is not None and least > most:
        expected = f"at most {high}, which is {around.text(topic, high)}"
        yield Problem(f"{_entry(topic)}.settings.{low}", around.text(topic, low), expected, f"{low}: 0")


def _remote_storage(topic: TopicSettings, around: Surroundings) -> Iterator[Problem]:
    key, system = "remote.storage.enable", "remote.log.storage.system.enable"
    if topic.settings.get(key, "").strip(" ").lower() == "true" and around.overrides.get(system, "").lower() != "true":
        yield Problem(f"{_entry(topic)}.settings.{key}", "true", f"false, or {system} among settings", f"{key}: false")


def _deletion(topic: TopicSettings, around: Surroundings) -> Iterator[Problem]:
    key = "delete.topic.enable"
    if not topic.is_wanted and around.overrides.get(key, "true").strip(" ").lower() == "false":
        expected = f"present, as settings.{key} is false and no broker deletes a topic"
        yield Problem(f"{_entry(topic)}.state", topic.state.value, expected, "state: present")


_JUDGES: tuple[Callable[[TopicSettings, Surroundings], Iterator[Problem]], ...] = (
    _partitions,
    _replication_factor,
    _settings,
    _min_isr,
    _compaction,
    _remote_storage,
    _deletion,
)
