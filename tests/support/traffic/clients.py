"""A producer and a consumer at work on one topic, and a reading of its log when all is over.

Knows confluent-kafka. Refuses to judge what they saw (`verdict.py`).
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.support.traffic.verdict import Seen, missing

REPLICAS, MIN_ISR = 3, 2
_ANSWER_SECONDS = 30.0
_ASK_ANOTHER_SECONDS = 3.0
_Answer = TypeVar("_Answer")
# How long a record that was acknowledged may hide from a reader behind a leader that was just elected.
_QUIET_SECONDS = 5.0


@dataclass
class Watched:
    """A topic, and what was seen of it so far."""

    servers: str
    topic: str
    seen: Mapping[int, Seen]
    errors: Counter[str] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)

    def common(self) -> dict[str, Any]:
        """What every client of it is told, so that the cluster is measured and not this client: 1 s at most between two
        knocks, instead of 10 s; a topic that was made a moment ago is asked for again; and one that was given up since
        is looked for after seconds, and not after five minutes."""
        return {
            "bootstrap.servers": self.servers,
            "reconnect.backoff.max.ms": 1000,
            "topic.metadata.propagation.max.ms": 3_600_000,
            "topic.metadata.refresh.interval.ms": 5000,
            "error_cb": self._noticed,
        }

    def _noticed(self, error: KafkaError) -> None:
        (self.errors if error.fatal() else self.notices)[error.name()] += 1

    def create(self, config: Mapping[str, str], replicas: Sequence[Sequence[int]] = ()) -> None:
        """Makes the topic, which must be a new one: its sequence numbers begin at 0. `replicas`: the brokers that each
        partition is on, where not Kafka is to choose them; the first one leads."""
        where: dict[str, Any] = {"replica_assignment": replicas} if replicas else {"replication_factor": REPLICAS}
        told = {"min.insync.replicas": str(MIN_ISR), **config}
        wanted = NewTopic(self.topic, len(self.seen), config=told, **where)
        admin = AdminClient(self.common())
        admin.create_topics([wanted])[self.topic].result(_ANSWER_SECONDS)

    def acknowledged(self) -> dict[int, int]:
        """How many records of each partition were acknowledged."""
        return {number: len(seen.acknowledged) for number, seen in self.seen.items()}

    def leaders(self) -> dict[int, int]:
        """The broker that leads each partition, -1 where none does."""
        known = patiently(lambda: AdminClient(self.common()).list_topics(self.topic, _ASK_ANOTHER_SECONDS))
        return {number: partition.leader for number, partition in known.topics[self.topic].partitions.items()}


def patiently(ask: Callable[[], _Answer]) -> _Answer:
    """Asks again while no broker answers for good: one may be away, or no leader elected yet."""
    deadline = time.monotonic() + _ANSWER_SECONDS
    while True:
        try:
            return ask()
        except KafkaException:
            if time.monotonic() > deadline:
                raise


class Sender:
    """Sends records to every partition at a steady pace, and never waits for an answer to send the next."""

    def __init__(self, watched: Watched, acks: str, per_second: float, size: int) -> None:
        self._watched = watched
        self._pause = 1 / per_second
        self._size = size
        # One request at a time: of several, a new leader may find one out of order, and this client then numbers what is
        # under way anew, that of other partitions too (librdkafka's issue 4953). What is twice is to be the cluster's doing.
        own = {"acks": acks, "enable.idempotence": acks == "all", "max.in.flight": 1}
        self._producer = Producer({**watched.common(), **own})
        self._ended = False

    def run(self, stop: Event) -> None:
        """Sends until told to stop, or until the client says that it can't go on."""
        while not (stop.is_set() or self._ended):
            due = time.monotonic() + self._pause
            for partition in self._watched.seen:
                self._send(partition, stop)
            while (left := due - time.monotonic()) > 0:
                self._producer.poll(left)

    def _send(self, partition: int, stop: Event) -> None:
        seen = self._watched.seen[partition]
        number = seen.sent
        value = str(number).rjust(self._size).encode()
        while not stop.is_set():
            try:
                self._producer.produce(
                    self._watched.topic, value, partition=partition, on_delivery=partial(self._answered, number)
                )
            except BufferError:
                self._producer.poll(self._pause)
                continue
            except KafkaException as refused:  # an application would drop this record, and go on with the next
                self._watched.errors[refused.args[0].name()] += 1
                self._ended = refused.args[0].code() == KafkaError._FATAL
            seen.sent += 1
            return

    def _answered(self, number: int, error: KafkaError | None, message: Message) -> None:
        seen = self._watched.seen[message.partition() or 0]
        if error is None:
            seen.acknowledged.append(number)
            seen.acknowledgements.came(time.monotonic())
        else:
            self._watched.errors[error.name()] += 1

    def drain(self, limit: float) -> None:
        """Waits for the answers that are still to come."""
        if unanswered := self._producer.flush(limit):
            self._watched.errors[f"no answer within {limit:.0f} s of the end"] += unanswered
            for seen in self._watched.seen.values():
                seen.acknowledgements.came(time.monotonic())


