"""A picture of a cluster: its machines, what runs there, on which ports, and where the data lies.

Draws it for Mermaid and as SVG from the same nodes. Refuses to know where a picture is shown.
"""

from dataclasses import dataclass
from itertools import pairwise

from model.kafka_keys import Mode
from model.listeners import CLIENTS, CONTROLLERS, ZOOKEEPER_CLIENT_PORT, ZOOKEEPER_ELECTION_PORT, ZOOKEEPER_PEER_PORT
from model.paths import Paths
from model.settings import Platform, Settings
from model.topology import Cluster, Node

_ROW = 116
_BOX = 96
_STYLE = """\
    .box { fill: #ffffff; stroke: #334155; stroke-width: 1.5; }
    .net { fill: #f1f5f9; stroke: #94a3b8; stroke-dasharray: 6 4; }
    .disk { fill: #e0f2fe; stroke: #0369a1; stroke-width: 1.5; }
    .line { stroke: #334155; stroke-width: 1.5; fill: none; }
    .head { font-weight: bold; fill: #0f172a; }
    .text { fill: #334155; }
    .port { fill: #0369a1; }"""
_ARROW = 'viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"'


@dataclass(frozen=True, slots=True)
class Part:
    """What a node does, and the port of it."""

    role: str
    port: int


def parts(cluster: Cluster, node: Node) -> list[Part]:
    """What a node does in the cluster's mode."""
    found = [Part("broker", CLIENTS.port)] if node.is_broker else []
    if cluster.mode is Mode.ZOOKEEPER:
        return [*found, Part("ZooKeeper", ZOOKEEPER_CLIENT_PORT)]
    return found + ([Part("controller", CONTROLLERS.port)] if node.is_controller else [])


def _metrics(cluster: Cluster) -> str:
    """Where a node tells its metrics."""
    return ", ".join(map(str, cluster.metrics_ports()))


def _monitor(cluster: Cluster) -> list[str]:
    """The machine that watches, as Mermaid's lines; nothing where there is none."""
    watched = cluster.metrics.monitor if cluster.metrics else None
    if watched is None:
        return []
    links = [f"    monitor -->|{_metrics(cluster)}| n{node.id}" for node in cluster.nodes]
    return [f'    monitor["{watched.name}<br/>{watched.address}<br/>Prometheus {watched.web_port}"]', *links]


def network(settings: Settings) -> str:
    """What the machines stand in."""
    if settings.platform is Platform.HOSTS:
        return "your machines"
    return f"network {settings.network_cidr} ({settings.network_mode})"


def _among_voters(cluster: Cluster) -> str:
    """The ports that voters speak to each other on."""
    if cluster.mode is Mode.ZOOKEEPER:
        return f"{ZOOKEEPER_PEER_PORT}, {ZOOKEEPER_ELECTION_PORT}"
    return str(CONTROLLERS.port)


def mermaid(cluster: Cluster, around: str) -> str:
    """As Mermaid's text. `around` is what the machines stand in."""
    nodes = []
    for node in cluster.nodes:
        roles = ", ".join(f"{part.role} {part.port}" for part in parts(cluster, node))
        metrics = f"<br/>metrics {_metrics(cluster)}" if cluster.metrics else ""
        nodes.append(
            f'    n{node.id}["{node.name}<br/>{node.address}<br/>{roles}{metrics}"]'
            f' --- d{node.id}[("data volume {node.id}<br/>{Paths.data}")]'
        )
    links = [f"    n{one.id} <-->|{_among_voters(cluster)}| n{two.id}" for one, two in pairwise(cluster.voters)]
    return "\n".join(
        [
            "flowchart LR",
            '  subgraph operator["your computer"]',
            '    pulumi["pulumi up, preview, destroy<br/>kafka-cluster status, ssh"]',
            '    clients["Kafka clients"]',
            "  end",
            f'  subgraph net["{around}"]',
            "    direction TB",
            *nodes,
            *links,
            *_monitor(cluster),
            "  end",
            '  pulumi -- "ssh 22" --> net',
            f'  clients -- "Kafka {CLIENTS.port}" --> net',
            "",
        ]
    )


def svg(cluster: Cluster, around: str) -> str:
    """As SVG."""
    height = 80 + _ROW * len(cluster.nodes)
    rows = "\n".join(_machine(cluster, node, _top(row)) for row, node in enumerate(cluster.nodes))
    row_of = {node.id: row for row, node in enumerate(cluster.nodes)}
    links = "\n".join(_link(row_of[one.id], row_of[two.id]) for one, two in pairwise(cluster.voters))
    names = ", ".join(node.name for node in cluster.nodes)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {height}" role="img" aria-labelledby="t d" \
font-family="Helvetica, Arial, sans-serif" font-size="14">
  <title id="t">The operator's computer and the cluster's machines</title>
  <desc id="d">Pulumi reaches {names} by ssh, clients reach their brokers on {CLIENTS.port}. Each machine has a data \
volume of its own.</desc>
  <style>
{_STYLE}
  </style>
  <defs><marker id="arrow" {_ARROW}><path d="M0 0 L10 5 L0 10 z" fill="#334155"/></marker></defs>
  <rect width="960" height="{height}" fill="#ffffff"/>
  <rect class="box" x="20" y="60" width="190" height="170" rx="8"/>
  <text class="head" x="36" y="88">your computer</text>
  <text class="text" x="36" y="118">pulumi up, preview,</text>
  <text class="text" x="36" y="138">destroy; kafka-cluster</text>
  <text class="text" x="36" y="158">status, ssh</text>
  <text class="text" x="36" y="206">Kafka clients</text>
  <rect class="net" x="330" y="20" width="610" height="{height - 40}" rx="8"/>
  <text class="text" x="346" y="44">{around}</text>
  <path class="line" d="M210 118 H322" marker-end="url(#arrow)"/>
  <text class="port" x="226" y="110">ssh 22</text>
  <path class="line" d="M210 202 H322" marker-end="url(#arrow)"/>
  <text class="port" x="226" y="194">Kafka {CLIENTS.port}</text>
{links}
{rows}
</svg>
"""


def _top(row: int) -> int:
    return 64 + _ROW * row


def _machine(cluster: Cluster, node: Node, top: int) -> str:
    lines = "\n".join(
        f'  <text class="text" x="366" y="{top + 50 + 24 * row}">{part.role}</text>'
        f'<text class="port" x="500" y="{top + 50 + 24 * row}">{part.port}</text>'
        for row, part in enumerate(parts(cluster, node))
    )
    return f"""\
  <rect class="box" x="350" y="{top}" width="320" height="{_BOX}" rx="8"/>
  <text class="head" x="366" y="{top + 26}">{node.name}</text>\
<text class="text" x="500" y="{top + 26}">{node.address}, node {node.id}</text>
{lines}
  <path class="disk" d="M760 {top + 18} v56 a70 12 0 0 0 140 0 v-56 a70 12 0 0 0 -140 0 a70 12 0 0 0 140 0"/>
  <text class="head" x="830" y="{top + 52}" text-anchor="middle">data volume {node.id}</text>
  <text class="text" x="830" y="{top + 72}" text-anchor="middle">{Paths.data}</text>
  <path class="line" d="M670 {top + 48} H760"/>"""


def _link(one: int, two: int) -> str:
    """Between the rows of two machines, behind those in between."""
    ends = 'marker-start="url(#arrow)" marker-end="url(#arrow)"'
    return f'  <path class="line" d="M640 {_top(one) + _BOX} V{_top(two)}" {ends}/>'
