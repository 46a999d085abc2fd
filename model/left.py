"""What the last `up` left running, from the state that it left.

Knows what the components leave there. Refuses to know whom it interrupts that something else is to run (`model/roll.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from model.handover import CARRIER
from model.identity import CLUSTER
from model.kafka_keys import Mode, number

NODE = "kafka-cluster:index:KafkaNode"


@dataclass(frozen=True, slots=True)
class Before:
    """What the last `up` left: the fingerprints that each node may run, and the `min.insync.replicas` of topics that have
    none of their own; None where nothing is there yet, or the other mode's cluster."""

    left_with: Mapping[str, frozenset[str]] = field(default_factory=dict)
    min_isr: int | None = None


def before(resources: Iterable[Mapping[str, Any]], mode: Mode) -> Before:
    """What a state's resources say of it."""
    resources = list(resources)
    asked: Mapping[str, Any] = next((one.get("inputs", {}) for one in resources if one["type"] == CLUSTER), {})
    same = asked.get("mode") == mode.value
    return Before(left_with(resources, mode), min_isr(asked.get("settings", {})) if same else None)


def min_isr(overrides: Mapping[str, str]) -> int:
    """The default that these overrides make; Kafka's own is 1."""
    return number(overrides.get("min.insync.replicas", "1"))


def left_with(resources: Iterable[Mapping[str, Any]], mode: Mode) -> dict[str, frozenset[str]]:
    """The fingerprints that each node may run after the last `up`, from a state's resources: what it was configured with,
    and what the cluster was last brought to run, which is nothing that anybody knows where that `up` failed before.
    Nothing when it was in the other mode: a switch stops all nodes, and rolls none."""
    resources = list(resources)
    nodes = [one for one in resources if one["type"] == NODE and one.get("inputs", {}).get("mode") == mode.value]
    known = {_name(one): one.get("outputs", {}).get("fingerprint") for one in nodes}
    ran = any(_name(one) == CARRIER for one in resources)
    runs = next((one.get("outputs", {}).get("runs") for one in resources if one["type"] == CLUSTER), None) or {}
    return {
        name: frozenset({fingerprint, runs.get(name, "")} if ran else {fingerprint})
        for name, fingerprint in known.items()
        if isinstance(fingerprint, str)
    }


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource.get("urn", "")).rpartition("::")[2]


def restarted(before: Mapping[str, frozenset[str]], planned: Mapping[str, str]) -> tuple[str, ...]:
    """The nodes that may run something else than planned."""
    return tuple(name for name, fingerprint in planned.items() if before.get(name, frozenset()) - {fingerprint})