class Reader:
    """A consumer of a group of its own that reads along."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._positions = dict.fromkeys(watched.seen, 0)
        # The session's time is what a group waits for a consumer that it knew before its cluster stopped.
        own = {"group.id": watched.topic, "auto.offset.reset": "earliest", "session.timeout.ms": 10000}
        self._consumer = Consumer({**watched.common(), **own, "auto.commit.interval.ms": 1000})
        self._consumer.subscribe([watched.topic])

    def run(self, stop: Event) -> None:
        """Reads until told to stop."""
        while not stop.is_set():
            self._read()
        self._consumer.close()

    def _read(self) -> None:
        message = self._consumer.poll(0.2)
        if message is None:
            return
        if error := message.error():
            self._watched.errors[error.name()] += 1
            return
        partition, number, offset = unpacked(message)
        seen = self._watched.seen[partition]
        seen.consumed.append(number)
        seen.deliveries.came(time.monotonic())
        self._positions[partition] = offset + 1

    def has_read(self, ends: Mapping[int, int]) -> bool:
        """Whether it has come to these offsets."""
        return all(self._positions[partition] >= end for partition, end in ends.items())


def read_log(watched: Watched, limit: float) -> dict[int, int]:
    """Reads the whole topic as it is now, and answers the offsets at which it ends. What was acknowledged and is not
    there is given a moment to appear."""
    ends = patiently(partial(_ends, watched))
    positions = dict.fromkeys(watched.seen, 0)
    consumer = _log_reader(watched)
    consumer.assign([TopicPartition(watched.topic, number, 0) for number in watched.seen])
    deadline = time.monotonic() + limit
    quiet_since = time.monotonic()
    try:
        while not _complete(watched, positions, ends, quiet_since):
            message = consumer.poll(0.2)
            if message is not None and not message.error():
                partition, number, offset = unpacked(message)
                watched.seen[partition].log.append(number)
                positions[partition] = offset + 1
                quiet_since = time.monotonic()
            elif time.monotonic() > deadline:
                raise TimeoutError(f"read up to {positions} of {ends} within {limit:.0f} s")
    finally:
        consumer.close()
    return positions


def _log_reader(watched: Watched) -> Consumer:
    return Consumer({**watched.common(), "group.id": f"{watched.topic}-log", "enable.auto.commit": False})


def _ends(watched: Watched) -> dict[int, int]:
    """Where each partition ends, asked by a client of its own: one that once heard of a partition without a leader
    believes it for minutes."""
    client = _log_reader(watched)
    try:
        parts = [TopicPartition(watched.topic, number) for number in watched.seen]
        return {part.partition: client.get_watermark_offsets(part, _ASK_ANOTHER_SECONDS)[1] for part in parts}
    finally:
        client.close()


def _complete(watched: Watched, positions: Mapping[int, int], ends: Mapping[int, int], quiet_since: float) -> bool:
    if any(positions[partition] < end for partition, end in ends.items()):
        return False
    if time.monotonic() - quiet_since > _QUIET_SECONDS:
        return True
    return not any(missing(seen.acknowledged, seen.log) for seen in watched.seen.values())


def unpacked(message: Message) -> tuple[int, int, int]:
    """A record's partition, sequence number and offset."""
    partition, offset, value = message.partition(), message.offset(), message.value()
    assert partition is not None and offset is not None and value is not None
    return partition, int(value), offset
