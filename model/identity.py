"""What makes an existing cluster this cluster and not another one, and what to do instead of changing it.

Such a change would move or empty a node's data, so it is refused until it has a safe way of its own.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

from model import state
from model.machine_names import MachineNames
from model.settings import NetworkMode, Platform, Settings

# The component that carries it.
CLUSTER = "kafka-cluster:index:KafkaCluster"

_INSTEAD = {
    "nodes": "make a second stack with the nodes you want (docs/how-to/several-stacks.md) and move to it"
    " (docs/how-to/back-up.md), or `pulumi destroy` this one first if nothing on it is needed",
    "clusterId": "leave clusterId as it is, or empty; data that carries another id belongs to another stack",
    "kafkaVersion": "keep the version; another one needs a new stack: docs/how-to/update.md",
    "platform": "make a second stack on the other platform",
    "networkCidr": "make a second stack in the other network",
    "stack": "give the stack its name back (`pulumi stack rename`): its machines, volumes and network carry it",
    "networkMode": "make a second stack with such a network, or `pulumi destroy` this one first",
    "networkBridge": "make a second stack on the other bridge, or `pulumi destroy` this one first",
    "poolPath": "make a second stack with its pool there, or `pulumi destroy` this one first",
    "libvirtUri": "name the same hypervisor as before; for another one make a second stack,"
    " or `pulumi destroy` this one first",
}
_UNFORMATTED = "nothing was formatted yet: `pulumi destroy`, then `pulumi up`"
# What the state holds of a machine that exists once anything was done on it, and of any node that has data.
_TAKEN = ("-host-ready", "-host-claimed")
_FORMATTED = "-formatted"
# How libvirt spells a mode that has another name in the configuration.
_MODES = {"none": NetworkMode.ISOLATED.value}
# The driver, the host with the path, and the socket. How one gets there (transport, user, key) may change.
_HYPERVISOR = re.compile(r"(\w+)(?:\+\w+)?://(?:[^@/?]*@)?([^?]*)(?:.*?[?&](socket=[^&]*))?")


def of(settings: Settings) -> dict[str, Any]:
    """The identity that the settings describe, as the cluster's component carries it."""
    nodes = sorted(settings.nodes, key=lambda node: node.id)
    return {
        "nodes": [
            {
                "name": node.name,
                "id": node.id,
                "address": node.address,
                "roles": [r.value for r in node.roles],
            }
            for node in nodes
        ],
        "clusterId": settings.cluster_id,
        "kafkaVersion": settings.kafka_version,
        "platform": settings.platform.value,
        "networkCidr": settings.network_cidr,
    }


def ground(settings: Settings, names: MachineNames) -> dict[str, str]:
    """What machines that are made here stand on, but for the hypervisor, which has to be asked for. A change of it makes
    network or pool anew, and with it every machine."""
    return {
        "stack": names.prefix,
        "networkMode": settings.network_mode.value,
        "networkBridge": settings.network_bridge,
        "poolPath": names.pool(settings.pool_path),
    }


def configured_cluster_id(resources: Iterable[Mapping[str, Any]]) -> str:
    """The cluster's id that the last `up` found in the configuration, or nothing. It stays the cluster's where it is taken
    out: an id that is made for nodes that have one would be that of another cluster."""
    return next((_identity(one).get("clusterId", "") for one in state.of_type(resources, CLUSTER)), "")


def earlier(resources: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The identity that a state's cluster was last asked to have, and what its machines stand on; of what is not there
    yet, nothing."""
    resources = list(resources)
    return {**_ground(resources), **_cluster(resources)}


def _ground(resources: list[Mapping[str, Any]]) -> dict[str, str]:
    inputs = state.inputs_by_name(resources)
    network, pool, hypervisor = (inputs.get(f"site-{thing}", {}) for thing in ("network", "pool", "hypervisor"))
    mode = network.get("mode")
    found = {
        "stack": pool.get("name"),
        "networkMode": _MODES.get(str(mode), mode),
        "networkBridge": network.get("bridge", "") if network else None,
        "poolPath": pool.get("path"),
        "libvirtUri": hypervisor.get("uri"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _cluster(resources: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """With the id that was made where none was configured."""
    asked = next((_identity(one) for one in state.of_type(resources, CLUSTER)), {})
    known = state.by_name(resources)
    # Machines that exist and were only looked at, in vain: nothing of a cluster is there, and what was wrong may be mended.
    if asked.get("platform") == Platform.HOSTS and not any(name.endswith((*_TAKEN, _FORMATTED)) for name in known):
        return {}
    if not asked or asked["clusterId"]:
        return asked
    # Where no node was formatted with the made id, the cluster may still be told the id of data that it found.
    formatted = any(name.endswith(_FORMATTED) for name in known)
    made = state.outputs(known.get("cluster-id", {})).get("stdout", "").strip() if formatted else ""
    return {**asked, "clusterId": made}


def _identity(cluster: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = state.inputs(cluster).get("identity", {})
    return found


def refusals(earlier: Mapping[str, Any], wanted: Mapping[str, Any], *, formatted: bool = True) -> list[str]:
    """A line for each wanted part of the identity that would change: the key, before and after, what to do instead.
    `formatted`: whether any node was, and may have data."""
    return [
        f"  - {key}: is {_brief(earlier[key])}, was asked to be {_brief(wanted[key])}; instead,"
        f" {_INSTEAD[key] if formatted else _UNFORMATTED}"
        for key in _INSTEAD
        if key in earlier and key in wanted and _differ(key, earlier[key], wanted[key])
    ]


def _differ(key: str, before: Any, after: Any) -> bool:
    if key == "clusterId" and not before:
        return False  # a cluster that has none takes any
    if key in ("clusterId", "networkBridge") and not after:
        return False  # none configured means the one that is there
    if key == "poolPath":
        return posixpath.normpath(str(before)) != posixpath.normpath(str(after))
    if key == "libvirtUri":
        return _hypervisor(before) != _hypervisor(after)
    return bool(before != after)


def _hypervisor(uri: str) -> tuple[str | None, ...]:
    found = _HYPERVISOR.match(uri)
    return found.groups() if found else (uri,)


def _brief(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(
            f"{node['name']} (id {int(node['id'])}, {node['address']}, {'+'.join(node['roles'])})" for node in value
        )
    return repr(value)
