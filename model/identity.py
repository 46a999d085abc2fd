"""What makes an existing cluster this cluster and not another one, and what to do instead of changing it.

Such a change would move or empty a node's data, so it is refused until it has a safe way of its own.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from model.settings import Settings

# The component that carries it.
CLUSTER = "kafka-cluster:index:KafkaCluster"

_INSTEAD = {
    "nodes": "make a second stack with the nodes you want (`pulumi stack init`) and move the topics to it,"
    " or `pulumi destroy` this one first if nothing on it is needed",
    "clusterId": "leave clusterId as it is, or empty; data that carries another id belongs to another stack",
    "kafkaVersion": "keep the version; a new stack can have another one",
    "platform": "make a second stack on the other platform",
    "networkCidr": "make a second stack in the other network",
}


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


def earlier(resources: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The identity that a state's cluster was last asked to have, with the id that was made where none was
    configured; nothing when there is no cluster yet."""
    resources = list(resources)
    asked: Mapping[str, Any] = next(
        (one.get("inputs", {}).get("identity", {}) for one in resources if one["type"] == CLUSTER), {}
    )
    if not asked or asked["clusterId"]:
        return asked
    outputs = {one["urn"].rpartition("::")[2]: one.get("outputs", {}) for one in resources if "urn" in one}
    # Where no node was formatted with the made id, the cluster may still be told the id of data that it found.
    formatted = any(name.endswith("-formatted") for name in outputs)
    made = outputs.get("cluster-id", {}).get("stdout", "").strip() if formatted else ""
    return {**asked, "clusterId": made}


def refusals(earlier: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """A line for each part of the identity that would change: the key, before and after, what to do instead."""
    return [
        f"  - {key}: is {_brief(earlier[key])}, was asked to be {_brief(wanted[key])}; instead, {_INSTEAD[key]}"
        for key in _INSTEAD
        if key in earlier and earlier[key] != wanted[key] and not _unset_id(key, earlier, wanted)
    ]


def _unset_id(key: str, earlier: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """No id in the configuration means the one that the state holds, and a cluster that has none takes any."""
    return key == "clusterId" and not (wanted[key] and earlier[key])


def _brief(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(
            f"{node['name']} (id {int(node['id'])}, {node['address']}, {'+'.join(node['roles'])})" for node in value
        )
    return repr(value)
