"""What Kafka's table of keys leaves open, key by key: values that it takes and does not live on.

Knows limits of single keys that were found by starting brokers with values near and far; tests/lifecycle does so again.
Refuses to know what Kafka states itself (`model/kafka_table.py`) and how keys depend on one another (`model/kafka_rules.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from model.kafka_keys import Mode


class Reason(StrEnum):
    """Why an override is refused. At those of KAFKA_STOPS Kafka itself ends; the others are refused by us alone."""

    TYPE = "Kafka can't read the value as what the key's type says"
    RANGE = "Kafka states a range, and the value is outside"
    CHOICE = "Kafka states which values there are, and this is none of them"
    TOGETHER = "Kafka checks keys against one another, and these don't agree"
    START = "Kafka's checks let the value pass, and the broker ends while it starts"
    SERVICE = "the broker may start, and then can't be worked with, or leaves one of its duties undone"
    LIVE = "a broker starts with it, and a running one then takes no change of this key or of those it belongs to"
    NEGATIVE = (
        "a size, time or count below nothing means nothing; Kafka states no limit, and brokers end or hang at some"
    )
    UNKNOWN = "Kafka has no such key and would not say so: what was meant would just not be there"
    UNSEEN = "whether a class that is not Kafka's own lies on every machine can't be seen from here"
    MEMORY = "a broker holds it in memory at once, and needs its heap for everything else, too"


KAFKA_STOPS = frozenset({Reason.TYPE, Reason.RANGE, Reason.CHOICE, Reason.TOGETHER, Reason.START})


@dataclass(frozen=True, slots=True)
class Limit:
    """What a value must keep to beside Kafka's own limits, and why: the end of a sentence."""

    reason: Reason
    because: str
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    mode: Mode | None = None
    """The one mode in which it matters; None for both"""


_threads = Limit(Reason.SERVICE, "with none its work is never done, and more only contend with each other", 1, 512)
_partitions = Limit(Reason.SERVICE, "the controller makes no more at once", 1, 10_000)
_answer = Limit(Reason.SERVICE, "an answer may take longer, from a busy machine", 1000)
_buffer = Limit(Reason.SERVICE, "no socket has less; -1 leaves it to the system", 1)
_clock = Limit(Reason.SERVICE, "records take longer to arrive, and would be rejected", 1000)
_segment = Limit(Reason.SERVICE, "records of Kafka's own would not fit", 1024)
_connections = Limit(Reason.SERVICE, "the cluster's own connections take as many", 20)
_flush = Limit(Reason.START, "a topic takes no flush.ms below", 0)
_cleaner = Limit(Reason.SERVICE, "the log cleaner would never get on", 65_536)

