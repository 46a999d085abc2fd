"""What Pulumi hands to `operations/`, as one JSON document: the cluster, how to reach its machines, what
should run there.

It holds private keys, so it travels by standard input and lies in the state as a secret, never in a command.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from model import state
from model.kafka_keys import Mode, Role
from model.logins import JumpSettings
from model.topology import Cluster, Node


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Login(_Frozen):
    """How a machine is logged in to by ssh. `host_key` is its public key; no other is believed."""

    address: str
    port: int = 22
    user: str
    host_key: str
    private_key: str = Field(repr=False)


class Access(Login):
    """How a node's machine is reached, through another one if need be."""

    name: str
    jump_host: Login | None = None


class Seat(_Frozen):
    """One node's place in its cluster."""

    name: str
    id: int
    address: str
    roles: tuple[Role, ...]


class NodeFacts(Seat):
    """One node as planned. `machine` is an id that is another one when the machine is, `storage` what
    was last done to its disk: both are here so that a node is looked at again when they change."""

    fingerprint: str
    machine: str = ""
    storage: str = ""
    access: Access


class Clustered(_Frozen):
    """What every document says of its cluster. `patience` stretches every time limit; 1 is a computer of its own.
    `reapply` is another text whenever the operator wants all to be done again."""

    mode: Mode
    version: str
    patience: int = 1
    reapply: str = ""
    nodes: tuple[Seat, ...]

    @property
    def cluster(self) -> Cluster:
        """The cluster as the rest of the model knows it."""
        nodes = tuple(Node(seat.name, seat.id, seat.address, seat.roles) for seat in self.nodes)
        return Cluster(self.mode, self.version, nodes)


def seats(cluster: Cluster) -> tuple[Seat, ...]:
    """The nodes as a document carries them that holds no secret."""
    return tuple(Seat(name=n.name, id=n.id, address=n.address, roles=n.roles) for n in cluster.nodes)


# The jump hosts of nodes that have one, by the node's address, in a document that may be read: it names their key files.
JumpHosts = Annotated[dict[str, JumpSettings], Field(exclude_if=lambda hosts: not hosts)]


class Handover(Clustered):
    """A whole cluster as planned."""

    cluster_id: str
    nodes: tuple[NodeFacts, ...]
    controllers: tuple[str, ...] = ()
    """The nodes that are KRaft's controllers, named in ZooKeeper mode, too: whoever stops them has to know"""
    only_controllers: tuple[str, ...] = ()
    """Those of them that are no brokers in KRaft"""

    @property
    def jump_hosts(self) -> dict[str, Login]:
        """The jump hosts of the nodes that have one, by the node's address."""
        return {node.address: node.access.jump_host for node in self.nodes if node.access.jump_host}


class LiveSettings(Clustered):
    """The settings that the running cluster is to take, by the names it takes them under; None is no default. No
    secret is in it, so that a preview shows the difference. States of earlier versions hold no `cluster_id`."""

    cluster_id: str = ""
    jump_hosts: JumpHosts = Field(default_factory=dict)
    defaults: dict[str, str | None]


# The resource whose input the document is. It is no output of the stack: the SDK writes those to its debug log in plain.
RUNNING_RESOURCE = "kafka-running"
# The resource that the live settings are the plain input of.
LIVE = "kafka-settings"

# The component of the machine that watches, and what the resource's name ends with that waits for it with its login.
MONITOR_TYPE, SERVES = "kafka-cluster:index:Monitor", "-serves"


def find(resources: Iterable[Mapping[str, Any]]) -> Handover | None:
    """The last document handed over, from a state's resources with their secrets; None when there was none.

    Raises pydantic's ValidationError when another version of this package wrote it.
    """
    for resource in resources:
        if state.name(resource) == RUNNING_RESOURCE:
            return Handover.model_validate_json(json.loads(resource["inputs"]["stdin"]["plaintext"]))
    return None


def watcher(resources: Iterable[Mapping[str, Any]]) -> Access | None:
    """How one logs in to the machine that watches, from the same resources; None where there is none."""
    for resource in resources:
        if f"{MONITOR_TYPE}$" in resource["urn"] and state.name(resource).endswith(SERVES):
            told = json.loads(json.loads(resource["inputs"]["stdin"]["plaintext"]))
            return Access.model_validate(told["access"])
    return None
