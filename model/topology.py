"""The cluster as nodes with roles, in one mode.

Knows who listens where and who votes. Refuses to know machines, files and how anything is rendered.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.kafka_keys import Mode, Role
from model.listeners import (
    CLIENTS,
    CONTROLLERS,
    ZOOKEEPER_CLIENT_PORT,
    ZOOKEEPER_ELECTION_PORT,
    ZOOKEEPER_PEER_PORT,
    Listener,
)
from model.metrics import NODE_EXPORTER, MetricsSettings
from model.paths import Paths

if TYPE_CHECKING:  # the judgements behind it are many, and operations need none of them
    from model.settings import Settings


@dataclass(frozen=True, slots=True)
class Node:
    """A Kafka process with one id, on one machine with one address."""

    name: str
    id: int
    address: str
    roles: tuple[Role, ...]

    @property
    def is_broker(self) -> bool:
        """Whether it serves records."""
        return Role.BROKER in self.roles

    @property
    def is_controller(self) -> bool:
        """Whether it votes in the KRaft quorum."""
        return Role.CONTROLLER in self.roles

    @property
    def clients(self) -> str:
        """Where clients reach it, if it is a broker."""
        return CLIENTS.endpoint(self.address)

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What its Kafka process listens on."""
        clients = (CLIENTS,) if self.is_broker else ()
        return clients + ((CONTROLLERS,) if self.is_controller else ())


@dataclass(frozen=True, slots=True)
class Cluster:
    """All nodes of one cluster, sorted by id so that everything rendered from it is stable."""

    mode: Mode
    version: str
    nodes: tuple[Node, ...]
    metrics: MetricsSettings | None = None
    """Where metrics are told; None where they are not, and where it does not matter"""

    @property
    def paths(self) -> Paths:
        """Where things are on each of its machines."""
        return Paths(self.version)

    def node(self, name: str) -> Node:
        """The node of that name, which is one of them."""
        return next(node for node in self.nodes if node.name == name)

    @property
    def brokers(self) -> tuple[Node, ...]:
        """The nodes that serve records."""
        return tuple(node for node in self.nodes if node.is_broker)

    @property
    def voters(self) -> tuple[Node, ...]:
        """The nodes that vote on metadata: KRaft controllers, or the ensemble's members."""
        if self.mode is Mode.ZOOKEEPER:
            return self.nodes
        return tuple(node for node in self.nodes if node.is_controller)

    @property
    def bootstrap_servers(self) -> str:
        """The one line that a client needs."""
        return ",".join(node.clients for node in self.brokers)

    @property
    def quorum_voters(self) -> str:
        """KRaft's `controller.quorum.voters`."""
        return ",".join(CONTROLLERS.voter(node.id, node.address) for node in self.voters)

    @property
    def zookeeper_connect(self) -> str:
        """ZooKeeper mode's `zookeeper.connect`."""
        return ",".join(f"{node.address}:{ZOOKEEPER_CLIENT_PORT}" for node in self.voters)

    def services(self) -> tuple[str, ...]:
        """The systemd units that run on every node, in the order they are started."""
        return self.java_services() + ((NODE_EXPORTER,) if self.metrics else ())

    def java_services(self) -> tuple[str, ...]:
        """Those of Kafka and ZooKeeper."""
        return ("kafka.service",) if self.mode is Mode.KRAFT else ("zookeeper.service", "kafka.service")

    def metrics_ports(self) -> tuple[int, ...]:
        """The TCP ports at which a node tells its metrics."""
        if not self.metrics:
            return ()
        zookeeper = (self.metrics.zookeeper_port,) if self.mode is Mode.ZOOKEEPER else ()
        return (self.metrics.kafka_port, *zookeeper, self.metrics.node_port)

    def ports(self, node: Node) -> tuple[int, ...]:
        """The TCP ports that our services hold open on a node's address. (ZooKeeper's peer port 2888 is open
        on the ensemble's leader only, and a lone ZooKeeper has no peers.)"""
        kafka = tuple(listener.port for listener in node.listeners)
        if self.mode is Mode.KRAFT:
            return (*kafka, *self.metrics_ports())
        peers = (ZOOKEEPER_PEER_PORT, ZOOKEEPER_ELECTION_PORT) if len(self.voters) > 1 else ()
        return (*kafka, ZOOKEEPER_CLIENT_PORT, *peers, *self.metrics_ports())


def plan(settings: "Settings") -> Cluster:
    """The cluster that the settings describe."""
    nodes = sorted(settings.nodes, key=lambda node: node.id)
    return Cluster(
        settings.mode,
        settings.kafka_version,
        tuple(Node(node.name, node.id, node.address, _roles(settings.mode, node.roles)) for node in nodes),
        settings.metrics if settings.metrics.enabled else None,
    )


def _roles(mode: Mode, wanted: tuple[Role, ...]) -> tuple[Role, ...]:
    """A node's roles in a mode: `roles` speaks of KRaft only, in ZooKeeper mode every node is a broker."""
    if mode is Mode.ZOOKEEPER:
        return (Role.BROKER,)
    return tuple(role for role in (Role.BROKER, Role.CONTROLLER) if role in wanted)
