"""What each node of a cluster says of itself, asked side by side.

Knows the program that a node gives its account by. Refuses to judge what it says (`model/order.py`).
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from model import stages
from model.topology import Cluster, Node
from operations.machine import Machine, StageFailed, Unreachable


async def reports(cluster: Cluster, machines: Mapping[str, Machine]) -> dict[str, dict[str, Any]]:
    """Every node's own account, by its name. A node that can't be asked raises."""
    answers = await asyncio.gather(*(_report(cluster, node, machines) for node in cluster.nodes))
    return {node.name: answer for node, answer in zip(cluster.nodes, answers, strict=True)}


async def evidence(cluster: Cluster, machines: Mapping[str, Machine]) -> list[str]:
    """Each node's services and the last lines of its service log; that it can't be asked is evidence, too."""
    found = await asyncio.gather(*(_told(cluster, node, machines) for node in cluster.nodes))
    return [line for lines in found for line in lines]


async def _report(cluster: Cluster, node: Node, machines: Mapping[str, Machine]) -> dict[str, Any]:
    report: dict[str, Any] = await machines[node.name].ask(("account", "report"), stages.report(cluster, node))
    return report


async def _told(cluster: Cluster, node: Node, machines: Mapping[str, Machine]) -> list[str]:
    try:
        report = await _report(cluster, node, machines)
    except (Unreachable, StageFailed) as error:
        return [f"{node.name}: can't be asked: {error}"]
    units = ", ".join(f"{unit} is {state['ActiveState']}" for unit, state in report["units"].items())
    return [f"{node.name}: {units}", *(f"    {line}" for line in report["log"])]
