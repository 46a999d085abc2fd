"""Each node tells its metrics where they are planned, and they say of the cluster what the cluster says of itself."""

import pytest
from kafka import KafkaAdminClient

from computer.waiting import wait_for
from model.kafka_keys import Mode
from model.prometheus_config import IDLE
from model.topology import Cluster, Node
from tests.live.machine import Machine
from tests.live.planned import Plan
from tests.support import scrape

KAFKA = "kafka_replicas_leadercount"
CONTROLLER = "kafka_controller_activecontroller"
REPLICAS = "kafka_replicas_partitioncount"
ZOOKEEPER = "zookeeper_avgrequestlatency"
MACHINE = "node_memory_MemAvailable_bytes"
AGREE_SECONDS = 20.0
# All of their time; a mean over a minute is a little off.
ROUNDED = 1.1


@pytest.fixture(autouse=True)
def _told(plan: Plan) -> None:
    if not plan.settings.metrics.enabled:
        pytest.skip("metrics are not enabled")


def wanted(cluster: Cluster, node: Node) -> dict[int, str]:
    """A number that each planned port of a node has to tell."""
    assert cluster.metrics
    kafka = {cluster.metrics.kafka_port: KAFKA if node.is_broker else CONTROLLER}
    zookeeper = {cluster.metrics.zookeeper_port: ZOOKEEPER} if cluster.mode is Mode.ZOOKEEPER else {}
    return kafka | zookeeper | {cluster.metrics.node_port: MACHINE}


def test_node_tells_its_metrics(machine: Machine, plan: Plan) -> None:
    for port, name in wanted(machine.plan.cluster, machine.node).items():
        told = scrape.read(machine.node.address, port, plan.patience)
        assert told.names >= {name}, f"{machine}: port {port} tells no {name} {told.fault}: nobody would see it fail"
        assert told.total(IDLE) < ROUNDED, f"{machine}: request handlers are idle for more than all of their time"


def test_metrics_agree_with_the_cluster(plan: Plan, admin: KafkaAdminClient) -> None:
    silent = [name for name, told in scraped(plan).items() if told.fault]
    assert not silent, f"{silent} tell nothing of Kafka, so what is told of the cluster is not all of it"
    # Both sides are asked one after the other, and a topic that was just deleted is a moment longer with its brokers.
    said: list[object] = []

    def agree() -> bool:
        said[:] = [counted(plan), planned(admin)]
        return said[0] == said[1] and len(leaders(plan)) == 1

    wait_for(
        "metrics that say what the cluster says",
        agree,
        AGREE_SECONDS * plan.patience,
        lambda: f"metrics say {said[0]} and {leaders(plan)} as leaders, the cluster {said[1]} and one",
    )


def scraped(plan: Plan) -> dict[str, scrape.Told]:
    """What each node tells of Kafka."""
    port = plan.settings.metrics.kafka_port
    return {node.name: scrape.read(node.address, port, plan.patience) for node in plan.cluster.nodes}


def counted(plan: Plan) -> dict[str, float]:
    """The numbers of the whole cluster, by its metrics."""
    told = scraped(plan).values()
    return {name: sum(each.total(name) for each in told) for name in (CONTROLLER, KAFKA, REPLICAS)}


def planned(admin: KafkaAdminClient) -> dict[str, float]:
    """The same by the cluster's own words."""
    parts = [part for topic in admin.describe_topics() for part in topic["partitions"]]
    return {CONTROLLER: 1, KAFKA: len(parts), REPLICAS: sum(len(part["replica_nodes"]) for part in parts)}


def leaders(plan: Plan) -> set[object]:
    """Who leads: the quorum's leader by its id as every node tells it, or the ensemble's by what each says of itself."""
    metrics, cluster = plan.settings.metrics, plan.cluster
    kraft = cluster.mode is Mode.KRAFT
    port = metrics.kafka_port if kraft else metrics.zookeeper_port
    told = {node.id: scrape.read(node.address, port, plan.patience).samples for node in cluster.nodes}
    if kraft:
        return {value for each in told.values() for name, _, value in each if name == "kafka_quorum_current_leader"}
    named = ('state="Leader"', 'state="Standalone"')
    return {node for node, each in told.items() for _, labels, _ in each if any(word in labels for word in named)}
