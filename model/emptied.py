"""Whether a node may go on with an empty disk: a verdict over what the rest of its cluster still holds.

Knows what an empty voter and an empty replica do to the others. Refuses to know how the cluster was asked.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from model.handover import Access, Clustered, JumpHosts
from model.health import Partition, Sample
from model.kafka_keys import Mode
from model.state import by_name
from model.topology import Cluster, Node
from model.wording import FEW, some

_NOBODY = -1
_FORMATTED = "-formatted"


def formatted(resources: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The names of the nodes that were formatted once, from a state's resources."""
    return frozenset(name.removesuffix(_FORMATTED) for name in by_name(resources) if name.endswith(_FORMATTED))


class Other(BaseModel):
    """Another node, and the plan of looking whether it has data in the mode."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    access: Access = Field(repr=False)
    look: dict[str, Any]


class Emptied(Clustered):
    """What is asked of a node whose disk may be empty. `look` is the plan of looking; `asked` is another text in every
    `up`, as nobody can go by what the others held a while ago."""

    access: Access = Field(repr=False)
    look: dict[str, Any]
    others: tuple[Other, ...]
    asked: str
    jump_hosts: JumpHosts = Field(default_factory=dict)


def is_alone(cluster: Cluster, node: Node) -> bool:
    """Whether no other node has a part in what it held: none shares its partitions, or votes with it."""
    voters, brokers = ({one.id for one in each} for each in (cluster.voters, cluster.brokers))
    return brokers <= {node.id} and (node.id not in voters or voters == {node.id})


def dangers(cluster: Cluster, sample: Sample, node: Node) -> list[str]:
    """What would be lost beyond the node's own disk if it came back empty now. Partitions without another replica are
    no reason: nothing that one could wait for brings them back."""
    if sample.faults:
        return list(sample.faults)
    found = _voters(cluster, sample, node)
    if sample.controller == _NOBODY:
        found.append("no controller answers")
    if node.id in sample.brokers:
        found.append(f"broker {node.id} is still registered; stop kafka.service on {node.name} if it runs")
    shared = [part for part in sample.partitions if node.id in part.replicas and len(part.replicas) > 1]
    return found + _partitions([part for part in shared if part.leader in (_NOBODY, node.id)], node)


def _voters(cluster: Cluster, sample: Sample, node: Node) -> list[str]:
    others = [voter for voter in cluster.voters if voter.id != node.id]
    if len(others) == len(cluster.voters):
        return []
    if not others:
        return [f"{node.name} was the only voter, so no other node knows for sure which topics there are"]
    faults = _faults(cluster, sample)
    states = ((voter, faults.get(voter.id, "not known")) for voter in others)
    return [f"voter {voter.id} ({voter.name}): {fault}" for voter, fault in states if fault]


def _faults(cluster: Cluster, sample: Sample) -> dict[int, str]:
    """What is wrong with each member of the quorum or of the ensemble, if anything."""
    if cluster.mode is Mode.KRAFT:
        return {voter: member.fault for voter, member in sample.quorum.voters.items()} if sample.quorum else {}
    members = sample.ensemble.members if sample.ensemble else {}
    return {member: "" if state in ("leader", "follower") else state for member, state in members.items()}


def _partitions(leaderless: list[Partition], node: Node) -> list[str]:
    last = [part for part in leaderless if not set(part.isr) - {node.id}]
    away = [part for part in leaderless if part not in last]
    found = []
    if away:
        found.append(f"the in-sync replicas of {len(away)} partitions are away ({some(away, FEW)})")
    if last:
        found.append(
            f"{node.name} was the only one in sync of {len(last)} replicated partitions ({some(last, FEW)}), and only an"
            " unclean election keeps what their other replicas have"
        )
    return found


def lost(sample: Sample, node: Node) -> list[str]:
    """The partitions that had no other replica."""
    return sorted(str(part) for part in sample.partitions if part.replicas == (node.id,))
