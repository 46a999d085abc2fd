"""Whether a cluster is well, and whether it can spare a node: verdicts over what was seen of it.

Knows what a sample of a cluster holds and what it has to hold. Refuses to know how it was taken.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from model.kafka_keys import Mode
from model.topology import Cluster
from model.wording import FEW, some


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition as the cluster describes it. `leader` is -1 when there is none; `offline` are replicas that a broker
    has and can't serve."""

    topic: str
    number: int
    leader: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    min_isr: int = 1
    offline: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.topic}-{self.number}"


# A member of the quorum fetches at least twice a second. One that is silent for longer is away, although its
# lag stays 0 for as long as nothing is written.
SILENT_MS = 5000
# The quorum writes a record of its own twice a second, so one that keeps up is often seen a record behind.
_BEHIND_MS = 2000
# A ZooKeeper transaction's number begins with the epoch of the leader that made it.
EPOCH_BITS = 32
# The members are asked side by side and not at the same moment. A busy ensemble makes some thousands of transactions in a
# second, and its members answer within a small part of one.
_TRANSACTIONS_BEHIND = 1000
# A leader that was just elected has not heard of anybody.
NEVER_HEARD = -1


@dataclass(frozen=True, slots=True)
class Member:
    """How far a member of the quorum is behind, in records, how long ago it was heard of, and how long ago it was
    behind by nothing."""

    lag: int
    silent_ms: int = 0
    behind_ms: int = NEVER_HEARD

    @property
    def fault(self) -> str:
        """What is wrong with it, if anything."""
        if self.silent_ms == NEVER_HEARD:
            return "not heard of yet"
        if self.silent_ms > SILENT_MS:
            return f"not heard of for {self.silent_ms / 1000:.0f} s"
        keeps_up = self.lag == 0 or 0 <= self.behind_ms <= _BEHIND_MS
        return "" if keeps_up else f"{self.lag} records behind"


@dataclass(frozen=True, slots=True)
class Quorum:
    """The KRaft quorum: its leader, its voters and its observers by their ids."""

    leader: int
    voters: dict[int, Member]
    observers: dict[int, Member]
    epoch: int = -1


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The ZooKeeper ensemble: each member's state by its id (leader, follower, or why it can't be asked), and the last
    transaction that it knows, where it said so."""

    members: dict[int, str]
    transactions: dict[int, int] = field(default_factory=dict)

    @property
    def late(self) -> dict[int, str]:
        """Those that do not follow the newest transaction, and how it shows. A leader counts from 0 in its epoch, and its
        followers keep the last number of the epoch before until something is written."""
        newest = max(self.transactions.values(), default=0)
        epoch, written = newest >> EPOCH_BITS, newest % (1 << EPOCH_BITS)
        found = {}
        for node, known in sorted(self.transactions.items()):
            if known >> EPOCH_BITS == epoch and newest - known > _TRANSACTIONS_BEHIND:
                found[node] = f"{newest - known} transactions behind"
            elif known >> EPOCH_BITS != epoch and written:
                found[node] = f"knows epoch {known >> EPOCH_BITS} and not {epoch}"
        return found


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen of a cluster at one moment. `not_listening` are brokers that take no connection: in ZooKeeper mode a
    broker is registered some seconds before it opens its port. `blind` are those whose disk took nothing when they
    started: in ZooKeeper mode Kafka 3.6 goes on without the thread that ends it when its disk fails, and serves nothing any
    more once it does. `quorum_fault` is why brokers that answer don't tell of the quorum."""

    brokers: frozenset[int]
    controller: int
    partitions: tuple[Partition, ...]
    quorum: Quorum | None = None
    ensemble: Ensemble | None = None
    faults: tuple[str, ...] = field(default=())
    not_listening: frozenset[int] = frozenset()
    blind: frozenset[int] = frozenset()
    quorum_fault: str = ""


def missing(cluster: Cluster, sample: Sample) -> list[str]:
    """What keeps the cluster from being whole: nothing when every node serves, votes and is caught up."""
    found = _unheard(cluster, sample)
    absent = sorted({node.id for node in cluster.brokers} - sample.brokers)
    if absent and not sample.faults:
        found.append(f"broker {_ids(absent)} not registered")
    not_listening = sorted(sample.not_listening & sample.brokers)
    if not_listening:
        found.append(f"broker {_ids(not_listening)} registered, but not listening")
    if sample.blind:
        found.append(f"broker {_ids(sample.blind)} started on a full disk, and does not see it fail any more")
    found += _quorum_faults(cluster, sample) if cluster.mode is Mode.KRAFT else _ensemble_faults(cluster, sample)
    lagging = [part for part in sample.partitions if set(part.isr) != set(part.replicas)]
    if lagging:
        out = {broker for part in lagging for broker in part.replicas if broker not in part.isr}
        found.append(
            f"{len(lagging)} partitions without full ISR ({some(lagging, FEW)}): broker {_ids(out)} out of sync"
        )
    leaderless = [str(part) for part in sample.partitions if part.leader < 0]
    if leaderless:
        found.append(f"{len(leaderless)} partitions without a leader ({some(leaderless, FEW)})")
    return found


