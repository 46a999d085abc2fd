"""Asks how the selected stack's cluster is: every broker, every machine, all side by side and none for long.

Knows how long to wait for whom. Refuses to judge (`model/status.py`) and to lay anything out (`operations/status_page.py`).
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from typing import TextIO

from model import stages, status, times, vitals
from model.handover import Handover, NodeFacts
from model.health import Sample
from model.kafka_keys import Mode
from model.numbers import LogSearch
from model.status import Status
from model.topology import Node
from model.vitals import Account, Clock, NodeStatus
from operations import status_page
from operations.ensemble import ask_ensemble
from operations.kafka_view import KafkaView
from operations.machine import StageFailed, Unreachable, connect
from operations.wait import TimedOut, again, until
from operations.ways import Ways

# A time to wait that is no number of seconds: for as long as a boot and a start may take, while there is any hope.
PATIENTLY = float("inf")


async def show(stack: str, handover: Handover, *, wait: float = 0, watch: float = 0, as_json: bool = False) -> int:
    """Prints the status and answers the exit status. `wait`: after waiting at most as many seconds for a healthy
    cluster, or PATIENTLY; `watch`: again and again, as many seconds apart."""
    layout = _as_json if as_json else status_page.text
    if watch:
        await _watch(stack, handover, watch, layout)
    with _stdout_to_stderr():
        found = await _awaited(stack, handover, wait) if wait else await look(stack, handover)
    print(layout(found, _now()))
    return found.verdict.value


def _stdout_to_stderr() -> redirect_stdout[TextIO]:
    """What is said while somebody waits is no part of the answer."""
    return redirect_stdout(sys.stderr)


async def _watch(stack: str, handover: Handover, seconds: float, layout: Callable[[Status, datetime], str]) -> None:
    """Until the person who watches has seen enough. A terminal shows one page, a file gets them all."""
    async for _ in again(seconds):
        with _stdout_to_stderr():
            found = await look(stack, handover)
        shown = layout(found, _now())
        print(status_page.over(shown) if sys.stdout.isatty() else shown, flush=True)


async def _awaited(stack: str, handover: Handover, limit: float) -> Status:
    """The status that shows a healthy cluster, or the last one within `limit` seconds."""
    found = await look(stack, handover)
    most = times.boot_seconds(handover.patience) if limit == PATIENTLY else limit

    async def ask() -> str | None:
        nonlocal found
        before, found = found, await look(stack, handover, waits=True)
        # Twice, because a service that is being restarted is down for a moment, too.
        if limit == PATIENTLY and _is_in_vain(before) and _is_in_vain(found):
            return None
        return "; ".join(found.missing) or None

    if found.missing:
        try:
            await until("the cluster to be healthy", ask, limit=most)
        except TimedOut as error:
            print(error)
    return found


def _is_in_vain(found: Status) -> bool:
    return any(vitals.stays_down(node) for node in found.nodes)


def _as_json(found: Status, moment: datetime) -> str:
    return json.dumps(status.document(found, moment.isoformat(timespec="seconds")), indent=2)


def _now() -> datetime:
    return datetime.now(UTC)


async def look(stack: str, handover: Handover, *, waits: bool = False) -> Status:
    """One look at everything. `waits`: nobody waits for this look, but for what it sees."""
    limit = times.answer_seconds(handover.patience, jumps=bool(handover.jump_hosts), waits=waits)
    async with Ways(handover.jump_hosts, handover.patience) as ways:
        said, nodes = await asyncio.gather(samples(handover, ways, limit), _nodes(handover, limit))
    logs = {facts.name: log for facts, (_, log) in zip(handover.nodes, nodes, strict=True)}
    return status.judge(handover, stack, said, [node for node, _ in nodes], logs)


def _question_ms(handover: Handover) -> int:
    return times.question_ms(jumps=bool(handover.jump_hosts))


async def samples(handover: Handover, ways: Ways, seconds: float) -> list[Sample]:
    """What each broker believes. One that is cut off from the others may well answer, and believe that all is well."""
    asked = asyncio.gather(*(_sample(handover, node, ways, seconds) for node in handover.cluster.brokers))
    if handover.mode is Mode.KRAFT:
        return await asked
    limit = _question_ms(handover) / 1000 * handover.patience
    found, ensemble = await asyncio.gather(asked, ask_ensemble(handover.cluster, ways, limit))
    return [replace(sample, ensemble=ensemble) for sample in found]


async def _sample(handover: Handover, node: Node, ways: Ways, seconds: float) -> Sample:
    limit = _question_ms(handover)
    view = KafkaView(handover.cluster, ways, handover.patience, through=node, answer_ms=limit)
    try:
        return await asyncio.wait_for(view.of_brokers(), seconds)
    except TimeoutError:
        return Sample(frozenset(), -1, (), faults=("no broker answers in time",))
    finally:
        view.close()


async def _nodes(handover: Handover, seconds: float) -> list[tuple[NodeStatus, LogSearch | None]]:
    return list(await asyncio.gather(*(_node(handover, facts, seconds) for facts in handover.nodes)))


async def _node(handover: Handover, facts: NodeFacts, seconds: float) -> tuple[NodeStatus, LogSearch | None]:
    try:
        told, clock = await asyncio.wait_for(_ask(handover, facts), seconds)
    except TimeoutError:
        return vitals.unasked(facts, f"no answer within {seconds:.1f} s"), None
    except (Unreachable, StageFailed, ValueError) as error:
        return vitals.unasked(facts, str(error)), None
    return vitals.status(facts, handover.cluster.services(), told, clock), told.elections


async def _ask(handover: Handover, facts: NodeFacts) -> tuple[Account, Clock]:
    node = handover.cluster.node(facts.name)
    async with connect(facts.access, handover.patience) as machine:
        before = time.time()
        says = float(await machine.run("date +%s.%N"))
        after = time.time()
        told = await machine.ask(("account", "vitals"), stages.vitals(handover.cluster, node))
    clock = Clock(round(says - (before + after) / 2, 3), round((after - before) / 2, 3))
    return Account.model_validate(told), clock
