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
    """How a key can be changed: by a restart, on a running broker alone, or on all running brokers at once."""

    READ_ONLY = "read-only"
    PER_BROKER = "per-broker"
    CLUSTER_WIDE = "cluster-wide"


@dataclass(frozen=True, slots=True)
class KafkaKey:
    """One key. Without `choices` and bounds every value of its type is valid; `filled` forbids the empty text."""

    type: str
    default: str | None
    update: Update
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()
    filled: bool = False


Table = Mapping[str, KafkaKey]


@cache
def lookup(version: str) -> Table:
    """Every key that this version knows, by its name."""
    for text in _texts():
        found = json.loads(text)
        if version in found["versions"]:
            return {name: _key(**entry) for name, entry in found["keys"].items()}
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


def _key(*, type: str, default: str | None, update: str, choices: list[str] | None = None, **limits: int) -> KafkaKey:
    return KafkaKey(
        type, default, Update(update), limits.get("least"), limits.get("most"), tuple(choices or ()), "filled" in limits
    )
