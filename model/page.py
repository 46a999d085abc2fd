"""The stack's page, the output `readme`: what this cluster is, how it is reached, where things are, what to do when.

Written from the plan alone, so that it can be read while the cluster is down. Refuses to know who shows it; no dollar
sign stands before a brace, because Pulumi would put an output there.
"""

from collections.abc import Iterable

from model import monitor, motd, picture
from model.kafka_keys import Mode
from model.listeners import (
    CLIENTS,
    CONTROLLERS,
    SSH_PORT,
    ZOOKEEPER_CLIENT_PORT,
    ZOOKEEPER_ELECTION_PORT,
    ZOOKEEPER_PEER_PORT,
)
from model.settings import NetworkMode, Platform, Settings
from model.topology import Cluster

TOPIC = "hello"
# Every stage is done again: that starts what only one stage looks at, such as what tells metrics of a machine.
_REAPPLY = '`pulumi config set reapply "$(date +%FT%T)"`, then `pulumi up`:'


def text(settings: Settings, cluster: Cluster, stack: str) -> str:
    """The whole page, in Markdown."""
    sections = (_what, _picture, _connect, _ports, _paths, _when)
    return "\n\n".join(section(settings, cluster, stack).strip() for section in sections) + "\n"


def _what(settings: Settings, cluster: Cluster, stack: str) -> str:
    rows = (
        (node.name, str(node.id), node.address, motd.roles(cluster, node), f"`kafka-cluster ssh {node.name}`")
        for node in cluster.nodes
    )
    return f"""\
# Kafka cluster {stack}

Apache Kafka {cluster.version} in {_mode(cluster)}, {len(cluster.brokers)} brokers, on {picture.network(settings)}.
Plain text, and nobody is asked who they are. How it is at this moment: `kafka-cluster status`.{_watched(settings)}

{_table(("node", "id", "address", "roles", "a shell on it"), rows)}"""


def _watched(settings: Settings) -> str:
    url = monitor.url(settings.metrics)
    return f" Or on a page: <{url}>." if url else ""


def _mode(cluster: Cluster) -> str:
    return "KRaft mode" if cluster.mode is Mode.KRAFT else "ZooKeeper mode"


def _picture(settings: Settings, cluster: Cluster, _: str) -> str:
    return f"```mermaid\n{picture.mermaid(cluster, picture.network(settings))}```"


def _connect(settings: Settings, cluster: Cluster, _: str) -> str:
    servers = cluster.bootstrap_servers
    replicas = min(3, len(cluster.brokers))
    return f"""\
## Connect

Bootstrap servers: `{servers}`
{_from_where(settings)}
### Console tools

On every node they are on PATH; on another computer, where Kafka is unpacked.

```sh
kafka-topics.sh --bootstrap-server {servers} --create --if-not-exists --topic {TOPIC} --partitions 3 --replication-factor {replicas}
echo hello | kafka-console-producer.sh --bootstrap-server {servers} --topic {TOPIC}
kafka-console-consumer.sh --bootstrap-server {servers} --topic {TOPIC} --from-beginning --max-messages 1
kafka-topics.sh --bootstrap-server {servers} --describe --topic {TOPIC}
```

### kcat

```sh
kcat -b {servers} -L
echo hello | kcat -b {servers} -t {TOPIC} -P
kcat -b {servers} -t {TOPIC} -C -o beginning -e
```

### kaf

```sh
kaf -b {servers} nodes
echo hello | kaf -b {servers} produce {TOPIC}
kaf -b {servers} consume {TOPIC}
```

### Python

With `kafka-python`:

```python
from kafka import KafkaConsumer, KafkaProducer

servers = "{servers}".split(",")
producer = KafkaProducer(bootstrap_servers=servers, acks="all")
producer.send("{TOPIC}", b"hello").get(timeout=30)
producer.close()
consumer = KafkaConsumer("{TOPIC}", bootstrap_servers=servers, auto_offset_reset="earliest", consumer_timeout_ms=10_000)
print(next(consumer).value.decode())
consumer.close()
```

### Java

```properties
bootstrap.servers={servers}
security.protocol=PLAINTEXT
acks=all
enable.idempotence=true
```"""


