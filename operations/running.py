"""Brings a cluster to run what is planned: all nodes up, each with its planned configuration, and whole.

1. Ask every node what it is and runs. A node that can't be asked stops everything before anything is touched, and so do
   disks of different clusters, and another configuration than planned staged on a node that is to be started or
   restarted. Of one that was started a moment ago with another configuration it has to be seen first whether it serves
   or fails.
2. Where nodes come from the other mode, the topics that stay behind are named. Those that still run in it are
   stopped, all together: there is no cluster in which both could serve.
3. Nodes that are down, or are stopping, are started side by side (a lone KRaft node waits for its peers), and with
   them those that only fail over and over with an earlier configuration.
4. Nodes that run something else than planned are restarted one at a time, the one that costs least by
   `model/order.py` first. Before each one the cluster must be able to spare it; after each one it must be whole
   again in several samples in a row: every broker registered, the quorum complete without lag, full ISR. A node that
   does not come back stops everything before the next one is touched. Those that were unwell before the first restart
   are not waited for while they wait for their own. One that started on a full disk, and would not see it fail any more,
   is restarted, or restarted once more, when there is room.
5. Wait until the cluster is whole.
6. Leaders go back to their preferred replicas.

It can be cut off anywhere and run again: what a node already runs is left alone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from model import cluster_id, health, order, roll, stages, switch
from model.handover import Access, Handover
from model.kafka_keys import Mode
from operations import accounts, sight
from operations.cluster_lock import LOCK_SECONDS, cluster_lock
from operations.evidence import votes
from operations.gates import CALM_SAMPLES, Gates
from operations.machine import Machine, StageFailed, Unreachable, connect
from operations.refusal import Refusal
from operations.wait import TimedOut
from operations.ways import Ways
from operations.whole_stop import WholeStop


class Failed(Refusal):
    """The cluster could not be brought to run as planned; the text carries the evidence."""


# Opens a connection that lives as long as the run.
Reach = Callable[[Access], Awaitable[Machine]]


class Run:
    """One run over all nodes."""

    def __init__(self, handover: Handover, machines: dict[str, Machine], ways: Ways, reach: Reach) -> None:
        self.handover = handover
        self.cluster = handover.cluster
        self.machines, self.reach = machines, reach
        self.facts = {node.name: node for node in handover.nodes}
        self.gates = Gates(handover, ways)
        self.states: dict[str, order.NodeState] = {}

    def note(self, states: Iterable[order.NodeState]) -> None:
        """Keeps how these nodes were seen last."""
        self.states |= {state.name: state for state in states}
        self.gates.blind = frozenset(state.id for state in self.states.values() if state.blind)

    def refuse_strangers(self, reports: Mapping[str, Mapping[str, Any]]) -> None:
        """In ZooKeeper mode the ensemble draws the cluster's id, so no plan names the one that a disk has to carry."""
        found = {name: report["zookeeper_cluster"] for name, report in reports.items()}
        if self.cluster.mode is Mode.ZOOKEEPER and (told := cluster_id.strangers(found)):
            raise Failed(
                f"stage 'running': {told}, by meta.properties in {self.cluster.paths.log_dir(Mode.ZOOKEEPER)}."
                " Nothing was started or stopped. Attach the right disk to each node, then `pulumi up` again"
            )

    def refuse_unstaged(self, todo: order.Work, reports: Mapping[str, Mapping[str, Any]]) -> None:
        """Each start would refuse what is not planned, once the whole cluster was stopped for it. This run may have waited
        for one that staged something else."""
        holds = {name: (reports[name]["staged"], self.facts[name].fingerprint) for name in sorted(order.touched(todo))}
        wrong = {name: pair for name, pair in holds.items() if pair[0] != pair[1]}
        told = [f"{name} holds configuration {staged} and not {planned}" for name, (staged, planned) in wrong.items()]
        if told:
            raise Failed(
                f"stage 'running': {', '.join(told)}, which is planned. It started and stopped nothing."
                ' Have it staged anew: pulumi config set reapply "$(date +%FT%T)", then `pulumi up`'
            )

    async def bring(self) -> None:
        """The algorithm at the head of this file."""
        found = await accounts.settled(self.handover, self.machines, self.gates.view)
        reports = found.reports
        self.note(found.states)
        self.refuse_strangers(reports)
        todo = order.work(found.states, self.cluster.paths.properties(self.cluster.mode), found.unwell)
        self.refuse_unstaged(todo, reports)
        if left_behind := switch.left_behind(self.cluster, reports.values()):
            print(left_behind, flush=True)
        if todo.stop:
            await WholeStop(self.handover, {name: self.machines[name] for name in todo.stop}).stop()
        await self.start_together(todo)
        if todo.restart:
            await self.roll(todo.restart)
        await self.gates.whole()
        await self.gates.restore_leaders()

    async def start_together(self, todo: order.Work) -> None:
        """Starts side by side what doesn't serve."""
        for why, names in self.by_reason(todo.start).items():
            print(f"starting {', '.join(names)}: {why}", flush=True)
        if todo.revive:
            print(
                f"restarting {', '.join(todo.revive)} together, which crash-loop on an earlier configuration",
                flush=True,
            )
        if todo.join:
            print(f"starting {', '.join(todo.join)}'s ZooKeeper: it was down", flush=True)
        await asyncio.gather(
            *(self.start(name, restart=name in todo.revive) for name in (*todo.start, *todo.revive)),
            *(self.join(name) for name in todo.join),
        )
        await self.see((*todo.start, *todo.revive))

    async def join(self, name: str) -> None:
        """Starts the ZooKeeper beside a node's broker, which is left alone."""
        await self.machines[name].stage(("activation", "join"), stages.join(self.cluster, self.cluster.node(name)))

    def why(self, name: str) -> str:
        """The reason for which a node is started, as it is printed and kept on the node."""
        return order.reason(self.states[name])

    def by_reason(self, names: Iterable[str]) -> dict[str, list[str]]:
        """The names of those that are started for the same reason, by that."""
        found: dict[str, list[str]] = {}
        for name in names:
            found.setdefault(self.why(name), []).append(name)
        return found

    async def start(self, name: str, *, restart: bool) -> None:
        """Activates a node's staged configuration and starts it."""
        plan = stages.start(
            self.cluster,
            self.cluster.node(name),
            why=self.why(name),
            before=self.states[name].running,
            after=self.facts[name].fingerprint,
            restart=restart,
        )
        lock_seconds = stages.RESTART_LOCK_SECONDS * self.handover.patience if restart else stages.LOCK_SECONDS
        await self.machines[name].stage(("activation", "start"), plan, lock_seconds)

    async def see(self, names: Iterable[str]) -> None:
        """Behind a start in ZooKeeper mode: no broker of these is left blind. It serves like any other, and a whole cluster
        would not show it."""
        brokers = [node for node in map(self.cluster.node, names) if node.is_broker]
        if self.cluster.mode is Mode.ZOOKEEPER and brokers:
            await sight.restored(self.gates, brokers, self.look, self.again)

    async def look(self, name: str) -> Mapping[str, Any]:
        """A node's account of itself, which is kept."""
        report = await accounts.report(self.cluster, self.cluster.node(name), self.machines)
        self.note([order.state(self.facts[name], report, self.cluster.services(), self.handover.patience)])
        return report

    async def again(self, name: str) -> None:
        """Restarts a node that runs what is planned."""
        print(f"restarting {name} once more: {self.why(name)}", flush=True)
        await self.start(name, restart=True)

    async def roll(self, names: tuple[str, ...]) -> None:
        """Restarts nodes one at a time, once it has said what that interrupts."""
        sample = await self.gates.sample()
        for sentence in roll.interruptions(self.cluster, names, sample):
            print(sentence, flush=True)
        # Only those that were unwell before any was touched: whoever is so later is a reason to stop.
        ill = health.unwell(self.cluster, sample)
        for name in names:
            if self.states[name].blind:
                await sight.room(name, self.look, self.handover.patience)
        left = {name: self.facts[name].id for name in names}
        for position in range(1, len(names) + 1):
            name = await self.gates.spared(left)
            if await self.meet_again(name):  # which may have taken long, and the others may not be well any more
                await self.gates.spared({name: left[name]})
            del left[name]
            print(f"restarting {name} ({position} of {len(names)}): {self.why(name)}", flush=True)
            started = time.monotonic()
            await self.start(name, restart=True)
            await self.see([name])
            waiting = {name: number for name, number in left.items() if number in ill}
            await self.gates.whole(waiting.values(), samples=CALM_SAMPLES, started=self.cluster.node(name))
            but_for = f" but for {', '.join(waiting)}" if waiting else ""
            print(f"{name} is back, the cluster is healthy{but_for} ({time.monotonic() - started:.1f} s)", flush=True)

    async def meet_again(self, name: str) -> bool:
        """Opens another connection to a machine that lost its power or its network since it was asked, and is back.
        Whether it had to."""
        try:
            await self.machines[name].run("true")
        except Unreachable:
            self.machines[name] = await self.reach(self.facts[name].access)
            return True
        return False

    async def evidence(self) -> str:
        """What each node says of itself, then the state of those who vote."""
        lines, state = await asyncio.gather(
            accounts.evidence(self.cluster, self.machines),
            votes(self.cluster, self.gates.ways, self.handover.patience),
        )
        return "\n".join([*lines, state])


