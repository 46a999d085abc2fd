"""Which Kafka versions, modes, property keys and topics of Kafka's own this package speaks of.

Knows what we manage ourselves and why, and what follows from the number of brokers. Refuses to know what Kafka accepts as a value.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

SUPPORTED_VERSIONS = ("3.6.0", "3.6.1", "3.6.2")
SCALA = "2.13"


class Mode(StrEnum):
    """How the cluster keeps its metadata."""

    KRAFT = "kraft"
    ZOOKEEPER = "zookeeper"

    @property
    def other(self) -> "Mode":
        """The one that a switch from this one leads to."""
        return Mode.ZOOKEEPER if self is Mode.KRAFT else Mode.KRAFT


class Role(StrEnum):
    """What a node does: it serves records, or it votes on the metadata."""

    BROKER = "broker"
    CONTROLLER = "controller"


# The topics that Kafka makes for itself.
KAFKAS_OWN = ("__cluster_metadata", "__consumer_offsets", "__remote_log_metadata", "__transaction_state")

# Keys that follow from the configuration's own keys. An override of one of them would let two places
# disagree about the same thing, so it is refused with the key that does say it.
MANAGED = {
    "advertised.listeners": "nodes[].address",
    "broker.id": "nodes[].id",
    "broker.id.generation.enable": "nodes[].id",
    "control.plane.listener.name": "mode",
    "controller.listener.names": "mode",
    "controller.quorum.voters": "nodes[].id and nodes[].address",
    "inter.broker.listener.name": "mode",
    "listener.security.protocol.map": "mode",
    "listeners": "nodes[].address",
    "log.dir": "mode",
    "log.dirs": "mode",
    "metadata.log.dir": "mode",
    "node.id": "nodes[].id",
    "process.roles": "mode and nodes[].roles",
    "reserved.broker.max.id": "nodes[].id",
    "security.inter.broker.protocol": "mode",
    "zookeeper.connect": "mode and nodes[].address",
    "zookeeper.metadata.migration.enable": "mode",
}


def replication_defaults(brokers: int, overrides: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """What follows from the number of brokers, and from the overrides. One replica fewer must do for a transaction to
    commit, or no broker could ever be restarted without stopping transactional producers."""
    factor = str(min(3, brokers))
    replicas = replica_count(overrides.get("transaction.state.log.replication.factor", factor))
    return {
        "offsets.topic.replication.factor": factor,
        "transaction.state.log.replication.factor": factor,
        "transaction.state.log.min.isr": str(max(1, replicas - 1)),
    }


def replica_count(text: str) -> int:
    """A number of replicas as Kafka reads it; 0, which is never right, when it is none."""
    return int(text) if text.isascii() and text.isdecimal() else 0
