"""How a whole cluster is, judged from all that was seen of it at once, and as a document for programs.

Knows the verdicts and the document's keys, which stay as they are (`docs/reference/status.md`). Refuses to know how
anything was asked and how it is shown to a person.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from model import health, numbers, vitals
from model.handover import Handover
from model.health import Ensemble, Member, Quorum, Sample
from model.kafka_keys import Mode
from model.numbers import Elections, LogSearch, Numbers
from model.topology import Cluster
from model.vitals import NodeStatus

SCHEMA = 1


class Verdict(IntEnum):
    """Its number is the exit status."""

    HEALTHY = 0
    UNHEALTHY = 1
    UNKNOWN = 2


@dataclass(frozen=True, slots=True)
class Status:
    """All of it. `missing` is why the cluster is not healthy, `warnings` what should be looked at although it is."""

    stack: str
    mode: Mode
    cluster_id: str
    verdict: Verdict
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    numbers: Numbers
    controller: int
    quorum: Quorum | None
    ensemble: Ensemble | None
    nodes: tuple[NodeStatus, ...]


def best(samples: Iterable[Sample]) -> Sample:
    """Of what several brokers say at once, what is told on: the word of the newest epoch, and of those that differ even
    so the one that knows of more faults. A broker that is cut off from the others believes that all is well."""
    return max(samples, key=lambda sample: (not sample.faults, _epoch(sample), -len(sample.brokers)))


def _epoch(sample: Sample) -> int:
    return sample.quorum.epoch if sample.quorum else -1


def judge(
    handover: Handover,
    stack: str,
    samples: Iterable[Sample],
    nodes: Iterable[NodeStatus],
    logs: dict[str, LogSearch | None],
) -> Status:
    """The verdict over the samples, one of each broker in the cluster's order, and the nodes' own words."""
    cluster, samples, nodes = handover.cluster, tuple(samples), tuple(nodes)
    sample = best(samples)
    silent = {} if sample.faults else _silent(cluster, samples, nodes)
    sample = replace(
        sample,
        not_listening=frozenset(node for node, own in silent.items() if own.not_listening),
        blind=frozenset(node.id for node in nodes if node.blind),
    )
    controllers = {each.controller for each in samples if not each.faults}
    unclean = numbers.unclean_elections(logs)
    counted = numbers.count(cluster, sample, controllers, unclean)
    missing = health.missing(cluster, sample)
    if mute := sorted(silent.keys() & sample.brokers - sample.not_listening):
        missing.append(f"broker {', '.join(map(str, mute))} registered, but not answering")
    if counted.active_controllers is not None and counted.active_controllers != 1:
        missing.append(f"{counted.active_controllers} active controllers, and not 1")
    missing += [fault for node in nodes for fault in vitals.faults(node)]
    asked = not sample.faults or any(not node.why_not for node in nodes)
    verdict = Verdict.HEALTHY if not missing else Verdict.UNHEALTHY if asked else Verdict.UNKNOWN
    return Status(
        stack,
        handover.mode,
        handover.cluster_id,
        verdict,
        tuple(missing),
        tuple(_warnings(sample, unclean, nodes)),
        counted,
        sample.controller,
        sample.quorum,
        sample.ensemble,
        nodes,
    )


def _warnings(sample: Sample, unclean: Elections, nodes: Iterable[NodeStatus]) -> list[str]:
    """What should be looked at, although the cluster is healthy."""
    found = [warning for node in nodes for warning in vitals.warnings(node)]
    if starved := numbers.never_written(sample.partitions):
        found.append(f"fewer replicas than min.insync.replicas, so acks=all is refused: topic {', '.join(starved)}")
    if unclean.count:
        found.append(f"{unclean.count} unclean elections: records that were acknowledged may be lost")
    return found


def _silent(cluster: Cluster, samples: Iterable[Sample], nodes: Iterable[NodeStatus]) -> dict[int, Sample]:
    """What came of brokers, by their ids, that gave no answer of their own although their machines say that they run.
    Where a machine says that its broker is down, or says nothing, that is told already."""
    running = {node.id for node in nodes if node.units.get(vitals.KAFKA) == vitals.UP}
    own = {node.id: sample for node, sample in zip(cluster.brokers, samples, strict=True)}
    return {node: sample for node, sample in own.items() if sample.faults and node in running}


@dataclass(frozen=True, slots=True)
class EnsembleMember:
    """A member of the ensemble, and how many transactions the newest known is ahead of it."""

    id: int
    state: str
    behind: int | None


def ensemble_epoch(ensemble: Ensemble) -> int | None:
    """The epoch of the newest transaction that any member knows: it grows with every election."""
    return max(ensemble.transactions.values(), default=0) >> health.EPOCH_BITS if ensemble.transactions else None


def ensemble_members(ensemble: Ensemble) -> list[EnsembleMember]:
    """Every member, by its id."""
    newest = max(ensemble.transactions.values(), default=0)
    known = ensemble.transactions
    return [
        EnsembleMember(node, state, newest - known[node] if node in known else None)
        for node, state in sorted(ensemble.members.items())
    ]


def document(status: Status, asked_at: str) -> dict[str, Any]:
    """The status for programs. A key is never renamed or taken away without another `schema`."""
    return {
        "schema": SCHEMA,
        "verdict": status.verdict.name.lower(),
        "exit_status": status.verdict.value,
        "asked_at": asked_at,
        "stack": status.stack,
        "mode": status.mode.value,
        "cluster_id": status.cluster_id,
        "missing": list(status.missing),
        "warnings": list(status.warnings),
        "numbers": _numbers(status.numbers),
        "quorum": _quorum(status.quorum) if status.quorum else None,
        "ensemble": _ensemble(status.ensemble) if status.ensemble else None,
        "nodes": [_node(node) for node in status.nodes],
    }


def _numbers(counted: Numbers) -> dict[str, Any]:
    return {
        "brokers_online": counted.brokers_online,
        "brokers_planned": counted.brokers_planned,
        "active_controllers": counted.active_controllers,
        "offline_partitions": counted.offline_partitions,
        "under_replicated_partitions": counted.under_replicated_partitions,
        "under_min_isr_partitions": counted.under_min_isr_partitions,
        "at_min_isr_partitions": counted.at_min_isr_partitions,
        "online_replicas": counted.online_replicas,
        "replicas": counted.replicas,
        "partitions": counted.partitions,
        "unclean_elections": counted.unclean_elections.count,
        "unclean_elections_note": counted.unclean_elections.note,
    }


def _quorum(quorum: Quorum) -> dict[str, Any]:
    return {
        "leader": quorum.leader,
        "epoch": quorum.epoch,
        "voters": [_member(node, member) for node, member in sorted(quorum.voters.items())],
        "observers": [_member(node, member) for node, member in sorted(quorum.observers.items())],
    }


def _member(node: int, member: Member) -> dict[str, Any]:
    heard = None if member.silent_ms == health.NEVER_HEARD else member.silent_ms
    return {"id": node, "lag": member.lag, "heard_ms_ago": heard, "fault": member.fault}


def _ensemble(ensemble: Ensemble) -> dict[str, Any]:
    members = [{"id": m.id, "state": m.state, "behind": m.behind} for m in ensemble_members(ensemble)]
    return {"epoch": ensemble_epoch(ensemble), "members": members}


def _node(node: NodeStatus) -> dict[str, Any]:
    return {
        "name": node.name,
        "id": node.id,
        "address": node.address,
        "roles": list(node.roles),
        "asked": not node.why_not,
        "why_not": node.why_not,
        "units": dict(node.units),
        "since": node.since,
        "reason": node.reason,
        "restarts": node.restarts,
        "configuration": {"planned": node.planned, "running": node.running, "current": node.is_current},
        "heap": {"max_mib": node.heap_mib, "after_collection_mib": node.heap_used_mib},
        "data_volume": {"free_bytes": node.free_bytes, "total_bytes": node.total_bytes},
        "clock": {"ahead_seconds": node.clock.ahead, "uncertain_seconds": node.clock.uncertain} if node.clock else None,
    }
