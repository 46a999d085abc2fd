"""What a killed run left behind on a hypervisor: things with a stack's names that its state does not know.

Pulumi learns of a thing only when its creation has ended. A domain, network, pool or first-boot disk that exists
already makes the next creation fail; a volume would be adopted, half-written or not. Data volumes are no leftovers:
they may hold records, and adopting one is what a rebuilt node needs. Only where all of a stack is to go, and it protects
no data, they are in the way like the rest. Of what else is called by the stack's prefix, nothing is a leftover: a snapshot
of a disk is called so, and is what its machine writes to.

Names alone prove nothing: somebody else's stack may have the same, and a lost state knows none of its own. But the pool is
recorded before anything is made that lies in it or boots from it, and no hypervisor has two of one name: a state that
knows the pool by libvirt's own id is that of the stack which made all the rest.
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
_NEEDS_POOL = ("domain", "volume")


@dataclass(frozen=True, slots=True)
class Thing:
    """Something on a hypervisor, by its kind (domain, volume, network, pool) and name."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def known(resources: Iterable[Mapping[str, Any]]) -> set[Thing]:
    """What a state knows, from the resources of `pulumi stack export`. One that is to be replaced and is deleted already
    stays in the state until the next one is made: what has its name by then, a killed run has made."""
    return {
        Thing(_KINDS[resource["type"]], resource["outputs"]["name"])
        for resource in resources
        if resource["type"] in _KINDS
        and resource.get("outputs", {}).get("name")
        and not resource.get("pendingReplacement")
    }


def leftovers(present: Iterable[Thing], state: set[Thing], names: MachineNames, data: bool = False) -> list[Thing]:
    """What is to be cleared, in the order in which it can be. `data` is whether data volumes may be among it."""
    found = [thing for thing in present if thing not in state and is_made(thing, names)]
    found = [thing for thing in found if data or not is_data(thing, names)]
    return sorted(found, key=lambda thing: (_ORDER.index(thing.kind), thing.name))


def is_made(thing: Thing, names: MachineNames) -> bool:
    """Whether this package gives a thing of that kind that name."""
    if thing.kind == "domain":
        return names.is_machine(thing.name)
    if thing.kind == "volume":
        return names.is_volume(thing.name)
    return thing.name == names.prefix


def proof(resources: Iterable[Mapping[str, Any]], ids: Mapping[str, str]) -> set[str]:
    """The kinds of those things that the state knows by their own ids, of the `ids` by kind that a hypervisor tells."""
    recorded = {resource.get("id") for resource in resources if resource["type"] in _KINDS}
    return {kind for kind, id in ids.items() if id in recorded}


def not_ours(found: Iterable[Thing], present: Iterable[Thing], state: set[Thing], proof: set[str]) -> list[Thing]:
    """The leftovers that may be somebody else's. A network and a pool with nothing on them are all that a very first run
    can leave before its state knows anything; nobody loses by their end."""
    first_run = not state and all(thing.kind not in _NEEDS_POOL for thing in present)
    if first_run or "pool" in proof:
        return []
    return [thing for thing in found if thing.kind in _NEEDS_POOL or not proof]


def is_data(thing: Thing, names: MachineNames) -> bool:
    """Whether a node's records may lie there."""
    return thing.kind == "volume" and names.is_data_volume(thing.name)
