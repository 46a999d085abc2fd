"""What a killed run left behind on a hypervisor: things with a stack's names that its state does not know.

Pulumi learns of a thing only when its creation has ended. A domain, network, pool or first-boot disk that exists
already makes the next creation fail; a volume would be adopted, half-written or not. Data volumes are never
leftovers: they may hold records, and adopting one is what a rebuilt node needs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from model.machine_names import MachineNames

_KINDS = {
    "libvirt:index/domain:Domain": "domain",
    "libvirt:index/cloudInitDisk:CloudInitDisk": "volume",
    "libvirt:index/volume:Volume": "volume",
    "libvirt:index/network:Network": "network",
    "libvirt:index/pool:Pool": "pool",
}
# A domain uses volumes and the network, and volumes lie in the pool.
_ORDER = ("domain", "volume", "network", "pool")


@dataclass(frozen=True, slots=True)
class Thing:
    """Something on a hypervisor, by its kind (domain, volume, network, pool) and name."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def known(resources: Iterable[Mapping[str, Any]]) -> set[Thing]:
    """What a state knows, from the resources of `pulumi stack export`."""
    return {
        Thing(_KINDS[resource["type"]], resource["outputs"]["name"])
        for resource in resources
        if resource["type"] in _KINDS and resource.get("outputs", {}).get("name")
    }


def leftovers(present: Iterable[Thing], state: set[Thing], names: MachineNames) -> list[Thing]:
    """What is to be cleared, in the order in which it can be."""
    found = [thing for thing in present if thing not in state and names.owns(thing.name) and not _is_data(thing, names)]
    return sorted(found, key=lambda thing: (_ORDER.index(thing.kind), thing.name))


def _is_data(thing: Thing, names: MachineNames) -> bool:
    return thing.kind == "volume" and names.is_data_volume(thing.name)
