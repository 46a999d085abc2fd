"""The systemd units and the environment files they read.

Knows how Kafka and ZooKeeper are supervised and fenced in. Refuses to know when they are started.
"""

from model import jvm
from model.heaps import ZOOKEEPER_HEAP
from model.kafka_keys import Mode
from model.paths import Paths
from model.topology import Cluster, Node

USER = "kafka"
ZOOKEEPER_USER = "zookeeper"
OPEN_FILES = 131072
# A controlled shutdown retries for up to five minutes. A stop time-out below that would turn a clean stop
# into a kill and the next start into a log recovery.
STOP_SECONDS = 360
ZOOKEEPER_STOP_SECONDS = 60
# Any value keeps Kafka's launchers from opening a remote JMX port on all addresses.
_NO_JMX = "-Dkafka.jmx=off"

# The option that each process is started with so that it tells its metrics; an empty one where it can't.
AGENTS = {"kafka.service": "/run/kafka/agent.env", "zookeeper.service": "/run/zookeeper/agent.env"}

# Of all that could be told of a machine, what its charts and alerts need.
_COLLECTORS = (
    *("cpu", "diskstats", "filefd", "filesystem", "loadavg", "meminfo"),
    *("netdev", "stat", "time", "uname", "vmstat"),
)

# Everything a Java server does not need. Left out on purpose: MemoryDenyWriteExecute (the compiler writes
# code), PrivateNetwork, and SystemCallFilter groups that Java 17 uses.
HARDENING = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0027
"""
# For what looks at the machine, and not at its own processes only.
HARDENING_BUT_FOR_PROC = HARDENING.replace("ProcSubset=pid\n", "")


def _tells_metrics(cluster: Cluster, node: Node, port: int, option: str) -> str:
    """The agent is an option of its own, chosen when the process starts: without the agent's file, or where its port is
    taken, Java would end, and a broker is worth more than its metrics."""
    paths = cluster.paths
    words = (paths.metrics_option, paths.metrics_agent, node.address, str(port), paths.metrics_rules)
    return f"ExecStartPre=-{' '.join(words)} {option}\nEnvironmentFile=-{option}\n"


def node_exporter_unit(cluster: Cluster, node: Node, port: int) -> str:
    """kafka-node-exporter.service: how the machine itself is. Only ever beside Kafka, and first to go without memory."""
    collectors = " ".join(f"--collector.{name}" for name in _COLLECTORS)
    return f"""\
# Written by kafka-cluster. A change made here is overwritten.
[Unit]
Description=Metrics of the machine of node {node.id} ({node.name})
Documentation=https://github.com/prometheus/node_exporter
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
DynamicUser=yes
ExecStart={cluster.paths.node_exporter} --web.listen-address={node.address}:{port} \\
  --collector.disable-defaults {collectors}
Restart=always
RestartSec=5
OOMScoreAdjust=500
{HARDENING_BUT_FOR_PROC}
[Install]
WantedBy=multi-user.target
"""


def kafka_unit(cluster: Cluster, node: Node, *, data_is_mounted: bool) -> str:
    """kafka.service: one for both modes; the mode file says which properties it starts with."""
    paths = cluster.paths
    return f"""\
# Written by kafka-cluster. A change made here is overwritten.
[Unit]
Description=Apache Kafka {cluster.version}, node {node.id} ({node.name})
Documentation=https://kafka.apache.org/36/documentation.html
Wants=network-online.target
After=network-online.target zookeeper.service
{_mount_lines(data_is_mounted)}\
StartLimitIntervalSec=0