LIMITS: Mapping[str, Limit] = {
    "background.threads": _threads,
    "broker.heartbeat.interval.ms": Limit(Reason.SERVICE, "controllers would do little else than listen", 100),
    "broker.session.timeout.ms": _answer,
    "connections.max.idle.ms": Limit(Reason.SERVICE, "it is counted in nanoseconds", most=3_155_760_000_000),
    "controller.quorum.append.linger.ms": Limit(Reason.SERVICE, "every change of metadata waits as long", 0, 1000),
    "controller.quorum.election.backoff.max.ms": Limit(
        Reason.SERVICE, "no leader would be chosen meanwhile", 1, 60_000
    ),
    "controller.quorum.election.timeout.ms": Limit(
        Reason.SERVICE, "a random number up to it is added", 1, 600_000, mode=Mode.KRAFT
    ),
    "controller.quorum.fetch.timeout.ms": _answer,
    "controller.quorum.request.timeout.ms": _answer,
    "controller.socket.timeout.ms": _answer,
    "initial.broker.registration.timeout.ms": Limit(Reason.SERVICE, "a quorum needs as long to come up", 10_000),
    "leader.imbalance.per.broker.percentage": Limit(Reason.SERVICE, "it is a percentage", 0, 100),
    "log.cleaner.io.buffer.load.factor": Limit(Reason.SERVICE, "it is a part of the buffer", 0.1, 1),
    "log.cleaner.io.buffer.size": _cleaner,
    "log.cleaner.io.max.bytes.per.second": _cleaner,
    "log.cleaner.threads": _threads,
    "log.flush.interval.ms": _flush,
    "log.flush.scheduler.interval.ms": _flush,
    "log.index.size.max.bytes": Limit(Reason.SERVICE, "an index would be full at once", 1024),
    "log.message.timestamp.after.max.ms": _clock,
    "log.message.timestamp.before.max.ms": _clock,
    "log.message.timestamp.difference.max.ms": _clock,
    "log.roll.jitter.ms": Limit(Reason.TOGETHER, "there is no time before now", 0),
    "log.roll.ms": Limit(Reason.TOGETHER, "a segment must last for some time", 1),
    "log.segment.bytes": _segment,
    "max.connection.creation.rate": _connections,
    "max.connections": _connections,
    "max.connections.per.ip": _connections,
    "message.max.bytes": _segment,
    "metadata.log.segment.bytes": Limit(Reason.START, "Kafka takes no smaller ones", 8_388_608, mode=Mode.KRAFT),
    "metadata.log.segment.ms": Limit(Reason.START, "Kafka takes no shorter ones", 1, mode=Mode.KRAFT),
    "metrics.recording.level": Limit(Reason.START, "there are no others", choices=("INFO", "DEBUG", "TRACE")),
    "num.io.threads": _threads,
    "num.network.threads": _threads,
    "num.partitions": _partitions,
    "num.recovery.threads.per.data.dir": _threads,
    "num.replica.alter.log.dirs.threads": _threads,
    "num.replica.fetchers": _threads,
    "offsets.topic.compression.codec": Limit(Reason.TOGETHER, "0 is none, 1 gzip, 2 snappy, 3 lz4, 4 zstd", 0, 4),
    "offsets.topic.num.partitions": _partitions,
    "offsets.topic.segment.bytes": _segment,
    "queued.max.request.bytes": Limit(Reason.SERVICE, "0 would be no limit, which -1 says more clearly", 1),
    "queued.max.requests": Limit(Reason.MEMORY, "the queue is made in full length", most=100_000),
    "remote.log.manager.thread.pool.size": _threads,
    "remote.log.reader.threads": _threads,
    "replica.socket.receive.buffer.bytes": _buffer,
    "request.timeout.ms": _answer,
    "socket.connection.setup.timeout.max.ms": _answer,
    "socket.connection.setup.timeout.ms": _answer,
    "socket.receive.buffer.bytes": _buffer,
    "socket.request.max.bytes": Limit(Reason.SERVICE, "the cluster's own requests would not pass", 65_536),
    "socket.send.buffer.bytes": _buffer,
    "transaction.state.log.num.partitions": _partitions,
    "transaction.state.log.segment.bytes": _segment,
    "zookeeper.connection.timeout.ms": Limit(Reason.SERVICE, "an ensemble needs as long to choose its leader", 4000),
    "zookeeper.session.timeout.ms": Limit(Reason.SERVICE, "a busy machine is silent for as long", 6000),
    "zookeeper.set.acl": Limit(Reason.SERVICE, "the ensemble knows no users", choices=("false",)),
    "zookeeper.ssl.client.enable": Limit(Reason.SERVICE, "the ensemble speaks plain text", choices=("false",)),
}

# Keys at which -1 says that there is no limit, or that the system chooses. Kafka states no range for any of them.
LEFT_OPEN = frozenset(
    {
        "connections.max.idle.ms",
        "log.retention.bytes",
        "log.retention.hours",
        "log.retention.minutes",
        "log.retention.ms",
        "metadata.max.retention.bytes",
        "metadata.max.retention.ms",
        "offsets.commit.required.acks",
        "queued.max.request.bytes",
        "replica.socket.receive.buffer.bytes",
        "socket.receive.buffer.bytes",
        "socket.send.buffer.bytes",
    }
)

# The classes of Kafka's own that a key can name, beside its default. A key of this kind that has none takes a plugin's only.
CLASSES: Mapping[str, tuple[str, ...]] = {
    "kafka.metrics.reporters": (),
    "metric.reporters": ("org.apache.kafka.common.metrics.JmxReporter",),
    "remote.log.metadata.manager.class.name": (),
    "remote.log.storage.manager.class.name": (),
    "replica.selector.class": ("org.apache.kafka.common.replica.RackAwareReplicaSelector",),
    "authorizer.class.name": (),
    "security.providers": (),
    "ssl.engine.factory.class": ("org.apache.kafka.common.security.ssl.DefaultSslEngineFactory",),
    "zookeeper.clientCnxnSocket": (
        "org.apache.zookeeper.ClientCnxnSocketNIO",
        "org.apache.zookeeper.ClientCnxnSocketNetty",
    ),
}
