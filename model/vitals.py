"""A node as it told of itself: what runs there, since when and why, with which configuration, on what it stands.

Knows how a node's own account reads (`files/stages/vitals.py`). Refuses to know how it was asked.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from model import jvm
from model.fitness import MOST_CLOCK_SECONDS
from model.handover import NodeFacts
from model.metrics import NODE_EXPORTER
from model.numbers import LogSearch

KAFKA = "kafka.service"
# A planned start is written down a moment before the process begins.
_START_SECONDS = 60
# Below this share of the data volume an operator has to act: a broker whose disk is full stops.
LEAST_FREE = 0.1
_COLLECTED = re.compile(r"\d+[KMG]->(\d+[KMG])\(\d+[KMG]\)")
UP = "active"
_DOWN = ("inactive", "failed")


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class Start(_Told):
    """The last start that this package made: when (seconds since the epoch) and why."""

    when: int
    why: str


class Account(_Told):
    """A node's own words. Times are seconds since the epoch, 0 for never; `collected` is the last line about its heap
    in the garbage-collection log; `blind`: its broker does not see its disk fail (`health.Sample`); `elections` is None
    where the logs could not be read in time; `silent` are services that were started without the metrics that are
    planned; `exporter` is the state of what tells of the machine, "" where none is planned."""

    units: dict[str, dict[str, str]]
    blind: bool
    running: str
    free_bytes: int
    total_bytes: int
    booted: int
    boot_is_over: bool
    start: Start | None
    heap: str
    collected: str
    elections: LogSearch | None
    silent: tuple[str, ...] = ()
    exporter: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """How far a machine's clock is ahead of the operator's, and by how much that may be wrong."""

    ahead: float
    uncertain: float

    @property
    def is_off(self) -> bool:
        """Whether it is certainly further off than is good for a cluster."""
        return abs(self.ahead) - self.uncertain > MOST_CLOCK_SECONDS


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node's line. `why_not` says why it could not be asked; all that is None then is not known."""

    name: str
    id: int
    address: str
    roles: tuple[str, ...]
    planned: str
    why_not: str = ""
    units: dict[str, str] = field(default_factory=dict)
    since: int | None = None
    reason: str | None = None
    restarts: int | None = None
    running: str | None = None
    heap_mib: int | None = None
    heap_used_mib: int | None = None
    free_bytes: int | None = None
    total_bytes: int | None = None
    clock: Clock | None = None
    boot_is_over: bool | None = None
    blind: bool = False
    silent: tuple[str, ...] = ()
    exporter: str = ""

    @property
    def is_current(self) -> bool | None:
        """Whether its process runs the planned configuration; None when nobody knows."""
        return None if self.running is None else self.running == self.planned


def unasked(facts: NodeFacts, why_not: str) -> NodeStatus:
    """A node that did not answer."""
    return NodeStatus(facts.name, facts.id, facts.address, facts.roles, facts.fingerprint, why_not)


def status(facts: NodeFacts, services: Iterable[str], told: Account, clock: Clock) -> NodeStatus:
    """A node that answered. `services` are those that the mode wants."""
    unit = told.units[KAFKA]
    is_up = unit["ActiveState"] == UP
    since = _seconds(unit["ActiveEnterTimestamp"]) if is_up else 0
    return NodeStatus(
        facts.name,
        facts.id,
        facts.address,
        facts.roles,
        facts.fingerprint,
        units={name: told.units[name]["ActiveState"] for name in services},
        since=since or None,
        reason=reason(since, int(unit["NRestarts"] or 0), told.booted, told.start) if since else None,
        restarts=int(unit["NRestarts"] or 0),
        running=told.running if is_up else "",
        heap_mib=jvm.parse_heap(told.heap),
        heap_used_mib=heap_after_collection(told.collected),
        free_bytes=told.free_bytes,
        total_bytes=told.total_bytes,
        clock=clock,
        boot_is_over=told.boot_is_over,
        blind=told.blind,
        silent=tuple(unit for unit in told.silent if unit in services and told.units[unit]["ActiveState"] == UP),
        exporter=told.exporter,
    )


def reason(since: int, restarts: int, booted: int, start: Start | None) -> str:
    """Why the process that runs was started. What this package did is written down; what systemd or somebody else did
    follows from the times."""
    if restarts:
        return f"it failed, and systemd started it again ({restarts} times)"
    if start and start.when <= since <= start.when + _START_SECONDS:
        return start.why
    if booted and (start is None or booted > start.when) and since >= booted:
        return "its machine was booted"
    return "it was started by hand"


def heap_after_collection(line: str) -> int | None:
    """What was left of the heap after its last collection, in MiB; None when there was none yet."""
    found = _COLLECTED.search(line)
    if not found:
        return None
    number, unit = int(found[1][:-1]), found[1][-1]
    return {"K": number // 1024, "M": number, "G": number * 1024}[unit]


def faults(node: NodeStatus) -> list[str]:
    """What keeps a node from doing its part."""
    if node.why_not:
        return [f"{node.name} can't be asked: {node.why_not}"]
    down = [f"{node.name}: {unit} is {state}" for unit, state in node.units.items() if state != UP]
    if not down and not node.is_current:
        return [f"{node.name} runs the configuration {node.running or '(unknown)'}, planned is {node.planned}"]
    return down


def stays_down(node: NodeStatus) -> bool:
    """Whether waiting is in vain: a service is down that nobody starts, or a broker stays blind that nobody restarts. A boot
    starts them all; after it, only those come back by themselves that systemd is at already."""
    return node.blind or (bool(node.boot_is_over) and any(state in _DOWN for state in node.units.values()))


def warnings(node: NodeStatus) -> list[str]:
    """What is not wrong yet, and should be looked at."""
    found = []
    if node.free_bytes is not None and node.total_bytes and node.free_bytes < LEAST_FREE * node.total_bytes:
        share = 100 * node.free_bytes / node.total_bytes
        found.append(f"{node.name}: {share:.0f} % of the data volume is free; a broker whose disk is full stops")
    if node.clock and node.clock.is_off:
        ahead = "ahead of" if node.clock.ahead > 0 else "behind"
        found.append(
            f"{node.name}: its clock is {abs(node.clock.ahead):.1f} s {ahead} this computer's; set both by NTP"
        )
    found += [f"{node.name}: {unit} tells no metrics; its journal says why it started without" for unit in node.silent]
    if node.exporter not in ("", UP):
        # Never a fault: a node without it does its part as ever.
        found.append(
            f"{node.name}: {NODE_EXPORTER} is {node.exporter} and tells no metrics; its port may be taken, and its journal"
            " says why"
        )
    if node.restarts:
        found.append(f"{node.name}: systemd had to start it again {node.restarts} times; its service log says why")
    return found


def _seconds(timestamp: str) -> int:
    """systemd's "@1700000000"; 0 for a moment that never was."""
    return int(timestamp.removeprefix("@") or 0)