async def bring(handover: Handover) -> None:
    """Brings the cluster there; Failed carries what went wrong where, and what to do."""
    try:
        async with cluster_lock(handover.cluster_id, LOCK_SECONDS * handover.patience):
            await _bring(handover)
    except TimedOut as error:
        raise Failed(
            f"stage 'running': {error}. It started and stopped nothing. Wait for that run, or end the process that holds"
            " the file, and run `pulumi up` again."
        ) from error


async def _bring(handover: Handover) -> None:
    async with AsyncExitStack() as stack:
        ways = await stack.enter_async_context(Ways(handover.jump_hosts, handover.patience))

        def reach(access: Access) -> Awaitable[Machine]:
            return stack.enter_async_context(connect(access, handover.patience))

        try:
            opened = await asyncio.gather(*(reach(node.access) for node in handover.nodes))
        except Unreachable as error:
            raise Failed(
                f"stage 'running': {error}. It started and stopped nothing.\n"
                f"{await votes(handover.cluster, ways, handover.patience)}\n"
                "Bring that machine back, or mend the way to it, and run `pulumi up` again."
            ) from error
        run = Run(handover, {machine.access.name: machine for machine in opened}, ways, reach)
        try:
            await run.bring()
        except (TimedOut, StageFailed, Unreachable) as error:
            raise Failed(
                f"stage 'running': {error}\n{await run.evidence()}\n"
                "Mend what the log names and run `pulumi up` again: it goes on where it stopped."
            ) from error
        finally:
            run.gates.view.close()
