"""The machine that watches a cluster: what it is told, which files it has, what it needs of a machine that exists.

Knows Prometheus as a service. Refuses to know how anything gets there, and the cluster's own machines: none of them knows
of this one.
"""

from collections.abc import Callable
from typing import Any

from model import fitness, stages, units
from model.fitness import Needs, Token
from model.metrics import MetricsSettings, MonitorSettings
from model.paths import Paths
from model.prometheus_config import prometheus
from model.settings import NodeSettings
from model.topology import Cluster, Node

PAGE = "consoles/kafka.html"
_DATA = "/var/lib/kafka-monitor"
_FOLDER = f"{Paths.ours}/monitor"
_UNIT = f"/etc/systemd/system/{stages.MONITOR_UNIT}"
_PROGRAM = "/usr/local/lib/kafka-cluster/prometheus"
# Whichever is reached first. The smallest root disk has room for it.
_KEEP_TIME, _KEEP_SIZE = "15d", "1GB"
# How old a number may be that is still one. By itself Prometheus takes 5 minutes, and after a switch of modes that it did
# not see it would count every broker twice for as long, by its old roles and by its new ones.
_LOOKBACK = "1m"


def url(metrics: MetricsSettings) -> str | None:
    """The page; None where nobody watches."""
    monitor = metrics.monitor
    return f"http://{monitor.address}:{monitor.web_port}/{PAGE}" if metrics.enabled and monitor else None


def ready(monitor: MonitorSettings) -> str:
    """Where it says that it serves."""
    return f"http://{monitor.address}:{monitor.web_port}/-/ready"


def entry(monitor: MonitorSettings) -> NodeSettings:
    """Its machine, as the platforms know machines. Its number is no node's."""
    login = monitor.model_dump(include={"name", "address", "user", "port", "private_key_file", "host_key"})
    return NodeSettings(id=fitness.MONITOR_ID, roles=(), jump_host=monitor.jump_host, **login)


def needs(monitor: MonitorSettings, stack: str) -> Needs:
    """What a machine that exists has to have."""
    return Needs(
        name=monitor.name,
        token=Token(stack=stack, node_id=fitness.MONITOR_ID),
        address=monitor.address,
        ports=(monitor.web_port,),
        memory_mib=fitness.MONITOR_MIB,
        memory_for="Prometheus and the system; take a larger machine",
        device="",
    )


def fit(cluster: Cluster, monitor: MonitorSettings) -> dict[str, Any]:
    """The plan of its account of itself, before anything is done there."""
    ours = [Paths.ours, _UNIT, _DATA]
    return {**stages.fit(cluster, _node(monitor), ""), "ours": ours, "services": [stages.MONITOR_UNIT], "java": ""}


def claimed(cluster: Cluster, monitor: MonitorSettings, stack: str) -> dict[str, Any]:
    """The plan of taking it."""
    # systemd keeps the state of a service without a lasting user behind a link.
    private = _DATA.replace("/lib/", "/lib/private/")
    ours = [_PROGRAM.rpartition("/")[0], _DATA, private]
    plan = stages.claimed(cluster, _node(monitor), stack=stack, login=monitor.user)
    return {**plan, "users": [], "kernel": [], "hosts": {}, "paths": ours}


def removed(cluster: Cluster, monitor: MonitorSettings, stack: str) -> dict[str, Any]:
    """The plan of giving it back."""
    claim = claimed(cluster, monitor, stack)
    plan = stages.removed(cluster, claim, device="", delete_data=False)
    return {**plan, "services": [stages.MONITOR_UNIT]}


def watching(
    cluster: Cluster,
    monitor: MonitorSettings,
    *,
    stack: str,
    login: str,
    upload: stages.Upload,
    reapply: str,
    texts: Callable[[str], str],
) -> dict[str, Any]:
    """The plan of stage `watching`."""
    contents = {
        f"{_FOLDER}/prometheus.yml": prometheus(cluster, stack),
        f"{_FOLDER}/alerts.yaml": texts("monitoring/alerts.yaml"),
        f"{_FOLDER}/{PAGE}": texts(f"monitoring/{PAGE}"),
        _UNIT: _unit(monitor, stack),
    }
    return {
        "node": monitor.name,
        "stage": "watching",
        "login": login,
        "pieces": [{"upload": upload.path, "sha512": upload.sha512, "path": _PROGRAM}],
        "files": [{"path": path, "content": content} for path, content in contents.items()],
        "service": stages.MONITOR_UNIT,
        "reapply": reapply,
    }


def _node(monitor: MonitorSettings) -> Node:
    return Node(monitor.name, fitness.MONITOR_ID, monitor.address, ())


def _unit(monitor: MonitorSettings, stack: str) -> str:
    return f"""\
# Written by kafka-cluster. A change made here is overwritten.
[Unit]
Description=Prometheus, which watches Kafka cluster {stack}
Documentation=https://prometheus.io/docs
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
DynamicUser=yes
StateDirectory={_DATA.rpartition("/")[2]}
ExecStart={_PROGRAM} --config.file={_FOLDER}/prometheus.yml --storage.tsdb.path={_DATA} \\
  --storage.tsdb.retention.time={_KEEP_TIME} --storage.tsdb.retention.size={_KEEP_SIZE} --query.lookback-delta={_LOOKBACK} \\
  --web.console.templates={_FOLDER}/consoles --web.listen-address={monitor.address}:{monitor.web_port}
Restart=always
RestartSec=5
{units.HARDENING_BUT_FOR_PROC}
[Install]
WantedBy=multi-user.target
"""
