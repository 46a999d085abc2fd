"""The configuration as one typed, judged value.

Knows every config key, its type, its default and the rules that can be judged without a machine.
Refuses to know where the values come from (`components/door.py` reads them) and what is made of them
(`model/topology.py`). Pulumi.yaml spells the same keys for the CLI; a test keeps the two alike.
"""

import ipaddress
import posixpath
import re
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from pydantic.alias_generators import to_camel

from model.cluster_id import is_cluster_id
from model.errors import ConfigurationError, Problem
from model.heaps import memory_mib
from model.jvm import parse_heap
from model.kafka_keys import MANAGED, SUPPORTED_VERSIONS, Mode, Role, replica_count, replication_defaults
from model.kafka_rules import Case, judge
from model.logins import JumpSettings, login_faults
from model.machine_names import HOST_NAME
from model.metrics import METRICS_EXAMPLE, MONITOR_EXAMPLE, MetricsSettings, MonitorSettings, port_problems
from model.shapes import PropertyText, Shape
from model.topic_rules import TOPIC_EXAMPLE, Surroundings, TopicSettings, topic_problems

_PROPERTY_KEY = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_SHA512 = re.compile(r"[0-9a-f]{128}")
# A path goes into a domain's XML by way of a template.
_NOT_IN_XML = frozenset("<>&{}\"'")
_BRIDGE = re.compile(r"[A-Za-z0-9_.-]{1,15}")


class Platform(StrEnum):
    """Where machines come from: made here through libvirt, or there already."""

    LIBVIRT = "libvirt"
    HOSTS = "hosts"


class NetworkMode(StrEnum):
    """How the machines' network reaches the world: not at all, through NAT, or as an existing bridge."""

    ISOLATED = "isolated"
    NAT = "nat"
    BRIDGE = "bridge"


class DomainType(StrEnum):
    """What runs a virtual machine: the processor (kvm), an emulator (qemu), or whichever works (auto)."""

    AUTO = "auto"
    KVM = "kvm"
    QEMU = "qemu"


class NodeSettings(Shape):
    """One entry of `nodes`. From `user` on, the keys are for `platform: hosts` only."""

    name: str
    id: int
    address: str
    roles: tuple[Role, ...] = (Role.BROKER, Role.CONTROLLER)
    user: str = "admin"
    port: int = Field(default=22, ge=1, le=65535)
    private_key_file: str = ""
    host_key: str = ""
    jump_host: JumpSettings | None = None
    data_device: str = ""


class Settings(Shape):
    """Everything the configuration says. Sizes: memory in MiB, disks in GiB, heap as Java spells it."""

    mode: Mode = Mode.KRAFT
    platform: Platform = Platform.LIBVIRT
    kafka_version: str = "3.6.0"
    nodes: tuple[NodeSettings, ...] = ()
    network_mode: NetworkMode = NetworkMode.ISOLATED
    network_bridge: str = ""
    network_cidr: str = "172.25.254.0/24"
    network_gateway: str = ""
    network_dns: tuple[str, ...] = ()
    vcpu: int = Field(default=1, ge=1, le=256)
    memory: int = Field(default=2048, ge=768, le=4194304)
    root_disk: int = Field(default=8, ge=3, le=65536)
    data_disk: int = Field(default=10, ge=1, le=65536)
    image: str = "auto"
    libvirt_uri: str = "auto"
    domain_type: DomainType = DomainType.AUTO
    pool_path: str = "auto"
    archive: str = "auto"
    archive_sha512: str = ""
    heap: str = "1G"
    cluster_id: str = ""
    settings: dict[str, PropertyText] = Field(default_factory=dict)
    unchecked: tuple[str, ...] = ()
    topics: tuple[TopicSettings, ...] = ()
    metrics: MetricsSettings = MetricsSettings()
    protect_data: bool = True
    delete_data: bool = False
    accept_empty_disk: str = ""
    reapply: str = ""

    @property
    def gateway(self) -> str:
        """The machines' gateway: the one that is configured, else the first address of their network."""
        return self.network_gateway or str(ipaddress.IPv4Network(self.network_cidr)[1])

    @property
    def jump_hosts(self) -> dict[str, JumpSettings]:
        """The jump hosts of the nodes that have one, by the node's address."""
        return {node.address: node.jump_host for node in self.nodes if node.jump_host}

    @property
    def brokers(self) -> tuple[NodeSettings, ...]:
        """The nodes that serve records. In ZooKeeper mode that is every node."""
        if self.mode is Mode.ZOOKEEPER:
            return self.nodes
        return tuple(node for node in self.nodes if Role.BROKER in node.roles)

    @property
    def voters(self) -> tuple[NodeSettings, ...]:
        """The nodes that vote on metadata: KRaft's controllers, or the ensemble's members."""
        if self.mode is Mode.ZOOKEEPER:
            return self.nodes
        return self.controllers

    @property
    def controllers(self) -> tuple[NodeSettings, ...]:
        """The nodes that are KRaft's controllers, whichever mode it is now."""
        return tuple(node for node in self.nodes if Role.CONTROLLER in node.roles)