def missing_beside(cluster: Cluster, sample: Sample, waiting: Collection[int]) -> list[str]:
    """The same, but for what is wrong with those of the nodes `waiting` that are unwell: whoever waits to be mended can't
    be waited for."""
    return missing(cluster, _as_if_well(sample, unwell(cluster, sample) & frozenset(waiting)))


def _as_if_well(sample: Sample, ill: frozenset[int]) -> Sample:
    """The sample, had these nodes done their part."""
    quorum, ensemble = sample.quorum, sample.ensemble
    if quorum:
        voters, observers = (
            {node: Member(0) if node in ill else member for node, member in members.items()}
            for members in (quorum.voters, quorum.observers)
        )
        quorum = replace(quorum, voters=voters, observers=observers)
    if ensemble:
        away = ill - _caught_up(ensemble)  # an unwell broker may stand beside the ensemble's leader
        members = {node: state for node, state in ensemble.members.items() if node not in away}
        ensemble = replace(ensemble, members=members)
    return replace(
        sample,
        brokers=sample.brokers | ill,
        not_listening=sample.not_listening - ill,
        blind=sample.blind - ill,
        partitions=tuple(_held(part, ill) for part in sample.partitions),
        quorum=quorum,
        ensemble=ensemble,
    )


def _held(part: Partition, ill: frozenset[int]) -> Partition:
    """The partition, had these nodes held their replicas of it."""
    back = [node for node in part.replicas if node in ill]
    leader = back[0] if part.leader < 0 and back and set(part.isr) <= ill else part.leader
    return replace(part, leader=leader, isr=tuple({*part.isr, *back}))


def _unheard(cluster: Cluster, sample: Sample) -> list[str]:
    """Why the sample says nothing of the cluster, or nothing of those who vote."""
    if sample.faults:
        return list(sample.faults)
    if cluster.mode is Mode.KRAFT:
        why = f": {sample.quorum_fault}" if sample.quorum_fault else ""
        return [] if sample.quorum else [f"no answer about the quorum{why}"]
    return [] if sample.ensemble else ["no answer of the ensemble"]


def _quorum_faults(cluster: Cluster, sample: Sample) -> list[str]:
    quorum = sample.quorum
    if quorum is None:
        return []
    planned = {node.id for node in cluster.voters}
    found = []
    if quorum.leader < 0:
        found.append("no quorum leader")
    if set(quorum.voters) != planned:
        found.append(f"voters are {_ids(quorum.voters)} instead of {_ids(planned)}")
    members = {**quorum.voters, **{node: m for node, m in quorum.observers.items() if node in sample.brokers}}
    return found + [
        f"node {node} in the quorum: {members[node].fault}" for node in sorted(members) if members[node].fault
    ]


def _ensemble_faults(cluster: Cluster, sample: Sample) -> list[str]:
    if sample.ensemble is None:
        return []
    members = sample.ensemble.members
    well = ("standalone",) if len(cluster.voters) == 1 else ("leader", "follower")
    found = [f"ZooKeeper {node}: {state}" for node, state in sorted(members.items()) if state not in well]
    if not found and len(members) > 1 and list(members.values()).count("leader") != 1:
        found.append("the ensemble has no single leader")
    serving = {node for node, state in members.items() if state in well}
    return found + [f"ZooKeeper {node}: {fault}" for node, fault in sample.ensemble.late.items() if node in serving]


def unwell(cluster: Cluster, sample: Sample) -> frozenset[int]:
    """The nodes that were seen not to do their part: brokers that don't serve or are blind, voters that are away or
    behind. All of them when no broker takes a connection; of a cluster that does and gives no answer, those that take
    none."""
    if sample.faults and not {node.id for node in cluster.brokers} <= sample.not_listening:
        return sample.not_listening
    idle = {node.id for node in cluster.brokers} - serving_brokers(sample)
    return frozenset(idle | sample.blind | ({node.id for node in cluster.voters} - _living_voters(cluster, sample)))


def serving_brokers(sample: Sample) -> frozenset[int]:
    """The brokers that are registered and take connections."""
    return sample.brokers - sample.not_listening


