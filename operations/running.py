"""Brings a cluster to run what is planned: all nodes up, each with its planned configuration, and whole.

1. Ask every node what it is and runs. A node that can't be asked stops everything before anything is touched.
2. Nodes that run in the other mode name the topics that stay behind, and are stopped, all together: there is no
   cluster in which both could serve.
3. Nodes that are down are started side by side (a lone KRaft node waits for its peers).
4. Wait until the cluster is whole: every broker registered, the quorum complete without lag, full ISR.
5. Nodes that run something else than planned are restarted one at a time in the order of `model/order.py`.
   Before each one the cluster must be able to spare it; after each one it must be whole again in several
   samples in a row. A node that does not come back stops everything before the next one is touched.
6. Leaders go back to their preferred replicas.

It can be cut off anywhere and run again: what a node already runs is left alone.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from kafka.errors import KafkaError

from model import health, order, stages
from model.handover import Handover, NodeFacts
from model.kafka_keys import Mode
from model.topology import Node
from operations.alone import alone
from operations.kafka_view import KafkaView
from operations.machine import Machine, StageFailed, Unreachable, connect
from operations.wait import TimedOut, until

_WHOLE_SECONDS = 180
_SPARE_SECONDS = 120
_ALONE_SECONDS = 600
_CALM_SAMPLES = 3
_PREFERRED = 0
_INTERNAL = "__"
# Kafka's own system tests kill the last combined nodes: they wait for a controller that is gone.
_WHOLE_STOP_SECONDS = 30


class Failed(Exception):
    """The cluster could not be brought to run as planned; the text carries the evidence."""


class Run:
    """One run over all nodes."""

    def __init__(self, handover: Handover, machines: dict[str, Machine]) -> None:
        self.handover = handover
        self.cluster = handover.cluster
        self.machines = machines
        self.facts = {node.name: node for node in handover.nodes}
        self.view = KafkaView(self.cluster, handover.patience)

    async def reports(self) -> dict[str, dict[str, Any]]:
        """Every node's own account, asked side by side."""
        answers = await asyncio.gather(
            *(
                self.machines[node.name].ask(("report",), stages.report(self.cluster, node))
                for node in self.cluster.nodes
            )
        )
        return {node.name: answer for node, answer in zip(self.cluster.nodes, answers, strict=True)}

    async def bring(self) -> None:
        """The algorithm at the head of this file."""
        reports = await self.reports()
        states = [_state(self.facts[name], report) for name, report in reports.items()]
        controller, ill = -1, []
        if any(state.up for state in states):
            sample = await self.view.sample()
            controller = sample.controller
            ill = [node.id for node in self.cluster.brokers if node.id not in sample.brokers]
        todo = order.work(states, self.cluster.paths.properties(self.cluster.mode), ill, controller)
        before = {name: report["running"] for name, report in reports.items()}
        if todo.stop:
            await self.name_left_behind()
            await self.stop_together(todo.stop)
        await self.start_together(todo.start, before)
        if todo.restart:
            await self.roll(todo.restart, before)
        await self.whole()
        if todo.restart:
            await self.restore_leaders()

    async def name_left_behind(self) -> None:
        """Names the topics that the other mode's cluster keeps, as long as its brokers can be asked."""
        other = Mode.ZOOKEEPER if self.cluster.mode is Mode.KRAFT else Mode.KRAFT
        view = KafkaView(replace(self.cluster, mode=other), self.handover.patience)
        try:
            sample = await view.sample()
        finally:
            view.close()
        topics = sorted({part.topic for part in sample.partitions if not part.topic.startswith(_INTERNAL)})
        names = f"can't be named: {'; '.join(sample.faults)}" if sample.faults else ", ".join(topics) or "none"
        print(f"topics that stay behind in {other} mode's data: {names}", flush=True)

    async def stop_together(self, names: tuple[str, ...]) -> None:
        """Ends the other mode's services. What is still there after a while is killed: a combined KRaft
        cluster that stops as a whole waits minutes for a controller that is gone, and a killed process loses
        nothing that the page cache holds."""
        print(f"stopping {', '.join(names)}: they run in the other mode", flush=True)
        command = (
            f"sudo -n sh -c 'timeout {_WHOLE_STOP_SECONDS * self.handover.patience} systemctl stop kafka.service"
            " || systemctl kill --signal=SIGKILL kafka.service; systemctl stop kafka.service;"
            " ! systemctl --quiet is-active zookeeper.service || systemctl stop zookeeper.service'"
        )
        await asyncio.gather(*(self.machines[name].run(command) for name in names))

    async def start_together(self, names: tuple[str, ...], before: dict[str, str]) -> None:
        """Starts nodes side by side."""
        if names:
            print(f"starting {', '.join(names)}", flush=True)
        await asyncio.gather(*(self.start(name, before, restart=False) for name in names))

    async def start(self, name: str, before: dict[str, str], *, restart: bool) -> None:
        """Activates a node's staged configuration and starts it."""
        facts = self.facts[name]
        plan = stages.start(
            self.cluster,
            next(node for node in self.cluster.nodes if node.name == name),
            why=order.reason(before, name, facts.fingerprint),
            before=before.get(name, ""),
            after=facts.fingerprint,
            restart=restart,
        )
        await self.machines[name].stage(("activation", "start"), plan)

    async def roll(self, names: tuple[str, ...], before: dict[str, str]) -> None:
        """Restarts nodes one at a time."""
        for position, name in enumerate(names, 1):
            facts = self.facts[name]
            await self.spareable(facts)
            print(f"restarting {name} ({position} of {len(names)}): its configuration changed", flush=True)
            started = time.monotonic()
            await self.start(name, before, restart=True)
            await self.whole()
            print(f"{name} is back, the cluster is whole ({time.monotonic() - started:.1f} s)", flush=True)

    async def spareable(self, facts: NodeFacts) -> None:
        """The gate before a node is taken down."""

        async def ask() -> str | None:
            sample = await self.view.sample()
            faults = [fault for fault in health.missing(self.cluster, sample) if facts.id in sample.brokers]
            reasons = faults or health.why_not_spare(self.cluster, sample, facts.id)
            return "; ".join(reasons) or None

        await until(f"the cluster to spare {facts.name}", ask, limit=_SPARE_SECONDS * self.handover.patience)

    async def whole(self) -> None:
        """The cluster is whole in several samples in a row."""
        calm = 0

        async def ask() -> str | None:
            nonlocal calm
            faults = health.missing(self.cluster, await self.view.sample())
            calm = 0 if faults else calm + 1
            if faults:
                return "; ".join(faults)
            return None if calm >= _CALM_SAMPLES else f"{calm} of {_CALM_SAMPLES} calm samples"

        await until("the whole cluster", ask, limit=_WHOLE_SECONDS * self.handover.patience)

    async def restore_leaders(self) -> None:
        """Leaders go back to the replicas that should lead; a partition that already has its own is no error."""
        self.view.close()  # the client still believes the brokers that it met before they were restarted
        try:
            await asyncio.to_thread(self.view.admin.elect_leaders, _PREFERRED)
        except KafkaError as error:
            print(f"preferred leaders were not restored: {error}", flush=True)

    async def evidence(self) -> str:
        """Each node's services and the last lines of its service log."""
        accounts = await asyncio.gather(*(self.account(node) for node in self.cluster.nodes))
        return "\n".join(line for lines in accounts for line in lines)

    async def account(self, node: Node) -> list[str]:
        """A node's part of the evidence; that it can't be asked is one, too."""
        try:
            report = await self.machines[node.name].ask(("report",), stages.report(self.cluster, node))
        except (Unreachable, StageFailed) as error:
            return [f"{node.name}: can't be asked: {error}"]
        units = ", ".join(f"{unit} is {state['ActiveState']}" for unit, state in report["units"].items())
        return [f"{node.name}: {units}", *(f"    {line}" for line in report["log"])]


