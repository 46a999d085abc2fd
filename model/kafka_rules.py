"""Whether Kafka would start with the overrides and could be worked with, judged before anything is touched.

Knows the rules between keys that stand in Kafka's code alone. Refuses to know what is wrong with a value by itself
(`model/kafka_values.py`), the keys that this package manages, and what is merely unwise (`model/advice.py`).
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from model.errors import Problem
from model.kafka_dynamic import plain, split
from model.kafka_keys import Mode
from model.kafka_limits import LEFT_OPEN, Reason
from model.kafka_table import Table, lookup
from model.kafka_values import example, fault, number, release
from model.listeners import CLIENTS, CONTROLLERS

_MIB = 1 << 20
_DEDUPE = "log.cleaner.dedupe.buffer.size"
_NETWORK_THREADS = "num.network.threads"
_RETENTION = ("log.retention.ms", "log.retention.minutes", "log.retention.hours")
_SECRET = re.compile("password|secret|jaas", re.IGNORECASE)
_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An override that is refused, and why."""

    reason: Reason
    problem: Problem


@dataclass(frozen=True, slots=True)
class Case:
    """All that a judgement is about. `written` is what this package writes itself, `heap` is in MiB."""

    version: str
    mode: Mode
    overrides: Mapping[str, str]
    written: Mapping[str, str]
    heap: int
    unchecked: Collection[str] = ()

    @property
    def table(self) -> Table:
        """What this version of Kafka says of its keys."""
        return lookup(self.version)

    def text(self, key: str) -> str:
        """What Kafka reads in the end; empty when nothing is set."""
        own = self.overrides.get(key, self.written.get(key))
        return (self.table[key].default or "") if own is None else own.strip(" ")

    def number(self, key: str) -> float | None:
        """The same as a number; None when nothing is set."""
        return number(self.table[key].type, self.text(key))


def judge(case: Case) -> list[Problem]:
    """Everything that is wrong with the overrides."""
    return [refusal.problem for refusal in refusals(case)]


def refusals(case: Case) -> list[Refusal]:
    """The same with the reasons. A rule between keys is asked only where each of them can be right by itself."""
    checked = [key for key in case.overrides if key not in case.unchecked]
    found = {key: fault(case.version, case.mode, key, case.overrides[key]) for key in checked}
    wrong = {key: told for key, told in found.items() if told}
    for rule in RULES:
        open_questions = {*wrong, *case.unchecked} & set(rule.keys)
        blamed = next((key for key in rule.keys if key in case.overrides), None)
        if blamed and not open_questions and rule.mode in (None, case.mode) and not rule.holds(case):
            wrong[blamed] = rule.reason, rule.expected(case, blamed)
    return [_refusal(case, key, *told) for key, told in wrong.items()] + _idle(case) + _too_small_a_heap(case)


def _refusal(case: Case, key: str, reason: Reason, expected: str) -> Refusal:
    got = "(not shown)" if _SECRET.search(key) else case.overrides[key]
    problem = Problem(f"settings.{key}", got, expected, example(case.version, key))
    return Refusal(reason, problem)


def _idle(case: Case) -> list[Refusal]:
    """A name in `unchecked` that stands nowhere is a slip of the pen."""
    idle = [key for key in case.unchecked if key not in case.overrides and key not in case.written]
    expected = "a key that stands in settings"
    return [Refusal(Reason.UNKNOWN, Problem("unchecked[]", key, expected, "unchecked: []")) for key in idle]


def _too_small_a_heap(case: Case) -> list[Refusal]:
    """Kafka's own default needs room, too, where no override makes it smaller."""
    least = 2 * int(case.table[_DEDUPE].default or 0) // _MIB
    if _DEDUPE in case.overrides or case.heap >= least:
        return []
    expected = f"at least {least}M, as the log cleaner holds half of that at once ({_DEDUPE})"
    return [Refusal(Reason.MEMORY, Problem("heap", f"{case.heap}M", expected, f"heap: {least}M"))]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule between keys. The first of them that is an override is told to be wrong."""

    keys: tuple[str, ...]
    holds: Callable[[Case], bool]
    expected: Callable[[Case, str], str]
    reason: Reason = Reason.TOGETHER
    mode: Mode | None = None


def _rule(
    keys: tuple[str, ...],
    holds: Callable[[Case], bool],
    expected: str,
    reason: Reason = Reason.TOGETHER,
    mode: Mode | None = None,
) -> Rule:
    return Rule(keys, holds, lambda _case, _key: expected, reason, mode)


def _order(
    small: str,
    great: str,
    *,
    times: int = 1,
    strict: bool = False,
    reason: Reason = Reason.TOGETHER,
    mode: Mode | None = None,
) -> Rule:
    """One key's number fits in another's, so many times; where -1 leaves the other open, anything does."""

    def holds(case: Case) -> bool:
        low, high = case.number(small), case.number(great)
        if low is None or high is None or (high == -1 and great in LEFT_OPEN):
            return True
        return low * times < high if strict else low * times <= high

    def expected(case: Case, blamed: str) -> str:
        other = great if blamed == small else small
        most, least = ("less than", "more than") if strict else ("at most", "at least")
        share, multiple = (f" 1/{times} of", f" {times} times") if times > 1 else ("", "")
        told = f"{most}{share}" if blamed == small else f"{least}{multiple}"
        return f"{told} {other}, which is {case.text(other)}"

    return Rule((small, great), holds, expected, reason, mode)


def _in_memory(key: str, share: int) -> Rule:
    """A buffer that is taken at once leaves the rest of the heap to everything else."""

    def holds(case: Case) -> bool:
        return (case.number(key) or 0) * share <= case.heap * _MIB

    def expected(case: Case, _blamed: str) -> str:
        return f"at most 1/{share} of the heap of {case.heap} MiB"

    return Rule((key,), holds, expected, Reason.MEMORY)


def _network_threads_have_room(case: Case) -> bool:
    """Each keeps counters and buffers of its own from the start: 512 of them were too much for a heap of 256 MiB, half of
    which is the log cleaner's."""
    return 2 * (case.number(_NETWORK_THREADS) or 0) <= case.heap


