"""Which overrides a running cluster takes without a restart, under which names, and in which steps.

Knows what Kafka alters on all brokers at once, as the default of the whole cluster. Refuses to know how it is asked to, and
when (`operations/`). What only one broker at a time takes (listeners, key stores) is planned per node and not altered.
"""

from collections.abc import Collection, Mapping

from model.kafka_table import is_dynamic, lookup
from model.kafka_values import NUMBERS, number

# Spelled coarsely Kafka reads these when it starts, finely whenever it is told. The finest that is set decides.
_FINER = {
    "log.retention.hours": ("log.retention.ms", 3_600_000),
    "log.retention.minutes": ("log.retention.ms", 60_000),
    "log.roll.hours": ("log.roll.ms", 3_600_000),
    "log.roll.jitter.hours": ("log.roll.jitter.ms", 3_600_000),
}
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
    taken = {key for key in overrides if key not in unchecked and _is_live(version, key)}
    live = {_FINER[key][0]: _finely(key, overrides[key]) for key in _FINER if key in taken}
    live |= {key: overrides[key].strip(" ") for key in taken if key not in _FINER}
    return {key: value for key, value in overrides.items() if key not in taken}, dict(sorted(live.items()))


def plain(version: str, key: str) -> str:
    """What a key is that a running cluster takes and no override speaks of. A process that was started with an override
    goes back to it, not to this, when the live value is removed; so this has to be given as its live value."""
    return _UNSET.get(key) or lookup(version)[key].default or ""


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


def _is_live(version: str, key: str) -> bool:
    return key in _FINER or (is_dynamic(version, key) and key not in _WITH_ITS_FILE)


def _finely(key: str, value: str) -> str:
    return str(max(int(value) * _FINER[key][1], -1))
