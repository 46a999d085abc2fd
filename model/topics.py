"""What is to be done about topics: those that are listed, held against those that are there.

Knows that partitions are only ever added, and that records are deleted where an entry says so and nowhere else. Refuses to
know how a cluster is asked (`operations/topics.py`) and which topics can be (`model/topic_rules.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from model.kafka_dynamic import alike
from model.kafka_table import topic_keys
from model.settings import Settings
from model.topic_plan import Listed, TopicPlan, absent, listed

_HOW_TO_MOVE = "docs/how-to/topics.md#another-number-of-replicas"


def refusals(before: TopicPlan | None, settings: Settings) -> list[str]:
    """A line for each change that no cluster can follow, as far as the last plan tells. It tells nothing of the other
    mode's cluster, nor of replicas: those are moved beside it, and then listed."""
    if before is None or before.mode is not settings.mode:
        return []
    wanted = listed(settings.topics, len(settings.brokers), before)
    return [
        line
        for name, topic in wanted.items()
        if name in before.listed
        for line in _too_few(name, topic, before.listed[name].partitions)
    ]


def warnings(before: TopicPlan | None, settings: Settings) -> list[str]:
    """What a change of the list does that can't be undone, or doesn't do although it might be thought to."""
    topics = settings.topics
    known = before.listed if before else {}
    deleted = before.absent if before and before.mode is settings.mode else ()
    named = {topic.name for topic in topics}
    found = [
        f"topic {name} is not listed any more: it stays as it is, with its records; state: absent deletes a topic"
        for name in sorted(known.keys() - named)
    ]
    found += [
        f"topic {name} is to be absent: it is deleted with all its records"
        if name not in deleted
        else f"topic {name} is still listed as absent: if somebody recreated it, it is deleted with all its records;"
        " take the entry out once it is gone"
        for name in absent(topics)
    ]
    for topic in topics:
        old = known.get(topic.name)
        if old and topic.is_wanted and (topic.partitions or 0) > old.partitions:
            found.append(
                f"topic {topic.name} is to have {topic.partitions} partitions instead of {old.partitions}: from then on,"
                " records of a key may go to another partition than earlier ones"
            )
    return found + (_other_factors(before, settings) if before and before.mode is settings.mode else [])


def _other_factors(before: TopicPlan, settings: Settings) -> list[str]:
    brokers = len(settings.brokers)
    return [
        f"topic {topic.name} is listed with replicationFactor {topic.factor(brokers)} instead of {old.replication_factor}:"
        " `up` moves no replicas, asks the cluster, and changes no topic if this one has another number; reassign its"
        f" partitions first, unless that is done: {_HOW_TO_MOVE}"
        for topic in settings.topics
        if topic.is_wanted
        and (old := before.listed.get(topic.name))
        and topic.factor(brokers) != old.replication_factor
    ]


@dataclass(frozen=True, slots=True)
class Seen:
    """A topic as the cluster describes it: for each partition its number of replicas and whether it has a leader; the
    settings that are its own."""

    replicas: tuple[int, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    leaderless: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """What makes the cluster's topics the listed ones. `alter` gives None to a setting that is to be the cluster's default
    again."""

    refused: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    create: tuple[str, ...] = ()
    grow: Mapping[str, int] = field(default_factory=dict)
    alter: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.refused or self.delete or self.create or self.grow or self.alter)


def decide(plan: TopicPlan, seen: Mapping[str, Seen]) -> Work:
    """The work. A topic that is neither listed nor to be absent is in no part of it."""
    there = {name: topic for name, topic in plan.listed.items() if name in seen}
    altered = {name: _altered(plan.version, topic, seen[name]) for name, topic in there.items()}
    return Work(
        refused=tuple(line for name, topic in there.items() for line in _impossible(name, topic, seen[name])),
        delete=tuple(name for name in plan.absent if name in seen),
        create=tuple(name for name in plan.listed if name not in seen),
        grow={name: t.partitions for name, t in there.items() if t.partitions > len(seen[name].replicas)},
        alter={name: changes for name, changes in altered.items() if changes},
    )


def account(plan: TopicPlan, work: Work) -> list[str]:
    """A line for each thing that is about to be done."""
    lines = [f"deleting topic {name} with all its records" for name in work.delete]
    for name in work.create:
        topic = plan.listed[name]
        lines.append(f"making topic {name}: {topic.partitions} partitions of {topic.replication_factor} replicas")
    lines += [f"adding partitions to topic {name}: {count} in all" for name, count in work.grow.items()]
    for name, changes in work.alter.items():
        told = ", ".join(f"{key} is {'the default' if value is None else value}" for key, value in changes.items())
        lines.append(f"altering topic {name}: {told}")
    return lines


def _altered(version: str, topic: Listed, seen: Seen) -> dict[str, str | None]:
    keys = topic_keys(version)
    changes: dict[str, str | None] = {
        key: value
        for key, value in topic.settings.items()
        if key not in seen.settings or not alike(keys[key].type, seen.settings[key], value)
    }
    return changes | {key: None for key in topic.taken_back if key in seen.settings}


def _too_few(name: str, wanted: Listed, partitions: int) -> list[str]:
    if wanted.partitions >= partitions:
        return []
    return [
        f"  - topics[{name}].partitions: is {partitions}, was asked to be {wanted.partitions}; instead, leave it,"
        " as no topic can lose partitions, or move the records to another topic; if they may be lost, say"
        " state: absent, `pulumi up`, and list it anew"
    ]


def _impossible(name: str, wanted: Listed, seen: Seen) -> list[str]:
    """Why a topic of the cluster can't become what is listed."""
    found = _too_few(name, wanted, len(seen.replicas))
    factors = sorted(set(seen.replicas))
    if factors != [wanted.replication_factor]:
        found.append(
            f"  - topics[{name}].replicationFactor: is {' and '.join(map(str, factors))}, was asked to be"
            f" {wanted.replication_factor}; instead, list what it is, or move replicas first: {_HOW_TO_MOVE}"
        )
    return found
