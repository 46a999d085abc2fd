"""The configuration's key `metrics`: whether nodes tell their metrics, on which ports, and who watches.

Knows which ports are taken already. Refuses to know what is told there (`files/monitoring/`) and how (`model/units.py`).
"""

from collections.abc import Iterator, Mapping

from pydantic import Field

from model.errors import Problem
from model.listeners import (
    CLIENTS,
    CONTROLLERS,
    KAFKA_METRICS_PORT,
    NODE_METRICS_PORT,
    SSH_PORT,
    ZOOKEEPER_CLIENT_PORT,
    ZOOKEEPER_ELECTION_PORT,
    ZOOKEEPER_METRICS_PORT,
    ZOOKEEPER_PEER_PORT,
)
from model.logins import JumpSettings
from model.shapes import Shape

METRICS_EXAMPLE = "metrics: {enabled: true}"
MONITOR_EXAMPLE = "metrics: {enabled: true, monitor: {address: 172.25.254.140}}"
# What tells how the machine itself is.
NODE_EXPORTER = "kafka-node-exporter.service"
_TAKEN = {
    SSH_PORT: "ssh",
    CLIENTS.port: "clients",
    CONTROLLERS.port: "the quorum",
    ZOOKEEPER_CLIENT_PORT: "ZooKeeper's clients",
    ZOOKEEPER_PEER_PORT: "ZooKeeper's peers",
    ZOOKEEPER_ELECTION_PORT: "ZooKeeper's elections",
}


class MonitorSettings(Shape):
    """A machine beside the cluster's, with Prometheus. `memory` is for `platform: libvirt` only, from `user` on the keys are
    for `platform: hosts` only."""

    address: str
    name: str = "kafka-monitor"
    web_port: int = Field(default=9090, ge=1024, le=65535)
    memory: int = Field(default=1024, ge=512, le=4194304)
    user: str = "admin"
    port: int = Field(default=22, ge=1, le=65535)
    private_key_file: str = ""
    host_key: str = ""
    jump_host: JumpSettings | None = None


class MetricsSettings(Shape):
    """Whether metrics are told, the ports of Kafka's process, of ZooKeeper's and of the machine itself, and who watches."""

    enabled: bool = False
    kafka_port: int = Field(default=KAFKA_METRICS_PORT, ge=1024, le=65535)
    zookeeper_port: int = Field(default=ZOOKEEPER_METRICS_PORT, ge=1024, le=65535)
    node_port: int = Field(default=NODE_METRICS_PORT, ge=1024, le=65535)
    monitor: MonitorSettings | None = None

    def ports(self) -> dict[str, int]:
        """By their keys."""
        return {"kafkaPort": self.kafka_port, "zookeeperPort": self.zookeeper_port, "nodePort": self.node_port}


def port_problems(metrics: MetricsSettings, logins: Mapping[str, int]) -> Iterator[Problem]:
    """Ports that something else has. `logins` are the nodes' ssh ports by their names."""
    taken = {**_TAKEN, **{port: f"{name}'s ssh" for name, port in logins.items()}}
    for key, port in metrics.ports().items():
        if port in taken:
            expected = f"a port of its own, as {port} is for {taken[port]}"
            yield Problem(f"metrics.{key}", port, expected, f"metrics: {{enabled: true, {key}: {_free(taken)}}}")
        taken[port] = f"metrics.{key}"


def _free(taken: Mapping[int, str]) -> int:
    return next(port for port in range(KAFKA_METRICS_PORT, 1 << 16) if port not in taken)
