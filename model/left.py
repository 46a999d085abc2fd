"""What the last `up` left running, from the state that it left.

Knows what the components leave there. Refuses to know whom it interrupts that something else is to run (`model/roll.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from model import state
from model.handover import LIVE, RUNNING_RESOURCE, LiveSettings
from model.identity import CLUSTER
from model.kafka_dynamic import targets
from model.kafka_keys import Mode, replica_count

NODE = "kafka-cluster:index:KafkaNode"
# What a node may run where nobody can say.
UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Before:
    """What the last `up` left: the fingerprints that each node may run, and the defaults that the running cluster was last
    told, whatever was asked for since, by the names it takes them under. Nothing where nothing is there yet, or the other
    mode's cluster."""

    left_with: Mapping[str, frozenset[str]] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)


def before(resources: Iterable[Mapping[str, Any]], mode: Mode) -> Before:
    """What a state's resources say of it."""
    resources = list(resources)
    told = next((state.inputs(one).get("stdin") for one in resources if state.name(one) == LIVE), None)
    return Before(left_with(resources, mode), _defaults(told, mode) if isinstance(told, str) else {})


def _defaults(told: str, mode: Mode) -> dict[str, str]:
    try:
        settings = LiveSettings.model_validate_json(told)
    except ValidationError:
        return {}  # another version of this package wrote it
    return targets(settings.version, settings.defaults) if settings.mode is mode else {}


def left_with(resources: Iterable[Mapping[str, Any]], mode: Mode) -> dict[str, frozenset[str]]:
    """The fingerprints that each node may run after the last `up`, from a state's resources: what it was configured with,
    and what the cluster was last brought to run, which is nothing that anybody knows where that `up` failed before.
    Nothing when it was in the other mode: a switch stops all nodes, and rolls none."""
    resources = list(resources)
    nodes = [one for one in state.of_type(resources, NODE) if state.inputs(one).get("mode") == mode.value]
    known = {state.name(one): state.outputs(one).get("fingerprint") for one in nodes}
    ran = any(state.name(one) == RUNNING_RESOURCE for one in resources)
    runs = next((state.outputs(one).get("runs") for one in state.of_type(resources, CLUSTER)), None) or {}
    return {
        name: frozenset({fingerprint, runs.get(name, UNKNOWN)} if ran else {fingerprint})
        for name, fingerprint in known.items()
        if isinstance(fingerprint, str)
    }


def restarted(before: Mapping[str, frozenset[str]], planned: Mapping[str, str]) -> tuple[str, ...]:
    """The nodes that may run something else than planned."""
    return tuple(name for name, fingerprint in planned.items() if before.get(name, frozenset()) - {fingerprint})


def is_sure(before: Mapping[str, frozenset[str]], planned: Mapping[str, str]) -> bool:
    """Whether any of them is known to."""
    return bool(restarted({name: runs - {UNKNOWN} for name, runs in before.items()}, planned))


def raised_min_isr(before: Mapping[str, str], planned: Mapping[str, str]) -> tuple[int, int] | None:
    """The default of min.insync.replicas before and after, where it becomes a higher one; both maps are defaults of a
    running cluster."""
    was, becomes = (replica_count(known.get("min.insync.replicas", "")) for known in (before, planned))
    return (was, becomes) if 0 < was < becomes else None