def why_not_restart(cluster: Cluster, sample: Sample, node_id: int) -> list[str]:
    """The gate: why the node must not be taken down now; nothing when it may. One that is well leaves a whole cluster
    only. One that is not may be what the cluster lacks: it goes if the others were heard of and can spare it."""
    is_well = node_id not in unwell(cluster, sample) and not sample.faults
    if not is_well and len(cluster.nodes) == 1:
        return []
    return (missing if is_well else _unheard)(cluster, sample) or why_not_spare(cluster, sample, node_id)


def off_preferred_leader(sample: Sample) -> list[str]:
    """The partitions that somebody else leads than the first of their replicas."""
    return [str(part) for part in _led_by_others(sample)]


def could_go_back(sample: Sample) -> list[str]:
    """Those of them whose first replica could lead: it is alive and in sync."""
    alive = serving_brokers(sample)
    return [str(part) for part in _led_by_others(sample) if part.replicas[0] in alive.intersection(part.isr)]


def _led_by_others(sample: Sample) -> list[Partition]:
    return [part for part in sample.partitions if part.replicas and part.leader != part.replicas[0]]


def why_not_spare(cluster: Cluster, sample: Sample, node_id: int) -> list[str]:
    """Why the node can't be taken down now; nothing when it can. A partition that could never spare one of
    its replicas (as many replicas as its min ISR) is not a reason: waiting would not change it."""
    found = []
    voters = {node.id for node in cluster.voters}
    if node_id in voters and _takes_part(cluster, sample, node_id):
        alive = _living_voters(cluster, sample) - {node_id}
        if len(voters) > 1 and len(alive) < len(voters) // 2 + 1:
            found.append(
                f"without node {node_id} only {len(alive)} of {len(voters)} voters would be left and caught up"
            )
    for part in sample.partitions:
        # What it doesn't hold can't be taken from it.
        if node_id not in part.isr or len(part.replicas) <= part.min_isr:
            continue
        left = set(part.isr) - {node_id}
        if len(left) < part.min_isr:
            found.append(f"{part} would have {len(left)} in-sync replicas, its min ISR is {part.min_isr}")
    return found


def _takes_part(cluster: Cluster, sample: Sample, voter: int) -> bool:
    """Whether the voter was heard of lately, behind or not, or nothing is known of it."""
    if cluster.mode is Mode.KRAFT:
        member = sample.quorum.voters.get(voter) if sample.quorum else None
        return member is None or member.silent_ms <= SILENT_MS
    return not sample.ensemble or voter in _serving(sample.ensemble)


def _living_voters(cluster: Cluster, sample: Sample) -> set[int]:
    """Those that take part and are caught up."""
    if cluster.mode is Mode.KRAFT:
        return {node for node, m in sample.quorum.voters.items() if not m.fault} if sample.quorum else set()
    return _caught_up(sample.ensemble) if sample.ensemble else set()


def _caught_up(ensemble: Ensemble) -> set[int]:
    return _serving(ensemble) - set(ensemble.late)


def _serving(ensemble: Ensemble) -> set[int]:
    return {node for node, state in ensemble.members.items() if state in ("leader", "follower", "standalone")}


def votes(cluster: Cluster, sample: Sample) -> str:
    """The state of those who vote, whether anything is wrong with them or not."""
    if cluster.mode is Mode.ZOOKEEPER:
        ensemble = sample.ensemble or Ensemble({})
        late = ensemble.late
        states = {node: f"{state}, {late[node]}" if node in late else state for node, state in ensemble.members.items()}
        return f"ensemble: {_each(states)}"
    quorum = sample.quorum
    if quorum is None:
        return f"quorum: not known: {'; '.join(sample.faults) or sample.quorum_fault or 'no leader answers'}"
    told = _each({node: member.fault or "caught up" for node, member in quorum.voters.items()})
    return f"quorum: leader is {quorum.leader if quorum.leader >= 0 else 'nobody'}; {told}"


def where_to_look(cluster: Cluster, sample: Sample) -> list[str]:
    """For each broker that does not answer, how its service log is read."""
    return [
        f"{node.name}'s broker does not answer; the end of its service log:"
        f" kafka-cluster ssh {node.name} sudo tail -n 50 {cluster.paths.server_log()}"
        for node in cluster.brokers
        if node.id in sample.not_listening or node.id not in sample.brokers
    ]


def _each(states: dict[int, str]) -> str:
    return "; ".join(f"{node}: {state}" for node, state in sorted(states.items()))


def unspareable(partitions: Iterable[Partition]) -> list[str]:
    """Topics that stop taking acks=all records whenever one of their brokers is away."""
    return sorted({part.topic for part in partitions if 1 < len(part.replicas) <= part.min_isr})


def _ids(ids: Iterable[int]) -> str:
    return ", ".join(str(node) for node in sorted(ids))
