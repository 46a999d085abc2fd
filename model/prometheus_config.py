"""What a Prometheus has to be told to watch a cluster, and what a node's agent tells it, from the plan.

Knows where metrics are told and how the nodes are labelled. Refuses to know what else is told there and what is made of it
(`files/monitoring/`).
"""

from typing import Any

import yaml

from model.kafka_keys import Mode
from model.metrics import MetricsSettings
from model.topology import Cluster, Node

# How often each node is asked.
SECONDS_BETWEEN_LOOKS = 15
# The share of their time in which request handlers have nothing to do, 0 to 1.
IDLE = "kafka_broker_request_handlers_idle_ratio"


def agent_rules(text: str, cluster: Cluster, node: Node) -> str:
    """What a node's agent tells of, from the rules that all share. A KRaft broker that is a controller, too, has two groups
    of request handlers and adds their idle shares up to one number (KIP-1207); halved, it is their mean."""
    if cluster.mode is not Mode.KRAFT or len(node.roles) == 1:
        return text
    document = yaml.safe_load(text)
    for rule in document["rules"]:
        if rule["name"] == IDLE:
            rule["valueFactor"] = 0.5
    return yaml.safe_dump(document, sort_keys=False)


def prometheus(cluster: Cluster, stack: str) -> str | None:
    """prometheus.yml; None where no metrics are told. The alert rules are looked for beside it. `stack` is what alerts and
    pages call the cluster."""
    if not cluster.metrics:
        return None
    document = {
        "global": {
            "scrape_interval": f"{SECONDS_BETWEEN_LOOKS}s",
            "evaluation_interval": f"{SECONDS_BETWEEN_LOOKS}s",
            "external_labels": {"cluster": stack},
        },
        "rule_files": ["alerts.yaml"],
        "scrape_configs": [_job(cluster, name, port) for name, port in _ports(cluster, cluster.metrics).items()],
    }
    return yaml.safe_dump(document, sort_keys=False)


def _ports(cluster: Cluster, metrics: MetricsSettings) -> dict[str, int]:
    zookeeper = {"zookeeper": metrics.zookeeper_port} if cluster.mode is Mode.ZOOKEEPER else {}
    return {"kafka": metrics.kafka_port, **zookeeper, "node": metrics.node_port}


def _job(cluster: Cluster, name: str, port: int) -> dict[str, Any]:
    return {"job_name": name, "static_configs": [_target(node, port) for node in cluster.nodes]}


def _target(node: Node, port: int) -> dict[str, Any]:
    labels = {"node": node.name, "id": str(node.id), "roles": ",".join(node.roles)}
    return {"targets": [f"{node.address}:{port}"], "labels": labels}
