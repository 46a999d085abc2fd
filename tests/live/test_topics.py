"""The listed topics are there as they are listed, and what is to be absent is not there. Others are nobody's business."""

from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from model.kafka_dynamic import alike
from model.kafka_table import topic_keys
from model.topic_rules import TopicSettings
from tests.live.planned import Plan


@pytest.fixture
def listed(plan: Plan) -> tuple[TopicSettings, ...]:
    """The entries of `topics`."""
    if not plan.settings.topics:
        pytest.skip("no topics are listed")
    return plan.settings.topics


def test_topics_are_as_listed(listed: tuple[TopicSettings, ...], admin: KafkaAdminClient, plan: Plan) -> None:
    there = {topic["name"]: topic["partitions"] for topic in admin.describe_topics()}
    own = settings(admin, [topic.name for topic in listed if topic.name in there])
    faults = [fault for topic in listed for fault in compared(topic, there.get(topic.name), own, plan)]
    assert not faults, (
        f"somebody changed topics beside the list, or the last `up` is older than it: {'; '.join(faults)}"
    )


def settings(admin: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, Any]]:
    """What each topic's settings are, whoever set them."""
    if not names:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answer = admin.describe_configs(asked, config_filter="all")["topic"]
    return {name: {key: entry["value"] for key, entry in keys.items()} for name, keys in answer.items()}


def compared(
    topic: TopicSettings, partitions: list[dict[str, Any]] | None, own: dict[str, dict[str, Any]], plan: Plan
) -> list[str]:
    """What is not as it is listed."""
    if not topic.is_wanted:
        return [] if partitions is None else [f"{topic.name} is there and listed as absent"]
    if partitions is None:
        return [f"{topic.name} is not there"]
    faults = []
    if len(partitions) != topic.partitions:
        faults.append(f"{topic.name} has {len(partitions)} partitions, listed are {topic.partitions}")
    factors = {len(partition["replica_nodes"]) for partition in partitions}
    if factors != {topic.factor(len(plan.settings.brokers))}:
        faults.append(f"{topic.name} has {factors} replicas, listed are {topic.factor(len(plan.settings.brokers))}")
    leaderless = [partition["partition_index"] for partition in partitions if partition["leader_id"] < 0]
    if leaderless:
        faults.append(f"{topic.name} has no leader of {leaderless}")
    keys, live = topic_keys(plan.settings.kafka_version), own[topic.name]
    faults += [
        f"{topic.name} has {key} {live[key]}, listed is {value}"
        for key, value in topic.settings.items()
        if not alike(keys[key].type, live[key], value)
    ]
    return faults
