"""Java properties: what stands in the configuration files of Kafka and ZooKeeper, and how it is spelled.

Knows the guide's values and what Kafka needs beside them. Refuses to know where the files lie.
"""

import re
from collections.abc import Mapping

from model.kafka_keys import Mode, replication_defaults
from model.listeners import (
    CLIENTS,
    CONTROLLERS,
    ZOOKEEPER_CLIENT_PORT,
    ZOOKEEPER_ELECTION_PORT,
    ZOOKEEPER_PEER_PORT,
)
from model.topology import Cluster, Node


def server(cluster: Cluster, node: Node, overrides: Mapping[str, str]) -> dict[str, str]:
    """`server.properties` of a node, in reading order: who it is, where it listens, where its data lies,
    how much is copied, then the overrides."""
    identity = _kraft_identity(cluster, node) if cluster.mode is Mode.KRAFT else _zookeeper_identity(cluster, node)
    return {
        **identity,
        "log.dirs": cluster.paths.log_dir(cluster.mode),
        # A controller goes by them, too, where a topic is made without saying how many partitions and replicas.
        "num.partitions": "3",
        **replication_defaults(len(cluster.brokers), overrides),
        **dict(sorted(overrides.items())),
    }


def _kraft_identity(cluster: Cluster, node: Node) -> dict[str, str]:
    advertised = {"advertised.listeners": CLIENTS.bind(node.address)} if node.is_broker else {}
    return {
        "process.roles": ",".join(node.roles),
        "node.id": str(node.id),
        "controller.quorum.voters": cluster.quorum_voters,
        "listeners": ",".join(listener.bind(node.address) for listener in node.listeners),
        **advertised,
        "inter.broker.listener.name": CLIENTS.name,
        "controller.listener.names": CONTROLLERS.name,
        "listener.security.protocol.map": f"{CLIENTS.protocol_map},{CONTROLLERS.protocol_map}",
    }


def _zookeeper_identity(cluster: Cluster, node: Node) -> dict[str, str]:
    return {
        "broker.id": str(node.id),
        "listeners": CLIENTS.bind(node.address),
        "advertised.listeners": CLIENTS.bind(node.address),
        "zookeeper.connect": cluster.zookeeper_connect,
        "zookeeper.connection.timeout.ms": "18000",
    }


def zookeeper(cluster: Cluster, node: Node) -> dict[str, str]:
    """`zookeeper.properties` of a node: the guide's values, closed to everything but the plan."""
    servers = {
        f"server.{member.id}": f"{member.address}:{ZOOKEEPER_PEER_PORT}:{ZOOKEEPER_ELECTION_PORT}"
        for member in cluster.voters
    }
    return {
        "dataDir": cluster.paths.zookeeper_data,
        "clientPort": str(ZOOKEEPER_CLIENT_PORT),
        "clientPortAddress": node.address,
        "tickTime": "2000",
        "initLimit": "10",
        "syncLimit": "5",
        "maxClientCnxns": "0",
        "admin.enableServer": "false",
        "4lw.commands.whitelist": "srvr",
        "autopurge.snapRetainCount": "3",
        "autopurge.purgeInterval": "24",
        **servers,
    }


def render(properties: Mapping[str, str], heading: str) -> str:
    """The text of a properties file. Colons and equals signs stay as they are in values: Java reads them
    so, and a person should find the guide's lines in the file."""
    lines = [f"# {heading}", *(f"{_escape_key(key)}={_escape(value)}" for key, value in properties.items())]
    return "\n".join(lines) + "\n"


def read(text: str) -> dict[str, str]:
    """The properties of a text that `render` wrote."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return dict(_read_line(line) for line in lines if line)


def _read_line(line: str) -> tuple[str, str]:
    end = next(match.start() for match in re.finditer(r"\\.|=", line) if match[0] == "=")
    return _unescape(line[:end]), _unescape(line[end + 1 :])


def _unescape(text: str) -> str:
    """UTF-16 units are put together by way of their bytes: two of them may be one character."""
    plain = re.sub(r"\\(u[0-9a-f]{4}|.)", lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 5 else m[1], text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16")


def _escape(text: str) -> str:
    escaped = text.replace("\\", "\\\\")
    if escaped.startswith((" ", "\t")):
        escaped = "\\" + escaped
    return "".join(char if ord(char) < 128 else _unicode_escape(char) for char in escaped)


def _escape_key(text: str) -> str:
    return "".join(f"\\{char}" if char in ":=# !\\" else char for char in text)


def _unicode_escape(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))
