"""The status as a person reads it in a terminal: the eight numbers, the quorum or the ensemble, a line for each node.

Lays out what was found. Refuses to ask and to judge.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from model import status
from model.health import Ensemble, Member, Quorum
from model.numbers import Numbers
from model.status import Status, Verdict
from model.vitals import NodeStatus

_WORDS = {Verdict.HEALTHY: "healthy", Verdict.UNHEALTHY: "NOT HEALTHY", Verdict.UNKNOWN: "CAN'T TELL"}
_UNKNOWN = "?"
_GIB = 2**30
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


def over(text: str) -> str:
    """A text that takes the place of what a terminal shows, without a flicker."""
    return _HOME + text.replace("\n", f"{_REST_OF_LINE}\n") + _REST_OF_SCREEN


def text(found: Status, moment: datetime) -> str:
    """The whole page."""
    head = f"{found.stack}: {_WORDS[found.verdict]}; {found.mode} cluster {found.cluster_id}, {_time(moment)}"
    blocks = [
        [head, *(f"  missing: {fault}" for fault in found.missing), *(f"  look at: {w}" for w in found.warnings)],
        _numbers(found.numbers, found),
        _metadata(found),
        _nodes(found.nodes, moment),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _numbers(counted: Numbers, found: Status) -> list[str]:
    by = f"node {found.controller}" if counted.active_controllers == 1 else ""
    unclean = counted.unclean_elections
    rows = [
        ("brokers online", _of(counted.brokers_online, counted.brokers_planned), ""),
        ("active controllers", _number(counted.active_controllers), by),
        ("offline partitions", _number(counted.offline_partitions), _partitions(counted)),
        ("under-replicated partitions", _number(counted.under_replicated_partitions), ""),
        ("under-min-ISR partitions", _number(counted.under_min_isr_partitions), ""),
        ("at-min-ISR partitions", _number(counted.at_min_isr_partitions), ""),
        ("online replicas", _of(counted.online_replicas, counted.replicas), ""),
        ("unclean elections", "n/a" if unclean.count is None else str(unclean.count), unclean.note),
    ]
    return _table((), rows)


def _partitions(counted: Numbers) -> str:
    return "" if counted.partitions is None else f"of {counted.partitions}"


def _number(value: int | None) -> str:
    return _UNKNOWN if value is None else str(value)


def _of(value: int | None, whole: int | None) -> str:
    return " of ".join(map(_number, (value, whole)))


def _metadata(found: Status) -> list[str]:
    """Who keeps the cluster's metadata."""
    names = {node.id: node.name for node in found.nodes}
    if found.quorum:
        return _quorum(found.quorum, names)
    if found.ensemble:
        return _ensemble(found.ensemble, names)
    return ["quorum: nobody could be asked"]


def _quorum(quorum: Quorum, names: dict[int, str]) -> list[str]:
    voters = [(node, "leader" if node == quorum.leader else "voter", m) for node, m in sorted(quorum.voters.items())]
    members = [*voters, *((node, "observer", m) for node, m in sorted(quorum.observers.items()))]
    rows = [(_member(names, node), role, str(m.lag), _heard(m)) for node, role, m in members]
    return [
        f"quorum: leader {quorum.leader}, epoch {quorum.epoch}",
        *_table(("member", "role", "lag", "heard of"), rows),
    ]


def _ensemble(ensemble: Ensemble, names: dict[int, str]) -> list[str]:
    rows = [(_member(names, m.id), m.state, _number(m.behind)) for m in status.ensemble_members(ensemble)]
    epoch = _number(status.ensemble_epoch(ensemble))
    return [f"ensemble: epoch {epoch}", *_table(("member", "state", "behind"), rows)]


def _member(names: dict[int, str], node: int) -> str:
    return f"{node} {names.get(node, '(not planned)')}"


def _heard(member: Member) -> str:
    return member.fault or ("now" if member.silent_ms < 1000 else f"{member.silent_ms / 1000:.1f} s ago")


def _nodes(nodes: Iterable[NodeStatus], moment: datetime) -> list[str]:
    head = ("node", "services", "up for", "started because", "configuration", "heap", "data volume free", "clock")
    asked = [node for node in nodes if not node.why_not]
    rows = [_row(node, moment) for node in asked]
    silent = [f"  {node.name}: can't be asked: {node.why_not}" for node in nodes if node.why_not]
    return [*(_table(head, rows) if rows else []), *silent]


def _row(node: NodeStatus, moment: datetime) -> tuple[str, ...]:
    units = ", ".join(f"{unit.removesuffix('.service')} {state}" for unit, state in node.units.items())
    current = "current" if node.is_current else f"NOT current ({node.running or 'down'})"
    return (node.name, units, _age(node, moment), node.reason or "", current, _heap(node), _free(node), _clock(node))


def _age(node: NodeStatus, moment: datetime) -> str:
    if node.since is None:
        return "down"
    seconds = max(0, int(moment.timestamp()) - node.since)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _heap(node: NodeStatus) -> str:
    """What was left after the last collection, of all that there is."""
    if node.heap_mib is None:
        return _UNKNOWN
    return f"{_number(node.heap_used_mib)} of {node.heap_mib} MiB" if node.heap_used_mib else f"{node.heap_mib} MiB"


def _free(node: NodeStatus) -> str:
    if not node.total_bytes or node.free_bytes is None:
        return _UNKNOWN
    share = 100 * node.free_bytes / node.total_bytes
    return f"{node.free_bytes / _GIB:.1f} of {node.total_bytes / _GIB:.1f} GiB ({share:.0f} %)"


def _clock(node: NodeStatus) -> str:
    """A difference that is smaller than what a look across the network can tell is none."""
    if not node.clock:
        return _UNKNOWN
    seen = abs(node.clock.ahead) > node.clock.uncertain
    return f"{node.clock.ahead:+.2f} s" if seen else f"within {node.clock.uncertain:.2f} s"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell."""
    lines = [*([tuple(head)] if head else []), *map(tuple, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
