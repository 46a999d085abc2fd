"""The numbers that an operator looks at first, counted over a sample of the cluster.

Knows what Kafka's own tools count by the same names. Refuses to know how a sample is taken and how a number is shown.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from model.health import Partition, Sample
from model.topology import Cluster

_NOBODY = -1
# Every KRaft controller notes each election of a replica that was not in sync, at any level of logging that we set. It
# does so again when it reads its metadata anew, so an election is known by its partition and that one's epoch.
_OF_KRAFT = re.compile(r"UNCLEAN partition change for ([^ :]+).*partitionEpoch: \d+ -> (\d+)")
# The controller of ZooKeeper mode notes every election; the leader of an unclean one has to recover.
_OF_ZOOKEEPER = re.compile(
    r"Changed partition (\S+) from \S+ to OnlinePartition with state LeaderAndIsr\(.*leaderEpoch=(\d+),"
    r".*leaderRecoveryState=RECOVERING"
)
# What finds both in a log that is large.
UNCLEAN = "UNCLEAN partition change for|leaderRecoveryState=RECOVERING"


@dataclass(frozen=True, slots=True)
class LogSearch:
    """What a node's service logs say of unclean elections: the lines that tell of one, and the time of the oldest line
    that is kept."""

    lines: tuple[str, ...]
    oldest: str


@dataclass(frozen=True, slots=True)
class Elections:
    """Unclean elections. `count` is None when nobody can say, and `note` says why, or since when is counted."""

    count: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """The eight numbers, with what the first and the seventh are out of. None is what nobody could be asked."""

    brokers_planned: int
    unclean_elections: Elections
    brokers_online: int | None = None
    active_controllers: int | None = None
    offline_partitions: int | None = None
    under_replicated_partitions: int | None = None
    under_min_isr_partitions: int | None = None
    at_min_isr_partitions: int | None = None
    online_replicas: int | None = None
    replicas: int | None = None
    partitions: int | None = None


def count(cluster: Cluster, sample: Sample, controllers: Iterable[int], unclean: Elections) -> Numbers:
    """The numbers of a sample. `controllers` are those that the brokers take for the active one: each broker's word
    counts, so that two halves of a cluster show."""
    planned = len(cluster.brokers)
    if sample.faults:
        return Numbers(planned, unclean)
    parts = sample.partitions
    return Numbers(
        brokers_planned=planned,
        unclean_elections=unclean,
        brokers_online=len({node.id for node in cluster.brokers} & sample.brokers),
        active_controllers=len(set(controllers) - {_NOBODY}),
        offline_partitions=sum(part.leader == _NOBODY for part in parts),
        under_replicated_partitions=sum(set(part.isr) != set(part.replicas) for part in parts),
        under_min_isr_partitions=sum(_takes_no_writes(part) for part in parts),
        at_min_isr_partitions=sum(_is_at_the_edge(part) for part in parts),
        online_replicas=sum(len(set(part.replicas) & sample.brokers - set(part.offline)) for part in parts),
        replicas=sum(len(part.replicas) for part in parts),
        partitions=len(parts),
    )


def _takes_no_writes(part: Partition) -> bool:
    """Whether a record with acks=all is refused, as `kafka-topics.sh --under-min-isr-partitions` lists it."""
    return part.leader == _NOBODY or len(part.isr) < part.min_isr


def never_written(parts: Iterable[Partition]) -> list[str]:
    """Topics that take no records with acks=all however well the cluster is: they have fewer replicas than that asks for."""
    return sorted({part.topic for part in parts if len(part.replicas) < part.min_isr})


def _is_at_the_edge(part: Partition) -> bool:
    """Whether one replica less would be too few, as `kafka-topics.sh --at-min-isr-partitions` lists it."""
    return part.leader != _NOBODY and len(part.isr) == part.min_isr


def unclean_elections(searched: Mapping[str, LogSearch | None]) -> Elections:
    """Counted over the service logs of all nodes, by name, each election once. A log that is missing could hold more,
    so there is no count then."""
    found = {
        match.groups()
        for log in searched.values()
        if log
        for line in log.lines
        if (match := _OF_KRAFT.search(line) or _OF_ZOOKEEPER.search(line))
    }
    unread = sorted(name for name, log in searched.items() if log is None)
    if unread:
        seen = f", {len(found)} in those of the others" if len(unread) < len(searched) else ""
        return Elections(None, f"the service logs of {', '.join(unread)} could not be read{seen}")
    # What all logs together know begins where the one begins that knows least.
    since = max((log.oldest for log in searched.values() if log), default="")
    return Elections(len(found), f"in the service logs since {since}" if since else "the service logs are empty")
