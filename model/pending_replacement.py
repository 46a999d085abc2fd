"""Which machines wait to be replaced because the configuration asks for another one than is there.

`up` leaves such a machine as it is: a change of memory would take all of them away at the same moment. One verb replaces
them one at a time. Knows what a state says of its machines. Refuses to know how a cluster spares one (`model/health.py`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from model import heaps, jvm, state
from model.errors import Problem
from model.settings import DomainType, Settings

# The inputs of a domain, and of its root volume, whose change replaces the machine. Some are never planned anew: they
# differ once somebody has attached a disk to a machine, or described it, and the refresh has found that.
DOMAIN = (
    "vcpu", "memory", "type", "cpu", "xml", "disks", "filesystems", "consoles", "graphics", "tpm", "firmware", "nvram",
    "cmdlines", "description",
)  # fmt: skip
ROOT = ("size",)
# The name of the one machine that an `up` may replace.
CHOSEN = "KAFKA_CLUSTER_REPLACE"

_GIB = 1024**3
Inputs = Mapping[str, Any]


def pending(resources: Iterable[Mapping[str, Any]], settings: Settings) -> dict[str, str]:
    """The names of the machines that wait, and for what: `memory 2048 => 4096 MiB`."""
    known = state.inputs_by_name(resources)
    found = {
        node.name: _differences(known.get(f"{node.name}-domain", {}), known.get(f"{node.name}-root", {}), settings)
        for node in sorted(settings.nodes, key=lambda node: node.id)
    }
    return {name: ", ".join(differences) for name, differences in found.items() if differences}


def kinds(resources: Iterable[Mapping[str, Any]], settings: Settings, replaced: str) -> dict[str, str]:
    """libvirt's type of each node's machine that stays as it is: all that are there but the `replaced` one. What is
    configured by now is that of the others."""
    return {
        name: domain["type"] for name, domain in _staying(resources, settings, replaced).items() if "type" in domain
    }


def too_small(resources: Iterable[Mapping[str, Any]], settings: Settings, replaced: str = "") -> list[Problem]:
    """That a machine which stays as it is can't hold what is to run on it."""
    needed = heaps.memory_mib(settings.mode, settings.heap)
    staying = _staying(resources, settings, replaced)
    small = {name: domain["memory"] for name, domain in staying.items() if domain.get("memory", needed) < needed}
    if not small:
        return []
    have = ", ".join(f"{name} {_plain(memory)}" for name, memory in small.items())
    expected = (
        f"one that fits the machines as they are (MiB: {have}; needed in {settings.mode.value} mode: {needed}): `memory` first,"
        " then `make machines`, then this"
    )
    fits = min(small.values()) - (needed - (jvm.parse_heap(settings.heap) or 0))
    return [Problem("heap", settings.heap, expected, f"heap: {fits:g}M")]


def _staying(resources: Iterable[Mapping[str, Any]], settings: Settings, replaced: str) -> dict[str, Inputs]:
    known = state.inputs_by_name(resources)
    names = [node.name for node in sorted(settings.nodes, key=lambda node: node.id) if node.name != replaced]
    return {name: known[f"{name}-domain"] for name in names if f"{name}-domain" in known}


def _differences(domain: Inputs, root: Inputs, settings: Settings) -> list[str]:
    kind = "" if settings.domain_type is DomainType.AUTO else settings.domain_type.value
    compared = (
        ("vcpu", domain.get("vcpu"), settings.vcpu, ""),
        ("memory", domain.get("memory"), settings.memory, " MiB"),
        ("domainType", domain.get("type"), kind or domain.get("type"), ""),
        ("rootDisk", root.get("size", 0) / _GIB or None, settings.root_disk, " GiB"),
    )
    return [
        f"{key} {_plain(now)} => {_plain(wanted)}{unit}"
        for key, now, wanted, unit in compared
        if now is not None and now != wanted
    ]


def _plain(value: Any) -> str:
    """Numbers of a state are floats."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def warning(found: Mapping[str, str], stack: str) -> str:
    """What an operator is told of machines that wait."""
    names = "; ".join(f"{name} ({what})" for name, what in found.items())
    return (
        f"machines that wait to be replaced, and stay as they are until then: {names}."
        f" One at a time, the cluster whole in between: make machines STACK={stack}"
    )