def read(raw: Mapping[str, Any]) -> Settings:
    """The settings that `raw` (config key, as in Pulumi.yaml, to value) spells.

    Raises ConfigurationError with every problem found, not with the first only.
    """
    try:
        settings = Settings.model_validate(dict(raw))
    except ValidationError as error:
        raise ConfigurationError([_shape_problem(detail) for detail in error.errors()]) from None
    problems = [problem for judge in _JUDGES for problem in judge(settings)]
    if problems:
        raise ConfigurationError(problems)
    return settings


def _shape_problem(detail: Any) -> Problem:
    """What pydantic found, in the words of the configuration."""
    key = ""
    for part in detail["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    if detail["type"] == "extra_forbidden":
        shape = _SHAPES.get(re.sub(r"\[\d+\]", "", key).rpartition(".")[0], Settings)
        known = ", ".join(sorted(to_camel(name) for name in shape.model_fields))
        return Problem(key, detail["input"], f"one of the keys {known}", _example(key))
    if detail["type"] == "missing":
        return Problem(key, None, "a value", _example(key))
    expected = detail["msg"].removeprefix("Input should be ").replace("valid tuple", "list")
    return Problem(key, detail["input"], expected, _example(key))


_SHAPES: Mapping[str, type[BaseModel]] = {
    "nodes": NodeSettings,
    "nodes.jumpHost": JumpSettings,
    "topics": TopicSettings,
    "metrics": MetricsSettings,
    "metrics.monitor": MonitorSettings,
    "metrics.monitor.jumpHost": JumpSettings,
}
_EXAMPLES = {
    "mode": "mode: kraft",
    "platform": "platform: libvirt",
    "networkMode": "networkMode: isolated",
    "networkDns": 'networkDns: ["172.25.254.1"]',
    "vcpu": "vcpu: 2",
    "memory": "memory: 2048",
    "rootDisk": "rootDisk: 8",
    "dataDisk": "dataDisk: 10",
    "domainType": "domainType: auto",
    "settings": "settings: {log.retention.hours: 48}",
    "topics": TOPIC_EXAMPLE,
    "metrics": METRICS_EXAMPLE,
    "protectData": "protectData: true",
    "deleteData": "deleteData: false",
}


def _example(key: str) -> str:
    if key.startswith("metrics.monitor"):
        return MONITOR_EXAMPLE
    top = re.split(r"[.\[]", key, maxsplit=1)[0]
    return _EXAMPLES.get(top, "nodes: [{name: kafka-server1, id: 1, address: 172.25.254.131}]")


def _judge_nodes(settings: Settings) -> list[Problem]:
    if not settings.nodes:
        return [Problem("nodes", [], "at least one node", _example("nodes"))]
    return [
        *_judge_names(settings),
        *_judge_ids(settings),
        *_judge_addresses(settings),
        *_judge_roles(settings),
    ]


def _duplicates(settings: Settings, field: str) -> list[Problem]:
    counts = Counter(getattr(node, field) for node in settings.nodes)
    return [
        Problem(f"nodes[].{field}", value, f"one {field} of its own for every node", _example("nodes"))
        for value, count in counts.items()
        if count > 1
    ]


def _judge_names(settings: Settings) -> list[Problem]:
    wrong = [node.name for node in settings.nodes if not HOST_NAME.fullmatch(node.name)]
    expected = "a host name: lower-case letters, digits and inner hyphens, at most 63"
    return [Problem("nodes[].name", name, expected, "name: kafka-server1") for name in wrong] + _duplicates(
        settings, "name"
    )


def _judge_ids(settings: Settings) -> list[Problem]:
    # ZooKeeper's myid reaches from 1 to 255, and every node may be told to be one by switching the mode.
    wrong = [node.id for node in settings.nodes if not 1 <= node.id <= 255]
    return [Problem("nodes[].id", value, "a number from 1 to 255", "id: 1") for value in wrong] + _duplicates(
        settings, "id"
    )


_SMALLEST_NETWORK = 30


def _network(settings: Settings) -> ipaddress.IPv4Network | None:
    """The machines' network; None when networkCidr says none."""
    try:
        network = ipaddress.IPv4Network(settings.network_cidr)
    except ValueError:
        return None
    return network if network.prefixlen <= _SMALLEST_NETWORK else None


def _judge_addresses(settings: Settings) -> list[Problem]:
    network = _network(settings)
    if network is None:
        expected = f"an IPv4 network in CIDR form with room for machines (at most /{_SMALLEST_NETWORK})"
        return [Problem("networkCidr", settings.network_cidr, expected, "networkCidr: 172.25.254.0/24")]
    problems = _duplicates(settings, "address")
    for node in settings.nodes:
        reason = _address_fault(node.address, network, settings)
        if reason:
            example = f"address: {network[min(131, network.num_addresses - 2)]}"
            problems.append(Problem("nodes[].address", node.address, reason, example))
    return problems


def _address_fault(text: str, network: ipaddress.IPv4Network, settings: Settings) -> str:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return "an IPv4 address"
    if settings.platform is Platform.HOSTS:
        return ""
    if address not in network:
        return f"an address inside networkCidr {network}"
    if address in (network.network_address, network.broadcast_address):
        return f"an address that is neither the network's own nor the broadcast one of {network}"
    if text == settings.gateway:
        return "an address that is not the gateway's"
    return ""


def _judge_roles(settings: Settings) -> list[Problem]:
    problems = [
        Problem(
            f"nodes[{node.name}].roles",
            list(node.roles),
            "each role at most once, and at least one",
            "roles: [broker]",
        )
        for node in settings.nodes
        if not node.roles or len(set(node.roles)) != len(node.roles)
    ]
    if not settings.brokers:
        problems.append(Problem("nodes[].roles", "no broker", "at least one broker", "roles: [broker]"))
    if len(settings.voters) % 2 == 0:
        noun = "members of the ensemble" if settings.mode is Mode.ZOOKEEPER else "controllers"
        expected = f"an odd number of {noun}, so that a majority exists and one more machine is worth its place"
        problems.append(Problem("nodes", f"{len(settings.voters)} {noun}", expected, "one, three or five nodes"))
    return problems


def _judge_network(settings: Settings) -> list[Problem]:
    problems = []
    if settings.network_mode is NetworkMode.BRIDGE and not _BRIDGE.fullmatch(settings.network_bridge):
        expected = "the name of an existing bridge of the hypervisor, as networkMode is bridge"
        problems.append(Problem("networkBridge", settings.network_bridge, expected, "networkBridge: br0"))
    network = _network(settings)
    if network is None:
        return problems  # told by the judgement of the addresses
    expected = _gateway_fault(settings, network)
    if expected:
        problems.append(Problem("networkGateway", settings.network_gateway, expected, f"networkGateway: {network[1]}"))
    problems += [
        Problem("networkDns[]", server, "an IPv4 address", _EXAMPLES["networkDns"])
        for server in settings.network_dns
        if not _is_address(server)
    ]
    return problems


def _gateway_fault(settings: Settings, network: ipaddress.IPv4Network) -> str:
    if not _is_address(settings.gateway) or ipaddress.IPv4Address(settings.gateway) not in network:
        return f"an address inside networkCidr {network}"
    # Not to be chosen: where libvirt makes the network, that address is the hypervisor's own, and no machine may have it.
    is_ours = settings.platform is Platform.LIBVIRT and settings.network_mode is not NetworkMode.BRIDGE
    if is_ours and ipaddress.IPv4Address(settings.gateway) != network[1]:
        return (
            f"{network[1]}, the first address of networkCidr {network}: the hypervisor takes it in networkMode"
            f" {settings.network_mode}"
        )
    return ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _judge_kafka(settings: Settings) -> list[Problem]:
    problems = []
    if settings.kafka_version not in SUPPORTED_VERSIONS:
        expected = "one of " + ", ".join(SUPPORTED_VERSIONS)
        problems.append(Problem("kafkaVersion", settings.kafka_version, expected, "kafkaVersion: 3.6.0"))
    if settings.cluster_id and not is_cluster_id(settings.cluster_id):
        expected = "22 characters of URL-safe base64 (16 bytes), or nothing to have one made"
        problems.append(Problem("clusterId", settings.cluster_id, expected, "clusterId: A_D5kj5zTbi2EDTeXHDH3g"))
    if settings.archive_sha512 and not _SHA512.fullmatch(settings.archive_sha512):
        expected = "128 hexadecimal digits in lower case, as the .sha512 file beside the archive says"
        problems.append(Problem("archiveSha512", settings.archive_sha512, expected, "archiveSha512: 84a2…(128)"))
    names = {node.name for node in settings.nodes}
    if settings.accept_empty_disk and settings.accept_empty_disk not in names:
        expected = "the name of a node: " + ", ".join(sorted(names))
        example = f"acceptEmptyDisk: {min(names, default='kafka-server1')}"
        problems.append(Problem("acceptEmptyDisk", settings.accept_empty_disk, expected, example))
    return problems


def _judge_heap(settings: Settings) -> list[Problem]:
    heap = parse_heap(settings.heap)
    if heap is None:
        return [Problem("heap", settings.heap, "a number with M or G, as Java spells it", "heap: 1G")]
    beside = memory_mib(settings.mode, settings.heap) - heap
    if settings.platform is Platform.LIBVIRT and heap + beside > settings.memory:
        ours = "ZooKeeper, the system" if settings.mode is Mode.ZOOKEEPER else "the system"
        expected = f"a heap that leaves {beside} MiB of the machine's memory ({settings.memory} MiB) to {ours} and the page cache"
        most = settings.memory - beside
        return [Problem("heap", settings.heap, expected, f"heap: {min(settings.memory // 2, most)}M")]
    return []


def _judge_overrides(settings: Settings) -> list[Problem]:
    problems = []
    for key, value in settings.settings.items():
        where = f"settings.{key}"
        if key in MANAGED:
            expected = f"no override, as this property follows from {MANAGED[key]}"
            problems.append(Problem(where, value, expected, _EXAMPLES["settings"]))
        elif not _PROPERTY_KEY.fullmatch(key):
            expected = "a property key: letters, digits, dots, hyphens and underscores"
            problems.append(Problem(where, value, expected, _EXAMPLES["settings"]))
        elif not value.isprintable():
            expected = "one line of printable characters"
            problems.append(Problem(where, value, expected, _EXAMPLES["settings"]))
    told = {problem.key.removeprefix("settings.") for problem in problems}
    return problems + _judge_by_kafka(settings, told)


def _judge_by_kafka(settings: Settings, told: set[str]) -> list[Problem]:
    """What Kafka would say of overrides that nothing else was said of. Numbers of replicas are judged by themselves."""
    heap = parse_heap(settings.heap)
    if settings.kafka_version not in SUPPORTED_VERSIONS or heap is None:
        return []  # told by the judgement of those
    counted = {*_REPLICATION_KEYS, *(key for pair in _MIN_ISR_PAIRS for key in pair)}
    left = {key: value for key, value in settings.settings.items() if key not in counted | told}
    chosen = {key: value for key, value in settings.settings.items() if key in counted}
    written = {**replication_defaults(len(settings.brokers), chosen), **chosen}
    unchecked = [key for key in settings.unchecked if key not in told]
    return judge(Case(settings.kafka_version, settings.mode, left, written, heap, unchecked))


_REPLICATION_KEYS = (
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "default.replication.factor",
)
_MIN_ISR_PAIRS = (
    ("transaction.state.log.min.isr", "transaction.state.log.replication.factor"),
    ("min.insync.replicas", "default.replication.factor"),
    ("min.insync.replicas", "offsets.topic.replication.factor"),
)


def _judge_replication(settings: Settings) -> list[Problem]:
    brokers = len(settings.brokers)
    if not brokers:
        return []  # told by the judgement of the nodes
    wanted = {**replication_defaults(brokers, settings.settings), **settings.settings}
    problems = []
    for key in _REPLICATION_KEYS:
        value = wanted.get(key, "1")
        if not 1 <= replica_count(value) <= brokers:
            expected = f"a number from 1 to {brokers}, the number of brokers"
            problems.append(Problem(f"settings.{key}", value, expected, f"{key}: {min(3, brokers)}"))
    for isr_key, factor_key in _MIN_ISR_PAIRS:
        isr, factor = wanted.get(isr_key, "1"), max(1, replica_count(wanted.get(factor_key, "1")))
        if not 1 <= replica_count(isr) <= factor:
            expected = f"a number from 1 to {factor}, which is {factor_key}"
            problems.append(Problem(f"settings.{isr_key}", isr, expected, f"{isr_key}: {max(1, factor - 1)}"))
    return problems


def _judge_topics(settings: Settings) -> list[Problem]:
    if settings.kafka_version not in SUPPORTED_VERSIONS or not settings.brokers:
        return []  # told by the judgement of those
    surroundings = Surroundings(settings.kafka_version, len(settings.brokers), settings.settings)
    return topic_problems(settings.topics, surroundings)


def _judge_metrics(settings: Settings) -> list[Problem]:
    here = settings.platform is Platform.HOSTS
    return list(port_problems(settings.metrics, {node.name: node.port for node in settings.nodes if here}))


def _judge_pool(settings: Settings) -> list[Problem]:
    """libvirt tells a path without what it does not need, and another path than before would be another pool."""
    path = settings.pool_path
    plain = re.match("/[^/]", path) and path == posixpath.normpath(path) and not set(path) & _NOT_IN_XML
    if path == "auto" or plain:
        return []
    expected = "auto, or a folder's whole path without a slash at its end, `//`, `..`, quotes, braces, < or &"
    return [Problem("poolPath", path, expected, "poolPath: /srv/kafka-cluster")]


def _judge_delete_data(settings: Settings) -> list[Problem]:
    if settings.platform is Platform.HOSTS or not settings.delete_data:
        return []
    expected = "false on platform libvirt, where protectData says what becomes of data volumes"
    return [Problem("deleteData", True, expected, "protectData: false")]


def _judge_hosts(settings: Settings) -> list[Problem]:
    if settings.platform is not Platform.HOSTS:
        return []
    problems = []
    for node in settings.nodes:
        problems += _login_problems(f"nodes[{node.name}]", node)
    return problems


def _login_problems(where: str, machine: NodeSettings | MonitorSettings) -> list[Problem]:
    jump = login_faults(f"{where}.jumpHost", machine.jump_host) if machine.jump_host else ()
    return [*login_faults(where, machine), *jump]


def _judge_monitor(settings: Settings) -> list[Problem]:
    monitor = settings.metrics.monitor
    if monitor is None:
        return []
    problems = []
    if not settings.metrics.enabled:
        expected = "true, as metrics.monitor watches what nodes tell"
        problems.append(Problem("metrics.enabled", False, expected, MONITOR_EXAMPLE))
    if not HOST_NAME.fullmatch(monitor.name) or monitor.name in {node.name for node in settings.nodes}:
        expected = "a host name that no node has: lower-case letters, digits and inner hyphens, at most 63"
        problems.append(Problem("metrics.monitor.name", monitor.name, expected, "name: kafka-monitor"))
    network = _network(settings)
    reason = _address_fault(monitor.address, network, settings) if network else ""
    if monitor.address in {node.address for node in settings.nodes}:
        reason = "an address that no node has, as it is a machine of its own"
    if reason:
        problems.append(Problem("metrics.monitor.address", monitor.address, reason, MONITOR_EXAMPLE))
    if settings.platform is Platform.HOSTS:
        problems += _login_problems("metrics.monitor", monitor)
    return problems


_JUDGES = (
    _judge_nodes,
    _judge_network,
    _judge_pool,
    _judge_kafka,
    _judge_heap,
    _judge_overrides,
    _judge_replication,
    _judge_topics,
    _judge_metrics,
    _judge_monitor,
    _judge_delete_data,
    _judge_hosts,
)
