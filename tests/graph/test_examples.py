"""The projects in examples/, run without a machine: they ask for what this project's own program would."""

import runpy
from typing import Any
from unittest.mock import patch

import pytest

from components import door
from operations import stack_state
from operations.preflight import ArchiveFile, Resolved

from .conftest import ROOT, as_pulumi_hands_over
from .recording import PROJECT, Engine, plugins

PROGRAM = ROOT / "examples" / "orders" / "__main__.py"


@pytest.fixture
def orders(archive: ArchiveFile, hosts: dict[str, Any]) -> Engine:
    """What the engine was asked for."""
    config = as_pulumi_hands_over({"nodes": hosts["nodes"]})
    found = patch.object(door, "look_around", lambda *_: Resolved(archive, "", "", ()))
    with found, patch.object(stack_state, "resources", lambda _: []):
        return Engine(plugins()).run(lambda: runpy.run_path(str(PROGRAM)), config)


def test_the_cluster_of_another_project_is_the_same_cluster(orders: Engine) -> None:
    assert orders.outputs == {"bootstrap_servers": "172.25.254.131:9092,172.25.254.132:9092,172.25.254.133:9092"}
    topics = orders.one("topics", f"{PROJECT}:index:KafkaTopics").inputs["topics"]
    assert set(topics) == {"orders", "payments"}
    assert "kafka-running" in orders.ancestors(orders.one("kafka-topics"))
