"""Says how the selected stack's cluster is: what is missing of a whole one, and a line for each node.

Exit status 0 when it is whole, 1 when something is missing, 2 when nothing could be asked.
"""

import asyncio
from typing import Any

from model import health, stages
from model.handover import Handover, NodeFacts
from operations.kafka_view import KafkaView
from operations.machine import StageFailed, Unreachable, connect
from operations.wait import TimedOut, until

WHOLE, INCOMPLETE, UNKNOWN = 0, 1, 2


async def show(handover: Handover, wait: float) -> int:
    """Prints the status, after waiting at most `wait` seconds for the cluster to be whole."""
    view = KafkaView(handover.cluster, handover.patience)
    try:
        sample = await _sample(handover, view, wait)
        lines = await _nodes(handover)
    finally:
        view.close()
    faults = health.missing(handover.cluster, sample)
    print(_headline(handover, sample, faults))
    for line in [f"  missing: {fault}" for fault in faults] + lines:
        print(line)
    if not faults:
        return WHOLE
    return UNKNOWN if sample.faults else INCOMPLETE


async def _sample(handover: Handover, view: KafkaView, limit: float) -> health.Sample:
    """The sample that shows a whole cluster, or the last one within `limit` seconds."""
    sample = await view.sample()

    async def ask() -> str | None:
        nonlocal sample
        sample = await view.sample()
        return "; ".join(health.missing(handover.cluster, sample)) or None

    if limit:
        try:
            await until("the whole cluster", ask, limit=limit)
        except TimedOut as error:
            print(error)
    return sample


def _headline(handover: Handover, sample: health.Sample, faults: list[str]) -> str:
    behind = sum(set(part.isr) != set(part.replicas) for part in sample.partitions)
    return (
        f"{handover.mode} cluster: {'not whole' if faults else 'whole'}; brokers {len(sample.brokers)} of"
        f" {len(handover.cluster.brokers)}, controller {sample.controller}, {len(sample.partitions)} partitions,"
        f" {behind} without full ISR"
    )


async def _nodes(handover: Handover) -> list[str]:
    return list(await asyncio.gather(*(_line(handover, node) for node in handover.nodes)))


async def _line(handover: Handover, facts: NodeFacts) -> str:
    node = next(node for node in handover.cluster.nodes if node.name == facts.name)
    try:
        async with connect(facts.access) as machine:
            report = await machine.ask(("report",), stages.report(handover.cluster, node))
    except (Unreachable, StageFailed) as error:
        return f"  {facts.name}: {error}"
    return f"  {facts.name}: {_node_words(facts, report)}"


def _node_words(facts: NodeFacts, report: dict[str, Any]) -> str:
    unit = report["units"]["kafka.service"]
    current = "current" if report["running"] == facts.fingerprint else f"not current ({report['running'] or 'down'})"
    return (
        f"kafka {unit['ActiveState']} since {unit['ActiveEnterTimestamp'] or 'never'}, restarts {unit['NRestarts']},"
        f" configuration {current}, {report['free_bytes'] / 2**30:.1f} GiB free"
    )
