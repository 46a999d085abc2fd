"""The cluster that settings describe: who votes, who serves, who listens where."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import topology
from model.kafka_keys import Mode, Role
from model.settings import read
from model.topology import Cluster

from .samples import cluster, dev, nodes


def apart() -> Cluster:
    """One controller, one broker, two that are both, another controller: every kind of node."""
    kinds = (["controller"], ["broker"], ["controller", "broker"], ["broker", "controller"])
    named: list[dict[str, Any]] = [{**node, "roles": roles} for node, roles in zip(nodes(4), kinds, strict=True)]
    return topology.plan(read({"nodes": named}))


def test_dev_is_the_seeds_cluster() -> None:
    planned = topology.plan(dev())
    assert planned.quorum_voters == "1@172.25.254.131:9093,2@172.25.254.132:9093,3@172.25.254.133:9093"
    assert planned.bootstrap_servers == "172.25.254.131:9092,172.25.254.132:9092,172.25.254.133:9092"
    assert planned.zookeeper_connect == "172.25.254.131:2181,172.25.254.132:2181,172.25.254.133:2181"


@given(st.permutations(nodes(5)))
def test_the_order_of_the_configuration_changes_nothing(order: list[dict[str, Any]]) -> None:
    assert topology.plan(read({"nodes": order})) == cluster(5), "a moved line must not restart a cluster"


def test_nodes_are_sorted_by_number_and_not_by_text() -> None:
    named = [{**node, "id": number} for node, number in zip(nodes(3), (10, 9, 100), strict=True)]
    assert [node.id for node in topology.plan(read({"nodes": named})).nodes] == [9, 10, 100]


def test_roles_decide_who_votes_and_who_serves() -> None:
    planned = apart()
    assert [node.id for node in planned.voters] == [1, 3, 4]
    assert [node.id for node in planned.brokers] == [2, 3, 4]
    assert "131" not in planned.bootstrap_servers, "a pure controller answers no client"
    assert "132" not in planned.quorum_voters, "a pure broker has no vote"


def test_ports_follow_from_roles() -> None:
    planned = apart()
    assert [planned.ports(node) for node in planned.nodes] == [(9093,), (9092,), (9092, 9093), (9092, 9093)]


def test_roles_are_spelled_in_one_order() -> None:
    assert apart().nodes[2].roles == apart().nodes[3].roles == (Role.BROKER, Role.CONTROLLER)


def test_zookeeper_mode_makes_every_node_a_broker_and_a_member() -> None:
    planned = cluster(3, Mode.ZOOKEEPER)
    assert [node.roles for node in planned.nodes] == [(Role.BROKER,)] * 3
    assert planned.voters == planned.brokers == planned.nodes
    assert all(planned.ports(node) == (9092, 2181, 2888, 3888) for node in planned.nodes)


@pytest.mark.parametrize(
    ("mode", "services"),
    [(Mode.KRAFT, ("kafka.service",)), (Mode.ZOOKEEPER, ("zookeeper.service", "kafka.service"))],
)
def test_services_in_the_order_they_are_started(mode: Mode, services: tuple[str, ...]) -> None:
    assert cluster(3, mode).services() == services, "a broker without its ensemble gives up"
