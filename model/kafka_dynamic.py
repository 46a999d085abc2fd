"""Which overrides a running cluster takes without a restart, under which names, and in which steps.

Knows what Kafka alters on all brokers at once, as the default of the whole cluster. Refuses to know how it is asked to, and
when (`operations/`). What only one broker at a time takes (listeners, key stores) is planned per node and not altered.

The plan is the whole truth about these defaults, as it is about the files: a default is set where a broker would otherwise
work with something else than planned, and any other default is removed. So there is nothing to remember between two runs.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from model.kafka_table import is_dynamic, lookup
from model.kafka_values import NUMBERS, number

# Spelled coarsely Kafka reads these when it starts, finely whenever it is told. The finest that is set decides.
_FINER = {
    "log.retention.hours": ("log.retention.ms", 3_600_000),
    "log.retention.minutes": ("log.retention.ms", 60_000),
    "log.roll.hours": ("log.roll.ms", 3_600_000),
    "log.roll.jitter.hours": ("log.roll.jitter.ms", 3_600_000),
}
# What Kafka takes for the finest when nothing finer is set, whether or not it alters it.
_STANDS_FOR = {**_FINER, "log.flush.scheduler.interval.ms": ("log.flush.interval.ms", 1)}
# A reporter's own keys stand in the file and are read with it.
_WITH_ITS_FILE = frozenset({"metric.reporters"})
# The default of these is another key's value, as told above, or that nothing is ever flushed by time.
_UNSET = {
    "log.flush.interval.ms": str(2**63 - 1),
    "log.retention.ms": "604800000",
    "log.roll.jitter.ms": "0",
    "log.roll.ms": "604800000",
}
STEPWISE = frozenset(
    {
        "background.threads",
        "log.cleaner.threads",
        "num.io.threads",
        "num.network.threads",
        "num.recovery.threads.per.data.dir",
        "num.replica.fetchers",
    }
)


def split(
    version: str, overrides: Mapping[str, str], unchecked: Collection[str] = ()
) -> tuple[dict[str, str], dict[str, str]]:
    """The overrides that a broker reads when it starts, and those that a running cluster takes, by the names it takes
    them under. What was not judged is not sent to a running cluster either."""
    taken = {key for key in overrides if key not in unchecked and is_live(version, key)}
    live = {_FINER[key][0]: _finely(key, overrides[key]) for key in _FINER if key in taken}
    live |= {key: overrides[key].strip(" ") for key in taken if key not in _FINER}
    return {key: value for key, value in overrides.items() if key not in taken}, dict(sorted(live.items()))


def defaults(version: str, overrides: Mapping[str, str], unchecked: Collection[str] = ()) -> dict[str, str | None]:
    """What the overrides make of the defaults of a running cluster, by the names it takes them under; None for one that
    there is none of, because its override was not judged: each broker's file decides, at a restart."""
    _, live = split(version, overrides, unchecked)
    found: dict[str, str | None] = dict(live)
    for key in overrides:
        name = _STANDS_FOR[key][0] if key in _STANDS_FOR else key
        if key in unchecked and is_live(version, name):
            found[name] = None
        elif key in _STANDS_FOR and key not in _FINER:
            found.setdefault(name, _finely(key, overrides[key]))
    return dict(sorted(found.items()))


def targets(version: str, told: Mapping[str, str | None]) -> dict[str, str]:
    """What each default of a running cluster has to be, by what `defaults` said, without those that are not judged."""
    return {key: told.get(key) or plain(version, key) for key in alterable(version) if told.get(key, "") is not None}


def unjudged(told: Mapping[str, str | None]) -> list[str]:
    """The keys that a running cluster has no default of, by what `defaults` said: one would hide the file's value."""
    return [key for key, value in told.items() if value is None]


