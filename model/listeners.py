"""A listener: one place a node answers at, and the four spellings Kafka wants of it.

Knows names, ports and protocols. Refuses to know which roles a node has (`model/topology.py`).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listener:
    """One named listener of a Kafka process."""

    name: str
    port: int
    protocol: str = "PLAINTEXT"

    def bind(self, address: str) -> str:
        """As in `listeners` and `advertised.listeners`."""
        return f"{self.name}://{address}:{self.port}"

    def endpoint(self, address: str) -> str:
        """As in bootstrap servers."""
        return f"{address}:{self.port}"

    def voter(self, node_id: int, address: str) -> str:
        """As in `controller.quorum.voters`."""
        return f"{node_id}@{address}:{self.port}"

    @property
    def protocol_map(self) -> str:
        """As in `listener.security.protocol.map`."""
        return f"{self.name}:{self.protocol}"


CLIENTS = Listener("PLAINTEXT", 9092)
CONTROLLERS = Listener("CONTROLLER", 9093)
ZOOKEEPER_CLIENT_PORT = 2181
ZOOKEEPER_PEER_PORT = 2888
ZOOKEEPER_ELECTION_PORT = 3888
SSH_PORT = 22
# Where metrics are asked for, unless the configuration says otherwise.
KAFKA_METRICS_PORT = 7071
ZOOKEEPER_METRICS_PORT = 7072
NODE_METRICS_PORT = 9100