[Service]
User={USER}
Group={USER}
EnvironmentFile={paths.environment}
EnvironmentFile={paths.mode_file}
EnvironmentFile=-{paths.shared_classes_option}
RuntimeDirectory=kafka
# Java unpacks there what it has of zstd and snappy. /tmp, and what PrivateTmp makes of it, may be mounted noexec.
CacheDirectory=kafka
# Beside the process lies the fingerprint of the configuration that it was started with.
ExecStartPre=/bin/cp {paths.fingerprint} {paths.running_fingerprint}
{_kafka_metrics(cluster, node)}\
ExecStart={paths.home}/bin/kafka-server-start.sh ${{KAFKA_CONFIG}}
SuccessExitStatus=143
Restart=on-failure
RestartSec=2
TimeoutStopSec={STOP_SECONDS}
LimitNOFILE={OPEN_FILES}
OOMScoreAdjust=-500
ReadWritePaths={paths.data} {paths.service_logs}
{HARDENING}
[Install]
WantedBy=multi-user.target
"""


def _kafka_metrics(cluster: Cluster, node: Node) -> str:
    return _tells_metrics(cluster, node, cluster.metrics.kafka_port, AGENTS["kafka.service"]) if cluster.metrics else ""


def _zookeeper_metrics(cluster: Cluster, node: Node) -> str:
    if not cluster.metrics:
        return ""
    return "RuntimeDirectory=zookeeper\n" + _tells_metrics(
        cluster, node, cluster.metrics.zookeeper_port, AGENTS["zookeeper.service"]
    )


def zookeeper_unit(cluster: Cluster, node: Node, *, data_is_mounted: bool) -> str:
    """zookeeper.service: enabled in ZooKeeper mode only."""
    paths = cluster.paths
    return f"""\
# Written by kafka-cluster. A change made here is overwritten.
[Unit]
Description=Apache ZooKeeper of Kafka {cluster.version}, member {node.id} ({node.name})
Documentation=https://zookeeper.apache.org/doc/r3.8.2/zookeeperAdmin.html
Wants=network-online.target
After=network-online.target
{_mount_lines(data_is_mounted)}\
StartLimitIntervalSec=0

[Service]
User={ZOOKEEPER_USER}
Group={ZOOKEEPER_USER}
EnvironmentFile={paths.zookeeper_environment}
EnvironmentFile=-{paths.shared_classes_option}
{_zookeeper_metrics(cluster, node)}\
ExecStart={paths.home}/bin/zookeeper-server-start.sh {paths.zookeeper_properties}
SuccessExitStatus=143
Restart=on-failure
RestartSec=2
TimeoutStopSec={ZOOKEEPER_STOP_SECONDS}
LimitNOFILE={OPEN_FILES}
OOMScoreAdjust=-600
LogsDirectory=zookeeper
ReadWritePaths={paths.data}/zookeeper
{HARDENING}
[Install]
WantedBy=multi-user.target
"""


def _mount_lines(data_is_mounted: bool) -> str:
    """Without its volume a broker would write to the root disk, and look like a new and empty one."""
    lines = f"RequiresMountsFor={Paths.data}\n"
    return lines + (f"AssertPathIsMountPoint={Paths.data}\n" if data_is_mounted else "")


def kafka_environment(cluster: Cluster, *, heap: str, emulated: bool) -> str:
    """What kafka.service's process finds in its environment."""
    paths = cluster.paths
    return _environment(
        KAFKA_HEAP_OPTS=jvm.heap_options(heap),
        KAFKA_JVM_PERFORMANCE_OPTS=f"{jvm.performance_options(emulated=emulated)} -Djava.io.tmpdir={paths.temporary}",
        KAFKA_GC_LOG_OPTS=jvm.gc_log_options(f"{paths.service_logs}/gc.log"),
        # Without Kafka's own -loggc, which would overwrite the line above.
        EXTRA_ARGS="-name kafkaServer",
        KAFKA_LOG4J_OPTS=f"-Dlog4j.configuration=file:{paths.log4j}",
        KAFKA_JMX_OPTS=_NO_JMX,
        LOG_DIR=paths.service_logs,
    )


def zookeeper_environment(cluster: Cluster, *, emulated: bool) -> str:
    """What zookeeper.service's process finds in its environment."""
    return _environment(
        KAFKA_HEAP_OPTS=jvm.heap_options(ZOOKEEPER_HEAP),
        KAFKA_JVM_PERFORMANCE_OPTS=jvm.performance_options(emulated=emulated),
        KAFKA_GC_LOG_OPTS=jvm.gc_log_options("/var/log/zookeeper/gc.log"),
        EXTRA_ARGS="-name zookeeper",
        KAFKA_LOG4J_OPTS=f"-Dlog4j.configuration=file:{cluster.paths.log4j}",
        KAFKA_JMX_OPTS=_NO_JMX,
        LOG_DIR="/var/log/zookeeper",
    )


def mode_file(cluster: Cluster, mode: Mode) -> str:
    """Which properties kafka.service starts with. One file, so two brokers on a machine can't be."""
    return _environment(KAFKA_CONFIG=cluster.paths.properties(mode))


def _environment(**variables: str) -> str:
    return "".join(f'{name}="{value}"\n' for name, value in variables.items())
