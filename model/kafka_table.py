"""What Kafka says of its own keys: type, default, what is valid, and whether a running broker takes a new value.

Knows the tables that toolchain/kafka_table.py took from Kafka. Refuses to know what Kafka does not say there: how keys
depend on one another, and which values it starts with but cannot work with (`model/kafka_rules.py`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources


class Update(StrEnum):
    """How a key can be changed: by a restart, on a running broker alone, on all running brokers at once, or on a topic."""

    READ_ONLY = "read-only"
    PER_BROKER = "per-broker"
    CLUSTER_WIDE = "cluster-wide"
    PER_TOPIC = "per-topic"


@dataclass(frozen=True, slots=True)
class KafkaKey:
    """One key. Without `choices` and bounds every value of its type is valid; `filled` forbids the empty text. `server` is
    the broker's key that gives a topic its default."""

    type: str
    default: str | None
    update: Update
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()
    filled: bool = False
    server: str = ""


Table = Mapping[str, KafkaKey]


def lookup(version: str) -> Table:
    """Every key of a broker's that this version knows, by its name."""
    return _tables(version)["keys"]


def topic_keys(version: str) -> Table:
    """Every setting of a topic's that this version knows, by its name."""
    return _tables(version)["topics"]


@cache
def _tables(version: str) -> Mapping[str, Table]:
    for text in _texts():
        found = json.loads(text)
        if version in found.pop("versions"):
            return {part: {name: _key(**entry) for name, entry in table.items()} for part, table in found.items()}
    raise LookupError(f"there is no table of Kafka {version}; python -m toolchain.kafka_table makes it")


def update_mode(version: str, key: str) -> Update:
    """How a key can be changed. One that Kafka does not know belongs to a plugin, which reads it when it starts."""
    known = lookup(version).get(key)
    return known.update if known else Update.READ_ONLY


def is_dynamic(version: str, key: str) -> bool:
    """Whether one alteration gives all running brokers a new value. One that each broker has to be given by itself is
    not counted: such keys say who a broker is, and are planned per node."""
    return update_mode(version, key) is Update.CLUSTER_WIDE


def _texts() -> list[str]:
    folder = resources.files("model").joinpath("kafka_tables")
    return [file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".json")]


def _key(
    *,
    type: str,
    default: str | None,
    update: str = Update.PER_TOPIC,
    choices: list[str] | None = None,
    server: str = "",
    **limits: int,
) -> KafkaKey:
    return KafkaKey(
        type,
        default,
        Update(update),
        limits.get("least"),
        limits.get("most"),
        tuple(choices or ()),
        "filled" in limits,
        server,
    )