def _from_where(settings: Settings) -> str:
    if settings.platform is Platform.HOSTS or settings.network_mode is NetworkMode.BRIDGE:
        return ""
    return """
The network is the hypervisor's own. In the embedded lab put `python -m lab run --` before every command that is not
`pulumi`, `kafka-cluster`, `pytest` or `make`.
"""


def _ports(_: Settings, cluster: Cluster, __: str) -> str:
    names = {
        CLIENTS.port: "clients and other brokers",
        CONTROLLERS.port: "the other nodes (quorum)",
        ZOOKEEPER_CLIENT_PORT: "brokers (ZooKeeper)",
        ZOOKEEPER_PEER_PORT: "the other ZooKeeper members; open on their leader only",
        ZOOKEEPER_ELECTION_PORT: "the other ZooKeeper members (elections)",
    }
    if cluster.metrics:
        names |= {
            cluster.metrics.kafka_port: "Prometheus (Kafka's metrics)",
            cluster.metrics.zookeeper_port: "Prometheus (ZooKeeper's metrics)",
            cluster.metrics.node_port: "Prometheus (the machine's metrics)",
        }
    rows = [
        (node.name, f"`{node.address}:{port}`", names[port]) for node in cluster.nodes for port in cluster.ports(node)
    ]
    watched = cluster.metrics.monitor if cluster.metrics else None
    if watched:
        rows.append((watched.name, f"`{watched.address}:{watched.web_port}`", "browsers (Prometheus and its page)"))
    return (
        f"## Ports\n\n{_table(('node', 'address and port', 'who connects'), rows)}\n\n"
        f"And ssh, on {SSH_PORT} if the configuration says no other port."
    )


def _paths(_: Settings, cluster: Cluster, __: str) -> str:
    paths = cluster.paths
    rows = [
        (paths.home, "Kafka's home"),
        (paths.properties(cluster.mode), "the broker's configuration"),
        (paths.log_dir(cluster.mode), "the data, on the data volume"),
        (paths.data, "the data volume"),
        (paths.server_log(), "the service log"),
        (paths.starts, "the last starts, and why"),
        (paths.ours, "what Pulumi brought there"),
    ]
    if cluster.mode is Mode.ZOOKEEPER:
        rows += [(paths.zookeeper_properties, "ZooKeeper's configuration"), (paths.zookeeper_data, "ZooKeeper's data")]
    return f"## Paths on every node\n\n{_table(('path', 'what it is'), ((f'`{path}`', what) for path, what in rows))}"


def _when(settings: Settings, cluster: Cluster, __: str) -> str:
    first = cluster.nodes[0].name
    rows = (
        ("you want to know how it is", "`kafka-cluster status`; with `--watch` again and again"),
        (
            "a client gets no answer",
            "`kafka-cluster status`, then the client's network: can it reach every address above?",
        ),
        ("a node is down", f"`kafka-cluster ssh {first} sudo tail -n 50 {cluster.paths.server_log()}`, with its name"),
        ("a service was stopped by hand", f"{_REAPPLY} it starts what is down"),
        ("a machine is gone", "`pulumi up` makes it anew where Pulumi made it; its data volume stays"),
        (
            "a setting has to change",
            "`pulumi config set --path 'settings[\"KEY\"]' VALUE`, `pulumi preview`, `pulumi up`",
        ),
        ("you doubt that all is as planned", "`pytest tests/live` compares machines and cluster with the plan"),
        ("you are done with it", _end(settings)),
    )
    return f"## What to do when\n\n{_table(('when', 'do'), rows)}"


def _end(settings: Settings) -> str:
    if settings.platform is Platform.LIBVIRT and settings.protect_data:
        return "its data is protected: `pulumi config set protectData false`, `pulumi up`, `pulumi destroy`"
    return "`pulumi destroy`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, tuple("---" for _ in head), *rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
