"""What each node of a cluster says of itself, asked side by side.

Knows the program that a node gives its account by. Refuses to judge what it says (`model/order.py`).
"""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from model import health, order, stages
from model.handover import Handover, NodeFacts
from model.kafka_keys import Mode
from model.topology import Cluster, Node
from operations.kafka_view import KafkaView
from operations.machine import Machine, StageFailed, Unreachable, connect
from operations.wait import until


async def reports(cluster: Cluster, machines: Mapping[str, Machine]) -> dict[str, dict[str, Any]]:
    """Every node's own account, by its name. A node that can't be asked raises."""
    answers = await asyncio.gather(*(report(cluster, node, machines) for node in cluster.nodes))
    return {node.name: answer for node, answer in zip(cluster.nodes, answers, strict=True)}


async def report(cluster: Cluster, node: Node, machines: Mapping[str, Machine]) -> dict[str, Any]:
    """A node's own account. Raises when it can't be asked."""
    answer: dict[str, Any] = await machines[node.name].ask(("account", "report"), stages.report(cluster, node))
    return answer


@dataclass(frozen=True, slots=True)
class Account:
    """What all nodes said at one time, by name, what follows from it, and the ids of those that were seen to be unwell:
    the cluster is asked only where some fail, or run something else since a moment ago."""

    reports: Mapping[str, Mapping[str, Any]]
    states: tuple[order.NodeState, ...]
    unwell: Collection[int]


async def account(handover: Handover, machines: Mapping[str, Machine], view: KafkaView) -> Account:
    """One look at all nodes."""
    cluster, found = handover.cluster, await reports(handover.cluster, machines)
    states = tuple(
        order.state(facts, found[facts.name], cluster.services(), handover.patience) for facts in handover.nodes
    )
    ask = any(one.crash_looping or (one.just_started and one.running != one.planned) for one in states)
    return Account(found, states, health.unwell(cluster, await view.sample()) if ask else ())


async def settled(handover: Handover, machines: Mapping[str, Machine], view: KafkaView) -> Account:
    """The first account in which it is known of every node whether it serves or fails."""
    cluster, found = handover.cluster, await account(handover, machines, view)

    def missing() -> str | None:
        starting = order.undecided(found.states, cluster.paths.properties(cluster.mode), found.unwell)
        return f"{', '.join(starting)} started a moment ago with another configuration" if starting else None

    async def ask() -> str | None:
        nonlocal found
        found = await account(handover, machines, view)
        return missing()

    if missing():
        # Who is older is no longer waited for.
        most = 2 * order.JUST_STARTED_SECONDS * handover.patience
        await until("the nodes that are just starting to serve or to fail", ask, limit=most)
    return found


async def blind(handover: Handover) -> frozenset[int]:
    """The ids of the brokers whose machines answer and say that they are blind (`health.Sample`)."""
    if handover.mode is Mode.KRAFT:
        return frozenset()
    found = await asyncio.gather(*(_is_blind(handover, facts) for facts in handover.nodes))
    return frozenset(facts.id for facts, is_blind in zip(handover.nodes, found, strict=True) if is_blind)


async def _is_blind(handover: Handover, facts: NodeFacts) -> bool:
    node = handover.cluster.node(facts.name)
    with suppress(Unreachable, StageFailed):
        async with connect(facts.access, handover.patience) as machine:
            return bool((await report(handover.cluster, node, {facts.name: machine}))["blind"])
    return False


async def evidence(cluster: Cluster, machines: Mapping[str, Machine]) -> list[str]:
    """Each node's services and the last lines of its service log; that it can't be asked is evidence, too."""
    found = await asyncio.gather(*(_told(cluster, node, machines) for node in cluster.nodes))
    return [line for lines in found for line in lines]


async def _told(cluster: Cluster, node: Node, machines: Mapping[str, Machine]) -> list[str]:
    try:
        said = await report(cluster, node, machines)
    except (Unreachable, StageFailed) as error:
        return [f"{node.name}: can't be asked: {error}"]
    units = ", ".join(f"{unit} is {state['ActiveState']}" for unit, state in said["units"].items())
    return [f"{node.name}: {units}", *(f"    {line}" for line in said["log"])]