def _state(facts: NodeFacts, report: dict[str, Any]) -> order.NodeState:
    up = report["units"]["kafka.service"]["ActiveState"] in (
        "active",
        "activating",
        "reloading",
        "deactivating",
    )
    running = report["running"] if up else ""
    return order.NodeState(facts.name, facts.id, up, running, facts.fingerprint, report["config"])


async def bring(handover: Handover) -> None:
    """Brings the cluster there; Failed carries what went wrong where, and what to do."""
    try:
        async with alone(handover.cluster_id, _ALONE_SECONDS * handover.patience):
            await _bring(handover)
    except TimedOut as error:
        raise Failed(f"stage 'running': {error}. Nothing was started or stopped.") from error


async def _bring(handover: Handover) -> None:
    async with AsyncExitStack() as stack:
        try:
            opened = await asyncio.gather(
                *(stack.enter_async_context(connect(node.access, handover.patience)) for node in handover.nodes)
            )
        except Unreachable as error:
            raise Failed(f"stage 'running': {error}. Nothing was started or stopped.") from error
        run = Run(handover, {machine.access.name: machine for machine in opened})
        try:
            await run.bring()
        except (TimedOut, StageFailed, Unreachable) as error:
            raise Failed(
                f"stage 'running': {error}\n{await run.evidence()}\n"
                "Mend what the log names and run `pulumi up` again: it goes on where it stopped."
            ) from error
        finally:
            run.view.close()