def _cleaner_threads_have_room(case: Case) -> bool:
    buffer, threads = case.number(_DEDUPE), case.number("log.cleaner.threads")
    return buffer is None or not threads or buffer // threads > _MIB


def _retention_ms(case: Case) -> int:
    """How long records are kept: the finest of three keys decides."""
    spelled = {key: case.overrides[key] for key in _RETENTION if key in case.overrides}
    _, live = split(case.version, spelled)
    return int(live.get("log.retention.ms", plain(case.version, "log.retention.ms")))


def _fits_locally(local: float | None, whole: float | None) -> bool:
    """What is kept locally is part of what is kept; -2 is all of it, -1 no limit."""
    if local is None or whole is None or local == -2 or whole == -1:
        return True
    return -1 < local <= whole


def _places_are_addresses(case: Case) -> bool:
    """A name would have to be resolved by each broker when it starts."""
    parts = [
        part.strip(" ").rpartition(":") for part in case.text("max.connections.per.ip.overrides").split(",") if part
    ]
    return all(_is_address(address) and _COUNT.fullmatch(count) for address, _, count in parts)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _since(key: str, first: str, because: str, reason: Reason = Reason.TOGETHER, mode: Mode | None = None) -> Rule:
    """A release is not older than the first that will do."""

    def holds(case: Case) -> bool:
        return (release(case.table[key], case.text(key)) or 0) >= case.table[key].choices.index(first)

    return _rule((key,), holds, f"{first} or later ({because})", reason, mode)


def _listener_is_there(case: Case) -> bool:
    there = CONTROLLERS.name if case.mode is Mode.KRAFT else CLIENTS.name
    return case.text("early.start.listeners") in ("", there)


RULES = (
    _order("replica.fetch.wait.max.ms", "replica.socket.timeout.ms"),
    _order("replica.fetch.wait.max.ms", "replica.lag.time.max.ms"),
    _order("offsets.commit.required.acks", "offsets.topic.replication.factor"),
    _order("socket.request.max.bytes", "queued.max.request.bytes"),
    _order("connection.failed.authentication.delay.ms", "connections.max.idle.ms", strict=True),
    _order("log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", reason=Reason.START),
    _order("group.min.session.timeout.ms", "group.max.session.timeout.ms", reason=Reason.SERVICE),
    _order("message.max.bytes", "socket.request.max.bytes", reason=Reason.SERVICE),
    _order(
        "broker.heartbeat.interval.ms", "broker.session.timeout.ms", times=2, reason=Reason.SERVICE, mode=Mode.KRAFT
    ),
    _in_memory(_DEDUPE, 2),
    _in_memory("log.cleaner.io.buffer.size", 8),
    _in_memory("offsets.load.buffer.size", 8),
    _in_memory("transaction.state.log.load.buffer.size", 8),
    Rule(
        (_NETWORK_THREADS,),
        _network_threads_have_room,
        lambda case, _: f"at most one for each 2 MiB of the heap of {case.heap} MiB",
        Reason.MEMORY,
    ),
    _rule(
        ("log.cleaner.threads", _DEDUPE),
        _cleaner_threads_have_room,
        f"more than 1 MiB of {_DEDUPE} for each of log.cleaner.threads",
    ),
    _rule(
        _RETENTION,
        lambda case: _retention_ms(case) != 0,
        "some time, or -1 to keep records for ever",
    ),
    _rule(
        ("log.local.retention.ms", *_RETENTION),
        lambda case: _fits_locally(case.number("log.local.retention.ms"), _retention_ms(case)),
        "log.local.retention.ms not above log.retention.ms, or -2",
        Reason.LIVE,
    ),
    _rule(
        ("log.local.retention.bytes", "log.retention.bytes"),
        lambda case: _fits_locally(case.number("log.local.retention.bytes"), case.number("log.retention.bytes")),
        "log.local.retention.bytes not above log.retention.bytes, or -2",
        Reason.LIVE,
    ),
    _rule(
        ("max.connections.per.ip.overrides",),
        _places_are_addresses,
        "addresses, each with the number of its connections",
        Reason.SERVICE,
    ),
    _since("log.message.format.version", "0.11.0-IV0", "today's producers need its records", Reason.SERVICE),
    _since("inter.broker.protocol.version", "0.11.0-IV0", "log.message.format.version needs it", mode=Mode.ZOOKEEPER),
    _since("inter.broker.protocol.version", "3.3-IV0", "no older disk is formatted", Reason.START, Mode.KRAFT),
    _rule(("early.start.listeners",), _listener_is_there, "nothing, as the mode decides which listeners there are"),
    _rule(
        ("remote.log.storage.system.enable",),
        lambda case: (
            case.text("remote.log.storage.system.enable").lower() == "false"
            or bool(case.text("remote.log.storage.manager.class.name"))
        ),
        "false, or remote.log.storage.manager.class.name beside it",
        Reason.START,
    ),
)
