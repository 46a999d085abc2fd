"""What clients saw of a topic, partition by partition, and what that says of the cluster.

Knows sequence numbers: the n-th record that is sent to a partition carries n. Refuses to know how records travel.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

Ranges = list[tuple[int, int]]
# What librdkafka has an application handle when a broker answers that it knows no topic, as one of ZooKeeper's cluster
# does for a moment behind its start, and the other mode's cluster for as long as it is there: it gives the topic up with
# all that is under way, and takes it again with the next answer. Kafka's own client asks again.
TOPIC_GIVEN_UP = frozenset({"_DESTROY", "_UNKNOWN_PARTITION", "_UNKNOWN_TOPIC", "UNKNOWN_TOPIC_OR_PART"})


@dataclass
class Pauses:
    """The longest time between two things of a kind. Nothing before the first one counts."""

    longest: float = 0.0
    _last: float | None = None

    def came(self, now: float) -> None:
        """Something came, or watching ended."""
        if self._last is not None:
            self.longest = max(self.longest, now - self._last)
        self._last = now


@dataclass
class Seen:
    """What was seen of one partition: numbers as they were sent, acknowledged, received by the consumer that ran
    beside it, and found in the log when all was over, in the order of offsets."""

    sent: int = 0
    acknowledged: list[int] = field(default_factory=list)
    consumed: list[int] = field(default_factory=list)
    log: list[int] = field(default_factory=list)
    acknowledgements: Pauses = field(default_factory=Pauses)
    deliveries: Pauses = field(default_factory=Pauses)


@dataclass(frozen=True)
class Verdict:
    """The account of one run of traffic. `lost` were acknowledged and are not in the log, `unconsumed` are in it and
    did not reach the running consumer; `errors` is what an application would have had to handle, `notices` what its
    client only mentions. Stalls are the longest time in which some partition's records stood still, in seconds."""

    sent: int
    acknowledged: int
    consumed: int
    lost: int
    unconsumed: int
    duplicates: int
    redelivered: int
    reordered: int
    producer_stall: float
    consumer_stall: float
    errors: dict[str, int]
    notices: dict[str, int]
    lost_numbers: dict[str, Ranges]
    ledger: dict[str, Ranges]

    @property
    def faults(self) -> list[str]:
        """What must never be, whatever happened to the cluster meanwhile."""
        return self.faults_beside(frozenset())

    def faults_beside(self, expected: Collection[str]) -> list[str]:
        """The same, where an application has these errors to handle."""
        counted = {
            "acknowledged and lost": self.lost,
            "in the log and not consumed": self.unconsumed,
            "out of order": self.reordered,
        }
        found = [f"{count} records {what}" for what, count in counted.items() if count]
        return found + [
            f"{count} times {error}" for error, count in sorted(self.errors.items()) if error not in expected
        ]

    def __str__(self) -> str:
        told = {key: value for key, value in asdict(self).items() if key != "ledger"}
        return ", ".join(f"{key}={value}" for key, value in told.items())

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """A verdict as it was written as JSON."""
        return cls(**document)


def judge(seen: Mapping[int, Seen], errors: Mapping[str, int], notices: Mapping[str, int]) -> Verdict:
    """The verdict over what was seen of every partition."""
    lost = {partition: missing(one.acknowledged, one.log) for partition, one in seen.items()}
    every = seen.values()
    return Verdict(
        sent=sum(one.sent for one in every),
        acknowledged=sum(len(one.acknowledged) for one in every),
        consumed=sum(len(set(one.consumed)) for one in every),
        lost=sum(len(numbers) for numbers in lost.values()),
        unconsumed=sum(len(missing(one.log, one.consumed)) for one in every),
        duplicates=sum(_repeated(one.log) for one in every),
        redelivered=sum(_repeated(one.consumed) for one in every),
        reordered=sum(_reordered(one.log) for one in every),
        producer_stall=round(max(one.acknowledgements.longest for one in every), 3),
        consumer_stall=round(max(one.deliveries.longest for one in every), 3),
        errors=dict(errors),
        notices=dict(notices),
        lost_numbers={str(partition): ranges(numbers) for partition, numbers in lost.items() if numbers},
        ledger={str(partition): ranges(one.acknowledged) for partition, one in seen.items()},
    )


def missing(wanted: Iterable[int], found: Iterable[int]) -> set[int]:
    """Those numbers that were not found."""
    return set(wanted) - set(found)


def _repeated(numbers: list[int]) -> int:
    return len(numbers) - len(set(numbers))


def _reordered(numbers: list[int]) -> int:
    """How many came after a later one, at their first appearance: a repetition is no new order."""
    highest, count = -1, 0
    for number in dict.fromkeys(numbers):
        count += number < highest
        highest = max(highest, number)
    return count


def ranges(numbers: Iterable[int]) -> Ranges:
    """Numbers as pairs of a first and a last one."""
    found: Ranges = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def numbers_in(pairs: Iterable[Iterable[int]]) -> Iterable[int]:
    """The numbers that pairs of a first and a last one stand for."""
    for first, last in pairs:
        yield from range(first, last + 1)
