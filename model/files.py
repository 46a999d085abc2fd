"""Every file that a node's configuration consists of, with owner and mode, and their fingerprint.

Knows which files there are. Refuses to know how they get onto a machine.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from model import motd, prometheus_config, properties, units
from model.kafka_dynamic import split
from model.kafka_keys import Mode
from model.metrics import MetricsSettings
from model.times import EMULATED_PROPERTIES
from model.topology import Cluster, Node

Texts = Callable[[str], str]
_HEADING = "Written by kafka-cluster. A change made here is overwritten."


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file as it must stand on a machine. `mode` is octal text such as "0644"; `binding` is what a process has to be
    restarted for, where that is less than the content, or nothing."""

    path: str
    content: str
    owner: str = "root"
    group: str = "root"
    mode: str = "0644"
    binding: str | None = None

    @property
    def sha256(self) -> str:
        """Of the content."""
        return hashlib.sha256(self.content.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the files depend on beside the cluster: the machine's kind, the operator's wishes, the stack's name."""

    heap: str
    overrides: Mapping[str, str]
    emulated: bool
    data_is_mounted: bool
    stack: str
    unchecked: Collection[str] = ()


def node_files(cluster: Cluster, node: Node, runtime: Runtime, texts: Texts) -> tuple[PlannedFile, ...]:
    """All files of a node in the cluster's mode. `texts` answers the content of a file in files/."""
    paths = cluster.paths
    common = (
        _server_properties(cluster, node, runtime),
        PlannedFile(paths.kafka_unit, units.kafka_unit(cluster, node, data_is_mounted=runtime.data_is_mounted)),
        PlannedFile(paths.environment, units.kafka_environment(cluster, heap=runtime.heap, emulated=runtime.emulated)),
        PlannedFile(paths.mode_file, units.mode_file(cluster, cluster.mode)),
        PlannedFile(paths.log4j, texts("log4j.properties")),
        PlannedFile(paths.message, motd.message(cluster, node, runtime.stack), binding=""),
    )
    zookeeper = _zookeeper_files(cluster, node, runtime) if cluster.mode is Mode.ZOOKEEPER else ()
    return common + zookeeper + (_metrics_files(cluster, node, cluster.metrics, texts) if cluster.metrics else ())


def _metrics_files(cluster: Cluster, node: Node, metrics: MetricsSettings, texts: Texts) -> tuple[PlannedFile, ...]:
    paths = cluster.paths
    return (
        PlannedFile(paths.metrics_option, texts("monitoring/agent_option.py"), mode="0755"),
        PlannedFile(paths.metrics_rules, prometheus_config.agent_rules(texts("monitoring/agent.yaml"), cluster, node)),
        PlannedFile(paths.node_exporter_unit, units.node_exporter_unit(cluster, node, metrics.node_port)),
    )


def _server_properties(cluster: Cluster, node: Node, runtime: Runtime) -> PlannedFile:
    """All overrides stand in the file; those that a running cluster takes bind no process."""
    slow = EMULATED_PROPERTIES if runtime.emulated and cluster.mode is Mode.KRAFT else {}
    static, _ = split(cluster.version, runtime.overrides, runtime.unchecked)

    def text(overrides: Mapping[str, str]) -> str:
        return properties.render(properties.server(cluster, node, {**slow, **overrides}), _HEADING)

    return PlannedFile(
        cluster.paths.properties(cluster.mode),
        text(runtime.overrides),
        group=units.USER,
        mode="0640",
        binding=text(static),
    )


def _zookeeper_files(cluster: Cluster, node: Node, runtime: Runtime) -> tuple[PlannedFile, ...]:
    paths = cluster.paths
    return (
        PlannedFile(
            paths.zookeeper_properties,
            properties.render(properties.zookeeper(cluster, node), _HEADING),
            group=units.ZOOKEEPER_USER,
            mode="0640",
        ),
        PlannedFile(
            paths.zookeeper_unit,
            units.zookeeper_unit(cluster, node, data_is_mounted=runtime.data_is_mounted),
        ),
        PlannedFile(paths.zookeeper_environment, units.zookeeper_environment(cluster, emulated=runtime.emulated)),
    )


def fingerprint(files: Iterable[PlannedFile]) -> str:
    """16 hexadecimal digits that change with anything that a process has to be restarted for."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.path):
        binding = file.content if file.binding is None else file.binding
        if binding:
            digest.update(repr((file.path, binding, file.owner, file.group, file.mode)).encode())
    return digest.hexdigest()[:16]