def plain(version: str, key: str) -> str:
    """What a key is that a running cluster takes and no override speaks of. A process that was started with an override
    goes back to it, not to this, when the live value is removed; so this has to be given as its live value."""
    return _UNSET.get(key) or lookup(version)[key].default or ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one broker says of one key: the cluster's default and its own live value, where there are such, and what it
    works with when there are none."""

    started_with: str
    default: str | None = None
    own: str | None = None

    @property
    def value(self) -> str:
        """What it works with now."""
        return next(value for value in (self.own, self.default, self.started_with) if value is not None)


def seen(key: str, synonyms: Iterable[Mapping[str, str]]) -> Seen:
    """A broker's answer read: Kafka lists every `value` that a key could have by `name` and `source`, the strongest first,
    coarser names behind finer ones."""
    found: dict[str, str] = {}
    for entry in synonyms:
        value = _finely(entry["name"], entry["value"]) if entry["name"] in _STANDS_FOR else entry["value"]
        kind = {"DYNAMIC_BROKER_CONFIG": "own", "DYNAMIC_DEFAULT_BROKER_CONFIG": "default"}.get(entry["source"])
        found.setdefault(kind or "started_with", value)
    return Seen(found.get("started_with", _UNSET.get(key, "")), found.get("default"), found.get("own"))


def answers(keys: Iterable[str], told: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, Seen]:
    """A broker's answer for each key. It lists nothing for one that is not set; what decides then is a coarser one."""
    return {
        key: seen(key, next((told[name] for name in (key, *coarser(key)) if told.get(name)), ()))
        for key in keys
        if key in told
    }


def coarser(key: str) -> tuple[str, ...]:
    """What stands for a key that is not set, the finest first. All of it has to be asked for with the key."""
    found = {name: factor for name, (finer, factor) in _STANDS_FOR.items() if finer == key}
    return tuple(sorted(found, key=lambda name: found[name]))


def alteration(version: str, key: str, target: str, brokers: Sequence[Seen]) -> tuple[str | None, ...]:
    """The values that the cluster's default has to be given one after the other so that every broker works with
    `target`; None removes it, and nothing means that all is well."""
    defaults = [broker.default for broker in brokers if broker.default is not None]
    needless = all(same(version, key, broker.started_with, target) for broker in brokers)
    if needless and not defaults:
        return ()
    if not needless and len(defaults) == len(brokers) and all(same(version, key, one, target) for one in defaults):
        return ()
    way = _stepwise([int(broker.value) for broker in brokers], int(target)) if key in STEPWISE else (target,)
    return (*(way if key in STEPWISE else ()), None) if needless else (way or (target,))


def removal(key: str, brokers: Sequence[Seen]) -> tuple[str | None, ...]:
    """The same so that there is no default, and every broker works with what it was started with."""
    if all(broker.default is None for broker in brokers):
        return ()
    now = [int(broker.value) for broker in brokers] if key in STEPWISE else []
    return (*(_stepwise(now, int(brokers[0].started_with)) if now else ()), None)


def _stepwise(now: Sequence[int], target: int) -> tuple[str, ...]:
    start = min(now) if target > max(now) else max(now)
    return tuple(str(number) for number in steps(start, target))


def alterable(version: str) -> list[str]:
    """The keys whose default on a running cluster is the plan's, by the names it takes them under."""
    return sorted(key for key in lookup(version) if is_live(version, key) and key not in _FINER)


def same(version: str, key: str, one: str, other: str) -> bool:
    """Whether two spellings are the same value: brokers answer in their own, such as 5.0 for 5."""
    return alike(lookup(version)[key].type, one, other)


def alike(kind: str, one: str, other: str) -> bool:
    """The same for two values of a type."""
    if kind in NUMBERS:
        return number(kind, one) == number(kind, other)
    if kind == "boolean":
        return one.strip(" ").lower() == other.strip(" ").lower()
    return [part.strip(" ") for part in one.split(",")] == [part.strip(" ") for part in other.split(",")]


def steps(old: int, new: int) -> list[int]:
    """The numbers of threads on the way to a new one, the new one included: Kafka doubles or halves at most."""
    if min(old, new) < 1:
        raise ValueError(f"from {old} to {new} threads: expected at least 1 on both ends")
    path = []
    while old != new:
        old = min(new, old * 2) if new > old else max(new, old // 2)
        path.append(old)
    return path


def is_live(version: str, key: str) -> bool:
    """Whether a running cluster takes the key, be it by another name."""
    return key in _FINER or (is_dynamic(version, key) and key not in _WITH_ITS_FILE)


def _finely(key: str, value: str) -> str:
    return str(max(int(value) * _STANDS_FOR[key][1], -1))
