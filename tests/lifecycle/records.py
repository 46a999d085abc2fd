"""Writes and reads records as a client in the machines' network does, in a process of its own.

    python -m tests.lifecycle.records write|read BOOTSTRAP_SERVERS TOPIC [VALUE…]
    python -m tests.lifecycle.records topics BOOTSTRAP_SERVERS
    python -m tests.lifecycle.records alter BOOTSTRAP_SERVERS TOPIC KEY=VALUE
    python -m tests.lifecycle.records describe BOOTSTRAP_SERVERS

Knows kafka-python. Refuses to know which cluster it speaks to.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from computer.waiting import wait_for

PARTITIONS = 3
# Emulated brokers may take long for each of the answers before the first record.
QUIET_MS = 60_000


def _write(servers: list[str], topic: str, values: list[str]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers)
    if topic not in admin.list_topics():
        admin.create_topics([NewTopic(topic, PARTITIONS, min(3, len(servers)))])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=servers, acks="all")
    for sent in [producer.send(topic, value.encode()) for value in values]:
        sent.get(timeout=30)
    producer.close()


def _read(servers: list[str], topic: str, values: list[str]) -> None:
    """Prints what is in the topic, once as many records came as were named or none came for a while."""
    consumer = KafkaConsumer(
        topic, bootstrap_servers=servers, auto_offset_reset="earliest", consumer_timeout_ms=QUIET_MS
    )
    missing = set(values)
    for record in consumer:
        print(record.value.decode())
        missing.discard(record.value.decode())
        if not missing:
            break
    consumer.close()


def _topics(servers: list[str]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers)
    print("\n".join(admin.list_topics()))
    admin.close()


def _alter(servers: list[str], topic: str, change: str) -> None:
    key, _, value = change.partition("=")
    admin = KafkaAdminClient(bootstrap_servers=servers)
    answer = admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {key: value})], incremental=True)
    if answer["topic"][topic] != "OK":
        sys.exit(answer["topic"][topic])
    admin.close()

    def told() -> bool:
        return all(_settings([server], [topic])[topic].get(key) == value for server in servers)

    wait_for(f"{change} on every broker", told, 20)


def _settings(servers: list[str], topics: list[str]) -> dict[str, dict[str, str]]:
    """Each topic's own settings."""
    admin = KafkaAdminClient(bootstrap_servers=servers)
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    answer = admin.describe_configs(asked, config_filter="all")["topic"]
    admin.close()
    return {
        topic: {key: entry["value"] for key, entry in keys.items() if entry["config_source"] == "DYNAMIC_TOPIC_CONFIG"}
        for topic, keys in answer.items()
    }


def _describe(servers: list[str]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers)
    found = {topic["name"]: topic["partitions"] for topic in admin.describe_topics()}
    admin.close()
    own = _settings(servers, list(found))
    described = {
        name: {
            "partitions": len(parts),
            "replicas": sorted({len(part["replica_nodes"]) for part in parts}),
            "settings": own[name],
        }
        for name, parts in found.items()
    }
    print(json.dumps(described))


def alter(inside: Sequence[str], servers: str, topic: str, key: str, value: str) -> None:
    """Gives a topic a setting, as somebody does who knows no list."""
    _run(inside, "alter", servers, topic, f"{key}={value}")


def describe(inside: Sequence[str], servers: str) -> dict[str, Any]:
    """Every topic's number of partitions, of replicas, and the settings that are its own."""
    found: dict[str, Any] = json.loads(_run(inside, "describe", servers))
    return found


def topics(inside: Sequence[str], servers: str) -> list[str]:
    """The names of all topics."""
    return _run(inside, "topics", servers).split()


def write(inside: Sequence[str], servers: str, topic: str, *values: str) -> None:
    """Writes records with acks of all replicas; the topic is made if need be. `inside` leads into the network."""
    _run(inside, "write", servers, topic, *values)


def read(inside: Sequence[str], servers: str, topic: str, *expected: str) -> list[str]:
    """The topic's records in order; waits for those that are expected, and not for ever."""
    return sorted(_run(inside, "read", servers, topic, *expected).splitlines())


def _run(inside: Sequence[str], *arguments: str) -> str:
    command = [*inside, sys.executable, "-W", "ignore", "-m", "tests.lifecycle.records", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr[-2000:]}"
    return done.stdout


if __name__ == "__main__":
    verb, addresses, *rest = sys.argv[1:]
    if verb in ("topics", "describe"):
        {"topics": _topics, "describe": _describe}[verb](addresses.split(","))
    elif verb == "alter":
        _alter(addresses.split(","), *rest)
    else:
        {"write": _write, "read": _read}[verb](addresses.split(","), rest[0], rest[1:])
